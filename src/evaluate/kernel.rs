//! Kernel distance (KID, Bińkowski et al. 2018) between two sets of features. With EfficientNet-Lite0's it is called
//! `kd-efficientnet-lite0`: the name KID belongs to Inception features.

use rand::Rng;
use rand::seq::index;

/// Most samples in a subset.
pub const SUBSET: usize = 1000;
/// Subsets averaged over.
pub const SUBSETS: usize = 100;

/// The discrepancy of each of `subsets` pairs of random subsets of `size` rows, drawn without replacement: their mean is the kernel
/// distance, their spread is what is reported with it.
///
/// # Shapes
/// - rows of d values, at least `size` in each set, `size` at least two
pub fn kernel_distances(a: &[Vec<f32>], b: &[Vec<f32>], size: usize, subsets: usize, rng: &mut impl Rng) -> Vec<f64> {
    let mut pick = |rows: &[Vec<f32>]| index::sample(rng, rows.len(), size.min(rows.len())).iter().map(|i| rows[i].clone()).collect();
    (0..subsets)
        .map(|_| {
            let (a, b): (Vec<Vec<f32>>, Vec<Vec<f32>>) = (pick(a), pick(b));
            squared_mmd(&a, &b)
        })
        .collect()
}

/// The size of subsets for sets of `a` and `b` rows: 1000 (Bińkowski et al.) where both have more, else half of the smaller one: subsets
/// that are the whole set would have no spread.
pub fn subset_size(a: usize, b: usize) -> usize {
    let smaller = a.min(b);
    if smaller > SUBSET { SUBSET } else { (smaller / 2).max(2) }
}

/// The unbiased squared maximum mean discrepancy with the kernel (xᵀy/d + 1)³.
///
/// # Shapes
/// - rows of d values, at least two in each set
pub fn squared_mmd(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    use rayon::prelude::*;
    let dimension = a.first().map_or(1, Vec::len) as f64;
    let kernel = |x: &[f32], y: &[f32]| {
        let dot: f64 = x.iter().zip(y).map(|(p, q)| f64::from(*p) * f64::from(*q)).sum();
        (dot / dimension + 1.0).powi(3)
    };
    let within = |rows: &[Vec<f32>]| {
        let n = rows.len() as f64;
        // Summed in one order: threads that add up as they finish would change the last bits.
        let sums: Vec<f64> = (0..rows.len()).into_par_iter().map(|i| (0..i).map(|j| kernel(&rows[i], &rows[j])).sum()).collect();
        2.0 * sums.iter().sum::<f64>() / (n * (n - 1.0))
    };
    let across: Vec<f64> = a.par_iter().map(|x| b.iter().map(|y| kernel(x, y)).sum()).collect();
    within(a) + within(b) - 2.0 * across.iter().sum::<f64>() / (a.len() * b.len()) as f64
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
        assert!((squared_mmd(&a, &b) - (1.0 + 27.0 - 2.0 * 9.25)).abs() < 1e-12);
    }

    #[test]
    fn subsets_are_smaller_than_the_sets() {
        assert_eq!([subset_size(5000, 1001), subset_size(700, 5000), subset_size(2, 2)], [1000, 350, 2]);
    }

    #[test]
    fn two_halves_of_one_set_are_close() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let mut rows = |shift: f32| (0..300).map(|_| (0..8).map(|_| rng.random::<f32>() + shift).collect()).collect::<Vec<Vec<f32>>>();
        let (a, b, far) = (rows(0.0), rows(0.0), rows(1.0));
        let mut mean = |a: &[Vec<f32>], b: &[Vec<f32>]| kernel_distances(a, b, 150, 20, &mut rng).iter().sum::<f64>() / 20.0;
        assert!(mean(&a, &b).abs() < 0.02);
        assert!(mean(&a, &far) > 1.0);
    }

    #[test]
    fn numpy_has_the_same_number() {
        let (a, b) = super::super::formula();
        let found = squared_mmd(&a[..9], &b);
        assert!((found - 0.8468337431878887).abs() < 1e-5, "{found}");
    }
}
