//! Conditioning augmentation (StackGAN, section 3.2): a sentence becomes a normal distribution, and the condition a draw from it.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::nn::glu;

/// The sizes of a [`ConditioningAugmentation`].
#[derive(Debug, Clone)]
pub struct ConditioningAugmentationConfig {
    /// D, the values of a sentence.
    pub features: usize,
    /// Values of the condition, 100 as published.
    pub condition: usize,
}

impl ConditioningAugmentationConfig {
    /// The module with fresh weights.
    pub fn init(&self, device: &Device) -> ConditioningAugmentation {
        ConditioningAugmentation { fc: LinearConfig::new(self.features, 4 * self.condition).init(device) }
    }
}

/// F_ca: Linear to four times the condition, GLU, then μ and log σ².
#[derive(Module, Debug)]
pub struct ConditioningAugmentation {
    fc: Linear,
}

/// A draw and the distribution it comes from, each (batch, condition).
#[derive(Debug, Clone)]
pub struct Condition {
    /// s_ca = μ + ε · exp(½ log σ²).
    pub value: Tensor<2>,
    /// μ.
    pub mu: Tensor<2>,
    /// log σ².
    pub logvar: Tensor<2>,
}

impl ConditioningAugmentation {
    /// The module with μ `gain` times as large and σ `1/gain` times as large as fresh weights make it.
    ///
    /// Fresh weights give the condition a σ near 1 and differences of μ between sentences near 0.1: a generator has to see very many
    /// pictures before it finds the sentence in that noise.
    pub fn sharpened(mut self, gain: f64) -> Self {
        let [_, outputs] = self.fc.weight.dims();
        let condition = outputs / 4;
        let device = self.fc.weight.val().device();
        let mu = Tensor::<1>::full([condition], gain, &device);
        let rest = Tensor::<1>::ones([outputs - condition], &device);
        let scale = Tensor::cat(vec![mu, rest], 0);
        // The gate of a fresh layer is near ½, so that log σ² starts at half of its bias.
        let logvar = Tensor::<1>::full([condition], -4.0 * gain.ln(), &device);
        let zeros = |count: usize| Tensor::<1>::zeros([count], &device);
        let shift = Tensor::cat(vec![zeros(condition), logvar, zeros(2 * condition)], 0);
        self.fc.weight = self.fc.weight.map(|weight| {
            let trained = weight.is_require_grad();
            (weight * scale.clone().unsqueeze_dim(0)).detach().set_require_grad(trained)
        });
        self.fc.bias = self.fc.bias.map(|bias| {
            bias.map(|bias| {
                let trained = bias.is_require_grad();
                (bias * scale + shift).detach().set_require_grad(trained)
            })
        });
        self
    }

    /// # Shapes
    /// - sentence: (batch, D); epsilon: (batch, condition), drawn from N(0, 1), at generation too
    pub fn forward(&self, sentence: Tensor<2>, epsilon: Tensor<2>) -> Condition {
        let both = glu(self.fc.forward(sentence));
        let condition = both.dims()[1] / 2;
        let mu = both.clone().narrow(1, 0, condition);
        let logvar = both.narrow(1, condition, condition);
        let value = mu.clone() + epsilon * logvar.clone().mul_scalar(0.5).exp();
        Condition { value, mu, logvar }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharpening_scales_mean_and_deviation() {
        let device = Device::flex();
        let mut module = ConditioningAugmentationConfig { features: 4, condition: 2 }.init(&device);
        module.fc.bias = module.fc.bias.map(|bias| bias.map(|bias| bias.zeros_like()));
        // No gate but one half, so that the numbers are exact.
        module.fc.weight = module.fc.weight.map(|weight| {
            let [rows, columns] = weight.dims();
            weight.slice_assign([0..rows, 2..columns], Tensor::zeros([rows, columns - 2], &device))
        });
        let sentence = Tensor::<2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
        let epsilon = Tensor::<2>::zeros([1, 2], &device);
        let before = module.forward(sentence.clone(), epsilon.clone());
        let after = module.sharpened(8.0).forward(sentence, epsilon);
        let values = |tensor: Tensor<2>| tensor.into_data().try_to_vec::<f32>().unwrap();
        for (a, b) in values(before.mu).iter().zip(values(after.mu)) {
            assert!((8.0 * a - b).abs() < 1e-4, "{a} {b}");
        }
        for logvar in values(after.logvar) {
            assert!((logvar.exp().sqrt() - 0.125).abs() < 1e-5, "{logvar}");
        }
    }
}
