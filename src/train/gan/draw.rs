//! What the generator draws of a shard, and how its discriminators and the networks of the text see it.

use burn::module::Module;
use burn::tensor::Tensor;

use super::encoded::EncodedImages;
use super::plan::Plan;
use super::shard::{RandomStream, Shard};
use crate::glam::{Generated, Generator};
use crate::stem::{Condition, TextFeatures};
use crate::train::recipe::gan::DiversityMeasure;
use crate::train::recipe::term::Term;

/// What a shard drew.
pub struct DrawnBatch {
    /// The pictures of all stages, and the condition that they were drawn from.
    pub generated: Generated,
    /// Second pictures of the first half, by the last stage, with features where those are compared.
    pub twins: Option<EncodedImages>,
    /// Of each stage that learns, as its discriminator sees them: augmented.
    pub augmented: Vec<EncodedImages>,
    /// The last picture as STREAM and DAMSM see it and as it is compared with its twin, where that is not how discriminators do.
    pub plain: Option<EncodedImages>,
}

impl DrawnBatch {
    /// The last picture as STREAM and DAMSM see it.
    pub fn described(&self) -> Option<&EncodedImages> {
        self.plain.as_ref().or(self.augmented.last())
    }
}

/// Draws the pictures of a shard by `network`, below a last stage that learns alone by `average`.
pub fn draw(plan: &Plan, network: &Generator, average: &Generator, shard: &Shard) -> DrawnBatch {
    let recipe = plan.recipe;
    let network = recipe.precision.lower(network);
    let (generated, twins) = match &shard.twins {
        Some(twins) => draw_with_twins(plan, &network, average, shard, twins),
        None => (draw_stages(plan, &network, average, shard, &shard.text, shard.noise.clone(), shard.epsilon.clone()), None),
    };
    let images = |stage: usize| generated.images[stage].clone();
    // As far from their place as all of this step.
    let moved = |stage: usize, images: Tensor<4>| recipe.augmentation.move_together(images, &mut shard.rng(RandomStream::DrawnShift(stage)));
    let changes = recipe.augmentation.changes_each();
    let mut rng = shard.rng(RandomStream::Drawn);
    let augment = |stage: &usize| {
        let images = moved(*stage, images(*stage));
        shard.encode(plan, *stage, if changes { recipe.augmentation.apply(images, &mut rng) } else { images })
    };
    let augmented: Vec<EncodedImages> = plan.stages.iter().map(augment).collect();
    let last = plan.last();
    let by_features = recipe.diversity == DiversityMeasure::Features;
    let described = plan.weights[Term::Stream] > 0.0 || plan.weights[Term::Damsm] > 0.0 || (twins.is_some() && by_features);
    let plain = (described && changes).then(|| shard.encode(plan, last, moved(last, images(last))));
    let twins =
        twins.map(|twins| if by_features { shard.encode(plan, last, moved(last, twins)) } else { EncodedImages::of_images(twins) });
    DrawnBatch { generated, twins, augmented, plain }
}

/// The pictures of a shard, and second ones of its first half with other noise. They are drawn as one batch: batch norms must not
/// tell the two apart.
fn draw_with_twins(
    plan: &Plan,
    network: &Generator,
    average: &Generator,
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
    let joined = |first: &Tensor<2>, twin: &Tensor<2>| Tensor::cat(vec![first.clone(), twin.clone()], 0);
    let (noise, epsilon) = (joined(&shard.noise, &twins.0), joined(&shard.epsilon, &twins.1));
    let drawn = draw_stages(plan, network, average, shard, &text, noise, epsilon);
    let first = |all: Tensor<2>| all.narrow(0, 0, batch);
    let twins = drawn.images[plan.last()].clone().narrow(0, batch, half);
    let condition = Condition { value: first(drawn.condition.value), mu: first(drawn.condition.mu), logvar: first(drawn.condition.logvar) };
    let images = drawn.images.into_iter().map(|images| images.narrow(0, 0, batch)).collect();
    (Generated { images, attention: Vec::new(), condition }, Some(twins))
}

/// The pictures of a text, of every stage up to the phase's last; of the last two the shard's patch, where it has one.
fn draw_stages(
    plan: &Plan,
    network: &Generator,
    average: &Generator,
    shard: &Shard,
    text: &TextFeatures,
    noise: Tensor<2>,
    epsilon: Tensor<2>,
) -> Generated {
    if plan.trains_all() || plan.phase.stages == 1 {
        return network.forward_stages(text, noise, epsilon, plan.phase.stages);
    }
    // The earlier stages are done: their averages draw, off the graph, and the last stage learns on top.
    let off = TextFeatures { words: text.words.clone().inner(), sentence: text.sentence.clone().inner(), mask: text.mask.clone().inner() };
    let last = plan.last();
    let average = average.clone().fork(&off.sentence.device());
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
    if let Some(patch) = shard.patch {
        features = patch.of(features, 1);
        images[last - 1] = patch.of(images[last - 1].clone(), 1);
    }
    let features = Tensor::<4>::from_inner(features).cast(plan.recipe.precision.dtype());
    let output = network.refine(last, features, text, &condition);
    images.push(network.image(last, output.features));
    Generated { images, attention: output.attention.into_iter().collect(), condition }
}
