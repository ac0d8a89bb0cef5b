//! A step of an LSTM for a few sentences, and the logarithms of a softmax over words behind it.

use super::dense::{Dense, place, units};
use super::lanes::{Lanes, Simd};
use super::map::pad;
use super::set::{Job, Set};
use crate::Result;
use crate::nn::Lstm;
use crate::readback::read_now;

/// A score that no word has: what padding is kept out of a softmax with.
const NEVER: f32 = -1e30;

/// An [`Lstm`] whose weights are one matrix for input and state, each gate padded for itself.
#[derive(Debug)]
pub struct CpuLstm {
    gates: Dense,
    input: usize,
    hidden: usize,
}

/// What is remembered of each sentence, row after row with their padding.
#[derive(Debug, Clone)]
pub struct CpuLstmState {
    /// The output h.
    hidden: Vec<f32>,
    /// The cell c.
    cell: Vec<f32>,
}

impl CpuLstm {
    /// Lays out `lstm`.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the weights cannot be read.
    pub fn new(set: Set, lstm: &Lstm) -> Result<Self> {
        let ([_, input], hidden) = (lstm.weight_ih.dims(), lstm.hidden_size());
        let (weight_ih, weight_hh) = (read_now(lstm.weight_ih.val())?, read_now(lstm.weight_hh.val())?);
        let bias = read_now(lstm.bias_ih.val() + lstm.bias_hh.val())?;
        let width = pad(hidden);
        let output = |column: usize| (column < 4 * width && column % width < hidden).then_some(column / width * hidden + column % width);
        let weight = |i: usize, o: usize| if i < input { weight_ih[o * input + i] } else { weight_hh[o * hidden + i - input] };
        Ok(Self { gates: Dense::new(set, [input + hidden, 4 * width], 0.0, output, &bias, weight), input, hidden })
    }

    /// Values that a row of the state has with its padding.
    pub fn width(&self) -> usize {
        pad(self.hidden)
    }

    /// The state of `rows` sentences before the first step: zeros.
    pub fn start(&self, rows: usize) -> CpuLstmState {
        let zeros = vec![0.0; rows * self.width()];
        CpuLstmState { hidden: zeros.clone(), cell: zeros }
    }

    /// One step, as [`Lstm::step`]; `inputs` holds as many rows as the state has.
    pub fn step(&self, inputs: &[f32], state: &CpuLstmState) -> CpuLstmState {
        let width = self.width();
        let rows = state.hidden.len() / width;
        let mut joined = Vec::with_capacity(rows * (self.input + self.hidden));
        for (input, hidden) in inputs.chunks_exact(self.input.max(1)).zip(state.hidden.chunks_exact(width)) {
            joined.extend_from_slice(input);
            joined.extend_from_slice(&hidden[..self.hidden]);
        }
        let gates = self.gates.forward(&joined, self.input + self.hidden);
        let mut next = self.start(rows);
        self.gates.set().run(Cells { gates: &gates, rows, width, cell: &state.cell, next: &mut next });
        next
    }
}

/// What gates make of the cells of all rows.
struct Cells<'a> {
    gates: &'a [f32],
    rows: usize,
    width: usize,
    cell: &'a [f32],
    next: &'a mut CpuLstmState,
}

impl Job for Cells<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { gates, rows, width, cell, next } = self;
        for row in 0..rows {
            for c in (0..width).step_by(S::LANES) {
                let mut gate = [simd.splat(0.0); 4];
                for (k, gate) in gate.iter_mut().enumerate() {
                    *gate = simd.at(gates, place(row, k * width + c, rows));
                }
                let at = row * width + c;
                let kept = gate[1].sigmoid().mul(simd.at(cell, at));
                let cell = gate[0].sigmoid().mul_add(gate[2].tanh(), kept);
                cell.put(&mut next.cell, at);
                gate[3].sigmoid().mul(cell.tanh()).put(&mut next.hidden, at);
            }
        }
    }
}

impl CpuLstmState {
    /// The outputs h, row after row with their padding.
    pub fn hidden(&self) -> &[f32] {
        &self.hidden
    }

    /// The state whose row i is row `rows[i]` of this one, `width` values each.
    pub fn select(&self, rows: &[usize], width: usize) -> Self {
        let pick = |of: &[f32]| rows.iter().flat_map(|row| of[row * width..][..width].iter().copied()).collect();
        Self { hidden: pick(&self.hidden), cell: pick(&self.cell) }
    }
}

/// Scores of words whose softmax is asked for, of several sentences.
#[derive(Debug)]
pub struct WordScores {
    set: Set,
    values: Vec<f32>,
    rows: usize,
    words: usize,
}

impl WordScores {
    /// A layer that scores `shift.len()` words; see [`Dense::new`].
    pub fn layer(set: Set, inputs: usize, shift: &[f32], weight: impl Fn(usize, usize) -> f32) -> Dense {
        Dense::new(set, [inputs, shift.len()], NEVER, |column| (column < shift.len()).then_some(column), shift, weight)
    }

    /// The scores that `layer` gives `words` words after the states `hidden`, of `width` values each.
    pub fn new(layer: &Dense, hidden: &[f32], width: usize, words: usize) -> Self {
        Self { set: layer.set(), values: layer.forward(hidden, width), rows: hidden.len() / width.max(1), words }
    }

    /// The largest score of a row, and ln Σ exp(score − largest).
    fn normal(&self, row: usize) -> (f32, f32) {
        self.set.run(Normal { scores: self, row })
    }

    /// The likeliest word of a row, the first of those that tie, and its log p.
    pub fn likeliest(&self, row: usize) -> (usize, f32) {
        let (largest, normal) = self.normal(row);
        let word = (0..self.words).find(|word| self.values[place(row, *word, self.rows)] == largest);
        (word.unwrap_or_default(), -normal)
    }

    /// log p of every word, row after row.
    pub fn log_softmax(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.rows * self.words);
        for row in 0..self.rows {
            let (largest, normal) = self.normal(row);
            values.extend((0..self.words).map(|word| self.values[place(row, word, self.rows)] - largest - normal));
        }
        values
    }
}

struct Normal<'a> {
    scores: &'a WordScores,
    row: usize,
}

impl Job for Normal<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f32, f32) {
        let Self { scores, row } = self;
        let mut largest = simd.splat(f32::NEG_INFINITY);
        for unit in units(&scores.values, row, scores.rows) {
            for at in (0..unit.len()).step_by(S::LANES) {
                largest = largest.max(simd.at(unit, at));
            }
        }
        let largest = largest.largest();
        let (shift, mut sum) = (simd.splat(largest), simd.splat(0.0));
        for unit in units(&scores.values, row, scores.rows) {
            for at in (0..unit.len()).step_by(S::LANES) {
                sum = sum.add(simd.at(unit, at).sub(shift).exp());
            }
        }
        (largest, sum.sum().ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::init::initialize;
    use crate::nn::{LstmConfig, LstmState};
    use burn::tensor::{Device, Tensor, TensorData, activation};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn wave(count: usize, step: usize) -> Vec<f32> {
        (0..count).map(|i| (i * step % 101) as f32 / 25.0 - 2.0).collect()
    }

    fn same(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 2e-6, "{worst}");
    }

    #[test]
    fn steps_are_burns_steps_and_no_row_depends_on_another() {
        let device = Device::flex();
        let sizes = [(3, 5, 1), (8, 16, 6), (4, 9, 3)];
        for (set, (input, hidden, rows)) in Set::all().into_iter().flat_map(|set| sizes.map(|sizes| (set, sizes))) {
            let lstm = initialize(LstmConfig::new(input, hidden).init(&device), &mut ChaCha8Rng::seed_from_u64(2)).unwrap();
            let cpu = CpuLstm::new(set, &lstm).unwrap();
            let (mut found, mut expected) = (cpu.start(rows), LstmState::zeros(rows, hidden, &device));
            let mut alone = cpu.start(1);
            for step in 0..3 {
                let inputs = wave(rows * input, 17 + step);
                found = cpu.step(&inputs, &found);
                expected = lstm.step(Tensor::from_data(TensorData::new(inputs.clone(), [rows, input]), &device), expected);
                alone = cpu.step(&inputs[(rows - 1) * input..], &alone);
            }
            let rows_of = |values: &[f32]| values.chunks_exact(cpu.width()).flat_map(|row| row[..hidden].to_vec()).collect::<Vec<f32>>();
            same(&rows_of(found.hidden()), &read_now(expected.hidden).unwrap());
            same(&rows_of(&found.cell), &read_now(expected.cell).unwrap());
            assert_eq!(found.select(&[rows - 1], cpu.width()).hidden, alone.hidden);
        }
    }

    #[test]
    fn scores_become_log_probabilities() {
        let (inputs, words, rows) = (4, 13, 3);
        let (weights, shift, hidden) = (wave(inputs * words, 37), wave(words, 29), wave(rows * inputs, 53));
        for set in Set::all() {
            let layer = WordScores::layer(set, inputs, &shift, |i, o| weights[i * words + o]);
            let scores = WordScores::new(&layer, &hidden, inputs, words);
            let tensor =
                |values: &[f32], shape: [usize; 2]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &Device::flex());
            let logits = tensor(&hidden, [rows, inputs]).matmul(tensor(&weights, [inputs, words])) + tensor(&shift, [1, words]);
            let expected = read_now(activation::log_softmax(logits, 1)).unwrap();
            let found = scores.log_softmax();
            same(&found, &expected);
            for row in 0..rows {
                let (word, log_probability) = scores.likeliest(row);
                let of_row = &found[row * words..][..words];
                assert_eq!(of_row.iter().position(|value| *value == of_row.iter().copied().fold(f32::MIN, f32::max)), Some(word));
                assert!((log_probability - of_row[word]).abs() < 1e-6);
            }
        }
    }
}
