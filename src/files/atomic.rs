//! Files and folders that appear whole or not at all.
//!
//! Both are written beside their place under the name `.writing-NAME`, synced and renamed. Whoever writes there holds a lock, so that two
//! processes that write the same name at once do not write into one another's: the last one to finish is what stays. What a process that
//! died left behind is cleared by the next one that writes the same name, or by [`clear_unfinished`]; what could not be finished, on a
//! full disk for instance, is removed at once, and whatever was there before stays as it was.
//!
//! Links are followed. What is neither a regular file nor a folder is written to as it is ([`target`]).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::hold::{Hold, hold, remove_left};
use super::target::{self, Target};
use crate::{Error, Result};

/// Writes a file; the folder it goes to is made. A regular file is replaced; to a pipe, a device or an open descriptor the bytes are written.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    match target::of(path).map_err(|error| Error::io(path, error))? {
        Target::Regular(own) => replace_file(&own, content).map_err(|error| at(path, error)),
        Target::Folder(_) => Err(Error::io(path, io::ErrorKind::IsADirectory.into())),
        Target::Stream(to) => target::stream(to, content).map_err(|error| Error::io(path, error)),
    }
}

fn replace_file(path: &Path, content: &[u8]) -> Result<()> {
    let place = Place::of(path)?;
    let (beside, mut file) = place.file().map_err(|error| Error::io(path, error))?;
    let done = file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = done {
        let _ = fs::remove_file(&beside);
        return Err(Error::io(path, error));
    }
    // Only now: another process that came for the same name must not find it free before it is gone.
    drop(file);
    sync_folder(&place.parent);
    Ok(())
}

/// Writes a folder of files in the place of whatever folder is there; the folder it goes to is made.
///
/// # Errors
/// [`Error::Io`] naming the file; what was there before stays.
pub fn write_folder<N: AsRef<str>, B: AsRef<[u8]>>(folder: &Path, files: impl IntoIterator<Item = (N, B)>) -> Result<()> {
    let mut under_way = Folder::begin(folder)?;
    for (name, content) in files {
        under_way.file(name.as_ref(), |file| file.write(content.as_ref()))?;
    }
    under_way.finish()
}

/// A folder under way: its files are written one after the other, and it appears with all of them, or not at all where it is dropped
/// before [`Folder::finish`].
#[derive(Debug)]
pub struct Folder {
    /// As it was asked for.
    wanted: PathBuf,
    /// Where that leads to.
    own: PathBuf,
    parent: PathBuf,
    beside: PathBuf,
    /// The lock on it, where folders can be locked.
    _held: Option<File>,
    finished: bool,
}

impl Folder {
    /// Begins to write what is to be `folder`, in the place of whatever folder is there; the folder it goes to is made.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder, also where something else than a folder is there.
    pub fn begin(folder: &Path) -> Result<Self> {
        let not_one = || Error::io(folder, io::ErrorKind::NotADirectory.into());
        let own = match target::of(folder).map_err(|error| Error::io(folder, error))? {
            Target::Regular(path) if path.exists() => return Err(not_one()),
            Target::Regular(path) | Target::Folder(path) => path,
            Target::Stream(_) => return Err(not_one()),
        };
        let place = Place::of(&own)?;
        let (beside, held) = place.folder().map_err(|error| Error::io(folder, error))?;
        Ok(Self { wanted: folder.to_path_buf(), own, parent: place.parent, beside, _held: held, finished: false })
    }

    /// Writes the file `name` as `fill` does, bytes as they come. Returns its SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; as `fill`.
    pub fn file(&mut self, name: &str, fill: impl FnOnce(&mut Entry) -> Result<()>) -> Result<String> {
        let path = self.wanted.join(name);
        let file = File::create(self.beside.join(name)).map_err(|error| Error::io(&path, error))?;
        let mut entry = Entry { path, file: BufWriter::new(file), hash: Sha256::new() };
        fill(&mut entry)?;
        let Entry { path, file, hash } = entry;
        let synced = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::io(path, error))?;
        Ok(format!("{:x}", hash.finalize()))
    }

    /// Lets `fill` write the file `name` to the path that it is given, where it can only write to a path. Returns its SHA-256 in
    /// hexadecimal, for which it is read once more.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file, also where `fill` fails.
    pub fn file_at(&mut self, name: &str, fill: impl FnOnce(&Path) -> io::Result<()>) -> Result<String> {
        let beside = self.beside.join(name);
        let hashed = || {
            fill(&beside)?;
            let mut file = File::open(&beside)?;
            file.sync_all()?;
            let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok(format!("{:x}", hash.finalize())),
                    length => hash.update(&piece[..length]),
                }
            }
        };
        hashed().map_err(|error| Error::io(self.wanted.join(name), error))
    }

    /// Puts the folder in its place.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder; what was there before stays.
    pub fn finish(mut self) -> Result<()> {
        sync_folder(&self.beside);
        replace(&self.beside, &self.own).map_err(|error| Error::io(&self.wanted, error))?;
        self.finished = true;
        sync_folder(&self.parent);
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_dir_all(&self.beside);
        }
    }
}

/// Bytes that are read at once to be hashed.
const PIECE: usize = 1 << 20;

/// A file of a [`Folder`] under way, hashed as it is written.
#[derive(Debug)]
pub struct Entry {
    /// Where it will be.
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
}

impl Entry {
    /// Writes the next bytes.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that is wanted.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|error| Error::io(&self.path, error))
    }
}

/// Makes the names in a folder survive a power cut. Not every system can sync a folder; the files themselves are safe.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Removes what processes that died left half written in `folder`.
///
/// # Errors
/// [`Error::Io`] naming it.
pub fn clear_unfinished(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED)) {
            remove_left(&path).map_err(|error| Error::io(&path, error))?;
        }
    }
    Ok(())
}

/// How the names of what is not whole yet begin.
const UNFINISHED: &str = ".writing-";

/// Where something is written before it is whole.
#[derive(Debug)]
struct Place {
    parent: PathBuf,
    name: String,
}

/// Processes that write the same name at once.
const WRITERS: usize = 100;

impl Place {
    fn of(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| Error::io(path, io::Error::new(io::ErrorKind::InvalidInput, "is no name that can be written to")))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        fs::create_dir_all(&parent).map_err(|error| Error::io(&parent, error))?;
        Ok(Self { name: format!("{UNFINISHED}{}", name.to_string_lossy()), parent })
    }

    /// An empty file that nobody else writes to.
    fn file(&self) -> io::Result<(PathBuf, File)> {
        self.claim(|path| {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
            Ok(match hold(file, path)? {
                Hold::Ours(file) | Hold::Unknown(file) => {
                    // Of a process that died.
                    file.set_len(0)?;
                    Claim::Mine(file)
                }
                Hold::Theirs => Claim::Theirs,
                Hold::Gone => Claim::Gone,
            })
        })
    }

    /// An empty folder that nobody else writes to, and the lock on it, where there are such locks.
    fn folder(&self) -> io::Result<(PathBuf, Option<File>)> {
        self.claim(|path| {
            match fs::create_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            let held = match File::open(path).map(|folder| hold(folder, path)) {
                Ok(Ok(Hold::Theirs)) => return Ok(Claim::Theirs),
                Ok(Ok(Hold::Gone)) => return Ok(Claim::Gone),
                Ok(Ok(Hold::Ours(folder) | Hold::Unknown(folder))) => Some(folder),
                // Another has cleared it since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Claim::Gone),
                // Not every system opens folders.
                Ok(Err(_)) | Err(_) => None,
            };
            for entry in fs::read_dir(path)? {
                // Of a process that died.
                let path = entry?.path();
                if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
            }
            Ok(Claim::Mine(held))
        })
    }

    fn claim<T>(&self, mut attempt: impl FnMut(&Path) -> io::Result<Claim<T>>) -> io::Result<(PathBuf, T)> {
        let (mut number, mut gone) = (0, 0);
        while number + gone < WRITERS {
            let path = self.parent.join(if number == 0 { self.name.clone() } else { format!("{}-{number}", self.name) });
            match attempt(&path)? {
                Claim::Mine(mine) => return Ok((path, mine)),
                Claim::Theirs => number += 1,
                Claim::Gone => gone += 1,
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "is being written by many others"))
    }
}

/// What became of the wish to write under a name.
enum Claim<T> {
    Mine(T),
    Theirs,
    Gone,
}

/// Names the file that was wanted, not the one that it leads to.
fn at(path: &Path, error: Error) -> Error {
    match error {
        Error::Io { source, .. } => Error::io(path, source),
        other => other,
    }
}

/// Puts `beside` where `folder` is. Linux swaps two folders in one step, so that there is one at any moment; elsewhere the old one
/// stays under another name until the new one is in its place, and comes back if that fails.
fn replace(beside: &Path, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(beside, folder);
    }
    // What was there is ours while it is being removed under the other's name.
    let _held = File::open(folder).and_then(|old| hold(old, folder));
    if swap(beside, folder) {
        return fs::remove_dir_all(beside);
    }
    let old = beside.with_extension("old");
    fs::rename(folder, &old)?;
    if let Err(error) = fs::rename(beside, folder) {
        let _ = fs::rename(&old, folder);
        return Err(error);
    }
    fs::remove_dir_all(&old)
}

#[cfg(target_os = "linux")]
fn swap(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    // Some file systems cannot.
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn swap(_a: &Path, _b: &Path) -> bool {
    false
}

#[cfg(test)]
pub(crate) mod tests;
