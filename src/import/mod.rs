//! Weights of other projects, read from PyTorch files.
//!
//! A pickle is a program for Python, and a hostile one can do anything there. Here it is only parsed: the few calls that build tensors
//! are known by name, no other is made, and a file that asks for another is refused.

mod captions;
mod efficientnet_lite;
mod fold;
mod inception_v3;
mod networks;
mod resnet;
mod state;

use std::path::Path;

pub use captions::{captions, filenames, sentences};
pub use efficientnet_lite::efficientnet_lite;
pub use inception_v3::{inception_v3, published_inception_v3};
pub use networks::{generator, text_encoder};
pub use resnet::resnet;

use crate::Result;
use crate::glam::Architecture;
use crate::model::{Model, ModelConfig};
use crate::text::Vocabulary;

/// A model, without STREAM, from the files that MirrorGAN's and AttnGAN's public code writes.
///
/// `max_words` is the longest caption, which the files do not tell: 18 for CUB as published.
///
/// # Errors
/// [`crate::Error::BadModel`] that names the file, what was found and what was expected; [`crate::Error::Io`].
pub fn pytorch(
    text_encoder: &Path,
    generator: &Path,
    architecture: Architecture,
    vocabulary: Vocabulary,
    max_words: usize,
    name: &str,
    trained_on: &str,
) -> Result<Model> {
    let (text, stem) = networks::text_encoder(text_encoder, max_words)?;
    let (sizes, glam) = networks::generator(generator, architecture)?;
    Model::new(ModelConfig::new(name, trained_on, text, sizes, None), vocabulary, stem, glam, None)
}
