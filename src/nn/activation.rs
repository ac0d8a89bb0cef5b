//! Activations composed of burn's operations; [`super::ops`] chooses between them and libtorch's.
//!
//! The gradient of the piecewise linear ones is one product. burn derives `clamp` and `leaky_relu` from comparisons and fills by mask, once
//! forward and once more for the gradient. Where a graph is recorded, the slope at each value is a constant here, and the activation a
//! product with it.

use burn::tensor::{Tensor, activation};

/// min(max(x, 0), 6).
pub fn relu6<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    let plain = |at: Tensor<D>| at.clamp(0.0, 6.0);
    piecewise(input, plain, |at| {
        let output = plain(at.clone());
        let slope = at.clone().equal(output.clone()).float().cast(at.dtype());
        let offset = output - at * slope.clone();
        (slope, Some(offset))
    })
}

/// x above zero, `slope` · x below.
pub fn leaky_relu<const D: usize>(input: Tensor<D>, slope: f64) -> Tensor<D> {
    let plain = |at| activation::leaky_relu(at, slope);
    piecewise(input, plain, |at| {
        let dtype = at.dtype();
        (at.greater_equal_elem(0.0).float().cast(dtype).mul_scalar(1.0 - slope).add_scalar(slope), None)
    })
}

/// The first half of the channels times the sigmoid of the second.
pub fn glu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    let channels = input.dims()[1] / 2;
    let value = input.clone().narrow(1, 0, channels);
    let gate = input.narrow(1, channels, channels);
    value.mul(activation::sigmoid(gate))
}

/// `plain` of the input; where a graph is recorded, slope · x + offset with `pieces` of the input's values: the slope, and the offset
/// where it is not zero everywhere.
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
fn piecewise<const D: usize>(
    input: Tensor<D>,
    plain: impl Fn(Tensor<D>) -> Tensor<D>,
    pieces: impl Fn(Tensor<D>) -> (Tensor<D>, Option<Tensor<D>>),
) -> Tensor<D> {
    if input.is_tracked() {
        let (slope, offset) = pieces(input.clone().inner());
        let output = input * Tensor::from_inner(slope);
        offset.map_or(output.clone(), |offset| output + Tensor::from_inner(offset))
    } else if input.is_autodiff() {
        // Off the graph, back ends have functions of their own.
        Tensor::from_inner(plain(input.inner()))
    } else {
        plain(input)
    }
}

#[cfg(any(not(feature = "lab"), target_arch = "wasm32"))]
fn piecewise<const D: usize>(
    input: Tensor<D>,
    plain: impl Fn(Tensor<D>) -> Tensor<D>,
    _pieces: impl Fn(Tensor<D>) -> (Tensor<D>, Option<Tensor<D>>),
) -> Tensor<D> {
    plain(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Values and gradients of `activation` at `points`, the values with and without a graph being the same.
    fn at(points: &[f32], activation: impl Fn(Tensor<1>) -> Tensor<1>) -> (Vec<f32>, Vec<f32>) {
        let device = Device::flex().autodiff();
        let values = |tensor: Tensor<1>| tensor.into_data().try_to_vec::<f32>().unwrap();
        let input = Tensor::<1>::from_floats(points, &device);
        let untracked = values(activation(input.clone()));
        assert_eq!(untracked, values(activation(input.clone().inner())));
        let input = input.require_grad();
        let output = activation(input.clone());
        assert_eq!(untracked, values(output.clone()));
        // Weights tell a gradient that is passed on from one that is made up.
        let weights = Tensor::<1>::from_floats((1..=points.len()).map(|i| i as f32).collect::<Vec<_>>().as_slice(), &device);
        let gradients = (output * weights).sum().backward();
        (untracked, values(input.grad(&gradients).unwrap()))
    }

    #[test]
    fn relu6_is_flat_outside_of_0_to_6() {
        let (values, gradients) = at(&[-3.0, -0.1, 0.1, 5.9, 6.1, 100.0], relu6);
        assert_eq!(values, [0.0, 0.0, 0.1, 5.9, 6.0, 6.0]);
        assert_eq!(gradients, [0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
    }

    #[test]
    fn leaky_relu_leaks_below_zero() {
        let (values, gradients) = at(&[-5.0, -0.5, 0.25, 7.0], |input| leaky_relu(input, 0.25));
        assert_eq!(values, [-1.25, -0.125, 0.25, 7.0]);
        assert_eq!(gradients, [0.25, 0.5, 3.0, 4.0]);
    }
}
