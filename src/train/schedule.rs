//! The loop that `train stem` and `train stream` share: epochs, learning rate, log, measurements, checkpoints, interrupts.

use std::time::{Duration, Instant};

use burn::tensor::Tensor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::run::checkpoint::{Loaded, State, write_folder};
use super::run::examples::Example;
use super::run::progress::Progress;
use super::run::{RunFolder, TrainContext};
use crate::data::{Position, Sampler};
use crate::readback;
use crate::{Error, Result};

/// Steps between two looks at the loss; each look waits for the device.
const LOOK_EVERY: usize = 25;

/// A model that learns from batches.
pub trait Learner {
    /// `stem` or `stream`.
    const KIND: &'static str;

    /// One optimizer step on the samples of `indices`; returns the loss, still on the device and without a graph.
    fn step(&mut self, indices: &[usize], learning_rate: f64, rng: &mut ChaCha8Rng) -> Tensor<1>;

    /// What the test split says; nothing when there is no such split.
    fn test(&self) -> Result<Measured>;

    /// [`Dataset::fingerprint`](crate::data::Dataset::fingerprint) of what is learned from.
    fn data(&self) -> String;

    /// The files of a checkpoint after `step` steps: what the model is, its weights, the optimizer.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the weights are not finite.
    fn parts(&self, step: usize) -> Result<Vec<(&'static str, Vec<u8>)>>;
}

/// What was measured on the test split.
#[derive(Debug, Default)]
pub struct Measured {
    /// Values by name, the first of which is better when greater.
    pub values: Vec<(&'static str, f64)>,
    /// What the model makes of a few pictures, always the same ones.
    pub examples: Vec<Example>,
}

/// How long and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Samples of the training split.
    pub samples: usize,
    /// Samples in a step.
    pub batch: usize,
    /// Times that every sample is seen.
    pub epochs: usize,
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// Factor after each epoch.
    pub decay: f64,
    /// What the learning rate does not fall below.
    pub least_learning_rate: f64,
    /// Epochs between two measurements.
    pub test_every: usize,
}

impl Schedule {
    /// The learning rate of an epoch.
    fn rate(&self, epoch: usize) -> f64 {
        let decayed = self.learning_rate * self.decay.powi(epoch as i32);
        decayed.max(self.least_learning_rate.min(self.learning_rate))
    }
}

/// What is remembered beside the model.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    /// Sum of the losses of this epoch so far.
    loss_sum: f32,
    /// The best value measured.
    best: Option<f64>,
    /// The least mean loss of an epoch.
    #[serde(default)]
    least: Option<f32>,
}

/// How many times as large as in the best epoch the mean loss of an epoch must be to be lost for good. A loss below 1 is never large.
const EXPLODED: f32 = 100.0;

/// Why `mean`, of an epoch so far, is no loss to go on from, if it is none.
fn exploded(mean: f32, least: Option<f32>) -> Option<String> {
    let least = least?;
    (mean > EXPLODED * least.max(1.0)).then(|| format!("the mean loss of the epoch is {mean:.3e}; that of the best one was {least:.3e}"))
}

/// Trains `learner` until the schedule is over, from `start` on, whose weights it has already.
///
/// # Errors
/// [`Error::BadCheckpoint`] when `start` cannot be gone on from: nothing has been written then;
/// [`Error::Interrupted`] after a checkpoint was written because the context's interrupt asked to stop; [`Error::Diverged`] when the
/// loss is no number any more, or has exploded (the newest checkpoint is then from before).
pub fn drive<L: Learner>(learner: &mut L, context: &TrainContext, schedule: Schedule, start: Option<&Loaded>) -> Result<()> {
    let place = Place::of(context, start)?;
    let mut run = RunFolder::open(context, L::KIND, start)?;
    let checkpoints = run.checkpoints.clone();
    train(learner, context, schedule, place, &mut run).map_err(|error| checkpoints.explain(error))
}

/// Where a training stands.
struct Place {
    step: usize,
    position: Position,
    rng: ChaCha8Rng,
    extra: Extra,
}

impl Place {
    fn of(context: &TrainContext, start: Option<&Loaded>) -> Result<Self> {
        let Some(loaded) = start else {
            let rng = ChaCha8Rng::seed_from_u64(context.recipe.seed);
            return Ok(Self { step: 0, position: Position::default(), rng, extra: Extra::default() });
        };
        let extra = serde_json::from_value(loaded.state.extra.clone()).map_err(|error| Error::BadCheckpoint {
            file: loaded.folder.join("state.json").display().to_string(),
            message: format!("extra: {error}"),
        })?;
        Ok(Self { step: loaded.state.step, position: loaded.state.position, rng: loaded.rng()?, extra })
    }
}

fn train<L: Learner>(learner: &mut L, context: &TrainContext, schedule: Schedule, place: Place, run: &mut RunFolder) -> Result<()> {
    let Place { mut step, position, mut rng, mut extra } = place;
    let mut sampler = Sampler::new(schedule.samples, schedule.batch, context.recipe.seed, position);
    if sampler.position() != position {
        // The epoch that the sum belongs to is over.
        extra.loss_sum = 0.0;
    }
    let device = context.device.clone();
    let mut sum = Tensor::<1>::from_floats([extra.loss_sum], &device);
    let mut progress = Progress::new(L::KIND, schedule.epochs * sampler.batches(), step, context.progress);
    let mut saved = Instant::now();
    let interval = Duration::from_secs(context.recipe.data.checkpoint_seconds);
    while sampler.position().epoch < schedule.epochs {
        let Position { epoch, batch } = sampler.position();
        let due = saved.elapsed() >= interval && batch > 0;
        let stop = context.interrupt.requested();
        if stop || due {
            extra.loss_sum = read(&sum, step)?;
            // Of a training that is about to explode, the last checkpoint is the one to go on from.
            if stop || exploded(extra.loss_sum / batch as f32, extra.least).is_none() {
                save(learner, run, step, &sampler, &rng, &extra)?;
                saved = Instant::now();
            }
        }
        if stop {
            progress.finish();
            return Err(Error::Interrupted);
        }
        let learning_rate = schedule.rate(epoch);
        let indices = sampler.next_batch();
        sum = sum + learner.step(&indices, learning_rate, &mut rng);
        step += 1;
        progress.step(indices.len());
        if step % LOOK_EVERY == 0 {
            let mean = read(&sum, step)? / (batch + 1) as f32;
            if let Some(message) = exploded(mean, extra.least) {
                return Err(Error::Diverged { step, message });
            }
            progress.show(&format!("epoch {}/{}, loss {mean:.3}", epoch + 1, schedule.epochs));
        }
        if sampler.position().epoch > epoch {
            let loss = read(&sum, step)? / sampler.batches() as f32;
            if let Some(message) = exploded(loss, extra.least) {
                return Err(Error::Diverged { step, message });
            }
            extra.least = Some(extra.least.map_or(loss, |least| least.min(loss)));
            sum = Tensor::zeros([1], &device);
            extra.loss_sum = 0.0;
            let last = epoch + 1 == schedule.epochs;
            let measured = if last || (epoch + 1).is_multiple_of(schedule.test_every) { learner.test()? } else { Measured::default() };
            let mut line = serde_json::json!({ "epoch": epoch + 1, "step": step, "learning_rate": learning_rate, "loss": loss });
            measured.values.iter().for_each(|(name, value)| line[*name] = (*value).into());
            run.log(&line)?;
            run.examples(epoch + 1, &measured.examples);
            let values: String = measured.values.iter().map(|(name, value)| format!(", {name} {value:.4}")).collect();
            progress.line(&format!("{} epoch {}/{}: loss {loss:.4}{values}", L::KIND, epoch + 1, schedule.epochs));
            if let Some((_, value)) = measured.values.first()
                && extra.best.is_none_or(|best| *value > best)
            {
                extra.best = Some(*value);
                let state = state(learner, run, step, &sampler, &rng, &extra)?;
                write_folder(&run.folder.join("best"), state, learner.parts(step)?)?;
            }
            if last || saved.elapsed() >= interval {
                save(learner, run, step, &sampler, &rng, &extra)?;
                saved = Instant::now();
            }
        }
    }
    progress.finish();
    Ok(())
}

fn state<L: Learner>(learner: &L, run: &RunFolder, step: usize, sampler: &Sampler, rng: &ChaCha8Rng, extra: &Extra) -> Result<State> {
    let extra = serde_json::to_value(extra).map_err(|error| Error::BadInput(error.to_string()))?;
    Ok(State::new(L::KIND, step, sampler.position(), rng, run.log_bytes(), extra).of_data(learner.data()))
}

fn save<L: Learner>(learner: &L, run: &RunFolder, step: usize, sampler: &Sampler, rng: &ChaCha8Rng, extra: &Extra) -> Result<()> {
    run.checkpoints.write(state(learner, run, step, sampler, rng, extra)?, learner.parts(step)?)?;
    run.report();
    Ok(())
}

/// The value of a loss.
///
/// # Errors
/// [`Error::Diverged`] when it is not finite.
fn read(loss: &Tensor<1>, step: usize) -> Result<f32> {
    let value = readback::read_now(loss.clone())?.first().copied().unwrap_or(f32::NAN);
    if value.is_finite() { Ok(value) } else { Err(Error::Diverged { step, message: format!("the loss is {value}") }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_explodes_beside_the_best_epoch() {
        assert_eq!(exploded(1e9, None), None, "the first epoch has nothing to be compared with");
        assert_eq!(exploded(90.0, Some(0.01)), None);
        assert!(exploded(101.0, Some(0.01)).is_some());
        assert_eq!(exploded(500.0, Some(8.0)), None);
        assert!(exploded(801.0, Some(8.0)).unwrap().contains("8.010e2"));
    }
}
