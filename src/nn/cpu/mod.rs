//! Convolutions and LSTM steps for drawing and describing on a CPU, where burn's own are the limit: less arithmetic (Winograd), batch norm
//! folded into weights, gates, ReLU6 and residual sums in the same pass, pixels' channels side by side.
//!
//! Inference only. The same lines run natively and in WebAssembly; only what [`Set`] runs them with differs. What computes on vectors is a
//! [`Work`] or a `Job`, compiled once for each set of instructions and inlined as a whole: closures stay outside, as they are functions of their own.

mod conv;
mod dense;
mod depthwise;
mod lanes;
mod lstm;
mod map;
mod matmul;
mod picture;
mod pointwise;
mod set;

pub use conv::{Conv3, DoublingConv, Folded};
pub use dense::Dense;
pub use depthwise::{Depthwise, padding};
pub use lanes::{Simd, softmax};
pub use lstm::{CpuLstm, CpuLstmState, WordScores};
pub use map::{Map, Work, for_chunks, for_each_chunk, pad};
pub use matmul::Matrix;
pub use picture::PictureConv;
pub use pointwise::{Pixels, Pointwise};
pub use set::Set;
