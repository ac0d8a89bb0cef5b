//! Modules as safetensors, the only weight format that is read at run time, in the browser too.
//!
//! A tensor's key is the dotted path of fields that leads to it, such as `initial.upsample.0.conv.weight`. Loading is strict: a file
//! holds exactly the tensors of the module, in their shapes. It never reads from the device, for WebGPU forbids to wait.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};

use crate::nn::ModulePath;
use crate::{Error, Result};

/// How weights are written. Exact layers ([`crate::nn::layer::Layer::EXACT`]) such as batch norms are f32 in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 16 bits: half the download, 11 bits of precision.
    F16,
    /// 32 bits: what training continues from.
    F32,
}

/// The tensors of a module by key.
pub type Tensors = BTreeMap<String, TensorData>;

/// The safetensors file of a module: weights and running statistics. It reads from the device and waits.
///
/// # Errors
/// [`Error::Device`] when the device cannot be read; [`Error::BadInput`] when a weight is not finite, or too large for f16;
/// [`Error::UnknownLayer`] when f16 is asked for and nobody knows whether a layer bears it.
pub fn save<M: Module>(module: &M, dtype: Dtype) -> Result<Vec<u8>> {
    let mut reader = Reader { path: ModulePath::default(), tensors: Ok(Vec::new()), dtype };
    module.visit(&mut reader);
    let tensors = reader.tensors?;
    let views = tensors
        .iter()
        .map(|tensor| Ok((tensor.key.as_str(), TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)?)))
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>();
    views.and_then(|views| safetensors::serialize(views, None)).map_err(|error| Error::internal("the weights cannot be written", error))
}

/// `module` with the weights of the safetensors file `bytes`; `file` is its name for errors.
///
/// # Errors
/// [`Error::BadModel`] that names the key, what was found and what was expected, when the file is no safetensors, a tensor is missing,
/// left over, of another shape or type, or holds a value that is not finite.
pub fn load<M: Module>(module: M, bytes: &[u8], file: &str) -> Result<M> {
    assign(module, parse(bytes, file)?, file)
}

/// The tensors of a safetensors file, as f32.
///
/// # Errors
/// [`Error::BadModel`] when it is no such file, or holds other types than f32 and f16 or values that are not finite.
pub fn parse(bytes: &[u8], file: &str) -> Result<Tensors> {
    let archive = SafeTensors::deserialize(bytes).map_err(|error| Error::bad_model(file, format!("not a safetensors file: {error}")))?;
    let mut tensors = Tensors::new();
    for (key, view) in archive.iter() {
        let values: Vec<f32> = match view.dtype() {
            safetensors::Dtype::F32 => in_pieces::<4>(view.data(), f32::from_le_bytes),
            safetensors::Dtype::F16 => halves(view.data()),
            other => return Err(Error::bad_model(file, format!("{key} is of type {other:?}; expected F32 or F16"))),
        };
        tensors.insert(key.to_string(), TensorData::new(values, view.shape().to_vec()));
    }
    Ok(tensors)
}

/// Numbers of 16 bits. Natively the processor converts several at once.
fn halves(bytes: &[u8]) -> Vec<f32> {
    #[cfg(target_arch = "wasm32")]
    return in_pieces::<2>(bytes, |bytes| f16::from_le_bytes(bytes).to_f32());
    #[cfg(not(target_arch = "wasm32"))]
    {
        use half::slice::HalfFloatSliceExt;
        let (numbers, _) = bytes.as_chunks::<2>();
        let mut values = vec![0.0; numbers.len()];
        let mut piece = [f16::ZERO; 1 << 12];
        for (values, numbers) in values.chunks_mut(piece.len()).zip(numbers.chunks(piece.len())) {
            let piece = &mut piece[..numbers.len()];
            piece.iter_mut().zip(numbers).for_each(|(half, bytes)| *half = f16::from_le_bytes(*bytes));
            piece.convert_to_f32_slice(values);
        }
        values
    }
}

/// Numbers of N bytes. In pieces: a browser runs a function fast from some later call on, not within a call.
fn in_pieces<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    #[inline(never)]
    fn piece<const N: usize>(bytes: &[[u8; N]], values: &mut Vec<f32>, read: &impl Fn([u8; N]) -> f32) {
        values.extend(bytes.iter().map(|bytes| read(*bytes)));
    }
    let (numbers, _) = bytes.as_chunks::<N>();
    let mut values = Vec::with_capacity(numbers.len());
    numbers.chunks(1 << 12).for_each(|numbers| piece(numbers, &mut values, &read));
    values
}

/// `module` with exactly `tensors`, all f32; `file` is where they come from.
///
/// # Errors
/// As [`load`].
pub fn assign<M: Module>(module: M, tensors: Tensors, file: &str) -> Result<M> {
    let mut checker = Checker { path: ModulePath::default(), expected: BTreeMap::new() };
    module.visit(&mut checker);
    for (key, shape) in &checker.expected {
        let Some(data) = tensors.get(key) else {
            return Err(Error::bad_model(file, format!("{key} is missing; expected a tensor of shape {shape:?}")));
        };
        let found: Vec<usize> = data.shape().to_vec();
        if found != *shape {
            return Err(Error::bad_model(file, format!("{key} has shape {found:?}; expected {shape:?}")));
        }
        let values = data.as_slice::<f32>().map_err(|error| Error::bad_model(file, format!("{key}: {error:?}; expected f32")))?;
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(Error::bad_model(file, format!("{key} holds {value}; expected finite numbers")));
        }
    }
    if let Some(key) = tensors.keys().find(|key| !checker.expected.contains_key(*key)) {
        return Err(Error::bad_model(file, format!("{key} is not part of this network; expected {} tensors", checker.expected.len())));
    }
    Ok(module.map(&mut Writer { path: ModulePath::default(), tensors }))
}

/// The tensors of a module with their shapes, without reading a value.
pub fn shapes<M: Module>(module: &M) -> BTreeMap<String, Vec<usize>> {
    let mut checker = Checker { path: ModulePath::default(), expected: BTreeMap::new() };
    module.visit(&mut checker);
    checker.expected
}

struct Written {
    key: String,
    dtype: safetensors::Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

struct Reader {
    path: ModulePath,
    tensors: Result<Vec<Written>>,
    dtype: Dtype,
}

impl Reader {
    fn read<const D: usize>(&self, tensor: Tensor<D>) -> Result<Written> {
        let key = self.path.key();
        let shape: Vec<usize> = tensor.dims().to_vec();
        let data = tensor.try_into_data().map_err(|error| Error::Device(format!("{key}: {error:?}")))?;
        let values: Vec<f32> = data.convert::<f32>().try_to_vec().map_err(|error| Error::Device(format!("{key}: {error:?}")))?;
        let half = self.dtype == Dtype::F16 && !self.path.layer()?.is_exact();
        let largest = if half { f16::MAX.to_f32() } else { f32::MAX };
        if let Some(value) = values.iter().find(|value| !value.is_finite() || value.abs() > largest) {
            return Err(Error::BadInput(format!("{key} holds {value}; expected finite numbers of at most {largest}")));
        }
        let (dtype, bytes) = if half {
            (safetensors::Dtype::F16, values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect())
        } else {
            (safetensors::Dtype::F32, values.iter().flat_map(|value| value.to_le_bytes()).collect())
        };
        Ok(Written { key, dtype, shape, bytes })
    }
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.tensors.is_err() {
            return;
        }
        match self.read(param.val()) {
            Ok(tensor) => {
                if let Ok(tensors) = &mut self.tensors {
                    tensors.push(tensor);
                }
            }
            Err(error) => self.tensors = Err(error),
        }
    }
}

struct Checker {
    path: ModulePath,
    expected: BTreeMap<String, Vec<usize>>,
}

impl ModuleVisitor for Checker {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Lazily: the random weights that a new module would have are never drawn.
        self.expected.insert(self.path.key(), param.lazy_shape().to_vec());
    }
}

struct Writer {
    path: ModulePath,
    tensors: Tensors,
}

impl ModuleMapper for Writer {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // `assign` has checked that every key is there.
        let Some(data) = self.tensors.remove(&self.path.key()) else { return param };
        let tensor = Tensor::from_data(data, &param.lazy_device());
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{BatchNorm, BatchNormConfig};
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    #[derive(Module, Debug)]
    struct Small {
        layers: Vec<Linear>,
        norm: BatchNorm,
    }

    fn small(seed: u64) -> Small {
        use rand::SeedableRng;
        let device = Device::flex();
        let module = Small { layers: vec![LinearConfig::new(2, 3).init(&device)], norm: BatchNormConfig::new(3).init(&device) };
        crate::nn::init::initialize(module, &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed)).unwrap()
    }

    fn message(result: Result<Small>) -> String {
        match result {
            Ok(_) => "loaded".to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn f32_round_trip_is_exact_and_keeps_statistics() {
        let module = small(1);
        module.norm.running_mean.update(Tensor::from_floats([1.0, 2.0, 3.0], &Device::flex()));
        module.norm.running_mean.value_sync();
        let bytes = save(&module, Dtype::F32).unwrap();
        let loaded = load(small(2), &bytes, "small.safetensors").unwrap();
        assert_eq!(save(&loaded, Dtype::F32).unwrap(), bytes);
        assert_eq!(loaded.norm.running_mean.value().into_data().try_to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0]);
        let keys: Vec<String> = parse(&bytes, "").unwrap().into_keys().collect();
        assert_eq!(keys, ["layers.0.bias", "layers.0.weight", "norm.bias", "norm.running_mean", "norm.running_var", "norm.weight"]);
    }

    #[test]
    fn f16_rounds_weights_but_not_batch_norms() {
        let module = small(1);
        let exact = parse(&save(&module, Dtype::F32).unwrap(), "").unwrap();
        let half = parse(&save(&module, Dtype::F16).unwrap(), "").unwrap();
        assert_eq!(exact["norm.weight"], half["norm.weight"]);
        assert_ne!(exact["layers.0.weight"], half["layers.0.weight"]);
        let pairs = exact["layers.0.weight"].as_slice::<f32>().unwrap().iter().zip(half["layers.0.weight"].as_slice::<f32>().unwrap());
        for (exact, half) in pairs {
            assert!((exact - half).abs() <= exact.abs() / 2048.0, "{exact} and {half}");
        }
    }

    #[test]
    fn loaded_weights_train_as_fresh_ones_do() {
        let device = Device::flex().autodiff();
        let fresh = || LinearConfig::new(2, 3).init(&device);
        let bytes = save(&fresh(), Dtype::F32).unwrap();
        assert!(load(fresh(), &bytes, "").unwrap().weight.is_require_grad());
        assert!(!load(fresh().freeze(), &bytes, "").unwrap().weight.is_require_grad());
    }

    #[test]
    fn a_file_that_is_not_exactly_the_module_is_refused() {
        let file = "small.safetensors";
        let tensors = || parse(&save(&small(1), Dtype::F32).unwrap(), file).unwrap();
        assert_eq!(message(load(small(1), b"not weights", file)).split(':').nth(1), Some(" not a safetensors file"));

        let mut missing = tensors();
        missing.remove("layers.0.weight");
        assert_eq!(
            message(assign(small(1), missing, file)),
            "small.safetensors: layers.0.weight is missing; expected a tensor of shape [2, 3]"
        );

        let mut extra = tensors();
        extra.insert("other".into(), TensorData::new(vec![0.0f32], [1]));
        assert_eq!(message(assign(small(1), extra, file)), "small.safetensors: other is not part of this network; expected 6 tensors");

        let mut turned = tensors();
        turned.insert("layers.0.weight".into(), TensorData::new(vec![0.0f32; 6], [3, 2]));
        assert_eq!(message(assign(small(1), turned, file)), "small.safetensors: layers.0.weight has shape [3, 2]; expected [2, 3]");

        let mut broken = tensors();
        broken.insert("norm.bias".into(), TensorData::new(vec![0.0f32, f32::NAN, 0.0], [3]));
        assert_eq!(message(assign(small(1), broken, file)), "small.safetensors: norm.bias holds NaN; expected finite numbers");
    }
}
