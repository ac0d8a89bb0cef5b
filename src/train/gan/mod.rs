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
mod training;

pub use batch::Batch;
pub use frozen::Frozen;
pub use measure::load_best;
pub use record::Losses;
pub use samples::known_prompts;
pub use start::check as check_start;
pub use step::Trainer;

use std::path::Path;

use burn::tensor::Device;

use super::apart;
use super::course;
use super::error::{self, TrainError};
use super::prepared;
use super::recipe::gan::GanRecipe;
use super::run::checkpoint::Checkpoints;
use super::run::lock::RunLock;
use super::run::{TrainContext, starting_point};
use super::stem;
use crate::data::{EncodedCaptions, Split};
use crate::glam::{Generator, GeneratorConfig};
use crate::{Error, Result};
use training::{GanTraining, Memory};

/// The folder in RUN, and the kind of its checkpoints.
pub const KIND: &str = "gan";

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
/// [`TrainError::NotTrained`] when there is none yet, [`Error::BadInput`] where nothing was measured; [`Error::BadCheckpoint`] when it is
/// broken.
pub fn trained_stages(run: &Path, recipe: &GanRecipe, best: bool) -> error::Result<usize> {
    if best {
        return Ok(measure::read_best(run)?.1.stages);
    }
    let loaded = stem::newest(run, KIND)?;
    Ok(Memory::of(&loaded)?.trained_stages(recipe))
}

/// Trains until every phase is done.
///
/// # Errors
/// [`TrainError::NotTrained`] when STEM or STREAM are not trained yet, [`TrainError::OtherWords`] when they know other words,
/// [`TrainError::TooFewDevices`]; [`Error::BadData`] when there are too few pictures; as [`RunLock::take`], [`starting_point`] and [`course::run`].
pub fn run(context: &TrainContext) -> error::Result<()> {
    run_alone(context, &RunLock::take(context)?)
}

/// The same where the folder of the run is locked already.
///
/// # Errors
/// As [`run`].
pub fn run_alone(context: &TrainContext, _alone: &RunLock) -> error::Result<()> {
    let vocabulary = context.vocabulary()?;
    let start = starting_point(context, KIND)?;
    let device = context.device.clone().autodiff();
    context.recipe.gan.precision.check(&device)?;
    let devices: Vec<Device> = devices(context)?.into_iter().map(Device::autodiff).collect();
    let frozen = frozen::load(context, &device)?;
    let size = context.recipe.data.size.max(context.recipe.gan.crop_from);
    let dataset = prepared::open_at(context, Split::Train, &vocabulary, size)?;
    enough(context, dataset.len())?;
    prepared::going_on(context, start.as_ref(), &dataset, None)?;
    prepared::warn_of_other_captions(context, &dataset);
    let context = &samples::with_known_prompts(context, &vocabulary, &dataset)?;
    let captions = EncodedCaptions::new(&dataset, &vocabulary)?;
    apart::check(&context.data_names(), &dataset, &captions)?;
    let training = GanTraining::new(context, frozen, &devices, dataset, captions, &vocabulary, start.as_ref())?;
    Ok(course::run(context, training, start.as_ref())?)
}

/// Wrong pairs are made within what a device computes at once, so that it needs two pictures.
fn enough(context: &TrainContext, pictures: usize) -> Result<()> {
    let recipe = &context.recipe.gan;
    for (index, phase) in recipe.phases.iter().enumerate() {
        let (accumulate, devices) = (phase.accumulate, recipe.devices);
        let least = 2 * accumulate * devices;
        if pictures < least {
            let file = context.data_names();
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
/// [`TrainError::NotTrained`] when there is no such training yet; [`Error::BadCheckpoint`] when it is broken.
pub fn load(run: &Path, config: &GeneratorConfig, stages: usize, device: &Device) -> error::Result<Generator> {
    let loaded = stem::newest(run, KIND)?;
    Ok(loaded.module("average", config.init(device))?.truncated(stages))
}

/// The devices that share each batch: those that are named, or as many as the recipe wants of the kind of the first. The processor is one
/// device that may be named several times.
///
/// # Errors
/// [`TrainError::TooFewDevices`].
fn devices(context: &TrainContext) -> error::Result<Vec<Device>> {
    let (first, count) = (&context.device, context.recipe.gan.devices);
    if !context.devices.is_empty() {
        let found = context.devices.len();
        return if found == count { Ok(context.devices.clone()) } else { Err(TrainError::TooFewDevices { asked: count, found }) };
    }
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
        return Err(TrainError::TooFewDevices { asked: count, found: found.len() });
    }
    found.truncate(count);
    Ok(found)
}
