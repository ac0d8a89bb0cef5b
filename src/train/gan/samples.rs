//! Sample grids: the same prompts and noise at every point of a training.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::step::Trainer;
use crate::files::pictures;
use crate::host::read_now;
use crate::pipeline::Picture;
use crate::stem::{TextBatch, TextFeatures};
use crate::text::Vocabulary;
use crate::train::run::TrainContext;
use crate::{Error, Result};

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
    pub fn draw(&self, trainer: &Trainer, stages: usize, folder: &Path, pictures: usize) -> Result<()> {
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
        let mut images = Vec::new();
        for prompt in &self.prompts {
            let text = trainer.frozen.stem.forward(&TextBatch::new(std::slice::from_ref(prompt), &device));
            let text = TextFeatures::repeat(text, SEEDS);
            let drawn = trainer.average().forward_stages(&text, noise.clone(), epsilon.clone(), stages);
            let last = drawn.images.into_iter().last().ok_or_else(|| Error::Device("no stage drew".into()))?;
            let values = read_now(last)?;
            images.extend(values.chunks(values.len() / SEEDS).map(|planes| pictures::to_image(&Picture::from_planes(planes))));
        }
        let path = folder.join("samples").join(format!("{pictures:08}.png"));
        pictures::write(&pictures::grid(&images, SEEDS), &path)
    }
}
