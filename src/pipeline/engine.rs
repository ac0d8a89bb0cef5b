//! The engine: a model on a device.

use burn::tensor::{Device, Tensor};

use super::noise::Noises;
use super::{AttentionMap, Drawer, Noise, NoiseSource, Picture, read};
use crate::damsm::Matcher;
use crate::glam::Generator;
use crate::model::Model;
use crate::nn::Precision;
use crate::nn::cpu::Set;
use crate::stem::{TextBatch, TextFeatures};
use crate::stream::{Caption, CaptionOptions, Describer, Stream};
use crate::text::{EncodedText, Token};
use crate::{Error, Result};

/// Most pictures of one call.
const MAX_COUNT: usize = 64;
/// Most frames of one blend.
const MAX_FRAMES: usize = 256;
/// Mean difference from f32, of values in [−1, 1], from which on 16 bits are not trusted: two steps of a byte.
const LARGEST_DIFFERENCE: f32 = 4.0 / 255.0;

/// What [`Engine::generate`] is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// Where the noise starts; the same seed, model and device give the same pictures.
    pub seed: u64,
    /// Other noise than that of the seed.
    pub noise: Option<NoiseSource>,
    /// How many pictures, 1 to 64.
    pub count: usize,
    /// How many stages, from 1, a sketch; all of them where nothing is said. Fewer stages of a seed are the first ones of all.
    pub stages: Option<usize>,
    /// Whether STREAM describes each picture.
    pub caption: bool,
    /// Whether each place of a picture looks at the words that matter there; else it looks at all words alike, for comparison.
    pub attention: bool,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self { seed: 0, noise: None, count: 1, stages: None, caption: false, attention: true }
    }
}

/// A stage's picture, told as soon as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct StageEvent {
    /// Which picture of the call, from 0.
    pub picture: usize,
    /// Which stage, from 0: 64, 128, 256 px.
    pub stage: usize,
    /// The picture.
    pub image: Picture,
    /// Where the stage looked; the first stage looks nowhere.
    pub attention: Option<AttentionMap>,
}

/// A picture with its stages.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedPicture {
    /// One a stage.
    pub stages: Vec<StageEvent>,
    /// What STREAM sees in the last stage's picture, where it was asked.
    pub caption: Option<Caption>,
}

/// What [`Engine::generate`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// Every word of the prompt; attention maps follow the known ones, up to the model's longest caption.
    pub tokens: Vec<Token>,
    /// The pictures.
    pub pictures: Vec<GeneratedPicture>,
}

/// The features of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoding {
    /// Every word of the prompt.
    pub tokens: Vec<Token>,
    /// D, the values of a word or sentence.
    pub features: usize,
    /// Known word after known word, D values each.
    pub words: Vec<f32>,
    /// D values.
    pub sentence: Vec<f32>,
}

/// One picture of a blend.
#[derive(Debug, Clone, PartialEq)]
pub struct BlendFrame {
    /// Which frame, from 0.
    pub frame: usize,
    /// How far from the first prompt (0) to the second (1).
    pub position: f32,
    /// The last stage's picture.
    pub image: Picture,
}

/// A model on a device, ready to draw.
#[derive(Debug)]
pub struct Engine {
    model: Model,
    device: Device,
    /// The model's generator.
    drawer: Drawer,
    /// The model's STREAM.
    describer: Option<Describer>,
}

impl Engine {
    /// An engine for `model`, whose weights are on `device`.
    ///
    /// On the CPU it lays generator and STREAM out anew first, which costs some milliseconds.
    ///
    /// # Errors
    /// As [`Drawer::new`].
    pub fn new(mut model: Model, device: Device) -> Result<Self> {
        let drawer = Drawer::new(model.generator.clone(), &device)?;
        let describer = model.stream.take().map(|stream| Describer::new(stream, &device)).transpose()?;
        Ok(Self { model, device, drawer, describer })
    }

    /// Has the generator compute in `precision`; words, sentence and descriptions stay f32. On the CPU, whose own kernels are faster than
    /// 16 bits are there, only f32 is to be had.
    ///
    /// # Errors
    /// [`Error::BadInput`] where the device cannot.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self> {
        if self.drawer.is_on_cpu() && precision != Precision::F32 {
            return Err(Error::BadInput("the CPU draws in f32 only".into()));
        }
        precision.check(&self.device)?;
        if precision != Precision::F32 {
            let lowered = precision.lower(&self.model.generator);
            self.give(lowered)?;
        }
        Ok(self)
    }

    /// Has the generator compute in f16 where the device has it and draws with it what it draws in f32: drivers differ. Says what it
    /// computes in from then on; the CPU stays with f32.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails altogether.
    pub async fn halved(mut self) -> Result<(Self, Precision)> {
        let precision = if self.drawer.is_on_cpu() { Precision::F32 } else { Precision::half(&self.device) };
        if precision == Precision::F32 {
            return Ok((self, precision));
        }
        let lowered = precision.lower(&self.model.generator);
        if self.agree(&lowered).await? {
            self.give(lowered)?;
            Ok((self, precision))
        } else {
            Ok((self, Precision::F32))
        }
    }

    /// Has the CPU draw with other vector instructions than its fastest, for tests of what they make of a picture.
    ///
    /// # Errors
    /// As [`Drawer::new`].
    #[doc(hidden)]
    pub fn with_set(mut self, set: Set) -> Result<Self> {
        self.drawer = self.drawer.with_set(set)?;
        Ok(self)
    }

    /// Draws with another generator from here on.
    fn give(&mut self, generator: Generator) -> Result<()> {
        self.drawer.replace(generator.clone())?;
        self.model.generator = generator;
        Ok(())
    }

    /// Whether `other` draws what the generator draws, judged by the first two stages: those after them have the same layers.
    async fn agree(&self, other: &Generator) -> Result<bool> {
        let word = self.model.vocabulary.word(1).unwrap_or_default();
        let text = self.features(&self.tokens(word)?);
        let (noise, epsilon) = Noise::new(0).next(&self.model.config.generator, &self.device);
        let own = self.model.generator.forward_stages(&text, noise.clone(), epsilon.clone(), 2);
        let others = other.forward_stages(&text, noise, epsilon, 2);
        for (a, b) in own.images.into_iter().zip(others.images) {
            let (a, b) = (read(a).await?, read(b).await?);
            let mean = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32;
            if mean.is_nan() || mean >= LARGEST_DIFFERENCE {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The model without its STREAM, whose weights the engine has taken: see [`Engine::describer`].
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model's STREAM, where there is one.
    pub fn describer(&self) -> Option<&Describer> {
        self.describer.as_ref()
    }

    /// Hands STREAM in later than the rest.
    ///
    /// # Errors
    /// As [`Describer::new`].
    pub fn set_stream(&mut self, stream: Stream) -> Result<()> {
        self.describer = Some(Describer::new(stream, &self.device)?);
        Ok(())
    }

    /// Hands DAMSM's image head in later than the rest.
    pub fn set_matcher(&mut self, matcher: Matcher) {
        self.model.matcher = Some(matcher);
    }

    /// The device that the model is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Draws pictures for `prompt`; each stage is told to `on_stage` as soon as it is there.
    ///
    /// An error from `on_stage` ends the call with it: that is how a caller cancels.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::UnknownPrompt`]; [`Error::BadInput`] for a count or stages out of range, for noise that is none, or
    /// for a caption from a model without STREAM; [`Error::Device`].
    pub async fn generate(
        &self,
        prompt: &str,
        options: &GenerateOptions,
        mut on_stage: impl AsyncFnMut(&StageEvent) -> Result<()>,
    ) -> Result<Generation> {
        if !(1..=MAX_COUNT).contains(&options.count) {
            return Err(Error::BadInput(format!("count is {}; expected 1 to {MAX_COUNT}", options.count)));
        }
        let all = self.drawer.stages();
        let stages = options.stages.unwrap_or(all);
        if !(1..=all).contains(&stages) {
            return Err(Error::BadInput(format!("stages is {stages}; expected 1 to {all}")));
        }
        if options.caption {
            self.stream()?;
        }
        let mut noise = Noises::new(&self.model.config.generator, options.seed, options.noise.as_ref(), options.count)?;
        let encoded = self.tokens(prompt)?;
        let text = self.features(&encoded);
        let text = if options.attention { text } else { text.evened() };
        let mut pictures = Vec::with_capacity(options.count);
        for index in 0..options.count {
            let noise = noise.next(&self.device);
            pictures.push(self.draw_one(index, &text, noise, stages, options.caption, &mut on_stage).await?);
        }
        Ok(Generation { tokens: encoded.tokens, pictures })
    }

    /// Describes any picture.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a model without STREAM; [`Error::Device`].
    pub async fn caption(&self, picture: &Picture) -> Result<Caption> {
        let mut captions = self.stream()?.caption(picture.to_tensor(&self.device), &self.model.vocabulary).await?;
        captions.pop().ok_or_else(|| Error::Device("STREAM gave no caption".into()))
    }

    /// Describes a picture in several sentences, no two the same, the likeliest first: searched or drawn, as `options` say. `between` is
    /// called before each word of theirs; an error from it ends the call with it.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a model without STREAM and for options out of range; [`Error::Device`].
    pub async fn captions(
        &self,
        picture: &Picture,
        options: &CaptionOptions,
        between: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Vec<Caption>> {
        self.stream()?.captions(picture.to_tensor(&self.device), &self.model.vocabulary, options, between).await
    }

    fn stream(&self) -> Result<&Describer> {
        self.describer().ok_or_else(|| Error::BadInput("this model has no STREAM: it cannot describe pictures".into()))
    }

    /// The features that the generator gets for `prompt`.
    ///
    /// # Errors
    /// As [`Engine::generate`].
    pub async fn encode(&self, prompt: &str) -> Result<Encoding> {
        let encoded = self.tokens(prompt)?;
        let text = self.features(&encoded);
        let features = text.words.dims()[1];
        let words = read(text.words.swap_dims(1, 2)).await?;
        Ok(Encoding { tokens: encoded.tokens, features, words, sentence: read(text.sentence).await? })
    }

    /// Draws a path of pictures from one prompt to another with the same noise; each is told to `on_frame`, and `between` is called after
    /// each of the stages that lead there. An error from either ends the call with it.
    ///
    /// Sentences are blended in a straight line; of the words, the first prompt's fade out while the second's fade in, so that both
    /// ends are what [`Engine::generate`] draws.
    ///
    /// # Errors
    /// As [`Engine::generate`]; [`Error::BadInput`] for fewer than 2 or more than 256 frames.
    pub async fn blend(
        &self,
        prompts: [&str; 2],
        seed: u64,
        frames: usize,
        mut on_frame: impl AsyncFnMut(BlendFrame) -> Result<()>,
        mut between: impl AsyncFnMut() -> Result<()>,
    ) -> Result<()> {
        if !(2..=MAX_FRAMES).contains(&frames) {
            return Err(Error::BadInput(format!("{frames} steps; expected 2 to {MAX_FRAMES}")));
        }
        let [from, to] = [self.features(&self.tokens(prompts[0])?), self.features(&self.tokens(prompts[1])?)];
        let (noise, epsilon) = Noise::new(seed).next(&self.model.config.generator, &self.device);
        for frame in 0..frames {
            let position = frame as f32 / (frames - 1) as f32;
            let text = TextFeatures {
                words: Tensor::cat(vec![from.words.clone(), to.words.clone()], 2),
                sentence: from.sentence.clone().mul_scalar(1.0 - position) + to.sentence.clone().mul_scalar(position),
                mask: Tensor::cat(vec![from.mask.clone().mul_scalar(1.0 - position), to.mask.clone().mul_scalar(position)], 1),
            };
            let mut drawing = self.drawer.start(&text, noise.clone(), epsilon.clone())?;
            while drawing.stage() + 1 < self.drawer.stages() {
                between().await?;
                drawing.refine()?;
            }
            on_frame(BlendFrame { frame, position, image: Picture::from_planes(&drawing.image().await?) }).await?;
        }
        Ok(())
    }

    pub(super) fn tokens(&self, prompt: &str) -> Result<EncodedText> {
        self.model.vocabulary.encode(prompt, self.model.config.text_encoder.max_words)
    }

    pub(super) fn features(&self, text: &EncodedText) -> TextFeatures {
        self.model.stem.forward(&TextBatch::new(std::slice::from_ref(&text.ids), &self.device))
    }

    async fn draw_one(
        &self,
        index: usize,
        text: &TextFeatures,
        (z, epsilon): (Tensor<2>, Tensor<2>),
        count: usize,
        caption: bool,
        on_stage: &mut impl AsyncFnMut(&StageEvent) -> Result<()>,
    ) -> Result<GeneratedPicture> {
        let mut drawing = self.drawer.start(text, z, epsilon)?;
        let mut stages = Vec::with_capacity(count);
        for stage in 0..count {
            let attention = if stage > 0 { drawing.refine()? } else { None };
            let image = Picture::from_planes(&drawing.image().await?);
            let attention = match attention {
                Some(attention) => Some(attention.read().await?),
                None => None,
            };
            let event = StageEvent { picture: index, stage, image, attention };
            on_stage(&event).await?;
            stages.push(event);
        }
        // Of the bytes that the caller gets: a file of them is described in the same words.
        let caption = match stages.last() {
            Some(last) if caption => Some(self.caption(&last.image).await?),
            _ => None,
        };
        Ok(GeneratedPicture { stages, caption })
    }
}

#[cfg(test)]
mod tests;
