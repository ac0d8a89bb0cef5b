//! What Inception-v3 and ResNet share: convolutions that batch norms are folded into, and pooling.

use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor};

/// A convolution with bias; zeros around the picture as `padding` says, [above and below, left and right].
pub(super) fn conv(channels: [usize; 2], kernel: [usize; 2], stride: usize, padding: [usize; 2], device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, kernel)
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(padding[0], padding[1], padding[0], padding[1]))
        .init(device)
}

/// The largest of 3 × 3 values, places outside the picture left out.
pub(super) fn max_pool(input: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    max_pool2d(input, MaxPoolOptions { stride: [stride; 2], padding: [(padding, padding); 2], ..MaxPoolOptions::new([3, 3]) })
}

/// The mean of the 3 × 3 values around each; places outside the picture are zeros, or left out of the mean.
pub(super) fn mean_pool(input: Tensor<4>, count_padding: bool) -> Tensor<4> {
    let options = AvgPoolOptions { stride: [1; 2], padding: [(1, 1); 2], ..AvgPoolOptions::new([3, 3]) };
    avg_pool2d(input, AvgPoolOptions { count_include_pad: count_padding, ..options })
}

/// The mean over all pixels: (batch, channels, h, w) to (batch, channels).
pub(super) fn global_mean(input: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = input.dims();
    input.reshape([batch, channels, height * width]).mean_dim(2).squeeze_dim::<2>(2)
}

/// `count` channels of the published network at another width, at least one.
pub(super) fn scaled(count: usize, width: f32) -> usize {
    ((count as f32 * width) as usize).max(1)
}
