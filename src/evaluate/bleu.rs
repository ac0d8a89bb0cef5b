//! BLEU (Papineni et al. 2002) over a corpus, as pycocoevalcap computes it: the closest reference length, and tiny constants
//! instead of smoothing.

use std::collections::HashMap;

/// How often each run of `n` words stands in `words`.
pub(super) fn ngrams(words: &[String], n: usize) -> HashMap<&[String], usize> {
    let mut counts = HashMap::new();
    for gram in words.windows(n) {
        *counts.entry(gram).or_default() += 1;
    }
    counts
}

/// What BLEU counts in candidates; counts of several add up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    found: [usize; 4],
    guessed: [usize; 4],
    candidate_length: usize,
    reference_length: usize,
}

impl Counts {
    /// Of one candidate.
    pub(super) fn new(candidate: &[String], references: &[Vec<String>]) -> Self {
        let closest = references.iter().map(Vec::len).min_by_key(|l| (l.abs_diff(candidate.len()), *l)).unwrap_or(0);
        let mut counts = Self { candidate_length: candidate.len(), reference_length: closest, ..Self::default() };
        for n in 1..=4 {
            let reference_counts: Vec<_> = references.iter().map(|reference| ngrams(reference, n)).collect();
            for (gram, count) in ngrams(candidate, n) {
                let most = reference_counts.iter().filter_map(|counts| counts.get(gram)).max().copied().unwrap_or(0);
                counts.found[n - 1] += count.min(most);
            }
            counts.guessed[n - 1] += (candidate.len() + 1).saturating_sub(n);
        }
        counts
    }

    /// Of both.
    pub(super) fn add(mut self, other: &Self) -> Self {
        for n in 0..4 {
            self.found[n] += other.found[n];
            self.guessed[n] += other.guessed[n];
        }
        self.candidate_length += other.candidate_length;
        self.reference_length += other.reference_length;
        self
    }

    /// BLEU-1 to BLEU-4.
    pub(super) fn score(&self) -> [f64; 4] {
        const TINY: f64 = 1e-15;
        const SMALL: f64 = 1e-9;
        let ratio = (self.candidate_length as f64 + TINY) / (self.reference_length as f64 + SMALL);
        let brevity = if ratio < 1.0 { (1.0 - 1.0 / ratio).exp() } else { 1.0 };
        let mut product = 1.0;
        std::array::from_fn(|i| {
            product *= (self.found[i] as f64 + TINY) / (self.guessed[i] as f64 + SMALL);
            product.powf(1.0 / (i as f64 + 1.0)) * brevity
        })
    }
}

/// BLEU-1 to BLEU-4 of `candidates`, each against its own references.
pub fn bleu(candidates: &[Vec<String>], references: &[Vec<Vec<String>>]) -> [f64; 4] {
    let counts = candidates.iter().zip(references).map(|(candidate, references)| Counts::new(candidate, references));
    counts.fold(Counts::default(), |sum, counts| sum.add(&counts)).score()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        crate::text::tokenize(text)
    }

    #[test]
    fn a_perfect_corpus_scores_one() {
        let candidate = words("this flower has pink petals");
        let score = bleu(std::slice::from_ref(&candidate), &[vec![words("another one"), candidate.clone()]]);
        assert!(score.iter().all(|s| (s - 1.0).abs() < 1e-6), "{score:?}");
    }

    #[test]
    fn counts_are_clipped_and_short_candidates_pay() {
        // "the" twice in the reference: 2 of 3; no pair; brevity exp(1 − 6/3).
        let score = bleu(&[words("the the the")], &[vec![words("the cat sat on the mat")]]);
        assert!((score[0] - 2.0 / 3.0 * (-1.0f64).exp()).abs() < 1e-8, "{score:?}");
        assert!(score[1] < 1e-6);
    }
}
