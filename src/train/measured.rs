//! What a training measures of itself on the test part.

use serde_json::{Map, Value};

use super::course::Losses;
use super::run::examples::Example;

/// How good weights are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// What can be compared: values of a higher class are better than any of a lower one.
    pub class: usize,
    /// The greater the better.
    pub value: f64,
}

impl Best {
    /// Whether this is better than the best so far.
    pub fn improves(self, best: Option<Self>) -> bool {
        best.is_none_or(|best| self.class > best.class || (self.class == best.class && self.value > best.value))
    }
}

/// What was measured on the test part.
#[derive(Debug, Default)]
pub struct Measured {
    /// Values by name.
    pub values: Losses,
    /// How good the weights are by it.
    pub rank: Option<Best>,
    /// What each value was measured against, and what chance gives, in the words of the log.
    pub against: Map<String, Value>,
    /// The same for people, beside the values of the same names.
    pub said: Vec<(&'static str, String)>,
    /// What the model makes of a few pictures, always the same ones.
    pub examples: Vec<Example>,
}

impl Measured {
    /// A value with what it was measured against.
    pub fn value(&mut self, name: &'static str, value: f64, against: Value, said: String) {
        self.values.push((name, value));
        self.against.insert(name.to_string(), against);
        self.said.push((name, said));
    }

    /// What is said of the value `name`, in brackets.
    pub fn beside(&self, name: &str) -> String {
        self.said.iter().find(|(of, _)| *of == name).map_or(String::new(), |(_, said)| format!(" ({said})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greater_is_better_and_a_higher_class_begins_anew() {
        let best = |class, value| Best { class, value };
        assert!(best(1, -9.0).improves(None));
        assert!(best(1, -0.1).improves(Some(best(1, -0.2))) && !best(1, -0.2).improves(Some(best(1, -0.2))));
        assert!(best(2, -0.4).improves(Some(best(1, -0.2))) && !best(1, -0.1).improves(Some(best(2, -0.4))));
        assert!(!best(1, f64::NAN).improves(Some(best(1, -0.2))));
    }

    #[test]
    fn a_value_says_what_it_was_measured_against() {
        let mut measured = Measured::default();
        measured.value("bleu_4", 0.5, serde_json::json!({ "pictures": 3 }), "3 pictures".into());
        assert_eq!((measured.values[0], &measured.against["bleu_4"]["pictures"]), (("bleu_4", 0.5), &3.into()));
        assert_eq!((measured.beside("bleu_4"), measured.beside("loss")), (" (3 pictures)".to_string(), String::new()));
    }
}
