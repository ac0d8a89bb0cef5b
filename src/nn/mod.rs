//! The few layers that burn lacks, or has with other numerics than the published network.
//!
//! Layers compute through [`ops`], which chooses the kernels; what a layer's numbers are, each says itself ([`layer`]).

mod activation;
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
mod adam;
mod batch_norm;
mod blocks;
pub mod cpu;
#[cfg(not(target_arch = "wasm32"))]
mod device;
pub mod dropout;
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
mod fixed;
pub mod init;
pub mod layer;
#[cfg(feature = "tch")]
mod libtorch;
mod lstm;
pub mod ops;
mod orthogonal;
mod precision;
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
mod spectral;
mod table;

#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub use adam::AdamStep;
pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use blocks::{ResidualBlock, UpBlock, conv1x1, conv3x3};
#[cfg(not(target_arch = "wasm32"))]
pub use device::{gpu_kinds, is_elsewhere};
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub use fixed::{FixedMix, Standardize};
pub use lstm::{Lstm, LstmConfig, LstmState};
pub use ops::{conv2d, convolve, glu};
pub use precision::{Lower, Precision};
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub use spectral::{SpectralConv2d, SpectralLinear, SpectralNorm};
pub use table::{ModulePath, running_statistics};

#[cfg(all(test, feature = "lab"))]
mod tests;
