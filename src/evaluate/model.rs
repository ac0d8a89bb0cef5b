//! All metrics of a model on photographs that it did not learn from.

use std::sync::Arc;

use burn::tensor::Device;

use super::colour_probe::Probe;
use super::error::{EvaluateError, Obstacle};
use super::evaluator::Evaluator;
use super::features::Networks;
use super::figure::{Evaluation, LeftOut};
use super::inception::Inception;
use super::judge::Judge;
use super::metric::{ALL, JUDGE, Metric};
use crate::damsm::Damsm;
use crate::data::{Dataset, Split};
use crate::encoder::SizedEncoder;
use crate::model::Model;
use crate::pipeline::Drawer;
use crate::stem::TextEncoder;
use crate::stream::Describer;
use crate::watch::{SharedWatcher, Unwatched};

/// What [`evaluate`] is asked for.
#[derive(Debug)]
pub struct EvaluateOptions {
    /// Which metrics; none for all that can be measured, with what is left out said in [`Evaluation::left_out`].
    pub metrics: Option<Vec<&'static Metric>>,
    /// Which part of the data is measured on: protocols say so.
    pub part: Split,
    /// Where captions, noise, rivals and resamples are drawn from.
    pub seed: u64,
    /// Pictures in a forward pass.
    pub batch: usize,
    /// Pictures to draw for test captions, over and over with new noise; none for one a test photograph.
    pub samples: Option<usize>,
    /// The text encoder and heads that [`R_PRECISION`](super::metric::R_PRECISION) compares in.
    pub damsm: Option<(TextEncoder, Damsm)>,
    /// The part of its training's data on which its weights are those of the epoch with the best R-precision, if they were chosen so: the
    /// protocol says so.
    pub damsm_chosen_on: Option<Split>,
    /// The image encoder of [`EvaluateOptions::damsm`] and the height and width of the pictures that it sees, where it is not STREAM's.
    pub damsm_encoder: Option<SizedEncoder>,
    /// A DAMSM that the generator never learned from, which [`JUDGE`] compares in.
    pub judge: Option<Judge>,
    /// The network of FID, KID and IS.
    pub inception: Option<Inception>,
    /// Whether figures of pictures as such (spectra) are taken of every stage's, not of the last one's alone.
    pub stages: bool,
    /// The colour probe; none for the one that the vocabulary speaks of.
    pub probe: Option<Probe>,
    /// Is told how far it is; asked once a batch whether to stop.
    pub watcher: SharedWatcher,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            metrics: None,
            part: Split::Test,
            seed: 0,
            batch: 8,
            samples: None,
            damsm: None,
            damsm_chosen_on: None,
            damsm_encoder: None,
            judge: None,
            inception: None,
            stages: false,
            probe: None,
            watcher: Arc::new(Unwatched),
        }
    }
}

/// Measures `model`, whose weights are on `device`, on `dataset`, which is of [`EvaluateOptions::part`].
///
/// Every picture is drawn once and looked at by all networks that need it; a batch of pictures is in memory at a time, and of all others
/// only features.
///
/// # Errors
/// [`EvaluateError::Impossible`] when a metric that [`EvaluateOptions::metrics`] names cannot be measured or [`EvaluateOptions::judge`] is the
/// model's own teacher, [`EvaluateError::Nothing`] when there is none that can; [`Error::Device`](crate::Error::Device); [`Error::Interrupted`](crate::Error::Interrupted) when the watcher stops it.
pub fn evaluate(model: &Model, dataset: &Dataset, options: &EvaluateOptions, device: &Device) -> Result<Evaluation, EvaluateError> {
    if let Some(judge) = &options.judge
        && judge.taught(model, device)?
    {
        return Err(EvaluateError::Impossible(LeftOut { metric: JUDGE.name.into(), reason: Obstacle::OwnTeacher }));
    }
    let drawer = &Drawer::new(model.generator.clone(), device)?;
    let describer = model.stream.clone().map(|stream| Describer::new(stream, device)).transpose()?;
    let describer = describer.as_ref();
    let samples = options.samples.unwrap_or(dataset.len());
    let evaluator = Evaluator { model, dataset, drawer, describer, options, device, samples };
    let mut left_out = Vec::new();
    let metrics: Vec<&Metric> = match &options.metrics {
        Some(metrics) => {
            if let Some((metric, reason)) = metrics.iter().find_map(|metric| Some((metric, metric.obstacle(&evaluator)?))) {
                return Err(EvaluateError::Impossible(LeftOut { metric: metric.name.into(), reason }));
            }
            ALL.into_iter().filter(|metric| metrics.contains(metric)).collect()
        }
        None => ALL
            .into_iter()
            .filter(|metric| {
                let reason = metric.obstacle(&evaluator);
                left_out.extend(reason.clone().map(|reason| LeftOut { metric: metric.name.into(), reason }));
                reason.is_none()
            })
            .collect(),
    };
    if metrics.is_empty() {
        return Err(EvaluateError::Nothing(left_out));
    }
    let of_all = |networks: fn(&Metric) -> Networks| metrics.iter().fold(Networks::NONE, |all, metric| all.or(networks(metric)));
    let mut inputs = evaluator.inputs(of_all(|metric| metric.photographs), of_all(|metric| metric.drawings))?;
    let mut figures = Vec::new();
    for metric in metrics {
        figures.extend(metric.figures(&evaluator, &mut inputs)?);
    }
    let (pictures, size) = (dataset.len(), evaluator.size());
    Ok(Evaluation { model: model.config.name.clone(), pictures, samples, size, seed: options.seed, figures, left_out })
}
