//! The decoder: an LSTM that reads the picture first and then its own words (paper, eq. 7: x_{−1} = CNN(I), x_t = W_e T_t,
//! p_{t+1} = RNN(x_t)).

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, activation};

use super::StreamConfig;
use crate::nn::{BatchNorm, BatchNormConfig, Lstm, LstmConfig, LstmState};
use crate::readback;
use crate::text::END;
use crate::{Error, Result};

/// STREAM's decoder.
#[derive(Module, Debug)]
pub struct StreamDecoder {
    pub(super) image: Linear,
    pub(super) norm: BatchNorm,
    pub(super) embedding: Embedding,
    pub(super) lstm: Lstm,
    pub(super) words: Linear,
}

/// Greedy words on the device; the end mark stops nothing there.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// Word numbers, (batch, steps).
    pub ids: Tensor<2, Int>,
    /// log p of each word, given the picture and the words before it, (batch, steps).
    pub log_probability: Tensor<2>,
}

/// A description as word numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptionIds {
    /// The words, without the end mark.
    pub ids: Vec<usize>,
    /// log p of the words and the end mark, summed.
    pub log_probability: f32,
}

impl StreamDecoder {
    /// The decoder with fresh weights.
    pub fn new(config: &StreamConfig, device: &Device) -> Self {
        Self {
            image: LinearConfig::new(config.image_features, config.embedding).init(device),
            // As in the public code: the batches of a long training all count.
            norm: BatchNormConfig::new(config.embedding).with_momentum(0.01).init(device),
            embedding: EmbeddingConfig::new(config.vocabulary, config.embedding).init(device),
            lstm: LstmConfig::new(config.embedding, config.hidden).init(device),
            words: LinearConfig::new(config.hidden, config.vocabulary).init(device),
        }
    }

    /// A picture as the LSTM's first input.
    ///
    /// # Shapes
    /// - features: (batch, image_features)
    /// - output: (batch, embedding)
    pub fn embed_image(&self, features: Tensor<2>) -> Tensor<2> {
        self.norm.forward(self.image.forward(features))
    }

    /// What the decoder expects at each word when it is told the words before it ("teacher forcing").
    ///
    /// Output t expects word t. Captions are padded with the end mark; for a target after the last word, pad by one more.
    ///
    /// # Shapes
    /// - features: (batch, image_features); captions: (batch, words)
    /// - output: logits, (batch, words, vocabulary)
    pub fn logits(&self, features: Tensor<2>, captions: Tensor<2, Int>) -> Tensor<3> {
        self.decode(self.embed_image(features), captions)
    }

    /// [`StreamDecoder::logits`] after [`StreamDecoder::embed_image`].
    pub fn decode(&self, image: Tensor<2>, captions: Tensor<2, Int>) -> Tensor<3> {
        let [batch, steps] = captions.dims();
        let device = image.device();
        let mut inputs = vec![image.unsqueeze_dim::<3>(1)];
        if steps > 1 {
            inputs.push(self.embedding.forward(captions.narrow(1, 0, steps - 1)));
        }
        // One direction: padding comes after the words and cannot reach them.
        let mask = Tensor::ones([batch, steps], &device);
        let (hidden, _) = self.lstm.forward(Tensor::cat(inputs, 1), mask, false);
        self.words.forward(hidden)
    }

    /// What is remembered before the picture is seen.
    pub(super) fn start(&self, batch: usize, device: &Device) -> LstmState {
        LstmState::zeros(batch, self.lstm.hidden_size(), device)
    }

    /// log p of each word as the next one, and what is remembered then.
    ///
    /// # Shapes
    /// - input: (batch, embedding), a picture or a word
    /// - output: (batch, vocabulary)
    pub(super) fn step(&self, input: Tensor<2>, state: LstmState) -> (Tensor<2>, LstmState) {
        let state = self.lstm.step(input, state);
        (activation::log_softmax(self.words.forward(state.hidden.clone()), 1), state)
    }

    /// Words as the LSTM's next input.
    ///
    /// # Shapes
    /// - ids: (batch, 1); output: (batch, embedding)
    pub(super) fn embed_words(&self, ids: Tensor<2, Int>) -> Tensor<2> {
        self.embedding.forward(ids).squeeze_dim::<2>(1)
    }

    /// The most probable word at each of `steps` steps, each the next one's input; nothing is read from the device.
    ///
    /// # Shapes
    /// - image: (batch, embedding), from [`StreamDecoder::embed_image`]
    pub fn greedy(&self, image: Tensor<2>, steps: usize) -> Decoded {
        let batch = image.dims()[0];
        let mut state = self.start(batch, &image.device());
        let mut input = image;
        let (mut ids, mut scores) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
        for _ in 0..steps {
            let log_probability;
            (log_probability, state) = self.step(input, state);
            let id = log_probability.clone().argmax(1);
            input = self.embed_words(id.clone());
            scores.push(log_probability.gather(1, id.clone()));
            ids.push(id);
        }
        Decoded { ids: Tensor::cat(ids, 1), log_probability: Tensor::cat(scores, 1) }
    }

    /// Describes pictures in at most `max_words` words, greedily, up to the end mark.
    ///
    /// # Errors
    /// [`Error::Device`] when the one read from the device fails.
    ///
    /// # Shapes
    /// - features: (batch, image_features)
    pub async fn caption(&self, features: Tensor<2>, max_words: usize) -> Result<Vec<CaptionIds>> {
        let batch = features.dims()[0];
        let decoded = self.greedy(self.embed_image(features), max_words);
        // Numbers of words are exact as floats, and one tensor is one read.
        let both = Tensor::cat(vec![decoded.ids.float(), decoded.log_probability], 1);
        let values = readback::read(both).await?;
        if values.len() != batch * 2 * max_words {
            return Err(Error::Device(format!("{} values were read; expected {}", values.len(), batch * 2 * max_words)));
        }
        Ok(values.chunks(2 * max_words).map(|row| caption_of(&row[..max_words], &row[max_words..])).collect())
    }
}

/// Cuts a row of greedy words at the end mark.
fn caption_of(ids: &[f32], log_probability: &[f32]) -> CaptionIds {
    let words = ids.iter().position(|id| *id as usize == END).unwrap_or(ids.len());
    let counted = (words + 1).min(ids.len());
    CaptionIds { ids: ids[..words].iter().map(|id| *id as usize).collect(), log_probability: log_probability[..counted].iter().sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption_ends_at_its_end_mark() {
        let caption = caption_of(&[3.0, 1.0, 0.0, 2.0], &[-1.0, -2.0, -4.0, -8.0]);
        assert_eq!(caption, CaptionIds { ids: vec![3, 1], log_probability: -7.0 });
        let endless = caption_of(&[3.0, 1.0], &[-1.0, -2.0]);
        assert_eq!(endless, CaptionIds { ids: vec![3, 1], log_probability: -3.0 });
    }

    #[test]
    fn greedy_words_are_the_likeliest_of_the_logits() {
        let device = Device::flex();
        let config = StreamConfig { vocabulary: 11, embedding: 8, hidden: 12, image_features: 6, ..StreamConfig::default() };
        let decoder = StreamDecoder::new(&config, &device);
        let features = Tensor::<2>::from_floats([[1.0, -1.0, 0.5, 0.0, 2.0, -0.5], [0.0, 1.0, -2.0, 1.0, 0.3, 0.7]], &device);
        let decoded = decoder.greedy(decoder.embed_image(features.clone()), 5);
        let expected = activation::log_softmax(decoder.logits(features, decoded.ids.clone()), 2);
        let likeliest = expected.clone().argmax(2).squeeze_dim::<2>(2);
        assert_eq!(decoded.ids.into_data(), likeliest.into_data());
        let found: Vec<f32> = decoded.log_probability.into_data().try_to_vec().unwrap();
        let expected: Vec<f32> = expected.max_dim(2).into_data().try_to_vec().unwrap();
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
        }
    }
}
