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

/// Removes `path`, a file or folder, unless somebody is writing to it, as far as locks tell. It is ours until it is gone: who comes for the name
/// meanwhile does not take what is about to vanish.
///
/// # Errors
/// As the system gives them.
pub fn remove_left(path: &Path) -> io::Result<()> {
    let held = File::open(path).and_then(|file| hold(file, path));
    if !matches!(held, Ok(Hold::Ours(_) | Hold::Unknown(_))) {
        return Ok(());
    }
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    drop(held);
    // Where nothing is locked another may have been faster.
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
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
        assert!(matches!(hold(second, &path).unwrap(), Hold::Theirs));
        drop(first);
        #[cfg(unix)]
        {
            fs::rename(&path, place.path().join("b")).unwrap();
            assert!(matches!(hold(third, &path).unwrap(), Hold::Gone));
            let folder = || hold(File::open(place.path()).unwrap(), place.path()).unwrap();
            let first = folder();
            assert!(matches!((first, folder()), (Hold::Ours(_), Hold::Theirs)), "a folder can be locked, too");
        }
    }

    #[test]
    fn what_somebody_holds_is_not_removed() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        fs::write(&path, "x").unwrap();
        let held = hold(File::open(&path).unwrap(), &path).unwrap();
        remove_left(&path).unwrap();
        assert!(path.exists());
        drop(held);
        remove_left(&path).unwrap();
        assert!(!path.exists());
        remove_left(&path).unwrap();
    }
}
