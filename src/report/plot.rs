//! A curve as SVG, drawn without JavaScript. `report.js` draws the same with other smoothing or another scale.

use std::fmt::Write;

use super::curves::{Curve, Kind, smoothed};
use super::page::{escape, script_json};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 38.0;

/// What is kept of the running mean at each point, at first.
pub const SMOOTHING: f64 = 0.9;
/// Curves of fewer points are not smoothed.
const FEW: usize = 40;

/// A plot with heading, legend, data for the script, and the last value.
pub fn figure(curve: &Curve, phases: &[(f64, String)]) -> String {
    let points = curve.thinned();
    let Some(last) = curve.points.last() else { return String::new() };
    let (title, unit) = curve.title();
    let smooth = if points.len() > FEW && curve.kind != Kind::Metric && curve.name != "learning_rate" { SMOOTHING } else { 0.0 };
    let log = log_helps(&points);
    let best = curve.best();
    let end = if smooth > 0.0 { smoothed(&points, smooth).last().map_or(last.1, |point| point.1) } else { last.1 };
    let reading = match best {
        Some((step, value)) => format!("best <b>{}</b> at step {step:.0}", short(value)),
        None => format!("now <b>{}</b>", short(end)),
    };
    let data = serde_json::json!({
        "points": points, "smooth": smooth > 0.0, "log": log, "best": best, "phases": phases, "title": title, "unit": unit,
    });
    let unit = if unit.is_empty() { String::new() } else { format!(" <small>{}</small>", escape(unit)) };
    let legend = if smooth > 0.0 { "<span class=\"key raw\">measured</span><span class=\"key\">smoothed</span>" } else { "" };
    format!(
        "<figure class=\"plot\"><figcaption><span class=\"name\">{}{unit}</span><span class=\"now\">{reading}</span></figcaption>{}\
         <div class=\"legend\">{legend}<span class=\"scale\">{}</span></div>\
         <script type=\"application/json\">{}</script></figure>\n",
        escape(&title),
        svg(&points, smooth, log, best, phases, &title),
        if log { "log scale" } else { "" },
        script_json(&data),
    )
}

/// Whether values are all above nothing and far apart.
fn log_helps(points: &[(f64, f64)]) -> bool {
    let low = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.1).fold(0.0, f64::max);
    low > 0.0 && high / low > 100.0
}

fn svg(points: &[(f64, f64)], smooth: f64, log: bool, best: Option<(f64, f64)>, phases: &[(f64, String)], title: &str) -> String {
    let axis = |value: f64| if log { value.log10() } else { value };
    let (x0, x1) = range(points.iter().map(|point| point.0));
    let (y0, y1) = padded(range(points.iter().map(|point| axis(point.1))));
    let x = |value: f64| LEFT + (value - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| TOP + (y1 - axis(value)) / (y1 - y0) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} over steps\">", escape(title));
    let values: Vec<f64> = if log { log_ticks(y0, y1) } else { ticks(y0, y1, 4) };
    for value in values {
        let at = y(value);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.0}\"/><text x=\"{:.0}\" y=\"{:.1}\" class=\"y\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 7.0,
            at + 4.0,
            short(value)
        );
    }
    for value in ticks(x0, x1, 6) {
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.0}\" class=\"x\">{}</text>", x(value), HEIGHT - BOTTOM + 17.0, short(value));
    }
    let _ = write!(svg, "<text x=\"{:.0}\" y=\"{:.0}\" class=\"x\">step</text>", (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 4.0);
    // A name a row, for short phases lie close together.
    for (row, (step, name)) in phases.iter().filter(|(step, _)| *step >= x0 && *step <= x1).enumerate() {
        let at = x(*step);
        let end = if at > WIDTH - 70.0 { " end" } else { "" };
        let beside = if end.is_empty() { at + 4.0 } else { at - 4.0 };
        let _ = write!(
            svg,
            "<path class=\"phase\" d=\"M{at:.1} {TOP}V{:.0}\"/><text x=\"{beside:.1}\" y=\"{:.0}\" class=\"phase{end}\">{}</text>",
            HEIGHT - BOTTOM,
            TOP + 9.0 + (row % 3) as f64 * 13.0,
            escape(name)
        );
    }
    let line = |points: &[(f64, f64)]| -> String {
        let point =
            |(index, point): (usize, &(f64, f64))| format!("{}{:.1} {:.1}", if index == 0 { "M" } else { "L" }, x(point.0), y(point.1));
        points.iter().enumerate().map(point).collect()
    };
    if smooth > 0.0 {
        let _ = write!(
            svg,
            "<path class=\"line raw\" d=\"{}\"/><path class=\"line\" d=\"{}\"/>",
            line(points),
            line(&smoothed(points, smooth))
        );
    } else {
        let _ = write!(svg, "<path class=\"line\" d=\"{}\"/>", line(points));
        if points.len() <= FEW {
            for point in points {
                let _ = write!(svg, "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", x(point.0), y(point.1));
            }
        }
    }
    if let Some(best) = best {
        let _ = write!(svg, "<circle class=\"best\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"6\"/>", x(best.0), y(best.1));
    }
    svg.push_str("</svg>");
    svg
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if high > low { (low, high) } else { (low - 0.5, low + 0.5) }
}

fn padded((low, high): (f64, f64)) -> (f64, f64) {
    let space = 0.06 * (high - low);
    (low - space, high + space)
}

/// About `count` round numbers from `low` to `high`.
fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil();
    (0..=2 * count).map(|at| (first + at as f64) * step).take_while(|value| *value <= high + 1e-9 * step).collect()
}

/// Powers of ten, and twice and five times them where there are few; `low` and `high` are exponents.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let times: &[f64] = if high - low < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let powers = (low.floor() as i32)..=(high.ceil() as i32);
    powers
        .flat_map(|power| times.iter().map(move |times| times * 10f64.powi(power)))
        .filter(|v| (low..=high).contains(&v.log10()))
        .collect()
}

/// A number in few digits.
pub fn short(value: f64) -> String {
    let trimmed = |text: String| text.trim_end_matches('0').trim_end_matches('.').to_string();
    match value.abs() {
        0.0 => "0".into(),
        size if size >= 1e6 => format!("{value:.2e}"),
        size if size >= 1e4 => format!("{}k", trimmed(format!("{:.1}", value / 1e3))),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1e-3 => trimmed(format!("{value:.4}")),
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks(0.0, 10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(3.0, 9.5, 4), [4.0, 6.0, 8.0]);
        assert_eq!(ticks(1.0, 1.0, 4), [1.0]);
        assert_eq!(log_ticks(-1.0, 2.0), [0.1, 1.0, 10.0, 100.0]);
    }

    #[test]
    fn numbers_are_short() {
        let found = [0.0, 0.25, 123.4, 25_000.0, 2e7, 1e-5, -3.5].map(short);
        assert_eq!(found, ["0", "0.25", "123", "25k", "2.00e7", "1.0e-5", "-3.5"]);
    }

    #[test]
    fn far_values_are_on_a_log_scale() {
        assert!(log_helps(&[(1.0, 0.01), (2.0, 10.0)]));
        assert!(!log_helps(&[(1.0, 1.0), (2.0, 10.0)]) && !log_helps(&[(1.0, 0.0), (2.0, 10.0)]));
    }
}
