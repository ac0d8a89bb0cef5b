//! Convolutions whose weights learn, by libtorch's own backward pass.
//!
//! burn asks for the gradient of the weights by a convolution with the pictures as kernels, for which libtorch's libraries have no good
//! algorithm: for kernels of 128 pixels it took three times as long as the pass that is meant for it. The bindings have that only behind
//! libtorch's own autograd, so one convolution is recorded there, and burn's graph has it as one operation.

use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, LibTorch, backend_extension};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module};
use tch::Tensor as Values;

use super::Primitive;
use super::function::pad;

/// As `Conv2d::forward`. Where there is more padding on one side, burn makes the zeros on the host.
pub fn convolve(conv: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = input.dims();
    let [(top, bottom), (left, right)] = padding(conv, [height, width]);
    let (input, padding) = match (top, left) == (bottom, right) {
        true => (input, [top, left]),
        false => (pad(input, [left, right, top, bottom]), [0, 0]),
    };
    let (weight, bias) = (conv.weight.val(), conv.bias.as_ref().map(|bias| bias.val()));
    if (conv.dilation, conv.groups) == ([1, 1], 1) {
        conv2d(input, weight, bias, conv.stride, padding)
    } else {
        module::conv2d(input, weight, bias, ConvOptions::new(conv.stride, padding, conv.dilation, conv.groups))
    }
}

/// A convolution with zeros around the picture, as many above as below and left as right.
pub fn conv2d(input: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, stride: [usize; 2], padding: [usize; 2]) -> Tensor<4> {
    if !weight.is_tracked() {
        return module::conv2d(input, weight, bias, ConvOptions::new(stride, padding, [1, 1], 1));
    }
    let output = <Dispatch as Convolve>::convolve(input.into_dispatch(), weight.into_dispatch(), stride, padding);
    let output = Tensor::<4>::from_dispatch(output);
    match bias {
        Some(bias) => {
            let channels = bias.dims()[0];
            output + bias.reshape([1, channels, 1, 1])
        }
        None => output,
    }
}

/// Zeros above and below, left and right of a picture of `size`.
fn padding(conv: &Conv2d, size: [usize; 2]) -> [(usize, usize); 2] {
    match conv.padding {
        PaddingConfig2d::Valid => [(0, 0); 2],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [(top, bottom), (left, right)],
        // TensorFlow's: the odd one right and below.
        PaddingConfig2d::Same => [0, 1].map(|side| {
            let (kernel, stride, size) = (conv.kernel_size[side], conv.stride[side], size[side]);
            let total = ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size);
            (total / 2, total - total / 2)
        }),
    }
}

/// The operation as burn's dispatch looks for it.
#[backend_extension(LibTorch, Autodiff)]
pub(super) trait Convolve: Backend {
    fn convolve(input: FloatTensor<Self>, weight: FloatTensor<Self>, stride: [usize; 2], padding: [usize; 2]) -> FloatTensor<Self>;
}

impl Convolve for LibTorch {
    fn convolve(input: Primitive, weight: Primitive, stride: [usize; 2], padding: [usize; 2]) -> Primitive {
        Primitive::new(run(&input.tensor, &weight.tensor, stride, padding))
    }
}

fn run(input: &Values, weight: &Values, stride: [usize; 2], padding: [usize; 2]) -> Values {
    let [stride, padding] = [stride, padding].map(|sides| sides.map(|side| side as i64));
    input.conv2d(weight, None::<&Values>, stride, padding, [1, 1], 1)
}

impl<C: CheckpointStrategy> Convolve for Autodiff<LibTorch, C> {
    fn convolve(input: FloatTensor<Self>, weight: FloatTensor<Self>, stride: [usize; 2], padding: [usize; 2]) -> FloatTensor<Self> {
        let learns = [input.is_tracked(), weight.is_tracked()];
        match Convolution.prepare::<C>([input.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let leaf = |values: Primitive, learns| Leaf::new(values, learns);
                let leaves = [leaf(input.into_primitive(), learns[0]), leaf(weight.into_primitive(), learns[1])];
                let output = tch::with_grad(|| run(&leaves[0].0.tensor, &leaves[1].0.tensor, stride, padding));
                let shown = Primitive::new(output.detach());
                prepared.finish(State { leaves, output: Primitive::new(output) }, shown)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(LibTorch::convolve(input.into_primitive(), weight.into_primitive(), stride, padding))
            }
        }
    }
}

/// Values of burn's that libtorch's autograd starts at. They are counted as burn's, which therefore does not write over them.
#[derive(Debug, Clone)]
struct Leaf(Primitive);

impl Leaf {
    fn new(values: Primitive, learns: bool) -> Self {
        let tensor = values.tensor.detach().set_requires_grad(learns);
        Self(Primitive::from_existing(tensor, values.storage))
    }
}

/// The convolution as libtorch's autograd recorded it.
#[derive(Debug, Clone)]
struct State {
    /// Input and weight.
    leaves: [Leaf; 2],
    /// Only how it was made counts, and its values may be written over by what follows; but its memory is held until the backward pass.
    output: Primitive,
}

#[derive(Debug)]
struct Convolution;

impl Backward<LibTorch, 2> for Convolution {
    type State = State;

    fn backward(self, ops: Ops<State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<LibTorch>(&ops.node);
        let State { leaves, output } = ops.state;
        let learning: Vec<_> = leaves.iter().zip(ops.parents).filter_map(|(leaf, parent)| Some((&leaf.0.tensor, parent?))).collect();
        // The bindings start at a scalar. What comes back from this one to the output is `gradient`.
        let scalar = tch::with_grad(|| output.tensor.reshape(-1).dot(&gradient.tensor.reshape(-1)));
        let inputs: Vec<&Values> = learning.iter().map(|(tensor, _)| *tensor).collect();
        let found = Values::run_backward(&[scalar], &inputs, false, false);
        for ((_, parent), gradient) in learning.into_iter().zip(found) {
            grads.register::<LibTorch>(parent.id, Primitive::new(gradient));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{agree, read, wave};
    use super::*;
    use burn::module::Param;
    use burn::nn::conv::Conv2dConfig;
    use burn::tensor::Device;

    /// Output and gradients of input, weight and bias; `tracked` says which of the first two learn.
    fn learn(config: &Conv2dConfig, tracked: [bool; 2], native: bool) -> Vec<Vec<f32>> {
        let device = Device::libtorch().autodiff();
        let mut conv = config.init(&device);
        let weight = wave(conv.weight.dims(), 29, &device);
        let learns = |tensor: Tensor<4>, tracked| if tracked { tensor.require_grad() } else { tensor };
        conv.weight = Param::from_tensor(learns(weight, tracked[1])).set_require_grad(tracked[1]);
        conv.bias = conv.bias.map(|bias| Param::from_tensor(wave(bias.dims(), 41, &device).require_grad()));
        let input = learns(wave([3, 4, 9, 8], 37, &device), tracked[0]);
        // Nobody holds what the convolution sees and gives but its graph, so that burn writes over both where it may.
        let seen = input.clone().add_scalar(0.5);
        let output = if native { convolve(&conv, seen.clone()) } else { conv.forward(seen.clone()) };
        let aside = seen.mul_scalar(3.0).sum();
        let following = output.mul_scalar(0.5).add_scalar(0.1);
        let gradients = ((following.clone().powi_scalar(2) * wave(following.dims(), 53, &device)).sum() + aside).backward();
        let found = [
            Some(following.dims().map(|side| side as f32).to_vec()),
            Some(read(following)),
            input.grad(&gradients).map(read),
            conv.weight.val().grad(&gradients).map(read),
            conv.bias.as_ref().and_then(|bias| bias.val().grad(&gradients)).map(read),
        ];
        found.into_iter().flatten().collect()
    }

    #[test]
    fn gradients_are_burns() {
        let config = |kernel| Conv2dConfig::new([4, 6], [kernel, kernel]);
        let around = |sides| PaddingConfig2d::Explicit(sides, sides, sides, sides);
        let cases = [
            ("3 × 3", config(3).with_padding(around(1)).with_bias(false)),
            ("4 × 4, stride 2", config(4).with_stride([2, 2]).with_padding(around(1))),
            ("1 × 1", config(1)),
            ("more right and below", config(3).with_stride([2, 2]).with_padding(PaddingConfig2d::Same)),
            (
                "a channel on its own",
                Conv2dConfig::new([4, 4], [5, 5]).with_stride([2, 2]).with_groups(4).with_padding(PaddingConfig2d::Same),
            ),
        ];
        for (name, config) in cases {
            for tracked in [[true, true], [false, true], [true, false]] {
                let ours = learn(&config, tracked, true);
                assert!(ours.len() >= 3, "{name}");
                agree(&format!("{name}, {tracked:?}"), ours, learn(&config, tracked, false));
            }
        }
    }
}
