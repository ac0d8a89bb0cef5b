//! When losses have grown without end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::recipe::gan::Explosion;

/// How much of the running mean is the newest loss: the mean of about the last thousand steps.
const RATE: f64 = 0.001;

/// Losses below this are not large, whatever their mean: a hinge loss passes through 0.
const SMALLEST: f64 = 1.0;

/// The running mean of each loss's size, and for how many steps it has been far above. Saved in each checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    means: BTreeMap<String, f64>,
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
            let mean = self.means.entry((*name).to_string()).or_insert(size);
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

#[cfg(test)]
mod tests {
    use super::*;

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
