//! Checkpoints as people save them: which of the parts of a file is the network that is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::store::pytorch_reader::Tensor;

use crate::watch::{Event, Unwatched, Watcher};
use crate::{Error, Result};

/// A file of PyTorch's and, for one that holds more than one network, which of them is read.
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint<'a> {
    /// The file.
    pub path: &'a Path,
    /// The part that is read, such as `netG` of `{'netG': …, 'netD': …}`. Without it the one that fits is found.
    pub key: Option<&'a str>,
    /// Is told which part was found.
    pub watcher: &'a dyn Watcher,
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Checkpoint<'a> {
    fn from(path: &'a P) -> Self {
        Self { path: path.as_ref(), key: None, watcher: &Unwatched }
    }
}

/// Wrappers put their names into keys: `torch.compile` the first, `DataParallel` and `AveragedModel` the second.
const WRAPPERS: [&str; 2] = ["_orig_mod", "module"];

/// Words that name a running average of weights.
const AVERAGES: [&str; 5] = ["ema", "avg", "average", "averaged", "swa"];

/// The tensors of a network by its own keys, without the names of wrappers and of what it lies in. `marks` are keys that every such
/// network has. Where nothing fits all tensors are returned, so that who reads them can say what is missing.
///
/// # Errors
/// [`Error::BadModel`] when there is no part of the name that is asked for; [`Error::SeveralParts`] when several fit and none is an average
/// of weights, which is preferred.
pub(super) fn part(from: &Checkpoint<'_>, tensors: BTreeMap<String, Tensor>, marks: &[&str]) -> Result<BTreeMap<String, Tensor>> {
    let tensors = without_wrappers(tensors);
    let fitting = fitting(&tensors, marks);
    let name = |prefix: &str| prefix.trim_end_matches('.').to_string();
    let prefix = match (from.key, fitting.as_slice()) {
        (None, []) => return Ok(tensors),
        (None, [only]) => only.clone(),
        (None, several) => choose(from.path, &tensors, several)?,
        (Some(key), _) => {
            let named: Vec<String> = fitting.iter().filter(|prefix| is_named(&name(prefix), key)).cloned().collect();
            match named.as_slice() {
                [] => {
                    let found = if fitting.is_empty() { first_names(&tensors) } else { shown(&fitting) };
                    return Err(Error::bad_model(from.path.display().to_string(), format!("has no part {key:?} that fits; found {found}")));
                }
                [only] => only.clone(),
                several => choose(from.path, &tensors, several)?,
            }
        }
    };
    if !prefix.is_empty() && from.key.is_none() {
        let others: Vec<String> = fitting.iter().filter(|other| **other != prefix).cloned().collect();
        let others = if others.is_empty() { String::new() } else { format!("; {} would fit, too", shown(&others)) };
        from.watcher.tell(&Event::Result(&format!("{}: the part {} is read{others}", from.path.display(), name(&prefix))));
    }
    let inner: Vec<&String> = fitting.iter().filter(|other| other.len() > prefix.len() && other.starts_with(&prefix)).collect();
    let is_own = |key: &str| !inner.iter().any(|inner| key.starts_with(inner.as_str()));
    Ok(tensors.into_iter().filter(|(key, _)| is_own(key)).filter_map(|(key, tensor)| Some((key.strip_prefix(&prefix)?.to_string(), tensor))).collect())
}

/// The tensors without wrappers' names in their keys; with those that tell two tensors apart.
fn without_wrappers(mut tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    for wrapper in WRAPPERS {
        let plain = |key: &str| key.split('.').filter(|part| *part != wrapper).collect::<Vec<_>>().join(".");
        let names: BTreeSet<String> = tensors.keys().map(|key| plain(key)).collect();
        if names.len() == tensors.len() {
            tensors = tensors.into_iter().map(|(key, tensor)| (plain(&key), tensor)).collect();
        }
    }
    tensors
}

/// What stands before the keys of each network that has all of `marks`, with its last dot; nothing for one that is the whole file.
fn fitting(tensors: &BTreeMap<String, Tensor>, marks: &[&str]) -> Vec<String> {
    let Some((first, others)) = marks.split_first() else { return Vec::new() };
    let before = tensors.keys().filter_map(|key| key.strip_suffix(first)).filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    before.filter(|prefix| others.iter().all(|mark| tensors.contains_key(&format!("{prefix}{mark}")))).map(str::to_string).collect()
}

/// The average among several parts or, where all are the same, any.
fn choose(path: &Path, tensors: &BTreeMap<String, Tensor>, parts: &[String]) -> Result<String> {
    let averages: Vec<&String> = parts.iter().filter(|prefix| is_average(prefix)).collect();
    match averages.as_slice() {
        [only] => return Ok((*only).clone()),
        [] if same(tensors, parts) => return Ok(parts[0].clone()),
        _ => {}
    }
    let parts = parts.iter().map(|prefix| prefix.trim_end_matches('.').to_string()).collect();
    Err(Error::SeveralParts { file: path.display().to_string(), parts })
}

fn is_average(prefix: &str) -> bool {
    let lower = prefix.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    words.any(|word| AVERAGES.contains(&word) || word.ends_with("ema") || word.starts_with("ema"))
}

/// Whether all parts hold the same numbers: one network under several names.
fn same(tensors: &BTreeMap<String, Tensor>, parts: &[String]) -> bool {
    let of = |prefix: &str| tensors.range(prefix.to_string()..).take_while(|(key, _)| key.starts_with(prefix)).collect::<Vec<_>>();
    let Some((first, others)) = parts.split_first().filter(|(first, _)| !first.is_empty()) else { return false };
    let expected = of(first);
    others.iter().all(|other| {
        let found = of(other);
        found.len() == expected.len()
            && found.iter().zip(&expected).all(|((a, x), (b, y))| {
                a[other.len()..] == b[first.len()..] && x.shape() == y.shape() && x.dtype() == y.dtype() && x.read().ok() == y.read().ok()
            })
    })
}

/// Whether a part is called so: by its whole name, or by where it begins or ends.
fn is_named(part: &str, key: &str) -> bool {
    let rest = |rest: Option<&str>, is_edge: fn(&str) -> bool| rest.is_some_and(|rest| rest.is_empty() || is_edge(rest));
    rest(part.strip_prefix(key), |rest| rest.starts_with('.')) || rest(part.strip_suffix(key), |rest| rest.ends_with('.'))
}

fn shown(prefixes: &[String]) -> String {
    let names = prefixes.iter().map(|prefix| if prefix.is_empty() { "the whole file" } else { prefix.trim_end_matches('.') });
    names.collect::<Vec<_>>().join(", ")
}

/// The first parts of the keys.
fn first_names(tensors: &BTreeMap<String, Tensor>) -> String {
    let names: BTreeSet<&str> = tensors.keys().filter_map(|key| key.split('.').next()).collect();
    let more = if names.len() > 8 { " …" } else { "" };
    names.into_iter().take(8).collect::<Vec<_>>().join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_told_by_their_names() {
        for average in ["netG_ema.", "ema.", "state.g-ema.", "EMA.", "netGema.", "avg_netG.", "ema_0.999.", "swa.model."] {
            assert!(is_average(average), "{average}");
        }
        for other in ["netG.", "model.", "state_dict.", "remade.", ""] {
            assert!(!is_average(other), "{other}");
        }
    }

    #[test]
    fn parts_are_named_by_where_they_begin_or_end() {
        for key in ["model", "model.netG", "netG"] {
            assert!(is_named("model.netG", key), "{key}");
        }
        for key in ["net", "G", "mod", "model.net", "el.netG"] {
            assert!(!is_named("model.netG", key), "{key}");
        }
    }
}
