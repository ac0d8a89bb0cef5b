//! Judges of R-precision that a generator has never learned from.

use burn::tensor::Device;

use super::cosine::{cosine, unit};
use super::features::to_rows;
use crate::Result;
use crate::damsm::Damsm;
use crate::data::Split;
use crate::encoder::SizedEncoder;
use crate::model::Model;
use crate::stem::{TextBatch, TextEncoder};
use crate::text::{END, Vocabulary};

/// A text encoder and DAMSM of a training of their own, for pictures of a generator that was trained with others.
#[derive(Debug)]
pub struct Judge {
    /// The folder of its training, for those who read figures.
    pub run: String,
    /// The words that it knows.
    pub vocabulary: Vocabulary,
    /// Reads captions.
    pub text: TextEncoder,
    /// Compares them with pictures.
    pub damsm: Damsm,
    /// What the pictures are looked at through.
    pub encoder: SizedEncoder,
    /// The part of its training's data on which its weights measured best, where they were chosen so.
    pub chosen_on: Option<Split>,
    /// Whether it learned from the pictures that are measured on.
    pub learned_from_them: bool,
}

impl Judge {
    /// Whether the generator of `model` was conditioned on this judge's text encoder, and so trained beside it: then it is its teacher.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device).
    pub fn taught(&self, model: &Model, device: &Device) -> Result<bool> {
        Ok(self.vocabulary == model.vocabulary && same_text_encoder(&self.text, &model.stem, self.vocabulary.len(), device)?)
    }

    /// A caption in the numbers of the judge's words, from those of `vocabulary`. One of which it knows no word has its end mark alone.
    pub fn read(&self, caption: &[usize], vocabulary: &Vocabulary) -> Vec<usize> {
        let known: Vec<usize> = vocabulary.decode(caption).iter().filter_map(|word| self.vocabulary.id(word)).collect();
        if known.is_empty() { vec![END] } else { known }
    }
}

/// Words that two text encoders are compared by.
const WORDS: usize = 16;

/// Whether two encoders of `words` words have the same weights, but for those of a model having been rounded to 16 bits: whether they say the
/// same of words.
///
/// # Errors
/// [`Error::Device`](crate::Error::Device).
pub fn same_text_encoder(a: &TextEncoder, b: &TextEncoder, words: usize, device: &Device) -> Result<bool> {
    let prompts: Vec<Vec<usize>> = (0..words.min(WORDS)).map(|word| vec![word]).collect();
    let batch = TextBatch::new(&prompts, device);
    let [a, b] = [a, b].map(|encoder| to_rows(encoder.forward(&batch).sentence));
    Ok(a?.iter().zip(&b?).all(|(a, b)| a.len() == b.len() && cosine(&unit(a), &unit(b)) > 0.999))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Dtype, tensors};
    use crate::nn::init::initialize;
    use crate::stem::TextEncoderConfig;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn an_encoder_is_known_after_rounding_and_another_seeds_is_another() {
        let device = Device::flex();
        let config = TextEncoderConfig { vocabulary: 40, embedding: 8, features: 8, max_words: 6 };
        let of = |seed| initialize(config.init(&device), &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
        let own: TextEncoder = of(1);
        let rounded = tensors::load(config.init(&device), &tensors::save(&own, Dtype::F16).unwrap(), "stem").unwrap();
        assert!(same_text_encoder(&own, &rounded, 40, &device).unwrap());
        assert!(!same_text_encoder(&own, &of(2), 40, &device).unwrap());
        let wider = TextEncoderConfig { features: 12, ..config }.init(&device);
        assert!(!same_text_encoder(&own, &wider, 40, &device).unwrap());
    }
}
