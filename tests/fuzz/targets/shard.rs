//! Takes any bytes for a shard, packed or not, and reads every file in it.
#![no_main]

#[path = "../file.rs"]
mod file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mirrorgan::data::fuzzing::shard(&file::of(bytes)));
