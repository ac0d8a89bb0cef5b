//! The matching-aware gradient penalty of DF-GAN without second derivatives.

use burn::tensor::Tensor;

/// Keeps the length of a gradient of nothing above zero.
const EPSILON: f32 = 1e-12;

/// How steep a discriminator may be at photographs beside their own sentences (DF-GAN, Tao et al., CVPR 2022, eq. 2).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientPenalty {
    /// k; 0 is no penalty, DF-GAN has 2.
    pub weight: f64,
    /// p; DF-GAN has 6.
    pub power: f64,
    /// δ, how far apart from the picture the slope is measured, as a length in picture and sentence together.
    pub step: f64,
}

impl Default for GradientPenalty {
    /// None, with DF-GAN's power.
    fn default() -> Self {
        Self { weight: 0.0, power: 6.0, step: 0.05 }
    }
}

impl GradientPenalty {
    /// k · E ‖∇D(x, s)‖^p, the gradient by picture and sentence together (as DF-GAN's code has it).
    ///
    /// Automatic differentiation in burn ends at first derivatives, and learning from a gradient needs second ones. Only those along
    /// the gradient count, though: with û = ∇D/‖∇D‖ held fixed, ‖∇D‖ = ûᵀ∇D, and d‖∇D‖/dθ = ûᵀ d∇D/dθ, for a unit vector changes at
    /// right angles to itself. ûᵀ∇D is (D(x + δû) − D(x − δû)) / 2δ up to δ², and that needs first derivatives only. So value and
    /// gradient are those of the penalty up to δ², for one more backward and two more forward passes.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w); sentence: (batch, D); `verdict` maps both to (batch)
    /// - output: (1)
    pub fn of(&self, verdict: impl Fn(Tensor<4>, Tensor<2>) -> Tensor<1>, images: Tensor<4>, sentence: Tensor<2>) -> Tensor<1> {
        let images = images.detach().require_grad();
        let sentence = sentence.detach().require_grad();
        let gradients = verdict(images.clone(), sentence.clone()).sum().backward();
        let (images_by, sentence_by) = (images.grad(&gradients), sentence.grad(&gradients));
        let (images, sentence) = (images.detach(), sentence.detach());
        let batch = images.dims()[0];
        let by_image = images_by.map_or_else(|| images.zeros_like(), Tensor::from_inner);
        let by_sentence = sentence_by.map_or_else(|| sentence.zeros_like(), Tensor::from_inner);
        let square = by_image.clone().powi_scalar(2).flatten::<2>(1, 3).sum_dim(1) + by_sentence.clone().powi_scalar(2).sum_dim(1);
        let scale = square.add_scalar(EPSILON).sqrt().recip().mul_scalar(self.step);
        let by_image = by_image * scale.clone().reshape([batch, 1, 1, 1]);
        let by_sentence = by_sentence * scale;
        let ahead = verdict(images.clone() + by_image.clone(), sentence.clone() + by_sentence.clone());
        let behind = verdict(images - by_image, sentence - by_sentence);
        let slope = (ahead - behind).div_scalar(2.0 * self.step).clamp_min(EPSILON);
        slope.powf_scalar(self.power as f32).mean().mul_scalar(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    const PENALTY: GradientPenalty = GradientPenalty { weight: 2.0, power: 6.0, step: 0.05 };

    fn value(tensor: Tensor<1>) -> f64 {
        f64::from(tensor.into_scalar::<f32>())
    }

    /// D(x, s) = w Σx + v Σs has the gradient norm √(w² n + v² m) everywhere.
    #[test]
    fn a_plane_has_the_penalty_and_the_gradient_of_the_formula() {
        let device = Device::flex().autodiff();
        let (w, v) = (0.3f64, -0.5f64);
        let (slope_x, slope_s) =
            (Tensor::<1>::from_floats([w as f32], &device).require_grad(), Tensor::<1>::from_floats([v as f32], &device).require_grad());
        let verdict = |images: Tensor<4>, sentence: Tensor<2>| {
            images.flatten::<2>(1, 3).sum_dim(1).reshape([2]) * slope_x.clone() + sentence.sum_dim(1).reshape([2]) * slope_s.clone()
        };
        let images = Tensor::<4>::ones([2, 3, 1, 2], &device).mul_scalar(0.25);
        let penalty = PENALTY.of(verdict, images, Tensor::ones([2, 4], &device));
        let norm = (w * w * 6.0 + v * v * 4.0).sqrt();
        let expected = 2.0 * norm.powi(6);
        assert!((value(penalty.clone()) - expected).abs() < 1e-3 * expected, "{} {expected}", value(penalty));
        let gradients = penalty.backward();
        for (parameter, derivative) in [(&slope_x, w * 6.0 / norm), (&slope_s, v * 4.0 / norm)] {
            let expected = 2.0 * 6.0 * norm.powi(5) * derivative;
            let found = value(parameter.grad(&gradients).unwrap());
            assert!((found - expected).abs() < 2e-3 * expected.abs(), "{found} {expected}");
        }
    }

    /// D(x) = ½ a ‖x‖² has the gradient a x: it depends on the picture, and its direction on nothing that learns.
    #[test]
    fn a_bowl_is_steeper_further_out() {
        let device = Device::flex().autodiff();
        let a = Tensor::<1>::from_floats([0.7], &device).require_grad();
        let verdict =
            |images: Tensor<4>, _: Tensor<2>| images.powi_scalar(2).flatten::<2>(1, 3).sum_dim(1).reshape([2]) * a.clone().mul_scalar(0.5);
        let images = Tensor::<2>::from_floats([[1.0, 2.0, 2.0], [0.5, 0.0, 0.0]], &device).reshape([2, 3, 1, 1]);
        let penalty = GradientPenalty { power: 2.0, ..PENALTY }.of(verdict, images, Tensor::ones([2, 1], &device));
        // 2 · mean((0.7 · 3)², (0.7 · 0.5)²)
        let expected = (0.7f64 * 3.0).powi(2) + (0.7f64 * 0.5).powi(2);
        assert!((value(penalty.clone()) - expected).abs() < 1e-3, "{} {expected}", value(penalty));
        let found = value(a.grad(&penalty.backward()).unwrap());
        assert!((found - 2.0 * expected / 0.7).abs() < 1e-2, "{found}");
    }

    #[test]
    fn a_flat_verdict_is_free_and_finite() {
        let device = Device::flex().autodiff();
        let verdict = |images: Tensor<4>, _: Tensor<2>| images.mul_scalar(0.0).flatten::<2>(1, 3).sum_dim(1).reshape([2]);
        let penalty = PENALTY.of(verdict, Tensor::ones([2, 3, 2, 2], &device), Tensor::ones([2, 1], &device));
        assert!(value(penalty).abs() < 1e-6);
    }
}
