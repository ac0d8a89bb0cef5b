//! STREAM's decoder against `stream_decoder.safetensors`, whose features are already embedded.

use burn::tensor::{Device, Int, Tensor, TensorData};
use mirrorgan::loss::redescription;
use mirrorgan::stream::{StreamConfig, StreamDecoder};

use super::{Fixture, close_forward, close_loss, values};

const VOCABULARY: usize = 60;
const STEPS: usize = 12;

/// The decoder without what stands before its first input: the fixture has no weights for that.
fn decoder(fixture: &Fixture, device: &Device) -> StreamDecoder {
    let config = StreamConfig { vocabulary: VOCABULARY, embedding: 32, hidden: 48, image_features: 32, ..Default::default() };
    let fresh = StreamDecoder::new(&config, device);
    let bytes = mirrorgan::model::tensors::save(&fresh, mirrorgan::model::Dtype::F32).unwrap();
    let mut tensors = mirrorgan::model::tensors::parse(&bytes, "fresh").unwrap();
    for (ours, theirs) in [
        ("embedding.weight", "embed.weight"),
        ("lstm.weight_ih", "lstm.weight_ih_l0"),
        ("lstm.weight_hh", "lstm.weight_hh_l0"),
        ("lstm.bias_ih", "lstm.bias_ih_l0"),
        ("lstm.bias_hh", "lstm.bias_hh_l0"),
        ("words.bias", "linear.bias"),
    ] {
        assert!(tensors.insert(ours.into(), fixture.data(&format!("state.{theirs}"))).is_some(), "{ours}");
    }
    let words: Tensor<2> = fixture.tensor("state.linear.weight", device);
    tensors.insert("words.weight".into(), TensorData::new(values(words.transpose()), [48, VOCABULARY]));
    mirrorgan::model::tensors::assign(fresh, tensors, "stream_decoder.safetensors").unwrap()
}

fn ids(values: &[usize], width: usize, device: &Device) -> Tensor<2, Int> {
    let values: Vec<i32> = values.iter().map(|id| *id as i32).collect();
    let rows = values.len() / width;
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}

#[test]
fn expected_words_are_the_reference_ones() {
    let fixture = Fixture::read("stream_decoder.safetensors");
    let device = Device::flex();
    let captions = fixture.integers("captions");
    let lengths = fixture.integers("lengths");
    let logits = decoder(&fixture, &device).decode(fixture.tensor("features", &device), ids(&captions, STEPS, &device));

    // PyTorch packs step after step: the first words of all captions, the second ones of all that have them, and so on.
    let all = values(logits.clone());
    let packed: Vec<(usize, usize)> =
        (0..STEPS).flat_map(|t| (0..lengths.len()).map(move |b| (b, t))).filter(|(b, t)| *t < lengths[*b]).collect();
    let found: Vec<f32> = packed.iter().flat_map(|(b, t)| all[(b * STEPS + t) * VOCABULARY..][..VOCABULARY].to_vec()).collect();
    close_forward("logits", &found, &fixture.floats("packed_logits"));
    let targets: Vec<usize> = packed.iter().map(|(b, t)| captions[b * STEPS + t]).collect();
    assert_eq!(targets, fixture.integers("packed_targets"));

    let mask: Vec<f32> = lengths.iter().flat_map(|n| (0..STEPS).map(move |t| if t < *n { 1.0 } else { 0.0 })).collect();
    let mask = Tensor::from_data(TensorData::new(mask, [lengths.len(), STEPS]), &device);
    let loss = redescription(logits, ids(&captions, STEPS, &device), mask);
    close_loss("cross-entropy", loss, &fixture.floats("cross_entropy"));
}

#[test]
fn greedy_words_are_the_reference_ones() {
    let fixture = Fixture::read("stream_decoder.safetensors");
    let device = Device::flex();
    let decoded = decoder(&fixture, &device).greedy(fixture.tensor("features", &device), 20);
    let found = decoded.ids.into_data().convert::<i64>().try_to_vec::<i64>().unwrap();
    let expected: Vec<i64> = fixture.integers("greedy").iter().map(|id| *id as i64).collect();
    assert_eq!(found, expected);
}
