//! A split of a data set, with its pictures in memory or, past a budget, in their files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::layout::{Listed, Listing};
use super::pictures::Pictures;
use super::pixels::{Ahead, Lazy, Pixels};
use super::sample::read;
use super::source;
use super::split::Split;
use super::validation::Validation;
use crate::files;
use crate::text::{Vocabulary, tokenize};
use crate::watch::{Event, SharedWatcher, Task, Unit, Unwatched};
use crate::{Error, Result};

/// How a data set is read.
#[derive(Debug, Clone)]
pub struct DataOptions {
    /// Width and height in pixels that pictures are kept at.
    pub size: usize,
    /// How many samples may be unusable before reading gives up.
    pub max_skipped: usize,
    /// Bytes of decoded pictures that are kept in memory; the others are decoded whenever they are needed.
    pub memory: u64,
    /// What of the training data is held back; nothing where all of it is for training.
    pub validation: Option<Validation>,
    /// At most this many samples, spread over the split, which may be sorted by class: the others are not read at all.
    pub limit: Option<usize>,
    /// Is told how far reading is, and what was recognised.
    pub watcher: SharedWatcher,
}

impl Default for DataOptions {
    fn default() -> Self {
        Self { size: 256, max_skipped: 16, memory: 4 << 30, validation: None, limit: None, watcher: Arc::new(Unwatched) }
    }
}

impl DataOptions {
    /// Bytes of so many GiB.
    pub fn gib(count: f64) -> u64 {
        (count * (1u64 << 30) as f64) as u64
    }
}

/// A picture and what people wrote about it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Shard and key, for messages.
    pub key: String,
    /// SHA-256 of the picture at the data set's size, in hexadecimal.
    pub digest: String,
    /// At least one caption with a word in it.
    pub captions: Vec<String>,
    /// The species or kind, where known.
    pub class_id: Option<usize>,
    picture: Picture,
}

#[derive(Debug, Clone)]
enum Picture {
    Kept(Pixels),
    InFile(Arc<Lazy>),
}

impl Sample {
    /// A sample with its picture in memory: RGB, row after row, size · size · 3 bytes.
    pub fn new(key: impl Into<String>, image: Vec<u8>, captions: Vec<String>, class_id: Option<usize>) -> Self {
        let (key, digest) = (key.into(), files::sha256(&image));
        Self { key, digest, captions, class_id, picture: Picture::Kept(Arc::new(image)) }
    }

    /// The picture: RGB, row after row, size · size · 3 bytes. One that is not in memory is decoded.
    ///
    /// # Errors
    /// [`Error::BadData`] when its file has changed or gone since the data set was opened.
    pub fn image(&self) -> Result<Arc<Vec<u8>>> {
        match &self.picture {
            Picture::Kept(pixels) => Ok(pixels.clone()),
            Picture::InFile(lazy) => lazy.load().map_err(|message| Error::BadData { file: self.key.clone(), message }),
        }
    }

    /// Whether the picture is in memory.
    pub fn is_kept(&self) -> bool {
        matches!(self.picture, Picture::Kept(_))
    }
}

/// A split of a data set.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The samples in the order of the shards.
    pub samples: Vec<Sample>,
    /// Width and height of the pictures in pixels.
    pub size: usize,
    /// Which samples were left out, and why.
    pub skipped: Vec<String>,
    /// What was recognised, and how it was split.
    pub layout: String,
    ahead: Ahead,
}

impl Dataset {
    /// The given samples, whose pictures are `size` pixels wide and high.
    pub fn new(samples: Vec<Sample>, size: usize) -> Self {
        Self { samples, size, skipped: Vec::new(), layout: String::new(), ahead: Ahead::default() }
    }

    /// Reads and decodes the samples of `split`, all or `options.limit` of them, and keeps as many pictures as `options.memory` allows.
    ///
    /// `paths` are one folder of CUB-200-2011, Oxford-102 or COCO as they are published, or shards, folders of shards, prefixes of
    /// shards (`data/flowers` for `data/flowers-train-000.tar`), patterns (`data/flowers-train-{000..002}.tar`, `data/*.tar`) or folders
    /// of pictures. Unusable samples are skipped and listed in
    /// [`Dataset::skipped`]. What a training sees does not depend on which pictures are kept.
    ///
    /// # Errors
    /// [`Error::BadData`] when there is no such data, a shard is cut, or more than `options.max_skipped` samples are unusable (the
    /// first of them are named); [`Error::Io`] when a file cannot be read.
    pub fn open(paths: &[PathBuf], split: Split, options: &DataOptions) -> Result<Self> {
        if let Some(dataset) = Self::find(paths, split, options)? {
            return Ok(dataset);
        }
        // What is wrong with the other part is another error than the one to be told.
        let has = |part| source::list_samples(paths, part).is_ok_and(|found| !found.samples.is_empty());
        let only = match split {
            Split::Test if has(Split::Train) => "; what is there is for training, as shards are whose names say no split",
            Split::Train | Split::Validation if has(Split::Test) => "; what is there is for testing",
            _ => "",
        };
        let message = format!(
            "no {0} data found{only}; expected CUB-200-2011, Oxford-102 or COCO as they are published, shards such as \
             NAME-{0}-000.tar, or a folder of pictures (webp, jpg, png) with captions{1}",
            split.of_files().name(),
            source::unread(paths, split.of_files())
        );
        Err(Error::BadData { file: all(paths), message })
    }

    /// As [`Dataset::open`]; none where `paths` hold no data of `split` at all.
    ///
    /// # Errors
    /// As [`Dataset::open`] when there is some and it cannot be read.
    pub fn find(paths: &[PathBuf], split: Split, options: &DataOptions) -> Result<Option<Self>> {
        let listing = listing(paths, split, options.validation)?.limited(options.limit.unwrap_or(usize::MAX));
        if listing.samples.is_empty() {
            return Ok(None);
        }
        listing.warnings.iter().for_each(|warning| options.watcher.tell(&Event::Warning(warning)));
        let name = format!("reading {} data", split.name());
        let task = Task::begin(&*options.watcher, &name, listing.samples.len(), 0, Unit::Pictures);
        let mut dataset = Self { layout: listing.layout, ..Self::new(Vec::new(), options.size) };
        // In pieces, so that no more is in memory than the budget and a piece.
        for piece in listing.samples.chunks(256) {
            dataset.add(piece, options, &task)?;
        }
        drop(task);
        if dataset.samples.is_empty() {
            let first = dataset.skipped.first().map_or(String::new(), |first| format!("; the first problem: {first}"));
            // What was not read may be what was meant.
            let message = format!("no usable sample in the {} data ({}){first}", split.name(), dataset.layout);
            return Err(Error::BadData { file: all(paths), message });
        }
        options.watcher.tell(&Event::Result(&format!("{}: {}", all(paths), dataset.summary(split))));
        Ok(Some(dataset))
    }

    /// What was read, in a line: layout, pictures, captions, classes.
    pub fn summary(&self, split: Split) -> String {
        let captions: usize = self.samples.iter().map(|sample| sample.captions.len()).sum();
        let classes: BTreeSet<usize> = self.samples.iter().filter_map(|sample| sample.class_id).collect();
        let classes = if classes.is_empty() { "no classes".to_string() } else { format!("{} classes", classes.len()) };
        let kept = self.samples.iter().filter(|sample| sample.is_kept()).count();
        let in_files = if kept == self.len() { String::new() } else { format!("; {} read when needed", self.len() - kept) };
        let skipped = if self.skipped.is_empty() { String::new() } else { format!("; {} skipped", self.skipped.len()) };
        format!("{} ({}): {} pictures, {captions} captions, {classes}{in_files}{skipped}", self.layout, split.name(), self.len())
    }

    /// Leaves out the samples none of whose captions has a word of `vocabulary`: they are skipped, too.
    ///
    /// # Errors
    /// [`Error::BadData`] when more than `max_skipped` samples are skipped in all, or none is left.
    pub fn retain_known(&mut self, vocabulary: &Vocabulary, max_skipped: usize) -> Result<()> {
        let known = |caption: &String| tokenize(caption).iter().any(|word| vocabulary.id(word).is_some());
        let (samples, unknown): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.samples).into_iter().partition(|sample| sample.captions.iter().any(known));
        self.samples = samples;
        self.skipped.extend(
            unknown
                .iter()
                .map(|sample| format!("{}: none of its captions has a word of the vocabulary (was it made from other data, or are all words too rare, data.min_word_count?)", sample.key)),
        );
        match self.skipped.first() {
            Some(first) if self.samples.is_empty() => {
                Err(Error::BadData { file: self.layout.clone(), message: format!("no usable sample is left; the first problem: {first}") })
            }
            _ => self.check_skipped(max_skipped),
        }
    }

    fn check_skipped(&self, max_skipped: usize) -> Result<()> {
        if self.skipped.len() <= max_skipped {
            return Ok(());
        }
        Err(Error::BadData {
            file: self.skipped[0].split(": ").next().unwrap_or_default().to_string(),
            message: format!(
                "{} samples are unusable, more than the {max_skipped} allowed (max_skipped): {}",
                self.skipped.len(),
                self.skipped[..self.skipped.len().min(3)].join("; ")
            ),
        })
    }

    fn add(&mut self, listed: &[Listed], options: &DataOptions, task: &Task<'_>) -> Result<()> {
        let decoded: Vec<Result<Sample, String>> = listed
            .par_iter()
            .map(|listed| {
                let sample = read(listed, options.size).map_err(|message| format!("{}: {message}", listed.key));
                task.advance(1);
                sample
            })
            .collect();
        let bytes = (options.size * options.size * 3) as u64;
        for (sample, listed) in decoded.into_iter().zip(listed) {
            match sample {
                Ok(mut sample) => {
                    if (self.samples.len() as u64 + 1).saturating_mul(bytes) > options.memory
                        && let Some(blob) = &listed.picture
                    {
                        sample.picture = Picture::InFile(Arc::new(Lazy::new(blob.clone(), listed.bounds, options.size)));
                    }
                    self.samples.push(sample);
                }
                Err(problem) => self.skipped.push(problem),
            }
        }
        self.check_skipped(options.max_skipped)
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// SHA-256 of the pictures in their order, at the data set's size; wherever they lie and whatever they are called.
    pub fn fingerprint(&self) -> String {
        files::sha256(self.samples.iter().map(|sample| sample.digest.as_str()).collect::<String>().as_bytes())
    }

    /// SHA-256 of what is said of the pictures, in their order: the words of each caption, and the class.
    pub fn annotations(&self) -> String {
        let of = |sample: &Sample| {
            let captions: Vec<String> = sample.captions.iter().map(|caption| tokenize(caption).join(" ")).collect();
            format!("{:?} {}\n", sample.class_id, captions.join("\n"))
        };
        files::sha256(self.samples.iter().map(of).collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// Never true of what [`Dataset::open`] returns.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The kinds of the given samples; a sample without one is a kind of its own.
    pub fn classes(&self, indices: &[usize]) -> Vec<usize> {
        // Numbers from the top down cannot meet class numbers, which are small.
        indices.iter().map(|i| self.samples[*i].class_id.unwrap_or(usize::MAX - i)).collect()
    }

    /// The pictures of `indices` as numbers in [−1, 1], mirrored left to right where `flips` says so.
    ///
    /// `size` must divide the data set's size; smaller pictures are averages of squares of pixels.
    ///
    /// # Shapes
    /// - output: (batch, 3, size, size)
    ///
    /// # Errors
    /// [`Error::BadData`] when a picture that is not in memory cannot be read any more.
    pub fn images(&self, indices: &[usize], flips: &[bool], size: usize, device: &Device) -> Result<Tensor<4>> {
        Ok(self.pictures(indices)?.images(flips, size, device))
    }

    /// The pictures of `indices`, held in memory as long as what is returned.
    ///
    /// # Errors
    /// As [`Dataset::images`].
    pub fn pictures(&self, indices: &[usize]) -> Result<Pictures> {
        let pixels = indices.par_iter().map(|index| self.samples[*index].image()).collect::<Result<_>>()?;
        Ok(Pictures::new(pixels, self.size))
    }

    /// Begins to decode, on another thread, those of the pictures of `indices` that are not in memory: the next batch, while the
    /// current one is learned from.
    pub fn prefetch(&self, indices: &[usize]) {
        let in_file = |index: &usize| match &self.samples.get(*index)?.picture {
            Picture::InFile(lazy) => Some(lazy.clone()),
            Picture::Kept(_) => None,
        };
        self.ahead.decode(indices.iter().filter_map(in_file).collect());
    }

    /// Lets go of all pictures, where only captions and classes are needed from here on.
    pub fn forget_pictures(&mut self) {
        let none = Pixels::default();
        self.samples.iter_mut().for_each(|sample| sample.picture = Picture::Kept(none.clone()));
        self.ahead = Ahead::default();
    }
}

/// `paths` in a message.
fn all(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The samples of `split`, with the validation part in neither or both of training and validation.
fn listing(paths: &[PathBuf], split: Split, validation: Option<Validation>) -> Result<Listing> {
    let listing = source::list_samples(paths, split.of_files())?;
    match (split, validation) {
        (Split::Test, _) | (Split::Train, None) => Ok(listing),
        (Split::Validation, None) => Err(Error::BadInput("no part of the training data is held back for validation".into())),
        (_, Some(validation)) => Ok(validation.part(listing, &source::list_samples(paths, Split::Test)?, split)),
    }
}

#[cfg(test)]
mod tests;
