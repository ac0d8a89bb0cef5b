//! The losses of the paper, a file each.

pub mod adversarial;
mod gradient_penalty;
mod kl;
mod redescription;

pub use gradient_penalty::GradientPenalty;
pub use kl::kl_divergence;
pub use redescription::redescription;
