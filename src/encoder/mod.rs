//! Image encoders: networks trained to classify ImageNet's pictures, whose features STREAM, DAMSM and the projected discriminators use.

mod efficientnet_lite0;

pub use efficientnet_lite0::{EfficientNetFeatures, EfficientNetLite0, EfficientNetLite0Config};
