//! The module in a real browser: the reference's numbers on the CPU and on WebGPU, and the JavaScript face from load to error.
#![cfg(target_arch = "wasm32")]

#[path = "web/fixture.rs"]
mod fixture;

use burn::tensor::{Device, Tensor};
use fixture::Fixture;
use js_sys::{Array, Function, Promise, Reflect};
use mirrorgan::model::{ModelConfig, tensors};
use mirrorgan::stem::{TextBatch, TextFeatures};
use mirrorgan::stream::{StreamConfig, StreamDecoder};
use mirrorgan::web::{DeviceKind, ModelFiles, WebEngine, WebError, open};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::ImageData;

wasm_bindgen_test_configure!(run_in_dedicated_worker);

const PROMPT: &str = "This flower has pink petals";

// ---- the reference's numbers

async fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data_async().await.unwrap().try_to_vec().unwrap()
}

fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "{what} differs by {worst}");
}

/// Every `step`th pixel both ways, as the fixtures keep them.
fn every(tensor: Tensor<4>, step: usize) -> Tensor<4> {
    let [a, b, height, width] = tensor.dims();
    let rows = tensor.reshape([a, b, height / step, step * width]).narrow(3, 0, width);
    rows.reshape([a * b * height / step, width / step, step, 1]).narrow(2, 0, 1).reshape([a, b, height / step, width / step])
}

async fn parity(device: &Device, tolerance: f32) {
    let config = ModelConfig::parse(&fixture::config(&fixture::files()).to_string()).unwrap();

    let numbers = Fixture::stem();
    let stem = config.load_stem(&fixture::stem_file(), device).unwrap();
    let lengths = numbers.integers("lengths");
    let captions: Vec<Vec<usize>> = numbers
        .integers("captions")
        .chunks(12)
        .zip(&lengths)
        .map(|(row, length)| row[..*length as usize].iter().map(|id| *id as usize).collect())
        .collect();
    let text = stem.forward(&TextBatch::new(&captions, device));
    assert_close("words", &values(text.words).await, &numbers.values("words"), tolerance);
    assert_close("sentence", &values(text.sentence).await, &numbers.values("sentence"), tolerance);

    let numbers = Fixture::generator();
    let generator = config.load_generator(&fixture::glam_file(), device).unwrap();
    let text = TextFeatures {
        words: numbers.tensor("words", device),
        sentence: numbers.tensor("sentence", device),
        // The reference marks padding, this crate words.
        mask: Tensor::<2>::ones([3, 12], device) - numbers.tensor::<2>("mask", device),
    };
    let generated = generator.forward(&text, numbers.tensor("noise", device), numbers.tensor("eps", device));
    for (stage, image) in generated.images.into_iter().enumerate() {
        let key = format!("eval.image{stage}.every4");
        assert_close(&key, &values(every(image, 4)).await, &numbers.values(&key), tolerance);
    }
    for (stage, attention) in generated.attention.into_iter().enumerate() {
        let key = format!("eval.attention{}.every8", stage + 1);
        assert_close(&key, &values(every(attention, 8)).await, &numbers.values(&key), tolerance);
    }
}

/// STREAM's decoder against the reference: what it says, word for word.
async fn decoder_parity(device: &Device, tolerance: f32) {
    let numbers = Fixture::stream_decoder();
    let config = StreamConfig { vocabulary: fixture::VOCABULARY, embedding: 32, hidden: 48, image_features: 8, ..StreamConfig::default() };
    let decoder = tensors::load(StreamDecoder::new(&config, device), &fixture::decoder_file(), "stream.safetensors").unwrap();
    let image = numbers.tensor::<2>("features", device);
    let ids = decoder.greedy(image.clone(), 20).ids.into_data_async().await.unwrap().convert::<i32>();
    assert_eq!(ids.try_to_vec::<i32>().unwrap(), numbers.integers("greedy"));
    // The reference packs: step after step, the captions that are long enough.
    let logits = values(decoder.decode(image, numbers.ids("captions", device))).await;
    let lengths = numbers.integers("lengths");
    let row = |caption: usize, step: usize| (caption * 12 + step) * fixture::VOCABULARY;
    let packed: Vec<f32> = (0..12)
        .flat_map(|step| (0..3).filter(move |caption| step < lengths_of(*caption)).map(move |caption| row(caption, step)))
        .flat_map(|start| logits[start..start + fixture::VOCABULARY].to_vec())
        .collect();
    assert_eq!(lengths, (0..3).map(|caption| lengths_of(caption) as i32).collect::<Vec<_>>());
    assert_close("logits", &packed, &numbers.values("packed_logits"), tolerance);
}

/// The fixture's captions have 12, 9 and 4 words.
fn lengths_of(caption: usize) -> usize {
    [12, 9, 4][caption]
}

#[wasm_bindgen_test]
async fn the_cpu_gives_the_references_numbers() {
    let device = open(DeviceKind::Cpu).await.unwrap();
    parity(&device, 1e-4).await;
    decoder_parity(&device, 1e-4).await;
}

#[wasm_bindgen_test]
async fn webgpu_gives_the_references_numbers() {
    let device = open(DeviceKind::WebGpu).await.unwrap();
    parity(&device, 1e-3).await;
    decoder_parity(&device, 1e-3).await;
}

// ---- the JavaScript face

#[wasm_bindgen_test]
fn words_are_split_and_composed_as_natively() {
    let cases: Vec<(String, Vec<String>)> = serde_json::from_str(include_str!("fixtures/words.json")).unwrap();
    for (text, words) in cases {
        assert_eq!(mirrorgan::text::tokenize(&text), words, "{text:?}");
    }
}

async fn engine(device: &str) -> Result<WebEngine, WebError> {
    let files = fixture::files();
    let listed = ModelFiles::new(&fixture::config(&files).to_string())?;
    for (name, bytes) in &files {
        listed.check(name, bytes)?;
    }
    let [vocabulary, stem, glam] = ["vocab.txt", "stem.safetensors", "glam.safetensors"].map(|name| files[name].clone());
    WebEngine::load(device.into(), true, listed, vocabulary, stem, glam).await
}

fn get(value: &JsValue, key: &str) -> JsValue {
    Reflect::get(value, &key.into()).unwrap()
}

fn options(seed: u32, count: u32) -> JsValue {
    let options = js_sys::Object::new();
    Reflect::set(&options, &"seed".into(), &seed.into()).unwrap();
    Reflect::set(&options, &"count".into(), &count.into()).unwrap();
    options.into()
}

/// The pixels of a picture's last stage.
fn last_pixels(result: &JsValue, picture: u32) -> Vec<u8> {
    let stages: Array = get(&Array::from(&get(result, "pictures")).get(picture), "stages").into();
    get(&stages.get(stages.length() - 1), "image").unchecked_into::<ImageData>().data().0
}

fn code<T>(result: Result<T, WebError>) -> &'static str {
    result.err().expect("an error").code()
}

/// Generates with a listener; gives what it was told and the result.
async fn told(engine: &WebEngine, answer: impl Fn() -> JsValue + 'static) -> (Array, Result<JsValue, WebError>) {
    let events = Array::new();
    let kept = events.clone();
    let listener = Closure::<dyn FnMut(JsValue) -> JsValue>::new(move |event: JsValue| {
        kept.push(&event);
        answer()
    });
    let function = listener.as_ref().unchecked_ref::<Function>().clone();
    let result = engine.generate(PROMPT.into(), options(7, 1), None, function.into()).await;
    (events, result)
}

async fn whole_path(device: &str) -> Vec<u8> {
    let engine = engine(device).await.unwrap();
    let (events, result) = told(&engine, || Promise::resolve(&JsValue::TRUE).into()).await;
    let result = result.unwrap();
    let sizes: Vec<f64> = events.iter().map(|event| get(&event, "size").as_f64().unwrap()).collect();
    assert_eq!(sizes, [64.0, 128.0, 256.0]);
    let attention = get(&events.get(1), "attention");
    assert_eq!(get(&attention, "words").as_f64(), Some(5.0));
    assert_eq!(js_sys::Float32Array::from(get(&attention, "weights")).length(), 5 * 64 * 64);
    let tokens: Array = get(&result, "tokens").into();
    assert_eq!(tokens.length(), 5);
    assert!(tokens.iter().all(|token| get(&token, "known") == JsValue::TRUE));
    let pixels = last_pixels(&result, 0);
    assert_eq!(pixels.len(), 4 * 256 * 256);
    pixels
}

#[wasm_bindgen_test]
async fn the_whole_path_on_both_devices_gives_one_picture() {
    let cpu = whole_path("cpu").await;
    let gpu = whole_path("webgpu").await;
    let worst = cpu.iter().zip(&gpu).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(1), "{worst:?} of 255");
}

#[wasm_bindgen_test]
async fn seeds_and_pictures_of_one_call() {
    let engine = engine("cpu").await.unwrap();
    let two = engine.generate(PROMPT.into(), options(7, 2), None, JsValue::NULL).await.unwrap();
    let one = engine.generate(PROMPT.into(), options(7, 1), None, JsValue::UNDEFINED).await.unwrap();
    let other = engine.generate(PROMPT.into(), options(8, 1), None, JsValue::NULL).await.unwrap();
    assert_eq!(last_pixels(&two, 0), last_pixels(&one, 0));
    assert_ne!(last_pixels(&two, 0), last_pixels(&two, 1));
    assert_ne!(last_pixels(&one, 0), last_pixels(&other, 0));
}

#[wasm_bindgen_test]
async fn a_listener_that_says_no_stops_the_call() {
    let engine = engine("cpu").await.unwrap();
    let (events, result) = told(&engine, || JsValue::FALSE).await;
    assert_eq!((events.length(), code(result)), (1, "aborted"));
    let (events, result) = told(&engine, || Promise::reject(&"stop".into()).into()).await;
    assert_eq!((events.length(), code(result)), (1, "aborted"));
    let (events, result) = told(&engine, || JsValue::UNDEFINED).await;
    assert!(result.is_ok() && events.length() == 3);
}

#[wasm_bindgen_test]
async fn bad_prompts_and_options_have_codes() {
    let engine = engine("cpu").await.unwrap();
    let generate = async |prompt: &str, options| engine.generate(prompt.into(), options, None, JsValue::NULL).await;
    assert_eq!(code(generate(" ?", JsValue::NULL).await), "empty-prompt");
    let unknown = generate("zeppelin quux", JsValue::NULL).await.unwrap_err();
    assert_eq!(unknown.code(), "empty-prompt");
    assert_eq!(Array::from(&get(&unknown.into(), "words")).join(" "), "zeppelin quux");
    assert_eq!(code(generate(PROMPT, options(0, 0)).await), "bad-input");
    assert_eq!(code(generate(PROMPT, options(0, 65)).await), "bad-input");
    assert_eq!(code(engine.generate(PROMPT.into(), JsValue::NULL, None, "no function".into()).await), "bad-input");
    // No STREAM in this model, no picture in that argument.
    let image: JsValue = ImageData::new_with_sw(8, 8).unwrap().into();
    assert_eq!(code(engine.caption(image).await), "bad-input");
    assert_eq!(code(engine.caption("picture".into()).await), "bad-input");
}

#[wasm_bindgen_test]
async fn bad_files_have_codes() {
    let files = fixture::files();
    let config = fixture::config(&files);
    let listed = || ModelFiles::new(&config.to_string()).unwrap();
    let truncated = &files["glam.safetensors"][..1000];
    assert_eq!(code(listed().check("glam.safetensors", truncated)), "integrity");
    let mut flipped = files["stem.safetensors"].clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(code(listed().check("stem.safetensors", &flipped)), "integrity");

    let load = async |device: &str, vocabulary: &[u8], stem: &[u8], glam: &[u8]| {
        WebEngine::load(device.into(), true, listed(), vocabulary.to_vec(), stem.to_vec(), glam.to_vec()).await
    };
    let [vocabulary, stem, glam] = ["vocab.txt", "stem.safetensors", "glam.safetensors"].map(|name| files[name].as_slice());
    // What was not checked is still no model.
    assert_eq!(code(load("cpu", vocabulary, stem, truncated).await), "bad-model");
    assert_eq!(code(load("cpu", vocabulary, glam, stem).await), "bad-model");
    assert_eq!(code(load("cpu", &[0xff, 0xfe], stem, glam).await), "bad-model");
    assert_eq!(code(load("abacus", vocabulary, stem, glam).await), "bad-input");
    // Published that way: the checksum fits, the content does not.
    let mut swapped = files.clone();
    swapped.insert("glam.safetensors", files["stem.safetensors"].clone());
    let published = ModelFiles::new(&fixture::config(&swapped).to_string()).unwrap();
    let loaded = WebEngine::load("cpu".into(), true, published, vocabulary.to_vec(), stem.to_vec(), stem.to_vec()).await;
    assert_eq!(code(loaded), "bad-model");
    assert_eq!(code(ModelFiles::new("<!doctype html>")), "bad-model");
    let mut newer = config.clone();
    newer["format_version"] = 999.into();
    assert_eq!(code(ModelFiles::new(&newer.to_string())), "bad-model");
}

#[wasm_bindgen_test]
async fn features_and_blends() {
    let engine = engine("cpu").await.unwrap();
    let encoding = engine.encode(PROMPT.into()).await.unwrap();
    assert_eq!(js_sys::Float32Array::from(get(&encoding, "words")).length(), 5 * 32);
    let frames = Array::new();
    let kept = frames.clone();
    let listener = Closure::<dyn FnMut(JsValue)>::new(move |frame: JsValue| {
        // Nothing between the stages of a frame.
        if !frame.is_null() {
            kept.push(&frame);
        }
    });
    let function: JsValue = listener.as_ref().clone();
    let three: JsValue = js_sys::JSON::parse(r#"{"seed": 7, "steps": 3}"#).unwrap();
    engine.blend(PROMPT.into(), "pink".into(), three, function).await.unwrap();
    let positions: Vec<f64> = frames.iter().map(|frame| get(&frame, "position").as_f64().unwrap()).collect();
    assert_eq!(positions, [0.0, 0.5, 1.0]);
    let end = engine.generate("pink".into(), options(7, 1), None, JsValue::NULL).await.unwrap();
    let last = get(&frames.get(2), "image").unchecked_into::<ImageData>().data().0;
    let worst = last.iter().zip(last_pixels(&end, 0)).map(|(a, b)| a.abs_diff(b)).max();
    assert!(worst <= Some(1), "{worst:?} of 255");
}
