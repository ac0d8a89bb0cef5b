//! The folder of a training and everything that goes into it while it runs.

pub mod checkpoint;
pub mod examples;
pub mod lock;
pub mod parts;
pub mod sessions;
pub mod tensorboard;

use std::cell::{Cell, RefCell};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use image::RgbaImage;
use serde::Serialize;

use self::checkpoint::{Checkpoints, Loaded};
use self::examples::Example;
use self::sessions::Sessions;
use self::tensorboard::EventFile;
use super::error::{self, TrainError};
use super::recipe::Recipe;
use crate::files;
use crate::report;
use crate::text::Vocabulary;
use crate::watch::{Event, SharedWatcher, Unwatched};
use crate::{Error, Result};

/// What a training is called with.
#[derive(Debug, Clone)]
pub struct TrainContext {
    /// All settings.
    pub recipe: Recipe,
    /// What the recipe was read from, with its comments; nothing where it was made otherwise.
    pub recipe_source: Option<String>,
    /// Shards, prefixes of shards or folders.
    pub data: Vec<PathBuf>,
    /// RUN, the folder of the whole training; each part has a folder in it.
    pub out: PathBuf,
    /// Whether to go on from the newest checkpoint.
    pub resume: bool,
    /// What computes; without autodiff.
    pub device: Device,
    /// Devices that share each batch of the generator's training, beginning with `device`; where none is named, as many of its kind as the
    /// recipe wants (gan.devices).
    pub devices: Vec<Device>,
    /// Weights of the frozen image encoders; which network a file holds is read from it.
    pub encoders: Vec<PathBuf>,
    /// Is told how it goes, and says when to stop.
    pub watcher: SharedWatcher,
    /// When to stop at the latest, if at a certain time.
    pub deadline: Option<Instant>,
}

impl TrainContext {
    /// What reads the training in `out` that is done: nothing is trained with it, and nobody watches.
    pub fn of_trained(recipe: Recipe, out: &Path, encoders: &[PathBuf], device: &Device) -> Self {
        Self {
            recipe,
            recipe_source: None,
            data: Vec::new(),
            out: out.to_path_buf(),
            resume: false,
            device: device.clone(),
            devices: Vec::new(),
            encoders: encoders.to_vec(),
            watcher: Arc::new(Unwatched),
            deadline: None,
        }
    }

    /// The vocabulary that `train stem` wrote.
    ///
    /// # Errors
    /// [`TrainError::NotTrained`] when there is none yet.
    pub fn vocabulary(&self) -> error::Result<Vocabulary> {
        let path = self.out.join("vocab.txt");
        if !path.is_file() {
            return Err(TrainError::NotTrained { part: "stem", run: self.out.clone() });
        }
        Ok(Vocabulary::parse(&files::read_text(&path)?)?)
    }

    /// Why to stop now, if there is a reason: [`Error::Interrupted`] or [`Error::Deadline`].
    pub fn reason_to_stop(&self) -> Option<Error> {
        if self.watcher.stop() {
            return Some(Error::Interrupted);
        }
        self.deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Error::Deadline)
    }

    /// The data, for messages.
    pub fn data_names(&self) -> String {
        self.data.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    /// A line for those who watch that stays.
    pub fn say(&self, text: &str) {
        self.watcher.tell(&Event::Result(text));
    }

    /// The training goes on, but not as it was asked for, or not whole.
    pub fn warn(&self, text: &str) {
        self.watcher.tell(&Event::Warning(text));
    }
}

/// RUN/stem, RUN/stream or RUN/gan.
///
/// `log.jsonl` and the checkpoints are the training; what cannot be written of them ends it. Event files, sample grids and reports
/// are for those who watch: when one of them fails, a warning says so once and the training goes on.
#[derive(Debug)]
pub struct RunFolder {
    /// The folder.
    pub folder: PathBuf,
    /// Its checkpoints.
    pub checkpoints: Checkpoints,
    log: File,
    log_bytes: u64,
    /// Nothing once writing to it has failed.
    events: Option<EventFile>,
    sessions: RefCell<Sessions>,
    /// Optimizer steps logged.
    step: usize,
    watcher: SharedWatcher,
    warned: Cell<bool>,
}

impl RunFolder {
    /// Opens the folder of `kind` in `context.out` for a training that begins at `start`, which [`starting_point`] gave: writes the recipe
    /// with every value (`recipe.toml`) and as it was given, with its comments (`recipe-source.toml`), and cuts off what was logged after
    /// the checkpoint. So the checkpoint has to fit the recipe before.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(context: &TrainContext, kind: &str, start: Option<&Loaded>) -> Result<Self> {
        let folder = context.out.join(kind);
        fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        for place in ["", "checkpoints", "examples", "samples", "samples/thumbnails"].map(|name| folder.join(name)) {
            files::clear_unfinished(&place)?;
        }
        files::clear_unfinished(&context.out)?;
        let checkpoints = Checkpoints::new(folder.join("checkpoints"));
        let recipe = context.recipe.to_toml()?;
        if let Err(error) = files::write(&folder.join("recipe.toml"), recipe.as_bytes()) {
            // A training that goes on has one already.
            if start.is_none() {
                return Err(error);
            }
            context.warn(&format!("{error}; the training goes on, but the recipe in its folder is that of an earlier call"));
        }
        if let Some(source) = &context.recipe_source
            && let Err(error) = files::write(&folder.join("recipe-source.toml"), source.as_bytes())
        {
            context.warn(&format!("{error}; the folder has no copy of the recipe with its comments"));
        }
        let log_path = folder.join("log.jsonl");
        let (log_bytes, step) = start.map_or((0, 0), |loaded| (loaded.state.log_bytes, loaded.state.step));
        let open = || -> std::io::Result<(File, u64)> {
            let log = OpenOptions::new().create(true).append(true).open(&log_path)?;
            // Lines of steps that were lost with the process will be written again. A power cut may have taken some that belong to the
            // checkpoint.
            let kept = log_bytes.min(log.metadata()?.len());
            log.set_len(kept)?;
            Ok((log, kept))
        };
        let (log, log_bytes) = open().map_err(|error| Error::io(&log_path, error))?;
        let sessions = RefCell::new(Sessions::begin(&folder, step, &context.device));
        let (watcher, warned) = (context.watcher.clone(), Cell::new(false));
        let mut run = Self { folder, checkpoints, log, log_bytes, events: None, sessions, step, watcher, warned };
        run.events = run.watched(EventFile::open(&run.folder.join("tensorboard"), step));
        // Four spaces make it code in Markdown.
        let code: String = recipe.lines().map(|line| format!("    {line}\n")).collect();
        run.event(|events| events.text(step, "recipe", &code));
        run.watched(examples::cut(&run.folder, step));
        Ok(run)
    }

    /// Appends a line to `log.jsonl` and its numbers to the event file.
    ///
    /// # Errors
    /// [`Error::Io`] naming the log.
    pub fn log(&mut self, line: &impl Serialize) -> Result<()> {
        let value = serde_json::to_value(line).map_err(|error| Error::internal("JSON cannot be written", error))?;
        // Not from `value`, which would sort the keys.
        let mut text = serde_json::to_string(line).map_err(|error| Error::internal("JSON cannot be written", error))?;
        text.push('\n');
        self.log.write_all(text.as_bytes()).map_err(|error| Error::io(self.folder.join("log.jsonl"), error))?;
        self.log_bytes += text.len() as u64;
        let Some(values) = value.as_object() else { return Ok(()) };
        self.step = values.get("step").and_then(serde_json::Value::as_u64).map_or(self.step, |step| step as usize);
        let number = |(name, value): (&String, &serde_json::Value)| (name != "step").then_some((name.clone(), value.as_f64()?));
        let numbers: Vec<(String, f64)> = values.iter().filter_map(number).collect();
        let step = self.step;
        self.event(|events| events.scalars(step, &numbers));
        Ok(())
    }

    /// Bytes of the log so far.
    pub fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Writes `samples/PICTURES.png` and puts the grid into the event file.
    pub fn samples(&mut self, pictures: usize, grid: &RgbaImage) {
        let path = self.folder.join("samples").join(format!("{pictures:08}.png"));
        if self.watched(crate::picture::file::write(grid, &path)).is_some() {
            let step = self.step;
            // The thumbnail, which the report needs anyway: event files stay small.
            if let Some((size, bytes)) = self.watched(report::thumbnail(&path)) {
                self.event(|events| events.picture(step, "samples", size, &bytes));
            }
        }
    }

    /// Keeps what the model makes of fixed test pictures.
    pub fn examples(&mut self, epoch: usize, examples: &[Example]) {
        let step = self.step;
        self.watched(examples::append(&self.folder, step, epoch, examples));
    }

    /// Writes the report of this part, and of the whole run.
    pub fn report(&self) {
        let sessions = self.sessions.borrow_mut().go_on(&self.folder, self.step);
        self.watched(sessions);
        self.watched(report::write_part(&self.folder));
        if let Some(whole) = self.folder.parent() {
            self.watched(report::write_run(whole));
        }
    }

    fn event(&mut self, write: impl FnOnce(&mut EventFile) -> Result<()>) {
        if let Some(mut events) = self.events.take()
            && self.watched(write(&mut events)).is_some()
        {
            self.events = Some(events);
        }
    }

    /// What was made, or a warning, once.
    fn watched<T>(&self, made: Result<T>) -> Option<T> {
        made.inspect_err(|error| {
            if !self.warned.replace(true) {
                let text = format!("{error}; the training goes on, but what shows its progress is not complete");
                self.watcher.tell(&Event::Warning(&text));
            }
        })
        .ok()
    }
}

/// The checkpoint that a training of `kind` goes on from; nothing where it begins.
///
/// # Errors
/// [`TrainError::AlreadyThere`] when there are checkpoints and `resume` was not asked for; as [`Checkpoints::latest`].
pub fn starting_point(context: &TrainContext, kind: &str) -> error::Result<Option<Loaded>> {
    let folder = context.out.join(kind);
    let latest = Checkpoints::new(folder.join("checkpoints")).latest(kind)?;
    if latest.is_some() && !context.resume {
        return Err(TrainError::AlreadyThere { folder });
    }
    Ok(latest)
}
