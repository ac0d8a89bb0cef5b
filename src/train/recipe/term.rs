//! The terms of the generator's loss, L_G = Σ_t λ_t L_t: one table of what they are called, what they count and how reports show them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A term of the generator's loss. The first three are the paper's (section 3.4): L_G = Σ_i L_{G_i} + λ L_stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Pictures that look real: −E log D_i(I_i) of L_{G_i}, summed over the stages that learn, or its hinge.
    Adversarial,
    /// Pictures that look real beside their sentence: −E log D_i(I_i, s) of L_{G_i}, summed likewise.
    Conditional,
    /// Pictures whose redescription is the prompt: L_stream = −Σ_t log p_t(T_t), a word of it. Its weight is the paper's λ.
    Stream,
    /// Pictures that DAMSM matches with the prompt (AttnGAN, eq. 13).
    Damsm,
    /// Conditioning augmentation near N(0, 1) (StackGAN, eq. 2).
    Kl,
    /// Pictures of one prompt that differ as their noises do (MSGAN, eq. 3).
    Diversity,
    /// A stage that is trained on its own: its picture, made smaller, is the one that it began with.
    Consistency,
    /// Pictures near the photograph that the prompt describes, pixel by pixel, summed over the stages that learn: E |I_i − photograph|
    /// (pix2pix, eq. 3). It makes a mean of what a sentence leaves open, and is for data where that is nothing.
    Reconstruction,
}

/// What is fixed of a term.
struct Row {
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    weight: f64,
}

/// In the order of [`Term`]. λ of the paper is 20, and both halves of L_{G_i} count whole, as in the public code.
const TABLE: [Row; Term::COUNT] = [
    Row { name: "adversarial", title: "Generator: looks real", unit: "loss", weight: 1.0 },
    Row { name: "conditional", title: "Generator: fits its sentence", unit: "loss", weight: 1.0 },
    Row { name: "stream", title: "Redescription by STREAM", unit: "nats a word", weight: 20.0 },
    Row { name: "damsm", title: "DAMSM: matches its prompt", unit: "loss", weight: 0.0 },
    Row { name: "kl", title: "Conditioning near N(0, 1)", unit: "KL, nats", weight: 1.0 },
    Row { name: "diversity", title: "Pictures of one prompt differ", unit: "loss", weight: 0.0 },
    Row { name: "consistency", title: "Stages agree", unit: "mean |difference|", weight: 0.0 },
    Row { name: "reconstruction", title: "Far from the photograph", unit: "mean |difference|", weight: 0.0 },
];

/// The names, in the order of [`Term`].
const NAMES: [&str; Term::COUNT] = {
    let mut names = [""; Term::COUNT];
    let mut at = 0;
    while at < Term::COUNT {
        names[at] = TABLE[at].name;
        at += 1;
    }
    names
};

impl Term {
    /// How many there are.
    pub const COUNT: usize = 8;

    /// All of them, in the order of recipes.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Adversarial,
        Self::Conditional,
        Self::Stream,
        Self::Damsm,
        Self::Kl,
        Self::Diversity,
        Self::Consistency,
        Self::Reconstruction,
    ];

    /// The key in recipes and logs.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The heading of its curve in reports.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// What its values are in.
    pub fn unit(self) -> &'static str {
        self.row().unit
    }

    /// λ where a recipe does not say: the public code's, and 0 for what it has not.
    pub fn default_weight(self) -> f64 {
        self.row().weight
    }

    /// The term of this [`Term::name`].
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|term| term.name() == name)
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// A value for each term, indexed by it.
///
/// `PerTerm<f64>` is the weights of a recipe, each with its default where it is left out; `PerTerm<Option<f64>>` is the weights of a phase that
/// are others than the recipe's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerTerm<T>([T; Term::COUNT]);

impl<T> PerTerm<T> {
    /// The value that `of` gives for each term.
    pub fn from_fn(of: impl FnMut(Term) -> T) -> Self {
        Self(Term::ALL.map(of))
    }

    /// The same with another value for `term`.
    pub fn with(mut self, term: Term, value: T) -> Self {
        self[term] = value;
        self
    }
}

impl PerTerm<f64> {
    /// Checks every weight; `section` is where they stand.
    ///
    /// # Errors
    /// The first that is no weight, in words.
    pub fn check(&self, section: &str) -> Result<(), String> {
        match Term::ALL.into_iter().find(|term| !(self[*term].is_finite() && self[*term] >= 0.0)) {
            Some(term) => Err(format!("{section}.{} is {}; expected 0 or more", term.name(), self[term])),
            None => Ok(()),
        }
    }

    /// These, with those of `other` that it has.
    pub fn overridden(&self, other: &PerTerm<Option<f64>>) -> Self {
        Self::from_fn(|term| other[term].unwrap_or(self[term]))
    }
}

impl<T> Index<Term> for PerTerm<T> {
    type Output = T;

    fn index(&self, term: Term) -> &T {
        &self.0[term as usize]
    }
}

impl<T> IndexMut<Term> for PerTerm<T> {
    fn index_mut(&mut self, term: Term) -> &mut T {
        &mut self.0[term as usize]
    }
}

/// What a section of a recipe may hold for each term.
pub trait Setting {
    /// What errors call the section.
    const SECTION: &'static str;

    /// The value where a recipe leaves `term` out.
    fn left_out(term: Term) -> Self;
}

impl Setting for f64 {
    const SECTION: &'static str = "LossWeights";

    fn left_out(term: Term) -> Self {
        term.default_weight()
    }
}

impl Setting for Option<f64> {
    const SECTION: &'static str = "OtherWeights";

    fn left_out(_: Term) -> Self {
        None
    }
}

impl<T: Setting> Default for PerTerm<T> {
    fn default() -> Self {
        Self::from_fn(T::left_out)
    }
}

impl<T: Setting + Serialize> Serialize for PerTerm<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut section = serializer.serialize_struct(T::SECTION, Term::COUNT)?;
        for term in Term::ALL {
            section.serialize_field(term.name(), &self[term])?;
        }
        section.end()
    }
}

impl<'de, T: Setting + Deserialize<'de>> Deserialize<'de> for PerTerm<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(T::SECTION, &NAMES, SectionVisitor(PhantomData))
    }
}

struct SectionVisitor<T>(PhantomData<T>);

impl<'de, T: Setting + Deserialize<'de>> Visitor<'de> for SectionVisitor<T> {
    type Value = PerTerm<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "struct {}", T::SECTION)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PerTerm<T>, A::Error> {
        let mut values = PerTerm::default();
        while let Some(key) = map.next_key::<String>()? {
            let term = Term::named(&key).ok_or_else(|| A::Error::unknown_field(&key, &NAMES))?;
            values[term] = map.next_value()?;
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_terms() {
        for (at, term) in Term::ALL.into_iter().enumerate() {
            assert_eq!(term as usize, at);
            assert_eq!(term.name(), format!("{term:?}").to_lowercase());
            assert_eq!(Term::named(term.name()), Some(term));
        }
        assert_eq!(Term::named("generator"), None);
    }

    #[test]
    fn sections_are_read_with_defaults_and_written_in_full() {
        let read = |text: &str| toml::from_str::<PerTerm<f64>>(text);
        let weights = read("kl = 0.5\nstream = 3").unwrap();
        assert_eq!(weights, PerTerm::default().with(Term::Kl, 0.5).with(Term::Stream, 3.0));
        let written = toml::to_string(&weights).unwrap();
        assert_eq!(written.lines().next(), Some("adversarial = 1.0"));
        assert_eq!((written.lines().count(), read(&written).unwrap()), (Term::COUNT, weights));
        let message = read("strem = 1.0").unwrap_err().to_string();
        assert!(message.contains("unknown field `strem`, expected one of `adversarial`, `conditional`, `stream`"), "{message}");
        assert!(read("kl = \"much\"").unwrap_err().to_string().contains("invalid type: string \"much\", expected f64"));
    }

    #[test]
    fn what_a_phase_leaves_out_is_not_written() {
        let other: PerTerm<Option<f64>> = toml::from_str("kl = 0.5").unwrap();
        assert_eq!(toml::to_string(&other).unwrap().trim(), "kl = 0.5");
        assert_eq!(PerTerm::default().overridden(&other), PerTerm::default().with(Term::Kl, 0.5));
    }

    #[test]
    fn weights_below_nothing_and_without_end_are_named() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let message = PerTerm::default().with(Term::Damsm, bad).check("gan.weights").unwrap_err();
            assert_eq!(message, format!("gan.weights.damsm is {bad}; expected 0 or more"));
        }
        assert!(PerTerm::default().check("gan.weights").is_ok());
    }
}
