//! The image side: two projections of a frozen classifier's features into the space of words and sentences.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::nn::{conv1x1, convolve};

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

/// The image projections of DAMSM.
///
/// Trained together with a [`TextEncoder`](crate::stem::TextEncoder) it gives STEM; later the cosines of
/// [`Damsm::similarities`] rank captions for R-precision.
#[derive(Module, Debug)]
pub struct Damsm {
    regions: Conv2d,
    code: Linear,
    pub(super) gammas: [f64; 3],
}

impl Damsm {
    /// Projects a frozen classifier's features.
    ///
    /// # Shapes
    /// - stage: (batch, region_channels, h, w); pooled: (batch, code_channels)
    pub fn forward(&self, stage: Tensor<4>, pooled: Tensor<2>) -> ImageFeatures {
        ImageFeatures { regions: convolve(&self.regions, stage), code: self.encode(pooled) }
    }

    /// Channels of the regions that it was made for.
    pub(super) fn region_channels(&self) -> usize {
        self.regions.weight.lazy_shape()[1]
    }

    /// Values of the pooled features that it was made for.
    pub fn code_channels(&self) -> usize {
        self.code.weight.lazy_shape()[0]
    }

    /// v̄ alone, for comparing whole pictures with sentences: (batch, D).
    pub fn encode(&self, pooled: Tensor<2>) -> Tensor<2> {
        self.code.forward(pooled)
    }
}
