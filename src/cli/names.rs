//! Names that arguments take for the library's own choices.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::compare::Member;
use crate::model::Dtype;
use crate::nn::Precision;

fn named(name: &'static str, help: &'static str) -> Option<PossibleValue> {
    Some(PossibleValue::new(name).help(help))
}

impl ValueEnum for Precision {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::F32, Self::Bf16, Self::F16]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::F32 => named("f32", "32 bits"),
            Self::Bf16 => named("bf16", "16 bits with the range of f32 and 8 bits of precision"),
            Self::F16 => named("f16", "16 bits with 11 bits of precision and a small range: in training, losses are scaled"),
        }
    }
}

impl ValueEnum for Dtype {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::F16, Self::F32]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::F16 => named("f16", "16 bits: half the download, 11 bits of precision"),
            Self::F32 => named("f32", "32 bits: what training continues from"),
        }
    }
}

impl ValueEnum for Member {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::StackGan => "StackGAN++: no attention, no matching loss",
            Self::AttnGan => "AttnGAN: word attention, DAMSM's loss (the recipe's weight, else λ = 5), no STREAM",
            Self::MirrorGan => "MirrorGAN as the recipe has it",
            Self::NoSentence => {
                "MirrorGAN with word attention alone. Unlike AttnGAN it learns from STREAM, and from DAMSM only where the recipe says so"
            }
            Self::NoStream => "MirrorGAN with λ = 0",
        };
        named(self.folder(), help)
    }
}
