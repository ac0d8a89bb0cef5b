//! Numbers that come back from `state.json` to the bit.
//!
//! serde_json reads a number of many digits to within one unit in its last place, and a training that goes on would hold a value for better
//! than the best one, which it is itself. So such numbers are written as text, in as few digits as tell them from all others, which Rust reads
//! exactly. Checkpoints of earlier versions have numbers in their place.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A number in a checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Exact(pub f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

/// For fields: `#[serde(with = "exact")]`.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// As [`serialize`].
///
/// # Errors
/// Those of serde, for what is no number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(Number)
}

struct Number;

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or one as text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By way of a text, and of a value, as a checkpoint is read.
    fn back(value: f64) -> f64 {
        let text = serde_json::to_string(&serde_json::json!({ "extra": Exact(value) })).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        serde_json::from_value::<Exact>(read["extra"].clone()).unwrap().0
    }

    #[test]
    fn every_number_comes_back_to_the_bit() {
        use rand::{Rng, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let drawn = (0..2000).map(|_| rng.random_range(0.0..100.0));
        for value in drawn.chain([14.975286216584596, 0.1 + 0.2, -1e-300, 0.0, f64::MAX, f64::INFINITY]) {
            assert_eq!(back(value).to_bits(), value.to_bits(), "{value}");
        }
    }

    #[test]
    fn numbers_of_earlier_checkpoints_are_read_and_nothing_else() {
        let read = |json: &str| serde_json::from_str::<Exact>(json).map(|found| found.0).ok();
        assert_eq!(["0.5", "3", "-3", "\"0.5\""].map(read), [Some(0.5), Some(3.0), Some(-3.0), Some(0.5)]);
        assert_eq!(["null", "\"x\"", "[1]"].map(read), [None; 3]);
    }
}
