//! GLAM, the global-local collaborative attentive module (paper, section 3.2): stages that refine a picture, each looking at the
//! words and at the sentence.

mod attention;
mod cpu;
mod generator;
mod stages;

pub use attention::{SentenceAttention, WordAttention};
pub use cpu::{CpuGenerator, CpuText};
pub use generator::{Architecture, Generated, Generator, GeneratorConfig};
pub use stages::{ImageHead, InitialStage, RefineStage, StageOutput};
