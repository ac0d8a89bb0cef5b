//! The losses of the paper, a file each.

pub mod adversarial;
mod kl;
mod redescription;

pub use kl::kl_divergence;
pub use redescription::redescription;
