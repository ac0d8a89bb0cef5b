//! Mixed precision (Micikevicius et al., ICLR 2018): networks compute in 16 bits, what learns stays in 32.

use serde::{Deserialize, Serialize};

/// What f16 losses are multiplied with before the backward pass, so that small gradients do not become 0: as large as gradients stay
/// finite. A step whose gradients are not finite is skipped and halves the factor; `GROWTH_STEPS` good ones double it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScale {
    /// The factor.
    pub factor: f64,
    /// Good steps since it changed.
    good: usize,
    /// Steps skipped in all.
    pub skipped: usize,
    /// Steps skipped one after the other.
    pub in_a_row: usize,
}

/// Good steps before a loss scale grows (PyTorch's `GradScaler`).
const GROWTH_STEPS: usize = 2000;

impl Default for LossScale {
    fn default() -> Self {
        Self { factor: 65536.0, good: 0, skipped: 0, in_a_row: 0 }
    }
}

impl LossScale {
    /// Takes note of a step whose gradients were `finite` or not.
    pub fn note(&mut self, finite: bool) {
        if !finite {
            self.factor = (self.factor / 2.0).max(1.0);
            self.good = 0;
            self.skipped += 1;
            self.in_a_row += 1;
            return;
        }
        self.good += 1;
        self.in_a_row = 0;
        if self.good >= GROWTH_STEPS {
            self.factor = (self.factor * 2.0).min(16_777_216.0);
            self.good = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_scale_halves_at_once_and_doubles_slowly() {
        let mut scale = LossScale::default();
        scale.note(false);
        scale.note(false);
        assert_eq!((scale.factor, scale.skipped, scale.in_a_row), (16384.0, 2, 2));
        (0..GROWTH_STEPS).for_each(|_| scale.note(true));
        assert_eq!((scale.factor, scale.skipped, scale.in_a_row), (32768.0, 2, 0));
    }
}
