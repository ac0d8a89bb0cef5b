//! `mirrorgan evaluate`: a model's metrics on test data.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::{Args, ValueEnum};

use super::advice;
use super::device::{DeviceName, TokenArgs};
use super::measuring::MeasuringArgs;
use super::print;
use crate::Error;
use crate::data::{Dataset, Split, Validation};
use crate::encoder::SizedEncoder;
use crate::evaluate::error::{EvaluateError, Obstacle};
use crate::evaluate::figure::LeftOut;
use crate::evaluate::judge::{Judge, same_text_encoder};
use crate::evaluate::metric::JUDGE;
use crate::evaluate::model::evaluate;
use crate::files;
use crate::glam::GeneratorConfig;
use crate::model::{self, Model};
use crate::train::error;
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::recipe::DataRecipe;
use crate::train::{Recipe, TrainContext, gan, judge, stem};

/// Arguments of `mirrorgan evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Model folder.
    #[arg(long)]
    model: PathBuf,
    /// Shards, folders of shards, prefixes such as DIR/flowers, or a folder of pictures; of those of the training, see --part.
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// The training run that the model is of: its DAMSM judges R-precision, its recipe says how data are read and what was held back.
    #[arg(long)]
    run: Option<PathBuf>,
    /// Which part of the data is measured: test, or what the training of --run held back for choices (data.validation).
    #[arg(long, value_enum, default_value_t = PartArg::Test)]
    part: PartArg,
    /// Weights of the image encoders of --run and --judge, where that of --run is another than that of the model's STREAM; once for each file.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
    #[command(flatten)]
    measuring: MeasuringArgs,
    /// Write the figures as JSON; `-` is standard output.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What computes.
    #[arg(long, default_value = "auto")]
    device: DeviceName,
    #[command(flatten)]
    token: TokenArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PartArg {
    Test,
    Validation,
}

impl From<PartArg> for Split {
    fn from(part: PartArg) -> Self {
        match part {
            PartArg::Test => Self::Test,
            PartArg::Validation => Self::Validation,
        }
    }
}

/// What the training of --run held back, where --part validation asks for it.
fn held_back(args: &EvaluateArgs) -> anyhow::Result<Option<Validation>> {
    if args.part == PartArg::Test {
        return Ok(None);
    }
    let held_back = args.run.as_deref().map(judge::held_back).transpose()?.flatten();
    if held_back.is_none() {
        let message = match &args.run {
            Some(run) => format!("--part validation: the training of {} held nothing back (data.validation)", run.display()),
            None => "--part validation: --run names the training, whose recipe says which pictures it held back".into(),
        };
        return Err(Error::BadInput(message).into());
    }
    Ok(held_back)
}

/// Refuses a judge that taught the model which the training in `run` began with.
fn check_start(judge: Option<&Judge>, run: &Path, device: &Device) -> anyhow::Result<()> {
    let file = run.join(gan::KIND).join("recipe.toml");
    if let Some(judge) = judge
        && file.is_file()
        && let Some(folder) = Recipe::load(&file.display().to_string(), &[])?.gan.start_from
        && folder.is_dir()
        && judge.taught(&model::read_folder(&folder, device)?, device)?
    {
        return Err(EvaluateError::Impossible(LeftOut { metric: JUDGE.name.into(), reason: Obstacle::OwnTeacher }).into());
    }
    Ok(())
}

/// The image encoder of the DAMSM of `run`, which `recipe` has made, where it is another than that of the model's STREAM.
fn damsm_encoder(recipe: Recipe, run: &Path, model: &Model, encoders: &[PathBuf], device: &Device) -> error::Result<Option<SizedEncoder>> {
    let context = TrainContext::of_trained(recipe, run, encoders, device);
    FrozenEncoder::of_damsm(&context, model.config.stream.as_ref())
}

/// How a training reads data; at the usual size where STEM read pictures smaller than `model` draws them.
fn as_large_as_drawn(data: DataRecipe, model: &Model) -> DataRecipe {
    let drawn = GeneratorConfig::picture_size(model.config.generator.stages.saturating_sub(1));
    if data.size.is_multiple_of(drawn) { data } else { DataRecipe { size: DataRecipe::default().size, ..data } }
}

/// Runs the command.
pub fn run(args: EvaluateArgs) -> anyhow::Result<()> {
    let device = args.device.open(&args.token)?;
    let model = model::read_folder(&args.model, &device)?;
    let held_back = held_back(&args)?;
    let mut options = args.measuring.options(&device, &args.encoders, args.part.into(), held_back)?;
    let mut data = DataRecipe::default();
    if let Some(run) = &args.run {
        let trained = stem::load(run, &device)?;
        if trained.vocabulary != model.vocabulary {
            let message = format!(
                "--run {} and --model {} have different vocabularies, of {} and {} words; --judge names a training that is not the model's own",
                run.display(),
                args.model.display(),
                trained.vocabulary.len(),
                model.vocabulary.len()
            );
            return Err(Error::BadInput(message).into());
        }
        if !same_text_encoder(&trained.model.text, &model.stem, model.vocabulary.len(), &device)? {
            let message = format!(
                "--run {} is another training than that of --model {}: their text encoders differ; --judge names a training that is not the \
                 model's own",
                run.display(),
                args.model.display()
            );
            return Err(Error::BadInput(message).into());
        }
        check_start(options.judge.as_ref(), run, &device)?;
        let (recipe, _) = stem::trained_on(run)?;
        options.damsm_chosen_on = trained.chosen.then(|| recipe.data.chosen_on());
        data = as_large_as_drawn(recipe.data.clone(), &model);
        options.damsm_encoder = damsm_encoder(recipe, run, &model, &args.encoders, &device)?;
        options.damsm = Some((trained.model.text, trained.model.damsm));
    }
    let reading = args.measuring.reading(&data);
    let mut dataset = Dataset::open(&args.data, options.part, &reading)?;
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
            object.insert("split".into(), options.part.name().into());
            let judge = options.judge.as_ref().map(|judge| {
                let (encoder, size) = (judge.encoder.kind().to_string(), judge.encoder.size);
                serde_json::json!({ "run": judge.run, "encoder": encoder, "size": size })
            });
            object.insert("judge".into(), judge.into());
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
