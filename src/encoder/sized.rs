//! A frozen encoder at a size: what everything that looks at pictures through one is given.

use burn::tensor::Tensor;

use super::{EncoderFeatures, EncoderKind, ImageEncoder};

/// A frozen image encoder, and the height and width of the pictures that it sees.
#[derive(Debug, Clone)]
pub struct SizedEncoder {
    /// The network.
    pub network: ImageEncoder,
    /// Pixels.
    pub size: usize,
}

impl SizedEncoder {
    /// `network` for pictures of `size` × `size` pixels.
    pub fn new(network: ImageEncoder, size: usize) -> Self {
        Self { network, size }
    }

    /// Which network it is.
    pub fn kind(&self) -> EncoderKind {
        self.network.kind()
    }

    /// What the network sees in pictures, which are brought to its size and range.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    pub fn forward(&self, images: Tensor<4>) -> EncoderFeatures {
        self.network.forward(images, self.size)
    }
}
