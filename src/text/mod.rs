//! Words: how a caption is split, and which of its words a model knows.

mod encoding;
mod tokenizer;
mod vocabulary;

pub use encoding::decode;
pub use tokenizer::tokenize;
pub use vocabulary::{END, EncodedText, Token, Vocabulary};
