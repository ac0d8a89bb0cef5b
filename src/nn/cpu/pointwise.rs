//! 1×1 convolutions: pixels times a matrix that was laid out once, with what follows in the same pass.

use super::lanes::{LANES, Lanes};
use super::map::{WIDE, for_chunks, pad};

/// Rows that are multiplied at once: with two vectors of columns, what 16 registers hold.
const ROWS: usize = 4;
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
    /// Row after row, pixel after pixel, and the zeros.
    pub data: Vec<f32>,
}

impl Pixels {
    /// Zeros.
    pub fn new(height: usize, width: usize, channels: usize) -> Self {
        let channels = pad(channels);
        Self { height, width, channels, data: vec![0.0; (height * width + 1) * channels] }
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
    inputs: usize,
    /// Panel after panel of [`WIDE`] columns, each input after input.
    panels: Vec<f32>,
    /// b, with its padding.
    shift: Vec<f32>,
    relu6: bool,
}

impl Pointwise {
    /// The layer whose W has the entries `weight(input, output)`, and b those of `shift`; neither is asked for padding.
    pub fn new(inputs: usize, shift: &[f32], weight: impl Fn(usize, usize) -> f32) -> Self {
        let panels = panels::<WIDE>(inputs, pad(shift.len()), |column| (column < shift.len()).then_some(column), weight);
        let shift = (0..pad(shift.len())).map(|column| shift.get(column).copied().unwrap_or_default()).collect();
        Self { inputs, panels, shift, relu6: false }
    }

    /// As [`Pointwise::new`] with ReLU6 behind it.
    pub fn relu6(inputs: usize, shift: &[f32], weight: impl Fn(usize, usize) -> f32) -> Self {
        Self { relu6: true, ..Self::new(inputs, shift, weight) }
    }

    /// Values of a row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Columns with their padding.
    pub fn columns(&self) -> usize {
        self.shift.len()
    }

    /// The layer at each pixel, and `residual` added.
    pub fn forward(&self, input: &Pixels, residual: Option<&Pixels>) -> Pixels {
        let mut output = Pixels::new(input.height, input.width, self.columns());
        let (from, columns) = (input.channels, self.columns());
        let rows = (VALUES / from.max(1)).next_multiple_of(ROWS).clamp(2 * ROWS, 16 * ROWS);
        for_chunks(
            output.values_mut(),
            rows * columns,
            || (),
            |index, to, ()| {
                let first = index * rows;
                self.multiply(&input.data[first * from..], from, to);
                if let Some(residual) = residual {
                    let residual = &residual.data[first * columns..][..to.len()];
                    for at in (0..to.len()).step_by(LANES) {
                        Lanes::at(to, at).add(Lanes::at(residual, at)).put(to, at);
                    }
                }
            },
        );
        output
    }

    /// The layer for as many rows as `to` has room for: row r begins at `r · stride` of `rows`, what becomes of it at `r · columns` of `to`.
    pub fn multiply(&self, rows: &[f32], stride: usize, to: &mut [f32]) {
        let columns = self.columns();
        let count = to.len() / columns.max(1);
        for panel in 0..columns / WIDE {
            let mut row = 0;
            while row + ROWS <= count {
                let sums = self.sums::<ROWS>(rows, stride, row, panel);
                for (r, [left, right]) in sums.into_iter().enumerate() {
                    let at = (row + r) * columns + panel * WIDE;
                    self.end(left).put(to, at);
                    self.end(right).put(to, at + LANES);
                }
                row += ROWS;
            }
            while row < count {
                let [[left, right]] = self.sums::<1>(rows, stride, row, panel);
                let at = row * columns + panel * WIDE;
                self.end(left).put(to, at);
                self.end(right).put(to, at + LANES);
                row += 1;
            }
        }
    }

    #[inline(always)]
    fn end(&self, value: Lanes) -> Lanes {
        if self.relu6 { relu6(value) } else { value }
    }

    /// Rows `first` and so on, R of them, times a panel.
    #[inline(always)]
    fn sums<const R: usize>(&self, rows: &[f32], stride: usize, first: usize, panel: usize) -> [[Lanes; 2]; R] {
        let rows: [&[f32]; R] = std::array::from_fn(|r| &rows[(first + r) * stride..][..self.inputs]);
        let shift = &self.shift[panel * WIDE..][..WIDE];
        let mut sums = [[Lanes::at(shift, 0), Lanes::at(shift, LANES)]; R];
        let panel = &self.panels[panel * self.inputs * WIDE..][..self.inputs * WIDE];
        for k in 0..self.inputs {
            let columns = &panel[k * WIDE..][..WIDE];
            let (left, right) = (Lanes::at(columns, 0), Lanes::at(columns, LANES));
            for (row, sums) in rows.iter().zip(sums.iter_mut()) {
                let value = Lanes::splat(row[k]);
                *sums = [value.mul_add(left, sums[0]), value.mul_add(right, sums[1])];
            }
        }
        sums
    }
}

/// min(max(x, 0), 6).
#[inline(always)]
pub(super) fn relu6(value: Lanes) -> Lanes {
    value.max(Lanes::splat(0.0)).min(Lanes::splat(6.0))
}

/// The panels, of N columns each, of a matrix whose column c is output `output(c)`, or zeros.
pub(super) fn panels<const N: usize>(
    inputs: usize,
    columns: usize,
    output: impl Fn(usize) -> Option<usize>,
    weight: impl Fn(usize, usize) -> f32,
) -> Vec<f32> {
    let mut panels = vec![0.0; inputs * columns];
    for (index, panel) in panels.chunks_exact_mut((inputs * N).max(1)).enumerate() {
        let outputs: [Option<usize>; N] = std::array::from_fn(|column| output(index * N + column));
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

    fn layer(inputs: usize, outputs: usize) -> (Pointwise, Vec<f32>) {
        let shift: Vec<f32> = (0..outputs).map(|o| o as f32 - 2.0).collect();
        (Pointwise::new(inputs, &shift, |i, o| ((i * 7 + o * 3) % 11) as f32 - 5.0), shift)
    }

    #[test]
    fn rows_are_multiplied() {
        for (inputs, outputs, count) in [(3, 5, 1), (5, 29, 4), (8, 40, 7), (1, 300, 2)] {
            let (layer, shift) = layer(inputs, outputs);
            let rows: Vec<f32> = (0..count * (inputs + 1)).map(|i| (i % 13) as f32).collect();
            let mut many = vec![f32::NAN; count * layer.columns()];
            layer.multiply(&rows, inputs + 1, &mut many);
            for row in 0..count {
                for column in 0..layer.columns() {
                    let product =
                        |o: usize| (0..inputs).map(|i| rows[row * (inputs + 1) + i] * (((i * 7 + o * 3) % 11) as f32 - 5.0)).sum::<f32>();
                    let expected = if column < outputs { product(column) + shift[column] } else { 0.0 };
                    assert_eq!(many[row * layer.columns() + column], expected, "{inputs} {outputs} {row} {column}");
                }
            }
        }
    }

    #[test]
    fn sums_are_cut_and_residuals_are_not() {
        let mut input = Pixels::new(3, 5, 2);
        input.values_mut().chunks_exact_mut(8).enumerate().for_each(|(i, pixel)| pixel[0] = i as f32);
        let layer = Pointwise::relu6(2, &[-1.0, 0.5], |i, o| if i == o { 1.0 } else { 0.0 });
        let found = layer.forward(&input, Some(&input));
        for (i, pixel) in found.values().chunks_exact(8).enumerate() {
            let x = i as f32;
            assert_eq!(pixel[..2], [(x - 1.0).clamp(0.0, 6.0) + x, 0.5]);
        }
        assert_eq!(found.to_planes(1).len(), 15);
        assert_eq!(input.mean(2), [7.0, 0.0]);
    }
}
