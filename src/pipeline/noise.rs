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
    /// that the generator has learned from, so that the way goes along a sphere (White 2016, Sampling Generative Networks, section 2.1).
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
    Towards(Noise, f32),
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
                Source::Towards(Noise::new(*seed), *position)
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
                (along_sphere(&own.0, &other.0, *position), along_sphere(&own.1, &other.1, *position))
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

/// Spherical linear interpolation (Shoemake 1985, Animating rotation with quaternion curves, section 3.3): both ends to the bit, angles in
/// even steps between them.
fn along_sphere(from: &[f32], to: &[f32], position: f32) -> Vec<f32> {
    // Ends are what they are, without what rounding makes of them.
    if position == 0.0 || from == to {
        return from.to_vec();
    }
    if position == 1.0 {
        return to.to_vec();
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let norms = (dot(from, from) * dot(to, to)).sqrt();
    let angle = (dot(from, to) / norms).clamp(-1.0, 1.0).acos();
    let position = f64::from(position);
    let (own, other) = if angle.sin() > 1e-6 {
        (((1.0 - position) * angle).sin() / angle.sin(), (position * angle).sin() / angle.sin())
    } else {
        // Parallel, opposite or nothing: no arc is shorter than another.
        (1.0 - position, position)
    };
    from.iter().zip(to).map(|(a, b)| (own * f64::from(*a) + other * f64::from(*b)) as f32).collect()
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
    fn a_way_begins_and_ends_at_its_seeds_and_keeps_to_the_sphere() {
        let at = |position| draw(1, Some(&NoiseSource::Towards { seed: 2, position }), 2);
        assert_eq!(at(0.0), draw(1, None, 2));
        assert_eq!(at(1.0), draw(2, None, 2));
        let angle = |a: &[f32], b: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).acos()
        };
        let norm = |values: &[f32]| values.iter().map(|value| value * value).sum::<f32>().sqrt();
        let (from, to, way) = (draw(1, None, 2), draw(2, None, 2), at(0.25));
        for picture in 0..2 {
            let (from, to, way) = (&from[picture].0, &to[picture].0, &way[picture].0);
            // The two are not of one length, which bends the way a little.
            assert!((angle(from, way) / angle(from, to) - 0.25).abs() < 0.1, "{}", angle(from, way) / angle(from, to));
            // A straight line would be at 0.8 of the shorter one.
            assert!(norm(way) > 0.97 * norm(from).min(norm(to)), "{} of {} and {}", norm(way), norm(from), norm(to));
        }
        // By the equation, where the lengths are 1: a quarter of a right angle.
        let quarter = along_sphere(&[1.0, 0.0], &[0.0, 1.0], 0.25);
        let expected = [(std::f32::consts::PI / 8.0).cos(), (std::f32::consts::PI / 8.0).sin()];
        assert!(quarter.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{quarter:?}");
        assert_eq!(along_sphere(&[1.0, 0.0], &[2.0, 0.0], 0.5), [1.5, 0.0]);
        assert!(along_sphere(&[0.0, 0.0], &[1.0, 1.0], 0.5).iter().all(|value| value.is_finite()));
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
