//! Mixed precision (Micikevicius et al., ICLR 2018): networks compute in 16 bits, what learns stays in 32.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What forward and backward passes compute in. Weights, Adam's moments, batch-norm statistics, softmax and losses are f32 in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of f32 and 8 bits of precision.
    Bf16,
    /// 16 bits with 11 bits of precision and a small range: losses are scaled, see [`LossScale`].
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

/// What f16 losses are multiplied with before the backward pass, so that small gradients do not become 0: as large as gradients stay
/// finite. A step whose gradients are not finite is skipped and halves the factor; [`GROWTH_STEPS`] good ones double it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScale {
    /// The factor.
    pub factor: f64,
    /// Good steps since it changed.
    good: usize,
    /// Steps skipped in all.
    pub skipped: usize,
    /// Steps skipped one after the other.
    pub in_a_row: usize,
}

/// Good steps before a loss scale grows (PyTorch's `GradScaler`).
const GROWTH_STEPS: usize = 2000;

impl Default for LossScale {
    fn default() -> Self {
        Self { factor: 65536.0, good: 0, skipped: 0, in_a_row: 0 }
    }
}

impl LossScale {
    /// Takes note of a step whose gradients were `finite` or not.
    pub fn note(&mut self, finite: bool) {
        if !finite {
            self.factor = (self.factor / 2.0).max(1.0);
            self.good = 0;
            self.skipped += 1;
            self.in_a_row += 1;
            return;
        }
        self.good += 1;
        self.in_a_row = 0;
        if self.good >= GROWTH_STEPS {
            self.factor = (self.factor * 2.0).min(16_777_216.0);
            self.good = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glam::GeneratorConfig;
    use burn::optim::GradientsParams;

    #[test]
    fn a_loss_scale_halves_at_once_and_doubles_slowly() {
        let mut scale = LossScale::default();
        scale.note(false);
        scale.note(false);
        assert_eq!((scale.factor, scale.skipped, scale.in_a_row), (16384.0, 2, 2));
        (0..GROWTH_STEPS).for_each(|_| scale.note(true));
        assert_eq!((scale.factor, scale.skipped, scale.in_a_row), (32768.0, 2, 0));
    }

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
}
