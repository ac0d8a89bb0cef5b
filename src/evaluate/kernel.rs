//! Kernel distance (KID, Bińkowski et al. 2018) between two sets of features. With EfficientNet-Lite0's it is called
//! `kd-efficientnet-lite0`: the name KID belongs to Inception features.

use rand::Rng;
use rand::seq::index;

/// Samples in a subset.
const SUBSET: usize = 1000;
/// Subsets averaged over.
const SUBSETS: usize = 100;

/// Mean over subsets of the unbiased squared maximum mean discrepancy with the kernel (xᵀy/d + 1)³.
///
/// When both sets have at most 1000 rows and the same number of them, there is one subset: all of them.
///
/// # Shapes
/// - rows of d values, at least two in each set
pub fn kernel_distance(a: &[Vec<f32>], b: &[Vec<f32>], rng: &mut impl Rng) -> f64 {
    let size = a.len().min(b.len()).min(SUBSET);
    if a.len() == size && b.len() == size {
        return discrepancy(&a.iter().collect::<Vec<_>>(), &b.iter().collect::<Vec<_>>());
    }
    let mut draw = |rows: &[Vec<f32>]| index::sample(rng, rows.len(), size).into_vec();
    let mut sum = 0.0;
    for _ in 0..SUBSETS {
        let (chosen_a, chosen_b) = (draw(a), draw(b));
        let pick = |rows: &'_ [Vec<f32>], chosen: Vec<usize>| chosen.into_iter().map(|i| rows[i].clone()).collect::<Vec<_>>();
        let (rows_a, rows_b) = (pick(a, chosen_a), pick(b, chosen_b));
        sum += discrepancy(&rows_a.iter().collect::<Vec<_>>(), &rows_b.iter().collect::<Vec<_>>());
    }
    sum / SUBSETS as f64
}

fn discrepancy(a: &[&Vec<f32>], b: &[&Vec<f32>]) -> f64 {
    use rayon::prelude::*;
    let dimension = a.first().map_or(1, |row| row.len()) as f64;
    let kernel = |x: &Vec<f32>, y: &Vec<f32>| {
        let dot: f64 = x.iter().zip(y).map(|(p, q)| f64::from(*p) * f64::from(*q)).sum();
        (dot / dimension + 1.0).powi(3)
    };
    let within = |rows: &[&Vec<f32>]| {
        let n = rows.len() as f64;
        let sum: f64 = (0..rows.len()).into_par_iter().map(|i| (0..i).map(|j| kernel(rows[i], rows[j])).sum::<f64>()).sum();
        2.0 * sum / (n * (n - 1.0))
    };
    let across: f64 = a.par_iter().map(|x| b.iter().map(|y| kernel(x, y)).sum::<f64>()).sum();
    within(a) + within(b) - 2.0 * across / (a.len() * b.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn by_hand() {
        // d = 1, kernel (xy + 1)³: within {0, 1}: 1; within {1, 2}: 27; across: mean of 1, 1, 8, 27.
        let a = vec![vec![0.0], vec![1.0]];
        let b = vec![vec![1.0], vec![2.0]];
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        assert!((kernel_distance(&a, &b, &mut rng) - (1.0 + 27.0 - 2.0 * 9.25)).abs() < 1e-12);
    }

    #[test]
    fn two_halves_of_one_set_are_close() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let mut rows = |shift: f32| (0..300).map(|_| (0..8).map(|_| rng.random::<f32>() + shift).collect()).collect::<Vec<Vec<f32>>>();
        let (a, b, far) = (rows(0.0), rows(0.0), rows(1.0));
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        assert!(kernel_distance(&a, &b, &mut rng).abs() < 0.02);
        assert!(kernel_distance(&a, &far, &mut rng) > 1.0);
    }

    /// Rows by formula, 12 and 9 of 5 values.
    fn formula() -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        let a = (0..12).map(|i| (0..5).map(|j| ((i * 7 + j * 3) % 11) as f32 / 5.0 - 1.0).collect()).collect();
        let b = (0..9).map(|i| (0..5).map(|j| ((i * 5 + j * j * 2 + 3) % 13) as f32 / 6.0 - 0.5).collect()).collect();
        (a, b)
    }

    #[test]
    fn numpy_has_the_same_number() {
        let (a, b) = formula();
        let found = kernel_distance(&a[..9], &b, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0));
        assert!((found - 0.8468337431878887).abs() < 1e-5, "{found}");
    }
}
