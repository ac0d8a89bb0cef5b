//! STEM, the semantic text embedding module (paper, section 3.1): words and a sentence from a caption, and the sentence made
//! into a smooth condition for the generator.

mod conditioning;
mod text_encoder;

pub use conditioning::{Condition, ConditioningAugmentation, ConditioningAugmentationConfig};
pub use text_encoder::{TextBatch, TextEncoder, TextEncoderConfig, TextFeatures};
