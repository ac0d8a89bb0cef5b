//! What frozen networks extract from pictures: the features that metrics compare.

use burn::tensor::{Device, Tensor, TensorData};

use super::inception::Inception;
use crate::Result;
use crate::encoder::SizedEncoder;
use crate::readback::read_now;
use crate::stream::Stream;

/// Which networks extract features; a metric says of each which it needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Networks {
    /// STREAM's image encoder.
    pub stream: bool,
    /// The encoder that DAMSM was trained on, where it is another one.
    pub damsm: bool,
    /// FID's Inception.
    pub inception: bool,
}

impl Networks {
    /// None.
    pub const NONE: Self = Self { stream: false, damsm: false, inception: false };
    /// STREAM's image encoder.
    pub const STREAM: Self = Self { stream: true, ..Self::NONE };
    /// What DAMSM compares codes of: its own encoder, or STREAM's.
    pub const DAMSM: Self = Self { stream: true, damsm: true, inception: false };
    /// FID's Inception.
    pub const INCEPTION: Self = Self { inception: true, ..Self::NONE };

    /// Those of either.
    pub fn or(self, other: Self) -> Self {
        Self {
            stream: self.stream || other.stream,
            damsm: self.damsm || other.damsm,
            inception: self.inception || other.inception,
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
    /// Pooled features of FID's Inception.
    pub inception: Vec<Vec<f32>>,
    /// Its scores of the classes, without bias.
    pub logits: Vec<Vec<f32>>,
}

/// The networks that extract features.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extractors<'a> {
    pub stream: Option<&'a Stream>,
    pub damsm: Option<&'a SizedEncoder>,
    pub inception: Option<&'a Inception>,
}

impl Extractors<'_> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.stream.is_none() && self.damsm.is_none() && self.inception.is_none()
    }

    /// Adds the features of `images`, (batch, 3, size, size) in [−1, 1], to `features`.
    pub fn extract(&self, images: Tensor<4>, features: &mut Features) -> Result<()> {
        if let Some(stream) = self.stream {
            features.stream.extend(to_rows(stream.describe(images.clone()))?);
        }
        if let Some(encoder) = self.damsm {
            features.damsm.extend(to_rows(encoder.forward(images.clone()).pooled)?);
        }
        if let Some(Inception { network, preprocessing }) = self.inception {
            let pooled = network.forward_features(preprocessing.apply(images)).pooled;
            if let Some(scores) = network.classify(pooled.clone()) {
                features.logits.extend(to_rows(scores.unbiased)?);
            }
            features.inception.extend(to_rows(pooled)?);
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
