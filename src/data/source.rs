//! Finding the files of a data set, not yet decoded.

use std::path::{Path, PathBuf};

use super::folder::{self, Found};
use super::layout::{self, Listing};
use super::pattern;
use super::shard::read_shards;
use super::split::Split;
use crate::{Error, Result};

/// The samples of `split`, training or test data, that `paths` name, in a layout of [`layout`], in shards or in a plain folder; none where
/// there is no such part.
pub(super) fn list_samples(paths: &[PathBuf], split: Split) -> Result<Listing> {
    let expanded = paths.iter().map(|path| pattern::expand(path)).collect::<Result<Vec<_>>>()?.concat();
    for path in &expanded {
        if let Some(listing) = layout::recognise(path, split)? {
            if expanded.len() > 1 {
                let message = format!("holds {}; name such a folder alone", listing.layout);
                return Err(Error::BadData { file: path.display().to_string(), message });
            }
            return Ok(listing);
        }
    }
    let Found { shards, pictures, how, unread } = find(&expanded, split)?;
    let (kind, samples) = if shards.is_empty() {
        (format!("{}{how}", if expanded.len() > 1 { "folders of pictures" } else { "a folder of pictures" }), pictures)
    } else {
        let kind = if shards.len() == 1 { "1 WebDataset shard".into() } else { format!("{} WebDataset shards", shards.len()) };
        (kind, read_shards(&shards)?)
    };
    let layout = if unread.is_empty() { kind } else { format!("{kind}; not read: {}", unread.join(", ")) };
    Ok(Listing { layout, samples, warnings: Vec::new() })
}

/// What lies under `paths` and is not read for `split`, in words to end a message about a part that is not there.
pub(super) fn unread(paths: &[PathBuf], split: Split) -> String {
    let found = paths.iter().map(|path| pattern::expand(path)).collect::<Result<Vec<_>>>().and_then(|paths| find(&paths.concat(), split));
    let unread = found.map(|found| found.unread.join(", ")).unwrap_or_default();
    if unread.is_empty() { unread } else { format!("; not read: {unread}") }
}

/// The files of `split` that `paths` name: shards, folders of shards, `FOLDER/PREFIX` of shards, or folders of pictures.
///
/// Shards are chosen by the split that their names, or that of their folder, speak of; where none speaks of one, all are for training.
/// Folders of pictures that are named after both splits are split by their names; what is in the others, by [`folder::read`].
fn find(paths: &[PathBuf], split: Split) -> Result<Found> {
    let mut source = Found::default();
    let named = |path: &Path| Split::of_folder(path).map(|(split, _)| split).filter(|_| path.is_dir());
    let by_name = [Split::Train, Split::Test].iter().all(|split| paths.iter().any(|path| named(path) == Some(*split)));
    for path in paths {
        if path.is_dir() {
            let of = named(path).filter(|_| by_name);
            let found = folder::read(path, split, of.is_some())?;
            source.shards.extend(found.shards);
            if of.is_none_or(|of| of == split) {
                source.pictures.extend(found.pictures);
                source.how = found.how;
                source.unread.extend(found.unread);
            }
        } else if path.is_file() {
            source.shards.push(path.clone());
        } else {
            source.shards.extend(with_prefix(path)?);
        }
    }
    let of = |shard: &PathBuf| Split::of_path(shard);
    if source.shards.iter().any(|shard| of(shard).is_some())
        && let Some(unnamed) = source.shards.iter().find(|shard| of(shard).is_none())
    {
        let message = "says in its name neither train nor test (or val), as other shards beside it do: rename it".into();
        return Err(Error::BadData { file: unnamed.display().to_string(), message });
    }
    source.shards.retain(|shard| of(shard).unwrap_or(Split::Train) == split);
    if source.shards.is_empty() || source.pictures.is_empty() {
        return Ok(source);
    }
    let given = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    Err(Error::BadData { file: given, message: "holds shards and plain pictures; name one kind at a time".into() })
}

fn with_prefix(path: &Path) -> Result<Vec<PathBuf>> {
    // Neither a file or folder of this name nor a shard that begins with it.
    let missing = || {
        let message = "there is no such file or folder, and no shard whose name begins so (NAME-train-000.tar)";
        Error::io(path, std::io::Error::new(std::io::ErrorKind::NotFound, message))
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let prefix = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // The whole name of a shard that is not there is no prefix.
    if !folder.is_dir() || prefix.is_empty() {
        return Err(missing());
    }
    Some(folder::shards(folder, &prefix)?).filter(|shards| !shards.is_empty()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The shards of a split.
    fn found(path: &Path, split: Split) -> Result<Vec<PathBuf>> {
        let source = find(&[path.to_path_buf()], split)?;
        assert!(source.pictures.is_empty());
        Ok(source.shards)
    }

    #[test]
    fn shards_that_name_no_split_are_never_for_testing() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(folder.path().join(name), [0]).unwrap();
        write("x-000.tar");
        assert_eq!(found(folder.path(), Split::Train).unwrap(), [folder.path().join("x-000.tar")]);
        assert!(found(folder.path(), Split::Test).unwrap().is_empty());
        write("x-test-000.tar");
        for split in [Split::Train, Split::Test] {
            let message = found(folder.path(), split).unwrap_err().to_string();
            assert!(message.contains("x-000.tar") && message.contains("neither train nor test"), "{message}");
        }
    }

    #[test]
    fn folders_of_shards_are_read_whatever_the_validation_part_is_called() {
        for (test, file) in [("test", "0.tar"), ("val", "0.tar"), ("Valid", "0.tar.gz"), ("validation", "0.tgz")] {
            let folder = tempfile::tempdir().unwrap();
            for part in ["train", test] {
                fs::create_dir(folder.path().join(part)).unwrap();
                fs::write(folder.path().join(part).join(file), [0]).unwrap();
            }
            assert_eq!(found(folder.path(), Split::Train).unwrap(), [folder.path().join("train").join(file)]);
            assert_eq!(found(folder.path(), Split::Test).unwrap(), [folder.path().join(test).join(file)]);
        }
    }

    #[test]
    fn shards_are_chosen_by_split_and_prefix() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x-train-000.tar", "x-train-001.tar.zst", "x-test-000.tar", "y-train-000.tar", "._x-train-000.tar"] {
            fs::write(folder.path().join(name), [0]).unwrap();
        }
        let at = |name: &str| folder.path().join(name);
        assert_eq!(found(&at("x"), Split::Train).unwrap(), [at("x-train-000.tar"), at("x-train-001.tar.zst")]);
        assert!(found(&at("z"), Split::Train).is_err());
        assert!(found(&at("y"), Split::Test).unwrap().is_empty());
        let listed = |pattern: &str| list_samples(&[at(pattern)], Split::Train);
        for pattern in ["x-train-{000..001}.*", "x-*-000.tar", "{x,y}-train-000.tar"] {
            // They are found, and they are no tar files.
            assert!(listed(pattern).unwrap_err().to_string().contains("is not a whole tar file"), "{pattern}");
        }
        let error = listed("z-{000..002}.tar").unwrap_err().to_string();
        assert!(error.contains("z-000.tar"), "{error}");
        let error = listed("z-*.tar").unwrap_err().to_string();
        assert!(error.contains("z-*.tar: matches no file"), "{error}");
    }
}
