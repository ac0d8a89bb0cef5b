//! What an evaluation takes of trainings: judges, and which pictures were held back.

use std::path::Path;

use burn::tensor::Device;

use super::error;
use super::frozen_encoder::FrozenEncoder;
use super::recipe::Recipe;
use super::run::TrainContext;
use super::stem;
use crate::data::Validation;
use crate::encoder::SizedEncoder;
use crate::evaluate::judge::Judge;
use crate::{Error, Result};

/// The DAMSM of `run` as a judge of generators that did not learn from it, and the recipe that it was trained with. `encoders` are files
/// of weights, among them those of its image encoder.
///
/// # Errors
/// As [`stem::load`], [`stem::trained_on`] and [`FrozenEncoder::load`].
pub fn load(run: &Path, encoders: &[std::path::PathBuf], device: &Device) -> error::Result<(Judge, Recipe)> {
    let trained = stem::load(run, device)?;
    let (recipe, seen) = stem::trained_on(run)?;
    let context = TrainContext::of_trained(recipe, run, encoders, device);
    let encoder = SizedEncoder::new(FrozenEncoder::load(&context, seen)?.network, seen.size);
    let chosen_on = trained.chosen.then(|| context.recipe.data.chosen_on());
    let judge = Judge {
        run: run.display().to_string(),
        vocabulary: trained.vocabulary,
        text: trained.model.text,
        damsm: trained.model.damsm,
        encoder,
        chosen_on,
        learned_from_them: false,
    };
    Ok((judge, context.recipe))
}

/// What all parts of `run` that have begun held back of their training data.
///
/// # Errors
/// [`Error::BadInput`] when they held back different parts: then some part learned from what another held back; as [`Recipe::load`].
pub fn held_back(run: &Path) -> Result<Option<Validation>> {
    let mut found: Option<(&str, Option<Validation>)> = None;
    for part in ["stem", "stream", "gan"] {
        let file = run.join(part).join("recipe.toml");
        if !file.is_file() {
            continue;
        }
        let own = Recipe::load(&file.display().to_string(), &[])?.data.held_back();
        if let Some((other, _)) = found.filter(|(_, other)| *other != own) {
            let message = format!("{}: {other} and {part} held back different parts of the data (data.validation)", run.display());
            return Err(Error::BadInput(message));
        }
        found = Some((part, own));
    }
    Ok(found.and_then(|(_, held_back)| held_back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_run_have_to_hold_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let write = |part: &str, text: &str| crate::files::write(&folder.path().join(part).join("recipe.toml"), text.as_bytes()).unwrap();
        assert_eq!(held_back(folder.path()).unwrap(), None, "nothing has begun");
        // As version 0.1.0 wrote them.
        write("stem", "[data]\nmax_words = 18\n");
        assert_eq!(held_back(folder.path()).unwrap(), None);
        write("stem", "[data]\nvalidation = 0.1\n");
        write("gan", "[data]\nvalidation = 0.1\n");
        assert_eq!(held_back(folder.path()).unwrap(), Validation::new(0.1, 0));
        write("gan", "[data]\nvalidation = 0.1\nvalidation_seed = 1\n");
        let error = held_back(folder.path()).unwrap_err().to_string();
        assert!(error.contains("stem and gan held back different parts"), "{error}");
    }
}
