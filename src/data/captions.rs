//! Captions as numbers.

use rand::Rng;
use rand::seq::index;

use super::Dataset;
use crate::text::{Vocabulary, tokenize};
use crate::{Error, Result};

/// The captions of a data set in the numbers of a vocabulary; unknown words are left out.
#[derive(Debug, Clone)]
pub struct EncodedCaptions {
    /// Sample, caption, word; every caption has a word and every sample a caption.
    ids: Vec<Vec<Vec<usize>>>,
}

impl EncodedCaptions {
    /// Encodes every caption of `dataset`. Captions without a known word are left out.
    ///
    /// # Errors
    /// [`Error::BadData`] naming a sample none of whose captions has a known word.
    pub fn new(dataset: &Dataset, vocabulary: &Vocabulary) -> Result<Self> {
        let encode = |caption: &String| -> Vec<usize> { tokenize(caption).iter().filter_map(|word| vocabulary.id(word)).collect() };
        let mut ids = Vec::with_capacity(dataset.len());
        for sample in &dataset.samples {
            let captions: Vec<_> = sample.captions.iter().map(encode).filter(|caption| !caption.is_empty()).collect();
            if captions.is_empty() {
                return Err(Error::BadData {
                    file: sample.key.clone(),
                    message: "none of its captions has a word of the vocabulary; was the vocabulary made from other data?".into(),
                });
            }
            ids.push(captions);
        }
        Ok(Self { ids })
    }

    /// All captions of a sample.
    pub fn of(&self, sample: usize) -> &[Vec<usize>] {
        &self.ids[sample]
    }

    /// One caption of a sample. Of a caption longer than `max_words`, a random subset of the words in their order (public code).
    pub fn draw(&self, sample: usize, max_words: usize, rng: &mut impl Rng) -> Vec<usize> {
        let captions = &self.ids[sample];
        let caption = &captions[rng.random_range(0..captions.len())];
        if caption.len() <= max_words {
            return caption.clone();
        }
        let mut kept = index::sample(rng, caption.len(), max_words).into_vec();
        kept.sort_unstable();
        kept.into_iter().map(|i| caption[i]).collect()
    }

    /// One caption of a sample, the first `max_words` of its words: what a sentence decoder learns to say.
    pub fn draw_start(&self, sample: usize, max_words: usize, rng: &mut impl Rng) -> Vec<usize> {
        let captions = &self.ids[sample];
        let caption = &captions[rng.random_range(0..captions.len())];
        caption[..caption.len().min(max_words)].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;
    use rand::SeedableRng;

    fn dataset(caption: &str) -> Dataset {
        Dataset::new(vec![Sample::new("k", vec![0; 3], vec![caption.into()], None)], 1)
    }

    #[test]
    fn long_captions_keep_the_order_of_their_words() {
        let words = ["a", "b", "c", "d", "e", "f"];
        let vocabulary = Vocabulary::new(words.map(String::from)).unwrap();
        let captions = EncodedCaptions::new(&dataset("a b zeppelin c d e f"), &vocabulary).unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let drawn: Vec<_> = (0..20).map(|_| captions.draw(0, 3, &mut rng)).collect();
        assert!(drawn.iter().all(|ids| ids.len() == 3 && ids.is_sorted()), "{drawn:?}");
        assert!(drawn.iter().any(|ids| *ids != drawn[0]), "{drawn:?}");
        assert_eq!(captions.draw_start(0, 4, &mut rng), [1, 2, 3, 4]);
    }

    #[test]
    fn a_sample_without_known_words_is_named() {
        let vocabulary = Vocabulary::new(["red".to_string()]).unwrap();
        let error = EncodedCaptions::new(&dataset("blue"), &vocabulary).unwrap_err();
        assert!(error.to_string().starts_with("k: "), "{error}");
    }
}
