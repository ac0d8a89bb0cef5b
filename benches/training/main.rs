//! Our side of the comparison with PyTorch: answers each line `step` or `generate` on standard input with the milliseconds that it
//! took. `run.py` lets both sides work in turn.
//!
//! Arguments: device (cpu, cuda, vulkan, torch or torch-cuda), batch, GF_DIM, DF_DIM.

use std::io::{BufRead, Write};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use mirrorgan::data::{DataOptions, Dataset, EncodedCaptions, Position, Sampler, Split, tiny};
use mirrorgan::discriminator::DiscriminatorConfig;
use mirrorgan::glam::GeneratorConfig;
use mirrorgan::pipeline::Drawer;
use mirrorgan::stem::{TextBatch, TextEncoderConfig, TextFeatures};
use mirrorgan::text::Vocabulary;
use mirrorgan::train::gan::{Batch, Frozen, Trainer};
use mirrorgan::train::recipe::gan::{GanRecipe, Phase, Trains};
use mirrorgan::train::recipe::term::{PerTerm, Term};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Words of a caption, as the other side has it.
const WORDS: usize = 12;

struct Bench {
    trainer: Trainer,
    drawer: Drawer,
    text: TextFeatures,
    dataset: Dataset,
    captions: EncodedCaptions,
    sampler: Sampler,
    rng: ChaCha8Rng,
    phase: Phase,
    device: Device,
    batch: usize,
    steps: usize,
}

impl Bench {
    fn new(device: Device, batch: usize, gf_dim: usize, df_dim: usize) -> anyhow::Result<Self> {
        // Drawn shapes at 256 px, for a data set that is always at hand; no number depends on what they show.
        let folder = tempfile::tempdir()?;
        tiny::write(folder.path())?;
        let paths = [folder.path().to_path_buf()];
        let dataset = Dataset::open(&paths, Split::Train, &DataOptions::default())?;
        let texts: Vec<&str> = dataset.samples.iter().flat_map(|sample| sample.captions.iter().map(String::as_str)).collect();
        let vocabulary = Vocabulary::from_captions(texts, 1)?;
        let captions = EncodedCaptions::new(&dataset, &vocabulary)?;
        let stem = TextEncoderConfig { vocabulary: vocabulary.len(), ..Default::default() }.init(&device);
        // The published losses of generator and discriminators alone: what both sides have.
        let weights = PerTerm::default().with(Term::Stream, 0.0).with(Term::Damsm, 0.0);
        let phase =
            Phase { stages: 3, pictures: None, seconds: None, batch, trains: Trains::All, accumulate: 1, patch: None, weights: None };
        let generator = GeneratorConfig { gf_dim, ..Default::default() };
        let recipe = GanRecipe { generator, df_dim, weights, phases: vec![phase.clone()], ..Default::default() };
        let frozen = Frozen {
            stem: stem.clone(),
            encoder: None,
            decoder: None,
            damsm: None,
            region_stride: 16,
            stream_encoder: None,
            damsm_encoder: None,
        };
        let rng = ChaCha8Rng::seed_from_u64(1);
        let trainer = Trainer::new(recipe, frozen, &[device.clone().autodiff()], rng.clone())?;
        let sampler = Sampler::new(dataset.len(), batch, 1, Position::default());
        let drawer = Drawer::new(trainer.average().clone(), &device)?;
        let words: Vec<Vec<usize>> =
            (0..batch).map(|row| (0..WORDS).map(|word| 1 + (row + word) % (vocabulary.len() - 1)).collect()).collect();
        let text = stem.forward(&TextBatch::new(&words, &device));
        Ok(Self { trainer, drawer, text, dataset, captions, sampler, rng, phase, device, batch, steps: 0 })
    }

    /// One step of joint training: three discriminators, the generator, its average; from decoded pictures to losses on the host.
    fn step(&mut self) -> anyhow::Result<()> {
        let batch = Batch::draw(&self.dataset, &self.captions, self.sampler.next_batch(), WORDS, self.dataset.size, true, &mut self.rng)?;
        self.trainer.step(self.steps, self.steps * self.batch, &self.phase, &batch)?;
        self.steps += 1;
        Ok(())
    }

    /// The last stage's pictures by the average, as everything that draws gets them, read back; of features that are there, as the other
    /// side has them.
    fn generate(&mut self) -> anyhow::Result<()> {
        let noise =
            |width: usize| Tensor::<2>::from_data(TensorData::new(vec![0.5f32; self.batch * width], [self.batch, width]), &self.device);
        let config = GeneratorConfig::default();
        let drawn = self.drawer.batch(&self.text, noise(config.z_dim), noise(config.condition_dim), self.drawer.stages())?;
        drawn.try_into_data().map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(())
    }
}

/// Parameters that learn: batch norms' running statistics are not.
fn weights(module: &impl Module) -> usize {
    module.num_params() - mirrorgan::nn::running_statistics(module)
}

fn device(name: &str) -> anyhow::Result<Device> {
    Ok(match name {
        "cpu" => Device::flex(),
        #[cfg(feature = "vulkan")]
        "vulkan" => Device::vulkan(burn::tensor::DeviceKind::default()),
        #[cfg(feature = "cuda")]
        "cuda" => Device::cuda(0),
        #[cfg(feature = "tch")]
        "torch" => Device::libtorch(),
        #[cfg(feature = "tch")]
        "torch-cuda" => Device::libtorch_cuda(0),
        _ => anyhow::bail!("no device {name} in this build"),
    })
}

fn main() -> anyhow::Result<()> {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [name, batch, gf_dim, df_dim] = arguments.as_slice() else {
        anyhow::bail!("expected DEVICE BATCH GF_DIM DF_DIM; run.py starts this")
    };
    // As the command does.
    mirrorgan::cli::memory::keep();
    let (batch, gf_dim, df_dim) = (batch.parse()?, gf_dim.parse()?, df_dim.parse()?);
    let device = device(name)?;
    let mut bench = Bench::new(device.clone(), batch, gf_dim, df_dim)?;
    print!("ready {}", weights(&GeneratorConfig { gf_dim, ..Default::default() }.init(&device)));
    for size in [64, 128, 256] {
        print!(" {}", weights(&DiscriminatorConfig { df_dim, size, ..Default::default() }.init(&device)?));
    }
    println!();
    for line in std::io::stdin().lock().lines() {
        let start = Instant::now();
        match line?.trim() {
            "step" => bench.step()?,
            "generate" => bench.generate()?,
            other => anyhow::bail!("{other:?} is neither step nor generate"),
        }
        println!("{}", start.elapsed().as_secs_f64() * 1e3);
        std::io::stdout().flush()?;
    }
    Ok(())
}
