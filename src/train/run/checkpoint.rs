//! Checkpoints: everything that an interrupted training needs to go on as if nothing had happened.
//!
//! A checkpoint is a folder `checkpoints/step-00001234` with `state.json` and one file a part (weights, optimizer states).
//! It appears whole or not at all ([`Parts`]).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::parts::{Parts, load_module};
use crate::data::{Dataset, Position};
use crate::files;
use crate::train::optim::adam::Adam;
use crate::{Error, Result};

/// The format of `state.json`.
const FORMAT_VERSION: u32 = 1;

/// How many checkpoints are kept.
const KEEP: usize = 2;

/// Where a ChaCha8 generator stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RngState {
    seed: [u8; 32],
    stream: u64,
    /// A u128, which JSON has no number for.
    word_pos: String,
}

impl RngState {
    /// The state of `rng`.
    pub fn of(rng: &ChaCha8Rng) -> Self {
        Self { seed: rng.get_seed(), stream: rng.get_stream(), word_pos: rng.get_word_pos().to_string() }
    }

    /// A generator in this state.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn restore(&self) -> Result<ChaCha8Rng, String> {
        let word_pos = self.word_pos.parse().map_err(|_| format!("word_pos is {:?}; expected a number", self.word_pos))?;
        let mut rng = ChaCha8Rng::from_seed(self.seed);
        rng.set_stream(self.stream);
        rng.set_word_pos(word_pos);
        Ok(rng)
    }
}

/// What `state.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// 1.
    pub format_version: u32,
    /// `stem`, `stream` or `gan`.
    pub kind: String,
    /// Optimizer steps taken.
    pub step: usize,
    /// Where in the data the next batch is.
    pub position: Position,
    /// The training's generator.
    pub rng: RngState,
    /// Bytes of `log.jsonl` that belong to the steps taken; what stands after them is cut off when a training goes on.
    pub log_bytes: u64,
    /// What else a kind of training must remember.
    pub extra: serde_json::Value,
    /// [`Dataset::fingerprint`](crate::data::Dataset::fingerprint) of what is learned from; nothing where the checkpoint does not say.
    #[serde(default)]
    pub data: Option<String>,
    /// [`Dataset::annotations`](crate::data::Dataset::annotations) of it; nothing where the checkpoint does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<String>,
    /// SHA-256 of each part.
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
}

impl State {
    /// A state without parts.
    pub fn new(kind: &str, step: usize, position: Position, rng: &ChaCha8Rng, log_bytes: u64, extra: serde_json::Value) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            kind: kind.to_string(),
            step,
            position,
            rng: RngState::of(rng),
            log_bytes,
            extra,
            data: None,
            annotations: None,
            parts: BTreeMap::new(),
        }
    }

    /// The state of a training that learns from pictures with this fingerprint, of which this is said.
    pub fn of_data(self, fingerprint: String, annotations: String) -> Self {
        Self { data: Some(fingerprint), annotations: Some(annotations), ..self }
    }
}

/// The checkpoints of a training.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

/// A checkpoint read back.
#[derive(Debug)]
pub struct Loaded {
    /// What `state.json` says.
    pub state: State,
    /// The checkpoint's folder.
    pub folder: PathBuf,
    /// The checkpoint before it, where one is kept that can be gone on from.
    older: Option<PathBuf>,
}

impl Checkpoints {
    /// Those in `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Writes a checkpoint, with the parts that `write` hands on, and removes all but the newest two.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file, and as `write`; earlier checkpoints stay as they were.
    pub fn write(&self, state: State, write: impl FnOnce(&mut Parts) -> Result<()>) -> Result<PathBuf> {
        let target = self.folder.join(format!("step-{:08}", state.step));
        // Of a process that died while it wrote another step.
        files::clear_unfinished(&self.folder)?;
        write_folder(&target, state, write)?;
        let all = self.list()?;
        for old in &all[..all.len().saturating_sub(KEEP)] {
            fs::remove_dir_all(old).map_err(|error| Error::io(old, error))?;
        }
        Ok(target)
    }

    /// `error` with the newest checkpoint in it, where it says that a training diverged.
    pub fn explain(&self, error: Error) -> Error {
        let Error::Diverged { step, message } = error else { return error };
        let way_out = match self.list().ok().and_then(|mut all| all.pop()) {
            Some(folder) => {
                format!("the last good checkpoint is {}; go on from it with a lower learning rate", folder.display())
            }
            None => "there is no checkpoint yet; try a lower learning rate".to_string(),
        };
        Error::Diverged { step, message: format!("{message}; {way_out}") }
    }

    /// The newest checkpoint, or nothing where there is none.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`] when it is not what [`Checkpoints::write`] wrote or of another kind of training; it names the checkpoint
    /// before, where there is one.
    pub fn latest(&self, kind: &str) -> Result<Option<Loaded>> {
        let mut all = self.list()?;
        let Some(folder) = all.pop() else { return Ok(None) };
        let older = all.pop().filter(|older| read_folder(older, kind).is_ok());
        match read_folder(&folder, kind) {
            Ok(loaded) => Ok(Some(Loaded { older, ..loaded })),
            Err(error) => Err(with_way_out(error, &folder, older.as_deref())),
        }
    }

    /// Removes every checkpoint: a new training begins.
    pub fn clear(&self) -> Result<()> {
        if self.folder.is_dir() {
            fs::remove_dir_all(&self.folder).map_err(|error| Error::io(&self.folder, error))?;
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<PathBuf>> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(|error| Error::io(&self.folder, error))? {
            let path = entry.map_err(|error| Error::io(&self.folder, error))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-")) {
                found.push(path);
            }
        }
        // Not by name: a ninth digit would sort first.
        found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
        Ok(found)
    }
}

/// Writes `state.json` and the parts that `write` hands on as folder `target`, replacing one that is there.
///
/// # Errors
/// [`Error::Io`] naming the file, and as `write`; a folder that was there stays.
pub fn write_folder(target: &Path, state: State, write: impl FnOnce(&mut Parts) -> Result<()>) -> Result<()> {
    let mut parts = Parts::begin(target, state.step)?;
    write(&mut parts)?;
    parts.finish(state)
}

/// Reads what [`write_folder`] wrote.
///
/// # Errors
/// [`Error::BadCheckpoint`] when `state.json` is not one or of another kind.
pub fn read_folder(folder: &Path, kind: &str) -> Result<Loaded> {
    let file = folder.join("state.json");
    let bytes = fs::read(&file).map_err(|error| Error::io(&file, error))?;
    let bad = |message: String| Error::BadCheckpoint { file: file.display().to_string(), message };
    let state: State = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    if state.format_version != FORMAT_VERSION {
        return Err(bad(format!("format_version is {}; expected {FORMAT_VERSION}", state.format_version)));
    }
    if state.kind != kind {
        return Err(bad(format!("is a checkpoint of {}; expected one of {kind}", state.kind)));
    }
    Ok(Loaded { state, folder: folder.to_path_buf(), older: None })
}

/// `error` with the checkpoint `older`, which takes the place of the broken one in `folder` when that is removed.
fn with_way_out(error: Error, folder: &Path, older: Option<&Path>) -> Error {
    let Some(older) = older else { return error };
    let (file, message) = match error {
        Error::BadCheckpoint { file, message } => (file, message),
        Error::Io { path, source } => (path.display().to_string(), source.to_string()),
        other => return other,
    };
    let (folder, older) = (folder.display(), older.display());
    let message = format!("{message}; the checkpoint before it is {older}: to go on from that one, remove {folder}");
    Error::BadCheckpoint { file, message }
}

impl Loaded {
    /// The bytes of a part.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`] when the part is missing or not the one written; it names the checkpoint before, where there is one.
    pub fn part(&self, name: &str) -> Result<Vec<u8>> {
        self.read(name).map_err(|error| with_way_out(error, &self.folder, self.older.as_deref()))
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let file = self.folder.join(name);
        let bad = |message: String| Error::BadCheckpoint { file: file.display().to_string(), message };
        let expected = self.state.parts.get(name).ok_or_else(|| bad("state.json does not name this part".into()))?;
        let bytes = fs::read(&file).map_err(|error| Error::io(&file, error))?;
        let found = files::sha256(&bytes);
        if found != *expected {
            return Err(bad(format!("sha-256 is {found}; expected {expected}")));
        }
        Ok(bytes)
    }

    /// A module whose values are those of a part.
    pub fn module<M: Module>(&self, name: &str, module: M) -> Result<M> {
        load_module(module, self.part(name)?, &self.folder.join(name).display().to_string())
    }

    /// `adam` with the state in a part, on `device`.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`] naming the part.
    pub fn adam(&self, name: &str, adam: Adam, device: &Device) -> Result<Adam> {
        adam.load(&self.part(name)?, device, &self.folder.join(name).display().to_string())
    }

    /// Checks that the training goes on with the data that it was begun with: the place in an epoch means nothing in others, and words that are
    /// new have no number.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`] when pictures, captions or classes are others.
    pub fn same_data(&self, dataset: &Dataset) -> Result<()> {
        let same = |begun: &Option<String>, now: String| begun.as_ref().is_none_or(|begun| *begun == now);
        let message = if !same(&self.state.data, dataset.fingerprint()) {
            "the training was begun on other pictures than the data hold now at this data.size (or gan.crop_from) and data.validation"
        } else if !same(&self.state.annotations, dataset.annotations()) {
            "the training was begun with other captions or classes of the same pictures than the data hold now"
        } else {
            return Ok(());
        };
        let message = format!("{message}; go on with those, or begin in another folder");
        Err(Error::BadCheckpoint { file: self.folder.join("state.json").display().to_string(), message })
    }

    /// The training's generator.
    pub fn rng(&self) -> Result<ChaCha8Rng> {
        let file = self.folder.join("state.json").display().to_string();
        let restored = self.state.rng.restore().map_err(|message| Error::BadCheckpoint { file, message });
        restored.map_err(|error| with_way_out(error, &self.folder, self.older.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngCore;

    fn state(step: usize) -> State {
        State::new("stem", step, Position::default(), &ChaCha8Rng::seed_from_u64(3), 0, serde_json::Value::Null)
    }

    #[test]
    fn the_generator_goes_on_where_it_was() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        rng.next_u32();
        let json = serde_json::to_string(&RngState::of(&rng)).unwrap();
        let mut restored = serde_json::from_str::<RngState>(&json).unwrap().restore().unwrap();
        assert_eq!(restored.next_u64(), rng.next_u64());
    }

    #[test]
    fn the_newest_two_stay() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path().join("checkpoints"));
        assert!(checkpoints.latest("stem").unwrap().is_none());
        for step in [1, 20, 300] {
            checkpoints.write(state(step), |parts| parts.bytes("a", &[step as u8])).unwrap();
        }
        assert_eq!(checkpoints.list().unwrap().len(), 2);
        let latest = checkpoints.latest("stem").unwrap().unwrap();
        assert_eq!(latest.state.step, 300);
        assert_eq!(latest.part("a").unwrap(), [44]);
        assert!(checkpoints.latest("gan").unwrap_err().to_string().contains("is a checkpoint of stem"));
    }

    #[test]
    fn what_a_dead_process_left_half_written_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path());
        let half = folder.path().join(".writing-step-00000007");
        fs::create_dir(&half).unwrap();
        fs::write(half.join("a"), [1]).unwrap();
        checkpoints.write(state(8), |parts| parts.bytes("a", &[8])).unwrap();
        assert!(!half.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_diverged_training_names_its_last_good_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path());
        let diverged = || Error::Diverged { step: 7, message: "the loss is NaN".into() };
        assert!(checkpoints.explain(diverged()).to_string().contains("no checkpoint yet"));
        checkpoints.write(state(5), |_| Ok(())).unwrap();
        let message = checkpoints.explain(diverged()).to_string();
        assert!(message.contains("step 7") && message.contains("step-00000005") && message.contains("lower learning rate"), "{message}");
    }

    #[test]
    fn a_changed_part_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path());
        let written = checkpoints.write(state(1), |parts| parts.bytes("a", &[1, 2, 3])).unwrap();
        fs::write(written.join("a"), [1, 2, 4]).unwrap();
        let error = checkpoints.latest("stem").unwrap().unwrap().part("a").unwrap_err();
        assert!(matches!(error, Error::BadCheckpoint { .. }), "{error}");
    }

    #[test]
    fn a_broken_checkpoint_is_no_dead_end() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path());
        let [first, second] = [1, 2].map(|step| checkpoints.write(state(step), |parts| parts.bytes("a", &[step as u8])).unwrap());
        let latest = || checkpoints.latest("stem").and_then(|loaded| loaded.unwrap().part("a"));
        let way_out = || {
            let message = latest().unwrap_err().to_string();
            message.contains(&format!("before it is {}", first.display())) && message.contains(&format!("remove {}", second.display()))
        };
        fs::write(second.join("a"), [9]).unwrap();
        assert!(way_out());
        fs::remove_file(second.join("a")).unwrap();
        assert!(way_out());
        fs::write(second.join("state.json"), "{").unwrap();
        assert!(way_out());
        fs::remove_file(second.join("state.json")).unwrap();
        assert!(way_out());
        // What the message says to do.
        fs::remove_dir_all(&second).unwrap();
        assert_eq!(latest().unwrap(), [1]);
        fs::write(first.join("a"), [9]).unwrap();
        assert!(!latest().unwrap_err().to_string().contains("before it"));
    }
}
