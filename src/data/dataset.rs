//! A split of a data set in memory.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::Deserialize;

use super::picture::{decode_square, reduce};
use super::source::{self, RawSample, Source, Split};
use crate::{Error, Result};

/// How a data set is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataOptions {
    /// Width and height in pixels that pictures are kept at.
    pub size: usize,
    /// How many samples may be unusable before reading gives up.
    pub max_skipped: usize,
    /// Whether a bar shows how far reading is.
    pub progress: bool,
}

impl Default for DataOptions {
    fn default() -> Self {
        Self { size: 256, max_skipped: 16, progress: false }
    }
}

/// A picture and what people wrote about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Shard and key, for messages.
    pub key: String,
    /// RGB, row after row, size · size · 3 bytes.
    pub image: Vec<u8>,
    /// At least one caption with a word in it.
    pub captions: Vec<String>,
    /// The species or kind, where known.
    pub class_id: Option<usize>,
}

/// A split of a data set in memory.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The samples in the order of the shards.
    pub samples: Vec<Sample>,
    /// Width and height of the pictures in pixels.
    pub size: usize,
    /// Which samples were left out, and why.
    pub skipped: Vec<String>,
}

/// What of `KEY.json` is read.
#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    captions: Vec<String>,
    #[serde(default)]
    caption: Option<String>,
    #[serde(default)]
    class_id: Option<usize>,
}

impl Dataset {
    /// Reads and decodes all samples of `split`.
    ///
    /// `paths` are shards, folders of shards, prefixes of shards (`data/flowers` for `data/flowers-train-000.tar`) or folders of
    /// pictures. Unusable samples are skipped and listed in [`Dataset::skipped`].
    ///
    /// # Errors
    /// [`Error::BadData`] when there is no such data, a shard is cut, or more than `options.max_skipped` samples are unusable (the
    /// first of them are named); [`Error::Io`] when a file cannot be read.
    pub fn open(paths: &[PathBuf], split: Split, options: &DataOptions) -> Result<Self> {
        let source = source::find(paths, split)?;
        let bar = if options.progress { ProgressBar::new(0) } else { ProgressBar::hidden() };
        bar.set_style(style());
        bar.set_prefix(format!("reading {} data", split.name()));
        let mut dataset = Self { samples: Vec::new(), size: options.size, skipped: Vec::new() };
        match source {
            Source::Shards(shards) => {
                for shard in shards {
                    dataset.add(source::read_shard(&shard)?, options, &bar)?;
                }
            }
            Source::Pictures(pictures) => {
                // In pieces, so that the encoded files of a large folder are never all in memory.
                for piece in pictures.chunks(1024) {
                    let raw = piece.par_iter().map(|path| source::read_picture(path)).collect::<Result<_>>()?;
                    dataset.add(raw, options, &bar)?;
                }
            }
        }
        bar.finish_and_clear();
        if dataset.samples.is_empty() {
            let first = dataset.skipped.first().map_or(String::new(), |first| format!("; the first problem: {first}"));
            let file = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
            return Err(Error::BadData { file, message: format!("no usable sample in the {} data{first}", split.name()) });
        }
        Ok(dataset)
    }

    /// Whether `paths` hold data of `split` at all.
    pub fn has(paths: &[PathBuf], split: Split) -> bool {
        source::find(paths, split).is_ok()
    }

    fn add(&mut self, raw: Vec<RawSample>, options: &DataOptions, bar: &ProgressBar) -> Result<()> {
        bar.inc_length(raw.len() as u64);
        let decoded: Vec<Result<Sample, String>> = raw
            .into_par_iter()
            .map(|raw| {
                let sample = decode(raw, options.size);
                bar.inc(1);
                sample
            })
            .collect();
        for sample in decoded {
            match sample {
                Ok(sample) => self.samples.push(sample),
                Err(problem) => self.skipped.push(problem),
            }
        }
        if self.skipped.len() > options.max_skipped {
            return Err(Error::BadData {
                file: self.skipped[0].split(": ").next().unwrap_or_default().to_string(),
                message: format!(
                    "{} samples are unusable, more than the {} allowed (max_skipped): {}",
                    self.skipped.len(),
                    options.max_skipped,
                    self.skipped[..self.skipped.len().min(3)].join("; ")
                ),
            });
        }
        Ok(())
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
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
    pub fn images(&self, indices: &[usize], flips: &[bool], size: usize, device: &Device) -> Tensor<4> {
        assert!(size > 0 && self.size.is_multiple_of(size), "pictures of {} pixels asked for at {size}", self.size);
        let plane = size * size;
        let mut values = vec![0f32; indices.len() * 3 * plane];
        values.par_chunks_mut(3 * plane).zip(indices).zip(flips).for_each(|((output, index), flip)| {
            let pixels = reduce(&self.samples[*index].image, self.size, self.size / size);
            for (at, pixel) in pixels.chunks_exact(3).enumerate() {
                let (y, x) = (at / size, at % size);
                let x = if *flip { size - 1 - x } else { x };
                for channel in 0..3 {
                    output[channel * plane + y * size + x] = f32::from(pixel[channel]) / 127.5 - 1.0;
                }
            }
        });
        Tensor::from_data(TensorData::new(values, [indices.len(), 3, size, size]), device)
    }
}

/// The bar of everything that counts to a known number.
pub(crate) fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {per_sec} {msg} {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn decode(raw: RawSample, size: usize) -> Result<Sample, String> {
    let RawSample { key, picture, json, text } = raw;
    let problem = |message: String| format!("{key}: {message}");
    let image = decode_square(&picture, size).map_err(problem)?;
    let mut class_id = None;
    let mut captions = Vec::new();
    if let Some(json) = json {
        let description: Description = serde_json::from_slice(&json).map_err(|error| problem(format!("json: {error}")))?;
        class_id = description.class_id;
        captions.extend(description.captions);
        captions.extend(description.caption);
    }
    if let Some(text) = text {
        captions.extend(String::from_utf8_lossy(&text).lines().map(str::to_string));
    }
    captions.retain(|caption| !crate::text::tokenize(caption).is_empty());
    if captions.is_empty() {
        return Err(problem("there is no caption".into()));
    }
    Ok(Sample { key, image, captions, class_id })
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
        let strict = DataOptions { size: 64, max_skipped: 0, progress: false };
        let error = Dataset::open(&paths, Split::Train, &strict).unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }

    #[test]
    fn flipped_images_are_mirrored() {
        let image = (0..2 * 2 * 3).map(|v| v * 20).collect();
        let sample = Sample { key: String::new(), image, captions: vec!["a".into()], class_id: None };
        let dataset = Dataset { samples: vec![sample], size: 2, skipped: Vec::new() };
        let device = Device::flex();
        let values: Vec<f32> = dataset.images(&[0, 0], &[false, true], 2, &device).into_data().try_to_vec().unwrap();
        let red = |at: usize| values[at];
        assert_eq!((red(0), red(1)), (-1.0, 60.0 / 127.5 - 1.0));
        assert_eq!((red(12), red(13)), (red(1), red(0)));
        let small: Vec<f32> = dataset.images(&[0], &[false], 1, &device).into_data().try_to_vec().unwrap();
        assert!((small[0] - (90.0 / 127.5 - 1.0)).abs() < 1e-6);
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
        assert_eq!(test.samples[0].image[0], 180);
    }
}
