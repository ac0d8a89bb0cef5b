//! TensorBoard event files: scalars, pictures and text.
//!
//! A file is a row of TFRecords (length as u64, its masked CRC, the data, their masked CRC; little-endian), each holding an `Event`
//! protobuf message (`tensorflow/core/util/event.proto`, `framework/summary.proto`). The first one names the version of the format.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::{Error, Result};

/// The value of `Event.file_version` that TensorBoard reads.
const VERSION: &str = "brain.Event:2";
/// `DT_STRING` of `framework/types.proto`.
const STRING: i32 = 7;

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Text>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded: Vec<u8>,
}

/// A `TensorProto` of strings.
#[derive(Clone, PartialEq, Message)]
struct Text {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    strings: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
struct Dim {
    #[prost(int64, tag = "1")]
    size: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin: Option<Plugin>,
}

#[derive(Clone, PartialEq, Message)]
struct Plugin {
    #[prost(string, tag = "1")]
    name: String,
}

/// An event file under way.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Begins an event file in `folder`. What older files there say of steps after `step` is cut off: those steps were lost with
    /// their process and come again.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn open(folder: &Path, step: usize) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        let mut older = 0;
        for entry in fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
            let path = entry.map_err(|error| Error::io(folder, error))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().contains("tfevents")) {
                cut(&path, step).map_err(|error| Error::io(&path, error))?;
                older += 1;
            }
        }
        // TensorBoard reads the files of a folder in the order of their names.
        let path = folder.join(format!("events.out.tfevents.{:010}.mirrorgan.{older:04}", now() as u64));
        let file = OpenOptions::new().create_new(true).append(true).open(&path).map_err(|error| Error::io(&path, error))?;
        let mut events = Self { path, file };
        events.write(&Event { wall_time: now(), step: step as i64, file_version: Some(VERSION.into()), summary: None })?;
        Ok(events)
    }

    /// Adds numbers by name.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn scalars(&mut self, step: usize, values: &[(String, f64)]) -> Result<()> {
        let value = |(tag, value): &(String, f64)| Value { tag: tag.clone(), simple_value: Some(*value as f32), ..Default::default() };
        self.summary(step, values.iter().map(value).collect())
    }

    /// Adds a picture, as the bytes of a PNG, JPEG or GIF file.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn picture(&mut self, step: usize, tag: &str, size: (u32, u32), encoded: Vec<u8>) -> Result<()> {
        let image = Image { width: size.0 as i32, height: size.1 as i32, colorspace: 3, encoded };
        self.summary(step, vec![Value { tag: tag.into(), image: Some(image), ..Default::default() }])
    }

    /// Adds Markdown.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn text(&mut self, step: usize, tag: &str, markdown: &str) -> Result<()> {
        let shape = Some(Shape { dim: vec![Dim { size: 1 }] });
        let tensor = Some(Text { dtype: STRING, shape, strings: vec![markdown.as_bytes().to_vec()] });
        let metadata = Some(Metadata { plugin: Some(Plugin { name: "text".into() }) });
        self.summary(step, vec![Value { tag: format!("{tag}/text_summary"), tensor, metadata, ..Default::default() }])
    }

    fn summary(&mut self, step: usize, value: Vec<Value>) -> Result<()> {
        self.write(&Event { wall_time: now(), step: step as i64, file_version: None, summary: Some(Summary { value }) })
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        // One write a record: a process that dies leaves whole records and at most one torn one.
        self.file.write_all(&record(&event.encode_to_vec())).map_err(|error| Error::io(&self.path, error))
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A TFRecord.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = Vec::with_capacity(data.len() + 16);
    bytes.extend(length);
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(data);
    bytes.extend(masked_crc(data).to_le_bytes());
    bytes
}

/// CRC-32C, turned right by 15 bits and moved by a constant, so that a CRC over data that hold CRCs stays a good one.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Cuts a file before its first event after `step`, or before what is no whole event.
fn cut(path: &Path, step: usize) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let mut keep = 0;
    while let Some((data, next)) = whole_record(&bytes, keep) {
        match Event::decode(data) {
            Ok(event) if event.step <= step as i64 => keep = next,
            _ => break,
        }
    }
    if keep < bytes.len() { OpenOptions::new().write(true).open(path)?.set_len(keep as u64) } else { Ok(()) }
}

/// The data of the record that begins at `at`, and where the next one begins.
fn whole_record(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let length = bytes.get(at..at + 8)?;
    let count = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let start = at + 12;
    let end = start.checked_add(count)?;
    let data = bytes.get(start..end)?;
    let checked = |from: usize, of: &[u8]| bytes.get(from..from + 4).is_some_and(|crc| crc == masked_crc(of).to_le_bytes());
    (checked(at + 8, length) && checked(end, data)).then_some((data, end + 4))
}

#[cfg(test)]
mod tests;
