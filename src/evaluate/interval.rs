//! How far a figure can be trusted: by resampling, by parts, or by the binomial law.

use rand::Rng;
use serde::Serialize;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 1000;

/// Groups of a jackknife.
pub const GROUPS: usize = 10;

/// Student's t for a two-sided 95 % interval with nine degrees of freedom, those of ten groups.
const STUDENT_9: f64 = 2.262_157_162_740_992;

/// The normal law's 97.5 % point.
const NORMAL: f64 = 1.959_963_984_540_054;

/// What an [`Interval`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalKind {
    /// 95 %, percentiles of 1000 resamples with replacement (Efron 1979).
    #[serde(rename = "bootstrap-95")]
    Bootstrap95,
    /// 95 %, from leaving out each tenth in turn (delete-a-group jackknife, Kott 2001), Student's t.
    #[serde(rename = "jackknife-95")]
    Jackknife95,
    /// 95 %, of a proportion (Wilson 1927).
    #[serde(rename = "wilson-95")]
    Wilson95,
    /// Mean ± standard deviation over random subsets.
    StdOverSubsets,
    /// Mean ± standard deviation over splits.
    StdOverSplits,
    /// Mean ± standard deviation over folds.
    StdOverFolds,
}

/// A range around a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// What the range is.
    pub kind: IntervalKind,
    /// Its lower end; mean − standard deviation for parts.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Number of resamples, groups, subsets, splits or folds; for a proportion, of trials.
    pub parts: usize,
}

impl Interval {
    /// Whether it is a mean ± a standard deviation, and no range that holds the value with 95 %.
    pub fn is_deviation(&self) -> bool {
        matches!(self.kind, IntervalKind::StdOverSubsets | IntervalKind::StdOverSplits | IntervalKind::StdOverFolds)
    }

    /// What it is, without its numbers: `95 %, bootstrap`, `std over 10 splits`.
    pub fn meaning(&self) -> String {
        let parts = self.parts;
        match self.kind {
            IntervalKind::Bootstrap95 => "95 %, bootstrap".to_string(),
            IntervalKind::Jackknife95 => "95 %, jackknife".to_string(),
            IntervalKind::Wilson95 => "95 %, Wilson".to_string(),
            IntervalKind::StdOverSubsets => format!("std over {parts} subsets"),
            IntervalKind::StdOverSplits => format!("std over {parts} splits"),
            IntervalKind::StdOverFolds => format!("std over {parts} folds"),
        }
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = super::figure::number;
        let (low, high, meaning) = (self.low, self.high, self.meaning());
        if self.is_deviation() {
            write!(f, "± {} ({meaning})", number((high - low) / 2.0))
        } else {
            write!(f, "{} … {} ({meaning})", number(low), number(high))
        }
    }
}

/// Percentiles of `statistic` over resamples of the numbers below `n`; none when there is nothing to resample.
pub fn bootstrap(n: usize, rng: &mut impl Rng, statistic: impl Fn(&[usize]) -> f64) -> Option<Interval> {
    if n < 2 {
        return None;
    }
    let mut found: Vec<f64> = Vec::with_capacity(RESAMPLES);
    let mut chosen = vec![0; n];
    for _ in 0..RESAMPLES {
        chosen.iter_mut().for_each(|index| *index = rng.random_range(0..n));
        found.push(statistic(&chosen));
    }
    found.sort_by(f64::total_cmp);
    let at = |share: f64| found[((RESAMPLES - 1) as f64 * share).round() as usize];
    Some(Interval { kind: IntervalKind::Bootstrap95, low: at(0.025), high: at(0.975), parts: RESAMPLES })
}

/// [`bootstrap`] of a mean.
pub fn bootstrap_mean(values: &[f64], rng: &mut impl Rng) -> Option<Interval> {
    bootstrap(values.len(), rng, |chosen| chosen.iter().map(|i| values[*i]).sum::<f64>() / chosen.len() as f64)
}

/// `value` ± t·√((g − 1)/g · Σ(vᵢ − v̄)²), vᵢ the statistic without group i of g = [`GROUPS`]: its bias, which falls as 1/n, does not
/// widen this interval as it would a bootstrap's.
///
/// `without` gives the statistic when the rows whose number leaves the remainder i on division by g are left out.
pub fn jackknife(value: f64, without: impl Fn(usize) -> f64) -> Interval {
    let values: Vec<f64> = (0..GROUPS).map(without).collect();
    let g = GROUPS as f64;
    let mean = values.iter().sum::<f64>() / g;
    let variance = (g - 1.0) / g * values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    let half = STUDENT_9 * variance.sqrt();
    Interval { kind: IntervalKind::Jackknife95, low: value - half, high: value + half, parts: GROUPS }
}

/// Wilson's interval for `hits` of `trials`.
pub fn wilson(hits: usize, trials: usize) -> Option<Interval> {
    if trials == 0 {
        return None;
    }
    let n = trials as f64;
    let p = hits as f64 / n;
    let z2 = NORMAL * NORMAL;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = NORMAL / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Some(Interval { kind: IntervalKind::Wilson95, low: (middle - half).max(0.0), high: (middle + half).min(1.0), parts: trials })
}

/// Mean ± population standard deviation (as torch-fidelity has it) of values of parts.
pub fn over_parts(kind: IntervalKind, values: &[f64]) -> (f64, Option<Interval>) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let interval = Interval { kind, low: mean - deviation, high: mean + deviation, parts: values.len() };
    (mean, (values.len() > 1).then_some(interval))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn wilson_by_hand() {
        // p = 1/2, n = 4: middle 1/2, half width z/2 · √(1/n · 1/(1 + z²/n)) = 0.3499.
        let found = wilson(2, 4).unwrap();
        assert!((found.low - 0.1500).abs() < 1e-4 && (found.high - 0.8500).abs() < 1e-4, "{found:?}");
        let all = wilson(20, 20).unwrap();
        assert!((all.low - 0.8389).abs() < 1e-4 && all.high == 1.0, "{all:?}");
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn the_jackknife_of_a_mean_is_its_standard_error() {
        // Groups of one: the jackknife of a mean is √(s²/n) exactly.
        let values: Vec<f64> = (0..10).map(|i| f64::from(i * i)).collect();
        let mean = values.iter().sum::<f64>() / 10.0;
        let without = |group: usize| (values.iter().sum::<f64>() - values[group]) / 9.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 9.0;
        let found = jackknife(mean, without);
        assert!(((found.high - found.low) / 2.0 - STUDENT_9 * (variance / 10.0).sqrt()).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn the_bootstrap_of_a_mean_is_near_the_normal_interval() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let found = bootstrap_mean(&values, &mut rng).unwrap();
        // ±1.96 · 0.5 / 20
        assert!((found.low - 0.451).abs() < 0.01 && (found.high - 0.549).abs() < 0.01, "{found:?}");
        let same = bootstrap_mean(&[2.0, 2.0, 2.0], &mut rng).unwrap();
        assert_eq!((same.low, same.high), (2.0, 2.0));
        assert_eq!(bootstrap_mean(&[1.0], &mut rng), None);
    }

    #[test]
    fn parts_have_a_mean_and_a_deviation() {
        let (mean, interval) = over_parts(IntervalKind::StdOverFolds, &[1.0, 3.0]);
        let interval = interval.unwrap();
        assert_eq!((mean, interval.low, interval.high), (2.0, 1.0, 3.0));
        assert_eq!(interval.to_string(), "± 1.0000 (std over 2 folds)");
        assert_eq!(over_parts(IntervalKind::StdOverFolds, &[1.0]).1, None);
    }
}
