//! `mirrorgan tiny-data`: the drawn data set that the tests learn by heart.

use std::path::PathBuf;

use clap::Args;

use super::print;

/// Arguments of `mirrorgan tiny-data`.
#[derive(Debug, Args)]
pub struct TinyDataArgs {
    /// The folder that the shards are written into.
    #[arg(long)]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: TinyDataArgs) -> anyhow::Result<()> {
    crate::data::tiny::write(&args.out)?;
    print::note(format_args!("wrote {} pictures as shards into {}", crate::data::tiny::samples().len(), args.out.display()));
    Ok(())
}
