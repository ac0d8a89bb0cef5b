//! What people write beside a picture: captions and a class, as JSON.

use serde_json::{Map, Value};

use crate::text;

/// Captions and class of a picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Description {
    pub captions: Vec<String>,
    /// None where it is -1, too, as for data without labels.
    pub class_id: Option<usize>,
}

impl Description {
    /// Of an object with `captions`, `caption` (a text or several, or null) and `class_id` (a number or its digits).
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(value: &Value) -> Result<Self, String> {
        let Value::Object(object) = value else { return Err(format!("holds {}; expected an object", shown(value))) };
        Ok(Self { captions: captions(object, &["captions", "caption"])?, class_id: class_id(object)? })
    }
}

/// The texts under `keys`, in their order.
pub(super) fn captions(object: &Map<String, Value>, keys: &[&str]) -> Result<Vec<String>, String> {
    let mut captions = Vec::new();
    for key in keys {
        if let Some(value) = object.get(*key) {
            captions.extend(texts(value).map_err(|other| format!("{key} holds {other}; expected text"))?);
        }
    }
    Ok(captions)
}

/// The class, where there is one.
pub(super) fn class_id(object: &Map<String, Value>) -> Result<Option<usize>, String> {
    let found = object.get("class_id").map(class).transpose();
    Ok(found.map_err(|other| format!("class_id is {other}; expected a whole number"))?.flatten())
}

/// The texts of a text, of a list of them or of null.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .map(|item| item.as_str().map(str::to_string).ok_or_else(|| shown(item)))
            .collect(),
        other => Err(shown(other)),
    }
}

/// A class number: 3, 3.0, "3"; none for a negative one and null.
pub(super) fn class(value: &Value) -> Result<Option<usize>, String> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => return class_of_text(text).map_err(|()| shown(value)),
        _ => None,
    };
    number.and_then(whole).ok_or_else(|| shown(value))
}

/// A class number in digits.
pub(super) fn class_of_text(text: &str) -> Result<Option<usize>, ()> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().ok().and_then(whole).ok_or(()),
    }
}

/// Classes have numbers far below 2³².
fn whole(number: f64) -> Option<Option<usize>> {
    (number.fract() == 0.0 && number.abs() <= f64::from(u32::MAX)).then(|| (number >= 0.0).then_some(number as usize))
}

/// A value in a message, not longer than a line.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Reads JSON as Python writes it, too: `NaN` and the infinities, which JSON has not, are read as null.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    parse_text(&text::decode(bytes)?)
}

/// As [`parse`], of what is text already.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn parse_text(text: &str) -> Result<Value, String> {
    let read = |text: &str| serde_json::from_str(text);
    let found = read(text).or_else(|error| without_constants(text).map_or(Err(error), |patched| read(&patched)));
    found.map_err(|error| format!("is no JSON: {error}"))
}

/// `text` with null for each of Python's constants outside of its strings; none where it has none.
fn without_constants(text: &str) -> Option<String> {
    let mut output = String::with_capacity(text.len());
    let (mut in_string, mut changed, mut at) = (false, false, 0);
    while let Some(c) = text[at..].chars().next() {
        let constant = ["NaN", "-Infinity", "Infinity"].into_iter().find(|constant| !in_string && text[at..].starts_with(constant));
        if let Some(constant) = constant {
            output.push_str("null");
            changed = true;
            at += constant.len();
            continue;
        }
        output.push(c);
        at += c.len_utf8();
        match c {
            '"' => in_string = !in_string,
            // What is escaped ends no string.
            '\\' if in_string => {
                let escaped = text[at..].chars().next()?;
                output.push(escaped);
                at += escaped.len_utf8();
            }
            _ => {}
        }
    }
    changed.then_some(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Description, String> {
        Description::of(&parse(json.as_bytes())?)
    }

    #[test]
    fn captions_are_one_or_several_or_none() {
        let captions = |json: &str| read(json).unwrap().captions;
        assert_eq!(captions(r#"{"captions": ["a", null, "b"], "caption": "c"}"#), ["a", "b", "c"]);
        assert_eq!(captions(r#"{"captions": "a red bird"}"#), ["a red bird"]);
        assert_eq!(captions(r#"{"captions": null, "caption": "c"}"#), ["c"]);
        assert_eq!(captions(r#"{"caption": ["c", "d"]}"#), ["c", "d"]);
        assert!(captions("{}").is_empty());
        for wrong in [r#"{"captions": [3]}"#, r#"{"caption": {"raw": "c"}}"#, "[]", "\"c\""] {
            assert!(read(wrong).unwrap_err().contains("expected"), "{wrong}");
        }
    }

    #[test]
    fn classes_are_numbers_however_they_are_written() {
        let class = |json: &str| read(&format!("{{\"class_id\": {json}}}")).map(|found| found.class_id);
        for three in ["3", "3.0", "\"3\"", "\" 3.0 \"", "3e0"] {
            assert_eq!(class(three), Ok(Some(3)), "{three}");
        }
        for none in ["-1", "\"-1\"", "-1.0", "null", "NaN", "\"\""] {
            assert_eq!(class(none), Ok(None), "{none}");
        }
        for wrong in ["3.5", "\"rose\"", "true", "[3]", "1e300", "Infinit", "\"nan\"", "\"inf\""] {
            assert!(class(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pythons_constants_are_null_but_not_in_texts() {
        let value = parse("\u{feff}{\"a\": NaN, \"b\": [-Infinity, Infinity], \"c\": \"NaN \\\" NaN\", \"NaN\": 1}".as_bytes()).unwrap();
        assert_eq!(value, serde_json::json!({"a": null, "b": [null, null], "c": "NaN \" NaN", "NaN": 1}));
        for wrong in ["{", "", "{\"a\": NaNs}", "NaN \"\\"] {
            assert!(parse(wrong.as_bytes()).unwrap_err().contains("no JSON"), "{wrong}");
        }
        assert!(parse(b"{\"a\": \"\xe9\"}").unwrap_err().contains("UTF-8"));
    }
}
