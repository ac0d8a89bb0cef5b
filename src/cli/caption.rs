//! `mirrorgan caption`: pictures described in words.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::device::DeviceChoice;
use crate::model;
use crate::picture::read;
use crate::pipeline::Engine;
use crate::stream::CaptionOptions;

/// Describe pictures in words.
#[derive(Debug, Args)]
pub struct CaptionArgs {
    /// PNG, JPEG or WebP files.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Model folder.
    #[arg(long)]
    model: PathBuf,
    /// Several sentences for each picture, the likeliest that a search finds, with their probabilities.
    #[arg(long)]
    count: Option<usize>,
    /// Draw the sentences by their probability, with this seed, instead of searching.
    #[arg(long, value_name = "SEED", requires = "count")]
    sample: Option<u64>,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
}

/// Runs the command: every readable picture is described, and the command fails if one was not readable.
pub fn run(args: CaptionArgs) -> anyhow::Result<()> {
    let device = args.device.open()?;
    let model = model::read_folder(&args.model, &device)?;
    let engine = Engine::new(model, device)?;
    let mut unreadable = 0;
    for path in &args.images {
        let picture = match read::from_file(path) {
            Ok(picture) => picture,
            Err(error) => {
                eprintln!("error: {error}");
                unreadable += 1;
                continue;
            }
        };
        match args.count {
            Some(count) => {
                let captions = engine.describe_in(&picture, &CaptionOptions { count, sample: args.sample })?;
                if args.json {
                    println!("{}", json!({ "file": path, "captions": captions }));
                } else {
                    for caption in captions {
                        println!("{}: {} ({:.2} %)", path.display(), caption.text, 100.0 * caption.log_probability.exp());
                    }
                }
            }
            None => {
                let caption = engine.describe(&picture)?;
                if args.json {
                    println!("{}", json!({ "file": path, "caption": caption }));
                } else {
                    println!("{}: {}", path.display(), caption.text);
                }
            }
        }
    }
    anyhow::ensure!(unreadable == 0, "{unreadable} of {} pictures could not be read", args.images.len());
    Ok(())
}
