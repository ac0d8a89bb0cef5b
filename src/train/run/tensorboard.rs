//! TensorBoard event files: scalars, pictures and text.
//!
//! A file is a row of TFRecords (length as u64, its masked CRC, the data, their masked CRC; little-endian), each holding an `Event`
//! protobuf message (`tensorflow/core/util/event.proto`, `framework/summary.proto`). The first one names the version of the format.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Error, Result};

/// The value of `Event.file_version` that TensorBoard reads.
const VERSION: &str = "brain.Event:2";
/// `DT_STRING` of `framework/types.proto`.
const STRING: u64 = 7;

/// A protobuf message under way. Its few field types are written here: a protobuf library would bring a compiler along.
#[derive(Debug, Default, Clone)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, mut value: u64) -> Self {
        while value > 127 {
            self.0.push((value & 127) as u8 | 128);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    /// A field's number and its type on the wire.
    fn key(self, field: u64, wire: u64) -> Self {
        self.varint(field << 3 | wire)
    }

    fn integer(self, field: u64, value: u64) -> Self {
        self.key(field, 0).varint(value)
    }

    fn double(self, field: u64, value: f64) -> Self {
        let mut message = self.key(field, 1);
        message.0.extend(value.to_le_bytes());
        message
    }

    fn float(self, field: u64, value: f32) -> Self {
        let mut message = self.key(field, 5);
        message.0.extend(value.to_le_bytes());
        message
    }

    /// Bytes, a string or another message.
    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.key(field, 2).varint(bytes.len() as u64);
        message.0.extend(bytes);
        message
    }

    /// An `Event` (fields 1 `wall_time`, 2 `step`), before what it tells.
    fn event(step: usize) -> Self {
        Self::default().double(1, now()).integer(2, step as u64)
    }
}

/// The step of an `Event` that [`Message::event`] began.
fn step_of(event: &[u8]) -> Option<u64> {
    let step = event.get(9..).filter(|_| event[0] == 1 << 3 | 1)?;
    let (key, digits) = step.split_first()?;
    if *key != 2 << 3 {
        return None;
    }
    let mut value = 0;
    for (at, byte) in digits.iter().enumerate().take(10) {
        value |= u64::from(byte & 127) << (7 * at);
        if *byte < 128 {
            return Some(value);
        }
    }
    None
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
        events.write(&Message::event(step).bytes(3, VERSION.as_bytes()))?;
        Ok(events)
    }

    /// Adds numbers by name.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn scalars(&mut self, step: usize, values: &[(String, f64)]) -> Result<()> {
        let value = |(tag, value): &(String, f64)| Message::default().bytes(1, tag.as_bytes()).float(2, *value as f32);
        self.summary(step, values.iter().map(value))
    }

    /// Adds a picture, as the bytes of a PNG, JPEG or GIF file.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn picture(&mut self, step: usize, tag: &str, size: (u32, u32), encoded: &[u8]) -> Result<()> {
        // Height, width, colour space (3 is RGB), file.
        let image = Message::default().integer(1, u64::from(size.1)).integer(2, u64::from(size.0)).integer(3, 3).bytes(4, encoded);
        self.summary(step, [Message::default().bytes(1, tag.as_bytes()).bytes(4, &image.0)])
    }

    /// Adds Markdown.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn text(&mut self, step: usize, tag: &str, markdown: &str) -> Result<()> {
        // A `TensorProto` of one string, for the plugin that shows texts.
        let shape = Message::default().bytes(2, &Message::default().integer(1, 1).0);
        let tensor = Message::default().integer(1, STRING).bytes(2, &shape.0).bytes(8, markdown.as_bytes());
        let metadata = Message::default().bytes(1, &Message::default().bytes(1, b"text").0);
        let tag = format!("{tag}/text_summary");
        self.summary(step, [Message::default().bytes(1, tag.as_bytes()).bytes(8, &tensor.0).bytes(9, &metadata.0)])
    }

    /// Writes an `Event` with a `Summary` (field 5) of values.
    fn summary(&mut self, step: usize, values: impl IntoIterator<Item = Message>) -> Result<()> {
        let summary = values.into_iter().fold(Message::default(), |summary, value| summary.bytes(1, &value.0));
        self.write(&Message::event(step).bytes(5, &summary.0))
    }

    fn write(&mut self, event: &Message) -> Result<()> {
        // One write a record: a process that dies leaves whole records and at most one torn one.
        self.file.write_all(&record(&event.0)).map_err(|error| Error::io(&self.path, error))
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
        match step_of(data) {
            Some(found) if found <= step as u64 => keep = next,
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
