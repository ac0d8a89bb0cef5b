//! Spectral normalisation: a weight divided by its largest singular value, so that the layer is 1-Lipschitz
//! (Miyato et al., ICLR 2018). It takes the place of a gradient penalty, which would need second derivatives.

use burn::module::{Module, Param, RunningState};
use burn::tensor::module::linear;
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand_distr::StandardNormal;

use super::layer::{Initial, Layer, Role, weight_and_bias};
use super::ops::conv2d;
use super::orthogonal::orthogonal;

/// Keeps norms away from zero.
const EPSILON: f64 = 1e-12;

/// An estimate of a weight's largest singular value by power iteration, one step a forward pass.
#[derive(Module, Debug)]
pub struct SpectralNorm {
    /// The left singular vector found so far, (rows); no parameter.
    running_u: RunningState<Tensor<1>>,
}

impl Layer for SpectralNorm {
    const EXACT: bool = true;

    fn role(field: &str) -> Option<Role> {
        (field == "running_u").then_some(Role::State)
    }
}

impl SpectralNorm {
    /// An estimate for a weight of `rows` rows that starts at a random vector.
    pub fn new(rows: usize, device: &Device, rng: &mut impl Rng) -> Self {
        let mut values: Vec<f32> = (0..rows).map(|_| rng.sample(StandardNormal)).collect();
        let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
        values.iter_mut().for_each(|v| *v /= norm);
        Self { running_u: RunningState::new(Tensor::from_data(TensorData::new(values, [rows]), device)) }
    }

    /// W / σ, with σ = uᵀ W v; gradients flow through W, not through u and v (Miyato et al., algorithm 1).
    ///
    /// On an autodiff device u takes one step of power iteration, elsewhere it stays as it is.
    ///
    /// # Shapes
    /// - weight and output: (rows, columns)
    pub fn normalize(&self, weight: Tensor<2>) -> Tensor<2> {
        let device = weight.device();
        let rows = weight.dims()[0];
        let fixed = weight.clone().detach();
        let mut u = self.running_u.value_sync().to_device(&device).reshape([rows, 1]);
        let v = unit(fixed.clone().transpose().matmul(u.clone()));
        if device.is_autodiff() {
            u = unit(fixed.matmul(v.clone())).detach();
            self.running_u.update(u.clone().reshape([rows]));
            // `update` only queues the value; readers of the module (checkpoints) must see it at once.
            self.running_u.value_sync();
        }
        let sigma = u.transpose().matmul(weight.clone().matmul(v.detach()));
        weight / sigma
    }
}

/// The vector at length one, (n, 1).
fn unit(vector: Tensor<2>) -> Tensor<2> {
    let norm = vector.clone().powi_scalar(2).sum().sqrt().add_scalar(EPSILON).reshape([1, 1]);
    vector / norm
}

/// A convolution with bias whose weight is spectrally normalised, as a matrix (out, in · kh · kw).
#[derive(Module, Debug)]
pub struct SpectralConv2d {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    norm: SpectralNorm,
    stride: usize,
    padding: usize,
}

impl Layer for SpectralConv2d {
    // The largest singular value is found in f32; only the quotient is lowered.
    const EXACT: bool = true;

    fn role(field: &str) -> Option<Role> {
        weight_and_bias(field)
    }
}

impl SpectralConv2d {
    /// A convolution with an orthogonal weight and bias 0.
    pub fn new(
        [channels_in, channels_out]: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
        device: &Device,
        rng: &mut impl Rng,
    ) -> Self {
        let shape = [channels_out, channels_in, kernel, kernel];
        Self {
            weight: Param::from_tensor(Tensor::from_data(TensorData::new(orthogonal(&shape, rng), shape), device)),
            bias: Param::from_tensor(Tensor::zeros([channels_out], device)),
            norm: SpectralNorm::new(channels_out, device, rng),
            stride,
            padding,
        }
    }

    /// # Shapes
    /// - input: (batch, in, h, w); output: (batch, out, h', w')
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        let shape = weight.dims();
        let weight = self.norm.normalize(weight.flatten(1, 3)).reshape(shape).cast(input.dtype());
        let bias = self.bias.val().cast(input.dtype());
        conv2d(input, weight, Some(bias), self.stride, self.padding)
    }
}

/// A linear layer without bias whose weight is spectrally normalised.
#[derive(Module, Debug)]
pub struct SpectralLinear {
    /// (in, out).
    weight: Param<Tensor<2>>,
    norm: SpectralNorm,
}

impl Layer for SpectralLinear {
    const EXACT: bool = true;

    fn role(field: &str) -> Option<Role> {
        (field == "weight").then_some(Role::Weight(Initial::Orthogonal))
    }
}

impl SpectralLinear {
    /// A layer with an orthogonal weight.
    pub fn new(values_in: usize, values_out: usize, device: &Device, rng: &mut impl Rng) -> Self {
        let shape = [values_in, values_out];
        Self {
            weight: Param::from_tensor(Tensor::from_data(TensorData::new(orthogonal(&shape, rng), shape), device)),
            norm: SpectralNorm::new(values_in, device, rng),
        }
    }

    /// # Shapes
    /// - input: (batch, in); output: (batch, out)
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let weight = self.norm.normalize(self.weight.val()).cast(input.dtype());
        linear(input, weight, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn power_iteration_finds_the_largest_singular_value() {
        let device = Device::flex().autodiff();
        let norm = SpectralNorm::new(2, &device, &mut ChaCha8Rng::seed_from_u64(3));
        // Singular values 3 and 2.
        let weight = Tensor::<2>::from_floats([[0.0, 3.0, 0.0], [2.0, 0.0, 0.0]], &device);
        let mut normal = weight.clone();
        for _ in 0..40 {
            normal = norm.normalize(weight.clone());
        }
        let values: Vec<f32> = normal.into_data().try_to_vec().unwrap();
        for (found, expected) in values.iter().zip([0.0, 1.0, 0.0, 2.0 / 3.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-4, "{values:?}");
        }
    }

    #[test]
    fn evaluation_leaves_the_estimate() {
        let device = Device::flex();
        let norm = SpectralNorm::new(2, &device, &mut ChaCha8Rng::seed_from_u64(3));
        let before: Vec<f32> = norm.running_u.value().into_data().try_to_vec().unwrap();
        norm.normalize(Tensor::<2>::from_floats([[0.0, 3.0], [2.0, 0.0]], &device));
        let after: Vec<f32> = norm.running_u.value().into_data().try_to_vec().unwrap();
        assert_eq!(before, after);
    }

    #[test]
    fn the_estimate_is_no_parameter_and_the_weight_is_one() {
        let device = Device::flex().autodiff();
        let layer = SpectralLinear::new(3, 2, &device, &mut ChaCha8Rng::seed_from_u64(4));
        let grads = layer.forward(Tensor::ones([2, 3], &device)).powi_scalar(2).sum().backward();
        assert!(layer.weight.val().grad(&grads).is_some());
        assert!(!layer.norm.running_u.value().is_require_grad());
    }
}
