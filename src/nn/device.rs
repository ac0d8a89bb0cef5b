//! What a device is to the networks.

use burn::tensor::Device;
#[cfg(not(target_arch = "wasm32"))]
use burn::tensor::DeviceType;

/// Whether tensors of this device are worked on by the processor, in whose cache they had better stay.
pub fn is_processor(device: &Device) -> bool {
    let device = device.clone().inner();
    #[cfg(feature = "tch")]
    if device == Device::libtorch() {
        return true;
    }
    device == Device::flex()
}

/// The kinds of devices, of those that this build knows, of which a machine may have several.
#[cfg(not(target_arch = "wasm32"))]
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
