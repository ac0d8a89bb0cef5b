//! What goes to a disk, the same for models, trainings and pictures: files and folders that appear whole or not at all.

mod atomic;
pub mod hold;
mod target;

#[cfg(test)]
pub(crate) use atomic::tests::names;
pub use atomic::{Folder, clear_unfinished, write, write_folder};

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result, text};

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The text of a file, as [`text::decode`] reads it.
///
/// # Errors
/// [`Error::Io`]; [`Error::BadData`] naming the file when it is no text.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
    text::decode(&bytes).map_err(|message| Error::BadData { file: path.display().to_string(), message })
}
