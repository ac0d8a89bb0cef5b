//! A discriminator on frozen features of a classifier, for data sets of thousands of pictures and not millions
//! (Projected GAN, Sauer et al., NeurIPS 2021; with text as in GALIP, Tao et al., CVPR 2023).
//!
//! The features of each stage are standardised, mixed over channels and over stages by fixed random matrices, so that no single
//! feature can be won by itself, and judged by a small head a stage. Only the heads learn. They are spectrally normalised and have
//! no batch norm: a head's verdict on one picture does not depend on the others of the batch, which is small here.

use burn::module::Module;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{DType, Device, Tensor};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::pixels::PixelHead;
use crate::error::{Error, Result};
use crate::nn::ops::leaky_relu;
use crate::nn::{FixedMix, SpectralConv2d, SpectralLinear, Standardize};

/// Slope of the leaky ReLU below zero.
const SLOPE: f64 = 0.2;

/// Keeps divisions finite.
const EPSILON: f64 = 1e-6;

/// The sizes of a [`ProjectedDiscriminator`]; the defaults fit EfficientNet-Lite0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectedDiscriminatorConfig {
    /// Channels of the stages that it looks at, the largest picture first, each half as high and wide as the one before.
    pub channels: Vec<usize>,
    /// D, the values of a sentence.
    pub features: usize,
    /// Channels inside a head.
    pub width: usize,
    /// Channels of the head that looks at the pixels themselves; 0 for none.
    pub pixel_width: usize,
}

impl Default for ProjectedDiscriminatorConfig {
    fn default() -> Self {
        Self { channels: vec![24, 40, 112, 320], features: 256, width: 64, pixel_width: 0 }
    }
}

impl ProjectedDiscriminatorConfig {
    /// The discriminator; both its fixed and its fresh weights are drawn from `rng`.
    ///
    /// # Errors
    /// [`Error::BadInput`] without stages or with a size of 0 or a width of 1.
    pub fn init(&self, device: &Device, rng: &mut impl Rng) -> Result<ProjectedDiscriminator> {
        if self.channels.is_empty() || self.channels.contains(&0) || self.features == 0 || self.width < 2 {
            return Err(Error::BadInput(format!(
                "a projected discriminator with stages of {:?} channels, sentences of {} values and width {}: \
                 none may be 0, and the width must be 2 or more",
                self.channels, self.features, self.width
            )));
        }
        let stages = self.channels.len();
        // Deep stages have more channels, and few places that they cost something at.
        let mixed: Vec<usize> = (0..stages).map(|i| (self.width << i) / 2).collect();
        Ok(ProjectedDiscriminator {
            standardize: self.channels.iter().map(|channels| Standardize::new(*channels, device)).collect(),
            mix: self.channels.iter().zip(&mixed).map(|(from, to)| FixedMix::new(*from, *to, device, rng)).collect(),
            fuse: mixed.windows(2).map(|pair| FixedMix::new(pair[1], pair[0], device, rng)).collect(),
            heads: mixed.iter().enumerate().map(|(i, channels)| Head::new(*channels, stages - 1 - i, self, device, rng)).collect(),
            pixels: (self.pixel_width > 0).then(|| PixelHead::new(self.pixel_width, device, rng)),
        })
    }
}

/// The judge of one stage.
#[derive(Module, Debug)]
struct Head {
    /// Down to the height and width of the deepest stage.
    down: Vec<SpectralConv2d>,
    unconditional: SpectralConv2d,
    sentence: SpectralLinear,
    joint: SpectralConv2d,
    conditional: SpectralConv2d,
}

impl Head {
    fn new(channels: usize, halvings: usize, config: &ProjectedDiscriminatorConfig, device: &Device, rng: &mut impl Rng) -> Self {
        let width = config.width;
        let down = if halvings == 0 {
            vec![SpectralConv2d::new([channels, width], 3, 1, 1, device, rng)]
        } else {
            let from = |i: usize| if i == 0 { channels } else { width };
            (0..halvings).map(|i| SpectralConv2d::new([from(i), width], 4, 2, 1, device, rng)).collect()
        };
        Self {
            down,
            unconditional: SpectralConv2d::new([width, 1], 3, 1, 1, device, rng),
            sentence: SpectralLinear::new(config.features, width, device, rng),
            joint: SpectralConv2d::new([2 * width, width], 3, 1, 1, device, rng),
            conditional: SpectralConv2d::new([width, 1], 1, 1, 0, device, rng),
        }
    }

    fn features(&self, input: Tensor<4>) -> Tensor<4> {
        self.down.iter().fold(input, |hidden, conv| activate(conv.forward(hidden)))
    }

    fn unconditional(&self, features: Tensor<4>) -> Tensor<2> {
        self.unconditional.forward(features).flatten(1, 3).cast(DType::F32)
    }

    /// The joint features of picture and sentence are judged by themselves and by how far they point where the sentence does
    /// (projection discriminator, Miyato and Koyama, ICLR 2018).
    fn conditional(&self, features: Tensor<4>, sentence: Tensor<2>) -> Tensor<2> {
        let [batch, width, height, breadth] = features.dims();
        let direction = self.sentence.forward(sentence.cast(features.dtype())).reshape([batch, width, 1, 1]);
        let tiled = direction.clone().expand([batch, width, height, breadth]);
        let joint = activate(self.joint.forward(Tensor::cat(vec![features, tiled], 1)));
        let along = (joint.clone() * direction).sum_dim(1).div_scalar((width as f64).sqrt());
        (self.conditional.forward(joint) + along).flatten(1, 3).cast(DType::F32)
    }
}

/// Leaky ReLU, scaled so that the variance neither fades nor grows from layer to layer.
pub(super) fn activate(input: Tensor<4>) -> Tensor<4> {
    leaky_relu(input, SLOPE).mul_scalar((2.0 / (1.0 + SLOPE * SLOPE)).sqrt())
}

/// What the heads' two verdicts look at, a tensor (batch, width, h, w) a stage.
#[derive(Debug, Clone)]
pub struct ProjectedFeatures {
    stages: Vec<Tensor<4>>,
    /// The pictures, where their pixels are judged too.
    images: Option<Tensor<4>>,
}

impl ProjectedFeatures {
    /// The same values, out of reach of gradients.
    pub fn detach(self) -> Self {
        Self { stages: self.stages.into_iter().map(Tensor::detach).collect(), images: self.images.map(Tensor::detach) }
    }
}

/// Logits of each stage, (batch, places).
#[derive(Debug, Clone)]
pub struct ProjectedLogits {
    /// Of the pictures alone.
    pub unconditional: Vec<Tensor<2>>,
    /// Of the pictures with their sentences; empty without sentences.
    pub conditional: Vec<Tensor<2>>,
}

/// The discriminator; see the module's text.
///
/// [`ProjectedDiscriminator::calibrate`] must run once on real pictures before training. The losses are
/// [`hinge_discriminator`](crate::loss::adversarial::hinge_discriminator) and
/// [`hinge_generator`](crate::loss::adversarial::hinge_generator).
#[derive(Module, Debug)]
pub struct ProjectedDiscriminator {
    standardize: Vec<Standardize>,
    mix: Vec<FixedMix>,
    /// From each stage but the first to the one before it.
    fuse: Vec<FixedMix>,
    heads: Vec<Head>,
    pixels: Option<PixelHead>,
}

impl ProjectedDiscriminator {
    /// Takes each channel's mean and deviation from the features of real pictures, some dozens at once.
    ///
    /// # Shapes
    /// - stages: (batch, channels, h, w) each, as [`ProjectedDiscriminator::features`] gets them
    pub fn calibrate(&self, stages: &[Tensor<4>]) {
        for (standardize, stage) in self.standardize.iter().zip(stages) {
            standardize.calibrate(stage.clone());
        }
    }

    /// What both verdicts look at: compute it once a picture.
    ///
    /// # Shapes
    /// - stages: (batch, channels, h, w) each, the largest first, each half as high and wide as the one before
    /// - images: (batch, 3, size, size), the pictures that they were seen in
    ///
    /// # Panics
    /// When there are fewer stages than the configuration has.
    pub fn features(&self, stages: &[Tensor<4>], images: &Tensor<4>) -> ProjectedFeatures {
        let mixed = |i: usize| self.mix[i].forward(self.standardize[i].forward(stages[i].clone()));
        let last = self.heads.len() - 1;
        let mut fused = mixed(last);
        let mut features = vec![self.heads[last].features(fused.clone())];
        for i in (0..last).rev() {
            let own = mixed(i);
            let [_, _, height, width] = own.dims();
            let deeper = interpolate(
                self.fuse[i].forward(fused),
                InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([height, width]),
            );
            fused = (own + deeper).mul_scalar(0.5_f64.sqrt());
            features.push(self.heads[i].features(fused.clone()));
        }
        features.reverse();
        ProjectedFeatures { stages: features, images: self.pixels.is_some().then(|| images.clone()) }
    }

    /// How real the pictures are, whatever their captions: logits (batch, places), stage by stage, then those of the pixels.
    pub fn unconditional(&self, features: &ProjectedFeatures) -> Vec<Tensor<2>> {
        let seen = self.heads.iter().zip(&features.stages).map(|(head, map)| head.unconditional(map.clone()));
        let pixels = self.pixels.iter().zip(&features.images).map(|(head, images)| head.forward(images.clone()));
        seen.chain(pixels).collect()
    }

    /// How real the pictures are and how well they fit their sentences: logits (batch, places), stage by stage.
    ///
    /// # Shapes
    /// - sentence: (batch, D), of any length as a vector: its root mean square is made one
    pub fn conditional(&self, features: &ProjectedFeatures, sentence: Tensor<2>) -> Vec<Tensor<2>> {
        let scale = sentence.clone().powi_scalar(2).mean_dim(1).add_scalar(EPSILON).sqrt();
        let sentence = sentence / scale;
        self.heads.iter().zip(&features.stages).map(|(head, map)| head.conditional(map.clone(), sentence.clone())).collect()
    }

    /// Both verdicts, the conditional one where there are sentences.
    pub fn forward(&self, stages: &[Tensor<4>], images: &Tensor<4>, sentence: Option<Tensor<2>>) -> ProjectedLogits {
        let features = self.features(stages, images);
        ProjectedLogits {
            unconditional: self.unconditional(&features),
            conditional: sentence.map(|sentence| self.conditional(&features, sentence)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::adversarial::{hinge_discriminator, hinge_generator, mismatch};
    use burn::optim::{AdamConfig, GradientsParams};
    use burn::tensor::TensorData;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn config() -> ProjectedDiscriminatorConfig {
        ProjectedDiscriminatorConfig { channels: vec![4, 6, 8], features: 5, width: 8, pixel_width: 0 }
    }

    /// Which nothing looks at here.
    fn pictures(device: &Device) -> Tensor<4> {
        Tensor::zeros([1, 3, 4, 4], device)
    }

    fn noise<const D: usize>(shape: [usize; D], mean: f32, rng: &mut ChaCha8Rng, device: &Device) -> Tensor<D> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| mean + rng.random_range(-1.0..1.0)).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Stages of 16, 8 and 4 pixels.
    fn stages(batch: usize, mean: f32, rng: &mut ChaCha8Rng, device: &Device) -> Vec<Tensor<4>> {
        let sizes = config().channels.into_iter().zip([16, 8, 4]);
        sizes.map(|(channels, size)| noise([batch, channels, size, size], mean, rng, device)).collect()
    }

    #[test]
    fn every_stage_gives_both_logits_at_the_size_of_the_deepest() {
        let device = Device::flex();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let discriminator = config().init(&device, &mut rng).unwrap();
        let stages = stages(2, 0.0, &mut rng, &device);
        let logits = discriminator.forward(&stages, &pictures(&device), Some(noise([2, 5], 0.0, &mut rng, &device)));
        for logits in [logits.unconditional, logits.conditional] {
            assert_eq!(logits.iter().map(Tensor::dims).collect::<Vec<_>>(), [[2, 16]; 3]);
        }
        assert!(discriminator.forward(&stages, &pictures(&device), None).conditional.is_empty());
    }

    #[test]
    fn calibrated_features_have_mean_zero_and_deviation_one() {
        let device = Device::flex();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let standardize = Standardize::new(3, &device);
        let features = noise([8, 3, 4, 4], 5.0, &mut rng, &device).mul_scalar(7.0);
        standardize.calibrate(features.clone());
        let rows = standardize.forward(features).swap_dims(0, 1).flatten::<2>(1, 3);
        let mean: Vec<f32> = rows.clone().mean_dim(1).into_data().try_to_vec().unwrap();
        let square: Vec<f32> = rows.powi_scalar(2).mean_dim(1).into_data().try_to_vec().unwrap();
        assert!(mean.iter().all(|m| m.abs() < 1e-4), "{mean:?}");
        assert!(square.iter().all(|s| (s - 1.0).abs() < 1e-3), "{square:?}");
    }

    #[test]
    fn heads_learn_real_from_fake_while_the_mixing_stays() {
        let device = Device::flex().autodiff();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut discriminator = config().init(&device, &mut rng).unwrap();
        discriminator.calibrate(&stages(16, 0.0, &mut rng, &device));
        let mixing = |d: &ProjectedDiscriminator| -> Vec<f32> { d.mix[0].running_weight.value().into_data().try_to_vec().unwrap() };
        let before = mixing(&discriminator);
        let mut optimizer = AdamConfig::new().init();
        let mut losses = Vec::new();
        for _ in 0..30 {
            let sentence = noise([4, 5], 0.0, &mut rng, &device);
            let real = discriminator.features(&stages(4, 0.3, &mut rng, &device), &pictures(&device));
            let fake = discriminator.features(&stages(4, -0.3, &mut rng, &device), &pictures(&device));
            let loss = hinge_discriminator(&discriminator.unconditional(&real), &discriminator.unconditional(&fake), None)
                + hinge_discriminator(
                    &discriminator.conditional(&real, sentence.clone()),
                    &discriminator.conditional(&fake, sentence.clone()),
                    Some(&discriminator.conditional(&real, mismatch(sentence))),
                );
            losses.push(loss.clone().into_scalar::<f32>());
            let grads = GradientsParams::from_grads(loss.backward(), &discriminator);
            discriminator = optimizer.step(0.005, discriminator, grads);
        }
        assert!(losses[29] < 0.8 * losses[0], "{losses:?}");
        assert_eq!(mixing(&discriminator), before);
    }

    #[test]
    fn the_generator_gets_a_gradient_at_every_stage() {
        let device = Device::flex().autodiff();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let discriminator = config().init(&device, &mut rng).unwrap();
        let stages: Vec<_> = stages(2, 0.0, &mut rng, &device).into_iter().map(Tensor::require_grad).collect();
        let logits = discriminator.forward(&stages, &pictures(&device), Some(noise([2, 5], 0.0, &mut rng, &device)));
        let grads = (hinge_generator(&logits.unconditional) + hinge_generator(&logits.conditional)).backward();
        for stage in &stages {
            let norm = stage.grad(&grads).expect("a gradient").abs().sum().into_scalar::<f32>();
            assert!(norm > 0.0);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_discriminator() {
        let device = Device::flex();
        let logits = || {
            let mut rng = ChaCha8Rng::seed_from_u64(5);
            let discriminator = config().init(&device, &mut rng).unwrap();
            let logits = discriminator.forward(&stages(1, 0.0, &mut rng, &device), &pictures(&device), None).unconditional.swap_remove(0);
            logits.into_data().try_to_vec::<f32>().unwrap()
        };
        assert_eq!(logits(), logits());
    }

    #[test]
    fn a_size_of_zero_is_refused() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for bad in [
            ProjectedDiscriminatorConfig { channels: vec![], ..config() },
            ProjectedDiscriminatorConfig { width: 0, ..config() },
            ProjectedDiscriminatorConfig { features: 0, ..config() },
        ] {
            assert!(matches!(bad.init(&Device::flex(), &mut rng), Err(Error::BadInput(_))));
        }
    }
}
