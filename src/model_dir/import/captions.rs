//! The vocabulary from AttnGAN's `captions.pickle`.

use std::collections::HashMap;
use std::path::Path;

use burn::store::pytorch_reader::{PickleValue, PytorchReader};

use crate::text::Vocabulary;
use crate::{Error, Result};

/// Reads the vocabulary of `captions.pickle`: a list of training captions, test captions, words by number and numbers by word.
///
/// # Errors
/// [`Error::BadModel`] when the file is no such pickle, or the words are not numbered 0, 1, 2 … with the end mark first; [`Error::Io`].
pub fn captions(path: &Path) -> Result<Vocabulary> {
    let file = path.display().to_string();
    std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
    let bad = |message: String| Error::bad_model(file.clone(), message);
    // The reader of checkpoints reads plain pickles too, and bounds depth and copies as no general one does.
    let pickle = PytorchReader::read_pickle_data(path, None).map_err(|error| bad(format!("cannot be read as captions.pickle: {error}")))?;
    let PickleValue::List(parts) = pickle else {
        return Err(bad("holds no list; expected [train captions, test captions, words by number, numbers by word]".into()));
    };
    let [_, _, PickleValue::Dict(words), ..] = parts.as_slice() else {
        return Err(bad(format!("is a list of {} whose third is no dict; expected the words by number there", parts.len())));
    };
    let lines = words_in_order(words).map_err(bad)?;
    Vocabulary::parse(&lines).map_err(|error| bad(error.to_string()))
}

/// The words of numbers 0, 1, 2 …, each with a line feed, or what is wrong.
fn words_in_order(words: &HashMap<String, PickleValue>) -> std::result::Result<String, String> {
    (0..words.len())
        .map(|number| match words.get(&number.to_string()) {
            Some(PickleValue::String(word)) if !word.contains(['\n', '\r']) => Ok(format!("{word}\n")),
            Some(other) => Err(format!("number {number} stands for {other:?}; expected a word")),
            None => Err(format!("there are {} words but none of number {number}; expected 0 to {}", words.len(), words.len() - 1)),
        })
        .collect()
}
