//! Takes any bytes for what the browser's calls are given: a prompt, options, noise, a picture's pixels. What is refused is refused before
//! anything is computed, and what is taken reaches the first stage, where the call is ended as a visitor ends it.
#![no_main]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use mirrorgan::model::Model;
use mirrorgan::{CaptionOptions, Device, Engine, Error, GenerateOptions, NoiseSource, Picture, block_on};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/v0.1.0/model");
    let model = Model::read(|name| Ok(fs::read(folder.join(name)).unwrap()), &Device::flex()).unwrap();
    Engine::new(model, Device::flex()).unwrap()
});

/// Numbers of the first bytes, the rest being what they are about.
struct Given<'a>(&'a [u8]);

impl Given<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    /// Small ones, and now and then the largest there are.
    fn count(&mut self) -> usize {
        match self.byte() {
            255 => usize::MAX,
            254 => 1 << 32,
            other => usize::from(other),
        }
    }

    fn float(&mut self) -> f32 {
        f32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut given = Given(bytes);
    let kind = given.byte();
    if kind.is_multiple_of(4) {
        let (width, height, count) = (given.count(), given.count(), given.count());
        let Ok(picture) = Picture::from_rgba(width, height, given.0.to_vec()) else { return };
        let values = picture.to_tensor(&Device::flex());
        assert_eq!(values.dims()[2..], [width.min(height); 2]);
        // Of a hundred pictures one is described: it takes longer than all the rest.
        if kind == 0 && bytes.len().is_multiple_of(100) {
            let options = CaptionOptions { count, sample: count.is_multiple_of(2).then_some(1) };
            let _ = block_on(ENGINE.captions(&picture, &options, async || Ok(())));
        }
        return;
    }
    let (count, stages) = (given.count(), given.count());
    let noise = match kind % 3 {
        0 => None,
        1 => Some(NoiseSource::Towards { seed: count as u64, position: given.float() }),
        _ => {
            let size = usize::from(given.byte());
            Some(NoiseSource::Values { z: (0..size).map(|_| given.float()).collect(), epsilon: vec![given.float(); 20] })
        }
    };
    let Ok(prompt) = std::str::from_utf8(given.0) else { return };
    let options = GenerateOptions {
        seed: u64::from(kind),
        noise,
        count,
        stages: (stages > 0).then_some(stages),
        caption: kind & 8 != 0,
        attention: kind & 16 == 0,
    };
    let ended = || Error::BadInput("ended".into());
    if bytes.len().is_multiple_of(100) {
        let drawn = block_on(ENGINE.generate(prompt, &options, async |_| Err(ended())));
        assert!(drawn.is_err());
    }
    let _ = ENGINE.model().vocabulary.encode(prompt, ENGINE.model().config.text_encoder.max_words);
});
