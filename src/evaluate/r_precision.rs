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
    /// What each picture's caption was put among.
    pub candidates: Candidates,
    /// Pictures that count.
    pub pictures: usize,
    /// Pictures that do not count, for there is no rival of their caption.
    pub without: usize,
}

/// How many captions a picture chose among, its own one among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidates {
    /// The fewest.
    pub least: usize,
    /// The most.
    pub most: usize,
    /// What guessing hits: the mean over pictures of one in their candidates.
    pub chance: f64,
}

impl Candidates {
    fn of(counts: &[usize]) -> Self {
        let chance = counts.iter().map(|count| 1.0 / *count as f64).sum::<f64>() / counts.len().max(1) as f64;
        let (least, most) = (counts.iter().min(), counts.iter().max());
        Self { least: least.copied().unwrap_or(0), most: most.copied().unwrap_or(0), chance }
    }

    /// Why figures among so few captions stand alone; nothing among as many as the protocol has.
    pub fn warning(&self) -> Option<String> {
        let expected = OTHERS + 1;
        let chance = super::figure::number(self.chance);
        (self.least < expected).then(|| {
            format!("among {} captions, not {expected}: chance is {chance}, and no figure of the literature can be compared with it", self.count())
        })
    }

    fn count(&self) -> String {
        if self.least == self.most { self.most.to_string() } else { format!("{} to {}", self.least, self.most) }
    }

    /// As logs have it.
    pub fn to_json(&self) -> serde_json::Value {
        if self.least == self.most {
            serde_json::json!({ "candidates": self.most, "chance": self.chance })
        } else {
            serde_json::json!({ "candidates": [self.least, self.most], "chance": self.chance })
        }
    }
}

impl std::fmt::Display for Candidates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "among {} captions, chance {}", self.count(), super::figure::number(self.chance))
    }
}

/// The share of pictures whose own sentence has the largest cosine with their code, among it and 99 sentences of other classes
/// (all there are, where there are fewer). A sentence that is equally near is no hit.
///
/// A caption that says the same as a picture's own, word for word, is no rival, whatever picture and class it was written for: no judge could
/// tell the two apart. Pictures whose caption has no rival do not count; none is left where all are of one class, or say the same.
///
/// # Shapes
/// - codes, sentences: a row of the same length a picture; captions: the words that each sentence was made from; classes: a number a picture
pub fn r_precision(
    codes: &[Vec<f32>],
    sentences: &[Vec<f32>],
    captions: &[Vec<usize>],
    classes: &[usize],
    rng: &mut impl Rng,
) -> Option<RPrecision> {
    let codes: Vec<_> = codes.iter().map(|row| unit(row)).collect();
    let sentences: Vec<_> = sentences.iter().map(|row| unit(row)).collect();
    let (mut hits, mut counts) = (Vec::with_capacity(codes.len()), Vec::with_capacity(codes.len()));
    for (own, code) in codes.iter().enumerate() {
        let is_rival = |other: &usize| classes[*other] != classes[own] && captions[*other] != captions[own];
        let others: Vec<usize> = (0..sentences.len()).filter(is_rival).collect();
        let of = |sentence: usize| cosine(code, &sentences[sentence]);
        let best = of(own);
        let chosen = index::sample(rng, others.len(), others.len().min(OTHERS));
        if others.is_empty() {
            continue;
        }
        counts.push(chosen.len() + 1);
        hits.push(f64::from(u8::from(chosen.iter().all(|i| of(others[i]) < best))));
    }
    if hits.is_empty() {
        return None;
    }
    let folds = FOLDS.min(hits.len());
    let means: Vec<f64> = (0..folds)
        .map(|fold| {
            let part = &hits[fold * hits.len() / folds..(fold + 1) * hits.len() / folds];
            part.iter().sum::<f64>() / part.len().max(1) as f64
        })
        .collect();
    let mean = means.iter().sum::<f64>() / folds as f64;
    let variance = means.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / folds as f64;
    let (pictures, without) = (hits.len(), codes.len() - hits.len());
    Some(RPrecision { mean, deviation: variance.sqrt(), folds, candidates: Candidates::of(&counts), pictures, without })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// A caption of its own for each.
    fn own(count: usize) -> Vec<Vec<usize>> {
        (0..count).map(|i| vec![1 + i]).collect()
    }

    fn one_hot(count: usize) -> Vec<Vec<f32>> {
        (0..count).map(|i| (0..count).map(|j| f32::from(i == j)).collect()).collect()
    }

    #[test]
    fn matching_pairs_hit_and_shifted_ones_miss() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let rows = one_hot(20);
        let classes: Vec<usize> = (0..20).collect();
        let found = r_precision(&rows, &rows, &own(20), &classes, &mut rng).unwrap();
        let candidates = Candidates { least: 20, most: 20, chance: 0.05 };
        assert_eq!((found.mean, found.deviation, found.folds, found.pictures, found.without), (1.0, 0.0, 10, 20, 0));
        assert_eq!((found.candidates.least, found.candidates.most), (candidates.least, candidates.most));
        assert!((found.candidates.chance - candidates.chance).abs() < 1e-12);
        let mut shifted = rows.clone();
        shifted.rotate_left(1);
        assert_eq!(r_precision(&rows, &shifted, &own(20), &classes, &mut rng).unwrap().mean, 0.0);
    }

    #[test]
    fn sentences_of_the_same_class_do_not_compete() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let rows = one_hot(4);
        let mut swapped = rows.clone();
        swapped.swap(0, 1);
        // Pictures 0 and 1 have each other's sentence: a tie at zero with the other classes is no hit.
        assert_eq!(r_precision(&rows, &swapped, &own(4), &[0, 0, 1, 2], &mut rng).unwrap().mean, 0.5);
        let half = vec![vec![0.9, 1.0, 0.0, 0.0], vec![1.0, 0.9, 0.0, 0.0], rows[2].clone(), rows[3].clone()];
        let found = r_precision(&rows, &half, &own(4), &[0, 0, 1, 2], &mut rng).unwrap();
        assert_eq!(found.mean, 1.0);
        // Two rivals of those that share a class, three of the others.
        assert_eq!((found.candidates.least, found.candidates.most), (3, 4));
        assert!((found.candidates.chance - (2.0 / 3.0 + 2.0 / 4.0) / 4.0).abs() < 1e-12);
        assert!(found.candidates.to_string().starts_with("among 3 to 4 captions, chance 0.2917"), "{}", found.candidates);
        assert!(found.candidates.warning().unwrap().contains("not 100"));
    }

    #[test]
    fn the_same_caption_under_another_class_is_no_rival() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let rows = one_hot(3);
        // The first two say the same, so that their sentences are one: a tie that no judge could break.
        let sentences = vec![rows[0].clone(), rows[0].clone(), rows[2].clone()];
        let codes = vec![rows[0].clone(), rows[0].clone(), rows[2].clone()];
        let found = r_precision(&codes, &sentences, &[vec![5, 6], vec![5, 6], vec![7]], &[0, 1, 2], &mut rng).unwrap();
        assert_eq!((found.mean, found.candidates.least, found.candidates.most), (1.0, 2, 3));
        // Other words with the same sentence are rivals, and a tie is no hit.
        let found = r_precision(&codes, &sentences, &own(3), &[0, 1, 2], &mut rng).unwrap();
        assert!((found.mean - 1.0 / 3.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn who_has_no_rival_does_not_count() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let rows = one_hot(3);
        assert_eq!(r_precision(&rows, &rows, &own(3), &[4, 4, 4], &mut rng), None, "one class");
        assert_eq!(r_precision(&rows, &rows, &[vec![1], vec![1], vec![1]], &[1, 2, 3], &mut rng), None, "one caption");
        assert_eq!(r_precision(&rows[..1], &rows[..1], &own(1), &[1], &mut rng), None, "one picture");
        // The third shares its class with one and its caption with the other.
        let found = r_precision(&rows, &rows, &[vec![1], vec![2], vec![2]], &[1, 2, 1], &mut rng).unwrap();
        assert_eq!((found.pictures, found.without, found.mean), (2, 1, 1.0));
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
        let found = r_precision(&codes, &sentences, &own(count), &classes, &mut rng).unwrap();
        assert_eq!((found.candidates.least, found.candidates.most, found.candidates.warning()), (100, 100, None));
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
        let found = r_precision(&codes, &sentences, &own(500), &classes, &mut rng).unwrap();
        assert_eq!((found.mean, found.deviation, found.folds), (1.0, 0.0, 10));
    }
}
