//! The frozen image encoders of a training, from the files that it was called with.

use std::fs;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use safetensors::SafeTensors;

use super::error::{self, TrainError};
use super::recipe::EncoderUse;
use super::run::TrainContext;
use crate::encoder::{EncoderKind, ImageEncoder, ImageEncoderConfig, SizedEncoder};
use crate::files;
use crate::model::tensors;
use crate::stream::StreamConfig;
use crate::{Error, Result};

/// A frozen encoder and what tells it from others.
#[derive(Debug)]
pub struct FrozenEncoder {
    /// The network.
    pub network: ImageEncoder,
    /// Which it is, and what size of pictures it sees.
    pub seen: EncoderUse,
    /// SHA-256 of its weights, or how they were drawn.
    pub fingerprint: String,
}

impl FrozenEncoder {
    /// The encoder `seen` of a context: from its file, or narrow and random where the recipe asks for that.
    ///
    /// # Errors
    /// [`TrainError::EncoderMissing`] when the recipe wants the real one and no file holds it, [`Error::BadInput`] when more than one does;
    /// [`Error::BadModel`] for a file that holds none; [`Error::Io`].
    pub fn load(context: &TrainContext, seen: EncoderUse) -> error::Result<Self> {
        let width = context.recipe.data.encoder_width;
        let config = ImageEncoderConfig::new(seen.kind, width);
        let network = config.init(&context.device)?;
        if let Some((file, bytes)) = find(context, seen.kind)? {
            return Ok(Self { network: tensors::load(network, &bytes, &file)?, seen, fingerprint: files::sha256(&bytes) });
        }
        if width >= 1.0 {
            return Err(TrainError::EncoderMissing { kind: seen.kind });
        }
        // Features of random weights still tell pictures apart, enough for tests.
        let mut rng = ChaCha8Rng::seed_from_u64(context.recipe.seed);
        // Residual blocks add to what they were given: with the full variance the features would grow beyond f16.
        let gain = if seen.kind.depth().is_some() { 1.0 } else { 2.0 };
        let network = network.map(&mut He { gain, rng: &mut rng });
        let kind = if seen.kind == EncoderKind::default() { String::new() } else { format!("{}, ", seen.kind) };
        Ok(Self { network, seen, fingerprint: format!("{kind}random, width {width}, seed {}", context.recipe.seed) })
    }

    /// The encoder that the DAMSM of a context's STEM was trained on and the height and width of the pictures that it sees; nothing
    /// where `stream` looks through the same.
    ///
    /// # Errors
    /// As [`FrozenEncoder::load`].
    pub fn of_damsm(context: &TrainContext, stream: Option<&StreamConfig>) -> error::Result<Option<SizedEncoder>> {
        let seen = context.recipe.stem_encoder();
        if stream.is_none_or(|stream| stream.encoder == seen.kind && stream.image_size == seen.size) {
            return Ok(None);
        }
        Ok(Some(SizedEncoder::new(Self::load(context, seen)?.network, seen.size)))
    }
}

/// The name and content of the file that holds `kind`.
fn find(context: &TrainContext, kind: EncoderKind) -> Result<Option<(String, Vec<u8>)>> {
    let mut found: Option<(String, Vec<u8>)> = None;
    for path in &context.encoders {
        let file = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
        if file_kind(&bytes, &file)? != kind {
            continue;
        }
        if let Some((first, _)) = &found {
            return Err(Error::BadInput(format!("{first} and {file} both hold {kind}; name one of them")));
        }
        found = Some((file, bytes));
    }
    Ok(found)
}

/// Which network the tensors of a file are of.
fn file_kind(bytes: &[u8], file: &str) -> Result<EncoderKind> {
    let archive = SafeTensors::deserialize(bytes)
        .map_err(|error| Error::bad_model(file, format!("not the weights of an encoder as a safetensors file: {error}")))?;
    let shapes = archive.iter().map(|(name, view)| (name.to_string(), view.shape().to_vec())).collect();
    EncoderKind::of(&shapes, file)
}

/// Weights from N(0, gain / inputs), biases 0 (He et al. 2015 with a gain of 2): pictures stay apart through all the layers, which the
/// orthogonal weights of [`crate::nn::init`] do not achieve in convolutions of one channel each.
struct He<'a> {
    gain: f32,
    rng: &'a mut ChaCha8Rng,
}

impl ModuleMapper for He<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        let inputs: usize = shape.to_vec()[1..].iter().product();
        let deviation = if D > 1 { (self.gain / inputs.max(1) as f32).sqrt() } else { 0.0 };
        let values: Vec<f32> =
            (0..shape.num_elements()).map(|_| deviation * Distribution::<f32>::sample(&StandardNormal, self.rng)).collect();
        param.map(|old| {
            let new = Tensor::from_data(TensorData::new(values, shape), &old.device());
            new.set_require_grad(old.is_require_grad())
        })
    }
}
