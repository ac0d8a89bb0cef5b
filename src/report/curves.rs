//! The numbers of a log, by name.

use std::collections::BTreeMap;

use crate::train::recipe::term::Term;

/// A curve's points in a report; more could not be told apart.
const POINTS: usize = 500;

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Measured on pictures that are not learned from.
    Metric,
    /// What the training makes small, or trades.
    Loss,
    /// How fast it goes.
    Speed,
}

/// A named row of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The key in the log.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// (step, value) in the order of the log.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// Name and unit for people.
    pub fn title(&self) -> (String, &'static str) {
        if let Some(term) = Term::named(&self.name) {
            return (term.title().to_string(), term.unit());
        }
        let (title, unit) = match self.name.as_str() {
            "loss" => ("Loss", "nats"),
            "learning_rate" => ("Learning rate", ""),
            "pictures_per_second" => ("Speed", "pictures/s"),
            "data_seconds" => ("Waiting for data", "s a step"),
            "r_precision" => ("R-precision", "share of hits"),
            "bleu_4" => ("BLEU-4", "0 to 1"),
            "kernel_distance" => ("Kernel distance (EfficientNet-Lite0)", "squared MMD"),
            "discriminator" => ("Discriminators", "loss"),
            "generator" => ("Generator, all its losses", "loss"),
            other => return (other.replace('_', " "), ""),
        };
        (title.to_string(), unit)
    }

    /// Whether greater is better; nothing for what has no better.
    pub fn greater_is_better(&self) -> Option<bool> {
        match (self.kind, self.name.as_str()) {
            (Kind::Metric, "kernel_distance") => Some(false),
            (Kind::Metric, _) => Some(true),
            _ => None,
        }
    }

    /// The best point of a metric, the first of equals.
    pub fn best(&self) -> Option<(f64, f64)> {
        let greater = self.greater_is_better()?;
        let better = |a: f64, b: f64| if greater { a > b } else { a < b };
        self.points.iter().copied().reduce(|best, point| if better(point.1, best.1) { point } else { best })
    }

    /// At most [`POINTS`] points, each the mean of neighbours.
    pub fn thinned(&self) -> Vec<(f64, f64)> {
        let size = self.points.len().div_ceil(POINTS).max(1);
        let mean = |part: &[(f64, f64)]| {
            let sum = part.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
            (sum.0 / part.len() as f64, sum.1 / part.len() as f64)
        };
        self.points.chunks(size).map(mean).collect()
    }
}

/// Running means over neighbours, each mean by the weights that it has had so far (as Adam corrects its moments).
pub fn smoothed(points: &[(f64, f64)], keep: f64) -> Vec<(f64, f64)> {
    let (mut mean, mut weight) = (0.0, 0.0);
    let step = |(x, y): &(f64, f64)| {
        mean = keep * mean + (1.0 - keep) * y;
        weight = keep * weight + (1.0 - keep);
        (*x, mean / weight)
    };
    points.iter().map(step).collect()
}

/// Every number of the log by name: metrics, losses, speed. Lines that are not JSON and values that are not finite are passed over.
pub fn curves(lines: &[serde_json::Map<String, serde_json::Value>]) -> Vec<Curve> {
    let mut found: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for values in lines {
        let Some(step) = values.get("step").and_then(serde_json::Value::as_f64) else { continue };
        for (name, value) in values {
            if let Some(value) = value.as_f64().filter(|value| value.is_finite())
                && !matches!(name.as_str(), "step" | "epoch" | "phase" | "stages" | "pictures")
            {
                found.entry(name).or_default().push((step, value));
            }
        }
    }
    let kind = |name: &str| match name {
        "r_precision" | "bleu_4" | "kernel_distance" => Kind::Metric,
        "learning_rate" | "pictures_per_second" | "data_seconds" => Kind::Speed,
        _ => Kind::Loss,
    };
    let mut curves: Vec<Curve> =
        found.into_iter().map(|(name, points)| Curve { name: name.to_string(), kind: kind(name), points }).collect();
    // Of the losses, the two that all others are part of come first.
    curves.sort_by_key(|curve| (curve.kind, !matches!(curve.name.as_str(), "discriminator" | "generator" | "loss"), curve.name.clone()));
    curves
}
