//! How well words match regions and sentences match pictures, and the losses made from it (AttnGAN, section 3.2, eq. 7–13).

use burn::tensor::{Device, Tensor, TensorData, activation};

/// Keeps cosines of zero vectors finite.
const EPSILON: f64 = 1e-8;

/// What is added to the score of padding and of a pair that is not asked about: its softmax is exactly zero in f32.
const EXCLUDED: f32 = -3.0e4;

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

/// R(Q, D), how well each picture matches each caption word by word (AttnGAN, eq. 10, without its outer 1/γ2 as in the public
/// code): log Σ_l exp(γ2 · cos(c_l, w_l)), the words attending to every picture of the batch.
///
/// # Shapes
/// - words: (captions, D, words); mask: (captions, words), 0 on padding; regions: (pictures, D, h, w)
/// - output: (pictures, captions)
pub fn word_similarities(words: Tensor<3>, mask: Tensor<2>, regions: Tensor<4>, gamma1: f64, gamma2: f64) -> Tensor<2> {
    let [captions, features, count] = words.dims();
    let [pictures, _, height, width] = regions.dims();
    let places = height * width;
    let regions = regions.reshape([pictures, features, places]);
    // All pairs at once: one row for each word of each caption.
    let rows = words.swap_dims(1, 2).reshape([1, captions * count, features]).expand([pictures, captions * count, features]);
    let scores = rows.clone().matmul(regions.clone()).reshape([pictures, captions, count, places])
        + padding(mask.clone()).reshape([1, captions, count, 1]);
    let weights = activation::softmax(activation::softmax(scores, 2).mul_scalar(gamma1), 3);
    let context = weights.reshape([pictures, captions * count, places]).matmul(regions.swap_dims(1, 2));
    let dot = (context.clone() * rows.clone()).sum_dim(2);
    let cosine = dot / (length(context, 2) * length(rows, 2)).clamp_min(EPSILON);
    let cosine = cosine.reshape([pictures, captions, count]);
    (cosine.mul_scalar(gamma2).exp() * mask.unsqueeze_dim::<3>(0)).sum_dim(2).log().squeeze_dim::<2>(2)
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

/// 1 where two *different* samples of a batch are of one class, so that neither is a wrong answer for the other; 0 elsewhere.
///
/// # Shapes
/// - output: (batch, batch)
pub fn same_class(classes: &[usize], device: &Device) -> Tensor<2> {
    let batch = classes.len();
    let values: Vec<f32> = (0..batch * batch)
        .map(|k| (k / batch, k % batch))
        .map(|(i, j)| if i != j && classes[i] == classes[j] { 1.0 } else { 0.0 })
        .collect();
    Tensor::from_data(TensorData::new(values, [batch, batch]), device)
}

/// L_1^w and L_2^w (AttnGAN, eq. 11 to 13 on words): which caption belongs to a picture, and which picture to a caption.
///
/// # Shapes
/// - words: (batch, D, words); mask: (batch, words), 0 on padding; regions: (batch, D, h, w); excluded: (batch, batch) as
///   [`same_class`] gives it
/// - output: (1) each
pub fn words_loss(
    words: Tensor<3>,
    mask: Tensor<2>,
    regions: Tensor<4>,
    excluded: Option<Tensor<2>>,
    [gamma1, gamma2, gamma3]: [f64; 3],
) -> [Tensor<1>; 2] {
    matching(word_similarities(words, mask, regions, gamma1, gamma2).mul_scalar(gamma3), excluded)
}

/// L_1^s and L_2^s (AttnGAN, eq. 11 to 13 on sentences), with the cosine of picture and sentence as similarity.
///
/// # Shapes
/// - sentence, code: (batch, D); excluded: (batch, batch) as [`same_class`] gives it
/// - output: (1) each
pub fn sentence_loss(sentence: Tensor<2>, code: Tensor<2>, excluded: Option<Tensor<2>>, gamma3: f64) -> [Tensor<1>; 2] {
    matching(cosine_similarities(code, sentence).mul_scalar(gamma3), excluded)
}

/// −E log P(own partner), for the pictures (rows) and for the captions (columns).
fn matching(scores: Tensor<2>, excluded: Option<Tensor<2>>) -> [Tensor<1>; 2] {
    let scores = match excluded {
        Some(excluded) => scores + excluded.mul_scalar(EXCLUDED),
        None => scores,
    };
    let batch = scores.dims()[0];
    let own = Tensor::<2>::eye(batch, &scores.device());
    [0, 1].map(|partner| {
        let log_p = activation::log_softmax(scores.clone(), 1 - partner);
        (log_p * own.clone()).sum().div_scalar(batch as f64).neg()
    })
}

/// What to add to the scores of words: nothing, or [`EXCLUDED`] on padding.
fn padding(mask: Tensor<2>) -> Tensor<2> {
    mask.neg().add_scalar(1.0).mul_scalar(EXCLUDED)
}

/// √(Σ x² + ε²) along a dimension, which stays there with size 1: ε keeps the root's slope finite at zero, where padding is.
fn length<const D: usize>(input: Tensor<D>, dim: usize) -> Tensor<D> {
    input.powi_scalar(2).sum_dim(dim).add_scalar(EPSILON * EPSILON).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    /// Two captions, of two words and of one, and two pictures of 1 × 2 regions.
    fn sample(device: &Device) -> (Tensor<3>, Tensor<2>, Tensor<4>) {
        let words = Tensor::from_floats([[[1.0, 0.5], [0.0, 2.0]], [[-1.0, 0.0], [0.3, 0.0]]], device);
        let mask = Tensor::from_floats([[1.0, 1.0], [1.0, 0.0]], device);
        let regions = Tensor::from_floats([[[[1.0, 0.2]], [[0.1, 1.0]]], [[[-1.0, 0.7]], [[0.4, -0.5]]]], device);
        (words, mask, regions)
    }

    #[test]
    fn similarities_of_all_pairs_are_those_of_each_pair() {
        let device = Device::flex();
        let (words, mask, regions) = sample(&device);
        let all = values(word_similarities(words.clone(), mask.clone(), regions.clone(), 4.0, 5.0));
        for picture in 0..2 {
            for caption in 0..2 {
                // A caption on its own, without padding.
                let count = 2 - caption;
                let words = words.clone().narrow(0, caption, 1).narrow(2, 0, count);
                let mask = mask.clone().narrow(0, caption, 1).narrow(1, 0, count);
                let seen = attention(words.clone(), mask, regions.clone().narrow(0, picture, 1), 4.0).context;
                let (seen, words) = (values(seen), values(words));
                let sum: f32 = (0..count)
                    .map(|l| {
                        let of = |v: &[f32]| [v[l], v[count + l]];
                        let ([a, b], [c, d]) = (of(&seen), of(&words));
                        (5.0 * (a * c + b * d) / (a.hypot(b) * c.hypot(d))).exp()
                    })
                    .sum();
                let found = all[picture * 2 + caption];
                assert!((found - sum.ln()).abs() < 1e-5, "{picture} {caption}: {found} {}", sum.ln());
            }
        }
    }

    #[test]
    fn attention_sums_to_one_over_regions() {
        let (words, mask, regions) = sample(&Device::flex());
        let sums = values(attention(words, mask, regions, 4.0).weights.flatten::<3>(2, 3).sum_dim(2));
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{sums:?}");
    }

    #[test]
    fn a_picture_of_the_same_class_is_no_wrong_answer() {
        let device = Device::flex();
        let code = Tensor::<2>::from_floats([[1.0, 0.0], [1.0, 0.0]], &device);
        let [alone, _] = sentence_loss(code.clone(), code.clone(), Some(same_class(&[7, 7], &device)), 10.0);
        assert!(alone.into_scalar::<f32>().abs() < 1e-6);
        let [among, _] = sentence_loss(code.clone(), code, Some(same_class(&[7, 8], &device)), 10.0);
        assert!((among.into_scalar::<f32>() - 2.0_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn padding_gets_a_finite_gradient() {
        let device = Device::flex().autodiff();
        let (words, mask, regions) = sample(&device);
        let words = words.require_grad();
        let [loss, _] = words_loss(words.clone(), mask, regions, None, [4.0, 5.0, 10.0]);
        let grad = values(words.grad(&loss.backward()).expect("a gradient"));
        assert!(grad.iter().all(|g| g.is_finite()) && grad[5] == 0.0 && grad[7] == 0.0, "{grad:?}");
    }
}
