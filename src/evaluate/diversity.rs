//! Do pictures of one prompt differ? Their mean pairwise distance in a network's features.

use super::cosine::unit;

/// Mean over all pairs of 1 − cosine; none for fewer than two rows. 0: all the same; pictures that have nothing in common come near 1.
///
/// # Shapes
/// - rows of the same length
pub fn mean_pairwise_distance(rows: &[Vec<f32>]) -> Option<f64> {
    if rows.len() < 2 {
        return None;
    }
    let units: Vec<Vec<f64>> = rows.iter().map(|row| unit(row)).collect();
    // The squared length of the sum of unit vectors is n and twice the cosine of every pair.
    let mut sum = vec![0.0; units.first().map_or(0, Vec::len)];
    units.iter().for_each(|row| sum.iter_mut().zip(row).for_each(|(s, v)| *s += v));
    let own: f64 = units.iter().flatten().map(|v| v * v).sum();
    let n = rows.len() as f64;
    let cosines = sum.iter().map(|s| s * s).sum::<f64>() - own;
    Some(1.0 - cosines / (n * (n - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let distance = |rows: &[&[f32]]| mean_pairwise_distance(&rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
        assert_eq!(distance(&[&[1.0, 0.0]]), None);
        assert!(distance(&[&[1.0, 2.0], &[2.0, 4.0]]).unwrap().abs() < 1e-12, "length does not count");
        assert!((distance(&[&[1.0, 0.0], &[0.0, 3.0]]).unwrap() - 1.0).abs() < 1e-12);
        // Pairs at 90°, 45° and 45°: 1 − (0 + 2 · √½) / 3.
        let found = distance(&[&[1.0, 0.0], &[0.0, 1.0], &[1.0, 1.0]]).unwrap();
        assert!((found - (1.0 - 2.0 * 0.5f64.sqrt() / 3.0)).abs() < 1e-12, "{found}");
    }
}
