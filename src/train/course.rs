//! The one loop of every training: STEM, STREAM and the generator are [`Training`]s, and this is their course.
//!
//! The loop owns where a training stands, its log, its checkpoints, when its losses have grown without end, its best weights, and when it
//! stops: at its end, when it is asked to, or at a deadline. What is learned, from what and with which losses is the training's own.

use std::fs;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::Value;

use super::divergence::Guard;
pub use super::measured::{Best, Measured};
use super::run::checkpoint::{Loaded, State, write_folder};
use super::run::parts::Parts;
use super::run::{RunFolder, TrainContext};
use crate::data::{Dataset, Position, Sampler};
use crate::watch::{Task, Unit};
use crate::{Error, Result};

/// The folder in RUN/KIND with the weights that measured best.
pub const BEST: &str = "best";

/// Losses by name: of a step, or the mean ones of an epoch so far.
pub type Losses = Vec<(&'static str, f64)>;

/// Something that learns from batches.
pub trait Training {
    /// `stem`, `stream` or `gan`: the folder in RUN, and the kind of its checkpoints.
    const KIND: &'static str;
    /// What a step learns from.
    type Batch;

    /// The stretches of the training, one after the other.
    fn legs(&self) -> Vec<Leg>;

    /// What is learned from.
    fn dataset(&self) -> &Dataset;

    /// The random numbers that checkpoints remember.
    fn rng(&self) -> &ChaCha8Rng;

    /// Where a training that begins anew stands.
    fn fresh(&self) -> Standing;

    /// Takes weights, optimizers and random numbers from a checkpoint, and says where it stands. Nothing has been written yet.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`] when the training cannot go on from it.
    fn restore(&mut self, from: &Loaded) -> Result<Standing>;

    /// Does what comes before a leg's first step, once.
    ///
    /// # Errors
    /// As [`Dataset::pictures`].
    fn begin(&mut self, _at: &Place) -> Result<()> {
        Ok(())
    }

    /// The samples of `indices`, drawn.
    ///
    /// # Errors
    /// As [`Dataset::pictures`].
    fn batch(&mut self, at: &Place, indices: Vec<usize>) -> Result<Self::Batch>;

    /// One step of the optimizers.
    ///
    /// # Errors
    /// [`Error::Diverged`] when a loss is not a number.
    fn step(&mut self, at: &Place, batch: Self::Batch) -> Result<()>;

    /// The losses after a step, where it is time to look at them, which may mean to wait for the device, or where that is `asked` for.
    ///
    /// # Errors
    /// [`Error::Diverged`] when a loss is not a number.
    fn losses(&mut self, at: &Place, asked: bool) -> Result<Option<Losses>>;

    /// What the test part says, where it is time to ask it. What learns is not touched.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn measure(&mut self, at: &Place) -> Result<Option<Measured>>;

    /// The line of `log.jsonl` after a step, where one is due, and what it says of it to people, where that is a result.
    fn line(&mut self, step: &Step<'_>) -> Option<(impl Serialize, Option<String>)>;

    /// Shows what has been learned, where that is due, and always when a leg is over.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn samples(&mut self, _at: &Place, _leg_over: bool, _run: &mut RunFolder) -> Result<()> {
        Ok(())
    }

    /// What `state.json` remembers beside the place in the data.
    fn memory(&self, standing: &Standing) -> Value;

    /// Hands on the parts of a checkpoint, one after the other.
    ///
    /// # Errors
    /// [`Error::Diverged`] when weights are not finite; [`Error::Io`].
    fn write(&self, parts: &mut Parts) -> Result<()>;

    /// What is kept of the best weights, and what its `state.json` remembers; all of a checkpoint where it is not said otherwise.
    ///
    /// # Errors
    /// As [`Training::write`].
    fn write_best(&self, parts: &mut Parts) -> Result<()> {
        self.write(parts)
    }

    /// [`Training::memory`] of the best weights.
    fn memory_of_best(&self, standing: &Standing) -> Value {
        self.memory(standing)
    }
}

/// A stretch of a training with batches of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    /// What it is called.
    pub name: String,
    /// Pictures of an optimizer step.
    pub batch: usize,
    /// When it is over.
    pub until: Until,
}

/// When a leg is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Until {
    /// So many epochs of the whole training are over.
    Epochs(usize),
    /// So many pictures of the leg are seen, or so many seconds were spent on it, whatever comes first.
    Spent {
        /// Pictures.
        pictures: Option<usize>,
        /// Seconds, in all calls together.
        seconds: Option<f64>,
    },
}

impl Until {
    /// Whether a leg that ends so is over.
    fn over(self, at: &Place) -> bool {
        match self {
            Self::Epochs(epochs) => at.position.epoch >= epochs,
            Self::Spent { pictures, seconds } => {
                pictures.is_some_and(|pictures| at.seen >= pictures) || seconds.is_some_and(|seconds| at.seconds >= seconds)
            }
        }
    }

    /// How much there is to do, how much of it is done, and what is counted.
    fn work(self, at: &Place, sampler: &Sampler) -> (usize, usize, Unit) {
        let steps = |pictures: usize| pictures.div_ceil(sampler.batch_size());
        match self {
            Self::Epochs(epochs) => (epochs * sampler.batches(), at.step, Unit::Steps),
            Self::Spent { pictures: Some(pictures), .. } => (steps(pictures), steps(at.seen), Unit::Steps),
            Self::Spent { seconds, .. } => (seconds.unwrap_or(0.0).ceil() as usize, at.seconds as usize, Unit::Seconds),
        }
    }
}

/// Where a training stands in its legs and its data.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Place {
    /// Which leg: as many as are over.
    pub leg: usize,
    /// Optimizer steps taken.
    pub step: usize,
    /// Where the next batch is.
    pub position: Position,
    /// Pictures seen in this leg.
    pub seen: usize,
    /// Pictures seen in all.
    pub total: usize,
    /// Pictures of the newest step.
    pub newest: usize,
    /// Seconds spent on this leg, in all calls together.
    pub seconds: f64,
}

impl Place {
    /// Whether the newest step was the last one of an epoch.
    pub fn epoch_over(&self) -> bool {
        self.position.batch == 0
    }

    /// Whether the newest step led past a multiple of `pictures`.
    pub fn passed(&self, pictures: usize) -> bool {
        self.total / pictures > (self.total - self.newest) / pictures
    }
}

/// What a checkpoint remembers of the course.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Where the training stands.
    pub place: Place,
    /// When its losses have grown without end.
    pub guard: Guard,
    /// The best that was measured.
    pub best: Option<Best>,
}

/// A step that was taken.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Where it led to.
    pub at: &'a Place,
    /// How long it waited for its batch.
    pub data_seconds: f64,
    /// Its speed.
    pub pictures_per_second: f64,
    /// The losses, where they were looked at.
    pub losses: Option<&'a Losses>,
    /// What was measured after it.
    pub measured: Option<&'a Measured>,
}

/// Trains until every leg is over, from `start` on, which [`starting_point`](super::run::starting_point) gave.
///
/// # Errors
/// [`Error::BadCheckpoint`] when `start` cannot be gone on from: nothing has been written then; [`Error::Interrupted`] and
/// [`Error::Deadline`] after a checkpoint was written because it was time to stop; [`Error::Diverged`] when losses are no numbers any more,
/// or have grown without end (the newest checkpoint is then from before); as the training.
pub fn run<T: Training>(context: &TrainContext, mut training: T, start: Option<&Loaded>) -> Result<()> {
    let standing = match start {
        Some(loaded) => training.restore(loaded)?,
        None => training.fresh(),
    };
    // Nothing is written before it is clear that the training can go on.
    let run = RunFolder::open(context, T::KIND, start)?;
    let best = run.folder.join(BEST);
    if standing.place.step == 0 && best.is_dir() {
        // Of an earlier training in this folder.
        fs::remove_dir_all(&best).map_err(|error| Error::io(&best, error))?;
    }
    let checkpoints = run.checkpoints.clone();
    let dataset = training.dataset();
    let data = [dataset.fingerprint(), dataset.annotations()];
    let mut course = Course { context, training, standing, run, data, saved: Instant::now() };
    course.all().map_err(|error| checkpoints.explain(error))
}

/// A training under way.
struct Course<'a, T> {
    context: &'a TrainContext,
    training: T,
    standing: Standing,
    run: RunFolder,
    /// [`Dataset::fingerprint`] and [`Dataset::annotations`].
    data: [String; 2],
    /// When the last checkpoint was written.
    saved: Instant,
}

impl<T: Training> Course<'_, T> {
    fn all(&mut self) -> Result<()> {
        let legs = self.training.legs();
        if self.standing.place.leg >= legs.len() {
            self.run.report();
        }
        while let Some(leg) = legs.get(self.standing.place.leg) {
            self.leg(leg)?;
        }
        Ok(())
    }

    fn leg(&mut self, leg: &Leg) -> Result<()> {
        let position = self.standing.place.position;
        let mut sampler = Sampler::new(self.training.dataset().len(), leg.batch, self.context.recipe.seed, position);
        // Another one where the epoch has fewer batches by now.
        self.standing.place.position = sampler.position();
        if self.standing.place.seen == 0 {
            self.training.begin(&self.standing.place)?;
        }
        let (total, done, unit) = leg.until.work(&self.standing.place, &sampler);
        let task = Task::begin(&*self.context.watcher, &leg.name, total, done, unit);
        let (before, clock) = (self.standing.place.seconds, Instant::now());
        while !leg.until.over(&self.standing.place) {
            let second = self.standing.place.seconds as usize;
            self.step(leg, &mut sampler, &task)?;
            self.standing.place.seconds = before + clock.elapsed().as_secs_f64();
            let place = &self.standing.place;
            task.advance_with(if unit == Unit::Seconds { place.seconds as usize - second } else { 1 }, place.newest);
            self.stop_or_save()?;
        }
        drop(task);
        self.training.samples(&self.standing.place, true, &mut self.run)?;
        let place = &mut self.standing.place;
        *place = Place { leg: place.leg + 1, seen: 0, seconds: 0.0, ..*place };
        if let Until::Spent { .. } = leg.until {
            // Batches of the next leg may be of another size; it begins with the next epoch.
            place.position = Position { epoch: place.position.epoch + 1, batch: 0 };
        }
        self.save()
    }

    fn step(&mut self, leg: &Leg, sampler: &mut Sampler, task: &Task<'_>) -> Result<()> {
        let (start, indices) = (Instant::now(), sampler.next_batch());
        let count = indices.len();
        let batch = self.training.batch(&self.standing.place, indices)?;
        let data_seconds = start.elapsed().as_secs_f64();
        self.training.dataset().prefetch(sampler.peek());
        self.training.step(&self.standing.place, batch)?;
        let pictures_per_second = count as f64 / start.elapsed().as_secs_f64();
        let place = &mut self.standing.place;
        *place = Place {
            step: place.step + 1,
            position: sampler.position(),
            seen: place.seen + count,
            total: place.total + count,
            newest: count,
            ..*place
        };
        let place = *place;

        let losses = self.training.losses(&place, false)?;
        if let Some(losses) = &losses {
            if let Some(message) = self.standing.guard.note(losses, place.epoch_over()) {
                return Err(Error::Diverged { step: place.step, message });
            }
            task.status(&status(leg, &place, losses));
        }
        let measured = self.training.measure(&place)?;
        let step = Step { at: &place, data_seconds, pictures_per_second, losses: losses.as_ref(), measured: measured.as_ref() };
        if let Some((line, result)) = self.training.line(&step) {
            self.run.log(&line)?;
            result.iter().for_each(|result| self.context.say(result));
        }
        if let Some(measured) = measured {
            self.run.examples(place.position.epoch, &measured.examples);
            self.keep_best(measured.rank, losses.as_deref().unwrap_or_default())?;
        }
        self.training.samples(&place, false, &mut self.run)
    }

    /// Keeps the weights in RUN/KIND/best where nothing better was measured before, and where they are not about to explode.
    fn keep_best(&mut self, rank: Option<Best>, losses: &[(&'static str, f64)]) -> Result<()> {
        let Some(rank) = rank.filter(|rank| rank.improves(self.standing.best) && self.standing.guard.calm(losses)) else { return Ok(()) };
        self.standing.best = Some(rank);
        let state = self.state(self.training.memory_of_best(&self.standing));
        write_folder(&self.run.folder.join(BEST), state, |parts| self.training.write_best(parts))
    }

    /// Saves the training and ends it where it is time to stop; saves it where the last checkpoint is old.
    fn stop_or_save(&mut self) -> Result<()> {
        if let Some(reason) = self.context.reason_to_stop() {
            self.training.losses(&self.standing.place, true)?;
            self.save()?;
            return Err(reason);
        }
        if self.saved.elapsed() < Duration::from_secs(self.context.recipe.data.checkpoint_seconds) {
            return Ok(());
        }
        // Of a training that is about to explode, the last checkpoint is the one to go on from.
        let losses = self.training.losses(&self.standing.place, true)?;
        if self.standing.guard.calm(&losses.unwrap_or_default()) { self.save() } else { Ok(()) }
    }

    fn save(&mut self) -> Result<()> {
        let state = self.state(self.training.memory(&self.standing));
        self.run.checkpoints.write(state, |parts| self.training.write(parts))?;
        self.run.report();
        self.saved = Instant::now();
        Ok(())
    }

    fn state(&self, memory: Value) -> State {
        let Place { step, position, .. } = self.standing.place;
        let [data, annotations] = self.data.clone();
        State::new(T::KIND, step, position, self.training.rng(), self.run.log_bytes(), memory).of_data(data, annotations)
    }
}

/// How it is going, in a few words.
fn status(leg: &Leg, at: &Place, losses: &Losses) -> String {
    let losses: Vec<String> = losses.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
    let epoch = match leg.until {
        Until::Epochs(epochs) => format!("epoch {}/{epochs}, ", at.position.epoch + usize::from(!at.epoch_over())),
        Until::Spent { .. } => String::new(),
    };
    epoch + &losses.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_over_by_epochs_pictures_or_seconds() {
        let at = Place { position: Position { epoch: 3, batch: 0 }, seen: 40, seconds: 9.5, ..Place::default() };
        let spent = |pictures, seconds| Until::Spent { pictures, seconds }.over(&at);
        assert_eq!([2, 3, 4].map(|epochs| Until::Epochs(epochs).over(&at)), [true, true, false]);
        assert_eq!([spent(Some(40), None), spent(Some(41), None)], [true, false]);
        assert_eq!([spent(None, Some(9.0)), spent(None, Some(10.0))], [true, false]);
        assert_eq!([spent(Some(41), Some(9.0)), spent(Some(40), Some(10.0)), spent(Some(41), Some(10.0))], [true, true, false]);
    }

    #[test]
    fn work_is_counted_in_steps_and_where_time_alone_bounds_it_in_seconds() {
        let sampler = Sampler::new(100, 8, 1, Position::default());
        let at = Place { step: 30, seen: 20, seconds: 9.5, ..Place::default() };
        assert_eq!(Until::Epochs(4).work(&at, &sampler), (48, 30, Unit::Steps));
        assert_eq!(Until::Spent { pictures: Some(50), seconds: Some(60.0) }.work(&at, &sampler), (7, 3, Unit::Steps));
        assert_eq!(Until::Spent { pictures: None, seconds: Some(59.5) }.work(&at, &sampler), (60, 9, Unit::Seconds));
    }

    #[test]
    fn multiples_are_passed_by_the_step_that_reaches_them() {
        let passed = |total, newest| Place { total, newest, ..Place::default() }.passed(10);
        assert_eq!([passed(9, 4), passed(10, 1), passed(13, 4), passed(14, 4)], [false, true, true, false]);
    }
}
