//! The discriminator of one stage, of either kind, and the adversarial losses of its kind (paper, section 3.4: L_{G_i} and L_{D_i}).

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::Rng;

use super::encoded::EncodedImages;
use crate::Result;
use crate::discriminator::{Discriminator, DiscriminatorConfig, ProjectedDiscriminator, ProjectedDiscriminatorConfig};
use crate::loss::adversarial::{
    cross_entropy_fake, cross_entropy_real, discriminator_loss, generator_loss, hinge_discriminator, hinge_generator,
};
use crate::nn::{Lower, init};
use crate::train::recipe::gan::{AdversarialLoss, DiscriminatorChoice, GanRecipe};

/// The discriminator of one stage.
// There are three at most, and a box would hide them from `Module`.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub enum StageDiscriminator {
    /// D_i of the public code.
    Published(Discriminator),
    /// Heads on frozen features.
    Projected(ProjectedDiscriminator),
}

impl Lower for StageDiscriminator {}

impl StageDiscriminator {
    /// A fresh discriminator for `stage`, where the frozen encoder's stages have `channels` channels.
    ///
    /// # Errors
    /// [`Error::BadInput`] for sizes that cannot be.
    pub fn new(recipe: &GanRecipe, stage: usize, channels: Vec<usize>, rng: &mut impl Rng, device: &Device) -> Result<Self> {
        let features = recipe.generator.features;
        Ok(match recipe.discriminator {
            DiscriminatorChoice::Published => {
                let config = DiscriminatorConfig { df_dim: recipe.df_dim, features, size: 64 << stage, spectral: recipe.spectral_norm };
                Self::Published(init::initialize(config.init(device)?, rng)?)
            }
            DiscriminatorChoice::Projected => {
                let config = ProjectedDiscriminatorConfig { channels, width: recipe.df_dim, pixel_width: recipe.pixel_width, features };
                Self::Projected(config.init(device, rng)?)
            }
        })
    }

    /// Fits what is fixed in the discriminator to photographs.
    pub fn calibrate(&self, real: &EncodedImages) {
        if let Self::Projected(discriminator) = self {
            discriminator.calibrate(&real.features.stages);
        }
    }

    /// Whether it takes features of pictures, beside the pixels.
    pub fn takes_features(&self) -> bool {
        matches!(self, Self::Projected(_))
    }

    /// L_{D_i}: photographs are real, drawn pictures (detached) are not, and neither are photographs with another's sentence, `wrong`.
    pub fn discriminator_loss(&self, real: &EncodedImages, fake: &EncodedImages, sentence: &Tensor<2>, wrong: &Tensor<2>, loss: AdversarialLoss) -> Tensor<1> {
        match (self, loss) {
            (Self::Published(discriminator), AdversarialLoss::CrossEntropy) => {
                discriminator_loss(discriminator, real.images.clone(), fake.images.clone(), sentence.clone())
            }
            (Self::Published(discriminator), AdversarialLoss::Hinge) => {
                let (real, fake) = (discriminator.forward(real.images.clone()), discriminator.forward(fake.images.clone()));
                let alone = |features: &Tensor<4>| [discriminator.unconditional(features.clone())];
                let beside = |features: &Tensor<4>, sentence: &Tensor<2>| [discriminator.conditional(features.clone(), sentence.clone())];
                hinge_discriminator(&alone(&real), &alone(&fake), None)
                    + hinge_discriminator(&beside(&real, sentence), &beside(&fake, sentence), Some(&beside(&real, wrong)))
            }
            (Self::Projected(discriminator), _) => {
                let real = discriminator.features(&real.features.stages, &real.images);
                let fake = discriminator.features(&fake.features.stages, &fake.images);
                let alone = [discriminator.unconditional(&real), discriminator.unconditional(&fake)];
                let beside = [
                    discriminator.conditional(&real, sentence.clone()),
                    discriminator.conditional(&fake, sentence.clone()),
                    discriminator.conditional(&real, wrong.clone()),
                ];
                if loss == AdversarialLoss::Hinge {
                    hinge_discriminator(&alone[0], &alone[1], None) + hinge_discriminator(&beside[0], &beside[1], Some(&beside[2]))
                } else {
                    let real = |heads: &[Tensor<2>]| mean(heads, cross_entropy_real);
                    let fake = |heads: &[Tensor<2>]| mean(heads, cross_entropy_fake);
                    (real(&alone[0]) + real(&beside[0])).div_scalar(2.0)
                        + (fake(&alone[1]) + fake(&beside[1]) + fake(&beside[2])).div_scalar(3.0)
                }
            }
        }
    }

    /// L_{G_i} in its two parts, unweighted: the picture alone, and beside its sentence.
    pub fn generator_loss(&self, fake: &EncodedImages, sentence: &Tensor<2>, loss: AdversarialLoss) -> (Tensor<1>, Tensor<1>) {
        match (self, loss) {
            (Self::Published(discriminator), AdversarialLoss::CrossEntropy) => {
                let terms = generator_loss(discriminator, fake.images.clone(), sentence.clone());
                (terms.unconditional, terms.conditional)
            }
            (Self::Published(discriminator), AdversarialLoss::Hinge) => {
                let features = discriminator.forward(fake.images.clone());
                let beside = discriminator.conditional(features.clone(), sentence.clone());
                (hinge_generator(&[discriminator.unconditional(features)]), hinge_generator(&[beside]))
            }
            (Self::Projected(discriminator), _) => {
                let features = discriminator.features(&fake.features.stages, &fake.images);
                let (alone, beside) = (discriminator.unconditional(&features), discriminator.conditional(&features, sentence.clone()));
                match loss {
                    AdversarialLoss::Hinge => (hinge_generator(&alone), hinge_generator(&beside)),
                    AdversarialLoss::CrossEntropy => (mean(&alone, cross_entropy_real), mean(&beside, cross_entropy_real)),
                }
            }
        }
    }

    /// How real each picture is beside its sentence, (batch): the mean over heads and places.
    pub fn score(&self, encoded: &EncodedImages, sentence: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Published(discriminator) => discriminator.conditional(discriminator.forward(encoded.images.clone()), sentence),
            Self::Projected(discriminator) => {
                let heads = discriminator.conditional(&discriminator.features(&encoded.features.stages, &encoded.images), sentence);
                let batch = encoded.images.dims()[0];
                Tensor::cat(heads.into_iter().map(|logits| logits.mean_dim(1)).collect(), 1).mean_dim(1).reshape([batch])
            }
        }
    }
}

/// The mean of a term over heads.
fn mean(heads: &[Tensor<2>], term: impl Fn(Tensor<2>) -> Tensor<1>) -> Tensor<1> {
    Tensor::cat(heads.iter().cloned().map(term).collect(), 0).mean()
}
