//! Pictures as FID's Inception-v3 wants them, as two reference tools bring them there.

use burn::tensor::{Device, Tensor, TensorData};

use crate::encoder::InceptionV3;
use crate::stream::image::resize_bilinear;

/// Where the published weights come from, for messages.
pub const WEIGHTS: &str = "pt_inception-2015-12-05-6726825d.pth, from the release fid_weights of the GitHub project mseitzer/pytorch-fid";

/// How pictures are brought to 299 px and into the network's range; the two differ by a few hundredths of FID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preprocessing {
    /// Bilinear with half-pixel centres, then 2v/255 − 1 for 8-bit values v.
    #[default]
    PytorchFid,
    /// Bilinear as TensorFlow 1 had it: output pixel i samples at i · from / 299; then (v − 128)/128.
    TorchFidelity,
}

impl Preprocessing {
    /// Its name in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::PytorchFid => "pytorch-fid",
            Self::TorchFidelity => "torch-fidelity",
        }
    }

    /// Pictures for the network.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    /// - output: (batch, 3, 299, 299)
    pub fn apply(self, images: Tensor<4>) -> Tensor<4> {
        match self {
            Self::PytorchFid => resize_bilinear(images, InceptionV3::IMAGE_SIZE),
            // v = 127.5 (x + 1), so (v − 128)/128 = (127.5 x − 0.5)/128.
            Self::TorchFidelity => resize_tensorflow(images, InceptionV3::IMAGE_SIZE).mul_scalar(127.5 / 128.0).sub_scalar(0.5 / 128.0),
        }
    }
}

/// FID's network and how pictures come to it.
#[derive(Debug)]
pub struct Inception {
    /// The network, of the variant [`crate::encoder::InceptionVariant::Fid`].
    pub network: InceptionV3,
    /// What is done before it.
    pub preprocessing: Preprocessing,
}

impl Inception {
    /// What it is called in figures.
    pub fn name(&self) -> String {
        format!("inception-v3-2015-12-05 ({} preprocessing)", self.preprocessing.name())
    }
}

/// Bilinear interpolation of TensorFlow 1 (`align_corners=False`, no half-pixel centres), to `size` × `size`.
fn resize_tensorflow(images: Tensor<4>, size: usize) -> Tensor<4> {
    let [batch, channels, height, width] = images.dims();
    if [height, width] == [size, size] {
        return images;
    }
    let device = images.device();
    let planes = batch * channels;
    let columns = interpolation(width, size, &device).transpose();
    let wide = images.reshape([planes * height, width]).matmul(columns).reshape([planes, height, size]);
    let rows = interpolation(height, size, &device).unsqueeze_dim::<3>(0).expand([planes, size, height]);
    rows.matmul(wide).reshape([batch, channels, size, size])
}

fn interpolation(from: usize, to: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0f32; to * from];
    let scale = from as f32 / to as f32;
    for (row, values) in values.chunks_exact_mut(from).enumerate() {
        let position = row as f32 * scale;
        let below = (position.floor() as usize).min(from - 1);
        let above = (below + 1).min(from - 1);
        let share = position - below as f32;
        values[below] += 1.0 - share;
        values[above] += share;
    }
    Tensor::from_data(TensorData::new(values, [to, from]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_into_the_range_of_each_tool() {
        let bytes = [0.0, 128.0, 255.0f32];
        let images = Tensor::<1>::from_floats(bytes.map(|v| v / 127.5 - 1.0), &Device::flex()).reshape([1, 3, 1, 1]);
        let first = |preprocessing: Preprocessing| {
            let values: Vec<f32> = preprocessing.apply(images.clone()).into_data().try_to_vec().unwrap();
            [values[0], values[299 * 299], values[2 * 299 * 299]]
        };
        let close = |found: [f32; 3], expected: [f32; 3]| found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-6);
        assert!(close(first(Preprocessing::PytorchFid), bytes.map(|v| 2.0 * v / 255.0 - 1.0)));
        assert!(close(first(Preprocessing::TorchFidelity), bytes.map(|v| (v - 128.0) / 128.0)));
    }

    #[test]
    fn tensorflow_samples_from_the_corner() {
        // Four pixels from two: at 0, ½, 1 and 1½, the last one clamped.
        let images = Tensor::<4>::from_floats([[[[0.0, 4.0], [0.0, 4.0]]]], &Device::flex());
        let values: Vec<f32> = resize_tensorflow(images, 4).into_data().try_to_vec().unwrap();
        assert_eq!(values[..4], [0.0, 2.0, 4.0, 4.0]);
        assert_eq!(values[12..], values[..4]);
    }
}
