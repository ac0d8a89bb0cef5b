//! The one way to describe: STREAM laid out for its device, as [`Drawer`](crate::pipeline::Drawer) is the one way to draw.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::caption::{Caption, Stream};
use super::search::{BurnWords, NextWord, sample, search};
use super::{CaptionIds, CaptionOptions, CpuDecoder, StreamDecoder};
use crate::Result;
use crate::encoder::InferenceEncoder;
use crate::nn::cpu::Set;
use crate::text::Vocabulary;

/// STREAM, ready to describe pictures where its weights are.
#[derive(Debug)]
pub struct Describer {
    encoder: InferenceEncoder,
    decoder: Decoder,
    device: Device,
    image_size: usize,
    max_words: usize,
    parameters: usize,
}

#[derive(Debug)]
enum Decoder {
    /// Through burn's kernels.
    Burn(Box<StreamDecoder>),
    /// Through the processor's own.
    Cpu(Box<CpuDecoder>),
}

impl Describer {
    /// Lays out `stream`, whose weights are on `device` and do not train. On the CPU this costs some milliseconds, and the weights are
    /// not kept twice.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the weights cannot be read: burn would say the same, many times slower.
    pub fn new(stream: Stream, device: &Device) -> Result<Self> {
        let (parameters, [image_size, max_words]) = (stream.num_params(), stream.limits());
        let decoder = if *device == Device::flex() {
            Decoder::Cpu(Box::new(CpuDecoder::new(Set::best(), &stream.decoder)?))
        } else {
            Decoder::Burn(Box::new(stream.decoder))
        };
        let encoder = InferenceEncoder::new(stream.encoder, device)?;
        Ok(Self { encoder, decoder, device: device.clone(), image_size, max_words, parameters })
    }

    /// One that describes through burn wherever it is, as on a GPU.
    #[cfg(test)]
    pub(crate) fn through_burn(stream: Stream, device: &Device) -> Self {
        let (parameters, [image_size, max_words]) = (stream.num_params(), stream.limits());
        let (encoder, decoder) = (InferenceEncoder::Burn(Box::new(stream.encoder)), Decoder::Burn(Box::new(stream.decoder)));
        Self { encoder, decoder, device: device.clone(), image_size, max_words, parameters }
    }

    /// The image encoder, which DAMSM's image head sees through, too.
    pub fn encoder(&self) -> &InferenceEncoder {
        &self.encoder
    }

    /// Values that were learned, running statistics included.
    pub fn num_params(&self) -> usize {
        self.parameters
    }

    /// The features that descriptions are made from, picture after picture.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device).
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    pub async fn features(&self, images: Tensor<4>) -> Result<Vec<f32>> {
        self.encoder.pooled(images, self.image_size).await
    }

    /// The words for pictures whose [`Describer::features`] are given, greedily.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device).
    pub async fn words(&self, features: Vec<f32>) -> Result<Vec<CaptionIds>> {
        match &self.decoder {
            Decoder::Cpu(decoder) => Ok(decoder.caption(&features, self.max_words)),
            Decoder::Burn(decoder) => decoder.caption(self.to_tensor(features), self.max_words).await,
        }
    }

    /// Describes pictures in words.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device).
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    pub async fn caption(&self, images: Tensor<4>, vocabulary: &Vocabulary) -> Result<Vec<Caption>> {
        let captions = match &self.decoder {
            Decoder::Cpu(decoder) => decoder.caption(&self.features(images).await?, self.max_words),
            Decoder::Burn(decoder) => decoder.caption(self.pooled(images)?, self.max_words).await?,
        };
        Ok(captions.into_iter().map(|caption| Caption::new(caption, vocabulary)).collect())
    }

    /// Describes one picture in several sentences, the likeliest first; `between` is called before each word of theirs.
    ///
    /// # Errors
    /// [`Error::BadInput`](crate::Error::BadInput) for options out of range; [`Error::Device`](crate::Error::Device); those of `between`.
    ///
    /// # Shapes
    /// - image: (1, 3, h, w), RGB in [−1, 1]
    pub async fn captions(
        &self,
        image: Tensor<4>,
        vocabulary: &Vocabulary,
        options: &CaptionOptions,
        between: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Vec<Caption>> {
        options.check()?;
        match &self.decoder {
            Decoder::Cpu(decoder) => self.sentences(&decoder.words(&self.features(image).await?), vocabulary, options, between).await,
            Decoder::Burn(decoder) => {
                let words = BurnWords { decoder, image: decoder.embed_image(self.pooled(image)?) };
                self.sentences(&words, vocabulary, options, between).await
            }
        }
    }

    async fn sentences(
        &self,
        words: &impl NextWord,
        vocabulary: &Vocabulary,
        options: &CaptionOptions,
        between: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Vec<Caption>> {
        let captions = match options.sample {
            None => search(words, options.count, self.max_words, between).await?,
            Some(seed) => sample(words, options.count, self.max_words, seed, between).await?,
        };
        Ok(captions.into_iter().map(|caption| Caption::new(caption, vocabulary)).collect())
    }

    /// The features of pictures on the device, (batch, image_features).
    fn pooled(&self, images: Tensor<4>) -> Result<Tensor<2>> {
        Ok(self.encoder.forward(images, self.image_size)?.pooled)
    }

    /// Features, (batch, image_features).
    fn to_tensor(&self, features: Vec<f32>) -> Tensor<2> {
        let width = self.encoder.features().max(1);
        let batch = features.len() / width;
        Tensor::from_data(TensorData::new(features, [batch, width]), &self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::block_on;
    use std::path::Path;

    /// A picture that no two places of are alike.
    fn picture(size: usize, seed: usize) -> Tensor<4> {
        let value = |i: usize| ((i % size + seed * 7) as f32 / 9.0).sin() * ((i / size + seed) as f32 / (11.0 + seed as f32)).cos();
        let values: Vec<f32> = (0..3 * size * size).map(value).collect();
        Tensor::from_data(TensorData::new(values, [1, 3, size, size]), &Device::flex())
    }

    /// Where the shipped models are; the crate as it is packed has none.
    fn shipped() -> Vec<std::path::PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("config.json").exists()).collect()
    }

    #[test]
    fn shipped_models_say_what_they_said_through_burn() {
        let device = Device::flex();
        for folder in shipped() {
            let model = crate::model::read_folder(&folder, &device).unwrap();
            let (Some(stream), vocabulary) = (model.stream, &model.vocabulary) else { continue };
            let burn = Describer::through_burn(stream.clone(), &device);
            let cpu = Describer::new(stream, &device).unwrap();
            assert_eq!(cpu.num_params(), burn.num_params());
            for seed in 0..3 {
                let image = picture([256, 64, 97][seed], seed);
                let describe = |describer: &Describer| {
                    let mut captions = block_on(describer.caption(image.clone(), vocabulary)).unwrap();
                    for sample in [None, Some(5)] {
                        let options = CaptionOptions { count: 3, sample };
                        captions.extend(block_on(describer.captions(image.clone(), vocabulary, &options, async || Ok(()))).unwrap());
                    }
                    captions
                };
                let (found, expected) = (describe(&cpu), describe(&burn));
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(&expected) {
                    assert_eq!(found.text, expected.text);
                    assert!((found.log_probability - expected.log_probability).abs() < 1e-4, "{found:?} {expected:?}");
                }
            }
        }
    }
}
