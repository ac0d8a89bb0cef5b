//! Image encoders: networks trained to classify ImageNet's pictures, whose features STREAM, DAMSM and the projected discriminators use.

mod efficientnet_lite0;
#[cfg(not(target_arch = "wasm32"))]
mod inception_blocks;
#[cfg(not(target_arch = "wasm32"))]
mod inception_v3;
#[cfg(not(target_arch = "wasm32"))]
mod layers;

pub use efficientnet_lite0::{EfficientNetFeatures, EfficientNetLite0, EfficientNetLite0Config};
#[cfg(not(target_arch = "wasm32"))]
pub use inception_v3::{InceptionFeatures, InceptionLogits, InceptionV3, InceptionV3Config, InceptionVariant};
