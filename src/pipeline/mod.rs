//! Prompt → words and sentence → pictures and attention → caption: the one entry that the command line and the browser call.
//!
//! Nothing here blocks: every read from the device is awaited, as WebGPU demands. Native callers use [`block_on`].

#[cfg(not(target_arch = "wasm32"))]
mod blocking;
mod drawer;
mod engine;
mod matching;
mod noise;
#[cfg(any(target_arch = "wasm32", test))]
mod warm_up;

pub use crate::picture::{AttentionMap, Picture};
pub use drawer::{Attention, Drawer, Drawing, eight_bits, pictures};
pub use engine::{BlendFrame, Encoding, Engine, GenerateOptions, GeneratedPicture, Generation, StageEvent};
pub use matching::TextMatch;
pub use noise::{Noise, NoiseSource};
#[cfg(target_arch = "wasm32")]
pub use warm_up::warm_up;

use crate::readback::read;

/// Runs a future of this module to its end on the calling thread.
#[cfg(not(target_arch = "wasm32"))]
pub fn block_on<F: Future>(future: F) -> F::Output {
    pollster::block_on(future)
}
