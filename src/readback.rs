//! Values from the device, as the numbers that everything off it works on.

#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use burn::tensor::Tensor;
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
use burn::tensor::TensorData;

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

/// Reads that are all under way before the first is waited for.
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
#[derive(Default)]
pub struct Reads(Vec<Read>);

/// A question, and the answer where it was there at once.
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
struct Read {
    question: Pin<Box<dyn Future<Output = Result<TensorData>>>>,
    answer: Option<Result<TensorData>>,
}

#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
impl Reads {
    /// Asks for the values of a tensor.
    pub fn begin<const D: usize>(&mut self, tensor: Tensor<D>) {
        let read = async move { tensor.into_data_async().await.map_err(|error| Error::Device(format!("{error:?}"))) };
        let mut read = Read { question: Box::pin(read), answer: None };
        // It is the first poll that sends the question.
        if let Poll::Ready(answer) = read.question.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            read.answer = Some(answer);
        }
        self.0.push(read);
    }

    /// The values, in the order in which they were asked for.
    ///
    /// # Errors
    /// As [`read`].
    pub fn wait(self) -> Result<Vec<TensorData>> {
        self.0.into_iter().map(|read| read.answer.unwrap_or_else(|| pollster::block_on(read.question))).collect()
    }
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

    #[cfg(feature = "lab")]
    #[test]
    fn reads_answer_in_their_order() {
        let mut reads = Reads::default();
        for value in [2.0, 1.0, 3.0] {
            reads.begin(Tensor::<2>::from_floats([[value, 0.5]], &Device::flex()));
        }
        let values: Vec<Vec<f32>> = reads.wait().unwrap().into_iter().map(|data| data.try_into_vec().unwrap()).collect();
        assert_eq!(values, [[2.0, 0.5], [1.0, 0.5], [3.0, 0.5]]);
    }
}
