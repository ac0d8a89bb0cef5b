//! DAMSM's losses against `damsm_loss.safetensors`.

use burn::tensor::{Device, Tensor, TensorData};
use mirrorgan::damsm::{attention, same_class, sentence_loss, words_loss};

use super::{Fixture, close_forward, close_gradient, close_loss, values};

const GAMMAS: [f64; 3] = [4.0, 5.0, 10.0];

fn mask(lengths: &[usize], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = lengths.iter().flat_map(|n| (0..12).map(|i| if i < *n { 1.0 } else { 0.0 })).collect();
    Tensor::from_data(TensorData::new(values, [lengths.len(), 12]), device)
}

#[test]
fn losses_and_gradients_are_the_reference_ones() {
    let fixture = Fixture::read("damsm_loss.safetensors");
    let device = Device::flex().autodiff();
    let words = fixture.tensor::<3>("words", &device).require_grad();
    let sentence = fixture.tensor::<2>("sentence", &device).require_grad();
    let regions = fixture.tensor::<4>("regions", &device).require_grad();
    let code = fixture.tensor::<2>("code", &device).require_grad();
    let mask = mask(&fixture.integers("lengths"), &device);
    let excluded = same_class(&fixture.integers("class_ids"), &device);

    let by_words = words_loss(words.clone(), mask, regions.clone(), Some(excluded.clone()), GAMMAS);
    let by_sentence = sentence_loss(sentence.clone(), code.clone(), Some(excluded), GAMMAS[2]);
    let mut total = Tensor::<1>::zeros([1], &device);
    for (name, losses) in [("w", by_words), ("s", by_sentence)] {
        for (i, loss) in losses.into_iter().enumerate() {
            let key = format!("{name}_loss{i}");
            close_loss(&key, loss.clone(), &fixture.floats(&key));
            total = total + loss;
        }
    }

    let grads = total.backward();
    let found = [
        ("words", words.grad(&grads).map(values)),
        ("sentence", sentence.grad(&grads).map(values)),
        ("regions", regions.grad(&grads).map(values)),
        ("code", code.grad(&grads).map(values)),
    ];
    for (name, grad) in found {
        let key = format!("grad.{name}");
        close_gradient(&key, &grad.expect("a gradient"), &fixture.floats(&key));
    }
}

#[test]
fn attention_is_the_reference_one() {
    let fixture = Fixture::read("damsm_loss.safetensors");
    let device = Device::flex();
    let lengths = fixture.integers("lengths");
    let seen = attention(fixture.tensor("words", &device), mask(&lengths, &device), fixture.tensor("regions", &device), GAMMAS[0]);
    for sample in [0, 3] {
        let own = seen.weights.clone().narrow(0, sample, 1).narrow(1, 0, lengths[sample]);
        let key = format!("attention{sample}");
        close_forward(&key, &values(own), &fixture.floats(&key));
    }
}
