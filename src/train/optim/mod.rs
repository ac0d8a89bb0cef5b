//! What moves weights: Adam, the running average, and the scale of losses in 16 bits.

pub mod adam;
pub mod average;
pub mod loss_scale;
