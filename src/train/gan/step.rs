//! One step: the discriminators first, then the generator (paper, section 3.4).

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::batch::Batch;
use super::draw::{Drawn, REAL_JITTER};
use super::judge::{Frozen, Judge, View};
use super::shard::{self, Shard, Sum, Worker};
use crate::discriminator::Augmentation;
use crate::glam::{Generator, GeneratorConfig};
use crate::loss::{self, adversarial::mismatch, diversity};
use crate::nn::{Precision, init};
use crate::readback;
use crate::stem::{TextBatch, TextFeatures};
use crate::train::optim::loss_scale::LossScale;
use crate::train::recipe::gan::{DiscriminatorChoice, DiversityMeasure, GanRecipe, LossWeights, Phase, Trains};
use crate::train::optim::{adam::Adam, average};
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
    pub(super) judges: Vec<Judge>,
    pub(super) generator_optimizer: Adam,
    pub(super) judge_optimizers: Vec<Adam>,
    pub(super) rng: ChaCha8Rng,
    /// The devices beside the first.
    pub(super) workers: Vec<Worker>,
    /// Of the generator, then of each discriminator; used in f16 only.
    pub(super) scales: Vec<LossScale>,
}

/// What a step measured, by name.
pub type Losses = Vec<(&'static str, f64)>;

impl Trainer {
    /// Fresh networks for `recipe`; all random numbers come from `rng`.
    ///
    /// `devices` are autodiff devices; `frozen` is on the first.
    ///
    /// # Errors
    /// [`Error::BadInput`] without a device, or when one cannot compute in the recipe's precision.
    pub fn new(recipe: GanRecipe, frozen: Frozen, devices: &[Device], mut rng: ChaCha8Rng) -> Result<Self> {
        let Some((device, others)) = devices.split_first() else {
            return Err(Error::BadInput("a training needs a device".into()));
        };
        devices.iter().try_for_each(|device| recipe.precision.check(device))?;
        let device = device.clone();
        let workers = others.iter().map(|device| Worker { device: device.clone(), frozen: frozen.replica(device) }).collect();
        let generator = init::initialize(recipe.generator.init(&device), &mut rng)?.sharpened(recipe.condition_gain);
        let judges = (0..recipe.generator.stages).map(|stage| Judge::new(&recipe, stage, &mut rng, &device)).collect::<Result<_>>()?;
        Ok(Self {
            average: generator.valid(),
            generator_optimizer: adam(&recipe),
            judge_optimizers: (0..recipe.generator.stages).map(|_| adam(&recipe)).collect(),
            generator,
            judges,
            workers,
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
        for (stage, judge) in self.judges.iter().enumerate() {
            let images = batch.images(GeneratorConfig::picture_size(stage), &self.device.clone().inner());
            judge.calibrate(&self.view(0, stage, Tensor::from_inner(images)));
        }
    }

    /// Prepares for a phase of `stages` stages, of which the first `trained` have learned. A new stage starts where the one before it is, and so
    /// does the discriminator of the last one if it is new (`new_judge`), so that they do not have to learn from nothing what the earlier
    /// ones know; all of them begin anew where nothing has learned yet. Optimizers start afresh: their moments of weights that did not learn
    /// so far would be wrong by the correction for the first steps.
    pub fn begin_phase(&mut self, stages: usize, new_judge: bool, trained: usize) {
        self.generator_optimizer = adam(&self.recipe);
        self.judge_optimizers.iter_mut().for_each(|optimizer| *optimizer = adam(&self.recipe));
        if new_judge && stages > 1 {
            let judge = self.judges.remove(stages - 1);
            let judge = if self.recipe.discriminator == DiscriminatorChoice::Projected {
                average::copy(judge, &self.judges[stages - 2])
            } else {
                judge
            };
            self.judges.insert(stages - 1, judge);
        }
        if trained > 0 {
            let start = |generator: Generator| {
                (trained..stages).fold(generator, |generator, stage| generator.map_stage(stage, average::copy, average::copy))
            };
            self.generator = start(self.generator.clone());
            self.average = start(self.average.clone());
        }
    }

    /// Learns from one batch. `seen` counts the pictures of this phase before it.
    ///
    /// # Errors
    /// [`Error::Diverged`] when a loss is not a number; nothing has been changed by it then but the discriminators.
    pub fn step(&mut self, step: usize, seen: usize, phase: &Phase, batch: &Batch) -> Result<Losses> {
        let weights = self.recipe.weights_of(phase);
        let shards = self.shards(phase, &weights, batch);
        let last = phase.stages - 1;
        let stages: Vec<usize> = if phase.trains == Trains::All { (0..phase.stages).collect() } else { vec![last] };
        // Every part has a device of its own, or there is one: their graphs can wait for the generator's turn.
        let keep = phase.accumulate == 1;
        let scratch = shard::replica(&self.generator, &self.device);
        let generators: Vec<Generator> = self.workers.iter().map(|worker| shard::replica(&self.generator, &worker.device)).collect();
        let generator = |shard: &Shard| match shard.worker {
            0 => &self.generator,
            worker => &generators[worker - 1],
        };
        let mut drawn = Vec::with_capacity(shards.len());
        for shard in &shards {
            // A second drawing of the same pictures must not move the running statistics twice.
            let network = if keep || shard.worker > 0 { generator(shard) } else { &scratch };
            let pictures = self.pictures(network, phase, &weights, &stages, shard);
            drawn.push(if keep { pictures } else { pictures.detach() });
        }

        let mut losses: Vec<(&'static str, Tensor<1>)> = Vec::new();
        let mut steps = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            let master = &self.judges[*stage];
            let scale = self.scale();
            let mut sum = Sum::new(master, &self.device);
            for (shard, drawn) in shards.iter().zip(&drawn) {
                let copy = (shard.worker > 0).then(|| shard::replica(master, &self.worker_device(shard.worker)));
                let judge = copy.as_ref().unwrap_or(master);
                let loss = self.judge_loss(judge, *stage, batch, shard, &drawn.views[index])?.mul_scalar(shard.share);
                losses.push(("discriminator", self.home(loss.clone().detach())));
                sum.add(GradientsParams::from_grads(loss.mul_scalar(scale.unwrap_or(1.0)).backward(), judge));
            }
            steps.push((*stage, sum.finish(scale)?));
        }
        for (stage, gradients) in steps {
            self.scales[1 + stage].note(gradients.is_some());
            if let Some(gradients) = gradients {
                let judge = self.judges[stage].clone();
                self.judges[stage] = self.judge_optimizers[stage].step(self.recipe.discriminator_lr, judge, gradients);
            }
        }

        let scale = self.scale();
        let mut sum = Sum::new(&self.generator, &self.device);
        for (shard, drawn) in shards.iter().zip(drawn) {
            let network = match shard.worker {
                0 => &self.generator,
                worker => &generators[worker - 1],
            };
            let drawn = if keep { drawn } else { self.pictures(network, phase, &weights, &stages, shard) };
            let total = self.generator_total(phase, &weights, batch, shard, &stages, drawn, &mut losses)?;
            losses.push(("generator", self.home(total.clone().detach())));
            sum.add(GradientsParams::from_grads(total.mul_scalar(scale.unwrap_or(1.0)).backward(), network));
        }
        let gradients = sum.finish(scale)?;
        let measured = read(losses, step, scale.is_some() && gradients.is_none())?;
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
        Ok(measured)
    }

    /// Optimizer steps skipped so far because f16 could not hold their gradients.
    pub fn skipped(&self) -> usize {
        self.scales.iter().map(|scale| scale.skipped).sum()
    }

    /// What losses are multiplied with before the backward pass: nothing but in f16.
    fn scale(&self) -> Option<f64> {
        // One factor for all networks, the smallest that any of them needs.
        let smallest = self.scales.iter().map(|scale| scale.factor).fold(f64::INFINITY, f64::min);
        (self.recipe.precision == Precision::F16).then_some(smallest)
    }

    fn worker_device(&self, worker: usize) -> Device {
        if worker == 0 { self.device.clone() } else { self.workers[worker - 1].device.clone() }
    }

    pub(super) fn frozen_of(&self, worker: usize) -> &Frozen {
        if worker == 0 { &self.frozen } else { &self.workers[worker - 1].frozen }
    }

    /// A value on the first device.
    fn home(&self, value: Tensor<1>) -> Tensor<1> {
        if self.workers.is_empty() { value } else { value.to_device(&self.device) }
    }

    /// The parts of a batch, with everything random in them drawn in one order whatever their number.
    fn shards(&mut self, phase: &Phase, weights: &LossWeights, batch: &Batch) -> Vec<Shard> {
        let count = batch.captions.len();
        let text = self.frozen.text(&batch.captions, &self.device);
        let wrong = if count > 1 { mismatch(text.sentence.clone()) } else { text.sentence.clone() };
        let (noise, epsilon) = self.noise(count);
        let ranges = shard::ranges(count, phase.accumulate, 1 + self.workers.len());
        let with_twins = weights.diversity > 0.0 && phase.trains == Trains::All;
        let words = |captions: &[Vec<usize>]| captions.iter().map(|caption| caption.len() + 1).sum::<usize>() as f64;
        let all_words = words(&batch.captions);
        let devices = 1 + self.workers.len();
        let mut shards = Vec::with_capacity(ranges.len());
        for (index, range) in ranges.into_iter().enumerate() {
            let worker = index % devices;
            let device = self.worker_device(worker);
            let (start, length) = (range.start, range.len());
            let two = |tensor: &Tensor<2>| tensor.clone().narrow(0, start, length).to_device(&device);
            let twins = with_twins.then(|| self.noise(length.div_ceil(2))).map(|(z, e)| (z.to_device(&device), e.to_device(&device)));
            shards.push(Shard {
                worker,
                share: length as f64 / count as f64,
                word_share: words(&batch.captions[range.clone()]) / all_words,
                text: TextFeatures {
                    words: text.words.clone().narrow(0, start, length).to_device(&device),
                    sentence: two(&text.sentence),
                    mask: two(&text.mask),
                },
                wrong: two(&wrong),
                noise: two(&noise),
                epsilon: two(&epsilon),
                twins,
                augmentation: if self.recipe.augmentation == Augmentation::none() { 0 } else { self.rng.random() },
                range,
            });
        }
        shards
    }

    /// What the discriminator of `stage` learns from a shard.
    fn judge_loss(&self, judge: &Judge, stage: usize, batch: &Batch, shard: &Shard, fake: &View) -> Result<Tensor<1>> {
        let images = batch.images_of(shard.range.clone(), GeneratorConfig::picture_size(stage), &self.worker_device(shard.worker).inner());
        let mut images = Tensor::from_inner(images);
        if self.recipe.augmentation != Augmentation::none() {
            let mut rng = ChaCha8Rng::seed_from_u64(shard.augmentation);
            rng.set_stream(2 + stage as u64);
            images = self.recipe.augmentation.apply(images, &mut rng);
            let mut rng = ChaCha8Rng::seed_from_u64(shard.augmentation);
            rng.set_stream(REAL_JITTER + stage as u64);
            images = self.recipe.augmentation.move_together(images, &mut rng);
        }
        let precision = self.recipe.precision;
        let dtype = precision.dtype();
        let real = self.view(shard.worker, stage, images.clone()).cast(dtype);
        let fake = fake.detach().cast(dtype);
        let sentence = &shard.text.sentence;
        let mut loss = precision.lower(judge).loss(&real, &fake, sentence, &shard.wrong, self.recipe.loss);
        if self.recipe.gradient_penalty.weight > 0.0 {
            // Differences of nearby values need f32.
            let frozen = self.frozen_of(shard.worker);
            let projected = matches!(judge, Judge::Projected(_));
            let verdict = |images: Tensor<4>, sentence: Tensor<2>| {
                let view = if projected {
                    frozen.view(images, self.recipe.encoder_sizes[stage], Precision::F32)
                } else {
                    real.with_images(images)
                };
                judge.verdict(&view, sentence)
            };
            loss = loss + self.recipe.gradient_penalty.of(verdict, images, sentence.clone());
        }
        Ok(loss)
    }

    /// All losses of the generator on a shard, weighted by its share.
    #[allow(clippy::too_many_arguments)]
    fn generator_total(
        &self,
        phase: &Phase,
        weights: &LossWeights,
        batch: &Batch,
        shard: &Shard,
        stages: &[usize],
        drawn: Drawn,
        losses: &mut Vec<(&'static str, Tensor<1>)>,
    ) -> Result<Tensor<1>> {
        let device = self.worker_device(shard.worker);
        let precision = self.recipe.precision;
        let mut total = Tensor::<1>::zeros([1], &device);
        for (stage, fake) in stages.iter().zip(&drawn.views) {
            // Gradients go through the discriminator, not into its weights.
            let judge = self.judges[*stage].clone().no_grad();
            let judge = if shard.worker > 0 { shard::replica(&judge, &device) } else { judge };
            let (unconditional, conditional) =
                precision.lower(&judge).generator_loss(&fake.cast(precision.dtype()), &shard.text.sentence, self.recipe.loss);
            for (name, loss, weight) in
                [("adversarial", unconditional, weights.adversarial), ("conditional", conditional, weights.conditional)]
            {
                losses.push((name, self.home(loss.clone().detach().mul_scalar(shard.share))));
                total = total + loss.mul_scalar(weight * shard.share);
            }
        }
        let mut others = Vec::new();
        let rest = self.other_losses(phase, weights, batch, shard, &drawn, &mut others)?;
        losses.extend(others.into_iter().map(|(name, loss)| (name, self.home(loss))));
        Ok(total + rest)
    }

    /// The losses beside the adversarial ones, weighted by the shard's share.
    fn other_losses(
        &self,
        phase: &Phase,
        weights: &LossWeights,
        batch: &Batch,
        shard: &Shard,
        drawn: &Drawn,
        losses: &mut Vec<(&'static str, Tensor<1>)>,
    ) -> Result<Tensor<1>> {
        let device = self.worker_device(shard.worker);
        let frozen = self.frozen_of(shard.worker);
        let Drawn { generated, twins, views, own } = drawn;
        let mut total = Tensor::<1>::zeros([1], &device);
        let mut add = |name: &'static str, weight: f64, share: f64, loss: Tensor<1>| {
            losses.push((name, loss.clone().detach().mul_scalar(share)));
            total = total.clone() + loss.mul_scalar(weight * share);
        };
        let last = phase.stages - 1;
        let view = own.as_ref().or(views.last());
        if weights.kl > 0.0 && phase.trains == Trains::All {
            let condition = &generated.condition;
            add("kl", weights.kl, shard.share, loss::kl_divergence(condition.mu.clone(), condition.logvar.clone()));
        }
        if let Some(twins) = twins {
            let apart = match (self.recipe.diversity, view) {
                (DiversityMeasure::Features, Some(view)) => {
                    // Stride 4, the first, sees light and texture.
                    let [own, twins] = [view, twins].map(|view| view.features.stages.get(1..).unwrap_or_default());
                    diversity::features_apart(own, twins)
                }
                _ => {
                    let half = twins.images.dims()[0];
                    diversity::pictures_apart(generated.images[last].clone().narrow(0, 0, half), twins.images.clone())
                }
            };
            add("diversity", weights.diversity, shard.share, diversity::mode_seeking(apart));
        }
        if weights.consistency > 0.0 && last > 0 {
            let small = halve(generated.images[last].clone());
            let difference = small - generated.images[last - 1].clone().detach();
            add("consistency", weights.consistency, shard.share, difference.abs().mean());
        }
        let Some(view) = view else { return Ok(total) };
        if weights.stream > 0.0 {
            let (ids, mask) = stream::targets(&batch.captions[shard.range.clone()], &device);
            let logits = frozen.redescribe(view, ids.clone())?;
            add("stream", weights.stream, shard.word_share, loss::redescription(logits, ids, mask));
        }
        if weights.damsm > 0.0 {
            let loss = frozen.match_text(view, &shard.text, &batch.classes[shard.range.clone()])?;
            add("damsm", weights.damsm, shard.share, loss);
        }
        Ok(total)
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
}

/// Skipped f16 steps in a row that end a training.
const MOST_SKIPPED: usize = 50;

fn adam(recipe: &GanRecipe) -> Adam {
    Adam::new(recipe.beta_1, recipe.beta_2)
}

/// Pictures of half the size, each pixel the mean of four.
fn halve(images: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = images.dims();
    images.reshape([batch, channels, height / 2, 2, width / 2, 2]).mean_dim(3).mean_dim(5).reshape([batch, channels, height / 2, width / 2])
}

/// Reads all losses at once; several of one name are added.
///
/// # Errors
/// [`Error::Diverged`] when one is not finite, unless the step is `skipped` anyway.
fn read(losses: Vec<(&'static str, Tensor<1>)>, step: usize, skipped: bool) -> Result<Losses> {
    let (names, values): (Vec<_>, Vec<_>) = losses.into_iter().unzip();
    let values = readback::read_now(Tensor::cat(values, 0))?;
    let mut measured: Losses = Vec::new();
    for (name, value) in names.into_iter().zip(values) {
        if !value.is_finite() && !skipped {
            let message = format!("the {name} loss is {value}");
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
