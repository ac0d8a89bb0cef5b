//! What goes to a disk, the same for models, trainings and pictures: files and folders that appear whole or not at all.

pub mod pictures;
mod whole;

pub use whole::{write, write_folder};
