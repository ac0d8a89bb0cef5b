//! Functions of one tensor with a backward pass of their own: burn composes the forward pass of several operations, and the backward pass of
//! what autodiff makes of those.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::autodiff::{Autodiff, NodeId};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, LibTorch, backend_extension};
use burn::tensor::Tensor;
use tch::Tensor as Values;

use super::Primitive;

/// min(max(x, 0), 6).
pub fn relu6<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    apply(input, Function::Relu6)
}

/// x above zero, `slope` · x below.
pub fn leaky_relu<const D: usize>(input: Tensor<D>, slope: f64) -> Tensor<D> {
    apply(input, Function::LeakyRelu(slope))
}

/// The first half of the channels times the sigmoid of the second.
pub fn glu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    apply(input, Function::Glu)
}

/// Zeros around each picture: columns left and right, rows above and below.
pub(super) fn pad(input: Tensor<4>, sides: [usize; 4]) -> Tensor<4> {
    apply(input, Function::Pad(sides.map(|side| side as i64)))
}

/// The same pictures with their channels side by side in memory.
pub fn channels_last(input: Tensor<4>) -> Tensor<4> {
    apply(input, Function::ChannelsLast)
}

fn apply<const D: usize>(input: Tensor<D>, function: Function) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Apply>::apply(input.into_dispatch(), function))
}

/// What is computed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Function {
    Relu6,
    LeakyRelu(f64),
    Glu,
    Pad([i64; 4]),
    ChannelsLast,
}

impl Function {
    fn forward(self, input: &Primitive) -> Primitive {
        let Primitive { tensor: input, storage } = input;
        Primitive::new(match self {
            Self::Relu6 => input.clamp(0.0, 6.0),
            // The bindings' own has no slope; the gradient of a piecewise linear function is the function, with the input as what comes back.
            Self::LeakyRelu(slope) => input.leaky_relu_backward(input, slope, false),
            Self::Glu => input.glu(1),
            Self::Pad(sides) => input.constant_pad_nd(&sides[..]),
            // Where they are so already it is the same memory.
            Self::ChannelsLast => {
                let moved = input.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
                return Primitive::from_existing(moved, storage.clone());
            }
        })
    }

    /// From the gradient of the output that of the input.
    fn backward(self, input: &Values, gradient: &Primitive) -> Primitive {
        let known = gradient;
        let gradient = &gradient.tensor;
        Primitive::new(match self {
            Self::Relu6 => input.hardtanh_backward(gradient, 0.0, 6.0),
            Self::LeakyRelu(slope) => input.leaky_relu_backward(gradient, slope, false),
            Self::Glu => input.glu_backward(gradient, 1),
            Self::Pad(sides) => gradient.constant_pad_nd(&sides.map(|side| -side)[..]),
            Self::ChannelsLast => return known.clone(),
        })
    }
}

/// The operation as burn's dispatch looks for it.
#[backend_extension(LibTorch, Autodiff)]
pub(super) trait Apply: Backend {
    fn apply(input: FloatTensor<Self>, function: Function) -> FloatTensor<Self>;
}

impl Apply for LibTorch {
    fn apply(input: Primitive, function: Function) -> Primitive {
        function.forward(&input)
    }
}

impl<C: CheckpointStrategy> Apply for Autodiff<LibTorch, C> {
    fn apply(input: FloatTensor<Self>, function: Function) -> FloatTensor<Self> {
        match OfOne.prepare::<C>([input.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                // Zeros around it and another order in memory ask nothing of it afterwards.
                let of_input = (!matches!(function, Function::Pad(_) | Function::ChannelsLast)).then(|| prepared.checkpoint(&input));
                prepared.finish((of_input, function), LibTorch::apply(input.into_primitive(), function))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(LibTorch::apply(input.into_primitive(), function)),
        }
    }
}

#[derive(Debug)]
struct OfOne;

impl Backward<LibTorch, 1> for OfOne {
    type State = (Option<NodeId>, Function);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<LibTorch>(&ops.node);
        let (input, function) = ops.state;
        let input = input.map_or_else(|| gradient.clone(), |input| checkpointer.retrieve_node_output::<Primitive>(input));
        if let [Some(parent)] = ops.parents {
            grads.register::<LibTorch>(parent.id, function.backward(&input.tensor, &gradient));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{agree, read, wave};
    use super::*;
    use burn::tensor::{Device, activation};

    /// Output and gradient, and the output off the graph.
    fn learn<const D: usize>(shape: [usize; D], function: impl Fn(Tensor<D>) -> Tensor<D>) -> Vec<Vec<f32>> {
        let device = Device::libtorch().autodiff();
        let input = wave(shape, 37, &device).mul_scalar(5.0).add_scalar(1.0).detach().require_grad();
        let output = function(input.clone());
        let gradients = (output.clone() * wave(output.dims(), 53, &device)).sum().backward();
        assert_eq!(read(function(input.clone().inner())), read(output.clone()));
        vec![read(output), read(input.grad(&gradients).unwrap())]
    }

    #[test]
    fn each_is_what_burn_composes() {
        let halves = |input: Tensor<4>| {
            let channels = input.dims()[1] / 2;
            input.clone().narrow(1, 0, channels) * activation::sigmoid(input.narrow(1, channels, channels))
        };
        let shape = [2, 6, 5, 7];
        agree("relu6", learn(shape, relu6), learn(shape, |input| input.clamp(0.0, 6.0)));
        agree("leaky", learn(shape, |input| leaky_relu(input, 0.2)), learn(shape, |input| activation::leaky_relu(input, 0.2)));
        agree("glu", learn(shape, glu), learn(shape, halves));
        agree("glu of vectors", learn([3, 8], glu), learn([3, 8, 1, 1], halves));
        agree("channels last", learn(shape, channels_last), learn(shape, |input| input));
        agree("channels last twice", learn(shape, |input| channels_last(channels_last(input))), learn(shape, |input| input));
        agree("pad", learn(shape, |input| pad(input, [1, 2, 0, 3])), learn(shape, |input| input.pad((1, 2, 0, 3), 0.0)));
    }
}
