//! The bar of a training: steps, pictures a second, time left.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over optimizer steps.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    pictures: usize,
}

impl Progress {
    /// A bar for `steps` steps of which `done` were taken before.
    pub fn new(name: &str, steps: usize, done: usize, visible: bool) -> Self {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} steps, {msg}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_string());
        bar.set_position(done as u64);
        bar.reset_eta();
        Self { bar, started: Instant::now(), pictures: 0 }
    }

    /// A step with `pictures` pictures is done.
    pub fn step(&mut self, pictures: usize) {
        self.pictures += pictures;
        self.bar.inc(1);
    }

    /// Shows `message` and the speed.
    pub fn show(&self, message: &str) {
        let speed = self.pictures as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        self.bar.set_message(format!("{message}, {speed:.0} pictures/s"));
    }

    /// Prints a line that stays; where there is no terminal, to standard error.
    pub fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
