//! What metrics share: photographs and drawn pictures, a batch at a time, of which only features are kept.

use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::attention::{Gaze, place};
use super::colour_probe::{Colour, Probe};
use super::features::{Extractors, Features, Networks};
use super::model::EvaluateOptions;
use crate::data::{Dataset, EncodedCaptions};
use crate::glam::GeneratorConfig;
use crate::model::Model;
use crate::picture::Picture;
use crate::pipeline::{Attention, Drawer, Noise, block_on, eight_bits};
use crate::stem::TextBatch;
use crate::stream::Describer;
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
    AttentionChance,
    SentencesChance,
}

/// Drawn pictures, at most, whose colour words are followed: their maps are kept until the last is there.
pub(super) const GAZED_AT: usize = 200;

/// Model, data and device of one evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub model: &'a Model,
    pub dataset: &'a Dataset,
    /// The model's generator.
    pub drawer: &'a Drawer,
    /// The model's STREAM, where there is one.
    pub describer: Option<&'a Describer>,
    pub options: &'a EvaluateOptions,
    pub device: &'a Device,
    /// Pictures that are drawn for test captions.
    pub samples: usize,
}

/// What metrics are computed from.
pub(super) struct Inputs {
    /// Of every photograph of the data.
    pub photographs: Features,
    /// Of the pictures that were drawn for the first prompts.
    pub drawings: Features,
    /// One caption a photograph, photograph after photograph, over and over: one for each drawing, and at least one for each photograph.
    pub prompts: Vec<Vec<usize>>,
    pub captions: EncodedCaptions,
    /// The resamples of all captions' scores, which are drawn from one stream.
    pub bootstrap: ChaCha8Rng,
    /// STREAM's sentences of photographs and drawings, once a metric has asked for them.
    said: [Option<Vec<Vec<String>>>; 2],
}

/// Whose pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Photographs,
    Drawings,
}

impl<'a> Evaluator<'a> {
    /// Width and height at which photographs and drawn pictures are compared: that of drawn ones where photographs can be averaged
    /// down to it exactly, else the data's.
    pub fn size(&self) -> usize {
        let drawn = GeneratorConfig::picture_size(self.model.config.generator.stages.saturating_sub(1));
        if drawn > 0 && self.dataset.size.is_multiple_of(drawn) { drawn } else { self.dataset.size }
    }

    /// Widths and heights of the pictures of which spectra are taken, the last stage's last.
    pub fn spectrum_sizes(&self) -> Vec<usize> {
        let first = if self.options.stages { 0 } else { self.drawer.stages() - 1 };
        (first..self.drawer.stages()).map(GeneratorConfig::picture_size).collect()
    }

    /// The colour probe that is asked for, or the one that the vocabulary speaks of.
    pub fn probe(&self) -> Option<Probe> {
        self.options.probe.or(Probe::of(&self.model.vocabulary))
    }

    /// The part of the data that is measured on, for protocols.
    pub fn part(&self) -> &'static str {
        self.options.part.name()
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
        Ok(Inputs { photographs, drawings, prompts, captions, bootstrap: self.rng(Purpose::Bootstrap), said: [None, None] })
    }

    /// Those of `networks` that there are.
    pub fn extractors(&self, networks: Networks) -> Extractors<'a> {
        Extractors {
            stream: self.describer.filter(|_| networks.stream),
            damsm: self.options.damsm_encoder.as_ref().filter(|_| networks.damsm),
            judge: self.options.judge.as_ref().filter(|_| networks.judge).map(|judge| &judge.encoder),
            inception: self.options.inception.as_ref().filter(|_| networks.inception),
            spectra: networks.spectra,
            attention: self.probe().filter(|_| networks.attention),
        }
    }

    /// The features of every photograph of the data.
    fn photographs(&self, extractors: Extractors<'_>) -> Result<Features> {
        let mut features = Features::default();
        if extractors.is_empty() {
            return Ok(features);
        }
        let task = self.task(&format!("{} photographs", self.part()), self.dataset.len(), Unit::Pictures);
        let all: Vec<usize> = (0..self.dataset.len()).collect();
        let mut batches = all.chunks(self.options.batch.max(1)).peekable();
        while let Some(indices) = batches.next() {
            self.dataset.prefetch(batches.peek().copied().unwrap_or_default());
            let pictures = self.dataset.pictures(indices)?;
            let images = |size| pictures.images(&vec![false; indices.len()], size, self.device);
            extractors.extract(images(self.size()), &mut features)?;
            if extractors.spectra {
                for size in self.spectrum_sizes().into_iter().filter(|size| *size != self.size()) {
                    features.add_spectra(images(size))?;
                }
            }
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
        let batch = self.options.batch.max(1);
        for (index, prompts) in prompts.chunks(batch).enumerate() {
            let by_stage = extractors.attention.is_some() || extractors.spectra && self.options.stages;
            let images = match by_stage {
                true => self.draw_by_stage(index * batch, prompts, noise, extractors, &mut features)?,
                false => self.draw(prompts, noise)?,
            };
            extractors.extract(images, &mut features)?;
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

    /// As [`Evaluator::draw`], with what is asked for of the stages on the way: spectra of their pictures, and where colour words look.
    fn draw_by_stage(
        &self,
        first: usize,
        prompts: &[Vec<usize>],
        noise: &mut Noise,
        extractors: Extractors<'_>,
        features: &mut Features,
    ) -> Result<Tensor<4>> {
        let text = self.model.stem.forward(&TextBatch::new(prompts, self.device));
        let mut last = Vec::with_capacity(prompts.len());
        for (row, prompt) in prompts.iter().enumerate() {
            let (z, epsilon) = noise.next(&self.model.config.generator, self.device);
            let text = text.row(row);
            let room = features.gazes.chunk_by(|a, b| a.picture == b.picture).count() < GAZED_AT;
            let words = extractors.attention.filter(|_| room).map_or(Vec::new(), |probe| self.colour_words(prompt, probe));
            let mut drawing = self.drawer.start(&text, z, epsilon)?;
            let mut attention: Option<Attention> = None;
            loop {
                let (size, is_last) = (GeneratorConfig::picture_size(drawing.stage()), drawing.stage() + 1 == self.drawer.stages());
                let with_spectrum = extractors.spectra && self.options.stages && !is_last;
                let looked = attention.filter(|_| !words.is_empty());
                if is_last || with_spectrum || looked.is_some() {
                    let planes = block_on(drawing.image())?;
                    if let Some(looked) = looked {
                        let (map, drawn) = (block_on(looked.read())?, Picture::from_planes(&planes));
                        features.gazes.extend(words.iter().filter_map(|(index, colour)| {
                            let place = place(colour, &drawn, map.size)?;
                            Some(Gaze { colour: colour.name, size, picture: first + row, attention: map.word(*index)?.to_vec(), place })
                        }));
                    }
                    let image = eight_bits(Tensor::from_data(TensorData::new(planes, [1, 3, size, size]), self.device));
                    if is_last {
                        last.push(image);
                        break;
                    }
                    if with_spectrum {
                        features.add_spectra(image)?;
                    }
                }
                attention = drawing.refine()?;
            }
        }
        Ok(Tensor::cat(last, 0))
    }

    /// The words of a prompt that are colours of `probe`, with their places in it.
    pub fn colour_words(&self, prompt: &[usize], probe: Probe) -> Vec<(usize, &'static Colour)> {
        let words = self.model.vocabulary.decode(prompt);
        words.iter().enumerate().filter_map(|(index, word)| Some((index, probe.colour(word)?))).collect()
    }

    /// STREAM's sentences of pictures; made once, however many metrics ask for them.
    pub fn sentences(&self, inputs: &mut Inputs, whose: Whose) -> Result<Vec<Vec<String>>> {
        let (features, name) = match whose {
            Whose::Photographs => (&inputs.photographs, "describing photographs"),
            Whose::Drawings => (&inputs.drawings, "describing drawn pictures"),
        };
        if let Some(said) = &inputs.said[whose as usize] {
            return Ok(said.clone());
        }
        let said = self.describe(&features.stream, name)?;
        inputs.said[whose as usize] = Some(said.clone());
        Ok(said)
    }

    /// STREAM's words for pictures, from its encoder's features of them; none for a model without STREAM.
    fn describe(&self, rows: &[Vec<f32>], name: &str) -> Result<Vec<Vec<String>>> {
        let Some(describer) = self.describer else { return Ok(Vec::new()) };
        let task = self.task(name, rows.len(), Unit::Pictures);
        let mut captions = Vec::with_capacity(rows.len());
        for rows in rows.chunks(self.options.batch.max(1)) {
            let found = block_on(describer.words(rows.concat()))?;
            captions.extend(found.into_iter().map(|caption| self.model.vocabulary.decode(&caption.ids)));
            task.advance(rows.len());
            self.go_on()?;
        }
        Ok(captions)
    }

    /// The captions of the photographs, `count` times around.
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
