//! D_0, D_1 and D_2 as published: strided convolutions down to 4 × 4 and two heads, one that looks at the picture alone and one
//! that looks at the picture beside its sentence (paper, section 3.4; the layers are the public code's).

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::nn::{BatchNorm, BatchNormConfig, conv3x3};

/// Slope of the leaky ReLU below zero.
const SLOPE: f64 = 0.2;

/// Height and width of the features.
const BASE_SIZE: usize = 4;

/// The sizes of a [`Discriminator`]; the defaults are the published ones for CUB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscriminatorConfig {
    /// DF_DIM, the channels of the first convolution.
    pub df_dim: usize,
    /// D, the values of a sentence.
    pub features: usize,
    /// Height and width of the pictures: 64 · 2^k.
    pub size: usize,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        Self { df_dim: 64, features: 256, size: 64 }
    }
}

impl DiscriminatorConfig {
    /// The discriminator with fresh weights.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a size that is not 64, 128, 256, …
    pub fn init(&self, device: &Device) -> Result<Discriminator> {
        if self.size < 64 || !self.size.is_power_of_two() {
            return Err(Error::BadInput(format!(
                "a discriminator of pictures of {0} × {0} pixels: the size must be 64, 128 or 256",
                self.size
            )));
        }
        let df = self.df_dim;
        let halvings = (self.size / BASE_SIZE).ilog2() as usize;
        let down = (0..halvings)
            .map(|i| match i {
                0 => ConvBlock::first(3, df, device),
                _ => ConvBlock::down(df << (i - 1), df << i, device),
            })
            .collect();
        // From the channels of the last halving back to those of the fourth.
        let narrow = (4..halvings).rev().map(|i| ConvBlock::same(df << i, df << (i - 1), device)).collect();
        let channels = 8 * df;
        Ok(Discriminator {
            down,
            narrow,
            unconditional: logit(channels, device),
            joint: ConvBlock::same(channels + self.features, channels, device),
            conditional: logit(channels, device),
        })
    }
}

/// A convolution over all of the 4 × 4 features, with bias.
fn logit(channels: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([channels, 1], [BASE_SIZE; 2]).with_stride([BASE_SIZE; 2]).init(device)
}

/// Convolution, batch norm (not in the first block), leaky ReLU.
#[derive(Module, Debug)]
struct ConvBlock {
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

impl ConvBlock {
    /// Halves height and width, without batch norm.
    fn first(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        let conv = Conv2dConfig::new([channels_in, channels_out], [4, 4])
            .with_stride([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .init(device);
        Self { conv, norm: None }
    }

    /// Halves height and width.
    fn down(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        let norm = Some(BatchNormConfig::new(channels_out).init(device));
        Self { norm, ..Self::first(channels_in, channels_out, device) }
    }

    /// Keeps height and width.
    fn same(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        let norm = Some(BatchNormConfig::new(channels_out).init(device));
        Self { conv: conv3x3(channels_in, channels_out, device), norm }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let hidden = self.conv.forward(input);
        let hidden = match &self.norm {
            Some(norm) => norm.forward(hidden),
            None => hidden,
        };
        activation::leaky_relu(hidden, SLOPE)
    }
}

/// One published discriminator.
///
/// Both heads give logits; the published probability is their sigmoid, which the losses of
/// [`adversarial`](crate::loss::adversarial) take in the form that cannot overflow.
#[derive(Module, Debug)]
pub struct Discriminator {
    down: Vec<ConvBlock>,
    narrow: Vec<ConvBlock>,
    unconditional: Conv2d,
    joint: ConvBlock,
    conditional: Conv2d,
}

impl Discriminator {
    /// What both heads look at.
    ///
    /// # Shapes
    /// - images: (batch, 3, size, size), RGB in [−1, 1]
    /// - output: (batch, 8 · df_dim, 4, 4)
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        self.down.iter().chain(&self.narrow).fold(images, |hidden, block| block.forward(hidden))
    }

    /// How real the pictures are, whatever their captions: logits, (batch).
    pub fn unconditional(&self, features: Tensor<4>) -> Tensor<1> {
        flat(self.unconditional.forward(features))
    }

    /// How real the pictures are and how well they fit their sentences: logits, (batch).
    ///
    /// # Shapes
    /// - features: (batch, 8 · df_dim, 4, 4); sentence: (batch, D)
    pub fn conditional(&self, features: Tensor<4>, sentence: Tensor<2>) -> Tensor<1> {
        let [batch, _, height, width] = features.dims();
        let count = sentence.dims()[1];
        let sentence = sentence.reshape([batch, count, 1, 1]).expand([batch, count, height, width]);
        flat(self.conditional.forward(self.joint.forward(Tensor::cat(vec![features, sentence], 1))))
    }
}

/// (batch, 1, 1, 1) to (batch).
fn flat(logits: Tensor<4>) -> Tensor<1> {
    let batch = logits.dims()[0];
    logits.reshape([batch])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_sizes_have_the_published_numbers_of_parameters() {
        let device = Device::flex();
        for (size, expected) in [(64, 6_313_730), (128, 19_424_002), (256, 71_858_946)] {
            let discriminator = DiscriminatorConfig { size, ..Default::default() }.init(&device).unwrap();
            let found = discriminator.num_params() - crate::nn::running_statistics(&discriminator);
            assert_eq!(found, expected, "{size} px");
        }
    }

    #[test]
    fn a_size_that_does_not_halve_down_to_four_is_refused() {
        for size in [0, 32, 96] {
            let config = DiscriminatorConfig { size, ..Default::default() };
            assert!(matches!(config.init(&Device::flex()), Err(Error::BadInput(_))), "{size} px");
        }
    }
}
