//! Initial weights, drawn from a generator that is passed in.
//!
//! burn's initialisers draw from the device's global generator; two trainings in one process would disturb each other.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::layer::{Initial, Role};
use super::orthogonal::orthogonal;
use super::table::ModulePath;
use crate::{Error, Result};

/// Re-draws every weight of a module as the public code does: convolution and linear weights orthogonal with gain 1,
/// batch-norm weights from N(1, 0.02), biases 0, embeddings uniform in ±0.1, LSTM weights uniform in ±1/√hidden.
///
/// Each layer says so itself ([`super::layer::Layer`]). Running statistics and other state stay.
///
/// # Errors
/// [`Error::UnknownLayer`] for numbers that no layer has.
pub fn initialize<M: Module>(module: M, rng: &mut impl Rng) -> Result<M> {
    let mut initializer = Initializer { rng, path: ModulePath::default(), error: None };
    let module = module.map(&mut initializer);
    initializer.error.map_or(Ok(module), Err)
}

struct Initializer<'a, R: Rng> {
    rng: &'a mut R,
    path: ModulePath,
    /// The first one; mappers cannot fail.
    error: Option<Error>,
}

impl<R: Rng> ModuleMapper for Initializer<'_, R> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let initial = match self.path.role() {
            Ok(Role::Weight(initial)) => initial,
            Ok(Role::State) => return param,
            Err(error) => {
                self.error.get_or_insert(error);
                return param;
            }
        };
        let shape = param.lazy_shape();
        let values = draw(initial, &shape.to_vec(), self.rng);
        param.map(|old| {
            let new = Tensor::from_data(TensorData::new(values, shape), &old.device());
            new.set_require_grad(old.is_require_grad())
        })
    }
}

/// New values for a tensor of `shape`, the last dimension changing fastest.
fn draw<R: Rng>(initial: Initial, shape: &[usize], rng: &mut R) -> Vec<f32> {
    let count = shape.iter().product();
    let uniform = |rng: &mut R, bound: f32| (0..count).map(|_| rng.random_range(-bound..bound)).collect();
    match initial {
        Initial::Zeros => vec![0.0; count],
        Initial::Orthogonal => orthogonal(shape, rng),
        Initial::NearOne => (0..count).map(|_| 1.0 + 0.02 * Distribution::<f32>::sample(&StandardNormal, rng)).collect(),
        Initial::Uniform(bound) => uniform(rng, bound),
        Initial::Gates => uniform(rng, 1.0 / (shape[0] as f32 / 4.0).sqrt()),
    }
}
