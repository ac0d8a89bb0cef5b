//! An image encoder that describes and matches pictures: laid out for its device.

use burn::tensor::{Device, Tensor};

use super::{CpuEncoder, EncoderFeatures, EncoderKind, ImageEncoder};
use crate::Result;
use crate::nn::cpu::Set;
use crate::readback::read;

/// An image encoder that is ready to look at pictures where its weights are. It has no gradients: training looks through [`ImageEncoder`].
#[derive(Debug)]
pub enum InferenceEncoder {
    /// Through burn's kernels: on a GPU, and natively the networks that [`crate::nn::cpu`] has no kernels for (ResNet, Inception-v3).
    Burn(Box<ImageEncoder>),
    /// Through the processor's own.
    Cpu(Box<CpuEncoder>),
}

impl InferenceEncoder {
    /// Lays out `encoder`, whose weights are on `device`, where that is the CPU; they are not kept twice then.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the weights cannot be read: burn would see the same, many times slower.
    pub fn new(encoder: ImageEncoder, device: &Device) -> Result<Self> {
        match &encoder {
            ImageEncoder::EfficientNetLite(network) if *device == Device::flex() => {
                Ok(Self::Cpu(Box::new(CpuEncoder::new(Set::best(), network)?)))
            }
            _ => Ok(Self::Burn(Box::new(encoder))),
        }
    }

    /// What the network sees in pictures, as [`ImageEncoder::forward`].
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device).
    pub fn forward(&self, images: Tensor<4>, size: usize) -> Result<EncoderFeatures> {
        match self {
            Self::Burn(encoder) => Ok(encoder.forward(images, size)),
            Self::Cpu(encoder) => encoder.forward(images, size),
        }
    }

    /// The pooled features of pictures off the device, picture after picture.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device).
    pub async fn pooled(&self, images: Tensor<4>, size: usize) -> Result<Vec<f32>> {
        match self {
            Self::Burn(encoder) => read(encoder.forward(images, size).pooled).await,
            Self::Cpu(encoder) => encoder.pooled(images, size),
        }
    }

    /// Which network it is.
    pub fn kind(&self) -> EncoderKind {
        match self {
            Self::Burn(encoder) => encoder.kind(),
            Self::Cpu(encoder) => EncoderKind::of_lite(encoder.lite()),
        }
    }

    /// Values of the pooled features.
    pub fn features(&self) -> usize {
        match self {
            Self::Burn(encoder) => encoder.features(),
            Self::Cpu(encoder) => encoder.features(),
        }
    }
}
