//! Prompt → words and sentence → pictures and attention → caption: the one entry that the command line and the browser call.
//!
//! Nothing here blocks: every read from the device is awaited, as WebGPU demands. Native callers use [`block_on`].

mod engine;
mod noise;
mod picture;

pub use engine::{BlendFrame, Encoding, Engine, GenerateOptions, GeneratedPicture, Generation, StageEvent};
pub use noise::Noise;
pub use picture::{AttentionMap, Picture};

use burn::tensor::Tensor;

use crate::{Error, Result};

/// Runs a future of this module to its end on the calling thread.
#[cfg(not(target_arch = "wasm32"))]
pub fn block_on<F: Future>(future: F) -> F::Output {
    pollster::block_on(future)
}

/// The values of a tensor, or what the device says went wrong.
async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await.map_err(|error| Error::Device(format!("{error:?}")))?;
    data.convert::<f32>().try_to_vec().map_err(|error| Error::Device(format!("{error:?}")))
}
