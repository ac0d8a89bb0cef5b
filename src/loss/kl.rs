//! The distance of the condition's distribution from N(0, 1) (StackGAN, section 3.2).

use burn::tensor::Tensor;

/// −½ · mean(1 + log σ² − μ² − σ²): KL(N(μ, σ²) ‖ N(0, 1)), the mean over batch *and* values as in the public code.
///
/// # Shapes
/// - mu, logvar: (batch, condition)
/// - output: (1)
pub fn kl_divergence(mu: Tensor<2>, logvar: Tensor<2>) -> Tensor<1> {
    let inner = logvar.clone().add_scalar(1.0) - mu.powi_scalar(2) - logvar.exp();
    inner.mean().mul_scalar(-0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_standard_normal_is_at_no_distance_and_others_are() {
        let device = Device::flex();
        let zeros = Tensor::<2>::zeros([2, 3], &device);
        assert_eq!(kl_divergence(zeros.clone(), zeros.clone()).into_scalar::<f32>(), 0.0);
        // KL(N(2, 1) ‖ N(0, 1)) = 2² / 2.
        let shifted = kl_divergence(Tensor::full([2, 3], 2.0, &device), zeros).into_scalar::<f32>();
        assert!((shifted - 2.0).abs() < 1e-6, "{shifted}");
    }
}
