//! What goes to a disk, the same for models, trainings and pictures: files and folders that appear whole or not at all.

mod atomic;
pub mod hold;
mod target;

#[cfg(test)]
pub(crate) use atomic::tests::names;
pub use atomic::{Folder, clear_unfinished, write, write_folder};

use sha2::{Digest, Sha256};

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
