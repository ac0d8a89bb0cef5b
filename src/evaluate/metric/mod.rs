//! The registry of metrics, a file each: what a metric is called, what it needs, why it may be impossible and how it is computed. A new one
//! is a file here and a line in [`ALL`].

mod attention;
mod captions;
mod colours;
mod distance;
mod diversity;
mod fid;
mod inception_score;
mod judge;
mod kid;
mod r_precision;
mod redescription;
mod sentences;
mod spectrum;

pub use attention::ATTENTION;
pub use captions::CAPTIONS;
pub use colours::COLOURS;
pub use distance::DISTANCE;
pub use diversity::DIVERSITY;
pub use fid::FID;
pub use inception_score::INCEPTION_SCORE;
pub use judge::JUDGE;
pub use kid::KID;
pub use r_precision::R_PRECISION;
pub use redescription::REDESCRIPTION;
pub use sentences::SENTENCES;
pub use spectrum::SPECTRUM;

use super::error::Obstacle;
use super::evaluator::{Evaluator, Inputs};
use super::features::Networks;
use super::figure::Figure;
use super::inception::Inception;
use crate::Result;

/// A group of figures that are measured together.
#[derive(Debug)]
pub struct Metric {
    /// Its name, also in what is left out.
    pub name: &'static str,
    /// What it measures, for those who choose.
    pub about: &'static str,
    /// Whose features of the test photographs it compares.
    pub photographs: Networks,
    /// Whose features of the pictures that are drawn for test captions it compares.
    pub drawings: Networks,
    /// Why it cannot be measured although its networks are there.
    obstacle: fn(&Evaluator<'_>) -> Option<Obstacle>,
    figures: fn(&Evaluator<'_>, &mut Inputs) -> Result<Vec<Figure>>,
}

/// Every metric, in the order of the figures.
pub static ALL: [&Metric; 13] = [
    &CAPTIONS,
    &REDESCRIPTION,
    &SENTENCES,
    &DISTANCE,
    &FID,
    &KID,
    &INCEPTION_SCORE,
    &R_PRECISION,
    &JUDGE,
    &DIVERSITY,
    &COLOURS,
    &SPECTRUM,
    &ATTENTION,
];

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Metric {
    /// The metric of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|metric| metric.name == name)
    }

    /// All networks whose features it compares.
    pub fn networks(&self) -> Networks {
        self.photographs.or(self.drawings)
    }

    /// Why it cannot be measured with this network of FID, KID and IS; none where it can, or needs no such network.
    pub fn lacks_inception(&self, inception: Option<&Inception>) -> Option<Obstacle> {
        match inception {
            _ if !self.networks().inception => None,
            None => Some(Obstacle::NoInception),
            Some(inception) => inception_score::lacks_classifier(self, inception),
        }
    }

    /// Why it cannot be measured.
    pub(super) fn obstacle(&self, evaluator: &Evaluator<'_>) -> Option<Obstacle> {
        if self.networks().stream && evaluator.describer.is_none() {
            return Some(Obstacle::NoStream);
        }
        self.lacks_inception(evaluator.options.inception.as_ref()).or_else(|| (self.obstacle)(evaluator))
    }

    /// Measures.
    pub(super) fn figures(&self, evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
        (self.figures)(evaluator, inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_found_by_its_own_name() {
        for metric in ALL {
            assert!(std::ptr::eq(Metric::named(metric.name).unwrap(), metric), "{}", metric.name);
            assert!(!metric.about.is_empty() && !metric.about.ends_with('.'), "{}", metric.name);
        }
        assert!(Metric::named("no such").is_none());
    }
}
