//! Batch norm by libtorch's own operation.
//!
//! For this back end burn composes batch norm of elementary operations, each of which reads and writes the whole tensor. libtorch does the
//! forward pass in one; its bindings leave the backward pass out, which is composed here of what goes over the tensor least often.

// burn means to drop the back end; until then nothing trains faster on a processor.
#![allow(deprecated)]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::autodiff::{Autodiff, NodeId};
use burn::backend::tensor::FloatTensor;
use burn::backend::{AutodiffBackend, Backend, Dispatch, DispatchDevice, LibTorch, backend_extension};
use burn::tensor::{Device, Tensor};
use tch::Tensor as Values;

/// What libtorch's bindings call a tensor.
type Primitive = FloatTensor<LibTorch>;

/// Whether tensors of this device, with gradients or without, are libtorch's.
pub(super) fn is_libtorch(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::LibTorch(_))
}

/// `input` normalised by its own statistics, with mean and unbiased variance; gradients flow through the first alone.
///
/// # Shapes
/// - input: (batch, channels, …), f32 on a device that [`is_libtorch`]
/// - weight, bias, mean, variance: (channels)
pub(super) fn batch_norm_train<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let (output, mean, variance, _) =
        <Dispatch as BatchNormTrain>::batch_norm_of_batch(input.into_dispatch(), weight.into_dispatch(), bias.into_dispatch(), epsilon);
    (Tensor::from_dispatch(output), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

/// The operation as burn's dispatch looks for it.
#[backend_extension(LibTorch, Autodiff)]
pub(super) trait BatchNormTrain: Backend {
    /// Output, mean, unbiased variance and 1/√(biased variance + ε).
    fn batch_norm_of_batch(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl BatchNormTrain for LibTorch {
    fn batch_norm_of_batch(
        input: Primitive,
        weight: Primitive,
        bias: Primitive,
        epsilon: f64,
    ) -> (Primitive, Primitive, Primitive, Primitive) {
        // Running statistics that forget all but this batch are its own.
        let mean = weight.tensor.zeros_like();
        let variance = weight.tensor.zeros_like();
        let (output, _, inverse_deviation) =
            input.tensor.native_batch_norm(Some(&weight.tensor), Some(&bias.tensor), Some(&mean), Some(&variance), true, 1.0, epsilon);
        (Primitive::new(output), Primitive::new(mean), Primitive::new(variance), Primitive::new(inverse_deviation))
    }
}

impl<C: CheckpointStrategy> BatchNormTrain for Autodiff<LibTorch, C> {
    fn batch_norm_of_batch(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let prepared = BatchNormOfBatch.prepare::<C>([input.node(), weight.node(), bias.node()]).compute_bound().stateful();
        let run = |input: FloatTensor<Self>, weight: FloatTensor<Self>| {
            LibTorch::batch_norm_of_batch(input.into_primitive(), weight.into_primitive(), bias.into_primitive(), epsilon)
        };
        let (output, mean, variance, inverse_deviation) = match prepared {
            OpsKind::Tracked(mut prepared) => {
                let (of_input, of_weight) = (prepared.checkpoint(&input), prepared.checkpoint(&weight));
                let (output, mean, variance, inverse_deviation) = run(input, weight);
                let state = State { input: of_input, weight: of_weight, mean: mean.clone(), inverse_deviation: inverse_deviation.clone() };
                (prepared.finish(state, output), mean, variance, inverse_deviation)
            }
            OpsKind::UnTracked(prepared) => {
                let (output, mean, variance, inverse_deviation) = run(input, weight);
                (prepared.finish(output), mean, variance, inverse_deviation)
            }
        };
        (output, Self::from_inner(mean), Self::from_inner(variance), Self::from_inner(inverse_deviation))
    }
}

/// What the backward pass needs.
#[derive(Debug, Clone)]
struct State {
    input: NodeId,
    weight: NodeId,
    mean: Primitive,
    inverse_deviation: Primitive,
}

#[derive(Debug)]
struct BatchNormOfBatch;

impl Backward<LibTorch, 3> for BatchNormOfBatch {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<LibTorch>(&ops.node);
        let input = checkpointer.retrieve_node_output::<Primitive>(ops.state.input);
        let weight = checkpointer.retrieve_node_output::<Primitive>(ops.state.weight);
        let found = backward(&input, &weight, &ops.state, &gradient);
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                grads.register::<LibTorch>(parent.id, gradient);
            }
        }
    }
}

/// Gradients of input, weight and bias (Ioffe and Szegedy 2015, section 3), from `gradient` of the output. With x̂ the normalised input and
/// means over batch and pixels, that of the input is weight/√(variance + ε) · (gradient − mean(gradient) − x̂ · mean(gradient · x̂)).
fn backward(input: &Primitive, weight: &Primitive, state: &State, gradient: &Primitive) -> [Primitive; 3] {
    let (input, weight, gradient) = (&input.tensor, &weight.tensor, &gradient.tensor);
    let (mean, inverse_deviation) = (&state.mean.tensor, &state.inverse_deviation.tensor);
    let (zero, one) = (weight.zeros_like(), weight.ones_like());
    // scale · x + shift a channel, in one pass: batch norm of statistics that change nothing.
    let affine = |tensor: &Values, scale: &Values, shift: &Values| {
        tensor.native_batch_norm(Some(scale), Some(shift), Some(&zero), Some(&one), false, 0.0, 0.0).0
    };
    let shape = input.size();
    let others: Vec<i64> = (0..shape.len() as i64).filter(|&dim| dim != 1).collect();
    let count = (shape.iter().product::<i64>() / shape[1]) as f64;
    let mut a_channel = vec![1; shape.len()];
    a_channel[1] = shape[1];

    let normalized = affine(input, inverse_deviation, &-(mean * inverse_deviation));
    let of_bias = gradient.sum_dim_intlist(&others[..], false, gradient.kind());
    let of_weight = (gradient * &normalized).sum_dim_intlist(&others[..], false, gradient.kind());
    let scale = weight * inverse_deviation;
    let mut of_input = affine(gradient, &scale, &-(&scale * &of_bias / count));
    let along = -(scale * &of_weight / count);
    let of_input = of_input.addcmul_(&normalized, &along.reshape(&a_channel[..]));
    [of_input, of_weight, of_bias].map(Primitive::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;
    use burn::tensor::module;

    /// Output, statistics and gradients of a batch of any rank, by libtorch's operation or by burn's own.
    fn learn<const D: usize>(shape: [usize; D], native: bool) -> Vec<Vec<f32>> {
        let device = Device::libtorch().autodiff();
        let wave = |count: usize, step: usize, offset: f32| (0..count).map(|i| (i * step % 101) as f32 / 50.0 - offset).collect::<Vec<_>>();
        let count = shape.iter().product();
        let input = Tensor::<D>::from_data(TensorData::new(wave(count, 37, 0.3), shape), &device).require_grad();
        let loss = Tensor::<D>::from_data(TensorData::new(wave(count, 53, 1.0), shape), &device);
        let a_channel =
            |step, offset| Tensor::<1>::from_data(TensorData::new(wave(shape[1], step, offset), [shape[1]]), &device).require_grad();
        let (weight, bias) = (a_channel(29, 0.5), a_channel(41, 0.2));
        let (output, mean, variance) = if native {
            batch_norm_train(input.clone(), weight.clone(), bias.clone(), 1e-5)
        } else {
            let values = (count / shape[1]) as f32;
            let found = module::batch_norm_train(input.clone(), weight.clone(), bias.clone(), 1e-5);
            (found.output, found.mean, found.variance * (values / (values - 1.0)))
        };
        // Squared, so that the gradient is neither constant nor orthogonal to what the layer takes out.
        let gradients = (output.clone().powi_scalar(2) * loss).sum().backward();
        let read = |tensor: Tensor<1>| tensor.into_data().try_to_vec::<f32>().unwrap();
        vec![
            read(output.inner().reshape([count])),
            read(mean.inner()),
            read(variance.inner()),
            read(input.grad(&gradients).unwrap().reshape([count])),
            read(weight.grad(&gradients).unwrap()),
            read(bias.grad(&gradients).unwrap()),
        ]
    }

    fn agree<const D: usize>(shape: [usize; D]) {
        let parts = ["output", "mean", "variance", "input's gradient", "weight's gradient", "bias's gradient"];
        for ((part, ours), burns) in parts.into_iter().zip(learn(shape, true)).zip(learn(shape, false)) {
            let size = burns.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            let worst = ours.iter().zip(&burns).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(worst < 1e-5 * size.max(1.0), "{shape:?}, {part}: {worst} of {size}");
        }
    }

    #[test]
    fn one_operation_gives_what_burn_composes() {
        agree([5, 3]);
        agree([4, 3, 7]);
        agree([3, 6, 5, 8]);
    }

    #[test]
    fn other_devices_are_not_libtorchs() {
        assert!(is_libtorch(&Device::libtorch()) && is_libtorch(&Device::libtorch().autodiff()));
        assert!(!is_libtorch(&Device::flex()) && !is_libtorch(&Device::flex().autodiff()));
    }
}
