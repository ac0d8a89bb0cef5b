//! Features of a picture with each pixel's channels side by side and a border of zeros.

use super::lanes::LANES;

/// Channels are padded to a multiple of this: two vectors.
pub const WIDE: usize = 2 * LANES;

/// `channels` padded to whole vectors.
pub fn pad(channels: usize) -> usize {
    channels.next_multiple_of(WIDE)
}

/// (height + 2, width + 2, padded channels), the outermost pixels zero: what a 3×3 convolution reads beyond the edge.
#[derive(Debug, Clone)]
pub struct Map {
    /// Rows without the border.
    pub height: usize,
    /// Pixels of a row without the border.
    pub width: usize,
    /// Channels with their padding.
    pub channels: usize,
    /// Row after row, pixel after pixel.
    pub data: Vec<f32>,
}

impl Map {
    /// Zeros.
    pub fn new(height: usize, width: usize, channels: usize) -> Self {
        let channels = pad(channels);
        Self { height, width, channels, data: vec![0.0; (height + 2) * (width + 2) * channels] }
    }

    /// Features that come plane after plane, (channels, height, width).
    pub fn from_planes(values: &[f32], height: usize, width: usize) -> Self {
        let plane = height * width;
        let channels = values.len() / plane.max(1);
        let mut map = Self::new(height, width, channels);
        for y in 0..height {
            for x in 0..width {
                let at = map.at(y + 1, x + 1);
                for (channel, value) in map.data[at..at + channels].iter_mut().enumerate() {
                    *value = values[channel * plane + y * width + x];
                }
            }
        }
        map
    }

    /// The first `channels` channels, plane after plane.
    pub fn to_planes(&self, channels: usize) -> Vec<f32> {
        let plane = self.height * self.width;
        let mut values = vec![0.0; channels * plane];
        for (i, value) in values.iter_mut().enumerate() {
            let (channel, pixel) = (i / plane, i % plane);
            *value = self.data[self.at(pixel / self.width + 1, pixel % self.width + 1) + channel];
        }
        values
    }

    /// Values of a row with its border.
    pub fn stride(&self) -> usize {
        (self.width + 2) * self.channels
    }

    /// Where a pixel begins; the border's upper left one is (0, 0).
    pub fn at(&self, y: usize, x: usize) -> usize {
        y * self.stride() + x * self.channels
    }

    /// Calls `work(band, rows, scratch)` for every `height` rows; `rows` holds them with their borders at the sides. One after the
    /// other, or on all threads where there are some.
    pub fn for_bands<S>(
        &mut self,
        height: usize,
        scratch: impl Fn() -> S + Sync + Send,
        work: impl Fn(usize, &mut [f32], &mut S) + Sync + Send,
    ) {
        let stride = self.stride();
        let rows = &mut self.data[stride..stride * (self.height + 1)];
        for_chunks(rows, stride * height, scratch, work);
    }
}

/// Calls `work(index, chunk, scratch)` for every chunk of `length` values.
#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
pub fn for_chunks<S>(
    values: &mut [f32],
    length: usize,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(usize, &mut [f32], &mut S) + Sync + Send,
) {
    use rayon::prelude::*;
    values.par_chunks_mut(length).enumerate().for_each_init(scratch, |state, (index, chunk)| work(index, chunk, state));
}

/// Calls `work(index, chunk, scratch)` for every chunk of `length` values.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
pub fn for_chunks<S>(values: &mut [f32], length: usize, scratch: impl Fn() -> S, work: impl Fn(usize, &mut [f32], &mut S)) {
    let mut state = scratch();
    for (index, chunk) in values.chunks_mut(length).enumerate() {
        work(index, chunk, &mut state);
    }
}
