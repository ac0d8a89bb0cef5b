//! What STEM and STREAM have in common: epochs, a learning rate that falls from one to the next, and the mean loss of each.

use burn::tensor::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::course::{Best, Leg, Losses, Place, Standing, Step, Until};
use super::divergence::Guard;
use super::exact::Exact;
use super::run::checkpoint::Loaded;
use crate::readback;
use crate::{Error, Result};

/// Steps between two looks at the loss; each look waits for the device.
const LOOK_EVERY: usize = 25;

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

    /// Samples of a step, of which there may be fewer than asked for.
    fn step(&self) -> usize {
        self.batch.clamp(1, self.samples.max(1))
    }
}

/// What a step learns from: captions of samples, and which of their pictures are mirrored.
pub struct CaptionBatch {
    /// The samples.
    pub indices: Vec<usize>,
    /// Word numbers of a caption of each.
    pub captions: Vec<Vec<usize>>,
    /// Whether its picture is mirrored.
    pub flips: Vec<bool>,
}

impl CaptionBatch {
    /// A caption of each sample by `caption`, then whether each is mirrored.
    pub fn draw(indices: Vec<usize>, rng: &mut ChaCha8Rng, caption: impl Fn(usize, &mut ChaCha8Rng) -> Vec<usize>) -> Self {
        let captions = indices.iter().map(|index| caption(*index, rng)).collect();
        let flips = indices.iter().map(|_| rng.random()).collect();
        Self { indices, captions, flips }
    }
}

/// What `state.json` remembers of a training in epochs.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    /// Sum of the losses of this epoch so far.
    loss_sum: f32,
    /// The best value measured.
    best: Option<Exact>,
    /// The least mean loss of an epoch.
    #[serde(default)]
    least: Option<f32>,
    /// Batches of this epoch so far that had nothing to tell apart.
    #[serde(default, skip_serializing_if = "is_zero")]
    idle: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The epochs of a training.
pub struct Epochs {
    kind: &'static str,
    schedule: Schedule,
    rng: ChaCha8Rng,
    /// Sum of the losses of this epoch so far, on the device.
    sum: Tensor<1>,
    /// The same as it was last read.
    read: f32,
    /// Batches of this epoch so far that had nothing to tell apart.
    idle: usize,
}

impl Epochs {
    /// Those of a training of `kind` that begins anew; losses are on `device`.
    pub fn new(kind: &'static str, schedule: Schedule, seed: u64, device: &Device) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { kind, schedule, rng, sum: Tensor::zeros([1], device), read: 0.0, idle: 0 }
    }

    /// The one leg.
    pub fn legs(&self) -> Vec<Leg> {
        vec![Leg { name: self.kind.to_string(), batch: self.schedule.batch, until: Until::Epochs(self.schedule.epochs) }]
    }

    /// The training's random numbers.
    pub fn rng(&self) -> &ChaCha8Rng {
        &self.rng
    }

    /// The training's random numbers, to draw from.
    pub fn draw(&mut self) -> &mut ChaCha8Rng {
        &mut self.rng
    }

    /// Where a training that begins anew stands.
    pub fn fresh(&self) -> Standing {
        Standing { place: Place::default(), guard: Guard::Epochs { least: None }, best: None }
    }

    /// Goes on from a checkpoint.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`].
    pub fn restore(&mut self, from: &Loaded) -> Result<Standing> {
        let memory: Memory = serde_json::from_value(from.state.extra.clone()).map_err(|error| Error::BadCheckpoint {
            file: from.folder.join("state.json").display().to_string(),
            message: format!("extra: {error}"),
        })?;
        self.rng = from.rng()?;
        let (step, position) = (from.state.step, from.state.position);
        // Where the epoch has fewer batches by now, the one that the sum belongs to is over.
        let broken_off = position.batch > 0 && position.batch >= self.schedule.samples / self.schedule.step();
        (self.read, self.idle) = if broken_off { (0.0, 0) } else { (memory.loss_sum, memory.idle) };
        self.sum = Tensor::from_floats([self.read], &self.sum.device());
        let seen = step * self.schedule.step();
        let leg = usize::from(position.epoch >= self.schedule.epochs);
        let place = Place { leg, step, position, seen, total: seen, ..Place::default() };
        let best = memory.best.map(|Exact(value)| Best { class: 0, value });
        Ok(Standing { place, guard: Guard::Epochs { least: memory.least }, best })
    }

    /// What [`Epochs::restore`] reads.
    pub fn memory(&self, standing: &Standing) -> Value {
        let least = if let Guard::Epochs { least } = standing.guard { least } else { None };
        json!(Memory { loss_sum: self.read, best: standing.best.map(|best| Exact(best.value)), least, idle: self.idle })
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self, at: &Place) -> f64 {
        self.schedule.rate(at.position.epoch)
    }

    /// Takes note of a step's loss, which is not read yet.
    pub fn add(&mut self, loss: Tensor<1>) {
        self.sum = self.sum.clone() + loss;
    }

    /// Takes note of a batch that had nothing to tell apart.
    pub fn add_idle(&mut self) {
        self.idle += 1;
    }

    /// The mean loss of the epoch so far: now and then, when it is over, and where it is `asked` for.
    ///
    /// # Errors
    /// [`Error::Diverged`] when it is not finite; [`Error::Device`].
    pub fn losses(&mut self, at: &Place, asked: bool) -> Result<Option<Losses>> {
        if asked && at.epoch_over() || !(asked || at.epoch_over() || at.step.is_multiple_of(LOOK_EVERY)) {
            return Ok(None);
        }
        let sum = readback::read_now(self.sum.clone())?.first().copied().unwrap_or(f32::NAN);
        if !sum.is_finite() {
            return Err(Error::Diverged { step: at.step, message: format!("the loss is {sum}") });
        }
        let batches = if at.epoch_over() { self.schedule.samples / self.schedule.step() } else { at.position.batch };
        self.read = sum;
        if at.epoch_over() {
            self.sum = Tensor::zeros([1], &self.sum.device());
            self.read = 0.0;
        }
        Ok(Some(vec![("loss", f64::from(sum / batches as f32))]))
    }

    /// Whether the test part is asked after a step: now and then when an epoch is over, and after the last one.
    pub fn measures(&self, at: &Place) -> bool {
        at.epoch_over() && (at.position.epoch == self.schedule.epochs || at.position.epoch.is_multiple_of(self.schedule.test_every))
    }

    /// The line of an epoch that is over.
    pub fn line(&mut self, step: &Step<'_>) -> Option<(Value, Option<String>)> {
        let losses = step.losses.filter(|_| step.at.epoch_over())?;
        let epoch = step.at.position.epoch;
        let mut line = json!({ "epoch": epoch, "step": step.at.step, "learning_rate": self.schedule.rate(epoch - 1) });
        let mut text = format!("{} epoch {epoch}/{}:", self.kind, self.schedule.epochs);
        let measured = step.measured.map_or(&[][..], |measured| &measured.values);
        for (at, (name, value)) in losses.iter().chain(measured).enumerate() {
            line[*name] = (*value).into();
            let beside = step.measured.map_or(String::new(), |measured| measured.beside(name));
            text += &format!("{} {name} {value:.4}{beside}", if at == 0 { "" } else { "," });
        }
        if let Some(measured) = step.measured.filter(|measured| !measured.against.is_empty()) {
            line["against"] = measured.against.clone().into();
        }
        let idle = std::mem::take(&mut self.idle);
        if idle > 0 {
            line["idle_batches"] = idle.into();
            text += &format!(", {idle} of {} batches had nothing to tell apart", self.schedule.samples / self.schedule.step());
        }
        Some((line, Some(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(samples: usize, batch: usize) -> Epochs {
        let schedule =
            Schedule { samples, batch, epochs: 9, learning_rate: 1.0, decay: 0.5, least_learning_rate: 0.2, test_every: 2 };
        Epochs::new("stem", schedule, 1, &Device::flex())
    }

    fn at(step: usize, epoch: usize, batch: usize) -> Place {
        Place { step, position: crate::data::Position { epoch, batch }, ..Place::default() }
    }

    #[test]
    fn the_loss_is_the_mean_of_the_epoch_and_begins_anew_with_the_next() {
        let mut epochs = epochs(6, 2);
        let mut add = |loss: f32, at: Place, asked: bool| {
            epochs.add(Tensor::from_floats([loss], &Device::flex()));
            epochs.losses(&at, asked).map(|losses| losses.map(|losses| losses[0].1))
        };
        assert_eq!(add(1.0, at(1, 0, 1), false).unwrap(), None);
        assert_eq!(add(3.0, at(2, 0, 2), true).unwrap(), Some(2.0));
        assert_eq!(add(5.0, at(3, 1, 0), false).unwrap(), Some(3.0));
        assert_eq!(add(7.0, at(4, 1, 1), true).unwrap(), Some(7.0));
        assert!(matches!(add(f32::NAN, at(5, 1, 2), true), Err(Error::Diverged { step: 5, .. })));
    }

    #[test]
    fn rates_fall_to_the_least_and_measurements_come_now_and_then_and_last() {
        let epochs = epochs(6, 2);
        assert_eq!([0, 1, 2, 3].map(|epoch| epochs.learning_rate(&at(0, epoch, 1))), [1.0, 0.5, 0.25, 0.2]);
        let measured: Vec<usize> = (1..=9).filter(|epoch| epochs.measures(&at(0, *epoch, 0))).collect();
        assert_eq!(measured, [2, 4, 6, 8, 9]);
        assert!(!epochs.measures(&at(0, 2, 1)));
    }
}
