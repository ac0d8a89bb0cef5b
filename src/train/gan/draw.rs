//! What the generator draws in a step, and how its judges see it.

use burn::module::Module;
use burn::tensor::Tensor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::judge::View;
use super::shard::Shard;
use super::step::Trainer;
use crate::glam::{Generated, Generator};
use crate::stem::{Condition, TextFeatures};
use crate::train::recipe::gan::{DiversityMeasure, LossWeights, Phase, Trains};

/// Streams of a shard's random numbers, one a stage, for how far drawn pictures and photographs are moved.
const JITTER: u64 = 16;
pub(super) const REAL_JITTER: u64 = 32;

/// What a shard drew.
pub struct Drawn {
    /// All stages.
    pub generated: Generated,
    /// Second pictures of the first half, by the last stage, with features where those are compared.
    pub twins: Option<View>,
    /// Of each stage that learns, as the discriminators see it.
    pub views: Vec<View>,
    /// The last picture as STREAM, DAMSM and its twin see it, where that is another view.
    pub own: Option<View>,
}

impl Drawn {
    /// The views alone, without their graph.
    pub fn detach(self) -> Self {
        let Generated { images, condition, .. } = self.generated;
        Self {
            generated: Generated { images: images.into_iter().map(Tensor::detach).collect(), attention: Vec::new(), condition },
            twins: None,
            views: self.views.iter().map(View::detach).collect(),
            own: None,
        }
    }
}

impl Trainer {
    /// The pictures of a shard and how they are seen.
    pub(super) fn pictures(&self, network: &Generator, phase: &Phase, weights: &LossWeights, stages: &[usize], shard: &Shard) -> Drawn {
        let network = self.recipe.precision.lower(network);
        let (generated, twins) = match &shard.twins {
            Some(twins) => self.draw_twins(&network, phase, shard, twins),
            None => (self.draw(&network, phase, &shard.text, shard.noise.clone(), shard.epsilon.clone()), None),
        };
        let images = |stage: usize| generated.images[stage].clone();
        let augmentation = &self.recipe.augmentation;
        let plain = !augmentation.changes_each();
        let mut rng = ChaCha8Rng::seed_from_u64(shard.augmentation);
        rng.set_stream(1);
        let judged = |stage: usize, rng: &mut ChaCha8Rng| {
            let images = self.moved(images(stage), shard, stage);
            self.view(shard.worker, stage, if plain { images } else { augmentation.apply(images, rng) })
        };
        let views: Vec<View> = stages.iter().map(|stage| judged(*stage, &mut rng)).collect();
        let last = phase.stages - 1;
        let features = self.recipe.diversity == DiversityMeasure::Features;
        let seen = weights.stream > 0.0 || weights.damsm > 0.0 || (twins.is_some() && features);
        let own = (seen && !plain).then(|| self.view(shard.worker, last, self.moved(images(last), shard, last)));
        let twins = twins
            .map(|twins| if features { self.view(shard.worker, last, self.moved(twins, shard, last)) } else { View::of_images(twins) });
        Drawn { generated, twins, views, own }
    }

    /// Drawn pictures of a stage as far from their place as all of this step.
    fn moved(&self, images: Tensor<4>, shard: &Shard, stage: usize) -> Tensor<4> {
        let mut rng = ChaCha8Rng::seed_from_u64(shard.augmentation);
        rng.set_stream(JITTER + stage as u64);
        self.recipe.augmentation.move_together(images, &mut rng)
    }

    /// The pictures of a shard, and second ones of its first half with other noise. They are drawn as one batch: batch norms must not
    /// tell the two apart.
    fn draw_twins(
        &self,
        network: &Generator,
        phase: &Phase,
        shard: &Shard,
        twins: &(Tensor<2>, Tensor<2>),
    ) -> (Generated, Option<Tensor<4>>) {
        let text = &shard.text;
        let (batch, half) = (shard.range.len(), twins.0.dims()[0]);
        let both = |all: &Tensor<2>| Tensor::cat(vec![all.clone(), all.clone().narrow(0, 0, half)], 0);
        let text = TextFeatures {
            words: Tensor::cat(vec![text.words.clone(), text.words.clone().narrow(0, 0, half)], 0),
            sentence: both(&text.sentence),
            mask: both(&text.mask),
        };
        let joined = |own: &Tensor<2>, twin: &Tensor<2>| Tensor::cat(vec![own.clone(), twin.clone()], 0);
        let (noise, epsilon) = (joined(&shard.noise, &twins.0), joined(&shard.epsilon, &twins.1));
        let drawn = self.draw(network, phase, &text, noise, epsilon);
        let own = |all: Tensor<2>| all.narrow(0, 0, batch);
        let twins = drawn.images[phase.stages - 1].clone().narrow(0, batch, half);
        let condition = Condition { value: own(drawn.condition.value), mu: own(drawn.condition.mu), logvar: own(drawn.condition.logvar) };
        let images = drawn.images.into_iter().map(|images| images.narrow(0, 0, batch)).collect();
        (Generated { images, attention: Vec::new(), condition }, Some(twins))
    }

    /// The pictures of a text, of every stage up to the phase's last.
    fn draw(&self, network: &Generator, phase: &Phase, text: &TextFeatures, noise: Tensor<2>, epsilon: Tensor<2>) -> Generated {
        if phase.trains == Trains::All || phase.stages == 1 {
            return network.forward_stages(text, noise, epsilon, phase.stages);
        }
        // The earlier stages are done: their averages draw, off the graph, and the last stage learns on top.
        let off =
            TextFeatures { words: text.words.clone().inner(), sentence: text.sentence.clone().inner(), mask: text.mask.clone().inner() };
        let last = phase.stages - 1;
        let average = self.average.clone().fork(&off.sentence.device());
        let condition = average.condition(&off, epsilon.inner());
        let mut features = average.initial(&condition, noise.inner());
        let mut images = vec![Tensor::from_inner(average.image(0, features.clone()))];
        for stage in 1..last {
            features = average.refine(stage, features, &off, &condition).features;
            images.push(Tensor::from_inner(average.image(stage, features.clone())));
        }
        let condition = Condition {
            value: Tensor::from_inner(condition.value),
            mu: Tensor::from_inner(condition.mu),
            logvar: Tensor::from_inner(condition.logvar),
        };
        let features = Tensor::<4>::from_inner(features).cast(self.recipe.precision.dtype());
        let output = network.refine(last, features, text, &condition);
        images.push(network.image(last, output.features));
        Generated { images, attention: output.attention.into_iter().collect(), condition }
    }

    /// Pictures of `stage`, (batch, 3, size, size) in [−1, 1], as the networks of a device see them.
    pub(super) fn view(&self, worker: usize, stage: usize, images: Tensor<4>) -> View {
        self.frozen_of(worker).view(images, self.recipe.encoder_sizes[stage], self.recipe.precision)
    }
}
