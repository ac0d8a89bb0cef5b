//! Measurements while the generator learns: kernel distance and R-precision of pictures for captions of the test part, always the same
//! captions and noise.
//!
//! Their random numbers are their own, and nothing that learns is touched: a measured training equals an unmeasured one to the bit.

use std::fs;
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
use crate::evaluate::{kernel, r_precision};
use crate::glam::GeneratorConfig;
use crate::pipeline::{Drawer, Noise};
use crate::stem::TextBatch;
use crate::text::Vocabulary;
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::recipe::EncoderUse;
use crate::train::run::TrainContext;
use crate::train::run::checkpoint::{Loaded, State, module_bytes, read_folder, write_folder};
use crate::train::stem;
use crate::{Error, Result};

/// Pictures in a forward pass.
const BATCH: usize = 8;

/// The folder in RUN/gan with the average that had the least kernel distance.
const BEST: &str = "best";

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
    pub kernel_distance: f64,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    /// Unbiased squared MMD of pooled EfficientNet-Lite0 features between drawn pictures and photographs of the test part.
    pub kernel_distance: f64,
    /// Share of drawn pictures whose own caption is the nearest of 100 in the space of the run's DAMSM; none where all are of one class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r_precision: Option<f64>,
}

/// What pictures are compared with.
pub struct Measure {
    every: usize,
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
    /// Looks at the photographs of the test part; nothing where the recipe measures nothing, or there is no such part.
    ///
    /// # Errors
    /// As [`FrozenEncoder::load`], [`crate::data::Dataset::open`] and [`stem::load`]; [`Error::Device`].
    pub fn new(context: &TrainContext, vocabulary: &Vocabulary) -> Result<Option<Self>> {
        let recipe = &context.recipe;
        let count = recipe.gan.measure_pictures;
        if recipe.gan.measure_every == 0 {
            return Ok(None);
        }
        let Some(mut test) = stem::open_test(context, vocabulary)? else {
            eprintln!("nothing is measured on the way (gan.measure_every): the data has no test part");
            return Ok(None);
        };
        // Spread over the data, for it may be sorted.
        let shown = count.min(test.len());
        test.samples = spread(test.len(), shown).map(|i| test.samples[i].clone()).collect();
        if shown < 2 {
            eprintln!("nothing is measured on the way (gan.measure_every): the test part has one picture");
            return Ok(None);
        }
        let captions = EncodedCaptions::new(&test, vocabulary)?;
        let mut rng = rng(recipe.seed, CAPTIONS);
        let prompts = (0..count).map(|i| captions.draw(i % shown, recipe.data.max_words, &mut rng)).collect();
        let classes = test.classes(&(0..count).map(|i| i % shown).collect::<Vec<_>>());

        let seen = EncoderUse { kind: EncoderKind::EfficientnetLite0, size: recipe.data.encoder_size };
        let load = |seen: EncoderUse| -> Result<SizedEncoder> { Ok(SizedEncoder::new(FrozenEncoder::load(context, seen)?.network, seen.size)) };
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

    /// Whether a step that led from `before` to `after` pictures is followed by a measurement.
    pub fn due(&self, before: usize, after: usize) -> bool {
        after / self.every > before / self.every
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
        let rivals = self.classes.iter().any(|class| Some(class) != self.classes.first());
        let r_precision = rivals.then(|| r_precision::r_precision(&judged, &sentences, &self.classes, &mut rng(self.seed, RIVALS)).mean);
        Ok(Measured { kernel_distance, r_precision })
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

/// Whether `found` is better than the best so far.
pub fn improves(best: Option<Best>, found: Best) -> bool {
    best.is_none_or(|best| found.stages > best.stages || (found.stages == best.stages && found.kernel_distance < best.kernel_distance))
}

/// Keeps the average as RUN/gan/best, whole or not at all. `state` has a [`Best`] as its `extra`.
///
/// # Errors
/// [`Error::Io`]; [`Error::Diverged`] when its weights are not finite.
pub fn keep(part: &Path, state: State, trainer: &Trainer) -> Result<()> {
    let average = module_bytes(trainer.average(), state.step)?;
    write_folder(&part.join(BEST), state, vec![("average", average)])
}

/// Forgets the best of an earlier training in this folder.
///
/// # Errors
/// [`Error::Io`].
pub fn forget(part: &Path) -> Result<()> {
    let folder = part.join(BEST);
    if folder.is_dir() {
        fs::remove_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
    }
    Ok(())
}

/// The average with the least kernel distance, as [`super::load`] gives the newest.
///
/// # Errors
/// [`Error::BadInput`] when nothing was measured, or with fewer stages; [`Error::BadCheckpoint`] when it is broken.
pub fn load_best(run: &Path, config: &GeneratorConfig, stages: usize, device: &Device) -> Result<crate::glam::Generator> {
    let (loaded, best) = read_best(run)?;
    if best.stages < stages {
        let message = format!("{} drew with {} stages only: add --stages {}", loaded.folder.display(), best.stages, best.stages);
        return Err(Error::BadInput(message));
    }
    Ok(loaded.module("average", config.init(device))?.truncated(stages))
}

/// What [`keep`] wrote.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_distance_is_better_and_larger_pictures_begin_anew() {
        let best = |stages, kernel_distance| Best { stages, kernel_distance };
        assert!(improves(None, best(1, 9.0)));
        assert!(improves(Some(best(1, 0.2)), best(1, 0.1)) && !improves(Some(best(1, 0.2)), best(1, 0.2)));
        assert!(improves(Some(best(1, 0.2)), best(2, 0.4)) && !improves(Some(best(2, 0.4)), best(1, 0.1)));
    }
}
