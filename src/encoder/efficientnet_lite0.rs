//! EfficientNet-Lite0 (Tan and Le, ICML 2019, in the variant for mobile hardware): the frozen image encoder.
//!
//! Against EfficientNet-B0 the squeeze-and-excitation gates are gone and swish is ReLU6. The batch norms are folded into the
//! convolutions before them, which changes nothing in a network that is not trained any more and saves a pass over each feature map.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::nn::ops::relu6;
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

/// The sizes of an [`EfficientNetLite0`]; the defaults are the published ones.
#[derive(Debug, Clone, PartialEq)]
pub struct EfficientNetLite0Config {
    /// Times as many channels everywhere but in the head; for small test networks.
    pub width: f32,
    /// Values of the pooled features.
    pub features: usize,
    /// Classes of the classifier: 1000 for ImageNet, or none.
    pub classes: Option<usize>,
}

impl Default for EfficientNetLite0Config {
    fn default() -> Self {
        Self { width: 1.0, features: 1280, classes: None }
    }
}

impl EfficientNetLite0Config {
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
        STAGES.map(|group| self.channels(GROUPS[group].channels[1]))
    }

    /// The network with fresh weights, frozen.
    pub fn init(&self, device: &Device) -> EfficientNetLite0 {
        let mut blocks = Vec::new();
        let mut stages = Vec::new();
        for (index, group) in GROUPS.iter().enumerate() {
            let [input, output] = group.channels.map(|count| self.channels(count));
            for block in 0..group.blocks {
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
        let last = self.channels(GROUPS[GROUPS.len() - 1].channels[1]);
        EfficientNetLite0 {
            stem: conv([3, self.channels(GROUPS[0].channels[0])], 3, 2, 1, device),
            blocks,
            head: conv([last, self.features], 1, 1, 1, device),
            classifier: self.classes.map(|classes| LinearConfig::new(self.features, classes).init(device)),
            stages,
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
struct InvertedBottleneck {
    expand: Option<Conv2d>,
    depthwise: Conv2d,
    project: Conv2d,
    /// Whether the input is added to the output: in all but the first block of a group.
    residual: bool,
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

/// EfficientNet-Lite0 without its batch norms; see the module's text.
///
/// It is made frozen: gradients go through it to the picture, not into its weights.
#[derive(Module, Debug)]
pub struct EfficientNetLite0 {
    stem: Conv2d,
    blocks: Vec<InvertedBottleneck>,
    head: Conv2d,
    classifier: Option<Linear>,
    /// The blocks whose output is a stage.
    stages: Vec<usize>,
}

impl Lower for EfficientNetLite0 {}

impl EfficientNetLite0 {
    /// The published network with fresh weights and no classifier.
    pub fn new(device: &Device) -> Self {
        EfficientNetLite0Config::default().init(device)
    }

    /// A network `width` times as wide, head included, for tests.
    pub fn with_width(width: f32, device: &Device) -> Self {
        let features = EfficientNetLite0Config { width, ..EfficientNetLite0Config::default() }.channels(1280);
        EfficientNetLite0Config { width, features, classes: None }.init(device)
    }

    /// The features of pictures of any size, best a multiple of 32.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), as [`crate::stream::image::normalize`] gives them
    pub fn forward_features(&self, images: Tensor<4>) -> EfficientNetFeatures {
        let mut hidden = relu6(convolve(&self.stem, images));
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
        let network = EfficientNetLite0Config::default().with_classes(1000).init(&Device::flex());
        // 4,652,008 in the published network; each of its 49 batch norms has twice as many weights as the bias that is left.
        assert_eq!(network.num_params(), 4_652_008 - 21_008);
        assert_eq!(EfficientNetLite0Config::default().stage_channels(), [24, 40, 112, 320]);
    }

    #[test]
    fn stages_have_their_strides() {
        let device = Device::flex();
        let network = EfficientNetLite0::with_width(0.25, &device);
        let features = network.forward_features(Tensor::zeros([1, 3, 64, 64], &device));
        let shapes: Vec<_> = features.stages.iter().map(|stage| stage.dims()).collect();
        assert_eq!(shapes, [[1, 8, 16, 16], [1, 12, 8, 8], [1, 28, 4, 4], [1, 80, 2, 2]]);
        assert_eq!(features.last.dims(), [1, 320, 2, 2]);
        assert_eq!(features.pooled.dims(), [1, 320]);
    }

    #[test]
    fn gradients_reach_the_picture_but_no_weight() {
        let device = Device::flex().autodiff();
        let network = EfficientNetLite0::with_width(0.25, &device);
        let images = Tensor::<4>::ones([1, 3, 32, 32], &device).require_grad();
        let gradients = network.forward_features(images.clone()).pooled.sum().backward();
        assert!(images.grad(&gradients).is_some());
        assert!(network.stem.weight.val().grad(&gradients).is_none());
    }
}
