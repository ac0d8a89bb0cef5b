//! Drawn pictures as a set beside photographs: Fréchet and kernel distance of features.

use super::Metric;
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Purpose};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;
use crate::evaluate::interval::{GROUPS, Interval, IntervalKind, jackknife, over_parts};
use crate::evaluate::{frechet, kernel};
use crate::watch::Unit;

/// Both distances on the features of STREAM's image encoder.
pub static DISTANCE: Metric = Metric {
    name: "distance",
    about: "fd-efficientnet-lite0 and kd-efficientnet-lite0",
    photographs: Networks::STREAM,
    drawings: Networks::STREAM,
    obstacle: too_few,
    figures: |evaluator, inputs| {
        let (network, photographs, drawings) = (evaluator.network(), &inputs.photographs.stream, &inputs.drawings.stream);
        Ok(vec![
            frechet(evaluator, &format!("fd-{network}"), &network, photographs, drawings),
            kernel(evaluator, &format!("kd-{network}"), &network, photographs, drawings),
        ])
    },
};

/// Why sets of so few pictures have no distance.
pub(super) fn too_few(evaluator: &Evaluator<'_>) -> Option<Obstacle> {
    let (pictures, samples) = (evaluator.dataset.len(), evaluator.samples);
    (pictures < 2 || samples < 2).then_some(Obstacle::TooFew { drawn: samples, photographs: pictures })
}

/// The Fréchet distance with its jackknife.
pub(super) fn frechet(evaluator: &Evaluator<'_>, name: &str, network: &str, real: &[Vec<f32>], drawn: &[Vec<f32>]) -> Figure {
    let task = evaluator.task(name, GROUPS + 1, Unit::Parts);
    let value = frechet::frechet_distance(real, drawn);
    task.advance(1);
    let smaller = real.len().min(drawn.len());
    let interval: Option<Interval> = (smaller >= 2 * GROUPS).then(|| {
        let rest = |rows: &[Vec<f32>], group| -> Vec<Vec<f32>> {
            rows.iter().enumerate().filter(|(i, _)| i % GROUPS != group).map(|(_, row)| row.clone()).collect()
        };
        jackknife(value, |group| {
            let found = frechet::frechet_distance(&rest(real, group), &rest(drawn, group));
            task.advance(1);
            found
        })
    });
    let dimensions = real.first().map_or(0, Vec::len);
    let mut protocol = format!(
        "Fréchet distance of pooled features, {dimensions} values, covariances with n − 1, in f64; drawn pictures against {} \
         photographs at {} px",
        evaluator.part(),
        evaluator.size()
    );
    if smaller <= dimensions {
        let needed = dimensions + 1;
        protocol.push_str(&format!(
            "; with fewer than {needed} pictures on a side a covariance is singular (the distance is computed exactly all the same) and \
             the figure is biased upwards: trust the kernel distance, and compare only figures of the same counts"
        ));
    }
    Figure { name: name.into(), value, interval, n: drawn.len(), references: Some(real.len()), network: Some(network.into()), protocol }
}

/// The kernel distance over random subsets.
pub(super) fn kernel(evaluator: &Evaluator<'_>, name: &str, network: &str, real: &[Vec<f32>], drawn: &[Vec<f32>]) -> Figure {
    let size = kernel::subset_size(real.len(), drawn.len());
    let values = kernel::kernel_distances(real, drawn, size, kernel::SUBSETS, &mut evaluator.rng(Purpose::Subsets));
    let (value, interval) = over_parts(IntervalKind::StdOverSubsets, &values);
    let few = if size < kernel::SUBSET { format!(" (half of the smaller set; {} are usual)", kernel::SUBSET) } else { String::new() };
    let protocol = format!(
        "unbiased squared MMD of pooled features with the kernel (xᵀy/d + 1)³, mean over {} random subsets of {size}{few}; drawn pictures \
         against {} photographs at {} px",
        kernel::SUBSETS,
        evaluator.part(),
        evaluator.size()
    );
    Figure { name: name.into(), value, interval, n: drawn.len(), references: Some(real.len()), network: Some(network.into()), protocol }
}
