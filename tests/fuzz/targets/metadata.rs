//! Takes any bytes for metadata of an image folder, JSON lines and CSV.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mirrorgan::data::fuzzing::metadata(bytes));
