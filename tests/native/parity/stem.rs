//! The text encoder against `stem.safetensors`.

use burn::tensor::Device;
use mirrorgan::stem::{TextBatch, TextEncoderConfig};

use super::{Fixture, close_forward, table, values};

#[test]
fn words_and_sentences_are_the_reference_ones() {
    let fixture = Fixture::read("stem.safetensors");
    let device = Device::flex();
    let config = TextEncoderConfig { vocabulary: 60, embedding: 20, features: 32, max_words: 12 };
    let mut keys = table(&[("embedding", "encoder")]);
    for (direction, suffix) in [("forward", "l0"), ("backward", "l0_reverse")] {
        for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
            keys.push((format!("{direction}.{name}"), format!("rnn.{name}_{suffix}")));
        }
    }
    let encoder = fixture.load(config.init(&device), "state.", &keys);
    let ids = fixture.integers("captions");
    let lengths = fixture.integers("lengths");
    let captions: Vec<Vec<usize>> = ids.chunks(12).zip(lengths).map(|(row, length)| row[..length].to_vec()).collect();
    let features = encoder.forward(&TextBatch::new(&captions, &device));
    close_forward("words", &values(features.words), &fixture.floats("words"));
    close_forward("sentence", &values(features.sentence), &fixture.floats("sentence"));
}
