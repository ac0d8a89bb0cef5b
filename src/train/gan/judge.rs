//! Who tells drawn pictures from photographs, and the frozen networks that the generator learns from.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::Rng;

use crate::damsm::Damsm;
use crate::discriminator::{Discriminator, DiscriminatorConfig, ProjectedDiscriminator, ProjectedDiscriminatorConfig};
use crate::encoder::{EfficientNetFeatures, EfficientNetLite0};
use crate::loss::adversarial::{discriminator_loss, generator_loss, hinge_discriminator, hinge_generator, mismatch};
use crate::nn::init;
use crate::stem::{TextEncoder, TextFeatures};
use crate::stream::StreamDecoder;
use crate::stream::image::{normalize, resize_bilinear};
use crate::train::gan_recipe::{DiscriminatorChoice, GanRecipe};
use crate::{Error, Result};

/// The networks that are done before the generator is trained (paper, section 3.4).
pub struct Frozen {
    /// STEM's text encoder, off the autodiff graph.
    pub stem: TextEncoder,
    /// The image encoder of STREAM, DAMSM and the projected discriminators, on the autodiff device.
    pub encoder: EfficientNetLite0,
    /// STREAM's decoder, on the autodiff device.
    pub decoder: Option<StreamDecoder>,
    /// DAMSM's image heads, on the autodiff device.
    pub damsm: Option<Damsm>,
    /// Which of the encoder's stages DAMSM's regions are.
    pub region_stage: usize,
}

impl Frozen {
    /// The features of captions, as constants on the autodiff device.
    pub fn text(&self, captions: &[Vec<usize>], device: &Device) -> TextFeatures {
        super::step::encode(&self.stem, captions, device)
    }

    /// STREAM's decoder.
    ///
    /// # Errors
    /// [`Error::BadInput`] when it was not given.
    pub fn decoder(&self) -> Result<&StreamDecoder> {
        self.decoder.as_ref().ok_or_else(|| Error::BadInput("the recipe has a stream loss: train stream first".into()))
    }

    /// DAMSM's loss between pictures and their captions: words and sentence, both ways, photographs of one kind left out.
    ///
    /// # Errors
    /// [`Error::BadInput`] when DAMSM was not given.
    pub fn match_text(&self, image: &EfficientNetFeatures, text: &TextFeatures, classes: &[usize]) -> Result<Tensor<1>> {
        let damsm = self.damsm()?;
        let regions = image.stages[self.region_stage].clone();
        Ok(damsm.loss(&damsm.forward(regions, image.pooled.clone()), text, classes).total())
    }

    /// DAMSM.
    ///
    /// # Errors
    /// [`Error::BadInput`] when it was not given.
    fn damsm(&self) -> Result<&Damsm> {
        self.damsm.as_ref().ok_or_else(|| Error::BadInput("the recipe has a damsm loss: train stem first".into()))
    }

    /// Pictures in [−1, 1] as the frozen encoder sees them at `size` × `size`.
    pub fn view(&self, images: Tensor<4>, size: usize) -> View {
        View { features: self.encoder.forward_features(normalize(resize_bilinear(images.clone(), size))), images }
    }
}

/// Pictures as the networks that judge them want them.
#[derive(Debug, Clone)]
pub struct View {
    /// (batch, 3, size, size), [−1, 1].
    pub images: Tensor<4>,
    /// What the frozen encoder sees in them.
    pub features: EfficientNetFeatures,
}

impl View {
    /// The same view, out of reach of gradients.
    pub fn detach(&self) -> Self {
        let detached = |tensors: &[Tensor<4>]| tensors.iter().cloned().map(Tensor::detach).collect();
        let features = &self.features;
        Self {
            images: self.images.clone().detach(),
            features: EfficientNetFeatures {
                stages: detached(&features.stages),
                last: features.last.clone().detach(),
                pooled: features.pooled.clone().detach(),
            },
        }
    }
}

/// The discriminator of one stage.
// There are three at most, and a box would hide them from `Module`.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub enum Judge {
    /// D_i of the public code.
    Published(Discriminator),
    /// Heads on frozen features.
    Projected(ProjectedDiscriminator),
}

impl Judge {
    /// A fresh discriminator for `stage`.
    ///
    /// # Errors
    /// [`Error::BadInput`] for sizes that cannot be.
    pub fn new(recipe: &GanRecipe, stage: usize, rng: &mut impl Rng, device: &Device) -> Result<Self> {
        let features = recipe.generator.features;
        Ok(match recipe.discriminator {
            DiscriminatorChoice::Published => {
                let config = DiscriminatorConfig { df_dim: recipe.df_dim, features, size: 64 << stage };
                Self::Published(init::initialize(config.init(device)?, rng))
            }
            DiscriminatorChoice::Projected => {
                let config = ProjectedDiscriminatorConfig { width: recipe.df_dim, features, ..Default::default() };
                Self::Projected(config.init(device, rng)?)
            }
        })
    }

    /// Fits what is fixed in the discriminator to photographs.
    pub fn calibrate(&self, real: &View) {
        if let Self::Projected(judge) = self {
            judge.calibrate(&real.features.stages);
        }
    }

    /// What the discriminator learns from: photographs, drawn pictures (detached) and photographs with another's sentence.
    pub fn loss(&self, real: &View, fake: &View, sentence: &Tensor<2>) -> Tensor<1> {
        match self {
            Self::Published(judge) => discriminator_loss(judge, real.images.clone(), fake.images.clone(), sentence.clone()),
            Self::Projected(judge) => {
                let real = judge.features(&real.features.stages);
                let fake = judge.features(&fake.features.stages);
                hinge_discriminator(&judge.unconditional(&real), &judge.unconditional(&fake), None)
                    + hinge_discriminator(
                        &judge.conditional(&real, sentence.clone()),
                        &judge.conditional(&fake, sentence.clone()),
                        Some(&judge.conditional(&real, mismatch(sentence.clone()))),
                    )
            }
        }
    }

    /// What the generator learns from the discriminator: alone, and beside the sentence.
    pub fn generator_loss(&self, fake: &View, sentence: &Tensor<2>) -> (Tensor<1>, Tensor<1>) {
        match self {
            Self::Projected(judge) => {
                let features = judge.features(&fake.features.stages);
                (hinge_generator(&judge.unconditional(&features)), hinge_generator(&judge.conditional(&features, sentence.clone())))
            }
            Self::Published(judge) => {
                let terms = generator_loss(judge, fake.images.clone(), sentence.clone());
                (terms.unconditional, terms.conditional)
            }
        }
    }
}
