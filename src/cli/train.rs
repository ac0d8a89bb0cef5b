//! `mirrorgan train`: STEM, STREAM or the generator.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::device::DeviceChoice;
use crate::Error;
use crate::train::{Interrupt, Recipe, TrainContext, gan, stem, stream};

/// Arguments of `mirrorgan train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(subcommand)]
    part: Part,
}

/// What is trained; in this order.
#[derive(Debug, Subcommand)]
enum Part {
    /// The text encoder, by matching captions with pictures (DAMSM); writes the vocabulary.
    Stem(PartArgs),
    /// The decoder that describes pictures in words.
    Stream(PartArgs),
    /// The generator, with STEM and STREAM frozen.
    Gan(PartArgs),
}

#[derive(Debug, Args)]
struct PartArgs {
    /// Shards, folders of shards, prefixes such as DIR/flowers, or a folder of pictures with .txt beside.
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// A recipe file, or the name of a built-in recipe.
    #[arg(long, default_value = "fast")]
    recipe: String,
    /// Changes a value of the recipe, such as stem.epochs=3; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// The folder of the training; all parts use the same one.
    #[arg(long)]
    out: PathBuf,
    /// Continue from the newest checkpoint.
    #[arg(long)]
    resume: bool,
    /// What computes.
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Weights of an image encoder, as `mirrorgan import efficientnet-lite0|inception-v3|resnet` writes them; give it once for each
    /// encoder that the recipe names.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: TrainArgs) -> anyhow::Result<()> {
    let (train, part, name): (fn(&TrainContext) -> crate::Result<()>, _, _) = match args.part {
        Part::Stem(part) => (stem::run, part, "stem"),
        Part::Stream(part) => (stream::run, part, "stream"),
        Part::Gan(part) => (gan::run, part, "gan"),
    };
    let context = TrainContext {
        recipe: Recipe::load(&part.recipe, &part.overrides)?,
        data: part.data,
        out: part.out,
        resume: part.resume,
        device: part.device.open()?,
        encoders: part.encoders,
        interrupt: Interrupt::on_ctrl_c()?,
        progress: true,
    };
    match train(&context) {
        Err(Error::Interrupted) => {
            let message = "stopped; everything is saved, continue with --resume";
            Err(anyhow::Error::from(Error::Interrupted).context(message))
        }
        Err(error) => Err(error.into()),
        Ok(()) => {
            let folder = context.out.join(name);
            eprintln!("done; the report is {}", folder.join("report.html").display());
            Ok(())
        }
    }
}
