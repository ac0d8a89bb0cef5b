//! The five kinds of blocks of Inception-v3 (figures 5, 6, 7 and 10 of the paper), with torchvision's names.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor, activation::relu};

use super::layers::{conv, max_pool, mean_pool, scaled};

/// How a block pools 3 × 3 values without a stride.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pool {
    Mean { count_padding: bool },
    Max,
}

/// Convolution and ReLU.
fn step(conv: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    relu(conv.forward(input))
}

/// Several in a row.
fn chain<const N: usize>(convs: [&Conv2d; N], input: Tensor<4>) -> Tensor<4> {
    convs.into_iter().fold(input, |hidden, conv| step(conv, hidden))
}

fn out(conv: &Conv2d) -> usize {
    conv.weight.lazy_shape()[0]
}

/// A convolution that keeps height and width.
fn same(from: usize, to: usize, kernel: [usize; 2], device: &Device) -> Conv2d {
    conv([from, to], kernel, 1, [kernel[0] / 2, kernel[1] / 2], device)
}

/// A 3 × 3 convolution of stride 2 without padding.
fn halving(from: usize, to: usize, device: &Device) -> Conv2d {
    conv([from, to], [3, 3], 2, [0, 0], device)
}

/// 35 × 35: 1×1, 5×5, two 3×3, pooled.
#[derive(Module, Debug)]
pub(super) struct InceptionA {
    branch1x1: Conv2d,
    branch5x5_1: Conv2d,
    branch5x5_2: Conv2d,
    branch3x3dbl_1: Conv2d,
    branch3x3dbl_2: Conv2d,
    branch3x3dbl_3: Conv2d,
    branch_pool: Conv2d,
    count_padding: bool,
}

impl InceptionA {
    pub(super) fn new(from: usize, pooled: usize, pool: Pool, width: f32, device: &Device) -> Self {
        let [c48, c64, c96] = [48, 64, 96].map(|count| scaled(count, width));
        Self {
            branch1x1: same(from, c64, [1, 1], device),
            branch5x5_1: same(from, c48, [1, 1], device),
            branch5x5_2: same(c48, c64, [5, 5], device),
            branch3x3dbl_1: same(from, c64, [1, 1], device),
            branch3x3dbl_2: same(c64, c96, [3, 3], device),
            branch3x3dbl_3: same(c96, c96, [3, 3], device),
            branch_pool: same(from, pooled, [1, 1], device),
            count_padding: matches!(pool, Pool::Mean { count_padding: true }),
        }
    }

    pub(super) fn channels(&self) -> usize {
        [&self.branch1x1, &self.branch5x5_2, &self.branch3x3dbl_3, &self.branch_pool].into_iter().map(out).sum()
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let branches = vec![
            step(&self.branch1x1, input.clone()),
            chain([&self.branch5x5_1, &self.branch5x5_2], input.clone()),
            chain([&self.branch3x3dbl_1, &self.branch3x3dbl_2, &self.branch3x3dbl_3], input.clone()),
            step(&self.branch_pool, mean_pool(input, self.count_padding)),
        ];
        Tensor::cat(branches, 1)
    }
}

/// 35 × 35 to 17 × 17: 3×3, two 3×3, and the input itself, pooled.
#[derive(Module, Debug)]
pub(super) struct InceptionB {
    branch3x3: Conv2d,
    branch3x3dbl_1: Conv2d,
    branch3x3dbl_2: Conv2d,
    branch3x3dbl_3: Conv2d,
}

impl InceptionB {
    pub(super) fn new(from: usize, width: f32, device: &Device) -> Self {
        let [c64, c96, c384] = [64, 96, 384].map(|count| scaled(count, width));
        Self {
            branch3x3: halving(from, c384, device),
            branch3x3dbl_1: same(from, c64, [1, 1], device),
            branch3x3dbl_2: same(c64, c96, [3, 3], device),
            branch3x3dbl_3: halving(c96, c96, device),
        }
    }

    pub(super) fn channels(&self, from: usize) -> usize {
        out(&self.branch3x3) + out(&self.branch3x3dbl_3) + from
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let branches = vec![
            step(&self.branch3x3, input.clone()),
            chain([&self.branch3x3dbl_1, &self.branch3x3dbl_2, &self.branch3x3dbl_3], input.clone()),
            max_pool(input, 2, 0),
        ];
        Tensor::cat(branches, 1)
    }
}

/// 17 × 17: 1×1, 7×7 as two lines, twice that, pooled.
#[derive(Module, Debug)]
pub(super) struct InceptionC {
    branch1x1: Conv2d,
    branch7x7_1: Conv2d,
    branch7x7_2: Conv2d,
    branch7x7_3: Conv2d,
    branch7x7dbl_1: Conv2d,
    branch7x7dbl_2: Conv2d,
    branch7x7dbl_3: Conv2d,
    branch7x7dbl_4: Conv2d,
    branch7x7dbl_5: Conv2d,
    branch_pool: Conv2d,
    count_padding: bool,
}

impl InceptionC {
    /// `inner` are the channels of the lines.
    pub(super) fn new(from: usize, inner: usize, pool: Pool, width: f32, device: &Device) -> Self {
        let c192 = scaled(192, width);
        Self {
            branch1x1: same(from, c192, [1, 1], device),
            branch7x7_1: same(from, inner, [1, 1], device),
            branch7x7_2: same(inner, inner, [1, 7], device),
            branch7x7_3: same(inner, c192, [7, 1], device),
            branch7x7dbl_1: same(from, inner, [1, 1], device),
            branch7x7dbl_2: same(inner, inner, [7, 1], device),
            branch7x7dbl_3: same(inner, inner, [1, 7], device),
            branch7x7dbl_4: same(inner, inner, [7, 1], device),
            branch7x7dbl_5: same(inner, c192, [1, 7], device),
            branch_pool: same(from, c192, [1, 1], device),
            count_padding: matches!(pool, Pool::Mean { count_padding: true }),
        }
    }

    pub(super) fn channels(&self) -> usize {
        [&self.branch1x1, &self.branch7x7_3, &self.branch7x7dbl_5, &self.branch_pool].into_iter().map(out).sum()
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let double = [&self.branch7x7dbl_1, &self.branch7x7dbl_2, &self.branch7x7dbl_3, &self.branch7x7dbl_4, &self.branch7x7dbl_5];
        let branches = vec![
            step(&self.branch1x1, input.clone()),
            chain([&self.branch7x7_1, &self.branch7x7_2, &self.branch7x7_3], input.clone()),
            chain(double, input.clone()),
            step(&self.branch_pool, mean_pool(input, self.count_padding)),
        ];
        Tensor::cat(branches, 1)
    }
}

/// 17 × 17 to 8 × 8: 3×3, 7×7 with a 3×3 after it, and the input itself, pooled.
#[derive(Module, Debug)]
pub(super) struct InceptionD {
    branch3x3_1: Conv2d,
    branch3x3_2: Conv2d,
    branch7x7x3_1: Conv2d,
    branch7x7x3_2: Conv2d,
    branch7x7x3_3: Conv2d,
    branch7x7x3_4: Conv2d,
}

impl InceptionD {
    pub(super) fn new(from: usize, width: f32, device: &Device) -> Self {
        let [c192, c320] = [192, 320].map(|count| scaled(count, width));
        Self {
            branch3x3_1: same(from, c192, [1, 1], device),
            branch3x3_2: halving(c192, c320, device),
            branch7x7x3_1: same(from, c192, [1, 1], device),
            branch7x7x3_2: same(c192, c192, [1, 7], device),
            branch7x7x3_3: same(c192, c192, [7, 1], device),
            branch7x7x3_4: halving(c192, c192, device),
        }
    }

    pub(super) fn channels(&self, from: usize) -> usize {
        out(&self.branch3x3_2) + out(&self.branch7x7x3_4) + from
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let long = [&self.branch7x7x3_1, &self.branch7x7x3_2, &self.branch7x7x3_3, &self.branch7x7x3_4];
        let branches =
            vec![chain([&self.branch3x3_1, &self.branch3x3_2], input.clone()), chain(long, input.clone()), max_pool(input, 2, 0)];
        Tensor::cat(branches, 1)
    }
}

/// 8 × 8: 1×1, 3×3 as two lines side by side, the same after a 3×3, pooled.
#[derive(Module, Debug)]
pub(super) struct InceptionE {
    branch1x1: Conv2d,
    branch3x3_1: Conv2d,
    branch3x3_2a: Conv2d,
    branch3x3_2b: Conv2d,
    branch3x3dbl_1: Conv2d,
    branch3x3dbl_2: Conv2d,
    branch3x3dbl_3a: Conv2d,
    branch3x3dbl_3b: Conv2d,
    branch_pool: Conv2d,
    count_padding: bool,
    /// Pools by maximum instead.
    max: bool,
}

impl InceptionE {
    pub(super) fn new(from: usize, pool: Pool, width: f32, device: &Device) -> Self {
        let [c192, c320, c384, c448] = [192, 320, 384, 448].map(|count| scaled(count, width));
        Self {
            branch1x1: same(from, c320, [1, 1], device),
            branch3x3_1: same(from, c384, [1, 1], device),
            branch3x3_2a: same(c384, c384, [1, 3], device),
            branch3x3_2b: same(c384, c384, [3, 1], device),
            branch3x3dbl_1: same(from, c448, [1, 1], device),
            branch3x3dbl_2: same(c448, c384, [3, 3], device),
            branch3x3dbl_3a: same(c384, c384, [1, 3], device),
            branch3x3dbl_3b: same(c384, c384, [3, 1], device),
            branch_pool: same(from, c192, [1, 1], device),
            count_padding: matches!(pool, Pool::Mean { count_padding: true }),
            max: matches!(pool, Pool::Max),
        }
    }

    pub(super) fn channels(&self) -> usize {
        let ends = [&self.branch1x1, &self.branch3x3_2a, &self.branch3x3_2b, &self.branch3x3dbl_3a, &self.branch3x3dbl_3b];
        ends.into_iter().map(out).sum::<usize>() + out(&self.branch_pool)
    }

    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let single = step(&self.branch3x3_1, input.clone());
        let double = chain([&self.branch3x3dbl_1, &self.branch3x3dbl_2], input.clone());
        let pooled = if self.max { max_pool(input.clone(), 1, 1) } else { mean_pool(input.clone(), self.count_padding) };
        let branches = vec![
            step(&self.branch1x1, input),
            step(&self.branch3x3_2a, single.clone()),
            step(&self.branch3x3_2b, single),
            step(&self.branch3x3dbl_3a, double.clone()),
            step(&self.branch3x3dbl_3b, double),
            step(&self.branch_pool, pooled),
        ];
        Tensor::cat(branches, 1)
    }
}
