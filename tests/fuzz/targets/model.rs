//! Takes any bytes for the files of a model folder, as the browser loads them: any bytes for one of them, the others as they were written.
#![no_main]

use std::fs;
use std::path::Path;

use mirrorgan::Device;
use mirrorgan::model::{CONFIG_FILE, FileInfo, Model, ModelConfig, tensors};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = tensors::parse(bytes, "fuzzed");
    let Some((which, bytes)) = bytes.split_first() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/v0.1.0/model");
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let mut config = ModelConfig::parse(std::str::from_utf8(&read(CONFIG_FILE)).unwrap()).unwrap();
    let names = config.file_names();
    let fuzzed = [&[CONFIG_FILE][..], &names].concat()[usize::from(*which) % (names.len() + 1)];
    // Who writes a hostile file writes its checksum, too.
    config.files.insert(fuzzed.to_string(), FileInfo::of(bytes));
    let _ = Model::read(
        |name| {
            Ok(match name {
                name if name == fuzzed => bytes.to_vec(),
                CONFIG_FILE => config.to_json().unwrap().into_bytes(),
                name => read(name),
            })
        },
        &Device::flex(),
    );
});
