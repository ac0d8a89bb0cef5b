//! Batch norm by libtorch's own operation.
//!
//! For this back end burn composes batch norm of elementary operations, each of which reads and writes the whole tensor. libtorch does the
//! forward pass in one; its bindings leave the backward pass out, which is composed here of what goes over the tensor least often.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::autodiff::{Autodiff, NodeId};
use burn::backend::tensor::FloatTensor;
use burn::backend::{AutodiffBackend, Backend, Dispatch, LibTorch, backend_extension};
use burn::tensor::Tensor;
use tch::Tensor as Values;

use super::Primitive;

/// `input` normalised by its own statistics, with mean and unbiased variance; gradients flow through the first alone.
///
/// # Shapes
/// - input: (batch, channels, …), f32 on a device that [`super::is_libtorch`]
/// - weight, bias, mean, variance: (channels)
pub fn batch_norm_train<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let (output, mean, variance) =
        <Dispatch as BatchNormTrain>::batch_norm_of_batch(input.into_dispatch(), weight.into_dispatch(), bias.into_dispatch(), epsilon);
    (Tensor::from_dispatch(output), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

/// The operation as burn's dispatch looks for it.
#[backend_extension(LibTorch, Autodiff)]
pub(super) trait BatchNormTrain: Backend {
    /// Output, mean and unbiased variance.
    fn batch_norm_of_batch(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl BatchNormTrain for LibTorch {
    fn batch_norm_of_batch(input: Primitive, weight: Primitive, bias: Primitive, epsilon: f64) -> (Primitive, Primitive, Primitive) {
        let Normalized { output, mean, variance, .. } = normalize(&input, &weight, &bias, epsilon);
        (output, mean, variance)
    }
}

struct Normalized {
    output: Primitive,
    mean: Primitive,
    /// Unbiased.
    variance: Primitive,
    /// 1/√(biased variance + ε).
    inverse_deviation: Primitive,
}

fn normalize(input: &Primitive, weight: &Primitive, bias: &Primitive, epsilon: f64) -> Normalized {
    // Running statistics that forget all but this batch are its own.
    let mean = weight.tensor.zeros_like();
    let variance = weight.tensor.zeros_like();
    let (output, _, inverse_deviation) =
        input.tensor.native_batch_norm(Some(&weight.tensor), Some(&bias.tensor), Some(&mean), Some(&variance), true, 1.0, epsilon);
    let [output, mean, variance, inverse_deviation] = [output, mean, variance, inverse_deviation].map(Primitive::new);
    Normalized { output, mean, variance, inverse_deviation }
}

impl<C: CheckpointStrategy> BatchNormTrain for Autodiff<LibTorch, C> {
    fn batch_norm_of_batch(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let prepared = BatchNormOfBatch.prepare::<C>([input.node(), weight.node(), bias.node()]).compute_bound().stateful();
        let run = |input: FloatTensor<Self>, weight: FloatTensor<Self>| {
            normalize(&input.into_primitive(), &weight.into_primitive(), &bias.into_primitive(), epsilon)
        };
        let (output, mean, variance) = match prepared {
            OpsKind::Tracked(mut prepared) => {
                let (of_input, of_weight) = (prepared.checkpoint(&input), prepared.checkpoint(&weight));
                let Normalized { output, mean, variance, inverse_deviation } = run(input, weight);
                let state = State { input: of_input, weight: of_weight, mean: mean.clone(), inverse_deviation };
                (prepared.finish(state, output), mean, variance)
            }
            OpsKind::UnTracked(prepared) => {
                let Normalized { output, mean, variance, .. } = run(input, weight);
                (prepared.finish(output), mean, variance)
            }
        };
        (output, Self::from_inner(mean), Self::from_inner(variance))
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
    use super::super::tests::{agree, read, wave};
    use super::*;
    use burn::tensor::{Device, module};

    /// Output, statistics and gradients of a batch of any rank, by libtorch's operation or by burn's own.
    fn learn<const D: usize>(shape: [usize; D], native: bool) -> Vec<Vec<f32>> {
        let device = Device::libtorch().autodiff();
        let input = wave(shape, 37, &device).require_grad();
        let (weight, bias) = (wave([shape[1]], 29, &device).require_grad(), wave([shape[1]], 41, &device).require_grad());
        let (output, mean, variance) = if native {
            batch_norm_train(input.clone(), weight.clone(), bias.clone(), 1e-5)
        } else {
            let values = (shape.iter().product::<usize>() / shape[1]) as f32;
            let found = module::batch_norm_train(input.clone(), weight.clone(), bias.clone(), 1e-5);
            (found.output, found.mean, found.variance * (values / (values - 1.0)))
        };
        // Squared, so that the gradient is neither constant nor orthogonal to what the layer takes out.
        let gradients = (output.clone().powi_scalar(2) * wave(shape, 53, &device)).sum().backward();
        vec![
            read(output.inner()),
            read(mean.inner()),
            read(variance.inner()),
            read(input.grad(&gradients).unwrap()),
            read(weight.grad(&gradients).unwrap()),
            read(bias.grad(&gradients).unwrap()),
        ]
    }

    #[test]
    fn one_operation_gives_what_burn_composes() {
        agree("vectors", learn([5, 3], true), learn([5, 3], false));
        agree("sequences", learn([4, 3, 7], true), learn([4, 3, 7], false));
        agree("pictures", learn([3, 6, 5, 8], true), learn([3, 6, 5, 8], false));
    }
}
