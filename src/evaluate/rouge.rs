//! ROUGE-L (Lin 2004) as pycocoevalcap computes it: F with β = 1.2 of the longest common subsequence.

/// Mean over the candidates, each against its own references.
pub fn rouge_l(candidates: &[Vec<String>], references: &[Vec<Vec<String>>]) -> f64 {
    rouge_l_each(candidates, references).iter().sum::<f64>() / candidates.len().max(1) as f64
}

/// The score of each candidate.
pub fn rouge_l_each(candidates: &[Vec<String>], references: &[Vec<Vec<String>>]) -> Vec<f64> {
    const BETA_SQUARED: f64 = 1.2 * 1.2;
    let score = |candidate: &Vec<String>, references: &Vec<Vec<String>>| {
        let share = |length: usize, reference: &Vec<String>| longest_common(candidate, reference) as f64 / length.max(1) as f64;
        let precision = references.iter().map(|r| share(candidate.len(), r)).fold(0.0, f64::max);
        let recall = references.iter().map(|r| share(r.len(), r)).fold(0.0, f64::max);
        if precision == 0.0 || recall == 0.0 {
            return 0.0;
        }
        (1.0 + BETA_SQUARED) * precision * recall / (recall + BETA_SQUARED * precision)
    };
    candidates.iter().zip(references).map(|(candidate, references)| score(candidate, references)).collect()
}

/// Length of the longest common subsequence.
fn longest_common(a: &[String], b: &[String]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for word in a {
        let mut diagonal = 0;
        for (j, other) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if word == other { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokenize;

    #[test]
    fn by_hand() {
        // LCS "a red flower" of 3: precision 3/4, recall 3/5.
        let score = rouge_l(&[tokenize("a red big flower")], &[vec![tokenize("a very red small flower")]]);
        let (p, r) = (0.75, 0.6);
        assert!((score - 2.44 * p * r / (r + 1.44 * p)).abs() < 1e-12, "{score}");
        assert_eq!(rouge_l(&[tokenize("x")], &[vec![tokenize("y")]]), 0.0);
    }
}
