//! The parts of a step: several batches one after the other (gradient accumulation), each shared among devices (data parallelism).
//!
//! Every part computes its gradients with the same weights; they are added up on the first device, weighted by their share of the
//! pictures, and the weights move once. Devices get copies of the weights before (what burn calls its naive multi-device strategy).

use std::ops::Range;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};

use super::judge::Frozen;
use crate::Result;
use crate::readback::read_now;
use crate::stem::TextFeatures;
use crate::train::optim::adam::{gradient_norm, scale_gradients};

/// A device beside the first, with its own frozen networks.
pub struct Worker {
    /// The autodiff device.
    pub device: Device,
    /// Copies on it.
    pub frozen: Frozen,
}

/// What one device computes at once.
pub struct Shard {
    /// Which device: 0 is the trainer's own.
    pub worker: usize,
    /// Which pictures of the step.
    pub range: Range<usize>,
    /// Its part of all pictures.
    pub share: f64,
    /// Its part of all words, end marks included.
    pub word_share: f64,
    /// On the shard's device, as is the rest.
    pub text: TextFeatures,
    /// Each picture's wrong sentence, (range, D).
    pub wrong: Tensor<2>,
    /// z, (range, z_dim).
    pub noise: Tensor<2>,
    /// ε, (range, condition_dim).
    pub epsilon: Tensor<2>,
    /// z and ε of the twins.
    pub twins: Option<(Tensor<2>, Tensor<2>)>,
    /// Where the augmentation's random numbers come from.
    pub augmentation: u64,
}

/// The pictures of each shard: `batches` batches, each in `devices` parts of about one size.
pub fn ranges(pictures: usize, batches: usize, devices: usize) -> Vec<Range<usize>> {
    let parts = batches * devices;
    (0..parts).map(|part| part * pictures / parts..(part + 1) * pictures / parts).filter(|range| !range.is_empty()).collect()
}

/// A copy of `master` with weights and running statistics of its own, on the autodiff `device`; parameters keep their numbers.
pub fn replica<M: Module>(master: &M, device: &Device) -> M {
    master.valid().to_device(&device.clone().inner()).train()
}

/// Gradients of several shards, on the device of `master`.
pub struct Sum<'a, M: Module> {
    master: &'a M,
    device: Device,
    sum: GradientsAccumulator<M>,
}

impl<'a, M: Module> Sum<'a, M> {
    /// Of no shard yet.
    pub fn new(master: &'a M, device: &Device) -> Self {
        Self { master, device: device.clone().inner(), sum: GradientsAccumulator::new() }
    }

    /// Adds those of a shard.
    pub fn add(&mut self, gradients: GradientsParams) {
        self.sum.accumulate(self.master, gradients.to_device(&self.device, self.master));
    }

    /// The sum over `scale`, the factor that losses were multiplied with; nothing where it is not finite.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device cannot be read. It is read only where there is a factor.
    pub fn finish(mut self, scale: Option<f64>) -> Result<Option<GradientsParams>> {
        let gradients = self.sum.grads();
        let Some(scale) = scale else { return Ok(Some(gradients)) };
        let factor = Tensor::from_floats([(1.0 / scale) as f32], &self.device);
        let gradients = scale_gradients(self.master, gradients, factor);
        let Some(norm) = gradient_norm(self.master, &gradients) else { return Ok(Some(gradients)) };
        let finite = read_now(norm)?.into_iter().all(f32::is_finite);
        Ok(finite.then_some(gradients))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_is_in_one_shard() {
        assert_eq!(ranges(8, 1, 1), vec![Range { start: 0, end: 8 }]);
        assert_eq!(ranges(8, 2, 2), [0..2, 2..4, 4..6, 6..8]);
        assert_eq!(ranges(7, 1, 2), [0..3, 3..7]);
        // The last batch of a small data set.
        assert_eq!(ranges(1, 2, 1), vec![Range { start: 0, end: 1 }]);
    }

    /// Without batch norms, gradients of parts weighted by their shares are the gradient of the whole batch.
    #[test]
    fn parts_add_up_to_the_whole() {
        let device = Device::flex().autodiff();
        let model = burn::nn::LinearConfig::new(2, 1).init(&device);
        let input = Tensor::<2>::from_floats([[1.0, 2.0], [0.5, -3.0], [0.1, 0.2], [4.0, 1.0], [-1.0, 0.3]], &device);
        let loss = |model: &burn::nn::Linear, rows: Range<usize>| {
            model.forward(input.clone().narrow(0, rows.start, rows.len())).powi_scalar(2).mean()
        };
        let whole = GradientsParams::from_grads(loss(&model, 0..5).backward(), &model);
        let mut sum = Sum::new(&model, &device);
        for range in ranges(5, 2, 1) {
            let copy = replica(&model, &device);
            let share = range.len() as f64 / 5.0;
            sum.add(GradientsParams::from_grads(loss(&copy, range).mul_scalar(share * 8.0).backward(), &copy));
        }
        let parts = sum.finish(Some(8.0)).unwrap().unwrap();
        let values = |gradients: &GradientsParams| crate::readback::read_now(gradients.get::<2>(model.weight.id).unwrap()).unwrap();
        for (a, b) in values(&whole).into_iter().zip(values(&parts)) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        let mut bad = Sum::new(&model, &device);
        bad.add(GradientsParams::from_grads(loss(&model, 0..5).mul_scalar(f32::INFINITY).backward(), &model));
        assert!(bad.finish(Some(1.0)).unwrap().is_none());
    }

    #[test]
    fn a_replica_has_its_own_statistics_and_the_masters_numbers() {
        let device = Device::flex().autodiff();
        let master = crate::nn::BatchNormConfig::new(1).init(&device);
        let copy = replica(&master, &device);
        let output = copy.forward(Tensor::<2>::from_floats([[1.0], [3.0]], &device));
        let value = |tensor: Tensor<1>| tensor.into_scalar::<f32>();
        assert_eq!(value(master.running_mean.value()), 0.0);
        assert!(value(copy.running_mean.value()) > 0.0);
        let weights = Tensor::<2>::from_floats([[1.0], [2.0]], &device);
        let mut sum = Sum::new(&master, &device);
        sum.add(GradientsParams::from_grads((output * weights).sum().backward(), &copy));
        let gradients = sum.finish(Some(2.0)).unwrap().unwrap();
        let bias = value(gradients.get::<1>(master.bias.id).unwrap());
        assert!((bias - 1.5).abs() < 1e-6, "{bias}");
    }
}
