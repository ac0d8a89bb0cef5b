//! The text encoder: embedding and one bidirectional LSTM layer (paper, eq. 1: w, s = RNN(T)).

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::nn::{Lstm, LstmConfig, dropout};
use crate::text::END;

/// The sizes of a [`TextEncoder`]; the defaults are the published ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextEncoderConfig {
    /// Number of words, the end mark included.
    pub vocabulary: usize,
    /// Values a word is embedded in.
    pub embedding: usize,
    /// D, the values of a word's or a sentence's features; half of them from each direction.
    pub features: usize,
    /// Longest caption in words.
    pub max_words: usize,
}

impl Default for TextEncoderConfig {
    fn default() -> Self {
        Self { vocabulary: 5450, embedding: 300, features: 256, max_words: 18 }
    }
}

impl TextEncoderConfig {
    /// The encoder with fresh weights.
    pub fn init(&self, device: &Device) -> TextEncoder {
        let lstm = LstmConfig::new(self.embedding, self.features / 2);
        TextEncoder {
            embedding: EmbeddingConfig::new(self.vocabulary, self.embedding).init(device),
            forward: lstm.init(device),
            backward: lstm.init(device),
        }
    }
}

/// Captions as tensors: padded to the longest one.
#[derive(Debug, Clone)]
pub struct TextBatch {
    /// Word numbers, (batch, words); 0 is padding.
    pub ids: Tensor<2, Int>,
    /// 1 where a caption has a word, 0 on its padding, (batch, words).
    pub mask: Tensor<2>,
    /// Words of each caption.
    pub lengths: Vec<usize>,
}

impl TextBatch {
    /// Captions of any lengths, at least one word each, on `device`.
    ///
    /// # Panics
    /// When there is no caption or one has no word; [`crate::text::Vocabulary::encode`] gives no such caption.
    pub fn new(captions: &[Vec<usize>], device: &Device) -> Self {
        let lengths: Vec<usize> = captions.iter().map(Vec::len).collect();
        assert!(!lengths.is_empty() && lengths.iter().all(|n| *n > 0), "captions of {lengths:?} words");
        let words = lengths.iter().copied().max().unwrap_or(1);
        let padded = |caption: &Vec<usize>| (0..words).map(|i| *caption.get(i).unwrap_or(&END) as i32).collect::<Vec<_>>();
        let ids: Vec<i32> = captions.iter().flat_map(padded).collect();
        let mask: Vec<f32> = lengths.iter().flat_map(|n| (0..words).map(|i| if i < *n { 1.0 } else { 0.0 })).collect();
        let shape = [captions.len(), words];
        Self {
            ids: Tensor::from_data(TensorData::new(ids, shape), device),
            mask: Tensor::from_data(TensorData::new(mask, shape), device),
            lengths,
        }
    }
}

/// What a caption means, to the generator.
#[derive(Debug, Clone)]
pub struct TextFeatures {
    /// w, (batch, D, words); zero past each caption's end.
    pub words: Tensor<3>,
    /// s, (batch, D).
    pub sentence: Tensor<2>,
    /// 1 where there is a word, 0 on padding, (batch, words).
    pub mask: Tensor<2>,
}

impl TextFeatures {
    /// The mean of the words in place of each: who looks at these has looked at all of them alike, for U Σ_l w^l / L = Σ_l (U w^l) / L.
    pub fn evened(self) -> Self {
        let count = self.words.dims()[2];
        let weights = self.mask.clone().unsqueeze_dim::<3>(1);
        let mean = (self.words * weights.clone()).sum_dim(2) / weights.sum_dim(2);
        Self { words: mean.repeat_dim(2, count), ..self }
    }

    /// The same values, out of reach of gradients: STEM is frozen while the generator trains.
    pub fn detach(self) -> Self {
        Self { words: self.words.detach(), sentence: self.sentence.detach(), mask: self.mask }
    }

    /// Those of one caption.
    pub fn row(&self, index: usize) -> Self {
        Self {
            words: self.words.clone().narrow(0, index, 1),
            sentence: self.sentence.clone().narrow(0, index, 1),
            mask: self.mask.clone().narrow(0, index, 1),
        }
    }

    /// The same features `times` times in a row for each caption: (batch · times, …), caption after caption.
    pub fn repeat(self, times: usize) -> Self {
        let [batch, features, words] = self.words.dims();
        let rows = batch * times;
        Self {
            words: self.words.unsqueeze_dim::<4>(1).repeat_dim(1, times).reshape([rows, features, words]),
            sentence: self.sentence.unsqueeze_dim::<3>(1).repeat_dim(1, times).reshape([rows, features]),
            mask: self.mask.unsqueeze_dim::<3>(1).repeat_dim(1, times).reshape([rows, words]),
        }
    }
}

/// STEM's text encoder.
#[derive(Module, Debug)]
pub struct TextEncoder {
    embedding: Embedding,
    forward: Lstm,
    backward: Lstm,
}

impl TextEncoder {
    /// Encodes captions.
    pub fn forward(&self, text: &TextBatch) -> TextFeatures {
        self.encode(self.embedding.forward(text.ids.clone()), text)
    }

    /// Encodes captions with half of the embedded values dropped, as in training (public code).
    pub fn forward_train(&self, text: &TextBatch, rng: &mut impl rand::Rng) -> TextFeatures {
        self.encode(dropout::dropout(self.embedding.forward(text.ids.clone()), 0.5, rng), text)
    }

    /// Values of a word's or a sentence's features.
    pub fn features(&self) -> usize {
        2 * self.forward.hidden_size()
    }

    fn encode(&self, embedded: Tensor<3>, text: &TextBatch) -> TextFeatures {
        let (ahead, last) = self.forward.forward(embedded.clone(), text.mask.clone(), false);
        let (back, first) = self.backward.forward(embedded, text.mask.clone(), true);
        TextFeatures {
            words: Tensor::cat(vec![ahead, back], 2).swap_dims(1, 2),
            sentence: Tensor::cat(vec![last.hidden, first.hidden], 1),
            mask: text.mask.clone(),
        }
    }
}
