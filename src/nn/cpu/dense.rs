//! The layers of a decoder, over the few sentences that it is at: what they wait for is their weights, which are read once a step.

use super::lanes::{LANES, Lanes};
use super::map::{WIDE, for_chunks};
use super::pointwise::panels;

/// Rows that are multiplied at once: with two vectors of columns, what 16 registers hold.
const ROWS: usize = 4;
/// Pairs of vectors that lie side by side.
const PAIRS: usize = 4;
/// Columns that lie side by side.
const PANEL: usize = PAIRS * WIDE;
/// Panels that a thread multiplies at once.
const THREAD: usize = 4;
/// Bits of a weight's exponent, of 16.
const EXPONENTS: i32 = 1 << 5;

/// y = x W + b for few rows x of `inputs` values.
#[derive(Debug, Clone)]
pub struct Dense {
    inputs: usize,
    weights: Weights,
    /// b, with its padding.
    shift: Vec<f32>,
}

/// Panel after panel of [`PANEL`] columns, each input after input.
#[derive(Debug, Clone)]
enum Weights {
    Single(Vec<f32>),
    /// Weights that fit into 16 bits to the last one, as those of a file in f16 do: half as much to read. Each is to be multiplied by
    /// `scale`, a power of two, with which the rows are multiplied instead. See [`pack`].
    Half {
        words: Vec<u32>,
        scale: f32,
    },
}

impl Dense {
    /// The layer whose W has the entries `weight(input, output)`, b those of `shift`, and whose column c is output `output(c)`; where that is
    /// none, a column gives `nothing`.
    pub fn new(
        inputs: usize,
        columns: usize,
        nothing: f32,
        output: impl Fn(usize) -> Option<usize>,
        shift: &[f32],
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let columns = columns.next_multiple_of(PANEL);
        let shift = (0..columns).map(|column| output(column).and_then(|output| shift.get(output)).copied().unwrap_or(nothing)).collect();
        let panels = panels::<PANEL>(inputs, columns, output, weight);
        let weights = match pack(&panels) {
            Some((words, scale)) => Weights::Half { words, scale },
            None => Weights::Single(panels),
        };
        Self { inputs, weights, shift }
    }

    /// The layer for rows of `stride` values, on all threads: panel after panel of [`WIDE`] columns, each row after row. See [`place`].
    pub fn forward(&self, rows: &[f32], stride: usize) -> Vec<f32> {
        match &self.weights {
            Weights::Single(panels) => self.multiply(rows, stride, panels, |columns| [Lanes::at(columns, 0), Lanes::at(columns, LANES)]),
            Weights::Half { words, scale } => {
                let rows: Vec<f32> = rows.iter().map(|value| value * scale).collect();
                self.multiply(&rows, stride, words, halves)
            }
        }
    }

    /// [`Dense::forward`] with weights that `columns` makes two vectors of each pair of.
    fn multiply<T: Sync>(
        &self,
        rows: &[f32],
        stride: usize,
        weights: &[T],
        columns: impl Fn(&[T]) -> [Lanes; 2] + Sync + Send + Copy,
    ) -> Vec<f32> {
        let (count, inputs) = (rows.len() / stride.max(1), self.inputs);
        let mut values = vec![0.0; count * self.shift.len()];
        let panel = weights.len() / (self.shift.len() / PANEL).max(1);
        for_chunks(
            &mut values,
            (THREAD * count * PANEL).max(1),
            || (),
            |index, to, ()| {
                for (place, to) in to.chunks_exact_mut(count * PANEL).enumerate() {
                    let place = index * THREAD + place;
                    let (weights, shift) = (&weights[place * panel..][..panel], &self.shift[place * PANEL..][..PANEL]);
                    let mut row = 0;
                    while row + ROWS <= count {
                        for pair in 0..PAIRS {
                            sums::<T, ROWS, 1>(rows, [stride, row, count], [pair, inputs], weights, shift, columns, to);
                        }
                        row += ROWS;
                    }
                    while row < count {
                        // All columns at once: the sums of two vectors would wait for one another.
                        sums::<T, 1, PAIRS>(rows, [stride, row, count], [0, inputs], weights, shift, columns, to);
                        row += 1;
                    }
                }
            },
        );
        values
    }
}

/// The vectors of eight columns that [`pack`] has made four words of.
#[inline(always)]
fn halves(words: &[u32]) -> [Lanes; 2] {
    let mut four = [0; LANES];
    four.copy_from_slice(&words[..LANES]);
    Lanes::halves(&four)
}

/// R rows from `row` on, of `count`, times P pairs of vectors from `pair` on of a panel.
#[inline(always)]
fn sums<T, const R: usize, const P: usize>(
    rows: &[f32],
    [stride, row, count]: [usize; 3],
    [pair, inputs]: [usize; 2],
    panel: &[T],
    shift: &[f32],
    columns: impl Fn(&[T]) -> [Lanes; 2],
    to: &mut [f32],
) {
    let rows: [&[f32]; R] = std::array::from_fn(|r| &rows[(row + r) * stride..][..inputs]);
    let length = panel.len() / inputs / PAIRS;
    let start = |p: usize| [0, LANES].map(|half| Lanes::at(shift, (pair + p) * WIDE + half));
    let mut sums: [[[Lanes; 2]; P]; R] = [std::array::from_fn(start); R];
    for k in 0..inputs {
        let weights = &panel[(k * PAIRS + pair) * length..][..P * length];
        let columns: [[Lanes; 2]; P] = std::array::from_fn(|p| columns(&weights[p * length..][..length]));
        for (row, sums) in rows.iter().zip(sums.iter_mut()) {
            let value = Lanes::splat(row[k]);
            for (sums, columns) in sums.iter_mut().zip(&columns) {
                sums[0] = value.mul_add(columns[0], sums[0]);
                sums[1] = value.mul_add(columns[1], sums[1]);
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (p, [left, right]) in sums.into_iter().enumerate() {
            let at = ((pair + p) * count + row + r) * WIDE;
            left.put(to, at);
            right.put(to, at + LANES);
        }
    }
}

/// Where [`Dense::forward`] puts a column of a row, of `count` rows; those of a vector lie side by side.
pub fn place(row: usize, column: usize, count: usize) -> usize {
    (column / WIDE * count + row) * WIDE + column % WIDE
}

/// Panels as 16 bits a weight, and the power of two that each is to be multiplied by: sign, five bits of exponent, ten of what is behind
/// the point. An exponent is counted from that of the largest weight down, so that there is no subnormal one, which some processors take a
/// hundred times as long for. Of each eight columns those of the first vector are the upper halves of four words. None where a weight does
/// not fit.
fn pack(panels: &[f32]) -> Option<(Vec<u32>, f32)> {
    let exponent = |value: f32| (value.to_bits() >> 23 & 0xff) as i32;
    let largest = panels.iter().map(|value| exponent(*value)).max()?;
    // What 31 becomes: rows that it is multiplied with may be as large as 2²⁵.
    if !(EXPONENTS..127 + 7).contains(&largest) {
        return None;
    }
    let half = |value: f32| -> Option<u32> {
        let (bits, code) = (value.to_bits(), exponent(value) - largest + EXPONENTS - 1);
        if value == 0.0 {
            return Some(0);
        }
        (code > 0 && bits & 0x1fff == 0).then_some(bits >> 31 << 15 | (code as u32) << 10 | bits >> 13 & 0x3ff)
    };
    let mut words = Vec::with_capacity(panels.len() / 2);
    for row in panels.chunks_exact(WIDE) {
        for lane in 0..LANES {
            words.push(half(row[lane])? << 16 | half(row[LANES + lane])?);
        }
    }
    Some((words, f32::from_bits(((largest - EXPONENTS + 1 + 127) as u32) << 23)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inputs: usize, outputs: usize, count: usize, weight: impl Fn(usize, usize) -> f32 + Copy, packed: bool) {
        let shift: Vec<f32> = (0..outputs).map(|o| o as f32 - 2.0).collect();
        let layer = Dense::new(inputs, outputs, -1e30, |column| (column < outputs).then_some(column), &shift, weight);
        assert_eq!(matches!(layer.weights, Weights::Half { .. }), packed);
        let rows: Vec<f32> = (0..count * (inputs + 1)).map(|i| (i % 13) as f32 - 4.0).collect();
        let found = layer.forward(&rows, inputs + 1);
        for row in 0..count {
            for column in 0..outputs.next_multiple_of(PANEL) {
                // In the same order: to the last bit.
                let sum = |o: usize| (0..inputs).fold(shift[o], |sum, i| rows[row * (inputs + 1) + i] * weight(i, o) + sum);
                let expected = if column < outputs { sum(column) } else { -1e30 };
                assert_eq!(found[place(row, column, count)], expected, "{inputs} {outputs} {row} {column}");
            }
        }
    }

    #[test]
    fn rows_are_multiplied_with_weights_of_either_size() {
        for (inputs, outputs, count) in [(3, 5, 1), (5, 29, 4), (8, 40, 7), (1, 300, 2), (4, 130, 1)] {
            let half = |i: usize, o: usize| ((i * 7 + o * 3) % 11) as f32 / 8.0 - 0.625;
            check(inputs, outputs, count, half, true);
            check(inputs, outputs, count, |i, o| half(i, o) * 1.1, false);
        }
    }

    #[test]
    fn what_f16_holds_is_packed_and_nothing_else() {
        let unpacked = |panels: &[f32]| {
            let (words, scale) = pack(panels)?;
            let four = words.chunks_exact(LANES).flat_map(|words| {
                let mut values = [0.0; WIDE];
                let [left, right] = halves(words);
                left.put(&mut values, 0);
                right.put(&mut values, LANES);
                values.map(|value| value * scale)
            });
            Some(four.collect::<Vec<f32>>())
        };
        // The largest of f16 that a network has, and the smallest that there is.
        let smallest = 2f32.powi(-24);
        let held = [0.0, -1.0, 63.9375, smallest, -3.0 * smallest, 0.333_251_95, -2f32.powi(-14), 1023.0 * smallest];
        assert_eq!(unpacked(&held).unwrap(), held);
        for other in [0.1, 65504.0, 2f32.powi(-31), f32::NAN, f32::INFINITY] {
            assert!(unpacked(&[other, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).is_none(), "{other}");
        }
        assert!(pack(&[0.0; WIDE]).is_none() && pack(&[]).is_none());
    }
}
