//! The devices that networks can be on.

use burn::tensor::{Device, DeviceType};

/// The kinds of devices, of those that this build knows, of which a machine may have several.
pub fn gpu_kinds() -> Vec<DeviceType> {
    vec![
        #[cfg(feature = "vulkan")]
        DeviceType::Vulkan,
        #[cfg(feature = "cuda")]
        DeviceType::Cuda,
        #[cfg(feature = "tch")]
        DeviceType::LibTorch,
    ]
}

/// Whether a device is one of another machine, so that each value is a way over the network.
#[cfg(all(feature = "remote", not(target_arch = "wasm32")))]
pub fn is_elsewhere(device: &Device) -> bool {
    crate::remote::is_open(device)
}

/// Whether a device is one of another machine: there are none.
#[cfg(not(all(feature = "remote", not(target_arch = "wasm32"))))]
pub fn is_elsewhere(_device: &Device) -> bool {
    false
}
