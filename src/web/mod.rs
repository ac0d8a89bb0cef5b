//! The JavaScript face (wasm32 only): what the package's Worker calls.
//!
//! `js/` holds the JavaScript of the npm package: `index.js`, the client that pages import, and `worker.js`, which downloads a model
//! and owns a [`WebEngine`]. The border is crossed by plain objects (serde-wasm-bindgen), pixels as `ImageData`, and promises.
//!
//! The crate makes three modules: one with WebGPU and the CPU; with `--cfg mirrorgan_cpu_only` a much smaller one for browsers without
//! it; and, with atomics besides, one whose memory several Workers share, for pages that are cross-origin isolated.

mod console;
mod device;
mod engine;
mod errors;
mod listener;
#[cfg(target_feature = "atomics")]
mod threads;
mod types;

pub use console::on_panic;
pub use device::{DeviceKind, open};
pub use engine::{ModelFiles, WebEngine};
pub use errors::WebError;
#[cfg(target_feature = "atomics")]
pub use threads::{build_pool, share, start_thread};
