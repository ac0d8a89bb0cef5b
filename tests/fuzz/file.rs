//! Bytes as a file, for what reads files alone.

use std::path::PathBuf;

/// A file that holds `bytes`, the same one for each call.
pub fn of(bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("mirrorgan-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("the file for temporary files takes what is tried");
    path
}
