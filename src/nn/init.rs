//! Initial weights, drawn from a generator that is passed in.
//!
//! burn's initialisers draw from the device's global generator; two trainings in one process would disturb each other.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Re-draws every weight of a module as the public code does: convolution and linear weights orthogonal with gain 1,
/// batch-norm weights from N(1, 0.02), biases 0, embeddings uniform in ±0.1, LSTM weights uniform in ±1/√hidden.
///
/// Which layer a parameter belongs to is read from the names that burn gives to fields and types. Running statistics stay.
pub fn initialize<M: Module>(module: M, rng: &mut impl Rng) -> M {
    module.map(&mut Initializer { rng, path: Vec::new() })
}

struct Initializer<'a, R: Rng> {
    rng: &'a mut R,
    /// (field, type) of the modules entered.
    path: Vec<(String, String)>,
}

impl<R: Rng> Initializer<'_, R> {
    /// New values for the parameter that the path leads to, or nothing where it keeps its own.
    fn draw(&mut self, shape: &[usize]) -> Option<Vec<f32>> {
        let len = shape.iter().product();
        let (field, container) = self.path.last()?;
        let rng = &mut *self.rng;
        let uniform = |rng: &mut R, bound: f32| (0..len).map(|_| rng.random_range(-bound..bound)).collect();
        Some(match (container.as_str(), field.as_str()) {
            (_, field) if field.starts_with("running_") => return None,
            ("Struct:BatchNorm", "weight") => (0..len).map(|_| 1.0 + 0.02 * Distribution::<f32>::sample(&StandardNormal, rng)).collect(),
            ("Struct:Lstm", _) => uniform(rng, 1.0 / (shape[0] as f32 / 4.0).sqrt()),
            ("Struct:Embedding", "weight") => uniform(rng, 0.1),
            (_, "weight") if shape.len() >= 2 => orthogonal(shape, rng),
            _ => vec![0.0; len],
        })
    }
}

impl<R: Rng> ModuleMapper for Initializer<'_, R> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push((name.to_string(), container_type.to_string()));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        let Some(values) = self.draw(&shape.to_vec()) else { return param };
        param.map(|old| {
            let new = Tensor::from_data(TensorData::new(values, shape), &old.device());
            new.set_require_grad(old.is_require_grad())
        })
    }
}

/// A matrix of shape (first, product of the rest) whose rows or columns, whichever are fewer, are orthonormal
/// (Saxe et al. 2014), row after row: modified Gram–Schmidt on normal draws.
pub fn orthogonal(shape: &[usize], rng: &mut impl Rng) -> Vec<f32> {
    let rows = shape[0];
    let columns: usize = shape[1..].iter().product();
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f32>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector: Vec<f32> = (0..length).map(|_| StandardNormal.sample(rng)).collect();
        // Twice: one pass leaves rounding errors that grow with the number of vectors.
        for _ in 0..2 {
            for other in &basis {
                let dot: f32 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= dot * b);
            }
        }
        let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        if norm > 1e-6 {
            vector.iter_mut().for_each(|v| *v /= norm);
            basis.push(vector);
        }
    }
    if rows <= columns {
        return basis.concat();
    }
    let mut values = vec![0.0; rows * columns];
    for (column, vector) in basis.iter().enumerate() {
        for (row, value) in vector.iter().enumerate() {
            values[row * columns + column] = *value;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn orthogonal_rows_are_orthonormal() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let values = orthogonal(&[3, 2, 2, 2], &mut rng);
        for i in 0..3 {
            for j in 0..3 {
                let dot: f32 = (0..8).map(|k| values[i * 8 + k] * values[j * 8 + k]).sum();
                assert!((dot - if i == j { 1.0 } else { 0.0 }).abs() < 1e-5, "{i} {j}: {dot}");
            }
        }
    }
}
