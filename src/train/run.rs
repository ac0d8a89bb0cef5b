//! The folder of a training and everything that goes into it while it runs.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use burn::tensor::Device;
use serde::Serialize;

use super::checkpoint::Checkpoints;
use super::recipe::Recipe;
use crate::files;
use crate::text::Vocabulary;
use crate::{Error, Result};

/// What a training is called with.
#[derive(Debug, Clone)]
pub struct TrainContext {
    /// All settings.
    pub recipe: Recipe,
    /// Shards, prefixes of shards or folders.
    pub data: Vec<PathBuf>,
    /// RUN, the folder of the whole training; each part has a folder in it.
    pub out: PathBuf,
    /// Whether to go on from the newest checkpoint.
    pub resume: bool,
    /// What computes; without autodiff.
    pub device: Device,
    /// Weights of the frozen EfficientNet-Lite0.
    pub encoder: Option<PathBuf>,
    /// Says when to stop.
    pub interrupt: Interrupt,
    /// Whether bars are drawn.
    pub progress: bool,
}

impl TrainContext {
    /// The vocabulary that `train stem` wrote.
    ///
    /// # Errors
    /// [`Error::BadInput`] when there is none yet.
    pub fn vocabulary(&self) -> Result<Vocabulary> {
        let path = self.out.join("vocab.txt");
        if !path.is_file() {
            return Err(Error::BadInput(format!(
                "{} is missing: run `mirrorgan train stem --out {}` first",
                path.display(),
                self.out.display()
            )));
        }
        Vocabulary::parse(&fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?)
    }
}

/// A wish to stop, from Ctrl-C or a test; cheap to clone and to ask.
#[derive(Debug, Clone)]
pub struct Interrupt {
    wish: Arc<AtomicBool>,
    /// Questions left until the wish comes by itself.
    countdown: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Never stops by itself.
    pub fn none() -> Self {
        Self::after(usize::MAX)
    }

    /// Stops when asked for the `questions`-th time; a training asks once a step.
    pub fn after(questions: usize) -> Self {
        Self { wish: Arc::default(), countdown: Arc::new(AtomicUsize::new(questions)) }
    }

    /// Stops after Ctrl-C; a second Ctrl-C ends the process at once.
    ///
    /// # Errors
    /// [`Error::BadInput`] when the process already handles Ctrl-C otherwise.
    pub fn on_ctrl_c() -> Result<Self> {
        let interrupt = Self::none();
        let wish = interrupt.wish.clone();
        ctrlc::set_handler(move || {
            if wish.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            eprintln!("\nstopping after this step; Ctrl-C again stops at once");
        })
        .map_err(|error| Error::BadInput(format!("Ctrl-C cannot be handled: {error}")))?;
        Ok(interrupt)
    }

    /// Asks whether to stop.
    pub fn requested(&self) -> bool {
        let before = self.countdown.load(Ordering::Relaxed);
        if before != usize::MAX {
            self.countdown.store(before.saturating_sub(1), Ordering::Relaxed);
            if before <= 1 {
                self.wish.store(true, Ordering::SeqCst);
            }
        }
        self.wish.load(Ordering::SeqCst)
    }
}

/// RUN/stem, RUN/stream or RUN/gan.
#[derive(Debug)]
pub struct RunFolder {
    /// The folder.
    pub folder: PathBuf,
    /// Its checkpoints.
    pub checkpoints: Checkpoints,
    log: File,
    log_bytes: u64,
}

impl RunFolder {
    /// Opens the folder of `kind` in `context.out`: a new one with a copy of the recipe, or the one to go on in.
    ///
    /// `log_bytes` are those that the checkpoint to go on from speaks of, 0 for a new training.
    ///
    /// # Errors
    /// [`Error::BadInput`] when there are checkpoints and `resume` was not asked for: nothing is overwritten by chance.
    pub fn open(context: &TrainContext, kind: &str) -> Result<Self> {
        let folder = context.out.join(kind);
        fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        let checkpoints = Checkpoints::new(folder.join("checkpoints"));
        refuse_to_overwrite(context, kind)?;
        let latest = checkpoints.latest(kind)?;
        let recipe = folder.join("recipe.toml");
        files::write(&recipe, context.recipe.to_toml()?.as_bytes())?;
        let log_path = folder.join("log.jsonl");
        let log_bytes = latest.map_or(0, |loaded| loaded.state.log_bytes);
        let open = || -> std::io::Result<File> {
            let log = OpenOptions::new().create(true).append(true).open(&log_path)?;
            // Lines of steps that were lost with the process will be written again.
            log.set_len(log_bytes.min(log.metadata()?.len()))?;
            Ok(log)
        };
        let log = open().map_err(|error| Error::io(&log_path, error))?;
        Ok(Self { folder, checkpoints, log, log_bytes })
    }

    /// Appends a line to `log.jsonl`.
    pub fn log(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(line).map_err(|error| Error::BadInput(error.to_string()))?;
        text.push('\n');
        self.log.write_all(text.as_bytes()).map_err(|error| Error::io(self.folder.join("log.jsonl"), error))?;
        self.log_bytes += text.len() as u64;
        Ok(())
    }

    /// Bytes of the log so far.
    pub fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Where the log is.
    pub fn log_path(&self) -> PathBuf {
        self.folder.join("log.jsonl")
    }
}

/// A training that was not asked to go on begins only where there is none.
///
/// # Errors
/// [`Error::BadInput`] when there are checkpoints and `resume` was not asked for.
pub fn refuse_to_overwrite(context: &TrainContext, kind: &str) -> Result<()> {
    let folder = context.out.join(kind);
    if !context.resume && Checkpoints::new(folder.join("checkpoints")).latest(kind)?.is_some() {
        return Err(Error::BadInput(format!(
            "{} holds a training; add --resume to continue it, or choose another --out",
            folder.display()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupts_come_at_the_asked_question() {
        let interrupt = Interrupt::after(3);
        assert_eq!([(); 4].map(|()| interrupt.requested()), [false, false, true, true]);
        assert!(!Interrupt::none().requested());
    }
}
