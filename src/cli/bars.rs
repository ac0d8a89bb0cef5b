//! Progress of long work as bars; results and warnings as lines that stay.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use crate::watch::{Event, Watcher};

/// Draws what it is told on standard error.
#[derive(Debug, Default)]
pub struct Bars {
    bar: Mutex<Option<ProgressBar>>,
}

impl Bars {
    fn begin(task: &str, total: usize, done: usize) -> ProgressBar {
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {per_sec} {msg} {eta} left");
        let bar = ProgressBar::new(total as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(task.to_string());
        bar.set_position(done as u64);
        bar.reset_eta();
        bar
    }
}

impl Watcher for Bars {
    fn tell(&self, event: &Event<'_>) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |text: &str| match bar.as_ref() {
            Some(bar) if !bar.is_hidden() => bar.println(text),
            _ => eprintln!("{text}"),
        };
        match event {
            Event::Result(text) => line(text),
            Event::Warning(text) => line(&format!("warning: {text}")),
            Event::Begun { task, total, done, .. } => *bar = Some(Self::begin(task, *total, *done)),
            Event::Advanced { by, .. } => bar.iter().for_each(|bar| bar.inc(*by as u64)),
            Event::Status(text) => bar.iter().for_each(|bar| bar.set_message(text.to_string())),
            Event::Ended => bar.take().iter().for_each(ProgressBar::finish_and_clear),
        }
    }
}
