//! Convolutions for generation on a CPU, where burn's own are the limit: less arithmetic (Winograd), batch norm folded into weights,
//! gates and residual sums in the same pass, pixels' channels side by side.
//!
//! Inference only. The same lines run natively and in WebAssembly; only what [`Set`] runs them with differs. What computes on vectors is a
//! [`Work`] or a `Job`, compiled once for each set of instructions and inlined as a whole: closures stay outside, as they are functions of their own.

mod conv;
mod lanes;
mod map;
mod matmul;
mod picture;
mod set;

pub use conv::{Conv3, DoublingConv, Folded};
pub use lanes::{Simd, softmax};
pub use map::{Map, Work, for_chunks, pad};
pub use matmul::Matrix;
pub use picture::PictureConv;
pub use set::Set;
