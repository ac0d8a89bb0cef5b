//! What stands at the path that somebody wants written: links are followed, and what is no regular file, such as a pipe, a terminal or
//! `/dev/null`, is written to and never replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where bytes go.
#[derive(Debug)]
pub enum Target {
    /// A regular file, or one that is not there yet, at this path, which is no link.
    Regular(PathBuf),
    /// A folder at this path, which is no link.
    Folder(PathBuf),
    /// A pipe, a device, or a descriptor that is open already.
    Stream(File),
}

/// Links that are followed, as many as Linux follows.
const LINKS: usize = 40;

/// What `path` leads to.
///
/// # Errors
/// As the system gives them, and for links in a circle.
pub fn of(path: &Path) -> io::Result<Target> {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        if let Some(stream) = descriptor(&path) {
            return Ok(Target::Stream(stream?));
        }
        let kind = match fs::symlink_metadata(&path) {
            Ok(found) => found.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Target::Regular(path)),
            Err(error) => return Err(error),
        };
        if kind.is_symlink() {
            let to = fs::read_link(&path)?;
            path = path.parent().map_or(to.clone(), |parent| parent.join(&to));
        } else if kind.is_dir() {
            return Ok(Target::Folder(path));
        } else if kind.is_file() {
            return Ok(Target::Regular(path));
        } else {
            // A pipe waits here until somebody reads.
            return Ok(Target::Stream(OpenOptions::new().write(true).open(&path)?));
        }
    }
    Err(io::Error::other("is a link that leads to itself"))
}

/// Writes to what cannot be replaced.
///
/// # Errors
/// As the system gives them.
pub fn stream(mut to: File, content: &[u8]) -> io::Result<()> {
    to.write_all(content)?;
    match to.sync_all() {
        // Pipes and terminals have nothing to sync; a disk has.
        Err(error)
            if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::ReadOnlyFilesystem) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// A second handle of the descriptor that `path` names, such as `/dev/stdout` or `/dev/fd/3`: opened by its name a file that standard output
/// goes to would be another one, beginning anew.
#[cfg(unix)]
fn descriptor(path: &Path) -> Option<io::Result<File>> {
    use std::os::fd::BorrowedFd;
    let number = match path.to_str()? {
        "/dev/stdout" => 1,
        "/dev/stderr" => 2,
        name => {
            let (folder, number) = name.rsplit_once('/')?;
            // `/dev/fd`, and on Linux `/proc/self/fd`, into which it leads.
            let own = || {
                let canonical = fs::canonicalize(folder).ok()?;
                let process = format!("/proc/{}", std::process::id());
                Some(canonical == Path::new("/dev/fd") || (canonical.ends_with("fd") && canonical.starts_with(process)))
            };
            let number = number.parse().ok().filter(|number: &i32| *number >= 0)?;
            own()?.then_some(number)?
        }
    };
    // SAFETY: of the descriptor, which may be closed, nothing is done but to ask for a copy.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Some(borrowed.try_clone_to_owned().map(File::from))
}

#[cfg(not(unix))]
fn descriptor(_path: &Path) -> Option<io::Result<File>> {
    None
}
