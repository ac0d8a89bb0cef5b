//! Takes any bytes for captions, prompts and vocabularies.
#![no_main]

use mirrorgan::text::{self, Vocabulary};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = text::decode(bytes) else { return };
    let words = text::tokenize(&text);
    // What was split is a word.
    words.iter().for_each(|word| assert_eq!(text::tokenize(word), std::slice::from_ref(word)));
    if let Ok(vocabulary) = Vocabulary::from_captions([text.as_str()], 1) {
        assert!(vocabulary.encode(&text, usize::MAX).is_ok_and(|encoded| encoded.ids.len() == words.len()));
    }
    let _ = Vocabulary::parse(&text);
});
