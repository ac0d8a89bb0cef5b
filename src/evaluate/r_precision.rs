//! R-precision (AttnGAN, section 4): does a picture find its own caption among 99 others?

use rand::Rng;
use rand::seq::index;

use super::cosine::{cosine, unit};

/// Captions of other classes that a picture's own one is put among.
pub const OTHERS: usize = 99;

/// Parts that mean and deviation are taken over.
const FOLDS: usize = 10;

/// A share of hits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RPrecision {
    /// Mean over the folds.
    pub mean: f64,
    /// Standard deviation over the folds.
    pub deviation: f64,
    /// How many folds there are: ten where there are ten pictures.
    pub folds: usize,
}

/// The share of pictures whose own sentence has the largest cosine with their code, among it and 99 sentences of other classes
/// (all there are, where there are fewer). Pictures without any other class to compare with count as missed.
///
/// # Shapes
/// - codes, sentences: a row of the same length a picture; classes: a number a picture
pub fn r_precision(codes: &[Vec<f32>], sentences: &[Vec<f32>], classes: &[usize], rng: &mut impl Rng) -> RPrecision {
    let codes: Vec<_> = codes.iter().map(|row| unit(row)).collect();
    let sentences: Vec<_> = sentences.iter().map(|row| unit(row)).collect();
    let hits: Vec<f64> = (0..codes.len())
        .map(|own| {
            let others: Vec<usize> = (0..sentences.len()).filter(|other| classes[*other] != classes[own]).collect();
            let of = |sentence: usize| cosine(&codes[own], &sentences[sentence]);
            let best = of(own);
            let chosen = index::sample(rng, others.len(), others.len().min(OTHERS));
            let hit = !others.is_empty() && chosen.iter().all(|i| of(others[i]) < best);
            f64::from(u8::from(hit))
        })
        .collect();
    let folds = FOLDS.min(hits.len()).max(1);
    let means: Vec<f64> = (0..folds)
        .map(|fold| {
            let part = &hits[fold * hits.len() / folds..(fold + 1) * hits.len() / folds];
            part.iter().sum::<f64>() / part.len().max(1) as f64
        })
        .collect();
    let mean = means.iter().sum::<f64>() / folds as f64;
    let variance = means.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / folds as f64;
    RPrecision { mean, deviation: variance.sqrt(), folds }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn one_hot(count: usize) -> Vec<Vec<f32>> {
        (0..count).map(|i| (0..count).map(|j| f32::from(i == j)).collect()).collect()
    }

    #[test]
    fn matching_pairs_hit_and_shifted_ones_miss() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let rows = one_hot(20);
        let classes: Vec<usize> = (0..20).collect();
        assert_eq!(r_precision(&rows, &rows, &classes, &mut rng), RPrecision { mean: 1.0, deviation: 0.0, folds: 10 });
        let mut shifted = rows.clone();
        shifted.rotate_left(1);
        assert_eq!(r_precision(&rows, &shifted, &classes, &mut rng).mean, 0.0);
    }

    #[test]
    fn sentences_of_the_same_class_do_not_compete() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let rows = one_hot(4);
        let mut swapped = rows.clone();
        swapped.swap(0, 1);
        // Pictures 0 and 1 have each other's sentence: a tie at zero with the other classes is no hit.
        assert_eq!(r_precision(&rows, &swapped, &[0, 0, 1, 2], &mut rng).mean, 0.5);
        let half = vec![vec![0.9, 1.0, 0.0, 0.0], vec![1.0, 0.9, 0.0, 0.0], rows[2].clone(), rows[3].clone()];
        assert_eq!(r_precision(&rows, &half, &[0, 0, 1, 2], &mut rng).mean, 1.0);
    }

    fn random(count: usize, rng: &mut impl Rng) -> Vec<Vec<f32>> {
        (0..count).map(|_| (0..16).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
    }

    /// Of 99 rivals and one's own, each is as likely to be the nearest: the hits are binomial. All 3990 rivals of a picture would leave it
    /// one hit.
    #[test]
    fn chance_is_one_in_a_hundred() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let count = 4000;
        let (codes, sentences) = (random(count, &mut rng), random(count, &mut rng));
        let classes: Vec<usize> = (0..count).map(|i| i / 10).collect();
        let found = r_precision(&codes, &sentences, &classes, &mut rng);
        let p = 1.0 / (OTHERS as f64 + 1.0);
        // 99.9 % of binomial counts.
        let half = 3.29 * (p * (1.0 - p) / count as f64).sqrt();
        assert!((found.mean - p).abs() < half, "{} is not {p} ± {half}", found.mean);
    }

    #[test]
    fn the_right_one_is_first_among_any_rivals() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(8);
        let codes = random(500, &mut rng);
        // Cosines do not see lengths.
        let sentences: Vec<Vec<f32>> = codes.iter().map(|row| row.iter().map(|v| 3.0 * v).collect()).collect();
        let classes: Vec<usize> = (0..500).collect();
        assert_eq!(r_precision(&codes, &sentences, &classes, &mut rng), RPrecision { mean: 1.0, deviation: 0.0, folds: 10 });
    }
}
