//! Any of the image encoders, and what is said about it in recipes and model folders.

#[cfg(not(target_arch = "wasm32"))]
use std::collections::BTreeMap;
use std::fmt;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{EfficientNetLite, EfficientNetLiteConfig, Lite};
#[cfg(not(target_arch = "wasm32"))]
use super::{InceptionV3, InceptionV3Config, ResNet, ResNetConfig, ResNetDepth};
use crate::stream::image::{normalize, resize_bilinear};
use crate::{Error, Result};

/// Which network an [`ImageEncoder`] is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderKind {
    /// EfficientNet-Lite0, small enough to be shipped with a model.
    #[default]
    EfficientnetLite0,
    /// EfficientNet-Lite1.
    EfficientnetLite1,
    /// EfficientNet-Lite2.
    EfficientnetLite2,
    /// torchvision's Inception-v3, the published encoder of DAMSM.
    InceptionV3,
    /// torchvision's ResNet-18.
    #[serde(rename = "resnet-18")]
    Resnet18,
    /// torchvision's ResNet-34.
    #[serde(rename = "resnet-34")]
    Resnet34,
    /// torchvision's ResNet-50.
    #[serde(rename = "resnet-50")]
    Resnet50,
    /// torchvision's ResNet-101.
    #[serde(rename = "resnet-101")]
    Resnet101,
    /// torchvision's ResNet-152, the published encoder of STREAM.
    #[serde(rename = "resnet-152")]
    Resnet152,
}

impl fmt::Display for EncoderKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl EncoderKind {
    /// The name in recipes, model folders and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::EfficientnetLite0 => "efficientnet-lite0",
            Self::EfficientnetLite1 => "efficientnet-lite1",
            Self::EfficientnetLite2 => "efficientnet-lite2",
            Self::InceptionV3 => "inception-v3",
            Self::Resnet18 => "resnet-18",
            Self::Resnet34 => "resnet-34",
            Self::Resnet50 => "resnet-50",
            Self::Resnet101 => "resnet-101",
            Self::Resnet152 => "resnet-152",
        }
    }

    /// What `mirrorgan import` is called with to make its file.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn import_command(self) -> &'static str {
        if self.lite().is_some() {
            "efficientnet-lite"
        } else if self.depth().is_some() {
            "resnet"
        } else {
            self.name()
        }
    }

    /// Height and width, in pixels, of the pictures that the published network was trained or tested on; of EfficientNet-Lite1 (240) and
    /// Lite2 (260) the nearest that their strides divide.
    pub fn image_size(self) -> usize {
        match self {
            Self::InceptionV3 => 299,
            Self::EfficientnetLite1 | Self::EfficientnetLite2 => 256,
            _ => 224,
        }
    }

    /// Whether pictures may have this height and width, or what is allowed.
    ///
    /// # Errors
    /// What is allowed, in words.
    pub fn check_image_size(self, size: usize) -> std::result::Result<(), &'static str> {
        match self {
            // Smaller ones leave nothing of the last blocks, which do not pad.
            Self::InceptionV3 if (75..=1024).contains(&size) => Ok(()),
            Self::InceptionV3 => Err("75 to 1024 pixels"),
            _ if size.is_multiple_of(32) && (32..=1024).contains(&size) => Ok(()),
            _ => Err("a multiple of 32, at most 1024 pixels"),
        }
    }

    /// Strides of the stages that regions can be taken from.
    pub fn strides(self) -> &'static [usize] {
        if self == Self::InceptionV3 { &[8, 16, 32] } else { &[4, 8, 16, 32] }
    }

    /// The network that tensors with these names and shapes are of.
    ///
    /// # Errors
    /// [`Error::BadModel`], for `file`, when they are of none.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of(shapes: &BTreeMap<String, Vec<usize>>, file: &str) -> Result<Self> {
        let has = |wanted: &str| shapes.contains_key(wanted);
        if has("mixed_6e.branch1x1.weight") {
            return Ok(Self::InceptionV3);
        }
        if let (Some([first, ..]), Some([_, last, ..])) =
            (shapes.get("stem.weight").map(Vec::as_slice), shapes.get("head.weight").map(Vec::as_slice))
        {
            let blocks = (0..).take_while(|block| has(&format!("blocks.{block}.depthwise.weight"))).count();
            if let Some(lite) = Lite::of(blocks, *first, *last) {
                return Ok(Self::of_lite(lite));
            }
        }
        let blocks = [1, 2, 3, 4].map(|layer| (0..).take_while(|block| has(&format!("layer{layer}.{block}.conv1.weight"))).count());
        if let Some(depth) = ResNetDepth::of(blocks, has("layer1.0.conv3.weight")) {
            return Ok(Self::of_depth(depth));
        }
        let (first, count) = (shapes.keys().next().map_or("nothing", String::as_str), shapes.len());
        Err(Error::bad_model(
            file,
            format!("holds {count} tensors, such as {first}, and is none of the image encoders, imported from PyTorch's files"),
        ))
    }

    /// The EfficientNet-Lite of a kind.
    pub fn of_lite(lite: Lite) -> Self {
        match lite {
            Lite::Lite0 => Self::EfficientnetLite0,
            Lite::Lite1 => Self::EfficientnetLite1,
            Lite::Lite2 => Self::EfficientnetLite2,
        }
    }

    /// Which EfficientNet-Lite it is, if it is one.
    pub fn lite(self) -> Option<Lite> {
        Lite::ALL.into_iter().find(|lite| Self::of_lite(*lite) == self)
    }

    /// The ResNet of a depth.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of_depth(depth: ResNetDepth) -> Self {
        match depth {
            ResNetDepth::D18 => Self::Resnet18,
            ResNetDepth::D34 => Self::Resnet34,
            ResNetDepth::D50 => Self::Resnet50,
            ResNetDepth::D101 => Self::Resnet101,
            ResNetDepth::D152 => Self::Resnet152,
        }
    }

    /// The depth, of a ResNet.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn depth(self) -> Option<ResNetDepth> {
        ResNetDepth::ALL.into_iter().find(|depth| Self::of_depth(*depth) == self)
    }
}

/// The sizes of an [`ImageEncoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct ImageEncoderConfig {
    /// Which network.
    pub kind: EncoderKind,
    /// Times as many channels; 1 but for small test networks.
    pub width: f32,
    /// Values of EfficientNet-Lite0's pooled features; those of the other networks follow from the width. None for the usual ones.
    pub features: Option<usize>,
}

impl ImageEncoderConfig {
    /// `kind` at a width.
    pub fn new(kind: EncoderKind, width: f32) -> Self {
        Self { kind, width, features: None }
    }

    /// The network with fresh weights, frozen and without a classifier.
    ///
    /// # Errors
    /// [`Error::BadInput`] in a browser for all but EfficientNet-Lite0.
    pub fn init(&self, device: &Device) -> Result<ImageEncoder> {
        match self.kind.lite() {
            Some(lite) => {
                let config = EfficientNetLiteConfig::narrow(lite, self.width);
                let features = self.features.unwrap_or(config.features);
                Ok(ImageEncoder::EfficientNetLite(EfficientNetLiteConfig { features, ..config }.init(device)))
            }
            None => self.init_other(self.kind, device),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn init_other(&self, kind: EncoderKind, device: &Device) -> Result<ImageEncoder> {
        Ok(match kind.depth() {
            Some(depth) => ImageEncoder::ResNet(ResNetConfig { width: self.width, ..ResNetConfig::new(depth) }.init(device)),
            None => ImageEncoder::InceptionV3(InceptionV3Config { width: self.width, ..InceptionV3Config::default() }.init(device)),
        })
    }

    #[cfg(target_arch = "wasm32")]
    fn init_other(&self, kind: EncoderKind, _device: &Device) -> Result<ImageEncoder> {
        Err(Error::BadInput(format!(
            "this model describes pictures from {kind}, which the browser module does not have: it has {}; \
             describe pictures with the native program, or train STREAM on the latter",
            EncoderKind::default()
        )))
    }
}

/// Features that a network has at one height and width.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The published name of the last block before.
    pub name: &'static str,
    /// Pixels of the picture for each of the stage, but for what unpadded convolutions take off the edges.
    pub stride: usize,
    /// (batch, channels, h, w).
    pub features: Tensor<4>,
}

/// What an image encoder sees in pictures.
#[derive(Debug, Clone)]
pub struct EncoderFeatures {
    /// The largest first.
    pub stages: Vec<Stage>,
    /// The mean of the last features over their pixels, (batch, channels).
    pub pooled: Tensor<2>,
}

impl EncoderFeatures {
    /// The features of the stage with this stride, where there is one.
    ///
    /// # Shapes
    /// - output: (batch, channels, size / stride, size / stride) for pictures of `size` pixels; of Inception-v3, which does not pad its first
    ///   convolutions, a little smaller
    pub fn at_stride(&self, stride: usize) -> Option<Tensor<4>> {
        self.stages.iter().find(|stage| stage.stride == stride).map(|stage| stage.features.clone())
    }
}

/// Strides of EfficientNet's and ResNet's stages.
const STRIDES: [usize; 4] = [4, 8, 16, 32];

/// A frozen network that has learned to see.
// Few are ever made, and a box would hide them from `Module`.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub enum ImageEncoder {
    /// Lite0 is the one that is shipped.
    EfficientNetLite(EfficientNetLite),
    /// torchvision's.
    #[cfg(not(target_arch = "wasm32"))]
    InceptionV3(InceptionV3),
    /// torchvision's.
    #[cfg(not(target_arch = "wasm32"))]
    ResNet(ResNet),
}

impl ImageEncoder {
    /// What the network sees in pictures that are brought to `size` × `size` and to the range that it was trained on.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    /// - output: as [`EncoderFeatures`] has them
    pub fn forward(&self, images: Tensor<4>, size: usize) -> EncoderFeatures {
        let images = resize_bilinear(images, size);
        match self {
            Self::EfficientNetLite(network) => {
                let found = network.forward_features(normalize(images));
                named(found.stages, found.pooled)
            }
            #[cfg(not(target_arch = "wasm32"))]
            Self::ResNet(network) => {
                let found = network.forward_features(ResNet::normalize(images));
                stages(["layer1", "layer2", "layer3", "layer4"], found.layers.into(), found.pooled)
            }
            #[cfg(not(target_arch = "wasm32"))]
            Self::InceptionV3(network) => {
                let found = network.forward_features(images);
                let stage = |name, stride, features| Stage { name, stride, features };
                EncoderFeatures {
                    stages: vec![
                        stage("Mixed_5d", 8, found.mixed_5d),
                        stage("Mixed_6e", 16, found.mixed_6e),
                        stage("Mixed_7c", 32, found.mixed_7c),
                    ],
                    pooled: found.pooled,
                }
            }
        }
    }

    /// Values of the pooled features.
    pub fn features(&self) -> usize {
        match self {
            Self::EfficientNetLite(network) => network.features(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::InceptionV3(network) => network.features(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::ResNet(network) => network.features(),
        }
    }

    /// Which network it is.
    pub fn kind(&self) -> EncoderKind {
        match self {
            Self::EfficientNetLite(network) => EncoderKind::of_lite(network.lite()),
            #[cfg(not(target_arch = "wasm32"))]
            Self::InceptionV3(_) => EncoderKind::InceptionV3,
            #[cfg(not(target_arch = "wasm32"))]
            Self::ResNet(network) => network.depth().map_or(EncoderKind::Resnet152, EncoderKind::of_depth),
        }
    }
}

/// The stages of an EfficientNet-Lite.
pub(super) fn named(found: Vec<Tensor<4>>, pooled: Tensor<2>) -> EncoderFeatures {
    stages(["stride 4", "stride 8", "stride 16", "stride 32"], found, pooled)
}

fn stages(names: [&'static str; 4], stages: Vec<Tensor<4>>, pooled: Tensor<2>) -> EncoderFeatures {
    let stages = names.into_iter().zip(STRIDES).zip(stages).map(|((name, stride), features)| Stage { name, stride, features });
    EncoderFeatures { stages: stages.collect(), pooled }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensors;

    const ALL: [EncoderKind; 9] = [
        EncoderKind::EfficientnetLite0,
        EncoderKind::EfficientnetLite1,
        EncoderKind::EfficientnetLite2,
        EncoderKind::InceptionV3,
        EncoderKind::Resnet18,
        EncoderKind::Resnet34,
        EncoderKind::Resnet50,
        EncoderKind::Resnet101,
        EncoderKind::Resnet152,
    ];

    #[test]
    fn every_encoder_is_known_by_its_name_and_by_its_tensors() {
        let device = Device::flex();
        for kind in ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            // As narrow as can be told apart.
            let width = if kind.lite().is_some() { 1.0 / 8.0 } else { 1.0 / 32.0 };
            let encoder = ImageEncoderConfig::new(kind, width).init(&device).unwrap();
            assert_eq!(encoder.kind(), kind);
            let shapes = tensors::shapes(&encoder);
            assert_eq!(EncoderKind::of(&shapes, "x").unwrap(), kind);
            let found = encoder.forward(Tensor::zeros([1, 3, 32, 32], &device), 96);
            assert_eq!(found.stages.iter().map(|stage| stage.stride).collect::<Vec<_>>(), kind.strides());
        }
        let error = EncoderKind::of(&BTreeMap::from([("rnn.weight".to_string(), vec![1])]), "text.safetensors").unwrap_err().to_string();
        assert!(error.contains("text.safetensors") && error.contains("rnn.weight"), "{error}");
    }
}
