//! `mirrorgan report`: a training as one page, at any moment.

use std::path::PathBuf;

use clap::Args;

use super::print;
use crate::report;

/// Arguments of `mirrorgan report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The folder of a training, as given to `train --out`; it need not be finished.
    run: PathBuf,
    /// Show it in the browser.
    #[arg(long)]
    open: bool,
}

/// Runs the command.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    report::write_run(&args.run)?;
    let report = args.run.join("report.html");
    print::line(format_args!("{}", report.display()))?;
    if args.open {
        super::training::browse(&report);
    }
    Ok(())
}
