//! Shards that are packed with gzip or Zstandard, whatever they are called: their pictures are read in any order, so they are unpacked first.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use crate::{Error, Result};

/// What a shard may unpack to: a hundred times its size, as no shard of pictures does, or this many bytes.
const ALWAYS_ALLOWED: u64 = 64 << 20;

/// How a file is packed, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstandard,
}

fn packing(start: &[u8]) -> Option<Packing> {
    match start {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstandard),
        // A frame that is to be skipped, as pzstd writes first.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstandard),
        _ => None,
    }
}

/// What the bytes of a file that is no tar file are, where they tell, and what would be read.
pub(super) fn other_kind(start: &[u8]) -> Option<&'static str> {
    if start.trim_ascii_start().starts_with(b"<") {
        return Some("is a page of HTML or XML; expected a tar file (was a download refused?)");
    }
    // A header of a tar file has zeros in it.
    let is_text = |byte: &u8| *byte >= 0x80 || byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let is_cut = |error: std::str::Utf8Error| error.error_len().is_none();
    if !start.is_empty() && start.iter().all(is_text) && std::str::from_utf8(start).map_or_else(is_cut, |_| true) {
        return Some("is text; expected a tar file, or the folder that this one lies in");
    }
    const PICTURE: &str = "is a picture; expected the folder that it lies in, or a tar file";
    [
        (b"\xff\xd8\xff".as_slice(), PICTURE),
        (b"\x89PNG\r\n", PICTURE),
        (b"RIFF", PICTURE),
        (b"PK\x03\x04", "is a zip archive; expected a tar file, plain or packed with gzip or Zstandard"),
        (b"BZh", "is packed with bzip2; expected a tar file, plain or packed with gzip or Zstandard: unpack it"),
        (b"\xfd7zXZ\0", "is packed with xz; expected a tar file, plain or packed with gzip or Zstandard: unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; expected a tar file, plain or packed with gzip or Zstandard"),
    ]
    .into_iter()
    .find_map(|(magic, message)| start.starts_with(magic).then_some(message))
}

/// What packed shards hold, one behind the other in a single file without a name in the folder for temporary files: a process may have only so
/// many files open, and a data set may have more shards.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    file: Option<Arc<Mutex<File>>>,
    length: u64,
}

/// Where what a packed shard holds lies.
#[derive(Debug)]
pub(super) struct Part {
    /// The file that all of them share.
    pub file: Arc<Mutex<File>>,
    /// From where to where in it.
    pub bytes: Range<u64>,
}

impl Unpacked {
    /// Adds what the packed file `path` holds, and tells where it lies; nothing for a file that is not packed.
    ///
    /// # Errors
    /// [`Error::BadData`] when the file is cut, damaged or unpacks to far more than a shard of pictures would; [`Error::Io`].
    pub fn add(&mut self, path: &Path) -> Result<Option<Part>> {
        let mut file = File::open(path).map_err(|error| Error::io(path, error))?;
        let Some(packing) = packing_of(&mut file).map_err(|error| Error::io(path, error))? else { return Ok(None) };
        let place = std::env::temp_dir();
        let in_place = |error| Error::io(&place, error);
        let target = match &self.file {
            Some(target) => target.clone(),
            None => Arc::new(Mutex::new(tempfile::tempfile_in(&place).map_err(in_place)?)),
        };
        self.file = Some(target.clone());
        let length = {
            let mut locked = target.lock().unwrap_or_else(PoisonError::into_inner);
            locked.seek(SeekFrom::Start(self.length)).map_err(in_place)?;
            unpack(path, file, packing, &mut locked)?
        };
        let start = self.length;
        self.length += length;
        Ok(Some(Part { file: target, bytes: start..self.length }))
    }
}

/// How a file is packed; it stands at its start afterwards.
fn packing_of(file: &mut File) -> io::Result<Option<Packing>> {
    let mut start = Vec::new();
    Read::by_ref(file).take(8).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(packing(&start))
}

/// Writes what `file`, opened at `path`, holds to `target`, and returns how much that is.
fn unpack(path: &Path, file: File, packing: Packing, target: &mut File) -> Result<u64> {
    let packed = file.metadata().map_err(|error| Error::io(path, error))?.len();
    let place = std::env::temp_dir();
    let most = packed.saturating_mul(100).max(ALWAYS_ALLOWED);
    let mut target = Limited { file: BufWriter::new(target), left: most, failed: None };
    let source = BufReader::with_capacity(1 << 18, file);
    let done = match packing {
        Packing::Gzip => io::copy(&mut MultiGzDecoder::new(source), &mut target).map(|_| ()).map_err(|error| error.to_string()),
        Packing::Zstandard => zstandard(source, &mut target),
    };
    if let Some(error) = target.failed {
        return Err(Error::io(&place, error));
    }
    let bad = |message: String| Error::BadData { file: path.display().to_string(), message };
    let name = if packing == Packing::Gzip { "gzip" } else { "Zstandard" };
    done.map_err(|error| bad(format!("is packed with {name} and cannot be unpacked: {error}; was it cut off? download it again")))?;
    target.file.flush().map_err(|error| Error::io(&place, error))?;
    Ok(most - target.left)
}

/// Unpacks every frame of `source`, one after the other, and checks their sums.
fn zstandard(mut source: impl BufRead, target: &mut impl Write) -> std::result::Result<(), String> {
    while !source.fill_buf().map_err(|error| error.to_string())?.is_empty() {
        let mut decoder = match StreamingDecoder::new(&mut source) {
            Ok(decoder) => decoder,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut Read::by_ref(&mut source).take(length), &mut io::sink()).map_err(|error| error.to_string())?;
                if skipped < length {
                    return Err("it ends within a frame".into());
                }
                continue;
            }
            Err(error) => return Err(error.to_string()),
        };
        io::copy(&mut decoder, target).map_err(|error| error.to_string())?;
        let frame = decoder.into_frame_decoder();
        if let (Some(expected), Some(found)) = (frame.get_checksum_from_data(), frame.get_calculated_checksum())
            && expected != found
        {
            return Err(format!("a frame's checksum is {found:08x}; expected {expected:08x}"));
        }
    }
    Ok(())
}

/// A file that takes no more than so many bytes.
struct Limited<'a> {
    file: BufWriter<&'a mut File>,
    left: u64,
    /// Why the file could not be written, which is no fault of the shard.
    failed: Option<io::Error>,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| io::Error::other("it holds more than a hundred times its size, as no shard of pictures does"))?;
        self.file.write_all(bytes).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `bytes` packed with gzip.
    pub fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// `bytes` packed with Zstandard, without loss of meaning as fast as can be.
    pub fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn unpack(bytes: &[u8]) -> std::result::Result<Option<Vec<u8>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        std::fs::write(&path, bytes).unwrap();
        let mut unpacked = Unpacked::default();
        let Some(Part { bytes: first, .. }) = unpacked.add(&path).map_err(|error| error.to_string())? else { return Ok(None) };
        // Another behind it does not change where the first lies.
        let Part { file, bytes: second } = unpacked.add(&path).unwrap().unwrap();
        assert_eq!((first.start, first.end, second.end), (0, second.start, 2 * first.end));
        let mut content = vec![0; first.end as usize];
        let mut file = file.lock().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_exact(&mut content).unwrap();
        Ok(Some(content))
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        (0..length).map(|_| (state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223), (state >> 24) as u8).1).collect()
    }

    #[test]
    fn every_member_and_frame_is_unpacked() {
        let (a, b) = (noise(200_000), noise(70_000));
        let skipped = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let whole = [&a[..], &b[..]].concat();
        assert_eq!(unpack(&[gzip(&a), gzip(&b)].concat()).unwrap().unwrap(), whole);
        assert_eq!(unpack(&[skipped.clone(), zstd(&a), skipped, zstd(&b)].concat()).unwrap().unwrap(), whole);
        assert_eq!(unpack(&a).unwrap(), None);
        assert_eq!(unpack(b"").unwrap(), None);
    }

    #[test]
    fn cut_and_changed_files_are_refused() {
        let a = noise(200_000);
        for whole in [gzip(&a), zstd(&a)] {
            for end in [9, whole.len() / 3, whole.len() - 1] {
                let error = unpack(&whole[..end]).unwrap_err();
                assert!(error.contains("a.tar") && error.contains("cannot be unpacked"), "{end}: {error}");
            }
        }
        let mut changed = gzip(&a);
        let middle = changed.len() / 2;
        changed[middle] ^= 4;
        assert!(unpack(&changed).is_err());
    }

    #[test]
    fn a_bomb_is_not_unpacked_to_its_end() {
        let zeros = vec![0; 80 << 20];
        for bomb in [gzip(&zeros), zstd(&zeros)] {
            let error = unpack(&bomb).unwrap_err();
            assert!(error.contains("a hundred times its size"), "{error}");
        }
    }

    #[test]
    fn what_is_no_tar_file_is_named() {
        assert!(other_kind(b"\n <!doctype html>").unwrap().contains("HTML"));
        assert!(other_kind(b"PK\x03\x04...").unwrap().contains("zip"));
        assert!(other_kind(b"\xfd7zXZ\0\0").unwrap().contains("xz"));
        // As a shell hands in `pictures/*`.
        for picture in [b"\xff\xd8\xff\xe0\0\x10JFIF".as_slice(), b"\x89PNG\r\n\x1a\n\0", b"RIFF\x10\0\0\0WEBPVP8 "] {
            assert!(other_kind(picture).unwrap().contains("the folder that it lies in"));
        }
        for text in ["file_name,text\r\na.jpg,a caf\u{e9}".as_bytes(), b"{}", "a caf\u{e9}".as_bytes().split_last().unwrap().1] {
            assert!(other_kind(text).unwrap().starts_with("is text"));
        }
        assert_eq!(other_kind(b"a.jpg\0\0\0"), None);
        assert_eq!((other_kind(b""), other_kind(b"caf\xe9, caf\xe9")), (None, None));
    }
}
