//! The parts of a step: several batches one after the other (gradient accumulation), each shared among devices (data parallelism).
//!
//! Everything random of a step is drawn here, in one order whatever the number of parts, or comes from a stream of a shard's own seed.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::batch::Batch;
use super::encoded::EncodedImages;
use super::frozen::Frozen;
use super::plan::Plan;
use crate::discriminator::Augmentation;
use crate::glam::GeneratorConfig;
use crate::loss::adversarial::mismatch;
use crate::stem::TextFeatures;

/// A device beside the first, with its own copies of the frozen networks.
pub struct Replica {
    /// The autodiff device.
    pub device: Device,
    /// Copies on it.
    pub frozen: Frozen,
}

/// What one device computes at once. All tensors are on it.
pub struct Shard<'a> {
    /// Which device: 0 is the trainer's own, whose weights are no copies.
    pub rank: usize,
    /// The autodiff device.
    pub device: &'a Device,
    /// The frozen networks on it.
    pub frozen: &'a Frozen,
    /// Which pictures of the step.
    pub range: Range<usize>,
    /// Its part of all pictures.
    pub share: f64,
    /// Its part of all words, end marks included.
    pub word_share: f64,
    /// What STEM makes of the captions.
    pub text: TextFeatures,
    /// Each picture's wrong sentence, (range, D).
    pub wrong: Tensor<2>,
    /// z, (range, z_dim).
    pub noise: Tensor<2>,
    /// ε, (range, condition_dim).
    pub epsilon: Tensor<2>,
    /// z and ε of the second pictures of the first half.
    pub twins: Option<(Tensor<2>, Tensor<2>)>,
    /// The part of the pictures that this step is about, where it is not all of them.
    pub patch: Option<Patch>,
    /// Where the augmentation's random numbers come from.
    augmentation: u64,
}

/// A square of pictures, in px of the features that the last stage begins with: half of its pictures'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    top: usize,
    left: usize,
    side: usize,
}

impl Patch {
    /// A square whose pictures have `side` px, anywhere in pictures of `size` px.
    fn draw(side: usize, size: usize, rng: &mut impl Rng) -> Self {
        let (side, size) = (side / 2, size / 2);
        let mut place = || rng.random_range(0..=size - side);
        Self { top: place(), left: place(), side }
    }

    /// The square of what is `scale` times as large as those features: 1 for them and the pictures of the stage before, 2 for the last's.
    ///
    /// # Shapes
    /// - values: (batch, channels, h, w); output: (batch, channels, scale · side, scale · side)
    pub fn of(self, values: Tensor<4>, scale: usize) -> Tensor<4> {
        values.narrow(2, scale * self.top, scale * self.side).narrow(3, scale * self.left, scale * self.side)
    }
}

/// What a shard's random numbers are for; each has streams of its own, one a stage where there is one for each.
#[derive(Debug, Clone, Copy)]
pub enum RandomStream {
    /// How each drawn picture is changed, stage after stage.
    Drawn,
    /// How each photograph is changed, at the size of a stage.
    Photographs(usize),
    /// How far the drawn pictures of a stage are moved together.
    DrawnShift(usize),
    /// How far the photographs are, at the size of a stage.
    PhotographShift(usize),
}

impl Shard<'_> {
    /// The random numbers of a stream, from its beginning.
    pub fn rng(&self, stream: RandomStream) -> ChaCha8Rng {
        let number = match stream {
            RandomStream::Drawn => 1,
            RandomStream::Photographs(stage) => 2 + stage,
            RandomStream::DrawnShift(stage) => 16 + stage,
            RandomStream::PhotographShift(stage) => 32 + stage,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.augmentation);
        rng.set_stream(number as u64);
        rng
    }

    /// Pictures of `stage`, (range, 3, size, size) in [−1, 1], or the step's patch of them, with their features.
    pub fn encode(&self, plan: &Plan, stage: usize, images: Tensor<4>) -> EncodedImages {
        self.frozen.encode(images, plan.encoder_size(stage), plan.recipe.precision)
    }
}

/// The shards of a batch on `devices`, those of the first one last, each an autodiff device with the frozen networks on it.
pub fn split<'a>(plan: &Plan, batch: &Batch, devices: &[(&'a Device, &'a Frozen)], rng: &mut ChaCha8Rng) -> Vec<Shard<'a>> {
    let Some((first, frozen)) = devices.first() else { return Vec::new() };
    let config = &plan.recipe.generator;
    let count = batch.captions.len();
    let text = frozen.text(&batch.captions, first);
    let wrong = if count > 1 { mismatch(text.sentence.clone()) } else { text.sentence.clone() };
    let (z, epsilon) = noise(config, count, first, rng);
    let words = |captions: &[Vec<usize>]| captions.iter().map(|caption| caption.len() + 1).sum::<usize>() as f64;
    let all_words = words(&batch.captions);
    let patch = plan.phase.patch.map(|side| Patch::draw(side, GeneratorConfig::picture_size(plan.last()), rng));
    let shard = |(index, range): (usize, Range<usize>)| {
        let rank = index % devices.len();
        let (device, frozen) = devices[rank];
        let length = range.len();
        let part = |tensor: &Tensor<2>| tensor.clone().narrow(0, range.start, length).to_device(device);
        let twins = plan.draws_twins().then(|| noise(config, length.div_ceil(2), first, rng));
        Shard {
            rank,
            device,
            frozen,
            share: length as f64 / count as f64,
            word_share: words(&batch.captions[range.clone()]) / all_words,
            text: TextFeatures {
                words: text.words.clone().narrow(0, range.start, length).to_device(device),
                sentence: part(&text.sentence),
                mask: part(&text.mask),
            },
            wrong: part(&wrong),
            noise: part(&z),
            epsilon: part(&epsilon),
            twins: twins.map(|(z, epsilon)| (z.to_device(device), epsilon.to_device(device))),
            patch,
            augmentation: if plan.recipe.augmentation == Augmentation::none() { 0 } else { rng.random() },
            range,
        }
    };
    let mut shards: Vec<_> = ranges(count, plan.phase.accumulate, devices.len()).into_iter().enumerate().map(shard).collect();
    // Others begin first: where the trainer's own device is the processor, this thread has time for nothing else while it computes.
    shards.sort_by_key(|shard| shard.rank == 0);
    shards
}

/// The pictures of each shard: `batches` batches, each in `devices` parts of about one size.
pub fn ranges(pictures: usize, batches: usize, devices: usize) -> Vec<Range<usize>> {
    let parts = batches * devices;
    (0..parts).map(|part| part * pictures / parts..(part + 1) * pictures / parts).filter(|range| !range.is_empty()).collect()
}

/// z and ε, (batch, z_dim) and (batch, condition_dim), from N(0, 1).
fn noise(config: &GeneratorConfig, batch: usize, device: &Device, rng: &mut impl Rng) -> (Tensor<2>, Tensor<2>) {
    let mut normal = |count: usize| {
        let values: Vec<f32> = (0..batch * count).map(|_| StandardNormal.sample(rng)).collect();
        Tensor::<2>::from_data(TensorData::new(values, [batch, count]), device)
    };
    (normal(config.z_dim), normal(config.condition_dim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_the_same_place_of_features_and_of_their_pictures() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let size = 8;
        let values: Vec<f32> = (0..size * size).map(|place| place as f32).collect();
        let features = Tensor::<4>::from_data(TensorData::new(values, [1, 1, size, size]), &Device::flex());
        let doubled = features.clone().reshape::<6, _>([1, 1, size, 1, size, 1]).repeat(&[1, 1, 1, 2, 1, 2]);
        let pictures: Tensor<4> = doubled.reshape([1, 1, 2 * size, 2 * size]);
        let mut corners = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let patch = Patch::draw(6, 2 * size, &mut rng);
            let read = |tensor: Tensor<4>| tensor.into_data().try_to_vec::<f32>().unwrap();
            let seen = patch.of(features.clone(), 1);
            assert_eq!(seen.dims(), [1, 1, 3, 3]);
            let halves = patch.of(pictures.clone(), 2).reshape::<6, _>([1, 1, 3, 2, 3, 2]);
            let halves: Tensor<4> = halves.mean_dim(3).mean_dim(5).reshape([1, 1, 3, 3]);
            assert_eq!(read(halves), read(seen));
            corners.insert((patch.top, patch.left));
        }
        assert_eq!(corners.len(), 36, "every place is drawn");
    }

    #[test]
    fn every_picture_is_in_one_shard() {
        assert_eq!(ranges(8, 1, 1), vec![Range { start: 0, end: 8 }]);
        assert_eq!(ranges(8, 2, 2), [0..2, 2..4, 4..6, 6..8]);
        assert_eq!(ranges(7, 1, 2), [0..3, 3..7]);
        // The last batch of a small data set.
        assert_eq!(ranges(1, 2, 1), vec![Range { start: 0, end: 1 }]);
    }
}
