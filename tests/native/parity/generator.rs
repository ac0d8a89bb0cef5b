//! The generator against `generator.safetensors`.

use burn::tensor::{Device, Tensor, TensorData};
use mirrorgan::glam::{Generated, Generator, GeneratorConfig};
use mirrorgan::stem::TextFeatures;

use super::{Fixture, close_forward, collect, every, table, values};

/// A generator with the fixture's weights, and what it makes of the fixture's inputs.
fn run(fixture: &Fixture, device: &Device) -> (Generator, Generated) {
    let config = GeneratorConfig { gf_dim: 4, z_dim: 16, features: 32, ..Default::default() };
    let generator = fixture.load(config.init(device), "state.", &keys());
    // There a 1 marks padding.
    let mask: Vec<f32> = fixture.integers("mask").iter().map(|padding| 1.0 - *padding as f32).collect();
    let text = TextFeatures {
        words: fixture.tensor("words", device),
        sentence: fixture.tensor("sentence", device),
        mask: Tensor::from_data(TensorData::new(mask, [3, 12]), device),
    };
    let generated = generator.forward(&text, fixture.tensor("noise", device), fixture.tensor("eps", device));
    (generator, generated)
}

fn keys() -> Vec<(String, String)> {
    let mut rows = table(&[("ca", "ca_net"), ("initial.fc", "h_net1.fc.0"), ("initial.norm", "h_net1.fc.1")]);
    let mut add = |ours: String, theirs: String| rows.push((ours, theirs));
    for i in 0..4 {
        add(format!("initial.upsample.{i}.conv"), format!("h_net1.upsample{}.1", i + 1));
        add(format!("initial.upsample.{i}.norm"), format!("h_net1.upsample{}.2", i + 1));
    }
    for i in 0..2 {
        let (ours, theirs) = (format!("refine.{i}"), format!("h_net{}", i + 2));
        add(format!("{ours}.words"), format!("{theirs}.att"));
        add(format!("{ours}.sentence"), format!("{theirs}.att"));
        add(format!("{ours}.merge"), format!("{theirs}.conv"));
        add(format!("{ours}.upsample.conv"), format!("{theirs}.upsample.1"));
        add(format!("{ours}.upsample.norm"), format!("{theirs}.upsample.2"));
        for block in 0..2 {
            for (field, number) in [("conv1", 0), ("norm1", 1), ("conv2", 3), ("norm2", 4)] {
                add(format!("{ours}.residual.{block}.{field}"), format!("{theirs}.residual.{block}.block.{number}"));
            }
        }
    }
    for i in 0..3 {
        add(format!("heads.{i}.conv"), format!("img_net{}.img.0", i + 1));
    }
    rows
}

#[test]
fn evaluation_draws_the_reference_pictures() {
    let fixture = Fixture::read("generator.safetensors");
    let (_, generated) = run(&fixture, &Device::flex());
    close_forward("mu", &values(generated.condition.mu), &fixture.floats("eval.mu"));
    close_forward("logvar", &values(generated.condition.logvar), &fixture.floats("eval.logvar"));
    for (i, attention) in generated.attention.into_iter().enumerate() {
        let key = format!("eval.attention{}.every8", i + 1);
        close_forward(&key, &every(8, attention), &fixture.floats(&key));
    }
    for (i, image) in generated.images.into_iter().enumerate() {
        let key = format!("eval.image{i}.every4");
        close_forward(&key, &every(4, image), &fixture.floats(&key));
    }
}

#[test]
fn training_draws_the_reference_pictures_and_moves_the_statistics() {
    let fixture = Fixture::read("generator.safetensors");
    let (generator, generated) = run(&fixture, &Device::flex().autodiff());
    for (i, image) in generated.images.into_iter().enumerate() {
        let key = format!("train.image{i}.every4");
        close_forward(&key, &every(4, image), &fixture.floats(&key));
    }
    let state = collect(&generator, None);
    for (ours, theirs) in [("initial.norm", "h_net1.fc.1"), ("refine.1.upsample.norm", "h_net3.upsample.2")] {
        for statistic in ["running_mean", "running_var"] {
            let key = format!("train.after.{theirs}.{statistic}");
            close_forward(&key, &state[&format!("{ours}.{statistic}")], &fixture.floats(&key));
        }
    }
}
