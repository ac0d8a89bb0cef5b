//! In how many bits networks compute.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

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

    /// The module with its weights in this precision, still on the graph: gradients arrive at the weights of `module`, in f32.
    /// Batch norms, spectral norms and the conditioning augmentation keep f32, as does what is no parameter.
    pub fn lower<M: Module>(self, module: &M) -> M {
        let module = module.clone();
        if self == Self::F32 { module } else { module.map(&mut Lower { dtype: self.dtype(), path: Vec::new() }) }
    }
}

struct Lower {
    dtype: DType,
    /// (field, type) of the modules entered.
    path: Vec<(String, String)>,
}

/// Types whose weights stay f32.
const EXACT: [&str; 4] = ["Struct:BatchNorm", "Struct:SpectralConv2d", "Struct:SpectralLinear", "Struct:ConditioningAugmentation"];

impl ModuleMapper for Lower {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push((name.to_string(), container_type.to_string()));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let exact = self.path.iter().any(|(field, container)| EXACT.contains(&container.as_str()) || field.starts_with("running_"));
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
        let exact = crate::nn::init::initialize(config.init(&device), &mut rand_chacha::ChaCha8Rng::seed_from_u64(3));
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
