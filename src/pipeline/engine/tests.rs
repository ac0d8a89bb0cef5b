use super::*;
use crate::glam::GeneratorConfig;
use crate::model::ModelConfig;
use crate::nn::init::initialize;
use crate::pipeline::block_on;
use crate::stem::TextEncoderConfig;
use crate::text::Vocabulary;
use burn::module::Module;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// An engine that draws as on a GPU, through burn.
fn engine() -> Engine {
    let device = Device::flex();
    let vocabulary = Vocabulary::new(["red", "flower"].map(String::from)).unwrap();
    let text = TextEncoderConfig { vocabulary: vocabulary.len(), embedding: 4, features: 8, max_words: 4 };
    let generator = GeneratorConfig { gf_dim: 4, z_dim: 8, condition_dim: 8, features: 8, ..GeneratorConfig::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (stem, drawer) = (initialize(text.init(&device), &mut rng).unwrap(), initialize(generator.init(&device), &mut rng).unwrap());
    let model = Model::new(ModelConfig::new("m", "nothing", text, generator, None), vocabulary, stem, drawer, None).unwrap();
    let drawer = Drawer::through_burn(model.generator.clone(), &device);
    Engine { model, device, drawer, describer: None }
}

#[test]
fn sixteen_bits_are_kept_where_they_draw_the_same() {
    let (halved, precision) = block_on(engine().halved()).unwrap();
    assert_eq!(precision, Precision::F16);
    let draw = |engine: &Engine| {
        let drawn = block_on(engine.generate("red", &GenerateOptions::default(), async |_| Ok(()))).unwrap();
        drawn.pictures[0].stages.iter().flat_map(|stage| stage.image.rgba().to_vec()).collect::<Vec<u8>>()
    };
    let (half, exact) = (draw(&halved), draw(&engine()));
    assert_ne!(half, exact);
    assert!(half.iter().zip(&exact).all(|(a, b)| a.abs_diff(*b) <= 3));
}

#[test]
fn other_pictures_and_broken_ones_disagree() {
    let own = engine();
    assert!(block_on(own.agree(&own.model.generator)).unwrap());
    let other = own.model.config.generator.init(&own.device);
    assert!(!block_on(own.agree(&initialize(other, &mut ChaCha8Rng::seed_from_u64(2)).unwrap())).unwrap());
    let broken = own.model.generator.clone().map(&mut Broken);
    assert!(!block_on(own.agree(&broken)).unwrap());
}

struct Broken;

impl burn::module::ModuleMapper for Broken {
    fn map_float<const D: usize>(&mut self, param: burn::module::Param<Tensor<D>>) -> burn::module::Param<Tensor<D>> {
        param.map(|weight| weight.mul_scalar(f32::NAN))
    }
}

#[test]
fn without_attention_every_place_looks_at_all_words_alike() {
    let own = engine();
    for engine in [Engine::new(engine().model, Device::flex()).unwrap(), own] {
        let draw = |attention| {
            let options = GenerateOptions { seed: 7, attention, ..GenerateOptions::default() };
            block_on(engine.generate("a red flower", &options, async |_| Ok(()))).unwrap().pictures.remove(0).stages
        };
        let (looking, even) = (draw(true), draw(false));
        assert_eq!(looking[0], even[0], "a sketch looks at the sentence alone");
        let weights = |stages: &[StageEvent]| stages[1].attention.as_ref().unwrap().weights.clone();
        assert!(weights(&even).iter().all(|weight| (weight - 0.5).abs() < 1e-5));
        assert!(weights(&looking).iter().any(|weight| (weight - 0.5).abs() > 1e-4));
        assert_ne!(looking[1].image, even[1].image);
    }
}

#[test]
fn the_cpu_stays_with_f32() {
    let own = engine();
    let on_cpu = Engine::new(own.model, own.device).unwrap();
    assert_eq!(block_on(on_cpu.halved()).unwrap().1, Precision::F32);
    let on_cpu = Engine::new(engine().model, Device::flex()).unwrap();
    assert!(on_cpu.with_precision(Precision::F16).unwrap_err().to_string().contains("f32 only"));
}

#[test]
fn a_blend_can_be_stopped_within_a_frame() {
    let engine = engine();
    let (mut frames, mut pauses) = (0, 0);
    let count = |_| {
        frames += 1;
        std::future::ready(Ok(()))
    };
    let stop = || {
        pauses += 1;
        std::future::ready(if pauses == 3 { Err(Error::Interrupted) } else { Ok(()) })
    };
    let error = block_on(engine.blend(["red", "flower"], 1, 3, count, stop)).unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    // Two pauses a frame of three stages.
    assert_eq!((frames, pauses), (1, 3));
}
