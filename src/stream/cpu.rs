//! The decoder laid out for a few sentences at a time on a CPU; see [`crate::nn::cpu`].

use super::decoder::{CaptionIds, StreamDecoder};
use super::search::NextWord;
use crate::nn::cpu::{CpuLstm, CpuLstmState, Dense, Pointwise, Set, WordScores, pad};
use crate::readback::read_now;
use crate::text::END;
use crate::{Error, Result};

/// A [`StreamDecoder`] for sentences on the CPU, which needs the decoder no more that it was made from; the numbers are the same to some 1e-6.
#[derive(Debug)]
pub struct CpuDecoder {
    /// The picture's linear layer with its batch norm.
    image: Pointwise,
    image_features: usize,
    /// Word after word.
    embedding: Vec<f32>,
    /// Values of a word.
    width: usize,
    lstm: CpuLstm,
    scores: Dense,
    vocabulary: usize,
}

impl CpuDecoder {
    /// Lays out `decoder`, which is on the CPU and does not train.
    ///
    /// # Errors
    /// [`Error::Device`] when the weights cannot be read.
    pub fn new(set: Set, decoder: &StreamDecoder) -> Result<Self> {
        let [image_features, width] = decoder.image.weight.dims();
        let (weight, mut shift) = linear(&decoder.image)?;
        let affine = decoder.norm.affine(&decoder.image.weight.val().device());
        let Some((scale, norm_shift)) = affine else { return Err(Error::Internal("a decoder that trains was laid out".into())) };
        let (scale, norm_shift) = (read_now(scale)?, read_now(norm_shift)?);
        shift.iter_mut().zip(&scale).zip(&norm_shift).for_each(|((shift, scale), norm)| *shift = *shift * scale + norm);
        let image = Pointwise::new(set, image_features, &shift, |i, o| weight[i * width + o] * scale[o]);
        let [hidden, vocabulary] = decoder.words.weight.dims();
        let (weight, shift) = linear(&decoder.words)?;
        Ok(Self {
            image,
            image_features,
            embedding: read_now(decoder.embedding.weight.val())?,
            width,
            lstm: CpuLstm::new(set, &decoder.lstm)?,
            scores: WordScores::layer(set, hidden, &shift, |i, o| weight[i * vocabulary + o]),
            vocabulary,
        })
    }

    /// The decoder that was told a picture's features, to be asked for words.
    pub(super) fn words(&self, features: &[f32]) -> CpuWords<'_> {
        CpuWords { decoder: self, image: self.embed_images(features) }
    }

    /// As [`StreamDecoder::embed_image`], picture after picture.
    fn embed_images(&self, features: &[f32]) -> Vec<f32> {
        let columns = pad(self.width);
        let count = features.len() / self.image_features.max(1);
        let mut images = vec![0.0; count * columns];
        self.image.multiply(features, self.image_features, &mut images);
        images.chunks_exact(columns).flat_map(|image| image[..self.width].iter().copied()).collect()
    }

    /// Words as the LSTM's next inputs.
    fn embed_words(&self, ids: &[usize]) -> Vec<f32> {
        ids.iter().flat_map(|id| self.embedding[id * self.width..][..self.width].iter().copied()).collect()
    }

    fn step(&self, inputs: &[f32], state: &CpuLstmState) -> (WordScores, CpuLstmState) {
        let state = self.lstm.step(inputs, state);
        (WordScores::new(&self.scores, state.hidden(), self.lstm.width(), self.vocabulary), state)
    }

    /// As [`StreamDecoder::caption`], from features picture after picture; a sentence that has ended costs nothing more.
    pub fn caption(&self, features: &[f32], max_words: usize) -> Vec<CaptionIds> {
        let mut input = self.embed_images(features);
        let mut live: Vec<usize> = (0..features.len() / self.image_features.max(1)).collect();
        let mut captions = vec![CaptionIds { ids: Vec::new(), log_probability: 0.0 }; live.len()];
        let mut state = self.lstm.start(live.len());
        for _ in 0..max_words {
            if live.is_empty() {
                break;
            }
            let scores;
            (scores, state) = self.step(&input, &state);
            let (mut rows, mut ids) = (Vec::with_capacity(live.len()), Vec::with_capacity(live.len()));
            for (row, caption) in live.iter().enumerate() {
                let (id, log_probability) = scores.likeliest(row);
                captions[*caption].log_probability += log_probability;
                if id != END {
                    captions[*caption].ids.push(id);
                    rows.push(row);
                    ids.push(id);
                }
            }
            input = self.embed_words(&ids);
            if rows.len() < live.len() {
                state = state.select(&rows, self.lstm.width());
                live = rows.into_iter().map(|row| live[row]).collect();
            }
        }
        captions
    }
}

/// Weight (inputs, outputs) and bias.
fn linear(linear: &burn::nn::Linear) -> Result<(Vec<f32>, Vec<f32>)> {
    let [_, outputs] = linear.weight.dims();
    let bias = match &linear.bias {
        Some(bias) => read_now(bias.val())?,
        None => vec![0.0; outputs],
    };
    Ok((read_now(linear.weight.val())?, bias))
}

/// A [`CpuDecoder`] and the picture that it is told.
#[derive(Debug)]
pub(super) struct CpuWords<'a> {
    decoder: &'a CpuDecoder,
    image: Vec<f32>,
}

impl NextWord for CpuWords<'_> {
    type State = CpuLstmState;

    async fn first(&self) -> Result<(Vec<f32>, CpuLstmState)> {
        let (scores, state) = self.decoder.step(&self.image, &self.decoder.lstm.start(1));
        Ok((scores.log_softmax(), state))
    }

    async fn next(&self, state: CpuLstmState, from: &[usize], ids: &[usize]) -> Result<(Vec<f32>, CpuLstmState)> {
        let state = state.select(from, self.decoder.lstm.width());
        let (scores, state) = self.decoder.step(&self.decoder.embed_words(ids), &state);
        Ok((scores.log_softmax(), state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::init::initialize;
    use crate::pipeline::block_on;
    use crate::stream::StreamConfig;
    use burn::module::Param;
    use burn::tensor::{Device, Tensor, TensorData};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_batch_is_described_as_burn_does_and_each_picture_as_alone() {
        let device = Device::flex();
        let config = StreamConfig { vocabulary: 23, embedding: 10, hidden: 13, image_features: 6, ..StreamConfig::default() };
        let mut decoder = initialize(StreamDecoder::new(&config, &device), &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
        let features: Vec<f32> = (0..7 * 6).map(|i| (i * 41 % 31) as f32 / 4.0 - 4.0).collect();
        let mut uneven = false;
        // The end mark from never to at once.
        for step in 0..15 {
            let bias: Vec<f32> = (0..23).map(|word| if word == END { 0.02 * step as f32 } else { 0.0 }).collect();
            decoder.words.bias = Some(Param::from_tensor(Tensor::from_data(TensorData::new(bias, [23]), &device)));
            let cpu = CpuDecoder::new(Set::best(), &decoder).unwrap();
            let expected = block_on(decoder.caption(Tensor::from_data(TensorData::new(features.clone(), [7, 6]), &device), 9)).unwrap();
            let found = cpu.caption(&features, 9);
            assert_eq!(found.len(), 7);
            uneven |= found.iter().any(|caption| caption.ids.len() != found[0].ids.len());
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found.ids, expected.ids);
                assert!((found.log_probability - expected.log_probability).abs() < 1e-5, "{found:?} {expected:?}");
                assert_eq!(*found, cpu.caption(&features[6 * index..][..6], 9)[0]);
            }
            assert!(cpu.caption(&[], 9).is_empty());
        }
        assert!(uneven);
    }
}
