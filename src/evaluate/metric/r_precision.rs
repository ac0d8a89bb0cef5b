//! Whether pictures find their captions, in the space of a DAMSM.

use super::Metric;
use crate::Result;
use crate::damsm::Damsm;
use crate::data::Split;
use crate::evaluate::cosine::{cosine, unit};
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Inputs, Purpose};
use crate::evaluate::features::{Features, Networks, to_rows, to_tensor};
use crate::evaluate::figure::Figure;
use crate::evaluate::interval::{Interval, IntervalKind};
use crate::evaluate::r_precision::{self, OTHERS};
use crate::stem::TextBatch;

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
    one_class(evaluator)
}

/// Whether there are no captions of other classes to tell a picture's own from.
pub(super) fn one_class(evaluator: &Evaluator<'_>) -> Option<Obstacle> {
    let classes = evaluator.dataset.classes(&(0..evaluator.dataset.len()).collect::<Vec<_>>());
    let alike = classes.iter().all(|class| Some(class) == classes.first());
    (alike || evaluator.samples == 0).then_some(Obstacle::OneClass)
}

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let Evaluator { model, options, device, .. } = evaluator;
    let Some((text, damsm)) = &options.damsm else { return Ok(Vec::new()) };
    let mut sentences = Vec::with_capacity(inputs.prompts.len());
    let mut own = true;
    for prompts in inputs.prompts.chunks(options.batch.max(1)) {
        let batch = TextBatch::new(prompts, device);
        let rows = to_rows(text.forward(&batch).sentence)?;
        if sentences.is_empty() {
            // The judge is of the model's own training when its text encoder says what the model's does, up to f16.
            let models = to_rows(model.stem.forward(&batch).sentence)?;
            own = rows.iter().zip(&models).all(|(a, b)| a.len() == b.len() && cosine(&unit(a), &unit(b)) > 0.999);
        }
        sentences.extend(rows);
    }
    let judge = if own {
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
    judged(evaluator, &network, &network, damsm, &sentences, &rows, &format!("{judge}{chosen}"))
}

/// What is to be said of weights that were chosen on a part of the data.
pub(super) fn chosen_on(part: Option<Split>) -> String {
    let said = |part: Split| format!("; its weights were chosen by the R-precision of photographs of the {} part of its training", part.name());
    part.map_or(String::new(), said)
}

/// R-precision of drawn pictures and of photographs by `damsm`, from an encoder's pooled features of both, with `sentences` by the text
/// encoder beside it; `judge` says who that is.
pub(super) fn judged(
    evaluator: &Evaluator<'_>,
    name: &str,
    network: &str,
    damsm: &Damsm,
    sentences: &[Vec<f32>],
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
        let classes = dataset.classes(&indices);
        let found = r_precision::r_precision(&codes, &sentences[..codes.len()], &classes, &mut evaluator.rng(Purpose::Rivals));
        let (low, high) = (found.mean - found.deviation, found.mean + found.deviation);
        let interval = Interval { kind: IntervalKind::StdOverFolds, low, high, parts: found.folds };
        figures.push(Figure {
            name: format!("r_precision-{name}.{whose}"),
            value: found.mean,
            interval: (found.folds > 1).then_some(interval),
            n: codes.len(),
            references: Some(OTHERS + 1),
            network: Some(network.to_string()),
            protocol: format!(
                "a picture's own caption has the largest cosine with it among itself and {OTHERS} captions of other classes (of other \
                 pictures where there are no classes; all there are where there are fewer), over whole folds; {judge}"
            ),
        });
    }
    Ok(figures)
}
