//! `train gan`: the generator with its discriminators, on top of frozen STEM and STREAM, phase after phase.
//!
//! One training step reads from top to bottom in `step.rs`. The files, each of which imports only what stands above it:
//!
//! | file | what it has |
//! | --- | --- |
//! | `batch.rs` | photographs and captions of a step |
//! | `plan.rs` | what the steps of a phase train |
//! | `encoded.rs` | pictures beside their features |
//! | `parallel.rs` | copies of weights for other devices, sums of gradients |
//! | `record.rs` | losses of a step, by name |
//! | `discriminator.rs` | the discriminator of a stage, and L_{D_i} and L_{G_i} |
//! | `frozen.rs` | STEM, STREAM, DAMSM and the image encoders |
//! | `shard.rs` | the parts of a batch, and everything random of a step |
//! | `draw.rs` | what the generator draws of a part |
//! | `step.rs` | **one training step**, and what it moves |
//! | `networks.rs`, `start.rs` | the networks that a training goes on with |
//! | `measure.rs`, `samples.rs` | what the average draws on the way |
//! | `mod.rs` | the loop around the step |

mod batch;
mod discriminator;
mod draw;
mod encoded;
mod frozen;
mod measure;
mod networks;
mod parallel;
mod plan;
mod record;
mod samples;
mod shard;
mod start;
mod step;

pub use batch::Batch;
pub use frozen::Frozen;
pub use measure::load_best;
pub use record::Losses;
pub use samples::known_prompts;
pub use start::check as check_start;
pub use step::Trainer;

use std::path::Path;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::divergence::Watch;
use super::optim::loss_scale::LossScale;
use super::recipe::gan::{GanRecipe, Phase, Trains};
use super::run::checkpoint::{Checkpoints, Loaded, State, load_module, module_bytes};
use super::run::progress::Progress;
use super::run::{RunFolder, TrainContext, starting_point};
use super::stem;
use crate::data::{Dataset, EncodedCaptions, Position, Sampler, Split};
use crate::glam::{Generator, GeneratorConfig};
use crate::{Error, Result};
use measure::{Best, Measure, Measured};
use networks::Networks;

/// The folder in RUN, and the kind of its checkpoints.
pub const KIND: &str = "gan";

/// Where a training stands in its recipe; saved in each checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    phase: usize,
    /// Pictures seen in this phase.
    seen: usize,
    /// Pictures seen in all.
    total: usize,
}

/// What a checkpoint remembers beside networks, optimizers and random state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    phase: usize,
    seen: usize,
    total: usize,
    /// Stages that have learned, whatever the recipe says of the phases by now; nothing where the checkpoint does not say.
    #[serde(default)]
    trained: Option<usize>,
    #[serde(default)]
    scales: Vec<LossScale>,
    #[serde(default)]
    watch: Watch,
    #[serde(default)]
    best: Option<Best>,
    /// Nothing where the checkpoint does not say.
    #[serde(default)]
    networks: Option<Networks>,
}

impl Extra {
    fn of(loaded: &Loaded) -> Result<Self> {
        serde_json::from_value(loaded.state.extra.clone()).map_err(|error| Error::BadCheckpoint {
            file: loaded.folder.join("state.json").display().to_string(),
            message: error.to_string(),
        })
    }

    /// How many stages have learned; where the checkpoint does not say, by the phases of `recipe`.
    fn trained_stages(&self, recipe: &GanRecipe) -> usize {
        self.trained.unwrap_or_else(|| recipe.trained_stages(self.phase + usize::from(self.seen > 0)))
    }
}

/// Whether the training of the generator in `run` is done with all phases.
///
/// # Errors
/// [`Error::BadCheckpoint`] when its newest checkpoint is broken.
pub fn finished(run: &Path, recipe: &GanRecipe) -> Result<bool> {
    let latest = Checkpoints::new(run.join(KIND).join("checkpoints")).latest(KIND)?;
    Ok(latest.and_then(|loaded| loaded.state.extra["phase"].as_u64()).is_some_and(|phase| phase as usize >= recipe.phases.len()))
}

/// How many stages have learned by the newest checkpoint of `run`, or by the best one.
///
/// # Errors
/// [`Error::BadInput`] when there is none yet, or where nothing was measured; [`Error::BadCheckpoint`] when it is broken.
pub fn trained_stages(run: &Path, recipe: &GanRecipe, best: bool) -> Result<usize> {
    if best {
        return Ok(measure::read_best(run)?.1.stages);
    }
    let loaded = stem::newest(run, KIND)?;
    Ok(Extra::of(&loaded)?.trained_stages(recipe))
}

/// A line of `log.jsonl`.
#[derive(Serialize)]
struct Line {
    step: usize,
    phase: usize,
    pictures: usize,
    pictures_per_second: f64,
    /// How long the step waited for its photographs and captions.
    data_seconds: f64,
    #[serde(flatten)]
    losses: serde_json::Map<String, serde_json::Value>,
    stages: usize,
    #[serde(flatten)]
    measured: Option<Measured>,
    /// Steps left out so far because f16 could not hold their gradients.
    #[serde(skip_serializing_if = "is_zero")]
    skipped_steps: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Trains until every phase is done.
///
/// # Errors
/// [`Error::BadInput`] when STEM or STREAM are not trained yet, [`Error::BadData`] when there are too few pictures, [`Error::Diverged`], [`Error::Interrupted`] after a checkpoint.
pub fn run(context: &TrainContext) -> Result<()> {
    let recipe = &context.recipe;
    let vocabulary = context.vocabulary()?;
    let start = starting_point(context, KIND)?;
    let device = context.device.clone().autodiff();
    context.recipe.gan.precision.check(&device)?;
    let devices: Vec<Device> = devices(&context.device, recipe.gan.devices)?.into_iter().map(Device::autodiff).collect();
    let frozen = frozen::load(context, &device)?;
    let size = context.recipe.data.size.max(context.recipe.gan.crop_from);
    let dataset = stem::open_at(context, Split::Train, &vocabulary, size)?;
    enough(context, dataset.len())?;
    stem::going_on(context, start.as_ref(), &dataset, None)?;
    let context = &samples::with_known_prompts(context, &vocabulary, &dataset)?;
    let captions = EncodedCaptions::new(&dataset, &vocabulary)?;
    let mut session = Session::start(context, frozen, &devices, start.as_ref())?;
    session.data = dataset.fingerprint();
    if session.place.phase < recipe.gan.phases.len() {
        session.measure = Measure::new(context, &vocabulary)?;
    }
    let samples = samples::Samples::new(context, &vocabulary)?;
    // Nothing is written before it is clear that the training can go on.
    let mut run = RunFolder::open(context, KIND, start.as_ref())?;
    if session.step == 0 {
        measure::forget(&run.folder)?;
    }
    for index in session.place.phase..recipe.gan.phases.len() {
        let done = session.phase(context, &mut run, &dataset, &captions, &samples, index);
        done.map_err(|error| run.checkpoints.explain(error))?;
    }
    run.report();
    Ok(())
}

/// Wrong pairs are made within what a device computes at once, so that it needs two pictures.
fn enough(context: &TrainContext, pictures: usize) -> Result<()> {
    let recipe = &context.recipe.gan;
    for (index, phase) in recipe.phases.iter().enumerate() {
        let (accumulate, devices) = (phase.accumulate, recipe.devices);
        let least = 2 * accumulate * devices;
        if pictures < least {
            let file = context.data.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
            let message = format!(
                "has {pictures} usable pictures for training; gan.phases[{index}] needs {least} or more, two for each of {accumulate} batches \
                 (accumulate) on each of {devices} devices (gan.devices)"
            );
            return Err(Error::BadData { file, message });
        }
    }
    Ok(())
}

/// The running average of the generator of a run's newest checkpoint, on `device`, with its first `stages` stages.
///
/// # Errors
/// [`Error::BadInput`] when there is no such training yet; [`Error::BadCheckpoint`] when it is broken.
pub fn load(run: &Path, config: &GeneratorConfig, stages: usize, device: &Device) -> Result<Generator> {
    let loaded = stem::newest(run, KIND)?;
    Ok(loaded.module("average", config.init(device))?.truncated(stages))
}

/// `count` devices of the kind of `first`, beginning with it. The processor is one device that may be named several times.
///
/// # Errors
/// [`Error::BadInput`] when there are fewer.
fn devices(first: &Device, count: usize) -> Result<Vec<Device>> {
    if count == 1 || *first == Device::flex() {
        return Ok(vec![first.clone(); count]);
    }
    let mut found = vec![first.clone()];
    for kind in crate::nn::gpu_kinds() {
        let all = Device::enumerate(kind).into_vec();
        if all.contains(first) {
            found.extend(all.into_iter().filter(|device| device != first));
        }
    }
    if found.len() < count {
        return Err(Error::BadInput(format!("--devices {count}: there are {} of this kind", found.len())));
    }
    found.truncate(count);
    Ok(found)
}

/// A training under way.
struct Session {
    trainer: Trainer,
    /// [`Dataset::fingerprint`].
    data: String,
    place: Place,
    /// Stages that have learned.
    trained: usize,
    step: usize,
    position: Position,
    saved: Instant,
    watch: Watch,
    measure: Option<Measure>,
    best: Option<Best>,
    /// Phase whose beginning is already done.
    begun: Option<usize>,
}

impl Session {
    fn start(context: &TrainContext, frozen: Frozen, devices: &[Device], start: Option<&Loaded>) -> Result<Self> {
        let rng = ChaCha8Rng::seed_from_u64(context.recipe.seed);
        let trainer = Trainer::new(context.recipe.gan.clone(), frozen, devices, rng)?;
        let fresh = Self {
            trainer,
            data: String::new(),
            place: Place::default(),
            trained: 0,
            step: 0,
            position: Position::default(),
            saved: Instant::now(),
            watch: Watch::default(),
            measure: None,
            best: None,
            begun: None,
        };
        match start {
            Some(loaded) => fresh.restore(loaded),
            None => fresh.start_from_model(),
        }
    }

    fn start_from_model(mut self) -> Result<Self> {
        if let Some((model, stages)) = start::read(&self.trainer.recipe, &self.trainer.device.clone().inner())? {
            let learning = self.trainer.recipe.trained_stages(usize::MAX);
            if learning < stages {
                eprintln!(
                    "warning: the phases train {learning} of the model's {stages} stages; the others draw on as they are, on what has changed"
                );
            }
            start::give(model, stages, &mut self.trainer)?;
            self.trained = stages;
        }
        Ok(self)
    }

    fn restore(mut self, loaded: &Loaded) -> Result<Self> {
        let file = |name: &str| loaded.folder.join(name).display().to_string();
        let extra = Extra::of(loaded)?;
        if let Some(networks) = &extra.networks {
            networks
                .check(&self.trainer.recipe)
                .map_err(|message| Error::BadCheckpoint { file: loaded.folder.display().to_string(), message })?;
        }
        self.place = Place { phase: extra.phase, seen: extra.seen, total: extra.total };
        self.trained = extra.trained_stages(&self.trainer.recipe);
        self.watch = extra.watch;
        self.best = extra.best;
        // Of a training that began with a model, the recipe by itself does not say what its phases stand on.
        self.trainer.recipe.check_last(self.trained).map_err(Error::BadInput)?;
        let trainer = &mut self.trainer;
        if extra.scales.len() == trainer.scales.len() {
            trainer.scales = extra.scales;
        }
        trainer.generator = loaded.module("generator", trainer.generator.clone())?;
        trainer.average = loaded.module("average", trainer.average.clone())?;
        trainer.generator_optimizer =
            trainer.generator_optimizer.clone().load(&loaded.part("generator-adam")?, &trainer.device, &file("generator-adam"))?;
        for stage in 0..trainer.discriminators.len() {
            let (name, adam) = (format!("discriminator-{stage}"), format!("discriminator-{stage}-adam"));
            trainer.discriminators[stage] = load_module(trainer.discriminators[stage].clone(), loaded.part(&name)?, &file(&name))?;
            trainer.discriminator_optimizers[stage] =
                trainer.discriminator_optimizers[stage].clone().load(&loaded.part(&adam)?, &trainer.device, &file(&adam))?;
        }
        trainer.rng = loaded.rng()?;
        self.step = loaded.state.step;
        self.position = loaded.state.position;
        self.begun = (self.place.seen > 0).then_some(self.place.phase);
        Ok(self)
    }

    fn save(&mut self, run: &RunFolder) -> Result<()> {
        let trainer = &self.trainer;
        let mut parts = vec![
            ("generator".to_string(), module_bytes(&trainer.generator, self.step)?),
            ("average".to_string(), module_bytes(&trainer.average, self.step)?),
            ("generator-adam".to_string(), trainer.generator_optimizer.to_bytes()?),
        ];
        for (stage, (discriminator, adam)) in trainer.discriminators.iter().zip(&trainer.discriminator_optimizers).enumerate() {
            parts.push((format!("discriminator-{stage}"), module_bytes(discriminator, self.step)?));
            parts.push((format!("discriminator-{stage}-adam"), adam.to_bytes()?));
        }
        let Place { phase, seen, total } = self.place;
        let (scales, watch, networks) = (trainer.scales.clone(), self.watch.clone(), Some(Networks::of(&trainer.recipe)));
        let extra = Extra { phase, seen, total, trained: Some(self.trained), scales, watch, best: self.best, networks };
        let state = State::new(KIND, self.step, self.position, &trainer.rng, run.log_bytes(), json!(extra)).of_data(self.data.clone());
        run.checkpoints.write(state, parts.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect())?;
        run.report();
        self.saved = Instant::now();
        Ok(())
    }

    fn phase(
        &mut self,
        context: &TrainContext,
        run: &mut RunFolder,
        dataset: &Dataset,
        captions: &EncodedCaptions,
        samples: &samples::Samples,
        index: usize,
    ) -> Result<()> {
        let recipe = &context.recipe;
        let phase: Phase = recipe.gan.phases[index].clone();
        let mut sampler = Sampler::new(dataset.len(), phase.batch * phase.accumulate, recipe.seed, self.position);
        self.begin(recipe, &phase, index, dataset, captions)?;
        let steps = |pictures: usize| pictures.div_ceil(sampler.batch_size());
        let mut progress = Progress::new(&phase_name(&phase), steps(phase.pictures), steps(self.place.seen), context.progress);
        while self.place.seen < phase.pictures {
            let start = Instant::now();
            let max_words = recipe.data.max_words;
            let batch = Batch::draw(dataset, captions, sampler.next_batch(), max_words, recipe.data.size, &mut self.trainer.rng)?;
            let data_seconds = start.elapsed().as_secs_f64();
            dataset.prefetch(sampler.peek());
            let count = batch.captions.len();
            let losses = self.trainer.step(self.step, self.place.seen, &phase, &batch)?;
            if let Some(message) = self.watch.note(&losses, recipe.gan.explosion) {
                return Err(Error::Diverged { step: self.step, message });
            }
            self.step += 1;
            self.trained = self.trained.max(phase.stages);
            self.position = sampler.position();
            self.place = Place { phase: index, seen: self.place.seen + count, total: self.place.total + count };
            let pictures_per_second = count as f64 / start.elapsed().as_secs_f64();
            let measured = self.measure(phase.stages, self.place.total - count)?;
            progress.step(count);
            progress.show(&losses.iter().map(|(name, value)| format!("{name} {value:.3}")).collect::<Vec<_>>().join(", "));
            run.log(&Line {
                step: self.step,
                phase: index,
                pictures: self.place.total,
                pictures_per_second,
                data_seconds,
                losses: losses.iter().map(|(name, value)| (name.to_string(), json!(value))).collect(),
                stages: phase.stages,
                measured,
                skipped_steps: self.trainer.skipped(),
            })?;
            if let Some(Measured { kernel_distance, r_precision }) = measured {
                let text = r_precision.map_or(String::new(), |share| format!(", R-precision {share:.3}"));
                progress.line(&format!("{} pictures: kernel distance {kernel_distance:.4}{text}", self.place.total));
                self.keep_best(run, Best { stages: phase.stages, kernel_distance })?;
            }
            if self.place.total / recipe.gan.sample_every > (self.place.total - count) / recipe.gan.sample_every {
                samples.draw(&self.trainer, phase.stages, run, self.place.total)?;
            }
            if context.interrupt.requested() {
                self.save(run)?;
                return Err(Error::Interrupted);
            }
            // Of a training that is about to explode, the last checkpoint is the one to go on from.
            if self.watch.calm() && self.saved.elapsed() >= Duration::from_secs(recipe.data.checkpoint_seconds) {
                self.save(run)?;
            }
        }
        progress.finish();
        samples.draw(&self.trainer, phase.stages, run, self.place.total)?;
        self.place = Place { phase: index + 1, seen: 0, total: self.place.total };
        // Batches of the next phase may be of another size; it begins with the next epoch.
        self.position = Position { epoch: self.position.epoch + 1, batch: 0 };
        self.save(run)
    }

    /// What the average draws now, where that is due after a step that began at `before` pictures.
    fn measure(&self, stages: usize, before: usize) -> Result<Option<Measured>> {
        let due = self.measure.as_ref().filter(|measure| measure.due(before, self.place.total));
        due.map(|measure| measure.take(&self.trainer, stages)).transpose()
    }

    fn keep_best(&mut self, run: &RunFolder, found: Best) -> Result<()> {
        if self.watch.calm() && measure::improves(self.best, found) {
            let state = State::new(KIND, self.step, self.position, &self.trainer.rng, run.log_bytes(), json!(found));
            measure::keep(&run.folder, state, &self.trainer)?;
            self.best = Some(found);
        }
        Ok(())
    }

    /// Does what comes before a phase's first step, once.
    fn begin(&mut self, recipe: &super::Recipe, phase: &Phase, index: usize, dataset: &Dataset, captions: &EncodedCaptions) -> Result<()> {
        if self.begun == Some(index) {
            return Ok(());
        }
        if self.step == 0 {
            // Enough photographs for steady statistics, the first of the first epoch.
            let some = Sampler::new(dataset.len(), dataset.len().min(64), recipe.seed, Position::default()).next_batch();
            let batch = Batch::draw(dataset, captions, some, recipe.data.max_words, recipe.data.size, &mut self.trainer.rng)?;
            self.trainer.calibrate(&batch);
        }
        let new_discriminator = index > 0 && phase.stages > recipe.gan.trained_stages(index);
        self.trainer.begin_phase(phase.stages, new_discriminator, self.trained);
        self.begun = Some(index);
        Ok(())
    }
}

fn phase_name(phase: &Phase) -> String {
    let size = crate::glam::GeneratorConfig::picture_size(phase.stages - 1);
    match phase.trains {
        Trains::All => format!("{size} px"),
        Trains::Last => format!("{size} px, last stage"),
    }
}
