//! What every command that measures is given.

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::bars::Bars;
use crate::data::{DataOptions, Split, Validation};
use crate::encoder::InceptionVariant;
use crate::evaluate::colour_probe::Probe;
use crate::evaluate::features::Networks;
use crate::evaluate::inception::{Inception, Preprocessing};
use crate::evaluate::judge::Judge;
use crate::evaluate::metric::{self, Metric};
use crate::evaluate::model::EvaluateOptions;
use crate::import;
use crate::train::recipe::DataRecipe;
use crate::train::{error, judge};

/// Arguments of every command that measures.
#[derive(Debug, Args)]
pub struct MeasuringArgs {
    /// What is measured. Without it `evaluate` measures everything that can be, and says what is left out; `compare` measures what depends
    /// on the generator: distance, redescription, r-precision and diversity, with --judge judge, and with --inception fid, kid and is.
    #[arg(long, value_parser = metric(), value_delimiter = ',')]
    metrics: Vec<&'static Metric>,
    /// A training run whose DAMSM judges R-precision, too, of pictures of a generator that never learned from it: with another seed and best
    /// with another image encoder. Its weights are one of those that --encoder names.
    #[arg(long, value_name = "RUN")]
    judge: Option<PathBuf>,
    /// Weights of FID's Inception-v3 (TensorFlow, 5 December 2015, 1008 classes) for fid, kid and is: pt_inception-2015-12-05-6726825d.pth
    /// of the project pytorch-fid, or weights-inception-2015-12-05-6726825d.pth of torch-fidelity.
    #[arg(long, value_name = "FILE")]
    inception: Option<PathBuf>,
    /// Whose way of bringing pictures to Inception's 299 px is followed.
    #[arg(long, value_enum, default_value_t = PreprocessingArg::PytorchFid)]
    preprocessing: PreprocessingArg,
    /// Pictures to draw for test captions, over and over with new noise; as many as there are test pictures where it is not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,
    /// At most this many test pictures, spread over the test part; distances are smaller the more there are.
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..))]
    limit: Option<u32>,
    /// Unusable test samples that are put up with; by default what the recipe of the training says, 16 where there is none.
    #[arg(long)]
    max_skipped: Option<usize>,
    /// GiB of decoded test pictures that are kept in memory, others are decoded when they are needed; by default what the recipe of the
    /// training says, 4 where there is none.
    #[arg(long, value_parser = gib)]
    memory_gib: Option<f64>,
    /// Take spectra of every stage's pictures, not of the last one's alone.
    #[arg(long)]
    stages: bool,
    /// What the colour probe asks for, and whose colours attention is followed for; without it, what the model's vocabulary speaks of.
    #[arg(long, value_enum)]
    probe: Option<ProbeArg>,
    /// Where captions, noise, rivals and resamples are drawn from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Pictures that are computed at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
}

/// A metric of the registry, by its name.
fn metric() -> impl TypedValueParser<Value = &'static Metric> {
    let needs = |metric: &Metric| match metric.networks() {
        Networks { inception: true, .. } => "; needs --inception",
        Networks { damsm: true, .. } => "; `evaluate` needs --run for it",
        Networks { judge: true, .. } => "; needs --judge",
        _ => "",
    };
    let names = metric::ALL.map(|metric| PossibleValue::new(metric.name).help(format!("{}{}", metric.about, needs(metric))));
    PossibleValuesParser::new(names).try_map(|name| Metric::named(&name).ok_or(format!("there is no metric {name}")))
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

fn gib(text: &str) -> Result<f64, String> {
    let expected = || format!("{text:?}; expected a number of 0 or more");
    text.parse().ok().filter(|count: &f64| count.is_finite() && *count >= 0.0).ok_or_else(expected)
}

impl MeasuringArgs {
    /// How test data are read, where the arguments say nothing as `training` has it.
    pub fn reading(&self, training: &DataRecipe) -> DataOptions {
        let recipe = DataRecipe {
            max_skipped: self.max_skipped.unwrap_or(training.max_skipped),
            memory_gib: self.memory_gib.unwrap_or(training.memory_gib),
            ..training.clone()
        };
        DataOptions { limit: self.limit.map(|limit| limit as usize), watcher: Arc::new(Bars::default()), ..recipe.options() }
    }

    /// The options, with FID's Inception and the held-out judge on `device` where they are named, the judge through one of `encoders`; the
    /// model's own DAMSM is the command's to add. `held_back` is what the model's training held back of its data, and `part` what is measured.
    ///
    /// # Errors
    /// As [`import::published_inception_v3`] and [`judge::load`].
    pub fn options(
        &self,
        device: &Device,
        encoders: &[PathBuf],
        part: Split,
        held_back: Option<Validation>,
    ) -> error::Result<EvaluateOptions> {
        let judge = match &self.judge {
            Some(run) => {
                let (judge, recipe) = judge::load(run, encoders, device)?;
                let learned_from_them = part == Split::Validation && recipe.data.held_back() != held_back;
                Some(Judge { learned_from_them, ..judge })
            }
            None => None,
        };
        let inception = match &self.inception {
            Some(path) => Some(Inception {
                network: import::published_inception_v3(path, InceptionVariant::Fid, device)?,
                preprocessing: match self.preprocessing {
                    PreprocessingArg::PytorchFid => Preprocessing::PytorchFid,
                    PreprocessingArg::TorchFidelity => Preprocessing::TorchFidelity,
                },
            }),
            None => None,
        };
        Ok(EvaluateOptions {
            metrics: (!self.metrics.is_empty()).then(|| self.metrics.clone()),
            part,
            judge,
            seed: self.seed,
            batch: self.batch.into(),
            samples: self.samples.map(|samples| samples as usize),
            inception,
            stages: self.stages,
            probe: self.probe.map(|probe| match probe {
                ProbeArg::Petals => Probe::Petals,
                ProbeArg::Birds => Probe::Birds,
            }),
            watcher: Arc::new(Bars::default()),
            ..EvaluateOptions::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        measuring: MeasuringArgs,
    }

    #[test]
    fn metrics_are_those_of_the_registry() {
        let names: Vec<&str> = metric::ALL.map(|metric| metric.name).to_vec();
        let line = Line::try_parse_from(["measure", "--metrics", &names.join(",")]).unwrap();
        assert_eq!(line.measuring.metrics, metric::ALL);
        let error = Line::try_parse_from(["measure", "--metrics", "fid,fud"]).err().unwrap().to_string();
        assert!(error.contains("fud") && error.contains("r-precision"), "{error}");
    }

    /// Size, samples that may be skipped, memory and limit.
    fn values(options: &DataOptions) -> (usize, usize, u64, Option<usize>) {
        (options.size, options.max_skipped, options.memory, options.limit)
    }

    fn reading(arguments: &[&str], training: &DataRecipe) -> (usize, usize, u64, Option<usize>) {
        let line = Line::try_parse_from([&["measure"], arguments].concat()).unwrap();
        values(&line.measuring.reading(training))
    }

    #[test]
    fn data_are_read_as_the_training_did_but_for_what_is_asked() {
        let training = DataRecipe { size: 64, max_skipped: 3, memory_gib: 0.5, ..DataRecipe::default() };
        assert_eq!(reading(&[], &training), (64, 3, 1 << 29, None));
        let asked = ["--max-skipped", "90", "--memory-gib", "2.5", "--limit", "7"];
        assert_eq!(reading(&asked, &training), (64, 90, 5 << 29, Some(7)));
        let defaults = reading(&[], &DataRecipe::default());
        assert_eq!(defaults, values(&DataOptions::default()), "both sets of defaults are the same");
        for memory in ["-1", "nan", "inf", "much"] {
            assert!(Line::try_parse_from(["measure", &format!("--memory-gib={memory}")]).is_err(), "{memory}");
        }
    }
}
