//! The generator's losses against `generator_loss.safetensors`, under the discriminators of `discriminators.safetensors`.

use burn::tensor::{Device, Tensor};
use mirrorgan::loss::adversarial::generator_loss;
use mirrorgan::loss::kl_divergence;

use super::discriminators::discriminator;
use super::{Fixture, close_gradient, close_loss, every, fake_images};

#[test]
fn adversarial_terms_and_their_gradients_are_the_reference_ones() {
    let fixture = Fixture::read("generator_loss.safetensors");
    let weights = Fixture::read("discriminators.safetensors");
    let device = Device::flex().autodiff();
    let sentence: Tensor<2> = weights.tensor("sentence", &device);
    let mut total = Tensor::<1>::zeros([1], &device);
    for stage in 0..3 {
        let fake = fake_images(64 << stage, &device).require_grad();
        let terms = generator_loss(&discriminator(&weights, stage, &device), fake.clone(), sentence.clone());
        for (name, term) in [("uncond", &terms.unconditional), ("cond", &terms.conditional)] {
            let key = format!("stage{stage}.{name}");
            close_loss(&key, term.clone(), &fixture.floats(&key));
        }
        let loss = terms.total();
        total = total + loss.clone();
        let grad = fake.grad(&loss.backward()).expect("a gradient at the pictures");
        let key = format!("grad.fake{stage}.every8");
        close_gradient(&key, &every(8, grad), &fixture.floats(&key));
    }
    close_loss("adversarial_total", total, &fixture.floats("adversarial_total"));
}

#[test]
fn kl_divergence_is_the_reference_one() {
    let fixture = Fixture::read("generator_loss.safetensors");
    let device = Device::flex();
    let kl = kl_divergence(fixture.tensor("mu", &device), fixture.tensor("logvar", &device));
    close_loss("kl", kl, &fixture.floats("kl"));
}
