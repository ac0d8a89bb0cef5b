//! Files and folders that appear whole or not at all.
//!
//! Both are written beside their place under the name `.writing-NAME`, synced and renamed. What a process that died left behind is
//! cleared by the next one that writes the same name, or by [`clear_unfinished`]; what could not be finished, on a full disk for
//! instance, is removed at once, and whatever was there before stays as it was.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Writes a file; the folder it goes to is made.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let place = Place::of(path)?;
    let done = synced(&place.beside, content).and_then(|()| fs::rename(&place.beside, path).map_err(|error| Error::io(path, error)));
    match done {
        Ok(()) => sync_folder(&place.parent),
        Err(error) => {
            let _ = fs::remove_file(&place.beside);
            return Err(at(path, error));
        }
    }
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
    wanted: PathBuf,
    place: Place,
    finished: bool,
}

impl Folder {
    /// Begins to write what is to be `folder`, in the place of whatever folder is there; the folder it goes to is made.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder.
    pub fn begin(folder: &Path) -> Result<Self> {
        let place = Place::of(folder)?;
        if place.beside.exists() {
            // Left by a process that died.
            fs::remove_dir_all(&place.beside).map_err(|error| Error::io(&place.beside, error))?;
        }
        fs::create_dir_all(&place.beside).map_err(|error| Error::io(folder, error))?;
        Ok(Self { wanted: folder.to_path_buf(), place, finished: false })
    }

    /// Writes the file `name` as `fill` does, bytes as they come. Returns its SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; as `fill`.
    pub fn file(&mut self, name: &str, fill: impl FnOnce(&mut Entry) -> Result<()>) -> Result<String> {
        let path = self.wanted.join(name);
        let file = File::create(self.place.beside.join(name)).map_err(|error| Error::io(&path, error))?;
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
        let beside = self.place.beside.join(name);
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
        sync_folder(&self.place.beside);
        replace(&self.place.beside, &self.wanted).map_err(|error| Error::io(&self.wanted, error))?;
        self.finished = true;
        sync_folder(&self.place.parent);
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_dir_all(&self.place.beside);
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

/// Removes what processes that died left half written in `folder`, where nobody else is writing.
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
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(|error| Error::io(&path, error))?;
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
    beside: PathBuf,
}

impl Place {
    fn of(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| Error::io(path, io::Error::new(io::ErrorKind::InvalidInput, "is no name that can be written to")))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        fs::create_dir_all(&parent).map_err(|error| Error::io(&parent, error))?;
        Ok(Self { beside: parent.join(format!("{UNFINISHED}{}", name.to_string_lossy())), parent })
    }
}

/// Names the file that was wanted, not the one beside it.
fn at(path: &Path, error: Error) -> Error {
    match error {
        Error::Io { source, .. } => Error::io(path, source),
        other => other,
    }
}

fn synced(path: &Path, content: &[u8]) -> Result<()> {
    File::create(path).and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all())).map_err(|error| Error::io(path, error))
}

/// Puts `beside` where `folder` is. Linux swaps two folders in one step, so that there is one at any moment; elsewhere the old one
/// stays under another name until the new one is in its place, and comes back if that fails.
fn replace(beside: &Path, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(beside, folder);
    }
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
pub(crate) mod tests {
    use super::*;

    /// The names in a folder, in order.
    pub(crate) fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_take_the_place_of_older_ones() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("deep/a.txt");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), ["a.txt"]);
    }

    #[test]
    fn folders_take_the_place_of_older_ones_and_clear_what_a_dead_process_left() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("best");
        fs::create_dir_all(place.path().join(".writing-best")).unwrap();
        fs::write(place.path().join(".writing-best/half"), "x").unwrap();
        write_folder(&folder, [("a", b"1"), ("b", b"2")]).unwrap();
        write_folder(&folder, [("a", "3")]).unwrap();
        assert_eq!(names(&folder), ["a"]);
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"3");
        assert_eq!(names(place.path()), ["best"]);
    }

    #[test]
    fn what_fails_names_the_file_and_leaves_the_old_one() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("best");
        write_folder(&folder, [("a", "1")]).unwrap();
        // A name in a folder that is not there cannot be written, as on a full disk.
        let error = write_folder(&folder, [("a", "2"), ("no/b", "2")]).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == folder.join("no/b")), "{error}");
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"1");
        assert_eq!(names(place.path()), ["best"]);
        // A folder stands where the file should go.
        let error = write(&folder, b"2").unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == folder), "{error}");
        assert_eq!(names(place.path()), ["best"]);
        assert!(matches!(write(Path::new(".."), b"2"), Err(Error::Io { .. })));
    }

    #[test]
    fn a_folder_under_way_is_hashed_as_it_comes_and_gone_when_it_is_left() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("step");
        let mut under_way = Folder::begin(&folder).unwrap();
        let long = vec![7; 3 * PIECE / 2];
        let pieces = under_way.file("a", |file| long.chunks(1000).try_for_each(|piece| file.write(piece))).unwrap();
        let at_once = under_way.file_at("b", |path| fs::write(path, &long)).unwrap();
        assert_eq!([&pieces, &at_once], [&crate::files::sha256(&long); 2]);
        assert!(!folder.exists());
        let error = under_way.file_at("c", |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == folder.join("c")), "{error}");
        drop(under_way);
        assert!(names(place.path()).is_empty());
        let mut under_way = Folder::begin(&folder).unwrap();
        under_way.file("a", |file| file.write(b"1")).unwrap();
        under_way.finish().unwrap();
        assert_eq!((names(place.path()), names(&folder)), (vec!["step".to_string()], vec!["a".to_string()]));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn folders_can_be_swapped_here() {
        let place = tempfile::tempdir().unwrap();
        let (a, b) = (place.path().join("a"), place.path().join("b"));
        fs::create_dir(&a).unwrap();
        fs::create_dir(&b).unwrap();
        fs::write(a.join("x"), "x").unwrap();
        assert!(swap(&a, &b));
        assert_eq!((names(&a), names(&b)), (vec![], vec!["x".to_string()]));
    }
}
