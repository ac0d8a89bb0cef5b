//! MirrorGAN (Qiao, Zhang, Xu and Tao, CVPR 2019, arXiv 1903.05854): text to image to text, in one crate.
//!
//! A caption walks through the rooms of this crate in order: [`text`] splits it into words, [`stem`] embeds them,
//! [`glam`] draws pictures of 64, 128 and 256 pixels from them, and [`stream`] describes the last picture in words again.
//! [`pipeline`] is the walk as one call; the command line and the browser both use it.
//!
//! The model code is the same lines natively and on wasm32. Training ([`train`](crate)), evaluation and the command line exist
//! natively only, the JavaScript face on wasm32 only.

pub mod damsm;
pub mod discriminator;
pub mod encoder;
pub mod error;
pub mod glam;
pub mod host;
pub mod loss;
pub mod model_dir;
pub mod nn;
pub mod pipeline;
pub mod stem;
pub mod stream;
pub mod text;

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(not(target_arch = "wasm32"))]
pub mod data;
#[cfg(not(target_arch = "wasm32"))]
pub mod evaluate;
#[cfg(not(target_arch = "wasm32"))]
pub mod files;
#[cfg(not(target_arch = "wasm32"))]
pub mod train;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use error::{Error, Result};
