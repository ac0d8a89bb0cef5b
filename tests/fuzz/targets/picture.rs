//! Takes any bytes for a picture's file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mirrorgan::data::fuzzing::picture(bytes));
