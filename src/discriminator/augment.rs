//! Differentiable augmentation, so that a discriminator of a small data set learns what is real and not which pictures are
//! (DiffAugment, Zhao et al., NeurIPS 2020): photographs *and* drawn pictures are changed at random before they are judged, and the
//! gradient flows back through the change.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How far pictures are changed at most, 0 for not at all, as keys that a recipe leaves out are. The default of the type is DiffAugment's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default = "Augmentation::none", deny_unknown_fields)]
pub struct Augmentation {
    /// What is added to every value: uniform in ±brightness.
    pub brightness: f32,
    /// How much further colours lie from their grey: 1 + uniform in ±saturation times as far. Text of colours calls for little.
    pub saturation: f32,
    /// How much further values lie from their picture's mean: 1 + uniform in ±contrast times as far.
    pub contrast: f32,
    /// How far the picture moves both ways, as a share of its side; grey comes in.
    pub translation: f32,
    /// Side of the square that is made grey, as a share of the picture's.
    pub cutout: f32,
    /// How far all pictures of a batch move together both ways, as a share of their side; grey comes in. It is no DiffAugment: what it
    /// keeps from learning is the phase of a strided network's grid, which is otherwise the same in every picture, and the losses of the text see
    /// the moved pictures too.
    pub jitter: f32,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self { brightness: 0.5, saturation: 1.0, contrast: 0.5, translation: 0.125, cutout: 0.5, jitter: 0.0 }
    }
}

impl Augmentation {
    /// The one that changes nothing.
    pub fn none() -> Self {
        Self { brightness: 0.0, saturation: 0.0, contrast: 0.0, translation: 0.0, cutout: 0.0, jitter: 0.0 }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::BadInput`] that names the value and what is allowed.
    pub fn check(&self) -> Result<()> {
        let limits = [
            ("brightness", self.brightness, 2.0),
            ("saturation", self.saturation, 1.0),
            ("contrast", self.contrast, 1.0),
            ("translation", self.translation, 1.0),
            ("cutout", self.cutout, 1.0),
            ("jitter", self.jitter, 0.5),
        ];
        match limits.into_iter().find(|(_, value, most)| !(0.0..=*most).contains(value)) {
            Some((name, value, most)) => Err(Error::BadInput(format!("{name} is {value}; expected 0 to {most}"))),
            None => Ok(()),
        }
    }

    /// Whether pictures are changed one by one.
    pub fn changes_each(&self) -> bool {
        Self { jitter: 0.0, ..*self } != Self::none()
    }

    /// Moves all pictures together. Two calls with equal random numbers move alike, whatever the number of pictures.
    ///
    /// # Shapes
    /// - images and output: (batch, 3, h, w)
    pub fn move_together(&self, images: Tensor<4>, rng: &mut impl Rng) -> Tensor<4> {
        if self.jitter <= 0.0 {
            return images;
        }
        let [_, _, height, width] = images.dims();
        let mut shift = |size: usize| {
            let reach = (size as f32 * self.jitter).round() as i64;
            rng.random_range(-reach..=reach)
        };
        let (down, right) = (shift(height), shift(width));
        let kept = |size: usize, shift: i64| (size - shift.unsigned_abs() as usize, (-shift).max(0) as usize);
        let ((rows, top), (columns, left)) = (kept(height, down), kept(width, right));
        let around = |shift: i64| (shift.max(0) as usize, (-shift).max(0) as usize);
        let ((above, below), (before, after)) = (around(down), around(right));
        images.narrow(2, top, rows).narrow(3, left, columns).pad((before, after, above, below), 0.0)
    }

    /// Changes each picture in its own way.
    ///
    /// # Shapes
    /// - images and output: (batch, 3, h, w), RGB about [−1, 1]; the output may leave it
    pub fn apply(&self, images: Tensor<4>, rng: &mut impl Rng) -> Tensor<4> {
        let images = self.recolor(images, rng);
        let images = self.translate(images, rng);
        self.cut(images, rng)
    }

    fn recolor(&self, mut images: Tensor<4>, rng: &mut impl Rng) -> Tensor<4> {
        let [batch, _, _, _] = images.dims();
        let device = images.device();
        let mut each = |center: f32, reach: f32| {
            let values: Vec<f32> = (0..batch).map(|_| center + uniform(reach, rng)).collect();
            Tensor::<4>::from_data(TensorData::new(values, [batch, 1, 1, 1]), &device)
        };
        if self.brightness > 0.0 {
            images = images + each(0.0, self.brightness);
        }
        if self.saturation > 0.0 {
            let grey = images.clone().mean_dim(1);
            images = (images - grey.clone()) * each(1.0, self.saturation) + grey;
        }
        if self.contrast > 0.0 {
            let mean = images.clone().mean_dim(1).mean_dim(2).mean_dim(3);
            images = (images - mean.clone()) * each(1.0, self.contrast) + mean;
        }
        images
    }

    /// Rows and columns move by two matrices a picture: a gather of their own would need atomics for its gradient.
    fn translate(&self, images: Tensor<4>, rng: &mut impl Rng) -> Tensor<4> {
        if self.translation <= 0.0 {
            return images;
        }
        let [batch, _, height, width] = images.dims();
        let device = images.device();
        let mut shifts = |size: usize| -> Vec<i64> {
            let reach = (size as f32 * self.translation).round() as i64;
            (0..batch).map(|_| rng.random_range(-reach..=reach)).collect()
        };
        let (down, right) = (shifts(height), shifts(width));
        let rows = shift_matrices(height, &down, &device);
        let columns = shift_matrices(width, &right, &device).swap_dims(2, 3);
        rows.matmul(images).matmul(columns)
    }

    fn cut(&self, images: Tensor<4>, rng: &mut impl Rng) -> Tensor<4> {
        let [batch, _, height, width] = images.dims();
        let hole = |size: usize| (size as f32 * self.cutout).round() as usize;
        let (tall, wide) = (hole(height), hole(width));
        if tall == 0 || wide == 0 {
            return images;
        }
        let mut mask = vec![1.0_f32; batch * height * width];
        for picture in mask.chunks_mut(height * width) {
            // The middle may lie anywhere, so that the square may stick out.
            let (y, x) = (rng.random_range(0..height), rng.random_range(0..width));
            let span = |middle: usize, hole: usize, size: usize| middle.saturating_sub(hole / 2)..(middle + hole.div_ceil(2)).min(size);
            for row in span(y, tall, height) {
                span(x, wide, width).for_each(|column| picture[row * width + column] = 0.0);
            }
        }
        images.clone() * Tensor::from_data(TensorData::new(mask, [batch, 1, height, width]), &images.device())
    }
}

/// Uniform in ±reach; nothing is drawn for a reach of 0.
fn uniform(reach: f32, rng: &mut impl Rng) -> f32 {
    if reach > 0.0 { rng.random_range(-reach..=reach) } else { 0.0 }
}

/// For each shift a matrix that moves a column of `size` values down by it, (batch, 1, size, size).
fn shift_matrices(size: usize, shifts: &[i64], device: &Device) -> Tensor<4> {
    let mut values = vec![0.0_f32; shifts.len() * size * size];
    for (matrix, shift) in values.chunks_mut(size * size).zip(shifts) {
        for to in 0..size {
            let from = to as i64 - shift;
            if (0..size as i64).contains(&from) {
                matrix[to * size + from as usize] = 1.0;
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [shifts.len(), 1, size, size]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn values(tensor: Tensor<4>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    /// 1, 2, 3, …, so that each pixel is known.
    fn picture(size: usize, device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (0..3 * size * size).map(|i| 1.0 + i as f32).collect();
        Tensor::from_data(TensorData::new(values, [1, 3, size, size]), device)
    }

    #[test]
    fn nothing_changes_nothing() {
        let device = Device::flex();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(values(Augmentation::none().apply(picture(4, &device), &mut rng)), values(picture(4, &device)));
    }

    #[test]
    fn a_shift_matrix_moves_down_and_lets_zeros_in() {
        let device = Device::flex();
        let column = Tensor::<4>::from_floats([[[[1.0], [2.0], [3.0]]]], &device);
        for (shift, expected) in [(1, [0.0, 1.0, 2.0]), (-2, [3.0, 0.0, 0.0]), (0, [1.0, 2.0, 3.0]), (3, [0.0; 3])] {
            assert_eq!(values(shift_matrices(3, &[shift], &device).matmul(column.clone())), expected, "{shift}");
        }
    }

    #[test]
    fn translation_keeps_the_distances_of_pixels() {
        let device = Device::flex();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let augmentation = Augmentation { translation: 0.25, ..Augmentation::none() };
        let before = values(picture(8, &device));
        let mut moved = 0;
        for _ in 0..10 {
            let after = values(augmentation.apply(picture(8, &device), &mut rng));
            let shifts: Vec<_> = after.iter().enumerate().filter(|(_, v)| **v > 0.0).map(|(i, v)| *v - before[i]).collect();
            assert!(shifts.windows(2).all(|pair| pair[0] == pair[1]) && shifts[0].abs() <= 18.0, "{shifts:?}");
            moved += usize::from(shifts[0] != 0.0);
        }
        assert!(moved > 0);
    }

    #[test]
    fn a_batch_moves_together_and_alike_for_equal_random_numbers() {
        let device = Device::flex();
        let augmentation = Augmentation { jitter: 0.25, ..Augmentation::none() };
        let one = picture(8, &device);
        let before = values(one.clone());
        let mut shifts = std::collections::BTreeSet::new();
        for seed in 0..40 {
            let rng = || ChaCha8Rng::seed_from_u64(seed);
            let after = values(augmentation.move_together(one.clone(), &mut rng()));
            let two = values(augmentation.move_together(one.clone().repeat_dim(0, 2), &mut rng()));
            assert!(after == two[..after.len()] && after == two[after.len()..]);
            let moved: Vec<_> = after.iter().enumerate().filter(|(_, value)| **value > 0.0).map(|(i, value)| *value - before[i]).collect();
            assert!(moved.len() >= 3 * 36 && moved.windows(2).all(|pair| pair[0] == pair[1]), "{moved:?}");
            shifts.insert(moved[0] as i64);
        }
        assert!(shifts.len() > 10, "{shifts:?}");
    }

    #[test]
    fn cutout_makes_one_part_of_all_channels_grey() {
        let device = Device::flex();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let augmentation = Augmentation { cutout: 0.5, ..Augmentation::none() };
        for _ in 0..10 {
            let after = values(augmentation.apply(picture(8, &device), &mut rng));
            let grey = |channel: &[f32]| channel.iter().map(|v| *v == 0.0).collect::<Vec<_>>();
            let channels: Vec<_> = after.chunks(64).map(grey).collect();
            let count = channels[0].iter().filter(|grey| **grey).count();
            // A corner keeps a quarter of the 4 × 4 square at the least.
            assert!((4..=16).contains(&count) && channels[0] == channels[2], "{count}");
        }
    }

    #[test]
    fn grey_pictures_do_not_saturate_and_means_survive_contrast() {
        let device = Device::flex();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let grey = Tensor::<4>::from_floats([[[[0.25, -0.5]]]], &device).repeat_dim(1, 3);
        let saturated = Augmentation { saturation: 1.0, ..Augmentation::none() }.apply(grey.clone(), &mut rng);
        assert!((saturated - grey.clone()).abs().max().into_scalar::<f32>() < 1e-6);
        let contrasted = Augmentation { contrast: 0.5, ..Augmentation::none() }.apply(grey.clone(), &mut rng);
        assert!((contrasted.clone().mean() - grey.clone().mean()).into_scalar::<f32>().abs() < 1e-6);
        assert!((contrasted - grey).abs().max().into_scalar::<f32>() > 1e-3);
    }

    #[test]
    fn the_gradient_reaches_the_picture() {
        let device = Device::flex().autodiff();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let images = picture(8, &device).require_grad();
        let grads = Augmentation::default().apply(images.clone(), &mut rng).sum().backward();
        assert!(images.grad(&grads).expect("a gradient").abs().sum().into_scalar::<f32>() > 0.0);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        assert!(Augmentation::default().check().is_ok());
        for bad in [f32::NAN, -0.1, 1.5] {
            let bad = Augmentation { cutout: bad, ..Default::default() };
            assert!(matches!(bad.check(), Err(Error::BadInput(_))), "{bad:?}");
        }
    }
}
