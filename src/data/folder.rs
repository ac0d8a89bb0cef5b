//! Folders of pictures: a plain one, one with folders for the splits, or with a folder for each class.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::PICTURES;
use super::blob::Blob;
use super::layout::Listed;
use super::metadata::Metadata;
use super::shard::is_shard;
use super::split::Split;
use crate::{Error, Result};

/// Extensions of pictures that are not decoded, lower case: phones and cameras write them, and who collected them should be told.
const OTHER_PICTURES: [&str; 12] = ["heic", "heif", "avif", "jxl", "gif", "bmp", "tif", "tiff", "dng", "cr2", "nef", "arw"];

/// Folders within folders that are looked into.
const MAX_DEPTH: usize = 16;

/// What a folder has for a split.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub shards: Vec<PathBuf>,
    pub pictures: Vec<Listed>,
    /// How the pictures lie, in words to follow "a folder of pictures".
    pub how: String,
    /// What lies there and is not read, in words.
    pub unread: Vec<String>,
}

/// What lies in a folder, sorted by name. Hidden files are passed over, and with them what macOS writes beside each (`._NAME`, `__MACOSX`).
#[derive(Default)]
struct Entries {
    shards: Vec<PathBuf>,
    /// Shards that are called as packed ones are; beside pictures they are rather what these came in.
    packed: Vec<PathBuf>,
    pictures: Vec<PathBuf>,
    /// Pictures of kinds that are not decoded.
    others: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// Every file by its name without ending, and its ending in lower case.
    by_name: HashMap<(OsString, String), PathBuf>,
}

impl Entries {
    fn read(folder: &Path) -> Result<Self> {
        let mut found = Self::default();
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
            let entry = entry.map_err(|error| Error::io(folder, error))?;
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with('.') && name != "__MACOSX" {
                paths.push(entry.path());
            }
        }
        paths.sort();
        for path in paths {
            if path.is_dir() {
                found.folders.push(path);
                continue;
            }
            let extension = extension(&path);
            if let Some(stem) = path.file_stem() {
                found.by_name.entry((stem.to_os_string(), extension.clone())).or_insert_with(|| path.clone());
            }
            match is_shard(&path) {
                Some(false) => found.shards.push(path),
                Some(true) => found.packed.push(path),
                None if PICTURES.contains(&extension.as_str()) => found.pictures.push(path),
                None if OTHER_PICTURES.contains(&extension.as_str()) => found.others.push(path),
                None => {}
            }
        }
        Ok(found)
    }

    fn has_data(&self) -> bool {
        !(self.shards.is_empty() && self.packed.is_empty() && self.pictures.is_empty())
    }

    /// The file of that ending, in any case, beside a picture: `a.txt` or, where there is none, `a.jpg.txt`.
    fn beside(&self, picture: &Path, extension: &str) -> Option<Blob> {
        let found = |name: &OsStr| self.by_name.get(&(name.to_os_string(), extension.to_string()));
        found(picture.file_stem()?).or_else(|| found(picture.file_name()?)).cloned().map(Blob::file)
    }

    /// Texts that belong to no picture, sorted.
    fn lonely(&self) -> Vec<PathBuf> {
        let pictures = self.pictures.iter().chain(&self.others);
        let names: HashSet<&OsStr> = pictures.flat_map(|path| [path.file_stem(), path.file_name()]).flatten().collect();
        let is_lonely = |(name, extension): &(OsString, String)| matches!(extension.as_str(), "txt" | "json") && !names.contains(name.as_os_str());
        let mut lonely: Vec<PathBuf> = self.by_name.iter().filter(|(key, _)| is_lonely(key)).map(|(_, path)| path.clone()).collect();
        lonely.sort();
        lonely
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Every tenth picture for testing, the others for training.
fn tenths(pictures: Vec<Listed>, split: Split) -> Vec<Listed> {
    let is_test = |index: usize| index % 10 == 9;
    pictures.into_iter().enumerate().filter(|(i, _)| is_test(*i) == (split == Split::Test)).map(|(_, listed)| listed).collect()
}

/// The shards of a folder, those packed among them, as their names begin with `prefix`.
pub(super) fn shards(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let Entries { mut shards, packed, .. } = Entries::read(folder)?;
    shards.extend(packed);
    shards.sort();
    shards.retain(|shard| name(shard).starts_with(prefix));
    Ok(shards)
}

/// Reads what `folder` has for `split`: shards; or the pictures of its folder `train`, of `test` or, where there is no `test`, of `val`,
/// `valid` or `validation`; or, where it has no such folders, nine of ten of its pictures and the tenth, all of them where it is `whole`
/// of that split. Pictures in folders have these for their classes, which have the same numbers in every split.
pub(super) fn read(folder: &Path, split: Split, whole: bool) -> Result<Found> {
    let entries = Entries::read(folder)?;
    let with_data: Vec<&PathBuf> = entries.folders.iter().filter(|folder| has_data(folder)).collect();
    let as_folder = |path: &&PathBuf| format!("{}/", name(path));
    let as_file = |path: &PathBuf| name(path);
    if !entries.shards.is_empty() {
        let mut unread: Vec<String> = with_data.iter().map(as_folder).collect();
        if !entries.pictures.is_empty() {
            unread.push(format!("{} pictures beside the shards", entries.pictures.len()));
        }
        let mut shards = [entries.shards, entries.packed].concat();
        shards.sort();
        return Ok(Found { shards, unread, ..Found::default() });
    }
    let parts: Vec<(&PathBuf, Split, bool)> =
        with_data.iter().filter_map(|path| Split::of_folder(path).map(|(split, validation)| (*path, split, validation))).collect();
    if !parts.is_empty() {
        return split_folders(folder, &entries, &parts, &with_data, split);
    }
    let mut found = Found::default();
    if !entries.pictures.is_empty() {
        found.unread = with_data.iter().map(as_folder).collect();
        found.unread.extend(entries.packed.iter().map(as_file));
        found.pictures = pictures(folder, &[], &BTreeSet::new(), false, &mut found)?;
    } else if !with_data.is_empty() && with_data.iter().any(|folder| has_pictures(folder)) {
        found.unread = entries.packed.iter().map(as_file).collect();
        let classes = class_names([folder])?;
        found.pictures = pictures(folder, &[], &classes, true, &mut found)?;
    } else if !entries.packed.is_empty() {
        return Ok(Found { shards: entries.packed, unread: with_data.iter().map(as_folder).collect(), ..found });
    } else {
        // Nothing but what metadata name, and what has to be told.
        found.pictures = pictures(folder, &[], &BTreeSet::new(), true, &mut found)?;
    }
    if !whole {
        found.pictures = tenths(found.pictures, split);
    }
    Ok(found)
}

/// What the folders of a split hold, of a folder that has folders for splits.
fn split_folders(
    folder: &Path,
    entries: &Entries,
    parts: &[(&PathBuf, Split, bool)],
    with_data: &[&PathBuf],
    split: Split,
) -> Result<Found> {
    let of_split: Vec<_> = parts.iter().filter(|(_, of, _)| *of == split).collect();
    // A validation part stands for the test part where there is none.
    let validation = of_split.iter().all(|(_, _, validation)| *validation);
    let chosen: Vec<&PathBuf> = of_split.iter().filter(|(_, _, of)| *of == validation).map(|(path, _, _)| *path).collect();
    let is_part = |path: &&&PathBuf| chosen.contains(*path) || parts.iter().any(|(part, of, _)| part == *path && *of != split);
    let mut unread: Vec<String> = with_data.iter().filter(|path| !is_part(path)).map(|path| format!("{}/", name(path))).collect();
    if !entries.pictures.is_empty() {
        unread.push(format!("{} pictures beside them", entries.pictures.len()));
    }
    unread.extend(entries.packed.iter().map(|path| name(path)));
    let classes = class_names(parts.iter().map(|(path, _, _)| path.as_path()))?;
    let mut found = Found { unread, ..Found::default() };
    for part in &chosen {
        let inner = Entries::read(part)?;
        let at = |what: String| format!("{}/{what}", name(part));
        let folders = || inner.folders.iter().filter(|folder| has_data(folder)).map(|folder| at(format!("{}/", name(folder))));
        if !inner.shards.is_empty() || (inner.pictures.is_empty() && !inner.packed.is_empty()) {
            found.unread.extend(folders());
            if !inner.pictures.is_empty() {
                found.unread.push(format!("{} pictures beside the shards in {}/", inner.pictures.len(), name(part)));
            }
            found.shards.extend([inner.shards, inner.packed].concat());
        } else {
            let by_class = inner.pictures.is_empty();
            if !by_class {
                found.unread.extend(folders());
            }
            found.unread.extend(inner.packed.iter().map(|path| at(name(path))));
            let pictures = pictures(part, &[folder], &classes, by_class, &mut found)?;
            found.pictures.extend(pictures);
        }
    }
    found.how = format!(", {}{}", chosen.iter().map(|path| format!("{}/", name(path))).collect::<Vec<_>>().join(" and "), found.how);
    Ok(found)
}

/// Whether there is a picture or a shard in a folder or the folders in it.
fn has_data(folder: &Path) -> bool {
    holds(folder, Entries::has_data, MAX_DEPTH, &mut HashSet::new())
}

fn has_pictures(folder: &Path) -> bool {
    holds(folder, |entries| !entries.pictures.is_empty(), MAX_DEPTH, &mut HashSet::new())
}

/// Whether something that is `wanted` lies in a folder or the folders in it; each is looked into once, wherever links lead.
fn holds(folder: &Path, wanted: fn(&Entries) -> bool, depth: usize, seen: &mut HashSet<PathBuf>) -> bool {
    // What cannot be read is told when it is to be read.
    let (Ok(whole), Ok(entries)) = (fs::canonicalize(folder), Entries::read(folder)) else { return true };
    seen.insert(whole) && (wanted(&entries) || (depth > 0 && entries.folders.iter().any(|folder| holds(folder, wanted, depth - 1, seen))))
}

/// The names of the folders in `roots` that hold pictures. A single one says nothing of its pictures and is no class.
fn class_names<'a>(roots: impl IntoIterator<Item = &'a Path>) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for root in roots {
        let Entries { pictures, folders, .. } = Entries::read(root)?;
        if pictures.is_empty() {
            names.extend(folders.iter().filter(|folder| has_pictures(folder)).map(|folder| name(folder)));
        }
    }
    Ok(if names.len() > 1 { names } else { BTreeSet::new() })
}

/// The pictures of `folder` and, where they are `by_class`, of the folders in it, sorted by path, each with what is written beside it and what
/// metadata say of it, of its own folder or of one of `above`. Files that only metadata name are among them.
fn pictures(folder: &Path, above: &[&Path], classes: &BTreeSet<String>, by_class: bool, found: &mut Found) -> Result<Vec<Listed>> {
    let mut walk = Walk::default();
    for folder in above {
        walk.metadata.read(folder)?;
    }
    walk.folder(folder, if by_class { MAX_DEPTH } else { 0 })?;
    let Walk { mut pictures, metadata, others, lonely, .. } = walk;
    let numbers: HashMap<&str, usize> = classes.iter().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let class = |path: &Path| {
        let first = path.strip_prefix(folder).ok()?.components().next()?;
        numbers.get(first.as_os_str().to_str()?).copied().filter(|_| by_class)
    };
    for (path, listed) in &mut pictures {
        listed.class_id = class(path);
    }
    for (path, row) in metadata.rows.into_iter().filter(|(path, _)| path.starts_with(folder)) {
        let listed = pictures.entry(path).or_insert_with_key(|path| Listed {
            problem: (!path.is_file()).then(|| format!("{} names it, but there is no such file", row.origin.display())),
            class_id: class(path),
            ..plain(path)
        });
        listed.captions.extend(row.captions);
        listed.class_id = listed.class_id.or(row.class_id);
    }
    if by_class && !classes.is_empty() {
        found.how = format!(", {} folders that are classes", classes.len());
    }
    if !metadata.used.is_empty() {
        found.how += &format!(", captions of {}", metadata.used.join(" and "));
    }
    found.unread.extend(metadata.unread);
    found.unread.extend(told_others(&others));
    found.unread.extend(told_lonely(&lonely));
    Ok(pictures.into_values().collect())
}

/// Pictures of kinds that are not decoded, in words.
fn told_others(others: &[PathBuf]) -> Option<String> {
    let kinds: BTreeSet<String> = others.iter().map(|path| extension(path)).collect();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
    (!others.is_empty()).then(|| format!("{} pictures of other kinds than webp, jpg and png ({kinds})", others.len()))
}

/// Texts that belong to no picture, in words.
fn told_lonely(lonely: &[PathBuf]) -> Option<String> {
    let (first, rest) = lonely.split_first()?;
    Some(match rest.len() {
        0 => format!("{}, which lies beside no picture of that name", name(first)),
        _ => format!("{} texts that lie beside no picture of their names, such as {}", lonely.len(), name(first)),
    })
}

/// A picture without captions.
fn plain(path: &Path) -> Listed {
    Listed { key: path.display().to_string(), picture: Some(Blob::file(path.to_path_buf())), ..Listed::default() }
}

/// Pictures and metadata on the way through folders.
#[derive(Default)]
struct Walk {
    pictures: BTreeMap<PathBuf, Listed>,
    metadata: Metadata,
    /// Pictures of other kinds, and texts without a picture.
    others: Vec<PathBuf>,
    lonely: Vec<PathBuf>,
    /// Where links lead back to.
    folders: HashSet<PathBuf>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<()> {
        let whole = fs::canonicalize(folder).map_err(|error| Error::io(folder, error))?;
        if !self.folders.insert(whole) {
            return Ok(());
        }
        self.metadata.read(folder)?;
        let entries = Entries::read(folder)?;
        self.lonely.extend(entries.lonely());
        self.others.extend(entries.others.iter().cloned());
        for path in &entries.pictures {
            let listed = Listed {
                json: entries.beside(path, "json"),
                text: entries.beside(path, "txt"),
                class: entries.beside(path, "cls"),
                ..plain(path)
            };
            self.pictures.insert(path.clone(), listed);
        }
        if depth > 0 {
            entries.folders.iter().try_for_each(|folder| self.folder(folder, depth - 1))?;
        }
        Ok(())
    }
}

/// A file of a published layout as it is called, or else with another case of its ending, which some systems change.
pub(super) fn in_any_case(path: PathBuf) -> PathBuf {
    if path.is_file() {
        return path;
    }
    let changed = [str::to_lowercase as fn(&str) -> String, str::to_uppercase].into_iter().find_map(|change| {
        let other = path.with_extension(change(path.extension()?.to_str()?));
        other.is_file().then_some(other)
    });
    changed.unwrap_or(path)
}

#[cfg(test)]
mod tests;
