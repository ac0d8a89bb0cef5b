//! A discriminator on patches of the pixels themselves (PatchGAN, Isola et al., CVPR 2017), beside the heads on frozen features.
//!
//! The finest features of an image classifier are of stride 4: what repeats every two or four pixels is invisible to them, or in phase with
//! them, and a generator that is judged through them alone weaves such patterns into everything. This head sees 16 × 16 pixels at a
//! place, the first layer without a stride.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use rand::Rng;

use super::projected::activate;
use crate::nn::SpectralConv2d;

/// The patch discriminator; see the module's text.
#[derive(Module, Debug)]
pub struct PixelHead {
    layers: Vec<SpectralConv2d>,
    verdict: SpectralConv2d,
}

impl PixelHead {
    /// A head of `width` channels at the picture's own resolution, twice as many at half and four times as many at a quarter of it.
    pub fn new(width: usize, device: &Device, rng: &mut impl Rng) -> Self {
        Self {
            layers: vec![
                SpectralConv2d::new([3, width], 3, 1, 1, device, rng),
                SpectralConv2d::new([width, 2 * width], 4, 2, 1, device, rng),
                SpectralConv2d::new([2 * width, 4 * width], 4, 2, 1, device, rng),
            ],
            verdict: SpectralConv2d::new([4 * width, 1], 3, 1, 1, device, rng),
        }
    }

    /// How real each patch is.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), [−1, 1], sides multiples of 4
    /// - output: logits (batch, h/4 · w/4)
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let features = self.layers.iter().fold(images, |hidden, layer| activate(layer.forward(hidden)));
        self.verdict.forward(features).flatten(1, 3).cast(DType::F32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::adversarial::{hinge_discriminator, hinge_generator};
    use burn::optim::{AdamConfig, GradientsParams};
    use burn::tensor::TensorData;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Grey with a chequered pattern of period 2 of this strength.
    fn woven(strength: f32, device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (0..2 * 3 * 16 * 16).map(|i| if (i % 16 + i / 16) % 2 == 0 { strength } else { -strength }).collect();
        Tensor::from_data(TensorData::new(values, [2, 3, 16, 16]), device)
    }

    #[test]
    fn a_pattern_of_two_pixels_is_seen_and_its_gradient_takes_it_away() {
        let device = Device::flex().autodiff();
        let mut head = PixelHead::new(4, &device, &mut ChaCha8Rng::seed_from_u64(1));
        let mut optimizer = AdamConfig::new().init();
        for _ in 0..40 {
            let loss = hinge_discriminator(&[head.forward(woven(0.0, &device))], &[head.forward(woven(0.2, &device))], None);
            let gradients = GradientsParams::from_grads(loss.backward(), &head);
            head = optimizer.step(0.01, head, gradients);
        }
        let fake = woven(0.2, &device).require_grad();
        let loss = hinge_generator(&[head.forward(fake.clone())]);
        let gradient = fake.grad(&loss.backward()).unwrap();
        // Against the pattern: a step down the gradient makes it weaker.
        let along: f32 = (gradient * woven(1.0, &device).inner()).sum().into_scalar();
        assert!(along > 0.0, "{along}");
    }

    #[test]
    fn a_place_sees_a_patch_alone() {
        let device = Device::flex();
        let head = PixelHead::new(4, &device, &mut ChaCha8Rng::seed_from_u64(2));
        let before: Vec<f32> = head.forward(Tensor::zeros([1, 3, 64, 64], &device)).into_data().try_to_vec().unwrap();
        let far = Tensor::ones([1, 3, 64, 32], &device);
        let after = head.forward(Tensor::cat(vec![Tensor::zeros([1, 3, 64, 32], &device), far], 3));
        let after: Vec<f32> = after.into_data().try_to_vec().unwrap();
        assert_eq!(before.len(), 256);
        let changed: Vec<usize> = (0..16).filter(|column| before[*column] != after[*column]).collect();
        assert!(!changed.is_empty() && changed.iter().all(|column| *column >= 5), "{changed:?}");
    }
}
