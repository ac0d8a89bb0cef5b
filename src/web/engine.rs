//! The engine that a Worker owns.

use std::cell::Cell;

use burn::module::Module;
use burn::tensor::Device;
use js_sys::Reflect;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::ImageData;

use super::listener::Listener;
use super::types::{self, BlendOptions, GenerateOptions, ModelFile, ModelInfo, NoiseSizes};
use super::{DeviceKind, WebError, device};
use crate::glam::GeneratorConfig;
use crate::model::{GLAM_FILE, MATCHER_FILE, Model, ModelConfig, STEM_FILE, STREAM_FILE};
use crate::nn::Precision;
use crate::pipeline::{Engine, NoiseSource, Picture, warm_up};
use crate::stream::CaptionOptions;
use crate::text::{Token, tokenize};
use crate::{Error, Result};

/// A model's `config.json`: which files to download, and whether they are what was published.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ModelFiles {
    config: ModelConfig,
}

#[wasm_bindgen]
impl ModelFiles {
    /// Reads the text of `config.json`.
    ///
    /// # Errors
    /// `bad-model`.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str) -> Result<ModelFiles, WebError> {
        Ok(Self { config: ModelConfig::parse(config)? })
    }

    /// Every file, as `ModelFile[]`.
    #[wasm_bindgen(unchecked_return_type = "ModelFile[]")]
    pub fn list(&self) -> Result<JsValue, WebError> {
        let files: Vec<ModelFile> = self
            .config
            .files
            .iter()
            .map(|(file, info)| ModelFile {
                file: file.clone(),
                bytes: info.bytes,
                sha256: info.sha256.clone(),
                when: match file.as_str() {
                    STREAM_FILE => "caption",
                    MATCHER_FILE => "match",
                    _ => "load",
                },
            })
            .collect();
        types::to_js(&files)
    }

    /// Checks the size and the sha-256 of a downloaded file.
    ///
    /// # Errors
    /// `integrity`.
    pub fn check(&self, file: &str, bytes: &[u8]) -> Result<(), WebError> {
        Ok(self.config.check_file(file, bytes)?)
    }

    /// Uses what draws such a model on the CPU for a while, with a small network in its place: browsers run a function of WebAssembly
    /// slowly until then. For the time while the model is downloaded.
    ///
    /// # Errors
    /// `device-lost`.
    pub fn rehearse(&self) -> Result<(), WebError> {
        Ok(warm_up(self.config.generator.architecture)?)
    }

    /// The name that the model was published under.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.config.name.clone()
    }

    /// The file with the words.
    #[wasm_bindgen(getter, js_name = vocabularyFile)]
    pub fn vocabulary_file(&self) -> String {
        self.config.vocabulary_file.clone()
    }
}

/// Noise other than a seed's own.
#[wasm_bindgen]
#[derive(Debug)]
pub struct WebNoise {
    source: NoiseSource,
}

#[wasm_bindgen]
impl WebNoise {
    /// On the way to the noise of `seed`.
    pub fn towards(seed: u64, position: f32) -> WebNoise {
        Self { source: NoiseSource::Towards { seed, position } }
    }

    /// The numbers themselves.
    pub fn values(z: Vec<f32>, epsilon: Vec<f32>) -> WebNoise {
        Self { source: NoiseSource::Values { z, epsilon } }
    }
}

/// A model on a device.
#[wasm_bindgen]
#[derive(Debug)]
pub struct WebEngine {
    engine: Engine,
    precision: Precision,
}

#[wasm_bindgen]
impl WebEngine {
    /// Opens the device, `"cpu"` or `"webgpu"`, and puts a model on it; STREAM comes later. With `half` the generator computes in f16
    /// where the device does: see [`ModelInfo`] for what it does then. The files are not checked again: see [`ModelFiles::check`].
    ///
    /// # Errors
    /// `unsupported`, `bad-input`, `bad-model`, `device-lost`.
    pub async fn load(
        device: String,
        half: bool,
        files: ModelFiles,
        vocabulary: Vec<u8>,
        stem: Vec<u8>,
        generator: Vec<u8>,
    ) -> Result<WebEngine, WebError> {
        let device = device::open(DeviceKind::parse(&device)?).await?;
        let config = files.config;
        let vocabulary = config.load_vocabulary(&vocabulary)?;
        let stem = config.load_stem(&stem, &device)?;
        let generator = config.load_generator(&generator, &device)?;
        let model = Model::new(config, vocabulary, stem, generator, None)?;
        let engine = Engine::new(model, device)?;
        let (engine, precision) = if half { halve(engine).await? } else { (engine, Precision::F32) };
        Ok(Self { engine, precision })
    }

    /// Puts STREAM beside the rest, so that pictures can be described.
    ///
    /// # Errors
    /// `bad-model`, `device-lost`.
    #[wasm_bindgen(js_name = loadStream)]
    pub fn load_stream(&mut self, stream: &[u8]) -> Result<(), WebError> {
        let device = self.engine.device().clone();
        let stream = self.engine.model().config.load_stream(stream, &device)?;
        Ok(self.engine.set_stream(stream)?)
    }

    /// Puts DAMSM's image head beside the rest, so that pictures can be matched with words; it sees through STREAM's encoder.
    ///
    /// # Errors
    /// `bad-model`.
    #[wasm_bindgen(js_name = loadMatcher)]
    pub fn load_matcher(&mut self, matcher: &[u8]) -> Result<(), WebError> {
        let device = self.engine.device().clone();
        let matcher = self.engine.model().config.load_matcher(matcher, &device)?;
        self.engine.set_matcher(matcher);
        Ok(())
    }

    /// Checks a file that was downloaded after the others, as [`ModelFiles::check`].
    ///
    /// # Errors
    /// `integrity`.
    pub fn check(&self, file: &str, bytes: &[u8]) -> Result<(), WebError> {
        Ok(self.engine.model().config.check_file(file, bytes)?)
    }

    /// Draws pictures; `noise` takes the place of the seed's; `on_stage` gets each stage as it is there, may return a promise, and stops the call with `false`.
    ///
    /// # Errors
    /// `empty-prompt`, `bad-input`, `device-lost`, `aborted`.
    #[wasm_bindgen(unchecked_return_type = "{ tokens: Token[]; pictures: Picture[] }")]
    pub async fn generate(
        &self,
        prompt: String,
        options: JsValue,
        noise: Option<WebNoise>,
        on_stage: JsValue,
    ) -> Result<JsValue, WebError> {
        let options: GenerateOptions = read_options(options)?;
        let options = options.with_noise(noise.map(|noise| noise.source));
        let listener = Listener::new(on_stage)?;
        let generation =
            self.engine.generate(&prompt, &options, async |event| listener.tell(&types::stage(event).map_err(border)?).await).await?;
        types::generation(generation)
    }

    /// Describes a picture.
    ///
    /// # Errors
    /// `bad-input`, `device-lost`.
    #[wasm_bindgen(unchecked_return_type = "Caption")]
    pub async fn caption(&self, image: JsValue) -> Result<JsValue, WebError> {
        types::caption(self.engine.caption(&picture(image)?).await?)
    }

    /// Describes a picture in several sentences: the likeliest that a search finds, or, with a seed, some drawn by their probability.
    /// `on_word` is called with `null` before each of their words, and as `on_stage` of [`WebEngine::generate`] may stop the call.
    ///
    /// # Errors
    /// `bad-input`, `device-lost`, `aborted`.
    #[wasm_bindgen(unchecked_return_type = "Caption[]")]
    pub async fn captions(&self, image: JsValue, count: usize, sample: Option<u64>, on_word: JsValue) -> Result<JsValue, WebError> {
        let listener = Listener::new(on_word)?;
        let between = async || listener.tell(&JsValue::NULL).await;
        types::captions(self.engine.captions(&picture(image)?, &CaptionOptions { count, sample }, between).await?)
    }

    /// How well a picture and a text match, and where each word is found.
    ///
    /// # Errors
    /// `empty-prompt`, `bad-input`, `device-lost`.
    #[wasm_bindgen(js_name = match, unchecked_return_type = "Match")]
    pub async fn match_text(&self, image: JsValue, text: String) -> Result<JsValue, WebError> {
        types::text_match(&self.engine.match_text(&picture(image)?, &text).await?)
    }

    /// The features that the generator gets.
    ///
    /// # Errors
    /// `empty-prompt`, `device-lost`.
    #[wasm_bindgen(unchecked_return_type = "Encoding")]
    pub async fn encode(&self, prompt: String) -> Result<JsValue, WebError> {
        types::encoding(&self.engine.encode(&prompt).await?)
    }

    /// Draws pictures on the way from one prompt to another; `on_frame` as `on_stage` of [`WebEngine::generate`], but called with `null` between
    /// the stages of a frame.
    ///
    /// # Errors
    /// As [`WebEngine::generate`].
    pub async fn blend(&self, from: String, to: String, options: JsValue, on_frame: JsValue) -> Result<(), WebError> {
        let options: BlendOptions = read_options(options)?;
        let listener = Listener::new(on_frame)?;
        let tell = async |frame| listener.tell(&types::frame(&frame).map_err(border)?).await;
        let between = async || listener.tell(&JsValue::NULL).await;
        Ok(self.engine.blend([&from, &to], options.seed, options.steps, tell, between).await?)
    }

    /// The words of a prompt and which of them the model knows; no word at all is no error here.
    #[wasm_bindgen(unchecked_return_type = "Token[]")]
    pub fn tokenize(&self, prompt: &str) -> Result<JsValue, WebError> {
        let vocabulary = &self.engine.model().vocabulary;
        let tokens: Vec<Token> = tokenize(prompt).into_iter().map(|word| Token { known: vocabulary.id(&word).is_some(), word }).collect();
        types::to_js(&tokens)
    }

    /// What the model is.
    #[wasm_bindgen(unchecked_return_type = "ModelInfo")]
    pub fn info(&self) -> Result<JsValue, WebError> {
        let model = self.engine.model();
        let parameters = model.stem.num_params()
            + model.generator.num_params()
            + self.engine.describer().map_or(0, |describer| describer.num_params())
            + model.matcher.as_ref().map_or(0, |matcher| matcher.num_params());
        types::to_js(&ModelInfo {
            name: model.config.name.clone(),
            trained_on: model.config.trained_on.clone(),
            sizes: (0..model.generator.stages()).map(GeneratorConfig::picture_size).collect(),
            vocabulary: model.vocabulary.len() - 1,
            max_words: model.config.text_encoder.max_words,
            captions: model.config.stream.is_some(),
            matches: model.config.matcher.is_some(),
            noise: NoiseSizes { z: model.config.generator.z_dim, epsilon: model.config.generator.condition_dim },
            parameters,
            precision: self.precision,
        })
    }

    /// Draws a picture that nobody sees: WebGPU compiles each kernel when it is first used. On the CPU, after
    /// [`ModelFiles::rehearse`], the first stage is enough.
    ///
    /// # Errors
    /// `device-lost`.
    #[wasm_bindgen(js_name = warmUp)]
    pub async fn warm_up(&self) -> Result<(), WebError> {
        let word = self.engine.model().vocabulary.word(1).unwrap_or_default().to_string();
        let enough = Cell::new(false);
        let drawn = self
            .engine
            .generate(&word, &Default::default(), async |event| {
                if event.stage == 0 && *self.engine.device() == Device::flex() {
                    enough.set(true);
                    return Err(Error::BadInput("enough".into()));
                }
                Ok(())
            })
            .await;
        match drawn {
            Err(_) if enough.get() => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }
}

#[cfg(not(mirrorgan_cpu_only))]
async fn halve(engine: Engine) -> Result<(Engine, Precision)> {
    engine.halved().await
}

/// The CPU draws in f32: what lowers networks is not in its module.
#[cfg(mirrorgan_cpu_only)]
async fn halve(engine: Engine) -> Result<(Engine, Precision)> {
    Ok((engine, Precision::F32))
}

/// A picture that the package's JavaScript has made.
fn picture(image: JsValue) -> Result<Picture, WebError> {
    let image: ImageData =
        image.dyn_into().map_err(|_| WebError::new("bad-input", "expected ImageData; draw the picture on a canvas first"))?;
    types::picture(&image)
}

/// Options that JavaScript may leave out.
fn read_options<T: serde::de::DeserializeOwned + Default>(value: JsValue) -> Result<T, WebError> {
    if value.is_null() || value.is_undefined() {
        return Ok(T::default());
    }
    serde_wasm_bindgen::from_value(value).map_err(|error| WebError::new("bad-input", format!("options: {error}")))
}

/// A stage that could not be handed over.
fn border(error: WebError) -> Error {
    Error::Device(JsValue::from(error).dyn_ref::<js_sys::Error>().map(|e| String::from(e.message())).unwrap_or_default())
}

/// The files that a model is made of, by what they hold.
#[wasm_bindgen(js_name = partFiles, unchecked_return_type = "{ stem: string; generator: string; stream: string; matcher: string }")]
pub fn part_files() -> JsValue {
    let parts = js_sys::Object::new();
    for (part, file) in [("stem", STEM_FILE), ("generator", GLAM_FILE), ("stream", STREAM_FILE), ("matcher", MATCHER_FILE)] {
        // Setting a property of an object just made cannot fail.
        let _ = Reflect::set(&parts, &part.into(), &file.into());
    }
    parts.into()
}
