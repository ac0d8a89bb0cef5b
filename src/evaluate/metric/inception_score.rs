//! Inception score of drawn pictures, and of photographs beside them.

use rand::seq::SliceRandom;

use super::Metric;
use crate::Result;
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Inputs, Purpose};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;
use crate::evaluate::inception::Inception;
use crate::evaluate::inception_score::{SPLITS, inception_scores};
use crate::evaluate::interval::{IntervalKind, over_parts};

/// The Inception score.
pub static INCEPTION_SCORE: Metric = Metric {
    name: "is",
    about: "Inception score",
    photographs: Networks::INCEPTION,
    drawings: Networks::INCEPTION,
    obstacle: |evaluator| (evaluator.samples == 0).then_some(Obstacle::NoDrawings),
    figures,
};

/// Why `metric` cannot be measured with a network without a classifier.
pub(super) fn lacks_classifier(metric: &Metric, inception: &Inception) -> Option<Obstacle> {
    (*metric == INCEPTION_SCORE && inception.network.classes().is_none()).then_some(Obstacle::NoClassifier)
}

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let Some(inception) = &evaluator.options.inception else { return Ok(Vec::new()) };
    let figure = |(name, logits): (&str, &[Vec<f32>])| {
        let mut logits = logits.to_vec();
        logits.shuffle(&mut evaluator.rng(Purpose::Shuffle));
        let (value, interval) = over_parts(IntervalKind::StdOverSplits, &inception_scores(&logits, SPLITS));
        let splits = SPLITS.min(logits.len());
        let protocol = format!(
            "Inception score of the 1008 ImageNet classes, without the classifier's bias, in {splits} shuffled splits of about {} pictures (it \
             cannot be greater than their number; 5000 are usual); figures for CUB in the literature use a network fine-tuned on 50 bird \
             classes and cannot be compared with it",
            logits.len() / splits.max(1)
        );
        Figure {
            name: name.into(),
            value,
            interval,
            n: logits.len(),
            references: None,
            network: Some(inception.name()),
            protocol,
        }
    };
    Ok([("is.generated", &inputs.drawings.logits[..]), ("is.real", &inputs.photographs.logits)].map(figure).into())
}
