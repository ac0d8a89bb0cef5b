//! Which kernels compute what: the only place that knows of libtorch's own operations and of the processor's cache.
//!
//! Layers and optimizers call these functions; each gives what its plain form gives, by what is fastest where the tensors are. (The CPU's
//! own kernels, [`super::cpu`], draw and describe single pictures with networks that are laid out anew as a whole: [`crate::glam::CpuGenerator`],
//! [`crate::encoder::CpuEncoder`], [`crate::stream::CpuDecoder`].)

use burn::nn::conv::Conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, module};

use super::activation;
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
use super::adam::{self, AdamStep};

/// Returns what libtorch's own operation gives, where the tensor named is libtorch's and the condition holds.
macro_rules! by_libtorch {
    ($tensor:ident => $($call:tt)*) => {
        by_libtorch!($tensor if true => $($call)*)
    };
    ($tensor:ident if $condition:expr => $($call:tt)*) => {
        #[cfg(feature = "tch")]
        if $condition && super::libtorch::is_libtorch(&$tensor.device()) {
            return super::libtorch::$($call)*;
        }
    };
}

/// As `Conv2d::forward`.
pub fn convolve(conv: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    by_libtorch!(input => convolve(conv, input));
    conv.forward(input)
}

/// A convolution with `padding` zeros around the picture.
///
/// # Shapes
/// - input: (batch, in, h, w); weight: (out, in, kh, kw); bias: (out); output: (batch, out, h', w')
pub fn conv2d(input: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, stride: usize, padding: usize) -> Tensor<4> {
    by_libtorch!(input => conv2d(input, weight, bias, [stride; 2], [padding; 2]));
    module::conv2d(input, weight, bias, ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1))
}

/// The same pictures, laid out in memory as the convolutions that follow are fastest.
pub fn channels_last(input: Tensor<4>) -> Tensor<4> {
    by_libtorch!(input => channels_last(input));
    input
}

/// min(max(x, 0), 6).
pub fn relu6<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    by_libtorch!(input => relu6(input));
    activation::relu6(input)
}

/// x above zero, `slope` · x below.
pub fn leaky_relu<const D: usize>(input: Tensor<D>, slope: f64) -> Tensor<D> {
    by_libtorch!(input => leaky_relu(input, slope));
    activation::leaky_relu(input, slope)
}

/// Gated linear unit over channels: the first half times the sigmoid of the second (Dauphin et al. 2017).
///
/// # Shapes
/// - input: (batch, 2 · channels, …)
/// - output: (batch, channels, …)
pub fn glu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    by_libtorch!(input => glu(input));
    activation::glu(input)
}

/// From as many values on burn's CPU adds in the order in which threads come.
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
const ADDED_IN_ANY_ORDER: usize = 1 << 22;

/// The sum of all values, the same to the bit on any number of threads.
///
/// # Shapes
/// - output: (1)
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub fn sum<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    let count = values.shape().num_elements();
    if count < ADDED_IN_ANY_ORDER {
        return values.sum();
    }
    // A row is added by one thread.
    let rows = (2..=count).find(|rows| count.is_multiple_of(*rows) && count / rows < ADDED_IN_ANY_ORDER).unwrap_or(count);
    values.reshape([rows, count / rows]).sum_dim(1).sum()
}

/// The mean of all values, the same to the bit on any number of threads.
///
/// # Shapes
/// - output: (1)
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub fn mean<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    let count = values.shape().num_elements();
    if count < ADDED_IN_ANY_ORDER { values.mean() } else { sum(values).div_scalar(count as f64) }
}

/// `input` normalised by its own statistics, with mean and unbiased variance (0 of one value).
///
/// # Shapes
/// - input and output: (batch, channels, …), f32; weight, bias, mean, variance: (channels)
pub(super) fn batch_norm_train<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let dims = input.dims();
    let count = (dims.iter().product::<usize>() / dims[1]) as f64;
    // Of one value libtorch has no variance.
    by_libtorch!(input if count > 1.0 => batch_norm_train(input, weight, bias, epsilon));
    let found = module::batch_norm_train(input, weight, bias, epsilon);
    (found.output, found.mean, found.variance.mul_scalar(count / (count - 1.0).max(1.0)))
}

/// Values after a step of Adam, and their moments, from those before; all flat and off the graph.
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub(crate) fn adam(old: Tensor<1>, gradient: Tensor<1>, moments: [Tensor<1>; 2], step: AdamStep) -> (Tensor<1>, [Tensor<1>; 2]) {
    by_libtorch!(gradient => adam(old, gradient.clone(), moments, step, at_once(&gradient.device())));
    adam::adam(old, gradient, moments, step)
}

/// How many values the tensors have at most that [`adam`] is to get: as many as move at once, but for libtorch, whose operation makes
/// pieces itself.
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub(crate) fn adam_piece(device: &Device) -> usize {
    #[cfg(feature = "tch")]
    if super::libtorch::is_libtorch(device) {
        return usize::MAX;
    }
    at_once(device)
}

/// Values that move at once on a processor. A step goes over them several times; so few, with their gradients, moments and what is between,
/// stay in the cache of a core, where all of a network's would come from memory each time.
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub(crate) const PIECE: usize = 1 << 16;

/// How many values move at once on a device: on a GPU all of a parameter's, which it works on side by side.
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
fn at_once(device: &Device) -> usize {
    if is_processor(device) { PIECE } else { usize::MAX }
}

/// Whether tensors of this device are worked on by the processor, in whose cache they had better stay.
pub(super) fn is_processor(device: &Device) -> bool {
    let device = device.clone().inner();
    #[cfg(feature = "tch")]
    if super::libtorch::is_processor(&device) {
        return true;
    }
    device == Device::flex()
}

#[cfg(all(test, feature = "lab"))]
mod tests {
    use super::*;
    use crate::readback::read_now;

    #[test]
    fn sums_are_the_same_on_any_number_of_threads() {
        let device = Device::flex();
        let count = 3 * (1 << 21) + 15;
        let values: Vec<f32> = (0..count).map(|i: usize| (i * 7919 % 1009) as f32 / 1009.0).collect();
        let exact = values.iter().map(|value| f64::from(*value)).sum::<f64>();
        let values = Tensor::<1>::from_data(burn::tensor::TensorData::new(values, [count]), &device);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| [read_now(sum(values.clone())).unwrap()[0], read_now(mean(values.clone())).unwrap()[0]])
        };
        let alone = on(1);
        assert!((f64::from(alone[0]) / exact - 1.0).abs() < 1e-5 && (f64::from(alone[1]) * count as f64 / exact - 1.0).abs() < 1e-5);
        for threads in [2, 3, 7] {
            for _ in 0..4 {
                assert_eq!(on(threads), alone);
            }
        }
        assert_eq!(read_now(sum(values.clone().narrow(0, 0, 9))).unwrap(), read_now(values.narrow(0, 0, 9).sum()).unwrap());
    }
}
