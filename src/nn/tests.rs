//! What layers say of themselves is, number for number, what version 0.1.0 told by their names; and what no layer says is an error.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::init::initialize;
use super::orthogonal::orthogonal;
use super::{BatchNorm, BatchNormConfig, Lower, Precision, running_statistics};
use crate::Error;
use crate::damsm::DamsmConfig;
use crate::discriminator::{DiscriminatorConfig, ProjectedDiscriminator, ProjectedDiscriminatorConfig};
use crate::encoder::{EncoderKind, ImageEncoderConfig};
use crate::glam::{Architecture, GeneratorConfig};
use crate::model::tensors::{self, Dtype};
use crate::model::tests::tiny_stream;
use crate::stem::TextEncoderConfig;

/// Version 0.1.0's way to initial weights.
struct ByName {
    rng: ChaCha8Rng,
    path: Vec<(String, String)>,
}

impl ByName {
    fn draw(&mut self, shape: &[usize]) -> Option<Vec<f32>> {
        let len = shape.iter().product();
        let (field, container) = self.path.last()?;
        let rng = &mut self.rng;
        let uniform = |rng: &mut ChaCha8Rng, bound: f32| (0..len).map(|_| rng.random_range(-bound..bound)).collect();
        Some(match (container.as_str(), field.as_str()) {
            (_, field) if field.starts_with("running_") => return None,
            ("Struct:BatchNorm", "weight") => (0..len).map(|_| 1.0 + 0.02 * Distribution::<f32>::sample(&StandardNormal, rng)).collect(),
            ("Struct:Lstm", _) => uniform(rng, 1.0 / (shape[0] as f32 / 4.0).sqrt()),
            ("Struct:Embedding", "weight") => uniform(rng, 0.1),
            (_, "weight") if shape.len() >= 2 => orthogonal(shape, rng),
            _ => vec![0.0; len],
        })
    }
}

impl ModuleMapper for ByName {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push((name.to_string(), container_type.to_string()));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        let Some(values) = self.draw(&shape.to_vec()) else { return param };
        param.map(|old| Tensor::from_data(TensorData::new(values, shape), &old.device()))
    }
}

/// A tensor of a network, and what version 0.1.0 told of it by names.
struct Told {
    values: Vec<f32>,
    dtype: DType,
    state: bool,
    /// Kept in f32 where the network computes in 16 bits.
    exact: bool,
    /// Written in f32 to a file of f16.
    written_exact: bool,
}

#[derive(Default)]
struct Teller {
    path: Vec<(String, String)>,
    told: Vec<(String, Told)>,
}

const EXACT: [&str; 4] = ["Struct:BatchNorm", "Struct:SpectralConv2d", "Struct:SpectralLinear", "Struct:ConditioningAugmentation"];

impl ModuleVisitor for Teller {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push((name.to_string(), container_type.to_string()));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (field, container) = self.path.last().unwrap();
        let fields: Vec<&str> =
            self.path.iter().filter(|(_, container)| !container.starts_with("Enum:")).map(|(field, _)| field.as_str()).collect();
        let told = Told {
            values: param.val().into_data().convert::<f32>().try_to_vec().unwrap(),
            dtype: param.val().dtype(),
            state: field.starts_with("running_"),
            exact: self.path.iter().any(|(field, container)| EXACT.contains(&container.as_str()) || field.starts_with("running_")),
            written_exact: container == "Struct:BatchNorm",
        };
        self.told.push((fields.join("."), told));
    }
}

fn tell<M: Module>(module: &M) -> Vec<(String, Told)> {
    let mut teller = Teller::default();
    module.visit(&mut teller);
    teller.told
}

/// Initial weights, how many are drawn, and how many values are no parameters.
fn begins_as_before<M: Module>(name: &str, module: M) -> M {
    let mut by_name = ByName { rng: ChaCha8Rng::seed_from_u64(5), path: Vec::new() };
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let before = tell(&module.clone().map(&mut by_name));
    let module = initialize(module, &mut rng).unwrap();
    let now = tell(&module);
    assert_eq!(before.len(), now.len(), "{name}");
    for ((key, before), (_, now)) in before.iter().zip(&now) {
        let bits = |told: &Told| told.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert!(bits(before) == bits(now), "{name}: {key}");
    }
    assert_eq!(by_name.rng.random::<u64>(), rng.random::<u64>(), "{name}");
    let state: usize = now.iter().filter(|(_, told)| told.state).map(|(_, told)| told.values.len()).sum();
    assert_eq!(running_statistics(&module), state, "{name}");
    module
}

/// Which tensors a file of f16 has in 32 bits.
fn written_as_before<M: Module>(name: &str, module: &M) {
    let bytes = tensors::save(module, Dtype::F16).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for (key, told) in tell(module) {
        let exact = file.tensor(&key).unwrap().dtype() == safetensors::Dtype::F32;
        assert_eq!(exact, told.written_exact, "{name}: {key}");
    }
}

/// Which weights keep 32 bits where the network computes in 16.
fn lowered_as_before<M: Lower>(name: &str, module: &M) {
    for precision in [Precision::Bf16, Precision::F16] {
        for (key, told) in tell(&precision.lower(module)) {
            let expected = if told.exact { DType::F32 } else { precision.dtype() };
            assert_eq!(told.dtype, expected, "{name}: {key}");
        }
    }
}

impl Lower for ProjectedDiscriminator {}
impl Lower for crate::discriminator::Discriminator {}

#[test]
fn every_network_is_treated_as_before() {
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for architecture in [Architecture::MirrorGan, Architecture::AttnGan, Architecture::StackGan] {
        let config = GeneratorConfig { architecture, gf_dim: 2, z_dim: 4, condition_dim: 5, features: 8, residual_blocks: 1, stages: 2 };
        let name = format!("{architecture:?}");
        let generator = begins_as_before(&name, config.init(&device));
        written_as_before(&name, &generator);
        lowered_as_before(&name, &generator);
    }

    let text = TextEncoderConfig { vocabulary: 9, embedding: 8, features: 8, max_words: 3 };
    written_as_before("text", &begins_as_before("text", text.init(&device)));
    let damsm = DamsmConfig { features: 8, region_channels: 6, code_channels: 10, ..Default::default() };
    written_as_before("damsm", &begins_as_before("damsm", damsm.init(&device)));
    written_as_before("stream", &begins_as_before("stream", tiny_stream().init(&device).unwrap()));
    for kind in [EncoderKind::InceptionV3, EncoderKind::Resnet50] {
        let encoder = ImageEncoderConfig::new(kind, 1.0 / 32.0).init(&device).unwrap();
        written_as_before(kind.name(), &begins_as_before(kind.name(), encoder));
    }

    for spectral in [false, true] {
        let config = DiscriminatorConfig { df_dim: 4, features: 6, size: 128, spectral };
        let name = format!("published, spectral {spectral}");
        lowered_as_before(&name, &begins_as_before(&name, config.init(&device).unwrap()));
    }
    let config = ProjectedDiscriminatorConfig { channels: vec![4, 6, 8], features: 5, width: 8, pixel_width: 4 };
    lowered_as_before("projected", &begins_as_before("projected", config.init(&device, &mut rng).unwrap()));
}

/// A layer that nobody knows.
#[derive(Module, Debug)]
struct Odd {
    gain: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Around {
    norm: BatchNorm,
    inner: Vec<Odd>,
}

impl Lower for Around {}

fn around(device: &Device) -> Around {
    let odd = Odd { gain: Param::from_tensor(Tensor::ones([2], device)) };
    Around { norm: BatchNormConfig::new(2).init(device), inner: vec![odd] }
}

fn is_odd<T>(result: Result<T, Error>, place: &str, name: &str) -> bool {
    matches!(result, Err(Error::UnknownLayer { path, layer }) if path == place && layer == name)
}

#[test]
fn numbers_that_no_layer_knows_are_an_error() {
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    assert!(is_odd(initialize(around(&device), &mut rng), "inner.0.gain", "Struct:Odd"));
    assert!(is_odd(tensors::save(&around(&device), Dtype::F16), "inner.0.gain", "Struct:Odd"));
    // Whole, there is nothing to know.
    assert!(tensors::save(&around(&device), Dtype::F32).is_ok());
    assert_eq!(Precision::F16.lower(&around(&device)).inner[0].gain.val().dtype(), DType::F32);
}

#[test]
fn fields_that_a_layer_does_not_have_are_an_error() {
    #[derive(Module, Debug)]
    struct Linear {
        gain: Param<Tensor<1>>,
    }
    let other = Linear { gain: Param::from_tensor(Tensor::ones([2], &Device::flex())) };
    assert!(is_odd(initialize(other, &mut ChaCha8Rng::seed_from_u64(1)), "gain", "Struct:Linear"));
}
