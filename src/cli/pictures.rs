//! Pictures that a command is given by their names.

use std::path::{Path, PathBuf};

use super::print::{self, Reader};
use crate::picture::read;
use crate::pipeline::Picture;

/// Calls `tell` with the number, the path and the picture of each of `files` that can be read, as long as somebody reads what it prints.
///
/// # Errors
/// Those of `tell`; when a file could not be read, once the others are done.
pub fn each(files: &[PathBuf], mut tell: impl FnMut(usize, &Path, &Picture) -> anyhow::Result<Reader>) -> anyhow::Result<()> {
    let mut unreadable = 0;
    for (index, path) in files.iter().enumerate() {
        let picture = match read::from_file(path) {
            Ok(picture) => picture,
            // The only one: its error is all there is to tell.
            Err(error) if files.len() == 1 => return Err(error.into()),
            Err(error) => {
                print::note(format_args!("error: {error}"));
                unreadable += 1;
                continue;
            }
        };
        if tell(index, path, &picture)? == Reader::Gone {
            break;
        }
    }
    anyhow::ensure!(unreadable == 0, "{unreadable} of {} pictures could not be read", files.len());
    Ok(())
}
