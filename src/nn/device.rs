//! The devices that networks can be on.

use burn::tensor::DeviceType;

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
