//! The bar of a training: steps, pictures a second, time left. Where standard error is no terminal, a line now and then.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two lines where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// What the speed is the mean of: long enough not to jump, short enough to tell when something slows down.
const RECENT: Duration = Duration::from_secs(30);

/// A bar over optimizer steps.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    pictures: usize,
    /// When how many pictures were done, the oldest first: as far back as [`RECENT`].
    recent: VecDeque<(Instant, usize)>,
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
        Self { bar, pictures: 0, recent: VecDeque::from([(now, 0)]), spoke }
    }

    /// A step with `pictures` pictures is done.
    pub fn step(&mut self, pictures: usize) {
        self.pictures += pictures;
        self.bar.inc(1);
    }

    /// Shows `message` and the speed.
    pub fn show(&mut self, message: &str) {
        let speed = speed(&mut self.recent, Instant::now(), self.pictures);
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
fn line(name: &str, done: u64, steps: u64, message: &str, left: Duration) -> String {
    let seconds = left.as_secs();
    format!("{name}: {done}/{steps} steps, {message}, {}:{:02}:{:02} left", seconds / 3600, seconds / 60 % 60, seconds % 60)
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
        let text = line("64 px", 30, 3750, "generator 3.1, 12 pictures/s", Duration::from_secs(4 * 3600 + 5 * 60 + 6));
        assert_eq!(text, "64 px: 30/3750 steps, generator 3.1, 12 pictures/s, 4:05:06 left");
    }
}
