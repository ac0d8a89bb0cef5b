//! Data parallelism: weights are copied out to every device, and the gradients of all shards come home.
//!
//! Every shard computes its gradients with the same weights; they are added up on the first device, weighted by their share of the
//! pictures, and the weights move once. Devices get copies of the weights before (what burn calls its naive multi-device strategy).

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};

use crate::Result;
use crate::readback::{Reads, read_now};
use crate::train::optim::adam::{gradient_norm, scale_gradients};

/// A copy of `master` with weights and running statistics of its own, on the autodiff `device`; parameters keep their numbers.
pub fn copy_to<M: Module>(master: &M, device: &Device) -> M {
    master.valid().to_device(&device.clone().inner()).train()
}

/// Gradients of several shards added up, on the device of `master`.
pub struct GradientSum<'a, M: Module> {
    master: &'a M,
    device: Device,
    sum: GradientsAccumulator<M>,
    /// Those on other devices, which are fetched when there is nothing else to do: fetching waits until they are computed.
    away: Vec<(Device, GradientsParams)>,
}

impl<'a, M: Module> GradientSum<'a, M> {
    /// Of no shard yet.
    pub fn new(master: &'a M, device: &Device) -> Self {
        Self { master, device: device.clone().inner(), sum: GradientsAccumulator::new(), away: Vec::new() }
    }

    /// Adds those of a shard, which are on `device`.
    pub fn add(&mut self, device: &Device, gradients: GradientsParams) {
        if device.clone().inner() == self.device {
            self.sum.accumulate(self.master, gradients);
        } else {
            self.away.push((device.clone().inner(), gradients));
        }
    }

    /// The sum over `scale`, the factor that losses were multiplied with; nothing where it is not finite.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device cannot be read. It is read only where there is a factor.
    pub fn finish(mut self, scale: Option<f64>) -> Result<Option<GradientsParams>> {
        for (away, gradients) in std::mem::take(&mut self.away) {
            let gradients = fetch(self.master, gradients, &away, &self.device)?;
            self.sum.accumulate(self.master, gradients);
        }
        let gradients = self.sum.grads();
        let Some(scale) = scale else { return Ok(Some(gradients)) };
        let factor = Tensor::from_floats([(1.0 / scale) as f32], &self.device);
        let gradients = scale_gradients(self.master, gradients, factor);
        let Some(norm) = gradient_norm(self.master, &gradients) else { return Ok(Some(gradients)) };
        let finite = read_now(norm)?.into_iter().all(f32::is_finite);
        Ok(finite.then_some(gradients))
    }
}

/// Gradients of `master` that are on `from`, on `to`.
fn fetch<M: Module>(master: &M, mut gradients: GradientsParams, from: &Device, to: &Device) -> Result<GradientsParams> {
    if !crate::nn::is_elsewhere(from) || crate::nn::is_elsewhere(to) {
        // GPUs of one kind have ways of their own, and so have two servers.
        return Ok(gradients.to_device(to, master));
    }
    // burn would wait for each tensor by itself, as long as the network takes there and back. Here all are on their way before the first is waited for.
    let mut asking = Asking { gradients: &mut gradients, ids: Vec::new(), reads: Reads::default() };
    master.visit(&mut asking);
    let Asking { ids, reads, .. } = asking;
    let mut arrived = Arrived { data: ids.into_iter().zip(reads.wait()?).collect(), gradients: GradientsParams::new(), device: to };
    master.visit(&mut arrived);
    Ok(arrived.gradients)
}

/// Asks for each gradient.
struct Asking<'a> {
    gradients: &'a mut GradientsParams,
    ids: Vec<ParamId>,
    reads: Reads,
}

impl ModuleVisitor for Asking<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.ids.push(param.id);
            self.reads.begin(gradient);
        }
    }
}

/// Takes each gradient that has arrived.
struct Arrived<'a> {
    data: BTreeMap<ParamId, TensorData>,
    gradients: GradientsParams,
    device: &'a Device,
}

impl ModuleVisitor for Arrived<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(data) = self.data.remove(&param.id) {
            self.gradients.register(param.id, Tensor::<D>::from_data(data, self.device));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

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
        let mut sum = GradientSum::new(&model, &device);
        for range in [0..2, 2..5] {
            let copy = copy_to(&model, &device);
            let share = range.len() as f64 / 5.0;
            sum.add(&device, GradientsParams::from_grads(loss(&copy, range).mul_scalar(share * 8.0).backward(), &copy));
        }
        let parts = sum.finish(Some(8.0)).unwrap().unwrap();
        let values = |gradients: &GradientsParams| crate::readback::read_now(gradients.get::<2>(model.weight.id).unwrap()).unwrap();
        for (a, b) in values(&whole).into_iter().zip(values(&parts)) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        let mut bad = GradientSum::new(&model, &device);
        bad.add(&device, GradientsParams::from_grads(loss(&model, 0..5).mul_scalar(f32::INFINITY).backward(), &model));
        assert!(bad.finish(Some(1.0)).unwrap().is_none());
    }

    #[test]
    fn a_copy_has_its_own_statistics_and_the_masters_numbers() {
        let device = Device::flex().autodiff();
        let master = crate::nn::BatchNormConfig::new(1).init(&device);
        let copy = copy_to(&master, &device);
        let output = copy.forward(Tensor::<2>::from_floats([[1.0], [3.0]], &device));
        let value = |tensor: Tensor<1>| tensor.into_scalar::<f32>();
        assert_eq!(value(master.running_mean.value()), 0.0);
        assert!(value(copy.running_mean.value()) > 0.0);
        let weights = Tensor::<2>::from_floats([[1.0], [2.0]], &device);
        let mut sum = GradientSum::new(&master, &device);
        sum.add(&device, GradientsParams::from_grads((output * weights).sum().backward(), &copy));
        let gradients = sum.finish(Some(2.0)).unwrap().unwrap();
        let bias = value(gradients.get::<1>(master.bias.id).unwrap());
        assert!((bias - 1.5).abs() < 1e-6, "{bias}");
    }
}
