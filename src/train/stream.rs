//! `train stream`: a caption decoder on features of a frozen image encoder (paper, section 3.3), with an end mark, which the public
//! code lacks.

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Value, json};

use super::course::{self, Best, Leg, Losses, Measured, Place, Standing, Step, Training};
use super::epochs::{CaptionBatch, Epochs, Schedule};
use super::error;
use super::features::Features;
use super::frozen_encoder::FrozenEncoder;
use super::optim::adam::{Adam, clip_gradients};
use super::recipe::EncoderUse;
use super::run::checkpoint::{Loaded, read_folder};
use super::run::lock::RunLock;
use super::run::parts::Parts;
use super::run::{TrainContext, starting_point};
use super::prepared::{Prepared, going_on, open, open_measured, warn_of_other_captions};
use super::stem::{config, same_config, trained};
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
/// [`TrainError::NotTrained`](super::TrainError::NotTrained) when there is none yet; [`Error::BadCheckpoint`] when it is broken.
pub fn load(run: &Path, device: &Device) -> error::Result<(StreamConfig, StreamDecoder)> {
    Ok(weights(&trained(run, StreamTraining::KIND)?, device)?)
}

/// Loads one checkpoint folder.
///
/// # Errors
/// [`Error::BadCheckpoint`] when it is broken or not of `train stream`.
pub fn load_checkpoint(folder: &Path, device: &Device) -> Result<(StreamConfig, StreamDecoder)> {
    weights(&read_folder(folder, StreamTraining::KIND)?, device)
}

fn weights(loaded: &Loaded, device: &Device) -> Result<(StreamConfig, StreamDecoder)> {
    let config: StreamConfig = config(loaded)?;
    let decoder = loaded.module(MODEL, StreamDecoder::new(&config, device))?;
    Ok((config, decoder))
}

/// Trains STREAM as `context` says.
///
/// # Errors
/// As [`RunLock::take`], [`TrainContext::vocabulary`], [`starting_point`], [`FrozenEncoder::load`] and [`course::run`].
pub fn run(context: &TrainContext) -> error::Result<()> {
    run_alone(context, &RunLock::take(context)?)
}

/// The same where the folder of the run is locked already.
///
/// # Errors
/// As [`run`].
pub fn run_alone(context: &TrainContext, _alone: &RunLock) -> error::Result<()> {
    let vocabulary = context.vocabulary()?;
    let start = starting_point(context, StreamTraining::KIND)?;
    let encoder = FrozenEncoder::load(context, context.recipe.stream_encoder())?;
    let train = open(context, Split::Train, &vocabulary)?;
    let measured = open_measured(context, &vocabulary)?;
    going_on(context, start.as_ref(), &train, measured.as_ref())?;
    warn_of_other_captions(context, &train);
    let training = StreamTraining::new(context, &encoder, train, measured, vocabulary, start.as_ref())?;
    Ok(course::run(context, training, start.as_ref())?)
}

/// Captions as STREAM's targets, each with its end mark: numbers and mask, both (batch, words).
pub fn targets(captions: &[Vec<usize>], device: &Device) -> (Tensor<2, Int>, Tensor<2>) {
    let words = captions.iter().map(Vec::len).max().unwrap_or(0) + 1;
    let shape = [captions.len(), words];
    let ids: Vec<i32> = captions.iter().flat_map(|caption| (0..words).map(|i| *caption.get(i).unwrap_or(&END) as i32)).collect();
    let mask: Vec<f32> = captions.iter().flat_map(|caption| (0..words).map(|i| if i <= caption.len() { 1.0 } else { 0.0 })).collect();
    (Tensor::from_data(TensorData::new(ids, shape), device), Tensor::from_data(TensorData::new(mask, shape), device))
}

struct StreamTraining {
    epochs: Epochs,
    config: StreamConfig,
    model: StreamDecoder,
    adam: Adam,
    train: Prepared,
    /// What is measured on.
    measured: Option<Prepared>,
    vocabulary: Vocabulary,
    device: Device,
    gradient_clip: f64,
}

impl StreamTraining {
    fn new(
        context: &TrainContext,
        encoder: &FrozenEncoder,
        train: Dataset,
        measured: Option<Dataset>,
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
        if let Some(checkpoint) = start {
            same_config(checkpoint, &config)?;
        }
        let device = context.device.clone().autodiff();
        let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
        rng.set_stream(3);
        let model = init::initialize(StreamDecoder::new(&config, &device), &mut rng)?;
        // Only now, as in STEM.
        let train = Prepared::new(context, encoder, train, Split::Train, &vocabulary, None)?;
        let split = recipe.data.chosen_on();
        let measured = measured.map(|data| Prepared::new(context, encoder, data, split, &vocabulary, None)).transpose()?;
        let schedule = Schedule {
            samples: train.dataset.len(),
            batch: recipe.stream.batch,
            epochs: recipe.stream.epochs,
            learning_rate: recipe.stream.learning_rate,
            decay: recipe.stream.decay,
            least_learning_rate: 0.0,
            test_every: recipe.stream.test_every,
        };
        let epochs = Epochs::new(Self::KIND, schedule, recipe.seed, &context.device);
        let (adam, gradient_clip) = (Adam::new(0.9, 0.999), recipe.stream.gradient_clip);
        Ok(Self { epochs, config, model, adam, train, measured, vocabulary, device, gradient_clip })
    }
}

impl Training for StreamTraining {
    const KIND: &'static str = "stream";
    type Batch = CaptionBatch;

    fn legs(&self) -> Vec<Leg> {
        self.epochs.legs()
    }

    fn dataset(&self) -> &Dataset {
        &self.train.dataset
    }

    fn rng(&self) -> &ChaCha8Rng {
        self.epochs.rng()
    }

    fn fresh(&self) -> Standing {
        self.epochs.fresh()
    }

    fn restore(&mut self, from: &Loaded) -> Result<Standing> {
        self.model = from.module(MODEL, self.model.clone())?;
        self.adam = from.adam(ADAM, self.adam.clone(), &self.device)?;
        self.epochs.restore(from)
    }

    fn batch(&mut self, _at: &Place, indices: Vec<usize>) -> Result<CaptionBatch> {
        // One word less than the longest caption, so that the end mark is learned too.
        let (captions, longest) = (&self.train.captions, self.config.max_words - 1);
        Ok(CaptionBatch::draw(indices, self.epochs.draw(), |index, rng| captions.draw_start(index, longest, rng)))
    }

    fn step(&mut self, at: &Place, batch: CaptionBatch) -> Result<()> {
        let CaptionBatch { indices, captions, flips } = batch;
        let (ids, mask) = targets(&captions, &self.device);
        let logits = self.model.logits(self.train.features.codes(&indices, &flips, &self.device), ids.clone());
        let loss = redescription(logits, ids, mask);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
        let gradients = clip_gradients(&self.model, gradients, self.gradient_clip);
        self.model = self.adam.step(self.epochs.learning_rate(at), self.model.clone(), gradients);
        self.epochs.add(loss.without_autodiff());
        Ok(())
    }

    fn losses(&mut self, at: &Place, asked: bool) -> Result<Option<Losses>> {
        self.epochs.losses(at, asked)
    }

    /// BLEU-4 of descriptions of pictures that are not learned from, and the descriptions of a few of them.
    fn measure(&mut self, at: &Place) -> Result<Option<Measured>> {
        let Some(test) = self.measured.as_ref().filter(|_| self.epochs.measures(at)) else { return Ok(None) };
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
        let found = bleu::bleu(&candidates, &references)[3];
        let example =
            |index: usize| test.shown.example(index, candidates.get(index).map(|words| words.join(" ")).into_iter().collect(), None);
        let rank = Some(Best { class: 0, value: found });
        let mut measured = Measured { rank, examples: test.shown.indices().map(example).collect(), ..Measured::default() };
        let (pictures, captions) = (references.len(), references.iter().map(Vec::len).sum::<usize>());
        let said = format!("{pictures} pictures against {captions} captions");
        measured.value("bleu_4", found, json!({ "pictures": pictures, "captions": captions }), said);
        Ok(Some(measured))
    }

    fn line(&mut self, step: &Step<'_>) -> Option<(impl Serialize, Option<String>)> {
        self.epochs.line(step)
    }

    fn memory(&self, standing: &Standing) -> Value {
        self.epochs.memory(standing)
    }

    fn write(&self, parts: &mut Parts) -> Result<()> {
        let config = serde_json::to_vec_pretty(&self.config).map_err(|error| Error::internal("JSON cannot be written", error))?;
        parts.bytes(CONFIG, &config)?;
        parts.module(MODEL, &self.model)?;
        parts.adam(ADAM, &self.adam)
    }
}

/// The whole of STREAM, encoder and decoder, of a run: what is exported and what judges the generator.
///
/// # Errors
/// As [`load`] and [`FrozenEncoder::load`].
pub fn load_whole(context: &TrainContext) -> error::Result<(StreamConfig, Stream)> {
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
