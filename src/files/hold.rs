//! Locks on files and folders, by which one process knows what another is writing. The system lets go of a lock when its process ends, however
//! it ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// What became of the wish to be the only one.
#[derive(Debug)]
pub enum Hold {
    /// The lock is ours as long as the handle is open.
    Ours(File),
    /// Another process, or another handle of this one, has the lock.
    Theirs,
    /// By now the path is another file or none: whoever had it has moved or removed it.
    Gone,
    /// The file system knows no locks.
    Unknown(File),
}

/// Locks what `file`, which was opened at `path`, is.
///
/// # Errors
/// As the system gives them.
pub fn hold(file: File, path: &Path) -> io::Result<Hold> {
    match file.try_lock() {
        Ok(()) if is_at(&file, path)? => Ok(Hold::Ours(file)),
        Ok(()) => Ok(Hold::Gone),
        Err(TryLockError::WouldBlock) => Ok(Hold::Theirs),
        Err(TryLockError::Error(_)) => Ok(Hold::Unknown(file)),
    }
}

/// Whether nobody is writing to `path`, a file or folder, as far as locks tell.
pub fn is_left(path: &Path) -> bool {
    File::open(path).and_then(|file| hold(file, path)).is_ok_and(|hold| matches!(hold, Hold::Ours(_) | Hold::Unknown(_)))
}

/// Whether what is open is what the path names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata()?;
    Ok(fs::metadata(path).is_ok_and(|named| (named.dev(), named.ino()) == (open.dev(), open.ino())))
}

/// A file that is open keeps its name here.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    fs::exists(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_of_one_handle_and_of_what_the_path_names() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        let open = || File::options().create(true).truncate(false).write(true).open(&path).unwrap();
        let (first, second, third) = (open(), open(), open());
        let first = hold(first, &path).unwrap();
        assert!(matches!(first, Hold::Ours(_)));
        assert!(matches!(hold(second, &path).unwrap(), Hold::Theirs) && !is_left(&path));
        drop(first);
        assert!(is_left(&path));
        #[cfg(unix)]
        {
            fs::rename(&path, place.path().join("b")).unwrap();
            assert!(matches!(hold(third, &path).unwrap(), Hold::Gone));
            assert!(is_left(place.path()), "a folder can be locked, too");
        }
    }
}
