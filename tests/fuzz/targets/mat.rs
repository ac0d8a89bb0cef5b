//! Takes any bytes for a MATLAB file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mirrorgan::data::fuzzing::mat(bytes));
