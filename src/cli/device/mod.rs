//! The device that a command computes on: one of this machine, or one of another.

mod name;
mod token;

use burn::tensor::Device;
use clap::ValueEnum;

pub use name::{DeviceName, SharedDevices};
pub use token::TokenArgs;

/// A device of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    #[cfg_attr(any(feature = "cuda", feature = "tch", feature = "vulkan"), doc = "A GPU that this build has a back end for, else the CPU.")]
    #[cfg_attr(
        not(any(feature = "cuda", feature = "tch", feature = "vulkan")),
        doc = "The CPU: this build has no GPU back end (features `vulkan`, `cuda`, `tch`)."
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

    /// The same for a server: burn does not serve libtorch's.
    ///
    /// # Errors
    /// As [`DeviceChoice::open`].
    #[cfg(feature = "remote")]
    pub fn open_to_serve(self) -> anyhow::Result<Device> {
        if self == Self::Auto { Ok(cuda().or_else(|_| vulkan()).unwrap_or_else(|_| Device::flex())) } else { self.open() }
    }

    /// The first that there is, of those that train fastest first.
    fn auto() -> Device {
        cuda().or_else(|_| torch(true)).or_else(|_| vulkan()).unwrap_or_else(|_| Device::flex())
    }
}

/// The first GPU of `kind` that is no program: software drivers such as lavapipe are slower than the CPU path. Nothing is opened to find it,
/// as a back end that cannot be opened panics.
#[cfg(any(feature = "cuda", feature = "tch", feature = "vulkan"))]
fn gpu(kind: burn::tensor::DeviceType, what: &str) -> anyhow::Result<Device> {
    let mut found = Device::enumerate(kind).into_vec().into_iter();
    found.find(|device| !format!("{device:?}").contains("Cpu")).ok_or_else(|| anyhow::anyhow!("no {what} was found; try --device cpu"))
}

#[cfg(not(all(feature = "cuda", feature = "tch", feature = "vulkan")))]
fn not_built(what: &str, feature: &str) -> anyhow::Result<Device> {
    anyhow::bail!("this binary has no {what} back end; build with `--features {feature}` (see CONTRIBUTING.md)")
}

#[cfg(feature = "vulkan")]
fn vulkan() -> anyhow::Result<Device> {
    gpu(burn::tensor::DeviceType::Vulkan, "GPU with a Vulkan driver")
}

#[cfg(not(feature = "vulkan"))]
fn vulkan() -> anyhow::Result<Device> {
    not_built("Vulkan", "vulkan")
}

#[cfg(feature = "cuda")]
fn cuda() -> anyhow::Result<Device> {
    gpu(burn::tensor::DeviceType::Cuda, "NVIDIA GPU with its driver")
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> anyhow::Result<Device> {
    not_built("CUDA", "cuda")
}

#[cfg(feature = "tch")]
fn torch(cuda: bool) -> anyhow::Result<Device> {
    // Those that libtorch counts are GPUs: none where it is built for the processor alone or finds no driver.
    if cuda { gpu(burn::tensor::DeviceType::LibTorch, "NVIDIA GPU that this libtorch is built for") } else { Ok(Device::libtorch()) }
}

#[cfg(not(feature = "tch"))]
fn torch(_cuda: bool) -> anyhow::Result<Device> {
    not_built("libtorch", "tch")
}
