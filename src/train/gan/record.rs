//! What a step reports of its losses.

use burn::tensor::Tensor;

use crate::readback::read_now;
use crate::{Error, Result};

/// What a step measured, by name.
pub type Losses = Vec<(&'static str, f64)>;

/// The losses of a step by name, left where they are computed until all are read at once.
#[derive(Default)]
pub struct LossRecord {
    values: Vec<(&'static str, Tensor<1>)>,
}

impl LossRecord {
    /// Takes note of a value, (1), off its graph. Several of one name are parts of a sum.
    pub fn add(&mut self, name: &'static str, value: Tensor<1>) {
        self.values.push((name, value.detach()));
    }

    /// Reads all at once, by one read a device.
    ///
    /// # Errors
    /// [`Error::Diverged`] when one is not finite, unless the step is `skipped` anyway; [`Error::Device`].
    pub fn read(self, step: usize, skipped: bool) -> Result<Losses> {
        let mut values = vec![0.0; self.values.len()];
        let mut left: Vec<(usize, Tensor<1>)> = self.values.iter().map(|(_, value)| value.clone()).enumerate().collect();
        while let Some(device) = left.first().map(|(_, value)| value.device()) {
            let (here, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, value)| value.device() == device);
            let (places, here): (Vec<_>, Vec<_>) = here.into_iter().unzip();
            places.into_iter().zip(read_now(Tensor::cat(here, 0))?).for_each(|(place, value)| values[place] = value);
            left = others;
        }
        let mut losses: Losses = Vec::new();
        for ((name, _), value) in self.values.into_iter().zip(values) {
            if !value.is_finite() && !skipped {
                let message = format!("the {name} loss is {value}");
                return Err(Error::Diverged { step, message });
            }
            match losses.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += f64::from(value),
                None => losses.push((name, f64::from(value))),
            }
        }
        Ok(losses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn record(values: &[(&'static str, f32)]) -> LossRecord {
        let mut record = LossRecord::default();
        values.iter().for_each(|(name, value)| record.add(name, Tensor::from_floats([*value], &Device::flex())));
        record
    }

    #[test]
    fn parts_of_one_name_are_added_in_the_order_of_names() {
        let losses = record(&[("kl", 1.0), ("stream", 0.5), ("kl", 0.25)]).read(7, false).unwrap();
        assert_eq!(losses, [("kl", 1.25), ("stream", 0.5)]);
    }

    #[test]
    fn what_is_no_number_ends_the_training_unless_the_step_is_skipped() {
        let bad = || record(&[("kl", 1.0), ("stream", f32::NAN)]);
        let error = bad().read(7, false).unwrap_err();
        assert!(matches!(&error, Error::Diverged { step: 7, message } if message == "the stream loss is NaN"), "{error}");
        assert!(bad().read(7, true).unwrap()[1].1.is_nan());
    }
}
