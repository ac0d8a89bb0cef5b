//! The one reader of text that people hand in: captions, tables, vocabularies, JSON.

/// The text of a file: UTF-8, or UTF-16 where a byte-order mark says so. The mark itself is no part of it.
///
/// # Errors
/// What is wrong, in words, for bytes that are no text: those of another encoding would become other words than were written.
pub fn decode(bytes: &[u8]) -> Result<String, String> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }?;
    match text.find('\0') {
        None => Ok(text),
        Some(at) => Err(zero(text.as_bytes(), at)),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map(str::to_string);
    text.map_err(|error| match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => zero(bytes, at),
        None => {
            let at = error.valid_up_to();
            format!("is no text in UTF-8: line {} holds the byte {:#04x}; save it as UTF-8", line(bytes, at), bytes[at])
        }
    })
}

fn zero(bytes: &[u8], at: usize) -> String {
    format!(
        "is no text: line {} holds a zero (is it UTF-16 without a byte-order mark, or no text at all?); save it as UTF-8",
        line(bytes, at)
    )
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| read(*pair))).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err("has the byte-order mark of UTF-16, but is no text in it; save it as UTF-8".into()),
    }
}

/// The line of a byte, from 1 on.
fn line(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_of(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once('\u{feff}').chain(text.chars()).flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()).flat_map(bytes).collect()
    }

    #[test]
    fn marks_decide_and_are_no_text() {
        let text = "a café\r\nwith a 🐦";
        assert_eq!(decode(text.as_bytes()).unwrap(), text);
        assert_eq!(decode(format!("\u{feff}{text}").as_bytes()).unwrap(), text);
        assert_eq!(decode(&utf16_of(text, u16::to_le_bytes)).unwrap(), text);
        assert_eq!(decode(&utf16_of(text, u16::to_be_bytes)).unwrap(), text);
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let says = |bytes: &[u8]| decode(bytes).unwrap_err();
        assert!(says(b"a\ncaf\xe9 wall").contains("line 2 holds the byte 0xe9"));
        // UTF-16 without a mark, UTF-32 with one, a picture.
        assert!(says(b"a\0b\0").contains("UTF-16 without"));
        assert!(says(b"\xff\xfe\0\0a\0\0\0").contains("is no text"));
        assert!(says(b"\x89PNG\r\n\x1a\n\0\0").contains("is no text"));
        // Half a character, and half of a pair of surrogates.
        assert!(says(b"\xff\xfea\0b").contains("UTF-16"));
        assert!(says(b"\xff\xfea\0\x3d\xd8").contains("UTF-16"));
    }
}
