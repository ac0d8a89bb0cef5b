//! The one error type of the library.
//!
//! Every variant names what was found, what was expected and, where there is one, the way out, in words that are true whoever calls: neither of
//! the command line nor of JavaScript, whose codes are in `web`.

use std::path::PathBuf;

/// What the library's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong with what a user hands in or with the device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A prompt without a single word in it.
    #[error("the prompt has no words: write what the picture should show")]
    EmptyPrompt,
    /// A prompt none of whose words the model has learned.
    #[error("the model knows none of these words: {}; try words such as those of its model card", .words.join(", "))]
    UnknownPrompt {
        /// The words, as the tokenizer found them.
        words: Vec<String>,
    },
    /// An argument that cannot be used.
    #[error("{0}")]
    BadInput(String),
    /// What nobody who calls can have caused: a fault of this program.
    #[error("{0}; this is a fault of the program")]
    Internal(String),
    /// A file of a model folder that does not hold what it should.
    #[error("{file}: {message}")]
    BadModel {
        /// The file, relative to the model folder or as given.
        file: String,
        /// What was found and what was expected.
        message: String,
    },
    /// A folder that is no model folder.
    #[error("{} is {}: it holds no config.json of a model", .folder.display(), if *.training { "the folder of a training, not a model" } else { "no model folder" })]
    NoModel {
        /// The folder, as given.
        folder: PathBuf,
        /// Whether a training is in it, of which a model can be made.
        training: bool,
    },
    /// A checkpoint that holds several networks that could be meant.
    #[error("{file}: holds several parts that fit: {}; name the one that is meant", .parts.join(", "))]
    SeveralParts {
        /// The file.
        file: String,
        /// Their names.
        parts: Vec<String>,
    },
    /// A file whose checksum or size is not the one in `config.json`.
    #[error("{file} is not the file that the model was published with: expected {expected}, found {found}; download it again")]
    Integrity {
        /// The file, relative to the model folder.
        file: String,
        /// What `config.json` says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A file or folder that could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A data set that cannot be used.
    #[error("{file}: {message}")]
    BadData {
        /// The shard, file or folder.
        file: String,
        /// What was found and what was expected.
        message: String,
    },
    /// A recipe with an unknown key or a value out of range.
    #[error("recipe {file}: {message}")]
    BadRecipe {
        /// The recipe's file or name.
        file: String,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// A checkpoint or run folder that cannot be continued.
    #[error("{file}: {message}")]
    BadCheckpoint {
        /// The checkpoint file or run folder.
        file: String,
        /// What was found and what was expected.
        message: String,
    },
    /// The device failed while computing or reading back.
    #[error("the device failed: {0}")]
    Device(String),
    /// A loss that is not a number: training cannot go on.
    #[error("training diverged at step {step}: {message}")]
    Diverged {
        /// The optimizer step.
        step: usize,
        /// Which loss, and what to change.
        message: String,
    },
    /// Numbers of a network that no layer of [`crate::nn::layer`] has: how they begin, and in how many bits they are kept, is not known.
    #[error("{path}: no layer is known that has these numbers; burn calls their type {layer:?}")]
    UnknownLayer {
        /// The fields that lead to the numbers.
        path: String,
        /// What burn calls the type that has them.
        layer: String,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The time that the work was given is over.
    #[error("the deadline has passed")]
    Deadline,
}

impl Error {
    /// An [`Error::Io`] with the path it happened at.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }

    /// An [`Error::Internal`] of what could not be done.
    pub fn internal(what: &str, cause: impl std::fmt::Display) -> Self {
        Self::Internal(format!("{what}: {cause}"))
    }

    /// An [`Error::BadModel`].
    pub fn bad_model(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self::BadModel { file: file.into(), message: message.into() }
    }
}
