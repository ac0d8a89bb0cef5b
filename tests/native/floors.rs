//! The house's order, read from its sources: a room names rooms of its own floor and of those below, never of one above. Unit tests may: those of
//! layers try them in every network that has them.

use std::fs;
use std::path::Path;

const FIRST: [&str; 14] =
    ["damsm", "encoder", "error", "files", "glam", "model", "nn", "picture", "pipeline", "readback", "remote", "stem", "stream", "text"];
const SECOND: [&str; 9] = ["compare", "data", "discriminator", "evaluate", "import", "loss", "report", "train", "watch"];
const DOORS: [&str; 2] = ["cli", "web"];

/// Calls `each` with the rooms' files, `src/train/mod.rs` as ("train", its text, its name).
fn sources(folder: &Path, each: &mut impl FnMut(&str, &str, &str)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let room = name.split(['/', '.']).next().unwrap();
            each(room, &fs::read_to_string(&path).unwrap(), &name);
        }
    }
}

/// The rooms that a source names: `crate::room`, and `use crate::{room, …}`.
fn named(source: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        // A macro's `$crate::` and the end of another name are not this crate.
        if source[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let rest = &source[at + "crate::".len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => rooms.push(word(rest)),
            Some(list) => {
                // The names at the depth of this list.
                let (mut depth, mut start) = (0, true);
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if c.is_whitespace() => {}
                        _ if start => {
                            rooms.push(word(&list[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    rooms
}

#[test]
fn names_are_found_in_every_form() {
    let source = "use crate::nn::{a, data};\nuse crate::{Error, train::run, files::{self, cli}};\nlet x = $crate::web::y; mycrate::cli::z";
    assert_eq!(named(source), ["nn", "Error", "train", "files", "web"]);
}

#[test]
fn no_room_names_a_floor_above() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |room, source, name| {
        let above: Vec<&str> = match room {
            room if FIRST.contains(&room) => SECOND.iter().chain(&DOORS).copied().collect(),
            room if SECOND.contains(&room) => DOORS.to_vec(),
            room if DOORS.contains(&room) || ["lib", "main"].contains(&room) => return,
            other => panic!("src/{name}: say on which floor {other} is"),
        };
        if name.ends_with("tests.rs") {
            return;
        }
        seen += 1;
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        wrong.extend(named(source).into_iter().filter(|found| above.contains(&found.as_str())).map(|found| format!("{name}: {found}")));
    });
    assert!(seen > 100, "{seen} files");
    assert_eq!(wrong, Vec::<String>::new());
}
