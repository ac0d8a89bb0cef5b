//! What the user of the command line can do about an error. The library says what was found, as data; flags and commands are known here.

use crate::Error;
use crate::compare::error::CompareError;
use crate::evaluate::error::{EvaluateError, Obstacle};
use crate::evaluate::figure::LeftOut;
use crate::model::CONFIG_FILE;
#[cfg(feature = "remote")]
use crate::remote::RemoteError;
use crate::train::TrainError;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It trains.
    Training,
    /// It trains the members of a comparison and measures them.
    Comparing,
    /// It uses what is trained.
    Using,
}

/// An error of the library.
enum Known<'a> {
    Library(&'a Error),
    Train(&'a TrainError),
    Compare(&'a CompareError),
    Evaluate(&'a EvaluateError),
    #[cfg(feature = "remote")]
    Remote(&'a RemoteError),
}

impl<'a> Known<'a> {
    fn of(error: &'a anyhow::Error) -> Option<Self> {
        if let Some(error) = error.downcast_ref() {
            return Some(Self::Library(error));
        }
        if let Some(error) = error.downcast_ref() {
            return Some(Self::training(error));
        }
        if let Some(error) = error.downcast_ref() {
            return Some(if let CompareError::Training(error) = error { Self::training(error) } else { Self::Compare(error) });
        }
        #[cfg(feature = "remote")]
        if let Some(error) = error.downcast_ref() {
            return Some(Self::Remote(error));
        }
        let error = error.downcast_ref()?;
        Some(if let EvaluateError::Library(error) = error { Self::Library(error) } else { Self::Evaluate(error) })
    }

    fn training(error: &'a TrainError) -> Self {
        if let TrainError::Library(error) = error { Self::Library(error) } else { Self::Train(error) }
    }
}

/// The exit code of a command that fails with this error.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match Known::of(error) {
        Some(Known::Library(Error::Interrupted)) => 130,
        Some(Known::Library(
            Error::BadInput(_)
            | Error::EmptyPrompt
            | Error::UnknownPrompt { .. }
            | Error::BadRecipe { .. }
            | Error::NoModel { .. }
            | Error::SeveralParts { .. },
        )) => 2,
        Some(Known::Library(_)) | None => 1,
        #[cfg(feature = "remote")]
        Some(Known::Remote(error)) => {
            if matches!(error, RemoteError::OpenToAll { .. }) {
                2
            } else {
                1
            }
        }
        Some(Known::Train(_) | Known::Compare(_) | Known::Evaluate(_)) => 2,
    }
}

/// What can be done about an error, where flags or commands help.
pub fn of(error: &anyhow::Error, doing: Doing) -> Option<String> {
    match Known::of(error)? {
        Known::Library(error) => library(error, doing).map(str::to_string),
        Known::Train(error) => training(error),
        Known::Compare(CompareError::CannotBegin { .. }) => Some("--members leaves it out".into()),
        Known::Compare(CompareError::Training(error)) => training(error),
        Known::Evaluate(error) => on(error.left_out()),
        #[cfg(feature = "remote")]
        Known::Remote(error) => remote(error, doing).map(str::to_string),
    }
}

#[cfg(feature = "remote")]
fn remote(error: &RemoteError, doing: Doing) -> Option<&'static str> {
    match error {
        RemoteError::OpenToAll { .. } => {
            Some("--token-file or the environment variable MIRRORGAN_TOKEN gives one; --listen 127.0.0.1:3000 needs none")
        }
        RemoteError::Refused { .. } => Some("--token-file or the environment variable MIRRORGAN_TOKEN gives the server's"),
        RemoteError::Lost { .. } if doing != Doing::Using => {
            Some("--resume goes on from the last checkpoint, if there is one, there or on other devices")
        }
        _ => None,
    }
}

/// What could be given to measure what was left out, where that helps.
pub fn on(left_out: &[LeftOut]) -> Option<String> {
    let mut all: Vec<&str> = Vec::new();
    for advice in left_out.iter().filter_map(|left_out| obstacle(&left_out.reason)) {
        if !all.contains(&advice) {
            all.push(advice);
        }
    }
    (!all.is_empty()).then(|| all.join("; "))
}

fn library(error: &Error, doing: Doing) -> Option<&'static str> {
    match error {
        Error::NoModel { training: true, .. } => {
            Some("`mirrorgan export --run RUN --out MODEL --trained-on DATA` makes a model of a training")
        }
        Error::SeveralParts { .. } => Some("--key names it, and --text-encoder-key that of a text encoder beside a generator"),
        _ if doing == Doing::Using => None,
        Error::Interrupted if doing == Doing::Comparing => Some("what is trained is kept: --resume goes on, --table measures it"),
        Error::Interrupted => Some("everything is saved, continue with --resume"),
        Error::Io { source, .. } if is_full(source) => {
            Some("the disk is full: make room and continue with --resume, from the last checkpoint if there is one")
        }
        Error::Diverged { .. } => {
            Some("--resume goes on from the last checkpoint, if there is one; --set changes a value of the recipe, such as a learning rate")
        }
        Error::BadCheckpoint { .. } => Some(
            "--resume goes on from the newest checkpoint, with the --data and the --recipe that the training was begun with; another --out \
             begins a new one",
        ),
        _ => None,
    }
}

fn training(error: &TrainError) -> Option<String> {
    Some(match error {
        TrainError::Library(_) => return None,
        TrainError::NotTrained { run, .. } if run.join(CONFIG_FILE).is_file() => {
            "it is a model folder, in which no training is kept: name the folder that the training had as its --out".into()
        }
        TrainError::NotTrained { part, run } => format!("run `mirrorgan train {part} --out {}` first", run.display()),
        TrainError::AlreadyThere { .. } => "add --resume to continue it, or choose another --out".into(),
        TrainError::InUse { .. } => "wait until it ends, or choose another --out".into(),
        TrainError::EncoderMissing { kind } => {
            format!("name it with --encoder FILE; `mirrorgan import {}` makes the file", kind.import_command())
        }
        TrainError::TooFewDevices { .. } => "ask for fewer with --devices, or with gan.devices in the recipe".into(),
        TrainError::OtherWords { .. } => "run `mirrorgan train stream` after it, in an --out without the old one".into(),
        TrainError::FewerStages { stages, .. } => format!("add --stages {stages}"),
    })
}

fn obstacle(reason: &Obstacle) -> Option<&'static str> {
    match reason {
        Obstacle::NoInception => Some("--inception FILE gives the weights of FID's Inception-v3"),
        Obstacle::NoDamsm => Some("--run RUN names the training run with a DAMSM"),
        Obstacle::NoJudge => Some("--judge RUN names a training that the generator never learned from"),
        Obstacle::OwnTeacher => Some(
            "--run RUN measures by it; a judge is trained by `mirrorgan train stem` in a folder of its own, with another seed and stem.encoder \
             (--set seed=7 --set stem.encoder=efficientnet-lite2)",
        ),
        Obstacle::NoProbe => Some("--probe names a colour probe"),
        _ => None,
    }
}

/// Whether nothing more can be written: no space, quota used up, or a file larger than may be.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures_and_promises_no_checkpoint() {
        let advice = |kind: std::io::ErrorKind| of(&TrainError::from(Error::io("run/gan/log.jsonl", kind.into())).into(), Doing::Training);
        let full = advice(std::io::ErrorKind::StorageFull).unwrap();
        assert!(full.contains("the disk is full") && full.contains("if there is one"), "{full}");
        assert_eq!(advice(std::io::ErrorKind::PermissionDenied), None);
    }

    #[test]
    fn errors_are_known_however_deep_they_are_and_only_trainings_are_resumed() {
        let deep = || anyhow::Error::from(CompareError::from(Error::Interrupted)).context("measuring");
        assert_eq!(exit_code(&deep()), 130);
        let advice = |doing| of(&deep(), doing).unwrap_or_default();
        assert!(advice(Doing::Training).contains("--resume") && advice(Doing::Comparing).contains("--table"));
        assert_eq!(advice(Doing::Using), "");
        let there = anyhow::Error::from(CompareError::from(TrainError::AlreadyThere { folder: "run/stem".into() }));
        assert_eq!(exit_code(&there), 2);
        assert!(of(&there, Doing::Comparing).unwrap().contains("--resume"));
        assert_eq!((exit_code(&anyhow::anyhow!("no")), of(&anyhow::anyhow!("no"), Doing::Training)), (1, None));
    }

    #[test]
    fn a_training_and_a_model_are_told_from_one_another() {
        let no_model = |training| anyhow::Error::from(Error::NoModel { folder: "run".into(), training });
        assert!(of(&no_model(true), Doing::Using).unwrap().contains("mirrorgan export"));
        assert_eq!((of(&no_model(false), Doing::Using), exit_code(&no_model(true))), (None, 2));
        let place = tempfile::tempdir().unwrap();
        let advice = || of(&TrainError::NotTrained { part: "gan", run: place.path().into() }.into(), Doing::Using).unwrap();
        assert!(advice().contains("mirrorgan train gan"));
        std::fs::write(place.path().join(CONFIG_FILE), "{}").unwrap();
        assert!(advice().contains("model folder"), "{}", advice());
    }

    #[test]
    fn what_helps_several_metrics_is_said_once() {
        let left_out = |reason| LeftOut { metric: "m".into(), reason };
        let all = [Obstacle::NoInception, Obstacle::OneClass, Obstacle::NoInception, Obstacle::NoProbe].map(left_out);
        let said = on(&all).unwrap();
        assert_eq!((said.matches("--inception").count(), said.matches("--probe").count()), (1, 1), "{said}");
        assert_eq!(on(&all[1..2]), None);
    }
}
