//! The words that a model knows, each with its number.

use std::collections::HashMap;

use serde::Serialize;

use super::tokenize;
use crate::{Error, Result};

/// The number of the end mark, which also pads short captions (as in AttnGAN's `captions.pickle`).
pub const END: usize = 0;

/// How the end mark is written in `vocab.txt`.
const END_WORD: &str = "<end>";

/// A word of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// The word in lower case.
    pub word: String,
    /// Whether the model has learned it; unknown words are left out.
    pub known: bool,
}

/// A prompt as a model reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedText {
    /// Every word of the prompt, known or not, in order.
    pub tokens: Vec<Token>,
    /// The numbers of the known words, at most as many as asked for.
    pub ids: Vec<usize>,
}

/// A two-way list of words and numbers; number 0 is the end mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<String>,
    ids: HashMap<String, usize>,
}

impl Vocabulary {
    /// A vocabulary of `words`, numbered from 1 on in the order given.
    ///
    /// # Errors
    /// [`Error::BadModel`] when there is no word, or one is empty, `<end>`, or stands twice.
    pub fn new(words: impl IntoIterator<Item = String>) -> Result<Self> {
        Self::from_lines(std::iter::once(END_WORD.to_string()).chain(words))
    }

    /// The words that stand at least `min_count` times in the captions, in alphabetic order.
    ///
    /// # Errors
    /// [`Error::BadInput`] when no word stands so often, naming the one that stands most often.
    pub fn from_captions<'a>(captions: impl IntoIterator<Item = &'a str>, min_count: usize) -> Result<Self> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for caption in captions {
            for word in tokenize(caption) {
                *counts.entry(word).or_default() += 1;
            }
        }
        let most = counts.iter().max_by(|a, b| (a.1, b.0).cmp(&(b.1, a.0))).map(|(word, count)| (word.clone(), *count));
        if most.as_ref().is_none_or(|(_, count)| *count < min_count) {
            let most =
                most.map_or("there is none at all".into(), |(word, count)| format!("the most frequent one, {word:?}, {count} times"));
            return Err(Error::BadInput(format!(
                "no word stands {min_count} times or more (data.min_word_count) in the training captions; {most}"
            )));
        }
        let mut words: Vec<_> = counts.into_iter().filter(|(_, n)| *n >= min_count).map(|(word, _)| word).collect();
        words.sort_unstable();
        Self::new(words)
    }

    /// Reads `vocab.txt`: a word a line, the first one `<end>`.
    ///
    /// # Errors
    /// [`Error::BadModel`] when the first line is another, there is no word after it, or one is empty or stands twice.
    pub fn parse(text: &str) -> Result<Self> {
        Self::from_lines(text.lines().map(|line| line.trim_end_matches('\r').to_string()))
    }

    fn from_lines(lines: impl IntoIterator<Item = String>) -> Result<Self> {
        let bad = |message: String| Error::bad_model("vocab.txt", message);
        let words: Vec<String> = lines.into_iter().collect();
        match words.first().map(String::as_str) {
            Some(END_WORD) => {}
            found => return Err(bad(format!("line 1 is {found:?}; expected {END_WORD:?}"))),
        }
        if words.len() < 2 {
            return Err(bad("there is no word after the end mark".into()));
        }
        let mut ids = HashMap::with_capacity(words.len());
        for (id, word) in words.iter().enumerate() {
            if word.is_empty() {
                return Err(bad(format!("line {} is empty; expected a word", id + 1)));
            }
            if let Some(first) = ids.insert(word.clone(), id) {
                return Err(bad(format!("{word:?} stands on lines {} and {}", first + 1, id + 1)));
            }
        }
        Ok(Self { words, ids })
    }

    /// What [`Vocabulary::parse`] reads.
    pub fn to_text(&self) -> String {
        self.words.iter().flat_map(|word| [word, "\n"]).collect()
    }

    /// How many numbers there are, the end mark included.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// A vocabulary always holds the end mark and a word.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The number of a lower-case word.
    pub fn id(&self, word: &str) -> Option<usize> {
        self.ids.get(word).copied().filter(|id| *id != END)
    }

    /// The word of a number.
    pub fn word(&self, id: usize) -> Option<&str> {
        self.words.get(id).map(String::as_str)
    }

    /// All words, the end mark first.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The words of `ids` up to the first end mark.
    pub fn decode(&self, ids: &[usize]) -> Vec<String> {
        ids.iter().take_while(|id| **id != END).filter_map(|id| self.word(*id)).map(str::to_string).collect()
    }

    /// Splits `text` and numbers its known words, the first `max_words` of them.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`] when there is no word, [`Error::UnknownPrompt`] when none is known: every attention weight would be
    /// softmax of nothing.
    pub fn encode(&self, text: &str, max_words: usize) -> Result<EncodedText> {
        let tokens: Vec<Token> = tokenize(text).into_iter().map(|word| Token { known: self.id(&word).is_some(), word }).collect();
        if tokens.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        let ids: Vec<usize> = tokens.iter().filter_map(|token| self.id(&token.word)).take(max_words).collect();
        if ids.is_empty() {
            return Err(Error::UnknownPrompt { words: tokens.into_iter().map(|token| token.word).collect() });
        }
        Ok(EncodedText { tokens, ids })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        Vocabulary::new(["flower", "pink"].map(String::from)).unwrap()
    }

    #[test]
    fn known_words_keep_their_order() {
        let encoded = vocabulary().encode("Pink zeppelin flower", 18).unwrap();
        assert_eq!(encoded.ids, [2, 1]);
        assert_eq!(encoded.tokens.iter().map(|t| t.known).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn no_word_and_no_known_word_are_told_apart() {
        assert!(matches!(vocabulary().encode(" ?", 18), Err(Error::EmptyPrompt)));
        assert!(matches!(vocabulary().encode("zeppelin", 18), Err(Error::UnknownPrompt { .. })));
        assert!(matches!(vocabulary().encode("<end>", 18), Err(Error::UnknownPrompt { .. })));
    }

    #[test]
    fn text_round_trip() {
        assert_eq!(Vocabulary::parse(&vocabulary().to_text()).unwrap(), vocabulary());
    }

    #[test]
    fn words_that_are_all_too_rare_are_blamed_on_the_recipe() {
        let message = |captions: &[&str], least| Vocabulary::from_captions(captions.iter().copied(), least).unwrap_err().to_string();
        let found = message(&["a red car", "a blue car"], 3);
        assert!(found.contains("3 times") && found.contains("min_word_count") && found.contains("\"a\", 2 times"), "{found}");
        assert!(!found.contains("vocab.txt"), "{found}");
        assert!(message(&["?"], 1).contains("none at all"));
        assert_eq!(Vocabulary::from_captions(["a red car", "a"], 2).unwrap().words(), ["<end>", "a"]);
    }

    #[test]
    fn a_word_twice_is_refused() {
        let error = Vocabulary::parse("<end>\nred\nred\n").unwrap_err();
        assert!(error.to_string().contains("lines 2 and 3"), "{error}");
    }
}
