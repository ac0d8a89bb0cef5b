//! Image encoders: networks trained to classify ImageNet's pictures, whose features STREAM, DAMSM and the projected discriminators use.
//!
//! The paper describes pictures from ResNet-152 and matches them with words through Inception-v3. Both are here, from torchvision's
//! weight files, but natively only, and EfficientNet-Lite1 and Lite2 for judges of another build. EfficientNet-Lite0, with 3.4 million weights, stays the
//! default because it can be shipped to browsers.

mod cpu;
mod efficientnet_lite;
mod image_encoder;
#[cfg(not(target_arch = "wasm32"))]
mod inception_blocks;
#[cfg(not(target_arch = "wasm32"))]
mod inception_v3;
mod inference;
#[cfg(not(target_arch = "wasm32"))]
mod layers;
#[cfg(not(target_arch = "wasm32"))]
mod resnet;
mod sized;

pub use cpu::CpuEncoder;
pub use efficientnet_lite::{EfficientNetFeatures, EfficientNetLite, EfficientNetLiteConfig, Lite};
pub use image_encoder::{EncoderFeatures, EncoderKind, ImageEncoder, ImageEncoderConfig, Stage};
#[cfg(not(target_arch = "wasm32"))]
pub use inception_v3::{InceptionFeatures, InceptionLogits, InceptionV3, InceptionV3Config, InceptionVariant};
pub use inference::InferenceEncoder;
#[cfg(not(target_arch = "wasm32"))]
pub use resnet::{ResNet, ResNetConfig, ResNetDepth, ResNetFeatures};
pub use sized::SizedEncoder;
