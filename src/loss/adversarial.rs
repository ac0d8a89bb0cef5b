//! What generator and discriminators make of each other: the published cross-entropies, and hinge losses for discriminators that
//! give several logits a picture.

use burn::tensor::{Tensor, activation};

use crate::discriminator::Discriminator;

/// −E log σ(logit): binary cross-entropy against the target 1. The logarithm of the sigmoid is one function, which stays finite
/// where the sigmoid itself would round to 0.
pub fn cross_entropy_real<const D: usize>(logits: Tensor<D>) -> Tensor<1> {
    activation::log_sigmoid(logits).mean().neg()
}

/// −E log(1 − σ(logit)): binary cross-entropy against the target 0.
pub fn cross_entropy_fake<const D: usize>(logits: Tensor<D>) -> Tensor<1> {
    activation::log_sigmoid(logits.neg()).mean().neg()
}

/// The published discriminator loss of one stage (paper, eq. 9, and the wrong pairs of the public code):
/// (real + real with its sentence) / 2 + (fake + fake with its sentence + real with the next picture's sentence) / 3.
///
/// `fake` is detached here. The batch norms of the discriminator see the real pictures first, then the fake ones, as published.
///
/// # Shapes
/// - real, fake: (batch, 3, size, size) in [−1, 1]; sentence: (batch, D); batch of 2 or more
/// - output: (1)
///
/// # Panics
/// When the batch has a single picture: it has no wrong sentence.
pub fn discriminator_loss(discriminator: &Discriminator, real: Tensor<4>, fake: Tensor<4>, sentence: Tensor<2>) -> Tensor<1> {
    let batch = sentence.dims()[0];
    assert!(batch > 1, "a discriminator loss of {batch} picture: wrong pairs need two");
    let real = discriminator.forward(real);
    let fake = discriminator.forward(fake.detach());
    let real_pair = cross_entropy_real(discriminator.conditional(real.clone(), sentence.clone()));
    let fake_pair = cross_entropy_fake(discriminator.conditional(fake.clone(), sentence.clone()));
    let wrong_pair = cross_entropy_fake(discriminator.conditional(real.clone().narrow(0, 0, batch - 1), sentence.narrow(0, 1, batch - 1)));
    let real_alone = cross_entropy_real(discriminator.unconditional(real));
    let fake_alone = cross_entropy_fake(discriminator.unconditional(fake));
    (real_alone + real_pair).div_scalar(2.0) + (fake_alone + fake_pair + wrong_pair).div_scalar(3.0)
}

/// The two terms of the published generator loss of one stage, each (1).
#[derive(Debug, Clone)]
pub struct GeneratorTerms {
    /// −E log D(I).
    pub unconditional: Tensor<1>,
    /// −E log D(I, s).
    pub conditional: Tensor<1>,
}

impl GeneratorTerms {
    /// Their sum: the paper (eq. 7) halves both, the public code does not.
    pub fn total(self) -> Tensor<1> {
        self.unconditional + self.conditional
    }
}

/// The published generator loss of one stage.
///
/// # Shapes
/// - fake: (batch, 3, size, size) in [−1, 1]; sentence: (batch, D)
pub fn generator_loss(discriminator: &Discriminator, fake: Tensor<4>, sentence: Tensor<2>) -> GeneratorTerms {
    let features = discriminator.forward(fake);
    GeneratorTerms {
        conditional: cross_entropy_real(discriminator.conditional(features.clone(), sentence)),
        unconditional: cross_entropy_real(discriminator.unconditional(features)),
    }
}

/// The hinge loss of a discriminator, the mean over its heads (Lim and Ye 2017):
/// E max(0, 1 − real) + E max(0, 1 + fake), or with pairs that do not belong together
/// E max(0, 1 − real) + ½ E max(0, 1 + fake) + ½ E max(0, 1 + mismatched) (DF-GAN, eq. 1).
///
/// # Shapes
/// - real, fake, mismatched: a tensor of logits a head, of any shape; at least one head
/// - output: (1)
///
/// # Panics
/// Without heads.
pub fn hinge_discriminator<const D: usize>(real: &[Tensor<D>], fake: &[Tensor<D>], mismatched: Option<&[Tensor<D>]>) -> Tensor<1> {
    let below = |logits: &Tensor<D>| activation::relu(logits.clone().add_scalar(1.0)).mean();
    let loss = mean(real, |logits| activation::relu(logits.clone().neg().add_scalar(1.0)).mean());
    match mismatched {
        None => loss + mean(fake, below),
        Some(mismatched) => loss + (mean(fake, below) + mean(mismatched, below)).div_scalar(2.0),
    }
}

/// The hinge loss of a generator, the mean over the discriminator's heads: −E fake.
///
/// # Shapes
/// - fake: a tensor of logits a head, of any shape; at least one head
/// - output: (1)
///
/// # Panics
/// Without heads.
pub fn hinge_generator<const D: usize>(fake: &[Tensor<D>]) -> Tensor<1> {
    mean(fake, |logits| logits.clone().mean().neg())
}

/// The sentences, each in its neighbour's place: pictures keep theirs and get a wrong one.
///
/// # Shapes
/// - sentence and output: (batch, D); batch of 2 or more
pub fn mismatch(sentence: Tensor<2>) -> Tensor<2> {
    let batch = sentence.dims()[0];
    Tensor::cat(vec![sentence.clone().narrow(0, 1, batch - 1), sentence.narrow(0, 0, 1)], 0)
}

/// The mean of a term over heads.
fn mean<const D: usize>(heads: &[Tensor<D>], term: impl Fn(&Tensor<D>) -> Tensor<1>) -> Tensor<1> {
    Tensor::cat(heads.iter().map(term).collect(), 0).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn cross_entropies_stay_finite_for_large_logits() {
        let device = Device::flex();
        let logits = Tensor::<1>::from_floats([-500.0, 500.0], &device);
        assert_eq!(cross_entropy_real(logits.clone()).into_scalar::<f32>(), 250.0);
        assert_eq!(cross_entropy_fake(logits).into_scalar::<f32>(), 250.0);
    }

    #[test]
    fn hinge_losses_are_those_of_the_formulas() {
        let device = Device::flex();
        let logits = |values: [f32; 2]| Tensor::<1>::from_floats(values, &device);
        let real = [logits([2.0, 0.5]), logits([0.0, -1.0])];
        let fake = [logits([-2.0, 0.0]), logits([1.0, 1.0])];
        let wrong = [logits([-1.0, -1.0]), logits([0.0, 0.0])];
        // Real: (0 + 0.5)/2 and (1 + 2)/2; fake: (0 + 1)/2 and (2 + 2)/2; wrong: 0 and 1.
        let plain = hinge_discriminator(&real, &fake, None).into_scalar::<f32>();
        assert!((plain - (0.875 + 1.25)).abs() < 1e-6, "{plain}");
        let paired = hinge_discriminator(&real, &fake, Some(&wrong)).into_scalar::<f32>();
        assert!((paired - (0.875 + 0.5 * 1.25 + 0.5 * 0.5)).abs() < 1e-6, "{paired}");
        assert_eq!(hinge_generator(&fake).into_scalar::<f32>(), 0.0);
    }

    #[test]
    fn every_picture_gets_another_sentence() {
        let sentence = Tensor::<2>::from_floats([[1.0], [2.0], [3.0]], &Device::flex());
        assert_eq!(mismatch(sentence).into_data().try_to_vec::<f32>().unwrap(), [2.0, 3.0, 1.0]);
    }
}
