//! `mirrorgan evaluate`: a model's metrics on test data.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::device::DeviceChoice;
use crate::data::{DataOptions, Dataset, Split};
use crate::evaluate::model::{EvaluateOptions, Metric, evaluate};
use crate::model_dir;
use crate::train::stem;

/// Arguments of `mirrorgan evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Model folder.
    #[arg(long)]
    model: PathBuf,
    /// Shards, folders of shards, prefixes such as DIR/flowers, or a folder of pictures; the test split is read.
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// What is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [MetricArg::Captions, MetricArg::Distance, MetricArg::Colours])]
    metrics: Vec<MetricArg>,
    /// The training run whose DAMSM judges R-precision.
    #[arg(long)]
    run: Option<PathBuf>,
    /// At most this many test pictures; distances are smaller the more there are.
    #[arg(long)]
    limit: Option<usize>,
    /// Where captions, noise and rivals are drawn from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Pictures that are computed at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Write the values as JSON; `-` is standard output.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What computes.
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MetricArg {
    /// STREAM's captions of the test pictures: BLEU, CIDEr-D, ROUGE-L.
    Captions,
    /// STREAM's captions of generated pictures against their prompts.
    Redescription,
    /// fd-efficientnet-lite0 and kd-efficientnet-lite0.
    Distance,
    /// R-precision among 100 captions; needs --run.
    RPrecision,
    /// Ten petal colours, twenty pictures each.
    Colours,
}

/// Runs the command.
pub fn run(args: EvaluateArgs) -> anyhow::Result<()> {
    let device = args.device.open()?;
    let model = model_dir::read_folder(&args.model, &device)?;
    let mut dataset = Dataset::open(&args.data, Split::Test, &DataOptions { progress: true, ..Default::default() })?;
    dataset.skipped.iter().for_each(|problem| eprintln!("skipped {problem}"));
    if let Some(limit) = args.limit {
        dataset.samples.truncate(limit.max(2));
    }
    let damsm = match &args.run {
        Some(run) => {
            let trained = stem::load(run, &device)?;
            if trained.vocabulary != model.vocabulary {
                anyhow::bail!("{} and {} have different vocabularies", run.display(), args.model.display());
            }
            Some((trained.model.text, trained.model.damsm))
        }
        None => None,
    };
    let metrics = args
        .metrics
        .iter()
        .map(|metric| match metric {
            MetricArg::Captions => Metric::Captions,
            MetricArg::Redescription => Metric::Redescription,
            MetricArg::Distance => Metric::Distance,
            MetricArg::RPrecision => Metric::RPrecision,
            MetricArg::Colours => Metric::Colours,
        })
        .collect();
    let options = EvaluateOptions { metrics, seed: args.seed, batch: args.batch.into(), damsm, progress: true };
    let values = evaluate(&model, &dataset, &options, &device)?;
    let to_stdout = args.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if !to_stdout {
        let width = values.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        values.iter().for_each(|(name, value)| println!("{name:width$}  {value:.4}"));
    }
    if let Some(path) = &args.json {
        let mut object: serde_json::Map<String, serde_json::Value> =
            values.iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
        object.insert("pictures".into(), dataset.len().into());
        object.insert("seed".into(), args.seed.into());
        let text = serde_json::to_string_pretty(&object)?;
        if to_stdout {
            println!("{text}");
        } else {
            std::fs::write(path, text + "\n").with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
