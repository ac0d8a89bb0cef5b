//! What the steps of a phase train, and by what.

use crate::glam::GeneratorConfig;
use crate::train::recipe::gan::{GanRecipe, Phase, Trains};
use crate::train::recipe::term::{PerTerm, Term};

/// What every step of a phase has in common.
pub struct Plan<'a> {
    /// The settings of all phases.
    pub recipe: &'a GanRecipe,
    /// Those of this one.
    pub phase: &'a Phase,
    /// λ of each term.
    pub weights: PerTerm<f64>,
    /// The stages that learn, in order; each has its discriminator.
    pub stages: Vec<usize>,
}

impl<'a> Plan<'a> {
    /// Of a step in `phase`.
    pub fn new(recipe: &'a GanRecipe, phase: &'a Phase) -> Self {
        let last = phase.stages - 1;
        let stages = if phase.trains == Trains::All { (0..=last).collect() } else { vec![last] };
        Self { recipe, phase, weights: recipe.weights_of(phase), stages }
    }

    /// The stage that draws the largest pictures.
    pub fn last(&self) -> usize {
        self.phase.stages - 1
    }

    /// Whether every stage learns, and with them how a sentence becomes a condition.
    pub fn trains_all(&self) -> bool {
        self.phase.trains == Trains::All
    }

    /// Side of the pictures of `stage` that the frozen encoder sees: less where they are patches.
    pub fn encoder_size(&self, stage: usize) -> usize {
        let size = self.recipe.encoder_sizes[stage];
        self.phase.patch.map_or(size, |patch| size * patch / GeneratorConfig::picture_size(stage))
    }

    /// Whether a second picture is drawn of half of the prompts.
    pub fn draws_twins(&self) -> bool {
        self.weights[Term::Diversity] > 0.0 && self.trains_all()
    }
}
