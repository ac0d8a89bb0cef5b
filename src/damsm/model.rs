//! The image side: two projections of a frozen classifier's features into the space of words and sentences.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::losses::{cosine_similarities, same_class, sentence_loss, words_loss};
use crate::nn::{conv1x1, convolve};
use crate::stem::TextFeatures;

/// The sizes and temperatures of a [`Damsm`]; the defaults are the published ones on EfficientNet-Lite0 (the published classifier
/// is Inception-v3, with regions of 768 channels and codes of 2048).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DamsmConfig {
    /// D, the values of words and sentences.
    pub features: usize,
    /// Channels of the classifier's stage that regions are taken from.
    pub region_channels: usize,
    /// Values of the classifier's pooled features.
    pub code_channels: usize,
    /// γ1, how sharply a word looks at regions.
    pub gamma1: f64,
    /// γ2, how much the best matching words count.
    pub gamma2: f64,
    /// γ3, how sharply partners are told from others.
    pub gamma3: f64,
}

impl Default for DamsmConfig {
    fn default() -> Self {
        Self { features: 256, region_channels: 112, code_channels: 1280, gamma1: 4.0, gamma2: 5.0, gamma3: 10.0 }
    }
}

impl DamsmConfig {
    /// The module with fresh weights.
    pub fn init(&self, device: &Device) -> Damsm {
        Damsm {
            regions: conv1x1(self.region_channels, self.features, device),
            code: LinearConfig::new(self.code_channels, self.features).init(device),
            gammas: [self.gamma1, self.gamma2, self.gamma3],
        }
    }
}

/// A picture in the space of words and sentences.
#[derive(Debug, Clone)]
pub struct ImageFeatures {
    /// v, comparable with words: (batch, D, h, w).
    pub regions: Tensor<4>,
    /// v̄, comparable with sentences: (batch, D).
    pub code: Tensor<2>,
}

/// The four terms, each (1).
#[derive(Debug, Clone)]
pub struct DamsmLoss {
    /// L_1^w and L_2^w: which caption a picture has, and which picture a caption, by words.
    pub words: [Tensor<1>; 2],
    /// L_1^s and L_2^s: the same by sentences.
    pub sentence: [Tensor<1>; 2],
}

impl DamsmLoss {
    /// L_DAMSM, the sum of the four (AttnGAN, eq. 13).
    pub fn total(self) -> Tensor<1> {
        let [words1, words2] = self.words;
        let [sentence1, sentence2] = self.sentence;
        words1 + words2 + sentence1 + sentence2
    }
}

/// The image projections of DAMSM and its losses.
///
/// Trained together with a [`TextEncoder`](crate::stem::TextEncoder) it gives STEM; later the cosines of
/// [`Damsm::similarities`] rank captions for R-precision.
#[derive(Module, Debug)]
pub struct Damsm {
    regions: Conv2d,
    code: Linear,
    gammas: [f64; 3],
}

impl Damsm {
    /// Projects a frozen classifier's features.
    ///
    /// # Shapes
    /// - stage: (batch, region_channels, h, w); pooled: (batch, code_channels)
    pub fn forward(&self, stage: Tensor<4>, pooled: Tensor<2>) -> ImageFeatures {
        ImageFeatures { regions: convolve(&self.regions, stage), code: self.encode(pooled) }
    }

    /// Values of the pooled features that it was made for.
    pub fn code_channels(&self) -> usize {
        self.code.weight.lazy_shape()[0]
    }

    /// v̄ alone, for comparing whole pictures with sentences: (batch, D).
    pub fn encode(&self, pooled: Tensor<2>) -> Tensor<2> {
        self.code.forward(pooled)
    }

    /// The losses of a batch of pairs. `classes` has a number a pair; pairs of one class are no wrong answers for each other. Give
    /// every pair its own number where there are no classes.
    pub fn loss(&self, image: &ImageFeatures, text: &TextFeatures, classes: &[usize]) -> DamsmLoss {
        let excluded = same_class(classes, &text.sentence.device());
        let regions = image.regions.clone();
        DamsmLoss {
            words: words_loss(text.words.clone(), text.mask.clone(), regions, Some(excluded.clone()), self.gammas),
            sentence: sentence_loss(text.sentence.clone(), image.code.clone(), Some(excluded), self.gammas[2]),
        }
    }

    /// The cosine of every picture with every sentence (R-precision, AttnGAN, section 4).
    ///
    /// # Shapes
    /// - pooled: (pictures, code_channels); sentences: (sentences, D)
    /// - output: (pictures, sentences)
    pub fn similarities(&self, pooled: Tensor<2>, sentences: Tensor<2>) -> Tensor<2> {
        cosine_similarities(self.encode(pooled), sentences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::init::initialize;
    use crate::stem::{TextBatch, TextEncoderConfig};
    use burn::optim::{AdamConfig, GradientsParams};
    use burn::tensor::TensorData;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Four pictures and four captions that can be told apart learn to find each other.
    #[test]
    fn training_matches_pictures_with_captions() {
        let device = Device::flex().autodiff();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let text_config = TextEncoderConfig { vocabulary: 9, embedding: 8, features: 8, max_words: 3 };
        let config = DamsmConfig { features: 8, region_channels: 6, code_channels: 10, ..Default::default() };
        let mut encoder = initialize(text_config.init(&device), &mut rng).unwrap();
        let mut damsm = initialize(config.init(&device), &mut rng).unwrap();
        let mut noise = |shape: &[usize]| {
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
            TensorData::new(values, shape)
        };
        let stage = Tensor::<4>::from_data(noise(&[4, 6, 2, 2]), &device);
        let pooled = Tensor::<2>::from_data(noise(&[4, 10]), &device);
        let text = TextBatch::new(&[vec![1, 2], vec![3, 4, 5], vec![6], vec![7, 8]], &device);
        let (mut of_text, mut of_image) = (AdamConfig::new().init(), AdamConfig::new().init());
        let mut losses = Vec::new();
        for _ in 0..40 {
            let loss = damsm.loss(&damsm.forward(stage.clone(), pooled.clone()), &encoder.forward(&text), &[0, 1, 2, 3]).total();
            losses.push(loss.clone().into_scalar::<f32>());
            let mut grads = loss.backward();
            let text_grads = GradientsParams::from_module(&mut grads, &encoder);
            let image_grads = GradientsParams::from_module(&mut grads, &damsm);
            encoder = of_text.step(0.02, encoder, text_grads);
            damsm = of_image.step(0.02, damsm, image_grads);
        }
        assert!(losses[39] < 0.5 * losses[0], "{losses:?}");
        let cosines: Vec<f32> = damsm.similarities(pooled, encoder.forward(&text).sentence).into_data().try_to_vec().unwrap();
        for (picture, row) in cosines.chunks(4).enumerate() {
            assert!(row.iter().all(|cosine| *cosine <= row[picture]), "{cosines:?}");
        }
    }
}
