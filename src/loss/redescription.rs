//! How well STREAM finds a caption's words in a picture again (paper, section 3.3).

use burn::tensor::{Int, Tensor, activation};

/// L_stream = −Σ_t log p_t(T_t) of the paper, as the mean over all words of the batch that `mask` keeps (public code: packed
/// sequences and a mean cross-entropy), so that its weight λ does not depend on batch or length.
///
/// # Shapes
/// - logits: (batch, words, vocabulary); targets: (batch, words); mask: (batch, words), 0 on padding, at least one 1
/// - output: (1)
pub fn redescription(logits: Tensor<3>, targets: Tensor<2, Int>, mask: Tensor<2>) -> Tensor<1> {
    let log_p = activation::log_softmax(logits, 2);
    let of_words = log_p.gather(2, targets.unsqueeze_dim::<3>(2)).squeeze_dim::<2>(2);
    (of_words * mask.clone()).sum().neg() / mask.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn padding_does_not_count() {
        let device = Device::flex();
        let logits = Tensor::<3>::from_floats([[[0.0, 0.0, 0.0, 0.0], [90.0, 0.0, -90.0, 0.0]]], &device);
        let targets = Tensor::<2, Int>::from_ints([[3, 2]], &device);
        let one = redescription(logits.clone(), targets.clone(), Tensor::from_floats([[1.0, 0.0]], &device));
        assert!((one.into_scalar::<f32>() - 4.0_f32.ln()).abs() < 1e-6);
        let both = redescription(logits, targets, Tensor::from_floats([[1.0, 1.0]], &device));
        assert!((both.into_scalar::<f32>() - (4.0_f32.ln() + 180.0) / 2.0).abs() < 1e-4);
    }
}
