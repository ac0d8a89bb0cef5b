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
        let listing = listing(paths, split, options.validation)?.limited(options.limit.unwrap_or(usize::MAX));
        let file = || paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        if listing.samples.is_empty() {
            // What is wrong with the other part is another error than the one to be told.
            let has = |part| Self::has(paths, part).is_ok_and(|found| found);
            let only = match split {
                Split::Test if has(Split::Train) => "; what is there is for training, as shards are whose names say no split",
                Split::Train | Split::Validation if has(Split::Test) => "; what is there is for testing",
                _ => "",
            };
            let message = format!(
                "no {0} data found{only}; expected CUB-200-2011, Oxford-102 or COCO as they are published, shards such as \
                 NAME-{0}-000.tar, or a folder of pictures (webp, jpg, png) with captions",
                split.of_files().name()
            );
            return Err(Error::BadData { file: file(), message });
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
            return Err(Error::BadData { file: file(), message: format!("no usable sample in the {} data{first}", split.name()) });
        }
        options.watcher.tell(&Event::Result(&format!("{}: {}", file(), dataset.summary(split))));
        Ok(dataset)
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

    /// Whether `paths` hold data of `split`, training or test data, at all.
    ///
    /// # Errors
    /// As [`Dataset::open`] when there is some and it cannot be read.
    pub fn has(paths: &[PathBuf], split: Split) -> Result<bool> {
        Ok(!source::list_samples(paths, split)?.samples.is_empty())
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
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn bad_samples_are_named_counted_and_limited() {
        let folder = tempfile::tempdir().unwrap();
        super::super::tiny::write(folder.path()).unwrap();
        let mut builder = tar::Builder::new(fs::File::create(folder.path().join("tiny-train-001.tar")).unwrap());
        for name in ["broken.png", "broken.json"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(4);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, b"oops".as_slice()).unwrap();
        }
        builder.finish().unwrap();
        let paths = [folder.path().to_path_buf()];
        let dataset = Dataset::open(&paths, Split::Train, &DataOptions { size: 64, ..Default::default() }).unwrap();
        assert_eq!(dataset.skipped.len(), 1);
        assert!(dataset.skipped[0].starts_with("tiny-train-001.tar: broken: "), "{}", dataset.skipped[0]);
        let strict = DataOptions { size: 64, max_skipped: 0, ..Default::default() };
        let error = Dataset::open(&paths, Split::Train, &strict).unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }

    /// Hears what is told.
    #[derive(Debug, Default)]
    struct Heard(std::sync::Mutex<Vec<String>>);

    impl crate::watch::Watcher for Heard {
        fn tell(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }

    #[test]
    fn reading_is_told_picture_by_picture_and_ends_with_what_was_found() {
        let folder = tempfile::tempdir().unwrap();
        super::super::tiny::write(folder.path()).unwrap();
        let heard = Arc::new(Heard::default());
        let options = DataOptions { size: 64, limit: Some(5), watcher: heard.clone(), ..Default::default() };
        Dataset::open(&[folder.path().to_path_buf()], Split::Train, &options).unwrap();
        let events = heard.0.lock().unwrap().clone();
        assert_eq!(events.len(), 8, "{events:?}");
        assert!(events[0].contains("reading train data") && events[0].contains("total: 5"), "{events:?}");
        assert!(events[1..6].iter().all(|event| event.starts_with("Advanced { by: 1")), "{events:?}");
        assert!(events[6] == "Ended" && events[7].starts_with("Result") && events[7].contains("5 pictures"), "{events:?}");
    }

    #[test]
    fn samples_without_known_words_are_skipped_and_limited() {
        let captions = ["a red wall", "un mur rouge", "a wall"];
        let samples = captions.iter().enumerate().map(|(i, text)| Sample::new(format!("k{i}"), vec![0; 3], vec![(*text).into()], None));
        let dataset = || Dataset::new(samples.clone().collect(), 1);
        let vocabulary = Vocabulary::new(["red", "wall"].map(String::from)).unwrap();
        let mut one = dataset();
        one.retain_known(&vocabulary, 1).unwrap();
        assert_eq!(one.samples.iter().map(|sample| sample.key.as_str()).collect::<Vec<_>>(), ["k0", "k2"]);
        assert!(one.skipped[0].starts_with("k1: none of its captions"), "{}", one.skipped[0]);
        let error = dataset().retain_known(&vocabulary, 0).unwrap_err();
        assert!(error.to_string().contains("more than the 0 allowed"), "{error}");
        let error = dataset().retain_known(&Vocabulary::new(["blau".to_string()]).unwrap(), 16).unwrap_err();
        assert!(error.to_string().contains("no usable sample is left"), "{error}");
    }

    #[test]
    fn a_missing_part_is_none_and_a_broken_one_an_error() {
        let folder = tempfile::tempdir().unwrap();
        super::super::tiny::write(folder.path()).unwrap();
        let paths = [folder.path().to_path_buf()];
        assert!(Dataset::has(&paths, Split::Test).unwrap());
        let test = folder.path().join("tiny-test-000.tar");
        fs::write(&test, &fs::read(&test).unwrap()[..1000]).unwrap();
        assert!(Dataset::has(&paths, Split::Test).unwrap_err().to_string().contains("tiny-test-000.tar"));
        fs::remove_file(test).unwrap();
        assert!(!Dataset::has(&paths, Split::Test).unwrap());
        let error = Dataset::open(&paths, Split::Test, &DataOptions::default()).unwrap_err();
        assert!(error.to_string().contains("no test data found; what is there is for training"), "{error}");
        let unnamed = folder.path().join("all.tar");
        fs::rename(folder.path().join("tiny-train-000.tar"), &unnamed).unwrap();
        let error = Dataset::open(&[unnamed], Split::Test, &DataOptions::default()).unwrap_err();
        assert!(error.to_string().contains("no test data found; what is there is for training"), "{error}");
        fs::write(folder.path().join("cut-train-000.tar"), [1; 700]).unwrap();
        let cut = Dataset::open(&[folder.path().join("cut-train-000.tar")], Split::Test, &DataOptions::default()).unwrap_err();
        assert!(cut.to_string().contains("no test data found; expected"), "{cut}");
        let nothing = Dataset::open(&paths[..0], Split::Test, &DataOptions::default()).unwrap_err();
        assert!(nothing.to_string().contains("no test data found; expected"), "{nothing}");
    }

    #[test]
    fn flipped_images_are_mirrored() {
        let image = (0..2 * 2 * 3).map(|v| v * 20).collect();
        let dataset = Dataset::new(vec![Sample::new("", image, vec!["a".into()], None)], 2);
        let device = Device::flex();
        let values: Vec<f32> = dataset.images(&[0, 0], &[false, true], 2, &device).unwrap().into_data().try_to_vec().unwrap();
        let red = |at: usize| values[at];
        assert_eq!((red(0), red(1)), (-1.0, 60.0 / 127.5 - 1.0));
        assert_eq!((red(12), red(13)), (red(1), red(0)));
        let small: Vec<f32> = dataset.images(&[0], &[false], 1, &device).unwrap().into_data().try_to_vec().unwrap();
        assert!((small[0] - (90.0 / 127.5 - 1.0)).abs() < 1e-6);
    }

    #[test]
    fn pictures_past_the_budget_are_read_when_needed_and_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        super::super::tiny::write(folder.path()).unwrap();
        let paths = [folder.path().to_path_buf()];
        let open = |memory| Dataset::open(&paths, Split::Train, &DataOptions { size: 64, memory, ..Default::default() }).unwrap();
        let (whole, part) = (open(u64::MAX), open(10 * 64 * 64 * 3 + 5));
        let kept = |dataset: &Dataset| dataset.samples.iter().filter(|sample| sample.is_kept()).count();
        assert_eq!((kept(&whole), kept(&part)), (48, 10));
        assert!(part.summary(Split::Train).contains("48 pictures, 48 captions, 48 classes; 38 read when needed"));
        for (a, b) in whole.samples.iter().zip(&part.samples) {
            assert_eq!((a.image().unwrap(), &a.digest), (b.image().unwrap(), &b.digest));
        }
        let device = Device::flex();
        let values = |dataset: &Dataset| {
            dataset.prefetch(&[40, 3]);
            let images = dataset.images(&[40, 3, 40], &[true, false, false], 32, &device).unwrap();
            images.into_data().try_to_vec::<f32>().unwrap()
        };
        assert_eq!(values(&whole), values(&part));
        fs::remove_file(folder.path().join("tiny-train-000.tar")).unwrap();
        assert!(matches!(open_again(&part), Err(Error::BadData { file, .. }) if file.contains("tiny_030")));
    }

    fn open_again(dataset: &Dataset) -> Result<Arc<Vec<u8>>> {
        dataset.samples[30].image()
    }

    #[test]
    fn a_folder_of_pictures_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..10 {
            let path = folder.path().join(format!("p{i}.png"));
            image::RgbImage::from_pixel(8, 8, image::Rgb([i * 20, 0, 0])).save(&path).unwrap();
            fs::write(path.with_extension("txt"), format!("picture {i}\n\nof a wall\n")).unwrap();
        }
        let paths = [folder.path().to_path_buf()];
        let options = DataOptions { size: 8, ..Default::default() };
        let train = Dataset::open(&paths, Split::Train, &options).unwrap();
        let test = Dataset::open(&paths, Split::Test, &options).unwrap();
        assert_eq!((train.len(), test.len()), (9, 1));
        assert_eq!(test.samples[0].captions, ["picture 9", "of a wall"]);
        assert_eq!(test.samples[0].image().unwrap()[0], 180);
    }
}
