//! Many shards or folders by one name: `flowers-train-{000..007}.tar`, `{train,test}/*.tar`.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Most names that braces may stand for.
const MAX_NAMES: usize = 100_000;

/// What `path` names: itself, where there is such a file or folder or it is no pattern. Else braces stand for each of their parts
/// (`{a,b}`, `{08..12}`), as shells and WebDataset have it, and `*`, `?` and `[…]` for what is there.
///
/// # Errors
/// [`Error::BadData`] naming the pattern when it matches nothing or is none; [`Error::Io`] for a folder that cannot be read.
pub(super) fn expand(path: &Path) -> Result<Vec<PathBuf>> {
    let Some(text) = path.to_str().filter(|text| !path.exists() && text.contains(['{', '*', '?', '['])) else {
        return Ok(vec![path.to_path_buf()]);
    };
    let bad = |message: String| Error::BadData { file: text.to_string(), message };
    let mut found = Vec::new();
    for name in braces(text).map_err(bad)? {
        if !name.contains(['*', '?', '[']) || Path::new(&name).exists() {
            found.push(PathBuf::from(name));
            continue;
        }
        let before = found.len();
        let options = glob::MatchOptions { require_literal_leading_dot: true, require_literal_separator: true, ..Default::default() };
        for path in glob::glob_with(&name, options).map_err(|error| bad(format!("is no pattern of file names: {error}")))? {
            found.push(path.map_err(|error| Error::io(error.path().to_path_buf(), error.into()))?);
        }
        if found.len() == before {
            return Err(bad(if name == text { "matches no file".into() } else { format!("{name} matches no file") }));
        }
    }
    Ok(found)
}

/// The texts that braces stand for, in their order.
fn braces(text: &str) -> Result<Vec<String>, String> {
    let mut done = Vec::new();
    let mut open = vec![text.to_string()];
    while let Some(text) = open.pop() {
        let Some((start, end, parts)) = first_group(&text) else {
            done.push(text);
            continue;
        };
        if done.len() + open.len() + parts.len() > MAX_NAMES {
            return Err(format!("stands for more than {MAX_NAMES} names"));
        }
        // The last one is taken next.
        open.extend(parts.iter().rev().map(|part| format!("{}{part}{}", &text[..start], &text[end..])));
    }
    Ok(done)
}

/// The first braces that stand for something: where they begin and end, and their parts.
fn first_group(text: &str) -> Option<(usize, usize, Vec<String>)> {
    text.match_indices('{').find_map(|(start, _)| {
        let (mut depth, mut commas) = (0usize, vec![start]);
        let end = text[start..].char_indices().find_map(|(at, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => commas.push(start + at),
                _ => {}
            }
            (depth == 0).then_some(start + at)
        })?;
        let parts = if commas.len() > 1 {
            commas.push(end);
            commas.windows(2).map(|pair| text[pair[0] + 1..pair[1]].to_string()).collect()
        } else {
            range(&text[start + 1..end])?
        };
        Some((start, end + 1, parts))
    })
}

/// `000..007`, or `0..8..2`; numbers are as long as the longer end where one begins with 0.
fn range(text: &str) -> Option<Vec<String>> {
    let mut ends = text.split("..");
    let (first, last) = (ends.next()?, ends.next()?);
    let step = ends.next().map_or(Some(1), |step| step.parse::<usize>().ok().filter(|step| *step > 0))?;
    if ends.next().is_some() {
        return None;
    }
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<usize>().ok()).flatten();
    let (from, to) = (number(first)?, number(last)?);
    let padded = [first, last].iter().any(|end| end.len() > 1 && end.starts_with('0'));
    let width = if padded { first.len().max(last.len()) } else { 0 };
    let (low, high) = (from.min(to), from.max(to));
    // One more than are allowed is refused by who asked.
    let mut numbers: Vec<usize> = (0..=(high - low) / step).take(MAX_NAMES + 1).map(|i| low + i * step).collect();
    if from > to {
        numbers = (0..=(high - low) / step).take(MAX_NAMES + 1).map(|i| high - i * step).collect();
    }
    Some(numbers.into_iter().map(|number| format!("{number:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn expanded(text: &str) -> Vec<String> {
        braces(text).unwrap()
    }

    #[test]
    fn braces_stand_for_their_parts() {
        assert_eq!(expanded("a-{000..002}.tar"), ["a-000.tar", "a-001.tar", "a-002.tar"]);
        assert_eq!(expanded("{9..11}"), ["9", "10", "11"]);
        assert_eq!(expanded("{08..10}{a,b}"), ["08a", "08b", "09a", "09b", "10a", "10b"]);
        assert_eq!(expanded("{2..0}x{0..4..2}").len(), 9);
        assert_eq!(expanded("{2..0}"), ["2", "1", "0"]);
        assert_eq!(expanded("{a{1,2},b}"), ["a1", "a2", "b"]);
        assert_eq!(expanded("{,s}"), ["", "s"]);
        // What shells leave as it is.
        for plain in ["{a}", "{1..x}", "{..}", "a{b", "{}", "{1..2..0}", "{1..2..3..4}"] {
            assert_eq!(expanded(plain), [plain]);
        }
        assert_eq!(expanded("{a}{b,c}"), ["{a}b", "{a}c"]);
        assert!(braces("{0..99999999999}").unwrap_err().contains("more than"));
        assert!(braces(&"{0..9}".repeat(9)).unwrap_err().contains("more than"));
    }

    #[test]
    fn what_is_there_is_no_pattern_and_what_is_not_is_said() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x-000.tar", "x-001.tar", "y-000.tar", "{odd,name}[1].tar", ".hidden.tar"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| {
            let found = expand(&folder.path().join(pattern))?;
            Ok::<_, Error>(found.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names("x-*.tar").unwrap(), ["x-000.tar", "x-001.tar"]);
        assert_eq!(names("{y,x}-00[0-9].tar").unwrap(), ["y-000.tar", "x-000.tar", "x-001.tar"]);
        assert_eq!(names("{odd,name}[1].tar").unwrap(), ["{odd,name}[1].tar"]);
        // A shard that is missing is named by who opens it.
        assert_eq!(names("x-{000..002}.tar").unwrap().len(), 3);
        assert_eq!(names("plain").unwrap(), ["plain"]);
        let error = names("{x,z}-*.tar").unwrap_err().to_string();
        assert!(error.contains("{x,z}-*.tar") && error.contains("z-*.tar matches no file"), "{error}");
        assert!(names("x-[.tar").unwrap_err().to_string().contains("no pattern"));
    }
}
