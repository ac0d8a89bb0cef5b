//! `mirrorgan caption`: pictures described in words.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::device::{DeviceName, TokenArgs};
use super::pictures::each;
use super::print;
use crate::model;
use crate::pipeline::Engine;
use crate::stream::{Caption, CaptionOptions};

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
    #[arg(long, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    token: TokenArgs,
}

/// Runs the command: every readable picture is described, and the command fails if one was not readable.
pub fn run(args: CaptionArgs) -> anyhow::Result<()> {
    let device = args.device.open(&args.token)?;
    let model = model::read_folder(&args.model, &device)?;
    let engine = Engine::new(model, device)?;
    each(&args.images, |_, path, picture| {
        let (lines, json) = match args.count {
            Some(count) => {
                let captions = engine.describe_in(picture, &CaptionOptions { count, sample: args.sample })?;
                let line =
                    |caption: &Caption| format!("{}: {} ({:.2} %)", path.display(), caption.text, 100.0 * caption.log_probability.exp());
                (captions.iter().map(line).collect::<Vec<_>>(), json!({ "file": path, "captions": captions }))
            }
            None => {
                let caption = engine.describe(picture)?;
                (vec![format!("{}: {}", path.display(), caption.text)], json!({ "file": path, "caption": caption }))
            }
        };
        Ok(if args.json { print::raw(&format!("{json}\n"))? } else { print::line(lines.join("\n"))? })
    })
}
