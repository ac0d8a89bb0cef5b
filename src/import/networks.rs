//! STEM and the generator, from the state dicts of MirrorGAN's and AttnGAN's public code.

use burn::tensor::Device;

use super::checkpoint::Checkpoint;
use super::state::{Layout, State};
use crate::glam::{Architecture, Generator, GeneratorConfig};
use crate::model::{check_generator, check_text_encoder};
use crate::model::tensors;
use crate::stem::{TextEncoder, TextEncoderConfig};
use crate::{Error, Result};

/// Reads a text encoder: `encoder.weight` and the two directions of `rnn`. Its sizes are those of the tensors.
///
/// # Errors
/// [`Error::BadModel`] when a tensor is missing, left over or of another shape; [`Error::Io`].
pub fn text_encoder<'a>(file: impl Into<Checkpoint<'a>>, max_words: usize) -> Result<(TextEncoderConfig, TextEncoder)> {
    let state = State::read(&file.into(), &["encoder.weight", "rnn.weight_hh_l0"])?;
    let [vocabulary, embedding] = state.shape("encoder.weight")?;
    let [_, hidden] = state.shape("rnn.weight_hh_l0")?;
    let config = TextEncoderConfig { vocabulary, embedding, features: 2 * hidden, max_words };
    check_text_encoder(&config).map_err(|error| of_file(error, &state.file))?;
    let file = state.file.clone();
    let encoder = tensors::assign(config.init(&Device::flex()), state.rename(text_encoder_key)?, &file)?;
    Ok((config, encoder))
}

/// Reads a generator: `ca_net`, `h_net1` …, `img_net1` …. Its sizes are those of the tensors.
///
/// # Errors
/// [`Error::BadModel`] when the file holds the other architecture, or a tensor is missing, left over or of another shape; [`Error::Io`].
pub fn generator<'a>(file: impl Into<Checkpoint<'a>>, architecture: Architecture) -> Result<(GeneratorConfig, Generator)> {
    let state = State::read(&file.into(), &["ca_net.fc.weight", "h_net1.fc.0.weight", "img_net1.img.0.weight"])?;
    let found = match (state.has("h_net2.att.conv_context.weight"), state.has("h_net2.att.linear.weight")) {
        (true, false) => Architecture::AttnGan,
        _ => Architecture::MirrorGan,
    };
    if found != architecture && state.has("h_net2.att.conv_context.weight") {
        let message = format!("holds a generator of {found:?}; expected one of {architecture:?}");
        return Err(Error::bad_model(state.file, message));
    }
    let [rows, features] = state.shape("ca_net.fc.weight")?;
    let [_, inputs] = state.shape("h_net1.fc.0.weight")?;
    let [_, gf_dim, _, _] = state.shape("img_net1.img.0.weight")?;
    let condition_dim = rows / 4;
    let count = |key: &dyn Fn(usize) -> String| (0..).take_while(|i| state.has(&key(*i))).count();
    let config = GeneratorConfig {
        architecture,
        gf_dim,
        z_dim: inputs.saturating_sub(condition_dim),
        condition_dim,
        features,
        residual_blocks: count(&|i| format!("h_net2.residual.{i}.block.0.weight")),
        stages: count(&|i| format!("img_net{}.img.0.weight", i + 1)),
    };
    check_generator(&config).map_err(|error| of_file(error, &state.file))?;
    let file = state.file.clone();
    let generator = tensors::assign(config.init(&Device::flex()), state.rename(generator_key)?, &file)?;
    Ok((config, generator))
}

/// The same error about the sizes, of the file that they come from.
fn of_file(error: Error, file: &str) -> Error {
    match error {
        Error::BadModel { message, .. } => Error::bad_model(file, message),
        other => other,
    }
}

fn text_encoder_key(key: &str) -> Option<(String, Layout)> {
    let name = match key.strip_prefix("rnn.") {
        None if key == "encoder.weight" => "embedding.weight".to_string(),
        None => return None,
        Some(rest) => {
            let (name, direction) = match rest.strip_suffix("_l0_reverse") {
                Some(name) => (name, "backward"),
                None => (rest.strip_suffix("_l0")?, "forward"),
            };
            format!("{direction}.{name}")
        }
    };
    Some((name, Layout::Same))
}

/// Our key for PyTorch's, and whether the tensor has to be turned.
fn generator_key(key: &str) -> Option<(String, Layout)> {
    let same = |name: String| Some((name, Layout::Same));
    let linear = |name: String, field: &str| {
        let layout = if field == "weight" { Layout::Transposed } else { Layout::Same };
        Some((format!("{name}.{field}"), layout))
    };
    let parts: Vec<&str> = key.split('.').collect();
    match parts[..] {
        ["ca_net", "fc", field] => linear("ca.fc".into(), field),
        ["h_net1", "fc", "0", field] => linear("initial.fc".into(), field),
        ["h_net1", "fc", "1", field] => same(format!("initial.norm.{field}")),
        ["h_net1", block, part, field] => {
            let index = number_after(block, "upsample")?;
            same(format!("initial.upsample.{index}.{}.{field}", up_part(part)?))
        }
        [net, "img", "0", field] => same(format!("heads.{}.conv.{field}", number_after(net, "img_net")?)),
        [net, ref rest @ ..] => {
            // F_1 is `h_net2`, and the first of the refining stages.
            let stage = format!("refine.{}", number_after(net, "h_net")?.checked_sub(1)?);
            match *rest {
                ["att", "conv_context", field] => same(format!("{stage}.words.conv_context.{field}")),
                ["att", "conv_sentence_vis", field] => same(format!("{stage}.sentence.conv_sentence_vis.{field}")),
                ["att", "linear", field] => linear(format!("{stage}.sentence.linear"), field),
                ["conv", field] => same(format!("{stage}.merge.{field}")),
                ["upsample", part, field] => same(format!("{stage}.upsample.{}.{field}", up_part(part)?)),
                ["residual", block, "block", part, field] => {
                    let part = match part {
                        "0" => "conv1",
                        "1" => "norm1",
                        "3" => "conv2",
                        "4" => "norm2",
                        _ => return None,
                    };
                    same(format!("{stage}.residual.{block}.{part}.{field}"))
                }
                _ => None,
            }
        }
        [] => None,
    }
}

/// The index, counted from 0, of a name that PyTorch's code counts from 1.
fn number_after(name: &str, prefix: &str) -> Option<usize> {
    name.strip_prefix(prefix)?.parse::<usize>().ok()?.checked_sub(1)
}

/// The layers of an up-block: nearest ×2 has no weights.
fn up_part(number: &str) -> Option<&'static str> {
    match number {
        "1" => Some("conv"),
        "2" => Some("norm"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::path::Path;

    #[test]
    fn attngan_has_the_same_keys_without_sentence_attention() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/netG.pth");
        let state = State::read(&(&file).into(), &[]).unwrap();
        let more = ["att.linear", "att.conv_sentence_vis", "h_net2.conv.", "h_net3.conv."];
        let theirs = state.keys().filter(|key| !more.iter().any(|part| key.contains(part)));
        let found: std::collections::BTreeSet<String> = theirs.map(|key| generator_key(key).unwrap().0).collect();
        let config = GeneratorConfig { architecture: Architecture::AttnGan, gf_dim: 1, ..GeneratorConfig::default() };
        assert_eq!(found, tensors::shapes(&config.init(&Device::flex())).into_keys().collect());
    }

    #[test]
    fn keys_lead_to_our_fields() {
        let name = |key: &str| generator_key(key).map(|(name, _)| name);
        assert_eq!(generator_key("ca_net.fc.weight"), Some(("ca.fc.weight".into(), Layout::Transposed)));
        assert_eq!(name("h_net1.upsample4.2.running_var").as_deref(), Some("initial.upsample.3.norm.running_var"));
        assert_eq!(name("h_net3.residual.1.block.3.weight").as_deref(), Some("refine.1.residual.1.conv2.weight"));
        assert_eq!(name("img_net1.img.0.weight").as_deref(), Some("heads.0.conv.weight"));
        for unknown in ["", "h_net0.conv.weight", "h_net2.upsample.0.weight", "h_net1.upsampleX.1.weight", "discriminator.weight"] {
            assert_eq!(name(unknown), None, "{unknown}");
        }
    }
}
