//! When a training ran, on what, and for how long: `sessions.json`, one entry each time it was started or continued.

use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::{Error, Result};

const FILE: &str = "sessions.json";

/// One uninterrupted stretch of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Seconds since 1970.
    pub started: u64,
    /// How long it has run.
    pub seconds: f64,
    /// What computed.
    pub device: String,
    /// Version of this crate.
    pub version: String,
    /// Optimizer steps that had been taken at its start.
    pub first_step: usize,
    /// Optimizer steps that have been taken.
    pub last_step: usize,
}

/// The stretches of a training, the last of which is under way.
#[derive(Debug)]
pub struct Sessions {
    earlier: Vec<Session>,
    current: Session,
    clock: Instant,
}

impl Sessions {
    /// Begins a stretch after `step` steps. Those of a training that begins anew are forgotten.
    pub fn begin(folder: &Path, step: usize, device: &Device) -> Self {
        let earlier = if step == 0 { Vec::new() } else { read(folder) };
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let version = env!("CARGO_PKG_VERSION").to_string();
        let device = name(device);
        let current = Session { started, seconds: 0.0, device, version, first_step: step, last_step: step };
        Self { earlier, current, clock: Instant::now() }
    }

    /// Writes down how far the training is.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn go_on(&mut self, folder: &Path, step: usize) -> Result<()> {
        self.current.seconds = self.clock.elapsed().as_secs_f64();
        self.current.last_step = step;
        let all: Vec<&Session> = self.earlier.iter().chain([&self.current]).collect();
        let json = serde_json::to_vec_pretty(&all).map_err(|error| Error::internal("JSON cannot be written", error))?;
        files::write(&folder.join(FILE), &json)
    }
}

/// Back end and device, such as `LibTorch(Cpu)`.
fn name(device: &Device) -> String {
    let text = format!("{device:?}");
    text.strip_prefix("Device<").and_then(|inner| inner.strip_suffix('>')).unwrap_or(&text).to_string()
}

/// The stretches of a training; none where nothing readable is written.
pub fn read(folder: &Path) -> Vec<Session> {
    fs::read(folder.join(FILE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_add_up_until_a_training_begins_anew() {
        let place = tempfile::tempdir().unwrap();
        let device = Device::flex();
        Sessions::begin(place.path(), 0, &device).go_on(place.path(), 5).unwrap();
        Sessions::begin(place.path(), 4, &device).go_on(place.path(), 9).unwrap();
        let steps = |folder: &Path| read(folder).iter().map(|session| (session.first_step, session.last_step)).collect::<Vec<_>>();
        assert_eq!(steps(place.path()), [(0, 5), (4, 9)]);
        Sessions::begin(place.path(), 0, &device).go_on(place.path(), 1).unwrap();
        assert_eq!(steps(place.path()), [(0, 1)]);
        let name = &read(place.path())[0].device;
        assert!(name.starts_with("Flex") && !name.contains("Device"), "{name}");
    }
}
