//! The command line, a command a file.
//!
//! Exit codes: 0 when it worked, 1 when it did not, 2 for wrong use, 130 when it was interrupted.

// Both end in a panic where nobody reads; `print` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod advice;
mod bars;
mod caption;
mod compare;
mod device;
mod evaluate;
mod export;
mod generate;
mod import;
mod info;
mod matching;
mod measuring;
pub mod memory;
mod names;
mod pictures;
mod print;
mod report;
#[cfg(feature = "remote")]
mod serve;
mod tiny_data;
mod train;
mod training;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use advice::Doing;

/// MirrorGAN: text to image to text.
#[derive(Debug, Parser)]
#[command(name = "mirrorgan", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train STEM, STREAM or the generator.
    Train(train::TrainArgs),
    /// Draw pictures of a prompt.
    Generate(generate::GenerateArgs),
    /// Describe pictures in words.
    Caption(caption::CaptionArgs),
    /// Tell how well pictures and a text match, and where in them each word is found.
    Match(matching::MatchArgs),
    /// Measure a model on test data.
    Evaluate(evaluate::EvaluateArgs),
    /// Train the family of networks of the paper's comparison on the same data, and measure them.
    Compare(compare::CompareArgs),
    /// Convert weights of other projects into a model folder.
    Import(import::ImportArgs),
    /// Write a training run as a model folder.
    Export(export::ExportArgs),
    /// Tell what a model folder holds, and check its files.
    Info(info::InfoArgs),
    /// Write the report of a training, finished or not, as one HTML page.
    Report(report::ReportArgs),
    #[cfg(feature = "remote")]
    Serve(serve::ServeArgs),
    /// Draw a small data set of coloured shapes with captions.
    TinyData(tiny_data::TinyDataArgs),
}

/// Parses the arguments, runs the command and reports what went wrong.
pub fn main() -> ExitCode {
    memory::keep();
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(answer) => return ExitCode::from(print::usage(&answer)),
    };
    let doing = match command {
        Command::Train(_) => Doing::Training,
        Command::Compare(_) => Doing::Comparing,
        _ => Doing::Using,
    };
    let result = watched(|| run(command));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let advice = advice::of(&error, doing).map_or(String::new(), |advice| format!("; {advice}"));
            print::note(format_args!("error: {}{advice}", told(&error)));
            ExitCode::from(advice::exit_code(&error))
        }
    }
}

/// Runs `work`; where it fails because a server is gone on whose device it computes, that is the error.
#[cfg(feature = "remote")]
fn watched(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    crate::remote::watch(work, |text| print::note(format_args!("{text}")))
}

#[cfg(not(feature = "remote"))]
fn watched(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    work()
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Train(args) => train::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Caption(args) => caption::run(args),
        Command::Match(args) => matching::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
        Command::Info(args) => info::run(args),
        Command::Report(args) => report::run(&args),
        #[cfg(feature = "remote")]
        Command::Serve(args) => serve::run(&args),
        Command::TinyData(args) => tiny_data::run(args),
    }
}

/// The error with its causes; one that the error before it already tells is not told twice.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.as_str() {
            "" => cause,
            text if text.ends_with(&cause) => text.to_string(),
            text => format!("{text}: {cause}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let missing = || crate::Error::io("a.tar", std::io::Error::other("gone"));
        assert_eq!(told(&anyhow::Error::from(missing())), "a.tar: gone");
        assert_eq!(told(&anyhow::Error::from(missing()).context("reading data")), "reading data: a.tar: gone");
    }
}
