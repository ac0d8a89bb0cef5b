//! Takes any bytes for the tables of CUB-200-2011 and COCO's annotations.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mirrorgan::data::fuzzing::tables(bytes));
