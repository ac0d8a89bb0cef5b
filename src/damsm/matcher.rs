//! DAMSM as a part of a model: how well a picture and a text match, and where in the picture each word is found.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{Attended, Damsm, DamsmConfig, ImageFeatures, attention, cosine_similarities, word_cosines};
use crate::encoder::ImageEncoder;
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

/// How pictures and their texts match.
#[derive(Debug, Clone)]
pub struct Matching {
    /// Cosine of picture and sentence, (batch), by which R-precision ranks.
    pub sentence: Tensor<1>,
    /// Cosine of each word and what it looks at, (batch, words).
    pub words: Tensor<2>,
    /// Where each word looks, (batch, words, h, w); its sum over a word's regions is 1.
    pub places: Tensor<4>,
}

impl Matcher {
    /// Trained heads as a matcher.
    pub fn new(damsm: Damsm, config: &MatcherConfig) -> Self {
        Self { damsm, region_stride: config.region_stride, image_size: config.image_size }
    }

    /// Pictures in the space of words and sentences, as `encoder` sees them.
    ///
    /// # Errors
    /// [`Error::BadModel`] when the encoder has no stage of this stride, or one of other channels.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    pub fn look(&self, encoder: &ImageEncoder, images: Tensor<4>) -> Result<ImageFeatures> {
        let seen = encoder.forward(images, self.image_size);
        let Some(regions) = seen.at_stride(self.region_stride) else {
            let message = format!("matcher.region_stride is {}: {} has no such stage", self.region_stride, encoder.kind());
            return Err(Error::bad_model("config.json", message));
        };
        let (found, expected) = (regions.dims()[1], self.damsm.region_channels());
        if found != expected {
            let message = format!("matcher.damsm.region_channels is {expected}; {} has {found} at stride {}", encoder.kind(), self.region_stride);
            return Err(Error::bad_model("config.json", message));
        }
        Ok(self.damsm.forward(regions, seen.pooled))
    }

    /// How each picture of a batch matches its own text.
    pub fn compare(&self, image: &ImageFeatures, text: &TextFeatures) -> Matching {
        let [gamma1, ..] = self.damsm.gammas;
        let Attended { context, weights } = attention(text.words.clone(), text.mask.clone(), image.regions.clone(), gamma1);
        let [batch, _] = image.code.dims();
        // Of all pairs, the pictures with their own texts.
        let own = Tensor::<2>::eye(batch, &image.code.device());
        let sentence = (cosine_similarities(image.code.clone(), text.sentence.clone()) * own).sum_dim(1).squeeze_dim::<1>(1);
        Matching { sentence, words: word_cosines(context, text.words.clone()), places: weights }
    }
}
