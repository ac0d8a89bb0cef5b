//! Batch normalisation with PyTorch's running statistics.
//!
//! burn's own layer keeps the biased variance as its running one; PyTorch keeps the unbiased, n/(n − 1) times as large. A network
//! trained by one and evaluated by the other would differ, so this layer follows PyTorch.

use burn::module::{Flag, Module, Param, RunningState};
use burn::tensor::module::batch_norm;
use burn::tensor::{DType, Device, Tensor};

use super::layer::{Initial, Layer, Role};
use super::ops;

/// What a [`BatchNorm`] is made from; the defaults are PyTorch's.
#[derive(Debug, Clone)]
pub struct BatchNormConfig {
    channels: usize,
    epsilon: f64,
    momentum: f64,
}

impl BatchNormConfig {
    /// A layer over `channels` channels with ε = 1e-5 and momentum 0.1.
    pub fn new(channels: usize) -> Self {
        Self { channels, epsilon: 1e-5, momentum: 0.1 }
    }

    /// Another ε, added to the variance.
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Another share of the new batch in the running statistics.
    pub fn with_momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// The layer: weight 1, bias 0, running mean 0, running variance 1.
    pub fn init(&self, device: &Device) -> BatchNorm {
        BatchNorm {
            weight: Param::from_tensor(Tensor::ones([self.channels], device)),
            bias: Param::from_tensor(Tensor::zeros([self.channels], device)),
            running_mean: RunningState::new(Tensor::zeros([self.channels], device)),
            running_var: RunningState::new(Tensor::ones([self.channels], device)),
            training: Param::from_bool(true),
            epsilon: self.epsilon,
            momentum: self.momentum,
        }
    }
}

/// y = weight · (x − mean) / √(variance + ε) + bias, per channel (Ioffe and Szegedy 2015).
///
/// On an autodiff device and unless frozen, mean and variance are the batch's and the running statistics move towards them;
/// elsewhere they are the running ones.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// γ, one value a channel.
    pub weight: Param<Tensor<1>>,
    /// β, one value a channel.
    pub bias: Param<Tensor<1>>,
    /// Mean of the batches seen.
    pub running_mean: RunningState<Tensor<1>>,
    /// Unbiased variance of the batches seen.
    pub running_var: RunningState<Tensor<1>>,
    /// Whether the layer trains on an autodiff device; `freeze` clears it.
    pub training: Param<Flag>,
    epsilon: f64,
    momentum: f64,
}

impl Layer for BatchNorm {
    // Statistics span more than f16 does.
    const EXACT: bool = true;

    fn role(field: &str) -> Option<Role> {
        match field {
            "weight" => Some(Role::Weight(Initial::NearOne)),
            "bias" => Some(Role::Weight(Initial::Zeros)),
            "running_mean" | "running_var" => Some(Role::State),
            _ => None,
        }
    }
}

impl BatchNorm {
    /// Normalises `input`. Statistics are taken in f32 whatever the input is in; the output is of the input's type.
    ///
    /// # Shapes
    /// - input and output: (batch, channels, …)
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        let dtype = input.dtype();
        self.forward_f32(input.cast(DType::F32)).cast(dtype)
    }

    fn forward_f32<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        if input.device().is_autodiff() && self.training.is_enabled() {
            self.forward_train(input)
        } else {
            let device = input.device();
            let mean = self.running_mean.value().to_device(&device);
            let variance = self.running_var.value().to_device(&device);
            batch_norm(input, self.weight.val(), self.bias.val(), mean, variance, self.epsilon)
        }
    }

    /// The layer as y = scale · x + shift a channel, with scale = γ/√(σ² + ε) and shift = β − scale · μ; nothing where it trains on
    /// `device` and the batch's own statistics count.
    pub fn affine(&self, device: &Device) -> Option<(Tensor<1>, Tensor<1>)> {
        if device.is_autodiff() && self.training.is_enabled() {
            return None;
        }
        let mean = self.running_mean.value().to_device(device);
        let variance = self.running_var.value().to_device(device);
        let scale = self.weight.val().div(variance.add_scalar(self.epsilon).sqrt());
        let shift = self.bias.val().sub(scale.clone().mul(mean));
        Some((scale, shift))
    }

    fn forward_train<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        let (output, mean, variance) = ops::batch_norm_train(input, self.weight.val(), self.bias.val(), self.epsilon);
        self.advance(&self.running_mean, mean.detach());
        self.advance(&self.running_var, variance.detach());
        output
    }

    fn advance(&self, running: &RunningState<Tensor<1>>, batch: Tensor<1>) {
        let old = running.value_sync().to_device(&batch.device());
        running.update(old.mul_scalar(1.0 - self.momentum).add(batch.mul_scalar(self.momentum)).detach());
        // `update` only queues the value; readers of the module (checkpoints, averages) must see it at once.
        running.value_sync();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_variance_is_unbiased() {
        let device = Device::flex().autodiff();
        let norm = BatchNormConfig::new(1).with_momentum(1.0).init(&device);
        norm.forward(Tensor::<2>::from_floats([[1.0], [3.0]], &device));
        let variance: Vec<f32> = norm.running_var.value().into_data().try_to_vec().unwrap();
        assert_eq!(variance, [2.0]);
    }

    #[test]
    fn frozen_layer_leaves_its_statistics() {
        let device = Device::flex().autodiff();
        let norm = BatchNormConfig::new(1).init(&device).freeze();
        norm.forward(Tensor::<2>::from_floats([[1.0], [3.0]], &device));
        let mean: Vec<f32> = norm.running_mean.value().into_data().try_to_vec().unwrap();
        assert_eq!(mean, [0.0]);
    }
}
