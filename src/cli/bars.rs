//! Progress of long work: a bar, or where standard error is no terminal a line now and then; results and warnings as lines that stay. Stops
//! the work on Ctrl-C.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::print;
use crate::watch::{Event, Unit, Watcher};

/// Between two lines where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// What the speed is the mean of: long enough not to jump, short enough to tell when something slows down.
const RECENT: Duration = Duration::from_secs(30);

/// Draws what it is told on standard error.
#[derive(Debug, Default)]
pub struct Bars {
    task: Mutex<Option<Running>>,
    stop: AtomicBool,
}

impl Bars {
    /// Bars over work that stops after Ctrl-C; a second Ctrl-C ends the process at once.
    ///
    /// # Errors
    /// When Ctrl-C cannot be handled, or is already.
    pub fn stopping_on_ctrl_c() -> anyhow::Result<Arc<Self>> {
        let bars = Arc::new(Self::default());
        let wish = bars.clone();
        ctrlc::set_handler(move || {
            if wish.stop.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            print::note(format_args!("\nstopping after this step; Ctrl-C again stops at once"));
        })
        .context("Ctrl-C cannot be handled")?;
        Ok(bars)
    }
}

impl Watcher for Bars {
    fn tell(&self, event: &Event<'_>) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Begun { task: name, total, done, unit } => *task = Some(Running::begin(name, *total, *done, *unit)),
            Event::Advanced { by, pictures } => {
                if let Some(task) = task.as_mut() {
                    task.pictures += pictures;
                    task.bar.inc(*by as u64);
                }
            }
            Event::Status(text) => {
                if let Some(task) = task.as_mut() {
                    task.show(text);
                }
            }
            Event::Ended => {
                if let Some(task) = task.take() {
                    task.bar.finish_and_clear();
                }
            }
            Event::Result(text) => line(task.as_ref(), text),
            Event::Warning(text) => line(task.as_ref(), &format!("warning: {text}")),
        }
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Prints a line that stays, above the bar where there is one.
fn line(task: Option<&Running>, text: &str) {
    match task.filter(|task| !task.bar.is_hidden()) {
        Some(task) => task.bar.println(print::Plain(text).to_string()),
        None => print::note(text),
    }
}

/// A task under way.
#[derive(Debug)]
struct Running {
    bar: ProgressBar,
    unit: Unit,
    /// Pictures worked on since it began.
    pictures: usize,
    /// When how many pictures were done, the oldest first: as far back as [`RECENT`].
    recent: VecDeque<(Instant, usize)>,
    /// When the last line was written; nothing where there is a bar.
    spoke: Option<Instant>,
}

impl Running {
    fn begin(name: &str, total: usize, done: usize, unit: Unit) -> Self {
        let bar = ProgressBar::new(total as u64);
        let template = match unit {
            Unit::Steps | Unit::Seconds => {
                format!("{{prefix}} {{bar:30}} {{pos}}/{{len}} {}, {{msg}}, {{eta}} left", counted(unit))
            }
            Unit::Pictures | Unit::Parts => "{prefix} {bar:30} {pos}/{len} {per_sec} {msg} {eta} left".to_string(),
        };
        bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_string());
        bar.set_position(done as u64);
        bar.reset_eta();
        let now = Instant::now();
        let spoke = (!std::io::stderr().is_terminal()).then_some(now);
        Self { bar, unit, pictures: 0, recent: VecDeque::from([(now, 0)]), spoke }
    }

    /// Shows how it is going; beside it, where something else is counted, the speed in pictures.
    fn show(&mut self, text: &str) {
        let speed = speed(&mut self.recent, Instant::now(), self.pictures);
        let message = match self.unit {
            Unit::Pictures => text.to_string(),
            _ => format!("{text}, {speed:.0} pictures/s"),
        };
        if self.spoke.is_some_and(|spoke| spoke.elapsed() >= LINE_EVERY) {
            self.spoke = Some(Instant::now());
            let all = self.bar.length().unwrap_or(0);
            print::note(said(&self.bar.prefix(), self.bar.position(), all, counted(self.unit), &message, self.bar.eta()));
        }
        self.bar.set_message(message);
    }
}

/// What is counted, in words.
fn counted(unit: Unit) -> &'static str {
    match unit {
        Unit::Pictures => "pictures",
        Unit::Steps => "steps",
        Unit::Seconds => "s",
        Unit::Parts => "parts",
    }
}

/// Pictures a second since [`RECENT`], or since the beginning; takes note that `pictures` are done by `now`.
fn speed(recent: &mut VecDeque<(Instant, usize)>, now: Instant, pictures: usize) -> f64 {
    while recent.len() > 1 && recent.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= RECENT) {
        recent.pop_front();
    }
    let (since, before) = recent.front().copied().unwrap_or((now, 0));
    recent.push_back((now, pictures));
    (pictures - before) as f64 / now.duration_since(since).as_secs_f64().max(1e-9)
}

/// What the bar says, in a line.
fn said(name: &str, done: u64, all: u64, counted: &str, message: &str, left: Duration) -> String {
    let seconds = left.as_secs();
    format!("{name}: {done}/{all} {counted}, {message}, {}:{:02}:{:02} left", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_half_minute() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut recent = VecDeque::from([(start, 0)]);
        assert_eq!(speed(&mut recent, after(10), 100), 10.0);
        assert_eq!(speed(&mut recent, after(30), 200), 200.0 / 30.0);
        // From 30 seconds on: what came before is forgotten.
        assert_eq!(speed(&mut recent, after(60), 800), 20.0);
        assert_eq!(speed(&mut recent, after(95), 835), 1.0);
        assert!(recent.len() <= 3);
    }

    #[test]
    fn lines_say_what_the_bar_says() {
        let text =
            said("64 px", 30, 3750, counted(Unit::Steps), "generator 3.1, 12 pictures/s", Duration::from_secs(4 * 3600 + 5 * 60 + 6));
        assert_eq!(text, "64 px: 30/3750 steps, generator 3.1, 12 pictures/s, 4:05:06 left");
    }

    #[test]
    fn a_task_is_counted_and_goes_away() {
        let bars = Bars::default();
        bars.tell(&Event::Advanced { by: 1, pictures: 1 });
        bars.tell(&Event::Begun { task: "64 px", total: 9, done: 4, unit: Unit::Steps });
        bars.tell(&Event::Advanced { by: 1, pictures: 16 });
        let counted = bars.task.lock().unwrap().as_ref().map(|task| (task.bar.position(), task.pictures));
        assert_eq!(counted, Some((5, 16)));
        bars.tell(&Event::Ended);
        assert!(bars.task.lock().unwrap().is_none() && !bars.stop());
    }
}
