//! Batch norms folded into the convolutions before them: that changes nothing in a network that is not trained any more, and saves a pass
//! over each feature map.

use burn::tensor::TensorData;

use super::state::State;
use crate::model::tensors::Tensors;
use crate::{Error, Result};

/// Takes the convolution `conv` (weight alone) and the batch norm `norm` out of `state`, and puts one convolution `name` into `ours`:
/// BN(w ∗ x) = (w · s) ∗ x + (β − mean · s), s = γ / √(variance + ε).
///
/// # Errors
/// [`Error::BadModel`] when a tensor is missing or of another shape.
pub(super) fn fold(state: &mut State, ours: &mut Tensors, epsilon: f64, conv: &str, norm: &str, name: &str) -> Result<()> {
    let weight_key = format!("{conv}.weight");
    let shape: [usize; 4] = state.shape(&weight_key)?;
    let mut norms = Vec::with_capacity(4);
    for field in ["weight", "bias", "running_mean", "running_var"] {
        let key = format!("{norm}.{field}");
        let [channels] = state.shape(&key)?;
        if channels != shape[0] {
            return Err(Error::bad_model(
                &state.file,
                format!("{key} has {channels} values; expected {}, as {conv} has channels", shape[0]),
            ));
        }
        norms.push(state.values(&key)?.iter().map(|value| f64::from(*value)).collect::<Vec<_>>());
        state.take(&key)?;
    }
    let [gamma, beta, mean, variance] = <[Vec<f64>; 4]>::try_from(norms).unwrap_or_default();
    let scale: Vec<f64> = gamma.iter().zip(&variance).map(|(gamma, variance)| gamma / (variance + epsilon).sqrt()).collect();
    let filter = shape[1..].iter().product::<usize>().max(1);
    let weight = state.values(&weight_key)?;
    let weight = weight.chunks(filter).zip(&scale).flat_map(|(row, s)| row.iter().map(move |w| (f64::from(*w) * s) as f32)).collect();
    let bias: Vec<f32> = beta.iter().zip(&mean).zip(&scale).map(|((beta, mean), s)| (beta - mean * s) as f32).collect();
    state.take(&weight_key)?;
    ours.insert(format!("{name}.weight"), TensorData::new::<f32, _>(weight, shape));
    ours.insert(format!("{name}.bias"), TensorData::new(bias, [shape[0]]));
    Ok(())
}
