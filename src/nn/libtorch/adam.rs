//! Adam's update by libtorch's operations, in memory that is there already.
//!
//! The bindings have no fused operation for it. burn's elementary ones make a new tensor almost each time, and a copy of the whole in the end;
//! these go over the values half as often.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, LibTorch, backend_extension};
use burn::tensor::Tensor;
use tch::Tensor as Values;

use super::Primitive;
use crate::nn::AdamStep;

/// A step of Adam, `piece` values at a time; all tensors are libtorch's, flat and off the graph.
pub fn adam(old: Tensor<1>, gradient: Tensor<1>, moments: [Tensor<1>; 2], step: AdamStep, piece: usize) -> (Tensor<1>, [Tensor<1>; 2]) {
    let AdamStep { learning_rate, beta_1, beta_2, epsilon, .. } = step;
    let [bias_1, bias_2] = step.bias();
    let (rate, epsilon) = (-learning_rate * bias_2.sqrt() / bias_1, epsilon * bias_2.sqrt());
    moved(old, gradient, moments, Factors { beta_1, beta_2, rate, epsilon, piece })
}

/// The numbers of a step as the operation needs them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factors {
    beta_1: f64,
    beta_2: f64,
    /// What the first moment is multiplied with: −lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ).
    rate: f64,
    /// What is added to the root of the second moment: ε · √(1 − β₂ᵗ).
    epsilon: f64,
    /// Values that move at once.
    piece: usize,
}

fn moved(old: Tensor<1>, gradient: Tensor<1>, moments: [Tensor<1>; 2], factors: Factors) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [old, gradient] = [old, gradient].map(Tensor::into_dispatch);
    let [one, two] = moments.map(Tensor::into_dispatch);
    let (new, one, two) = <Dispatch as Moved>::moved(old, gradient, one, two, factors);
    (Tensor::from_dispatch(new), [one, two].map(Tensor::from_dispatch))
}

/// The operation as burn's dispatch looks for it.
#[backend_extension(LibTorch)]
pub(super) trait Moved: Backend {
    fn moved(
        old: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        one: FloatTensor<Self>,
        two: FloatTensor<Self>,
        factors: Factors,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl Moved for LibTorch {
    fn moved(old: Primitive, gradient: Primitive, one: Primitive, two: Primitive, factors: Factors) -> (Primitive, Primitive, Primitive) {
        let [one, two] = [one, two].map(own);
        // The old values stay: a copy of the network may show them.
        let new = old.tensor.empty_like();
        let length = new.numel();
        let at_most = factors.piece.min(length).max(1);
        let [scratch, other] = [(); 2].map(|()| Values::empty([at_most as i64], (new.kind(), new.device())));
        for start in (0..length).step_by(at_most) {
            let (start, count) = (start as i64, at_most.min(length - start) as i64);
            let part = |tensor: &Values| tensor.narrow(0, start, count);
            let [scratch, other] = [&scratch, &other].map(|tensor| tensor.narrow(0, 0, count));
            let gradient = part(&gradient.tensor);
            let one = part(&one).lerp_(&gradient, 1.0 - factors.beta_1);
            let two = part(&two).lerp_(&gradient.square_out(&scratch), 1.0 - factors.beta_2);
            let root = two.sqrt_out(&scratch).g_add_scalar_(factors.epsilon);
            let _ = part(&old.tensor).addcdiv_out(&part(&new), &one.mul_scalar_out(&other, factors.rate), &root);
        }
        (Primitive::new(new), Primitive::new(one), Primitive::new(two))
    }
}

/// The tensor to write into: itself where nothing else reads its memory.
fn own(tensor: Primitive) -> Values {
    if tensor.can_mut() { tensor.tensor } else { tensor.tensor.copy() }
}

#[cfg(test)]
mod tests {
    use super::super::tests;
    use super::*;
    use burn::tensor::Device;

    fn wave(length: usize, step: usize) -> Tensor<1> {
        tests::wave([length], step, &Device::libtorch())
    }

    fn read(tensor: &Tensor<1>) -> Vec<f32> {
        tests::read(tensor.clone())
    }

    /// A step by [`moved`] of tensors that others read too; asserts the equation, and that what others read is as it was.
    fn step(tensors: &[Tensor<1>; 4], factors: Factors) -> [Tensor<1>; 3] {
        let before = tensors.each_ref().map(read);
        let [old, gradient, one, two] = tensors.clone();
        let (new, [one, two]) = moved(old, gradient, [one, two], factors);
        assert_eq!(tensors.each_ref().map(read), before);
        let found = [&new, &one, &two].map(read);
        for at in 0..before[0].len() {
            let [old, gradient, m, v] = [0, 1, 2, 3].map(|part| f64::from(before[part][at]));
            let (m, v) = (0.5 * m + 0.5 * gradient, 0.99 * v + 0.01 * gradient * gradient);
            for (found, expected) in found.iter().zip([old - 0.02 * m / (v.sqrt() + 1e-3), m, v]) {
                assert!((f64::from(found[at]) - expected).abs() < 1e-6, "{at} of {}: {} {expected}", before[0].len(), found[at]);
            }
        }
        [new, one, two]
    }

    #[test]
    fn a_step_is_the_equation_and_changes_nothing_that_others_read() {
        for (length, piece) in [(1, 16), (16, 16), (37, 16), (37, usize::MAX)] {
            let factors = Factors { beta_1: 0.5, beta_2: 0.99, rate: -0.02, epsilon: 1e-3, piece };
            let (old, gradient) = (wave(length, 37), wave(length, 29));
            let [new, one, two] = step(&[old, gradient.clone(), wave(length, 53), wave(length, 41).powi_scalar(2)], factors);
            let again = step(&[new.clone(), gradient.clone(), one.clone(), two.clone()], factors).map(|tensor| read(&tensor));
            // Moments that nobody else reads are written over: to the same values.
            let (new, [one, two]) = moved(new, gradient, [one, two], factors);
            assert_eq!([&new, &one, &two].map(read), again);
        }
    }
}
