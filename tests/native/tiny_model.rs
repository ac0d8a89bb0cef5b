//! A whole model of random weights, small enough to draw with in the browser's tests: written, read back, drawn from.

use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use mirrorgan::damsm::{DamsmConfig, MatcherConfig};
use mirrorgan::glam::GeneratorConfig;
use mirrorgan::model::{Dtype, Model, ModelConfig, read_folder, write_folder};
use mirrorgan::nn::init::initialize;
use mirrorgan::pipeline::{Engine, GenerateOptions, block_on};
use mirrorgan::stem::TextEncoderConfig;
use mirrorgan::stream::StreamConfig;
use mirrorgan::text::Vocabulary;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const WORDS: &str = "a and bright center flower has is long many of petals pink purple red round stamen the thin this white with yellow";
const PROMPT: &str = "this flower has pink petals and a yellow center";

/// Untrained convolutions halve what they are given; after ten of them every picture would be grey.
struct Louder;

impl ModuleMapper for Louder {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D == 4 { param.map(|weight| weight.mul_scalar(2.0)) } else { param }
    }
}

fn tiny(device: &Device) -> Model {
    let vocabulary = Vocabulary::new(WORDS.split(' ').map(String::from)).unwrap();
    let text = TextEncoderConfig { vocabulary: vocabulary.len(), embedding: 20, features: 32, max_words: 12 };
    let generator = GeneratorConfig { gf_dim: 4, z_dim: 16, condition_dim: 20, features: 32, ..GeneratorConfig::default() };
    let stream = StreamConfig {
        vocabulary: vocabulary.len(),
        embedding: 16,
        hidden: 24,
        image_features: 64,
        encoder_width: 0.25,
        image_size: 64,
        max_words: 8,
        ..StreamConfig::default()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(64);
    let stem = initialize(text.init(device), &mut rng).unwrap();
    let glam = initialize(generator.init(device), &mut rng).unwrap().map(&mut Louder);
    let mirror = initialize(stream.init(device).unwrap(), &mut rng).unwrap();
    let config = ModelConfig::new("tiny flowers", "nothing: its weights are random", text, generator, Some(stream));
    let damsm = DamsmConfig { features: 32, region_channels: 28, code_channels: 64, ..DamsmConfig::default() };
    let matcher = MatcherConfig { damsm, region_stride: 16, image_size: 64 };
    let head = initialize(matcher.init(device), &mut rng).unwrap();
    Model::new(config, vocabulary, stem, glam, Some(mirror)).unwrap().with_matcher(matcher, head).unwrap()
}

/// The browser's tests take the model from where this test leaves it.
#[test]
fn a_written_model_draws_what_it_drew() {
    let device = Device::flex();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tiny-model");
    write_folder(&folder, &tiny(&device), Dtype::F16).unwrap();

    let options = GenerateOptions { seed: 7, count: 2, caption: true, ..GenerateOptions::default() };
    let draw = |model: Model| block_on(Engine::new(model, device.clone()).unwrap().generate(PROMPT, &options, async |_| Ok(()))).unwrap();
    let [first, second] = [draw(read_folder(&folder, &device).unwrap()), draw(read_folder(&folder, &device).unwrap())];
    assert_eq!(first, second);

    let sizes: Vec<usize> = first.pictures[0].stages.iter().map(|stage| stage.image.width()).collect();
    assert_eq!(sizes, [64, 128, 256]);
    let engine = Engine::new(read_folder(&folder, &device).unwrap(), device).unwrap();
    for picture in &first.pictures {
        let described = block_on(engine.caption(&picture.stages[2].image)).unwrap();
        assert_eq!(picture.caption, Some(described), "what is described is the picture that is given out");
    }
    assert_ne!(first.pictures[0].stages[2].image, first.pictures[1].stages[2].image);
    let pixels = first.pictures[0].stages[2].image.rgba();
    assert!(pixels.iter().collect::<std::collections::HashSet<_>>().len() > 100, "a picture has more than a few colours");
}
