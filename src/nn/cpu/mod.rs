//! Convolutions and LSTM steps for drawing and describing on a CPU, where burn's own are the limit: less arithmetic (Winograd), batch norm
//! folded into weights, gates, ReLU6 and residual sums in the same pass, pixels' channels side by side.
//!
//! Inference only. The same lines run natively and in WebAssembly; only `lanes` differs.

mod conv;
mod dense;
mod depthwise;
mod lanes;
mod lstm;
mod map;
mod matmul;
mod pointwise;

pub use conv::{Conv3, DoublingConv, Folded, PictureConv, softmax};
pub use dense::Dense;
pub use depthwise::{Depthwise, padding};
pub use lstm::{CpuLstm, CpuLstmState, WordScores};
pub use map::{Map, for_chunks, pad};
pub use matmul::Matrix;
pub use pointwise::{Pixels, Pointwise};
