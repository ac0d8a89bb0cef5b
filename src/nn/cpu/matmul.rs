//! Products of a few dozen rows with a matrix that was laid out for them once.

use super::lanes::{Lanes, Simd};
use super::map::{WIDE, pad};
use super::set::{Job, Set};

/// A matrix of (inputs, outputs), outputs padded to whole vectors: panel after panel of [`Simd::PANEL`] columns, the last one of as many as
/// are left, each input after input.
#[derive(Debug, Clone)]
pub struct Matrix {
    set: Set,
    inputs: usize,
    outputs: usize,
    panels: Vec<f32>,
}

impl Matrix {
    /// The matrix whose entries are `value(input, output)`; `value` is asked for padded outputs too.
    pub fn new(set: Set, inputs: usize, outputs: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let outputs = pad(outputs);
        let mut panels = Vec::with_capacity(inputs * outputs);
        for first in (0..outputs).step_by(set.panel()) {
            let columns = set.panel().min(outputs - first);
            for input in 0..inputs {
                panels.extend((first..first + columns).map(|column| value(input, column)));
            }
        }
        Self { set, inputs, outputs, panels }
    }

    /// The matrix of panels that are laid out already.
    pub(super) fn from_panels(set: Set, inputs: usize, panels: Vec<f32>) -> Self {
        let outputs = panels.len().checked_div(inputs).unwrap_or_default();
        Self { set, inputs, outputs, panels }
    }

    /// Columns with their padding.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Writes rows · matrix: row r begins at `r · stride` of `rows`, its product at `r · outputs` of `to`.
    pub fn multiply(&self, rows: &[f32], stride: usize, count: usize, to: &mut [f32]) {
        self.set.run(Product { matrix: self, rows, stride, count, to, shift: &[], relu6: false });
    }

    /// What computes on vectors.
    pub(super) fn set(&self) -> Set {
        self.set
    }
}

/// Rows · matrix, as [`Matrix::multiply`] writes it.
pub(super) struct Product<'a> {
    pub matrix: &'a Matrix,
    pub rows: &'a [f32],
    pub stride: usize,
    pub count: usize,
    pub to: &'a mut [f32],
    /// What is added to each row; nothing where it is empty.
    pub shift: &'a [f32],
    /// Whether min(max(y, 0), 6) is made of each value.
    pub relu6: bool,
}

impl Job for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        if self.matrix.inputs == 0 {
            return;
        }
        let panels = self.matrix.panels.chunks_exact(self.matrix.inputs * S::PANEL);
        let last = panels.remainder();
        for (index, panel) in panels.enumerate() {
            match (S::PANEL / S::LANES, S::ROWS) {
                (2, 8) => self.panel::<S, 8, 2>(simd, panel, index * S::PANEL),
                (4, _) => self.panel::<S, 4, 4>(simd, panel, index * S::PANEL),
                _ => self.panel::<S, 4, 2>(simd, panel, index * S::PANEL),
            }
        }
        // No padding is a panel and a half where panels are no wider than it.
        if S::PANEL > WIDE && !last.is_empty() {
            self.panel::<S, 8, 1>(simd, last, self.matrix.outputs - WIDE);
        }
    }
}

impl Product<'_> {
    /// The product with one panel, whose first column is `column`.
    #[inline(always)]
    fn panel<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, panel: &[f32], column: usize) {
        let mut row = 0;
        while row + R <= self.count {
            self.block::<S, R, V>(simd, row, panel, column);
            row += R;
        }
        while row < self.count {
            self.block::<S, 1, V>(simd, row, panel, column);
            row += 1;
        }
    }

    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, first: usize, panel: &[f32], column: usize) {
        let rows: [&[f32]; R] = std::array::from_fn(|r| &self.rows[(first + r) * self.stride..][..self.matrix.inputs]);
        let mut start = [simd.splat(0.0); V];
        if let Some(shift) = self.shift.get(column..column + V * S::LANES) {
            for (v, start) in start.iter_mut().enumerate() {
                *start = simd.at(shift, v * S::LANES);
            }
        }
        let mut sums = [start; R];
        accumulate(simd, &rows, panel, &mut sums);
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, mut sum) in sums.into_iter().enumerate() {
                if self.relu6 {
                    sum = relu6(simd, sum);
                }
                sum.put(self.to, (first + r) * self.matrix.outputs + column + v * S::LANES);
            }
        }
    }
}

/// min(max(x, 0), 6).
#[inline(always)]
pub(super) fn relu6<S: Simd>(simd: S, value: S::Lanes) -> S::Lanes {
    value.max(simd.splat(0.0)).min(simd.splat(6.0))
}

/// Adds rows · panel to `sums`; each row has as many values as the panel has rows of V vectors.
#[inline(always)]
pub fn accumulate<S: Simd, const R: usize, const V: usize>(simd: S, rows: &[&[f32]; R], panel: &[f32], sums: &mut [[S::Lanes; V]; R]) {
    let inputs = panel.len() / (V * S::LANES);
    let rows: [&[f32]; R] = std::array::from_fn(|r| &rows[r][..inputs]);
    for (k, columns) in panel.chunks_exact(V * S::LANES).enumerate() {
        let mut vectors = [simd.splat(0.0); V];
        for (v, vector) in vectors.iter_mut().enumerate() {
            *vector = simd.at(columns, v * S::LANES);
        }
        for (row, sums) in rows.iter().zip(sums.iter_mut()) {
            let value = simd.splat(row[k]);
            for (sum, column) in sums.iter_mut().zip(vectors) {
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
        for set in Set::all() {
            // Less than a panel, one, and one and a half of any set.
            for outputs in [5, 32, 45] {
                let matrix = Matrix::new(set, 3, outputs, |i, o| if o < outputs { (i * 5 + o) as f32 } else { 0.0 });
                let rows: Vec<f32> = (0..15 * 4).map(|i| i as f32).collect();
                let mut found = vec![-1.0; 15 * matrix.outputs()];
                matrix.multiply(&rows, 4, 15, &mut found);
                for row in 0..15 {
                    for o in 0..matrix.outputs() {
                        let expected: f32 = if o < outputs { (0..3).map(|i| (row * 4 + i) as f32 * (i * 5 + o) as f32).sum() } else { 0.0 };
                        assert_eq!(found[row * matrix.outputs() + o], expected, "{set:?} {outputs} {row} {o}");
                    }
                }
            }
        }
    }
}
