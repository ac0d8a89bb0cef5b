//! Takes any bytes for a checkpoint of PyTorch's, whatever network it is.
#![no_main]

#[path = "../file.rs"]
mod file;

use mirrorgan::encoder::InceptionVariant;
use mirrorgan::glam::Architecture;
use mirrorgan::import;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = file::of(bytes);
    let _ = import::text_encoder(&path, 18);
    let _ = import::generator(&path, Architecture::MirrorGan);
    let _ = import::efficientnet_lite(&path, 1.0);
    let _ = import::inception_v3(&path, InceptionVariant::Torchvision, 1.0);
    let _ = import::resnet(&path, 1.0);
});
