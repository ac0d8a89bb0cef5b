//! Features of a picture with each pixel's channels side by side and a border of zeros.

use super::lanes::Simd;
use super::set::{Job, Set};

/// Channels are padded to a multiple of this: whole vectors of every set of instructions.
pub const WIDE: usize = if cfg!(target_arch = "wasm32") { 8 } else { 16 };

/// `channels` padded to whole vectors.
pub fn pad(channels: usize) -> usize {
    channels.next_multiple_of(WIDE)
}

/// What is done to every chunk of some values.
pub trait Work: Sync {
    /// Buffers of one thread.
    type Scratch;

    /// Makes them.
    fn scratch(&self) -> Self::Scratch;

    /// Writes the chunk of this index. Marked `#[inline(always)]`, as all that it calls: only then it becomes part of a function that may use
    /// the instructions.
    fn chunk<S: Simd>(&self, simd: S, index: usize, chunk: &mut [f32], scratch: &mut Self::Scratch);
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

    /// Does `work` on every `height` rows, with their borders at the sides. One after the other, or on all threads where there are some.
    pub fn for_bands(&mut self, set: Set, height: usize, work: &impl Work) {
        let stride = self.stride();
        let rows = &mut self.data[stride..stride * (self.height + 1)];
        for_chunks(set, rows, stride * height, work);
    }
}

/// Does `work` on every chunk of `length` values.
#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
pub fn for_chunks<W: Work>(set: Set, values: &mut [f32], length: usize, work: &W) {
    use rayon::prelude::*;
    let init = || work.scratch();
    values.par_chunks_mut(length).enumerate().for_each_init(init, |scratch, (index, chunk)| set.run(Chunk { work, index, chunk, scratch }));
}

/// Does `work` on every chunk of `length` values.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
pub fn for_chunks<W: Work>(set: Set, values: &mut [f32], length: usize, work: &W) {
    let mut scratch = work.scratch();
    for (index, chunk) in values.chunks_mut(length).enumerate() {
        set.run(Chunk { work, index, chunk, scratch: &mut scratch });
    }
}

/// Does `work` on every chunk of `length` values and its index, where nothing computes on vectors.
#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
pub fn for_each_chunk(values: &mut [f32], length: usize, work: impl Fn(usize, &mut [f32]) + Sync + Send) {
    use rayon::prelude::*;
    values.par_chunks_mut(length.max(1)).enumerate().for_each(|(index, chunk)| work(index, chunk));
}

/// Does `work` on every chunk of `length` values and its index, where nothing computes on vectors.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
pub fn for_each_chunk(values: &mut [f32], length: usize, work: impl Fn(usize, &mut [f32])) {
    values.chunks_mut(length.max(1)).enumerate().for_each(|(index, chunk)| work(index, chunk));
}

struct Chunk<'a, W: Work> {
    work: &'a W,
    index: usize,
    chunk: &'a mut [f32],
    scratch: &'a mut W::Scratch,
}

impl<W: Work> Job for Chunk<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.work.chunk(simd, self.index, self.chunk, self.scratch);
    }
}
