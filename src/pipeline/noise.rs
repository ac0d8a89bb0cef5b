//! The noise of a seed: the same numbers natively and in the browser.

use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::glam::GeneratorConfig;

/// Draws z and ε, picture after picture, from ChaCha8 seeded with a number.
#[derive(Debug, Clone)]
pub struct Noise {
    rng: ChaCha8Rng,
}

impl Noise {
    /// The noise of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// z, (1, z_dim), and ε, (1, condition_dim), of the next picture.
    pub fn next(&mut self, config: &GeneratorConfig, device: &Device) -> (Tensor<2>, Tensor<2>) {
        (self.normal(config.z_dim, device), self.normal(config.condition_dim, device))
    }

    fn normal(&mut self, count: usize, device: &Device) -> Tensor<2> {
        let values: Vec<f32> = (0..count).map(|_| StandardNormal.sample(&mut self.rng)).collect();
        Tensor::from_data(TensorData::new(values, [1, count]), device)
    }
}
