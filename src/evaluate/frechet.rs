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

/// The singular values: by Householder reflections to a bidiagonal matrix (Golub and Kahan 1965), whose singular values are the positive
/// eigenvalues of a tridiagonal matrix with nothing on its diagonal, found by bisection with Sturm's count. Their absolute error is
/// that of f64 times the largest of them.
fn singular_values(matrix: Vec<Vec<f64>>) -> Vec<f64> {
    let mut rows = matrix;
    let width = rows.first().map_or(0, Vec::len);
    if rows.len() < width {
        rows = (0..width).map(|j| rows.iter().map(|row| row[j]).collect()).collect();
    }
    let squares: Vec<f64> = bidiagonal(rows).iter().map(|value| value * value).collect();
    let bound = 2.0 * squares.iter().copied().fold(0.0, f64::max).sqrt();
    let count = squares.len().div_ceil(2);
    (0..count).into_par_iter().map(|index| bisect(&squares, count + index, bound)).collect()
}

/// Rows that are added up by one thread.
const PART: usize = 64;

/// Diagonal and superdiagonal of the bidiagonal form of a matrix of at least as many rows as columns, in turn: d₀, e₀, d₁, …
fn bidiagonal(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let width = rows.first().map_or(0, Vec::len);
    let mut found = Vec::with_capacity((2 * width).saturating_sub(1));
    for k in 0..width {
        let (above, below) = rows.split_at_mut(k + 1);
        let row = &mut above[k];
        // From the left: column k is left with its first value.
        let column: Vec<f64> = std::iter::once(row[k]).chain(below.iter().map(|row| row[k])).collect();
        let (left, left_square, value) = reflector(column);
        found.push(value);
        let mut sums: Vec<f64> = row[k..].iter().map(|v| v * left[0]).collect();
        // In parts of one size that are added up in order: the result must not depend on how many threads there are.
        let part = |(rows, factors): (&[Vec<f64>], &[f64])| {
            let mut sums = vec![0.0; width - k];
            for (row, factor) in rows.iter().zip(factors) {
                sums.iter_mut().zip(&row[k..]).for_each(|(sum, v)| *sum += v * factor);
            }
            sums
        };
        let parts: Vec<Vec<f64>> = below.par_chunks(PART).zip(left[1..].par_chunks(PART)).map(part).collect();
        for of_part in parts {
            sums.iter_mut().zip(of_part).for_each(|(sum, v)| *sum += v);
        }
        sums.iter_mut().for_each(|sum| *sum *= left_square);
        row[k..].iter_mut().zip(&sums).for_each(|(v, sum)| *v -= left[0] * sum);
        if k + 1 == width {
            break;
        }
        // From the right: row k is left with two values. Both reflections of a row below are done while it is at hand.
        let (right, right_square, value) = reflector(row[k + 1..].to_vec());
        found.push(value);
        below.par_iter_mut().zip(&left[1..]).for_each(|(row, factor)| {
            let rest = &mut row[k + 1..];
            rest.iter_mut().zip(&sums[1..]).for_each(|(v, sum)| *v -= factor * sum);
            let dot = rest.iter().zip(&right).map(|(v, r)| v * r).sum::<f64>() * right_square;
            rest.iter_mut().zip(&right).for_each(|(v, r)| *v -= dot * r);
        });
    }
    found
}

/// v, 2 / vᵀv and what the reflection I − 2vvᵀ / vᵀv leaves of `vector` in its first place.
fn reflector(mut vector: Vec<f64>) -> (Vec<f64>, f64, f64) {
    let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    let signed = norm.copysign(vector.first().copied().unwrap_or(0.0));
    if let Some(first) = vector.first_mut() {
        *first += signed;
    }
    let square: f64 = vector.iter().map(|v| v * v).sum();
    (vector, if square > 0.0 { 2.0 / square } else { 0.0 }, -signed)
}

/// The eigenvalue with `rank` smaller ones of the symmetric tridiagonal matrix with zeros on and the roots of `squares` beside its
/// diagonal; it lies between 0 and `bound`.
fn bisect(squares: &[f64], rank: usize, bound: f64) -> f64 {
    // A pivot of zero is moved by less than rounding does.
    let tiny = f64::MIN_POSITIVE.sqrt() * bound.max(1.0);
    let (mut low, mut high) = (0.0, bound);
    while high - low > bound * f64::EPSILON {
        let middle = 0.5 * (low + high);
        let mut pivot = -middle;
        let mut smaller = usize::from(pivot < 0.0);
        for square in squares {
            pivot = -middle - square / pivot;
            if pivot.abs() < tiny {
                pivot = -tiny;
            }
            smaller += usize::from(pivot < 0.0);
        }
        if smaller > rank { high = middle } else { low = middle }
    }
    0.5 * (low + high)
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
    fn singular_values_by_hand() {
        // [[3, 0], [4, 5]]: √45 and √5; the zero matrix and a single column.
        let mut found = singular_values(vec![vec![3.0, 0.0], vec![4.0, 5.0]]);
        found.sort_by(f64::total_cmp);
        assert!((found[0] - 5.0f64.sqrt()).abs() < 1e-13 && (found[1] - 45.0f64.sqrt()).abs() < 1e-13, "{found:?}");
        assert_eq!(singular_values(vec![vec![0.0; 3]; 2]), [0.0, 0.0]);
        assert!((singular_values(vec![vec![3.0], vec![4.0]])[0] - 5.0).abs() < 1e-14);
    }

    #[test]
    fn singular_values_keep_the_sum_of_squares() {
        let matrix: Vec<Vec<f64>> = rows(30, 21, 5).iter().map(|row| row.iter().map(|v| f64::from(*v)).collect()).collect();
        let expected: f64 = matrix.iter().flatten().map(|v| v * v).sum();
        let found: f64 = singular_values(matrix).iter().map(|v| v * v).sum();
        assert!((found - expected).abs() < 1e-11 * expected, "{found} {expected}");
    }

    /// The check of pytorch-fid's authors: equal covariances, means 0 and 1 in 2048 dimensions, more dimensions than samples.
    #[test]
    fn the_analytic_case_in_2048_dimensions() {
        let a = rows(40, 2048, 3);
        let b: Vec<Vec<f32>> = a.iter().map(|row| row.iter().map(|v| v + 1.0).collect()).collect();
        assert!((frechet_distance(&a, &b) - 2048.0).abs() < 1e-3);
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

    #[test]
    fn numpy_has_the_same_number() {
        // |μ₁ − μ₂|² + tr Σ₁ + tr Σ₂ − 2 Σ √eig(Σ₁Σ₂)
        let (a, b) = super::super::formula();
        let found = frechet_distance(&a, &b);
        assert!((found - 2.130603888274747).abs() < 1e-5, "{found}");
    }
}
