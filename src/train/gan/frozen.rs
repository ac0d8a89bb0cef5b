//! The networks of a run that are done before the generator is trained (paper, section 3.4): what it learns from, and where they are loaded.

use burn::module::Module;
use burn::tensor::{DType, Device, Int, Tensor};

use super::encoded::{EncodedImages, ImageFeatures};
use super::parallel::copy_to;
use crate::damsm::Damsm;
use crate::encoder::{EfficientNetLite, EncoderKind, ImageEncoder, SizedEncoder};
use crate::nn::Precision;
use crate::stem::{TextBatch, TextEncoder, TextFeatures};
use crate::stream::StreamDecoder;
use crate::stream::image::{normalize, resize_bilinear};
use crate::train::error::{self, TrainError};
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::recipe::EncoderUse;
use crate::train::recipe::gan::{DiscriminatorChoice, DiversityMeasure};
use crate::train::recipe::term::Term;
use crate::train::run::TrainContext;
use crate::train::{stem, stream};
use crate::{Error, Result};

/// The networks that are done before the generator is trained (paper, section 3.4).
pub struct Frozen {
    /// STEM's text encoder, off the autodiff graph.
    pub stem: TextEncoder,
    /// EfficientNet-Lite0 on the autodiff device, where the projected discriminators, STREAM or DAMSM look through it.
    pub encoder: Option<EfficientNetLite>,
    /// STREAM's decoder, on the autodiff device.
    pub decoder: Option<StreamDecoder>,
    /// DAMSM's image heads, on the autodiff device.
    pub damsm: Option<Damsm>,
    /// Stride of the stage that DAMSM's regions are of.
    pub region_stride: usize,
    /// What STREAM looks through; none for [`Frozen::encoder`].
    pub stream_encoder: Option<SizedEncoder>,
    /// What DAMSM looks through; none for [`Frozen::encoder`].
    pub damsm_encoder: Option<SizedEncoder>,
}

impl Frozen {
    /// The features of captions, as constants on the autodiff device.
    pub fn text(&self, captions: &[Vec<usize>], device: &Device) -> TextFeatures {
        let text = self.stem.forward(&TextBatch::new(captions, &device.clone().inner()));
        TextFeatures { words: Tensor::from_inner(text.words), sentence: Tensor::from_inner(text.sentence), mask: Tensor::from_inner(text.mask) }
    }

    /// What STREAM expects at each word of `ids` in these pictures: logits, (batch, words, vocabulary).
    ///
    /// # Errors
    /// [`Error::Internal`] when STREAM or its encoder was not given.
    pub fn redescribe(&self, encoded: &EncodedImages, ids: Tensor<2, Int>) -> Result<Tensor<3>> {
        let decoder = self.decoder.as_ref().ok_or_else(|| Error::Internal("there is a stream loss and no STREAM".into()))?;
        let pooled = match &self.stream_encoder {
            Some(encoder) => encoder.forward(encoded.images.clone()).pooled,
            None => encoded.features.pooled.clone().ok_or_else(no_encoder)?,
        };
        Ok(decoder.logits(pooled, ids))
    }

    /// DAMSM's loss between pictures and their captions: words and sentence, both ways, photographs of one kind left out.
    ///
    /// # Errors
    /// [`Error::Internal`] when DAMSM or its encoder was not given.
    pub fn match_text(&self, encoded: &EncodedImages, text: &TextFeatures, classes: &[usize]) -> Result<Tensor<1>> {
        let damsm = self.damsm.as_ref().ok_or_else(|| Error::Internal("there is a damsm loss and no DAMSM".into()))?;
        let (regions, pooled) = match &self.damsm_encoder {
            Some(encoder) => {
                let seen = encoder.forward(encoded.images.clone());
                (seen.at_stride(self.region_stride), Some(seen.pooled))
            }
            // Strides 4, 8, 16 and 32 are stages 0 to 3.
            None => {
                let stage = (self.region_stride.max(4).ilog2() - 2) as usize;
                (encoded.features.stages.get(stage).cloned(), encoded.features.pooled.clone())
            }
        };
        let (regions, pooled) = regions.zip(pooled).ok_or_else(no_encoder)?;
        Ok(damsm.loss(&damsm.forward(regions, pooled), text, classes).total())
    }

    /// Pictures in [−1, 1], and what EfficientNet-Lite0 sees in them at `size` × `size` where anybody wants to know: computed in
    /// `precision`, in f32 again.
    pub fn encode(&self, images: Tensor<4>, size: usize, precision: Precision) -> EncodedImages {
        let features = self.encoder.as_ref().map(|encoder| {
            let input = normalize(resize_bilinear(images.clone(), size)).cast(precision.dtype());
            let seen = precision.lower(encoder).forward_features(input);
            ImageFeatures { stages: seen.stages, pooled: Some(seen.pooled) }
        });
        EncodedImages { features: features.unwrap_or_default(), images }.cast(DType::F32)
    }

    /// A copy for another device, on its autodiff graph.
    pub fn copy_to(&self, device: &Device) -> Self {
        let other = |encoder: &SizedEncoder| SizedEncoder::new(copy_to(&encoder.network, device).freeze(), encoder.size);
        Self {
            stem: self.stem.clone().to_device(&device.clone().inner()),
            encoder: self.encoder.as_ref().map(|encoder| copy_to(encoder, device).freeze()),
            decoder: self.decoder.as_ref().map(|decoder| copy_to(decoder, device).freeze()),
            damsm: self.damsm.as_ref().map(|damsm| copy_to(damsm, device).freeze()),
            region_stride: self.region_stride,
            stream_encoder: self.stream_encoder.as_ref().map(other),
            damsm_encoder: self.damsm_encoder.as_ref().map(other),
        }
    }
}

fn no_encoder() -> Error {
    Error::Internal("a loss looks through an image encoder, and there is none".into())
}

/// STEM, STREAM, DAMSM and their image encoders, as far as the recipe's losses and discriminators need them.
///
/// # Errors
/// [`TrainError::NotTrained`] when a part is not trained yet, [`TrainError::OtherWords`]; [`Error::BadInput`] when it was trained with another
/// encoder or another D than the recipe's; as [`FrozenEncoder::load`].
pub fn load(context: &TrainContext, device: &Device) -> error::Result<Frozen> {
    let off = context.device.clone();
    let gan = &context.recipe.gan;
    let trained_stem = stem::load(&context.out, &off)?;
    let text = trained_stem.model.text;
    // Frozen before and after: `train` moves the weights to the autodiff device and makes them trainable.
    let load = |seen: EncoderUse| -> error::Result<SizedEncoder> {
        Ok(SizedEncoder::new(FrozenEncoder::load(context, seen)?.network.train().freeze(), seen.size))
    };
    let shared = |seen: EncoderUse| seen.kind == EncoderKind::EfficientnetLite0;
    let compares = gan.diversity == DiversityMeasure::Features && gan.uses(Term::Diversity);
    let mut shares = gan.discriminator == DiscriminatorChoice::Projected || compares;
    let (mut decoder, mut stream_encoder, mut damsm, mut damsm_encoder) = (None, None, None, None);
    let mut region_stride = context.recipe.stem.region_stride;
    if gan.uses(Term::Stream) {
        let (config, trained) = stream::load(&context.out, device)?;
        let seen = EncoderUse { kind: config.encoder, size: config.image_size };
        same_encoder("stream", seen, context.recipe.stream_encoder())?;
        if config.vocabulary != trained_stem.vocabulary.len() {
            return Err(TrainError::OtherWords { stream: config.vocabulary, stem: trained_stem.vocabulary.len() });
        }
        decoder = Some(trained.freeze());
        stream_encoder = if shared(seen) { None } else { Some(load(seen)?) };
        shares |= shared(seen);
    }
    if gan.uses(Term::Damsm) {
        let (recipe, seen) = stem::trained_on(&context.out)?;
        // DAMSM's projection is made for the channels of that stage, whatever the recipe says now.
        region_stride = recipe.stem.region_stride;
        same_encoder("stem", seen, context.recipe.stem_encoder())?;
        damsm = Some(stem::load(&context.out, device)?.model.damsm.freeze());
        damsm_encoder = if shared(seen) { None } else { Some(load(seen)?) };
        shares |= shared(seen);
    }
    let encoder = if shares {
        let seen = EncoderUse { kind: EncoderKind::EfficientnetLite0, size: context.recipe.data.encoder_size };
        match load(seen)?.network {
            ImageEncoder::EfficientNetLite(network) => Some(network),
            other => return Err(Error::Internal(format!("expected {}, found {}", seen.kind, other.kind())).into()),
        }
    } else {
        None
    };
    if text.features() != gan.generator.features {
        let message =
            format!("gan.generator.features is {}; STEM was trained with {}", gan.generator.features, text.features());
        return Err(Error::BadInput(message).into());
    }
    Ok(Frozen { stem: text, encoder, decoder, damsm, region_stride, stream_encoder, damsm_encoder })
}

/// A network can only be used with the encoder that it was trained on. EfficientNet-Lite0 sees the stages' own sizes here.
fn same_encoder(part: &str, trained: EncoderUse, asked: EncoderUse) -> Result<()> {
    if trained.kind == asked.kind && (trained.size == asked.size || trained.kind == EncoderKind::EfficientnetLite0) {
        return Ok(());
    }
    Err(Error::BadInput(format!(
        "the recipe has {part}.encoder {} at {} px; {part} was trained with {} at {} px: use the same recipe for all parts",
        asked.kind, asked.size, trained.kind, trained.size
    )))
}
