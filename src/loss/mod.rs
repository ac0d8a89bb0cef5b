//! The losses of the paper, a file each.

pub mod adversarial;
pub mod diversity;
// What takes gradients has no place in the browser, where burn is built without them.
#[cfg(not(target_arch = "wasm32"))]
mod gradient_penalty;
mod kl;
mod redescription;

#[cfg(not(target_arch = "wasm32"))]
pub use gradient_penalty::GradientPenalty;
pub use kl::kl_divergence;
pub use redescription::redescription;
