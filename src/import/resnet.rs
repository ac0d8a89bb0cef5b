//! ResNet from torchvision's state dict, such as `resnet152-*.pth`; which of the networks it is follows from its layers.

use burn::tensor::Device;

use super::checkpoint::Checkpoint;
use super::fold::fold;
use super::state::State;
use crate::encoder::{ResNet, ResNetConfig, ResNetDepth};
use crate::model::tensors::{self, Tensors};
use crate::{Error, Result};

/// ε of the network's batch norms.
const EPSILON: f64 = 1e-5;

/// Reads the network with its classifier, and folds its batch norms into the convolutions before them.
///
/// `width` is 1 for the published networks; the number of classes is that of `fc.weight`.
///
/// # Errors
/// [`Error::BadModel`] when the layers are of none of the five networks, or a tensor is missing, left over or of another shape;
/// [`Error::Io`].
pub fn resnet<'a>(file: impl Into<Checkpoint<'a>>, width: f32) -> Result<ResNet> {
    let mut state = State::read(&file.into(), &["conv1.weight", "layer1.0.conv1.weight", "fc.weight"])?;
    let blocks = [1, 2, 3, 4].map(|layer| (0..).take_while(|block| state.has(&format!("layer{layer}.{block}.conv1.weight"))).count());
    let bottleneck = state.has("layer1.0.conv3.weight");
    let depth = ResNetDepth::of(blocks, bottleneck).ok_or_else(|| {
        let kind = if bottleneck { "bottlenecks" } else { "plain blocks" };
        let expected = ResNetDepth::ALL.map(|depth| format!("{:?}", depth.blocks())).join(", ");
        Error::bad_model(&state.file, format!("has {blocks:?} {kind} in layer1 to layer4; expected those of a ResNet: {expected}"))
    })?;
    let mut ours = Tensors::new();
    fold(&mut state, &mut ours, EPSILON, "conv1", "bn1", "conv1")?;
    for (layer, count) in blocks.into_iter().enumerate() {
        for block in (0..count).map(|block| format!("layer{}.{block}", layer + 1)) {
            for conv in 1..=if bottleneck { 3 } else { 2 } {
                let name = format!("{block}.conv{conv}");
                fold(&mut state, &mut ours, EPSILON, &name, &format!("{block}.bn{conv}"), &name)?;
            }
            let downsample = format!("{block}.downsample");
            if state.has(&format!("{downsample}.0.weight")) {
                fold(&mut state, &mut ours, EPSILON, &format!("{downsample}.0"), &format!("{downsample}.1"), &downsample)?;
            }
        }
    }
    let [classes, _] = state.take_linear("fc", &mut ours, "fc")?;
    state.finish("a ResNet")?;
    let config = ResNetConfig { depth, width, classes: Some(classes) };
    tensors::assign(config.init(&Device::flex()), ours, &state.file)
}
