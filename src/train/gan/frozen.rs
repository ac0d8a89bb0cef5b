//! The networks of a run that are done before the generator is trained.

use burn::module::Module;
use burn::tensor::Device;

use super::judge::Frozen;
use crate::encoder::{EncoderKind, ImageEncoder, SizedEncoder};
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::recipe::EncoderUse;
use crate::train::recipe::gan::{DiscriminatorChoice, DiversityMeasure, LossWeights};
use crate::train::run::TrainContext;
use crate::train::{stem, stream};
use crate::{Error, Result};

/// STEM, STREAM, DAMSM and their image encoders, as far as the recipe's losses and discriminators need them.
///
/// # Errors
/// [`Error::BadInput`] when a part is not trained yet, or was trained with another encoder or another D than the recipe's; as
/// [`FrozenEncoder::load`].
pub fn load(context: &TrainContext, device: &Device) -> Result<Frozen> {
    let off = context.device.clone();
    let weights = &context.recipe.gan;
    let uses = |loss: fn(&LossWeights) -> f64| {
        loss(&weights.weights) > 0.0 || weights.phases.iter().any(|phase| loss(&weights.weights_of(phase)) > 0.0)
    };
    let trained_stem = stem::load(&context.out, &off)?;
    let text = trained_stem.model.text;
    // Frozen before and after: `train` moves the weights to the autodiff device and makes them trainable.
    let load = |seen: EncoderUse| -> Result<SizedEncoder> {
        Ok(SizedEncoder::new(FrozenEncoder::load(context, seen)?.network.train().freeze(), seen.size))
    };
    let shared = |seen: EncoderUse| seen.kind == EncoderKind::EfficientnetLite0;
    let compares = weights.diversity == DiversityMeasure::Features && uses(|weights| weights.diversity);
    let mut shares = weights.discriminator == DiscriminatorChoice::Projected || compares;
    let (mut decoder, mut stream_encoder, mut damsm, mut damsm_encoder) = (None, None, None, None);
    let mut region_stride = context.recipe.stem.region_stride;
    if uses(|weights| weights.stream) {
        let (config, trained) = stream::load(&context.out, device)?;
        let seen = EncoderUse { kind: config.encoder, size: config.image_size };
        same_encoder("stream", seen, context.recipe.stream_encoder())?;
        if config.vocabulary != trained_stem.vocabulary.len() {
            let message = format!(
                "STREAM was trained with {} words, STEM with {}: STEM was trained anew since; run `mirrorgan train stream` after it, in a \
                 folder without the old one",
                config.vocabulary,
                trained_stem.vocabulary.len()
            );
            return Err(Error::BadInput(message));
        }
        decoder = Some(trained.freeze());
        stream_encoder = if shared(seen) { None } else { Some(load(seen)?) };
        shares |= shared(seen);
    }
    if uses(|weights| weights.damsm) {
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
            other => return Err(Error::BadInput(format!("expected {}, found {}", seen.kind, other.kind()))),
        }
    } else {
        None
    };
    if text.features() != context.recipe.gan.generator.features {
        let message =
            format!("gan.generator.features is {}; STEM was trained with {}", context.recipe.gan.generator.features, text.features());
        return Err(Error::BadInput(message));
    }
    Ok(Frozen { stem: text, encoder, decoder, damsm, region_stride, stream_encoder, damsm_encoder })
}

/// A network can only be used with the encoder that it was trained on. EfficientNet-Lite0 sees the stages' own sizes here.
fn same_encoder(part: &str, trained: EncoderUse, asked: EncoderUse) -> Result<()> {
    if trained.kind == asked.kind && (trained.size == asked.size || trained.kind == EncoderKind::EfficientnetLite0) {
        return Ok(());
    }
    Err(Error::BadInput(format!(
        "the recipe has {part}.encoder {} at {} px; `train {part}` was run with {} at {} px: use the same recipe for all parts",
        asked.kind, asked.size, trained.kind, trained.size
    )))
}
