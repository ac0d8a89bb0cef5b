//! `mirrorgan evaluate`: a model's metrics on test data.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use clap::Args;

use super::advice;
use super::device::DeviceChoice;
use super::measuring::MeasuringArgs;
use super::print;
use crate::Error;
use crate::data::{Dataset, Split};
use crate::encoder::SizedEncoder;
use crate::evaluate::model::evaluate;
use crate::files;
use crate::glam::GeneratorConfig;
use crate::model::{self, Model};
use crate::train::error;
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::recipe::DataRecipe;
use crate::train::{Recipe, TrainContext, stem};
use crate::watch::Unwatched;

/// Arguments of `mirrorgan evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Model folder.
    #[arg(long)]
    model: PathBuf,
    /// Shards, folders of shards, prefixes such as DIR/flowers, or a folder of pictures; the test split is read.
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// The training run whose DAMSM judges R-precision.
    #[arg(long)]
    run: Option<PathBuf>,
    /// Weights of the image encoder that the DAMSM of --run was trained on, where it is another than that of the model's STREAM.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
    #[command(flatten)]
    measuring: MeasuringArgs,
    /// Write the figures as JSON; `-` is standard output.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What computes.
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
}

/// The image encoder of the DAMSM of `run`, which `recipe` has made, where it is another than that of the model's STREAM.
fn damsm_encoder(recipe: Recipe, run: &Path, model: &Model, encoders: &[PathBuf], device: &Device) -> error::Result<Option<SizedEncoder>> {
    let context = TrainContext {
        recipe,
        recipe_source: None,
        data: Vec::new(),
        out: run.to_path_buf(),
        resume: false,
        device: device.clone(),
        encoders: encoders.to_vec(),
        watcher: Arc::new(Unwatched),
        deadline: None,
    };
    FrozenEncoder::of_damsm(&context, model.config.stream.as_ref())
}

/// How a training reads data; at the usual size where it reads pictures smaller than `model`, of another training, draws them.
fn as_large_as_drawn(data: DataRecipe, model: &Model) -> DataRecipe {
    let drawn = GeneratorConfig::picture_size(model.config.generator.stages.saturating_sub(1));
    if data.size.is_multiple_of(drawn) { data } else { DataRecipe { size: DataRecipe::default().size, ..data } }
}

/// Runs the command.
pub fn run(args: EvaluateArgs) -> anyhow::Result<()> {
    let device = args.device.open()?;
    let model = model::read_folder(&args.model, &device)?;
    let mut options = args.measuring.options(&device)?;
    let mut data = DataRecipe::default();
    if let Some(run) = &args.run {
        let trained = stem::load(run, &device)?;
        if trained.vocabulary != model.vocabulary {
            let message = format!(
                "--run {} and --model {} have different vocabularies, of {} and {} words",
                run.display(),
                args.model.display(),
                trained.vocabulary.len(),
                model.vocabulary.len()
            );
            return Err(Error::BadInput(message).into());
        }
        let (recipe, _) = stem::trained_on(run)?;
        data = as_large_as_drawn(recipe.data.clone(), &model);
        options.damsm_encoder = damsm_encoder(recipe, run, &model, &args.encoders, &device)?;
        options.damsm_chosen_on_test = trained.chosen_on_test;
        options.damsm = Some((trained.model.text, trained.model.damsm));
    }
    let reading = args.measuring.reading(&data);
    let mut dataset = Dataset::open(&args.data, Split::Test, &reading)?;
    dataset.retain_known(&model.vocabulary, reading.max_skipped)?;
    dataset.skipped.iter().for_each(|problem| print::note(format_args!("skipped {problem}")));
    let evaluation = evaluate(&model, &dataset, &options, &device)?;
    let to_stdout = args.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if !to_stdout {
        print::raw(&print::Plain(&evaluation.table()).to_string())?;
        if let Some(advice) = advice::on(&evaluation.left_out) {
            print::line(format_args!("\nfor what was left out: {advice}"))?;
        }
    }
    if let Some(path) = &args.json {
        let mut value = serde_json::to_value(&evaluation)?;
        if let Some(object) = value.as_object_mut() {
            let data: Vec<String> = args.data.iter().map(|path| path.display().to_string()).collect();
            object.insert("data".into(), data.into());
            object.insert("split".into(), Split::Test.name().into());
        }
        let text = serde_json::to_string_pretty(&value)? + "\n";
        if to_stdout {
            print::raw(&text)?;
        } else {
            files::write(path, text.as_bytes())?;
        }
    }
    Ok(())
}
