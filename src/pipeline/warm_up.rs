//! Drawing that nobody sees, for browsers: they run a function of WebAssembly slowly until it has been used for a while.

use std::hint::black_box;

use burn::tensor::{Device, Tensor, TensorData};

use crate::Result;
use crate::glam::{Architecture, CpuGenerator, CpuText, GeneratorConfig};
use crate::model::tensors;
use crate::nn::cpu::Set;
use crate::stem::TextFeatures;

/// Pictures that are drawn: what made Chromium compile every function of [`crate::nn::cpu`] again, with all optimisations.
const PICTURES: usize = 4;

/// Uses what draws on the CPU for a while, with a small network of `architecture` whose weights are zero. It needs no model, and so
/// can be done while one is downloaded.
///
/// # Errors
/// [`crate::Error::Device`].
pub fn warm_up(architecture: Architecture) -> Result<()> {
    let device = Device::flex();
    let config = GeneratorConfig { architecture, gf_dim: 8, z_dim: 1, condition_dim: 1, features: 8, residual_blocks: 1, stages: 2 };
    let generator = config.init(&device);
    let zeros = tensors::shapes(&generator).into_iter().map(|(key, shape)| (key, TensorData::zeros::<f32, _>(shape))).collect();
    let generator = tensors::assign(generator, zeros, "rehearsal")?;
    let cpu = CpuGenerator::new(Set::best(), &generator)?;
    let text = TextFeatures {
        words: Tensor::zeros([1, config.features, 2], &device),
        sentence: Tensor::zeros([1, config.features], &device),
        mask: Tensor::ones([1, 2], &device),
    };
    let condition = cpu.condition(&text, Tensor::zeros([1, config.condition_dim], &device));
    let text = CpuText::new(&text)?;
    for _ in 0..PICTURES {
        let features = cpu.initial(&condition, Tensor::zeros([1, config.z_dim], &device))?;
        black_box(cpu.image(0, &features));
        let (features, _) = cpu.refine(1, features, &text, &condition)?;
        black_box(cpu.image(1, &features));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_can_be_rehearsed() {
        for architecture in [Architecture::MirrorGan, Architecture::AttnGan, Architecture::StackGan] {
            warm_up(architecture).unwrap();
        }
    }
}
