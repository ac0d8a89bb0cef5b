//! Whether a woven pattern lies over drawn pictures, and how much of photographs' detail they have.

use super::Metric;
use crate::Result;
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Inputs};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;
use crate::evaluate::interval::{GROUPS, Interval, jackknife};
use crate::evaluate::spectrum::{BANDS, INNER, OUTER, PERIODS, Peaks, Spectra, bands, peaks};
use crate::glam::GeneratorConfig;

/// Peaks of power spectra at the periods of strides and doublings, and power by band; no trained network takes part.
pub static SPECTRUM: Metric = Metric {
    name: "spectrum",
    about: "Woven patterns of 2, 4 and 8 px, and power in five bands",
    photographs: Networks::SPECTRA,
    drawings: Networks::SPECTRA,
    obstacle,
    figures,
};

fn obstacle(evaluator: &Evaluator<'_>) -> Option<Obstacle> {
    let drawn = GeneratorConfig::picture_size(evaluator.drawer.stages() - 1);
    let photographs = evaluator.dataset.size;
    if evaluator.samples == 0 {
        return Some(Obstacle::NoDrawings);
    }
    (!photographs.is_multiple_of(drawn)).then_some(Obstacle::OtherSize { drawn, photographs })
}

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for size in evaluator.spectrum_sizes() {
        if let (Some(drawn), Some(real)) = (inputs.drawings.spectra_of(size), inputs.photographs.spectra_of(size)) {
            figures.extend(of_peaks(drawn, real));
            figures.extend(of_bands(drawn, real));
            evaluator.go_on()?;
        }
    }
    Ok(figures)
}

/// Mean and largest ratio for each period, of drawn pictures and of photographs.
fn of_peaks(drawn: &Spectra, real: &Spectra) -> Vec<Figure> {
    let size = drawn.size();
    let protocol = format!(
        "power spectrum of luminance under a Hann window, mean over pictures; N.peaks_P is how many times the points whose period divides P \
         px stand above the geometric mean of the points {INNER} to {OUTER} away, their mean and the largest, at N px; 1 is no pattern"
    );
    let mut figures = Vec::new();
    for (whose, spectra) in [("generated", drawn), ("real", real)] {
        // Once for all figures that are made of them.
        let all = |without| {
            let power = spectra.power(without);
            PERIODS.map(|period| peaks(&power, size, period))
        };
        let whole = all(None);
        let groups = enough(spectra.count()).then(|| (0..GROUPS).map(|group| all(Some(group))).collect::<Vec<_>>());
        for (at, period) in PERIODS.into_iter().enumerate() {
            for (name, of) in [("mean", (|found| found.mean) as fn(Peaks) -> f64), ("largest", |found| found.largest)] {
                let interval: Option<Interval> =
                    groups.as_ref().map(|groups| jackknife(of(whole[at]), |group| of(groups[group][at])));
                figures.push(Figure {
                    name: format!("spectrum.{size}.peaks_{period}.{name}.{whose}"),
                    value: of(whole[at]),
                    interval,
                    n: spectra.count(),
                    references: None,
                    network: None,
                    protocol: protocol.clone(),
                });
            }
        }
    }
    figures
}

/// Power of drawn pictures as a share of photographs', by band.
fn of_bands(drawn: &Spectra, real: &Spectra) -> Vec<Figure> {
    let size = drawn.size();
    let shares = |without| {
        let (drawn, real) = (bands(&drawn.power(without), size), bands(&real.power(without), size));
        // Photographs without any power are one colour each.
        std::array::from_fn::<f64, { BANDS.len() }, _>(|band| drawn[band] / real[band].max(f64::MIN_POSITIVE))
    };
    let whole = shares(None);
    let groups = enough(drawn.count().min(real.count())).then(|| (0..GROUPS).map(|group| shares(Some(group))).collect::<Vec<_>>());
    let name = |band: usize| match BANDS.get(band + 1) {
        Some(to) => format!("{:.1}-{to:.1}", BANDS[band]),
        None => format!("{:.1}-up", BANDS[band]),
    };
    (0..BANDS.len())
        .map(|band| Figure {
            name: format!("spectrum.{size}.power_{}", name(band)),
            value: whole[band],
            interval: groups.as_ref().map(|groups| jackknife(whole[band], |group| groups[group][band])),
            n: drawn.count(),
            references: Some(real.count()),
            network: None,
            protocol: "the same spectrum: power of drawn pictures between two spatial frequencies, in cycles a pixel, as a share of \
                       photographs' of the same size; 1 is as much detail"
                .into(),
        })
        .collect()
}

/// Whether every group has two pictures.
fn enough(pictures: usize) -> bool {
    pictures >= 2 * GROUPS
}
