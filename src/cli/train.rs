//! `mirrorgan train`: STEM, STREAM, the generator, or all of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};

use super::device::SharedDevices;
use super::print;
use super::training::{TrainingArgs, browse};
use crate::Error;
use crate::nn::Precision;
use crate::train::error::Result;
use crate::train::run::lock::RunLock;
use crate::train::run::starting_point;
use crate::train::{TrainContext, TrainError, gan, stem, stream};

/// Arguments of `mirrorgan train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(subcommand)]
    part: Part,
}

/// What is trained; in this order.
#[derive(Debug, Subcommand)]
enum Part {
    /// All three, one after the other; with --resume from where the last call stopped.
    All(PartArgs),
    /// The text encoder, by matching captions with pictures (DAMSM); writes the vocabulary.
    Stem(PartArgs),
    /// The decoder that describes pictures in words.
    Stream(PartArgs),
    /// The generator, with STEM and STREAM frozen.
    Gan(PartArgs),
}

#[derive(Debug, Args)]
struct PartArgs {
    #[command(flatten)]
    training: TrainingArgs,
    /// The folder of the training; all parts use the same one.
    #[arg(long)]
    out: PathBuf,
    /// What networks compute in; by default as the recipe says (gan.precision).
    #[arg(long, value_enum)]
    precision: Option<Precision>,
    /// How many devices of its kind share each batch of the generator's training, or which, as in cpu,remote:ws://HOST:PORT; by default as the
    /// recipe says (gan.devices).
    #[arg(long, value_name = "COUNT|NAME,NAME,…")]
    devices: Option<SharedDevices>,
    /// Stop after so many seconds of this call, with everything saved; --resume goes on.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    deadline: Option<u64>,
    /// Show the report in the browser at the end.
    #[arg(long)]
    open: bool,
}

/// Runs the command.
pub fn run(args: TrainArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let (train, part): (fn(&TrainContext) -> Result<()>, _) = match args.part {
        Part::All(part) => (all, part),
        Part::Stem(part) => (stem::run, part),
        Part::Stream(part) => (stream::run, part),
        Part::Gan(part) => (gan::run, part),
    };
    let mut overrides = Vec::new();
    if let Some(precision) = part.precision {
        overrides.push(format!("gan.precision={}", format!("{precision:?}").to_lowercase()));
    }
    if let Some(devices) = &part.devices {
        overrides.push(format!("gan.devices={}", devices.count()));
    }
    let shared = part.devices.as_ref().map(SharedDevices::named).unwrap_or_default();
    let mut context = part.training.context(part.out, overrides, shared)?;
    // A time that no clock reaches is none.
    context.deadline = part.deadline.and_then(|seconds| started.checked_add(Duration::from_secs(seconds)));
    match (train(&context), part.deadline) {
        (Err(TrainError::Library(Error::Deadline)), Some(seconds)) => {
            print::note(format_args!("stopped at the deadline of {seconds} s; everything is saved, continue with --resume"));
            return Ok(());
        }
        (done, _) => done?,
    }
    let report = context.out.join("report.html");
    print::note(format_args!("done; the report is {}", report.display()));
    if part.open {
        browse(&report);
    }
    Ok(())
}

fn all(context: &TrainContext) -> Result<()> {
    // One lock for all parts: nobody is to come in between.
    let alone = RunLock::take(context)?;
    // Refused before an hour of work, not after it.
    if starting_point(context, gan::KIND)?.is_none() {
        gan::check_start(&context.recipe.gan, &context.device)?;
    }
    type Train = fn(&TrainContext, &RunLock) -> Result<()>;
    for (name, train) in [("STEM", stem::run_alone as Train), ("STREAM", stream::run_alone), ("the generator", gan::run_alone)] {
        if let Some(reason) = context.reason_to_stop() {
            return Err(reason.into());
        }
        context.say(&format!("training {name}"));
        train(context, &alone)?;
    }
    Ok(())
}
