//! What every command that trains is given.

use std::path::{Path, PathBuf};

use clap::Args;

use super::bars::Bars;
use super::device::{DeviceName, TokenArgs};
use super::print;
use crate::Error;
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
    /// What computes [default: auto].
    #[arg(long)]
    device: Option<DeviceName>,
    #[command(flatten)]
    token: TokenArgs,
    /// Weights of an image encoder, as `mirrorgan import efficientnet-lite|inception-v3|resnet` writes them; give it once for each
    /// encoder that the recipe names.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
}

impl TrainingArgs {
    /// A training in `out`; `overrides` come after those of the command line. `shared` are the devices that share each batch of the generator's
    /// training, where they are named; the first of them is the one that computes everything else.
    ///
    /// # Errors
    /// When one of them cannot be opened, or there are some beside `--device`.
    pub fn context(self, out: PathBuf, overrides: Vec<String>, shared: &[DeviceName]) -> anyhow::Result<TrainContext> {
        let overrides = [self.overrides, overrides].concat();
        // What is wrong with the call is told before anything is opened.
        let (settings, source) = (Recipe::load(&self.recipe, &overrides)?, recipe::text(&self.recipe)?);
        if self.device.is_some() && !shared.is_empty() {
            let message = "--devices names the devices already, the first of which is what --device would be: leave --device out";
            return Err(Error::BadInput(message.into()).into());
        }
        let devices = shared.iter().map(|name| name.open(&self.token)).collect::<anyhow::Result<Vec<_>>>()?;
        let device = match devices.first() {
            Some(first) => first.clone(),
            None => self.device.unwrap_or_default().open(&self.token)?,
        };
        Ok(TrainContext {
            recipe: settings,
            recipe_source: Some(source),
            data: self.data,
            out,
            resume: self.resume,
            device,
            devices,
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
