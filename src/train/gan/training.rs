//! The generator as a [`Training`]: phases, checkpoints, log; what a step does is in [`super::step`].

use burn::tensor::Device;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::batch::Batch;
use super::frozen::Frozen;
use super::measure::{self, Measure};
use super::networks::Networks;
use super::samples::Samples;
use super::shard::ranges;
use super::step::Trainer;
use super::{KIND, start};
use crate::data::{Dataset, EncodedCaptions, Position, Sampler};
use crate::evaluate::r_precision::RPrecision;
use crate::glam::GeneratorConfig;
use crate::text::Vocabulary;
use crate::train::Recipe;
use crate::train::apart;
use crate::train::course::{self, Leg, Losses, Measured, Place, Standing, Step, Training, Until};
use crate::train::divergence::{Guard, Watch};
use crate::train::error;
use crate::train::optim::loss_scale::LossScale;
use crate::train::recipe::gan::{GanRecipe, Phase, Trains};
use crate::train::run::checkpoint::Loaded;
use crate::train::run::parts::Parts;
use crate::train::run::{RunFolder, TrainContext};
use crate::watch::{Event, SharedWatcher};
use crate::{Error, Result};

/// What a checkpoint remembers beside networks, optimizers and random state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// Phases that are over.
    phase: usize,
    /// Pictures seen in this phase.
    seen: usize,
    /// Pictures seen in all.
    total: usize,
    /// Seconds spent on this phase; none where the checkpoint does not say.
    #[serde(default)]
    seconds: f64,
    /// Stages that have learned, whatever the recipe says of the phases by now; nothing where the checkpoint does not say.
    #[serde(default)]
    trained: Option<usize>,
    #[serde(default)]
    scales: Vec<LossScale>,
    #[serde(default)]
    watch: Watch,
    #[serde(default)]
    best: Option<measure::Best>,
    /// Nothing where the checkpoint does not say.
    #[serde(default)]
    networks: Option<Networks>,
}

impl Memory {
    /// That of a checkpoint.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`].
    pub fn of(loaded: &Loaded) -> Result<Self> {
        serde_json::from_value(loaded.state.extra.clone()).map_err(|error| Error::BadCheckpoint {
            file: loaded.folder.join("state.json").display().to_string(),
            message: error.to_string(),
        })
    }

    /// How many stages have learned; where the checkpoint does not say, by the phases of `recipe`.
    pub fn trained_stages(&self, recipe: &GanRecipe) -> usize {
        self.trained.unwrap_or_else(|| recipe.trained_stages(self.phase + usize::from(self.seen > 0)))
    }
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
    losses: serde_json::Map<String, Value>,
    stages: usize,
    #[serde(flatten)]
    measured: serde_json::Map<String, Value>,
    /// What each of these values was measured against.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    against: serde_json::Map<String, Value>,
    /// Terms that had nothing to learn from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    idle: Vec<&'static str>,
    /// Steps left out so far because f16 could not hold their gradients.
    #[serde(skip_serializing_if = "is_zero")]
    skipped_steps: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Numbers by name, as JSON has them.
fn by_name(values: &Losses) -> serde_json::Map<String, Value> {
    values.iter().map(|(name, value)| (name.to_string(), json!(value))).collect()
}

/// The generator and its discriminators, with what they learn from.
pub(super) struct GanTraining {
    trainer: Trainer,
    recipe: Recipe,
    dataset: Dataset,
    captions: EncodedCaptions,
    measure: Option<Measure>,
    samples: Samples,
    /// Stages that have learned.
    trained: usize,
    /// Those of the newest step.
    losses: Losses,
    /// Terms that had nothing to learn from in it.
    idle: Vec<&'static str>,
    watcher: SharedWatcher,
    /// Terms that were warned of in this call.
    warned: Vec<&'static str>,
    /// Whether it was said that there are few rivals.
    few_said: bool,
}

impl GanTraining {
    /// Fresh networks, or those of the model that the recipe names, where the training does not go on from `from`.
    ///
    /// # Errors
    /// As [`Trainer::new`], [`Measure::new`] and [`start::check`].
    pub fn new(
        context: &TrainContext,
        frozen: Frozen,
        devices: &[Device],
        dataset: Dataset,
        captions: EncodedCaptions,
        vocabulary: &Vocabulary,
        from: Option<&Loaded>,
    ) -> error::Result<Self> {
        let recipe = context.recipe.clone();
        let rng = ChaCha8Rng::seed_from_u64(recipe.seed);
        let mut trainer = Trainer::new(recipe.gan.clone(), frozen, devices, rng)?;
        let mut trained = 0;
        let phases_over = from.map(Memory::of).transpose()?.map(|memory| memory.phase);
        if phases_over.is_none()
            && let Some((model, stages)) = start::read(&trainer.recipe, &trainer.device.clone().inner())?
        {
            let learning = trainer.recipe.trained_stages(usize::MAX);
            if learning < stages {
                context.warn(&format!(
                    "the phases train {learning} of the model's {stages} stages; the others draw on as they are, on what has changed"
                ));
            }
            start::give(model, stages, &mut trainer, &*context.watcher)?;
            trained = stages;
        }
        let done = phases_over.is_some_and(|phases| phases >= recipe.gan.phases.len());
        let measure = if done { None } else { Measure::new(context, vocabulary)? };
        let samples = Samples::new(context, vocabulary)?;
        let (losses, watcher) = (Losses::new(), context.watcher.clone());
        let (idle, warned, few_said) = (Vec::new(), Vec::new(), false);
        Ok(Self { trainer, recipe, dataset, captions, measure, samples, trained, losses, idle, watcher, warned, few_said })
    }

    fn phase(&self, at: &Place) -> &Phase {
        &self.recipe.gan.phases[at.leg]
    }
}

impl Training for GanTraining {
    const KIND: &'static str = KIND;
    type Batch = Batch;

    fn legs(&self) -> Vec<Leg> {
        let leg = |phase: &Phase| Leg {
            name: phase_name(phase),
            batch: phase.batch * phase.accumulate,
            until: Until::Spent { pictures: phase.pictures, seconds: phase.seconds },
        };
        self.recipe.gan.phases.iter().map(leg).collect()
    }

    fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn rng(&self) -> &ChaCha8Rng {
        &self.trainer.rng
    }

    fn fresh(&self) -> Standing {
        let guard = Guard::Running { watch: Watch::default(), limit: self.recipe.gan.explosion };
        Standing { place: Place::default(), guard, best: None }
    }

    fn restore(&mut self, from: &Loaded) -> Result<Standing> {
        let memory = Memory::of(from)?;
        let trainer = &mut self.trainer;
        if let Some(networks) = &memory.networks {
            networks
                .check(&trainer.recipe)
                .map_err(|message| Error::BadCheckpoint { file: from.folder.display().to_string(), message })?;
        }
        self.trained = memory.trained_stages(&trainer.recipe);
        // Of a training that began with a model, the recipe by itself does not say what its phases stand on.
        trainer.recipe.check_last(self.trained).map_err(Error::BadInput)?;
        if memory.scales.len() == trainer.scales.len() {
            trainer.scales = memory.scales;
        }
        trainer.generator = from.module("generator", trainer.generator.clone())?;
        trainer.average = from.module("average", trainer.average.clone())?;
        trainer.generator_optimizer = from.adam("generator-adam", trainer.generator_optimizer.clone(), &trainer.device)?;
        for stage in 0..trainer.discriminators.len() {
            let (name, adam) = (format!("discriminator-{stage}"), format!("discriminator-{stage}-adam"));
            trainer.discriminators[stage] = from.module(&name, trainer.discriminators[stage].clone())?;
            trainer.discriminator_optimizers[stage] = from.adam(&adam, trainer.discriminator_optimizers[stage].clone(), &trainer.device)?;
        }
        trainer.rng = from.rng()?;
        let (step, position) = (from.state.step, from.state.position);
        let Memory { phase: leg, seen, total, seconds, .. } = memory;
        Ok(Standing {
            place: Place { leg, step, position, seen, total, newest: 0, seconds },
            guard: Guard::Running { watch: memory.watch, limit: self.recipe.gan.explosion },
            best: memory.best.map(course::Best::from),
        })
    }

    fn begin(&mut self, at: &Place) -> Result<()> {
        let Self { trainer, recipe, dataset, captions, .. } = self;
        if at.step == 0 {
            // Enough photographs for steady statistics, the first of the first epoch.
            let some = Sampler::new(dataset.len(), dataset.len().min(64), recipe.seed, Position::default()).next_batch();
            let batch = Batch::draw(dataset, captions, some, recipe.data.max_words, recipe.data.size, recipe.gan.mirror, &mut trainer.rng)?;
            trainer.calibrate(&batch);
        }
        let phase = &recipe.gan.phases[at.leg];
        if let Some(term) = apart::idle_phase(phase, &recipe.gan.weights_of(phase)) {
            let text = format!("gan.phases[{}] has one stage: the weight of {term} counts for nothing in it", at.leg);
            self.watcher.tell(&Event::Warning(&text));
        }
        let stages = phase.stages;
        let new_discriminator = at.leg > 0 && stages > recipe.gan.trained_stages(at.leg);
        trainer.begin_phase(stages, new_discriminator, self.trained);
        Ok(())
    }

    fn batch(&mut self, _at: &Place, indices: Vec<usize>) -> Result<Batch> {
        let data = &self.recipe.data;
        Batch::draw(&self.dataset, &self.captions, indices, data.max_words, data.size, self.recipe.gan.mirror, &mut self.trainer.rng)
    }

    fn step(&mut self, at: &Place, batch: Batch) -> Result<()> {
        let phase = &self.recipe.gan.phases[at.leg];
        let parts = ranges(batch.captions.len(), phase.accumulate, self.recipe.gan.devices);
        self.idle = apart::idle_terms(&self.recipe.gan.weights_of(phase), &batch.captions, &batch.classes, &parts);
        for term in self.idle.iter().filter(|term| !self.warned.contains(term)) {
            let text = format!(
                "step {}: nothing in the batch is wrong for anything else in it, by class or caption: {term} has nothing to learn from; the log \
                 names such terms (idle)",
                at.step + 1
            );
            self.watcher.tell(&Event::Warning(&text));
        }
        self.warned.extend(self.idle.iter().filter(|term| !self.warned.contains(term)).copied().collect::<Vec<_>>());
        self.losses = self.trainer.step(at.step, at.seen, phase, &batch)?;
        self.trained = self.trained.max(phase.stages);
        Ok(())
    }

    fn losses(&mut self, _at: &Place, _asked: bool) -> Result<Option<Losses>> {
        Ok(Some(self.losses.clone()))
    }

    /// Kernel distance and R-precision of what the average draws.
    fn measure(&mut self, at: &Place) -> Result<Option<Measured>> {
        let Some(measure) = self.measure.as_ref().filter(|measure| at.passed(measure.every)) else { return Ok(None) };
        let stages = self.phase(at).stages;
        let found = measure.take(&self.trainer, stages)?;
        let rank = measure::Best { stages, kernel_distance: found.kernel_distance };
        let mut measured = Measured { rank: Some(rank.into()), ..Measured::default() };
        let (drawn, photographs) = (found.drawn, found.photographs);
        let against = json!({ "drawn": drawn, "photographs": photographs });
        measured.value("kernel_distance", found.kernel_distance, against, format!("{drawn} drawn pictures, {photographs} photographs"));
        if let Some(RPrecision { mean, candidates, .. }) = found.r_precision {
            measured.value("r_precision", mean, candidates.to_json(), candidates.to_string());
            if let Some(warning) = candidates.warning().filter(|_| !std::mem::replace(&mut self.few_said, true)) {
                self.watcher.tell(&Event::Warning(&format!("R-precision on the way: {warning}")));
            }
        }
        Ok(Some(measured))
    }

    fn line(&mut self, step: &Step<'_>) -> Option<(impl Serialize, Option<String>)> {
        let result = step.measured.map(|measured| {
            let mut text = format!("{} pictures:", step.at.total);
            for (name, value) in &measured.values {
                text += &match *name {
                    "kernel_distance" => format!(" kernel distance {value:.4}"),
                    _ => format!(", R-precision {value:.3}"),
                };
                text += &measured.beside(name);
            }
            text
        });
        let line = Line {
            step: step.at.step,
            phase: step.at.leg,
            pictures: step.at.total,
            pictures_per_second: step.pictures_per_second,
            data_seconds: step.data_seconds,
            losses: by_name(&self.losses),
            stages: self.phase(step.at).stages,
            measured: step.measured.map(|measured| by_name(&measured.values)).unwrap_or_default(),
            against: step.measured.map(|measured| measured.against.clone()).unwrap_or_default(),
            idle: self.idle.clone(),
            skipped_steps: self.trainer.skipped(),
        };
        Some((line, result))
    }

    fn samples(&mut self, at: &Place, leg_over: bool, run: &mut RunFolder) -> Result<()> {
        if !leg_over && !at.passed(self.recipe.gan.sample_every) {
            return Ok(());
        }
        self.samples.draw(&self.trainer, self.phase(at).stages, run, at.total)
    }

    fn memory(&self, standing: &Standing) -> Value {
        let Place { leg: phase, seen, total, seconds, .. } = standing.place;
        let watch = if let Guard::Running { watch, .. } = &standing.guard { watch.clone() } else { Watch::default() };
        json!(Memory {
            phase,
            seen,
            total,
            seconds,
            trained: Some(self.trained),
            scales: self.trainer.scales.clone(),
            watch,
            best: standing.best.map(measure::Best::from),
            networks: Some(Networks::of(&self.trainer.recipe)),
        })
    }

    fn write(&self, parts: &mut Parts) -> Result<()> {
        write(&self.trainer, parts)
    }

    /// The average alone.
    fn write_best(&self, parts: &mut Parts) -> Result<()> {
        parts.module("average", &self.trainer.average)
    }

    fn memory_of_best(&self, standing: &Standing) -> Value {
        json!(standing.best.map(measure::Best::from))
    }
}

/// Networks and optimizers, one after the other.
fn write(trainer: &Trainer, parts: &mut Parts) -> Result<()> {
    parts.module("generator", &trainer.generator)?;
    parts.module("average", &trainer.average)?;
    parts.adam("generator-adam", &trainer.generator_optimizer)?;
    for (stage, (discriminator, adam)) in trainer.discriminators.iter().zip(&trainer.discriminator_optimizers).enumerate() {
        parts.module(&format!("discriminator-{stage}"), discriminator)?;
        parts.adam(&format!("discriminator-{stage}-adam"), adam)?;
    }
    Ok(())
}

fn phase_name(phase: &Phase) -> String {
    let size = GeneratorConfig::picture_size(phase.stages - 1);
    match phase.trains {
        Trains::All => format!("{size} px"),
        Trains::Last => format!("{size} px, last stage"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stem::TextEncoderConfig;
    use crate::train::run::checkpoint::{Checkpoints, State};
    use burn::module::{Module, ModuleVisitor, Param};
    use burn::optim::GradientsParams;
    use burn::tensor::Tensor;

    /// Gradients of nothing for every parameter.
    struct Zeros(GradientsParams);

    impl ModuleVisitor for Zeros {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                self.0.register(param.id, param.val().without_autodiff().zeros_like());
            }
        }
    }

    fn zeros(module: &impl Module) -> GradientsParams {
        let mut zeros = Zeros(GradientsParams::new());
        module.visit(&mut zeros);
        zeros.0
    }

    /// A figure of /proc/self/status, in MiB.
    fn mebibytes(name: &str) -> f64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Prints what a checkpoint of the published networks takes beside what learns. In an optimized build:
    /// `cargo test --release --lib -- --ignored --nocapture memory_of_a_checkpoint`.
    #[test]
    #[ignore = "takes gigabytes; prints figures"]
    fn memory_of_a_checkpoint_at_the_published_sizes() {
        let device = Device::flex();
        let stem = TextEncoderConfig { vocabulary: 5, ..TextEncoderConfig::default() }.init(&device);
        let frozen =
            Frozen { stem, encoder: None, decoder: None, damsm: None, region_stride: 16, stream_encoder: None, damsm_encoder: None };
        let recipe = GanRecipe::default();
        assert_eq!((recipe.generator.gf_dim, recipe.df_dim), (32, 64));
        let mut trainer = Trainer::new(recipe, frozen, &[device.autodiff()], ChaCha8Rng::seed_from_u64(1)).unwrap();
        let gradients = zeros(&trainer.generator);
        trainer.generator = trainer.generator_optimizer.step(1e-4, trainer.generator, gradients);
        for (discriminator, adam) in trainer.discriminators.iter_mut().zip(&mut trainer.discriminator_optimizers) {
            let gradients = zeros(discriminator);
            *discriminator = adam.step(1e-4, discriminator.clone(), gradients);
        }
        let place = tempfile::tempdir().unwrap();
        let before = mebibytes("VmRSS");
        // The peak so far is forgotten.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let state = State::new(KIND, 1, Position::default(), &trainer.rng, 0, Value::Null);
        Checkpoints::new(place.path()).write(state, |parts| write(&trainer, parts)).unwrap();
        let peak = mebibytes("VmHWM");
        println!("{before:.0} MiB before, {peak:.0} MiB at the most while it is written: {:.0} MiB more", peak - before);
    }
}
