//! Adam's state as safetensors, written and read.

use burn::tensor::{DType, Device, Tensor, TensorData};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::Adam;
use crate::nn::ops::adam_piece;
use crate::readback;
use crate::{Error, Result};

/// Where the number of steps is kept.
const TIME: &str = "time";

/// Headers are filled up to a multiple of it.
const ALIGNMENT: usize = 8;

/// Both moments of each piece of a tensor.
type Pieces = [[Tensor<1>; 2]];

impl Adam {
    /// Hands the state to `sink` as safetensors, a piece of a tensor after the other, so that no more than one is in memory.
    ///
    /// # Errors
    /// [`Error::Device`] when a tensor cannot be read back; as `sink`.
    pub fn write(&self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        // By name, as `safetensors::serialize` sorts tensors of one type.
        let mut tensors: Vec<(String, Option<(&Pieces, usize)>)> = vec![(TIME.into(), None)];
        for (path, pieces) in &self.moments {
            for (moment, name) in ["first", "second"].into_iter().enumerate() {
                tensors.push((format!("{path}.{name}"), Some((pieces, moment))));
            }
        }
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));

        let mut end = 0;
        let mut info = |values: usize| {
            let start = end;
            end += 4 * values;
            TensorInfo { dtype: Dtype::F32, shape: vec![values], data_offsets: (start, end) }
        };
        let length = |pieces: &Pieces| pieces.iter().map(|[first, _]| first.dims()[0]).sum();
        let infos = tensors.iter().map(|(name, of)| (name.clone(), info(of.map_or(1, |(pieces, _)| length(pieces))))).collect();
        let metadata = Metadata::new(None, infos).map_err(|error| Error::internal("JSON cannot be written", error))?;
        let mut header = serde_json::to_vec(&metadata).map_err(|error| Error::internal("JSON cannot be written", error))?;
        header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
        sink(&(header.len() as u64).to_le_bytes())?;
        sink(&header)?;

        for (_, of) in tensors {
            let Some((pieces, moment)) = of else {
                sink(&(self.time as f32).to_le_bytes())?;
                continue;
            };
            for piece in pieces {
                let values = readback::read_now(piece[moment].clone())?;
                sink(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
            }
        }
        Ok(())
    }

    /// What [`Adam::write`] writes.
    ///
    /// # Errors
    /// As there.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Continues from what [`Adam::to_bytes`] gave, for parameters on `device`.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`] naming `file`.
    pub fn load(mut self, bytes: &[u8], device: &Device, file: &str) -> Result<Self> {
        let bad = |message: String| Error::BadCheckpoint { file: file.to_string(), message };
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| bad(error.to_string()))?;
        let floats = |name: &str| -> Result<Vec<f32>> {
            let view = tensors.tensor(name).map_err(|_| bad(format!("{name:?} is missing")))?;
            if view.dtype() != Dtype::F32 {
                return Err(bad(format!("{name:?} is {:?}; expected F32", view.dtype())));
            }
            Ok(view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
        };
        self.time = floats(TIME)?.first().copied().unwrap_or_default() as usize;
        self.moments.clear();
        let device = device.clone().without_autodiff();
        let piece = adam_piece(&device);
        let tensor = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), (&device, DType::F32));
        for name in tensors.names() {
            if let Some(path) = name.strip_suffix(".first") {
                let (first, second) = (floats(name)?, floats(&format!("{path}.second"))?);
                if first.len() != second.len() {
                    return Err(bad(format!("the moments of {path:?} have {} and {} values", first.len(), second.len())));
                }
                let pieces = first.chunks(piece).zip(second.chunks(piece)).map(|(one, two)| [tensor(one), tensor(two)]);
                self.moments.insert(path.to_string(), pieces.collect());
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    #[test]
    fn the_file_is_what_safetensors_would_write() {
        let device = Device::flex();
        let tensor = |values: &[f32]| Tensor::<1>::from_floats(values, &device);
        let mut adam = Adam::new(0.5, 0.9);
        adam.time = 7;
        // Names of before and after "time"; one in pieces.
        adam.moments.insert("weight".into(), vec![[tensor(&[1.0, 2.0]), tensor(&[3.0, 4.0])], [tensor(&[5.0]), tensor(&[6.0])]]);
        adam.moments.insert("a.bias".into(), vec![[tensor(&[0.5]), tensor(&[0.25])]]);
        let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let all = [
            ("time", bytes(&[7.0])),
            ("weight.first", bytes(&[1.0, 2.0, 5.0])),
            ("weight.second", bytes(&[3.0, 4.0, 6.0])),
            ("a.bias.first", bytes(&[0.5])),
            ("a.bias.second", bytes(&[0.25])),
        ];
        let views = all.iter().map(|(name, bytes)| (*name, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes).unwrap()));
        assert_eq!(adam.to_bytes().unwrap(), safetensors::serialize(views, None).unwrap());
    }
}
