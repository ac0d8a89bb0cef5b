//! The bar of a training: steps, pictures a second, time left. Where standard error is no terminal, a line now and then.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two lines where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// A bar over optimizer steps.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    pictures: usize,
    /// When the last line was written; nothing where there is a bar, or nothing to be shown.
    spoke: Option<Instant>,
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
        let now = Instant::now();
        let spoke = (visible && !std::io::stderr().is_terminal()).then_some(now);
        Self { bar, started: now, pictures: 0, spoke }
    }

    /// A step with `pictures` pictures is done.
    pub fn step(&mut self, pictures: usize) {
        self.pictures += pictures;
        self.bar.inc(1);
    }

    /// Shows `message` and the speed.
    pub fn show(&mut self, message: &str) {
        let speed = self.pictures as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        let message = format!("{message}, {speed:.0} pictures/s");
        if self.spoke.is_some_and(|spoke| spoke.elapsed() >= LINE_EVERY) {
            self.spoke = Some(Instant::now());
            let steps = self.bar.length().unwrap_or(0);
            eprintln!("{}", line(&self.bar.prefix(), self.bar.position(), steps, &message, self.bar.eta()));
        }
        self.bar.set_message(message);
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

/// What the bar says, in a line.
fn line(name: &str, done: u64, steps: u64, message: &str, left: Duration) -> String {
    let seconds = left.as_secs();
    format!("{name}: {done}/{steps} steps, {message}, {}:{:02}:{:02} left", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_the_bar_says() {
        let text = line("64 px", 30, 3750, "generator 3.1, 12 pictures/s", Duration::from_secs(4 * 3600 + 5 * 60 + 6));
        assert_eq!(text, "64 px: 30/3750 steps, generator 3.1, 12 pictures/s, 4:05:06 left");
    }
}
