//! Kernel inception distance (Bińkowski et al. 2018).

use super::{Metric, distance};
use crate::evaluate::features::Networks;

/// The kernel distance on the features of FID's Inception.
pub static KID: Metric = Metric {
    name: "kid",
    about: "Kernel inception distance",
    photographs: Networks::INCEPTION,
    drawings: Networks::INCEPTION,
    obstacle: distance::too_few,
    figures: |evaluator, inputs| {
        let Some(inception) = &evaluator.options.inception else { return Ok(Vec::new()) };
        Ok(vec![distance::kernel(evaluator, "kid", &inception.name(), &inputs.photographs.inception, &inputs.drawings.inception)])
    },
};
