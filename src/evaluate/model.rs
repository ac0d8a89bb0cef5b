//! All metrics of a model on a test split.

use burn::tensor::Device;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::caption_scores::caption_figures;
use super::colour_probe::{self, Probe, SEEDS};
use super::diversity::mean_pairwise_distance;
use super::figure::{Evaluation, Figure, LeftOut};
use super::inception::{self, Inception};
use super::interval::{self, GROUPS, Interval, IntervalKind, bootstrap_mean, jackknife, over_parts};
use super::pictures::{Eyes, Seen, Studio, to_rows, to_tensor};
use super::{frechet, inception_score, kernel, r_precision};
use crate::damsm::Damsm;
use crate::data::{Dataset, EncodedCaptions};
use crate::encoder::ImageEncoder;
use crate::model_dir::Model;
use crate::pipeline::{Noise, Picture};
use crate::stem::{TextBatch, TextEncoder};
use crate::stream::Stream;
use crate::text::tokenize;
use crate::{Error, Result};

/// Words of a caption when evaluating (public code).
const MAX_WORDS: usize = 25;

/// Prompts, and pictures of each, that diversity is measured on.
const DIVERSITY: [usize; 2] = [20, 8];

/// Groups of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// STREAM on the test photographs: BLEU, CIDEr-D, ROUGE-L against all references.
    Captions,
    /// STREAM on drawn pictures, against the captions that they were drawn for.
    Redescription,
    /// Fréchet and kernel distance between drawn pictures and photographs on the features of STREAM's image encoder.
    Distance,
    /// Fréchet inception distance; needs FID's Inception.
    Fid,
    /// Kernel inception distance; needs FID's Inception.
    Kid,
    /// Inception score; needs FID's Inception.
    InceptionScore,
    /// Whether pictures find their captions; needs the DAMSM of a training run.
    RPrecision,
    /// How much pictures of one prompt differ.
    Diversity,
    /// Whether petals or birds have the colour that is asked for.
    Colours,
}

impl Metric {
    /// Every one, in the order of the figures.
    pub const ALL: [Self; 9] = [
        Self::Captions,
        Self::Redescription,
        Self::Distance,
        Self::Fid,
        Self::Kid,
        Self::InceptionScore,
        Self::RPrecision,
        Self::Diversity,
        Self::Colours,
    ];

    /// Its name on the command line and in what is left out.
    pub fn name(self) -> &'static str {
        match self {
            Self::Captions => "captions",
            Self::Redescription => "redescription",
            Self::Distance => "distance",
            Self::Fid => "fid",
            Self::Kid => "kid",
            Self::InceptionScore => "is",
            Self::RPrecision => "r-precision",
            Self::Diversity => "diversity",
            Self::Colours => "colours",
        }
    }

    fn needs_stream(self) -> bool {
        !matches!(self, Self::Fid | Self::Kid | Self::InceptionScore | Self::Colours)
    }

    fn needs_inception(self) -> bool {
        matches!(self, Self::Fid | Self::Kid | Self::InceptionScore)
    }
}

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
    /// The image encoder of [`EvaluateOptions::damsm`] and the height and width of the pictures that it sees, where it is not STREAM's.
    pub judge_encoder: Option<(ImageEncoder, usize)>,
    /// The network of FID, KID and IS.
    pub inception: Option<Inception>,
    /// The colour probe; none for the one that the vocabulary speaks of.
    pub probe: Option<Probe>,
    /// Whether bars are drawn.
    pub progress: bool,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            metrics: None,
            seed: 0,
            batch: 8,
            samples: None,
            damsm: None,
            judge_encoder: None,
            inception: None,
            probe: None,
            progress: false,
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
/// only features. Progress bars show the time left.
///
/// # Errors
/// [`Error::BadInput`] when a metric that [`EvaluateOptions::metrics`] names cannot be measured, or there is none that can;
/// [`Error::Device`].
pub fn evaluate(model: &Model, dataset: &Dataset, options: &EvaluateOptions, device: &Device) -> Result<Evaluation> {
    let studio = Studio { model, dataset, options, device };
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

/// Why a metric cannot be measured.
fn obstacle(studio: &Studio, samples: usize, metric: Metric) -> Option<String> {
    let Studio { model, dataset, options, .. } = studio;
    if metric.needs_stream() && model.stream.is_none() {
        return Some("this model has no STREAM, whose image encoder it needs".into());
    }
    if metric.needs_inception() {
        match &options.inception {
            None => {
                let weights = inception::WEIGHTS;
                return Some(format!("it needs the weights of FID's Inception-v3, given by --inception FILE: {weights}"));
            }
            Some(inception) if metric == Metric::InceptionScore && inception.network.classes().is_none() => {
                return Some("the Inception-v3 has no classifier".into());
            }
            Some(_) => {}
        }
    }
    let pictures = dataset.len();
    if let (Metric::RPrecision, Some((_, damsm))) = (metric, &options.damsm) {
        let own = options.judge_encoder.as_ref().map(|(encoder, _)| encoder.features());
        let found = own.or(model.config.stream.as_ref().map(|config| config.image_features)).unwrap_or(0);
        if found != damsm.code_channels() {
            let expected = damsm.code_channels();
            return Some(format!(
                "the judge compares codes of {expected} values and the image encoder gives {found}: it was trained on another"
            ));
        }
    }
    match metric {
        Metric::Distance | Metric::Fid | Metric::Kid if pictures < 2 || samples < 2 => {
            Some(format!("it compares {samples} drawn pictures with {pictures} photographs; both have to be at least 2"))
        }
        Metric::Redescription | Metric::InceptionScore if samples == 0 => Some("no picture is to be drawn".into()),
        Metric::RPrecision if options.damsm.is_none() => {
            Some("it compares in the space of DAMSM, which is in the training run: name it with --run".into())
        }
        Metric::RPrecision => {
            let classes = dataset.classes(&(0..pictures).collect::<Vec<_>>());
            let alike = classes.iter().all(|class| Some(class) == classes.first());
            (alike || samples == 0).then(|| "all test pictures are of one class: there are no captions of others".into())
        }
        Metric::Colours => match options.probe.or(Probe::of(&model.vocabulary)) {
            None => Some("the vocabulary knows neither petals nor birds; name a probe with --probe".into()),
            Some(probe) => {
                let known = probe.colours().iter().any(|colour| model.vocabulary.id(colour.name).is_some());
                (!known).then(|| format!("the model knows no colour of the probe of {}", probe.name()))
            }
        },
        _ => None,
    }
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
            let protocol = "STREAM's greedy description of each test photograph against all captions of it; BLEU over the corpus";
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

    fn of_inception(&self, photographs: &Seen, drawn: &Seen) -> Vec<Figure> {
        let Some(inception) = &self.studio.options.inception else { return Vec::new() };
        let network = format!("inception-v3-2015-12-05 ({} preprocessing)", inception.preprocessing.name());
        let mut figures = Vec::new();
        if self.wants(&[Metric::Fid]) {
            figures.push(self.frechet("fid", &network, &photographs.inception, &drawn.inception));
        }
        if self.wants(&[Metric::Kid]) {
            figures.push(self.kernel("kid", &network, &photographs.inception, &drawn.inception));
        }
        if self.wants(&[Metric::InceptionScore]) {
            for (name, logits) in [("is.generated", &drawn.logits), ("is.real", &photographs.logits)] {
                let mut logits = logits.clone();
                logits.shuffle(&mut self.rng(Purpose::Shuffle));
                let scores = inception_score::inception_scores(&logits, inception_score::SPLITS);
                let (value, interval) = over_parts(IntervalKind::StdOverSplits, &scores);
                let protocol = "Inception score of the 1008 ImageNet classes, without the classifier's bias, in shuffled splits; figures for \
                                CUB in the literature use a network fine-tuned on 50 bird classes and cannot be compared with it";
                figures.push(Figure {
                    name: name.into(),
                    value,
                    interval,
                    n: logits.len(),
                    references: None,
                    network: Some(network.clone()),
                    protocol: protocol.into(),
                });
            }
        }
        figures
    }

    /// What STREAM's image encoder is called.
    fn network(&self) -> String {
        match self.studio.model.config.stream.as_ref() {
            Some(config) if config.encoder_width != 1.0 => format!("{}-width-{}", config.encoder, config.encoder_width),
            Some(config) => config.encoder.to_string(),
            None => "no encoder".into(),
        }
    }

    fn frechet(&self, name: &str, network: &str, real: &[Vec<f32>], drawn: &[Vec<f32>]) -> Figure {
        let bar = self.studio.bar(GROUPS + 1, name);
        let value = frechet::frechet_distance(real, drawn);
        bar.inc(1);
        let smaller = real.len().min(drawn.len());
        let interval: Option<Interval> = (smaller >= 2 * GROUPS).then(|| {
            let rest = |rows: &[Vec<f32>], group| -> Vec<Vec<f32>> {
                rows.iter().enumerate().filter(|(i, _)| i % GROUPS != group).map(|(_, row)| row.clone()).collect()
            };
            jackknife(value, |group| {
                let found = frechet::frechet_distance(&rest(real, group), &rest(drawn, group));
                bar.inc(1);
                found
            })
        });
        bar.finish_and_clear();
        let dimensions = real.first().map_or(0, Vec::len);
        let mut protocol = format!(
            "Fréchet distance of pooled features, {dimensions} values, covariances with n − 1, in f64; drawn pictures against test \
             photographs at {} px",
            self.studio.size()
        );
        if smaller <= dimensions {
            let needed = dimensions + 1;
            protocol.push_str(&format!(
                "; with fewer than {needed} pictures on a side a covariance is singular (the distance is computed exactly all the same) and \
                 the figure is biased upwards: trust the kernel distance, and compare only figures of the same counts"
            ));
        }
        Figure { name: name.into(), value, interval, n: drawn.len(), references: Some(real.len()), network: Some(network.into()), protocol }
    }

    fn kernel(&self, name: &str, network: &str, real: &[Vec<f32>], drawn: &[Vec<f32>]) -> Figure {
        let size = kernel::subset_size(real.len(), drawn.len());
        let values = kernel::kernel_distances(real, drawn, size, kernel::SUBSETS, &mut self.rng(Purpose::Subsets));
        let (value, interval) = over_parts(IntervalKind::StdOverSubsets, &values);
        let protocol = format!(
            "unbiased squared MMD of pooled features with the kernel (xᵀy/d + 1)³, mean over {} random subsets of {size}; drawn pictures \
             against test photographs at {} px",
            kernel::SUBSETS,
            self.studio.size()
        );
        Figure { name: name.into(), value, interval, n: drawn.len(), references: Some(real.len()), network: Some(network.into()), protocol }
    }

    fn r_precision(&self, photographs: &Seen, drawn: &Seen, prompts: &[Vec<usize>]) -> Result<Vec<Figure>> {
        let Studio { model, dataset, options, device } = self.studio;
        let Some((text, damsm)) = &options.damsm else { return Ok(Vec::new()) };
        let mut sentences = Vec::with_capacity(prompts.len());
        let mut own = true;
        for prompts in prompts.chunks(options.batch.max(1)) {
            let batch = TextBatch::new(prompts, device);
            let rows = to_rows(text.forward(&batch).sentence)?;
            if sentences.is_empty() {
                // The judge is of the model's own training when its text encoder says what the model's does, up to f16.
                let models = to_rows(model.stem.forward(&batch).sentence)?;
                own = rows.iter().zip(&models).all(|(a, b)| a.len() == b.len() && cosine(a, b) > 0.999);
            }
            sentences.extend(rows);
        }
        let judge = if own {
            "the judge is the DAMSM of the model's own training, whose text encoder the generator is conditioned on, so it is no independent \
             judge: read the figure beside that of photographs"
        } else {
            "the judge is the DAMSM of another training than the model's"
        };
        let network = match &options.judge_encoder {
            Some((encoder, _)) => format!("damsm-{}", encoder.kind()),
            None => format!("damsm-{}", self.network()),
        };
        let mut figures = Vec::new();
        for (whose, rows) in [("generated", drawn), ("real", photographs)] {
            let rows = if options.judge_encoder.is_some() { &rows.judge } else { &rows.rows };
            let mut codes = Vec::with_capacity(rows.len());
            for rows in rows.chunks(options.batch.max(1)) {
                codes.extend(to_rows(damsm.encode(to_tensor(rows, device)))?);
            }
            let indices: Vec<usize> = (0..codes.len()).map(|i| i % dataset.len()).collect();
            let classes = dataset.classes(&indices);
            let found = r_precision::r_precision(&codes, &sentences[..codes.len()], &classes, &mut self.rng(Purpose::Rivals));
            let (low, high) = (found.mean - found.deviation, found.mean + found.deviation);
            let interval = Interval { kind: IntervalKind::StdOverFolds, low, high, parts: found.folds };
            figures.push(Figure {
                name: format!("r_precision-{network}.{whose}"),
                value: found.mean,
                interval: (found.folds > 1).then_some(interval),
                n: codes.len(),
                references: Some(r_precision::OTHERS + 1),
                network: Some(network.clone()),
                protocol: format!(
                    "a picture's own caption has the largest cosine with it among itself and {} captions of other classes (of other pictures \
                     where there are no classes; all there are where there are fewer), over whole folds; {judge}",
                    r_precision::OTHERS
                ),
            });
        }
        Ok(figures)
    }

    fn diversity(&self, photographs: &Seen, captions: &EncodedCaptions) -> Result<Vec<Figure>> {
        let Studio { model, dataset, .. } = self.studio;
        let [prompts, seeds] = DIVERSITY;
        let prompts = prompts.min(dataset.len());
        let mut rng = self.rng(Purpose::Prompts);
        // Spread over the data, for it may be sorted.
        let chosen: Vec<Vec<usize>> = (0..prompts).map(|i| captions.draw(i * dataset.len() / prompts, MAX_WORDS, &mut rng)).collect();
        let repeated: Vec<Vec<usize>> = chosen.iter().flat_map(|prompt| vec![prompt.clone(); seeds]).collect();
        let mut noise = Noise::new(self.studio.options.seed ^ Purpose::DiversityNoise as u64);
        let eyes = Eyes { stream: model.stream.as_ref(), judge: None, inception: None };
        let drawn = self.studio.drawings(&repeated, &mut noise, eyes, "drawing prompts again")?;
        let network = self.network();
        let figure = |whose: &str, groups: Vec<f64>, n: usize, protocol: String| Figure {
            name: format!("diversity-{network}.{whose}"),
            value: groups.iter().sum::<f64>() / groups.len().max(1) as f64,
            interval: bootstrap_mean(&groups, &mut self.rng(Purpose::Bootstrap)),
            n,
            references: None,
            network: Some(network.clone()),
            protocol,
        };
        let distances: Vec<f64> = drawn.rows.chunks(seeds).filter_map(mean_pairwise_distance).collect();
        let measure = "mean pairwise cosine distance of pooled features, higher is more diverse";
        let mut figures =
            vec![figure("generated", distances, drawn.rows.len(), format!("{measure}: {seeds} seeds of each of {prompts} prompts"))];
        let mut classes: std::collections::BTreeMap<usize, Vec<Vec<f32>>> = Default::default();
        for (sample, row) in dataset.samples.iter().zip(&photographs.rows) {
            if let Some(class) = sample.class_id {
                let members = classes.entry(class).or_default();
                if members.len() < seeds {
                    members.push(row.clone());
                }
            }
        }
        classes.retain(|_, members| members.len() > 1);
        if !classes.is_empty() {
            let n = classes.values().map(Vec::len).sum();
            let distances: Vec<f64> = classes.values().filter_map(|members| mean_pairwise_distance(members)).collect();
            let protocol =
                format!("{measure}: up to {seeds} test photographs of each class, a reference from above for seeds of one prompt");
            figures.push(figure("real", distances, n, protocol));
        }
        Ok(figures)
    }

    fn colours(&self) -> Result<Vec<Figure>> {
        let Studio { model, options, .. } = self.studio;
        let Some(probe) = options.probe.or(Probe::of(&model.vocabulary)) else { return Ok(Vec::new()) };
        let known: Vec<_> = probe.colours().iter().filter(|colour| model.vocabulary.id(colour.name).is_some()).collect();
        let bar = self.studio.bar(known.len() * SEEDS as usize, "colour probe");
        let figure = |name: &str, hits: usize, trials: usize| Figure {
            name: format!("colour.{name}"),
            value: hits as f64 / trials.max(1) as f64,
            interval: interval::wilson(hits, trials),
            n: trials,
            references: None,
            network: None,
            protocol: format!(
                "probe of {}, seeds 0 to {} of prompts such as “{}”: share of pictures of whose central region (half as wide and high) at \
                 least {} % has the colour in HSV",
                probe.name(),
                SEEDS - 1,
                known.first().map_or(String::new(), |colour| probe.prompt(colour)),
                colour_probe::NEEDED * 100.0
            ),
        };
        let (mut figures, mut all) = (Vec::new(), 0);
        for colour in &known {
            let ids = model.vocabulary.encode(&probe.prompt(colour), model.config.text_encoder.max_words)?.ids;
            let mut hits = 0;
            for seed in 0..SEEDS {
                let images = self.studio.draw(std::slice::from_ref(&ids), &mut Noise::new(seed))?;
                let [batch, channels, size, _] = images.dims();
                for picture in to_rows(images.reshape([batch, channels * size * size]))? {
                    hits += usize::from(colour.hit(Picture::from_planes(&picture).rgba(), size, 4));
                }
                bar.inc(1);
            }
            all += hits;
            figures.push(figure(colour.name, hits, SEEDS as usize));
        }
        bar.finish_and_clear();
        figures.push(figure("mean", all, known.len() * SEEDS as usize));
        Ok(figures)
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(p, q)| f64::from(*p) * f64::from(*q)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
}
