//! What an evaluation says: figures, each with its spread, sample count, feature network and protocol, and what was left out.

use std::fmt::Write;

use serde::Serialize;

use super::error::Obstacle;
use super::interval::Interval;

/// A measured value and all that is needed to read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What it is, the feature network in its name: `fd-efficientnet-lite0`, `captions.bleu_4`.
    pub name: String,
    /// The value.
    pub value: f64,
    /// How far it can be trusted; none where there is too little to tell.
    pub interval: Option<Interval>,
    /// Pictures or captions that were measured.
    pub n: usize,
    /// Pictures or captions that they were compared with, where there are any.
    pub references: Option<usize>,
    /// The network whose features were compared; none where no trained network takes part.
    pub network: Option<String>,
    /// How it was measured.
    pub protocol: String,
}

/// A metric that could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// [`Metric::name`](super::metric::Metric::name).
    pub metric: String,
    /// Why.
    pub reason: Obstacle,
}

/// What [`evaluate`](super::model::evaluate) found. It depends on model, data and options only, never on date or machine load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The model's name.
    pub model: String,
    /// Test pictures that were looked at.
    pub pictures: usize,
    /// Pictures that were drawn for test captions.
    pub samples: usize,
    /// Width and height, in pixels, at which photographs and drawn pictures were compared.
    pub size: usize,
    /// Where captions, noise, rivals and resamples were drawn from.
    pub seed: u64,
    /// The figures, in a fixed order.
    pub figures: Vec<Figure>,
    /// What could not be measured.
    pub left_out: Vec<LeftOut>,
}

impl Evaluation {
    /// The figure called `name`.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }

    /// The value of the figure called `name`.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figure(name).map(|figure| figure.value)
    }

    /// A table for people: figures, then how they were measured, then what was left out.
    pub fn table(&self) -> String {
        let header = ["figure", "value", "interval", "n", "against", "network"].map(str::to_string);
        let rows: Vec<[String; 6]> = self.figures.iter().map(row).collect();
        let widths: [usize; 6] =
            std::array::from_fn(|column| std::iter::once(&header).chain(&rows).map(|row| row[column].chars().count()).max().unwrap_or(0));
        let mut text = String::new();
        for row in std::iter::once(&header).chain(&rows) {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .enumerate()
                // Numbers end under one another, words begin.
                .map(
                    |(column, (cell, width))| {
                        if matches!(column, 1 | 3 | 4) { format!("{cell:>width$}") } else { format!("{cell:width$}") }
                    },
                )
                .collect();
            let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        }
        let mut protocols: Vec<(&str, Vec<&str>)> = Vec::new();
        for figure in self.figures.iter().filter(|figure| !figure.protocol.is_empty()) {
            match protocols.iter_mut().find(|(protocol, _)| *protocol == figure.protocol) {
                Some((_, names)) => names.push(&figure.name),
                None => protocols.push((&figure.protocol, vec![&figure.name])),
            }
        }
        if !protocols.is_empty() {
            text.push('\n');
        }
        for (protocol, names) in protocols {
            let family = |name: &&str| name.split_once('.').map(|(family, _)| family.to_string());
            let first = names.first().and_then(family);
            let names = match first {
                Some(first) if names.len() > 2 && names.iter().all(|name| family(name).as_ref() == Some(&first)) => format!("{first}.*"),
                _ => names.join(", "),
            };
            let _ = writeln!(text, "{names}: {protocol}");
        }
        if !self.left_out.is_empty() {
            text.push('\n');
        }
        for LeftOut { metric, reason } in &self.left_out {
            let _ = writeln!(text, "left out: {metric}: {reason}");
        }
        text
    }
}

fn row(figure: &Figure) -> [String; 6] {
    let dash = || "–".to_string();
    let interval = figure.interval.as_ref().map_or_else(dash, Interval::to_string);
    let references = figure.references.map_or_else(dash, |count| count.to_string());
    let network = figure.network.clone().unwrap_or_else(dash);
    [figure.name.clone(), number(figure.value), interval, figure.n.to_string(), references, network]
}

/// Four digits after the point, more for small values.
pub(crate) fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 { format!("{value:.3e}") } else { format!("{value:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::interval;

    fn figure(name: &str, value: f64) -> Figure {
        Figure {
            name: name.into(),
            value,
            interval: interval::wilson(3, 4),
            n: 4,
            references: None,
            network: Some("net".into()),
            protocol: "as usual".into(),
        }
    }

    fn evaluation() -> Evaluation {
        Evaluation {
            model: "m".into(),
            pictures: 4,
            samples: 4,
            size: 64,
            seed: 1,
            figures: vec![figure("a", 0.75), figure("much-longer", 1234.5)],
            left_out: vec![LeftOut { metric: "fid".into(), reason: Obstacle::NoInception }],
        }
    }

    #[test]
    fn columns_stand_under_one_another_and_protocols_are_said_once() {
        let text = evaluation().table();
        let lines: Vec<&str> = text.lines().collect();
        let column = |line: &str, part: &str| line.find(part).map(|at| line[..at].chars().count());
        assert_eq!(column(lines[1], "net"), column(lines[2], "net"), "{text}");
        assert!(lines[1].starts_with("a ") && lines[1].contains("   0.7500"), "{text}");
        assert_eq!(text.matches("as usual").count(), 1, "{text}");
        assert!(text.contains("a, much-longer: as usual") && text.contains("left out: fid: it needs the weights"), "{text}");
    }

    #[test]
    fn json_has_every_field() {
        let value = serde_json::to_value(evaluation()).unwrap();
        let figure = &value["figures"][0];
        for key in ["name", "value", "interval", "n", "references", "network", "protocol"] {
            assert!(figure.get(key).is_some(), "{key}: {value}");
        }
        assert_eq!(figure["interval"]["kind"], "wilson-95", "{value}");
        assert_eq!(value["left_out"][0]["metric"], "fid", "{value}");
        assert_eq!((&value["model"], &value["seed"]), (&"m".into(), &1.into()));
    }

    #[test]
    fn small_values_keep_their_digits() {
        assert_eq!([number(0.0), number(0.00012345), number(2.0)], ["0.0000", "1.234e-4", "2.0000"]);
    }
}
