//! One step: the discriminators first, then the generator (paper, section 3.4).

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::batch::Batch;
use super::judge::{Frozen, Judge, View};
use crate::glam::{Generated, Generator, GeneratorConfig};
use crate::host;
use crate::loss;
use crate::nn::init;
use crate::stem::{Condition, TextBatch, TextFeatures};
use crate::train::gan_recipe::{DiscriminatorChoice, GanRecipe, LossWeights, Phase, Trains};
use crate::train::{adam::Adam, average, stream};
use crate::{Error, Result};

/// Everything that learns, and what it learns with.
pub struct Trainer {
    pub(super) recipe: GanRecipe,
    /// The autodiff device.
    pub(super) device: Device,
    pub(super) frozen: Frozen,
    pub(super) generator: Generator,
    /// Off the autodiff graph.
    pub(super) average: Generator,
    /// One a stage.
    pub(super) judges: Vec<Judge>,
    pub(super) generator_optimizer: Adam,
    pub(super) judge_optimizers: Vec<Adam>,
    pub(super) rng: ChaCha8Rng,
}

/// What a step measured, by name.
pub type Losses = Vec<(&'static str, f64)>;

impl Trainer {
    /// Fresh networks for `recipe`; all random numbers come from `rng`.
    pub fn new(recipe: GanRecipe, frozen: Frozen, device: Device, mut rng: ChaCha8Rng) -> Result<Self> {
        let generator = init::initialize(recipe.generator.init(&device), &mut rng).sharpened(recipe.condition_gain);
        let judges = (0..recipe.generator.stages).map(|stage| Judge::new(&recipe, stage, &mut rng, &device)).collect::<Result<_>>()?;
        Ok(Self {
            average: generator.valid(),
            generator_optimizer: adam(&recipe),
            judge_optimizers: (0..recipe.generator.stages).map(|_| adam(&recipe)).collect(),
            generator,
            judges,
            recipe,
            device,
            frozen,
            rng,
        })
    }

    /// The running average of the generator, off the autodiff graph.
    pub fn average(&self) -> &Generator {
        &self.average
    }

    /// Fits the discriminators' fixed parts to photographs; once, before anything is learned.
    pub fn calibrate(&self, batch: &Batch) {
        for (stage, judge) in self.judges.iter().enumerate() {
            judge.calibrate(&self.view_real(stage, batch));
        }
    }

    /// Prepares for a phase. A last stage that is `new` starts where the one before it is, in discriminator and picture head, so that
    /// it does not have to learn from nothing what the earlier one knows. Optimizers start afresh: their moments of weights that did
    /// not learn so far would be wrong by the correction for the first steps.
    pub fn begin_phase(&mut self, stages: usize, new: bool) {
        self.generator_optimizer = adam(&self.recipe);
        self.judge_optimizers.iter_mut().for_each(|optimizer| *optimizer = adam(&self.recipe));
        if new && stages > 1 {
            let judge = self.judges.remove(stages - 1);
            let judge = if self.recipe.discriminator == DiscriminatorChoice::Projected {
                average::copy(judge, &self.judges[stages - 2])
            } else {
                judge
            };
            self.judges.insert(stages - 1, judge);
            let start = |generator: Generator| generator.map_stage(stages - 1, average::copy, average::copy);
            self.generator = start(self.generator.clone());
            self.average = start(self.average.clone());
        }
    }

    /// Learns from one batch. `seen` counts the pictures of this phase before it.
    ///
    /// # Errors
    /// [`Error::Diverged`] when a loss is not a number; nothing has been changed by it then but the discriminators.
    pub fn step(&mut self, step: usize, seen: usize, phase: &Phase, batch: &Batch) -> Result<Losses> {
        let weights = phase.weights.clone().unwrap_or_else(|| self.recipe.weights.clone());
        let text = self.frozen.text(&batch.captions, &self.device);
        let (drawn, twins) = if weights.diversity > 0.0 && phase.trains == Trains::All {
            self.draw_twins(phase, batch.captions.len(), &text)
        } else {
            (self.draw(phase, batch.captions.len(), &text), None)
        };
        let last = phase.stages - 1;
        let stages: Vec<usize> = if phase.trains == Trains::All { (0..phase.stages).collect() } else { vec![last] };
        let views: Vec<View> = stages.iter().map(|stage| self.view(*stage, drawn.images[*stage].clone())).collect();

        let mut losses: Vec<(&'static str, Tensor<1>)> = Vec::new();
        let mut judged = Tensor::<1>::zeros([1], &self.device);
        for (stage, fake) in stages.iter().zip(&views) {
            let real = self.view_real(*stage, batch);
            let loss = self.judges[*stage].loss(&real, &fake.detach(), &text.sentence);
            let grads = GradientsParams::from_grads(loss.backward(), &self.judges[*stage]);
            let judge = self.judges[*stage].clone();
            self.judges[*stage] = self.judge_optimizers[*stage].step(self.recipe.discriminator_lr, judge, grads);
            judged = judged + loss.detach();
        }
        losses.push(("discriminator", judged));

        let mut total = Tensor::<1>::zeros([1], &self.device);
        for (stage, fake) in stages.iter().zip(&views) {
            let (unconditional, conditional) = self.judges[*stage].generator_loss(fake, &text.sentence);
            losses.push(("adversarial", unconditional.clone().detach()));
            losses.push(("conditional", conditional.clone().detach()));
            total = total + unconditional.mul_scalar(weights.adversarial) + conditional.mul_scalar(weights.conditional);
        }
        total = total + self.other_losses(phase, &weights, batch, &text, &drawn, &views[views.len() - 1], twins, &mut losses)?;
        losses.push(("generator", total.clone().detach()));
        let measured = read(losses, step)?;

        let grads = GradientsParams::from_grads(total.backward(), &self.generator);
        self.generator = self.generator_optimizer.step(self.recipe.generator_lr, self.generator.clone(), grads);
        let decay = average::decay(self.recipe.average_half_life, batch.captions.len(), seen);
        self.average = average::update(self.average.clone(), &self.generator.valid(), decay);
        Ok(measured)
    }

    /// The losses beside the adversarial ones.
    #[allow(clippy::too_many_arguments)]
    fn other_losses(
        &self,
        phase: &Phase,
        weights: &LossWeights,
        batch: &Batch,
        text: &TextFeatures,
        drawn: &Generated,
        view: &View,
        twins: Option<Tensor<4>>,
        losses: &mut Vec<(&'static str, Tensor<1>)>,
    ) -> Result<Tensor<1>> {
        let mut total = Tensor::<1>::zeros([1], &self.device);
        let mut add = |name: &'static str, weight: f64, loss: Tensor<1>| {
            losses.push((name, loss.clone().detach()));
            total = total.clone() + loss.mul_scalar(weight);
        };
        let last = phase.stages - 1;
        if weights.kl > 0.0 && phase.trains == Trains::All {
            add("kl", weights.kl, loss::kl_divergence(drawn.condition.mu.clone(), drawn.condition.logvar.clone()));
        }
        if let Some(twins) = twins {
            let half = twins.dims()[0];
            let apart = (drawn.images[last].clone().narrow(0, 0, half) - twins).abs().mean();
            add("diversity", weights.diversity, apart.add_scalar(MODE_SEEKING_EPSILON).recip());
        }
        if weights.consistency > 0.0 && last > 0 {
            let small = halve(drawn.images[last].clone());
            let difference = small - drawn.images[last - 1].clone().detach();
            add("consistency", weights.consistency, difference.abs().mean());
        }
        if weights.stream > 0.0 {
            let (ids, mask) = stream::targets(&batch.captions, &self.device);
            let logits = self.frozen.redescribe(view, ids.clone())?;
            add("stream", weights.stream, loss::redescription(logits, ids, mask));
        }
        if weights.damsm > 0.0 {
            add("damsm", weights.damsm, self.frozen.match_text(view, text, &batch.classes)?);
        }
        Ok(total)
    }

    /// The pictures of a batch, and second ones of its first half with other noise. They are drawn as one batch: batch norms must not
    /// tell the two apart.
    fn draw_twins(&mut self, phase: &Phase, batch: usize, text: &TextFeatures) -> (Generated, Option<Tensor<4>>) {
        let half = batch.div_ceil(2);
        let both = |all: &Tensor<2>| Tensor::cat(vec![all.clone(), all.clone().narrow(0, 0, half)], 0);
        let text = TextFeatures {
            words: Tensor::cat(vec![text.words.clone(), text.words.clone().narrow(0, 0, half)], 0),
            sentence: both(&text.sentence),
            mask: both(&text.mask),
        };
        let drawn = self.draw(phase, batch + half, &text);
        let own = |all: Tensor<2>| all.narrow(0, 0, batch);
        let twins = drawn.images[phase.stages - 1].clone().narrow(0, batch, half);
        let condition = Condition { value: own(drawn.condition.value), mu: own(drawn.condition.mu), logvar: own(drawn.condition.logvar) };
        let images = drawn.images.into_iter().map(|images| images.narrow(0, 0, batch)).collect();
        (Generated { images, attention: Vec::new(), condition }, Some(twins))
    }

    /// z and ε, (batch, z_dim) and (batch, condition_dim), from N(0, 1).
    fn noise(&mut self, batch: usize) -> (Tensor<2>, Tensor<2>) {
        let config = &self.recipe.generator;
        let device = &self.device;
        let mut normal = |count: usize| {
            let values: Vec<f32> = (0..batch * count).map(|_| StandardNormal.sample(&mut self.rng)).collect();
            Tensor::<2>::from_data(TensorData::new(values, [batch, count]), device)
        };
        (normal(config.z_dim), normal(config.condition_dim))
    }

    fn draw(&mut self, phase: &Phase, batch: usize, text: &TextFeatures) -> Generated {
        let (noise, epsilon) = self.noise(batch);
        if phase.trains == Trains::All || phase.stages == 1 {
            return self.generator.forward_stages(text, noise, epsilon, phase.stages);
        }
        // The earlier stages are done: their averages draw, off the graph, and the last stage learns on top.
        let off =
            TextFeatures { words: text.words.clone().inner(), sentence: text.sentence.clone().inner(), mask: text.mask.clone().inner() };
        let last = phase.stages - 1;
        let condition = self.average.condition(&off, epsilon.inner());
        let mut features = self.average.initial(&condition, noise.inner());
        let mut images = vec![Tensor::from_inner(self.average.image(0, features.clone()))];
        for stage in 1..last {
            features = self.average.refine(stage, features, &off, &condition).features;
            images.push(Tensor::from_inner(self.average.image(stage, features.clone())));
        }
        let condition = Condition {
            value: Tensor::from_inner(condition.value),
            mu: Tensor::from_inner(condition.mu),
            logvar: Tensor::from_inner(condition.logvar),
        };
        let output = self.generator.refine(last, Tensor::from_inner(features), text, &condition);
        images.push(self.generator.image(last, output.features));
        Generated { images, attention: output.attention.into_iter().collect(), condition }
    }

    fn view(&self, stage: usize, images: Tensor<4>) -> View {
        self.frozen.view(images, self.recipe.encoder_sizes[stage])
    }

    fn view_real(&self, stage: usize, batch: &Batch) -> View {
        let images = batch.images(GeneratorConfig::picture_size(stage), &self.device.clone().inner());
        self.view(stage, Tensor::from_inner(images))
    }
}

/// Added to the distance of two pictures before its inverse is the loss: what a distance of nothing costs, 20.
const MODE_SEEKING_EPSILON: f32 = 0.05;

fn adam(recipe: &GanRecipe) -> Adam {
    Adam::new(recipe.beta_1, recipe.beta_2)
}

/// Pictures of half the size, each pixel the mean of four.
fn halve(images: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = images.dims();
    images.reshape([batch, channels, height / 2, 2, width / 2, 2]).mean_dim(3).mean_dim(5).reshape([batch, channels, height / 2, width / 2])
}

/// Reads all losses at once; several of one name are added.
fn read(losses: Vec<(&'static str, Tensor<1>)>, step: usize) -> Result<Losses> {
    let (names, values): (Vec<_>, Vec<_>) = losses.into_iter().unzip();
    let values = host::read_now(Tensor::cat(values, 0))?;
    let mut measured: Losses = Vec::new();
    for (name, value) in names.into_iter().zip(values) {
        if !value.is_finite() {
            let message = format!("the {name} loss is {value}; go on from the last checkpoint with a lower learning rate");
            return Err(Error::Diverged { step, message });
        }
        match measured.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += f64::from(value),
            None => measured.push((name, f64::from(value))),
        }
    }
    Ok(measured)
}

/// The text features of a batch, from frozen STEM.
pub(super) fn encode(stem: &crate::stem::TextEncoder, captions: &[Vec<usize>], device: &Device) -> TextFeatures {
    let off = device.clone().inner();
    let text = stem.forward(&TextBatch::new(captions, &off));
    TextFeatures { words: Tensor::from_inner(text.words), sentence: Tensor::from_inner(text.sentence), mask: Tensor::from_inner(text.mask) }
}
