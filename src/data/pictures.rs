//! The pictures of a batch, and how they become tensors.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rayon::prelude::*;

use super::pixels::Pixels;
use super::square::reduce;

/// Pictures of a batch.
#[derive(Debug, Clone)]
pub struct Pictures {
    pixels: Vec<Pixels>,
    size: usize,
}

impl Pictures {
    /// Those of `pixels`, each RGB, row after row, `size` · `size` · 3 bytes.
    pub(super) fn new(pixels: Vec<Pixels>, size: usize) -> Self {
        Self { pixels, size }
    }

    /// Those of `range` alone.
    pub fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self { pixels: self.pixels[range].to_vec(), size: self.size }
    }

    /// A square of `size` pixels of each, cut out at random. Pictures that are no larger stay as they are, and nothing is drawn from `rng`.
    pub fn cropped(self, size: usize, rng: &mut impl Rng) -> Self {
        let room = self.size.saturating_sub(size);
        if room == 0 {
            return self;
        }
        let cut = |pixels: &Pixels| {
            let (left, top) = (rng.random_range(0..=room), rng.random_range(0..=room));
            let mut square = Vec::with_capacity(3 * size * size);
            for y in top..top + size {
                square.extend_from_slice(&pixels[3 * (y * self.size + left)..][..3 * size]);
            }
            Pixels::new(square)
        };
        Self { pixels: self.pixels.iter().map(cut).collect(), size }
    }

    /// The pictures as numbers in [−1, 1], mirrored left to right where `flips` says so; smaller ones are averages of squares of pixels.
    ///
    /// # Shapes
    /// - output: (batch, 3, size, size)
    ///
    /// # Panics
    /// When `size` does not divide the pictures' own.
    pub fn images(&self, flips: &[bool], size: usize, device: &Device) -> Tensor<4> {
        assert!(size > 0 && self.size.is_multiple_of(size), "pictures of {} pixels asked for at {size}", self.size);
        let plane = size * size;
        let batch = self.pixels.len();
        let mut values = vec![0f32; batch * 3 * plane];
        values.par_chunks_mut(3 * plane).zip(&self.pixels).zip(flips).for_each(|((output, pixels), flip)| {
            let pixels = reduce(pixels, self.size, self.size / size);
            for (at, pixel) in pixels.chunks_exact(3).enumerate() {
                let (y, x) = (at / size, at % size);
                let x = if *flip { size - 1 - x } else { x };
                for channel in 0..3 {
                    output[channel * plane + y * size + x] = f32::from(pixel[channel]) / 127.5 - 1.0;
                }
            }
        });
        Tensor::from_data(TensorData::new(values, [batch, 3, size, size]), device)
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{Dataset, Sample};

    #[test]
    fn squares_are_cut_out_anywhere() {
        use rand::{RngCore, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let image = (0..4 * 4).flat_map(|pixel| [pixel; 3]).collect();
        let dataset = Dataset::new(vec![Sample::new("", image, vec!["a".into()], None)], 4);
        let mut corners = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let cut = dataset.pictures(&[0]).unwrap().cropped(2, &mut rng);
            let corner = cut.pixels[0][0];
            corners.insert(corner);
            let expected: Vec<u8> = [0, 1, 4, 5].iter().flat_map(|step| [corner + step; 3]).collect();
            assert_eq!((cut.size, &*cut.pixels[0]), (2, &expected));
        }
        assert_eq!(corners.into_iter().collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6, 8, 9, 10]);
        let next = rng.clone().next_u64();
        let whole = dataset.pictures(&[0]).unwrap().cropped(4, &mut rng);
        assert_eq!((whole.size, whole.pixels[0].len(), rng.next_u64()), (4, 48, next));
    }
}
