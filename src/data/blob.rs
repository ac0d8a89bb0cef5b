//! Where the bytes of a file of a data set lie: a file of its own, or a part of a shard.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::picture::read::check_length;

/// Bytes that are read when they are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    file: Arc<Path>,
    /// Start and length in a shard; the whole file where there is none.
    part: Option<(u64, u64)>,
}

impl Blob {
    /// A whole file.
    pub fn file(path: PathBuf) -> Self {
        Self { file: path.into(), part: None }
    }

    /// `length` bytes of `shard` from `start` on.
    pub fn part(shard: Arc<Path>, start: u64, length: u64) -> Self {
        Self { file: shard, part: Some((start, length)) }
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// What is wrong, in words; the caller knows of which sample.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        let name = self.file.display();
        let problem = |error: std::io::Error| format!("{name} cannot be read: {error}");
        let mut file = File::open(&self.file).map_err(problem)?;
        let length = match self.part {
            Some((start, length)) => {
                file.seek(SeekFrom::Start(start)).map_err(problem)?;
                length
            }
            None => file.metadata().map_err(problem)?.len(),
        };
        check_length(length)?;
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes).map_err(problem)?;
        if bytes.len() as u64 != length {
            return Err(format!("{name} ended after {} of {length} bytes", bytes.len()));
        }
        Ok(bytes)
    }
}
