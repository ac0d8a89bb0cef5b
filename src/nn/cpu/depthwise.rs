//! Convolutions of each channel on its own, with ReLU6 in the same pass.

use super::lanes::{LANES, Lanes};
use super::map::{for_chunks, pad};
use super::pointwise::{Pixels, relu6};

/// Pixels of a row that are computed at once: what lies under several of them is read once.
const STRIP: usize = 4;

/// A 3×3 or 5×5 convolution of each channel on its own at stride 1 or 2, with bias and ReLU6, and TensorFlow's "SAME" padding.
#[derive(Debug, Clone)]
pub struct Depthwise {
    kernel: usize,
    stride: usize,
    /// Vector after vector of channels, each tap after tap.
    taps: Vec<f32>,
    shift: Vec<f32>,
}

impl Depthwise {
    /// A convolution with `weights` (channels, kernel, kernel); none of another kernel or stride than are written down here.
    pub fn new(weights: &[f32], shift: &[f32], kernel: usize, stride: usize) -> Option<Self> {
        let (channels, taps) = (shift.len(), kernel * kernel);
        if !matches!((kernel, stride), (3 | 5, 1 | 2)) || weights.len() != channels * taps {
            return None;
        }
        let padded = pad(channels);
        let of = |channel: usize, values: &[f32], at: usize| if channel < channels { values[at] } else { 0.0 };
        let value = |i: usize| {
            let (channel, tap) = (i / (taps * LANES) * LANES + i % LANES, i / LANES % taps);
            of(channel, weights, channel * taps + tap)
        };
        Some(Self {
            kernel,
            stride,
            taps: (0..padded * taps).map(value).collect(),
            shift: (0..padded).map(|channel| of(channel, shift, channel)).collect(),
        })
    }

    /// Pixels of the input for each of the output, either way.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// A map of ⌈height / stride⌉ × ⌈width / stride⌉ pixels.
    pub fn forward(&self, input: &Pixels) -> Pixels {
        match (self.kernel, self.stride) {
            (3, 1) => self.convolve::<3, 1, { STRIP - 1 + 3 }>(input),
            (3, _) => self.convolve::<3, 2, { 2 * (STRIP - 1) + 3 }>(input),
            (_, 1) => self.convolve::<5, 1, { STRIP - 1 + 5 }>(input),
            _ => self.convolve::<5, 2, { 2 * (STRIP - 1) + 5 }>(input),
        }
    }

    /// Kernel K, stride S, and as many columns as lie under a strip.
    fn convolve<const K: usize, const S: usize, const COLUMNS: usize>(&self, input: &Pixels) -> Pixels {
        let (height, width, channels) = (input.height.div_ceil(S), input.width.div_ceil(S), input.channels);
        let (above, left) = (padding(input.height, K, S), padding(input.width, K, S));
        let mut output = Pixels::new(height, width, channels);
        for_chunks(
            output.values_mut(),
            (width * channels).max(1),
            || (),
            |y, to, ()| {
                // The rows of taps that lie on the picture.
                let rows = above.saturating_sub(y * S)..K.min(input.height + above - y * S);
                for (strip, to) in to.chunks_mut(STRIP * channels).enumerate() {
                    let x = strip * STRIP * S;
                    let place = |row: usize, column: usize| match (x + column).checked_sub(left) {
                        Some(x) if x < input.width && rows.contains(&row) => ((y * S + row - above) * input.width + x) * channels,
                        _ => input.count() * channels,
                    };
                    let places: [[usize; COLUMNS]; K] = std::array::from_fn(|row| std::array::from_fn(|column| place(row, column)));
                    self.strip::<K, S, COLUMNS>(&input.data, &places[rows.clone()], rows.start, channels, to);
                }
            },
        );
        output
    }

    /// The pixels of a strip; `places` has the beginnings of the pixels under it, from row `first` of the taps on.
    #[inline(always)]
    fn strip<const K: usize, const S: usize, const COLUMNS: usize>(
        &self,
        data: &[f32],
        places: &[[usize; COLUMNS]],
        first: usize,
        channels: usize,
        to: &mut [f32],
    ) {
        let pixels = to.len() / channels;
        for (vector, taps) in self.taps.chunks_exact(K * K * LANES).enumerate() {
            let c = vector * LANES;
            let mut sums = [Lanes::at(&self.shift, c); STRIP];
            for (places, taps) in places.iter().zip(taps[first * K * LANES..].chunks_exact(K * LANES)) {
                let weights: [Lanes; K] = std::array::from_fn(|tap| Lanes::at(taps, tap * LANES));
                for (column, place) in places.iter().enumerate() {
                    let value = Lanes::at(data, place + c);
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        if let Some(tap) = column.checked_sub(pixel * S)
                            && tap < K
                        {
                            *sum = weights[tap].mul_add(value, *sum);
                        }
                    }
                }
            }
            for (pixel, sum) in sums.into_iter().take(pixels).enumerate() {
                relu6(sum).put(to, pixel * channels + c);
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
                let found = Depthwise::new(&weights, &shift, kernel, stride).unwrap().forward(&input);
                assert_eq!((found.height, found.width), (height.div_ceil(stride), width.div_ceil(stride)));
                let planes = found.to_planes(channels);
                for (i, value) in planes.iter().enumerate() {
                    let at = [i / found.count(), i % found.count() / found.width, i % found.width];
                    assert_eq!(
                        *value,
                        expected(&weights, &shift, [kernel, stride], &input, at),
                        "{kernel} {stride} {height} {width} {at:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn other_kernels_are_refused() {
        assert!(Depthwise::new(&[0.0; 49], &[0.0], 7, 1).is_none());
        assert!(Depthwise::new(&[0.0; 9], &[0.0], 3, 3).is_none());
        assert!(Depthwise::new(&[0.0; 9], &[0.0; 2], 3, 1).is_none());
    }
}
