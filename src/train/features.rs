//! What the frozen image encoder says of every picture, computed once and kept on disk.
//!
//! STEM and STREAM train on features that never change. A record holds those of a picture or of its mirror image as f16; an interrupted
//! computation goes on at the first missing record. Features of another encoder or picture size are in files of their own.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use memmap2::Mmap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::frozen_encoder::FrozenEncoder;
use super::recipe::EncoderUse;
use super::run::TrainContext;
use crate::data::{Dataset, Split};
use crate::encoder::EncoderKind;
use crate::files;
use crate::readback::read_now;
use crate::watch::{Task, Unit};
use crate::{Error, Result};

/// Pictures in a forward pass. Computation always goes on at a multiple of it, so that batches are the same after an interrupt.
const BATCH: usize = 16;

/// What a cache was made from, and its sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    encoder: String,
    /// SHA-256 over the keys and pictures.
    data: String,
    encoder_size: usize,
    region_stride: usize,
    records: usize,
    code: usize,
    /// Channels, height, width.
    regions: [usize; 3],
}

/// How many values there are of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Of its code.
    pub code: usize,
    /// Of its regions: channels, height, width; 0 without regions.
    pub regions: [usize; 3],
}

/// Features of a split.
#[derive(Debug)]
pub struct Features {
    header: Header,
    /// Records per picture: 2 with mirror images, else 1.
    views: usize,
    codes: Vec<f16>,
    /// Left on the disk: of Inception-v3 half a megabyte a picture, more than the memory of many machines.
    regions: Option<Mmap>,
}

impl Features {
    /// Computes or reads the features of `dataset` in the run's folder; with mirror images for the training split, and with the regions
    /// of the stage of stride `regions` where that is said.
    ///
    /// # Errors
    /// [`Error::Interrupted`] or [`Error::Deadline`] when it is time to stop; what is computed stays.
    pub fn open(context: &TrainContext, encoder: &FrozenEncoder, dataset: &Dataset, split: Split, regions: Option<usize>) -> Result<Self> {
        let views = if split == Split::Train { 2 } else { 1 };
        let folder = context.out.join("features");
        let EncoderUse { kind, size } = encoder.seen;
        let usual = kind == EncoderKind::default() && size == context.recipe.data.encoder_size;
        let name = if usual { split.name().to_string() } else { format!("{}-{kind}-{size}", split.name()) };
        let sizes = Self::sizes(context, encoder, dataset, regions)?;
        let header = Header {
            encoder: encoder.fingerprint.clone(),
            data: dataset.fingerprint(),
            encoder_size: size,
            region_stride: regions.unwrap_or(context.recipe.stem.region_stride),
            records: views * dataset.len(),
            code: sizes.code,
            regions: sizes.regions,
        };
        fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        let whole = Files::new(&folder, &name);
        let files = match regions {
            Some(_) => whole,
            // Those of STEM have the codes too.
            None if whole.covers(&header) => whole,
            None => Files::new(&folder, &format!("{name}-codes")),
        };
        if regions.is_some() || !files.covers(&header) {
            let done = files.whole_records(&header)?;
            files.fill(&header, done, context, encoder, dataset, views, split, regions)?;
        }
        let codes = read(&files.codes, header.records * header.code)?;
        let regions = regions.map(|_| map(&files.regions, header.records * region_len(&header))).transpose()?;
        Ok(Self { header, views, codes, regions })
    }

    /// The sizes of what [`Features::open`] will give, from one picture; nothing is written.
    ///
    /// # Errors
    /// [`Error::BadInput`] when the encoder has no stage of stride `regions`; [`Error::Device`].
    pub fn sizes(context: &TrainContext, encoder: &FrozenEncoder, dataset: &Dataset, regions: Option<usize>) -> Result<Sizes> {
        let first = compute(encoder, dataset, &[0], &[false], regions, &context.device)?;
        Ok(Sizes { code: first.code, regions: first.region_shape })
    }

    /// Values of a picture's code.
    pub fn code_channels(&self) -> usize {
        self.header.code
    }

    /// Channels, height and width of a picture's regions.
    pub fn region_shape(&self) -> [usize; 3] {
        self.header.regions
    }

    /// Pictures.
    pub fn len(&self) -> usize {
        self.header.records / self.views
    }

    /// A data set has pictures.
    pub fn is_empty(&self) -> bool {
        self.header.records == 0
    }

    /// Codes of pictures, of their mirror images where `flips` says so: (batch, code).
    pub fn codes(&self, indices: &[usize], flips: &[bool], device: &Device) -> Tensor<2> {
        let length = self.header.code;
        let values = self.gather(indices, flips, |record| self.codes[record * length..(record + 1) * length].iter().copied());
        Tensor::from_data(TensorData::new(values, [indices.len(), self.header.code]), device)
    }

    /// Regions of pictures: (batch, channels, height, width). Only of features that were opened with regions.
    pub fn regions(&self, indices: &[usize], flips: &[bool], device: &Device) -> Tensor<4> {
        let bytes = 2 * region_len(&self.header);
        let mapped: &[u8] = self.regions.as_deref().unwrap_or_default();
        let record =
            |record: usize| mapped[record * bytes..(record + 1) * bytes].chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]));
        let values = self.gather(indices, flips, record);
        let [channels, height, width] = self.header.regions;
        Tensor::from_data(TensorData::new(values, [indices.len(), channels, height, width]), device)
    }

    /// The values of pictures' records.
    fn gather<I: Iterator<Item = f16>>(&self, indices: &[usize], flips: &[bool], record: impl Fn(usize) -> I) -> Vec<f32> {
        let records = indices.iter().zip(flips).map(|(index, flip)| index * self.views + usize::from(*flip && self.views == 2));
        records.flat_map(record).map(f16::to_f32).collect()
    }
}

fn region_len(header: &Header) -> usize {
    header.regions.iter().product()
}

struct Files {
    header: PathBuf,
    codes: PathBuf,
    regions: PathBuf,
}

impl Files {
    fn new(folder: &Path, name: &str) -> Self {
        let file = |extension: &str| folder.join(format!("{name}.{extension}"));
        Self { header: file("json"), codes: file("codes.f16"), regions: file("regions.f16") }
    }

    /// Whether all codes that `header` is about are there, whatever the regions beside them.
    fn covers(&self, header: &Header) -> bool {
        let found = fs::read(&self.header).ok().and_then(|bytes| serde_json::from_slice::<Header>(&bytes).ok());
        let same = found.is_some_and(|found| Header { regions: header.regions, region_stride: header.region_stride, ..found } == *header);
        let length = fs::metadata(&self.codes).map_or(0, |metadata| metadata.len());
        same && length == (2 * header.records * header.code) as u64
    }

    /// How many records are there already, in whole batches; 0 when the files are of something else.
    fn whole_records(&self, header: &Header) -> Result<usize> {
        let found = fs::read(&self.header).ok().and_then(|bytes| serde_json::from_slice::<Header>(&bytes).ok());
        if found.as_ref() != Some(header) {
            let bytes = serde_json::to_vec_pretty(header).map_err(|error| Error::internal("JSON cannot be written", error))?;
            // The old records go first: a crash in between must not leave them under the new header.
            for path in [&self.codes, &self.regions] {
                File::create(path).map_err(|error| Error::io(path, error))?;
            }
            files::write(&self.header, &bytes)?;
            return Ok(0);
        }
        let records = |path: &Path, length: usize| fs::metadata(path).map_or(0, |m| m.len() as usize / (2 * length));
        let mut whole = records(&self.codes, header.code);
        if region_len(header) > 0 {
            whole = whole.min(records(&self.regions, region_len(header)));
        }
        Ok(if whole >= header.records { header.records } else { whole / BATCH * BATCH })
    }

    #[allow(clippy::too_many_arguments)]
    fn fill(
        &self,
        header: &Header,
        done: usize,
        context: &TrainContext,
        encoder: &FrozenEncoder,
        dataset: &Dataset,
        views: usize,
        split: Split,
        region_stride: Option<usize>,
    ) -> Result<()> {
        if done == header.records {
            return Ok(());
        }
        let open = |path: &Path, length: usize| -> std::io::Result<File> {
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            file.set_len((done * length * 2) as u64)?;
            Ok(file)
        };
        let mut codes = open(&self.codes, header.code).map_err(|error| Error::io(&self.codes, error))?;
        let mut regions = open(&self.regions, region_len(header)).map_err(|error| Error::io(&self.regions, error))?;
        let name = format!("picture features, {}", split.name());
        let task = Task::begin(&*context.watcher, &name, header.records, done, Unit::Pictures);
        for start in (done..header.records).step_by(BATCH) {
            if let Some(reason) = context.reason_to_stop() {
                return Err(reason);
            }
            let records: Vec<usize> = (start..(start + BATCH).min(header.records)).collect();
            let indices: Vec<usize> = records.iter().map(|record| record / views).collect();
            let flips: Vec<bool> = records.iter().map(|record| record % views == 1).collect();
            dataset.prefetch(&(start + BATCH..start + 2 * BATCH).map(|record| record / views).collect::<Vec<_>>());
            let batch = compute(encoder, dataset, &indices, &flips, region_stride, &context.device)?;
            codes.write_all(&bytes(&batch.codes)).map_err(|error| Error::io(&self.codes, error))?;
            regions.write_all(&bytes(&batch.regions)).map_err(|error| Error::io(&self.regions, error))?;
            task.advance(records.len());
        }
        Ok(())
    }
}

struct Computed {
    codes: Vec<f32>,
    regions: Vec<f32>,
    code: usize,
    region_shape: [usize; 3],
}

fn compute(
    encoder: &FrozenEncoder,
    dataset: &Dataset,
    indices: &[usize],
    flips: &[bool],
    region_stride: Option<usize>,
    device: &Device,
) -> Result<Computed> {
    let images = dataset.images(indices, flips, dataset.size, device)?;
    let features = encoder.network.forward(images, encoder.seen.size);
    let (regions, region_shape) = match region_stride {
        None => (Vec::new(), [0; 3]),
        Some(stride) => {
            let stage = features.at_stride(stride).ok_or_else(|| {
                Error::BadInput(format!("{} has no stage of stride {stride}; it has {:?}", encoder.seen.kind, encoder.seen.kind.strides()))
            })?;
            let [_, channels, height, width] = stage.dims();
            (read_now(stage)?, [channels, height, width])
        }
    };
    let [_, code] = features.pooled.dims();
    Ok(Computed { codes: read_now(features.pooled)?, regions, code, region_shape })
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

fn read(path: &Path, count: usize) -> Result<Vec<f16>> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
    check_length(path, bytes.len(), count)?;
    Ok(bytes.par_chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// A file of `count` values, read where it is asked for.
fn map(path: &Path, count: usize) -> Result<Mmap> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    // SAFETY: the file is this run's own; nothing writes to it or cuts it off while a training reads it.
    let mapped = unsafe { Mmap::map(&file) }.map_err(|error| Error::io(path, error))?;
    check_length(path, mapped.len(), count)?;
    Ok(mapped)
}

fn check_length(path: &Path, bytes: usize, count: usize) -> Result<()> {
    if bytes == 2 * count {
        return Ok(());
    }
    let message = format!("has {bytes} bytes; expected {}; remove the folder to have it computed again", 2 * count);
    Err(Error::BadCheckpoint { file: path.display().to_string(), message })
}
