//! Where recipes come from: those that are built in, files, and changes of single keys.

use std::path::Path;

use crate::{Error, Result};

/// The recipes that are built in, by name.
const BUILT_IN: [(&str, &str); 5] = [
    ("paper", include_str!("../../../recipes/paper.toml")),
    ("published", include_str!("../../../recipes/published.toml")),
    ("fast", include_str!("../../../recipes/fast.toml")),
    ("full", include_str!("../../../recipes/full.toml")),
    ("tiny", include_str!("../../../recipes/tiny.toml")),
];

/// The text of a built-in recipe or of a file, comments and all.
///
/// # Errors
/// [`Error::BadRecipe`] when `name` is neither; [`Error::Io`] when the file cannot be read.
pub fn text(name: &str) -> Result<String> {
    if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        return Ok((*text).to_string());
    }
    let path = Path::new(name);
    if !path.is_file() {
        let message = format!("is neither a file nor one of the recipes {}", names().join(", "));
        return Err(Error::BadRecipe { file: name.to_string(), message });
    }
    crate::files::read_text(path).map_err(|error| match error {
        Error::BadData { file, message } => Error::BadRecipe { file, message },
        other => other,
    })
}

/// The names of the built-in recipes.
pub fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// Applies `KEY.KEY=VALUE`; the value is TOML, or a string where it is none.
pub(super) fn set(table: &mut toml::Table, change: &str) -> Result<(), String> {
    let (path, value) = change.split_once('=').ok_or("expected KEY=VALUE, such as stem.epochs=3")?;
    let value = format!("x = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut parsed| parsed.remove("x"))
        .unwrap_or_else(|| toml::Value::String(value.to_string()));
    let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
    let last = keys.pop().filter(|key| !key.is_empty()).ok_or("expected KEY=VALUE, such as stem.epochs=3")?;
    let mut at = table;
    for key in keys {
        let next = at.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = next.as_table_mut().ok_or_else(|| format!("{key} is a value, not a section"))?;
    }
    at.insert(last.to_string(), value);
    Ok(())
}
