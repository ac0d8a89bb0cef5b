//! Fréchet inception distance (Heusel et al. 2017).

use super::{Metric, distance};
use crate::evaluate::features::Networks;

/// The Fréchet distance on the features of FID's Inception.
pub static FID: Metric = Metric {
    name: "fid",
    about: "Fréchet inception distance",
    photographs: Networks::INCEPTION,
    drawings: Networks::INCEPTION,
    obstacle: distance::too_few,
    figures: |evaluator, inputs| {
        let Some(inception) = &evaluator.options.inception else { return Ok(Vec::new()) };
        Ok(vec![distance::frechet(evaluator, "fid", &inception.name(), &inputs.photographs.inception, &inputs.drawings.inception)])
    },
};
