//! A training as one page: every number of `log.jsonl` as a curve. The page needs no other file and no network.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::files;
use crate::{Error, Result};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 10.0;

/// Writes the page of a log.
///
/// # Errors
/// [`Error::Io`] when the log cannot be read or the page not be written.
pub fn write(log: &Path, page: &Path, title: &str) -> Result<()> {
    let text = fs::read_to_string(log).map_err(|error| Error::io(log, error))?;
    files::write(page, html(&curves(&text), title).as_bytes())
}

/// (step, value) of every number in the log, by name. Lines that are not JSON are passed over.
fn curves(log: &str) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut curves: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in log.lines() {
        let Ok(serde_json::Value::Object(values)) = serde_json::from_str(line) else { continue };
        let Some(step) = values.get("step").and_then(serde_json::Value::as_f64) else { continue };
        for (name, value) in &values {
            if let Some(value) = value.as_f64()
                && !matches!(name.as_str(), "step" | "epoch")
            {
                curves.entry(name.clone()).or_default().push((step, value));
            }
        }
    }
    curves
}

fn html(curves: &BTreeMap<String, Vec<(f64, f64)>>, title: &str) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>train {title}</title><style>body{{font:15px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}}\
         svg{{width:100%;height:auto}}text{{font-size:11px;fill:#555}}h2{{font-size:1rem;margin:1.5rem 0 .2rem}}</style>\
         <h1>train {title}</h1>\n"
    );
    for (name, points) in curves {
        let last = points.last().map_or(f64::NAN, |point| point.1);
        let _ = write!(page, "<h2>{name}: {} at the end</h2>\n{}\n", number(last), svg(points));
    }
    page
}

fn svg(points: &[(f64, f64)]) -> String {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if high > low { (low, high) } else { (low - 0.5, high + 0.5) }
    };
    let (x0, x1) = range(&mut points.iter().map(|p| p.0));
    let (y0, y1) = range(&mut points.iter().map(|p| p.1));
    let x = |value: f64| LEFT + (value - x0) / (x1 - x0) * (WIDTH - LEFT - 8.0);
    let y = |value: f64| TOP + (y1 - value) / (y1 - y0) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for value in [y0, (y0 + y1) / 2.0, y1] {
        let at = y(value);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            number(value)
        );
    }
    for (value, anchor) in [(x0, "start"), (x1, "end")] {
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">step {value:.0}</text>", x(value), HEIGHT - 6.0);
    }
    let line: String = points.iter().map(|(step, value)| format!("{:.1},{:.1} ", x(*step), y(*value))).collect();
    let _ = write!(svg, "<polyline points=\"{line}\" fill=\"none\" stroke=\"#b03060\" stroke-width=\"1.8\"/>");
    for (step, value) in points.iter().filter(|_| points.len() < 60) {
        let _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\" fill=\"#b03060\"/>", x(*step), y(*value));
    }
    svg + "</svg>"
}

/// Four digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        size if size != 0.0 && !(1e-3..1e5).contains(&size) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_becomes_a_curve() {
        let log = "{\"step\":1,\"loss\":2.0,\"epoch\":1}\nnot json\n{\"step\":2,\"loss\":1.0,\"r_precision\":0.5}\n";
        let curves = curves(log);
        assert_eq!(curves["loss"], [(1.0, 2.0), (2.0, 1.0)]);
        assert_eq!(curves.len(), 2);
        let page = html(&curves, "stem");
        assert_eq!(page.matches("<polyline").count(), 2);
        assert!(page.contains("r_precision: 0.5000 at the end"));
    }
}
