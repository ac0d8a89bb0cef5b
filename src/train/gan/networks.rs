//! What the networks of a checkpoint were made from.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::glam::GeneratorConfig;
use crate::train::recipe::gan::{DiscriminatorChoice, GanRecipe};

/// The settings of `[gan]` that shapes of weights depend on, under their names there; saved in each checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Networks {
    generator: GeneratorConfig,
    discriminator: DiscriminatorChoice,
    /// Of the published discriminators alone: the projected ones have it whatever the recipe says.
    spectral_norm: bool,
    df_dim: usize,
    /// Of the projected ones alone; checkpoints of before have none.
    #[serde(default)]
    pixel_width: usize,
}

impl Networks {
    /// Those of a recipe.
    pub fn of(recipe: &GanRecipe) -> Self {
        let GanRecipe { generator, discriminator, spectral_norm, df_dim, pixel_width, .. } = recipe;
        let spectral_norm = *spectral_norm && *discriminator == DiscriminatorChoice::Published;
        let pixel_width = if *discriminator == DiscriminatorChoice::Projected { *pixel_width } else { 0 };
        Self { generator: generator.clone(), discriminator: *discriminator, spectral_norm, df_dim: *df_dim, pixel_width }
    }

    /// Checks that `recipe` has the same ones.
    ///
    /// # Errors
    /// Each setting that differs, in words.
    pub fn check(&self, recipe: &GanRecipe) -> Result<(), String> {
        let differences = differences("gan", self, &Self::of(recipe), "in the checkpoint");
        if differences.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{}; a training goes on with the networks that it was begun with: use the recipe of then, or another folder",
            differences.join("; ")
        ))
    }
}

/// The values of `found`, which is `place`, that are others in the recipe's `expected`, in words; `key` is their section.
pub fn differences<T: Serialize>(key: &str, found: &T, expected: &T, place: &str) -> Vec<String> {
    let mut differences = Vec::new();
    compare(key, &json!(found), &json!(expected), place, &mut differences);
    differences
}

fn compare(key: &str, found: &Value, expected: &Value, place: &str, differences: &mut Vec<String>) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, value) in found {
                compare(&format!("{key}.{name}"), value, expected.get(name).unwrap_or(&Value::Null), place, differences);
            }
        }
        _ if found == expected => {}
        _ => differences.push(format!("{key} is {found} {place}, {expected} in the recipe")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_differs_is_named() {
        let begun = Networks::of(&GanRecipe::default());
        let check = |change: fn(&mut GanRecipe)| {
            let mut recipe = GanRecipe::default();
            change(&mut recipe);
            begun.check(&recipe).err().unwrap_or_default()
        };
        assert_eq!(check(|recipe| recipe.generator_lr = 1.0), "");
        assert!(
            check(|recipe| recipe.generator.gf_dim = 16).starts_with("gan.generator.gf_dim is 32 in the checkpoint, 16 in the recipe; a")
        );
        let message = check(|recipe| (recipe.df_dim, recipe.generator.stages) = (8, 1));
        assert!(message.contains("gan.df_dim is 64") && message.contains("gan.generator.stages is 3"), "{message}");
        assert!(check(|recipe| recipe.spectral_norm = true).contains("gan.spectral_norm is false in the checkpoint, true"));
        // Which projected discriminators do not look at.
        let message = check(|recipe| (recipe.spectral_norm, recipe.discriminator) = (true, DiscriminatorChoice::Projected));
        assert!(message.contains("gan.discriminator is \"published\"") && !message.contains("spectral_norm"), "{message}");
    }
}
