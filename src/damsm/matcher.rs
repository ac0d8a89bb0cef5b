//! DAMSM as a part of a model: how well a picture and a text match, and where in the picture each word is found.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{Damsm, DamsmConfig, ImageFeatures};
use crate::encoder::InferenceEncoder;
use crate::readback::read;
use crate::stem::TextFeatures;
use crate::{Error, Result};

/// The sizes of a [`Matcher`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatcherConfig {
    /// The heads'.
    pub damsm: DamsmConfig,
    /// Stride, in pixels, of the encoder's stage that regions are of.
    pub region_stride: usize,
    /// Height and width, in pixels, that pictures are brought to for the encoder.
    pub image_size: usize,
}

impl MatcherConfig {
    /// A matcher with fresh weights.
    pub fn init(&self, device: &Device) -> Matcher {
        Matcher::new(self.damsm.init(device), self)
    }
}

/// DAMSM's image heads, for an encoder that somebody else has: STREAM's.
#[derive(Module, Debug)]
pub struct Matcher {
    damsm: Damsm,
    region_stride: usize,
    image_size: usize,
}

/// How a picture and a text match, off the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// Cosine of picture and sentence, by which R-precision ranks.
    pub sentence: f32,
    /// Cosine of each word and what it looks at.
    pub words: Vec<f32>,
    /// Where each word looks: word after word, row after row; the sum over a word's regions is 1.
    pub places: Vec<f32>,
}

impl Matcher {
    /// Trained heads as a matcher.
    pub fn new(damsm: Damsm, config: &MatcherConfig) -> Self {
        Self { damsm, region_stride: config.region_stride, image_size: config.image_size }
    }

    /// Pictures in the space of words and sentences, as `encoder` sees them.
    ///
    /// # Errors
    /// [`Error::BadModel`] when the encoder has no stage of this stride, or one of other channels; [`Error::Device`].
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    pub fn look(&self, encoder: &InferenceEncoder, images: Tensor<4>) -> Result<ImageFeatures> {
        let seen = encoder.forward(images, self.image_size)?;
        let Some(regions) = seen.at_stride(self.region_stride) else {
            let message = format!("matcher.region_stride is {}: {} has no such stage", self.region_stride, encoder.kind());
            return Err(Error::bad_model("config.json", message));
        };
        let (found, expected) = (regions.dims()[1], self.damsm.region_channels());
        if found != expected {
            let message =
                format!("matcher.damsm.region_channels is {expected}; {} has {found} at stride {}", encoder.kind(), self.region_stride);
            return Err(Error::bad_model("config.json", message));
        }
        Ok(self.damsm.forward(regions, seen.pooled))
    }

    /// How a picture matches a text, as [`attention`](super::attention) has it (AttnGAN, eq. 7 to 10) for one of each without padding.
    ///
    /// # Errors
    /// [`Error::Device`].
    ///
    /// # Shapes
    /// - image: of one picture; text: of one caption
    pub async fn compare(&self, image: ImageFeatures, text: TextFeatures) -> Result<Matching> {
        let [gamma1, ..] = self.damsm.gammas;
        let (code, sentence) = (read(image.code).await?, read(text.sentence).await?);
        // Value by value; a region and a word have one in each row of places, and of words.
        let (regions, words) = (read(image.regions).await?, read(text.words).await?);
        let depth = code.len().max(1);
        let (places, count) = (regions.len() / depth, words.len() / depth);
        let column =
            |values: &[f32], width: usize, at: usize| -> Vec<f32> { values.iter().skip(at).step_by(width.max(1)).copied().collect() };
        let words: Vec<Vec<f32>> = (0..count).map(|word| column(&words, count, word)).collect();
        let regions: Vec<Vec<f32>> = (0..places).map(|place| column(&regions, places, place)).collect();
        let mut shares: Vec<Vec<f32>> = vec![Vec::with_capacity(places); count];
        for region in &regions {
            let mut scores: Vec<f32> = words.iter().map(|word| dot(word, region)).collect();
            softmax(&mut scores, 1.0);
            shares.iter_mut().zip(scores).for_each(|(share, score)| share.push(score));
        }
        let mut matching = Matching { sentence: cosine(&code, &sentence), words: Vec::with_capacity(count), places: Vec::new() };
        for (word, mut share) in words.iter().zip(shares) {
            softmax(&mut share, gamma1 as f32);
            let mut context = vec![0.0; depth];
            for (region, share) in regions.iter().zip(&share) {
                context.iter_mut().zip(region).for_each(|(sum, value)| *sum += share * value);
            }
            matching.words.push(cosine(&context, word));
            matching.places.extend(share);
        }
        Ok(matching)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f32::MIN_POSITIVE)
}

/// softmax(sharpness · values).
fn softmax(values: &mut [f32], sharpness: f32) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    values.iter_mut().for_each(|value| *value = (sharpness * (*value - largest)).exp());
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|value| *value /= sum);
}

#[cfg(all(test, feature = "lab"))]
mod tests {
    use super::*;
    use crate::damsm::{attention, cosine_similarities};
    use crate::nn::init::initialize;
    use crate::readback::read_now;
    use burn::tensor::TensorData;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn wave<const D: usize>(shape: [usize; D], step: usize) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| (i * step % 101) as f32 / 50.0 - 1.0).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    #[test]
    fn it_is_what_training_computes() {
        let config = MatcherConfig { damsm: DamsmConfig { features: 6, ..DamsmConfig::default() }, region_stride: 16, image_size: 64 };
        let matcher = initialize(config.init(&Device::flex()), &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let image = ImageFeatures { regions: wave([1, 6, 2, 3], 37), code: wave([1, 6], 29) };
        let text = TextFeatures { words: wave([1, 6, 4], 53), sentence: wave([1, 6], 17), mask: Tensor::ones([1, 4], &Device::flex()) };
        let expected = attention(text.words.clone(), text.mask.clone(), image.regions.clone(), config.damsm.gamma1);
        let [sentence] = read_now(cosine_similarities(image.code.clone(), text.sentence.clone())).unwrap()[..] else { panic!() };
        let (context, words) = (read_now(expected.context).unwrap(), read_now(text.words.clone()).unwrap());
        let found = crate::pipeline::block_on(matcher.compare(image, text)).unwrap();
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        close(found.sentence, sentence);
        for word in 0..4 {
            let of = |values: &[f32]| -> Vec<f32> { (0..6).map(|i| values[4 * i + word]).collect() };
            close(found.words[word], cosine(&of(&context), &of(&words)));
        }
        for (found, expected) in found.places.iter().zip(read_now(expected.weights).unwrap()) {
            close(*found, expected);
        }
    }
}
