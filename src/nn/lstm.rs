//! An LSTM layer with PyTorch's weights and awareness of lengths.
//!
//! burn's `BiLstm` knows no lengths, so padding would poison its reverse direction, and it multiplies eight small matrices a step.
//! Here the four gates are one matrix, in PyTorch's row order i, f, g, o, and the input half is multiplied for all steps at once.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, activation};

use super::layer::{Initial, Layer, Role};

/// What an [`Lstm`] is made from.
#[derive(Debug, Clone)]
pub struct LstmConfig {
    input: usize,
    hidden: usize,
}

impl LstmConfig {
    /// A layer from `input` to `hidden` values.
    pub fn new(input: usize, hidden: usize) -> Self {
        Self { input, hidden }
    }

    /// The layer, its weights uniform in ±1/√hidden as PyTorch's.
    pub fn init(&self, device: &Device) -> Lstm {
        let bound = 1.0 / (self.hidden as f64).sqrt();
        // Lazily: what is loaded is never drawn.
        let uniform = Initializer::Uniform { min: -bound, max: bound };
        let rows = 4 * self.hidden;
        Lstm {
            weight_ih: uniform.init([rows, self.input], device),
            weight_hh: uniform.init([rows, self.hidden], device),
            bias_ih: uniform.init([rows], device),
            bias_hh: uniform.init([rows], device),
        }
    }
}

/// One direction of one LSTM layer (Hochreiter and Schmidhuber 1997).
#[derive(Module, Debug)]
pub struct Lstm {
    /// (4 · hidden, input), rows i, f, g, o.
    pub weight_ih: Param<Tensor<2>>,
    /// (4 · hidden, hidden), rows i, f, g, o.
    pub weight_hh: Param<Tensor<2>>,
    /// (4 · hidden).
    pub bias_ih: Param<Tensor<1>>,
    /// (4 · hidden), added to `bias_ih`.
    pub bias_hh: Param<Tensor<1>>,
}

impl Layer for Lstm {
    fn role(field: &str) -> Option<Role> {
        matches!(field, "weight_ih" | "weight_hh" | "bias_ih" | "bias_hh").then_some(Role::Weight(Initial::Gates))
    }
}

/// What an LSTM remembers between steps, each (batch, hidden).
#[derive(Debug, Clone)]
pub struct LstmState {
    /// The output h.
    pub hidden: Tensor<2>,
    /// The cell c.
    pub cell: Tensor<2>,
}

impl LstmState {
    /// The state before the first step: zeros.
    pub fn zeros(batch: usize, hidden: usize, device: &Device) -> Self {
        Self { hidden: Tensor::zeros([batch, hidden], device), cell: Tensor::zeros([batch, hidden], device) }
    }
}

impl Lstm {
    /// Number of values that the layer gives out.
    pub fn hidden_size(&self) -> usize {
        self.weight_hh.dims()[1]
    }

    /// One step.
    ///
    /// # Shapes
    /// - input: (batch, input)
    pub fn step(&self, input: Tensor<2>, state: LstmState) -> LstmState {
        let gates = input.matmul(self.weight_ih.val().transpose()) + self.bias();
        self.advance(gates, state)
    }

    /// All steps of a padded batch; the reverse direction starts at each sequence's own last step.
    ///
    /// `mask` is 1 where a sequence has a step and 0 on its padding. Padded steps leave the state as it was, so that the returned
    /// state is each sequence's own last one, and give out zeros.
    ///
    /// # Shapes
    /// - input: (batch, steps, input); mask: (batch, steps)
    /// - output: (batch, steps, hidden)
    pub fn forward(&self, input: Tensor<3>, mask: Tensor<2>, reverse: bool) -> (Tensor<3>, LstmState) {
        let [batch, steps, _] = input.dims();
        let device = input.device();
        let hidden = self.hidden_size();
        let gates = input.matmul(self.weight_ih.val().transpose().unsqueeze_dim::<3>(0)) + self.bias().unsqueeze_dim::<3>(0);
        let mut state = LstmState::zeros(batch, hidden, &device);
        let mut outputs = Vec::with_capacity(steps);
        for i in 0..steps {
            let t = if reverse { steps - 1 - i } else { i };
            let valid = mask.clone().narrow(1, t, 1);
            let next = self.advance(gates.clone().narrow(1, t, 1).squeeze_dim::<2>(1), state.clone());
            outputs.push((next.hidden.clone() * valid.clone()).unsqueeze_dim::<3>(1));
            let keep = valid.clone().neg().add_scalar(1.0);
            state = LstmState {
                hidden: next.hidden * valid.clone() + state.hidden * keep.clone(),
                cell: next.cell * valid + state.cell * keep,
            };
        }
        if reverse {
            outputs.reverse();
        }
        (Tensor::cat(outputs, 1), state)
    }

    /// Both biases, (1, 4 · hidden).
    fn bias(&self) -> Tensor<2> {
        (self.bias_ih.val() + self.bias_hh.val()).unsqueeze_dim(0)
    }

    /// `gates` holds the input's half of the four gates, (batch, 4 · hidden).
    fn advance(&self, gates: Tensor<2>, state: LstmState) -> LstmState {
        let hidden = self.hidden_size();
        let gates = gates + state.hidden.matmul(self.weight_hh.val().transpose());
        let gate = |k: usize| gates.clone().narrow(1, k * hidden, hidden);
        let input = activation::sigmoid(gate(0));
        let forget = activation::sigmoid(gate(1));
        let candidate = gate(2).tanh();
        let output = activation::sigmoid(gate(3));
        let cell = forget * state.cell + input * candidate;
        LstmState { hidden: output * cell.clone().tanh(), cell }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    /// Numbers in [−1, 1] that repeat after 101 of them.
    fn wave<const D: usize>(shape: [usize; D], step: usize, device: &Device) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| (i * step % 101) as f32 / 50.0 - 1.0).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// A layer whose weights are not random.
    fn layer(input: usize, hidden: usize, device: &Device) -> Lstm {
        Lstm {
            weight_ih: Param::from_tensor(wave([4 * hidden, input], 37, device)),
            weight_hh: Param::from_tensor(wave([4 * hidden, hidden], 29, device)),
            bias_ih: Param::from_tensor(wave([4 * hidden], 41, device)),
            bias_hh: Param::from_tensor(wave([4 * hidden], 53, device)),
        }
    }

    fn close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    /// As PyTorch's documentation of `nn.LSTM` has it, one value at a time.
    #[test]
    fn a_step_is_the_equations() {
        let device = Device::flex();
        let mut lstm = LstmConfig::new(1, 1).init(&device);
        lstm.weight_ih = Param::from_tensor(Tensor::from_floats([[0.5], [-1.0], [2.0], [0.25]], &device));
        lstm.weight_hh = Param::from_tensor(Tensor::from_floats([[0.1], [0.2], [-0.3], [0.4]], &device));
        lstm.bias_ih = Param::from_tensor(Tensor::from_floats([0.01, 0.02, 0.03, 0.04], &device));
        lstm.bias_hh = Param::from_tensor(Tensor::from_floats([0.1, -0.2, 0.3, -0.4], &device));
        let one = |value: f32| Tensor::<2>::from_floats([[value]], &device);
        let next = lstm.step(one(0.8), LstmState { hidden: one(-0.6), cell: one(0.7) });

        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let input = sigmoid(0.5 * 0.8 + 0.1 * -0.6 + 0.11); // 0.45 → 0.6106
        let forget = sigmoid(-0.8 + 0.2 * -0.6 - 0.18); // −1.1 → 0.2497
        let candidate = (2.0f32 * 0.8 - 0.3 * -0.6 + 0.33).tanh(); // 2.11 → 0.9711
        let output = sigmoid(0.25 * 0.8 + 0.4 * -0.6 - 0.36); // −0.4 → 0.4013
        let cell = forget * 0.7 + input * candidate; // 0.7678
        close(&values(next.cell.clone()), &[cell]);
        close(&values(next.hidden), &[output * cell.tanh()]);
        assert!((cell - 0.7678).abs() < 1e-3, "{cell}");
        assert!((values(next.cell)[0] - 0.7678).abs() < 1e-3);
    }

    #[test]
    fn all_steps_are_step_after_step() {
        let device = Device::flex();
        let lstm = layer(3, 4, &device);
        let input = wave([2, 5, 3], 17, &device);
        for reverse in [false, true] {
            let (outputs, last) = lstm.forward(input.clone(), Tensor::ones([2, 5], &device), reverse);
            let mut state = LstmState::zeros(2, 4, &device);
            for i in 0..5 {
                let t = if reverse { 4 - i } else { i };
                state = lstm.step(input.clone().narrow(1, t, 1).squeeze_dim(1), state);
                close(&values(outputs.clone().narrow(1, t, 1)), &values(state.hidden.clone()));
            }
            close(&values(last.hidden), &values(state.hidden));
            close(&values(last.cell), &values(state.cell));
        }
    }

    #[test]
    fn padding_changes_nothing_in_either_direction() {
        let device = Device::flex();
        let lstm = layer(3, 4, &device);
        let short = wave([1, 3, 3], 17, &device);
        // What stands where a sequence has ended is anything.
        let padded = Tensor::cat(vec![short.clone(), Tensor::full([1, 2, 3], 7.0, &device)], 1);
        let batch = Tensor::cat(vec![padded, wave([1, 5, 3], 23, &device)], 0);
        let mask = Tensor::from_floats([[1.0, 1.0, 1.0, 0.0, 0.0], [1.0; 5]], &device);
        for reverse in [false, true] {
            let (alone, last_alone) = lstm.forward(short.clone(), Tensor::ones([1, 3], &device), reverse);
            let (outputs, last) = lstm.forward(batch.clone(), mask.clone(), reverse);
            let first = outputs.narrow(0, 0, 1);
            close(&values(first.clone().narrow(1, 0, 3)), &values(alone));
            assert!(values(first.narrow(1, 3, 2)).iter().all(|value| *value == 0.0));
            close(&values(last.hidden.narrow(0, 0, 1)), &values(last_alone.hidden));
            close(&values(last.cell.narrow(0, 0, 1)), &values(last_alone.cell));
        }
    }

    #[test]
    fn gradients_reach_every_weight_and_no_padding() {
        let device = Device::flex().autodiff();
        let lstm = layer(3, 4, &device);
        for reverse in [false, true] {
            let input = wave([1, 4, 3], 17, &device).require_grad();
            let mask = Tensor::from_floats([[1.0, 1.0, 1.0, 0.0]], &device);
            let (outputs, last) = lstm.forward(input.clone(), mask, reverse);
            let gradients = (outputs.powi_scalar(2).sum() + last.cell.sum()).backward();
            // No row of a gate is left out.
            let rows = |gradient: Tensor<2>| values(gradient.abs().sum_dim(1));
            let learned = [
                rows(lstm.weight_ih.val().grad(&gradients).unwrap()),
                rows(lstm.weight_hh.val().grad(&gradients).unwrap()),
                values(lstm.bias_ih.val().grad(&gradients).unwrap().abs()),
                values(lstm.bias_hh.val().grad(&gradients).unwrap().abs()),
            ];
            assert!(learned.iter().all(|rows| rows.len() == 16 && rows.iter().all(|sum| *sum > 0.0)), "{learned:?}");
            let steps = values(input.grad(&gradients).unwrap().abs().sum_dim(2));
            assert!(steps[..3].iter().all(|sum| *sum > 0.0) && steps[3] == 0.0, "{steps:?}");
        }
    }
}
