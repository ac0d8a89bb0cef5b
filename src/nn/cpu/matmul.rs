//! Products of a few dozen rows with a matrix that was laid out for them once.

use super::lanes::{LANES, Lanes};
use super::map::{WIDE, pad};

/// Rows that are multiplied at once: with two vectors of columns, what 16 registers hold.
const ROWS: usize = 4;

/// A matrix of (inputs, outputs), outputs padded to whole vectors: panel after panel of `WIDE` columns, each input after input.
#[derive(Debug, Clone)]
pub struct Matrix {
    inputs: usize,
    outputs: usize,
    panels: Vec<f32>,
}

impl Matrix {
    /// The matrix whose entries are `value(input, output)`; `value` is asked for padded outputs too.
    pub fn new(inputs: usize, outputs: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let outputs = pad(outputs);
        let mut panels = Vec::with_capacity(inputs * outputs);
        for panel in 0..outputs / WIDE {
            for input in 0..inputs {
                panels.extend((0..WIDE).map(|column| value(input, panel * WIDE + column)));
            }
        }
        Self { inputs, outputs, panels }
    }

    /// The matrix of panels that are laid out already.
    pub(super) fn from_panels(inputs: usize, panels: Vec<f32>) -> Self {
        let outputs = panels.len().checked_div(inputs).unwrap_or_default();
        Self { inputs, outputs, panels }
    }

    /// Columns with their padding.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Writes rows · matrix: row r begins at `r · stride` of `rows`, its product at `r · outputs` of `to`.
    pub fn multiply(&self, rows: &[f32], stride: usize, count: usize, to: &mut [f32]) {
        if self.inputs == 0 {
            return;
        }
        for (index, panel) in self.panels.chunks_exact(self.inputs * WIDE).enumerate() {
            let mut row = 0;
            while row + ROWS <= count {
                self.block::<ROWS>(rows, stride, row, panel, to, index * WIDE);
                row += ROWS;
            }
            while row < count {
                self.block::<1>(rows, stride, row, panel, to, index * WIDE);
                row += 1;
            }
        }
    }

    #[inline(always)]
    fn block<const R: usize>(&self, rows: &[f32], stride: usize, first: usize, panel: &[f32], to: &mut [f32], column: usize) {
        let inputs = self.inputs;
        let rows: [&[f32]; R] = std::array::from_fn(|r| &rows[(first + r) * stride..][..inputs]);
        let mut sums = [[Lanes::splat(0.0); 2]; R];
        accumulate(&rows, panel, &mut sums);
        for (r, [left, right]) in sums.into_iter().enumerate() {
            let at = (first + r) * self.outputs + column;
            left.put(to, at);
            right.put(to, at + LANES);
        }
    }
}

/// Adds rows · panel to `sums`; each row has as many values as the panel has rows of V vectors.
#[inline(always)]
pub fn accumulate<const R: usize, const V: usize>(rows: &[&[f32]; R], panel: &[f32], sums: &mut [[Lanes; V]; R]) {
    let inputs = panel.len() / (V * LANES);
    let rows: [&[f32]; R] = std::array::from_fn(|r| &rows[r][..inputs]);
    for (k, columns) in panel.chunks_exact(V * LANES).enumerate() {
        let columns: [Lanes; V] = std::array::from_fn(|v| Lanes::at(columns, v * LANES));
        for (row, sums) in rows.iter().zip(sums.iter_mut()) {
            let value = Lanes::splat(row[k]);
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = value.mul_add(column, *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_products() {
        let matrix = Matrix::new(3, 5, |i, o| if o < 5 { (i * 5 + o) as f32 } else { 0.0 });
        let rows: Vec<f32> = (0..7 * 4).map(|i| i as f32).collect();
        let mut found = vec![-1.0; 7 * 8];
        matrix.multiply(&rows, 4, 7, &mut found);
        for row in 0..7 {
            for o in 0..8 {
                let expected: f32 = if o < 5 { (0..3).map(|i| (row * 4 + i) as f32 * (i * 5 + o) as f32).sum() } else { 0.0 };
                assert_eq!(found[row * 8 + o], expected, "{row} {o}");
            }
        }
    }
}
