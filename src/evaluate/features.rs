//! What is taken of pictures, mostly by frozen networks: the features that metrics compare.

use burn::tensor::{Device, Tensor, TensorData};

use super::attention::Gaze;
use super::colour_probe::Probe;
use super::inception::Inception;
use super::spectrum::Spectra;
use crate::Result;
use crate::encoder::SizedEncoder;
use crate::readback::read_now;
use crate::pipeline::block_on;
use crate::stream::Describer;

/// Which networks extract features, and what else is taken of pictures; a metric says of each which it needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Networks {
    /// STREAM's image encoder.
    pub stream: bool,
    /// The encoder that DAMSM was trained on, where it is another one.
    pub damsm: bool,
    /// The encoder that the held-out judge was trained on.
    pub judge: bool,
    /// FID's Inception.
    pub inception: bool,
    /// No network: power spectra.
    pub spectra: bool,
    /// The generator itself: where the words of colours look.
    pub attention: bool,
}

impl Networks {
    /// None.
    pub const NONE: Self = Self { stream: false, damsm: false, judge: false, inception: false, spectra: false, attention: false };
    /// STREAM's image encoder.
    pub const STREAM: Self = Self { stream: true, ..Self::NONE };
    /// What DAMSM compares codes of: its own encoder, or STREAM's.
    pub const DAMSM: Self = Self { stream: true, damsm: true, ..Self::NONE };
    /// What the held-out judge compares codes of.
    pub const JUDGE: Self = Self { judge: true, ..Self::NONE };
    /// FID's Inception.
    pub const INCEPTION: Self = Self { inception: true, ..Self::NONE };
    /// Power spectra.
    pub const SPECTRA: Self = Self { spectra: true, ..Self::NONE };
    /// Where the words of colours look.
    pub const ATTENTION: Self = Self { attention: true, ..Self::NONE };

    /// Those of either.
    pub fn or(self, other: Self) -> Self {
        Self {
            stream: self.stream || other.stream,
            damsm: self.damsm || other.damsm,
            judge: self.judge || other.judge,
            inception: self.inception || other.inception,
            spectra: self.spectra || other.spectra,
            attention: self.attention || other.attention,
        }
    }
}

/// Features of pictures, a row a picture; empty for a network that was not asked for.
#[derive(Debug, Default)]
pub(super) struct Features {
    /// Pooled features of STREAM's image encoder.
    pub stream: Vec<Vec<f32>>,
    /// Pooled features of the encoder that DAMSM was trained on, where it is another one.
    pub damsm: Vec<Vec<f32>>,
    /// Pooled features of the encoder that the held-out judge was trained on.
    pub judge: Vec<Vec<f32>>,
    /// Pooled features of FID's Inception.
    pub inception: Vec<Vec<f32>>,
    /// Its scores of the classes, without bias.
    pub logits: Vec<Vec<f32>>,
    /// Power spectra, of each size that there are pictures of.
    pub spectra: Vec<Spectra>,
    /// Where the words of colours looked, in the first of the pictures that were drawn for them.
    pub gazes: Vec<Gaze>,
}

impl Features {
    /// Adds the power spectra of `images`, (batch, 3, size, size).
    pub fn add_spectra(&mut self, images: Tensor<4>) -> Result<()> {
        let [_, channels, height, width] = images.dims();
        if !self.spectra.iter().any(|spectra| spectra.size() == width) {
            self.spectra.push(Spectra::new(width));
        }
        let values = read_now(images)?;
        for spectra in self.spectra.iter_mut().filter(|spectra| spectra.size() == width) {
            values.chunks_exact((channels * height * width).max(1)).for_each(|planes| spectra.add(planes));
        }
        Ok(())
    }

    /// The spectra of pictures of that size.
    pub fn spectra_of(&self, size: usize) -> Option<&Spectra> {
        self.spectra.iter().find(|spectra| spectra.size() == size)
    }
}

/// The networks that extract features, and whatever else is to be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extractors<'a> {
    pub stream: Option<&'a Describer>,
    pub damsm: Option<&'a SizedEncoder>,
    pub judge: Option<&'a SizedEncoder>,
    pub inception: Option<&'a Inception>,
    pub spectra: bool,
    /// The probe whose colours are looked for; of drawn pictures alone.
    pub attention: Option<Probe>,
}

impl Extractors<'_> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        let networks = self.stream.is_some() || self.damsm.is_some() || self.judge.is_some() || self.inception.is_some();
        !networks && !self.spectra && self.attention.is_none()
    }

    /// Adds the features of `images`, (batch, 3, size, size) in [−1, 1], to `features`.
    pub fn extract(&self, images: Tensor<4>, features: &mut Features) -> Result<()> {
        if let Some(stream) = self.stream {
            let (found, width) = (block_on(stream.features(images.clone()))?, stream.encoder().features());
            features.stream.extend(found.chunks_exact(width.max(1)).map(<[f32]>::to_vec));
        }
        if let Some(encoder) = self.damsm {
            features.damsm.extend(to_rows(encoder.forward(images.clone()).pooled)?);
        }
        if let Some(encoder) = self.judge {
            features.judge.extend(to_rows(encoder.forward(images.clone()).pooled)?);
        }
        if let Some(Inception { network, preprocessing }) = self.inception {
            let pooled = network.forward_features(preprocessing.apply(images.clone())).pooled;
            if let Some(scores) = network.classify(pooled.clone()) {
                features.logits.extend(to_rows(scores.unbiased)?);
            }
            features.inception.extend(to_rows(pooled)?);
        }
        if self.spectra {
            features.add_spectra(images)?;
        }
        Ok(())
    }
}

/// Rows as a tensor, (rows, values).
pub(crate) fn to_tensor(rows: &[Vec<f32>], device: &Device) -> Tensor<2> {
    let width = rows.first().map_or(0, Vec::len);
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), width]), device)
}

/// A tensor as rows.
pub(crate) fn to_rows(tensor: Tensor<2>) -> Result<Vec<Vec<f32>>> {
    let [_, width] = tensor.dims();
    Ok(read_now(tensor)?.chunks_exact(width.max(1)).map(<[f32]>::to_vec).collect())
}
