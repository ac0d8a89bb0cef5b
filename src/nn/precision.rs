//! In how many bits networks compute.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use super::table::{Known, ModulePath};
use crate::{Error, Result};

/// What forward and backward passes compute in. Weights, Adam's moments, batch-norm statistics, softmax and losses are f32 in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of f32 and 8 bits of precision.
    Bf16,
    /// 16 bits with 11 bits of precision and a small range: in training, losses are scaled.
    F16,
}

impl Precision {
    /// The type of the tensors.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
        }
    }

    /// F16 where `device` computes in it, else f32.
    pub fn half(device: &Device) -> Self {
        if device.supports_dtype(DType::F16) { Self::F16 } else { Self::F32 }
    }

    /// Whether `device` can compute in it.
    ///
    /// # Errors
    /// [`Error::BadInput`] that names the types that the device has.
    pub fn check(self, device: &Device) -> Result<()> {
        let can = |precision: Self| device.supports_dtype(precision.dtype());
        if can(self) {
            return Ok(());
        }
        let others: Vec<String> =
            [Self::F32, Self::Bf16, Self::F16].into_iter().filter(|one| can(*one)).map(|one| format!("{one:?}").to_lowercase()).collect();
        let name = format!("{self:?}").to_lowercase();
        Err(Error::BadInput(format!("this device cannot compute in {name}; it can in {}: change --precision", others.join(", "))))
    }

    /// The network with its weights in this precision, still on the graph: gradients arrive at the weights of `network`, in f32.
    /// Exact layers ([`super::layer::Layer::EXACT`]) keep f32, as do layers that nobody knows and what [`Lower::keep_exact`] names.
    pub fn lower<M: Lower>(self, network: &M) -> M {
        let lowered = network.clone();
        if self == Self::F32 {
            return lowered;
        }
        lowered.map(&mut Lowering { dtype: self.dtype(), path: ModulePath::default() }).keep_exact(network)
    }
}

/// A network that can compute in 16 bits.
pub trait Lower: Module {
    /// The network, lowered, with those parts of `exact` that 16 bits are not enough for though they are for their layers.
    fn keep_exact(self, _exact: &Self) -> Self {
        self
    }
}

struct Lowering {
    dtype: DType,
    path: ModulePath,
}

impl ModuleMapper for Lowering {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let exact = self.path.layer().map_or(true, Known::is_exact);
        let dtype = self.dtype;
        if exact { param } else { param.map(|weight| weight.cast(dtype)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glam::GeneratorConfig;
    use burn::optim::GradientsParams;

    #[test]
    fn gradients_of_lowered_weights_arrive_in_f32() {
        let device = Device::flex().autodiff();
        let config = GeneratorConfig { gf_dim: 2, z_dim: 4, condition_dim: 4, features: 6, stages: 1, ..Default::default() };
        let master = config.init(&device);
        let input = Tensor::<2>::ones([2, 4], &device);
        let text = crate::stem::TextFeatures {
            words: Tensor::ones([2, 6, 3], &device),
            sentence: Tensor::ones([2, 6], &device),
            mask: Tensor::ones([2, 3], &device),
        };
        for precision in [Precision::Bf16, Precision::F16] {
            precision.check(&device).unwrap();
            let drawn = precision.lower(&master).forward(&text, input.clone(), input.clone());
            assert_eq!(drawn.images[0].dtype(), DType::F32);
            let gradients = GradientsParams::from_grads(drawn.images[0].clone().powi_scalar(2).sum().backward(), &master);
            let full = GradientsParams::from_grads(
                master.forward(&text, input.clone(), input.clone()).images[0].clone().powi_scalar(2).sum().backward(),
                &master,
            );
            assert_eq!(gradients.len(), full.len());
        }
    }

    #[test]
    fn pictures_of_16_bits_are_those_of_32() {
        use rand::SeedableRng;
        let device = Device::flex();
        let config = GeneratorConfig { gf_dim: 4, z_dim: 8, condition_dim: 8, features: 16, ..Default::default() };
        let exact = crate::nn::init::initialize(config.init(&device), &mut rand_chacha::ChaCha8Rng::seed_from_u64(3)).unwrap();
        let ramp = |count: usize| Tensor::<1, burn::tensor::Int>::arange(0..count as i64, &device).float().sin();
        let text = crate::stem::TextFeatures {
            words: ramp(16 * 5).reshape([1, 16, 5]),
            sentence: ramp(16).reshape([1, 16]),
            mask: Tensor::ones([1, 5], &device),
        };
        let draw = |network: &crate::glam::Generator| {
            let drawn = network.forward(&text, ramp(8).reshape([1, 8]), ramp(8).reshape([1, 8]));
            drawn.images.into_iter().map(|image| crate::readback::read_now(image).unwrap()).collect::<Vec<_>>()
        };
        for (full, half) in draw(&exact).iter().zip(draw(&Precision::F16.lower(&exact))) {
            let difference = full.iter().zip(&half).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // Half a step of a byte is 1/255.
            assert!(difference > 0.0 && difference < 0.02, "{difference}");
        }
    }
}
