//! `train stem`: DAMSM pre-training of the text encoder (AttnGAN, section 3.2) on features of a frozen image encoder.
//!
//! AttnGAN runs Inception-v3 on every picture in every epoch. Here the frozen network's features are computed once
//! ([`super::features`]), and an epoch is a text encoder and two small heads: seconds instead of minutes.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::apart;
use super::course::{self, BEST, Best, Leg, Losses, Measured, Place, Standing, Step, Training};
use super::epochs::{CaptionBatch, Epochs, Schedule};
use super::error::{self, TrainError};
use super::features::Features;
use super::frozen_encoder::FrozenEncoder;
use super::optim::adam::{Adam, clip_gradients};
use super::prepared::{Prepared, going_on, known, open_measured, read, vocabulary};
use super::recipe::{EncoderUse, Recipe};
use super::run::checkpoint::{Checkpoints, Loaded, read_folder};
use super::run::lock::RunLock;
use super::run::parts::Parts;
use super::run::{TrainContext, starting_point};
use crate::damsm::{Damsm, DamsmConfig};
use crate::data::{Dataset, Split};
use crate::evaluate::r_precision::{self, RPrecision};
use crate::files;
use crate::nn::init;
use crate::readback::read_now;
use crate::stem::{TextBatch, TextEncoder, TextEncoderConfig};
use crate::text::Vocabulary;
use crate::watch::{Event, SharedWatcher};
use crate::{Error, Result};

/// The folder in RUN, and the kind of its checkpoints.
pub(super) const KIND: &str = "stem";

/// Names of a checkpoint's parts.
const CONFIG: &str = "config.json";
const MODEL: &str = "model.bpk";
const ADAM: &str = "adam.safetensors";

/// The text encoder and the heads that bring pictures into its space.
#[derive(Module, Debug)]
pub struct StemModel {
    /// What the generator is conditioned on, later frozen.
    pub text: TextEncoder,
    /// The projections of picture features, and the losses.
    pub damsm: Damsm,
}

/// The sizes of a [`StemModel`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StemModelConfig {
    /// The text encoder's.
    pub text: TextEncoderConfig,
    /// The heads'.
    pub damsm: DamsmConfig,
}

impl StemModelConfig {
    /// A model with fresh weights.
    pub fn init(&self, device: &Device) -> StemModel {
        StemModel { text: self.text.init(device), damsm: self.damsm.init(device) }
    }
}

/// What `train stem` has made.
#[derive(Debug)]
pub struct TrainedStem {
    /// RUN/vocab.txt.
    pub vocabulary: Vocabulary,
    /// The sizes.
    pub config: StemModelConfig,
    /// The weights, of the epoch with the best R-precision where there was a part to measure on.
    pub model: StemModel,
    /// Whether there was one ([`DataRecipe::chosen_on`](super::recipe::DataRecipe::chosen_on)): then R-precision on it is that of weights that
    /// were chosen by it.
    pub chosen: bool,
}

/// Loads STEM of a run onto `device`.
///
/// # Errors
/// [`TrainError::NotTrained`] when there is none yet; [`Error::BadCheckpoint`] when it is broken.
pub fn load(run: &Path, device: &Device) -> error::Result<TrainedStem> {
    let path = run.join("vocab.txt");
    let TrainedWeights { config, model } = weights(&trained(run, KIND)?, device)?;
    let vocabulary = Vocabulary::parse(&files::read_text(&path)?)?;
    if vocabulary.len() != config.text.vocabulary {
        let message = format!("has {} words; STEM was trained with {}", vocabulary.len(), config.text.vocabulary);
        return Err(Error::BadCheckpoint { file: path.display().to_string(), message }.into());
    }
    Ok(TrainedStem { vocabulary, config, model, chosen: best(run, KIND).is_dir() })
}

/// A checkpoint's sizes and weights.
#[derive(Debug)]
pub struct TrainedWeights {
    /// The sizes.
    pub config: StemModelConfig,
    /// The weights.
    pub model: StemModel,
}

/// Loads one checkpoint folder.
///
/// # Errors
/// [`Error::BadCheckpoint`] when it is broken or not of `train stem`.
pub fn load_checkpoint(folder: &Path, device: &Device) -> Result<TrainedWeights> {
    weights(&read_folder(folder, KIND)?, device)
}

fn weights(loaded: &Loaded, device: &Device) -> Result<TrainedWeights> {
    let config: StemModelConfig = config(loaded)?;
    let model = loaded.module(MODEL, config.init(device))?;
    Ok(TrainedWeights { config, model })
}

/// The best weights of a finished or running training of `kind`, else its newest checkpoint.
pub(super) fn trained(run: &Path, kind: &'static str) -> error::Result<Loaded> {
    let best = best(run, kind);
    if best.is_dir() { Ok(read_folder(&best, kind)?) } else { newest(run, kind) }
}

/// Where the weights are that measured best, if there was a part to measure on.
fn best(run: &Path, kind: &str) -> PathBuf {
    run.join(kind).join(BEST)
}

/// The newest checkpoint of a finished or running training of `kind`.
pub(super) fn newest(run: &Path, kind: &'static str) -> error::Result<Loaded> {
    let latest = Checkpoints::new(run.join(kind).join("checkpoints")).latest(kind)?;
    latest.ok_or_else(|| TrainError::NotTrained { part: kind, run: run.to_path_buf() })
}

/// The `config.json` of a checkpoint.
pub(super) fn config<C: serde::de::DeserializeOwned>(loaded: &Loaded) -> Result<C> {
    serde_json::from_slice(&loaded.part(CONFIG)?)
        .map_err(|error| Error::BadCheckpoint { file: loaded.folder.join(CONFIG).display().to_string(), message: error.to_string() })
}

/// A training goes on with the network that it was begun with.
pub(super) fn same_config<C: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(loaded: &Loaded, now: &C) -> Result<()> {
    let begun: C = config(loaded)?;
    if begun == *now {
        return Ok(());
    }
    let message = format!("the training was begun with {begun:?}; recipe and data now give {now:?}");
    Err(Error::BadCheckpoint { file: loaded.folder.join(CONFIG).display().to_string(), message })
}

/// What STEM of a run was trained on: its recipe's encoder.
///
/// # Errors
/// [`Error::BadRecipe`] and [`Error::Io`] as [`Recipe::load`] gives them.
pub fn trained_on(run: &Path) -> Result<(Recipe, EncoderUse)> {
    let recipe = Recipe::load(&run.join(KIND).join("recipe.toml").display().to_string(), &[])?;
    let seen = recipe.stem_encoder();
    Ok((recipe, seen))
}

/// Trains STEM as `context` says.
///
/// # Errors
/// As [`RunLock::take`], [`starting_point`], [`FrozenEncoder::load`] and [`course::run`].
pub fn run(context: &TrainContext) -> error::Result<()> {
    run_alone(context, &RunLock::take(context)?)
}

/// The same where the folder of the run is locked already.
///
/// # Errors
/// As [`run`].
pub fn run_alone(context: &TrainContext, _alone: &RunLock) -> error::Result<()> {
    let start = starting_point(context, KIND)?;
    let encoder = FrozenEncoder::load(context, context.recipe.stem_encoder())?;
    let train = read(context, Split::Train, context.recipe.data.size)?;
    let vocabulary = vocabulary(context, &train)?;
    let train = known(context, train, &vocabulary)?;
    let measured = open_measured(context, &vocabulary)?;
    going_on(context, start.as_ref(), &train, measured.as_ref())?;
    let training = StemTraining::new(context, &encoder, train, measured, &vocabulary, start.as_ref())?;
    Ok(course::run(context, training, start.as_ref())?)
}

/// Captions that are shown beside a picture.
const RETRIEVED: usize = 3;

/// The numbers of the `count` sentences with the largest cosine with `code`, the largest first.
fn nearest(code: &[f32], sentences: &[Vec<f32>], count: usize) -> Vec<usize> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let mut all: Vec<(f32, usize)> =
        sentences.iter().enumerate().map(|(at, row)| (dot(code, row) / dot(row, row).sqrt().max(1e-8), at)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().take(count).map(|(_, at)| at).collect()
}

struct StemTraining {
    epochs: Epochs,
    vocabulary: Vocabulary,
    config: StemModelConfig,
    model: StemModel,
    adam: Adam,
    train: Prepared,
    /// What is measured on.
    measured: Option<Prepared>,
    device: Device,
    gradient_clip: f64,
    seed: u64,
    watcher: SharedWatcher,
    /// What has been warned of in this call.
    warned: Warned,
}

/// What a training warns of once.
#[derive(Debug, Default)]
struct Warned {
    idle: bool,
    rivals: bool,
}

impl StemTraining {
    fn new(
        context: &TrainContext,
        encoder: &FrozenEncoder,
        train: Dataset,
        measured: Option<Dataset>,
        vocabulary: &Vocabulary,
        start: Option<&Loaded>,
    ) -> Result<Self> {
        let recipe = &context.recipe;
        let sizes = Features::sizes(context, encoder, &train, Some(recipe.stem.region_stride))?;
        let config = StemModelConfig {
            text: TextEncoderConfig {
                vocabulary: vocabulary.len(),
                embedding: recipe.stem.embedding,
                features: recipe.stem.features,
                max_words: recipe.data.max_words,
            },
            damsm: DamsmConfig {
                features: recipe.stem.features,
                region_channels: sizes.regions[0],
                code_channels: sizes.code,
                gamma1: recipe.stem.gamma_1,
                gamma2: recipe.stem.gamma_2,
                gamma3: recipe.stem.gamma_3,
            },
        };
        if let Some(checkpoint) = start {
            same_config(checkpoint, &config)?;
        }
        let device = context.device.clone().autodiff();
        let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
        rng.set_stream(1);
        let model = init::initialize(config.init(&device), &mut rng)?;
        // Only now, for features of other data or another encoder take the place of those that are there.
        let train = Prepared::new(context, encoder, train, Split::Train, vocabulary, Some(recipe.stem.region_stride))?;
        let split = recipe.data.chosen_on();
        let measured = measured.map(|data| Prepared::new(context, encoder, data, split, vocabulary, None)).transpose()?;
        let schedule = Schedule {
            samples: train.dataset.len(),
            batch: recipe.stem.batch,
            epochs: recipe.stem.epochs,
            learning_rate: recipe.stem.learning_rate,
            decay: recipe.stem.decay,
            least_learning_rate: recipe.stem.least_learning_rate,
            test_every: recipe.stem.test_every,
        };
        Ok(Self {
            epochs: Epochs::new(Self::KIND, schedule, recipe.seed, &context.device),
            vocabulary: vocabulary.clone(),
            config,
            model,
            adam: Adam::new(0.5, 0.999),
            train,
            measured,
            device,
            gradient_clip: recipe.stem.gradient_clip,
            seed: recipe.seed,
            watcher: context.watcher.clone(),
            warned: Warned::default(),
        })
    }
}

impl Training for StemTraining {
    const KIND: &'static str = KIND;
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
        let (captions, max_words) = (&self.train.captions, self.config.text.max_words);
        Ok(CaptionBatch::draw(indices, self.epochs.draw(), |index, rng| captions.draw(index, max_words, rng)))
    }

    fn step(&mut self, at: &Place, batch: CaptionBatch) -> Result<()> {
        let CaptionBatch { indices, captions, flips } = batch;
        let classes = self.train.dataset.classes(&indices);
        if !apart::has_wrong_pair(&captions, &classes) {
            self.epochs.add_idle();
            if !std::mem::replace(&mut self.warned.idle, true) {
                self.watcher.tell(&Event::Warning(
                    "a batch holds pictures of one class alone, or with one caption: DAMSM has nothing to tell apart in it and learns nothing; the \
                     log counts such batches (idle_batches)",
                ));
            }
        }
        let text = self.model.text.forward_train(&TextBatch::new(&captions, &self.device), self.epochs.draw());
        let features = &self.train.features;
        let regions = features.regions(&indices, &flips, &self.device);
        let image = self.model.damsm.forward(regions, features.codes(&indices, &flips, &self.device));
        let loss = self.model.damsm.loss(&image, &text, &classes).total();
        let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
        let gradients = clip_gradients(&self.model.text, gradients, self.gradient_clip);
        self.model = self.adam.step(self.epochs.learning_rate(at), self.model.clone(), gradients);
        self.epochs.add(loss.without_autodiff());
        Ok(())
    }

    fn losses(&mut self, at: &Place, asked: bool) -> Result<Option<Losses>> {
        self.epochs.losses(at, asked)
    }

    /// R-precision of pictures that are not learned from, among captions, and the captions nearest to a few of them.
    fn measure(&mut self, at: &Place) -> Result<Option<Measured>> {
        let Some(test) = self.measured.as_ref().filter(|_| self.epochs.measures(at)) else { return Ok(None) };
        let model = self.model.valid();
        let device = self.device.clone().without_autodiff();
        // The same captions every time, so that epochs can be compared.
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(2);
        let all: Vec<usize> = (0..test.dataset.len()).collect();
        let (mut codes, mut sentences, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for indices in all.chunks(64) {
            let captions: Vec<_> = indices.iter().map(|index| test.captions.draw(*index, self.config.text.max_words, &mut rng)).collect();
            sentences.extend(read_now(model.text.forward(&TextBatch::new(&captions, &device)).sentence)?);
            let flips = vec![false; indices.len()];
            codes.extend(read_now(model.damsm.encode(test.features.codes(indices, &flips, &device)))?);
            ids.extend(captions);
        }
        let width = self.config.text.features;
        let rows = |values: Vec<f32>| values.chunks_exact(width).map(<[f32]>::to_vec).collect::<Vec<_>>();
        let (codes, sentences, classes) = (rows(codes), rows(sentences), test.dataset.classes(&all));
        let found = r_precision::r_precision(&codes, &sentences, &ids, &classes, &mut rng);
        let example = |index: usize| {
            let best = nearest(&codes[index], &sentences, RETRIEVED);
            let hit = best.first().map(|first| classes[*first] == classes[index]);
            test.shown.example(index, best.into_iter().map(|at| self.vocabulary.decode(&ids[at]).join(" ")).collect(), hit)
        };
        let mut measured = Measured { examples: test.shown.indices().map(example).collect(), ..Measured::default() };
        if let Some(RPrecision { mean, candidates, .. }) = found {
            measured.value("r_precision", mean, candidates.to_json(), candidates.to_string());
            measured.rank = Some(Best { class: 0, value: mean });
        }
        let too_few = found.map_or(Some("no test picture has a rival".into()), |found| found.candidates.warning());
        if let Some(warning) = too_few.filter(|_| !std::mem::replace(&mut self.warned.rivals, true)) {
            self.watcher.tell(&Event::Warning(&format!("R-precision on the test part: {warning}")));
        }
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
