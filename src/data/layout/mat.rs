//! MATLAB's level 5 files (MAT-File Format, MathWorks), as far as Oxford-102 needs them: arrays of real numbers.
//!
//! A file is a header of 128 bytes and elements of a type, a length and data. An element is a matrix, or a matrix compressed with
//! zlib. Lengths are checked before anything is read, and no more is unpacked than [`MAX_BYTES`].

use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// Most bytes of a file or of an unpacked element; those of Oxford-102 have some thousand.
const MAX_BYTES: u64 = 64 << 20;

const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT16: u32 = 3;
const UINT16: u32 = 4;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const SINGLE: u32 = 7;
const DOUBLE: u32 = 9;
const INT64: u32 = 12;
const UINT64: u32 = 13;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// Array classes 6 to 15 are those of numbers, double to uint64.
const NUMERIC_CLASSES: std::ops::RangeInclusive<u32> = 6..=15;

/// Reads the whole numbers, 0 or more, of the array `name`, in the order of the file.
///
/// # Errors
/// [`Error::BadData`] when the file is no such file, is cut, or has no array of that name; [`Error::Io`].
pub fn whole_numbers(path: &Path, name: &str) -> Result<Vec<usize>> {
    let length = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
    let bad = |message: String| Error::BadData { file: path.display().to_string(), message };
    if length > MAX_BYTES {
        return Err(bad(format!("has {length} bytes; expected at most {MAX_BYTES}")));
    }
    let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
    let values = find(&bytes, name).map_err(|message| bad(format!("cannot be read as a MATLAB level 5 file: {message}")))?;
    let whole = |value: f64| {
        let fits = value >= 0.0 && value.fract() == 0.0 && value <= f64::from(u32::MAX);
        if fits { Ok(value as usize) } else { Err(bad(format!("{name} holds {value}; expected whole numbers"))) }
    };
    values.into_iter().map(whole).collect()
}

/// The numbers of the array `name`.
pub(super) fn find(bytes: &[u8], name: &str) -> Result<Vec<f64>, String> {
    let header = bytes.get(..128).ok_or_else(|| format!("it has {} bytes; a header has 128", bytes.len()))?;
    let little = match &header[124..128] {
        [0, 1, b'I', b'M'] => true,
        [1, 0, b'M', b'I'] => false,
        other => return Err(format!("version and byte order are {other:?}; is it of version 7.3 (HDF5), or no .mat file at all?")),
    };
    let mut reader = Reader { bytes: &bytes[128..], little };
    let mut others = Vec::new();
    while !reader.bytes.is_empty() {
        let (kind, data) = reader.element(false)?;
        let unpacked;
        let matrix = match kind {
            MATRIX => Reader { bytes: data, little },
            COMPRESSED => {
                unpacked = unpack(data)?;
                let mut inner = Reader { bytes: &unpacked, little };
                match inner.element(false)? {
                    (MATRIX, data) => Reader { bytes: data, little },
                    (kind, _) => return Err(format!("a compressed element is of type {kind}; expected a matrix")),
                }
            }
            _ => continue,
        };
        match numbers(matrix, name)? {
            Matrix::Wanted(values) => return Ok(values),
            Matrix::Other(name) => others.push(name),
        }
    }
    Err(format!("there is no array {name:?}; found {others:?}"))
}

fn unpack(data: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let read = flate2::read::ZlibDecoder::new(data).take(MAX_BYTES + 1).read_to_end(&mut unpacked);
    read.map_err(|error| format!("an element cannot be unpacked: {error}"))?;
    if unpacked.len() as u64 > MAX_BYTES {
        return Err(format!("an element unpacks to more than {MAX_BYTES} bytes"));
    }
    Ok(unpacked)
}

enum Matrix {
    Wanted(Vec<f64>),
    /// Its name.
    Other(String),
}

/// Reads the parts of a matrix: flags, dimensions, name, numbers.
fn numbers(mut reader: Reader, wanted: &str) -> Result<Matrix, String> {
    let (_, flags) = reader.element(true)?;
    let class = reader.u32_at(flags, 0)? & 0xff;
    let complex = reader.u32_at(flags, 0)? & 0x800 != 0;
    let (kind, dimensions) = reader.element(true)?;
    if kind != INT32 || dimensions.len() < 8 || dimensions.len() % 4 != 0 {
        return Err(format!("dimensions are of type {kind} and {} bytes", dimensions.len()));
    }
    let (_, name) = reader.element(true)?;
    let name = String::from_utf8_lossy(name).into_owned();
    if name != wanted {
        return Ok(Matrix::Other(name));
    }
    if !NUMERIC_CLASSES.contains(&class) || complex {
        return Err(format!("{name} is of class {class}{}; expected real numbers", if complex { ", complex" } else { "" }));
    }
    let mut count = 1usize;
    for at in (0..dimensions.len()).step_by(4) {
        count = count.checked_mul(reader.u32_at(dimensions, at)? as usize).ok_or_else(|| format!("{name} is too large"))?;
    }
    let (kind, data) = reader.element(true)?;
    let values = reader.values(kind, data)?;
    if values.len() == count {
        Ok(Matrix::Wanted(values))
    } else {
        Err(format!("{name} holds {} numbers; its dimensions say {count}", values.len()))
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl<'a> Reader<'a> {
    /// Type and data of the next element; `padded` ones fill up to 8 bytes.
    fn element(&mut self, padded: bool) -> Result<(u32, &'a [u8]), String> {
        let tag = self.u32_at(self.bytes, 0)?;
        // Elements of up to 4 bytes have type and length in one word, and the data in the next.
        if tag >> 16 != 0 {
            let length = (tag >> 16) as usize;
            let data = self.bytes.get(4..8).and_then(|data| data.get(..length)).ok_or("a short element is cut")?;
            self.bytes = &self.bytes[8..];
            return Ok((tag & 0xffff, data));
        }
        let length = self.u32_at(self.bytes, 4)? as usize;
        let rest = &self.bytes[8..];
        let data = rest.get(..length).ok_or_else(|| format!("an element has {length} bytes, but the file only {} more", rest.len()))?;
        let end = if padded { length.next_multiple_of(8).min(rest.len()) } else { length };
        self.bytes = &rest[end..];
        Ok((tag, data))
    }

    fn u32_at(&self, bytes: &[u8], at: usize) -> Result<u32, String> {
        let Some(Ok(word)) = bytes.get(at..at.saturating_add(4)).map(<[u8; 4]>::try_from) else {
            return Err("the file ends within an element".into());
        };
        Ok(if self.little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) })
    }

    fn values(&self, kind: u32, data: &[u8]) -> Result<Vec<f64>, String> {
        let size = match kind {
            INT8 | UINT8 => 1,
            INT16 | UINT16 => 2,
            INT32 | UINT32 | SINGLE => 4,
            DOUBLE | INT64 | UINT64 => 8,
            _ => return Err(format!("numbers are of type {kind}; expected integers or floats")),
        };
        if !data.len().is_multiple_of(size) {
            return Err(format!("numbers of {size} bytes take {} bytes", data.len()));
        }
        let value = |chunk: &[u8]| {
            let mut bytes = [0u8; 8];
            // Little-endian, sign not yet extended.
            for (at, byte) in chunk.iter().enumerate() {
                bytes[if self.little { at } else { size - 1 - at }] = *byte;
            }
            let raw = u64::from_le_bytes(bytes);
            match kind {
                INT8 => f64::from(raw as i8),
                INT16 => f64::from(raw as i16),
                INT32 => f64::from(raw as i32),
                INT64 => raw as i64 as f64,
                SINGLE => f64::from(f32::from_bits(raw as u32)),
                DOUBLE => f64::from_bits(raw),
                _ => raw as f64,
            }
        };
        Ok(data.chunks_exact(size).map(value).collect())
    }
}

/// A writer for tests, here and of the layouts.
#[cfg(test)]
pub(in crate::data) mod writer {
    use std::io::Write;

    fn element(kind: u32, data: &[u8]) -> Vec<u8> {
        if data.len() <= 4 && kind != super::MATRIX {
            let mut short = (kind | (data.len() as u32) << 16).to_le_bytes().to_vec();
            short.extend(data);
            short.resize(8, 0);
            return short;
        }
        let mut bytes = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    /// A matrix of one row, its numbers stored as `kind`.
    pub fn matrix(name: &str, kind: u32, count: usize, data: &[u8]) -> Vec<u8> {
        let flags = [6u32.to_le_bytes(), 0u32.to_le_bytes()].concat();
        let dimensions = [1u32.to_le_bytes(), (count as u32).to_le_bytes()].concat();
        let parts = [element(6, &flags), element(5, &dimensions), element(1, name.as_bytes()), element(kind, data)];
        element(super::MATRIX, &parts.concat())
    }

    /// The same, compressed.
    pub fn compressed(matrix: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(matrix).unwrap();
        let packed = encoder.finish().unwrap();
        [15u32.to_le_bytes().to_vec(), (packed.len() as u32).to_le_bytes().to_vec(), packed].concat()
    }

    /// A file of elements.
    pub fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"MATLAB 5.0 MAT-file".to_vec();
        bytes.resize(124, b' ');
        bytes.extend([0, 1, b'I', b'M']);
        bytes.extend(elements.concat());
        bytes
    }

    /// A matrix of bytes or of doubles.
    pub fn numbers(name: &str, values: &[u8], doubles: bool) -> Vec<u8> {
        if doubles {
            let data: Vec<u8> = values.iter().flat_map(|value| f64::from(*value).to_le_bytes()).collect();
            matrix(name, super::DOUBLE, values.len(), &data)
        } else {
            matrix(name, super::UINT8, values.len(), values)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], name: &str) -> Result<Vec<usize>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mat");
        std::fs::write(&path, bytes).unwrap();
        whole_numbers(&path, name)
    }

    #[test]
    fn plain_and_compressed_arrays_are_read() {
        let first = writer::numbers("first", &[1, 2, 3, 250, 9], false);
        let second = writer::compressed(&writer::numbers("second", &[7, 8], true));
        let short = writer::numbers("s", &[5], false);
        let file = writer::file(&[first, second, short]);
        assert_eq!(read(&file, "first").unwrap(), [1, 2, 3, 250, 9]);
        assert_eq!(read(&file, "second").unwrap(), [7, 8]);
        assert_eq!(read(&file, "s").unwrap(), [5]);
        let error = read(&file, "third").unwrap_err().to_string();
        assert!(error.contains("third") && error.contains("first"), "{error}");
    }

    #[test]
    fn big_endian_files_are_read() {
        let words = |values: &[u32]| values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<u8>>();
        let mut matrix = words(&[6, 8, 6, 0, 5, 8, 1, 2, 1 | 1 << 16]);
        matrix.extend(b"x\0\0\0");
        matrix.extend(words(&[3, 4]));
        matrix.extend([1, 2, 0, 3, 0, 0, 0, 0]);
        let mut bytes = vec![b' '; 124];
        bytes.extend([1, 0, b'M', b'I']);
        bytes.extend(words(&[14, matrix.len() as u32]));
        bytes.extend(matrix);
        assert_eq!(read(&bytes, "x").unwrap(), [258, 3]);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_survived() {
        let whole = writer::file(&[writer::compressed(&writer::numbers("a", &[1, 2, 3], true)), writer::numbers("b", &[4; 20], false)]);
        for end in 0..whole.len() {
            let cut = find(&whole[..end], "b");
            assert!(cut.is_err() || end + 8 > whole.len(), "cut at {end}");
        }
        for at in 124..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                let _ = find(&changed, "a");
                let _ = find(&changed, "b");
            }
        }
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        let half = writer::file(&[writer::matrix("x", DOUBLE, 1, &0.5f64.to_le_bytes())]);
        assert!(read(&half, "x").unwrap_err().to_string().contains("0.5"));
        assert!(read(b"<html>", "x").is_err());
        assert!(read(&[b' '; 200], "x").unwrap_err().to_string().contains("7.3"));
        let bomb = writer::compressed(&vec![0; 80 << 20]);
        assert!(read(&writer::file(&[bomb]), "x").unwrap_err().to_string().contains("unpack"));
    }
}
