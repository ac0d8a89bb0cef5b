//! Fréchet distance (Heusel et al. 2017) between two sets of features, in f64. With EfficientNet-Lite0's it is called
//! `fd-efficientnet-lite0`: the name FID belongs to Inception features.

use rayon::prelude::*;

/// |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½), covariances with n − 1.
///
/// With X₁ = centred rows / √(n₁ − 1), tr (Σ₁Σ₂)^½ is the sum of the singular values of X₁X₂ᵀ, an n₁ × n₂ matrix: no square root
/// of a singular d × d matrix is ever taken, and few pictures cost little.
///
/// # Shapes
/// - rows of d values, at least two in each set
pub fn frechet_distance(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    let (mean_a, rows_a) = centred(a);
    let (mean_b, rows_b) = centred(b);
    let means: f64 = mean_a.iter().zip(&mean_b).map(|(x, y)| (x - y).powi(2)).sum();
    let trace = |rows: &[Vec<f64>]| rows.iter().flatten().map(|v| v * v).sum::<f64>();
    means + trace(&rows_a) + trace(&rows_b) - 2.0 * nuclear_norm(&rows_a, &rows_b)
}

/// The mean, and the rows without it, divided by √(n − 1).
fn centred(rows: &[Vec<f32>]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let count = rows.len() as f64;
    let mut mean = vec![0.0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += f64::from(*v) / count);
    }
    let scale = (count - 1.0).max(1.0).sqrt();
    let centred = rows.iter().map(|row| row.iter().zip(&mean).map(|(v, m)| (f64::from(*v) - m) / scale).collect()).collect();
    (mean, centred)
}

/// Sum of the singular values of A Bᵀ for A (n₁, d) and B (n₂, d).
fn nuclear_norm(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let dimension = a.first().map_or(0, Vec::len);
    // The singular values of A Bᵀ are also those of R_A R_Bᵀ, where AᵀA = R_Aᵀ R_A; the smaller of the shapes is used.
    let product = if a.len().max(b.len()) <= dimension { multiply_transposed(a, b) } else { reduced(a, b, dimension) };
    singular_values(product).iter().sum()
}

fn multiply_transposed(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    a.par_iter().map(|x| b.iter().map(|y| x.iter().zip(y).map(|(p, q)| p * q).sum()).collect()).collect()
}

/// R_A R_Bᵀ from the QR decompositions of A and B.
fn reduced(a: &[Vec<f64>], b: &[Vec<f64>], dimension: usize) -> Vec<Vec<f64>> {
    multiply_transposed(&triangle(a, dimension), &triangle(b, dimension))
}

/// R of the QR decomposition of `rows`, by Householder reflections; at most `dimension` rows of it.
fn triangle(rows: &[Vec<f64>], dimension: usize) -> Vec<Vec<f64>> {
    // Columns, since reflections run along them.
    let mut columns: Vec<Vec<f64>> = (0..dimension).map(|j| rows.iter().map(|row| row[j]).collect()).collect();
    let count = rows.len();
    for k in 0..dimension.min(count) {
        let norm = columns[k][k..].iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm == 0.0 {
            continue;
        }
        let mut reflector = columns[k][k..].to_vec();
        reflector[0] += norm.copysign(reflector[0]);
        let square: f64 = reflector.iter().map(|v| v * v).sum();
        columns[k..].par_iter_mut().for_each(|column| {
            let dot: f64 = column[k..].iter().zip(&reflector).map(|(p, q)| p * q).sum();
            let factor = 2.0 * dot / square;
            column[k..].iter_mut().zip(&reflector).for_each(|(p, q)| *p -= factor * q);
        });
    }
    (0..dimension.min(count)).map(|i| (0..dimension).map(|j| if j < i { 0.0 } else { columns[j][i] }).collect()).collect()
}

/// One-sided Jacobi (Hestenes 1958): rotates pairs of rows until all are orthogonal; their norms are the singular values.
fn singular_values(matrix: Vec<Vec<f64>>) -> Vec<f64> {
    let mut rows = matrix;
    if rows.len() > rows.first().map_or(0, Vec::len) {
        let width = rows.first().map_or(0, Vec::len);
        rows = (0..width).map(|j| rows.iter().map(|row| row[j]).collect()).collect();
    }
    if rows.len() % 2 == 1 {
        rows.push(vec![0.0; rows[0].len()]);
    }
    let count = rows.len();
    // Round-robin tournament: in each round every row meets one other, so that all pairs of a round rotate at once.
    let mut order: Vec<usize> = (0..count).collect();
    for _sweep in 0..40 {
        let mut largest = 0.0f64;
        for _round in 1..count.max(2) {
            let mut slots: Vec<Option<Vec<f64>>> = rows.into_iter().map(Some).collect();
            let mut pairs: Vec<(usize, usize, Vec<f64>, Vec<f64>)> = (0..count / 2)
                .filter_map(|i| {
                    let (p, q) = (order[i], order[count - 1 - i]);
                    Some((p, q, slots[p].take()?, slots[q].take()?))
                })
                .collect();
            let off = pairs.par_iter_mut().map(|(_, _, x, y)| rotate(x, y)).reduce(|| 0.0, f64::max);
            largest = largest.max(off);
            let mut back: Vec<Vec<f64>> = vec![Vec::new(); count];
            for (p, q, x, y) in pairs {
                back[p] = x;
                back[q] = y;
            }
            rows = back;
            order[1..].rotate_right(1);
        }
        if largest < 1e-10 {
            break;
        }
    }
    rows.iter().map(|row| row.iter().map(|v| v * v).sum::<f64>().sqrt()).collect()
}

/// Makes two rows orthogonal; returns the cosine that they had.
fn rotate(x: &mut [f64], y: &mut [f64]) -> f64 {
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (p, q) in x.iter().zip(y.iter()) {
        xx += p * p;
        yy += q * q;
        xy += p * q;
    }
    let scale = (xx * yy).sqrt();
    if scale < 1e-300 || xy.abs() <= 1e-15 * scale {
        return 0.0;
    }
    let zeta = (yy - xx) / (2.0 * xy);
    let tangent = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    let sine = cosine * tangent;
    for (p, q) in x.iter_mut().zip(y.iter_mut()) {
        (*p, *q) = (cosine * *p - sine * *q, sine * *p + cosine * *q);
    }
    // Rows that are nothing but rounding error do not count as a failure to converge.
    xy.abs() / scale * f64::from(u8::from(scale > 1e-24))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn rows(count: usize, dimension: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| (0..dimension).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
    }

    #[test]
    fn shifted_copies_are_as_far_as_the_shift() {
        for (count, dimension) in [(6, 10), (30, 5)] {
            let a = rows(count, dimension, 1);
            let b: Vec<Vec<f32>> = a.iter().map(|row| row.iter().map(|v| v + 1.0).collect()).collect();
            let distance = frechet_distance(&a, &b);
            assert!((distance - dimension as f64).abs() < 1e-5, "{distance}");
        }
    }

    #[test]
    fn one_dimension_by_hand() {
        // Means 1 and 3, variances 2 and 8: 4 + (√2 − √8)² = 6.
        let a = vec![vec![0.0], vec![2.0]];
        let b = vec![vec![1.0], vec![5.0]];
        assert!((frechet_distance(&a, &b) - 6.0).abs() < 1e-9);
    }

    #[test]
    fn both_ways_of_reducing_agree() {
        let (a, b) = (rows(12, 7, 1), rows(9, 7, 2));
        let (_, a) = centred(&a);
        let (_, b) = centred(&b);
        let direct: f64 = singular_values(multiply_transposed(&a, &b)).iter().sum();
        let with_triangles: f64 = singular_values(reduced(&a, &b, 7)).iter().sum();
        assert!((direct - with_triangles).abs() < 1e-9, "{direct} {with_triangles}");
    }

    /// Rows by formula, 12 and 9 of 5 values.
    fn formula() -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        let a = (0..12).map(|i| (0..5).map(|j| ((i * 7 + j * 3) % 11) as f32 / 5.0 - 1.0).collect()).collect();
        let b = (0..9).map(|i| (0..5).map(|j| ((i * 5 + j * j * 2 + 3) % 13) as f32 / 6.0 - 0.5).collect()).collect();
        (a, b)
    }

    #[test]
    fn numpy_has_the_same_number() {
        // |μ₁ − μ₂|² + tr Σ₁ + tr Σ₂ − 2 Σ √eig(Σ₁Σ₂)
        let (a, b) = formula();
        let found = frechet_distance(&a, &b);
        assert!((found - 2.130603888274747).abs() < 1e-5, "{found}");
    }
}
