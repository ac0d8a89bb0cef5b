//! Where the bytes of a file of a data set lie: a file of its own, or a part of a shard.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::picture::read::check_length;

/// Bytes that are read when they are needed.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    file: Arc<Path>,
    /// Start and length in a shard; the whole file where there is none.
    part: Option<(u64, u64)>,
    /// Where what packed shards hold lies; it has no name of its own, and is gone when nobody holds it any more.
    unpacked: Option<Arc<Mutex<File>>>,
}

impl Blob {
    /// A whole file.
    pub fn file(path: PathBuf) -> Self {
        Self { file: path.into(), part: None, unpacked: None }
    }

    /// `length` bytes of `shard` from `start` on; of `unpacked` where the shard is packed, with `start` there.
    pub fn part(shard: Arc<Path>, unpacked: Option<Arc<Mutex<File>>>, start: u64, length: u64) -> Self {
        Self { file: shard, part: Some((start, length)), unpacked }
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// What is wrong, in words; the caller knows of which sample.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        match &self.unpacked {
            Some(unpacked) => self.read_from(&mut unpacked.lock().unwrap_or_else(PoisonError::into_inner)),
            None => self.read_from(&mut File::open(&self.file).map_err(|error| self.problem(&error))?),
        }
    }

    fn read_from(&self, file: &mut File) -> Result<Vec<u8>, String> {
        let length = match self.part {
            Some((start, length)) => {
                file.seek(SeekFrom::Start(start)).map_err(|error| self.problem(&error))?;
                length
            }
            None => file.metadata().map_err(|error| self.problem(&error))?.len(),
        };
        check_length(length)?;
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes).map_err(|error| self.problem(&error))?;
        if bytes.len() as u64 != length {
            return Err(format!("{} ended after {} of {length} bytes", self.file.display(), bytes.len()));
        }
        Ok(bytes)
    }

    fn problem(&self, error: &std::io::Error) -> String {
        format!("{} cannot be read: {error}", self.file.display())
    }
}
