//! Pictures as an ImageNet encoder wants them: another range, another size.

use burn::tensor::{Device, Tensor, TensorData};

use crate::nn::cpu::for_each_chunk;

/// From the generator's range, [−1, 1], to EfficientNet-Lite0's: (v − 127) / 128 for 8-bit values v.
///
/// The public code of MirrorGAN hands the generator's output to its image encoder as it is, which the encoder was not trained on.
pub fn normalize(images: Tensor<4>) -> Tensor<4> {
    images.mul_scalar(SCALE).add_scalar(SHIFT)
}

// v = 127.5 (x + 1), so (v − 127) / 128 = (127.5 x + 0.5) / 128.
const SCALE: f64 = 127.5 / 128.0;
const SHIFT: f64 = 0.5 / 128.0;

/// Bilinear interpolation to `size` × `size` with half-pixel centres (`align_corners=False` in PyTorch), without smoothing first.
///
/// Output pixel i samples at (i + ½) · from / size − ½, clamped to the picture. It is written as two products with constant
/// matrices: that has gradients, and the same values, on every back end.
///
/// # Shapes
/// - images: (batch, channels, h, w)
/// - output: (batch, channels, size, size)
pub fn resize_bilinear(images: Tensor<4>, size: usize) -> Tensor<4> {
    let [batch, channels, height, width] = images.dims();
    let device = images.device();
    let planes = batch * channels;
    let mut values = images;
    if width != size {
        let columns = interpolation(width, size, &device).transpose();
        values = values.reshape([planes * height, width]).matmul(columns).reshape([batch, channels, height, size]);
    }
    if height != size {
        let rows = interpolation(height, size, &device).unsqueeze_dim::<3>(0).expand([planes, size, height]);
        values = rows.matmul(values.reshape([planes, height, size])).reshape([batch, channels, size, size]);
    }
    values
}

/// The matrix (to, from) that interpolates linearly: at most two values a row, their sum 1.
fn interpolation(from: usize, to: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0f32; to * from];
    for row in 0..to {
        let (below, above, share) = neighbours(row, from, to);
        values[row * from + below] += 1.0 - share;
        values[row * from + above] += share;
    }
    Tensor::from_data(TensorData::new(values, [to, from]), device)
}

/// Which pixels output pixel `index` lies between, and the share of the second.
fn neighbours(index: usize, from: usize, to: usize) -> (usize, usize, f32) {
    let position = ((index as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, (from - 1) as f32);
    let below = position.floor() as usize;
    (below, (below + 1).min(from - 1), position - below as f32)
}

/// [`resize_bilinear`] and [`normalize`] of one picture for [`crate::nn::cpu`]: pixel after pixel with a border of zeros.
///
/// # Shapes
/// - planes: (3, height, width), RGB in [−1, 1]
/// - output: (size + 2, size + 2, 3)
pub fn bordered(planes: &[f32], [height, width]: [usize; 2], size: usize) -> Vec<f32> {
    let columns: Vec<(usize, usize, f32)> = (0..size).map(|x| neighbours(x, width, size)).collect();
    let stride = 3 * (size + 2);
    let mut picture = vec![0.0; stride * (size + 2)];
    let inner = &mut picture[stride..stride * (size + 1)];
    for_each_chunk(inner, stride, |y, row| {
        let (below, above, share) = neighbours(y, height, size);
        for (colour, plane) in planes.chunks_exact(height * width).take(3).enumerate() {
            let [upper, lower] = [below, above].map(|y| &plane[y * width..][..width]);
            for (pixel, &(left, right, part)) in row[3..].chunks_exact_mut(3).zip(&columns) {
                let across = |row: &[f32]| row[left] * (1.0 - part) + row[right] * part;
                let value = across(upper) * (1.0 - share) + across(lower) * share;
                pixel[colour] = value * SCALE as f32 + SHIFT as f32;
            }
        }
    });
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn bytes_become_what_the_encoder_was_trained_on() {
        let bytes = [0.0, 127.0, 255.0f32];
        let images = bytes.map(|v| v / 127.5 - 1.0);
        let images = Tensor::<1>::from_floats(images, &Device::flex()).reshape([1, 3, 1, 1]);
        for (found, byte) in values(normalize(images)).into_iter().zip(bytes) {
            assert!((found - (byte - 127.0) / 128.0).abs() < 1e-6, "{found} for {byte}");
        }
    }

    #[test]
    fn resize_has_pytorchs_numbers() {
        // F.interpolate(torch.tensor([[[[0., 1, 2], [3, 4, 8]]]]), (4, 4), mode="bilinear", align_corners=False)
        let images = Tensor::<2>::from_floats([[0.0, 1.0, 2.0], [3.0, 4.0, 8.0]], &Device::flex()).reshape([1, 1, 2, 3]);
        let expected = [0.0, 0.625, 1.375, 2.0, 0.75, 1.375, 2.40625, 3.5, 2.25, 2.875, 4.46875, 6.5, 3.0, 3.625, 5.5, 8.0];
        for (found, expected) in values(resize_bilinear(images, 4)).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
        }
    }

    #[test]
    fn the_cpus_own_pictures_are_the_same_inside_their_border() {
        for ([height, width], size) in [([2, 3], 4), ([9, 5], 3), ([4, 4], 4), ([1, 1], 2)] {
            let count = 3 * height * width;
            let planes: Vec<f32> = (0..count).map(|i| (i * 29 % 101) as f32 / 50.0 - 1.0).collect();
            let found = bordered(&planes, [height, width], size);
            let images = Tensor::from_data(TensorData::new(planes, [1, 3, height, width]), &Device::flex());
            let expected = values(normalize(resize_bilinear(images, size)));
            for (i, found) in found.iter().enumerate() {
                let (y, x, colour) = (i / 3 / (size + 2), i / 3 % (size + 2), i % 3);
                let inside = (1..=size).contains(&y) && (1..=size).contains(&x);
                let expected = if inside { expected[(colour * size + y - 1) * size + x - 1] } else { 0.0 };
                assert!((found - expected).abs() < 1e-6, "{found} and {expected} at {y} {x}");
            }
        }
    }

    #[test]
    fn gradients_reach_the_picture() {
        let device = Device::flex().autodiff();
        let images = Tensor::<4>::ones([1, 1, 2, 2], &device).require_grad();
        let gradients = resize_bilinear(images.clone(), 4).sum().backward();
        // Each of the 16 output pixels is a weighted mean; by symmetry each input pixel has four of them.
        assert_eq!(values(images.grad(&gradients).unwrap()), [4.0; 4]);
    }
}
