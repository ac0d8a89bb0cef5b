//! 1×1 convolutions: pixels times a matrix that was laid out once, with what follows in the same pass.

use super::lanes::{Lanes, Simd};
use super::map::{Work, for_chunks, pad};
use super::matmul::{Matrix, Product};
use super::set::{Job, Set};

/// Rows that any set of instructions multiplies at once.
const ROWS: usize = 8;
/// Values of the rows of a thread, at most: they stay in the nearest cache while panel after panel passes.
const VALUES: usize = 8192;

/// Features of a picture with each pixel's channels side by side and no border, and one pixel of zeros at the end: what a convolution
/// reads beyond the edge.
#[derive(Debug, Clone)]
pub struct Pixels {
    /// Rows.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Channels, padded with zeros to whole vectors.
    pub channels: usize,
    /// Row after row, pixel after pixel, and the zeros; behind them whatever is left of a larger map that was here.
    pub data: Vec<f32>,
}

impl Pixels {
    /// Zeros.
    pub fn new(height: usize, width: usize, channels: usize) -> Self {
        let channels = pad(channels);
        Self { height, width, channels, data: vec![0.0; (height * width + 1) * channels] }
    }

    /// Room for another map in the place of this one, whose values are left as they are: all are written anew.
    pub(super) fn reuse(&mut self, height: usize, width: usize, channels: usize) {
        let channels = pad(channels);
        let count = height * width * channels;
        if self.data.len() < count + channels {
            self.data.resize(count + channels, 0.0);
        }
        self.data[count..count + channels].fill(0.0);
        (self.height, self.width, self.channels) = (height, width, channels);
    }

    /// Pixels.
    pub fn count(&self) -> usize {
        self.height * self.width
    }

    /// The values of all pixels.
    pub fn values(&self) -> &[f32] {
        &self.data[..self.count() * self.channels]
    }

    /// [`Pixels::values`], to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        let end = self.count() * self.channels;
        &mut self.data[..end]
    }

    /// The first `channels` channels, plane after plane: (channels, height, width).
    pub fn to_planes(&self, channels: usize) -> Vec<f32> {
        let mut planes = Vec::with_capacity(channels * self.count());
        for channel in 0..channels {
            planes.extend(self.values().chunks_exact(self.channels).map(|pixel| pixel[channel]));
        }
        planes
    }

    /// The mean of each of the first `channels` channels over the pixels.
    pub fn mean(&self, channels: usize) -> Vec<f32> {
        let mut sums = vec![0.0; channels];
        for pixel in self.values().chunks_exact(self.channels) {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
        }
        let count = self.count().max(1) as f32;
        sums.iter_mut().for_each(|sum| *sum /= count);
        sums
    }
}

/// y = x W + b, and min(max(y, 0), 6) where it is said so; x a row of `inputs` values.
#[derive(Debug, Clone)]
pub struct Pointwise {
    matrix: Matrix,
    /// b, with its padding.
    shift: Vec<f32>,
    relu6: bool,
}

impl Pointwise {
    /// The layer whose W has the entries `weight(input, output)`, and b those of `shift`; neither is asked for padding.
    pub fn new(set: Set, inputs: usize, shift: &[f32], weight: impl Fn(usize, usize) -> f32) -> Self {
        let panels = panels(set.panel(), inputs, pad(shift.len()), |column| (column < shift.len()).then_some(column), weight);
        let matrix = Matrix::from_panels(set, inputs, panels);
        let shift = (0..pad(shift.len())).map(|column| shift.get(column).copied().unwrap_or_default()).collect();
        Self { matrix, shift, relu6: false }
    }

    /// As [`Pointwise::new`] with ReLU6 behind it.
    pub fn relu6(set: Set, inputs: usize, shift: &[f32], weight: impl Fn(usize, usize) -> f32) -> Self {
        Self { relu6: true, ..Self::new(set, inputs, shift, weight) }
    }

    /// Columns with their padding.
    pub fn columns(&self) -> usize {
        self.shift.len()
    }

    /// The layer at each pixel, and `residual` added, in the place of what `output` was.
    pub fn forward(&self, input: &Pixels, residual: Option<&Pixels>, output: &mut Pixels) {
        output.reuse(input.height, input.width, self.columns());
        let rows = (VALUES / input.channels.max(1)).next_multiple_of(ROWS).clamp(2 * ROWS, 8 * ROWS);
        let length = (rows * self.columns()).max(1);
        let work = Rows { layer: self, input: &input.data, stride: input.channels, rows, residual: residual.map(|map| &map.data[..]) };
        for_chunks(self.matrix.set(), output.values_mut(), length, &work);
    }

    /// The layer for as many rows as `to` has room for: row r begins at `r · stride` of `rows`, what becomes of it at `r · columns` of `to`.
    pub fn multiply(&self, rows: &[f32], stride: usize, to: &mut [f32]) {
        self.matrix.set().run(self.product(rows, stride, to));
    }

    #[inline(always)]
    fn product<'a>(&'a self, rows: &'a [f32], stride: usize, to: &'a mut [f32]) -> Product<'a> {
        let count = to.len() / self.columns().max(1);
        Product { matrix: &self.matrix, rows, stride, count, to, shift: &self.shift, relu6: self.relu6 }
    }
}

/// Some rows of a map.
struct Rows<'a> {
    layer: &'a Pointwise,
    input: &'a [f32],
    stride: usize,
    rows: usize,
    residual: Option<&'a [f32]>,
}

impl Work for Rows<'_> {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline(always)]
    fn chunk<S: Simd>(&self, simd: S, index: usize, to: &mut [f32], (): &mut ()) {
        let first = index * self.rows;
        self.layer.product(&self.input[first * self.stride..], self.stride, to).run(simd);
        if let Some(residual) = self.residual {
            let residual = &residual[first * self.layer.columns()..][..to.len()];
            for at in (0..to.len()).step_by(S::LANES) {
                simd.at(to, at).add(simd.at(residual, at)).put(to, at);
            }
        }
    }
}

/// The panels, of `width` columns each but for the last one, of a matrix whose column c is output `output(c)`, or zeros.
pub(super) fn panels(
    width: usize,
    inputs: usize,
    columns: usize,
    output: impl Fn(usize) -> Option<usize>,
    weight: impl Fn(usize, usize) -> f32,
) -> Vec<f32> {
    let mut panels = vec![0.0; inputs * columns];
    for (index, panel) in panels.chunks_mut((inputs * width).max(1)).enumerate() {
        let outputs: Vec<Option<usize>> = (0..panel.len() / inputs).map(|column| output(index * width + column)).collect();
        fill(panel, &outputs, &weight);
    }
    panels
}

/// One panel. A function for itself: a browser runs it fast from some later call on.
#[inline(never)]
fn fill(panel: &mut [f32], outputs: &[Option<usize>], weight: &impl Fn(usize, usize) -> f32) {
    for (input, values) in panel.chunks_exact_mut(outputs.len()).enumerate() {
        for (value, output) in values.iter_mut().zip(outputs) {
            *value = output.map_or(0.0, |output| weight(input, output));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(set: Set, inputs: usize, outputs: usize) -> (Pointwise, Vec<f32>) {
        let shift: Vec<f32> = (0..outputs).map(|o| o as f32 - 2.0).collect();
        (Pointwise::new(set, inputs, &shift, |i, o| ((i * 7 + o * 3) % 11) as f32 - 5.0), shift)
    }

    #[test]
    fn rows_are_multiplied() {
        let sizes = [(3, 5, 1), (5, 29, 4), (8, 40, 17), (1, 300, 2)];
        for (set, (inputs, outputs, count)) in Set::all().into_iter().flat_map(|set| sizes.map(|sizes| (set, sizes))) {
            let (layer, shift) = layer(set, inputs, outputs);
            let rows: Vec<f32> = (0..count * (inputs + 1)).map(|i| (i % 13) as f32).collect();
            let mut many = vec![f32::NAN; count * layer.columns()];
            layer.multiply(&rows, inputs + 1, &mut many);
            for row in 0..count {
                for column in 0..layer.columns() {
                    let product =
                        |o: usize| (0..inputs).map(|i| rows[row * (inputs + 1) + i] * (((i * 7 + o * 3) % 11) as f32 - 5.0)).sum::<f32>();
                    let expected = if column < outputs { product(column) + shift[column] } else { 0.0 };
                    assert_eq!(many[row * layer.columns() + column], expected, "{set:?} {inputs} {outputs} {row} {column}");
                }
            }
        }
    }

    #[test]
    fn sums_are_cut_and_residuals_are_not() {
        for set in Set::all() {
            let mut input = Pixels::new(3, 5, 2);
            let padded = input.channels;
            input.values_mut().chunks_exact_mut(padded).enumerate().for_each(|(i, pixel)| pixel[0] = i as f32);
            let layer = Pointwise::relu6(set, 2, &[-1.0, 0.5], |i, o| if i == o { 1.0 } else { 0.0 });
            let mut found = Pixels::new(9, 9, 20);
            found.data.fill(f32::NAN);
            layer.forward(&input, Some(&input), &mut found);
            assert_eq!(found.data[15 * padded..16 * padded], vec![0.0; padded]);
            for (i, pixel) in found.values().chunks_exact(padded).enumerate() {
                let x = i as f32;
                assert_eq!(pixel[..2], [(x - 1.0).clamp(0.0, 6.0) + x, 0.5]);
            }
            assert_eq!(found.to_planes(1).len(), 15);
            assert_eq!(input.mean(2), [7.0, 0.0]);
        }
    }
}
