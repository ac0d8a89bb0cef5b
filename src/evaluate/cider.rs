//! CIDEr-D (Vedantam et al. 2015) as pycocoevalcap computes it: cosine of tf-idf vectors of 1 to 4 words, clipped counts, a Gaussian
//! penalty on the difference of lengths (σ = 6), times 10.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::bleu::ngrams;

const SIGMA: f64 = 6.0;

/// tf-idf vectors for 1 to 4 words, their norms, and the length as the reference tool counts it.
struct Vectors<'a> {
    /// In an order of their own: sums of floating-point numbers depend on it, and one seed has to give one result.
    values: [BTreeMap<&'a [String], f64>; 4],
    norms: [f64; 4],
    length: f64,
}

impl<'a> Vectors<'a> {
    fn new(words: &'a [String], idf: impl Fn(&[String]) -> f64) -> Self {
        let values: [BTreeMap<&[String], f64>; 4] =
            std::array::from_fn(|n| ngrams(words, n + 1).into_iter().map(|(gram, count)| (gram, count as f64 * idf(gram))).collect());
        let norms = std::array::from_fn(|n| values[n].values().map(|v| v * v).sum::<f64>().sqrt());
        // The reference tool takes the number of word pairs for the length.
        Self { values, norms, length: words.len().saturating_sub(1) as f64 }
    }
}

/// Mean CIDEr-D of `candidates`, each against its own references.
pub fn cider_d(candidates: &[Vec<String>], references: &[Vec<Vec<String>>]) -> f64 {
    cider_d_each(candidates, references).iter().sum::<f64>() / candidates.len().max(1) as f64
}

/// CIDEr-D of each candidate; document frequencies are those of all references.
pub fn cider_d_each(candidates: &[Vec<String>], references: &[Vec<Vec<String>>]) -> Vec<f64> {
    let mut documents: HashMap<&[String], usize> = HashMap::new();
    for references in references {
        let grams: HashSet<&[String]> = references.iter().flat_map(|r| (1..=4).flat_map(|n| r.windows(n))).collect();
        grams.into_iter().for_each(|gram| *documents.entry(gram).or_default() += 1);
    }
    let log_count = (references.len() as f64).ln();
    let idf = |gram: &[String]| log_count - (documents.get(gram).copied().unwrap_or(0).max(1) as f64).ln();
    let score = |candidate: &Vec<String>, references: &Vec<Vec<String>>| {
        let own = Vectors::new(candidate, idf);
        let sum: f64 = references.iter().map(|reference| similarity(&own, &Vectors::new(reference, idf))).sum();
        10.0 * sum / references.len().max(1) as f64
    };
    candidates.iter().zip(references).map(|(candidate, references)| score(candidate, references)).collect()
}

/// Mean over 1 to 4 words.
fn similarity(candidate: &Vectors, reference: &Vectors) -> f64 {
    let penalty = (-(candidate.length - reference.length).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let of = |n: usize| {
        let dot: f64 = candidate.values[n]
            .iter()
            .filter_map(|(gram, value)| reference.values[n].get(gram).map(|other| value.min(*other) * other))
            .sum();
        let norms = candidate.norms[n] * reference.norms[n];
        if norms > 0.0 { dot / norms } else { dot }
    };
    (0..4).map(of).sum::<f64>() / 4.0 * penalty
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokenize;

    #[test]
    fn a_perfect_candidate_scores_ten() {
        let texts = ["a red flower with thin petals", "some blue bird on grass"].map(tokenize);
        let references: Vec<_> = texts.iter().map(|t| vec![t.clone()]).collect();
        assert!((cider_d(&texts, &references) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_same_words_have_the_same_score_to_the_bit() {
        let (candidates, references) = super::super::corpus();
        let first = cider_d_each(&candidates, &references);
        assert!((0..50).all(|_| cider_d_each(&candidates, &references) == first));
    }
}
