//! Inception-v3 (Szegedy et al., CVPR 2016), in the two variants whose weights are in use.
//!
//! DAMSM of AttnGAN and MirrorGAN takes regions and codes from torchvision's; FID, KID and IS are defined on the network that
//! TensorFlow published in 2015, which pools differently. Layers carry torchvision's names in lower case. The batch norms
//! (ε = 1e-3) are folded into the convolutions before them, and torchvision's auxiliary head, which only its training needs, is left out.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation::relu};

use super::inception_blocks::{InceptionA, InceptionB, InceptionC, InceptionD, InceptionE, Pool};
use super::layers::{conv, global_mean, max_pool, scaled};

/// Whose weights an [`InceptionV3`] has; the layers are the same, the pooling between them is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InceptionVariant {
    /// torchvision's `inception_v3`: 1000 classes; means of 3 × 3 count the zeros outside the picture.
    Torchvision,
    /// The TensorFlow graph of 5 December 2015 as pytorch-fid and torch-fidelity port it: 1008 classes; means of 3 × 3 leave out what is
    /// outside the picture, and the last block pools by maximum.
    Fid,
}

/// The sizes of an [`InceptionV3`]; the defaults are torchvision's.
#[derive(Debug, Clone, PartialEq)]
pub struct InceptionV3Config {
    /// How the blocks pool.
    pub variant: InceptionVariant,
    /// Times as many channels everywhere; for small test networks.
    pub width: f32,
    /// Classes of the classifier, or none.
    pub classes: Option<usize>,
}

impl Default for InceptionV3Config {
    fn default() -> Self {
        Self { variant: InceptionVariant::Torchvision, width: 1.0, classes: None }
    }
}

impl InceptionV3Config {
    /// The network with fresh weights, frozen.
    pub fn init(&self, device: &Device) -> InceptionV3 {
        let size = |count| scaled(count, self.width);
        let count_padding = self.variant == InceptionVariant::Torchvision;
        let mean = Pool::Mean { count_padding };
        let last = if count_padding { mean } else { Pool::Max };
        let start = |from: usize, to, kernel, stride, padding| {
            let from = if from == 3 { from } else { size(from) };
            conv([from, size(to)], [kernel; 2], stride, [padding; 2], device)
        };
        let mixed_5b = InceptionA::new(size(192), size(32), mean, self.width, device);
        let mixed_5c = InceptionA::new(mixed_5b.channels(), size(64), mean, self.width, device);
        let mixed_5d = InceptionA::new(mixed_5c.channels(), size(64), mean, self.width, device);
        let mixed_6a = InceptionB::new(mixed_5d.channels(), self.width, device);
        let mixed_6b = InceptionC::new(mixed_6a.channels(mixed_5d.channels()), size(128), mean, self.width, device);
        let mixed_6c = InceptionC::new(mixed_6b.channels(), size(160), mean, self.width, device);
        let mixed_6d = InceptionC::new(mixed_6c.channels(), size(160), mean, self.width, device);
        let mixed_6e = InceptionC::new(mixed_6d.channels(), size(192), mean, self.width, device);
        let mixed_7a = InceptionD::new(mixed_6e.channels(), self.width, device);
        let mixed_7b = InceptionE::new(mixed_7a.channels(mixed_6e.channels()), mean, self.width, device);
        let mixed_7c = InceptionE::new(mixed_7b.channels(), last, self.width, device);
        let code = mixed_7c.channels();
        InceptionV3 {
            conv2d_1a_3x3: start(3, 32, 3, 2, 0),
            conv2d_2a_3x3: start(32, 32, 3, 1, 0),
            conv2d_2b_3x3: start(32, 64, 3, 1, 1),
            conv2d_3b_1x1: start(64, 80, 1, 1, 0),
            conv2d_4a_3x3: start(80, 192, 3, 1, 0),
            mixed_5b,
            mixed_5c,
            mixed_5d,
            mixed_6a,
            mixed_6b,
            mixed_6c,
            mixed_6d,
            mixed_6e,
            mixed_7a,
            mixed_7b,
            mixed_7c,
            fc: self.classes.map(|classes| LinearConfig::new(code, classes).init(device)),
        }
        .freeze()
    }
}

/// What the network sees in pictures.
#[derive(Debug, Clone)]
pub struct InceptionFeatures {
    /// The last block at stride 8: (batch, 288, 35, 35) for pictures of 299 px.
    pub mixed_5d: Tensor<4>,
    /// The last block at stride 16, DAMSM's regions: (batch, 768, 17, 17).
    pub mixed_6e: Tensor<4>,
    /// The last block: (batch, 2048, 8, 8).
    pub mixed_7c: Tensor<4>,
    /// The mean of `mixed_7c` over its pixels, DAMSM's code and FID's `pool3`: (batch, 2048).
    pub pooled: Tensor<2>,
}

/// The scores of the classes, each (batch, classes).
#[derive(Debug, Clone)]
pub struct InceptionLogits {
    /// W x + b.
    pub logits: Tensor<2>,
    /// W x, which the inception score of torch-fidelity, and of the original code, is computed from.
    pub unbiased: Tensor<2>,
}

/// Inception-v3 without its batch norms; see the module's text.
///
/// It is made frozen: gradients go through it to the picture, not into its weights.
#[derive(Module, Debug)]
pub struct InceptionV3 {
    conv2d_1a_3x3: Conv2d,
    conv2d_2a_3x3: Conv2d,
    conv2d_2b_3x3: Conv2d,
    conv2d_3b_1x1: Conv2d,
    conv2d_4a_3x3: Conv2d,
    mixed_5b: InceptionA,
    mixed_5c: InceptionA,
    mixed_5d: InceptionA,
    mixed_6a: InceptionB,
    mixed_6b: InceptionC,
    mixed_6c: InceptionC,
    mixed_6d: InceptionC,
    mixed_6e: InceptionC,
    mixed_7a: InceptionD,
    mixed_7b: InceptionE,
    mixed_7c: InceptionE,
    fc: Option<Linear>,
}

impl InceptionV3 {
    /// Height and width of the pictures that the network was trained on.
    pub const IMAGE_SIZE: usize = 299;

    /// The features of pictures, best of 299 × 299 pixels and never below 75 × 75.
    ///
    /// Both variants take values in [−1, 1], as the generator draws: 2v/255 − 1 for 8-bit values v (pytorch-fid; torchvision with
    /// `transform_input=True` after ImageNet's mean and deviation comes to the same), or (v − 128)/128 (torch-fidelity, as the graph has
    /// it). Resizing is the caller's, by [`crate::stream::image::resize_bilinear`].
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w)
    pub fn forward_features(&self, images: Tensor<4>) -> InceptionFeatures {
        let hidden = relu(self.conv2d_1a_3x3.forward(images));
        let hidden = relu(self.conv2d_2a_3x3.forward(hidden));
        let hidden = max_pool(relu(self.conv2d_2b_3x3.forward(hidden)), 2, 0);
        let hidden = relu(self.conv2d_3b_1x1.forward(hidden));
        let hidden = max_pool(relu(self.conv2d_4a_3x3.forward(hidden)), 2, 0);
        let mixed_5d = self.mixed_5d.forward(self.mixed_5c.forward(self.mixed_5b.forward(hidden)));
        let hidden = self.mixed_6b.forward(self.mixed_6a.forward(mixed_5d.clone()));
        let mixed_6e = self.mixed_6e.forward(self.mixed_6d.forward(self.mixed_6c.forward(hidden)));
        let mixed_7c = self.mixed_7c.forward(self.mixed_7b.forward(self.mixed_7a.forward(mixed_6e.clone())));
        let pooled = global_mean(mixed_7c.clone());
        InceptionFeatures { mixed_5d, mixed_6e, mixed_7c, pooled }
    }

    /// The scores of the classes from [`InceptionFeatures::pooled`]; none without a classifier.
    ///
    /// # Shapes
    /// - pooled: (batch, [`InceptionV3::features`])
    /// - output: (batch, [`InceptionV3::classes`]) each
    pub fn classify(&self, pooled: Tensor<2>) -> Option<InceptionLogits> {
        let fc = self.fc.as_ref()?;
        let unbiased = pooled.matmul(fc.weight.val());
        let logits = match &fc.bias {
            Some(bias) => unbiased.clone() + bias.val().unsqueeze(),
            None => unbiased.clone(),
        };
        Some(InceptionLogits { logits, unbiased })
    }

    /// Classes of the classifier.
    pub fn classes(&self) -> Option<usize> {
        self.fc.as_ref().map(|fc| fc.weight.lazy_shape()[1])
    }

    /// The same network without its classifier.
    pub fn without_classifier(self) -> Self {
        Self { fc: None, ..self }
    }

    /// Values of the pooled features.
    pub fn features(&self) -> usize {
        self.mixed_7c.channels()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_sizes() {
        let config = InceptionV3Config { classes: Some(1000), ..InceptionV3Config::default() };
        let network = config.init(&Device::flex());
        // 27,161,264 weights in torchvision, 3,326,696 of them in the auxiliary head; of the 94 other batch norms, whose 17,216 channels
        // have twice as many weights, the biases are left.
        assert_eq!(network.num_params(), 27_161_264 - 3_326_696 - 17_216);
        assert_eq!(network.features(), 2048);
    }

    #[test]
    fn features_have_their_shapes_and_gradients_reach_the_picture() {
        let device = Device::flex().autodiff();
        let network = InceptionV3Config { width: 1.0 / 32.0, ..InceptionV3Config::default() }.init(&device);
        let images = Tensor::<4>::ones([1, 3, 75, 75], &device).require_grad();
        let features = network.forward_features(images.clone());
        assert_eq!(features.mixed_5d.dims(), [1, 9, 7, 7]);
        assert_eq!(features.mixed_6e.dims(), [1, 24, 3, 3]);
        assert_eq!(features.mixed_7c.dims(), [1, 64, 1, 1]);
        assert_eq!(features.pooled.dims(), [1, 64]);
        let gradients = features.pooled.sum().backward();
        assert!(images.grad(&gradients).is_some());
        assert!(network.conv2d_1a_3x3.weight.val().grad(&gradients).is_none());
    }
}
