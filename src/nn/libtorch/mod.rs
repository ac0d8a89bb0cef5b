//! libtorch's own operations, where burn composes several of its elementary ones for this back end, or asks libtorch for another.
//!
//! Each reads and writes whole tensors; what that costs beside PyTorch was measured (`benches/training`).

// burn means to drop the back end; until then nothing trains faster on a processor.
#![allow(deprecated)]

mod adam;
mod batch_norm;
mod convolution;
mod function;

use burn::backend::tensor::FloatTensor;
use burn::backend::{DispatchDevice, LibTorch};
use burn::tensor::Device;

pub(super) use adam::adam;
pub(super) use batch_norm::batch_norm_train;
pub(super) use convolution::{conv2d, convolve};
pub(super) use function::{channels_last, glu, leaky_relu, relu6};

/// What burn calls a tensor of this back end; `tensor` in it is what libtorch's bindings do.
type Primitive = FloatTensor<LibTorch>;

/// Whether tensors of this device, with gradients or without, are libtorch's.
pub(super) fn is_libtorch(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::LibTorch(_))
}

/// Whether tensors of this device, which is off the graph, are worked on by the processor.
pub(super) fn is_processor(device: &Device) -> bool {
    *device == Device::libtorch()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Tensor, TensorData};

    /// A tensor of numbers that repeat after 101 of them.
    pub(super) fn wave<const D: usize>(shape: [usize; D], step: usize, device: &Device) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| (i * step % 101) as f32 / 50.0 - 0.97).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    pub(super) fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    /// Asserts that two ways to compute agree, each giving its results one after the other.
    pub(super) fn agree(case: &str, ours: Vec<Vec<f32>>, burns: Vec<Vec<f32>>) {
        assert_eq!(ours.len(), burns.len(), "{case}");
        for (part, (ours, burns)) in ours.iter().zip(&burns).enumerate() {
            assert_eq!(ours.len(), burns.len(), "{case}, part {part}");
            let size = burns.iter().fold(1.0f32, |most, value| most.max(value.abs()));
            let worst = ours.iter().zip(burns).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(worst < 1e-5 * size, "{case}, part {part}: {worst} of {size}");
        }
    }

    #[test]
    fn other_devices_are_not_libtorchs() {
        assert!(is_libtorch(&Device::libtorch()) && is_libtorch(&Device::libtorch().autodiff()));
        assert!(!is_libtorch(&Device::flex()) && !is_libtorch(&Device::flex().autodiff()));
    }
}
