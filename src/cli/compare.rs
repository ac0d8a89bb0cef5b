//! `mirrorgan compare`: the paper's comparison on one's own data, one command for all of it.

use std::path::PathBuf;

use burn::tensor::Tensor;
use clap::Args;

use super::training::{TrainingArgs, explain};
use crate::Error;
use crate::data::{DataOptions, Dataset, Split};
use crate::evaluate::model::{EvaluateOptions, Metric, evaluate};
use crate::files::{self, pictures};
use crate::pipeline::{Noise, Picture};
use crate::stem::TextBatch;
use crate::train::compare::{self, Member, Row};
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::{TrainContext, gan, stem};

/// Prompts in the grid where the recipe has none: as many test captions.
const PROMPTS: usize = 6;

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
    /// Train nothing: only measure what is trained, and write the table again.
    #[arg(long)]
    table: bool,
    /// At most this many test pictures.
    #[arg(long)]
    limit: Option<usize>,
    /// Where captions, noise and rivals are drawn from, for all members alike.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Runs the command.
pub fn run(args: CompareArgs) -> anyhow::Result<()> {
    let context = args.training.context(args.out, Vec::new())?;
    let members = if args.members.is_empty() { Member::ALL.to_vec() } else { args.members };
    if !args.table {
        compare::train(&context, &members).map_err(explain)?;
    }
    table(&context, &members, args.seed, args.limit)
}

/// Measures the members and writes the table.
fn table(context: &TrainContext, members: &[Member], seed: u64, limit: Option<usize>) -> anyhow::Result<()> {
    let trained = compare::trained(context, members)?;
    if trained.is_empty() {
        return Err(Error::BadInput(format!("{} holds no member that is trained to its end", context.out.display())).into());
    }
    for member in members.iter().filter(|member| !trained.contains(member)) {
        eprintln!("{} is not trained to its end: left out", member.title());
    }
    let recipe = &context.recipe;
    let options = DataOptions { size: recipe.data.size, max_skipped: recipe.data.max_skipped, progress: true, ..DataOptions::default() };
    let mut dataset = Dataset::open(&context.data, Split::Test, &options)?;
    let vocabulary = context.vocabulary()?;
    dataset.retain_known(&vocabulary, options.max_skipped)?;
    if let Some(limit) = limit {
        dataset.samples.truncate(limit.max(2));
    }
    let mut prompts = gan::known_prompts(&recipe.gan.sample_prompts, &vocabulary, recipe.data.max_words, &dataset);
    if prompts.is_empty() {
        prompts = dataset.samples.iter().take(PROMPTS).filter_map(|sample| sample.captions.first().cloned()).collect();
    }
    let mut rows = Vec::new();
    let mut images = Vec::new();
    for member in trained {
        eprintln!("measuring {}", member.title());
        let model = compare::model(context, member)?;
        let judge = stem::load(&context.out, &context.device)?.model;
        let options = EvaluateOptions {
            metrics: Some(vec![Metric::Distance, Metric::RPrecision, Metric::Redescription, Metric::Diversity]),
            seed,
            damsm: Some((judge.text, judge.damsm)),
            judge_encoder: FrozenEncoder::of_damsm(context, model.config.stream.as_ref())?,
            progress: true,
            ..EvaluateOptions::default()
        };
        for prompt in &prompts {
            let ids = model.vocabulary.encode(prompt, recipe.data.max_words)?.ids;
            let text = model.stem.forward(&TextBatch::new(&[ids], &context.device));
            let (noise, epsilon) = Noise::new(seed).next(&model.config.generator, &context.device);
            let drawn: Option<Tensor<4>> = model.generator.forward(&text, noise, epsilon).images.pop();
            let planes = crate::host::read_now(drawn.ok_or_else(|| Error::Device("no stage drew".into()))?)?;
            images.push(pictures::to_image(&Picture::from_planes(&planes)));
        }
        rows.push(Row { member, evaluation: evaluate(&model, &dataset, &options, &context.device)? });
    }
    let [text_file, markdown, json, grid] = compare::files(&context.out);
    let text = compare::text(&rows);
    files::write(&text_file, text.as_bytes())?;
    files::write(&markdown, compare::markdown(&rows).as_bytes())?;
    files::write(&json, (serde_json::to_string_pretty(&rows)? + "\n").as_bytes())?;
    pictures::write(&pictures::grid(&images, prompts.len()), &grid)?;
    println!("{text}");
    eprintln!("wrote {}, table.md, table.json and grid.png (a row a network, a column a prompt)", text_file.display());
    Ok(())
}
