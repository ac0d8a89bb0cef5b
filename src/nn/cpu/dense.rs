//! The layers of a decoder, over the few sentences that it is at: what they wait for is their weights, which are read once a step.

use super::lanes::{Lanes, Simd};
use super::map::{WIDE, Work, for_chunks};
use super::pointwise::panels;
use super::set::Set;

/// Columns that lie side by side whatever the set: two vectors of the widest.
const UNIT: usize = if cfg!(target_arch = "wasm32") { WIDE } else { 2 * WIDE };
/// Units of a panel.
const UNITS: usize = 4;
/// Columns of a panel.
const PANEL: usize = UNITS * UNIT;
/// Panels that a thread multiplies at once.
const THREAD: usize = if cfg!(target_arch = "wasm32") { 4 } else { 1 };
/// Bits of a weight's exponent, of 16.
const EXPONENTS: i32 = 1 << 5;

/// y = x W + b for few rows x of `inputs` values.
#[derive(Debug, Clone)]
pub struct Dense {
    set: Set,
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
        set: Set,
        [inputs, columns]: [usize; 2],
        nothing: f32,
        output: impl Fn(usize) -> Option<usize>,
        shift: &[f32],
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let columns = columns.next_multiple_of(PANEL);
        let shift = (0..columns).map(|column| output(column).and_then(|output| shift.get(output)).copied().unwrap_or(nothing)).collect();
        let panels = panels(PANEL, inputs, columns, output, weight);
        let weights = match pack(&panels) {
            Some((words, scale)) => Weights::Half { words, scale },
            None => Weights::Single(panels),
        };
        Self { set, inputs, weights, shift }
    }

    /// What computes on vectors.
    pub fn set(&self) -> Set {
        self.set
    }

    /// The layer for rows of `stride` values, on all threads: unit after unit of columns, each row after row. See [`place`].
    pub fn forward(&self, rows: &[f32], stride: usize) -> Vec<f32> {
        match &self.weights {
            Weights::Single(panels) => self.multiply(rows, stride, panels),
            Weights::Half { words, scale } => {
                let rows: Vec<f32> = rows.iter().map(|value| value * scale).collect();
                self.multiply(&rows, stride, words)
            }
        }
    }

    fn multiply<T: Weight>(&self, rows: &[f32], stride: usize, weights: &[T]) -> Vec<f32> {
        let count = rows.len() / stride.max(1);
        let mut values = vec![0.0; count * self.shift.len()];
        let work = Panels { layer: self, rows, stride, count, weights };
        for_chunks(self.set, &mut values, (THREAD * count * PANEL).max(1), &work);
        values
    }
}

/// How weights are kept.
trait Weight: Copy + Sync {
    /// What a unit of columns is kept in.
    const KEPT: usize;

    /// The V vectors of a unit.
    fn vectors<S: Simd, const V: usize>(simd: S, unit: &[Self]) -> [S::Lanes; V];
}

impl Weight for f32 {
    const KEPT: usize = UNIT;

    #[inline(always)]
    fn vectors<S: Simd, const V: usize>(simd: S, unit: &[f32]) -> [S::Lanes; V] {
        let mut vectors = [simd.splat(0.0); V];
        for (v, vector) in vectors.iter_mut().enumerate() {
            *vector = simd.at(unit, v * S::LANES);
        }
        vectors
    }
}

/// Of [`pack`].
impl Weight for u32 {
    const KEPT: usize = UNIT / 2;

    #[inline(always)]
    fn vectors<S: Simd, const V: usize>(simd: S, unit: &[u32]) -> [S::Lanes; V] {
        let mut vectors = [simd.splat(0.0); V];
        for v in 0..V / 2 {
            [vectors[v], vectors[V / 2 + v]] = simd.halves(&unit[v * S::LANES..]);
        }
        vectors
    }
}

/// Some panels times all rows.
struct Panels<'a, T> {
    layer: &'a Dense,
    rows: &'a [f32],
    stride: usize,
    count: usize,
    weights: &'a [T],
}

impl<T: Weight> Work for Panels<'_, T> {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline(always)]
    fn chunk<S: Simd>(&self, simd: S, index: usize, to: &mut [f32], (): &mut ()) {
        for (place, to) in to.chunks_exact_mut(self.count * PANEL).enumerate() {
            // Rows and, for a single one, units at once: with their columns, what the registers hold.
            match UNIT / S::LANES {
                2 => self.panel::<S, 2, 4, 4>(simd, index * THREAD + place, to),
                4 => self.panel::<S, 4, 2, 2>(simd, index * THREAD + place, to),
                _ => self.panel::<S, 8, 1, 1>(simd, index * THREAD + place, to),
            }
        }
    }
}

impl<T: Weight> Panels<'_, T> {
    /// A panel whose units are V vectors each: R rows and one unit at once, then P units of the rows that are left.
    #[inline(always)]
    fn panel<S: Simd, const V: usize, const R: usize, const P: usize>(&self, simd: S, place: usize, to: &mut [f32]) {
        let kept = self.layer.inputs * UNITS * T::KEPT;
        let (weights, shift) = (&self.weights[place * kept..][..kept], &self.layer.shift[place * PANEL..][..PANEL]);
        let mut row = 0;
        while row + R <= self.count {
            for unit in 0..UNITS {
                self.sums::<S, V, R, 1>(simd, [row, unit], weights, shift, to);
            }
            row += R;
        }
        while row < self.count {
            // Several units: the sums of one would wait for one another.
            for unit in (0..UNITS).step_by(P) {
                self.sums::<S, V, 1, P>(simd, [row, unit], weights, shift, to);
            }
            row += 1;
        }
    }

    /// R rows from `row` on times P units from `unit` on.
    #[inline(always)]
    fn sums<S: Simd, const V: usize, const R: usize, const P: usize>(
        &self,
        simd: S,
        [row, unit]: [usize; 2],
        weights: &[T],
        shift: &[f32],
        to: &mut [f32],
    ) {
        let inputs = self.layer.inputs;
        let rows: [&[f32]; R] = std::array::from_fn(|r| &self.rows[(row + r) * self.stride..][..inputs]);
        let mut sums = [[[simd.splat(0.0); V]; P]; R];
        for sums in &mut sums {
            for (p, sums) in sums.iter_mut().enumerate() {
                *sums = f32::vectors(simd, &shift[(unit + p) * UNIT..]);
            }
        }
        for k in 0..inputs {
            let weights = &weights[(k * UNITS + unit) * T::KEPT..][..P * T::KEPT];
            for p in 0..P {
                let columns: [S::Lanes; V] = T::vectors(simd, &weights[p * T::KEPT..][..T::KEPT]);
                for (row, sums) in rows.iter().zip(sums.iter_mut()) {
                    let value = simd.splat(row[k]);
                    for (sum, column) in sums[p].iter_mut().zip(columns) {
                        *sum = value.mul_add(column, *sum);
                    }
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (p, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    sum.put(to, ((unit + p) * self.count + row + r) * UNIT + v * S::LANES);
                }
            }
        }
    }
}

/// Where [`Dense::forward`] puts a column of a row, of `count` rows; those of a vector lie side by side.
pub fn place(row: usize, column: usize, count: usize) -> usize {
    (column / UNIT * count + row) * UNIT + column % UNIT
}

/// The values of a row, of `count` rows that [`Dense::forward`] gave, unit after unit.
pub fn units(values: &[f32], row: usize, count: usize) -> impl Iterator<Item = &[f32]> {
    values.chunks_exact((count * UNIT).max(1)).map(move |unit| &unit[row * UNIT..][..UNIT])
}

/// Panels as 16 bits a weight, and the power of two that each is to be multiplied by: sign, five bits of exponent, ten of what is behind
/// the point. An exponent is counted from that of the largest weight down, so that there is no subnormal one, which some processors take a
/// hundred times as long for. The first half of a unit's columns are the upper halves of its words. None where a weight does
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
    for unit in panels.chunks_exact(UNIT) {
        let (upper, lower) = unit.split_at(UNIT / 2);
        for (upper, lower) in upper.iter().zip(lower) {
            words.push(half(*upper)? << 16 | half(*lower)?);
        }
    }
    Some((words, f32::from_bits(((largest - EXPONENTS + 1 + 127) as u32) << 23)))
}

#[cfg(test)]
mod tests {
    use super::super::set::Job;
    use super::*;

    fn check(set: Set, [inputs, outputs, count]: [usize; 3], weight: impl Fn(usize, usize) -> f32 + Copy, packed: bool) {
        let shift: Vec<f32> = (0..outputs).map(|o| o as f32 - 2.0).collect();
        let layer = Dense::new(set, [inputs, outputs], -1e30, |column| (column < outputs).then_some(column), &shift, weight);
        assert_eq!(matches!(layer.weights, Weights::Half { .. }), packed);
        let rows: Vec<f32> = (0..count * (inputs + 1)).map(|i| (i % 13) as f32 - 4.0).collect();
        let found = layer.forward(&rows, inputs + 1);
        for row in 0..count {
            let units: Vec<f32> = units(&found, row, count).flatten().copied().collect();
            for column in 0..outputs.next_multiple_of(PANEL) {
                let sum = |o: usize| (0..inputs).fold(shift[o], |sum, i| rows[row * (inputs + 1) + i] * weight(i, o) + sum);
                let expected = if column < outputs { sum(column) } else { -1e30 };
                assert_eq!(found[place(row, column, count)], expected, "{set:?} {inputs} {outputs} {row} {column}");
                assert_eq!(units[column], expected);
            }
        }
    }

    #[test]
    fn rows_are_multiplied_with_weights_of_either_size() {
        for set in Set::all() {
            for sizes in [[3, 5, 1], [5, 29, 4], [8, 40, 7], [1, 300, 2], [4, 130, 1]] {
                // Few bits, so that every sum is exact in any order.
                let half = |i: usize, o: usize| ((i * 7 + o * 3) % 11) as f32 / 8.0 - 0.625;
                check(set, sizes, half, true);
                check(set, sizes, |i, o| half(i, o) * (1.0 + 1.0 / 4096.0), false);
            }
        }
    }

    /// What [`pack`] has made of units.
    struct Unpack<'a>(&'a [u32]);

    impl Unpack<'_> {
        fn unit<S: Simd, const V: usize>(simd: S, words: &[u32], to: &mut [f32]) {
            for (v, lanes) in u32::vectors::<S, V>(simd, words).into_iter().enumerate() {
                lanes.put(to, v * S::LANES);
            }
        }
    }

    impl Job for Unpack<'_> {
        type Output = Vec<f32>;

        fn run<S: Simd>(self, simd: S) -> Vec<f32> {
            let mut values = vec![0.0; 2 * self.0.len()];
            for (words, to) in self.0.chunks_exact(UNIT / 2).zip(values.chunks_exact_mut(UNIT)) {
                match UNIT / S::LANES {
                    2 => Self::unit::<S, 2>(simd, words, to),
                    4 => Self::unit::<S, 4>(simd, words, to),
                    _ => Self::unit::<S, 8>(simd, words, to),
                }
            }
            values
        }
    }

    #[test]
    fn what_f16_holds_is_packed_and_nothing_else() {
        let unit = |some: &[f32]| (0..UNIT).map(|i| some.get(i % 11).copied().unwrap_or_default()).collect::<Vec<f32>>();
        // The largest of f16 that a network has, and the smallest that there is.
        let smallest = 2f32.powi(-24);
        let held = unit(&[0.0, -1.0, 63.9375, smallest, -3.0 * smallest, 0.333_251_95, -2f32.powi(-14), 1023.0 * smallest]);
        let (words, scale) = pack(&held).unwrap();
        for set in Set::all() {
            let unpacked: Vec<f32> = set.run(Unpack(&words)).into_iter().map(|value| value * scale).collect();
            assert_eq!(unpacked, held, "{set:?}");
        }
        for other in [0.1, 65504.0, 2f32.powi(-31), f32::NAN, f32::INFINITY] {
            assert!(pack(&unit(&[other, 1.0])).is_none(), "{other}");
        }
        assert!(pack(&[0.0; UNIT]).is_none() && pack(&[]).is_none());
    }
}
