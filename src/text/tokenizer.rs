//! The tokenizer of the public code, runs of `\w` in lower case (NLTK's `RegexpTokenizer(r'\w+')`), for languages that it does not split, too.
//!
//! English and what is written like it is split as there, to the letter. Beyond that Unicode's word boundaries hold (UAX #29): marks belong
//! to the letter before them, and of scripts without spaces between words each character is one, as no dictionary is at hand. What Unicode
//! takes for the same text (UAX #15) becomes the same words.

use unicode_segmentation::UnicodeSegmentation;

/// The words of `text`, in order.
///
/// ```
/// assert_eq!(mirrorgan::text::tokenize("A bird, blue-winged!"), ["a", "bird", "blue", "winged"]);
/// ```
pub fn tokenize(text: &str) -> Vec<String> {
    let text = text.replace('\u{fffd}', " ");
    let runs = text.split(|c: char| !(is_word(c) || continues(c)));
    let runs = runs.map(|run| run.trim_start_matches(|c| !is_word(c))).filter(|run| !run.is_empty());
    let mut words = Vec::new();
    for run in runs {
        if run.is_ascii() {
            words.push(run.to_ascii_lowercase());
        } else {
            words.extend(split(run).into_iter().map(|word| composed(word.to_lowercase())));
        }
    }
    words
}

/// Whether `\w` matches.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a character that is no word belongs to the word before it: marks, and the joiners of Indic scripts and Persian.
fn continues(c: char) -> bool {
    match c {
        // Nothing below has a mark.
        ..'\u{300}' => false,
        // Invisible signs (category Cf) and what makes an emoji of a character are no part of a word.
        '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{180e}' => false,
        '\u{200c}' | '\u{200d}' => true,
        '\u{2000}'..='\u{206f}' | '\u{20dd}'..='\u{20e4}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => false,
        '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'.. => false,
        _ => {
            // Unicode puts no boundary between a letter and it.
            let mut pair = String::from("a");
            pair.push(c);
            !is_word(c) && pair.split_word_bound_indices().count() == 1
        }
    }
}

/// A run of letters, numbers and marks at Unicode's word boundaries.
fn split(run: &str) -> Vec<&str> {
    // Numbers that are no digits, such as ½ and ², are parts of words as digits are.
    let as_digits: String = run.chars().map(|c| if c.is_numeric() && !c.is_alphabetic() { '0' } else { c }).collect();
    let mut words = Vec::new();
    let mut rest = run;
    for piece in as_digits.split_word_bounds() {
        let end = rest.char_indices().nth(piece.chars().count()).map_or(rest.len(), |(end, _)| end);
        let (word, after) = rest.split_at(end);
        rest = after;
        // Signs that Unicode joins to the letter after them, as tone letters are, begin no word; what they joined falls apart without them.
        let without = word.trim_start_matches(|c| !is_word(c));
        if without.len() < word.len() {
            words.extend(split(without));
        } else {
            words.push(word);
        }
    }
    words
}

/// The canonical composition (NFC) of a word.
fn composed(word: String) -> String {
    // Nothing below is composed of others or composes with them.
    if word.chars().all(|c| c < '\u{300}') {
        return word;
    }
    // Letters that are marks come behind other marks in the canonical order, and no word begins with these.
    normalized(&word).trim_start_matches(|c| !is_word(c)).to_string()
}

#[cfg(not(target_arch = "wasm32"))]
fn normalized(word: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(word).collect()
}

/// The tables would double the words' share of the module, and every JavaScript engine has them: what is composed of what never changes with
/// Unicode's versions.
#[cfg(target_arch = "wasm32")]
fn normalized(word: &str) -> String {
    js_sys::JsString::from(word).normalize("NFC").into()
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
        assert!(tokenize("\u{301} \u{200d}❤\u{fe0f}").is_empty());
    }

    #[test]
    fn every_script_is_split_as_in_the_browser() {
        let cases: Vec<(String, Vec<String>)> = serde_json::from_str(include_str!("../../tests/fixtures/words.json")).unwrap();
        for (text, words) in cases {
            assert_eq!(tokenize(&text), words, "{text:?}");
        }
    }

    /// Runs of `\w`, as the public code has them.
    fn runs(text: &str) -> Vec<String> {
        text.replace('\u{fffd}', " ").split(|c: char| !is_word(c)).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    }

    #[test]
    fn what_has_spaces_between_its_words_is_split_as_by_the_public_code() {
        // Every character of Latin, Greek and Cyrillic, of punctuation, symbols and emoji, between, before and after letters.
        let ranges = ['\0'..='\u{2ff}', '\u{370}'..='\u{482}', '\u{48a}'..='\u{52f}', '\u{1e00}'..='\u{1fff}', '\u{2000}'..='\u{200b}'];
        let more =
            ['\u{200e}'..='\u{20cf}', '\u{20dd}'..='\u{20e4}', '\u{2100}'..='\u{2bff}', '\u{fe00}'..='\u{fe0f}', '\u{1f000}'..='\u{1f3fa}'];
        for c in ranges.into_iter().chain(more).flatten() {
            for text in [format!("a{c}b 2{c}3 {c}x{c} y"), format!("it’s ½{c} m²{c}\u{ad}Ä {c}{c}_{c}")] {
                let (found, expected) = (tokenize(&text), runs(&text));
                // Ⅳ is 1 letter, and an Ohm sign is the letter Ω.
                let expected: Vec<String> = expected.into_iter().map(composed).collect();
                assert_eq!(found, expected, "{:04x}: {text:?}", c as u32);
            }
        }
        for text in [
            "A bird's 3.14-inch wing, e.g. “U.S.A.” or 1,000_000",
            "naïve café — über 50 % «fût»",
            "Красная птица, синие крылья",
            "κόκκινος ΠΟΥΛΙΣ",
        ] {
            assert_eq!(tokenize(text), runs(text), "{text}");
        }
    }

    #[test]
    fn marks_belong_to_their_letters() {
        // With a nukta, a virama, and vowel signs; Thai tones; points of Hebrew and Arabic.
        assert_eq!(tokenize("लाल फूल, पंख़ुड़ी और क्षेत्र").len(), 5);
        assert_eq!(tokenize("नीली चिड़िया").len(), 2);
        assert_eq!(tokenize("צִפּוֹר אֲדֻמָּה"), ["צִפּוֹר", "אֲדֻמָּה"].map(|word| composed(word.into())));
        assert_eq!(tokenize("طَائِرٌ أَحْمَر").len(), 2);
        // A tone letter between an ideograph and a letter.
        assert_eq!(tokenize("\u{7adb}\u{a710}\u{3134}"), ["\u{7adb}", "\u{3134}"]);
        // A low line that joins a sign of Saurashtra, which is a letter and a mark, to letters.
        assert_eq!(tokenize("\u{ff3f}\u{a880}\u{318a}\u{a5b}"), ["\u{a880}", "\u{318a}\u{a1c}\u{a3c}"]);
        assert_eq!(tokenize("\u{3be0}\u{ff3f}\u{a880}\u{318a}"), ["\u{3be0}", "\u{a880}", "\u{318a}"]);
        // A joiner within a word of Persian, and none at its end.
        assert_eq!(tokenize("می\u{200c}خواهم"), ["می\u{200c}خواهم"]);
    }

    #[test]
    fn scripts_without_spaces_have_a_word_a_character() {
        assert_eq!(tokenize("红色的花"), ["红", "色", "的", "花"]);
        assert_eq!(tokenize("赤いバラの花"), ["赤", "い", "バラ", "の", "花"]);
        assert_eq!(tokenize("붉은 꽃"), ["붉은", "꽃"]);
        assert_eq!(tokenize("花3朵red花"), ["花", "3", "朵", "red", "花"]);
        assert_eq!(tokenize("นกสีแดง"), ["น", "ก", "สี", "แ", "ด", "ง"]);
    }

    #[test]
    fn the_same_text_has_the_same_words_however_it_is_composed() {
        for (composed, decomposed) in [
            ("Café ÉTÉ", "Cafe\u{301} E\u{301}TE\u{301}"),
            ("붉은", "\u{1107}\u{116e}\u{11b0}\u{110b}\u{1173}\u{11ab}"),
            ("Ǟ", "A\u{308}\u{304}"),
        ] {
            assert_eq!(tokenize(composed), tokenize(decomposed));
        }
        assert_eq!(tokenize("Cafe\u{301}"), ["café"]);
        // A Cyrillic letter that is a mark above another, and a line below, which comes first in the canonical order.
        assert_eq!(tokenize("\u{2de8}\u{320}"), ["\u{2de8}"]);
        assert_eq!(tokenize("\u{320}\u{2de8}"), ["\u{2de8}"]);
        assert_eq!(tokenize("m\u{2de8}\u{320}"), ["m\u{320}\u{2de8}"]);
        assert_eq!(tokenize("\u{2126}\u{212a}\u{212b}"), ["ωkå"]);
        // A nukta that is a letter of its own or not.
        assert_eq!(tokenize("\u{0958}"), tokenize("\u{0915}\u{093c}"));
    }
}
