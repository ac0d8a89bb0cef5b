//! Pictures and attention maps as plain numbers, off the device; natively also how they come from files and go there.

#[cfg(not(target_arch = "wasm32"))]
pub mod file;
#[cfg(not(target_arch = "wasm32"))]
pub mod overlay;
#[cfg(not(target_arch = "wasm32"))]
pub mod read;

use burn::tensor::{Device, Tensor, TensorData};

use crate::{Error, Result};

/// Longest side that a picture is taken in at; larger ones are averaged down before they reach the device.
const LARGEST_SIDE: usize = 512;

/// A picture: RGBA, eight bits each, row after row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

impl Picture {
    /// A picture from its pixels.
    ///
    /// # Errors
    /// [`Error::BadInput`] when there are no pixels or not four bytes for each.
    pub fn from_rgba(width: usize, height: usize, rgba: Vec<u8>) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(Error::BadInput(format!("the picture has {width} × {height} pixels: there is nothing to see")));
        }
        if width.checked_mul(height).and_then(|n| n.checked_mul(4)) != Some(rgba.len()) {
            return Err(Error::BadInput(format!("a picture of {width} × {height} pixels with {} bytes: expected 4 a pixel", rgba.len())));
        }
        Ok(Self { width, height, rgba })
    }

    /// A square picture from RGB planes in [−1, 1], (3, size, size).
    pub(crate) fn from_planes(values: &[f32]) -> Self {
        let plane = values.len() / 3;
        let size = plane.isqrt();
        let byte = |value: f32| ((value + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8;
        let rgba = (0..plane).flat_map(|i| [byte(values[i]), byte(values[plane + i]), byte(values[2 * plane + i]), 255]).collect();
        Self { width: size, height: size, rgba }
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// RGBA, row after row.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// The pixels, without a copy.
    pub fn into_rgba(self) -> Vec<u8> {
        self.rgba
    }

    /// The middle square as RGB in [−1, 1] on white, (1, 3, side, side).
    pub fn to_tensor(&self, device: &Device) -> Tensor<4> {
        let crop = self.width.min(self.height);
        let (left, top) = ((self.width - crop) / 2, (self.height - crop) / 2);
        // Averaging whole squares first: bilinear sampling of a large picture would skip most of it.
        let factor = crop.div_ceil(LARGEST_SIDE);
        let side = crop / factor;
        let mut values = vec![0.0f32; 3 * side * side];
        for y in 0..side {
            for x in 0..side {
                for dy in 0..factor {
                    for dx in 0..factor {
                        let pixel = 4 * ((top + y * factor + dy) * self.width + left + x * factor + dx);
                        let alpha = f32::from(self.rgba[pixel + 3]) / 255.0;
                        for channel in 0..3 {
                            let value = f32::from(self.rgba[pixel + channel]) / 127.5 - 1.0;
                            values[(channel * side + y) * side + x] += value * alpha + (1.0 - alpha);
                        }
                    }
                }
            }
        }
        let count = (factor * factor) as f32;
        values.iter_mut().for_each(|value| *value /= count);
        Tensor::from_data(TensorData::new(values, [1, 3, side, side]), device)
    }
}

/// Where a stage looked: for each known word a square map.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMap {
    /// Number of words, those of the prompt that the model knows.
    pub words: usize,
    /// Height and width of a map.
    pub size: usize,
    /// Word after word, row after row; over the words of one pixel they sum to 1.
    pub weights: Vec<f32>,
}

impl AttentionMap {
    /// The map of one word, row after row; none where there are not so many words.
    pub fn word(&self, index: usize) -> Option<&[f32]> {
        self.weights.chunks_exact((self.size * self.size).max(1)).nth(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_number_of_bytes_is_refused() {
        assert!(matches!(Picture::from_rgba(2, 2, vec![0; 15]), Err(Error::BadInput(_))));
        assert!(matches!(Picture::from_rgba(0, 2, vec![]), Err(Error::BadInput(_))));
        assert!(matches!(Picture::from_rgba(usize::MAX, 2, vec![0; 8]), Err(Error::BadInput(_))));
    }

    #[test]
    fn a_transparent_picture_is_white() {
        let picture = Picture::from_rgba(2, 1, vec![0; 8]).unwrap();
        let values: Vec<f32> = picture.to_tensor(&Device::flex()).into_data().try_to_vec().unwrap();
        assert_eq!(values, [1.0; 3]);
    }

    #[test]
    fn each_word_has_its_map() {
        let map = AttentionMap { words: 2, size: 1, weights: vec![0.25, 0.75] };
        assert_eq!([map.word(0), map.word(1), map.word(2)], [Some(&[0.25][..]), Some(&[0.75][..]), None]);
    }

    #[test]
    fn planes_become_bytes() {
        let picture = Picture::from_planes(&[-1.0, 0.0, 1.0]);
        assert_eq!(picture.rgba(), [0, 128, 255, 255]);
    }
}
