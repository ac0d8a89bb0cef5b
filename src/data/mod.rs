//! Pictures with captions: where they come from ([`Dataset::open`]), in which order a training sees them ([`Sampler`]), and how
//! they become tensors.
//!
//! Read are CUB-200-2011, Oxford-102 and COCO 2014 or 2017 as they are published, WebDataset shards (tar files with
//! `KEY.webp|jpg|png` beside `KEY.json` or `KEY.txt`) and plain folders of pictures with a `.txt` beside each, a caption a line, or with
//! Hugging Face's `metadata.jsonl` or `metadata.csv`. Everything is checked while it is read; past [`Dataset`] a sample has a picture of the right size and at least one caption.

mod blob;
mod captions;
mod dataset;
mod description;
mod folder;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod layout;
mod metadata;
mod pattern;
mod pictures;
mod pixels;
mod sample;
mod sampler;
mod shard;
mod source;
mod split;
mod spread;
mod square;
pub mod tiny;
mod unpack;
mod validation;

pub use captions::EncodedCaptions;
pub use dataset::{DataOptions, Dataset, Sample};
pub use pictures::Pictures;
pub use sampler::{Position, Sampler};
pub use split::Split;
pub use spread::spread;
pub use square::{Bounds, decode_square, decode_square_within};
pub use validation::Validation;

/// Extensions of pictures, lower case.
const PICTURES: [&str; 5] = ["webp", "jpg", "jpeg", "jfif", "png"];
