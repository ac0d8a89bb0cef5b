//! AttnGAN's pickles: vocabulary and captions of `captions.pickle`, and `filenames.pickle`. No code of theirs is run.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use burn::store::pytorch_reader::{PickleValue, PytorchReader};

use super::defaultdict::without_defaultdicts;
use crate::files;
use crate::text::Vocabulary;
use crate::{Error, Result};

/// Reads the vocabulary of `captions.pickle`: a list of training captions, test captions, words by number and numbers by word.
///
/// # Errors
/// [`Error::BadModel`] when the file is no such pickle, or the words are not numbered 0, 1, 2 … with the end mark first; [`Error::Io`].
pub fn captions(path: &Path) -> Result<Vocabulary> {
    Ok(read(path)?.0)
}

/// The vocabulary of `captions.pickle`, or of a `vocab.txt` with a word a line, whose name ends in `.txt`.
///
/// # Errors
/// As [`captions`]; [`Error::BadData`] for a vocabulary that is no text.
pub fn vocabulary(path: &Path) -> Result<Vocabulary> {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt")) {
        return captions(path);
    }
    Vocabulary::parse(&files::read_text(path)?).map_err(|error| match error {
        Error::BadModel { message, .. } => Error::bad_model(path.display().to_string(), message),
        other => other,
    })
}

/// The captions of `captions.pickle` as sentences, of the training and the test split, each in the order of its `filenames.pickle`.
///
/// # Errors
/// As [`captions`], and when a caption has a number that no word has.
pub fn sentences(path: &Path) -> Result<[Vec<String>; 2]> {
    let (vocabulary, parts) = read(path)?;
    let bad = |message: String| Error::bad_model(path.display().to_string(), message);
    let mut splits = [Vec::new(), Vec::new()];
    for (sentences, part) in splits.iter_mut().zip(&parts) {
        let PickleValue::List(captions) = part else {
            return Err(bad("has no two lists of captions in front; expected [train captions, test captions, …]".into()));
        };
        for caption in captions {
            sentences.push(sentence(caption, &vocabulary).map_err(bad)?);
        }
    }
    Ok(splits)
}

fn sentence(caption: &PickleValue, vocabulary: &Vocabulary) -> std::result::Result<String, String> {
    let PickleValue::List(ids) = caption else { return Err("has a caption that is no list of word numbers".into()) };
    let word = |id: &PickleValue| match id {
        PickleValue::Int(id) => {
            usize::try_from(*id).ok().and_then(|id| vocabulary.word(id)).ok_or_else(|| format!("has no word of number {id}"))
        }
        other => Err(format!("has {other:?} in a caption; expected a word's number")),
    };
    Ok(ids.iter().map(word).collect::<std::result::Result<Vec<_>, _>>()?.join(" "))
}

/// The vocabulary and all parts.
fn read(path: &Path) -> Result<(Vocabulary, Vec<PickleValue>)> {
    let file = path.display().to_string();
    let bad = |message: String| Error::bad_model(file.clone(), message);
    // The reader of checkpoints reads plain pickles too, and bounds depth and copies as no general one does.
    let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
    let pickle = match without_defaultdicts(&bytes) {
        None => PytorchReader::read_pickle_data(path, None),
        Some(plain) => {
            // It reads files alone.
            let place = std::env::temp_dir();
            let mut file = tempfile::NamedTempFile::new_in(&place).map_err(|error| Error::io(&place, error))?;
            file.write_all(&plain).map_err(|error| Error::io(&place, error))?;
            PytorchReader::read_pickle_data(file.path(), None)
        }
    };
    let pickle = pickle.map_err(|error| bad(format!("cannot be read as captions.pickle: {error}")))?;
    let PickleValue::List(parts) = pickle else {
        return Err(bad("holds no list; expected [train captions, test captions, words by number, numbers by word]".into()));
    };
    let [_, _, PickleValue::Dict(words), ..] = parts.as_slice() else {
        return Err(bad(format!("is a list of {} whose third is no dict; expected the words by number there", parts.len())));
    };
    let lines = words_in_order(words).map_err(bad)?;
    let vocabulary = Vocabulary::parse(&lines).map_err(|error| Error::bad_model(file.clone(), error.to_string()))?;
    Ok((vocabulary, parts))
}

/// Largest `filenames.pickle`; that of COCO has 3 MB.
const MAX_NAMES_BYTES: u64 = 64 << 20;

/// The strings of `filenames.pickle`, such as `002.Laysan_Albatross/Laysan_Albatross_0002_1027`.
///
/// # Errors
/// [`Error::BadModel`] when the file is no pickled list of strings; [`Error::Io`].
pub fn filenames(path: &Path) -> Result<Vec<String>> {
    let bad = |message: String| Error::bad_model(path.display().to_string(), message);
    let length = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
    if length > MAX_NAMES_BYTES {
        return Err(bad(format!("has {length} bytes; expected at most {MAX_NAMES_BYTES}")));
    }
    let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
    if bytes.starts_with(b"(l") {
        // Python 2's first protocol, whose plain strings the reader of checkpoints does not know.
        return text_list(&bytes).ok_or_else(|| bad("cannot be read as a pickled list of strings".into()));
    }
    let pickle =
        PytorchReader::read_pickle_data(path, None).map_err(|error| bad(format!("cannot be read as filenames.pickle: {error}")))?;
    let PickleValue::List(names) = pickle else { return Err(bad("holds no list; expected a list of file names".into())) };
    let name = |value| match value {
        PickleValue::String(name) => Ok(name),
        PickleValue::Bytes(name) => Ok(String::from_utf8_lossy(&name).into_owned()),
        other => Err(bad(format!("has {other:?} in the list; expected file names"))),
    };
    names.into_iter().map(name).collect()
}

/// A flat list of strings in protocol 0: a line of `(lp0`, then `S'TEXT'` and `p1` each, lines beginning with `a` (append) and a dot
/// at the end.
fn text_list(bytes: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut names = Vec::new();
    for line in text.lines().skip(1) {
        let line = line.strip_prefix('a').unwrap_or(line);
        match line.bytes().next() {
            Some(b'S') => {
                let quoted = &line[1..];
                let quote = quoted.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
                let name = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
                // Names of data sets need no escapes.
                names.push(Some(name).filter(|name| !name.contains('\\'))?.to_string());
            }
            Some(b'V') => names.push(Some(&line[1..]).filter(|name| !name.contains('\\'))?.to_string()),
            Some(b'p') => {}
            Some(b'.') => return Some(names),
            _ => return None,
        }
    }
    None
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
