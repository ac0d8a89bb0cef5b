//! Takes any bytes for AttnGAN's `captions.pickle` and `filenames.pickle`.
#![no_main]

#[path = "../file.rs"]
mod file;

use mirrorgan::import;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = file::of(bytes);
    let _ = import::sentences(&path);
    let _ = import::filenames(&path);
});
