//! WebDataset shards: tar files in which the files of a sample share a key.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::PICTURES;
use super::blob::Blob;
use super::layout::Listed;
use super::unpack::{Unpacked, other_kind};
use crate::{Error, Result};

/// Bytes of a tar file come in blocks of so many.
const BLOCK: u64 = 512;

/// Links that may lead to one another.
const MAX_LINKS: usize = 40;

/// How the names of shards end, lower case; what packed ones are called tells nothing of how they are packed.
const ENDINGS: [&str; 9] =
    [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tzst", ".tar.bz2", ".tar.xz", ".txz"];

/// Whether a file is called as a shard is, and whether as one that is packed.
pub(super) fn is_shard(path: &Path) -> Option<bool> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    ENDINGS.iter().position(|ending| name.ends_with(ending)).map(|at| at > 0)
}

/// A file of a shard.
enum Member {
    /// Start and length.
    File(u64, u64),
    /// The name that it is a link to, of the shard's top.
    Link(String),
}

/// Lists the samples of shards in their order, without reading their contents. Files that are neither pictures nor captions are
/// passed over. Shards that were put one behind the other (`cat a.tar b.tar`) are read to the last; their samples are different ones
/// though they have the same keys.
///
/// # Errors
/// [`Error::BadData`] naming the shard when it is no tar file or ends early.
pub(super) fn read_shards(paths: &[PathBuf]) -> Result<Vec<Listed>> {
    let mut unpacked = Unpacked::default();
    let samples = paths.iter().map(|path| read_shard(path, &mut unpacked)).collect::<Result<Vec<_>>>()?;
    Ok(samples.into_iter().flatten().collect())
}

/// Lists the samples of one, which is unpacked behind those before it.
fn read_shard(path: &Path, unpacked: &mut Unpacked) -> Result<Vec<Listed>> {
    let unpacked = unpacked.add(path)?;
    let archives = match &unpacked {
        Some(part) => archives(&mut part.file.lock().unwrap_or_else(PoisonError::into_inner), part.bytes.clone()),
        None => File::open(path).and_then(|mut file| {
            let length = file.seek(SeekFrom::End(0))?;
            archives(&mut file, 0..length)
        }),
    };
    let archives = archives.map_err(|error| refused(path, &error))?;
    let unpacked = unpacked.map(|part| part.file);
    let shard = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let source = Source { file: path.into(), unpacked };
    Ok(archives.into_iter().flat_map(|members| samples(&source, &shard, members)).collect())
}

/// The error about a file that cannot be read to its end as a tar file.
fn refused(path: &Path, error: &std::io::Error) -> Error {
    let mut start = Vec::new();
    // What cannot be read again has no more to tell.
    let _ = File::open(path).and_then(|file| file.take(BLOCK).read_to_end(&mut start));
    let message = other_kind(&start).map(str::to_string).unwrap_or_else(|| {
        // The reader of tar files quotes the bytes of a header that it does not understand.
        let printable = |c: char| !c.is_control() && c != '\u{fffd}';
        let error = Some(error.to_string()).filter(|text| text.chars().all(printable)).unwrap_or_else(|| "a header is none".into());
        format!("is not a whole tar file: {error}; download it again")
    });
    Error::BadData { file: path.display().to_string(), message }
}

/// The members of every archive in a part of a file, one behind the other, each with its name.
fn archives(file: &mut File, part: Range<u64>) -> std::io::Result<Vec<Vec<(String, Member)>>> {
    let cut = || std::io::Error::from(ErrorKind::UnexpectedEof);
    let length = part.end;
    // A tar file without a single block would read as empty.
    if length - part.start < BLOCK {
        return Err(cut());
    }
    let mut archives = Vec::new();
    let mut at = Some(part.start);
    while let Some(start) = at {
        file.seek(SeekFrom::Start(start))?;
        let mut members = Vec::new();
        let mut end = start;
        let mut archive = tar::Archive::new(Rest { file: &mut *file, start, end: length });
        for entry in archive.entries_with_seek()? {
            let entry = entry?;
            let (from, size) = (start + entry.raw_file_position(), entry.size());
            let behind = from.checked_add(size).filter(|end| *end <= length).ok_or_else(cut)?;
            end = start + (behind - start).next_multiple_of(BLOCK);
            let name = normal(&String::from_utf8_lossy(&entry.path_bytes()), "");
            let kind = entry.header().entry_type();
            let target = || entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned()).unwrap_or_default();
            if kind.is_file() {
                members.push((name, Member::File(from, size)));
            } else if kind.is_hard_link() {
                members.push((name, Member::Link(normal(&target(), ""))));
            } else if kind.is_symlink() {
                let target = normal(&target(), &name);
                members.push((name, Member::Link(target)));
            }
        }
        archives.push(members);
        at = next_archive(file, end, length)?;
    }
    Ok(archives)
}

/// A file from `start`, where its positions begin, to `end`.
struct Rest<'a> {
    file: &'a mut File,
    start: u64,
    end: u64,
}

impl Read for Rest<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let left = self.end.saturating_sub(self.file.stream_position()?);
        Read::by_ref(self.file).take(left).read(bytes)
    }
}

impl Seek for Rest<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(self.start.saturating_add(at)),
            other => other,
        };
        self.file.seek(to)?.checked_sub(self.start).ok_or_else(|| ErrorKind::InvalidInput.into())
    }
}

/// Where the next archive begins, after the empty blocks that end one; none where only empty blocks follow.
fn next_archive(file: &mut File, end: u64, length: u64) -> std::io::Result<Option<u64>> {
    if end >= length {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(end))?;
    let mut at = end;
    let mut bytes = vec![0; 1 << 16];
    let mut rest = file.take(length - end);
    loop {
        let read = rest.read(&mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        if let Some(offset) = bytes[..read].iter().position(|byte| *byte != 0) {
            let found = at + offset as u64;
            return Ok(Some(found - (found - end) % BLOCK));
        }
        at += read as u64;
    }
}

/// A path without `.` and `..`; `from` is the file whose symbolic link it is. What leads out of the shard names none of its files.
fn normal(path: &str, from: &str) -> String {
    let folder = from.rfind('/').map_or("", |end| &from[..end]);
    let mut parts: Vec<&str> = if path.starts_with('/') { vec![""] } else { folder.split('/').collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != ".." && !last.is_empty()) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.retain(|part| !part.is_empty() || path.starts_with('/'));
    parts.join("/")
}

struct Source {
    file: Arc<Path>,
    unpacked: Option<Arc<Mutex<File>>>,
}

/// The samples of an archive, in the order in which their first files stand there.
fn samples(source: &Source, shard: &str, members: Vec<(String, Member)>) -> Vec<Listed> {
    // A file that stands there twice was replaced by the later one.
    let by_name: HashMap<&str, &Member> = members.iter().map(|(name, member)| (name.as_str(), member)).collect();
    let blob = |member: &Member| {
        let mut member = member;
        for _ in 0..MAX_LINKS {
            match member {
                Member::File(start, size) => return Some(Blob::part(source.file.clone(), source.unpacked.clone(), *start, *size)),
                Member::Link(target) => member = by_name.get(target.as_str())?,
            }
        }
        None
    };
    let mut order: Vec<String> = Vec::new();
    let mut samples: BTreeMap<String, (Listed, bool)> = BTreeMap::new();
    for (name, member) in &members {
        let Some((key, extension)) = split_key(name) else { continue };
        // Captions without a picture are kept, to be counted as a bad sample where pictures are decoded.
        let (sample, has_plain) = samples.entry(key).or_insert_with_key(|key| {
            order.push(key.clone());
            (Listed { key: format!("{shard}: {key}"), ..Listed::default() }, false)
        });
        let last = extension.rsplit('.').next().unwrap_or_default();
        let slot = match extension.as_str() {
            "json" => &mut sample.json,
            "txt" => &mut sample.text,
            "cls" => &mut sample.class,
            // `KEY.png` is the picture even where a mask `KEY.seg.png` follows.
            picture if PICTURES.contains(&picture) => {
                *has_plain = true;
                &mut sample.picture
            }
            _ if PICTURES.contains(&last) && !*has_plain => &mut sample.picture,
            _ => continue,
        };
        *slot = blob(member);
        if let (None, Member::Link(target)) = (&slot, member) {
            sample.problem = Some(format!("{name} is a link to {target:?}, which the shard does not hold"));
        }
    }
    order.into_iter().filter_map(|key| samples.remove(&key)).map(|(sample, _)| sample).collect()
}

/// WebDataset's rule: the key is the path up to the first dot of the file name, the extension all after it.
fn split_key(name: &str) -> Option<(String, String)> {
    let file = name.rfind('/').map_or(0, |i| i + 1);
    let dot = file + name[file..].find('.')?;
    (dot > file).then(|| (name[..dot].to_string(), name[dot + 1..].to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::unpack::tests::{gzip, zstd};
    use super::*;
    use std::fs;
    use tar::EntryType;

    /// A tar file of files whose content is `content`, or links to it.
    fn tar(files: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_entry_type(*kind);
            if kind.is_file() {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, name, content.as_bytes()).unwrap();
            } else {
                header.set_size(0);
                builder.append_link(&mut header, name, content).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    /// Files that hold their names.
    fn files(names: &[&'static str]) -> Vec<u8> {
        tar(&names.iter().map(|name| (*name, EntryType::Regular, *name)).collect::<Vec<_>>())
    }

    /// The samples of a shard; what is read later is read while the folder is there.
    fn list(folder: &tempfile::TempDir, bytes: &[u8]) -> Result<Vec<Listed>> {
        let path = folder.path().join("a.tar");
        fs::write(&path, bytes).unwrap();
        read_shards(&[path])
    }

    fn read(blob: &Option<Blob>) -> String {
        blob.as_ref().map_or("none".into(), |blob| String::from_utf8(blob.read().unwrap()).unwrap())
    }

    fn keys(samples: &[Listed]) -> Vec<&str> {
        samples.iter().map(|sample| sample.key.as_str()).collect()
    }

    #[test]
    fn keys_end_at_the_first_dot_of_the_file_name() {
        assert_eq!(split_key("a.b/c.seg.PNG"), Some(("a.b/c".into(), "seg.png".into())));
        assert_eq!(split_key("no-extension"), None);
        assert_eq!(split_key("a/.hidden"), None);
        assert_eq!(split_key("a/._twin.jpg"), None);
    }

    #[test]
    fn paths_are_those_of_the_shards_top() {
        assert_eq!(normal("./a/./b.png", ""), "a/b.png");
        assert_eq!(normal("../x/b.png", "a/c/l.png"), "a/x/b.png");
        assert_eq!(normal("b.png", "l.png"), "b.png");
        assert_eq!(normal("../../b.png", "a/l.png"), "../b.png");
        assert_eq!(normal("/a/b.png", "x/l.png"), "/a/b.png");
    }

    #[test]
    fn masks_are_no_pictures_and_classes_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let samples = list(&folder, &files(&["d/one.png", "d/one.seg.png", "d/one.txt", "d/one.cls", "d/two.v2.jpg", "d/two.txt"])).unwrap();
        assert_eq!(keys(&samples), ["a.tar: d/one", "a.tar: d/two"]);
        assert_eq!(read(&samples[0].picture), "d/one.png");
        assert_eq!((read(&samples[0].text), read(&samples[0].class)), ("d/one.txt".into(), "d/one.cls".into()));
        assert_eq!(read(&samples[1].picture), "d/two.v2.jpg");
    }

    #[test]
    fn a_shard_that_is_cut_or_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let whole = tar(&[("a.png", EntryType::Regular, &"7".repeat(2000))]);
        for (bytes, says) in [
            (&whole[..1500], "not a whole tar file"),
            (&whole[..100], "not a whole tar file"),
            (&b"\x1f\x8b\x08\x00\xff\x00"[..], "packed with gzip"),
            (&[b"PK\x03\x04".as_slice(), &[0xff; 900]].concat(), "is a zip archive"),
            (&[0xff; 1024], "a header is none"),
        ] {
            let error = list(&folder, bytes).unwrap_err();
            assert!(matches!(&error, Error::BadData { file, message } if file.ends_with("a.tar") && message.contains(says)), "{error}");
            assert!(error.to_string().chars().all(|c| !c.is_control() && c != '\u{fffd}'), "{error}");
        }
    }

    #[test]
    fn shards_behind_one_another_are_read_to_the_last() {
        let folder = tempfile::tempdir().unwrap();
        // The same keys, and the pictures of the second have no captions in the first.
        let (a, b) = (files(&["0.png", "0.txt", "1.png", "1.txt"]), files(&["0.jpg", "0.txt", "./2.png"]));
        // As written, with ten more kilobytes of nothing, and with a single empty block between.
        let stripped = a[..a.len() - 512].to_vec();
        for bytes in [[a.clone(), b.clone()].concat(), [a, vec![0; 10_240], b.clone(), vec![0; 99]].concat(), [stripped, b].concat()] {
            for bytes in [bytes.clone(), gzip(&bytes), zstd(&bytes)] {
                let samples = list(&folder, &bytes).unwrap();
                assert_eq!(keys(&samples), ["a.tar: 0", "a.tar: 1", "a.tar: 0", "a.tar: 2"]);
                assert_eq!([0, 2, 3].map(|i| read(&samples[i].picture)), ["0.png", "0.jpg", "./2.png"]);
            }
        }
    }

    #[test]
    fn what_follows_a_shard_is_a_shard_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = [files(&["0.png"]), vec![b'x'; 700]].concat();
        assert!(list(&folder, &bytes).unwrap_err().to_string().contains("not a whole tar file"));
    }

    #[test]
    fn a_file_that_stands_twice_was_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = tar(&[("0.txt", EntryType::Regular, "old"), ("0.png", EntryType::Regular, "p"), ("0.txt", EntryType::Regular, "new")]);
        let samples = list(&folder, &bytes).unwrap();
        assert_eq!((samples.len(), read(&samples[0].text)), (1, "new".into()));
    }

    #[test]
    fn links_lead_to_what_they_name() {
        let folder = tempfile::tempdir().unwrap();
        let samples = list(&folder, &tar(&[
            ("all/x.png", EntryType::Regular, "picture"),
            ("all/x.txt", EntryType::Regular, "words"),
            ("./hard.png", EntryType::Link, "all/x.png"),
            ("train/soft.png", EntryType::Symlink, "../all/x.png"),
            ("train/soft.txt", EntryType::Symlink, "chain.txt"),
            ("train/chain.txt", EntryType::Symlink, "./../all/x.txt"),
            ("lost.png", EntryType::Symlink, "/etc/x.png"),
            ("round.png", EntryType::Symlink, "round.png"),
        ]))
        .unwrap();
        assert_eq!(keys(&samples).len(), 6);
        let found: Vec<_> = samples.iter().map(|sample| (read(&sample.picture), sample.problem.is_some())).collect();
        let expected = [("picture", false), ("picture", false), ("picture", false), ("none", false), ("none", true), ("none", true)];
        assert_eq!(found, expected.map(|(text, problem)| (text.to_string(), problem)));
        assert_eq!(read(&samples[2].text), "words");
        assert!(samples[4].problem.as_ref().unwrap().contains("/etc/x.png"), "{:?}", samples[4].problem);
    }

    /// A process may have some hundred files open.
    #[test]
    fn as_many_packed_shards_are_read_as_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..40).map(|number| format!("{number}.txt")).collect();
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name).with_extension("tgz")).collect();
        for ((path, name), number) in paths.iter().zip(&names).zip(0..) {
            // Each of another length, and every fourth is not packed.
            let bytes = tar(&[(name, EntryType::Regular, &name.repeat(1 + 100 * number))]);
            fs::write(path, if number % 4 == 3 { bytes } else { gzip(&bytes) }).unwrap();
        }
        let open = || fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.flatten().filter(|entry| {
            // Other tests have files open, too, but those of this kind all lie here.
            fs::read_link(entry.path()).is_ok_and(|path| path.starts_with(std::env::temp_dir()) && path.to_string_lossy().ends_with("(deleted)"))
        }).count());
        let before = open();
        let samples = read_shards(&paths).unwrap();
        assert!(open() < before + 20, "{before} {}", open());
        for ((sample, name), number) in samples.iter().zip(&names).zip(0..) {
            assert_eq!(read(&sample.text), name.repeat(1 + 100 * number));
        }
        assert_eq!(samples.len(), paths.len());
    }

    /// Headers whose sums are those of what they say, so that it is believed.
    #[test]
    fn whatever_a_header_says_is_survived() {
        let folder = tempfile::tempdir().unwrap();
        let long = "d/".repeat(60) + "a.txt";
        let whole = tar(&[("b.png", EntryType::Regular, "picture"), (&long, EntryType::Regular, "words"), ("c.txt", EntryType::Symlink, &long)]);
        let headers = (0..whole.len()).step_by(512).filter(|at| whole[at + 257..].starts_with(b"ustar"));
        for header in headers {
            for at in (0..512).filter(|at| !(148..156).contains(at)) {
                // Every kind of a member there could be, and of all else the least, a digit and the most.
                let values = if at == 156 { (0..=255).collect() } else { vec![0, b'7', 0xff] };
                for value in values {
                    let mut changed = whole.clone();
                    changed[header + at] = value;
                    let sum: u32 = (0..512).map(|i| if (148..156).contains(&i) { 32 } else { u32::from(changed[header + i]) }).sum();
                    changed[header + 148..header + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
                    for sample in list(&folder, &changed).unwrap_or_default() {
                        for blob in [sample.picture, sample.json, sample.text, sample.class].into_iter().flatten() {
                            let _ = blob.read();
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn packed_shards_are_read_whatever_they_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = files(&["d/one.png", "d/one.txt"]);
        for packed in [gzip(&bytes), zstd(&bytes)] {
            let samples = list(&folder, &packed).unwrap();
            assert_eq!((read(&samples[0].picture), read(&samples[0].text)), ("d/one.png".into(), "d/one.txt".into()));
        }
        let shard = |name: &str| is_shard(Path::new(name));
        assert_eq!((shard("a.tar"), shard("a.TAR.GZ"), shard("b.tgz"), shard("c.gz")), (Some(false), Some(true), Some(true), None));
    }
}
