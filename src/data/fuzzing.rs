//! What the fuzz targets of `tests/fuzz` call of this room: readers of bytes that nobody vouches for.

use std::path::Path;

use super::description::{self, Description};
use super::layout::{fuzz_mat, fuzz_tables};
use super::metadata;
use super::shard::read_shards;
use crate::text;

/// A MATLAB file.
pub fn mat(bytes: &[u8]) {
    fuzz_mat(bytes);
}

/// A table of CUB-200-2011, and COCO's annotations.
pub fn tables(bytes: &[u8]) {
    fuzz_tables(bytes);
}

/// A shard in the file `path`, and every file in it.
pub fn shard(path: &Path) {
    for sample in read_shards(&[path.to_path_buf()]).unwrap_or_default() {
        for blob in [&sample.picture, &sample.json, &sample.text, &sample.class].into_iter().flatten() {
            let _ = blob.read();
        }
    }
}

/// What is written beside a picture: JSON, captions, a class.
pub fn sidecar(bytes: &[u8]) {
    let _ = description::parse(bytes).and_then(|value| Description::of(&value));
    if let Ok(text) = text::decode(bytes) {
        let _ = (description::class_of_text(&text), text::tokenize(&text));
    }
}

/// Metadata of an image folder.
pub fn metadata(bytes: &[u8]) {
    metadata::fuzz_rows(bytes);
}

/// A picture's file.
pub fn picture(bytes: &[u8]) {
    let _ = super::decode_square(bytes, 64);
    let _ = crate::picture::read::from_bytes(bytes);
}
