//! A model on disk: a folder with `config.json`, `vocab.txt`, `stem.safetensors`, `glam.safetensors` and, where the model can
//! describe pictures, `stream.safetensors`, and, where it can match them with words, `damsm.safetensors`.
//!
//! [`ModelConfig`] and [`tensors`] work on bytes, wherever they come from; natively [`read_folder`] and [`write_folder`] work on
//! folders.

mod config;
mod loaded;
pub mod tensors;

#[cfg(not(target_arch = "wasm32"))]
mod folder;

#[cfg(test)]
pub(crate) use config::tests;
pub use config::{CONFIG_FILE, FileInfo, GLAM_FILE, MATCHER_FILE, ModelConfig, STEM_FILE, STREAM_FILE, VOCABULARY_FILE};
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub(crate) use config::{check_generator, check_text_encoder};
#[cfg(not(target_arch = "wasm32"))]
pub use folder::{read_folder, read_to_draw, write_folder};
pub use loaded::Model;
pub use tensors::Dtype;
