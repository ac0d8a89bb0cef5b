//! Measurements while the generator learns: kernel distance and R-precision of pictures for captions of the validation part or,
//! where none is held back, of the test part; always the same captions and noise.
//!
//! Their random numbers are their own, and nothing that learns is touched: a measured training equals an unmeasured one to the bit.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::KIND;
use super::step::Trainer;
use crate::damsm::Damsm;
use crate::data::{EncodedCaptions, spread};
use crate::encoder::{EncoderKind, SizedEncoder};
use crate::evaluate::features::{to_rows, to_tensor};
use crate::evaluate::kernel;
use crate::evaluate::r_precision::{self, RPrecision};
use crate::glam::GeneratorConfig;
use crate::pipeline::{Drawer, Noise};
use crate::stem::TextBatch;
use crate::text::Vocabulary;
use crate::train::course::{self, BEST};
use crate::train::error::{self, TrainError};
use crate::train::exact;
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::prepared;
use crate::train::recipe::EncoderUse;
use crate::train::run::TrainContext;
use crate::train::run::checkpoint::{Loaded, read_folder};
use crate::train::stem;
use crate::{Error, Result};

/// Pictures in a forward pass.
const BATCH: usize = 8;

/// Streams of the recipe's seed that no part of a training uses.
const CAPTIONS: u64 = 11;
const RIVALS: u64 = 12;

/// The least kernel distance so far; saved in each checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Stages that drew. A training that draws larger pictures begins anew: distances at different sizes cannot be compared.
    pub stages: usize,
    /// As [`kernel::squared_mmd`].
    #[serde(with = "exact")]
    pub kernel_distance: f64,
}

impl From<Best> for course::Best {
    fn from(best: Best) -> Self {
        Self { class: best.stages, value: -best.kernel_distance }
    }
}

impl From<course::Best> for Best {
    fn from(best: course::Best) -> Self {
        Self { stages: best.class, kernel_distance: -best.value }
    }
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Unbiased squared MMD of pooled EfficientNet-Lite0 features between drawn pictures and photographs that are not learned from.
    pub kernel_distance: f64,
    /// Pictures that were drawn.
    pub drawn: usize,
    /// Photographs that they were compared with.
    pub photographs: usize,
    /// Share of drawn pictures whose own caption is the nearest of 100 in the space of the run's DAMSM; none where no caption is another's
    /// rival.
    pub r_precision: Option<RPrecision>,
}

/// What pictures are compared with.
pub struct Measure {
    /// Pictures between two measurements.
    pub every: usize,
    device: Device,
    seed: u64,
    encoder: SizedEncoder,
    damsm: Damsm,
    /// What DAMSM looks through; none for [`Measure::encoder`].
    judge: Option<SizedEncoder>,
    prompts: Vec<Vec<usize>>,
    classes: Vec<usize>,
    /// Features of photographs for each number of stages, at the size of its pictures.
    photographs: Vec<(usize, Vec<Vec<f32>>)>,
}

impl Measure {
    /// Looks at the photographs that are measured on; nothing where the recipe measures nothing, or there is no such part.
    ///
    /// # Errors
    /// As [`FrozenEncoder::load`], [`crate::data::Dataset::open`] and [`stem::load`]; [`Error::Device`].
    pub fn new(context: &TrainContext, vocabulary: &Vocabulary) -> error::Result<Option<Self>> {
        let recipe = &context.recipe;
        let count = recipe.gan.measure_pictures;
        if recipe.gan.measure_every == 0 {
            return Ok(None);
        }
        let part = recipe.data.chosen_on().name();
        let Some(mut test) = prepared::open_measured(context, vocabulary)? else {
            context.say(&format!("nothing is measured on the way (gan.measure_every): the data has no {part} part"));
            return Ok(None);
        };
        // Spread over the data, for it may be sorted.
        let shown = count.min(test.len());
        test.samples = spread(test.len(), shown).map(|i| test.samples[i].clone()).collect();
        if shown < 2 {
            context.say(&format!("nothing is measured on the way (gan.measure_every): the {part} part has one picture"));
            return Ok(None);
        }
        let captions = EncodedCaptions::new(&test, vocabulary)?;
        let mut rng = rng(recipe.seed, CAPTIONS);
        let prompts = (0..count).map(|i| captions.draw(i % shown, recipe.data.max_words, &mut rng)).collect();
        let classes = test.classes(&(0..count).map(|i| i % shown).collect::<Vec<_>>());

        let seen = EncoderUse { kind: EncoderKind::EfficientnetLite0, size: recipe.data.encoder_size };
        let load = |seen: EncoderUse| FrozenEncoder::load(context, seen).map(|encoder| SizedEncoder::new(encoder.network, seen.size));
        let encoder = load(seen)?;
        let (_, trained_on) = stem::trained_on(&context.out)?;
        let judge = if trained_on == seen { None } else { Some(load(trained_on)?) };
        let damsm = stem::load(&context.out, &context.device)?.model.damsm;

        let mut stages: Vec<usize> = recipe.gan.phases.iter().map(|phase| phase.stages).collect();
        stages.sort_unstable();
        stages.dedup();
        let mut photographs = Vec::new();
        for stages in stages {
            let size = GeneratorConfig::picture_size(stages - 1);
            let mut rows = Vec::with_capacity(shown);
            for indices in (0..shown).collect::<Vec<_>>().chunks(BATCH) {
                rows.extend(pooled(&encoder, test.images(indices, &vec![false; indices.len()], size, &context.device)?)?);
            }
            photographs.push((stages, rows));
        }
        let (every, device, seed) = (recipe.gan.measure_every, context.device.clone(), recipe.seed);
        Ok(Some(Self { every, device, seed, encoder, damsm, judge, prompts, classes, photographs }))
    }

    /// Draws with the trainer's average, and compares.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn take(&self, trainer: &Trainer, stages: usize) -> Result<Measured> {
        let config = &trainer.recipe.generator;
        let drawer = Drawer::new(trainer.average().clone(), &self.device)?;
        let mut noise = Noise::new(self.seed);
        let (mut drawn, mut judged, mut sentences) = (Vec::new(), Vec::new(), Vec::new());
        for prompts in self.prompts.chunks(BATCH) {
            let text = trainer.frozen.stem.forward(&TextBatch::new(prompts, &self.device));
            let (z, epsilon): (Vec<_>, Vec<_>) = prompts.iter().map(|_| noise.next(config, &self.device)).unzip();
            let images = drawer.batch(&text, Tensor::cat(z, 0), Tensor::cat(epsilon, 0), stages)?;
            let rows = pooled(&self.encoder, images.clone())?;
            let codes = match &self.judge {
                Some(judge) => pooled(judge, images)?,
                None => rows.clone(),
            };
            judged.extend(to_rows(self.damsm.encode(to_tensor(&codes, &self.device)))?);
            drawn.extend(rows);
            sentences.extend(to_rows(text.sentence)?);
        }
        let photographs = self.photographs.iter().find(|(of, _)| *of == stages).map_or(&[][..], |(_, rows)| rows);
        let kernel_distance = kernel::squared_mmd(photographs, &drawn);
        let r_precision = r_precision::r_precision(&judged, &sentences, &self.prompts, &self.classes, &mut rng(self.seed, RIVALS));
        Ok(Measured { kernel_distance, drawn: drawn.len(), photographs: photographs.len(), r_precision })
    }
}

/// What an encoder says of each picture.
fn pooled(encoder: &SizedEncoder, images: Tensor<4>) -> Result<Vec<Vec<f32>>> {
    to_rows(encoder.forward(images).pooled)
}

fn rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// The average with the least kernel distance, as [`super::load`] gives the newest.
///
/// # Errors
/// [`TrainError::FewerStages`]; [`Error::BadInput`] when nothing was measured; [`Error::BadCheckpoint`] when it is broken.
pub fn load_best(run: &Path, config: &GeneratorConfig, stages: usize, device: &Device) -> error::Result<crate::glam::Generator> {
    let (loaded, best) = read_best(run)?;
    if best.stages < stages {
        return Err(TrainError::FewerStages { folder: loaded.folder, stages: best.stages });
    }
    Ok(loaded.module("average", config.init(device))?.truncated(stages))
}

/// The checkpoint of the average with the least kernel distance, and what is remembered of it.
///
/// # Errors
/// [`Error::BadInput`] when nothing was measured; [`Error::BadCheckpoint`] when it is broken.
pub fn read_best(run: &Path) -> Result<(Loaded, Best)> {
    let folder = run.join(KIND).join(BEST);
    if !folder.is_dir() {
        let message = format!("{} is missing: nothing was measured; set gan.measure_every for a training", folder.display());
        return Err(Error::BadInput(message));
    }
    let loaded = read_folder(&folder, KIND)?;
    let best = serde_json::from_value(loaded.state.extra.clone())
        .map_err(|error| Error::BadCheckpoint { file: folder.join("state.json").display().to_string(), message: error.to_string() })?;
    Ok((loaded, best))
}
