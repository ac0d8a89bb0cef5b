//! What long work tells whoever watches it, and how it is asked to stop.
//!
//! Nothing below the doors prints: training, measuring and reading data hand [`Event`]s to a [`Watcher`]. The command line draws bars and
//! lines from them; a program that uses the library may do what it likes.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is counted while a task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Pictures read, drawn or looked at.
    Pictures,
    /// Optimizer steps.
    Steps,
    /// Seconds of work that is bounded by time.
    Seconds,
    /// Parts of a computation, all about as long.
    Parts,
}

/// Something that a watcher may want to know. A task is begun, advances and ends before the next one begins.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A task begins, or goes on where `done` of `total` are done.
    Begun {
        /// What is done, in a few words.
        task: &'a str,
        /// How much there is to do.
        total: usize,
        /// How much of it was done before.
        done: usize,
        /// What is counted.
        unit: Unit,
    },
    /// So many more are done.
    Advanced {
        /// In the task's unit.
        by: usize,
        /// Pictures that were worked on, where the unit is another.
        pictures: usize,
    },
    /// How the task is going: losses, an epoch. Shown beside the bar, and replaced by the next one.
    Status(&'a str),
    /// The task is over.
    Ended,
    /// A line that stays: what an epoch measured, which part is trained next, what was left out.
    Result(&'a str),
    /// The work goes on, but not as it was asked for, or not whole.
    Warning(&'a str),
}

/// Who is told of long work, and may end it.
pub trait Watcher: Debug + Send + Sync {
    /// Something has happened.
    fn tell(&self, event: &Event<'_>);

    /// Whether to stop at the next moment at which nothing is lost; asked once a step or batch.
    fn stop(&self) -> bool {
        false
    }
}

/// A watcher that several parts of a program share.
pub type SharedWatcher = Arc<dyn Watcher>;

/// Hears nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn tell(&self, _event: &Event<'_>) {}
}

/// Hears nothing and stops when it is asked for the `questions`-th time; for tests of interruption.
#[derive(Debug)]
pub struct StopAfter(AtomicUsize);

impl StopAfter {
    /// Says no `questions` − 1 times, then yes for good.
    pub fn new(questions: usize) -> Self {
        Self(AtomicUsize::new(questions))
    }
}

impl Watcher for StopAfter {
    fn tell(&self, _event: &Event<'_>) {}

    fn stop(&self) -> bool {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        left.is_ok_and(|before| before <= 1)
    }
}

/// A task that is told as it goes on, and that ends when it is dropped.
#[derive(Debug)]
pub struct Task<'a>(&'a dyn Watcher);

impl<'a> Task<'a> {
    /// Begins a task of which `done` of `total` are done.
    pub fn begin(watcher: &'a dyn Watcher, task: &str, total: usize, done: usize, unit: Unit) -> Self {
        watcher.tell(&Event::Begun { task, total, done, unit });
        Self(watcher)
    }

    /// `by` more units are done; in a task that counts pictures, as many pictures.
    pub fn advance(&self, by: usize) {
        self.0.tell(&Event::Advanced { by, pictures: by });
    }

    /// So many `units` are done, of another kind than the `pictures` that were worked on.
    pub fn advance_with(&self, units: usize, pictures: usize) {
        self.0.tell(&Event::Advanced { by: units, pictures });
    }

    /// How it is going.
    pub fn status(&self, text: &str) {
        self.0.tell(&Event::Status(text));
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.0.tell(&Event::Ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Debug, Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Watcher for Heard {
        fn tell(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }

    #[test]
    fn a_task_ends_when_it_is_left_by_an_error_too() {
        let heard = Heard::default();
        let fails = || -> Result<(), ()> {
            let task = Task::begin(&heard, "reading", 3, 1, Unit::Pictures);
            task.advance(2);
            Err(())
        };
        assert!(fails().is_err());
        let events = heard.0.into_inner().unwrap();
        assert_eq!(events.len(), 3);
        assert!(events[0].contains("done: 1") && events[1].contains("by: 2") && events[2] == "Ended", "{events:?}");
    }

    #[test]
    fn stopping_is_asked_for_a_number_of_times() {
        let watcher = StopAfter::new(3);
        assert_eq!([0; 5].map(|_| watcher.stop()), [false, false, true, true, true]);
        assert!(!Unwatched.stop());
    }
}
