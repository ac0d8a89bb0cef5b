//! Tests of the crate as a whole that need a file system.
#![cfg(not(target_arch = "wasm32"))]

mod cli;
mod continued;
mod crashes;
mod degenerate;
mod doors;
mod encoders;
mod first_training;
mod floors;
mod gan;
mod gpu;
mod import;
mod lazy;
mod parity;
#[cfg(feature = "remote")]
mod remote;
mod runs;
mod tiny;
mod tiny_model;
mod together;
mod validation;
mod version_0_1_0;
