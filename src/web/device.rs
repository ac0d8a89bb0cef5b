//! Where the engine computes.

use burn::tensor::Device;

use super::WebError;

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU with SIMD; on threads in the module that has them.
    Cpu,
    /// The GPU through WebGPU.
    WebGpu,
}

impl DeviceKind {
    /// Reads what JavaScript calls a device.
    ///
    /// # Errors
    /// `bad-input` for any other name.
    pub fn parse(name: &str) -> Result<Self, WebError> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "webgpu" => Ok(Self::WebGpu),
            _ => Err(WebError::new("bad-input", format!("there is no device {name:?}; expected \"cpu\" or \"webgpu\""))),
        }
    }
}

/// Opens a device; a second call gives the same one.
///
/// # Errors
/// `unsupported` where there is no such device, or this module was built without it.
pub async fn open(kind: DeviceKind) -> Result<Device, WebError> {
    match kind {
        DeviceKind::Cpu => Ok(Device::flex()),
        DeviceKind::WebGpu => webgpu().await,
    }
}

#[cfg(mirrorgan_cpu_only)]
async fn webgpu() -> Result<Device, WebError> {
    Err(WebError::new("unsupported", "this module was built for the CPU alone"))
}

#[cfg(not(mirrorgan_cpu_only))]
async fn webgpu() -> Result<Device, WebError> {
    use std::cell::RefCell;

    thread_local! {
        // burn initialises its WebGPU runtime once a module.
        static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) };
    }
    if let Some(device) = DEVICE.with(|slot| slot.borrow().clone()) {
        return Ok(device);
    }
    let device = Device::wgpu_options()
        .init_async()
        .await
        .map_err(|error| WebError::new("unsupported", format!("WebGPU could not be started: {error}")))?;
    DEVICE.with(|slot| slot.replace(Some(device.clone())));
    Ok(device)
}
