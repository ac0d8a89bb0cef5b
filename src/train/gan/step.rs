//! One training step of the generator (paper, section 3.4), from top to bottom in [`Trainer::step`].
//!
//! 1. Draw: Î_0 … Î_{m−1} from the words and sentence of STEM, z and ε, by GLAM.
//! 2. Discriminators: each D_i learns from L_{D_i}, to tell photographs from pictures and right sentences from wrong ones.
//! 3. Generator: L_G = Σ_i L_{G_i} + λ L_stream, and the terms beside the paper's, each with its weight ([`Term`]).
//! 4. Optimizers: Adam moves the weights, and the running average follows.

use std::iter::once;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::batch::Batch;
use super::discriminator::StageDiscriminator;
use super::draw::{DrawnBatch, draw};
use super::encoded::EncodedImages;
use super::frozen::Frozen;
use super::parallel::{GradientSum, copy_to};
use super::plan::Plan;
use super::record::{LossRecord, Losses};
use super::shard::{RandomStream, Replica, Shard, split};
use crate::discriminator::Augmentation;
use crate::encoder::EfficientNetLite;
use crate::glam::{Generator, GeneratorConfig};
use crate::loss::{self, diversity};
use crate::nn::{Precision, init, ops};
use crate::train::optim::loss_scale::LossScale;
use crate::train::optim::{adam::Adam, average};
use crate::train::recipe::gan::{DiscriminatorChoice, DiversityMeasure, GanRecipe, Phase};
use crate::train::recipe::term::{PerTerm, Term};
use crate::train::stream;
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
    pub(super) discriminators: Vec<StageDiscriminator>,
    pub(super) generator_optimizer: Adam,
    pub(super) discriminator_optimizers: Vec<Adam>,
    pub(super) rng: ChaCha8Rng,
    /// The devices beside the first.
    replicas: Vec<Replica>,
    /// Of the generator, then of each discriminator; used in f16 only.
    pub(super) scales: Vec<LossScale>,
}

/// Skipped f16 steps in a row that end a training.
const MOST_SKIPPED: usize = 50;

impl Trainer {
    /// Learns from one batch. `seen` counts the pictures of this phase before it.
    ///
    /// # Errors
    /// [`Error::Diverged`] when a loss is not a number; nothing has been changed by it then but the discriminators.
    pub fn step(&mut self, step: usize, seen: usize, phase: &Phase, batch: &Batch) -> Result<Losses> {
        let plan = Plan::new(&self.recipe, phase);
        let devices: Vec<(&Device, &Frozen)> =
            once((&self.device, &self.frozen)).chain(self.replicas.iter().map(|replica| (&replica.device, &replica.frozen))).collect();
        let shards = split(&plan, batch, &devices, &mut self.rng);
        let mut losses = LossRecord::default();

        // 1. Draw. Where every shard has a device of its own, or there is one shard, the graphs of the pictures can wait for the generator's
        // turn. Otherwise the same pictures are drawn a second time then; the first time must not move the running statistics.
        let keep = phase.accumulate == 1;
        let scratch = (!keep).then(|| copy_to(&self.generator, &self.device));
        let copies: Vec<Generator> = self.replicas.iter().map(|replica| copy_to(&self.generator, &replica.device)).collect();
        let (mut fakes, mut drawn) = (Vec::with_capacity(shards.len()), Vec::with_capacity(shards.len()));
        for shard in &shards {
            let network = on_rank(shard.rank, scratch.as_ref().unwrap_or(&self.generator), &copies);
            let pictures = draw(&plan, network, &self.average, shard);
            fakes.push(pictures.augmented.iter().map(EncodedImages::detach).collect::<Vec<_>>());
            drawn.push(keep.then_some(pictures));
        }

        // 2. Discriminators.
        let mut updates = Vec::with_capacity(plan.stages.len());
        for (index, stage) in plan.stages.iter().enumerate() {
            let master = &self.discriminators[*stage];
            let scale = loss_scale(self.recipe.precision, &self.scales);
            let mut sum = GradientSum::new(master, &self.device);
            for (shard, fakes) in shards.iter().zip(&fakes) {
                let copy = (shard.rank > 0).then(|| copy_to(master, shard.device));
                let discriminator = copy.as_ref().unwrap_or(master);
                let loss = discriminator_loss(&plan, discriminator, *stage, batch, shard, &fakes[index]).mul_scalar(shard.share);
                losses.add("discriminator", loss.clone());
                sum.add(shard.device, GradientsParams::from_grads(loss.mul_scalar(scale.unwrap_or(1.0)).backward(), discriminator));
            }
            updates.push((*stage, sum.finish(scale)?));
        }
        drop(fakes);
        for (stage, gradients) in updates {
            self.scales[1 + stage].note(gradients.is_some());
            if let Some(gradients) = gradients {
                let discriminator = self.discriminators[stage].clone();
                self.discriminators[stage] =
                    self.discriminator_optimizers[stage].step(self.recipe.discriminator_lr, discriminator, gradients);
            }
        }

        // 3. Generator, against the discriminators as they are by now.
        let scale = loss_scale(self.recipe.precision, &self.scales);
        let mut sum = GradientSum::new(&self.generator, &self.device);
        for (shard, drawn) in shards.iter().zip(drawn) {
            let network = on_rank(shard.rank, &self.generator, &copies);
            let drawn = drawn.unwrap_or_else(|| draw(&plan, network, &self.average, shard));
            let loss = generator_loss(&plan, &self.discriminators, batch, shard, drawn, &mut losses)?;
            losses.add("generator", loss.clone());
            sum.add(shard.device, GradientsParams::from_grads(loss.mul_scalar(scale.unwrap_or(1.0)).backward(), network));
        }
        let gradients = sum.finish(scale)?;
        let losses = losses.read(step, scale.is_some() && gradients.is_none())?;

        // 4. The generator's optimizer, and its average.
        self.scales[0].note(gradients.is_some());
        if let Some(gradients) = gradients {
            self.generator = self.generator_optimizer.step(self.recipe.generator_lr, self.generator.clone(), gradients);
            let decay = average::decay(self.recipe.average_half_life, batch.captions.len(), seen);
            self.average = average::update(self.average.clone(), &self.generator.valid(), decay);
        }
        if let Some(scale) = self.scales.iter().find(|scale| scale.in_a_row >= MOST_SKIPPED) {
            let message = format!("{} steps in a row had gradients that f16 cannot hold; use bf16 or f32", scale.in_a_row);
            return Err(Error::Diverged { step, message });
        }
        Ok(losses)
    }
}

/// The network on the device of a shard: `first` on the trainer's own.
fn on_rank<'a, M>(rank: usize, first: &'a M, copies: &'a [M]) -> &'a M {
    if rank == 0 { first } else { &copies[rank - 1] }
}

/// What losses are multiplied with before the backward pass: nothing but in f16, and there one factor for all networks, the smallest that
/// any of them needs.
fn loss_scale(precision: Precision, scales: &[LossScale]) -> Option<f64> {
    let smallest = scales.iter().map(|scale| scale.factor).fold(f64::INFINITY, f64::min);
    (precision == Precision::F16).then_some(smallest)
}

/// L_{D_i} of the discriminator of `stage` on a shard: photographs beside `fake`, what the generator drew. Both are augmented.
fn discriminator_loss(
    plan: &Plan,
    discriminator: &StageDiscriminator,
    stage: usize,
    batch: &Batch,
    shard: &Shard,
    fake: &EncodedImages,
) -> Tensor<1> {
    let recipe = plan.recipe;
    let mut images = photographs(batch, shard, stage);
    if recipe.augmentation != Augmentation::none() {
        images = recipe.augmentation.apply(images, &mut shard.rng(RandomStream::Photographs(stage)));
        images = recipe.augmentation.move_together(images, &mut shard.rng(RandomStream::PhotographShift(stage)));
    }
    let dtype = recipe.precision.dtype();
    let real = shard.encode(plan, stage, images.clone()).cast(dtype);
    let sentence = &shard.text.sentence;
    let lowered = recipe.precision.lower(discriminator);
    let loss = lowered.discriminator_loss(&real, &fake.cast(dtype), sentence, &shard.wrong, recipe.loss);
    if recipe.gradient_penalty.weight <= 0.0 {
        return loss;
    }
    // Differences of nearby values need f32.
    let score = |images: Tensor<4>, sentence: Tensor<2>| {
        let encoded = if discriminator.takes_features() {
            shard.frozen.encode(images, plan.encoder_size(stage), Precision::F32)
        } else {
            real.with_images(images)
        };
        discriminator.score(&encoded, sentence)
    };
    loss + recipe.gradient_penalty.of(score, images, sentence.clone())
}

/// The photographs of a shard at the size of `stage`, or its patch of them.
fn photographs(batch: &Batch, shard: &Shard, stage: usize) -> Tensor<4> {
    let size = GeneratorConfig::picture_size(stage);
    let images = Tensor::from_inner(batch.images_of(shard.range.clone(), size, &shard.device.clone().inner()));
    match shard.patch {
        Some(patch) => patch.of(images, 2),
        None => images,
    }
}

/// L_G on a shard, weighted by the shard's share of the step: every term of [`Term`], in the order in which they are added.
fn generator_loss(
    plan: &Plan,
    discriminators: &[StageDiscriminator],
    batch: &Batch,
    shard: &Shard,
    drawn: DrawnBatch,
    losses: &mut LossRecord,
) -> Result<Tensor<1>> {
    let recipe = plan.recipe;
    let weights = &plan.weights;
    let last = plan.last();

    // Σ_i L_{G_i}, in its two parts.
    let mut realism = WeightedSum::new(weights, shard.device, losses);
    for (stage, fake) in plan.stages.iter().zip(&drawn.augmented) {
        // Gradients go through the discriminator, not into its weights.
        let discriminator = discriminators[*stage].clone().no_grad();
        let discriminator = if shard.rank > 0 { copy_to(&discriminator, shard.device) } else { discriminator };
        let lowered = recipe.precision.lower(&discriminator);
        let (alone, beside) = lowered.generator_loss(&fake.cast(recipe.precision.dtype()), &shard.text.sentence, recipe.loss);
        realism.add(Term::Adversarial, shard.share, alone);
        realism.add(Term::Conditional, shard.share, beside);
    }
    let realism = realism.total;

    let mut others = WeightedSum::new(weights, shard.device, losses);
    // D_KL(N(μ, σ²) ‖ N(0, 1)) of the conditioning augmentation.
    if weights[Term::Kl] > 0.0 && plan.trains_all() {
        let condition = &drawn.generated.condition;
        others.add(Term::Kl, shard.share, loss::kl_divergence(condition.mu.clone(), condition.logvar.clone()));
    }
    // Two pictures of one prompt, in features or in pixels.
    let described = drawn.described();
    if let Some(twins) = &drawn.twins {
        let apart = match (recipe.diversity, described) {
            (DiversityMeasure::Features, Some(pictures)) => {
                // Stride 4, the first, sees light and texture.
                let [pictures, twins] = [pictures, twins].map(|encoded| encoded.features.stages.get(1..).unwrap_or_default());
                diversity::features_apart(pictures, twins)
            }
            _ => {
                let half = twins.images.dims()[0];
                diversity::pictures_apart(drawn.generated.images[last].clone().narrow(0, 0, half), twins.images.clone())
            }
        };
        others.add(Term::Diversity, shard.share, diversity::mode_seeking(apart));
    }
    // The last picture made smaller, and the one before it.
    if weights[Term::Consistency] > 0.0 && last > 0 {
        let small = halve(drawn.generated.images[last].clone());
        let difference = small - drawn.generated.images[last - 1].clone().detach();
        others.add(Term::Consistency, shard.share, ops::mean(difference.abs()));
    }
    // E |I_i − photograph| of each stage that learns.
    if weights[Term::Reconstruction] > 0.0 {
        let far = |stage: &usize| ops::mean((drawn.generated.images[*stage].clone().cast(DType::F32) - photographs(batch, shard, *stage)).abs());
        if let Some(loss) = plan.stages.iter().map(far).reduce(|sum, term| sum + term) {
            others.add(Term::Reconstruction, shard.share, loss);
        }
    }
    if let Some(pictures) = described {
        // L_stream: the redescription of the last picture is the prompt.
        if weights[Term::Stream] > 0.0 {
            let (ids, mask) = stream::targets(&batch.captions[shard.range.clone()], shard.device);
            let logits = shard.frozen.redescribe(pictures, ids.clone())?;
            others.add(Term::Stream, shard.word_share, loss::redescription(logits, ids, mask));
        }
        // L_DAMSM: regions match words, and the picture its sentence.
        if weights[Term::Damsm] > 0.0 {
            let loss = shard.frozen.match_text(pictures, &shard.text, &batch.classes[shard.range.clone()])?;
            others.add(Term::Damsm, shard.share, loss);
        }
    }
    Ok(realism + others.total)
}

/// Σ_t λ_t L_t over shares of a step; each term is taken note of without its weight.
struct WeightedSum<'a> {
    weights: &'a PerTerm<f64>,
    total: Tensor<1>,
    losses: &'a mut LossRecord,
}

impl<'a> WeightedSum<'a> {
    fn new(weights: &'a PerTerm<f64>, device: &Device, losses: &'a mut LossRecord) -> Self {
        Self { weights, total: Tensor::zeros([1], device), losses }
    }

    fn add(&mut self, term: Term, share: f64, loss: Tensor<1>) {
        self.losses.add(term.name(), loss.clone().detach().mul_scalar(share));
        self.total = self.total.clone() + loss.mul_scalar(self.weights[term] * share);
    }
}

/// Pictures of half the size, each pixel the mean of four.
fn halve(images: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = images.dims();
    images.reshape([batch, channels, height / 2, 2, width / 2, 2]).mean_dim(3).mean_dim(5).reshape([batch, channels, height / 2, width / 2])
}

// What comes before the first step, and before that of each phase.
impl Trainer {
    /// Fresh networks for `recipe`; all random numbers come from `rng`.
    ///
    /// `devices` are autodiff devices; `frozen` is on the first.
    ///
    /// # Errors
    /// [`Error::Internal`] without a device; [`Error::BadInput`] when one cannot compute in the recipe's precision.
    pub fn new(recipe: GanRecipe, frozen: Frozen, devices: &[Device], mut rng: ChaCha8Rng) -> Result<Self> {
        let Some((device, others)) = devices.split_first() else {
            return Err(Error::Internal("a training is given no device".into()));
        };
        devices.iter().try_for_each(|device| recipe.precision.check(device))?;
        let device = device.clone();
        let replicas = others.iter().map(|device| Replica { device: device.clone(), frozen: frozen.copy_to(device) }).collect();
        let generator = init::initialize(recipe.generator.init(&device), &mut rng)?.sharpened(recipe.condition_gain);
        let stages = 0..recipe.generator.stages;
        let channels = frozen.encoder.as_ref().map(EfficientNetLite::stage_channels).unwrap_or_default();
        let discriminators =
            stages.clone().map(|stage| StageDiscriminator::new(&recipe, stage, channels.clone(), &mut rng, &device)).collect::<Result<_>>()?;
        Ok(Self {
            average: generator.valid(),
            generator_optimizer: adam(&recipe),
            discriminator_optimizers: stages.map(|_| adam(&recipe)).collect(),
            generator,
            discriminators,
            replicas,
            scales: vec![LossScale::default(); 1 + recipe.generator.stages],
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
        for (stage, discriminator) in self.discriminators.iter().enumerate() {
            let images = batch.images(GeneratorConfig::picture_size(stage), &self.device.clone().inner());
            let (size, precision) = (self.recipe.encoder_sizes[stage], self.recipe.precision);
            discriminator.calibrate(&self.frozen.encode(Tensor::from_inner(images), size, precision));
        }
    }

    /// Prepares for a phase of `stages` stages, of which the first `trained` have learned. A new stage starts where the one before it is, and so
    /// does the discriminator of the last one if it is new (`new_discriminator`), so that they do not have to learn from nothing what the earlier
    /// ones know; all of them begin anew where nothing has learned yet. Optimizers start afresh: their moments of weights that did not learn
    /// so far would be wrong by the correction for the first steps.
    pub fn begin_phase(&mut self, stages: usize, new_discriminator: bool, trained: usize) {
        self.generator_optimizer = adam(&self.recipe);
        self.discriminator_optimizers.iter_mut().for_each(|optimizer| *optimizer = adam(&self.recipe));
        if new_discriminator && stages > 1 && self.recipe.discriminator == DiscriminatorChoice::Projected {
            self.discriminators[stages - 1] = average::copy(self.discriminators[stages - 1].clone(), &self.discriminators[stages - 2]);
        }
        if trained > 0 {
            let start = |generator: Generator| {
                (trained..stages).fold(generator, |generator, stage| generator.map_stage(stage, average::copy, average::copy))
            };
            self.generator = start(self.generator.clone());
            self.average = start(self.average.clone());
        }
    }

    /// Optimizer steps skipped so far because f16 could not hold their gradients.
    pub fn skipped(&self) -> usize {
        self.scales.iter().map(|scale| scale.skipped).sum()
    }
}

fn adam(recipe: &GanRecipe) -> Adam {
    Adam::new(recipe.beta_1, recipe.beta_2)
}
