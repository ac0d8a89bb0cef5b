//! What metrics share: photographs and drawn pictures, a batch at a time, of which only features are kept.

use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::features::{Extractors, Features, Networks, to_tensor};
use super::model::EvaluateOptions;
use crate::data::{Dataset, EncodedCaptions};
use crate::glam::GeneratorConfig;
use crate::model::Model;
use crate::pipeline::{Drawer, Noise, block_on};
use crate::stem::TextBatch;
use crate::stream::Stream;
use crate::text::tokenize;
use crate::watch::{Task, Unit};
use crate::{Error, Result};

/// Words of a caption when evaluating (public code).
pub(super) const MAX_WORDS: usize = 25;

/// Random numbers of each purpose: choosing other metrics changes no figure's value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Prompts = 1,
    Rivals,
    Subsets,
    Shuffle,
    Bootstrap,
    DiversityNoise,
}

/// Model, data and device of one evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub model: &'a Model,
    pub dataset: &'a Dataset,
    /// The model's generator.
    pub drawer: &'a Drawer,
    pub options: &'a EvaluateOptions,
    pub device: &'a Device,
    /// Pictures that are drawn for test captions.
    pub samples: usize,
}

/// What metrics are computed from.
pub(super) struct Inputs {
    /// Of every photograph of the test data.
    pub photographs: Features,
    /// Of the pictures that were drawn for the first prompts.
    pub drawings: Features,
    /// One caption a photograph, photograph after photograph, over and over: one for each drawing, and at least one for each photograph.
    pub prompts: Vec<Vec<usize>>,
    pub captions: EncodedCaptions,
    /// The resamples of all captions' scores, which are drawn from one stream.
    pub bootstrap: ChaCha8Rng,
}

impl<'a> Evaluator<'a> {
    /// Width and height at which photographs and drawn pictures are compared: that of drawn ones where photographs can be averaged
    /// down to it exactly, else the data's.
    pub fn size(&self) -> usize {
        let drawn = GeneratorConfig::picture_size(self.model.config.generator.stages.saturating_sub(1));
        if drawn > 0 && self.dataset.size.is_multiple_of(drawn) { drawn } else { self.dataset.size }
    }

    /// A task that the watcher is told of.
    pub fn task(&self, name: &str, count: usize, unit: Unit) -> Task<'_> {
        Task::begin(&*self.options.watcher, name, count, 0, unit)
    }

    /// Ends an evaluation that the watcher wants to stop.
    pub fn go_on(&self) -> Result<()> {
        if self.options.watcher.stop() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// The random numbers of a purpose, from their beginning.
    pub fn rng(&self, purpose: Purpose) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
        rng.set_stream(purpose as u64);
        rng
    }

    /// The features of photographs and drawings that `photographs` and `drawings` name, and the prompts of the latter.
    pub fn inputs(&self, photographs: Networks, drawings: Networks) -> Result<Inputs> {
        let photographs = self.photographs(self.extractors(photographs))?;
        let captions = EncodedCaptions::new(self.dataset, &self.model.vocabulary)?;
        let mut rng = self.rng(Purpose::Prompts);
        let count = self.samples.max(self.dataset.len());
        let prompts: Vec<Vec<usize>> = (0..count).map(|i| captions.draw(i % self.dataset.len(), MAX_WORDS, &mut rng)).collect();
        let mut noise = Noise::new(self.options.seed);
        let drawings = self.drawings(&prompts[..self.samples], &mut noise, self.extractors(drawings), "drawing pictures")?;
        Ok(Inputs { photographs, drawings, prompts, captions, bootstrap: self.rng(Purpose::Bootstrap) })
    }

    /// Those of `networks` that there are.
    pub fn extractors(&self, networks: Networks) -> Extractors<'a> {
        Extractors {
            stream: self.model.stream.as_ref().filter(|_| networks.stream),
            damsm: self.options.damsm_encoder.as_ref().filter(|_| networks.damsm),
            inception: self.options.inception.as_ref().filter(|_| networks.inception),
        }
    }

    /// The features of every photograph of the test data.
    fn photographs(&self, extractors: Extractors<'_>) -> Result<Features> {
        let mut features = Features::default();
        if extractors.is_empty() {
            return Ok(features);
        }
        let task = self.task("test photographs", self.dataset.len(), Unit::Pictures);
        let all: Vec<usize> = (0..self.dataset.len()).collect();
        let mut batches = all.chunks(self.options.batch.max(1)).peekable();
        while let Some(indices) = batches.next() {
            self.dataset.prefetch(batches.peek().copied().unwrap_or_default());
            extractors.extract(self.dataset.images(indices, &vec![false; indices.len()], self.size(), self.device)?, &mut features)?;
            task.advance(indices.len());
            self.go_on()?;
        }
        Ok(features)
    }

    /// The features of a picture of each prompt, with noise that goes on from picture to picture.
    pub fn drawings(&self, prompts: &[Vec<usize>], noise: &mut Noise, extractors: Extractors<'_>, name: &str) -> Result<Features> {
        let mut features = Features::default();
        if extractors.is_empty() {
            return Ok(features);
        }
        let task = self.task(name, prompts.len(), Unit::Pictures);
        for prompts in prompts.chunks(self.options.batch.max(1)) {
            extractors.extract(self.draw(prompts, noise)?, &mut features)?;
            task.advance(prompts.len());
            self.go_on()?;
        }
        Ok(features)
    }

    /// The last stage's pictures, rounded to eight bits as a file of them would be.
    ///
    /// # Shapes
    /// - output: (batch, 3, size, size), [−1, 1]
    pub fn draw(&self, prompts: &[Vec<usize>], noise: &mut Noise) -> Result<Tensor<4>> {
        let text = self.model.stem.forward(&TextBatch::new(prompts, self.device));
        let (z, epsilon): (Vec<_>, Vec<_>) = prompts.iter().map(|_| noise.next(&self.model.config.generator, self.device)).unzip();
        self.drawer.batch(&text, Tensor::cat(z, 0), Tensor::cat(epsilon, 0), self.drawer.stages())
    }

    /// STREAM's words for pictures, from its encoder's features of them; none for a model without STREAM.
    pub fn describe(&self, rows: &[Vec<f32>], name: &str) -> Result<Vec<Vec<String>>> {
        let Some(Stream { decoder, .. }) = &self.model.stream else { return Ok(Vec::new()) };
        let max_words = self.model.config.stream.as_ref().map_or(20, |config| config.max_words);
        let task = self.task(name, rows.len(), Unit::Pictures);
        let mut captions = Vec::with_capacity(rows.len());
        for rows in rows.chunks(self.options.batch.max(1)) {
            let found = block_on(decoder.caption(to_tensor(rows, self.device), max_words))?;
            captions.extend(found.into_iter().map(|caption| self.model.vocabulary.decode(&caption.ids)));
            task.advance(rows.len());
            self.go_on()?;
        }
        Ok(captions)
    }

    /// The captions of the test photographs, `count` times around.
    pub fn references(&self, count: usize) -> Vec<Vec<Vec<String>>> {
        let samples = &self.dataset.samples;
        let of = |i: usize| samples[i % samples.len()].captions.iter().map(|caption| tokenize(caption)).collect();
        (0..count).map(of).collect()
    }

    /// What STREAM's image encoder is called.
    pub fn network(&self) -> String {
        match self.model.config.stream.as_ref() {
            Some(config) if config.encoder_width != 1.0 => format!("{}-width-{}", config.encoder, config.encoder_width),
            Some(config) => config.encoder.to_string(),
            None => "no encoder".into(),
        }
    }
}
