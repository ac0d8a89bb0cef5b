//! The convolution blocks that StackGAN, AttnGAN and MirrorGAN share.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{DType, Device, Tensor};

use super::ops::{conv2d, convolve, glu, is_processor};
use super::{BatchNorm, BatchNormConfig};

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
    pub(crate) conv: Conv2d,
    pub(crate) norm: BatchNorm,
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
        let [_, _, height, width] = input.dims();
        let device = input.device();
        let large = height * width >= SMALLEST_SPLIT;
        match self.norm.affine(&device) {
            Some(affine) if !device.is_autodiff() && large => self.split(input, affine),
            // On a GPU it has not been measured.
            _ if device.is_autodiff() && large && is_processor(&device) => self.split_training(input),
            _ => glu(self.norm.forward(convolve(&self.conv, upsample(input)))),
        }
    }

    /// [`UpBlock::split`] where the batch's own statistics count: batch norm does not ask where a pixel is, so the four pictures are
    /// put into their squares at the end, when the gate has halved them.
    fn split_training(&self, input: Tensor<4>) -> Tensor<4> {
        let [batch, _, height, width] = input.dims();
        let weight = self.conv.weight.val();
        let channels = weight.dims()[0] / 2;
        let pixels = pixels(&input, &weight, None, |pixels| pixels);
        let drawn = glu(self.norm.forward(Tensor::cat(pixels.into(), 2)));
        let squares = drawn.reshape([batch, channels, 2, 2, height, width]).permute([0, 1, 4, 2, 5, 3]);
        squares.reshape([batch, channels, 2 * height, 2 * width])
    }

    /// The same numbers with less than half of the multiplications, where running statistics count.
    ///
    /// A 3×3 kernel on 2×2 squares of equal pixels meets only 2×2 different ones. Which taps fall together depends on where in its square a
    /// pixel is: w₀ | w₁ + w₂ for the upper or left one, w₀ + w₁ | w₂ for the other. So each of the four is a 2×2 convolution of the small
    /// picture; batch norm is folded into its weights.
    fn split(&self, input: Tensor<4>, (scale, shift): (Tensor<1>, Tensor<1>)) -> Tensor<4> {
        let [batch, _, height, width] = input.dims();
        let channels = scale.dims()[0];
        let dtype = input.dtype();
        let weight = self.conv.weight.val().cast(DType::F32).mul(scale.reshape([channels, 1, 1, 1]));
        let shift = shift.cast(dtype);
        let gated = |pixels| glu(pixels).reshape([batch, channels / 2, height, width, 1]);
        let [a, b, c, d] = pixels(&input, &weight, Some(shift), gated);
        let row = |left, right| Tensor::cat(vec![left, right], 4).reshape([batch, channels / 2, height, 1, 2 * width]);
        let rows = vec![row(a, b), row(c, d)];
        Tensor::cat(rows, 3).reshape([batch, channels / 2, 2 * height, 2 * width])
    }
}

/// Pixels from which on [`UpBlock::split`] pays: before, joining the weights costs more than it saves.
const SMALLEST_SPLIT: usize = 16 * 16;

/// Of each 2×2 square of the enlarged picture's convolution its four pixels, row by row, each `finish`ed as a picture of the small one's size.
fn pixels<T>(input: &Tensor<4>, weight: &Tensor<4>, bias: Option<Tensor<1>>, finish: impl Fn(Tensor<4>) -> T) -> [T; 4] {
    let [_, _, height, width] = input.dims();
    let rows = [0, 1].map(|y| join_taps(weight.clone(), 2, y));
    [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(y, x)| {
        let kernel = join_taps(rows[y].clone(), 3, x).cast(input.dtype());
        finish(conv2d(input.clone(), kernel, bias.clone(), 1, 1).narrow(2, y, height).narrow(3, x, width))
    })
}

/// Three taps along `dim` as two: the last two joined for the first pixel of a square, the first two for the second one.
fn join_taps(weight: Tensor<4>, dim: usize, pixel: usize) -> Tensor<4> {
    let tap = |index| weight.clone().narrow(dim, index, 1);
    match pixel {
        0 => Tensor::cat(vec![tap(0), tap(1).add(tap(2))], dim),
        _ => Tensor::cat(vec![tap(0).add(tap(1)), tap(2)], dim),
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
    pub(crate) conv1: Conv2d,
    pub(crate) norm1: BatchNorm,
    pub(crate) conv2: Conv2d,
    pub(crate) norm2: BatchNorm,
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
        let inner = glu(self.norm1.forward(convolve(&self.conv1, input.clone())));
        self.norm2.forward(convolve(&self.conv2, inner)).add(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::init::initialize;
    use burn::module::Param;
    use burn::tensor::TensorData;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn splitting_an_up_block_changes_nothing() {
        let device = Device::flex();
        let mut block = initialize(UpBlock::new(6, 4, &device), &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
        block.norm.bias = Param::from_tensor(Tensor::from_floats([0.3, -0.2, 0.1, 0.5, -0.4, 0.2, 0.6, -0.1], &device));
        let values = (0..2 * 6 * 5 * 7).map(|i| ((i * 37 % 101) as f32) / 50.0 - 1.0).collect::<Vec<_>>();
        let input = Tensor::<4>::from_data(TensorData::new(values, [2, 6, 5, 7]), &device);
        let whole = block.forward(input.clone());
        let split = block.split(input, block.norm.affine(&device).unwrap());
        assert_eq!(split.dims(), [2, 4, 10, 14]);
        let worst: f32 = (whole - split).abs().max().into_scalar();
        assert!(worst < 1e-6, "{worst}");
    }

    #[test]
    fn splitting_changes_nothing_in_training() {
        let device = Device::flex().autodiff();
        let mut block = initialize(UpBlock::new(6, 4, &device), &mut ChaCha8Rng::seed_from_u64(4)).unwrap();
        block.norm.bias = Param::from_tensor(Tensor::from_floats([0.3, -0.2, 0.1, 0.5, -0.4, 0.2, 0.6, -0.1], &device).require_grad());
        let values = |count: usize| (0..count).map(|i| ((i * 37 % 101) as f32) / 50.0 - 1.0).collect::<Vec<_>>();
        let tensor = |shape: [usize; 4]| Tensor::<4>::from_data(TensorData::new(values(shape.iter().product()), shape), &device);
        let weights = tensor([2, 4, 10, 14]);
        let learn = |draw: &dyn Fn(&UpBlock, Tensor<4>) -> Tensor<4>| {
            let block = block.clone();
            let input = tensor([2, 6, 5, 7]).require_grad();
            let output = draw(&block, input.clone());
            let gradients = (output.clone() * weights.clone()).sum().backward();
            let kernel = block.conv.weight.val().grad(&gradients).unwrap();
            (output.inner(), input.grad(&gradients).unwrap(), kernel)
        };
        let whole = learn(&|block, input| glu(block.norm.forward(block.conv.forward(upsample(input)))));
        let split = learn(&|block, input| block.split_training(input));
        for (name, a, b) in [("output", whole.0, split.0), ("input", whole.1, split.1), ("kernel", whole.2, split.2)] {
            let worst: f32 = (a.clone() - b).abs().max().into_scalar();
            let size: f32 = a.abs().max().into_scalar();
            assert!(worst < 1e-4 * size, "{name}: {worst} of {size}");
        }
    }
}
