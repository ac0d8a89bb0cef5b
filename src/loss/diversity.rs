//! Pictures of one prompt that differ as their noises do (MSGAN, Mao et al., CVPR 2019, eq. 3; DSGAN, Yang et al., ICLR 2019).

use burn::tensor::Tensor;

use crate::nn::ops;

/// Added to the distance of two pictures before its inverse is the loss: what a distance of nothing costs, 20.
const EPSILON: f32 = 0.05;

/// How far pictures are from others of the same prompts with other noise, pixel by pixel: the mean of |picture − twin|. That is MSGAN's
/// distance, in which a lighter background is as good as another flower.
///
/// # Shapes
/// - pictures, twins: (batch, 3, h, w)
/// - output: (1)
pub fn pictures_apart(pictures: Tensor<4>, twins: Tensor<4>) -> Tensor<1> {
    ops::mean((pictures - twins).abs())
}

/// The same in features of a network that has learned to see: the mean over stages of the distance of twins, as a share of the distance of
/// neighbours in the batch, whose prompts differ. 1 where the noise says as much as the prompt.
///
/// # Shapes
/// - pictures: (batch, channels, h, w) a stage; twins: the same of other noise, of the first pictures
/// - output: (1)
///
/// # Panics
/// Without stages.
pub fn features_apart(pictures: &[Tensor<4>], twins: &[Tensor<4>]) -> Tensor<1> {
    let shares = pictures.iter().zip(twins).map(|(pictures, twins)| {
        let (batch, half) = (pictures.dims()[0], twins.dims()[0]);
        // A picture alone, at the end of an odd data set, is measured against its own size.
        let neighbours = if batch > 1 {
            let next = Tensor::cat(vec![pictures.clone().narrow(0, 1, batch - 1), pictures.clone().narrow(0, 0, 1)], 0);
            ops::mean((pictures.clone() - next).abs()).detach()
        } else {
            ops::mean(pictures.clone().abs()).detach()
        };
        ops::mean((pictures.clone().narrow(0, 0, half) - twins.clone()).abs()) / neighbours.add_scalar(1e-6)
    });
    Tensor::cat(shares.collect(), 0).mean()
}

/// The loss of a distance between twins: its inverse.
pub fn mode_seeking(apart: Tensor<1>) -> Tensor<1> {
    apart.add_scalar(EPSILON).recip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn stage(values: &[f32]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len(), 1, 1, 1]), &Device::flex())
    }

    fn value(tensor: Tensor<1>) -> f32 {
        tensor.into_scalar()
    }

    #[test]
    fn twins_are_measured_against_neighbours() {
        // Neighbours are 1, 1 and 2 apart, 4/3 in the mean; the twin of the first is 2 away.
        let share = value(features_apart(&[stage(&[0.0, 1.0, 2.0])], &[stage(&[2.0])]));
        assert!((share - 1.5).abs() < 1e-5, "{share}");
        // A stage of any scale counts as much as any other.
        let both = value(features_apart(&[stage(&[0.0, 1.0, 2.0]), stage(&[0.0, 100.0, 200.0])], &[stage(&[2.0]), stage(&[0.0])]));
        assert!((both - 0.75).abs() < 1e-5, "{both}");
    }

    #[test]
    fn same_pictures_cost_most() {
        assert_eq!(value(mode_seeking(pictures_apart(stage(&[1.0, 2.0]), stage(&[1.0, 2.0])))), 20.0);
        let apart = value(mode_seeking(pictures_apart(stage(&[1.0, 2.0]), stage(&[1.5, 0.6]))));
        assert!((apart - 1.0).abs() < 1e-6, "{apart}");
    }
}
