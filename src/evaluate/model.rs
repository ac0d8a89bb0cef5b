//! All metrics of a model on a test split.

use burn::tensor::{Device, Tensor};
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::colour_probe::{COLOURS, SEEDS};
use super::{bleu, cider, frechet, kernel, r_precision, rouge};
use crate::damsm::Damsm;
use crate::data::{Dataset, EncodedCaptions};
use crate::model_dir::Model;
use crate::pipeline::{Noise, Picture, block_on};
use crate::stem::{TextBatch, TextEncoder, TextFeatures};
use crate::stream::Stream;
use crate::text::tokenize;
use crate::{Error, Result};

/// Words of a caption when evaluating (public code).
const MAX_WORDS: usize = 25;

/// Groups of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// STREAM on the test pictures: BLEU, CIDEr-D, ROUGE-L against all references.
    Captions,
    /// STREAM on generated pictures, against the captions that they were generated from.
    Redescription,
    /// Fréchet and kernel distance between generated and real pictures on EfficientNet-Lite0 features.
    Distance,
    /// Whether generated pictures find their captions; needs the DAMSM of the training run.
    RPrecision,
    /// Whether petals have the colour that is asked for.
    Colours,
}

/// What [`evaluate`] is asked for.
#[derive(Debug)]
pub struct EvaluateOptions {
    /// Which metrics.
    pub metrics: Vec<Metric>,
    /// Where captions, noise and rivals are drawn from.
    pub seed: u64,
    /// Pictures in a forward pass.
    pub batch: usize,
    /// The text encoder and heads that [`Metric::RPrecision`] compares in.
    pub damsm: Option<(TextEncoder, Damsm)>,
    /// Whether bars are drawn.
    pub progress: bool,
}

/// Measures `model`, whose weights are on `device`, on the test split; names and values in a fixed order.
///
/// # Errors
/// [`Error::BadInput`] when a metric needs STREAM or DAMSM and there is none; [`Error::Device`].
pub fn evaluate(model: &Model, dataset: &Dataset, options: &EvaluateOptions, device: &Device) -> Result<Vec<(String, f64)>> {
    if options.metrics.iter().all(|metric| *metric == Metric::Colours) {
        return colours(model, options, device);
    }
    let stream = model
        .stream
        .as_ref()
        .ok_or_else(|| Error::BadInput("this model has no STREAM, whose image encoder these metrics need; try --metrics colours".into()))?;
    let mut values = Vec::new();
    let wants = |metric| options.metrics.contains(&metric);
    let all: Vec<usize> = (0..dataset.len()).collect();
    let real =
        if wants(Metric::Captions) || wants(Metric::Distance) { real_features(stream, dataset, options, device)? } else { Vec::new() };
    if wants(Metric::Captions) {
        let features = real.chunks(options.batch).map(|rows| rows_to_tensor(rows, device));
        let captions = describe(stream, features, model)?;
        let references: Vec<Vec<Vec<String>>> =
            dataset.samples.iter().map(|sample| sample.captions.iter().map(|caption| tokenize(caption)).collect()).collect();
        values.extend(caption_scores("captions", &captions, &references));
    }
    if wants(Metric::Distance) || wants(Metric::RPrecision) || wants(Metric::Redescription) {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let captions = EncodedCaptions::new(dataset, &model.vocabulary)?;
        let prompts: Vec<Vec<usize>> = all.iter().map(|index| captions.draw(*index, MAX_WORDS, &mut rng)).collect();
        let drawn = generated_features(model, stream, &prompts, options, device)?;
        if wants(Metric::Distance) {
            values.push((format!("fd-{}", stream.encoder.kind()), frechet::frechet_distance(&real, &drawn)));
            values.push((format!("kd-{}", stream.encoder.kind()), kernel::kernel_distance(&real, &drawn, &mut rng)));
        }
        if wants(Metric::RPrecision) {
            let (text, damsm) = options.damsm.as_ref().ok_or_else(|| {
                Error::BadInput("R-precision compares in the space of DAMSM, which is in the training run: name it with --run".into())
            })?;
            let (mut codes, mut sentences) = (Vec::new(), Vec::new());
            for (rows, prompts) in drawn.chunks(options.batch).zip(prompts.chunks(options.batch)) {
                codes.extend(to_rows(damsm.encode(rows_to_tensor(rows, device)))?);
                sentences.extend(to_rows(text.forward(&TextBatch::new(prompts, device)).sentence)?);
            }
            let found = r_precision::r_precision(&codes, &sentences, &dataset.classes(&all), &mut rng);
            values.push(("r_precision".into(), found.mean));
            values.push(("r_precision_deviation".into(), found.deviation));
        }
        if wants(Metric::Redescription) {
            let features = drawn.chunks(options.batch).map(|rows| rows_to_tensor(rows, device));
            let captions = describe(stream, features, model)?;
            let references: Vec<_> = prompts.iter().map(|prompt| vec![model.vocabulary.decode(prompt)]).collect();
            values.extend(caption_scores("redescription", &captions, &references));
        }
    }
    if wants(Metric::Colours) {
        values.extend(colours(model, options, device)?);
    }
    Ok(values)
}

fn caption_scores(name: &str, captions: &[Vec<String>], references: &[Vec<Vec<String>>]) -> Vec<(String, f64)> {
    let bleu = bleu::bleu(captions, references);
    let mut values: Vec<_> = bleu.iter().enumerate().map(|(i, value)| (format!("{name}.bleu_{}", i + 1), *value)).collect();
    values.push((format!("{name}.cider_d"), cider::cider_d(captions, references)));
    values.push((format!("{name}.rouge_l"), rouge::rouge_l(captions, references)));
    values
}

fn bar(options: &EvaluateOptions, count: usize, name: &str) -> ProgressBar {
    let bar = if options.progress { ProgressBar::new(count as u64) } else { ProgressBar::hidden() };
    bar.set_style(crate::data::bar_style());
    bar.set_prefix(name.to_string());
    bar
}

fn real_features(stream: &Stream, dataset: &Dataset, options: &EvaluateOptions, device: &Device) -> Result<Vec<Vec<f32>>> {
    let bar = bar(options, dataset.len(), "test pictures");
    let all: Vec<usize> = (0..dataset.len()).collect();
    let mut rows = Vec::with_capacity(all.len());
    for indices in all.chunks(options.batch) {
        let images = dataset.images(indices, &vec![false; indices.len()], dataset.size, device);
        rows.extend(to_rows(stream.describe(images))?);
        bar.inc(indices.len() as u64);
    }
    bar.finish_and_clear();
    Ok(rows)
}

fn generated_features(
    model: &Model,
    stream: &Stream,
    prompts: &[Vec<usize>],
    options: &EvaluateOptions,
    device: &Device,
) -> Result<Vec<Vec<f32>>> {
    let bar = bar(options, prompts.len(), "drawing pictures");
    let mut noise = Noise::new(options.seed);
    let mut rows = Vec::with_capacity(prompts.len());
    for prompts in prompts.chunks(options.batch) {
        let text = model.stem.forward(&TextBatch::new(prompts, device));
        rows.extend(to_rows(stream.describe(draw(model, &text, &mut noise, device)?))?);
        bar.inc(prompts.len() as u64);
    }
    bar.finish_and_clear();
    Ok(rows)
}

/// The last stage's pictures of a batch of prompts; their noise is drawn picture after picture, as everywhere.
fn draw(model: &Model, text: &TextFeatures, noise: &mut Noise, device: &Device) -> Result<Tensor<4>> {
    let batch = text.sentence.dims()[0];
    let (z, epsilon): (Vec<_>, Vec<_>) = (0..batch).map(|_| noise.next(&model.config.generator, device)).unzip();
    let mut generated = model.generator.forward(text, Tensor::cat(z, 0), Tensor::cat(epsilon, 0));
    generated.images.pop().ok_or_else(|| Error::bad_model("config.json", "the generator has no stages"))
}

fn describe(stream: &Stream, features: impl Iterator<Item = Tensor<2>>, model: &Model) -> Result<Vec<Vec<String>>> {
    let max_words = model.config.stream.as_ref().map_or(20, |config| config.max_words);
    let mut captions = Vec::new();
    for features in features {
        let found = block_on(stream.decoder.caption(features, max_words))?;
        captions.extend(found.into_iter().map(|caption| model.vocabulary.decode(&caption.ids)));
    }
    Ok(captions)
}

/// The share of hits of each colour whose word the model knows, and their mean.
fn colours(model: &Model, options: &EvaluateOptions, device: &Device) -> Result<Vec<(String, f64)>> {
    let bar = bar(options, COLOURS.len() * SEEDS as usize, "colour probe");
    let mut values = Vec::new();
    for colour in &COLOURS {
        if model.vocabulary.id(colour.name).is_none() {
            continue;
        }
        let ids = model.vocabulary.encode(&colour.prompt(), model.config.text_encoder.max_words)?.ids;
        let mut hits = 0;
        let seeds: Vec<u64> = (0..SEEDS).collect();
        for seeds in seeds.chunks(options.batch) {
            let text = model.stem.forward(&TextBatch::new(&vec![ids.clone(); seeds.len()], device));
            let noises = seeds.iter().map(|seed| Noise::new(*seed).next(&model.config.generator, device));
            let (z, epsilon): (Vec<_>, Vec<_>) = noises.unzip();
            let mut generated = model.generator.forward(&text, Tensor::cat(z, 0), Tensor::cat(epsilon, 0));
            let images = generated.images.pop().ok_or_else(|| Error::bad_model("config.json", "the generator has no stages"))?;
            let [batch, _, size, _] = images.dims();
            for picture in to_rows(images.reshape([batch, 3 * size * size]))? {
                hits += usize::from(colour.hit(Picture::from_planes(&picture).rgba(), size, 4));
            }
            bar.inc(seeds.len() as u64);
        }
        values.push((format!("colour.{}", colour.name), hits as f64 / SEEDS as f64));
    }
    bar.finish_and_clear();
    if values.is_empty() {
        return Err(Error::BadInput("the model knows no colour of the colour probe".into()));
    }
    let mean = values.iter().map(|(_, value)| value).sum::<f64>() / values.len() as f64;
    values.push(("colour.mean".into(), mean));
    Ok(values)
}

fn rows_to_tensor(rows: &[Vec<f32>], device: &Device) -> Tensor<2> {
    let width = rows.first().map_or(0, Vec::len);
    Tensor::from_data(burn::tensor::TensorData::new(rows.concat(), [rows.len(), width]), device)
}

fn to_rows(tensor: Tensor<2>) -> Result<Vec<Vec<f32>>> {
    let [_, width] = tensor.dims();
    let data = tensor.try_into_data().map_err(|error| Error::Device(error.to_string()))?;
    let values: Vec<f32> = data.try_to_vec().map_err(|error| Error::Device(error.to_string()))?;
    Ok(values.chunks_exact(width).map(<[f32]>::to_vec).collect())
}
