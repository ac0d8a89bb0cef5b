//! Dropout whose mask comes from a generator that is passed in, so that a resumed training draws the same masks.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;

/// Zeroes each value with probability `probability` and scales the rest by 1 / (1 − probability) (Srivastava et al. 2014).
pub fn dropout<const D: usize>(input: Tensor<D>, probability: f64, rng: &mut impl Rng) -> Tensor<D> {
    if probability <= 0.0 {
        return input;
    }
    let scale = (1.0 / (1.0 - probability)) as f32;
    let shape = input.shape();
    let mask: Vec<f32> = (0..shape.num_elements()).map(|_| if rng.random_bool(probability) { 0.0 } else { scale }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, shape), &input.device());
    input * mask
}
