//! Convolutions, by what is fastest where they are computed.

use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;

/// As `Conv2d::forward`.
pub fn convolve(conv: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "tch")]
    if super::libtorch::is_libtorch(&input.device()) {
        return super::libtorch::convolve(conv, input);
    }
    conv.forward(input)
}

/// A convolution with `padding` zeros around the picture.
///
/// # Shapes
/// - input: (batch, in, h, w); weight: (out, in, kh, kw); bias: (out); output: (batch, out, h', w')
pub fn conv2d(input: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, stride: usize, padding: usize) -> Tensor<4> {
    #[cfg(feature = "tch")]
    if super::libtorch::is_libtorch(&input.device()) {
        return super::libtorch::conv2d(input, weight, bias, [stride; 2], [padding; 2]);
    }
    module::conv2d(input, weight, bias, ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1))
}
