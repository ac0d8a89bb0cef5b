//! Where a stage looks: at words (paper, eq. 3 and 4) and at the sentence (eq. 5).

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor, activation};

use crate::nn::{conv1x1, convolve};

/// The smallest weight that a word can have: a share of 1e-30 of a pixel's attention is none.
pub(super) const NO_WEIGHT: f32 = 1e-30;

/// Att^w = Σ_l (U w^l) · softmax_l(fᵀ (U w^l)).
#[derive(Module, Debug)]
pub struct WordAttention {
    /// U, from D to the stage's channels.
    pub(super) conv_context: Conv2d,
}

impl WordAttention {
    /// Attention of a stage of `channels` channels to words of `features` values.
    pub fn new(features: usize, channels: usize, device: &Device) -> Self {
        Self { conv_context: conv1x1(features, channels, device) }
    }

    /// The word context of each pixel, and the attention that made it.
    ///
    /// # Shapes
    /// - input: (batch, channels, h, w); words: (batch, D, words)
    /// - mask: (batch, words), the weight of each word before the picture is looked at: 1, and 0 on padding; values between let a
    ///   word fade in or out
    /// - context: (batch, channels, h, w); attention: (batch, words, h, w), its sum over words is 1 everywhere
    pub fn forward(&self, input: Tensor<4>, words: Tensor<3>, mask: Tensor<2>) -> (Tensor<4>, Tensor<4>) {
        let [batch, channels, height, width] = input.dims();
        let dtype = input.dtype();
        let words = words.cast(dtype);
        let count = words.dims()[2];
        let context = convolve(&self.conv_context, words.unsqueeze_dim::<4>(3)).squeeze_dim::<3>(3);
        // Words before pixels: the maps come out as the caller wants them, and softmax runs over rows.
        let scores = context.clone().swap_dims(1, 2).matmul(input.reshape([batch, channels, height * width]));
        let prior = mask.clamp_min(NO_WEIGHT).log().unsqueeze_dim::<3>(2);
        let weights = activation::softmax(scores.cast(DType::F32) + prior, 1);
        let attended = context.matmul(weights.clone().cast(dtype));
        (attended.reshape([batch, channels, height, width]), weights.reshape([batch, count, height, width]))
    }
}

/// Att^s = (V s_ca) ∘ softmax(f ∘ (V s_ca)), the softmax over channels after a 1×1 convolution (public code).
#[derive(Module, Debug)]
pub struct SentenceAttention {
    /// V, from the condition to the stage's channels.
    pub(super) linear: Linear,
    pub(super) conv_sentence_vis: Conv2d,
}

impl SentenceAttention {
    /// Attention of a stage of `channels` channels to a condition of `condition` values.
    pub fn new(condition: usize, channels: usize, device: &Device) -> Self {
        Self { linear: LinearConfig::new(condition, channels).init(device), conv_sentence_vis: conv1x1(channels, channels, device) }
    }

    /// # Shapes
    /// - input: (batch, channels, h, w); condition: (batch, condition)
    /// - output: (batch, channels, h, w)
    pub fn forward(&self, input: Tensor<4>, condition: Tensor<2>) -> Tensor<4> {
        let [batch, channels, _, _] = input.dims();
        let sentence = self.linear.forward(condition.cast(input.dtype())).reshape([batch, channels, 1, 1]);
        let dtype = input.dtype();
        let scores = convolve(&self.conv_sentence_vis, input * sentence.clone());
        activation::softmax(scores.cast(DType::F32), 1).cast(dtype) * sentence
    }
}
