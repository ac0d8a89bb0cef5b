//! Training: STEM, STREAM and the generator with its discriminators.
//!
//! A training is a folder RUN with `vocab.txt`, the frozen encoders' `features/`, and one folder a part: `stem/`, `stream/`, `gan/`,
//! each with its recipe, log, checkpoints and report. Any of them can be interrupted at any step and continued to the bit.

pub mod apart;
pub mod course;
pub mod divergence;
pub mod epochs;
pub mod error;
mod exact;
pub mod features;
pub mod frozen_encoder;
pub mod gan;
pub mod judge;
pub mod measured;
pub mod optim;
mod prepared;
pub mod recipe;
pub mod run;
pub mod stem;
pub mod stream;

pub use error::TrainError;
pub use recipe::Recipe;
pub use run::{RunFolder, TrainContext};
