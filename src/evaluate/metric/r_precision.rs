//! Whether pictures find their captions, in the space of a DAMSM.

use burn::tensor::Device;

use super::Metric;
use crate::Result;
use crate::damsm::Damsm;
use crate::data::{Dataset, Split};
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Inputs, Purpose};
use crate::evaluate::features::{Features, Networks, to_rows, to_tensor};
use crate::evaluate::figure::Figure;
use crate::evaluate::judge::same_text_encoder;
use crate::evaluate::interval::{Interval, IntervalKind, wilson};
use crate::evaluate::r_precision::{self, OTHERS};
use crate::stem::{TextBatch, TextEncoder};
use crate::text::tokenize;
use crate::watch::Event;

/// R-precision of drawn pictures, and of photographs beside them.
pub static R_PRECISION: Metric = Metric {
    name: "r-precision",
    about: "R-precision among 100 captions",
    photographs: Networks::DAMSM,
    drawings: Networks::DAMSM,
    obstacle,
    figures,
};

fn obstacle(evaluator: &Evaluator<'_>) -> Option<Obstacle> {
    let Evaluator { model, options, .. } = evaluator;
    let Some((_, damsm)) = &options.damsm else {
        return Some(Obstacle::NoDamsm);
    };
    let own = options.damsm_encoder.as_ref().map(|encoder| encoder.network.features());
    let found = own.or(model.config.stream.as_ref().map(|config| config.image_features)).unwrap_or(0);
    let expected = damsm.code_channels();
    if found != expected {
        return Some(Obstacle::OtherEncoder { expected, found });
    }
    no_rivals(evaluator)
}

/// Whether nothing was drawn, or there are no captions to tell a picture's own from.
pub(super) fn no_rivals(evaluator: &Evaluator<'_>) -> Option<Obstacle> {
    let dataset = evaluator.dataset;
    if evaluator.samples == 0 {
        return Some(Obstacle::NoDrawings);
    }
    let same_words = || {
        let mut said = dataset.samples.iter().flat_map(|sample| &sample.captions).map(|caption| tokenize(caption));
        let first = said.next();
        said.all(|words| Some(words) == first)
    };
    (dataset.len() < 2 || same_words()).then_some(Obstacle::OneClass)
}

/// The kinds of the pictures `indices`: their classes or, where all of the data are of one, each a kind of its own.
fn kinds(dataset: &Dataset, indices: &[usize]) -> Vec<usize> {
    let classes = dataset.classes(&(0..dataset.len()).collect::<Vec<_>>());
    if classes.iter().all(|class| Some(class) == classes.first()) { indices.to_vec() } else { indices.iter().map(|i| classes[*i]).collect() }
}

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let Evaluator { model, options, device, .. } = evaluator;
    let Some((text, damsm)) = &options.damsm else { return Ok(Vec::new()) };
    let sentences = sentences(text, &inputs.prompts, options.batch, device)?;
    let judge = if same_text_encoder(text, &model.stem, model.vocabulary.len(), device)? {
        "the judge is the DAMSM of the model's own training, whose text encoder the generator is conditioned on, so it is no independent \
         judge: read the figure beside that of photographs"
    } else {
        "the judge is the DAMSM of another training than the model's"
    };
    let chosen = chosen_on(options.damsm_chosen_on);
    let network = match &options.damsm_encoder {
        Some(encoder) => format!("damsm-{}", encoder.kind()),
        None => format!("damsm-{}", evaluator.network()),
    };
    let rows = |features: &Features| if options.damsm_encoder.is_some() { features.damsm.clone() } else { features.stream.clone() };
    let rows = [rows(&inputs.drawings), rows(&inputs.photographs)];
    let asked = Asked { captions: &inputs.prompts, sentences: &sentences };
    judged(evaluator, &network, &network, damsm, asked, &rows, &format!("{judge}{chosen}"))
}

/// The sentences of captions by `text`, `batch` at once.
pub(super) fn sentences(text: &TextEncoder, captions: &[Vec<usize>], batch: usize, device: &Device) -> Result<Vec<Vec<f32>>> {
    let mut sentences = Vec::with_capacity(captions.len());
    for captions in captions.chunks(batch.max(1)) {
        sentences.extend(to_rows(text.forward(&TextBatch::new(captions, device)).sentence)?);
    }
    Ok(sentences)
}

/// What is to be said of weights that were chosen on a part of the data.
pub(super) fn chosen_on(part: Option<Split>) -> String {
    let said = |part: Split| format!("; its weights were chosen by the R-precision of photographs of the {} part of its training", part.name());
    part.map_or(String::new(), said)
}

/// What pictures are to be found by.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Words.
    pub captions: &'a [Vec<usize>],
    /// The sentences by the text encoder of the judge.
    pub sentences: &'a [Vec<f32>],
}

/// R-precision of drawn pictures and of photographs by `damsm`, from an encoder's pooled features of both; `judge` says who that is.
pub(super) fn judged(
    evaluator: &Evaluator<'_>,
    name: &str,
    network: &str,
    damsm: &Damsm,
    asked: Asked<'_>,
    rows: &[Vec<Vec<f32>>; 2],
    judge: &str,
) -> Result<Vec<Figure>> {
    let Evaluator { dataset, options, device, .. } = evaluator;
    let mut figures = Vec::new();
    for (whose, rows) in ["generated", "real"].into_iter().zip(rows) {
        let mut codes = Vec::with_capacity(rows.len());
        for rows in rows.chunks(options.batch.max(1)) {
            codes.extend(to_rows(damsm.encode(to_tensor(rows, device)))?);
        }
        let indices: Vec<usize> = (0..codes.len()).map(|i| i % dataset.len()).collect();
        let (sentences, captions) = (&asked.sentences[..codes.len()], &asked.captions[..codes.len()]);
        let kinds = kinds(dataset, &indices);
        let Some(found) = r_precision::r_precision(&codes, sentences, captions, &kinds, &mut evaluator.rng(Purpose::Rivals)) else { continue };
        let candidates = found.candidates;
        let warning = candidates.warning();
        if let Some(warning) = &warning {
            options.watcher.tell(&Event::Warning(&format!("R-precision of {whose} pictures: {warning}")));
        }
        let few = warning.map_or(String::new(), |warning| format!("; {warning}"));
        let without = match found.without {
            0 => String::new(),
            count => format!("; {count} pictures without any such caption do not count"),
        };
        let (low, high) = (found.mean - found.deviation, found.mean + found.deviation);
        let interval = Interval { kind: IntervalKind::StdOverFolds, low, high, parts: found.folds };
        figures.push(Figure {
            name: format!("r_precision-{name}.{whose}"),
            value: found.mean,
            interval: (found.folds > 1).then_some(interval),
            n: found.pictures,
            references: Some(candidates.least),
            network: Some(network.to_string()),
            protocol: format!(
                "a picture's own caption has the largest cosine with it, {candidates}: itself and up to {OTHERS} of other classes (of other \
                 pictures where there are no classes, or one) that do not say the same word for word, over whole folds{few}{without}; \
                 {judge}"
            ),
        });
        if whose == "real" {
            figures.push(Figure {
                name: format!("r_precision-{name}.chance"),
                value: candidates.chance,
                interval: wilson((candidates.chance * found.pictures as f64).round() as usize, found.pictures),
                n: found.pictures,
                references: Some(candidates.least),
                network: None,
                protocol: "the R-precision of a judge that guesses; the interval is Wilson's of a proportion near it of so many pictures".into(),
            });
        }
    }
    Ok(figures)
}
