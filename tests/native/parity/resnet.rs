//! ResNet against torchvision: narrow networks, and the five full ones where they are at hand.

use burn::tensor::{Device, Tensor};
use mirrorgan::encoder::{ResNet, ResNetDepth};
use mirrorgan::import;

use super::{Fixture, close_share, fixture_path, largest_share, real_images, reference, values};

#[test]
fn narrow_networks_have_the_reference_features() {
    let device = Device::flex();
    for (name, depth, width) in [("resnet_18_narrow", ResNetDepth::D18, 1.0 / 32.0), ("resnet_50_narrow", ResNetDepth::D50, 1.0 / 64.0)] {
        let fixture = Fixture::read(&format!("{name}.safetensors"));
        let network = import::resnet(&fixture_path(&format!("{name}.pth")), width).unwrap();
        assert_eq!(network.depth(), Some(depth));
        let features = network.forward_features(ResNet::normalize(real_images(64, &device)));
        for (i, layer) in features.layers.into_iter().enumerate() {
            let first = layer.clone().narrow(2, 0, 1).narrow(3, 0, 1);
            close_share("first pixel", &values(first), &fixture.floats(&format!("layer{}.first", i + 1)));
            let mean: Tensor<4> = layer.mean_dim(2).mean_dim(3);
            close_share("mean", &values(mean), &fixture.floats(&format!("layer{}.mean", i + 1)));
        }
        close_share("pooled", &values(features.pooled.clone()), &fixture.floats("pooled"));
        close_share("logits", &values(network.classify(features.pooled).expect("a classifier")), &fixture.floats("logits"));
    }
}

/// Full-size networks against PyTorch. `MIRRORGAN_ENCODER_REFERENCE` is a folder with, for `resnet-18` to `resnet-152`, the state dict
/// NAME.pth and NAME.safetensors: `images` (n, 3, 224, 224) in [−1, 1], and the network's `layer1` to `layer4`, `pooled` and `logits` of
/// (images / 2 + ½ − ImageNet's mean) / its deviation.
#[test]
#[ignore = "needs full-size weights and what PyTorch computes with them"]
fn full_networks_have_the_reference_features() {
    let device = Device::flex();
    for name in ["resnet-18", "resnet-34", "resnet-50", "resnet-101", "resnet-152"] {
        let (path, fixture) = reference(name);
        let network = import::resnet(&path, 1.0).unwrap();
        let features = network.forward_features(ResNet::normalize(fixture.tensor("images", &device)));
        let logits = values(network.classify(features.pooled.clone()).expect("a classifier"));
        let mut pairs = vec![("pooled".to_string(), values(features.pooled)), ("logits".to_string(), logits)];
        pairs.extend(features.layers.into_iter().enumerate().map(|(i, layer)| (format!("layer{}", i + 1), values(layer))));
        for (key, found) in pairs {
            let share = largest_share(&found, &fixture.floats(&key));
            println!("{name} {key}: largest difference {share:e} of the largest value");
            assert!(share < 1e-4, "{name} {key}: {share}");
        }
    }
}
