//! Inception score (Salimans et al. 2016) in f64, from the scores of a classifier.

/// Parts that mean and deviation are taken over.
pub const SPLITS: usize = 10;

/// exp(E KL(p(y|x) ‖ p(y))) of each of `splits` parts in their order; shuffle the rows first where their order has a meaning.
///
/// # Shapes
/// - logits: a row of scores a picture, without the classifier's bias (as the original code and torch-fidelity have it)
pub fn inception_scores(logits: &[Vec<f32>], splits: usize) -> Vec<f64> {
    let splits = splits.min(logits.len());
    (0..splits).map(|i| of_part(&logits[i * logits.len() / splits..(i + 1) * logits.len() / splits])).collect()
}

fn of_part(logits: &[Vec<f32>]) -> f64 {
    let rows: Vec<Vec<f64>> = logits.iter().map(|row| log_softmax(row)).collect();
    let count = rows.len().max(1) as f64;
    let mut mean = vec![0.0; rows.first().map_or(0, Vec::len)];
    for row in &rows {
        mean.iter_mut().zip(row).for_each(|(m, log_p)| *m += log_p.exp() / count);
    }
    let divergence = |row: &Vec<f64>| -> f64 {
        // A class that no picture can have adds nothing.
        row.iter().zip(&mean).filter(|(_, m)| **m > 0.0).map(|(log_p, m)| log_p.exp() * (log_p - m.ln())).sum()
    };
    (rows.iter().map(divergence).sum::<f64>() / count).exp()
}

fn log_softmax(row: &[f32]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let largest = f64::from(largest);
    let sum: f64 = row.iter().map(|v| (f64::from(*v) - largest).exp()).sum();
    row.iter().map(|v| f64::from(*v) - largest - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sure_and_different_pictures_score_the_number_of_classes() {
        let logits: Vec<Vec<f32>> = (0..20).map(|i| (0..5).map(|j| if i % 5 == j { 80.0 } else { 0.0 }).collect()).collect();
        for score in inception_scores(&logits, 2) {
            assert!((score - 5.0).abs() < 1e-9, "{score}");
        }
    }

    #[test]
    fn pictures_that_are_all_alike_score_one() {
        let logits = vec![vec![0.3, -1.0, 2.0]; 6];
        assert_eq!(inception_scores(&logits, 10).len(), 6);
        assert!(inception_scores(&logits, 2).iter().all(|score| (score - 1.0).abs() < 1e-12));
    }

    #[test]
    fn two_pictures_by_hand() {
        // p = (¾, ¼) and (¼, ¾), their mean (½, ½): exp(¾ ln 3/2 + ¼ ln 1/2).
        let three = 3f32.ln();
        let score = inception_scores(&[vec![three, 0.0], vec![0.0, three]], 1)[0];
        assert!((score - (0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln()).exp()).abs() < 1e-7, "{score}");
    }
}
