//! `mirrorgan evaluate`: a model's metrics on test data.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::{Args, ValueEnum};

use super::device::DeviceChoice;
use crate::Error;
use crate::data::{DataOptions, Dataset, Split};
use crate::encoder::{ImageEncoder, InceptionV3, InceptionVariant};
use crate::evaluate::colour_probe::Probe;
use crate::evaluate::inception::{Inception, Preprocessing};
use crate::evaluate::model::{EvaluateOptions, Metric, evaluate};
use crate::files;
use crate::model_dir::{self, Model};
use crate::train::frozen_encoder::FrozenEncoder;
use crate::train::{Interrupt, TrainContext, stem};

/// Arguments of `mirrorgan evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Model folder.
    #[arg(long)]
    model: PathBuf,
    /// Shards, folders of shards, prefixes such as DIR/flowers, or a folder of pictures; the test split is read.
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// What is measured; without it everything that can be, and what is left out is said.
    #[arg(long, value_enum, value_delimiter = ',')]
    metrics: Vec<MetricArg>,
    /// The training run whose DAMSM judges R-precision.
    #[arg(long)]
    run: Option<PathBuf>,
    /// Weights of the image encoder that the DAMSM of --run was trained on, where it is another than that of the model's STREAM.
    #[arg(long = "encoder", value_name = "FILE")]
    encoders: Vec<PathBuf>,
    /// Weights of FID's Inception-v3 (TensorFlow, 5 December 2015, 1008 classes) for fid, kid and is: pt_inception-2015-12-05-6726825d.pth
    /// of the project pytorch-fid, or weights-inception-2015-12-05-6726825d.pth of torch-fidelity.
    #[arg(long)]
    inception: Option<PathBuf>,
    /// Whose way of bringing pictures to Inception's 299 px is followed.
    #[arg(long, value_enum, default_value_t = PreprocessingArg::PytorchFid)]
    preprocessing: PreprocessingArg,
    /// Pictures to draw for test captions, over and over with new noise; as many as there are test pictures where it is not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,
    /// At most this many test pictures; distances are smaller the more there are.
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..))]
    limit: Option<u32>,
    /// What the colour probe asks for; without it, what the model's vocabulary speaks of.
    #[arg(long, value_enum)]
    probe: Option<ProbeArg>,
    /// Where captions, noise, rivals and resamples are drawn from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Pictures that are computed at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Write the figures as JSON; `-` is standard output.
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
    /// STREAM's captions of generated pictures against their prompts, and against all captions of the same test picture.
    Redescription,
    /// fd-efficientnet-lite0 and kd-efficientnet-lite0.
    Distance,
    /// Fréchet inception distance; needs --inception.
    Fid,
    /// Kernel inception distance; needs --inception.
    Kid,
    /// Inception score; needs --inception.
    Is,
    /// R-precision among 100 captions; needs --run.
    RPrecision,
    /// How much eight pictures of a prompt differ.
    Diversity,
    /// Colours of petals or birds, twenty pictures each.
    Colours,
}

impl From<MetricArg> for Metric {
    fn from(metric: MetricArg) -> Self {
        match metric {
            MetricArg::Captions => Self::Captions,
            MetricArg::Redescription => Self::Redescription,
            MetricArg::Distance => Self::Distance,
            MetricArg::Fid => Self::Fid,
            MetricArg::Kid => Self::Kid,
            MetricArg::Is => Self::InceptionScore,
            MetricArg::RPrecision => Self::RPrecision,
            MetricArg::Diversity => Self::Diversity,
            MetricArg::Colours => Self::Colours,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PreprocessingArg {
    PytorchFid,
    TorchFidelity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProbeArg {
    Petals,
    Birds,
}

/// The image encoder of the DAMSM of `run`, where it is another than that of the model's STREAM.
fn judge_encoder(run: &Path, model: &Model, encoders: &[PathBuf], device: &Device) -> crate::Result<Option<(ImageEncoder, usize)>> {
    let (recipe, _) = stem::trained_on(run)?;
    let context = TrainContext {
        recipe,
        data: Vec::new(),
        out: run.to_path_buf(),
        resume: false,
        device: device.clone(),
        encoders: encoders.to_vec(),
        interrupt: Interrupt::none(),
        progress: false,
    };
    FrozenEncoder::of_damsm(&context, model.config.stream.as_ref())
}

/// Runs the command.
pub fn run(args: EvaluateArgs) -> anyhow::Result<()> {
    let device = args.device.open()?;
    let model = model_dir::read_folder(&args.model, &device)?;
    let inception = match &args.inception {
        Some(path) => Some(Inception {
            network: InceptionV3::load(path, InceptionVariant::Fid, &device)?,
            preprocessing: match args.preprocessing {
                PreprocessingArg::PytorchFid => Preprocessing::PytorchFid,
                PreprocessingArg::TorchFidelity => Preprocessing::TorchFidelity,
            },
        }),
        None => None,
    };
    let mut judge = None;
    let damsm = match &args.run {
        Some(run) => {
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
            judge = judge_encoder(run, &model, &args.encoders, &device)?;
            Some((trained.model.text, trained.model.damsm))
        }
        None => None,
    };
    let options = EvaluateOptions {
        judge_encoder: judge,
        metrics: (!args.metrics.is_empty()).then(|| args.metrics.iter().map(|metric| (*metric).into()).collect()),
        seed: args.seed,
        batch: args.batch.into(),
        samples: args.samples.map(|samples| samples as usize),
        damsm,
        inception,
        probe: args.probe.map(|probe| match probe {
            ProbeArg::Petals => Probe::Petals,
            ProbeArg::Birds => Probe::Birds,
        }),
        progress: true,
    };
    let reading = DataOptions { progress: true, ..Default::default() };
    let mut dataset = Dataset::open(&args.data, Split::Test, &reading)?;
    dataset.retain_known(&model.vocabulary, reading.max_skipped)?;
    dataset.skipped.iter().for_each(|problem| eprintln!("skipped {problem}"));
    if let Some(limit) = args.limit {
        dataset.samples.truncate(limit as usize);
    }
    let evaluation = evaluate(&model, &dataset, &options, &device)?;
    let to_stdout = args.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if !to_stdout {
        print!("{}", evaluation.table());
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
            print!("{text}");
        } else {
            files::write(path, text.as_bytes())?;
        }
    }
    Ok(())
}
