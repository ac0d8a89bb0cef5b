//! When losses have grown without end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exact::Exact;
use super::recipe::gan::Explosion;

/// How much of the running mean is the newest loss: the mean of about the last thousand steps.
const RATE: f64 = 0.001;

/// Losses below this are not large, whatever their mean: a hinge loss passes through 0.
const SMALLEST: f64 = 1.0;

/// The running mean of each loss's size, and for how many steps it has been far above. Saved in each checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    means: BTreeMap<String, Exact>,
    above: BTreeMap<String, usize>,
}

impl Watch {
    /// Takes note of a step's losses. Says which one has exploded, if one has: its size was more than `factor` times its running mean
    /// for `steps` steps in a row. A single outlier does not count, and does not move the mean.
    pub fn note(&mut self, losses: &[(&'static str, f64)], limit: Explosion) -> Option<String> {
        for (name, value) in losses {
            if limit.factor <= 0.0 || !value.is_finite() {
                continue;
            }
            let size = value.abs().max(SMALLEST);
            let Exact(mean) = self.means.entry((*name).to_string()).or_insert(Exact(size));
            let above = self.above.entry((*name).to_string()).or_default();
            if size <= limit.factor * *mean {
                *mean += RATE * (size - *mean);
                *above = 0;
                continue;
            }
            *above += 1;
            if *above >= limit.steps {
                return Some(format!(
                    "the {name} loss is {value:.3e}, for {above} steps more than {} times its mean of {mean:.3e} (gan.explosion)",
                    limit.factor
                ));
            }
        }
        None
    }

    /// Whether no loss was above its limit in the newest step: what has been learned may be kept.
    pub fn calm(&self) -> bool {
        self.above.values().all(|steps| *steps == 0)
    }
}

/// How many times as large as in the best epoch the mean loss of an epoch must be to be lost for good. A loss below 1 is never large.
const EXPLODED: f32 = 100.0;

/// By what a training tells that its losses have grown without end.
#[derive(Debug, Clone)]
pub enum Guard {
    /// Each loss of a step beside its running mean.
    Running {
        /// The means.
        watch: Watch,
        /// How far is too far.
        limit: Explosion,
    },
    /// The mean loss of an epoch so far, the first one, beside that of the best epoch.
    Epochs {
        /// The least mean loss of an epoch.
        least: Option<f32>,
    },
}

impl Guard {
    /// Takes note of losses, and says why they are none to go on from, if so.
    pub fn note(&mut self, losses: &[(&'static str, f64)], epoch_over: bool) -> Option<String> {
        match self {
            Self::Running { watch, limit } => watch.note(losses, *limit),
            Self::Epochs { least } => {
                let mean = first(losses)?;
                let message = exploded(mean, *least);
                if epoch_over && message.is_none() {
                    *least = Some(least.map_or(mean, |least| least.min(mean)));
                }
                message
            }
        }
    }

    /// Whether what has been learned may be kept: no loss of the newest step, and none of `losses`, is above its limit.
    pub fn calm(&self, losses: &[(&'static str, f64)]) -> bool {
        match self {
            Self::Running { watch, .. } => watch.calm(),
            Self::Epochs { least } => first(losses).is_none_or(|mean| exploded(mean, *least).is_none()),
        }
    }
}

/// The first loss, which was an f32.
fn first(losses: &[(&'static str, f64)]) -> Option<f32> {
    losses.first().map(|(_, value)| *value as f32)
}

/// Why `mean`, of an epoch so far, is no loss to go on from, if it is none.
fn exploded(mean: f32, least: Option<f32>) -> Option<String> {
    let least = least?;
    (mean > EXPLODED * least.max(1.0)).then(|| format!("the mean loss of the epoch is {mean:.3e}; that of the best one was {least:.3e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_explodes_beside_the_best_epoch() {
        assert_eq!(exploded(1e9, None), None, "the first epoch has nothing to be compared with");
        assert_eq!(exploded(90.0, Some(0.01)), None);
        assert!(exploded(101.0, Some(0.01)).is_some());
        assert_eq!(exploded(500.0, Some(8.0)), None);
        assert!(exploded(801.0, Some(8.0)).unwrap().contains("8.010e2"));
    }

    #[test]
    fn only_whole_epochs_are_what_others_are_compared_with() {
        let mut guard = Guard::Epochs { least: None };
        for (loss, over) in [(1e6, false), (8.0, true), (2.0, false), (9.0, true)] {
            assert_eq!(guard.note(&[("loss", loss)], over), None, "{loss}");
        }
        assert!(guard.calm(&[("loss", 800.0)]) && !guard.calm(&[("loss", 801.0)]) && guard.calm(&[]));
        assert!(guard.note(&[("loss", 801.0)], true).is_some());
        assert!(matches!(guard, Guard::Epochs { least: Some(8.0) }));
    }

    const LIMIT: Explosion = Explosion { factor: 10.0, steps: 3 };

    #[test]
    fn one_outlier_is_put_up_with_and_growth_is_not() {
        let mut watch = Watch::default();
        for value in [2.0, -2.0, 1e6, 1e6, 2.0, 1e6, 1e6] {
            assert_eq!(watch.note(&[("generator", value)], LIMIT), None, "{value}");
            assert_eq!(watch.calm(), value < 1e6, "{value}");
        }
        let message = watch.note(&[("generator", 1e6)], LIMIT).unwrap();
        assert!(message.contains("generator") && message.contains("3 steps"), "{message}");
    }

    #[test]
    fn one_loss_above_its_limit_is_no_calm() {
        let mut watch = Watch::default();
        assert!(watch.calm());
        for (generator, calm) in [(2.0, true), (1e6, false), (2.0, true)] {
            assert_eq!(watch.note(&[("generator", generator), ("discriminator", 1.0)], LIMIT), None);
            assert_eq!(watch.calm(), calm);
        }
    }

    #[test]
    fn losses_near_nothing_and_slow_drifts_do_not_count() {
        let mut watch = Watch::default();
        for value in [1e-6, 5.0, 9.0, 5.0, 9.0] {
            assert_eq!(watch.note(&[("discriminator", value)], LIMIT), None, "{value}");
        }
        let off = Explosion { factor: 0.0, steps: 1 };
        assert_eq!(Watch::default().note(&[("generator", 1e30)], off), None);
    }
}
