//! Weights of other projects, read from PyTorch files.
//!
//! A pickle is a program for Python, and a hostile one can do anything there. Here it is only parsed: the few calls that build tensors
//! are known by name, no other is made, and a file that asks for another is refused, but for objects that hold settings, which are passed over.

mod captions;
mod checkpoint;
mod defaultdict;
mod efficientnet_lite;
mod fold;
mod inception_v3;
mod networks;
mod resnet;
mod state;

use std::path::Path;

pub use captions::{captions, filenames, sentences, vocabulary};
pub use checkpoint::Checkpoint;
pub use efficientnet_lite::efficientnet_lite;
pub use inception_v3::{inception_v3, published_inception_v3};
pub use networks::{generator, text_encoder};
pub use resnet::resnet;

use crate::glam::Architecture;
use crate::model::{Model, ModelConfig};
use crate::{Error, Result};

/// The files of a model of MirrorGAN's or AttnGAN's public code.
#[derive(Debug, Clone, Copy)]
pub struct PublishedModel<'a> {
    /// Text encoder.
    pub text_encoder: Checkpoint<'a>,
    /// Generator.
    pub generator: Checkpoint<'a>,
    /// `captions.pickle` or a `vocab.txt`.
    pub captions: &'a Path,
}

/// A model, without STREAM, from the files that MirrorGAN's and AttnGAN's public code writes.
///
/// `max_words` is the longest caption, which the files do not tell: 18 for CUB as published.
///
/// # Errors
/// [`Error::BadModel`] that names the file, what was found and what was expected, or both files when they do not fit each other;
/// [`Error::SeveralParts`]; [`Error::Io`].
pub fn pytorch(files: &PublishedModel<'_>, architecture: Architecture, max_words: usize, name: &str, trained_on: &str) -> Result<Model> {
    let vocabulary = vocabulary(files.captions)?;
    let (text, stem) = networks::text_encoder(files.text_encoder, max_words)?;
    let (sizes, glam) = networks::generator(files.generator, architecture)?;
    let [captions, encoder, generator] = [files.captions, files.text_encoder.path, files.generator.path].map(|path| path.display().to_string());
    if vocabulary.len() != text.vocabulary {
        let message = format!(
            "has {} words, the end mark included; {encoder} was trained with {}: take the vocabulary of the same training",
            vocabulary.len(),
            text.vocabulary
        );
        return Err(Error::bad_model(captions, message));
    }
    if sizes.features != text.features {
        let message = format!("takes {} features of a text; {encoder} gives {}: take both of the same training", sizes.features, text.features);
        return Err(Error::bad_model(generator, message));
    }
    Model::new(ModelConfig::new(name, trained_on, text, sizes, None), vocabulary, stem, glam, None)
}
