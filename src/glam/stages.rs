//! The stages: F_0 draws 64 px features from noise and the sentence, F_i doubles them under attention, G_i turns features into a
//! picture (paper, eq. 2).

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};

use super::attention::{SentenceAttention, WordAttention};
use super::generator::{Architecture, GeneratorConfig};
use crate::nn::{BatchNorm, BatchNormConfig, ResidualBlock, UpBlock, conv1x1, conv3x3, convolve, glu};
use crate::stem::TextFeatures;

/// Height and width of the features that noise is turned into first.
const BASE_SIZE: usize = 4;

/// F_0: condition and noise to features of 64 × 64.
#[derive(Module, Debug)]
pub struct InitialStage {
    fc: Linear,
    norm: BatchNorm,
    pub(super) upsample: Vec<UpBlock>,
}

impl InitialStage {
    /// The stage with fresh weights.
    pub fn new(config: &GeneratorConfig, device: &Device) -> Self {
        let first = 16 * config.gf_dim;
        let values = 2 * first * BASE_SIZE * BASE_SIZE;
        Self {
            fc: LinearConfig::new(config.z_dim + config.condition_dim, values).with_bias(false).init(device),
            norm: BatchNormConfig::new(values).init(device),
            upsample: (0..4).map(|i| UpBlock::new(first >> i, first >> (i + 1), device)).collect(),
        }
    }

    /// # Shapes
    /// - condition: (batch, condition_dim); noise: (batch, z_dim)
    /// - output: (batch, gf_dim, 64, 64)
    pub fn forward(&self, condition: Tensor<2>, noise: Tensor<2>) -> Tensor<4> {
        let start = self.start(condition, noise);
        self.upsample.iter().fold(start, |features, block| block.forward(features))
    }

    /// What [`InitialStage::start`] needs, without the blocks behind it.
    pub(super) fn without_blocks(&self) -> Self {
        Self { fc: self.fc.clone(), norm: self.norm.clone(), upsample: Vec::new() }
    }

    /// The features that are doubled to 64 × 64, (batch, 16 · gf_dim, 4, 4).
    pub(super) fn start(&self, condition: Tensor<2>, noise: Tensor<2>) -> Tensor<4> {
        // The weights' type decides in which one the picture is drawn.
        let input = Tensor::cat(vec![condition, noise], 1).cast(self.fc.weight.val().dtype());
        let values = glu(self.norm.forward(self.fc.forward(input)));
        let [batch, count] = values.dims();
        values.reshape([batch, count / (BASE_SIZE * BASE_SIZE), BASE_SIZE, BASE_SIZE])
    }
}

/// What a refining stage gives on.
#[derive(Debug, Clone)]
pub struct StageOutput {
    /// (batch, gf_dim, 2h, 2w).
    pub features: Tensor<4>,
    /// How much each pixel of the *input* features looked at each word, (batch, words, h, w); none without word attention.
    pub attention: Option<Tensor<4>>,
}

/// F_i: features to features of twice the size, under attention.
#[derive(Module, Debug)]
pub struct RefineStage {
    pub(super) words: Option<WordAttention>,
    pub(super) sentence: Option<SentenceAttention>,
    /// MirrorGAN: 1×1 from features, words and sentence to the residual blocks' channels. StackGAN++: 3×3 from features and the
    /// tiled condition, with `merge_norm` and GLU. AttnGAN has none.
    pub(super) merge: Option<Conv2d>,
    pub(super) merge_norm: Option<BatchNorm>,
    pub(super) residual: Vec<ResidualBlock>,
    pub(super) upsample: UpBlock,
}

impl RefineStage {
    /// The stage with fresh weights.
    pub fn new(config: &GeneratorConfig, device: &Device) -> Self {
        let channels = config.gf_dim;
        let words = || WordAttention::new(config.features, channels, device);
        let (words, sentence, merge, merge_norm) = match config.architecture {
            Architecture::MirrorGan => (
                Some(words()),
                Some(SentenceAttention::new(config.condition_dim, channels, device)),
                Some(conv1x1(3 * channels, 2 * channels, device)),
                None,
            ),
            Architecture::AttnGan => (Some(words()), None, None, None),
            Architecture::StackGan => (
                None,
                None,
                Some(conv3x3(channels + config.condition_dim, 4 * channels, device)),
                Some(BatchNormConfig::new(4 * channels).init(device)),
            ),
        };
        Self {
            words,
            sentence,
            merge,
            merge_norm,
            residual: (0..config.residual_blocks).map(|_| ResidualBlock::new(2 * channels, device)).collect(),
            upsample: UpBlock::new(2 * channels, channels, device),
        }
    }

    /// # Shapes
    /// - features: (batch, gf_dim, h, w); condition: (batch, condition_dim)
    pub fn forward(&self, features: Tensor<4>, text: &TextFeatures, condition: Tensor<2>) -> StageOutput {
        let [batch, _, height, width] = features.dims();
        let features_dtype = features.dtype();
        let mut parts = vec![features.clone()];
        let mut attention = None;
        if let Some(words) = &self.words {
            let (context, weights) = words.forward(features.clone(), text.words.clone(), text.mask.clone());
            parts.push(context);
            attention = Some(weights);
        }
        if let Some(sentence) = &self.sentence {
            parts.push(sentence.forward(features, condition));
        } else if self.words.is_none() {
            let count = condition.dims()[1];
            parts.push(condition.cast(features_dtype).reshape([batch, count, 1, 1]).expand([batch, count, height, width]));
        }
        let mut hidden = Tensor::cat(parts, 1);
        if let Some(merge) = &self.merge {
            hidden = convolve(merge, hidden);
        }
        if let Some(norm) = &self.merge_norm {
            hidden = glu(norm.forward(hidden));
        }
        for block in &self.residual {
            hidden = block.forward(hidden);
        }
        StageOutput { features: self.upsample.forward(hidden), attention }
    }
}

/// G_i: features to a picture.
#[derive(Module, Debug)]
pub struct ImageHead {
    pub(super) conv: Conv2d,
}

impl ImageHead {
    /// A head over `channels` channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self { conv: conv3x3(channels, 3, device) }
    }

    /// # Shapes
    /// - features: (batch, channels, h, w)
    /// - output: (batch, 3, h, w), RGB in [−1, 1]
    pub fn forward(&self, features: Tensor<4>) -> Tensor<4> {
        // Some WGSL drivers compute tanh from exponentials that overflow: NaN beyond 44. From 10 on it is 1 in f32.
        convolve(&self.conv, features).cast(DType::F32).clamp(-20.0, 20.0).tanh()
    }
}
