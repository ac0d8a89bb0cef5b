//! Convolutions of each channel on its own, with ReLU6 in the same pass.

use super::lanes::{Lanes, Simd};
use super::map::{Work, for_chunks, pad};
use super::matmul::relu6;
use super::pointwise::Pixels;
use super::set::Set;

/// Pixels of a row that are computed at once: what lies under several of them is read once.
const STRIP: usize = 4;

/// A 3×3 or 5×5 convolution of each channel on its own at stride 1 or 2, with bias and ReLU6, and TensorFlow's "SAME" padding.
#[derive(Debug, Clone)]
pub struct Depthwise {
    kernel: usize,
    stride: usize,
    set: Set,
    /// Tap after tap, each with all channels.
    taps: Vec<f32>,
    shift: Vec<f32>,
}

impl Depthwise {
    /// A convolution with `weights` (channels, kernel, kernel); none of another kernel or stride than are written down here.
    pub fn new(set: Set, weights: &[f32], shift: &[f32], kernel: usize, stride: usize) -> Option<Self> {
        let (channels, taps) = (shift.len(), kernel * kernel);
        if !matches!((kernel, stride), (3 | 5, 1 | 2)) || weights.len() != channels * taps {
            return None;
        }
        let padded = pad(channels);
        let of = |channel: usize, values: &[f32], at: usize| if channel < channels { values[at] } else { 0.0 };
        let value = |i: usize| of(i % padded, weights, i % padded * taps + i / padded);
        Some(Self {
            kernel,
            stride,
            set,
            taps: (0..padded * taps).map(value).collect(),
            shift: (0..padded).map(|channel| of(channel, shift, channel)).collect(),
        })
    }

    /// A map of ⌈height / stride⌉ × ⌈width / stride⌉ pixels, in the place of what `output` was.
    pub fn forward(&self, input: &Pixels, output: &mut Pixels) {
        match (self.kernel, self.stride) {
            (3, 1) => self.convolve::<3, 1, { STRIP - 1 + 3 }>(input, output),
            (3, _) => self.convolve::<3, 2, { 2 * (STRIP - 1) + 3 }>(input, output),
            (_, 1) => self.convolve::<5, 1, { STRIP - 1 + 5 }>(input, output),
            _ => self.convolve::<5, 2, { 2 * (STRIP - 1) + 5 }>(input, output),
        }
    }

    /// Kernel K, stride T, and as many columns as lie under a strip.
    fn convolve<const K: usize, const T: usize, const COLUMNS: usize>(&self, input: &Pixels, output: &mut Pixels) {
        let (height, width, channels) = (input.height.div_ceil(T), input.width.div_ceil(T), input.channels);
        let (above, left) = (padding(input.height, K, T), padding(input.width, K, T));
        output.reuse(height, width, channels);
        let work = Rows::<K, T, COLUMNS> { layer: self, input, above, left };
        for_chunks(self.set, output.values_mut(), (width * channels).max(1), &work);
    }
}

/// Rows of the output, one by one.
struct Rows<'a, const K: usize, const T: usize, const COLUMNS: usize> {
    layer: &'a Depthwise,
    input: &'a Pixels,
    above: usize,
    left: usize,
}

impl<const K: usize, const T: usize, const COLUMNS: usize> Work for Rows<'_, K, T, COLUMNS> {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline(always)]
    fn chunk<S: Simd>(&self, simd: S, y: usize, to: &mut [f32], (): &mut ()) {
        let &Self { input, above, left, .. } = self;
        let channels = input.channels;
        // The rows of taps that lie on the picture.
        let rows = above.saturating_sub(y * T)..K.min(input.height + above - y * T);
        for (strip, to) in to.chunks_mut(STRIP * channels).enumerate() {
            let x = strip * STRIP * T;
            let mut places = [[input.count() * channels; COLUMNS]; K];
            for row in rows.clone() {
                for (column, place) in places[row].iter_mut().enumerate() {
                    let x = (x + column).wrapping_sub(left);
                    if x < input.width {
                        *place = ((y * T + row - above) * input.width + x) * channels;
                    }
                }
            }
            self.strip(simd, &places[rows.clone()], rows.start, to);
        }
    }
}

impl<const K: usize, const T: usize, const COLUMNS: usize> Rows<'_, K, T, COLUMNS> {
    /// The pixels of a strip; `places` has the beginnings of the pixels under it, from row `first` of the taps on.
    #[inline(always)]
    fn strip<S: Simd>(&self, simd: S, places: &[[usize; COLUMNS]], first: usize, to: &mut [f32]) {
        let (channels, data) = (self.input.channels, &self.input.data[..]);
        let pixels = to.len() / channels;
        for c in (0..channels).step_by(S::LANES) {
            let mut sums = [simd.at(&self.layer.shift, c); STRIP];
            for (row, places) in places.iter().enumerate() {
                let mut weights = [simd.splat(0.0); K];
                for (tap, weight) in weights.iter_mut().enumerate() {
                    *weight = simd.at(&self.layer.taps, ((first + row) * K + tap) * channels + c);
                }
                for (column, place) in places.iter().enumerate() {
                    let value = simd.at(data, place + c);
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        if let Some(tap) = column.checked_sub(pixel * T)
                            && tap < K
                        {
                            *sum = weights[tap].mul_add(value, *sum);
                        }
                    }
                }
            }
            for (pixel, sum) in sums.into_iter().take(pixels).enumerate() {
                relu6(simd, sum).put(to, pixel * channels + c);
            }
        }
    }
}

/// Pixels of zeros before the first one. Where the padding is odd, the larger half lies behind the last.
pub fn padding(size: usize, kernel: usize, stride: usize) -> usize {
    ((size.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(size) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The convolution's definition, one value at a time.
    fn expected(weights: &[f32], shift: &[f32], [kernel, stride]: [usize; 2], input: &Pixels, [channel, y, x]: [usize; 3]) -> f32 {
        let [above, left] = [padding(input.height, kernel, stride), padding(input.width, kernel, stride)];
        let mut sum = shift[channel];
        for ky in 0..kernel {
            for kx in 0..kernel {
                let (y, x) = ((y * stride + ky).wrapping_sub(above), (x * stride + kx).wrapping_sub(left));
                if y < input.height && x < input.width {
                    sum += weights[(channel * kernel + ky) * kernel + kx] * input.data[(y * input.width + x) * input.channels + channel];
                }
            }
        }
        sum.clamp(0.0, 6.0)
    }

    #[test]
    fn every_kernel_and_stride_is_its_definition_at_any_size() {
        for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
            for (height, width, channels) in [(1, 1, 3), (2, 9, 8), (7, 5, 12), (8, 16, 9), (5, 6, 4)] {
                let weights: Vec<f32> = (0..channels * kernel * kernel).map(|i| (i * 37 % 19) as f32 / 8.0 - 1.0).collect();
                let shift: Vec<f32> = (0..channels).map(|i| i as f32 / 4.0).collect();
                let mut input = Pixels::new(height, width, channels);
                let padded = input.channels;
                for (i, value) in input.values_mut().iter_mut().enumerate().filter(|(i, _)| i % padded < channels) {
                    *value = (i * 29 % 23) as f32 / 8.0 - 1.25;
                }
                for set in Set::all() {
                    let mut found = Pixels::new(0, 0, 0);
                    Depthwise::new(set, &weights, &shift, kernel, stride).unwrap().forward(&input, &mut found);
                    assert_eq!((found.height, found.width), (height.div_ceil(stride), width.div_ceil(stride)));
                    let planes = found.to_planes(channels);
                    for (i, value) in planes.iter().enumerate() {
                        let at = [i / found.count(), i % found.count() / found.width, i % found.width];
                        assert_eq!(
                            *value,
                            expected(&weights, &shift, [kernel, stride], &input, at),
                            "{set:?} {kernel} {stride} {height} {width} {at:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn other_kernels_are_refused() {
        assert!(Depthwise::new(Set::best(), &[0.0; 49], &[0.0], 7, 1).is_none());
        assert!(Depthwise::new(Set::best(), &[0.0; 9], &[0.0], 3, 3).is_none());
        assert!(Depthwise::new(Set::best(), &[0.0; 9], &[0.0; 2], 3, 1).is_none());
    }
}
