//! Whether petals or birds have the colour that is asked for.

use super::Metric;
use crate::Result;
use crate::evaluate::colour_probe::{NEEDED, SEEDS};
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Inputs};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;
use crate::evaluate::interval;
use crate::pipeline::{Noise, pictures};
use crate::watch::Unit;

/// The colour probe, in which no trained network takes part.
pub static COLOURS: Metric = Metric {
    name: "colours",
    about: "Colours of petals or birds, twenty pictures each",
    photographs: Networks::NONE,
    // It draws pictures of its own.
    drawings: Networks::NONE,
    obstacle,
    figures,
};

fn obstacle(evaluator: &Evaluator<'_>) -> Option<Obstacle> {
    match evaluator.probe() {
        None => Some(Obstacle::NoProbe),
        Some(probe) => {
            let known = probe.colours().iter().any(|colour| evaluator.model.vocabulary.id(colour.name).is_some());
            (!known).then(|| Obstacle::NoColour { probe: probe.name() })
        }
    }
}

fn figures(evaluator: &Evaluator<'_>, _: &mut Inputs) -> Result<Vec<Figure>> {
    let Some(probe) = evaluator.probe() else { return Ok(Vec::new()) };
    let model = evaluator.model;
    let known: Vec<_> = probe.colours().iter().filter(|colour| model.vocabulary.id(colour.name).is_some()).collect();
    let task = evaluator.task("colour probe", known.len() * SEEDS as usize, Unit::Pictures);
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
            NEEDED * 100.0
        ),
    };
    let (mut figures, mut all) = (Vec::new(), 0);
    for colour in &known {
        let ids = model.vocabulary.encode(&probe.prompt(colour), model.config.text_encoder.max_words)?.ids;
        let mut hits = 0;
        for seed in 0..SEEDS {
            for picture in pictures(evaluator.draw(std::slice::from_ref(&ids), &mut Noise::new(seed))?)? {
                hits += usize::from(colour.hit(picture.rgba(), picture.width(), 4));
            }
            task.advance(1);
            evaluator.go_on()?;
        }
        all += hits;
        figures.push(figure(colour.name, hits, SEEDS as usize));
    }
    figures.push(figure("mean", all, known.len() * SEEDS as usize));
    Ok(figures)
}
