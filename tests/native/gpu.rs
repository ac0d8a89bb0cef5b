//! The generator's training on every other device that this build knows, beside the processor's:
//!
//! `cargo test --release --test native gpu -- --ignored --nocapture`, with `--features` `vulkan`, `cuda` or `tch` for those back ends.

use std::fs;

use burn::tensor::Device;
use mirrorgan::nn::{Precision, gpu_kinds};
use mirrorgan::train::{TrainContext, TrainError, gan, stem, stream};

use crate::tiny::{context, log};

/// The losses of the first step, by name.
fn first(context: &TrainContext) -> Vec<(&'static str, f64)> {
    let line = log(context, "gan").swap_remove(0);
    ["discriminator", "adversarial", "conditional", "stream", "kl", "generator"].map(|name| (name, line[name].as_f64().unwrap())).to_vec()
}

/// A generator's training of its own.
fn train(run: &TrainContext) -> Result<(), TrainError> {
    let part = run.out.join("gan");
    if part.is_dir() {
        fs::remove_dir_all(&part).unwrap();
    }
    gan::run(run)
}

fn losses(run: &TrainContext) -> Vec<(&'static str, f64)> {
    train(run).unwrap();
    assert!(log(run, "gan").iter().all(|line| line["generator"].as_f64().is_some_and(f64::is_finite)));
    first(run)
}

#[test]
#[ignore = "needs a GPU, or libtorch"]
fn other_devices_learn_what_the_processor_learns_in_each_precision_and_together() {
    let folder = tempfile::tempdir().unwrap();
    let phases = "gan.phases=[{stages=1,pictures=12,batch=4,trains=\"all\"}]";
    // Cross-entropy squeezes verdicts, which hinge losses show as they are, and a sharpened condition makes the most of each bit.
    let mild = ["gan.loss=cross_entropy", "gan.spectral_norm=false", "gan.condition_gain=1.0"];
    let processor = context(folder.path(), "run", &[&["stem.epochs=1", "stream.epochs=1", phases], &mild[..]].concat());
    stem::run(&processor).unwrap();
    stream::run(&processor).unwrap();
    let expected = losses(&processor);
    println!("processor: {expected:.4?}");
    let near = |found: Vec<(&str, f64)>, allowed: f64, what: &str| {
        println!("{what}: {found:.4?}");
        for ((name, found), (_, expected)) in found.into_iter().zip(&expected) {
            assert!((found - expected).abs() < allowed * (1.0 + expected.abs()), "{what}, {name}: {found} {expected}");
        }
    };
    let mut met = 0;
    let found: Vec<_> = gpu_kinds().into_iter().map(|kind| Device::enumerate(kind).into_vec()).collect();
    // Which is no GPU, and so not among those that libtorch counts.
    #[cfg(feature = "tch")]
    #[allow(deprecated)]
    let found = found.into_iter().chain([vec![Device::libtorch()]]);
    for devices in found {
        for device in &devices {
            met += 1;
            let mut other = TrainContext { device: device.clone(), ..processor.clone() };
            for precision in [Precision::F32, Precision::Bf16, Precision::F16] {
                other.recipe.gan.precision = precision;
                match precision.check(device) {
                    Ok(()) => {
                        near(losses(&other), if precision == Precision::F32 { 1e-3 } else { 0.02 }, &format!("{device:?}, {precision:?}"))
                    }
                    Err(error) => println!("{device:?}, {precision:?}: {error}"),
                }
            }
        }
        let Some(first) = devices.first() else { continue };
        let mut both = TrainContext { device: first.clone(), ..processor.clone() };
        both.recipe.gan.devices = 2;
        if devices.len() < 2 {
            assert!(matches!(train(&both), Err(TrainError::TooFewDevices { found: 1, .. })));
        } else {
            // Batch norms see halves: near, not the same.
            near(losses(&both), 0.2, &format!("{:?}", &devices[..2]));
        }
    }
    assert!(met > 0, "there is no other device");
}
