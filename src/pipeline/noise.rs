//! The noise of a picture: of a seed, on the way from one seed to another, or given; the same numbers natively and in the browser.

use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::glam::GeneratorConfig;
use crate::{Error, Result};

/// Noise other than a seed's own.
#[derive(Debug, Clone, PartialEq)]
pub enum NoiseSource {
    /// On the way from the noise of the call's seed to that of another one. In a straight line the numbers between would be smaller than any
    /// that the generator has learned from (White 2016, Sampling Generative Networks, section 2.1): their spread is kept.
    Towards {
        /// Where the way ends.
        seed: u64,
        /// From 0, which is the noise of the call's seed, to 1, which is that of this one.
        position: f32,
    },
    /// The numbers themselves, picture after picture.
    Values {
        /// z, z_dim numbers a picture.
        z: Vec<f32>,
        /// ε of conditioning augmentation, condition_dim numbers a picture.
        epsilon: Vec<f32>,
    },
}

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
        let (z, epsilon) = self.numbers(config);
        (row(z, device), row(epsilon, device))
    }

    /// z and ε of the next picture.
    fn numbers(&mut self, config: &GeneratorConfig) -> (Vec<f32>, Vec<f32>) {
        (self.normal(config.z_dim), self.normal(config.condition_dim))
    }

    fn normal(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| StandardNormal.sample(&mut self.rng)).collect()
    }
}

/// The noise of the pictures of a call, one after the other.
#[derive(Debug)]
pub(super) struct Noises<'a> {
    config: &'a GeneratorConfig,
    own: Noise,
    source: Source<'a>,
}

#[derive(Debug)]
enum Source<'a> {
    Seed,
    Towards(Box<Noise>, f32),
    Values { z: std::slice::ChunksExact<'a, f32>, epsilon: std::slice::ChunksExact<'a, f32> },
}

impl<'a> Noises<'a> {
    /// The noise of `count` pictures from `seed`, or as `source` has it.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a position that is not from 0 to 1, and for numbers that are not as many as are needed or not finite.
    pub(super) fn new(config: &'a GeneratorConfig, seed: u64, source: Option<&'a NoiseSource>, count: usize) -> Result<Self> {
        let source = match source {
            None => Source::Seed,
            Some(NoiseSource::Towards { seed, position }) => {
                if !(0.0..=1.0).contains(position) {
                    return Err(Error::BadInput(format!("the position between two noises is {position}; expected 0 to 1")));
                }
                Source::Towards(Box::new(Noise::new(*seed)), *position)
            }
            Some(NoiseSource::Values { z, epsilon }) => {
                for (name, values, size) in [("z", z, config.z_dim), ("epsilon", epsilon, config.condition_dim)] {
                    if values.len() != count * size {
                        let found = values.len();
                        return Err(Error::BadInput(format!(
                            "{name} of the noise has {found} numbers; expected {size} for each of {count} pictures"
                        )));
                    }
                    if !values.iter().all(|value| value.is_finite()) {
                        return Err(Error::BadInput(format!("{name} of the noise has a number that is not finite")));
                    }
                }
                // Of no dimension there is nothing to cut.
                Source::Values { z: z.chunks_exact(config.z_dim.max(1)), epsilon: epsilon.chunks_exact(config.condition_dim.max(1)) }
            }
        };
        Ok(Self { config, own: Noise::new(seed), source })
    }

    /// z, (1, z_dim), and ε, (1, condition_dim), of the next picture.
    pub(super) fn next(&mut self, device: &Device) -> (Tensor<2>, Tensor<2>) {
        let (z, epsilon) = match &mut self.source {
            Source::Seed => self.own.numbers(self.config),
            Source::Towards(other, position) => {
                let (own, other) = (self.own.numbers(self.config), other.numbers(self.config));
                (mixed(&own.0, &other.0, *position), mixed(&own.1, &other.1, *position))
            }
            Source::Values { z, epsilon } => (z.next().unwrap_or_default().to_vec(), epsilon.next().unwrap_or_default().to_vec()),
        };
        (row(z, device), row(epsilon, device))
    }
}

fn row(values: Vec<f32>, device: &Device) -> Tensor<2> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [1, count]), device)
}

/// (1 − t) a + t b, over √((1 − t)² + t²): of independent numbers from N(0, 1), numbers from N(0, 1) again; at both ends what is there.
fn mixed(from: &[f32], to: &[f32], position: f32) -> Vec<f32> {
    let spread = (position * position + (1.0 - position) * (1.0 - position)).sqrt();
    let (own, other) = ((1.0 - position) / spread, position / spread);
    from.iter().zip(to).map(|(a, b)| own * a + other * b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readback::read_now;

    fn config() -> GeneratorConfig {
        GeneratorConfig { z_dim: 50, condition_dim: 30, ..GeneratorConfig::default() }
    }

    fn draw(seed: u64, source: Option<&NoiseSource>, count: usize) -> Vec<(Vec<f32>, Vec<f32>)> {
        let (config, device) = (config(), Device::flex());
        let mut noises = Noises::new(&config, seed, source, count).unwrap();
        (0..count)
            .map(|_| {
                let (z, epsilon) = noises.next(&device);
                (read_now(z).unwrap(), read_now(epsilon).unwrap())
            })
            .collect()
    }

    #[test]
    fn a_way_begins_and_ends_at_its_seeds_and_keeps_the_spread() {
        let at = |position| draw(1, Some(&NoiseSource::Towards { seed: 2, position }), 2);
        assert_eq!(at(0.0), draw(1, None, 2));
        assert_eq!(at(1.0), draw(2, None, 2));
        let spread = |values: &[f32]| (values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32).sqrt();
        let wide = GeneratorConfig { z_dim: 10_000, ..config() };
        for position in [0.1, 0.25, 0.5, 0.9] {
            let source = NoiseSource::Towards { seed: 2, position };
            let (z, _) = Noises::new(&wide, 1, Some(&source), 1).unwrap().next(&Device::flex());
            // In a straight line it would be 0.71 in the middle.
            assert!((spread(&read_now(z).unwrap()) - 1.0).abs() < 0.03, "{position}");
        }
        assert_eq!(mixed(&[3.0, 0.0], &[0.0, 4.0], 0.0), [3.0, 0.0]);
        let quarter = mixed(&[1.0, 0.0], &[0.0, 1.0], 0.25);
        assert!((quarter[0] - 0.75 / 0.625f32.sqrt()).abs() < 1e-6 && (quarter[1] - 0.25 / 0.625f32.sqrt()).abs() < 1e-6, "{quarter:?}");
    }

    #[test]
    fn given_numbers_are_taken_picture_by_picture() {
        let drawn = draw(5, None, 2);
        let (z, epsilon) = (drawn.iter().flat_map(|one| one.0.clone()).collect(), drawn.iter().flat_map(|one| one.1.clone()).collect());
        let given = NoiseSource::Values { z, epsilon };
        assert_eq!(draw(77, Some(&given), 2), drawn);
    }

    #[test]
    fn what_is_no_noise_is_refused_by_name() {
        let config = config();
        let refused = |source: NoiseSource| Noises::new(&config, 1, Some(&source), 2).unwrap_err().to_string();
        let values = |z: usize, epsilon: usize| NoiseSource::Values { z: vec![0.0; z], epsilon: vec![0.0; epsilon] };
        assert!(refused(values(50, 60)).contains("z of the noise has 50 numbers; expected 50 for each of 2"));
        assert!(refused(values(100, 61)).contains("epsilon of the noise has 61"));
        assert!(refused(NoiseSource::Values { z: vec![f32::NAN; 100], epsilon: vec![0.0; 60] }).contains("not finite"));
        for position in [-0.1, 1.1, f32::NAN] {
            assert!(refused(NoiseSource::Towards { seed: 1, position }).contains("expected 0 to 1"));
        }
    }
}
