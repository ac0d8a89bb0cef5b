//! The cross-entropy of captions against `stream_decoder.safetensors`.

use burn::tensor::{Device, Int, Tensor, TensorData};
use mirrorgan::loss::redescription;

use super::{Fixture, close_loss};

/// The fixture's logits are packed, 12 + 9 + 4 rows; here they are one long caption, cut in two and padded.
#[test]
fn redescription_is_the_reference_cross_entropy() {
    let fixture = Fixture::read("stream_decoder.safetensors");
    let device = Device::flex();
    let packed = fixture.tensor::<2>("packed_logits", &device);
    let padding = Tensor::<2>::ones([5, 60], &device);
    let logits = Tensor::cat(vec![packed, padding], 0).reshape([2, 15, 60]);
    let mut targets: Vec<i32> = fixture.integers("packed_targets").iter().map(|id| *id as i32).collect();
    targets.resize(30, 0);
    let mask: Vec<f32> = (0..30).map(|i| if i < 25 { 1.0 } else { 0.0 }).collect();
    let loss = redescription(
        logits,
        Tensor::<2, Int>::from_data(TensorData::new(targets, [2, 15]), &device),
        Tensor::from_data(TensorData::new(mask, [2, 15]), &device),
    );
    close_loss("cross_entropy", loss, &fixture.floats("cross_entropy"));
}
