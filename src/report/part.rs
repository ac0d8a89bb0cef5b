//! What a report says of a part: read from its folder, whatever of it is there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::curves::{Curve, curves};
use crate::data::Split;
use super::thumbnail;
use crate::train::run::examples::{self, Line};
use crate::train::run::sessions::{self, Session};

/// Most sample grids of a report.
const GRIDS: usize = 24;
/// Most bytes of them together.
const GRID_BYTES: usize = 2_800_000;
/// Most lines of examples.
const EXAMPLE_LINES: usize = 12;

/// A sample grid.
#[derive(Debug)]
pub struct Grid {
    /// Pictures seen when it was drawn.
    pub pictures: usize,
    /// JPEG.
    pub bytes: Vec<u8>,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

/// RUN/stem, RUN/stream or RUN/gan.
#[derive(Debug)]
pub struct Part {
    /// `stem`, `stream` or `gan`.
    pub kind: String,
    /// The recipe as it was written.
    pub recipe: String,
    /// The recipe's values.
    pub values: toml::Table,
    /// Every number of the log.
    pub curves: Vec<Curve>,
    /// (step, size in pixels) where another phase began.
    pub phases: Vec<(f64, String)>,
    /// What the newest value of each metric was measured against.
    pub against: Map<String, Value>,
    /// Optimizer steps.
    pub step: usize,
    /// Epochs over.
    pub epoch: usize,
    /// Pictures seen.
    pub pictures: usize,
    /// Seconds that the training took, where they are known.
    pub seconds: Option<f64>,
    /// The share of the steps' time that went into waiting for data, where that is known.
    pub waiting: Option<f64>,
    /// When it ran.
    pub sessions: Vec<Session>,
    /// Sample grids in order.
    pub grids: Vec<Grid>,
    /// Grids that are there in all.
    pub all_grids: usize,
    /// Examples in order.
    pub examples: Vec<Line>,
    /// JPEGs of the examples.
    pub pictures_shown: Vec<Vec<u8>>,
    /// Names of the checkpoints.
    pub checkpoints: Vec<String>,
    /// Samples that could not be used.
    pub skipped: Vec<String>,
}

impl Part {
    /// The part in `folder`; nothing when none has begun there.
    pub fn read(folder: &Path, kind: &str) -> Option<Self> {
        let log = fs::read_to_string(folder.join("log.jsonl")).ok()?;
        let lines: Vec<Map<String, Value>> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let recipe = fs::read_to_string(folder.join("recipe.toml")).unwrap_or_default();
        let values: toml::Table = recipe.parse().unwrap_or_default();
        let last = |name: &str| lines.iter().rev().find_map(|line| line.get(name)?.as_u64()).unwrap_or(0) as usize;
        let step = last("step");
        let batch = number(&values, &[kind, "batch"]).unwrap_or(0.0) as usize;
        let pictures = if kind == "gan" { last("pictures") } else { step * batch };
        let sessions = sessions::read(folder);
        let seconds = if sessions.is_empty() { seconds_of_steps(&lines) } else { Some(sessions.iter().map(|s| s.seconds).sum()) };
        let (grids, all_grids) = grids(folder);
        let examples = spread(examples::read(folder), EXAMPLE_LINES);
        let shown = examples.first().map_or(0, |line| line.examples.len());
        let picture = |at: usize| fs::read(examples::picture_path(folder, at)).unwrap_or_default();
        let run = folder.parent().unwrap_or(folder);
        let skipped = ["train", "validation", "test"].iter().filter_map(|split| fs::read_to_string(run.join(format!("skipped-{split}.txt"))).ok());
        Some(Self {
            kind: kind.to_string(),
            curves: curves(&lines),
            phases: phases(&lines),
            against: lines.iter().rev().find_map(|line| line.get("against")?.as_object().cloned()).unwrap_or_default(),
            epoch: last("epoch"),
            step,
            pictures,
            seconds,
            waiting: waiting(&lines),
            sessions,
            grids,
            all_grids,
            pictures_shown: (0..shown).map(picture).collect(),
            examples,
            checkpoints: checkpoints(folder),
            skipped: skipped.flat_map(|text| text.lines().map(str::to_string).collect::<Vec<_>>()).collect(),
            recipe,
            values,
        })
    }

    /// How far it is, and how far it should go, 0 where that is not known, in epochs or pictures.
    pub fn progress(&self) -> (usize, usize, &'static str) {
        if self.kind != "gan" {
            return (self.epoch, number(&self.values, &[&self.kind, "epochs"]).unwrap_or(0.0) as usize, "epochs");
        }
        let phases = self.values.get("gan").and_then(|gan| gan.get("phases")).and_then(toml::Value::as_array);
        // How many pictures a phase sees that time can end is not known before.
        let of_phase = |phase: &toml::Value| if phase.get("seconds").is_some() { None } else { phase.get("pictures")?.as_integer() };
        let all: Option<i64> = phases.into_iter().flatten().map(of_phase).sum();
        (self.pictures, all.and_then(|all| usize::try_from(all).ok()).unwrap_or(0), "pictures")
    }

    /// The part of the data that metrics on the way were taken on, by the recipe.
    pub fn measured_on(&self) -> &'static str {
        let share = number(&self.values, &["data", "validation"]).unwrap_or(0.0);
        if share > 0.0 { Split::Validation.name() } else { Split::Test.name() }
    }

    /// The prompts of the sample grids.
    pub fn prompts(&self) -> Vec<String> {
        let prompts = self.values.get("gan").and_then(|gan| gan.get("sample_prompts")).and_then(toml::Value::as_array);
        prompts.into_iter().flatten().filter_map(|prompt| Some(prompt.as_str()?.to_string())).collect()
    }
}

fn number(table: &toml::Table, path: &[&str]) -> Option<f64> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))?;
    value.as_float().or_else(|| value.as_integer().map(|value| value as f64))
}

/// What a line of the log says of the time since the one before.
struct Span {
    seconds: f64,
    /// How much of it was spent waiting for data; nothing in logs of versions that did not say so.
    waited: Option<f64>,
}

fn spans(lines: &[Map<String, Value>]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut before = 0.0;
    for line in lines {
        let number = |name: &str| line.get(name).and_then(Value::as_f64);
        let Some(pictures) = number("pictures") else { continue };
        if let Some(speed) = number("pictures_per_second").filter(|speed| *speed > 0.0) {
            spans.push(Span { seconds: (pictures - before) / speed, waited: number("data_seconds") });
        }
        before = pictures;
    }
    spans
}

/// The seconds of all steps together, where each line says how fast it was.
fn seconds_of_steps(lines: &[Map<String, Value>]) -> Option<f64> {
    let seconds = spans(lines).iter().map(|span| span.seconds).sum();
    (seconds > 0.0).then_some(seconds)
}

/// The share of the steps' time that went into waiting for data.
fn waiting(lines: &[Map<String, Value>]) -> Option<f64> {
    let known = spans(lines).into_iter().filter_map(|span| Some((span.seconds, span.waited?)));
    let (seconds, waited) = known.fold((0.0, 0.0), |sum, span| (sum.0 + span.0, sum.1 + span.1));
    (seconds > 0.0).then(|| waited / seconds)
}

fn phases(lines: &[Map<String, Value>]) -> Vec<(f64, String)> {
    let mut found = Vec::new();
    let mut before = None;
    for line in lines {
        let number = |name: &str| line.get(name).and_then(Value::as_u64);
        if let (Some(step), Some(phase), Some(stages)) = (number("step"), number("phase"), number("stages"))
            && before != Some(phase)
        {
            before = Some(phase);
            found.push((step as f64, format!("{} px", 32u64 << stages.min(8))));
        }
    }
    found
}

/// The sample grids, so many that they stay small together, the first and the last among them; and how many there are.
fn grids(folder: &Path) -> (Vec<Grid>, usize) {
    let mut paths: Vec<(usize, PathBuf)> = fs::read_dir(folder.join("samples"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.parse().ok()?, path)))
        .collect();
    paths.sort();
    let all = paths.len();
    let grid = |(pictures, path): (usize, PathBuf)| {
        let (size, bytes) = thumbnail(&path).ok()?;
        Some(Grid { pictures, bytes, size })
    };
    let mut grids: Vec<Grid> = spread(paths, GRIDS).into_iter().filter_map(grid).collect();
    while grids.len() > 1 && grids.iter().map(|grid| grid.bytes.len()).sum::<usize>() > GRID_BYTES {
        let fewer = grids.len() / 2;
        grids = spread(grids, fewer);
    }
    (grids, all)
}

/// At most `count` of `all`, evenly chosen, the first and the last among them.
fn spread<T>(all: Vec<T>, count: usize) -> Vec<T> {
    let length = all.len();
    if length <= count {
        return all;
    }
    let chosen: Vec<usize> = (0..count).map(|at| (at * (length - 1)).div_ceil((count - 1).max(1))).collect();
    all.into_iter().enumerate().filter(|(at, _)| chosen.contains(at)).map(|(_, item)| item).collect()
}

fn checkpoints(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("checkpoints")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("step-"))
        .map(|name| format!("checkpoints/{name}"))
        .collect();
    names.sort();
    if folder.join("best").is_dir() {
        names.insert(0, "best".into());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_are_kept() {
        assert_eq!(spread((0..100).collect(), 4), [0, 33, 66, 99]);
        assert_eq!(spread(vec![1, 2], 4), [1, 2]);
        assert_eq!(spread((0..9).collect(), 1), [0]);
    }
}
