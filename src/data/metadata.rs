//! `metadata.jsonl` and `metadata.csv` of Hugging Face's image folders: a row a picture, which `file_name` names from the metadata's folder.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::description::{captions, class, class_id, parse_text};
use super::layout::{bad, read_text};
use crate::Result;
#[cfg(feature = "fuzzing")]
use crate::text;

/// Where captions may stand; `text` is what text-to-image trainings call them.
const CAPTIONS: [&str; 3] = ["captions", "caption", "text"];

/// The cells of a row by the names of their columns, with the number of its line.
type Numbered = (usize, Map<String, Value>);

/// What is said of a picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub captions: Vec<String>,
    pub class_id: Option<usize>,
    /// The file that says so.
    pub origin: PathBuf,
}

/// The metadata of folders.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// By the picture's path.
    pub rows: BTreeMap<PathBuf, Row>,
    /// Names of files that were read, each once.
    pub used: Vec<String>,
    /// Files that were not, and why.
    pub unread: Vec<String>,
}

impl Metadata {
    /// Reads what `folder` has.
    ///
    /// # Errors
    /// [`Error::BadData`](crate::Error::BadData) naming file and line when it is no text, no such table, or names a picture outside of `folder`; [`Error::Io`](crate::Error::Io).
    pub fn read(&mut self, folder: &Path) -> Result<()> {
        let there: Vec<&str> =
            ["metadata.jsonl", "metadata.csv", "metadata.parquet"].into_iter().filter(|name| folder.join(name).is_file()).collect();
        let mut read = false;
        for name in there {
            let path = folder.join(name);
            if read || name.ends_with("parquet") {
                self.leave(name, "");
                continue;
            }
            let text = read_text(&path)?;
            let rows = if name.ends_with("csv") { csv_rows(&text) } else { json_rows(&text) };
            let rows = rows.map_err(|message| bad(&path, message))?;
            read = self.take(name, &path, folder, rows)?;
        }
        Ok(())
    }

    /// Whether these were rows of pictures.
    fn take(&mut self, name: &str, path: &Path, folder: &Path, rows: Vec<Numbered>) -> Result<bool> {
        if !rows.iter().any(|(_, row)| row.contains_key("file_name")) {
            self.leave(name, " (no file_name)");
            return Ok(false);
        }
        if !rows.iter().any(|(_, row)| CAPTIONS.iter().any(|key| row.contains_key(*key))) {
            self.leave(name, " (no captions, caption or text)");
            return Ok(false);
        }
        for (line, row) in rows {
            let (file, row) = self::row(&row, path).map_err(|message| bad(path, format!("line {line}: {message}")))?;
            let known = self.rows.entry(folder.join(file)).or_insert_with(|| Row { origin: row.origin, ..Row::default() });
            known.captions.extend(row.captions);
            known.class_id = known.class_id.or(row.class_id);
        }
        if !self.used.iter().any(|used| used == name) {
            self.used.push(name.to_string());
        }
        Ok(true)
    }

    fn leave(&mut self, name: &str, why: &str) {
        let left = format!("{name}{why}");
        if !self.unread.contains(&left) {
            self.unread.push(left);
        }
    }
}

/// A JSON object a line, each with the number of its line.
fn json_rows(text: &str) -> std::result::Result<Vec<Numbered>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| match parse_text(line) {
            Ok(Value::Object(row)) => Ok((index + 1, row)),
            Ok(_) => Err(format!("line {} is no JSON object", index + 1)),
            Err(message) => Err(format!("line {} {message}", index + 1)),
        })
        .collect()
}

/// The rows of a table with commas between its columns and their names in the first line.
fn csv_rows(text: &str) -> std::result::Result<Vec<Numbered>, String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    let rows = reader.records().map(|record| {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, |position| position.line() as usize);
        let cells = names.iter().zip(&record).map(|(name, cell)| (name.trim().to_string(), Value::from(cell)));
        Ok((line, cells.collect()))
    });
    rows.collect()
}

/// The picture that a row names, from the folder of the metadata, and what it says of it; or what is wrong.
fn row(row: &Map<String, Value>, origin: &Path) -> std::result::Result<(PathBuf, Row), String> {
    let file = row.get("file_name").and_then(Value::as_str).filter(|name| !name.is_empty()).ok_or("there is no file_name")?;
    let file: PathBuf = Path::new(file).components().filter(|part| *part != Component::CurDir).collect();
    if !file.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(format!("file_name is {:?}; expected a file in the folder of the table", file.display()));
    }
    let captions = captions(row, &CAPTIONS)?;
    // The name of a class, as labels may be, is no number.
    let label = || row.get("label").and_then(|value| class(value).ok()).flatten();
    let class_id = if row.contains_key("class_id") { class_id(row)? } else { label() };
    Ok((file, Row { captions, class_id, origin: origin.to_path_buf() }))
}

/// Rows of either kind, from any bytes.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz_rows(bytes: &[u8]) {
    let Ok(text) = text::decode(bytes) else { return };
    for rows in [json_rows(&text), csv_rows(&text)] {
        rows.unwrap_or_default().iter().for_each(|(_, cells)| drop(row(cells, Path::new("metadata"))));
    }
}
