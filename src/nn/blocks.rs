//! The convolution blocks that StackGAN, AttnGAN and MirrorGAN share.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor, activation};

use super::{BatchNorm, BatchNormConfig};

/// Gated linear unit over channels: the first half times the sigmoid of the second (Dauphin et al. 2017).
///
/// # Shapes
/// - input: (batch, 2 · channels, …)
/// - output: (batch, channels, …)
pub fn glu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    let channels = input.dims()[1] / 2;
    let value = input.clone().narrow(1, 0, channels);
    let gate = input.narrow(1, channels, channels);
    value.mul(activation::sigmoid(gate))
}

/// A 3×3 convolution without bias that keeps height and width.
pub fn conv3x3(channels_in: usize, channels_out: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([channels_in, channels_out], [3, 3]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).with_bias(false).init(device)
}

/// A 1×1 convolution without bias.
pub fn conv1x1(channels_in: usize, channels_out: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([channels_in, channels_out], [1, 1]).with_bias(false).init(device)
}

/// Nearest-neighbour ×2, 3×3 convolution, batch norm, GLU.
#[derive(Module, Debug)]
pub struct UpBlock {
    conv: Conv2d,
    norm: BatchNorm,
}

impl UpBlock {
    /// A block from `channels_in` to `channels_out` channels.
    pub fn new(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        Self { conv: conv3x3(channels_in, 2 * channels_out, device), norm: BatchNormConfig::new(2 * channels_out).init(device) }
    }

    /// # Shapes
    /// - input: (batch, channels_in, h, w)
    /// - output: (batch, channels_out, 2h, 2w)
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        glu(self.norm.forward(self.conv.forward(upsample(input))))
    }
}

/// Each pixel becomes a 2×2 square of itself.
fn upsample(input: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = input.dims();
    interpolate(input, InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([2 * height, 2 * width]))
}

/// x + BN(conv(GLU(BN(conv(x))))), both convolutions 3×3.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
}

impl ResidualBlock {
    /// A block over `channels` channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self {
            conv1: conv3x3(channels, 2 * channels, device),
            norm1: BatchNormConfig::new(2 * channels).init(device),
            conv2: conv3x3(channels, channels, device),
            norm2: BatchNormConfig::new(channels).init(device),
        }
    }

    /// # Shapes
    /// - input and output: (batch, channels, h, w)
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let inner = glu(self.norm1.forward(self.conv1.forward(input.clone())));
        self.norm2.forward(self.conv2.forward(inner)).add(input)
    }
}
