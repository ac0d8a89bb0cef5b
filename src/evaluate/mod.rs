//! Metrics, a file each.

pub mod bleu;
pub mod cider;
pub mod colour_probe;
pub mod frechet;
pub mod kernel;
pub mod r_precision;
pub mod rouge;
