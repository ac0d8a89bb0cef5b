//! Text to image to text: MirrorGAN (Qiao, Zhang, Xu and Tao, CVPR 2019, [arXiv 1903.05854](https://arxiv.org/abs/1903.05854)) as one
//! crate on [burn](https://burn.dev), natively and in the browser.
//!
//! A model is a folder: `config.json`, words and weights. [`Engine::open`] puts it on a [`Device`]; a prompt then becomes a picture, stage
//! by stage (64, 128, 256 pixels), with a map of where each refining stage looked for each word, and the picture becomes words again.
//!
//! ```ignore-wasm32
//! use mirrorgan::{Device, Engine, GenerateOptions, Picture};
//!
//! # fn main() -> mirrorgan::Result<()> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v0.1.0/model");
//! # let out = std::env::temp_dir().join(format!("mirrorgan-doctest-{}", std::process::id()));
//! let engine = Engine::open(folder, &Device::flex())?;
//!
//! let options = GenerateOptions { seed: 7, caption: true, ..GenerateOptions::default() };
//! let drawn = engine.draw("this flower has pink petals and a yellow center", &options)?;
//! for stage in &drawn.pictures[0].stages {
//!     stage.image.save(out.join(format!("{}.png", stage.image.width())))?;
//!     if let Some(map) = &stage.attention {
//!         assert_eq!(map.word(0).unwrap().len(), map.size * map.size);
//!     }
//! }
//! println!("{}", drawn.pictures[0].caption.as_ref().unwrap().text);
//!
//! // Any other picture can be described, too.
//! println!("{}", engine.describe(&Picture::open(out.join("256.png"))?)?.text);
//! # std::fs::remove_dir_all(&out).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! The same model, seed and device give the same picture, on the CPU to the bit. [`Engine::draw`] and [`Engine::describe`] wait; beneath
//! them are [`Engine::generate`], which tells each stage to a listener that may stop it, and [`Engine::caption`], both `async`, for nothing
//! may block in a browser. Natively [`block_on`] waits for those, and for [`Engine::encode`] (the features of a prompt) and
//! [`Engine::blend`] (a path from one prompt to another). Where there is no file system, [`Model::read`] takes a model's files as bytes.
//!
//! # Features
//!
//! | feature | |
//! | --- | --- |
//! | none | draws and describes: all of the above, on the CPU |
//! | `lab` | learns and measures, too: training, evaluation, conversion of PyTorch's files |
//! | `cli` (default) | the command `mirrorgan`, which is how to use `lab`; leave it out in a program of your own: `default-features = false` |
//! | `remote` | devices of other machines, and serving one |
//! | `vulkan`, `cuda`, `tch` | devices: any GPU with a Vulkan driver, NVIDIA's by burn's CUDA kernels, libtorch |
//!
//! On wasm32 the crate draws and describes, on WebGPU or the CPU, and is what the npm package `mirrorgan` is made of.
//!
//! Modules that this page does not list are open to the crate's own tests and to its command, and may change with every version.

// Unit tests run natively. `wasm-pack test` builds this library for them, too, and would find nothing to run.
#![cfg(not(all(test, target_arch = "wasm32")))]

// The first floor draws and describes, natively and in the browser. A caption walks through `text`, `stem`, `glam` and `stream`.
#[doc(hidden)]
pub mod damsm;
#[doc(hidden)]
pub mod encoder;
mod error;
// The floors above write more kinds of files than drawing does.
#[cfg(not(target_arch = "wasm32"))]
#[cfg_attr(not(feature = "lab"), allow(dead_code, unused_imports))]
mod files;
#[doc(hidden)]
pub mod glam;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod nn;
mod picture;
#[doc(hidden)]
pub mod pipeline;
mod readback;
#[cfg(all(feature = "remote", not(target_arch = "wasm32")))]
#[doc(hidden)]
pub mod remote;
#[doc(hidden)]
pub mod stem;
#[doc(hidden)]
pub mod stream;
#[doc(hidden)]
pub mod text;

/// The second floor, which learns and measures, in rooms that see only each other and the first floor.
macro_rules! lab {
    ($($room:ident),* $(,)?) => {$(
        #[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
        #[doc(hidden)]
        pub mod $room;
    )*};
}
lab!(compare, data, discriminator, evaluate, import, loss, report, train, watch);

// The doors.
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
#[doc(hidden)]
pub mod cli;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod web;

pub use burn::tensor::Device;
pub use error::{Error, Result};
pub use model::Model;
pub use nn::Precision;
pub use picture::{AttentionMap, Picture};
#[cfg(not(target_arch = "wasm32"))]
pub use pipeline::block_on;
pub use pipeline::{BlendFrame, Encoding, Engine, GenerateOptions, GeneratedPicture, Generation, NoiseSource, StageEvent, TextMatch};
pub use stream::{Caption, CaptionOptions};
pub use text::Token;
