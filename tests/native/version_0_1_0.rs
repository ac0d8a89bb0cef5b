//! What version 0.1.0 wrote and drew: its models are read, and the same seed gives its pictures to the bit.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mirrorgan::{Engine, GenerateOptions, Picture};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v0.1.0").join(name)
}

/// `mirrorgan generate --model model "…" --seed 7 --stages --caption --device cpu` of version 0.1.0 drew the pictures beside the model and
/// printed these words and this probability.
#[test]
fn an_old_model_draws_its_old_pictures() {
    let engine = Engine::open(fixture("model"), &Device::flex()).unwrap();
    let options = GenerateOptions { seed: 7, caption: true, ..GenerateOptions::default() };
    let drawn = engine.draw("this flower has pink petals and a yellow center", &options).unwrap();
    let stages = &drawn.pictures[0].stages;
    assert_eq!(stages.len(), 3);
    for stage in stages {
        let size = stage.image.width();
        let old = Picture::open(fixture(&format!("{size}.png"))).unwrap();
        let differences = old.rgba().iter().zip(stage.image.rgba()).map(|(old, new)| old.abs_diff(*new));
        let (count, largest) = (differences.clone().filter(|difference| *difference > 0).count(), differences.max());
        assert!(old == stage.image, "{count} bytes of the picture of {size} pixels differ, by {largest:?} at most");
    }
    let caption = drawn.pictures[0].caption.as_ref().unwrap();
    assert_eq!(caption.words, ["this"; 8]);
    assert!((caption.log_probability + 23.561_224).abs() < 0.01, "{}", caption.log_probability);
}
