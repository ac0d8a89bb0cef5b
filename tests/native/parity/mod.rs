//! The same numbers as the reference PyTorch implementation; `tests/fixtures/README.md` says where they come from.

mod damsm_loss;
mod discriminators;
mod efficientnet_lite0;
mod generator;
mod generator_loss;
mod inception_v3;
mod pycocoevalcap;
mod redescription;
mod resnet;
mod stem;
mod stream_decoder;
mod torch_fidelity;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

/// Largest difference of outputs.
const FORWARD: f32 = 1e-4;

/// Largest relative difference of losses.
const LOSS: f32 = 1e-5;

/// Largest relative difference of gradients.
const GRADIENT: f32 = 1e-3;

fn fixture_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The state dict NAME.pth and the numbers NAME.safetensors of the folder that `MIRRORGAN_ENCODER_REFERENCE` names.
fn reference(name: &str) -> (PathBuf, Fixture) {
    let folder = std::env::var_os("MIRRORGAN_ENCODER_REFERENCE").expect("set MIRRORGAN_ENCODER_REFERENCE");
    let file = |extension| Path::new(&folder).join(format!("{name}.{extension}"));
    (file("pth"), Fixture(std::fs::read(file("safetensors")).expect("the reference's numbers")))
}

/// The largest difference, as a share of the largest value that is expected.
fn largest_share(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|value| value.is_finite()));
    let largest = expected.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

/// Within a ten-thousandth of the largest value.
fn close_share(what: &str, found: &[f32], expected: &[f32]) {
    let share = largest_share(found, expected);
    assert!(share < FORWARD, "{what}: the largest difference is {share:e} of the largest value");
}

/// One fixture file.
struct Fixture(Vec<u8>);

impl Fixture {
    fn read(name: &str) -> Self {
        let path = fixture_path(name);
        Self(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn data(&self, key: &str) -> TensorData {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let view = file.tensor(key).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(view.dtype(), Dtype::F32, "{key}");
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        TensorData::new::<f32, _>(values, view.shape())
    }

    fn tensor<const D: usize>(&self, key: &str, device: &Device) -> Tensor<D> {
        Tensor::from_data(self.data(key), device)
    }

    fn floats(&self, key: &str) -> Vec<f32> {
        self.data(key).try_to_vec().expect("f32")
    }

    /// Whole numbers, row after row.
    fn integers(&self, key: &str) -> Vec<usize> {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let view = file.tensor(key).unwrap_or_else(|error| panic!("{key}: {error}"));
        match view.dtype() {
            Dtype::U8 => view.data().iter().map(|b| usize::from(*b)).collect(),
            Dtype::I64 => view.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("8 bytes")) as usize).collect(),
            other => panic!("{key}: {other:?}"),
        }
    }

    /// Fills a module with the tensors under `prefix`. `table` leads from the beginnings of our paths to those of PyTorch's keys.
    fn load<M: Module>(&self, module: M, prefix: &str, table: &[(String, String)]) -> M {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let unused = file.names().into_iter().filter(|name| name.starts_with(prefix)).map(str::to_string).collect();
        let mut loader = Loader { fixture: self, prefix, table, path: Vec::new(), unused };
        let module = module.map(&mut loader);
        loader.unused.retain(|name| !name.ends_with("num_batches_tracked"));
        assert!(loader.unused.is_empty(), "no place for {:?}", loader.unused);
        module
    }
}

/// Beginnings of paths and keys.
fn table(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(ours, theirs)| (ours.to_string(), theirs.to_string())).collect()
}

/// PyTorch's key for one of our paths.
fn key(path: &str, table: &[(String, String)]) -> String {
    let found = table.iter().find_map(|(ours, theirs)| {
        let rest = path.strip_prefix(ours.as_str())?;
        (rest.is_empty() || rest.starts_with('.')).then(|| format!("{theirs}{rest}"))
    });
    found.unwrap_or_else(|| panic!("no key for {path}"))
}

struct Loader<'a> {
    fixture: &'a Fixture,
    prefix: &'a str,
    table: &'a [(String, String)],
    /// (field, type) of the modules entered.
    path: Vec<(String, String)>,
    unused: BTreeSet<String>,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push((name.to_string(), container_type.to_string()));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>().join(".");
        let key = format!("{}{}", self.prefix, key(&path, self.table));
        assert!(self.unused.remove(&key), "{key} is used twice or not there");
        let data = self.fixture.data(&key);
        // burn keeps linear weights as (in, out), PyTorch as (out, in).
        let transposed = D == 2 && self.path.last().is_some_and(|(_, container)| container == "Struct:Linear");
        param.map(|old| {
            let new = Tensor::<D>::from_data(data, &old.device());
            let new = if transposed { new.swap_dims(0, 1) } else { new };
            assert_eq!(new.dims(), old.dims(), "{key}");
            new.detach().set_require_grad(old.is_require_grad())
        })
    }
}

/// Something of each parameter of a module, by path.
fn collect<M: Module>(module: &M, gradients: Option<&Gradients>) -> BTreeMap<String, Vec<f32>> {
    struct Collector<'a> {
        path: Vec<String>,
        gradients: Option<&'a Gradients>,
        found: BTreeMap<String, Vec<f32>>,
    }
    impl ModuleVisitor for Collector<'_> {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = match self.gradients {
                None => Some(param.val().without_autodiff()),
                Some(gradients) => param.val().grad(gradients),
            };
            if let Some(tensor) = tensor {
                self.found.insert(self.path.join("."), values(tensor));
            }
        }
    }
    let mut collector = Collector { path: Vec::new(), gradients, found: BTreeMap::new() };
    module.visit(&mut collector);
    collector.found
}

/// The values of a tensor, row after row.
fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

/// Every `step`th pixel in both directions, row after row.
fn every(step: usize, tensor: Tensor<4>) -> Vec<f32> {
    let [_, _, height, width] = tensor.dims();
    let kept = |(i, value): (usize, f32)| ((i / width % height).is_multiple_of(step) && (i % width).is_multiple_of(step)).then_some(value);
    values(tensor).into_iter().enumerate().filter_map(kept).collect()
}

/// The three pictures of the fixtures' formula: ((k0 · b + k1 · c + k2 · y + k3 · x) mod 256) / 127.5 − 1.
fn images([k0, k1, k2, k3]: [usize; 4], size: usize, device: &Device) -> Tensor<4> {
    let value = |i: usize| {
        let (x, y, c, b) = (i % size, i / size % size, i / (size * size) % 3, i / (size * size * 3));
        ((k0 * b + k1 * c + k2 * y + k3 * x) % 256) as f32 / 127.5 - 1.0
    };
    let data = (0..9 * size * size).map(value).collect::<Vec<_>>();
    Tensor::from_data(TensorData::new(data, [3, 3, size, size]), device)
}

fn real_images(size: usize, device: &Device) -> Tensor<4> {
    images([131, 71, 17, 29], size, device)
}

fn fake_images(size: usize, device: &Device) -> Tensor<4> {
    images([59, 113, 43, 7], size, device)
}

/// |found − expected| ≤ absolute + relative · |expected|, everywhere.
fn close(what: &str, found: &[f32], expected: &[f32], absolute: f32, relative: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let allowed = absolute + relative * expected.abs();
        // So written, NaN is not close to anything.
        assert!((found - expected).abs() <= allowed, "{what}[{i}]: found {found}, expected {expected}");
    }
}

fn close_forward(what: &str, found: &[f32], expected: &[f32]) {
    close(what, found, expected, FORWARD, 0.0);
}

fn close_loss(what: &str, found: Tensor<1>, expected: &[f32]) {
    close(what, &values(found), expected, 0.0, LOSS);
}

/// Values that are tiny beside the largest may differ by a share of it: they are differences of larger ones.
fn close_gradient(what: &str, found: &[f32], expected: &[f32]) {
    let largest = expected.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
    assert!(largest > 0.0, "{what}: nothing to compare with");
    close(what, found, expected, 1e-2 * GRADIENT * largest, GRADIENT);
}
