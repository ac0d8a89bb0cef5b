//! Inception-v3 against torchvision and against pytorch-fid: narrow networks, and full ones where they are at hand.

use burn::tensor::{Device, Tensor};
use mirrorgan::encoder::{InceptionFeatures, InceptionVariant};
use mirrorgan::import;

use super::{Fixture, close_share, fixture_path, largest_share, real_images, reference, values};

/// Of the variants: the fixture's name, and how the pictures' bytes enter the network.
const VARIANTS: [(&str, InceptionVariant); 2] =
    [("inception_v3_narrow", InceptionVariant::Torchvision), ("inception_v3_fid_narrow", InceptionVariant::Fid)];

fn stages(features: &InceptionFeatures) -> [(&'static str, &Tensor<4>); 3] {
    [("Mixed_5d", &features.mixed_5d), ("Mixed_6e", &features.mixed_6e), ("Mixed_7c", &features.mixed_7c)]
}

#[test]
fn narrow_networks_have_the_reference_features() {
    let device = Device::flex();
    let mut codes = Vec::new();
    for (name, variant) in VARIANTS {
        let fixture = Fixture::read(&format!("{name}.safetensors"));
        // Both variants have the same weights here: what differs is how they pool.
        let network = import::inception_v3(&fixture_path("inception_v3_narrow.pth"), variant, 1.0 / 64.0).unwrap();
        let features = network.forward_features(real_images(107, &device));
        for (stage, found) in stages(&features) {
            let first = found.clone().narrow(2, 0, 1).narrow(3, 0, 1);
            close_share("first pixel", &values(first), &fixture.floats(&format!("{stage}.first")));
            let mean: Tensor<4> = found.clone().mean_dim(2).mean_dim(3);
            close_share("mean", &values(mean), &fixture.floats(&format!("{stage}.mean")));
        }
        close_share("pooled", &values(features.pooled.clone()), &fixture.floats("pooled"));
        let scores = network.classify(features.pooled.clone()).expect("a classifier");
        close_share("logits", &values(scores.logits), &fixture.floats("logits"));
        codes.push(values(features.pooled));
    }
    assert_ne!(codes[0], codes[1], "the variants pool differently");
}

/// Full-size networks against PyTorch. `MIRRORGAN_ENCODER_REFERENCE` is a folder with, for `inception` and `inception-fid`, the state
/// dict NAME.pth and NAME.safetensors: `images` (n, 3, 299, 299) as the network takes them, and its `pooled`, `logits` and further
/// `mixed_…` features, `unbiased` for the latter.
#[test]
#[ignore = "needs full-size weights and what PyTorch computes with them"]
fn full_networks_have_the_reference_features() {
    let device = Device::flex();
    for (name, variant) in [("inception", InceptionVariant::Torchvision), ("inception-fid", InceptionVariant::Fid)] {
        let (path, fixture) = reference(name);
        let network = import::published_inception_v3(&path, variant, &device).unwrap();
        let features = network.forward_features(fixture.tensor("images", &device));
        let scores = network.classify(features.pooled.clone()).expect("a classifier");
        let mut pairs = vec![("pooled", values(features.pooled)), ("logits", values(scores.logits))];
        match variant {
            InceptionVariant::Fid => pairs.push(("unbiased", values(scores.unbiased))),
            InceptionVariant::Torchvision => {
                pairs.extend([("mixed_5d", features.mixed_5d), ("mixed_6e", features.mixed_6e)].map(|(key, found)| (key, values(found))));
            }
        }
        for (key, found) in pairs {
            let share = largest_share(&found, &fixture.floats(key));
            println!("{name} {key}: largest difference {share:e} of the largest value");
            assert!(share < 1e-4, "{name} {key}: {share}");
        }
    }
    let (path, _) = reference("inception");
    let error = import::published_inception_v3(&path, InceptionVariant::Fid, &device).unwrap_err().to_string();
    assert!(error.contains("AuxLogits"), "{error}");
}
