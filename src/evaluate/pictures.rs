//! Photographs and drawn pictures, a batch at a time; only what networks see in them is kept.

use burn::tensor::{Device, Tensor, TensorData};

use super::inception::Inception;
use super::model::EvaluateOptions;
use crate::data::Dataset;
use crate::encoder::SizedEncoder;
use crate::glam::GeneratorConfig;
use crate::model::Model;
use crate::pipeline::{Drawer, Noise, block_on};
use crate::readback::read_now;
use crate::stem::TextBatch;
use crate::stream::Stream;
use crate::watch::{Task, Unit};
use crate::{Error, Result};

/// What the networks see in pictures, a row a picture; empty for a network that was not asked for.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Pooled features of STREAM's image encoder.
    pub rows: Vec<Vec<f32>>,
    /// Pooled features of the encoder that DAMSM was trained on, where it is another one.
    pub judge: Vec<Vec<f32>>,
    /// Pooled features of FID's Inception.
    pub inception: Vec<Vec<f32>>,
    /// Its scores of the classes, without bias.
    pub logits: Vec<Vec<f32>>,
}

/// Which networks look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eyes<'a> {
    pub stream: Option<&'a Stream>,
    pub judge: Option<&'a SizedEncoder>,
    pub inception: Option<&'a Inception>,
}

impl Eyes<'_> {
    fn any(&self) -> bool {
        self.stream.is_some() || self.judge.is_some() || self.inception.is_some()
    }

    fn look(&self, images: Tensor<4>, seen: &mut Seen) -> Result<()> {
        if let Some(stream) = self.stream {
            seen.rows.extend(to_rows(stream.describe(images.clone()))?);
        }
        if let Some(encoder) = self.judge {
            seen.judge.extend(to_rows(encoder.forward(images.clone()).pooled)?);
        }
        if let Some(Inception { network, preprocessing }) = self.inception {
            let pooled = network.forward_features(preprocessing.apply(images)).pooled;
            if let Some(scores) = network.classify(pooled.clone()) {
                seen.logits.extend(to_rows(scores.unbiased)?);
            }
            seen.inception.extend(to_rows(pooled)?);
        }
        Ok(())
    }
}

/// Model, data and device of one evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Studio<'a> {
    pub model: &'a Model,
    pub dataset: &'a Dataset,
    /// The model's generator.
    pub drawer: &'a Drawer,
    pub options: &'a EvaluateOptions,
    pub device: &'a Device,
}

impl Studio<'_> {
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

    /// What is seen in every photograph of the test data.
    pub fn photographs(&self, eyes: Eyes<'_>) -> Result<Seen> {
        let mut seen = Seen::default();
        if !eyes.any() {
            return Ok(seen);
        }
        let task = self.task("test photographs", self.dataset.len(), Unit::Pictures);
        let all: Vec<usize> = (0..self.dataset.len()).collect();
        let mut batches = all.chunks(self.options.batch.max(1)).peekable();
        while let Some(indices) = batches.next() {
            self.dataset.prefetch(batches.peek().copied().unwrap_or_default());
            eyes.look(self.dataset.images(indices, &vec![false; indices.len()], self.size(), self.device)?, &mut seen)?;
            task.advance(indices.len());
            self.go_on()?;
        }
        Ok(seen)
    }

    /// What is seen in a picture of each prompt, with noise that goes on from picture to picture.
    pub fn drawings(&self, prompts: &[Vec<usize>], noise: &mut Noise, eyes: Eyes<'_>, name: &str) -> Result<Seen> {
        let mut seen = Seen::default();
        if !eyes.any() {
            return Ok(seen);
        }
        let task = self.task(name, prompts.len(), Unit::Pictures);
        for prompts in prompts.chunks(self.options.batch.max(1)) {
            eyes.look(self.draw(prompts, noise)?, &mut seen)?;
            task.advance(prompts.len());
            self.go_on()?;
        }
        Ok(seen)
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

    /// STREAM's words for pictures, from its encoder's features of them.
    pub fn describe(&self, stream: &Stream, rows: &[Vec<f32>], name: &str) -> Result<Vec<Vec<String>>> {
        let max_words = self.model.config.stream.as_ref().map_or(20, |config| config.max_words);
        let task = self.task(name, rows.len(), Unit::Pictures);
        let mut captions = Vec::with_capacity(rows.len());
        for rows in rows.chunks(self.options.batch.max(1)) {
            let found = block_on(stream.decoder.caption(to_tensor(rows, self.device), max_words))?;
            captions.extend(found.into_iter().map(|caption| self.model.vocabulary.decode(&caption.ids)));
            task.advance(rows.len());
            self.go_on()?;
        }
        Ok(captions)
    }
}

/// Rows as a tensor, (rows, values).
pub(crate) fn to_tensor(rows: &[Vec<f32>], device: &Device) -> Tensor<2> {
    let width = rows.first().map_or(0, Vec::len);
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), width]), device)
}

/// A tensor as rows.
pub(crate) fn to_rows(tensor: Tensor<2>) -> Result<Vec<Vec<f32>>> {
    let [_, width] = tensor.dims();
    Ok(read_now(tensor)?.chunks_exact(width.max(1)).map(<[f32]>::to_vec).collect())
}
