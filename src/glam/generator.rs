//! The generator: conditioning augmentation and the stages on top of each other.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::stages::{ImageHead, InitialStage, RefineStage, StageOutput};
use crate::nn::Lower;
use crate::stem::{Condition, ConditioningAugmentation, ConditioningAugmentationConfig, TextFeatures};

/// Which of the three networks of the paper's comparison a generator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// Word and sentence attention.
    #[serde(rename = "mirrorgan")]
    MirrorGan,
    /// Word attention (Xu et al., CVPR 2018).
    #[serde(rename = "attngan")]
    AttnGan,
    /// No attention, the condition beside every pixel (StackGAN++, Zhang et al. 2017).
    #[serde(rename = "stackgan++")]
    StackGan,
}

/// The sizes of a [`Generator`]; the defaults are the published ones for CUB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeneratorConfig {
    /// Which network.
    pub architecture: Architecture,
    /// GF_DIM, the channels of a stage's features.
    pub gf_dim: usize,
    /// Values of noise.
    pub z_dim: usize,
    /// Values of the condition.
    pub condition_dim: usize,
    /// D, the values of words and sentence.
    pub features: usize,
    /// R_NUM, residual blocks a refining stage.
    pub residual_blocks: usize,
    /// Pictures: 1 (64 px), 2 (and 128) or 3 (and 256).
    pub stages: usize,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            architecture: Architecture::MirrorGan,
            gf_dim: 32,
            z_dim: 100,
            condition_dim: 100,
            features: 256,
            residual_blocks: 2,
            stages: 3,
        }
    }
}

impl GeneratorConfig {
    /// The generator with fresh weights.
    pub fn init(&self, device: &Device) -> Generator {
        let ca = ConditioningAugmentationConfig { features: self.features, condition: self.condition_dim };
        Generator {
            ca: ca.init(device),
            initial: InitialStage::new(self, device),
            refine: (1..self.stages).map(|_| RefineStage::new(self, device)).collect(),
            heads: (0..self.stages).map(|_| ImageHead::new(self.gf_dim, device)).collect(),
        }
    }

    /// Height and width of the picture of `stage`, counted from 0.
    pub fn picture_size(stage: usize) -> usize {
        64 << stage
    }
}

/// STEM's conditioning augmentation and GLAM.
///
/// [`Generator::forward`] draws all pictures at once. To show each as it arrives, call [`Generator::condition`],
/// [`Generator::initial`], [`Generator::refine`] and [`Generator::image`] in that order; the numbers are the same.
#[derive(Module, Debug)]
pub struct Generator {
    pub(super) ca: ConditioningAugmentation,
    pub(super) initial: InitialStage,
    pub(super) refine: Vec<RefineStage>,
    pub(super) heads: Vec<ImageHead>,
}

impl Lower for Generator {
    /// The condition is the exponential of a weighted sum.
    fn keep_exact(self, exact: &Self) -> Self {
        Self { ca: exact.ca.clone(), ..self }
    }
}

/// Everything that a generator makes.
#[derive(Debug, Clone)]
pub struct Generated {
    /// RGB in [−1, 1], (batch, 3, 64, 64) and so on.
    pub images: Vec<Tensor<4>>,
    /// Of each refining stage with word attention, (batch, words, h, w) at the size of its input.
    pub attention: Vec<Tensor<4>>,
    /// s_ca with its distribution.
    pub condition: Condition,
}

impl Generator {
    /// Number of pictures.
    pub fn stages(&self) -> usize {
        self.heads.len()
    }

    /// Draws the pictures of every stage.
    ///
    /// # Shapes
    /// - noise: (batch, z_dim); epsilon: (batch, condition_dim); both from N(0, 1)
    pub fn forward(&self, text: &TextFeatures, noise: Tensor<2>, epsilon: Tensor<2>) -> Generated {
        self.forward_stages(text, noise, epsilon, self.stages())
    }

    /// Draws the pictures of the first `stages` stages.
    pub fn forward_stages(&self, text: &TextFeatures, noise: Tensor<2>, epsilon: Tensor<2>, stages: usize) -> Generated {
        let condition = self.condition(text, epsilon);
        let mut features = self.initial(&condition, noise);
        let mut images = vec![self.image(0, features.clone())];
        let mut attention = Vec::new();
        for stage in 1..stages.min(self.stages()) {
            let output = self.refine(stage, features, text, &condition);
            features = output.features;
            attention.extend(output.attention);
            images.push(self.image(stage, features.clone()));
        }
        Generated { images, attention, condition }
    }

    /// s_ca; `epsilon` is (batch, condition_dim) from N(0, 1).
    pub fn condition(&self, text: &TextFeatures, epsilon: Tensor<2>) -> Condition {
        self.ca.forward(text.sentence.clone(), epsilon)
    }

    /// f_0, (batch, gf_dim, 64, 64).
    pub fn initial(&self, condition: &Condition, noise: Tensor<2>) -> Tensor<4> {
        self.initial.forward(condition.value.clone(), noise)
    }

    /// f_i from f_{i−1}, for `stage` i of 1 or more.
    ///
    /// # Panics
    /// When there is no such stage.
    pub fn refine(&self, stage: usize, features: Tensor<4>, text: &TextFeatures, condition: &Condition) -> StageOutput {
        self.refine[stage - 1].forward(features, text, condition.value.clone())
    }

    /// The generator whose condition is told apart `gain` times as easily; see [`ConditioningAugmentation::sharpened`].
    pub fn sharpened(self, gain: f64) -> Self {
        Self { ca: self.ca.sharpened(gain), ..self }
    }

    /// The first `stages` stages alone.
    pub fn truncated(mut self, stages: usize) -> Self {
        self.heads.truncate(stages.max(1));
        self.refine.truncate(stages.max(1) - 1);
        self
    }

    /// The generator with other parts for `stage`, made of the parts of the stage before it by `copy(own, earlier)`: the picture head,
    /// and from the third stage on the whole refining stage. A new stage begins where the earlier one is.
    pub fn map_stage(
        mut self,
        stage: usize,
        copy_head: impl FnOnce(ImageHead, &ImageHead) -> ImageHead,
        copy_refine: impl FnOnce(RefineStage, &RefineStage) -> RefineStage,
    ) -> Self {
        let own = self.heads.remove(stage);
        let head = copy_head(own, &self.heads[stage - 1]);
        self.heads.insert(stage, head);
        if stage > 1 {
            let own = self.refine.remove(stage - 1);
            let refine = copy_refine(own, &self.refine[stage - 2]);
            self.refine.insert(stage - 1, refine);
        }
        self
    }

    /// I_i from f_i.
    ///
    /// # Panics
    /// When there is no such stage.
    pub fn image(&self, stage: usize, features: Tensor<4>) -> Tensor<4> {
        self.heads[stage].forward(features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_sizes_have_the_published_number_of_parameters() {
        let device = Device::flex();
        let generator = GeneratorConfig::default().init(&device);
        // `num_params` counts running statistics, which are no parameters.
        assert_eq!(generator.num_params() - crate::nn::running_statistics(&generator), 7_105_392);
    }
}
