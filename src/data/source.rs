//! Finding and reading the files of a data set, not yet decoded.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blob::Blob;
use super::layout::{self, Listed, Listing};
use crate::{Error, Result};

/// Extensions of pictures, lower case.
const PICTURES: [&str; 4] = ["webp", "jpg", "jpeg", "png"];

/// Which part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What a model is trained on.
    Train,
    /// What it is measured on in the end.
    Test,
    /// What of the training data is held back ([`Validation`](super::Validation)): what choices are measured on.
    Validation,
}

impl Split {
    /// `train`, `test` or `validation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }

    /// The part of the data in whose files it is: what is held back lies among what is for training.
    pub(super) fn of_files(self) -> Self {
        if self == Self::Validation { Self::Train } else { self }
    }

    /// The split that a file name such as `flowers-train-000.tar` speaks of or, where it speaks of none, that its folder is named after.
    fn of_path(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_string_lossy().to_lowercase();
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().to_lowercase());
        let named = stem.split(|c: char| !c.is_alphanumeric()).find_map(Self::of_word);
        named.or_else(|| Self::of_word(&folder?))
    }

    fn of_word(word: &str) -> Option<Self> {
        // `val2014` as well as `val`.
        match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "train" => Some(Self::Train),
            "test" | "val" | "valid" | "validation" => Some(Self::Test),
            _ => None,
        }
    }
}

/// What files of one kind there are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// WebDataset shards.
    Shards(Vec<PathBuf>),
    /// Picture files.
    Pictures(Vec<PathBuf>),
}

/// The samples of `split`, training or test data, that `paths` name, in a layout of [`layout`], in shards or in a plain folder; none where
/// there is no such part.
pub(super) fn list_samples(paths: &[PathBuf], split: Split) -> Result<Listing> {
    for path in paths {
        if let Some(listing) = layout::recognise(path, split)? {
            if paths.len() > 1 {
                let message = format!("holds {}; name such a folder alone", listing.layout);
                return Err(Error::BadData { file: path.display().to_string(), message });
            }
            return Ok(listing);
        }
    }
    Ok(match find(paths, split)? {
        Source::Shards(shards) => {
            let layout = if shards.len() == 1 { "1 WebDataset shard".into() } else { format!("{} WebDataset shards", shards.len()) };
            let mut samples = Vec::new();
            for shard in &shards {
                samples.extend(read_shard(shard)?);
            }
            Listing { layout, samples }
        }
        Source::Pictures(pictures) => {
            Listing { layout: "a folder of pictures".into(), samples: pictures.iter().map(|path| beside(path)).collect() }
        }
    })
}

/// The files of `split` that `paths` name: shards, folders of shards, `FOLDER/PREFIX` of shards, or folders of pictures.
///
/// Shards are chosen by the split that their names, or that of their folder, speak of; where none speaks of one, all are for training. A
/// folder of pictures or shards is split by its subfolders `train` and `test` or, where it has none, every tenth picture is for testing.
fn find(paths: &[PathBuf], split: Split) -> Result<Source> {
    let mut shards = Vec::new();
    let mut pictures = Vec::new();
    for path in paths {
        if path.is_dir() {
            let (mut tars, mut others) = list(path)?;
            let inner = path.join(split.name());
            if tars.is_empty() && inner.is_dir() {
                (tars, others) = list(&inner)?;
            } else {
                others = tenths(others, split);
            }
            if tars.is_empty() { pictures.extend(others) } else { shards.extend(tars) }
        } else if path.is_file() {
            shards.push(path.clone());
        } else {
            shards.extend(with_prefix(path)?);
        }
    }
    let of = |shard: &PathBuf| Split::of_path(shard);
    if shards.iter().any(|shard| of(shard).is_some())
        && let Some(unnamed) = shards.iter().find(|shard| of(shard).is_none())
    {
        let message = "says in its name neither train nor test (or val), as other shards beside it do: rename it".into();
        return Err(Error::BadData { file: unnamed.display().to_string(), message });
    }
    shards.retain(|shard| of(shard).unwrap_or(Split::Train) == split);
    if shards.is_empty() {
        return Ok(Source::Pictures(pictures));
    }
    if pictures.is_empty() {
        return Ok(Source::Shards(shards));
    }
    let given = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    Err(Error::BadData { file: given, message: "holds shards and plain pictures; name one kind at a time".into() })
}

/// The tar files and the pictures of a folder, sorted by name.
fn list(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let mut tars = Vec::new();
    let mut pictures = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        let extension = extension(&path);
        if extension == "tar" {
            tars.push(path);
        } else if PICTURES.contains(&extension.as_str()) {
            pictures.push(path);
        }
    }
    tars.sort();
    pictures.sort();
    Ok((tars, pictures))
}

/// Every tenth picture for testing, the others for training.
fn tenths(pictures: Vec<PathBuf>, split: Split) -> Vec<PathBuf> {
    let is_test = |index: usize| index % 10 == 9;
    pictures.into_iter().enumerate().filter(|(i, _)| is_test(*i) == (split == Split::Test)).map(|(_, path)| path).collect()
}

fn with_prefix(path: &Path) -> Result<Vec<PathBuf>> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let prefix = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !folder.is_dir() {
        return Err(Error::io(path, std::io::Error::from(std::io::ErrorKind::NotFound)));
    }
    let (mut tars, _) = list(folder)?;
    tars.retain(|tar| tar.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)));
    if tars.is_empty() {
        return Err(Error::io(path, std::io::Error::from(std::io::ErrorKind::NotFound)));
    }
    Ok(tars)
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Lists the samples of a shard in their order, without reading their contents. Files that are neither pictures nor captions are
/// passed over.
///
/// # Errors
/// [`Error::BadData`] naming the shard when it is no tar file or ends early.
fn read_shard(path: &Path) -> Result<Vec<Listed>> {
    let file = fs::File::open(path).map_err(|error| Error::io(path, error))?;
    let length = file.metadata().map_err(|error| Error::io(path, error))?.len();
    let bad = |error: std::io::Error| Error::BadData {
        file: path.display().to_string(),
        message: format!("is not a whole tar file: {error}; download it again"),
    };
    let cut = || bad(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
    // A tar file without a single block would read as empty.
    if length < 512 {
        return Err(cut());
    }
    let shard = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let whole: Arc<Path> = path.into();
    let mut archive = tar::Archive::new(file);
    let mut order: Vec<String> = Vec::new();
    let mut samples: BTreeMap<String, (Listed, bool)> = BTreeMap::new();
    for entry in archive.entries_with_seek().map_err(bad)? {
        let entry = entry.map_err(bad)?;
        let start = entry.raw_file_position();
        if start.checked_add(entry.size()).is_none_or(|end| end > length) {
            return Err(cut());
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some((key, extension)) = split_key(&name) else { continue };
        let blob = Blob::part(whole.clone(), start, entry.size());
        // Captions without a picture are kept, to be counted as a bad sample where pictures are decoded.
        let (sample, has_plain) = samples.entry(key).or_insert_with_key(|key| {
            order.push(key.clone());
            (Listed { key: format!("{shard}: {key}"), ..Listed::default() }, false)
        });
        let last = extension.rsplit('.').next().unwrap_or_default();
        match extension.as_str() {
            "json" => sample.json = Some(blob),
            "txt" => sample.text = Some(blob),
            "cls" => sample.class = Some(blob),
            // `KEY.png` is the picture even where a mask `KEY.seg.png` follows.
            picture if PICTURES.contains(&picture) => (sample.picture, *has_plain) = (Some(blob), true),
            _ if PICTURES.contains(&last) && !*has_plain => sample.picture = Some(blob),
            _ => {}
        }
    }
    Ok(order.into_iter().filter_map(|key| samples.remove(&key)).map(|(sample, _)| sample).collect())
}

/// WebDataset's rule: the key is the path up to the first dot of the file name, the extension all after it.
fn split_key(name: &str) -> Option<(String, String)> {
    let file = name.rfind('/').map_or(0, |i| i + 1);
    let dot = file + name[file..].find('.')?;
    (dot > file).then(|| (name[..dot].to_string(), name[dot + 1..].to_lowercase()))
}

/// A picture and the captions beside it.
fn beside(path: &Path) -> Listed {
    let beside = |extension: &str| Some(path.with_extension(extension)).filter(|path| path.is_file()).map(Blob::file);
    Listed {
        key: path.display().to_string(),
        picture: Some(Blob::file(path.to_path_buf())),
        json: beside("json"),
        text: beside("txt"),
        ..Listed::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_speak_of_splits() {
        assert_eq!(Split::of_path(Path::new("a/flowers-train-000.tar")), Some(Split::Train));
        assert_eq!(Split::of_path(Path::new("b_test.tar")), Some(Split::Test));
        assert_eq!(Split::of_path(Path::new("c-validation-3.tar")), Some(Split::Test));
        assert_eq!(Split::of_path(Path::new("coco-val2014-000.tar")), Some(Split::Test));
        assert_eq!(Split::of_path(Path::new("trainers.tar")), None);
        assert_eq!(Split::of_path(Path::new("x/val/00000.tar")), Some(Split::Test));
        assert_eq!(Split::of_path(Path::new("test/x-train.tar")), Some(Split::Train));
        assert_eq!(Split::of_path(Path::new("test-data/x.tar")), None);
    }

    #[test]
    fn shards_that_name_no_split_are_never_for_testing() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(folder.path().join(name), [0]).unwrap();
        write("x-000.tar");
        let found = |split| find(&[folder.path().to_path_buf()], split);
        assert_eq!(found(Split::Train).unwrap(), Source::Shards(vec![folder.path().join("x-000.tar")]));
        assert_eq!(found(Split::Test).unwrap(), Source::Pictures(Vec::new()));
        // A folder for each split.
        let parted = folder.path().join("parted");
        for split in ["train", "test"] {
            fs::create_dir_all(parted.join(split)).unwrap();
            fs::write(parted.join(split).join("0.tar"), [0]).unwrap();
        }
        for split in [Split::Train, Split::Test] {
            let expected = Source::Shards(vec![parted.join(split.name()).join("0.tar")]);
            assert_eq!(find(std::slice::from_ref(&parted), split).unwrap(), expected);
        }
        write("x-test-000.tar");
        for split in [Split::Train, Split::Test] {
            let message = found(split).unwrap_err().to_string();
            assert!(message.contains("x-000.tar") && message.contains("neither train nor test"), "{message}");
        }
    }

    #[test]
    fn keys_end_at_the_first_dot_of_the_file_name() {
        assert_eq!(split_key("a.b/c.seg.PNG"), Some(("a.b/c".into(), "seg.png".into())));
        assert_eq!(split_key("no-extension"), None);
        assert_eq!(split_key("a/.hidden"), None);
    }

    #[test]
    fn shards_are_chosen_by_split_and_prefix() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x-train-000.tar", "x-test-000.tar", "y-train-000.tar"] {
            fs::write(folder.path().join(name), [0]).unwrap();
        }
        let found = find(&[folder.path().join("x")], Split::Train).unwrap();
        assert_eq!(found, Source::Shards(vec![folder.path().join("x-train-000.tar")]));
        assert!(find(&[folder.path().join("z")], Split::Train).is_err());
        assert_eq!(find(&[folder.path().join("y")], Split::Test).unwrap(), Source::Pictures(Vec::new()));
    }

    #[test]
    fn masks_are_no_pictures_and_classes_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
        let files = ["d/one.png", "d/one.seg.png", "d/one.txt", "d/one.cls", "d/two.v2.jpg", "d/two.txt"];
        for name in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(name.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, name.as_bytes()).unwrap();
        }
        builder.finish().unwrap();
        let samples = read_shard(&path).unwrap();
        assert_eq!(samples.iter().map(|sample| sample.key.as_str()).collect::<Vec<_>>(), ["a.tar: d/one", "a.tar: d/two"]);
        let read = |blob: &Option<Blob>| String::from_utf8(blob.as_ref().unwrap().read().unwrap()).unwrap();
        assert_eq!(read(&samples[0].picture), "d/one.png");
        assert_eq!((read(&samples[0].text), read(&samples[0].class)), ("d/one.txt".into(), "d/one.cls".into()));
        assert_eq!(read(&samples[1].picture), "d/two.v2.jpg");
    }

    #[test]
    fn a_cut_shard_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2000);
        header.set_mode(0o644);
        builder.append_data(&mut header, "a.png", [7; 2000].as_slice()).unwrap();
        let bytes = builder.into_inner().unwrap();
        fs::write(&path, &bytes[..1500]).unwrap();
        let error = read_shard(&path).unwrap_err();
        assert!(matches!(&error, Error::BadData { file, .. } if file.ends_with("a.tar")), "{error}");
    }
}
