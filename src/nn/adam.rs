//! One step of Adam (Kingma and Ba 2015) for a tensor of weights, composed of burn's operations.

use burn::tensor::Tensor;

/// The numbers of a step.
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    /// lr.
    pub learning_rate: f64,
    /// How much of the first moment stays.
    pub beta_1: f64,
    /// How much of the second moment stays.
    pub beta_2: f64,
    /// Keeps the divisor away from zero.
    pub epsilon: f64,
    /// Steps so far with this one, from 1.
    pub time: usize,
}

impl AdamStep {
    /// 1 − βᵗ of both moments: what they are divided by to be free of their bias towards zero.
    pub fn bias(&self) -> [f64; 2] {
        [self.beta_1, self.beta_2].map(|beta| 1.0 - beta.powf(self.time as f64))
    }
}

/// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ ← θ − lr · m̂ / (√v̂ + ε): θ, m and v.
pub fn adam(old: Tensor<1>, gradient: Tensor<1>, [one, two]: [Tensor<1>; 2], step: AdamStep) -> (Tensor<1>, [Tensor<1>; 2]) {
    let AdamStep { learning_rate, beta_1, beta_2, epsilon, .. } = step;
    let [bias_1, bias_2] = step.bias();
    let one = one.mul_scalar(beta_1) + gradient.clone().mul_scalar(1.0 - beta_1);
    let two = two.mul_scalar(beta_2) + (gradient.clone() * gradient).mul_scalar(1.0 - beta_2);
    let scale = two.clone().sqrt().mul_scalar(1.0 / bias_2.sqrt()).add_scalar(epsilon);
    let delta = (one.clone() / scale).mul_scalar(learning_rate / bias_1);
    (old - delta, [one, two])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_step_is_the_equation() {
        let device = Device::flex();
        let tensor = |value: f32| Tensor::<1>::from_floats([value], &device);
        let step = AdamStep { learning_rate: 0.1, beta_1: 0.5, beta_2: 0.75, epsilon: 0.5, time: 2 };
        let (new, [one, two]) = adam(tensor(3.0), tensor(2.0), [tensor(1.0), tensor(0.5)], step);
        // m = 0.5 + 1, v = 0.375 + 1; m̂ = 1.5 / 0.75, v̂ = 1.375 / 0.4375.
        let expected = [1.5, 1.375, 3.0 - 0.1 * 2.0 / ((1.375f32 / 0.4375).sqrt() + 0.5)];
        for (found, expected) in [one, two, new].into_iter().zip(expected) {
            let found: f32 = found.into_scalar();
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}
