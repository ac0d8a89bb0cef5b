//! FID, KID and IS against torch-fidelity on the same features, and the features themselves where full-size weights are at hand.

use burn::tensor::{Device, Tensor};
use mirrorgan::encoder::InceptionVariant;
use mirrorgan::evaluate::inception::Preprocessing;
use mirrorgan::evaluate::interval::{IntervalKind, over_parts};
use mirrorgan::evaluate::{frechet, inception_score, kernel};
use mirrorgan::import;
use serde_json::Value;

use super::{fixture_path, real_images, values};

/// Largest difference of distances on given features.
const DISTANCE: f64 = 1e-6;

fn read(path: &std::path::Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn rows(value: &Value) -> Vec<Vec<f32>> {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn distances_are_those_of_torch_fidelity() {
    let fixture = read(&fixture_path("torch_fidelity.json"));
    let (a, b) = (rows(&fixture["a"]), rows(&fixture["b"]));
    let close = |what: &str, found: f64| {
        let expected = fixture[what].as_f64().unwrap();
        assert!((found - expected).abs() < DISTANCE, "{what}: found {found}, expected {expected}");
    };
    close("fid", frechet::frechet_distance(&a, &b));
    close("fid_of_unequal_counts", frechet::frechet_distance(&a, &b[..23]));
    close("kid", kernel::squared_mmd(&a, &b));
    let splits = fixture["splits"].as_u64().unwrap() as usize;
    let scores = inception_score::inception_scores(&rows(&fixture["logits"]), splits);
    let (mean, interval) = over_parts(IntervalKind::StdOverSplits, &scores);
    close("is_mean", mean);
    close("is_std", interval.unwrap().high - mean);
}

/// The features of full-size Inception-v3. `MIRRORGAN_FID_REFERENCE` is a folder that `tests/fixtures/make_torch_fidelity.py` wrote:
/// `cargo test --release --test native -- --ignored features_are_those_of_torch_fidelity --nocapture`
#[test]
#[ignore = "needs 95 MB of weights"]
fn features_are_those_of_torch_fidelity() {
    let folder = std::path::PathBuf::from(std::env::var("MIRRORGAN_FID_REFERENCE").expect("MIRRORGAN_FID_REFERENCE"));
    let device = Device::flex();
    let network = import::published_inception_v3(&folder.join("weights.pth"), InceptionVariant::Fid, &device).unwrap();
    let expected = read(&folder.join("features.json"));
    let images: Tensor<4> = real_images(64, &device).narrow(0, 0, 2);
    let pooled = network.forward_features(Preprocessing::TorchFidelity.apply(images)).pooled;
    let scores = network.classify(pooled.clone()).unwrap().unbiased;
    for (what, found) in [("features", values(pooled)), ("logits", values(scores))] {
        let expected = rows(&expected[what]).concat();
        assert_eq!(found.len(), expected.len(), "{what}");
        let largest = found.iter().zip(&expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
        println!("{what}: largest difference {largest:e}");
        assert!(largest < 1e-4, "{what}: {largest}");
    }
}
