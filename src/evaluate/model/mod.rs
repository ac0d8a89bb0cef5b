//! All metrics of a model on a test split.

mod distances;
mod metric;
mod prompts;

use std::sync::Arc;

use burn::tensor::Device;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use self::metric::Metric;
use self::metric::obstacle;
use super::caption_scores::caption_figures;
use super::colour_probe::Probe;
use super::figure::{Evaluation, Figure, LeftOut};
use super::inception::Inception;
use super::pictures::{Eyes, Seen, Studio};
use crate::damsm::Damsm;
use crate::data::{Dataset, EncodedCaptions};
use crate::encoder::SizedEncoder;
use crate::model::Model;
use crate::pipeline::{Drawer, Noise};
use crate::stem::TextEncoder;
use crate::stream::Stream;
use crate::text::tokenize;
use crate::watch::{SharedWatcher, Unwatched};
use crate::{Error, Result};

/// Words of a caption when evaluating (public code).
const MAX_WORDS: usize = 25;

/// What [`evaluate`] is asked for.
#[derive(Debug)]
pub struct EvaluateOptions {
    /// Which metrics; none for all that can be measured, with what is left out said in [`Evaluation::left_out`].
    pub metrics: Option<Vec<Metric>>,
    /// Where captions, noise, rivals and resamples are drawn from.
    pub seed: u64,
    /// Pictures in a forward pass.
    pub batch: usize,
    /// Pictures to draw for test captions, over and over with new noise; none for one a test photograph.
    pub samples: Option<usize>,
    /// The text encoder and heads that [`Metric::RPrecision`] compares in.
    pub damsm: Option<(TextEncoder, Damsm)>,
    /// Whether its weights are those of the epoch with the best R-precision on the test part of its training's data: the protocol says so.
    pub damsm_chosen_on_test: bool,
    /// The image encoder of [`EvaluateOptions::damsm`] and the height and width of the pictures that it sees, where it is not STREAM's.
    pub judge_encoder: Option<SizedEncoder>,
    /// The network of FID, KID and IS.
    pub inception: Option<Inception>,
    /// The colour probe; none for the one that the vocabulary speaks of.
    pub probe: Option<Probe>,
    /// Is told how far it is; asked once a batch whether to stop.
    pub watcher: SharedWatcher,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            metrics: None,
            seed: 0,
            batch: 8,
            samples: None,
            damsm: None,
            damsm_chosen_on_test: false,
            judge_encoder: None,
            inception: None,
            probe: None,
            watcher: Arc::new(Unwatched),
        }
    }
}

/// Random numbers of each purpose: choosing other metrics changes no figure.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Prompts = 1,
    Rivals,
    Subsets,
    Shuffle,
    Bootstrap,
    DiversityNoise,
}

/// Measures `model`, whose weights are on `device`, on the test split.
///
/// Every picture is drawn once and looked at by all networks that need it; a batch of pictures is in memory at a time, and of all others
/// only features.
///
/// # Errors
/// [`Error::BadInput`] when a metric that [`EvaluateOptions::metrics`] names cannot be measured, or there is none that can;
/// [`Error::Device`]; [`Error::Interrupted`] when the watcher stops it.
pub fn evaluate(model: &Model, dataset: &Dataset, options: &EvaluateOptions, device: &Device) -> Result<Evaluation> {
    let drawer = &Drawer::new(model.generator.clone(), device)?;
    let studio = Studio { model, dataset, drawer, options, device };
    let samples = options.samples.unwrap_or(dataset.len());
    let obstacle = |metric| obstacle(&studio, samples, metric);
    let mut left_out = Vec::new();
    let metrics: Vec<Metric> = match &options.metrics {
        Some(metrics) => {
            if let Some((metric, reason)) = metrics.iter().find_map(|metric| Some((metric, obstacle(*metric)?))) {
                return Err(Error::BadInput(format!("{}: {reason}", metric.name())));
            }
            Metric::ALL.into_iter().filter(|metric| metrics.contains(metric)).collect()
        }
        None => Metric::ALL
            .into_iter()
            .filter(|metric| {
                let reason = obstacle(*metric);
                left_out.extend(reason.clone().map(|reason| LeftOut { metric: metric.name().into(), reason }));
                reason.is_none()
            })
            .collect(),
    };
    if metrics.is_empty() {
        let reasons: Vec<String> = left_out.iter().map(|LeftOut { metric, reason }| format!("{metric}: {reason}")).collect();
        return Err(Error::BadInput(format!("nothing can be measured: {}", reasons.join("; "))));
    }
    let size = studio.size();
    let measurement = Measurement { studio, metrics, samples };
    let figures = measurement.figures()?;
    let model = model.config.name.clone();
    Ok(Evaluation { model, pictures: dataset.len(), samples, size, seed: options.seed, figures, left_out })
}

struct Measurement<'a> {
    studio: Studio<'a>,
    metrics: Vec<Metric>,
    samples: usize,
}

impl Measurement<'_> {
    fn wants(&self, metrics: &[Metric]) -> bool {
        self.metrics.iter().any(|metric| metrics.contains(metric))
    }

    fn rng(&self, purpose: Purpose) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.studio.options.seed);
        rng.set_stream(purpose as u64);
        rng
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        let Studio { model, dataset, options, .. } = self.studio;
        let only = |wanted: &[Metric]| Eyes {
            stream: model.stream.as_ref().filter(|_| self.wants(wanted)),
            judge: options.judge_encoder.as_ref().filter(|_| self.wants(&[Metric::RPrecision])),
            inception: options.inception.as_ref().filter(|_| self.metrics.iter().any(|m| m.needs_inception() && wanted.contains(m))),
        };
        use Metric::{Captions, Distance, Diversity, Fid, InceptionScore, Kid, RPrecision, Redescription};
        let mut eyes = only(&[Captions, Distance, RPrecision, Diversity]);
        eyes.inception = only(&[Fid, Kid, InceptionScore]).inception;
        let photographs = self.studio.photographs(eyes)?;
        // One caption a photograph, photograph after photograph, over and over.
        let captions = EncodedCaptions::new(dataset, &model.vocabulary)?;
        let mut rng = self.rng(Purpose::Prompts);
        let count = self.samples.max(dataset.len());
        let prompts: Vec<Vec<usize>> = (0..count).map(|i| captions.draw(i % dataset.len(), MAX_WORDS, &mut rng)).collect();
        let mut eyes = only(&[Redescription, Distance, RPrecision]);
        eyes.inception = only(&[Fid, Kid, InceptionScore]).inception;
        let mut noise = Noise::new(options.seed);
        let drawn = self.studio.drawings(&prompts[..self.samples], &mut noise, eyes, "drawing pictures")?;

        let mut figures = Vec::new();
        if let Some(stream) = &model.stream {
            figures.extend(self.of_stream(stream, &photographs, &drawn, &prompts)?);
        }
        figures.extend(self.of_inception(&photographs, &drawn));
        if self.wants(&[RPrecision]) {
            figures.extend(self.r_precision(&photographs, &drawn, &prompts)?);
        }
        if self.wants(&[Diversity]) {
            figures.extend(self.diversity(&photographs, &captions)?);
        }
        if self.wants(&[Metric::Colours]) {
            figures.extend(self.colours()?);
        }
        Ok(figures)
    }

    /// The captions of the test photographs, `count` times around.
    fn references(&self, count: usize) -> Vec<Vec<Vec<String>>> {
        let samples = &self.studio.dataset.samples;
        let of = |i: usize| samples[i % samples.len()].captions.iter().map(|caption| tokenize(caption)).collect();
        (0..count).map(of).collect()
    }

    fn of_stream(&self, stream: &Stream, photographs: &Seen, drawn: &Seen, prompts: &[Vec<usize>]) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        let mut rng = self.rng(Purpose::Bootstrap);
        if self.wants(&[Metric::Captions]) {
            let captions = self.studio.describe(stream, &photographs.rows, "describing photographs")?;
            let protocol = "STREAM's greedy description of each test photograph against all captions of it, both split into words as for STEM \
                            (not by pycocoevalcap's PTB tokenizer); BLEU over the corpus";
            figures.extend(caption_figures("captions", &captions, &self.references(captions.len()), protocol, &mut rng));
        }
        if self.wants(&[Metric::Redescription]) {
            let captions = self.studio.describe(stream, &drawn.rows, "describing drawn pictures")?;
            let of_prompt: Vec<_> = prompts[..self.samples].iter().map(|ids| vec![self.studio.model.vocabulary.decode(ids)]).collect();
            let protocol = "STREAM's greedy description of each drawn picture against its prompt, the known words of one caption";
            figures.extend(caption_figures("redescription-prompt", &captions, &of_prompt, protocol, &mut rng));
            let protocol =
                "STREAM's greedy description of each drawn picture against all captions of the photograph that its prompt was written for";
            figures.extend(caption_figures("redescription-captions", &captions, &self.references(captions.len()), protocol, &mut rng));
        }
        if self.wants(&[Metric::Distance]) {
            let network = self.network();
            figures.push(self.frechet(&format!("fd-{network}"), &network, &photographs.rows, &drawn.rows));
            figures.push(self.kernel(&format!("kd-{network}"), &network, &photographs.rows, &drawn.rows));
        }
        Ok(figures)
    }

    /// What STREAM's image encoder is called.
    fn network(&self) -> String {
        match self.studio.model.config.stream.as_ref() {
            Some(config) if config.encoder_width != 1.0 => format!("{}-width-{}", config.encoder, config.encoder_width),
            Some(config) => config.encoder.to_string(),
            None => "no encoder".into(),
        }
    }
}
