//! A state dict: PyTorch's tensors by key.

use std::collections::BTreeMap;
use std::fs;

use burn::store::pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader, Tensor};
use burn::tensor::TensorData;
use half::{bf16, f16};

use super::checkpoint::{Checkpoint, part};
use crate::model::tensors::Tensors;
use crate::{Error, Result};

/// How often the bytes of a file may stand for tensors of a network: layers that share weights name them more than once.
const MAX_SHARED: u64 = 4;

/// How a tensor of PyTorch becomes one of burn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// As it is.
    Same,
    /// The weight of a linear layer: (out, in) there, (in, out) here.
    Transposed,
}

/// The tensors of a PyTorch file as f32, row after row whatever their strides were.
#[derive(Debug)]
pub(super) struct State {
    /// The file's name, for errors.
    pub file: String,
    tensors: BTreeMap<String, TensorData>,
}

impl State {
    /// Reads the state dict of a network that has the keys `marks`, from a file, legacy, zip or tar, that may hold more than it.
    ///
    /// # Errors
    /// [`Error::BadModel`] when the file is not PyTorch's, is cut off, asks for other calls than those that build tensors and plain data, or
    /// claims far more values than it has bytes for; as [`part`]; [`Error::Io`].
    pub fn read(from: &Checkpoint<'_>, marks: &[&str]) -> Result<Self> {
        let path = from.path;
        let file = path.display().to_string();
        let bad = |message: String| Error::bad_model(file.clone(), message);
        let length = fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
        let unreadable = |error: PytorchError| bad(format!("cannot be read as a PyTorch state dict: {error}"));
        let reader = PytorchReader::new(path).map_err(unreadable)?;
        if let Some(object) = foreign_object(&PytorchReader::read_pickle_data(path, None).map_err(unreadable)?) {
            return Err(bad(format!("holds {object}, which is not read; expected a dict of tensors")));
        }
        let mut tensors: BTreeMap<String, Tensor> = reader.into_tensors().into_iter().collect();
        // A counter that PyTorch keeps for averages of another kind.
        tensors.retain(|key, _| !key.ends_with("num_batches_tracked"));
        let tensors = part(from, tensors, marks)?;
        // A view can claim any size: `expand` repeats one number without end. Weights that are shared are claimed more than once.
        let claimed = tensors.values().fold(0u64, |sum, tensor| sum.saturating_add(tensor.byte_len() as u64));
        if claimed > length.saturating_mul(MAX_SHARED) {
            let most = format!("{MAX_SHARED} times the file's {length}");
            return Err(bad(format!("its tensors claim {claimed} bytes; expected at most {most}, as shared ones may")));
        }
        let mut state = Self { file: file.clone(), tensors: BTreeMap::new() };
        for (key, tensor) in tensors {
            let values = floats(&tensor).map_err(|message| bad(format!("{key}: {message}")))?;
            state.tensors.insert(key, TensorData::new(values, tensor.shape().to_vec()));
        }
        if state.tensors.is_empty() {
            return Err(bad("holds no tensors; expected a state dict".into()));
        }
        Ok(state)
    }

    /// Whether there is such a tensor.
    pub fn has(&self, key: &str) -> bool {
        self.tensors.contains_key(key)
    }

    /// The shape of a tensor that must be there, of `N` dimensions.
    ///
    /// # Errors
    /// [`Error::BadModel`] when it is not there or of another number of dimensions.
    pub fn shape<const N: usize>(&self, key: &str) -> Result<[usize; N]> {
        let shape = self.get(key)?.shape().to_vec();
        let found = shape.len();
        shape.try_into().map_err(|_| Error::bad_model(self.file.clone(), format!("{key} has {found} dimensions; expected {N}")))
    }

    /// The values of a tensor that must be there.
    ///
    /// # Errors
    /// [`Error::BadModel`] when it is not there.
    pub fn values(&self, key: &str) -> Result<&[f32]> {
        self.get(key)?.as_slice::<f32>().map_err(|error| Error::bad_model(self.file.clone(), format!("{key}: {error:?}")))
    }

    /// A tensor that must be there, out of the state.
    ///
    /// # Errors
    /// [`Error::BadModel`] when it is not there.
    pub fn take(&mut self, key: &str) -> Result<TensorData> {
        self.get(key)?;
        self.tensors.remove(key).ok_or_else(|| self.missing(key))
    }

    /// Drops the tensors whose keys `unwanted` says.
    pub fn discard(&mut self, unwanted: impl Fn(&str) -> bool) {
        self.tensors.retain(|key, _| !unwanted(key));
    }

    /// The keys that are left.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Moves a linear layer, weight and bias, into `ours`, its weight turned as burn has it.
    ///
    /// Returns how many features it gives and how many it takes, such as a classifier's classes and features.
    ///
    /// # Errors
    /// [`Error::BadModel`] when one of the two is not there, or the weight is no matrix.
    pub fn take_linear(&mut self, layer: &str, ours: &mut Tensors, name: &str) -> Result<[usize; 2]> {
        let weight = format!("{layer}.weight");
        let shape = self.shape(&weight)?;
        ours.insert(format!("{name}.weight"), transposed(self.take(&weight)?));
        ours.insert(format!("{name}.bias"), self.take(&format!("{layer}.bias"))?);
        Ok(shape)
    }

    /// That nothing is left of `network`'s tensors.
    ///
    /// # Errors
    /// [`Error::BadModel`] for a key that is left.
    pub fn finish(&self, network: &str) -> Result<()> {
        match self.keys().next() {
            Some(key) => Err(Error::bad_model(self.file.clone(), format!("{key} is not part of {network}"))),
            None => Ok(()),
        }
    }

    /// All tensors under our keys, which `ours` tells for each of PyTorch's.
    ///
    /// # Errors
    /// [`Error::BadModel`] for a key that `ours` does not know.
    pub fn rename(self, ours: impl Fn(&str) -> Option<(String, Layout)>) -> Result<Tensors> {
        let mut tensors = Tensors::new();
        for (key, data) in self.tensors {
            let Some((name, layout)) = ours(&key) else {
                return Err(Error::bad_model(self.file, format!("{key} is not part of this network")));
            };
            tensors.insert(name, if layout == Layout::Transposed { transposed(data) } else { data });
        }
        Ok(tensors)
    }

    fn get(&self, key: &str) -> Result<&TensorData> {
        self.tensors.get(key).ok_or_else(|| self.missing(key))
    }

    fn missing(&self, key: &str) -> Error {
        let first: Vec<&str> = self.keys().take(3).collect();
        Error::bad_model(self.file.clone(), format!("{key} is missing; found {} tensors, such as {}", self.tensors.len(), first.join(", ")))
    }
}

/// A matrix with its rows as columns; anything else as it is.
fn transposed(data: TensorData) -> TensorData {
    let ([rows, columns], Ok(values)) = (data.shape().to_vec().try_into().unwrap_or([0, 0]), data.as_slice::<f32>()) else {
        return data;
    };
    if rows * columns != values.len() {
        return data;
    }
    let turned: Vec<f32> = (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect();
    TensorData::new(turned, [columns, rows])
}

/// Modules whose objects hold what trainings keep beside their weights: settings, counters, random states. None of their code is run, and they
/// are passed over.
const SETTINGS: [&str; 12] =
    ["torch", "numpy", "collections", "argparse", "types", "pathlib", "datetime", "_codecs", "easydict", "yacs", "omegaconf", "__main__"];

/// The first object in a pickle that is neither a tensor nor data as they are saved beside one, such as the result of a call.
fn foreign_object(value: &PickleValue) -> Option<&str> {
    match value {
        PickleValue::Unsupported(name) => {
            let module = name.split('.').next().unwrap_or_default();
            let is_number = name == "int" || name == "builtins.int";
            (!(SETTINGS.contains(&module) || is_number)).then_some(name)
        }
        PickleValue::List(items) => items.iter().find_map(foreign_object),
        PickleValue::Dict(items) => items.values().find_map(foreign_object),
        _ => None,
    }
}

/// The values of a tensor, or what is wrong.
fn floats(tensor: &Tensor) -> std::result::Result<Vec<f32>, String> {
    let dtype = tensor.dtype();
    if !matches!(dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16) {
        return Err(format!("is of type {dtype:?}; expected a floating-point type"));
    }
    let bytes = tensor.read().map_err(|error| error.to_string())?;
    // The reader hands out the machine's byte order.
    Ok(bytes
        .chunks_exact(dtype.size())
        .map(|b| match *b {
            [a, b] if dtype == DType::F16 => f16::from_ne_bytes([a, b]).to_f32(),
            [a, b] => bf16::from_ne_bytes([a, b]).to_f32(),
            [a, b, c, d] => f32::from_ne_bytes([a, b, c, d]),
            [a, b, c, d, e, f, g, h] => f64::from_ne_bytes([a, b, c, d, e, f, g, h]) as f32,
            _ => f32::NAN,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_turned() {
        let data = TensorData::new(vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
        assert_eq!(transposed(data), TensorData::new(vec![1.0f32, 4.0, 2.0, 5.0, 3.0, 6.0], [3, 2]));
    }

    #[test]
    fn objects_are_found_however_deep() {
        let call = PickleValue::List(vec![PickleValue::Int(1), PickleValue::Unsupported("posix.system".into())]);
        assert_eq!(foreign_object(&PickleValue::List(vec![call])), Some("posix.system"));
        for harmless in ["torch.Tensor", "torch.device", "argparse.Namespace", "numpy.core.multiarray.scalar"] {
            assert_eq!(foreign_object(&PickleValue::List(vec![PickleValue::Unsupported(harmless.into())])), None, "{harmless}");
        }
        for foreign in ["os.system", "builtins.eval", "torchvision.io", "subprocess.Popen"] {
            assert_eq!(foreign_object(&PickleValue::Unsupported(foreign.into())), Some(foreign));
        }
    }
}
