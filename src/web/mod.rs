//! The JavaScript face (wasm32 only): what the package's Worker calls.
//!
//! `js/` holds the JavaScript of the npm package: `index.js`, the client that pages import, and `worker.js`, which downloads a model
//! and owns a [`WebEngine`]. The border is crossed by plain objects (serde-wasm-bindgen), pixels as `ImageData`, and promises.
//!
//! The crate makes two modules: one with WebGPU and the CPU, and, with `--cfg mirrorgan_cpu_only`, a much smaller one for browsers
//! without it.

mod console;
mod device;
mod engine;
mod errors;
mod listener;
mod types;

pub use console::on_panic;
pub use device::{DeviceKind, open};
pub use engine::{ModelFiles, WebEngine};
pub use errors::WebError;
