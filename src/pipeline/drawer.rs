//! The one way to draw: a generator laid out for its device.
//!
//! The engine, evaluation, measuring and sample grids of a training, and comparisons all draw with a [`Drawer`], so that one seed gives
//! them one picture and each of them has the speed of [`crate::nn::cpu`] on a CPU.

use burn::tensor::{Device, Tensor, TensorData};

use super::{AttentionMap, Picture, read};
use crate::glam::{CpuGenerator, CpuText, Generator};
use crate::nn::cpu::{Map, Set};
use crate::readback::read_now;
use crate::stem::{Condition, TextFeatures};
use crate::{Error, Result};

/// A generator that is ready to draw where its weights are.
#[derive(Debug)]
pub struct Drawer {
    generator: Generator,
    device: Device,
    /// The generator laid out anew, where the CPU draws; burn draws elsewhere.
    cpu: Option<CpuGenerator>,
    /// The CPU's vector instructions.
    set: Set,
}

impl Drawer {
    /// Lays out `generator`, whose weights are on `device` and do not train. On the CPU this costs some milliseconds.
    ///
    /// # Errors
    /// [`Error::Device`] when the weights cannot be read: burn would draw the same, many times slower.
    pub fn new(generator: Generator, device: &Device) -> Result<Self> {
        let set = Set::best();
        let cpu = if *device == Device::flex() { Some(CpuGenerator::new(set, &generator)?) } else { None };
        Ok(Self { generator, device: device.clone(), cpu, set })
    }

    /// Draws with other vector instructions of the CPU than the fastest: within 1 of 255 the same.
    ///
    /// # Errors
    /// As [`Drawer::new`].
    pub fn with_set(mut self, set: Set) -> Result<Self> {
        self.set = set;
        self.lay_out()?;
        Ok(self)
    }

    fn lay_out(&mut self) -> Result<()> {
        if self.cpu.is_some() {
            self.cpu = Some(CpuGenerator::new(self.set, &self.generator)?);
        }
        Ok(())
    }

    /// Draws with `generator` from here on, in the way that it drew before.
    ///
    /// # Errors
    /// As [`Drawer::new`].
    pub fn replace(&mut self, generator: Generator) -> Result<()> {
        self.generator = generator;
        self.lay_out()
    }

    /// One that draws through burn wherever it is, as on a GPU.
    #[cfg(test)]
    pub(super) fn through_burn(generator: Generator, device: &Device) -> Self {
        Self { generator, device: device.clone(), cpu: None, set: Set::best() }
    }

    /// Whether it draws with the CPU's own kernels, which know f32 only.
    pub fn is_on_cpu(&self) -> bool {
        self.cpu.is_some()
    }

    /// Number of stages.
    pub fn stages(&self) -> usize {
        self.generator.stages()
    }

    /// The first stage's features of one picture, from which [`Drawing`] goes on stage by stage.
    ///
    /// # Shapes
    /// - text: of one caption; noise: (1, z_dim); epsilon: (1, condition_dim)
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn start<'a>(&'a self, text: &'a TextFeatures, noise: Tensor<2>, epsilon: Tensor<2>) -> Result<Drawing<'a>> {
        let condition = self.generator.condition(text, epsilon);
        let features = match &self.cpu {
            Some(cpu) => {
                let features = cpu.initial(&condition, noise)?;
                Features::Cpu { cpu, text: CpuText::new(text)?, features }
            }
            None => Features::Burn { text, features: self.generator.initial(&condition, noise) },
        };
        Ok(Drawing { generator: &self.generator, condition, stage: 0, features })
    }

    /// The pictures of the last of the first `stages` stages, rounded to eight bits as files of them would be.
    ///
    /// # Shapes
    /// - text: of a batch of captions; noise: (batch, z_dim); epsilon: (batch, condition_dim)
    /// - output: (batch, 3, size, size), [−1, 1]
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn batch(&self, text: &TextFeatures, noise: Tensor<2>, epsilon: Tensor<2>, stages: usize) -> Result<Tensor<4>> {
        let stages = stages.clamp(1, self.stages());
        let [batch, _] = noise.dims();
        if self.cpu.is_none() {
            let condition = self.generator.condition(text, epsilon);
            let mut features = self.generator.initial(&condition, noise);
            for stage in 1..stages {
                features = self.generator.refine(stage, features, text, &condition).features;
            }
            return Ok(eight_bits(self.generator.image(stages - 1, features)));
        }
        let rows = (0..batch).map(|row| (text.row(row), noise.clone().narrow(0, row, 1), epsilon.clone().narrow(0, row, 1))).collect();
        let drawn = each(rows, |(text, noise, epsilon)| {
            let mut drawing = self.start(&text, noise, epsilon)?;
            while drawing.stage + 1 < stages {
                drawing.refine()?;
            }
            drawing.image_now()
        });
        let values = drawn.into_iter().collect::<Result<Vec<_>>>()?.concat();
        let size = (values.len() / (3 * batch.max(1))).isqrt();
        Ok(eight_bits(Tensor::from_data(TensorData::new(values, [batch, 3, size, size]), &self.device)))
    }

    /// As [`Drawer::batch`], off the device.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn pictures(&self, text: &TextFeatures, noise: Tensor<2>, epsilon: Tensor<2>, stages: usize) -> Result<Vec<Picture>> {
        pictures(self.batch(text, noise, epsilon, stages)?)
    }
}

/// What `draw` makes of every item, on all threads natively: a picture a thread needs fewer meetings than the rows of one.
fn each<T: Send, R: Send>(items: Vec<T>, draw: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    #[cfg(not(target_arch = "wasm32"))]
    return {
        use rayon::prelude::*;
        items.into_par_iter().map(draw).collect()
    };
    #[cfg(target_arch = "wasm32")]
    items.into_iter().map(draw).collect()
}

/// Pictures in [−1, 1], (batch, 3, size, size), off the device.
///
/// # Errors
/// [`Error::Device`].
pub fn pictures(images: Tensor<4>) -> Result<Vec<Picture>> {
    let [_, channels, height, width] = images.dims();
    Ok(read_now(images)?.chunks_exact((channels * height * width).max(1)).map(Picture::from_planes).collect())
}

/// Pictures in [−1, 1], rounded to eight bits as files of them would be.
///
/// # Shapes
/// - images, output: (batch, 3, size, size)
pub fn eight_bits(images: Tensor<4>) -> Tensor<4> {
    images.add_scalar(1.0).mul_scalar(127.5).round().clamp(0.0, 255.0).div_scalar(127.5).sub_scalar(1.0)
}

/// A picture on its way through the stages.
#[derive(Debug)]
pub struct Drawing<'a> {
    generator: &'a Generator,
    condition: Condition,
    stage: usize,
    features: Features<'a>,
}

/// What a stage gives to the next; there is one at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
enum Features<'a> {
    /// As burn keeps them.
    Burn { text: &'a TextFeatures, features: Tensor<4> },
    /// As [`CpuGenerator`] does.
    Cpu { cpu: &'a CpuGenerator, text: CpuText, features: Map },
}

/// The attention of a stage: how much each pixel attends to each word.
#[derive(Debug)]
pub enum Attention {
    /// On the device, (1, words, size, size).
    OnDevice(Box<Tensor<4>>),
    /// As numbers.
    Read(AttentionMap),
}

impl Attention {
    /// The numbers.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub async fn read(self) -> Result<AttentionMap> {
        match self {
            Self::Read(map) => Ok(map),
            Self::OnDevice(weights) => {
                let [_, words, size, _] = weights.dims();
                Ok(AttentionMap { words, size, weights: read(*weights).await? })
            }
        }
    }
}

impl Drawing<'_> {
    /// The stage that it has come to, from 0.
    pub fn stage(&self) -> usize {
        self.stage
    }

    /// Goes on to the next stage, and says where that looked; stages without word attention look nowhere.
    ///
    /// # Errors
    /// [`Error::Device`]; [`Error::BadInput`] when there is no further stage.
    pub fn refine(&mut self) -> Result<Option<Attention>> {
        let stage = self.stage + 1;
        if stage >= self.generator.stages() {
            return Err(Error::BadInput(format!("stage {stage} of {}", self.generator.stages())));
        }
        self.stage = stage;
        match &mut self.features {
            Features::Burn { text, features } => {
                let output = self.generator.refine(stage, features.clone(), text, &self.condition);
                *features = output.features;
                Ok(output.attention.map(|weights| Attention::OnDevice(Box::new(weights))))
            }
            Features::Cpu { cpu, text, features } => {
                let size = features.width;
                let input = std::mem::replace(features, Map::new(0, 0, 0));
                let (refined, weights) = cpu.refine(stage, input, text, &self.condition)?;
                *features = refined;
                let words = |weights: &Vec<f32>| weights.len() / (size * size).max(1);
                Ok(weights.map(|weights| Attention::Read(AttentionMap { words: words(&weights), size, weights })))
            }
        }
    }

    /// The stage's picture in [−1, 1], plane after plane.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub async fn image(&self) -> Result<Vec<f32>> {
        match &self.features {
            Features::Burn { features, .. } => read(self.generator.image(self.stage, features.clone())).await,
            Features::Cpu { cpu, features, .. } => Ok(cpu.image(self.stage, features)),
        }
    }

    /// [`Drawing::image`] without a device to wait for.
    fn image_now(&self) -> Result<Vec<f32>> {
        match &self.features {
            Features::Burn { features, .. } => read_now(self.generator.image(self.stage, features.clone())),
            Features::Cpu { cpu, features, .. } => Ok(cpu.image(self.stage, features)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glam::{Architecture, GeneratorConfig};
    use crate::nn::init::initialize;
    use crate::pipeline::Noise;
    use crate::stem::{TextBatch, TextEncoderConfig};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// A batch of captions of different lengths, with what both ways of drawing make of it.
    #[test]
    fn a_batch_on_the_cpu_is_what_burn_draws_and_each_picture_is_its_own() {
        let device = Device::flex();
        let config = GeneratorConfig {
            architecture: Architecture::MirrorGan,
            gf_dim: 4,
            z_dim: 8,
            condition_dim: 8,
            features: 8,
            ..Default::default()
        };
        let text = TextEncoderConfig { vocabulary: 5, embedding: 4, features: 8, max_words: 4 };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (stem, generator) = (initialize(text.init(&device), &mut rng).unwrap(), initialize(config.init(&device), &mut rng).unwrap());
        let (cpu, burn) = (Drawer::new(generator.clone(), &device).unwrap(), Drawer::through_burn(generator, &device));
        assert!(cpu.is_on_cpu() && !burn.is_on_cpu());
        let prompts = [vec![1, 2, 3], vec![4]];
        let text = stem.forward(&TextBatch::new(&prompts, &device));
        let mut noise = Noise::new(3);
        let (z, epsilon): (Vec<_>, Vec<_>) = prompts.iter().map(|_| noise.next(&config, &device)).unzip();
        let draw =
            |drawer: &Drawer, stages| drawer.pictures(&text, Tensor::cat(z.clone(), 0), Tensor::cat(epsilon.clone(), 0), stages).unwrap();
        for stages in 1..=3 {
            let (own, burns) = (draw(&cpu, stages), draw(&burn, stages));
            assert_eq!((own.len(), own[0].width()), (2, 32 << stages));
            assert_ne!(own[0], own[1]);
            for (a, b) in own.iter().zip(&burns) {
                let pairs = a.rgba().iter().zip(b.rgba());
                assert!(pairs.clone().all(|(a, b)| a.abs_diff(*b) <= 1), "{stages} stages");
                let other = pairs.filter(|(a, b)| a != b).count();
                assert!(other * 100 < a.rgba().len(), "{other} bytes of {stages} stages differ");
            }
        }
        // The last picture alone, stage by stage, without the padding of the batch.
        let alone = stem.forward(&TextBatch::new(&prompts[1..], &device));
        let mut drawing = cpu.start(&alone, z[1].clone(), epsilon[1].clone()).unwrap();
        let (second, third) = (drawing.refine().unwrap(), drawing.refine().unwrap());
        assert!(second.is_some() && third.is_some());
        let picture = Picture::from_planes(&drawing.image_now().unwrap());
        assert!(picture.rgba().iter().zip(draw(&cpu, 3)[1].rgba()).all(|(a, b)| a.abs_diff(*b) <= 1));
        assert!(matches!(drawing.refine(), Err(Error::BadInput(_))), "there is no fourth stage");
    }
}
