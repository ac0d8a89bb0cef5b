//! What crosses the border, in both languages: the TypeScript below becomes the package's `types.d.ts`.

use js_sys::{Float32Array, Uint8ClampedArray};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::ImageData;

use super::WebError;
use crate::nn::Precision;
use crate::pipeline::{self, NoiseSource};
use crate::stream::Caption;
use crate::text::Token;

#[wasm_bindgen(typescript_custom_section)]
const TYPESCRIPT: &str = r#"
/** A word of a prompt. */
export interface Token {
  /** In lower case. */
  word: string;
  /** Whether the model has learned it; unknown words are left out. */
  known: boolean;
}
/** Where a stage looked: a square map for each known word. */
export interface Attention {
  /** Number of words, the known ones of the prompt in order. */
  words: number;
  /** Height and width of a map. */
  size: number;
  /** Word after word, row after row; over the words of one pixel they sum to 1. */
  weights: Float32Array;
}
/** A stage's picture. */
export interface Stage {
  /** Which picture of the call, from 0. */
  picture: number;
  /** Which stage, from 0. */
  stage: number;
  /** Height and width. */
  size: number;
  image: ImageData;
  /** Absent for the first stage, which looks nowhere. */
  attention?: Attention;
}
/** STREAM's words for a picture. */
export interface Caption {
  text: string;
  words: string[];
  /** Natural logarithm of the probability that STREAM gives to these words. */
  logProbability: number;
}
/** How a picture and a text match. */
export interface Match {
  /** Every word of the text; the figures and maps follow the known ones, up to the most that count. */
  tokens: Token[];
  /** From −1 to 1: of several texts for a picture, or pictures for a text, the largest matches best. */
  similarity: number;
  /** Of each known word and what it looks at, from −1 to 1. */
  words: Float32Array;
  /** Where each known word looks in the middle square of the picture; over the places of one word the weights sum to 1. */
  places: Attention;
}
/** A picture with its stages. */
export interface Picture {
  stages: Stage[];
  /** Present where it was asked for. */
  caption?: Caption;
}
/** The features of a prompt. */
export interface Encoding {
  tokens: Token[];
  /** Values of a word or sentence. */
  features: number;
  /** Known word after known word. */
  words: Float32Array;
  sentence: Float32Array;
}
/** A picture on the way from one prompt to another. */
export interface BlendFrame {
  /** Which frame, from 0. */
  frame: number;
  /** From 0, the first prompt, to 1, the second. */
  position: number;
  image: ImageData;
}
/** A file of a model. */
export interface ModelFile {
  file: string;
  bytes: number;
  sha256: string;
  /** Whether it is read when the model is loaded, or when a caption or a match is first asked for. */
  when: "load" | "caption" | "match";
}
/** What a model is. */
export interface ModelInfo {
  name: string;
  trainedOn: string;
  /** Heights of the pictures, one a stage. */
  sizes: number[];
  /** Number of words it knows. */
  vocabulary: number;
  /** Known words of a prompt that count. */
  maxWords: number;
  /** Whether it can describe pictures. */
  captions: boolean;
  /** Whether it can match pictures with words. */
  matches: boolean;
  /** How many numbers the noise of a picture has. */
  noise: { z: number; epsilon: number };
  /** Numbers it has learned, of the parts that are loaded. */
  parameters: number;
  /** What the generator computes in. */
  precision: "f16" | "f32";
}
"#;

/// What `generate` is asked for.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GenerateOptions {
    seed: u64,
    count: usize,
    stages: Option<usize>,
    caption: bool,
    attention: bool,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        let pipeline::GenerateOptions { seed, count, caption, attention, .. } = pipeline::GenerateOptions::default();
        Self { seed, count, stages: None, caption, attention }
    }
}

impl GenerateOptions {
    /// The engine's options, with other noise than the seed's.
    pub(super) fn with_noise(self, noise: Option<NoiseSource>) -> pipeline::GenerateOptions {
        let Self { seed, count, stages, caption, attention } = self;
        pipeline::GenerateOptions { seed, noise, count, stages, caption, attention }
    }
}

/// What `blend` is asked for.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BlendOptions {
    pub(super) seed: u64,
    pub(super) steps: usize,
}

impl Default for BlendOptions {
    fn default() -> Self {
        Self { seed: 0, steps: 8 }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelFile {
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) when: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelInfo {
    pub(super) name: String,
    pub(super) trained_on: String,
    pub(super) sizes: Vec<usize>,
    pub(super) vocabulary: usize,
    pub(super) max_words: usize,
    pub(super) captions: bool,
    pub(super) matches: bool,
    pub(super) noise: NoiseSizes,
    pub(super) parameters: usize,
    pub(super) precision: Precision,
}

#[derive(Debug, Serialize)]
pub(super) struct NoiseSizes {
    pub(super) z: usize,
    pub(super) epsilon: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WebCaption {
    text: String,
    words: Vec<String>,
    log_probability: f32,
}

#[derive(Debug, Serialize)]
struct WebAttention {
    words: usize,
    size: usize,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    weights: Float32Array,
}

#[derive(Debug, Serialize)]
struct WebMatch<'a> {
    tokens: &'a [Token],
    similarity: f32,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    words: Float32Array,
    places: WebAttention,
}

#[derive(Debug, Serialize)]
struct WebStage {
    picture: usize,
    stage: usize,
    size: usize,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    image: ImageData,
    #[serde(skip_serializing_if = "Option::is_none")]
    attention: Option<WebAttention>,
}

#[derive(Debug, Serialize)]
struct WebPicture {
    stages: Vec<WebStage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<WebCaption>,
}

#[derive(Debug, Serialize)]
struct WebGeneration<'a> {
    tokens: &'a [Token],
    pictures: Vec<WebPicture>,
}

#[derive(Debug, Serialize)]
struct WebEncoding<'a> {
    tokens: &'a [Token],
    features: usize,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    words: Float32Array,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    sentence: Float32Array,
}

#[derive(Debug, Serialize)]
struct WebFrame {
    frame: usize,
    position: f32,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    image: ImageData,
}

/// A value as JavaScript's plain objects.
pub(super) fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, WebError> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}

pub(super) fn stage(event: &pipeline::StageEvent) -> Result<JsValue, WebError> {
    to_js(&WebStage::new(event)?)
}

pub(super) fn frame(frame: &pipeline::BlendFrame) -> Result<JsValue, WebError> {
    to_js(&WebFrame { frame: frame.frame, position: frame.position, image: image_data(&frame.image)? })
}

pub(super) fn caption(caption: Caption) -> Result<JsValue, WebError> {
    to_js(&WebCaption::from(caption))
}

pub(super) fn captions(captions: Vec<Caption>) -> Result<JsValue, WebError> {
    let captions: Vec<_> = captions.into_iter().map(WebCaption::from).collect();
    to_js(&captions)
}

pub(super) fn text_match(found: &pipeline::TextMatch) -> Result<JsValue, WebError> {
    let words = Float32Array::from(found.words.as_slice());
    to_js(&WebMatch { tokens: &found.tokens, similarity: found.similarity, words, places: WebAttention::from(&found.places) })
}

pub(super) fn generation(generation: pipeline::Generation) -> Result<JsValue, WebError> {
    let pictures: Result<Vec<_>, WebError> = generation
        .pictures
        .into_iter()
        .map(|picture| {
            let stages: Result<_, _> = picture.stages.iter().map(WebStage::new).collect();
            Ok(WebPicture { stages: stages?, caption: picture.caption.map(WebCaption::from) })
        })
        .collect();
    to_js(&WebGeneration { tokens: &generation.tokens, pictures: pictures? })
}

pub(super) fn encoding(encoding: &pipeline::Encoding) -> Result<JsValue, WebError> {
    to_js(&WebEncoding {
        tokens: &encoding.tokens,
        features: encoding.features,
        words: Float32Array::from(encoding.words.as_slice()),
        sentence: Float32Array::from(encoding.sentence.as_slice()),
    })
}

/// A picture from a canvas.
///
/// # Errors
/// `bad-input` for a picture without pixels.
pub(super) fn picture(image: &ImageData) -> Result<pipeline::Picture, WebError> {
    Ok(pipeline::Picture::from_rgba(image.width() as usize, image.height() as usize, image.data().0)?)
}

fn image_data(picture: &pipeline::Picture) -> Result<ImageData, WebError> {
    // A copy: from a Rust slice, `ImageData` would keep looking into memory that is soon something else.
    let bytes = Uint8ClampedArray::from(picture.rgba());
    ImageData::new_with_js_u8_clamped_array_and_sh(&bytes, picture.width() as u32, picture.height() as u32)
        .map_err(|error| WebError::new("out-of-memory", format!("no ImageData could be made: {error:?}")))
}

impl WebStage {
    fn new(event: &pipeline::StageEvent) -> Result<Self, WebError> {
        let attention = event.attention.as_ref().map(WebAttention::from);
        let image = image_data(&event.image)?;
        Ok(Self { picture: event.picture, stage: event.stage, size: event.image.width(), image, attention })
    }
}

impl From<&pipeline::AttentionMap> for WebAttention {
    fn from(map: &pipeline::AttentionMap) -> Self {
        Self { words: map.words, size: map.size, weights: Float32Array::from(map.weights.as_slice()) }
    }
}

impl From<Caption> for WebCaption {
    fn from(caption: Caption) -> Self {
        Self { text: caption.text, words: caption.words, log_probability: caption.log_probability }
    }
}
