//! The tokenizer of the public code: runs of `\w`, lower case (NLTK's `RegexpTokenizer(r'\w+')`).

/// The words of `text`, in order.
///
/// ```
/// assert_eq!(mirrorgan::text::tokenize("A bird, blue-winged!"), ["a", "bird", "blue", "winged"]);
/// ```
pub fn tokenize(text: &str) -> Vec<String> {
    text.replace('\u{fffd}', " ")
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_everything_that_is_not_a_word() {
        assert_eq!(tokenize("  it's (very) red/black\u{fffd}with 2 wings. "), ["it", "s", "very", "red", "black", "with", "2", "wings"]);
    }

    #[test]
    fn punctuation_alone_has_no_words() {
        assert!(tokenize("?! … --").is_empty());
    }
}
