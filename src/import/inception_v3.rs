//! Inception-v3 from torchvision's state dict, or from that of the port that FID is measured with; both have the same keys.

use burn::module::Module;
use burn::tensor::Device;

use super::checkpoint::Checkpoint;
use super::fold::fold;
use super::state::State;
use crate::encoder::{InceptionV3, InceptionV3Config, InceptionVariant};
use crate::model::tensors::{self, Tensors};
use crate::{Error, Result};

/// ε of the network's batch norms.
const EPSILON: f64 = 1e-3;

/// Reads the published network with its classifier: torchvision's `inception_v3_google-*.pth`, or the FID port,
/// `pt_inception-2015-12-05-*.pth` or `weights-inception-2015-12-05-*.pth`.
///
/// # Errors
/// As [`inception_v3`]; [`Error::BadModel`] when the classes are the other variant's.
pub fn published_inception_v3<'a>(
    file: impl Into<Checkpoint<'a>>,
    variant: InceptionVariant,
    device: &Device,
) -> Result<InceptionV3> {
    let file = file.into();
    let network = inception_v3(file, variant, 1.0)?;
    let expected = if variant == InceptionVariant::Fid { 1008 } else { 1000 };
    match network.classes() {
        Some(found) if found == expected => Ok(network.to_device(device)),
        found => {
            let message = format!("fc.weight has {} classes; expected {expected}, as {variant:?} has", found.unwrap_or(0));
            Err(Error::bad_model(file.path.display().to_string(), message))
        }
    }
}

/// Reads the network with its classifier, and folds its batch norms into the convolutions before them. torchvision's auxiliary head
/// (`AuxLogits`) is left out.
///
/// `width` is 1 for the published networks; the number of classes is that of `fc.weight`.
///
/// # Errors
/// [`Error::BadModel`] when a tensor is missing, left over or of another shape; [`Error::Io`].
pub fn inception_v3<'a>(file: impl Into<Checkpoint<'a>>, variant: InceptionVariant, width: f32) -> Result<InceptionV3> {
    let mut state = State::read(&file.into(), &["Conv2d_1a_3x3.conv.weight", "fc.weight"])?;
    if variant == InceptionVariant::Torchvision {
        state.discard(|key| key.starts_with("AuxLogits."));
    }
    let mut ours = Tensors::new();
    let layers: Vec<String> = state.keys().filter_map(|key| key.strip_suffix(".conv.weight")).map(String::from).collect();
    for layer in layers {
        let name = layer.to_lowercase();
        fold(&mut state, &mut ours, EPSILON, &format!("{layer}.conv"), &format!("{layer}.bn"), &name)?;
    }
    let [classes, _] = state.take_linear("fc", &mut ours, "fc")?;
    state.finish("Inception-v3")?;
    let config = InceptionV3Config { variant, width, classes: Some(classes) };
    tensors::assign(config.init(&Device::flex()), ours, &state.file)
}
