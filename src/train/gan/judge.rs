//! Who tells drawn pictures from photographs, and the frozen networks that the generator learns from.

use burn::module::Module;
use burn::tensor::{DType, Device, Int, Tensor};
use rand::Rng;

use crate::damsm::Damsm;
use crate::discriminator::{Discriminator, DiscriminatorConfig, ProjectedDiscriminator, ProjectedDiscriminatorConfig};
use crate::encoder::{EfficientNetLite0, SizedEncoder};
use crate::loss::adversarial::{
    cross_entropy_fake, cross_entropy_real, discriminator_loss, generator_loss, hinge_discriminator, hinge_generator,
};
use crate::nn::{Lower, Precision, init};
use crate::stem::{TextEncoder, TextFeatures};
use crate::stream::StreamDecoder;
use crate::stream::image::{normalize, resize_bilinear};
use crate::train::recipe::gan::{AdversarialLoss, DiscriminatorChoice, GanRecipe};
use crate::{Error, Result};

/// The networks that are done before the generator is trained (paper, section 3.4).
pub struct Frozen {
    /// STEM's text encoder, off the autodiff graph.
    pub stem: TextEncoder,
    /// EfficientNet-Lite0 on the autodiff device, where the projected discriminators, STREAM or DAMSM look through it.
    pub encoder: Option<EfficientNetLite0>,
    /// STREAM's decoder, on the autodiff device.
    pub decoder: Option<StreamDecoder>,
    /// DAMSM's image heads, on the autodiff device.
    pub damsm: Option<Damsm>,
    /// Stride of the stage that DAMSM's regions are of.
    pub region_stride: usize,
    /// What STREAM looks through; none for [`Frozen::encoder`].
    pub stream_encoder: Option<SizedEncoder>,
    /// What DAMSM looks through; none for [`Frozen::encoder`].
    pub damsm_encoder: Option<SizedEncoder>,
}

impl Frozen {
    /// The features of captions, as constants on the autodiff device.
    pub fn text(&self, captions: &[Vec<usize>], device: &Device) -> TextFeatures {
        super::step::encode(&self.stem, captions, device)
    }

    /// What STREAM expects at each word of `ids` in these pictures: logits, (batch, words, vocabulary).
    ///
    /// # Errors
    /// [`Error::BadInput`] when STREAM or its encoder was not given.
    pub fn redescribe(&self, view: &View, ids: Tensor<2, Int>) -> Result<Tensor<3>> {
        let decoder = self.decoder.as_ref().ok_or_else(|| Error::BadInput("the recipe has a stream loss: train stream first".into()))?;
        let pooled = match &self.stream_encoder {
            Some(encoder) => encoder.forward(view.images.clone()).pooled,
            None => view.features.pooled.clone().ok_or_else(blind)?,
        };
        Ok(decoder.logits(pooled, ids))
    }

    /// DAMSM's loss between pictures and their captions: words and sentence, both ways, photographs of one kind left out.
    ///
    /// # Errors
    /// [`Error::BadInput`] when DAMSM or its encoder was not given.
    pub fn match_text(&self, view: &View, text: &TextFeatures, classes: &[usize]) -> Result<Tensor<1>> {
        let damsm = self.damsm.as_ref().ok_or_else(|| Error::BadInput("the recipe has a damsm loss: train stem first".into()))?;
        let (regions, pooled) = match &self.damsm_encoder {
            Some(encoder) => {
                let seen = encoder.forward(view.images.clone());
                (seen.at_stride(self.region_stride), Some(seen.pooled))
            }
            // Strides 4, 8, 16 and 32 are stages 0 to 3.
            None => {
                let stage = (self.region_stride.max(4).ilog2() - 2) as usize;
                (view.features.stages.get(stage).cloned(), view.features.pooled.clone())
            }
        };
        let (regions, pooled) = regions.zip(pooled).ok_or_else(blind)?;
        Ok(damsm.loss(&damsm.forward(regions, pooled), text, classes).total())
    }

    /// Pictures in [−1, 1], and what EfficientNet-Lite0 sees in them at `size` × `size` where anybody wants to know: computed in
    /// `precision`, in f32 again.
    pub fn view(&self, images: Tensor<4>, size: usize, precision: Precision) -> View {
        let features = self.encoder.as_ref().map(|encoder| {
            let input = normalize(resize_bilinear(images.clone(), size)).cast(precision.dtype());
            let seen = precision.lower(encoder).forward_features(input);
            ViewFeatures { stages: seen.stages, pooled: Some(seen.pooled) }
        });
        View { features: features.unwrap_or_default(), images }.cast(DType::F32)
    }

    /// A copy for another device, on its autodiff graph.
    pub fn replica(&self, device: &Device) -> Self {
        use super::shard::replica;
        let other = |encoder: &SizedEncoder| SizedEncoder::new(replica(&encoder.network, device).freeze(), encoder.size);
        Self {
            stem: self.stem.clone().to_device(&device.clone().inner()),
            encoder: self.encoder.as_ref().map(|encoder| replica(encoder, device).freeze()),
            decoder: self.decoder.as_ref().map(|decoder| replica(decoder, device).freeze()),
            damsm: self.damsm.as_ref().map(|damsm| replica(damsm, device).freeze()),
            region_stride: self.region_stride,
            stream_encoder: self.stream_encoder.as_ref().map(other),
            damsm_encoder: self.damsm_encoder.as_ref().map(other),
        }
    }
}

fn blind() -> Error {
    Error::BadInput("the recipe has a loss that looks through an image encoder, and there is none".into())
}

/// Pictures as the networks that judge them want them.
#[derive(Debug, Clone)]
pub struct View {
    /// (batch, 3, size, size), [−1, 1].
    pub images: Tensor<4>,
    /// What EfficientNet-Lite0 sees in them.
    pub features: ViewFeatures,
}

/// EfficientNet-Lite0's features of a view; empty where nobody wants them.
#[derive(Debug, Clone, Default)]
pub struct ViewFeatures {
    /// At strides 4, 8, 16 and 32.
    pub stages: Vec<Tensor<4>>,
    /// The pooled ones, (batch, 1280).
    pub pooled: Option<Tensor<2>>,
}

impl View {
    /// Pictures in which no network has seen anything.
    pub fn of_images(images: Tensor<4>) -> Self {
        Self { images, features: ViewFeatures::default() }
    }

    /// Other pictures with these features, for a discriminator that looks at pictures alone.
    pub fn with_images(&self, images: Tensor<4>) -> Self {
        Self { images, features: self.features.clone() }
    }

    /// The same view in another type, for networks that compute in it.
    pub fn cast(&self, dtype: DType) -> Self {
        let features = &self.features;
        Self {
            images: self.images.clone().cast(dtype),
            features: ViewFeatures {
                stages: features.stages.iter().map(|stage| stage.clone().cast(dtype)).collect(),
                pooled: features.pooled.clone().map(|pooled| pooled.cast(dtype)),
            },
        }
    }

    /// The same view, out of reach of gradients.
    pub fn detach(&self) -> Self {
        let features = &self.features;
        Self {
            images: self.images.clone().detach(),
            features: ViewFeatures {
                stages: features.stages.iter().cloned().map(Tensor::detach).collect(),
                pooled: features.pooled.clone().map(Tensor::detach),
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

impl Lower for Judge {}

impl Judge {
    /// A fresh discriminator for `stage`.
    ///
    /// # Errors
    /// [`Error::BadInput`] for sizes that cannot be.
    pub fn new(recipe: &GanRecipe, stage: usize, rng: &mut impl Rng, device: &Device) -> Result<Self> {
        let features = recipe.generator.features;
        Ok(match recipe.discriminator {
            DiscriminatorChoice::Published => {
                let config = DiscriminatorConfig { df_dim: recipe.df_dim, features, size: 64 << stage, spectral: recipe.spectral_norm };
                Self::Published(init::initialize(config.init(device)?, rng)?)
            }
            DiscriminatorChoice::Projected => {
                let config =
                    ProjectedDiscriminatorConfig { width: recipe.df_dim, pixel_width: recipe.pixel_width, features, ..Default::default() };
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

    /// What the discriminator learns from: photographs, drawn pictures (detached) and photographs with another's sentence, `wrong`.
    pub fn loss(&self, real: &View, fake: &View, sentence: &Tensor<2>, wrong: &Tensor<2>, loss: AdversarialLoss) -> Tensor<1> {
        match (self, loss) {
            (Self::Published(judge), AdversarialLoss::CrossEntropy) => {
                discriminator_loss(judge, real.images.clone(), fake.images.clone(), sentence.clone())
            }
            (Self::Published(judge), AdversarialLoss::Hinge) => {
                let (real, fake) = (judge.forward(real.images.clone()), judge.forward(fake.images.clone()));
                let alone = |features: &Tensor<4>| [judge.unconditional(features.clone())];
                let beside = |features: &Tensor<4>, sentence: &Tensor<2>| [judge.conditional(features.clone(), sentence.clone())];
                hinge_discriminator(&alone(&real), &alone(&fake), None)
                    + hinge_discriminator(&beside(&real, sentence), &beside(&fake, sentence), Some(&beside(&real, wrong)))
            }
            (Self::Projected(judge), _) => {
                let real = judge.features(&real.features.stages, &real.images);
                let fake = judge.features(&fake.features.stages, &fake.images);
                let alone = [judge.unconditional(&real), judge.unconditional(&fake)];
                let beside = [
                    judge.conditional(&real, sentence.clone()),
                    judge.conditional(&fake, sentence.clone()),
                    judge.conditional(&real, wrong.clone()),
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

    /// What the generator learns from the discriminator: alone, and beside the sentence.
    pub fn generator_loss(&self, fake: &View, sentence: &Tensor<2>, loss: AdversarialLoss) -> (Tensor<1>, Tensor<1>) {
        match (self, loss) {
            (Self::Published(judge), AdversarialLoss::CrossEntropy) => {
                let terms = generator_loss(judge, fake.images.clone(), sentence.clone());
                (terms.unconditional, terms.conditional)
            }
            (Self::Published(judge), AdversarialLoss::Hinge) => {
                let features = judge.forward(fake.images.clone());
                let beside = judge.conditional(features.clone(), sentence.clone());
                (hinge_generator(&[judge.unconditional(features)]), hinge_generator(&[beside]))
            }
            (Self::Projected(judge), _) => {
                let features = judge.features(&fake.features.stages, &fake.images);
                let (alone, beside) = (judge.unconditional(&features), judge.conditional(&features, sentence.clone()));
                match loss {
                    AdversarialLoss::Hinge => (hinge_generator(&alone), hinge_generator(&beside)),
                    AdversarialLoss::CrossEntropy => (mean(&alone, cross_entropy_real), mean(&beside, cross_entropy_real)),
                }
            }
        }
    }

    /// How real each picture is beside its sentence, (batch): the mean over heads and places.
    pub fn verdict(&self, view: &View, sentence: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Published(judge) => judge.conditional(judge.forward(view.images.clone()), sentence),
            Self::Projected(judge) => {
                let heads = judge.conditional(&judge.features(&view.features.stages, &view.images), sentence);
                let batch = view.images.dims()[0];
                Tensor::cat(heads.into_iter().map(|logits| logits.mean_dim(1)).collect(), 1).mean_dim(1).reshape([batch])
            }
        }
    }
}

/// The mean of a term over heads.
fn mean(heads: &[Tensor<2>], term: impl Fn(Tensor<2>) -> Tensor<1>) -> Tensor<1> {
    Tensor::cat(heads.iter().cloned().map(term).collect(), 0).mean()
}
