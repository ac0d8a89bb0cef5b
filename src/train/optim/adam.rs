//! Adam (Kingma and Ba 2015) whose state can be saved and continued to the bit on any device.
//!
//! burn's own optimizer clips each tensor by itself, where PyTorch's `clip_grad_norm_` clips them all together, and it loads its
//! state onto the default device, which need not exist.

mod state;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::nn::AdamStep;
use crate::nn::ops::{self, adam_piece};

/// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ ← θ − lr · m̂ / (√v̂ + ε), with m̂ and v̂ free of their bias towards zero.
///
/// Parameters are known by their path in the module, not by burn's random ids.
#[derive(Debug, Clone)]
pub struct Adam {
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    time: usize,
    /// m and v of each parameter, flat, in pieces of [`adam_piece`] values.
    moments: BTreeMap<String, Vec<[Tensor<1>; 2]>>,
}

impl Adam {
    /// Adam with PyTorch's ε, 1e-8.
    pub fn new(beta_1: f64, beta_2: f64) -> Self {
        Self { beta_1, beta_2, epsilon: 1e-8, time: 0, moments: BTreeMap::new() }
    }

    /// Updates the parameters of `module` that have a gradient.
    pub fn step<M: Module>(&mut self, learning_rate: f64, module: M, gradients: GradientsParams) -> M {
        self.time += 1;
        module.map(&mut Update { adam: self, learning_rate, gradients, path: Vec::new() })
    }

    /// Values after a step, and their moments, from those before.
    fn moved(
        &self,
        old: Tensor<1>,
        gradient: Tensor<1>,
        moments: Option<[Tensor<1>; 2]>,
        learning_rate: f64,
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        let Self { beta_1, beta_2, epsilon, time, .. } = *self;
        let moments = moments.unwrap_or_else(|| [gradient.zeros_like(), gradient.zeros_like()]);
        ops::adam(old, gradient, moments, AdamStep { learning_rate, beta_1, beta_2, epsilon, time })
    }
}

struct Update<'a> {
    adam: &'a mut Adam,
    learning_rate: f64,
    gradients: GradientsParams,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let shape = gradient.shape();
        let gradient = flat(gradient);
        let path = self.path.join(".");
        let mut moments = self.adam.moments.remove(&path).unwrap_or_default().into_iter();
        let mut kept = Vec::new();
        let param = param.map(|old| {
            let (require_grad, autodiff) = (old.is_require_grad(), old.is_autodiff());
            let pieces = split(flat(old)).into_iter().zip(split(gradient));
            let pieces: Vec<_> = pieces.map(|(old, gradient)| (old, gradient, moments.next())).collect();
            let moved = |(old, gradient, moments)| self.adam.moved(old, gradient, moments, self.learning_rate);
            // There are several on a processor alone, whose cores share them.
            let (new, after): (Vec<_>, Vec<_>) =
                if pieces.len() > 1 { pieces.into_par_iter().map(moved).unzip() } else { pieces.into_iter().map(moved).unzip() };
            kept = after;
            let new = <[_; 1]>::try_from(new).map_or_else(|pieces| Tensor::cat(pieces, 0), |[whole]| whole).reshape(shape);
            let new = if autodiff { Tensor::from_inner(new) } else { new };
            new.set_require_grad(require_grad)
        });
        self.adam.moments.insert(path, kept);
        param
    }
}

/// All values in a row, off the graph.
fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let length = tensor.shape().num_elements();
    tensor.without_autodiff().reshape([length])
}

/// The pieces of a tensor.
fn split(tensor: Tensor<1>) -> Vec<Tensor<1>> {
    let (length, piece) = (tensor.dims()[0], adam_piece(&tensor.device()));
    if length <= piece {
        return vec![tensor];
    }
    (0..length).step_by(piece).map(|start| tensor.clone().narrow(0, start, piece.min(length - start))).collect()
}

/// Scales the gradients of `module` down together so that the norm of all of them is at most `max_norm`, as PyTorch's
/// `clip_grad_norm_` does; nothing is read back from the device.
pub fn clip_gradients<M: Module>(module: &M, mut gradients: GradientsParams, max_norm: f64) -> GradientsParams {
    let mut sum = SquareSum { gradients: &gradients, sum: None };
    module.visit(&mut sum);
    let Some(sum) = sum.sum else { return gradients };
    let factor = sum.sqrt().add_scalar(1e-6).recip().mul_scalar(max_norm).clamp_max(1.0);
    module.visit(&mut Scale { gradients: &mut gradients, factor });
    gradients
}

/// The norm of all gradients together, (1); nothing where there are none.
pub fn gradient_norm<M: Module>(module: &M, gradients: &GradientsParams) -> Option<Tensor<1>> {
    let mut sum = SquareSum { gradients, sum: None };
    module.visit(&mut sum);
    sum.sum.map(Tensor::sqrt)
}

/// All gradients times `factor`.
pub fn scale_gradients<M: Module>(module: &M, mut gradients: GradientsParams, factor: Tensor<1>) -> GradientsParams {
    module.visit(&mut Scale { gradients: &mut gradients, factor });
    gradients
}

struct SquareSum<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SquareSum<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
        let gradient = gradient.without_autodiff();
        let square = ops::sum(gradient.clone() * gradient);
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + square,
            None => square,
        });
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: Tensor<1>,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return };
        let factor = self.factor.clone().reshape([1; D]);
        self.gradients.register(param.id, gradient.without_autodiff() * factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::PIECE;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    fn gradients(model: &Linear, scale: f32, device: &Device) -> GradientsParams {
        let input = Tensor::<2>::from_floats([[1.0, 2.0], [0.5, -3.0]], device).mul_scalar(scale);
        let output = model.forward(input);
        GradientsParams::from_grads((output.clone() * output).sum().backward(), model)
    }

    fn values(model: &Linear) -> Vec<f32> {
        model.weight.val().into_data().try_to_vec().unwrap()
    }

    #[test]
    fn first_step_has_the_length_of_the_learning_rate() {
        let device = Device::flex().autodiff();
        let model = LinearConfig::new(2, 1).init(&device);
        let before = values(&model);
        let grads = gradients(&model, 1.0, &device);
        let after = values(&Adam::new(0.9, 0.999).step(0.01, model, grads));
        for (a, b) in before.iter().zip(after) {
            assert!(((a - b).abs() - 0.01).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn a_loaded_state_continues_to_the_bit() {
        let device = Device::flex().autodiff();
        let mut model = LinearConfig::new(2, 3).init(&device);
        let mut adam = Adam::new(0.9, 0.999);
        for scale in [1.0, 0.3, 2.0] {
            let grads = gradients(&model, scale, &device);
            model = adam.step(0.01, model, grads);
        }
        let mut loaded = Adam::new(0.9, 0.999).load(&adam.to_bytes().unwrap(), &device, "adam").unwrap();
        let grads = gradients(&model, 0.7, &device);
        let expected = adam.step(0.01, model.clone(), grads);
        let grads = gradients(&model, 0.7, &device);
        assert_eq!(values(&expected), values(&loaded.step(0.01, model, grads)));
    }

    /// Two steps of ours and of burn's Adam, which moves a parameter as a whole, give the same.
    fn agrees_with_burns(device: Device, pieces: usize) {
        let device = device.autodiff();
        let model = LinearConfig::new(PIECE / 2 + 1, 3).init(&device);
        let input = || Tensor::<2>::random([2, PIECE / 2 + 1], burn::tensor::Distribution::Default, &device);
        let mut theirs = burn::optim::AdamConfig::new().with_epsilon(1e-8).init();
        let (mut ours, mut moved, mut expected) = (Adam::new(0.9, 0.999), model.clone(), model);
        for _ in 0..2 {
            let input = input();
            let gradients =
                |model: &Linear| GradientsParams::from_grads(model.forward(input.clone()).powi_scalar(2).sum().backward(), model);
            let (one, two) = (gradients(&moved), gradients(&expected));
            moved = ours.step(0.01, moved, one);
            expected = theirs.step(0.01, expected, two);
        }
        assert_eq!(ours.moments["weight"].len(), pieces);
        for (a, b) in values(&moved).into_iter().zip(values(&expected)) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn pieces_move_as_the_whole_would() {
        agrees_with_burns(Device::flex(), 2);
    }

    #[cfg(feature = "tch")]
    #[allow(deprecated)]
    #[test]
    fn libtorchs_operations_move_it_as_burns_do() {
        agrees_with_burns(Device::libtorch(), 1);
    }

    #[test]
    fn gradients_are_clipped_together() {
        let device = Device::flex().autodiff();
        let model = LinearConfig::new(2, 3).init(&device);
        let grads = clip_gradients(&model, gradients(&model, 5.0, &device), 0.25);
        let mut sum = SquareSum { gradients: &grads, sum: None };
        model.visit(&mut sum);
        let norm: Vec<f32> = sum.sum.unwrap().sqrt().into_data().try_to_vec().unwrap();
        assert!((norm[0] - 0.25).abs() < 1e-5, "{norm:?}");
    }
}
