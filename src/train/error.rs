//! What keeps a training from beginning, from going on or from being used, as data: whoever calls knows by them what would help, the command
//! line by a flag.

use std::path::PathBuf;

use crate::Error;
use crate::encoder::EncoderKind;

/// What the functions of trainings return that need other trainings, encoders or devices.
pub type Result<T, E = TrainError> = std::result::Result<T, E>;

/// What keeps a training from beginning, from going on or from being used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// What is not peculiar to trainings.
    #[error(transparent)]
    Library(#[from] Error),
    /// A part that others stand on has not been trained yet.
    #[error("{} holds no training of {part}", .run.display())]
    NotTrained {
        /// `stem`, `stream` or `gan`.
        part: &'static str,
        /// The folder of the whole training.
        run: PathBuf,
    },
    /// There are checkpoints, and nobody asked to go on from them: nothing is overwritten by chance.
    #[error("{} holds a training already", .folder.display())]
    AlreadyThere {
        /// RUN/stem, RUN/stream or RUN/gan.
        folder: PathBuf,
    },
    /// Another process trains in the folder.
    #[error("{} is in use by {holder}: two trainings in one folder would destroy one another's", .run.display())]
    InUse {
        /// The folder of the whole training.
        run: PathBuf,
        /// Process and computer, as far as they are known.
        holder: String,
    },
    /// None of the files that were given holds the weights of an encoder.
    #[error("none of the given files holds the weights of {kind}")]
    EncoderMissing {
        /// The encoder that the recipe names.
        kind: EncoderKind,
    },
    /// There are fewer devices than the recipe wants.
    #[error("{asked} devices are asked for; there are {found} of this kind")]
    TooFewDevices {
        /// Devices that the recipe wants (gan.devices).
        asked: usize,
        /// Devices of the kind of the first one.
        found: usize,
    },
    /// STEM was trained anew after STREAM, which knows other words.
    #[error("STREAM was trained with {stream} words, STEM with {stem}: STEM was trained anew since")]
    OtherWords {
        /// Words that STREAM knows.
        stream: usize,
        /// Words that STEM knows.
        stem: usize,
    },
    /// The best generator drew with fewer stages than were asked for.
    #[error("{} drew with {stages} stages only", .folder.display())]
    FewerStages {
        /// RUN/gan/best.
        folder: PathBuf,
        /// Stages that it drew with.
        stages: usize,
    },
}
