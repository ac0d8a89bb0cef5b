//! The losses that teach DAMSM which picture belongs to which caption (AttnGAN, section 3.2, eq. 10–13).

use burn::tensor::{Device, Tensor, TensorData, activation};

use super::model::{Damsm, ImageFeatures};
use super::similarity::{EPSILON, EXCLUDED, cosine_similarities, length, padding};
use crate::stem::TextFeatures;

/// The four terms, each (1).
#[derive(Debug, Clone)]
pub struct DamsmLoss {
    /// L_1^w and L_2^w: which caption a picture has, and which picture a caption, by words.
    pub words: [Tensor<1>; 2],
    /// L_1^s and L_2^s: the same by sentences.
    pub sentence: [Tensor<1>; 2],
}

impl DamsmLoss {
    /// L_DAMSM, the sum of the four (AttnGAN, eq. 13).
    pub fn total(self) -> Tensor<1> {
        let [words1, words2] = self.words;
        let [sentence1, sentence2] = self.sentence;
        words1 + words2 + sentence1 + sentence2
    }
}

impl Damsm {
    /// The cosine of every picture with every sentence (R-precision, AttnGAN, section 4).
    ///
    /// # Shapes
    /// - pooled: (pictures, code_channels); sentences: (sentences, D)
    /// - output: (pictures, sentences)
    pub fn similarities(&self, pooled: Tensor<2>, sentences: Tensor<2>) -> Tensor<2> {
        cosine_similarities(self.encode(pooled), sentences)
    }

    /// The losses of a batch of pairs. `classes` has a number a pair; pairs of one class are no wrong answers for each other. Give
    /// every pair its own number where there are no classes.
    pub fn loss(&self, image: &ImageFeatures, text: &TextFeatures, classes: &[usize]) -> DamsmLoss {
        let excluded = same_class(classes, &text.sentence.device());
        let regions = image.regions.clone();
        DamsmLoss {
            words: words_loss(text.words.clone(), text.mask.clone(), regions, Some(excluded.clone()), self.gammas),
            sentence: sentence_loss(text.sentence.clone(), image.code.clone(), Some(excluded), self.gammas[2]),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::damsm::{DamsmConfig, attention};
    use crate::nn::init::initialize;
    use crate::stem::{TextBatch, TextEncoderConfig};
    use burn::optim::{AdamConfig, GradientsParams};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

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

    /// Four pictures and four captions that can be told apart learn to find each other.
    #[test]
    fn training_matches_pictures_with_captions() {
        let device = Device::flex().autodiff();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let text_config = TextEncoderConfig { vocabulary: 9, embedding: 8, features: 8, max_words: 3 };
        let config = DamsmConfig { features: 8, region_channels: 6, code_channels: 10, ..Default::default() };
        let mut encoder = initialize(text_config.init(&device), &mut rng).unwrap();
        let mut damsm = initialize(config.init(&device), &mut rng).unwrap();
        let mut noise = |shape: &[usize]| {
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
            TensorData::new(values, shape)
        };
        let stage = Tensor::<4>::from_data(noise(&[4, 6, 2, 2]), &device);
        let pooled = Tensor::<2>::from_data(noise(&[4, 10]), &device);
        let text = TextBatch::new(&[vec![1, 2], vec![3, 4, 5], vec![6], vec![7, 8]], &device);
        let (mut of_text, mut of_image) = (AdamConfig::new().init(), AdamConfig::new().init());
        let mut losses = Vec::new();
        for _ in 0..40 {
            let loss = damsm.loss(&damsm.forward(stage.clone(), pooled.clone()), &encoder.forward(&text), &[0, 1, 2, 3]).total();
            losses.push(loss.clone().into_scalar::<f32>());
            let mut grads = loss.backward();
            let text_grads = GradientsParams::from_module(&mut grads, &encoder);
            let image_grads = GradientsParams::from_module(&mut grads, &damsm);
            encoder = of_text.step(0.02, encoder, text_grads);
            damsm = of_image.step(0.02, damsm, image_grads);
        }
        assert!(losses[39] < 0.5 * losses[0], "{losses:?}");
        let cosines: Vec<f32> = damsm.similarities(pooled, encoder.forward(&text).sentence).into_data().try_to_vec().unwrap();
        for (picture, row) in cosines.chunks(4).enumerate() {
            assert!(row.iter().all(|cosine| *cosine <= row[picture]), "{cosines:?}");
        }
    }
}
