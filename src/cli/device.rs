//! The device that a command computes on.

use burn::tensor::Device;
use clap::ValueEnum;

/// What `--device` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    #[cfg_attr(any(feature = "cuda", feature = "vulkan"), doc = "A GPU that this build has a back end for, else the CPU.")]
    #[cfg_attr(
        not(any(feature = "cuda", feature = "vulkan")),
        doc = "The CPU: this build has no GPU back end (features `vulkan`, `cuda`)."
    )]
    Auto,
    /// NVIDIA, through cubecl (feature `cuda`).
    Cuda,
    /// Any GPU with a Vulkan driver (feature `vulkan`).
    Vulkan,
    /// The processor, through burn's pure Rust back end.
    Cpu,
    /// The processor, through libtorch (feature `tch`).
    Torch,
    /// NVIDIA, through libtorch and cuDNN (feature `tch`).
    TorchCuda,
}

impl DeviceChoice {
    /// The burn device.
    ///
    /// # Errors
    /// Names the cargo feature when the back end is not built in, or says that there is no such GPU.
    pub fn open(self) -> anyhow::Result<Device> {
        match self {
            Self::Auto => Ok(Self::auto()),
            Self::Cpu => Ok(Device::flex()),
            Self::Vulkan => vulkan(),
            Self::Cuda => cuda(),
            Self::Torch => torch(false),
            Self::TorchCuda => torch(true),
        }
    }

    fn auto() -> Device {
        cuda().or_else(|_| vulkan()).unwrap_or_else(|_| Device::flex())
    }
}

/// A hardware GPU: software drivers such as lavapipe are slower than the CPU path.
#[cfg(feature = "vulkan")]
fn vulkan() -> anyhow::Result<Device> {
    use burn::tensor::DeviceType;
    let mut found = Device::enumerate(DeviceType::Vulkan).into_vec().into_iter();
    found
        .find(|device| !format!("{device:?}").contains("Cpu"))
        .ok_or_else(|| anyhow::anyhow!("no GPU with a Vulkan driver was found; try --device cpu"))
}

#[cfg(not(feature = "vulkan"))]
fn vulkan() -> anyhow::Result<Device> {
    anyhow::bail!("this binary has no Vulkan back end; build with `--features vulkan`")
}

#[cfg(feature = "cuda")]
fn cuda() -> anyhow::Result<Device> {
    Ok(Device::cuda(0))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> anyhow::Result<Device> {
    anyhow::bail!("this binary has no CUDA back end; build with `--features cuda`")
}

#[cfg(feature = "tch")]
fn torch(cuda: bool) -> anyhow::Result<Device> {
    Ok(if cuda { Device::libtorch_cuda(0) } else { Device::libtorch() })
}

#[cfg(not(feature = "tch"))]
fn torch(_cuda: bool) -> anyhow::Result<Device> {
    anyhow::bail!("this binary has no libtorch back end; build with `--features tch` (see CONTRIBUTING.md)")
}
