//! What a model makes of the same few test pictures as it learns: `examples.jsonl`, a line each time it was measured, and the pictures
//! in `examples/`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::files;
use crate::{Error, Result};

const FILE: &str = "examples.jsonl";
/// Pictures shown.
const COUNT: usize = 6;
/// Their width and height in pixels.
const SIDE: u32 = 96;

/// A test picture and what the model says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The sample's name.
    pub key: String,
    /// What people wrote.
    pub reference: String,
    /// What the model says, the best first.
    pub texts: Vec<String>,
    /// Whether that is right, where there is a right and a wrong.
    pub hit: Option<bool>,
    /// JPEG.
    #[serde(skip)]
    pub picture: Vec<u8>,
}

/// A line of `examples.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Optimizer steps taken.
    pub step: usize,
    /// Epochs over.
    pub epoch: usize,
    /// The examples, in the order of the pictures.
    pub examples: Vec<Example>,
}

/// The pictures that are shown, spread over a split.
#[derive(Debug, Default)]
pub struct Shown {
    samples: Vec<(usize, Example)>,
}

impl Shown {
    /// Those of `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        let count = COUNT.min(dataset.len());
        let sample = |index: usize| {
            let sample = dataset.samples.get(index)?;
            let side = dataset.size as u32;
            let image = RgbImage::from_raw(side, side, sample.image().ok()?.to_vec())?;
            let small = imageops::resize(&image, SIDE, SIDE, imageops::FilterType::Triangle);
            let reference = sample.captions.first().cloned().unwrap_or_default();
            let picture = crate::picture::file::jpeg(&small, 80).ok()?;
            Some((index, Example { key: sample.key.clone(), reference, texts: Vec::new(), hit: None, picture }))
        };
        Self { samples: (0..count).filter_map(|at| sample(at * dataset.len() / count)).collect() }
    }

    /// Their numbers in the split.
    pub fn indices(&self) -> impl Iterator<Item = usize> {
        self.samples.iter().map(|(index, _)| *index)
    }

    /// What is said of picture number `index`.
    pub fn example(&self, index: usize, texts: Vec<String>, hit: Option<bool>) -> Example {
        let known = self.samples.iter().find(|(own, _)| *own == index).map(|(_, example)| example.clone());
        let nothing = || Example { key: String::new(), reference: String::new(), texts: Vec::new(), hit: None, picture: Vec::new() };
        Example { texts, hit, ..known.unwrap_or_else(nothing) }
    }
}

/// Adds a line, and the pictures where they are not there yet.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn append(folder: &Path, step: usize, epoch: usize, examples: &[Example]) -> Result<()> {
    if examples.is_empty() {
        return Ok(());
    }
    for (at, example) in examples.iter().enumerate() {
        let path = picture_path(folder, at);
        if !path.is_file() {
            files::write(&path, &example.picture)?;
        }
    }
    let line = Line { step, epoch, examples: examples.to_vec() };
    let json = serde_json::to_string(&line).map_err(|error| Error::internal("JSON cannot be written", error))?;
    let path = folder.join(FILE);
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(format!("{json}\n").as_bytes())).map_err(|error| Error::io(path, error))
}

/// The lines; none where there are none.
pub fn read(folder: &Path) -> Vec<Line> {
    let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The picture of example number `at`.
pub fn picture_path(folder: &Path, at: usize) -> std::path::PathBuf {
    folder.join("examples").join(format!("{at}.jpg"))
}

/// Takes away what was said after `step`: those steps come again. A training that begins anew gets new pictures, too.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn cut(folder: &Path, step: usize) -> Result<()> {
    let pictures = folder.join("examples");
    if step == 0 && pictures.is_dir() {
        fs::remove_dir_all(&pictures).map_err(|error| Error::io(&pictures, error))?;
    }
    let path = folder.join(FILE);
    if !path.is_file() {
        return Ok(());
    }
    let json = |line: &Line| serde_json::to_string(line).map(|line| line + "\n").unwrap_or_default();
    let kept: String = read(folder).iter().filter(|line| line.step <= step).map(json).collect();
    files::write(&path, kept.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;

    #[test]
    fn lines_of_lost_steps_are_taken_away() {
        let sample = |i: u8| Sample::new(format!("k{i}"), vec![i * 20; 12], vec![format!("c{i}")], None);
        let dataset = Dataset::new((0..12).map(sample).collect(), 2);
        let shown = Shown::of(&dataset);
        assert_eq!(shown.indices().collect::<Vec<_>>(), [0, 2, 4, 6, 8, 10]);
        let example = shown.example(4, vec!["said".into()], Some(true));
        assert_eq!((example.key.as_str(), example.reference.as_str()), ("k4", "c4"));
        assert!(image::load_from_memory(&example.picture).unwrap().to_rgb8().get_pixel(50, 50)[0].abs_diff(80) < 4);
        let place = tempfile::tempdir().unwrap();
        for step in [10, 20, 30] {
            append(place.path(), step, step / 10, std::slice::from_ref(&example)).unwrap();
        }
        cut(place.path(), 20).unwrap();
        let lines = read(place.path());
        assert_eq!(lines.iter().map(|line| line.step).collect::<Vec<_>>(), [10, 20]);
        assert_eq!(lines[0].examples[0].texts, ["said"]);
        assert_eq!(fs::read(picture_path(place.path(), 0)).unwrap(), example.picture);
        cut(place.path(), 0).unwrap();
        assert!(read(place.path()).is_empty() && !picture_path(place.path(), 0).exists());
    }
}
