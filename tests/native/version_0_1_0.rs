//! What version 0.1.0 wrote and drew: its models are read, and the same seed gives its pictures.
//!
//! That version drew with four lanes of any processor and two roundings for a product and a sum. With the same lanes the pictures are
//! the same to the bit; wider ones have instructions that round once, and may differ by 1 of 255.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mirrorgan::nn::cpu::Set;
use mirrorgan::{Engine, GenerateOptions, Generation, Picture};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v0.1.0").join(name)
}

/// `mirrorgan generate --model model "…" --seed 7 --stages --caption --device cpu` of version 0.1.0 drew the pictures beside the model and
/// printed these words and this probability.
#[test]
fn an_old_model_draws_its_old_pictures() {
    for (index, set) in Set::all().into_iter().enumerate() {
        let drawn = draw(set);
        let stages = &drawn.pictures[0].stages;
        assert_eq!(stages.len(), 3);
        for stage in stages {
            let size = stage.image.width();
            let old = Picture::open(fixture(&format!("{size}.png"))).unwrap();
            let differences = old.rgba().iter().zip(stage.image.rgba()).map(|(old, new)| old.abs_diff(*new));
            let (count, largest) = (differences.clone().filter(|difference| *difference > 0).count(), differences.max().unwrap());
            let allowed = if index == 0 { 0 } else { 1 };
            assert!(largest <= allowed, "{set:?}: {count} bytes of the picture of {size} pixels differ, by {largest} at most");
        }
        let caption = drawn.pictures[0].caption.as_ref().unwrap();
        assert_eq!(caption.words, ["this"; 8]);
        assert!((caption.log_probability + 23.561_224).abs() < 0.01, "{}", caption.log_probability);
    }
}

/// Only the vector instructions change a picture, not how many threads share it.
#[test]
fn a_picture_is_the_same_to_the_bit_on_any_number_of_threads() {
    for set in Set::all() {
        let on = |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| draw(set));
        let alone = on(1);
        for threads in [2, 3, 8] {
            assert!(on(threads) == alone, "{set:?}, {threads} threads");
        }
    }
}

fn draw(set: Set) -> Generation {
    let engine = Engine::open(fixture("model"), &Device::flex()).unwrap().with_set(set).unwrap();
    let options = GenerateOptions { seed: 7, caption: true, ..GenerateOptions::default() };
    engine.draw("this flower has pink petals and a yellow center", &options).unwrap()
}
