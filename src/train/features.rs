//! What the frozen image encoder says of every picture, computed once and kept on disk.
//!
//! STEM and STREAM train on EfficientNet-Lite0's features, which never change. A record holds those of a picture or of its mirror
//! image as f16; an interrupted computation goes on at the first missing record.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::checkpoint::hash;
use super::run::{Interrupt, TrainContext};
use crate::data::{Dataset, Split};
use crate::encoder::EfficientNetLite0;
use crate::files;
use crate::host::read_now;
use crate::model_dir::tensors;
use crate::stream::image::{normalize, resize_bilinear};
use crate::{Error, Result};

/// Pictures in a forward pass. Computation always goes on at a multiple of it, so that batches are the same after an interrupt.
const BATCH: usize = 16;

/// The frozen encoder and what tells it from others.
#[derive(Debug)]
pub struct FrozenEncoder {
    /// The network.
    pub network: EfficientNetLite0,
    /// SHA-256 of its weights, or how they were drawn.
    pub fingerprint: String,
}

impl FrozenEncoder {
    /// The encoder of a context: from its file, or narrow and random where the recipe asks for that.
    ///
    /// # Errors
    /// [`Error::BadInput`] when the recipe wants the real one and no file is named.
    pub fn load(context: &TrainContext) -> Result<Self> {
        let device = &context.device;
        let width = context.recipe.data.encoder_width;
        if let Some(path) = &context.encoder {
            let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
            let network = tensors::load(EfficientNetLite0::new(device), &bytes, &path.display().to_string())?;
            return Ok(Self { network, fingerprint: hash(&bytes) });
        }
        if width >= 1.0 {
            return Err(Error::BadInput(
                "name the weights of EfficientNet-Lite0 with --encoder FILE; `mirrorgan import efficientnet-lite0` makes the file".into(),
            ));
        }
        // Features of random weights still tell pictures apart, enough for tests.
        let mut rng = ChaCha8Rng::seed_from_u64(context.recipe.seed);
        let network = EfficientNetLite0::with_width(width, device).map(&mut He { rng: &mut rng });
        Ok(Self { network, fingerprint: format!("random, width {width}, seed {}", context.recipe.seed) })
    }
}

/// Weights from N(0, 2 / inputs), biases 0 (He et al. 2015): pictures stay apart through all the layers, which the orthogonal
/// weights of [`crate::nn::init`] do not achieve in convolutions of one channel each.
struct He<'a> {
    rng: &'a mut ChaCha8Rng,
}

impl ModuleMapper for He<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        let inputs: usize = shape.to_vec()[1..].iter().product();
        let deviation = if D > 1 { (2.0 / inputs.max(1) as f32).sqrt() } else { 0.0 };
        let values: Vec<f32> =
            (0..shape.num_elements()).map(|_| deviation * Distribution::<f32>::sample(&StandardNormal, self.rng)).collect();
        param.map(|old| {
            let new = Tensor::from_data(TensorData::new(values, shape), &old.device());
            new.set_require_grad(old.is_require_grad())
        })
    }
}

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

/// Features of a split.
#[derive(Debug)]
pub struct Features {
    header: Header,
    /// Records per picture: 2 with mirror images, else 1.
    views: usize,
    codes: Vec<f16>,
    regions: Vec<f16>,
}

impl Features {
    /// Computes or reads the features of `dataset` in `folder`; with mirror images for the training split.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when `interrupt` asked to stop; what is computed stays.
    pub fn open(context: &TrainContext, encoder: &FrozenEncoder, dataset: &Dataset, split: Split, with_regions: bool) -> Result<Self> {
        let views = if split == Split::Train { 2 } else { 1 };
        let file = |extension: &str| context.out.join("features").join(format!("{}.{extension}", split.name()));
        let files = Files { header: file("json"), codes: file("codes.f16"), regions: file("regions.f16") };
        let mut header = Header {
            encoder: encoder.fingerprint.clone(),
            data: fingerprint(dataset),
            encoder_size: context.recipe.data.encoder_size,
            region_stride: context.recipe.stem.region_stride,
            records: views * dataset.len(),
            code: 0,
            regions: [0; 3],
        };
        let first = compute(encoder, dataset, &[0], &[false], &header, &context.device)?;
        header.code = first.code;
        header.regions = first.region_shape;
        fs::create_dir_all(context.out.join("features")).map_err(|error| Error::io(context.out.join("features"), error))?;
        let done = files.whole_records(&header)?;
        files.fill(&header, done, context, encoder, dataset, views, split)?;
        let codes = read(&files.codes, header.records * header.code)?;
        let regions = if with_regions { read(&files.regions, header.records * region_len(&header))? } else { Vec::new() };
        Ok(Self { header, views, codes, regions })
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
        let values = self.gather(&self.codes, self.header.code, indices, flips);
        Tensor::from_data(TensorData::new(values, [indices.len(), self.header.code]), device)
    }

    /// Regions of pictures: (batch, channels, height, width). Only of features that were opened with regions.
    pub fn regions(&self, indices: &[usize], flips: &[bool], device: &Device) -> Tensor<4> {
        let values = self.gather(&self.regions, region_len(&self.header), indices, flips);
        let [channels, height, width] = self.header.regions;
        Tensor::from_data(TensorData::new(values, [indices.len(), channels, height, width]), device)
    }

    fn gather(&self, from: &[f16], length: usize, indices: &[usize], flips: &[bool]) -> Vec<f32> {
        let mut values = Vec::with_capacity(indices.len() * length);
        for (index, flip) in indices.iter().zip(flips) {
            let record = index * self.views + usize::from(*flip && self.views == 2);
            values.extend(from[record * length..(record + 1) * length].iter().map(|value| value.to_f32()));
        }
        values
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
    /// How many records are there already, in whole batches; 0 when the files are of something else.
    fn whole_records(&self, header: &Header) -> Result<usize> {
        let found = fs::read(&self.header).ok().and_then(|bytes| serde_json::from_slice::<Header>(&bytes).ok());
        if found.as_ref() != Some(header) {
            let bytes = serde_json::to_vec_pretty(header).map_err(|error| Error::BadInput(error.to_string()))?;
            // The old records go first: a crash in between must not leave them under the new header.
            for path in [&self.codes, &self.regions] {
                File::create(path).map_err(|error| Error::io(path, error))?;
            }
            files::write(&self.header, &bytes)?;
            return Ok(0);
        }
        let records = |path: &Path, length: usize| fs::metadata(path).map_or(0, |m| m.len() as usize / (2 * length));
        let whole = records(&self.codes, header.code).min(records(&self.regions, region_len(header)));
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
        let bar = if context.progress { ProgressBar::new(header.records as u64) } else { ProgressBar::hidden() };
        bar.set_style(crate::data::bar_style());
        bar.set_prefix(format!("picture features, {}", split.name()));
        bar.set_position(done as u64);
        bar.reset_eta();
        for start in (done..header.records).step_by(BATCH) {
            stop_if_asked(&context.interrupt)?;
            let records: Vec<usize> = (start..(start + BATCH).min(header.records)).collect();
            let indices: Vec<usize> = records.iter().map(|record| record / views).collect();
            let flips: Vec<bool> = records.iter().map(|record| record % views == 1).collect();
            let batch = compute(encoder, dataset, &indices, &flips, header, &context.device)?;
            codes.write_all(&bytes(&batch.codes)).map_err(|error| Error::io(&self.codes, error))?;
            regions.write_all(&bytes(&batch.regions)).map_err(|error| Error::io(&self.regions, error))?;
            bar.inc(records.len() as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }
}

fn stop_if_asked(interrupt: &Interrupt) -> Result<()> {
    if interrupt.requested() { Err(Error::Interrupted) } else { Ok(()) }
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
    header: &Header,
    device: &Device,
) -> Result<Computed> {
    let size = header.encoder_size;
    let images = dataset.images(indices, flips, dataset.size, device);
    let images = if dataset.size == size { images } else { resize_bilinear(images, size) };
    let features = encoder.network.forward_features(normalize(images));
    let Some(regions) = features.stages.into_iter().find(|stage| stage.dims()[2] * header.region_stride == size) else {
        return Err(Error::BadInput(format!("the image encoder has no stage of stride {}", header.region_stride)));
    };
    let [_, channels, height, width] = regions.dims();
    let [_, code] = features.pooled.dims();
    Ok(Computed { codes: read_now(features.pooled)?, regions: read_now(regions)?, code, region_shape: [channels, height, width] })
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

fn read(path: &Path, count: usize) -> Result<Vec<f16>> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
    if bytes.len() != 2 * count {
        let message = format!("has {} bytes; expected {}; remove the folder to have it computed again", bytes.len(), 2 * count);
        return Err(Error::BadCheckpoint { file: path.display().to_string(), message });
    }
    Ok(bytes.par_chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]])).collect())
}

fn fingerprint(dataset: &Dataset) -> String {
    let hashes: Vec<String> = dataset.samples.par_iter().map(|sample| format!("{} {}\n", sample.key, hash(&sample.image))).collect();
    hash(hashes.concat().as_bytes())
}
