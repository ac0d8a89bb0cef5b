//! Takes any bytes for the files of a model folder, as the browser loads them: for `config.json`, for the words, for weights.
#![no_main]

use std::sync::LazyLock;

use mirrorgan::Device;
use mirrorgan::model::{ModelConfig, tensors};

/// A model whose parts are small.
static CONFIG: LazyLock<ModelConfig> =
    LazyLock::new(|| ModelConfig::parse(include_str!("../../fixtures/v0.1.0/model/config.json")).unwrap());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let device = Device::flex();
    let _ = tensors::parse(bytes, "fuzzed");
    let _ = CONFIG.load_vocabulary(bytes);
    let _ = CONFIG.load_stem(bytes, &device);
    let _ = CONFIG.check_file("stem.safetensors", bytes);
    // What a hostile description asks for is laid out before the weights are looked at.
    let Some(config) = std::str::from_utf8(bytes).ok().and_then(|text| ModelConfig::parse(text).ok()) else { return };
    let _ = (config.load_stem(bytes, &device), config.load_generator(bytes, &device));
    let _ = (config.load_stream(bytes, &device), config.load_matcher(bytes, &device));
    let written = config.to_json().unwrap();
    assert_eq!(ModelConfig::parse(&written).unwrap(), config);
});
