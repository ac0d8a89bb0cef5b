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
