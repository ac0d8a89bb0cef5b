//! The published discriminators and their loss against `discriminators.safetensors`.

use burn::tensor::{Device, activation};
use mirrorgan::discriminator::{Discriminator, DiscriminatorConfig};
use mirrorgan::loss::adversarial::discriminator_loss;

use super::{Fixture, close_forward, close_gradient, close_loss, collect, fake_images, key, real_images, table, values};

/// PyTorch's beginnings of keys for the discriminator of `stage`.
fn keys(stage: usize) -> Vec<(String, String)> {
    let mut rows = table(&[
        ("down.0.conv", "img_code_s16.0"),
        ("down.1.conv", "img_code_s16.2"),
        ("down.1.norm", "img_code_s16.3"),
        ("down.2.conv", "img_code_s16.5"),
        ("down.2.norm", "img_code_s16.6"),
        ("down.3.conv", "img_code_s16.8"),
        ("down.3.norm", "img_code_s16.9"),
        ("joint.conv", "COND_DNET.jointConv.0"),
        ("joint.norm", "COND_DNET.jointConv.1"),
        ("conditional", "COND_DNET.outlogits.0"),
        ("unconditional", "UNCOND_DNET.outlogits.0"),
    ]);
    let rest: &[(&str, &str)] = match stage {
        0 => &[],
        1 => &[("down.4", "s32"), ("narrow.0", "s32_1")],
        _ => &[("down.4", "s32"), ("down.5", "s64"), ("narrow.0", "s64_1"), ("narrow.1", "s64_2")],
    };
    for (ours, theirs) in rest {
        rows.push((format!("{ours}.conv"), format!("img_code_{theirs}.0")));
        rows.push((format!("{ours}.norm"), format!("img_code_{theirs}.1")));
    }
    rows
}

/// The discriminator of `stage` with the fixture's weights.
pub fn discriminator(fixture: &Fixture, stage: usize, device: &Device) -> Discriminator {
    let config = DiscriminatorConfig { df_dim: 4, features: 32, size: 64 << stage, ..Default::default() };
    let discriminator = config.init(device).expect("a size of the paper");
    fixture.load(discriminator, &format!("d{stage}.state."), &keys(stage))
}

#[test]
fn evaluation_gives_the_reference_probabilities() {
    let fixture = Fixture::read("discriminators.safetensors");
    let device = Device::flex();
    for stage in 0..3 {
        let discriminator = discriminator(&fixture, stage, &device);
        let features = discriminator.forward(real_images(64 << stage, &device));
        let alone = activation::sigmoid(discriminator.unconditional(features.clone()));
        let paired = activation::sigmoid(discriminator.conditional(features.clone(), fixture.tensor("sentence", &device)));
        let expected = |name: &str| fixture.floats(&format!("d{stage}.eval.{name}"));
        close_forward(&format!("features of {stage}"), &values(features), &expected("features"));
        close_forward(&format!("unconditional of {stage}"), &values(alone), &expected("uncond"));
        close_forward(&format!("conditional of {stage}"), &values(paired), &expected("cond"));
    }
}

#[test]
fn training_gives_the_reference_loss_and_gradients() {
    let fixture = Fixture::read("discriminators.safetensors");
    let device = Device::flex().autodiff();
    for stage in 0..3 {
        let discriminator = discriminator(&fixture, stage, &device);
        let size = 64 << stage;
        let sentence = fixture.tensor("sentence", &device);
        let loss = discriminator_loss(&discriminator, real_images(size, &device), fake_images(size, &device), sentence);
        close_loss(&format!("loss of {stage}"), loss.clone(), &fixture.floats(&format!("d{stage}.loss")));
        let found = collect(&discriminator, Some(&loss.backward()));
        for path in ["down.0.conv.weight", "joint.conv.weight", "unconditional.bias"] {
            let key = format!("d{stage}.grad.{}", key(path, &keys(stage)));
            close_gradient(&key, &found[path], &fixture.floats(&key));
        }
    }
}
