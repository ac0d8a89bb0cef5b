//! `train stream`: a caption decoder on features of a frozen image encoder (paper, section 3.3), with an end mark, which the public
//! code lacks.

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::features::Features;
use super::frozen_encoder::FrozenEncoder;
use super::optim::adam::{Adam, clip_gradients};
use super::recipe::EncoderUse;
use super::run::checkpoint::{Loaded, module_bytes, read_folder};
use super::run::{TrainContext, starting_point};
use super::schedule::{Learner, Measured, Schedule, drive};
use super::stem::{Prepared, config, going_on, open, open_test, same_config, trained};
use crate::data::{Dataset, Split};
use crate::evaluate::bleu;
use crate::loss::redescription;
use crate::nn::init;
use crate::stream::{Stream, StreamConfig, StreamDecoder};
use crate::text::{END, Vocabulary, tokenize};
use crate::{Error, Result};

const CONFIG: &str = "config.json";
const MODEL: &str = "model.bpk";
const ADAM: &str = "adam.safetensors";

/// Loads STREAM's decoder of a run onto `device`.
///
/// # Errors
/// [`Error::BadInput`] when there is none yet; [`Error::BadCheckpoint`] when it is broken.
pub fn load(run: &Path, device: &Device) -> Result<(StreamConfig, StreamDecoder)> {
    weights(&trained(run, StreamLearner::KIND)?, device)
}

/// Loads one checkpoint folder.
///
/// # Errors
/// [`Error::BadCheckpoint`] when it is broken or not of `train stream`.
pub fn load_checkpoint(folder: &Path, device: &Device) -> Result<(StreamConfig, StreamDecoder)> {
    weights(&read_folder(folder, StreamLearner::KIND)?, device)
}

fn weights(loaded: &Loaded, device: &Device) -> Result<(StreamConfig, StreamDecoder)> {
    let config: StreamConfig = config(loaded)?;
    let decoder = loaded.module(MODEL, StreamDecoder::new(&config, device))?;
    Ok((config, decoder))
}

/// Trains STREAM as `context` says.
///
/// # Errors
/// [`Error::BadInput`] when `train stem` has not run yet; [`Error::Interrupted`] when stopped, with everything saved.
pub fn run(context: &TrainContext) -> Result<()> {
    let vocabulary = context.vocabulary()?;
    let start = starting_point(context, StreamLearner::KIND)?;
    let encoder = FrozenEncoder::load(context, context.recipe.stream_encoder())?;
    let train = open(context, Split::Train, &vocabulary)?;
    let test = open_test(context, &vocabulary)?;
    going_on(context, start.as_ref(), &train, test.as_ref())?;
    let mut learner = StreamLearner::new(context, &encoder, train, test, vocabulary, start.as_ref())?;
    let recipe = &context.recipe.stream;
    let schedule = Schedule {
        samples: learner.train.dataset.len(),
        batch: recipe.batch,
        epochs: recipe.epochs,
        learning_rate: recipe.learning_rate,
        decay: recipe.decay,
        least_learning_rate: 0.0,
        test_every: recipe.test_every,
    };
    drive(&mut learner, context, schedule, start.as_ref())
}

/// Captions as STREAM's targets, each with its end mark: numbers and mask, both (batch, words).
pub fn targets(captions: &[Vec<usize>], device: &Device) -> (Tensor<2, Int>, Tensor<2>) {
    let words = captions.iter().map(Vec::len).max().unwrap_or(0) + 1;
    let shape = [captions.len(), words];
    let ids: Vec<i32> = captions.iter().flat_map(|caption| (0..words).map(|i| *caption.get(i).unwrap_or(&END) as i32)).collect();
    let mask: Vec<f32> = captions.iter().flat_map(|caption| (0..words).map(|i| if i <= caption.len() { 1.0 } else { 0.0 })).collect();
    (Tensor::from_data(TensorData::new(ids, shape), device), Tensor::from_data(TensorData::new(mask, shape), device))
}

struct StreamLearner {
    config: StreamConfig,
    model: StreamDecoder,
    adam: Adam,
    train: Prepared,
    test: Option<Prepared>,
    vocabulary: Vocabulary,
    device: Device,
    gradient_clip: f64,
}

impl StreamLearner {
    fn new(
        context: &TrainContext,
        encoder: &FrozenEncoder,
        train: Dataset,
        test: Option<Dataset>,
        vocabulary: Vocabulary,
        start: Option<&Loaded>,
    ) -> Result<Self> {
        let recipe = &context.recipe;
        let config = StreamConfig {
            vocabulary: vocabulary.len(),
            embedding: recipe.stream.embedding,
            hidden: recipe.stream.hidden,
            image_features: Features::sizes(context, encoder, &train, None)?.code,
            encoder: encoder.seen.kind,
            encoder_width: recipe.data.encoder_width,
            image_size: encoder.seen.size,
            max_words: recipe.stream.max_words,
        };
        let device = context.device.clone().autodiff();
        let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
        rng.set_stream(3);
        let mut model = init::initialize(StreamDecoder::new(&config, &device), &mut rng)?;
        let mut adam = Adam::new(0.9, 0.999);
        if let Some(checkpoint) = start {
            same_config(checkpoint, &config)?;
            model = checkpoint.module(MODEL, model)?;
            adam = adam.load(&checkpoint.part(ADAM)?, &device, &checkpoint.folder.join(ADAM).display().to_string())?;
        }
        // Only now, as in STEM.
        let train = Prepared::new(context, encoder, train, Split::Train, &vocabulary, None)?;
        let test = test.map(|test| Prepared::new(context, encoder, test, Split::Test, &vocabulary, None)).transpose()?;
        let gradient_clip = recipe.stream.gradient_clip;
        Ok(Self { config, model, adam, train, test, vocabulary, device, gradient_clip })
    }
}

impl Learner for StreamLearner {
    const KIND: &'static str = "stream";

    fn step(&mut self, indices: &[usize], learning_rate: f64, rng: &mut ChaCha8Rng) -> Tensor<1> {
        // One word less than the longest caption, so that the end mark is learned too.
        let longest = self.config.max_words - 1;
        let captions: Vec<_> = indices.iter().map(|index| self.train.captions.draw_start(*index, longest, rng)).collect();
        let flips: Vec<bool> = indices.iter().map(|_| rng.random()).collect();
        let (ids, mask) = targets(&captions, &self.device);
        let logits = self.model.logits(self.train.features.codes(indices, &flips, &self.device), ids.clone());
        let loss = redescription(logits, ids, mask);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
        let gradients = clip_gradients(&self.model, gradients, self.gradient_clip);
        self.model = self.adam.step(learning_rate, self.model.clone(), gradients);
        loss.without_autodiff()
    }

    fn test(&self) -> Result<Measured> {
        let Some(test) = &self.test else { return Ok(Measured::default()) };
        let model = self.model.valid();
        let device = self.device.clone().without_autodiff();
        let all: Vec<usize> = (0..test.dataset.len()).collect();
        let mut candidates = Vec::new();
        for indices in all.chunks(64) {
            let codes = test.features.codes(indices, &vec![false; indices.len()], &device);
            let captions = crate::pipeline::block_on(model.caption(codes, self.config.max_words))?;
            candidates.extend(captions.into_iter().map(|caption| self.vocabulary.decode(&caption.ids)));
        }
        let references: Vec<Vec<Vec<String>>> =
            test.dataset.samples.iter().map(|sample| sample.captions.iter().map(|caption| tokenize(caption)).collect()).collect();
        let example =
            |index: usize| test.shown.example(index, candidates.get(index).map(|words| words.join(" ")).into_iter().collect(), None);
        Ok(Measured {
            values: vec![("bleu_4", bleu::bleu(&candidates, &references)[3])],
            examples: test.shown.indices().map(example).collect(),
        })
    }

    fn data(&self) -> String {
        self.train.dataset.fingerprint()
    }

    fn parts(&self, step: usize) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let config = serde_json::to_vec_pretty(&self.config).map_err(|error| Error::BadInput(error.to_string()))?;
        Ok(vec![(CONFIG, config), (MODEL, module_bytes(&self.model, step)?), (ADAM, self.adam.to_bytes()?)])
    }
}

/// The whole of STREAM, encoder and decoder, of a run: what is exported and what judges the generator.
///
/// # Errors
/// As [`load`] and [`FrozenEncoder::load`].
pub fn load_whole(context: &TrainContext) -> Result<(StreamConfig, Stream)> {
    let (config, decoder) = load(&context.out, &context.device)?;
    let mut stream = config.init(&context.device)?;
    stream.encoder = FrozenEncoder::load(context, EncoderUse { kind: config.encoder, size: config.image_size })?.network;
    stream.decoder = decoder;
    Ok((config, stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_caption_ends_with_the_end_mark() {
        let (ids, mask) = targets(&[vec![4, 5], vec![6]], &Device::flex());
        assert_eq!(ids.into_data().try_to_vec_as::<i32>().unwrap(), [4, 5, 0, 6, 0, 0]);
        assert_eq!(mask.into_data().try_to_vec::<f32>().unwrap(), [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    }
}
