//! The page.

use std::fmt::Write;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::curves::Kind;
use super::part::Part;
use super::plot::{SMOOTHING, SMOOTHINGS, figure, short};

/// The page of `parts`.
pub fn html(title: &str, parts: &[Part]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{0} · mirrorgan</title><style>{1}</style></head><body>\n\
         <header><h1>{0}</h1><p class=\"sub\">MirrorGAN training report</p>",
        escape(title),
        include_str!("report.css")
    );
    if parts.len() > 1 {
        let link = |part: &Part| format!("<a href=\"#{}\">{}</a>", escape(&part.kind), heading(&part.kind));
        let _ = write!(page, "<nav>{}</nav>", parts.iter().map(link).collect::<String>());
    }
    let _ = writeln!(
        page,
        "<div class=\"tools\" hidden><label>Smoothing <input type=\"range\" id=\"smoothing\" min=\"0\" max=\"{}\" step=\"1\" \
         value=\"{SMOOTHING}\" data-names=\"{}\"> <output>{}</output></label></div></header><main>",
        SMOOTHINGS.len() - 1,
        SMOOTHINGS.map(|keep| keep.to_string()).join(" "),
        SMOOTHINGS[SMOOTHING]
    );
    // Pictures are what a person comes for.
    for part in parts.iter().rev() {
        section(&mut page, part);
    }
    let mut skipped: Vec<&String> = parts.iter().flat_map(|part| &part.skipped).collect();
    skipped.sort();
    skipped.dedup();
    if !skipped.is_empty() {
        let items: String = skipped.iter().map(|problem| format!("<li>{}</li>", escape(problem))).collect();
        let _ = write!(page, "<section><h2>Skipped samples: {}</h2><ul class=\"skipped\">{items}</ul></section>", skipped.len());
    }
    let _ = writeln!(
        page,
        "</main><footer>Written by mirrorgan {}.</footer><script>{}</script></body></html>",
        env!("CARGO_PKG_VERSION"),
        include_str!("report.js")
    );
    page
}

fn heading(kind: &str) -> &str {
    match kind {
        "stem" => "STEM: the text encoder",
        "stream" => "STREAM: pictures in words",
        "gan" => "Generator and discriminators",
        _ => "Training",
    }
}

fn section(page: &mut String, part: &Part) {
    let _ = write!(page, "<section id=\"{}\"><h2>{}</h2>\n<dl class=\"facts\">", escape(&part.kind), heading(&part.kind));
    for (name, value) in facts(part) {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    }
    page.push_str("</dl>\n");
    grids(page, part);
    examples(page, part);
    let metrics = format!("Metrics on the {} part", part.measured_on());
    for (kind, name) in [(Kind::Metric, metrics.as_str()), (Kind::Loss, "Losses"), (Kind::Speed, "Speed and learning rate")] {
        let figures: String = part.curves.iter().filter(|curve| curve.kind == kind).map(|curve| figure(curve, &part.phases)).collect();
        if !figures.is_empty() {
            let _ = writeln!(page, "<h3>{name}</h3><div class=\"plots\">{figures}</div>");
        }
    }
    if !part.checkpoints.is_empty() {
        let names: Vec<String> = part.checkpoints.iter().map(|name| format!("<code>{}</code>", escape(name))).collect();
        let _ = write!(page, "<p class=\"small\">Checkpoints: {}</p>", names.join(", "));
    }
    sessions(page, part);
    if !part.recipe.is_empty() {
        let _ = write!(page, "<details><summary>Recipe</summary><pre>{}</pre></details>", escape(&part.recipe));
    }
    page.push_str("</section>\n");
}

/// What the part is at a glance.
fn facts(part: &Part) -> Vec<(&'static str, String)> {
    let (done, all, unit) = part.progress();
    let state = if all > 0 && done >= all {
        "finished".to_string()
    } else if all > 0 {
        format!("{:.0} % of {} {unit}", 100.0 * done as f64 / all as f64, thousands(all))
    } else {
        format!("{} {unit}", thousands(done))
    };
    let mut facts = vec![("State", state), ("Steps", thousands(part.step)), ("Pictures seen", thousands(part.pictures))];
    if let Some(last) = part.sessions.last() {
        let seconds = last.started + last.seconds as u64;
        facts.push(("Last step at", date(seconds)));
        facts.push(("Device", last.device.clone()));
    }
    if let Some(seconds) = part.seconds {
        facts.push(("Training time", duration(seconds)));
        facts.push(("Speed", format!("{} pictures/s", short((10.0 * part.pictures as f64 / seconds.max(1e-9)).round() / 10.0))));
    }
    if let Some(share) = part.waiting {
        facts.push(("Waiting for data", format!("{:.1} % of the time", 100.0 * share)));
    }
    for curve in part.curves.iter().filter(|curve| curve.kind == Kind::Metric) {
        if let Some((_, value)) = curve.best() {
            let name = match curve.name.as_str() {
                "r_precision" => "Best R-precision",
                "bleu_4" => "Best BLEU-4",
                _ => "Best kernel distance",
            };
            facts.push((name, format!("{}{}", short(value), against(part.against.get(&curve.name)))));
        }
    }
    facts
}

/// What a metric was measured against, in brackets: ` (candidates 100, chance 0.01)`.
fn against(what: Option<&Value>) -> String {
    fn number(value: &Value) -> String {
        match value {
            // The least and the most.
            Value::Array(range) => range.iter().map(number).collect::<Vec<_>>().join(" to "),
            value => match (value.as_u64(), value.as_f64()) {
                (Some(count), _) => thousands(count as usize),
                (None, Some(value)) => short(value),
                (None, None) => value.to_string(),
            },
        }
    }
    let parts: Vec<String> = what.and_then(Value::as_object).into_iter().flatten().map(|(name, value)| format!("{name} {}", number(value))).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn grids(page: &mut String, part: &Part) {
    let Some(last) = part.grids.len().checked_sub(1) else { return };
    let prompts = part.prompts();
    let _ = write!(
        page,
        "<h3>Samples</h3><p class=\"small\">A row for each prompt, a column for each noise; both stay the same all along. {} of {} grids.</p>\
         <div class=\"samples\"><ol class=\"prompts\">{}</ol><div class=\"strip\">",
        part.grids.len(),
        part.all_grids,
        prompts.iter().map(|prompt| format!("<li><span>{}</span></li>", escape(prompt))).collect::<String>()
    );
    for (index, grid) in part.grids.iter().enumerate() {
        let _ = write!(
            page,
            "<figure{}><img width=\"{}\" height=\"{}\" alt=\"Samples after {} pictures\" src=\"{}\"><figcaption>after {} pictures</figcaption></figure>",
            if index == last { " class=\"chosen\"" } else { "" },
            grid.size.0,
            grid.size.1,
            thousands(grid.pictures),
            jpeg(&grid.bytes),
            thousands(grid.pictures)
        );
    }
    let _ = writeln!(
        page,
        "</div><div class=\"slider\" hidden><button type=\"button\" aria-label=\"Play\">▶</button><input type=\"range\" min=\"0\" max=\"{last}\" \
         value=\"{last}\" aria-label=\"How far the training is\"></div></div>"
    );
}

fn examples(page: &mut String, part: &Part) {
    let Some(first) = part.examples.first() else { return };
    // None of them was learned from.
    let what = if part.kind == "stem" {
        "The captions of the same part that lie nearest to each of a few of its pictures. ✓: the nearest is of the picture's own kind."
    } else {
        "What STREAM says of the same pictures."
    };
    let _ = write!(
        page,
        "<h3>Examples</h3><p class=\"small\">{what}</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Examples of {}\"><table><thead><tr><td></td>",
        part.kind
    );
    for (at, example) in first.examples.iter().enumerate() {
        let picture = part.pictures_shown.get(at).filter(|bytes| !bytes.is_empty());
        let picture = picture.map(|bytes| format!("<img alt=\"{}\" src=\"{}\">", escape(&example.key), jpeg(bytes))).unwrap_or_default();
        let _ = write!(page, "<th scope=\"col\">{picture}</th>");
    }
    page.push_str("</tr><tr><th scope=\"row\">people</th>");
    for example in &first.examples {
        let _ = write!(page, "<td>{}</td>", escape(&example.reference));
    }
    page.push_str("</tr></thead><tbody>");
    for line in part.examples.iter().rev() {
        let _ = write!(page, "<tr><th scope=\"row\">epoch {}</th>", line.epoch);
        for example in &line.examples {
            let mark = match example.hit {
                Some(true) => "<b class=\"hit\" title=\"hit\">✓</b> ",
                Some(false) => "<b class=\"miss\" title=\"miss\">✗</b> ",
                None => "",
            };
            let texts: Vec<String> = example.texts.iter().map(|text| escape(text)).collect();
            let _ = write!(page, "<td>{mark}{}</td>", texts.join("<hr>"));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div>\n");
}

fn sessions(page: &mut String, part: &Part) {
    if part.sessions.len() < 2 {
        return;
    }
    let row = |session: &crate::train::run::sessions::Session| {
        format!(
            "<tr><td>{}</td><td>{}</td><td>{} – {}</td><td>{}</td></tr>",
            date(session.started),
            duration(session.seconds),
            thousands(session.first_step),
            thousands(session.last_step),
            escape(&session.device)
        )
    };
    let _ = write!(
        page,
        "<details><summary>Started or continued {} times</summary><table><tr><th>at</th><th>for</th><th>steps</th><th>device</th></tr>{}</table></details>",
        part.sessions.len(),
        part.sessions.iter().map(row).collect::<String>()
    );
}

fn jpeg(bytes: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes))
}

/// Text as it stands in HTML and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Control characters would end up as errors of the page.
            other if other.is_control() && other != '\n' && other != '\t' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// JSON that cannot end the script element it stands in.
pub fn script_json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// 1234567 as 1,234,567.
fn thousands(value: usize) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn duration(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// Seconds since 1970 as date and time in UTC (days to civil date: Hinnant, "chrono-compatible low-level date algorithms").
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, era * 400 + year) } else { (month - 9, era * 400 + year + 1) };
    format!("{year}-{month:02}-{of_month:02} {:02}:{:02} UTC", seconds / 3600 % 24, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_become_markup() {
        assert_eq!(escape("<b a='1'>&\"\u{7}"), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;\u{fffd}");
        assert!(!script_json(&serde_json::json!("</script><!--")).contains('<'));
    }

    #[test]
    fn times_and_numbers_read_well() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_732_550_399), "2024-11-25 15:59 UTC");
        assert_eq!([5.2, 65.0, 7_260.0].map(duration), ["5 s", "1 min 5 s", "2 h 1 min"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
