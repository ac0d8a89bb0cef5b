//! Sample grids: the same prompts and noise at every point of a training.

use burn::tensor::{Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::step::Trainer;
use crate::Result;
use crate::data::{Dataset, spread};
use crate::picture::file::{grid, to_image};
use crate::pipeline::Drawer;
use crate::stem::{TextBatch, TextFeatures};
use crate::text::Vocabulary;
use crate::train::prepared;
use crate::train::run::{RunFolder, TrainContext};
use crate::watch::{Event, Watcher};

/// `context` with sample prompts that the vocabulary can read, so that the report names what is drawn. Where one has no known word, or
/// the recipe has none at all, captions of what is measured on are drawn in their place, or of `train` where there is no such part.
///
/// # Errors
/// As [`prepared::open_measured`].
pub fn with_known_prompts(context: &TrainContext, vocabulary: &Vocabulary, train: &Dataset) -> Result<TrainContext> {
    let mut context = context.clone();
    let prompts = &context.recipe.gan.sample_prompts;
    let max_words = context.recipe.data.max_words;
    // That part is read for its captions alone, and only where they are needed.
    if prompts.is_empty() || prompts.iter().any(|prompt| vocabulary.encode(prompt, max_words).is_err()) {
        let measured = prepared::open_measured(&context, vocabulary)?;
        context.recipe.gan.sample_prompts = known_prompts(prompts, vocabulary, max_words, measured.as_ref().unwrap_or(train), &*context.watcher);
    }
    Ok(context)
}

/// Prompts where the recipe has none.
const PROMPTS: usize = 6;

/// `prompts`, with a caption of `dataset` in the place of each that has no word of `vocabulary`; `watcher` is told so. Six
/// captions, spread over the data, where there are no prompts.
pub fn known_prompts(
    prompts: &[String],
    vocabulary: &Vocabulary,
    max_words: usize,
    dataset: &Dataset,
    watcher: &dyn Watcher,
) -> Vec<String> {
    let known = |text: &&String| vocabulary.encode(text, max_words).is_ok();
    let captions: Vec<&String> = dataset.samples.iter().filter_map(|sample| sample.captions.iter().find(known)).collect();
    if prompts.is_empty() {
        return spread(captions.len(), PROMPTS.min(captions.len())).map(|at| captions[at].clone()).collect();
    }
    let replace = |(index, prompt): (usize, &String)| {
        if known(&prompt) {
            return Some(prompt.clone());
        }
        // Spread over the data, for it may be sorted.
        let caption = captions.get(index * captions.len() / prompts.len())?;
        let text =
            format!("sample prompt {prompt:?} has no word of the training captions (gan.sample_prompts); drawn instead: {caption:?}");
        watcher.tell(&Event::Result(&text));
        Some(caption.to_string())
    };
    prompts.iter().enumerate().filter_map(replace).collect()
}

/// Pictures of each prompt.
const SEEDS: usize = 6;

/// What is drawn.
pub struct Samples {
    prompts: Vec<Vec<usize>>,
}

impl Samples {
    /// The recipe's prompts; those that the vocabulary cannot read are an error.
    pub fn new(context: &TrainContext, vocabulary: &Vocabulary) -> Result<Self> {
        let max_words = context.recipe.data.max_words;
        let encode = |prompt: &String| vocabulary.encode(prompt, max_words).map(|encoded| encoded.ids);
        Ok(Self { prompts: context.recipe.gan.sample_prompts.iter().map(encode).collect::<Result<_>>()? })
    }

    /// Writes `samples/PICTURES.png`: a row a prompt, a column a noise, drawn by the average.
    pub fn draw(&self, trainer: &Trainer, stages: usize, run: &mut RunFolder, pictures: usize) -> Result<()> {
        // A data set whose captions are all unknown.
        if self.prompts.is_empty() {
            return Ok(());
        }
        let device = trainer.device.clone().inner();
        let config = &trainer.recipe.generator;
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut normal = |count: usize| {
            let values: Vec<f32> = (0..SEEDS * count).map(|_| StandardNormal.sample(&mut rng)).collect();
            Tensor::<2>::from_data(TensorData::new(values, [SEEDS, count]), &device)
        };
        let (noise, epsilon) = (normal(config.z_dim), normal(config.condition_dim));
        let drawer = Drawer::new(trainer.average().clone(), &device)?;
        let mut images = Vec::new();
        for prompt in &self.prompts {
            let text = trainer.frozen.stem.forward(&TextBatch::new(std::slice::from_ref(prompt), &device));
            let text = TextFeatures::repeat(text, SEEDS);
            images.extend(drawer.pictures(&text, noise.clone(), epsilon.clone(), stages)?.iter().map(to_image));
        }
        run.samples(pictures, &grid(&images, SEEDS));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;

    #[test]
    fn captions_take_the_place_of_prompts_without_a_known_word() {
        let vocabulary = Vocabulary::parse("<end>\na\ncar\nred\nbus\n").unwrap();
        let sample = |captions: &[&str]| Sample::new("k", vec![0; 3], captions.iter().map(|caption| caption.to_string()).collect(), None);
        let dataset = Dataset::new(vec![sample(&["a red car"]), sample(&["unheard of", "a bus"])], 1);
        let known = |prompts: &[&str]| {
            let prompts: Vec<String> = prompts.iter().map(|prompt| prompt.to_string()).collect();
            known_prompts(&prompts, &vocabulary, 18, &dataset, &crate::watch::Unwatched)
        };
        assert_eq!(known(&["the red flower", "zeppelin", "", "bus"]), ["the red flower", "a red car", "a bus", "bus"]);
        assert_eq!(known(&[]), ["a red car", "a bus"]);
    }
}
