//! Weights from one network into another of the same kind: copied, or averaged.
//!
//! The running average of a generator is what is shown and exported (StyleGAN2, appendix B; the public code averages with 0.999 a step
//! but leaves batch-norm statistics out, which are averaged here like the weights).

use std::any::Any;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// How much of the old average is kept after a step of `batch` pictures, for a half-life in pictures.
///
/// `seen` pictures ago the average began; while that is little, it follows faster, or the first weights would stay in it for long.
pub fn decay(half_life: f64, batch: usize, seen: usize) -> f64 {
    let steady = 0.5f64.powf(batch as f64 / half_life.max(1.0));
    let young = (seen as f64 + 1.0) / (seen as f64 + 10.0 * batch as f64);
    steady.min(young)
}

/// average ← decay · average + (1 − decay) · current, for every weight and every running statistic.
///
/// Both must be made from one configuration and be off the autodiff graph (`Module::valid`).
pub fn update<M: Module>(average: M, current: &M, decay: f64) -> M {
    let mut collector = Collector(Vec::new());
    current.visit(&mut collector);
    collector.0.reverse();
    average.map(&mut Averager { current: collector.0, decay })
}

/// `target` with the weights and running statistics of `source`; it keeps its own parameter numbers, which optimizers go by.
///
/// Both must be made from one configuration; they may be on the autodiff device.
pub fn copy<M: Module>(target: M, source: &M) -> M {
    let mut collector = Collector(Vec::new());
    source.visit(&mut collector);
    collector.0.reverse();
    target.map(&mut Copier(collector.0))
}

struct Copier(Vec<Box<dyn Any>>);

impl ModuleMapper for Copier {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let source = self.0.pop().and_then(|tensor| tensor.downcast::<Tensor<D>>().ok());
        let Some(source) = source else { return param };
        param.map(|old| source.detach().set_require_grad(old.is_require_grad()))
    }
}

struct Collector(Vec<Box<dyn Any>>);

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(Box::new(param.val()));
    }
}

struct Averager {
    /// In reverse order of the visit.
    current: Vec<Box<dyn Any>>,
    decay: f64,
}

impl ModuleMapper for Averager {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Same type, same order: a mismatch cannot come from data.
        let current = self.current.pop().and_then(|tensor| tensor.downcast::<Tensor<D>>().ok());
        let Some(current) = current else { return param };
        param.map(|old| old.mul_scalar(self.decay) + current.mul_scalar(1.0 - self.decay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::BatchNormConfig;
    use burn::tensor::Device;

    #[test]
    fn weights_and_statistics_move_halfway() {
        let device = Device::flex();
        let average = BatchNormConfig::new(1).init(&device);
        let mut current = BatchNormConfig::new(1).init(&device);
        current.bias = Param::from_tensor(Tensor::from_floats([2.0], &device));
        current.running_mean.update(Tensor::from_floats([4.0], &device));
        current.running_mean.value_sync();
        let average = update(average, &current, 0.5);
        let value = |tensor: Tensor<1>| tensor.into_data().try_to_vec::<f32>().unwrap()[0];
        assert_eq!(value(average.bias.val()), 1.0);
        assert_eq!(value(average.running_mean.value()), 2.0);
        assert_eq!(value(current.running_mean.value()), 4.0);
    }

    #[test]
    fn half_life_is_in_pictures() {
        let steps = 100;
        let kept = decay(1000.0, 10, 1_000_000).powi(steps);
        assert!((kept - 0.5).abs() < 1e-6, "{kept}");
    }
}
