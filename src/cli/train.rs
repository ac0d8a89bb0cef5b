//! `mirrorgan train`: STEM, STREAM or the generator.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::device::DeviceChoice;
use crate::Error;
use crate::train::precision::Precision;
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
    /// What networks compute in; by default as the recipe says (gan.precision).
    #[arg(long, value_enum)]
    precision: Option<Precision>,
    /// Devices that share each batch of the generator's training; by default as the recipe says (gan.devices).
    #[arg(long)]
    devices: Option<usize>,
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
    let (train, part): (fn(&TrainContext) -> crate::Result<()>, _) = match args.part {
        Part::Stem(part) => (stem::run, part),
        Part::Stream(part) => (stream::run, part),
        Part::Gan(part) => (gan::run, part),
    };
    let mut overrides = part.overrides;
    if let Some(precision) = part.precision {
        overrides.push(format!("gan.precision={}", format!("{precision:?}").to_lowercase()));
    }
    if let Some(devices) = part.devices {
        overrides.push(format!("gan.devices={devices}"));
    }
    let context = TrainContext {
        recipe: Recipe::load(&part.recipe, &overrides)?,
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
        Err(error) => {
            let full = matches!(&error, Error::Io { source, .. } if is_full(source));
            let error = anyhow::Error::from(error);
            Err(if full {
                error.context("the disk is full; the last checkpoint is whole: make room and continue with --resume")
            } else {
                error
            })
        }
        Ok(()) => {
            eprintln!("done; the report is {}", context.out.join("report.html").display());
            Ok(())
        }
    }
}

/// Whether nothing more can be written: no space, quota used up, or a file larger than may be.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}
