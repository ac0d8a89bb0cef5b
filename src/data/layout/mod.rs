//! The layouts that data sets are published in, recognised by the files that lie in a folder.

mod coco;
mod cub;
pub(super) mod mat;
mod oxford;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use super::blob::Blob;
use super::square::Bounds;
use super::split::Split;
use crate::{Error, Result, text};

/// Largest table or list of a layout; COCO's training captions have 66 MB.
const MAX_LIST_BYTES: u64 = 1 << 30;

/// A sample of which nothing has been read yet.
#[derive(Debug, Clone, Default)]
pub(in crate::data) struct Listed {
    /// Shard and key, or the file, for messages.
    pub key: String,
    /// Why it cannot be used, where that is known already.
    pub problem: Option<String>,
    pub picture: Option<Blob>,
    /// What is cut out of the picture.
    pub bounds: Option<Bounds>,
    /// `KEY.json`.
    pub json: Option<Blob>,
    /// A caption a line.
    pub text: Option<Blob>,
    /// A class number.
    pub class: Option<Blob>,
    /// Captions that are known already.
    pub captions: Vec<String>,
    pub class_id: Option<usize>,
}

/// The samples of a split.
#[derive(Debug, Clone)]
pub(in crate::data) struct Listing {
    /// What was recognised and how it was split, in words.
    pub layout: String,
    pub samples: Vec<Listed>,
    /// What is read otherwise than it may be thought.
    pub warnings: Vec<String>,
}

/// The samples of `split` when `folder` holds a published layout.
pub(in crate::data) fn recognise(folder: &Path, split: Split) -> Result<Option<Listing>> {
    if let Some(root) = cub::root(folder) {
        return cub::list(&root, split).map(Some);
    }
    if let Some(root) = oxford::root(folder) {
        return oxford::list(&root, split).map(Some);
    }
    if coco::is_root(folder) {
        return coco::list(folder, split).map(Some);
    }
    Ok(None)
}

pub(in crate::data) fn bad(file: &Path, message: impl Into<String>) -> Error {
    Error::BadData { file: file.display().to_string(), message: message.into() }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let length = fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
    if length > MAX_LIST_BYTES {
        return Err(bad(path, format!("has {length} bytes; expected at most {MAX_LIST_BYTES}")));
    }
    fs::read(path).map_err(|error| Error::io(path, error))
}

/// The text of a file.
pub(in crate::data) fn read_text(path: &Path) -> Result<String> {
    text::decode(&read(path)?).map_err(|message| bad(path, message))
}

/// The lines of a text file that are not empty, each with its number from 1 on.
fn lines(path: &Path) -> Result<Vec<(usize, String)>> {
    Ok(numbered(&read_text(path)?))
}

fn numbered(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim().to_string()));
    lines.filter(|(_, line)| !line.is_empty()).collect()
}

/// `root`, what lies beside it, and folders of these names in both.
fn places(root: &Path, names: &[&str]) -> Vec<PathBuf> {
    let whole = fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    let mut places = Vec::new();
    for base in [Some(whole.as_path()), whole.parent()].into_iter().flatten() {
        places.push(base.to_path_buf());
        places.extend(names.iter().map(|name| base.join(name)));
    }
    places
}

/// The first folder of Reed's captions, one text file a picture.
fn caption_folder(places: &[PathBuf], class: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let folders = places.iter().flat_map(|place| ["text_c10", "text"].map(|name| place.join(name)));
    folders.filter(|folder| folder.is_dir()).find(|folder| class(folder))
}

/// What to say where Reed's captions are looked for and only the features are there that his networks made of them (`.h5`, `.t7`).
fn features_alone(places: &[PathBuf], archive: &str) -> Option<String> {
    let files = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
    let is_feature = |path: &Path| path.extension().is_some_and(|extension| extension == "h5" || extension == "t7");
    let folders = places.iter().flat_map(|place| ["text_c10", "text", "word_c10", "char_c10"].map(|name| place.join(name)));
    let features = folders.filter_map(|folder| {
        let within = files(&folder);
        let deeper = within.iter().filter(|path| path.is_dir()).flat_map(|path| files(path));
        within.iter().cloned().chain(deeper).find(|path| is_feature(path))
    });
    features.map(|found| found.display().to_string()).next().map(|found| {
        format!(
            "{found} holds features of captions, not their words: get the whole of Reed's {archive}, whose text_c10 has a CLASS/NAME.txt for \
             each picture"
        )
    })
}

/// The classes of Reed's class-disjoint split (Reed et al., "Learning Deep Representations of Fine-Grained Visual Descriptions",
/// CVPR 2016), and the file that says so.
struct ClassSplit {
    classes: Vec<String>,
    file: PathBuf,
}

/// Reads `trainvalclasses.txt` and `testclasses.txt`, else `trainclasses.txt` and `valclasses.txt`.
fn class_split(places: &[PathBuf], split: Split) -> Result<Option<ClassSplit>> {
    for place in places {
        for (train, test) in [("trainvalclasses.txt", "testclasses.txt"), ("trainclasses.txt", "valclasses.txt")] {
            let [train, test] = [place.join(train), place.join(test)];
            if !(train.is_file() && test.is_file()) {
                continue;
            }
            let names = |path: &Path| -> Result<Vec<String>> { Ok(lines(path)?.into_iter().map(|(_, line)| line).collect()) };
            let (trained, tested) = (names(&train)?, names(&test)?);
            if let Some(both) = trained.iter().find(|class| tested.contains(class)) {
                return Err(bad(&test, format!("holds class {both}, which {} holds too; expected other classes", train.display())));
            }
            let (classes, file) = match split {
                Split::Train | Split::Validation => (trained, train),
                Split::Test => (tested, test),
            };
            if classes.is_empty() {
                return Err(bad(&file, "holds no class; expected one a line"));
            }
            return Ok(Some(ClassSplit { classes, file }));
        }
    }
    Ok(None)
}

/// A MATLAB file of any bytes.
#[cfg(feature = "fuzzing")]
pub(in crate::data) fn fuzz_mat(bytes: &[u8]) {
    let _ = mat::find(bytes, "labels");
}

/// A table of CUB's, and COCO's annotations, of any bytes.
#[cfg(feature = "fuzzing")]
pub(in crate::data) fn fuzz_tables(bytes: &[u8]) {
    if let Ok(text) = text::decode(bytes) {
        let path = Path::new("table");
        let _ = (cub::parse_table(path, &numbered(&text), 1), cub::parse_table(path, &numbered(&text), 4), coco::parse(path, &text));
    }
}
