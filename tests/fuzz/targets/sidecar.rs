//! Takes any bytes for what is written beside a picture: JSON, a class, captions.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mirrorgan::data::fuzzing::sidecar(bytes));
