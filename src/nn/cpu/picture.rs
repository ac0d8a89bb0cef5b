//! The convolution that makes pictures of features.

use super::conv::Folded;
use super::lanes::{Lanes, Simd};
use super::map::{Map, Work, for_chunks, pad};
use super::matmul::accumulate;
use super::set::Set;

/// Values of a pixel of a [`PictureConv`]: three, and one that nobody reads.
const COLOURS: usize = 4;

/// A 3×3 convolution to red, green and blue, and tanh.
#[derive(Debug, Clone)]
pub struct PictureConv {
    set: Set,
    /// For each row of taps, (3 pixels · channels) rows of one vector.
    panels: [Vec<f32>; 3],
}

impl PictureConv {
    /// A convolution of 3 outputs.
    pub fn new(set: Set, folded: &Folded) -> Self {
        let depth = pad(folded.inputs);
        let value = |y: usize, i: usize| {
            let (x, input, output) = (i / COLOURS / depth, i / COLOURS % depth, i % COLOURS);
            if input < folded.inputs && output < folded.outputs().min(3) { folded.kernel(output, input)[y][x] } else { 0.0 }
        };
        Self { set, panels: std::array::from_fn(|y| (0..3 * depth * COLOURS).map(|i| value(y, i)).collect()) }
    }

    /// RGB in [−1, 1], plane after plane.
    pub fn forward(&self, input: &Map) -> Vec<f32> {
        let (height, width) = (input.height, input.width);
        let mut pixels = vec![0.0; height * width * COLOURS];
        for_chunks(self.set, &mut pixels, width * COLOURS, &Row { conv: self, input });
        let mut planes = Vec::with_capacity(3 * height * width);
        for channel in 0..3 {
            planes.extend(pixels.chunks_exact(COLOURS).map(|pixel| pixel[channel]));
        }
        planes
    }
}

/// A row of a [`PictureConv`]'s output.
struct Row<'a> {
    conv: &'a PictureConv,
    input: &'a Map,
}

impl Work for Row<'_> {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline(always)]
    fn chunk<S: Simd>(&self, simd: S, y: usize, row: &mut [f32], (): &mut ()) {
        const STEP: usize = 8;
        let mut x = 0;
        while x + STEP <= self.input.width {
            self.block::<_, STEP>(simd.four(), y, x, row);
            x += STEP;
        }
        while x < self.input.width {
            self.block::<_, 1>(simd.four(), y, x, row);
            x += 1;
        }
        // A row is a multiple of 16 values long.
        for at in (0..row.len()).step_by(S::LANES) {
            simd.at(row, at).tanh().put(row, at);
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn block<S: Simd, const R: usize>(&self, simd: S, y: usize, x: usize, row: &mut [f32]) {
        let mut sums = [[simd.splat(0.0); 1]; R];
        for (dy, panel) in self.conv.panels.iter().enumerate() {
            // A pixel's three neighbours in a row lie side by side.
            let rows: [&[f32]; R] = std::array::from_fn(|r| &self.input.data[self.input.at(y + dy, x + r)..][..3 * self.input.channels]);
            accumulate(simd, &rows, panel, &mut sums);
        }
        for (r, [sum]) in sums.into_iter().enumerate() {
            sum.put(row, (x + r) * COLOURS);
        }
    }
}
