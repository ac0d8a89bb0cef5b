//! Values from the device, as the numbers that everything off it works on.

use burn::tensor::Tensor;

use crate::{Error, Result};

/// The values of a tensor as f32, whatever precision the device computes in.
///
/// # Errors
/// [`Error::Device`] with what the device says.
pub async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await.map_err(|error| Error::Device(format!("{error:?}")))?;
    data.convert::<f32>().try_to_vec().map_err(|error| Error::Device(format!("{error:?}")))
}

/// [`read`], waiting on the calling thread; in a browser for tensors of the CPU alone, as a GPU may not be waited for there.
///
/// # Errors
/// As [`read`].
pub fn read_now<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.try_into_data().map_err(|error| Error::Device(format!("{error:?}")))?;
    data.convert::<f32>().try_into_vec().map_err(|error| Error::Device(format!("{error:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::DType;
    use burn::tensor::Device;

    #[test]
    fn every_precision_is_read_as_f32() {
        let tensor = Tensor::<1>::from_floats([1.0, -0.5], &Device::flex());
        assert_eq!(read_now(tensor.clone()).unwrap(), [1.0, -0.5]);
        assert_eq!(read_now(tensor.clone().cast(DType::F64)).unwrap(), [1.0, -0.5]);
        assert_eq!(pollster::block_on(read(tensor)).unwrap(), [1.0, -0.5]);
    }
}
