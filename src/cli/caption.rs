//! `mirrorgan caption`: pictures described in words.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::device::DeviceChoice;
use super::print::{self, Reader};
use crate::model;
use crate::picture::read;
use crate::pipeline::{Engine, block_on};

/// Describe pictures in words.
#[derive(Debug, Args)]
pub struct CaptionArgs {
    /// PNG, JPEG or WebP files.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Model folder.
    #[arg(long)]
    model: PathBuf,
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
            // The only one: its error is all there is to tell.
            Err(error) if args.images.len() == 1 => return Err(error.into()),
            Err(error) => {
                print::note(format_args!("error: {error}"));
                unreadable += 1;
                continue;
            }
        };
        let caption = block_on(engine.caption(&picture))?;
        let reader = if args.json {
            print::raw(&format!("{}\n", json!({ "file": path, "caption": caption })))?
        } else {
            print::line(format_args!("{}: {}", path.display(), caption.text))?
        };
        if reader == Reader::Gone {
            break;
        }
    }
    anyhow::ensure!(unreadable == 0, "{unreadable} of {} pictures could not be read", args.images.len());
    Ok(())
}
