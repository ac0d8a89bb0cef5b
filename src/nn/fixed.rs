//! Layers that never learn: they are fitted to pictures once, or drawn once.

use burn::module::{Module, RunningState};
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::Rng;

use super::layer::{Layer, Role};
use super::ops::conv2d;
use super::orthogonal::orthogonal;

/// Keeps divisions finite.
const EPSILON: f64 = 1e-6;

/// (x − mean) / deviation, per channel, with the numbers of the pictures that it was calibrated on.
#[derive(Module, Debug)]
pub struct Standardize {
    running_mean: RunningState<Tensor<1>>,
    running_deviation: RunningState<Tensor<1>>,
}

impl Layer for Standardize {
    const EXACT: bool = true;

    fn role(field: &str) -> Option<Role> {
        matches!(field, "running_mean" | "running_deviation").then_some(Role::State)
    }
}

impl Standardize {
    /// One that changes nothing until it is calibrated.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self {
            running_mean: RunningState::new(Tensor::zeros([channels], device)),
            running_deviation: RunningState::new(Tensor::ones([channels], device)),
        }
    }

    /// Takes mean and deviation from `features`, (batch, channels, h, w).
    pub fn calibrate(&self, features: Tensor<4>) {
        let rows = features.detach().swap_dims(0, 1).flatten::<2>(1, 3);
        let channels = rows.dims()[0];
        let mean = rows.clone().mean_dim(1);
        let deviation = (rows - mean.clone()).powi_scalar(2).mean_dim(1).sqrt().add_scalar(EPSILON);
        for (state, value) in [(&self.running_mean, mean), (&self.running_deviation, deviation)] {
            state.update(value.reshape([channels]));
            state.value_sync();
        }
    }

    /// # Shapes
    /// - input and output: (batch, channels, h, w)
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let device = input.device();
        let shape = [1, input.dims()[1], 1, 1];
        let mean = self.running_mean.value().to_device(&device).reshape(shape);
        let deviation = self.running_deviation.value().to_device(&device).reshape(shape);
        let dtype = input.dtype();
        ((input.cast(DType::F32) - mean) / deviation).cast(dtype)
    }
}

/// A random 1×1 convolution that never learns and keeps the variance.
#[derive(Module, Debug)]
pub struct FixedMix {
    /// (out, in). Not a `Param`: no optimizer and no re-initialisation may touch it.
    pub(crate) running_weight: RunningState<Tensor<2>>,
}

impl Layer for FixedMix {
    const EXACT: bool = true;

    fn role(field: &str) -> Option<Role> {
        (field == "running_weight").then_some(Role::State)
    }
}

impl FixedMix {
    /// A convolution between these numbers of channels.
    pub fn new(channels_in: usize, channels_out: usize, device: &Device, rng: &mut impl Rng) -> Self {
        let shape = [channels_out, channels_in];
        let mut values = orthogonal(&shape, rng);
        if channels_out > channels_in {
            // Orthonormal columns leave rows shorter than one.
            let scale = (channels_out as f32 / channels_in as f32).sqrt();
            values.iter_mut().for_each(|value| *value *= scale);
        }
        Self { running_weight: RunningState::new(Tensor::from_data(TensorData::new(values, shape), device)) }
    }

    /// # Shapes
    /// - input: (batch, in, h, w); output: (batch, out, h, w)
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let weight = self.running_weight.value().to_device(&input.device()).cast(input.dtype());
        let [channels_out, channels_in] = weight.dims();
        conv2d(input, weight.reshape([channels_out, channels_in, 1, 1]), None, 1, 0)
    }
}
