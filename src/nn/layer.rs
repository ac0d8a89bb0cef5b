//! What a layer says of its own numbers, beside its definition: how they begin, whether they learn, and whether 16 bits are enough.
//!
//! Every type that holds numbers itself, and not only other modules, is a [`Layer`] and stands in the table of `super::table`.

use burn::nn::conv::Conv2d;
use burn::nn::{Embedding, Linear};

/// A module with numbers of its own.
pub trait Layer {
    /// Whether the numbers stay f32 where others have 16 bits, in computing and in files.
    const EXACT: bool = false;

    /// What the numbers of `field` are; nothing where the layer has no such field.
    fn role(field: &str) -> Option<Role>;
}

/// What numbers are to a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Role {
    /// They learn, and begin so.
    Weight(Initial),
    /// They are found while training, or never change: no optimizer and no initialisation touches them, and they are no parameters.
    State,
}

/// How weights begin; what is random is drawn from the generator that is passed in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// 0.
    Zeros,
    /// An orthogonal matrix with gain 1, for a weight of two dimensions or more.
    Orthogonal,
    /// N(1, 0.02).
    NearOne,
    /// Uniform in ± this.
    Uniform(f32),
    /// Uniform in ±1/√hidden, for a tensor of 4 · hidden rows: the gates of an LSTM.
    Gates,
}

impl Layer for Conv2d {
    fn role(field: &str) -> Option<Role> {
        weight_and_bias(field)
    }
}

impl Layer for Linear {
    fn role(field: &str) -> Option<Role> {
        weight_and_bias(field)
    }
}

impl Layer for Embedding {
    fn role(field: &str) -> Option<Role> {
        (field == "weight").then_some(Role::Weight(Initial::Uniform(0.1)))
    }
}

/// An orthogonal `weight` and a `bias` of zeros.
pub(super) fn weight_and_bias(field: &str) -> Option<Role> {
    match field {
        "weight" => Some(Role::Weight(Initial::Orthogonal)),
        "bias" => Some(Role::Weight(Initial::Zeros)),
        _ => None,
    }
}
