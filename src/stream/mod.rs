//! STREAM, the semantic text regeneration and alignment module (paper, section 3.3): a picture is described in words again, and a
//! generator whose pictures lose their captions on the way is told so.
//!
//! The paper's image encoder is ResNet-152, sixty million weights. Here it is EfficientNet-Lite0 with 3.4 million unless a recipe says
//! otherwise, because a browser has to download it.

mod caption;
mod cpu;
mod decoder;
mod describer;
pub mod image;
mod search;

pub use caption::{Caption, Stream, StreamConfig};
pub use cpu::CpuDecoder;
pub use decoder::{CaptionIds, Decoded, StreamDecoder};
pub use describer::Describer;
pub use search::CaptionOptions;
