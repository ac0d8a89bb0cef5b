//! The parts of a checkpoint: weights as burnpack, optimizers as safetensors, and whatever else a training keeps.
//!
//! A part is written as it comes. Of a network or an optimizer one tensor is in memory at a time, beside those that learn.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::store::ModuleRecord;
use burn::store::burn_pack::{self, Writer};
use burn::tensor::{Bool, Bytes, Int, Tensor, TensorData};

use super::checkpoint::State;
use crate::files::Folder;
use crate::train::optim::adam::Adam;
use crate::{Error, Result};

/// A checkpoint's folder under way; it appears with all its parts or not at all.
#[derive(Debug)]
pub struct Parts {
    folder: Folder,
    hashes: BTreeMap<String, String>,
    step: usize,
}

impl Parts {
    /// Begins the checkpoint in the folder `target` of a training that has taken `step` steps, in the place of one that is there.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder.
    pub fn begin(target: &Path, step: usize) -> Result<Self> {
        Ok(Self { folder: Folder::begin(target)?, hashes: BTreeMap::new(), step })
    }

    /// Writes a part that is in memory.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let hash = self.folder.file(name, |file| file.write(bytes))?;
        self.hashes.insert(name.to_string(), hash);
        Ok(())
    }

    /// Writes all values of a module, as burnpack.
    ///
    /// # Errors
    /// [`Error::Diverged`] when one is not finite: what a training could not go on from is never written; [`Error::Io`] naming the file.
    pub fn module<M: Module>(&mut self, name: &str, module: &M) -> Result<()> {
        if !finite(module)? {
            let message = "the weights are not finite any more: no checkpoint was written".into();
            return Err(Error::Diverged { step: self.step, message });
        }
        let mut tensors = Tensors::default();
        module.visit(&mut tensors);
        let hash = self.folder.file_at(name, |path| {
            let writer = Writer::new(tensors.found).auto_extension(false);
            writer.write_to_file_in_place(path).map_err(|error| cause(path, error.to_string()))
        })?;
        self.hashes.insert(name.to_string(), hash);
        Ok(())
    }

    /// Writes the state of an optimizer.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; [`Error::Device`].
    pub fn adam(&mut self, name: &str, adam: &Adam) -> Result<()> {
        let hash = self.folder.file(name, |file| adam.write(&mut |bytes| file.write(bytes)))?;
        self.hashes.insert(name.to_string(), hash);
        Ok(())
    }

    /// Writes `state.json`, which gets the parts' checksums, and puts the checkpoint in its place.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; a checkpoint that was there before stays.
    pub fn finish(mut self, mut state: State) -> Result<()> {
        state.parts.extend(std::mem::take(&mut self.hashes));
        let json = serde_json::to_vec_pretty(&state).map_err(|error| Error::internal("JSON cannot be written", error))?;
        self.folder.file("state.json", |file| file.write(&json))?;
        self.folder.finish()
    }
}

/// Why burn could not write a file: it hands on the words of the system alone, which says again what it is when it is asked for more room.
fn cause(path: &Path, message: String) -> io::Error {
    let more = OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(&[0; 1 << 16]).and_then(|()| file.sync_all()));
    more.err().unwrap_or_else(|| io::Error::other(message))
}

/// The tensors of a module under their paths, as [`ModuleRecord`] collects them, but read from the device when they are written.
#[derive(Default)]
struct Tensors {
    path: Vec<String>,
    found: Vec<burn_pack::Tensor>,
}

impl Tensors {
    fn resident(&mut self, id: u64, data: TensorData) {
        let (bytes, shape, dtype) = data.into_parts();
        self.found.push(burn_pack::Tensor::new(self.path.join("."), dtype, shape, Some(id), bytes));
    }
}

impl ModuleVisitor for Tensors {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.transform_for_save().val();
        let (dtype, shape) = (tensor.dtype(), tensor.shape());
        let length = shape.num_elements() * dtype.size();
        let read = move || {
            let data = tensor.clone().try_into_data().map_err(|error| burn_pack::Error::IoError(format!("{error:?}")))?;
            Ok(data.into_parts().0)
        };
        self.found.push(burn_pack::Tensor::deferred(self.path.join("."), dtype, shape, Some(param.id.val()), length, read));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.resident(param.id.val(), param.transform_for_save().val().into_data());
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.resident(param.id.val(), param.transform_for_save().val().into_data());
    }
}

/// Whether every value of a module is a number: one read from the device.
///
/// # Errors
/// [`Error::Device`] when it cannot be read.
pub fn finite<M: Module>(module: &M) -> Result<bool> {
    struct Sum(Option<Tensor<1>>);
    impl ModuleVisitor for Sum {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // Neither infinities nor NaN ever leave a sum of sizes.
            let size = param.val().without_autodiff().abs().mean();
            self.0 = Some(match self.0.take() {
                Some(sum) => sum + size,
                None => size,
            });
        }
    }
    let mut sum = Sum(None);
    module.visit(&mut sum);
    let Some(sum) = sum.0 else { return Ok(true) };
    Ok(crate::readback::read_now(sum)?.iter().all(|value| value.is_finite()))
}

/// `module` with the values that [`Parts::module`] wrote.
///
/// # Errors
/// [`Error::BadCheckpoint`] naming `file` and the tensors that do not fit.
pub fn load_module<M: Module>(module: M, bytes: Vec<u8>, file: &str) -> Result<M> {
    let bad = |message: String| Error::BadCheckpoint { file: file.to_string(), message };
    let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|error| bad(error.to_string()))?;
    module.try_load_record(record).map_err(|error| bad(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::BatchNormConfig;
    use burn::tensor::Device;
    use std::fs;

    #[test]
    fn weights_that_are_no_numbers_are_never_written() {
        let place = tempfile::tempdir().unwrap();
        let mut module = BatchNormConfig::new(2).init(&Device::flex());
        let mut parts = Parts::begin(&place.path().join("step"), 7).unwrap();
        parts.module("model", &module).unwrap();
        module.bias = Param::from_tensor(Tensor::from_floats([0.0, f32::INFINITY], &Device::flex()));
        let error = parts.module("model", &module).unwrap_err();
        assert!(matches!(&error, Error::Diverged { step: 7, message } if message.contains("not finite")), "{error}");
        drop(parts);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_module_is_written_as_burn_writes_it_and_read_back() {
        let place = tempfile::tempdir().unwrap();
        let device = Device::flex().autodiff();
        let module = crate::nn::LstmConfig::new(3, 4).init(&device);
        let mut parts = Parts::begin(&place.path().join("step"), 1).unwrap();
        parts.module("model", &module).unwrap();
        parts.finish(State::new("stem", 1, Default::default(), &rng(), 0, serde_json::Value::Null)).unwrap();
        let written = fs::read(place.path().join("step/model")).unwrap();
        assert!(written == module.clone().into_record().into_bytes().unwrap().to_vec(), "another file than before");
        assert!(load_module(module, written, "model").is_ok());
    }

    fn rng() -> rand_chacha::ChaCha8Rng {
        rand::SeedableRng::seed_from_u64(3)
    }
}
