//! Pictures with captions: where they come from ([`Dataset::open`]), in which order a training sees them ([`Sampler`]), and how
//! they become tensors.
//!
//! Read are WebDataset shards (tar files with `KEY.webp|jpg|png` beside `KEY.json` or `KEY.txt`) and plain folders of pictures with a
//! `.txt` beside each, a caption a line. Everything is checked while it is read; past [`Dataset`] a sample has a picture of the
//! right size and at least one caption.

mod captions;
mod dataset;
mod picture;
mod sampler;
mod source;
pub mod tiny;

pub use captions::EncodedCaptions;
pub(crate) use dataset::style as bar_style;
pub use dataset::{DataOptions, Dataset, Sample};
pub use picture::decode_square;
pub use sampler::{Position, Sampler};
pub use source::{RawSample, Split};
