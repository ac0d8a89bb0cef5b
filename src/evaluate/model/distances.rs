//! Drawn pictures as a set beside photographs, in features: Fréchet and kernel distance, Inception score.

use rand::seq::SliceRandom;

use super::{Measurement, Metric, Purpose};
use crate::evaluate::figure::Figure;
use crate::evaluate::interval::{GROUPS, Interval, IntervalKind, jackknife, over_parts};
use crate::evaluate::pictures::Seen;
use crate::evaluate::{frechet, inception_score, kernel};
use crate::watch::Unit;

impl Measurement<'_> {
    pub(super) fn of_inception(&self, photographs: &Seen, drawn: &Seen) -> Vec<Figure> {
        let Some(inception) = &self.studio.options.inception else { return Vec::new() };
        let network = format!("inception-v3-2015-12-05 ({} preprocessing)", inception.preprocessing.name());
        let mut figures = Vec::new();
        if self.wants(&[Metric::Fid]) {
            figures.push(self.frechet("fid", &network, &photographs.inception, &drawn.inception));
        }
        if self.wants(&[Metric::Kid]) {
            figures.push(self.kernel("kid", &network, &photographs.inception, &drawn.inception));
        }
        if self.wants(&[Metric::InceptionScore]) {
            for (name, logits) in [("is.generated", &drawn.logits), ("is.real", &photographs.logits)] {
                let mut logits = logits.clone();
                logits.shuffle(&mut self.rng(Purpose::Shuffle));
                let scores = inception_score::inception_scores(&logits, inception_score::SPLITS);
                let (value, interval) = over_parts(IntervalKind::StdOverSplits, &scores);
                let protocol = "Inception score of the 1008 ImageNet classes, without the classifier's bias, in shuffled splits; figures for \
                                CUB in the literature use a network fine-tuned on 50 bird classes and cannot be compared with it";
                figures.push(Figure {
                    name: name.into(),
                    value,
                    interval,
                    n: logits.len(),
                    references: None,
                    network: Some(network.clone()),
                    protocol: protocol.into(),
                });
            }
        }
        figures
    }

    pub(super) fn frechet(&self, name: &str, network: &str, real: &[Vec<f32>], drawn: &[Vec<f32>]) -> Figure {
        let task = self.studio.task(name, GROUPS + 1, Unit::Parts);
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
        drop(task);
        let dimensions = real.first().map_or(0, Vec::len);
        let mut protocol = format!(
            "Fréchet distance of pooled features, {dimensions} values, covariances with n − 1, in f64; drawn pictures against test \
             photographs at {} px",
            self.studio.size()
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

    pub(super) fn kernel(&self, name: &str, network: &str, real: &[Vec<f32>], drawn: &[Vec<f32>]) -> Figure {
        let size = kernel::subset_size(real.len(), drawn.len());
        let values = kernel::kernel_distances(real, drawn, size, kernel::SUBSETS, &mut self.rng(Purpose::Subsets));
        let (value, interval) = over_parts(IntervalKind::StdOverSubsets, &values);
        let protocol = format!(
            "unbiased squared MMD of pooled features with the kernel (xᵀy/d + 1)³, mean over {} random subsets of {size}; drawn pictures \
             against test photographs at {} px",
            kernel::SUBSETS,
            self.studio.size()
        );
        Figure { name: name.into(), value, interval, n: drawn.len(), references: Some(real.len()), network: Some(network.into()), protocol }
    }
}
