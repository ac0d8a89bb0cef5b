//! Orthogonal matrices, which convolutions and linear layers begin as.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// A matrix of shape (first, product of the rest) whose rows or columns, whichever are fewer, are orthonormal
/// (Saxe et al. 2014), row after row: Gram–Schmidt on normal draws, in blocks.
pub fn orthogonal(shape: &[usize], rng: &mut impl Rng) -> Vec<f32> {
    let rows = shape[0];
    let columns: usize = shape[1..].iter().product();
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut blocks: Vec<Tensor<2>> = Vec::with_capacity(count.div_ceil(BLOCK));
    let mut basis: Vec<f32> = Vec::with_capacity(count * length);
    while basis.len() < count * length {
        let height = BLOCK.min(count - basis.len() / length);
        let mut block: Vec<f32> = (0..height * length).map(|_| StandardNormal.sample(rng)).collect();
        // Twice: one pass leaves rounding errors that grow with the number of vectors.
        for _ in 0..2 {
            block = project_out(block, height, &blocks);
            orthonormalize(&mut block, length, rng);
        }
        basis.extend_from_slice(&block);
        if basis.len() < count * length {
            blocks.push(matrix(block, height));
        }
    }
    if rows <= columns {
        return basis;
    }
    let mut values = vec![0.0; rows * columns];
    for (column, vector) in basis.chunks_exact(length).enumerate() {
        for (row, value) in vector.iter().enumerate() {
            values[row * columns + column] = *value;
        }
    }
    values
}

/// Vectors that are made orthogonal to the earlier ones at once, by matrix products: the largest discriminator has weights of
/// 2,048 × 16,384, which take minutes one dot product after the other.
const BLOCK: usize = 128;

fn matrix(values: Vec<f32>, rows: usize) -> Tensor<2> {
    let columns = values.len() / rows;
    Tensor::from_data(TensorData::new(values, [rows, columns]), (&Device::flex(), DType::F32))
}

/// `block`, `height` rows, without its parts along the rows of `blocks`.
fn project_out(block: Vec<f32>, height: usize, blocks: &[Tensor<2>]) -> Vec<f32> {
    if blocks.is_empty() {
        return block;
    }
    let mut rest = matrix(block, height);
    for other in blocks {
        rest = rest.clone() - rest.matmul(other.clone().transpose()).matmul(other.clone());
    }
    // Reading from the processor's own memory cannot fail.
    rest.into_data().try_to_vec().unwrap_or_default()
}

/// Makes the rows of `block` orthonormal, one after the other; a row that lies in the span of the others is drawn anew.
fn orthonormalize(block: &mut [f32], length: usize, rng: &mut impl Rng) {
    for start in (0..block.len()).step_by(length) {
        let (done, rest) = block.split_at_mut(start);
        let row = &mut rest[..length];
        loop {
            for other in done.chunks_exact(length) {
                let along = dot(row, other);
                row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
            let norm = dot(row, row).sqrt();
            if norm > 1e-6 {
                row.iter_mut().for_each(|value| *value /= norm);
                break;
            }
            row.fill_with(|| StandardNormal.sample(rng));
        }
    }
}

/// In sixteen sums, which the compiler can keep in vector registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let tail: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn largest_error(values: &[f32], count: usize, at: impl Fn(usize, usize) -> usize, length: usize) -> f32 {
        let mut largest = 0.0f32;
        for i in 0..count {
            for j in 0..=i {
                let dot: f32 = (0..length).map(|k| values[at(i, k)] * values[at(j, k)]).sum();
                largest = largest.max((dot - if i == j { 1.0 } else { 0.0 }).abs());
            }
        }
        largest
    }

    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let wide = orthogonal(&[3, 2, 2, 2], &mut rng);
        assert!(largest_error(&wide, 3, |i, k| i * 8 + k, 8) < 1e-5);
        let tall = orthogonal(&[9, 4], &mut rng);
        assert!(largest_error(&tall, 4, |i, k| k * 4 + i, 9) < 1e-5);
        // More than two blocks, and square: the hardest.
        let square = orthogonal(&[300, 300], &mut rng);
        assert!(largest_error(&square, 300, |i, k| i * 300 + k, 300) < 1e-5);
    }
}
