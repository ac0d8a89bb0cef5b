//! Takes any bytes for a recipe.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = mirrorgan::train::Recipe::parse("fuzzed", text, &[]);
});
