//! Convolutions for generation on a CPU, where burn's own are the limit: less arithmetic (Winograd), batch norm folded into weights,
//! gates and residual sums in the same pass, pixels' channels side by side.
//!
//! Inference only. The same lines run natively and in WebAssembly; only `lanes` differs.

mod conv;
mod lanes;
mod map;
mod matmul;

pub use conv::{Conv3, DoublingConv, Folded, PictureConv, softmax};
pub use map::{Map, for_chunks, pad};
pub use matmul::Matrix;
