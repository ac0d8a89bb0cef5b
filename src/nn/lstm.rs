//! An LSTM layer with PyTorch's weights and awareness of lengths.
//!
//! burn's `BiLstm` knows no lengths, so padding would poison its reverse direction, and it multiplies eight small matrices a step.
//! Here the four gates are one matrix, in PyTorch's row order i, f, g, o, and the input half is multiplied for all steps at once.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, activation};

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
