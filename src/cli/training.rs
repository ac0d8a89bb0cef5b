//! What every command that trains is given, and how it says why it stopped.

use std::path::{Path, PathBuf};

use clap::Args;

use super::bars::Bars;
use super::device::DeviceChoice;
use crate::Error;
use crate::train::{Recipe, TrainContext, recipe};

/// Arguments of every command that trains.
#[derive(Debug, Args)]
pub struct TrainingArgs {
    /// A folder of CUB-200-2011, Oxford-102 or COCO 2014 as published; shards, folders or prefixes of shards; or a folder of pictures with
    /// .txt beside.
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// A recipe file, or the name of a built-in recipe.
    #[arg(long, default_value = "fast")]
    recipe: String,
    /// Changes a value of the recipe, such as stem.epochs=3; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Continue from the newest checkpoint.
    #[arg(long)]
    resume: bool,
    /// What computes.
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Weights of an image encoder, as `mirrorgan import efficientnet-lite|inception-v3|resnet` writes them; give it once for each
    /// encoder that the recipe names.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
}

impl TrainingArgs {
    /// A training in `out`; `overrides` come after those of the command line.
    pub fn context(self, out: PathBuf, overrides: Vec<String>) -> anyhow::Result<TrainContext> {
        let overrides = [self.overrides, overrides].concat();
        Ok(TrainContext {
            recipe: Recipe::load(&self.recipe, &overrides)?,
            recipe_source: Some(recipe::text(&self.recipe)?),
            data: self.data,
            out,
            resume: self.resume,
            device: self.device.open()?,
            encoders: self.encoders,
            watcher: Bars::stopping_on_ctrl_c()?,
            deadline: None,
        })
    }
}

/// The error that ended a training, with what can be done about it.
pub fn explain(error: Error) -> anyhow::Error {
    let advice = match &error {
        Error::Interrupted => Some("stopped; everything is saved, continue with --resume"),
        Error::Io { source, .. } if is_full(source) => {
            Some("the disk is full: make room and continue with --resume, from the last checkpoint if there is one")
        }
        _ => None,
    };
    let error = anyhow::Error::from(error);
    match advice {
        Some(advice) => error.context(advice),
        None => error,
    }
}

/// Shows a page in the user's browser. What was made is there without one, so a failure is a warning.
pub fn browse(page: &Path) {
    let shown = std::path::absolute(page).and_then(open::that_detached);
    if let Err(error) = shown {
        eprintln!("warning: {} could not be opened in a browser: {error}", page.display());
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
        let said = |kind: std::io::ErrorKind| format!("{:#}", explain(Error::io("run/gan/log.jsonl", kind.into())));
        let full = said(std::io::ErrorKind::StorageFull);
        assert!(full.contains("the disk is full") && full.contains("if there is one") && full.contains("log.jsonl"), "{full}");
        assert!(!said(std::io::ErrorKind::PermissionDenied).contains("the disk is full"));
    }
}
