//! D_0, D_1 and D_2 as published: strided convolutions down to 4 × 4 and two heads, one that looks at the picture alone and one
//! that looks at the picture beside its sentence (paper, section 3.4; the layers are the public code's).

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{DType, Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::nn::ops::leaky_relu;
use crate::nn::{self, BatchNorm, BatchNormConfig, SpectralConv2d, conv3x3};

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
    /// Spectral norm in every convolution in place of batch norms (Miyato et al., ICLR 2018), which is not published for MirrorGAN.
    pub spectral: bool,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        Self { df_dim: 64, features: 256, size: 64, spectral: false }
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
                0 => self.down(3, df, device).without_norm(),
                _ => self.down(df << (i - 1), df << i, device),
            })
            .collect();
        // From the channels of the last halving back to those of the fourth.
        let narrow = (4..halvings).rev().map(|i| self.same(df << i, df << (i - 1), device)).collect();
        let channels = 8 * df;
        let (unconditional, spectral_unconditional) = self.logit(channels, device);
        let (conditional, spectral_conditional) = self.logit(channels, device);
        let joint = self.same(channels + self.features, channels, device);
        Ok(Discriminator { down, narrow, unconditional, joint, conditional, spectral_unconditional, spectral_conditional })
    }

    /// Halves height and width.
    fn down(&self, channels_in: usize, channels_out: usize, device: &Device) -> ConvBlock {
        let norm = (!self.spectral).then(|| BatchNormConfig::new(channels_out).init(device));
        let plain = || {
            Conv2dConfig::new([channels_in, channels_out], [4, 4])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .with_bias(false)
                .init(device)
        };
        let (conv, spectral) = self.conv([channels_in, channels_out], [4, 2, 1], plain, device);
        ConvBlock { conv, spectral, norm }
    }

    /// Keeps height and width.
    fn same(&self, channels_in: usize, channels_out: usize, device: &Device) -> ConvBlock {
        let norm = (!self.spectral).then(|| BatchNormConfig::new(channels_out).init(device));
        let (conv, spectral) = self.conv([channels_in, channels_out], [3, 1, 1], || conv3x3(channels_in, channels_out, device), device);
        ConvBlock { conv, spectral, norm }
    }

    /// A convolution over all of the 4 × 4 features, with bias.
    fn logit(&self, channels: usize, device: &Device) -> Convolution {
        let plain = || Conv2dConfig::new([channels, 1], [BASE_SIZE; 2]).with_stride([BASE_SIZE; 2]).init(device);
        self.conv([channels, 1], [BASE_SIZE, BASE_SIZE, 0], plain, device)
    }

    /// The plain convolution, or a spectrally normalised one of the same sizes. Its first vectors are the same in every network;
    /// its weights are re-drawn like all others.
    fn conv(
        &self,
        channels: [usize; 2],
        [kernel, stride, padding]: [usize; 3],
        plain: impl FnOnce() -> Conv2d,
        device: &Device,
    ) -> Convolution {
        if self.spectral {
            let mut rng = ChaCha8Rng::seed_from_u64(channels[1] as u64);
            (None, Some(SpectralConv2d::new(channels, kernel, stride, padding, device, &mut rng)))
        } else {
            (Some(plain()), None)
        }
    }
}

/// A plain convolution or a spectrally normalised one. It is no enum, whose variant would be part of the weights' names.
type Convolution = (Option<Conv2d>, Option<SpectralConv2d>);

fn convolve(plain: &Option<Conv2d>, spectral: &Option<SpectralConv2d>, input: Tensor<4>) -> Tensor<4> {
    let output = match plain {
        Some(conv) => nn::convolve(conv, input),
        None => input,
    };
    match spectral {
        Some(conv) => conv.forward(output),
        None => output,
    }
}

/// Convolution, batch norm (not in the first block), leaky ReLU.
#[derive(Module, Debug)]
struct ConvBlock {
    conv: Option<Conv2d>,
    spectral: Option<SpectralConv2d>,
    norm: Option<BatchNorm>,
}

impl ConvBlock {
    fn without_norm(self) -> Self {
        Self { norm: None, ..self }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let hidden = convolve(&self.conv, &self.spectral, input);
        let hidden = match &self.norm {
            Some(norm) => norm.forward(hidden),
            None => hidden,
        };
        leaky_relu(hidden, SLOPE)
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
    unconditional: Option<Conv2d>,
    joint: ConvBlock,
    conditional: Option<Conv2d>,
    spectral_unconditional: Option<SpectralConv2d>,
    spectral_conditional: Option<SpectralConv2d>,
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
        flat(convolve(&self.unconditional, &self.spectral_unconditional, features))
    }

    /// How real the pictures are and how well they fit their sentences: logits, (batch).
    ///
    /// # Shapes
    /// - features: (batch, 8 · df_dim, 4, 4); sentence: (batch, D)
    pub fn conditional(&self, features: Tensor<4>, sentence: Tensor<2>) -> Tensor<1> {
        let [batch, _, height, width] = features.dims();
        let count = sentence.dims()[1];
        let sentence = sentence.cast(features.dtype()).reshape([batch, count, 1, 1]).expand([batch, count, height, width]);
        let joint = self.joint.forward(Tensor::cat(vec![features, sentence], 1));
        flat(convolve(&self.conditional, &self.spectral_conditional, joint))
    }
}

/// (batch, 1, 1, 1) to (batch).
fn flat(logits: Tensor<4>) -> Tensor<1> {
    let batch = logits.dims()[0];
    logits.reshape([batch]).cast(DType::F32)
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
    fn spectral_norm_takes_the_place_of_batch_norms() {
        let device = Device::flex();
        let config = DiscriminatorConfig { df_dim: 4, features: 6, size: 128, spectral: true };
        let discriminator = config.init(&device).unwrap();
        assert!(discriminator.down.iter().chain(&discriminator.narrow).all(|block| block.norm.is_none() && block.conv.is_none()));
        let images = Tensor::<4>::ones([2, 3, 128, 128], &device).mul_scalar(0.5);
        let features = discriminator.forward(images.clone());
        assert_eq!(features.dims(), [2, 32, 4, 4]);
        assert_eq!(discriminator.conditional(features, Tensor::ones([2, 6], &device)).dims(), [2]);
        // Without batch norms a verdict does not depend on the other pictures.
        let device = Device::flex().autodiff();
        let discriminator = config.init(&device).unwrap();
        let images = Tensor::<4>::from_inner(images);
        let other = Tensor::cat(vec![images.clone().narrow(0, 0, 1), images.clone().narrow(0, 1, 1).mul_scalar(-1.0)], 0);
        // Once before, for the estimates of both to be as good.
        (0..30).for_each(|_| drop(discriminator.forward(images.clone())));
        let first = |images| discriminator.forward(images).narrow(0, 0, 1).into_data().try_to_vec::<f32>().unwrap();
        for (a, b) in first(images.clone()).into_iter().zip(first(other)) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
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
