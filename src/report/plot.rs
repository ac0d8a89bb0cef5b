//! A curve as SVG: on each scale that it can have, at each smoothing that a reader can ask for. What is not shown at first is there and
//! hidden; `report.js` shows one or the other, and draws nothing.

use std::fmt::Write;

use super::curves::{Curve, Kind, smoothed};
use super::page::{escape, script_json};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 38.0;

/// What is kept of the running mean at each point, the choices of a reader; 0 is the curve as measured.
pub const SMOOTHINGS: [f64; 6] = [0.0, 0.6, 0.8, 0.9, 0.96, 0.99];
/// The one that is shown at first.
pub const SMOOTHING: usize = 3;
/// Curves of fewer points are not smoothed.
const FEW: usize = 40;

/// A plot with heading, legend, the last value, and what the script shows under the pointer.
pub fn figure(curve: &Curve, phases: &[(f64, String)]) -> String {
    let points = curve.thinned();
    let Some(last) = curve.points.last() else { return String::new() };
    let (title, unit) = curve.title();
    let smooths = points.len() > FEW && curve.kind != Kind::Metric && curve.name != "learning_rate";
    let (lines, shown): (Vec<Vec<(f64, f64)>>, usize) =
        if smooths { (SMOOTHINGS.iter().map(|keep| smoothed(&points, *keep)).collect(), SMOOTHING) } else { (vec![points.clone()], 0) };
    let log = log_helps(&points);
    let best = curve.best();
    let end = if smooths { lines[shown].last().map_or(last.1, |point| point.1) } else { last.1 };
    let reading = match best {
        Some((step, value)) => format!("best <b>{}</b> at step {step:.0}", short(value)),
        None => format!("now <b>{}</b>", short(end)),
    };
    // Numbers as they are to be read.
    let readings = serde_json::json!({
        "steps": points.iter().map(|point| format!("{:.0}", point.0)).collect::<Vec<_>>(),
        "values": lines.iter().map(|line| line.iter().map(|point| short(point.1)).collect()).collect::<Vec<Vec<_>>>(),
    });
    let unit = if unit.is_empty() { String::new() } else { format!(" <small>{}</small>", escape(unit)) };
    let legend = if smooths { "<span class=\"key raw\">measured</span><span class=\"key\">smoothed</span>" } else { "" };
    let plot = Plot { points: &points, lines: &lines, shown, best };
    format!(
        "<figure class=\"plot\"><figcaption><span class=\"name\">{}{unit}</span><span class=\"now\">{reading}</span></figcaption>{}\
         <div class=\"legend\">{legend}<span class=\"scale\">{}</span></div>\
         <script type=\"application/json\">{}</script></figure>\n",
        escape(&title),
        plot.svg(log, phases, &title),
        if log { "log scale" } else { "" },
        script_json(&readings),
    )
}

/// Whether values are all above nothing and far apart.
fn log_helps(points: &[(f64, f64)]) -> bool {
    let low = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.1).fold(0.0, f64::max);
    low > 0.0 && high / low > 100.0
}

/// Where steps and values lie.
struct Axes {
    x: (f64, f64),
    /// Of values, or of their logarithms.
    y: (f64, f64),
    log: bool,
}

impl Axes {
    fn new(points: &[(f64, f64)], log: bool) -> Self {
        let axis = |value: f64| if log { value.log10() } else { value };
        let (x, y) = (range(points.iter().map(|point| point.0)), range(points.iter().map(|point| axis(point.1))));
        // Values that are all the same lie in the middle of half and one and a half times theirs.
        let around = if log || y.0 == 0.0 { 0.5 } else { 0.5 * y.0.abs() };
        Self { x: widened(x, 0.5), y: padded(widened(y, around)), log }
    }

    fn x(&self, step: f64) -> f64 {
        LEFT + (step - self.x.0) / (self.x.1 - self.x.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value };
        TOP + (self.y.1 - value) / (self.y.1 - self.y.0) * (HEIGHT - TOP - BOTTOM)
    }

    /// The path of a line, each point from the one before it, in tenths of a pixel.
    fn path(&self, points: &[(f64, f64)]) -> String {
        let tenths = |value: f64| (10.0 * value).round() as i64;
        let mut path = String::new();
        let mut before = (0, 0);
        for (index, point) in points.iter().enumerate() {
            let at = (tenths(self.x(point.0)), tenths(self.y(point.1)));
            path.push(if index == 0 { 'M' } else { 'l' });
            let _ = write!(path, "{} {}", (at.0 - before.0) as f64 / 10.0, (at.1 - before.1) as f64 / 10.0);
            before = at;
        }
        path
    }
}

struct Plot<'a> {
    points: &'a [(f64, f64)],
    /// At each smoothing, or as measured alone.
    lines: &'a [Vec<(f64, f64)>],
    /// Which of the lines is shown at first.
    shown: usize,
    best: Option<(f64, f64)>,
}

impl Plot<'_> {
    /// The plot with all its scales, of which `log` or the other is shown.
    fn svg(&self, log: bool, phases: &[(f64, String)], title: &str) -> String {
        let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} over steps\">", escape(title));
        let axes = Axes::new(self.points, false);
        for value in ticks(axes.x.0, axes.x.1, 6).into_iter().filter(|step| (step - step.round()).abs() < 1e-6) {
            let _ =
                write!(svg, "<text x=\"{:.1}\" y=\"{:.0}\" class=\"x\">{}</text>", axes.x(value), HEIGHT - BOTTOM + 17.0, short(value));
        }
        let _ = write!(svg, "<text x=\"{:.0}\" y=\"{:.0}\" class=\"x\">step</text>", (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 4.0);
        // A name a row, for short phases lie close together.
        for (row, (step, name)) in phases.iter().filter(|(step, _)| *step >= axes.x.0 && *step <= axes.x.1).enumerate() {
            let at = axes.x(*step);
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
        self.scale(&mut svg, &axes, !log);
        if self.points.iter().all(|point| point.1 > 0.0) {
            self.scale(&mut svg, &Axes::new(self.points, true), log);
        }
        let _ = write!(
            svg,
            "<g class=\"pointer\" display=\"none\"><path class=\"cursor\" d=\"M0 {TOP}V{:.0}\"/><circle class=\"dot\" r=\"4\"/></g></svg>",
            HEIGHT - BOTTOM
        );
        svg
    }

    /// What looks different on another scale: grid, lines and marks.
    fn scale(&self, svg: &mut String, axes: &Axes, shown: bool) {
        let name = if axes.log { "log" } else { "linear" };
        let _ = write!(svg, "<g data-scale=\"{name}\"{}>", hidden(!shown));
        let (low, high) = axes.y;
        for value in if axes.log { log_ticks(low, high) } else { ticks(low, high, 4) } {
            let at = axes.y(value);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.0}\"/><text x=\"{:.0}\" y=\"{:.1}\" class=\"y\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 7.0,
                at + 4.0,
                short(value)
            );
        }
        for (at, line) in self.lines.iter().enumerate() {
            // What was measured stays visible below what is smoothed.
            let raw = if at == 0 && self.shown > 0 { " raw" } else { "" };
            let _ = write!(svg, "<path class=\"line{raw}\"{} d=\"{}\"/>", hidden(at != self.shown && at > 0), axes.path(line));
        }
        if self.points.len() <= FEW {
            for point in self.points {
                let _ = write!(svg, "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", axes.x(point.0), axes.y(point.1));
            }
        }
        if let Some(best) = self.best {
            let _ = write!(svg, "<circle class=\"best\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"6\"/>", axes.x(best.0), axes.y(best.1));
        }
        svg.push_str("</g>");
    }
}

/// The attribute of what is not shown.
fn hidden(hidden: bool) -> &'static str {
    if hidden { " display=\"none\"" } else { "" }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// A range that has a length: `around` its one value where it has none.
fn widened((low, high): (f64, f64), around: f64) -> (f64, f64) {
    if high > low { (low, high) } else { (low - around, low + around) }
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
    fn paths_lead_from_point_to_point_without_drifting() {
        let points: Vec<(f64, f64)> = (0..700).map(|step| (f64::from(step), f64::from(step % 7).sqrt())).collect();
        let axes = Axes::new(&points, false);
        let path = axes.path(&points);
        let numbers: Vec<f64> = path.split(['M', 'l', ' ']).filter_map(|number| number.parse().ok()).collect();
        let end = numbers.chunks(2).fold((0.0, 0.0), |at, step| (at.0 + step[0], at.1 + step[1]));
        assert_eq!(numbers.len(), 2 * points.len());
        assert!((end.0 - axes.x(699.0)).abs() < 0.051 && (end.1 - axes.y(6f64.sqrt())).abs() < 0.051, "{end:?}");
    }

    #[test]
    fn every_smoothing_is_drawn_on_both_scales_and_one_of_each_is_shown() {
        let points = (0..100).map(|step| (f64::from(step), 1.0 + f64::from(step % 3))).collect();
        let mut curve = Curve { name: "loss".into(), kind: Kind::Loss, points };
        let page = figure(&curve, &[]);
        assert_eq!(page.matches("<path class=\"line").count(), 2 * SMOOTHINGS.len());
        assert_eq!(page.matches("<path class=\"line raw\" d").count(), 2);
        assert_eq!(page.matches("<path class=\"line\" d=").count(), 2);
        assert!(page.contains("<g data-scale=\"linear\">") && page.contains("<g data-scale=\"log\" display=\"none\">"));
        // A value of 0 has no logarithm.
        curve.points[5].1 = 0.0;
        assert!(!figure(&curve, &[]).contains("data-scale=\"log\""));
        curve.points.truncate(FEW);
        assert_eq!(figure(&curve, &[]).matches("<path class=\"line\"").count(), 1);
    }

    /// As a training begins: one step, and a learning rate of a hundredth.
    #[test]
    fn a_single_value_is_on_a_scale_of_its_size() {
        for value in [0.01, -300.0, 0.0, 2e4] {
            let points = [(7.0, value)];
            let svg = Plot { points: &points, lines: &[points.to_vec()], shown: 0, best: None }.svg(false, &[], "x");
            let labels = |class: &str| -> Vec<&str> {
                let found = svg.split("<g data-scale=\"log\"").next().unwrap().split("<text ").skip(1);
                let of_class = found.filter_map(|text| text.split_once(&format!("class=\"{class}\">")).map(|(_, rest)| rest));
                of_class.filter_map(|rest| rest.split_once('<').map(|(label, _)| label)).collect()
            };
            assert_eq!(labels("x"), ["7", "step"], "{svg}");
            assert!(labels("y").len() >= 3 && labels("y").contains(&short(value).as_str()), "{value}: {:?}", labels("y"));
        }
    }

    #[test]
    fn far_values_are_on_a_log_scale() {
        assert!(log_helps(&[(1.0, 0.01), (2.0, 10.0)]));
        assert!(!log_helps(&[(1.0, 1.0), (2.0, 10.0)]) && !log_helps(&[(1.0, 0.0), (2.0, 10.0)]));
    }
}
