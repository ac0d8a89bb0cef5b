//! How well words match regions and sentences match pictures (AttnGAN, section 3.2, eq. 7–10).

use burn::tensor::{Tensor, activation};

/// Keeps cosines of zero vectors finite.
pub(super) const EPSILON: f64 = 1e-8;

/// What is added to the score of padding and of a pair that is not asked about: its softmax is exactly zero in f32.
pub(super) const EXCLUDED: f32 = -3.0e4;

/// Where words look in pictures.
#[derive(Debug, Clone)]
pub struct Attended {
    /// c_l, the regions as word l sees them, (batch, D, words).
    pub context: Tensor<3>,
    /// α, the share of each region in it, (batch, words, h, w); its sum over regions is 1.
    pub weights: Tensor<4>,
}

/// The regions that each word of a caption looks at in its own picture (AttnGAN, eq. 8 and 9): the scores wᵀv are normalised over
/// words by a softmax, then sharpened by γ1 and normalised over regions by another.
///
/// # Shapes
/// - words: (batch, D, words); mask: (batch, words), 0 on padding; regions: (batch, D, h, w)
pub fn attention(words: Tensor<3>, mask: Tensor<2>, regions: Tensor<4>, gamma1: f64) -> Attended {
    let [batch, features, height, width] = regions.dims();
    let count = words.dims()[2];
    let regions = regions.reshape([batch, features, height * width]);
    let scores = words.swap_dims(1, 2).matmul(regions.clone()) + padding(mask).unsqueeze_dim::<3>(2);
    let weights = activation::softmax(activation::softmax(scores, 1).mul_scalar(gamma1), 2);
    let context = regions.matmul(weights.clone().swap_dims(1, 2));
    Attended { context, weights: weights.reshape([batch, count, height, width]) }
}

/// cos(a_i, b_j) of all pairs.
///
/// # Shapes
/// - a: (n, D); b: (m, D)
/// - output: (n, m)
pub fn cosine_similarities(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let lengths = length(a.clone(), 1).matmul(length(b.clone(), 1).transpose());
    a.matmul(b.transpose()) / lengths.clamp_min(EPSILON)
}

/// What to add to the scores of words: nothing, or [`EXCLUDED`] on padding.
pub(super) fn padding(mask: Tensor<2>) -> Tensor<2> {
    mask.neg().add_scalar(1.0).mul_scalar(EXCLUDED)
}

/// √(Σ x² + ε²) along a dimension, which stays there with size 1: ε keeps the root's slope finite at zero, where padding is.
pub(super) fn length<const D: usize>(input: Tensor<D>, dim: usize) -> Tensor<D> {
    input.powi_scalar(2).sum_dim(dim).add_scalar(EPSILON * EPSILON).sqrt()
}
