//! Pictures beside their features: what discriminators, STREAM and DAMSM take.

use burn::tensor::{DType, Tensor};

/// Pictures and what the frozen image encoder makes of them.
#[derive(Debug, Clone)]
pub struct EncodedImages {
    /// (batch, 3, size, size), [−1, 1].
    pub images: Tensor<4>,
    /// EfficientNet-Lite0's features of them.
    pub features: ImageFeatures,
}

/// EfficientNet-Lite0's features of pictures; empty where no network needs them.
#[derive(Debug, Clone, Default)]
pub struct ImageFeatures {
    /// At strides 4, 8, 16 and 32.
    pub stages: Vec<Tensor<4>>,
    /// The pooled ones, (batch, 1280).
    pub pooled: Option<Tensor<2>>,
}

impl EncodedImages {
    /// Pictures alone, for networks that need no features.
    pub fn of_images(images: Tensor<4>) -> Self {
        Self { images, features: ImageFeatures::default() }
    }

    /// Other pictures with these features, for a discriminator that takes pictures alone.
    pub fn with_images(&self, images: Tensor<4>) -> Self {
        Self { images, features: self.features.clone() }
    }

    /// The same in another type, for networks that compute in it.
    pub fn cast(&self, dtype: DType) -> Self {
        let features = &self.features;
        Self {
            images: self.images.clone().cast(dtype),
            features: ImageFeatures {
                stages: features.stages.iter().map(|stage| stage.clone().cast(dtype)).collect(),
                pooled: features.pooled.clone().map(|pooled| pooled.cast(dtype)),
            },
        }
    }

    /// The same, out of reach of gradients.
    pub fn detach(&self) -> Self {
        let features = &self.features;
        Self {
            images: self.images.clone().detach(),
            features: ImageFeatures {
                stages: features.stages.iter().cloned().map(Tensor::detach).collect(),
                pooled: features.pooled.clone().map(Tensor::detach),
            },
        }
    }
}
