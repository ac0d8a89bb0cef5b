//! Training: STEM, STREAM and the generator with its discriminators.
//!
//! A training is a folder RUN with `vocab.txt`, the frozen encoders' `features/`, and one folder a part: `stem/`, `stream/`, `gan/`,
//! each with its recipe, log, checkpoints and report. Any of them can be interrupted at any step and continued to the bit.

pub mod adam;
pub mod average;
pub mod checkpoint;
pub mod compare;
pub mod divergence;
pub mod examples;
pub mod features;
pub mod frozen_encoder;
pub mod gan;
pub mod gan_recipe;
pub mod precision;
pub mod progress;
pub mod recipe;
pub mod report;
pub mod run;
pub mod schedule;
pub mod sessions;
pub mod stem;
pub mod stream;
pub mod tensorboard;

pub use recipe::Recipe;
pub use run::{Interrupt, RunFolder, TrainContext};
