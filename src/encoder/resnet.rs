//! ResNet-18 to ResNet-152 (He et al., CVPR 2016) as torchvision has them: in bottlenecks the 3 × 3 convolution has the stride ("v1.5").
//!
//! MirrorGAN's STREAM describes pictures from the pooled features of ResNet-152. Layers carry torchvision's names; the batch norms
//! (ε = 1e-5) are folded into the convolutions before them.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation::relu};

use super::layers::{conv, global_mean, max_pool, scaled};

/// Mean and deviation of ImageNet's red, green and blue, of values in [0, 1].
const IMAGENET: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// How many layers a [`ResNet`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResNetDepth {
    /// 18 layers.
    D18,
    /// 34 layers.
    D34,
    /// 50 layers.
    D50,
    /// 101 layers.
    D101,
    /// 152 layers.
    D152,
}

impl ResNetDepth {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::D18, Self::D34, Self::D50, Self::D101, Self::D152];

    /// Blocks of each of the four groups (table 1 of the paper).
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::D18 => [2, 2, 2, 2],
            Self::D34 | Self::D50 => [3, 4, 6, 3],
            Self::D101 => [3, 4, 23, 3],
            Self::D152 => [3, 8, 36, 3],
        }
    }

    /// Whether a block is 1×1, 3×3, 1×1 with four times the channels at its end, and not 3×3, 3×3.
    pub fn bottleneck(self) -> bool {
        !matches!(self, Self::D18 | Self::D34)
    }

    /// The depth of a network with such blocks.
    pub fn of(blocks: [usize; 4], bottleneck: bool) -> Option<Self> {
        Self::ALL.into_iter().find(|depth| depth.blocks() == blocks && depth.bottleneck() == bottleneck)
    }
}

/// The sizes of a [`ResNet`].
#[derive(Debug, Clone, PartialEq)]
pub struct ResNetConfig {
    /// How many layers.
    pub depth: ResNetDepth,
    /// Times as many channels everywhere; for small test networks.
    pub width: f32,
    /// Classes of the classifier, or none.
    pub classes: Option<usize>,
}

impl ResNetConfig {
    /// The published network without its classifier.
    pub fn new(depth: ResNetDepth) -> Self {
        Self { depth, width: 1.0, classes: None }
    }

    /// The network with fresh weights, frozen.
    pub fn init(&self, device: &Device) -> ResNet {
        let expansion = if self.depth.bottleneck() { 4 } else { 1 };
        let mut channels = scaled(64, self.width);
        let conv1 = conv([3, channels], [7, 7], 2, [3, 3], device);
        let mut group = |index: usize, count: usize| -> Vec<Block> {
            let inner = scaled(64 << index, self.width);
            let outer = inner * expansion;
            (0..count)
                .map(|block| {
                    let stride = if block == 0 && index > 0 { 2 } else { 1 };
                    let from = std::mem::replace(&mut channels, outer);
                    Block::new([from, inner, outer], stride, self.depth.bottleneck(), device)
                })
                .collect()
        };
        let blocks = self.depth.blocks();
        let [layer1, layer2, layer3, layer4] = std::array::from_fn(|index| group(index, blocks[index]));
        let features = channels;
        ResNet { conv1, layer1, layer2, layer3, layer4, fc: self.classes.map(|classes| LinearConfig::new(features, classes).init(device)) }
            .freeze()
    }
}

/// ReLU(x + F(x)), x through a 1×1 convolution where its shape changes.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    conv2: Conv2d,
    /// In bottlenecks.
    conv3: Option<Conv2d>,
    downsample: Option<Conv2d>,
}

impl Block {
    fn new([from, inner, outer]: [usize; 3], stride: usize, bottleneck: bool, device: &Device) -> Self {
        let downsample = (stride != 1 || from != outer).then(|| conv([from, outer], [1, 1], stride, [0, 0], device));
        if bottleneck {
            Self {
                conv1: conv([from, inner], [1, 1], 1, [0, 0], device),
                conv2: conv([inner, inner], [3, 3], stride, [1, 1], device),
                conv3: Some(conv([inner, outer], [1, 1], 1, [0, 0], device)),
                downsample,
            }
        } else {
            Self {
                conv1: conv([from, inner], [3, 3], stride, [1, 1], device),
                conv2: conv([inner, inner], [3, 3], 1, [1, 1], device),
                conv3: None,
                downsample,
            }
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let mut hidden = self.conv2.forward(relu(self.conv1.forward(input.clone())));
        if let Some(conv3) = &self.conv3 {
            hidden = conv3.forward(relu(hidden));
        }
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(input),
            None => input,
        };
        relu(hidden + shortcut)
    }
}

/// What the network sees in pictures.
#[derive(Debug, Clone)]
pub struct ResNetFeatures {
    /// After `layer1` to `layer4`, at strides 4, 8, 16 and 32.
    pub layers: [Tensor<4>; 4],
    /// The mean of the last over its pixels: (batch, 512), or (batch, 2048) from 50 layers on.
    pub pooled: Tensor<2>,
}

/// A ResNet without its batch norms; see the module's text.
///
/// It is made frozen: gradients go through it to the picture, not into its weights.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    fc: Option<Linear>,
}

impl ResNet {
    /// Height and width of the pictures that the published networks are tested with.
    pub const IMAGE_SIZE: usize = 224;

    /// From [−1, 1] to what torchvision's weights were trained on: values in [0, 1] less ImageNet's mean, by its deviation.
    ///
    /// The public code of MirrorGAN hands the generator's output to ResNet as it is, which ResNet was not trained on.
    ///
    /// # Shapes
    /// - images and output: (batch, 3, h, w)
    pub fn normalize(images: Tensor<4>) -> Tensor<4> {
        let device = images.device();
        let channels = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device).reshape([1, 3, 1, 1]);
        let scale = IMAGENET.map(|(_, deviation)| 0.5 / deviation);
        let shift = IMAGENET.map(|(mean, deviation)| (0.5 - mean) / deviation);
        images * channels(scale) + channels(shift)
    }

    /// The features of pictures of any size, best a multiple of 32.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), as [`ResNet::normalize`] gives them
    pub fn forward_features(&self, images: Tensor<4>) -> ResNetFeatures {
        let run = |layer: &[Block], input: Tensor<4>| layer.iter().fold(input, |hidden, block| block.forward(hidden));
        let layer1 = run(&self.layer1, max_pool(relu(self.conv1.forward(images)), 2, 1));
        let layer2 = run(&self.layer2, layer1.clone());
        let layer3 = run(&self.layer3, layer2.clone());
        let layer4 = run(&self.layer4, layer3.clone());
        let pooled = global_mean(layer4.clone());
        ResNetFeatures { layers: [layer1, layer2, layer3, layer4], pooled }
    }

    /// The scores of the classes from [`ResNetFeatures::pooled`], (batch, classes); none without a classifier.
    pub fn classify(&self, pooled: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.fc.as_ref()?.forward(pooled))
    }

    /// Which of the networks it is.
    pub fn depth(&self) -> Option<ResNetDepth> {
        let groups = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        ResNetDepth::of(groups.map(Vec::len), self.layer1.first().is_some_and(|block| block.conv3.is_some()))
    }

    /// Values of the pooled features.
    pub fn features(&self) -> usize {
        let last = self.layer4.last().map(|block| block.conv3.as_ref().unwrap_or(&block.conv2));
        last.map_or(0, |conv| conv.weight.lazy_shape()[0])
    }

    /// The same network without its classifier.
    pub fn without_classifier(self) -> Self {
        Self { fc: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_sizes() {
        // torchvision's counts; each channel of a batch norm has two weights, of which one bias is left.
        let published = [
            (ResNetDepth::D18, 11_689_512, 4_800),
            (ResNetDepth::D34, 21_797_672, 8_512),
            (ResNetDepth::D50, 25_557_032, 26_560),
            (ResNetDepth::D101, 44_549_160, 52_672),
            (ResNetDepth::D152, 60_192_808, 75_712),
        ];
        for (depth, count, channels) in published {
            let network = ResNetConfig { classes: Some(1000), ..ResNetConfig::new(depth) }.init(&Device::flex());
            assert_eq!(network.num_params(), count - channels, "{depth:?}");
            assert_eq!(network.depth(), Some(depth));
        }
    }

    #[test]
    fn layers_have_their_strides_and_gradients_reach_the_picture() {
        let device = Device::flex().autodiff();
        let network = ResNetConfig { width: 1.0 / 16.0, ..ResNetConfig::new(ResNetDepth::D50) }.init(&device);
        let images = Tensor::<4>::ones([1, 3, 64, 64], &device).require_grad();
        let features = network.forward_features(images.clone());
        assert_eq!(features.layers.each_ref().map(Tensor::dims), [[1, 16, 16, 16], [1, 32, 8, 8], [1, 64, 4, 4], [1, 128, 2, 2]]);
        let gradients = features.pooled.sum().backward();
        assert!(images.grad(&gradients).is_some());
        assert!(network.conv1.weight.val().grad(&gradients).is_none());
    }

    #[test]
    fn pictures_are_normalized_as_imagenets() {
        let device = Device::flex();
        let found: Vec<f32> = ResNet::normalize(Tensor::ones([1, 3, 1, 1], &device)).into_data().try_to_vec().unwrap();
        for (found, expected) in found.into_iter().zip([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225]) {
            assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
        }
    }
}
