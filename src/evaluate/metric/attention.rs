//! Whether colour words look where their colour is.

use super::Metric;
use crate::Result;
use crate::evaluate::attention::{Gaze, SHARES, chance};
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, GAZED_AT, Inputs, Purpose};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;
use crate::evaluate::interval::bootstrap_mean;
use crate::glam::{Architecture, GeneratorConfig};
use crate::text::tokenize;

/// Correlation of the attention of colour words with the place of their colours, stage by stage; no trained judge takes part.
pub static ATTENTION: Metric = Metric {
    name: "attention",
    about: "Whether colour words look where their colour is",
    photographs: Networks::NONE,
    drawings: Networks::ATTENTION,
    obstacle,
    figures,
};

fn obstacle(evaluator: &Evaluator<'_>) -> Option<Obstacle> {
    if evaluator.samples == 0 {
        return Some(Obstacle::NoDrawings);
    }
    if evaluator.model.config.generator.architecture == Architecture::StackGan || evaluator.drawer.stages() < 2 {
        return Some(Obstacle::NoAttention);
    }
    let Some(probe) = evaluator.probe() else { return Some(Obstacle::NoProbe) };
    let known = |word: &String| probe.colour(word).is_some() && evaluator.model.vocabulary.id(word).is_some();
    let named = evaluator.dataset.samples.iter().flat_map(|sample| &sample.captions).any(|caption| tokenize(caption).iter().any(known));
    (!named).then_some(Obstacle::NoColourWord { probe: probe.name() })
}

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let Some(probe) = evaluator.probe() else { return Ok(Vec::new()) };
    let gazes = &inputs.drawings.gazes;
    let protocol = format!(
        "mean correlation of a colour word's attention with the share of pixels of that colour (HSV, as in the probe of {}) at each place of \
         the map, in what the stage of N px drew: colour words of the first {GAZED_AT} pictures that have the colour on {} to {} % of \
         their pixels; chance: the same places with attention of colour words in other pictures",
        probe.name(),
        SHARES.0 * 100.0,
        SHARES.1 * 100.0
    );
    let mut figures = Vec::new();
    for size in (1..evaluator.drawer.stages()).map(GeneratorConfig::picture_size) {
        let of_stage: Vec<&Gaze> = gazes.iter().filter(|gaze| gaze.size == size).collect();
        let mut figure = |name: &str, values: Vec<f64>| {
            figures.push(Figure {
                name: format!("attention.{size}.{name}"),
                value: values.iter().sum::<f64>() / values.len().max(1) as f64,
                interval: bootstrap_mean(&values, &mut evaluator.rng(Purpose::Bootstrap)),
                n: values.len(),
                references: None,
                network: None,
                protocol: protocol.clone(),
            });
        };
        figure("mean", of_stage.iter().filter_map(|gaze| gaze.correlation()).collect());
        figure("chance", chance(&of_stage, &mut evaluator.rng(Purpose::AttentionChance)));
        for colour in probe.colours() {
            let values: Vec<f64> =
                of_stage.iter().filter(|gaze| gaze.colour == colour.name).filter_map(|gaze| gaze.correlation()).collect();
            if !values.is_empty() {
                figure(colour.name, values);
            }
        }
    }
    Ok(figures)
}
