//! The reference numbers of `tests/fixtures` in the browser: as tensors, and as the model files that a visitor would download.

use std::collections::BTreeMap;

use burn::tensor::{Device, Int, Tensor, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const STEM: &[u8] = include_bytes!("../fixtures/stem.safetensors");
const GENERATOR: &[u8] = include_bytes!("../fixtures/generator.safetensors");
const STREAM_DECODER: &[u8] = include_bytes!("../fixtures/stream_decoder.safetensors");

/// Number of words of the fixtures.
pub const VOCABULARY: usize = 60;

/// A fixture file.
pub struct Fixture(SafeTensors<'static>);

impl Fixture {
    pub fn stem() -> Self {
        Self(SafeTensors::deserialize(STEM).unwrap())
    }

    pub fn generator() -> Self {
        Self(SafeTensors::deserialize(GENERATOR).unwrap())
    }

    pub fn stream_decoder() -> Self {
        Self(SafeTensors::deserialize(STREAM_DECODER).unwrap())
    }

    pub fn values(&self, key: &str) -> Vec<f32> {
        let view = self.0.tensor(key).unwrap();
        match view.dtype() {
            Dtype::F32 => view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect(),
            Dtype::U8 => view.data().iter().map(|byte| f32::from(*byte)).collect(),
            other => panic!("{key} is {other:?}"),
        }
    }

    pub fn integers(&self, key: &str) -> Vec<i32> {
        let view = self.0.tensor(key).unwrap();
        assert_eq!(view.dtype(), Dtype::I64);
        view.data().chunks_exact(8).map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()) as i32).collect()
    }

    pub fn tensor<const D: usize>(&self, key: &str, device: &Device) -> Tensor<D> {
        Tensor::from_data(TensorData::new(self.values(key), self.0.tensor(key).unwrap().shape().to_vec()), device)
    }

    pub fn ids(&self, key: &str, device: &Device) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(self.integers(key), self.0.tensor(key).unwrap().shape().to_vec()), device)
    }

    /// The reference's weights under this crate's names, as a safetensors file.
    pub fn weights(&self, rename: impl Fn(&str) -> (String, bool)) -> Vec<u8> {
        let mut tensors = Vec::new();
        for (key, view) in self.0.tensors() {
            let Some(key) = key.strip_prefix("state.") else { continue };
            let (name, transpose) = rename(key);
            let mut shape = view.shape().to_vec();
            let mut data = view.data().to_vec();
            if transpose {
                let (rows, columns) = (shape[0], shape[1]);
                data = (0..columns)
                    .flat_map(|c| (0..rows).map(move |r| 4 * (r * columns + c)))
                    .flat_map(|start| view.data()[start..start + 4].to_vec())
                    .collect();
                shape.reverse();
            }
            tensors.push((name, shape, data));
        }
        let views = tensors.iter().map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }
}

/// `stem.safetensors` of the reference's text encoder.
pub fn stem_file() -> Vec<u8> {
    Fixture::stem().weights(|key| {
        let name = match key.strip_prefix("rnn.") {
            Some(rest) => match rest.strip_suffix("_l0_reverse") {
                Some(rest) => format!("backward.{rest}"),
                None => format!("forward.{}", rest.trim_end_matches("_l0")),
            },
            None => key.replace("encoder", "embedding"),
        };
        (name, false)
    })
}

/// `glam.safetensors` of the reference's generator.
pub fn glam_file() -> Vec<u8> {
    Fixture::generator().weights(|key| {
        let parts: Vec<&str> = key.split('.').collect();
        let leaf = parts[parts.len() - 1];
        // burn keeps linear weights as (in, out).
        let linear = matches!(key, "ca_net.fc.weight" | "h_net1.fc.0.weight") || key.ends_with("att.linear.weight");
        let name = match parts.as_slice() {
            ["ca_net", ..] => format!("ca.fc.{leaf}"),
            ["h_net1", "fc", "0", _] => format!("initial.fc.{leaf}"),
            ["h_net1", "fc", "1", _] => format!("initial.norm.{leaf}"),
            ["h_net1", up, layer, _] => format!("initial.upsample.{}.{}.{leaf}", number(up) - 1, layer_of(layer)),
            [net, "att", rest @ ..] => format!("{}.{}.{}", refine(net), room(rest[0]), rest.join(".")),
            [net, "conv", _] => format!("{}.merge.{leaf}", refine(net)),
            [net, "residual", block, "block", layer, _] => {
                let layer = match *layer {
                    "0" => "conv1",
                    "1" => "norm1",
                    "3" => "conv2",
                    _ => "norm2",
                };
                format!("{}.residual.{block}.{layer}.{leaf}", refine(net))
            }
            [net, "upsample", layer, _] => format!("{}.upsample.{}.{leaf}", refine(net), layer_of(layer)),
            [net, "img", ..] => format!("heads.{}.conv.{leaf}", number(net) - 1),
            _ => panic!("unexpected key {key}"),
        };
        (name, linear)
    })
}

/// STREAM's decoder of the reference; the projection of the picture, which it has not, is ours.
pub fn decoder_file() -> Vec<u8> {
    let reference = Fixture::stream_decoder().weights(|key| {
        let name = key.replace("embed.", "embedding.").replace("linear.", "words.").replace("_l0", "");
        (name, key == "linear.weight")
    });
    let reference = SafeTensors::deserialize(&reference).unwrap();
    let zeros = vec![0u8; 4 * 32 * 8];
    let ones: Vec<u8> = [1.0f32; 32].iter().flat_map(|one| one.to_le_bytes()).collect();
    let own = [
        ("image.weight", vec![8, 32], &zeros[..]),
        ("image.bias", vec![32], &zeros[..4 * 32]),
        ("norm.weight", vec![32], &ones[..]),
        ("norm.bias", vec![32], &zeros[..4 * 32]),
        ("norm.running_mean", vec![32], &zeros[..4 * 32]),
        ("norm.running_var", vec![32], &ones[..]),
    ];
    let own = own.map(|(name, shape, data)| (name.to_string(), TensorView::new(Dtype::F32, shape, data).unwrap()));
    safetensors::serialize(reference.tensors().into_iter().chain(own), None).unwrap()
}

fn number(name: &str) -> usize {
    name[name.len() - 1..].parse().unwrap()
}

fn refine(net: &str) -> String {
    format!("refine.{}", number(net) - 2)
}

fn room(layer: &str) -> &'static str {
    if layer == "conv_context" { "words" } else { "sentence" }
}

fn layer_of(index: &str) -> &'static str {
    if index == "1" { "conv" } else { "norm" }
}

/// `vocab.txt`: invented words, and a few that prompts of the tests use.
pub fn vocabulary_file() -> String {
    let named = ["this", "flower", "has", "pink", "petals"].map(String::from);
    let rest = (named.len() + 1..VOCABULARY).map(|id| format!("word{id}"));
    std::iter::once("<end>".to_string()).chain(named).chain(rest).map(|word| word + "\n").collect()
}

/// `config.json` for the fixture's sizes and these files.
pub fn config(files: &BTreeMap<&str, Vec<u8>>) -> Value {
    let listed: BTreeMap<_, _> = files
        .iter()
        .map(|(name, bytes)| {
            let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            (*name, json!({ "sha256": sha256, "bytes": bytes.len() }))
        })
        .collect();
    json!({
        "format_version": 1,
        "name": "fixture",
        "trained_on": "nothing",
        "dtype": "f32",
        "vocabulary_file": "vocab.txt",
        "text_encoder": { "vocabulary": VOCABULARY, "embedding": 20, "features": 32, "max_words": 12 },
        "generator": { "gf_dim": 4, "z_dim": 16, "condition_dim": 100, "features": 32, "residual_blocks": 2, "stages": 3 },
        "stream": null,
        "files": listed,
    })
}

/// Every file of the fixture's model but `config.json`.
pub fn files() -> BTreeMap<&'static str, Vec<u8>> {
    BTreeMap::from([("vocab.txt", vocabulary_file().into_bytes()), ("stem.safetensors", stem_file()), ("glam.safetensors", glam_file())])
}
