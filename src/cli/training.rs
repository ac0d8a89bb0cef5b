//! What every command that trains is given.

use std::path::{Path, PathBuf};

use clap::Args;

use super::bars::Bars;
use super::device::DeviceChoice;
use super::print;
use crate::train::{Recipe, TrainContext, recipe};

/// Arguments of every command that trains.
#[derive(Debug, Args)]
pub struct TrainingArgs {
    /// A folder of CUB-200-2011, Oxford-102 or COCO as published; shards, folders, prefixes or patterns of shards ('x-{000..002}.tar'); or a
    /// folder of pictures with .txt beside or a metadata.csv.
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

/// Shows a page in the user's browser. What was made is there without one, so a failure is a warning.
pub fn browse(page: &Path) {
    let shown = std::path::absolute(page).and_then(open::that_detached);
    if let Err(error) = shown {
        print::note(format_args!("warning: {} could not be opened in a browser: {error}", page.display()));
    }
}
