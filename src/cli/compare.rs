//! `mirrorgan compare`: the paper's comparison on one's own data, one command for all of it.

use std::path::PathBuf;

use clap::Args;

use super::measuring::MeasuringArgs;
use super::print;
use super::training::TrainingArgs;
use crate::Error;
use crate::compare::{self, Member, Row};
use crate::data::{Dataset, Split};
use crate::evaluate::error::EvaluateError;
use crate::evaluate::figure::LeftOut;
use crate::evaluate::metric::{DISTANCE, DIVERSITY, FID, INCEPTION_SCORE, JUDGE, KID, Metric, R_PRECISION, REDESCRIPTION};
use crate::evaluate::model::{EvaluateOptions, evaluate};
use crate::files;
use crate::picture::file::{grid, to_image, write};
use crate::pipeline::{Drawer, Noise};
use crate::stem::TextBatch;
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::run::lock::RunLock;
use crate::train::{TrainContext, gan, stem};

/// Arguments of `mirrorgan compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    // Architecture and losses are each member's own, whatever the recipe says.
    #[command(flatten)]
    training: TrainingArgs,
    /// The folder of the comparison: STEM and STREAM, a folder for each member, and the table.
    #[arg(long)]
    out: PathBuf,
    /// Who takes part; all of them by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    members: Vec<Member>,
    /// Train nothing: only measure what is trained, by the recipes in its folders, and write the table again.
    #[arg(long)]
    table: bool,
    #[command(flatten)]
    measuring: MeasuringArgs,
}

/// Runs the command.
pub fn run(args: CompareArgs) -> anyhow::Result<()> {
    let context = args.training.context(args.out, Vec::new(), &[])?;
    let members = if args.members.is_empty() { Member::ALL.to_vec() } else { args.members };
    // Before the training: hours later would be late for a file that cannot be read.
    let options = options(&args.measuring, &context)?;
    if !args.table {
        compare::train(&context, &members)?;
    }
    table(&context, &members, options, &args.measuring)
}

/// How the members are measured; the judge of R-precision is missing yet.
fn options(measuring: &MeasuringArgs, context: &TrainContext) -> anyhow::Result<EvaluateOptions> {
    let mut options = measuring.options(&context.device, &context.encoders, Split::Test, None)?;
    let metrics = options.metrics.take().unwrap_or_else(|| usual(options.inception.is_some(), options.judge.is_some()));
    for metric in &metrics {
        if let Some(reason) = metric.lacks_inception(options.inception.as_ref()) {
            return Err(EvaluateError::Impossible(LeftOut { metric: metric.name.into(), reason }).into());
        }
    }
    Ok(EvaluateOptions { metrics: Some(metrics), ..options })
}

/// What is measured where nothing is asked for: what depends on the generator.
fn usual(inception: bool, judge: bool) -> Vec<&'static Metric> {
    let mut metrics = vec![&DISTANCE, &R_PRECISION, &REDESCRIPTION, &DIVERSITY];
    if judge {
        metrics.push(&JUDGE);
    }
    if inception {
        metrics.extend([&INCEPTION_SCORE, &FID, &KID]);
    }
    metrics
}

/// Measures the members and writes the table.
fn table(context: &TrainContext, members: &[Member], mut options: EvaluateOptions, measuring: &MeasuringArgs) -> anyhow::Result<()> {
    let _alone = RunLock::take(context)?;
    let trained = compare::trained(context, members)?;
    let Some(first) = trained.first() else {
        return Err(Error::BadInput(format!("{} holds no member that is trained to its end", context.out.display())).into());
    };
    for member in members.iter().filter(|member| !trained.contains(member)) {
        print::note(format_args!("{} is not trained to its end: left out", member.title()));
    }
    // Of data and prompts, which all have in common.
    let recipe = first.trained_with(context)?.recipe;
    let reading = measuring.reading(&recipe.data);
    let mut dataset = Dataset::open(&context.data, Split::Test, &reading)?;
    let vocabulary = context.vocabulary()?;
    dataset.retain_known(&vocabulary, reading.max_skipped)?;
    let prompts = gan::known_prompts(&recipe.gan.sample_prompts, &vocabulary, recipe.data.max_words, &dataset, &*context.watcher);
    let mut rows = Vec::new();
    let mut images = Vec::new();
    for member in trained {
        if context.watcher.stop() {
            return Err(Error::Interrupted.into());
        }
        print::note(format_args!("measuring {}", member.title()));
        let model = compare::model(context, member)?;
        let judge = stem::load(&context.out, &context.device)?;
        let (trained_with, _) = stem::trained_on(&context.out)?;
        options.damsm_chosen_on = judge.chosen.then(|| trained_with.data.chosen_on());
        options.damsm = Some((judge.model.text, judge.model.damsm));
        options.damsm_encoder = FrozenEncoder::of_damsm(&member.trained_with(context)?, model.config.stream.as_ref())?;
        let drawer = Drawer::new(model.generator.clone(), &context.device)?;
        for prompt in &prompts {
            let ids = model.vocabulary.encode(prompt, recipe.data.max_words)?.ids;
            let text = model.stem.forward(&TextBatch::new(&[ids], &context.device));
            let (noise, epsilon) = Noise::new(options.seed).next(&model.config.generator, &context.device);
            images.extend(drawer.pictures(&text, noise, epsilon, drawer.stages())?.iter().map(to_image));
        }
        rows.push(Row { member, evaluation: evaluate(&model, &dataset, &options, &context.device)? });
    }
    let [text_file, markdown, json, grid_file] = compare::files(&context.out);
    let text = compare::text(&rows);
    files::write(&text_file, text.as_bytes())?;
    files::write(&markdown, compare::markdown(&rows).as_bytes())?;
    files::write(&json, (serde_json::to_string_pretty(&rows)? + "\n").as_bytes())?;
    write(&grid(&images, prompts.len()), &grid_file)?;
    print::line(format_args!("{text}"))?;
    print::note(format_args!("wrote {}, table.md, table.json and grid.png (a row a network, a column a prompt)", text_file.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inceptions_figures_are_in_the_table_where_its_weights_are_given() {
        let of_inception = |metrics: Vec<&Metric>| metrics.iter().filter(|metric| metric.lacks_inception(None).is_some()).count();
        assert_eq!((of_inception(usual(false, true)), of_inception(usual(true, false))), (0, 3));
        assert!(usual(true, false).contains(&&INCEPTION_SCORE));
        assert!(usual(false, true).contains(&&JUDGE) && !usual(true, false).contains(&&JUDGE));
    }
}
