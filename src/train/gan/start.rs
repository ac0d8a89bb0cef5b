//! A training that begins with the generator of a model folder (`gan.start_from`), to go on where there are no checkpoints any more, or on
//! other data.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;

use super::networks;
use super::step::Trainer;
use crate::glam::{Generator, GeneratorConfig};
use crate::model::{self, Dtype, Model, tensors};
use crate::train::optim::average;
use crate::train::recipe::gan::GanRecipe;
use crate::watch::{Event, Watcher};
use crate::{Error, Result};

/// Checks that a training can begin with the model that its recipe names, if it names one.
///
/// # Errors
/// [`Error::BadInput`] when the model's generator is another network than the recipe's, or when a phase trains only a last stage and the
/// stages below it are neither the model's nor trained before; [`Error::Io`], [`Error::BadModel`] and [`Error::Integrity`] when the
/// model cannot be read.
pub fn check(recipe: &GanRecipe, device: &Device) -> Result<()> {
    read(recipe, device).map(|_| ())
}

/// The model that the training begins with, on `device`, and how many of its stages the training has; nothing where the recipe names none.
///
/// # Errors
/// As [`check`].
pub(super) fn read(recipe: &GanRecipe, device: &Device) -> Result<Option<(Model, usize)>> {
    let Some(folder) = &recipe.start_from else { return Ok(None) };
    let model = model::read_folder(folder, device)?;
    let stages = same_network(folder, &model.config.generator, &recipe.generator)?;
    recipe.check_last(stages).map_err(|message| Error::BadInput(format!("with {stages} stages of {}, {message}", folder.display())))?;
    Ok(Some((model, stages)))
}

/// Gives `trainer` the first `stages` stages of the model's generator, as weights and as average. Its further stages stay fresh, and
/// so do its discriminators, which are no part of a model.
///
/// # Errors
/// [`Error::Device`]; [`Error::BadModel`] for networks of other sizes.
pub(super) fn give(model: Model, stages: usize, trainer: &mut Trainer, watcher: &dyn Watcher) -> Result<()> {
    if !same_text_encoder(&model, trainer)? {
        watcher.tell(&Event::Warning(
            "the model of gan.start_from has another text encoder than this run's STEM; where they differ, the generator learns words anew",
        ));
    }
    let average = with_weights(trainer.average.clone(), model.generator.truncated(stages))?;
    trainer.generator = average::copy(trainer.generator.clone(), &average.clone().train());
    trainer.average = average;
    Ok(())
}

/// How many stages both have, of networks that are the same but for the number of stages.
fn same_network(folder: &Path, found: &GeneratorConfig, expected: &GeneratorConfig) -> Result<usize> {
    let alike = GeneratorConfig { stages: expected.stages, ..found.clone() };
    let differences = networks::differences("gan.generator", &alike, expected, &format!("in {}", folder.display()));
    if differences.is_empty() {
        return Ok(found.stages.min(expected.stages));
    }
    Err(Error::BadInput(format!("gan.start_from: {}", differences.join("; "))))
}

/// Whether the model hears what the generator is going to hear, as far as the model's precision tells.
fn same_text_encoder(model: &Model, trainer: &Trainer) -> Result<bool> {
    let dtype = model.config.dtype;
    let own = tensors::parse(&tensors::save(&trainer.frozen.stem, dtype)?, "STEM")?;
    Ok(own == tensors::parse(&tensors::save(&model.stem, dtype)?, "STEM")?)
}

/// `fresh` with every weight that `given` has.
fn with_weights(fresh: Generator, given: Generator) -> Result<Generator> {
    let file = model::GLAM_FILE;
    let mut weights = tensors::parse(&tensors::save(&fresh, Dtype::F32)?, file)?;
    weights.extend(tensors::parse(&tensors::save(&given, Dtype::F32)?, file)?);
    tensors::assign(fresh, weights, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(stages: usize) -> GeneratorConfig {
        GeneratorConfig { gf_dim: 2, z_dim: 3, condition_dim: 4, features: 4, stages, ..GeneratorConfig::default() }
    }

    #[test]
    fn stages_may_be_fewer_or_more_and_anything_else_is_named() {
        let folder = Path::new("model");
        let check = |found: GeneratorConfig| same_network(folder, &found, &config(2)).map_err(|error| error.to_string());
        assert_eq!([1, 2, 3].map(|stages| check(config(stages))), [Ok(1), Ok(2), Ok(2)]);
        let message = check(GeneratorConfig { gf_dim: 9, residual_blocks: 1, ..config(3) }).unwrap_err();
        for part in ["gan.generator.gf_dim is 9 in model, 2 in the recipe", "gan.generator.residual_blocks is 1"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains("stages"), "{message}");
    }

    #[test]
    fn the_stages_that_are_given_are_taken_and_the_others_stay() {
        let device = Device::flex();
        let values = |generator: &Generator| tensors::parse(&tensors::save(generator, Dtype::F32).unwrap(), "").unwrap();
        let (fresh, given) = (config(2).init(&device), config(1).init(&device));
        let started = values(&with_weights(fresh.clone(), given.clone()).unwrap());
        let (fresh, given) = (values(&fresh), values(&given));
        assert!(given.len() < fresh.len());
        for (key, value) in &started {
            assert_eq!(value, given.get(key).unwrap_or(&fresh[key]), "{key}");
        }
        assert_ne!(started, fresh);
    }
}
