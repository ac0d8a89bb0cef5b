//! How much pictures of one prompt differ.

use std::collections::BTreeMap;

use super::Metric;
use crate::Result;
use crate::data::spread;
use crate::evaluate::diversity::mean_pairwise_distance;
use crate::evaluate::evaluator::{Evaluator, Inputs, MAX_WORDS, Purpose};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;
use crate::evaluate::interval::bootstrap_mean;
use crate::pipeline::Noise;

/// The distance of drawn pictures from one another, and of photographs of one class beside it.
pub static DIVERSITY: Metric = Metric {
    name: "diversity",
    about: "How much eight pictures of a prompt differ",
    photographs: Networks::STREAM,
    // It draws pictures of its own.
    drawings: Networks::NONE,
    obstacle: |_| None,
    figures,
};

/// Prompts that are drawn.
const PROMPTS: usize = 20;
/// Pictures of each.
const SEEDS: usize = 8;

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let Evaluator { dataset, options, .. } = evaluator;
    let mut rng = evaluator.rng(Purpose::Prompts);
    // Spread over the data, for it may be sorted.
    let chosen: Vec<Vec<usize>> =
        spread(dataset.len(), PROMPTS).map(|i| inputs.captions.draw(i, MAX_WORDS, &mut rng)).collect();
    let prompts = chosen.len();
    let repeated: Vec<Vec<usize>> = chosen.iter().flat_map(|prompt| vec![prompt.clone(); SEEDS]).collect();
    let mut noise = Noise::new(options.seed ^ Purpose::DiversityNoise as u64);
    let drawn = evaluator.drawings(&repeated, &mut noise, evaluator.extractors(Networks::STREAM), "drawing prompts again")?;
    let network = evaluator.network();
    let figure = |whose: &str, groups: Vec<f64>, n: usize, protocol: String| Figure {
        name: format!("diversity-{network}.{whose}"),
        value: groups.iter().sum::<f64>() / groups.len().max(1) as f64,
        interval: bootstrap_mean(&groups, &mut evaluator.rng(Purpose::Bootstrap)),
        n,
        references: None,
        network: Some(network.clone()),
        protocol,
    };
    let distances: Vec<f64> = drawn.stream.chunks(SEEDS).filter_map(mean_pairwise_distance).collect();
    let measure = "mean pairwise cosine distance of pooled features, higher is more diverse";
    let mut figures =
        vec![figure("generated", distances, drawn.stream.len(), format!("{measure}: {SEEDS} seeds of each of {prompts} prompts"))];
    let mut classes: BTreeMap<usize, Vec<Vec<f32>>> = BTreeMap::new();
    for (sample, row) in dataset.samples.iter().zip(&inputs.photographs.stream) {
        if let Some(class) = sample.class_id {
            let members = classes.entry(class).or_default();
            if members.len() < SEEDS {
                members.push(row.clone());
            }
        }
    }
    classes.retain(|_, members| members.len() > 1);
    if !classes.is_empty() {
        let n = classes.values().map(Vec::len).sum();
        let distances: Vec<f64> = classes.values().filter_map(|members| mean_pairwise_distance(members)).collect();
        let protocol = format!(
            "{measure}: up to {SEEDS} {} photographs of each class, a reference from above for seeds of one prompt",
            evaluator.part()
        );
        figures.push(figure("real", distances, n, protocol));
    }
    Ok(figures)
}
