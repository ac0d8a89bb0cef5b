//! The `[gan]` part of a recipe.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::MAX_SIZE;
use super::term::{PerTerm, Term};
use crate::discriminator::Augmentation;
use crate::glam::GeneratorConfig;
use crate::loss::GradientPenalty;
use crate::nn::Precision;
use crate::{Error, Result};

/// How the generator and its discriminators are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GanRecipe {
    /// The generator.
    pub generator: GeneratorConfig,
    /// A model folder whose generator the training begins with, by a path from the working directory; without it, with fresh weights.
    /// `generator` must be the model's, but for the stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// How much clearer than with fresh weights the sentence is in the condition at first; 1 is the public code's.
    pub condition_gain: f64,
    /// Who tells drawn from photographed.
    pub discriminator: DiscriminatorChoice,
    /// What it and the generator make of each other.
    pub loss: AdversarialLoss,
    /// Spectral norm in place of the published discriminators' batch norms; the projected ones always have it.
    pub spectral_norm: bool,
    /// How steep the discriminators may be at real pairs; DF-GAN's is `{ weight = 2.0, power = 6.0 }`.
    pub gradient_penalty: GradientPenalty,
    /// Side that photographs are scaled to before a square of `data.size` is cut out of each at random; 0 cuts nothing. STEM and STREAM
    /// always see whole ones.
    pub crop_from: usize,
    /// Whether photographs are mirrored, half of them, each time others; not where captions tell left from right, or what is learned by heart.
    pub mirror: bool,
    /// How photographs and drawn pictures are changed before they are judged.
    pub augmentation: Augmentation,
    /// DF_DIM of the published discriminators, the width of the projected ones.
    pub df_dim: usize,
    /// Channels of the projected discriminators' head that looks at patches of the pixels themselves; 0 for none.
    pub pixel_width: usize,
    /// Learning rate of the generator.
    pub generator_lr: f64,
    /// Learning rate of each discriminator.
    pub discriminator_lr: f64,
    /// Adam's β₁.
    pub beta_1: f64,
    /// Adam's β₂.
    pub beta_2: f64,
    /// Half-life of the generator's average, in pictures.
    pub average_half_life: f64,
    /// What networks compute in.
    pub precision: Precision,
    /// Devices that share each batch.
    pub devices: usize,
    /// When losses have exploded.
    pub explosion: Explosion,
    /// What each term of the generator's loss counts.
    pub weights: PerTerm<f64>,
    /// What `weights.diversity` keeps apart.
    pub diversity: DiversityMeasure,
    /// Side of the pictures that the frozen image encoder sees, for each stage.
    pub encoder_sizes: Vec<usize>,
    /// Pictures between two sample grids.
    pub sample_every: usize,
    /// Pictures between two measurements on the test part; 0 measures nothing. The average with the least kernel distance is kept as
    /// RUN/gan/best.
    pub measure_every: usize,
    /// Pictures that are drawn for a measurement, for as many test captions.
    pub measure_pictures: usize,
    /// Prompts of the sample grids.
    pub sample_prompts: Vec<String>,
    /// What is trained when, one after the other.
    pub phases: Vec<Phase>,
}

/// How discriminator and generator are set against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdversarialLoss {
    /// Binary cross-entropy (paper, eq. 6 to 9).
    CrossEntropy,
    /// Hinge (Lim and Ye 2017).
    Hinge,
}

/// A training whose losses grow without end is stopped: its weights are lost already, and later checkpoints would be worthless.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Explosion {
    /// How many times as large as its running mean a loss must be; 0 never stops.
    pub factor: f64,
    /// For how many steps in a row.
    pub steps: usize,
}

impl Default for Explosion {
    fn default() -> Self {
        Self { factor: 100.0, steps: 100 }
    }
}

/// Who judges pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscriminatorChoice {
    /// D_0 to D_2 of the public code, trained from nothing on pictures.
    Published,
    /// Small heads on frozen EfficientNet-Lite0 features (Projected GAN, Sauer et al. 2021).
    Projected,
}

/// In what pictures of one prompt are to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiversityMeasure {
    /// In their pixels (MSGAN, Mao et al., CVPR 2019).
    Pictures,
    /// In what EfficientNet-Lite0 sees in them at strides 8, 16 and 32.
    Features,
}

/// Which stages a phase trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trains {
    /// Every stage up to the last.
    All,
    /// The last stage, on top of the averages of the earlier ones.
    Last,
}

/// A part of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// How many stages draw: 1 is 64 px, 2 is 128 px, 3 is 256 px.
    pub stages: usize,
    /// Pictures seen until the phase ends; without them its `seconds` alone end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<usize>,
    /// Seconds after which the phase ends, whatever it has seen by then: those of all calls together that went into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Pictures of one step; 2 or more, for mismatched pairs are made within a batch.
    pub batch: usize,
    /// Batches whose gradients are added up before the networks change: one step sees `batch` × `accumulate` pictures in the memory
    /// of `batch`. Batch norms, mismatched pairs of published discriminators and DAMSM's rivals are those of one batch, and each
    /// picture is drawn twice.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// Which stages learn.
    pub trains: Trains,
    /// Side in px of the squares of the last stage's pictures that are drawn and judged in place of whole ones, each step elsewhere: a
    /// stage that learns alone is convolutional, and a quarter of a picture teaches it at a quarter of the cost. None for whole pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<usize>,
    /// Other loss weights than the recipe's (`gan.weights`), where there are any; what is left out is as there.
    #[serde(default)]
    pub weights: Option<PerTerm<Option<f64>>>,
}

fn one() -> usize {
    1
}

impl Default for GanRecipe {
    /// The public code's settings, all stages at once.
    fn default() -> Self {
        Self {
            generator: GeneratorConfig::default(),
            start_from: None,
            condition_gain: 1.0,
            discriminator: DiscriminatorChoice::Published,
            loss: AdversarialLoss::CrossEntropy,
            spectral_norm: false,
            gradient_penalty: GradientPenalty::default(),
            crop_from: 0,
            mirror: true,
            augmentation: Augmentation::none(),
            df_dim: 64,
            pixel_width: 0,
            generator_lr: 2e-4,
            discriminator_lr: 2e-4,
            beta_1: 0.5,
            beta_2: 0.999,
            average_half_life: 8_000.0,
            precision: Precision::F32,
            devices: 1,
            explosion: Explosion::default(),
            weights: PerTerm::default(),
            diversity: DiversityMeasure::Pictures,
            encoder_sizes: vec![128, 128, 256],
            sample_every: 10_000,
            measure_every: 0,
            measure_pictures: 200,
            sample_prompts: Vec::new(),
            phases: vec![Phase {
                stages: 3,
                pictures: Some(5_000_000),
                seconds: None,
                batch: 20,
                accumulate: 1,
                trains: Trains::All,
                patch: None,
                weights: None,
            }],
        }
    }
}

impl GanRecipe {
    /// How many stages have learned when the first `phases` phases are over.
    pub fn trained_stages(&self, phases: usize) -> usize {
        self.phases.iter().take(phases).map(|phase| phase.stages).max().unwrap_or(0)
    }

    /// What each term counts in `phase`.
    pub fn weights_of(&self, phase: &Phase) -> PerTerm<f64> {
        phase.weights.as_ref().map_or(self.weights, |other| self.weights.overridden(other))
    }

    /// Whether `term` counts anywhere in the training.
    pub fn uses(&self, term: Term) -> bool {
        self.weights[term] > 0.0 || self.phases.iter().any(|phase| self.weights_of(phase)[term] > 0.0)
    }

    /// Checks that each last stage that is trained alone stands on trained ones, where the first `given` are trained from the beginning.
    ///
    /// # Errors
    /// The phase that does not, in words.
    pub fn check_last(&self, given: usize) -> Result<(), String> {
        for (index, phase) in self.phases.iter().enumerate() {
            let trained = self.trained_stages(index).max(given);
            if phase.trains == Trains::Last && phase.stages > trained + 1 {
                return Err(format!(
                    "gan.phases[{index}] trains only stage {}, on top of earlier ones, of which {trained} are trained by then; expected phases \
                     for them before it, trains = \"all\", or a model to start from (gan.start_from, also where such a training is resumed)",
                    phase.stages
                ));
            }
        }
        Ok(())
    }

    /// Checks that squares of `patch` px can teach the last stage of a phase.
    fn check_patch(&self, index: usize, phase: &Phase, patch: usize) -> Result<(), String> {
        let key = format!("gan.phases[{index}].patch");
        if phase.trains != Trains::Last || phase.stages < 2 {
            return Err(format!("{key} is for a later stage that learns alone; expected trains = \"last\", and stages of 2 or more"));
        }
        if self.discriminator != DiscriminatorChoice::Projected {
            return Err(format!("{key} is for discriminators that look at places; expected gan.discriminator = \"projected\""));
        }
        let stage = phase.stages - 1;
        let (side, seen) = (GeneratorConfig::picture_size(stage), self.encoder_sizes[stage]);
        if patch == 0 || patch >= side || !patch.is_multiple_of(2) || !(seen * patch).is_multiple_of(32 * side) {
            return Err(format!(
                "{key} is {patch}; expected an even side below {side} that gan.encoder_sizes ({seen}) makes a multiple of 32 of"
            ));
        }
        let weights = self.weights_of(phase);
        match [Term::Stream, Term::Damsm].into_iter().find(|term| weights[*term] > 0.0) {
            Some(term) => Err(format!("{key}: a text is of the whole picture; expected a weight of 0 for {}", term.name())),
            None => Ok(()),
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::BadRecipe`] that names the key, what it has and what is allowed.
    pub fn check(&self, file: &str) -> Result<()> {
        let bad = |message: String| Err(Error::BadRecipe { file: file.to_string(), message });
        let generator = &self.generator;
        if !(1..=3).contains(&generator.stages) {
            return bad(format!("gan.generator.stages is {}; expected 1 to 3", generator.stages));
        }
        for (key, value) in [("gf_dim", generator.gf_dim), ("z_dim", generator.z_dim), ("condition_dim", generator.condition_dim)] {
            if value == 0 {
                return bad(format!("gan.generator.{key} is 0; expected 1 or more"));
            }
        }
        if !(self.condition_gain.is_finite() && self.condition_gain > 0.0) {
            return bad(format!("gan.condition_gain is {}; expected a number above 0", self.condition_gain));
        }
        if self.df_dim == 0 {
            return bad("gan.df_dim is 0; expected 1 or more".into());
        }
        if self.encoder_sizes.len() < generator.stages {
            return bad(format!(
                "gan.encoder_sizes has {} sizes; expected one for each of {} stages",
                self.encoder_sizes.len(),
                generator.stages
            ));
        }
        if let Some(size) = self.encoder_sizes.iter().find(|size| **size < 32 || **size % 32 != 0 || **size > MAX_SIZE) {
            return bad(format!("gan.encoder_sizes has {size}; expected multiples of 32, at most {MAX_SIZE}"));
        }
        self.weights.check("gan.weights").or_else(bad)?;
        for (index, phase) in self.phases.iter().enumerate() {
            if !(1..=generator.stages).contains(&phase.stages) {
                return bad(format!("gan.phases[{index}].stages is {}; expected 1 to {}", phase.stages, generator.stages));
            }
            match (phase.pictures, phase.seconds) {
                (None, None) => return bad(format!("gan.phases[{index}] has neither pictures nor seconds; expected one of them, or both")),
                (_, Some(seconds)) if !(seconds.is_finite() && seconds > 0.0) => {
                    return bad(format!("gan.phases[{index}].seconds is {seconds}; expected a number above 0"));
                }
                _ => {}
            }
            if phase.batch < 2 {
                return bad(format!("gan.phases[{index}].batch is {}; expected 2 or more", phase.batch));
            }
            if phase.batch < 2 * self.devices {
                return bad(format!(
                    "gan.phases[{index}].batch is {} for {} devices; expected 2 or more for each",
                    phase.batch, self.devices
                ));
            }
            if phase.accumulate == 0 {
                return bad(format!("gan.phases[{index}].accumulate is 0; expected 1 or more"));
            }
            if let Some(patch) = phase.patch {
                self.check_patch(index, phase, patch).or_else(bad)?;
            }
            if phase.weights.is_some() {
                self.weights_of(phase).check(&format!("gan.phases[{index}].weights")).or_else(bad)?;
            }
        }
        // How many stages a model brings along is known when it is read.
        if self.start_from.is_none() {
            self.check_last(0).or_else(bad)?;
        }
        self.augmentation.check().or_else(|error| bad(format!("gan.augmentation: {error}")))?;
        let penalty = &self.gradient_penalty;
        let positive = [
            ("gradient_penalty.power", penalty.power),
            ("gradient_penalty.step", penalty.step),
            ("average_half_life", self.average_half_life),
        ];
        if let Some((key, value)) = positive.iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            return bad(format!("gan.{key} is {value}; expected a number above 0"));
        }
        let not_negative = [
            ("gradient_penalty.weight", penalty.weight),
            ("generator_lr", self.generator_lr),
            ("discriminator_lr", self.discriminator_lr),
            ("explosion.factor", self.explosion.factor),
        ];
        if let Some((key, value)) = not_negative.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return bad(format!("gan.{key} is {value}; expected 0 or more"));
        }
        for (key, value) in [("beta_1", self.beta_1), ("beta_2", self.beta_2)] {
            if !(0.0..1.0).contains(&value) {
                return bad(format!("gan.{key} is {value}; expected 0 or more, and less than 1"));
            }
        }
        for (key, value) in [("devices", self.devices), ("sample_every", self.sample_every), ("explosion.steps", self.explosion.steps)] {
            if value == 0 {
                return bad(format!("gan.{key} is 0; expected 1 or more"));
            }
        }
        if self.measure_pictures < 2 {
            return bad(format!("gan.measure_pictures is {}; expected 2 or more", self.measure_pictures));
        }
        if self.phases.is_empty() {
            return bad("gan.phases is empty; expected at least one".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Recipe;

    #[test]
    fn weights_that_a_phase_leaves_out_are_the_recipes() {
        let weights = PerTerm::default().with(Term::Adversarial, 0.5).with(Term::Stream, 3.0).with(Term::Kl, 0.1).with(Term::Diversity, 0.3);
        let mut recipe = GanRecipe { weights, ..GanRecipe::default() };
        assert_eq!(recipe.weights_of(&recipe.phases[0]), weights);
        assert!(recipe.uses(Term::Diversity) && !recipe.uses(Term::Consistency));
        recipe.phases[0].weights = Some(PerTerm::default().with(Term::Kl, Some(0.0)).with(Term::Consistency, Some(5.0)));
        assert_eq!(recipe.weights_of(&recipe.phases[0]), weights.with(Term::Kl, 0.0).with(Term::Consistency, 5.0));
        assert!(recipe.uses(Term::Consistency));
        recipe.phases[0].weights = Some(PerTerm::default().with(Term::Stream, Some(f64::NAN)));
        assert!(recipe.check("r").unwrap_err().to_string().contains("gan.phases[0].weights.stream is NaN"));
    }

    #[test]
    fn a_last_stage_stands_on_trained_ones() {
        let load = |phases: &str| {
            let sizes = ["gan.generator.stages=3", "data.size=256", "gan.encoder_sizes=[32,32,32]"];
            Recipe::load("tiny", &[sizes.map(String::from).to_vec(), vec![format!("gan.phases=[{phases}]")]].concat())
        };
        let [first, second, third] = [1, 2, 3].map(|stages| format!("{{stages={stages},pictures=4,batch=4,trains=\"last\"}}"));
        let recipe = load(&[&*first, &second, &third].join(",")).unwrap().gan;
        assert_eq!([0, 1, 2, 3, 9].map(|phases| recipe.trained_stages(phases)), [0, 1, 2, 3, 3]);
        assert!(load(&second).unwrap_err().to_string().contains("gan.phases[0] trains only stage 2"));
        let message = load(&[&*first, &third].join(",")).unwrap_err().to_string();
        assert!(message.contains("gan.phases[1] trains only stage 3") && message.contains("of which 1 are trained"), "{message}");
    }

    #[test]
    fn a_patch_is_refused_where_it_can_teach_nothing() {
        let load = |patch: usize, change: &str| {
            let phases = "gan.phases=[{stages=1,pictures=4,batch=4,trains=\"all\"},{stages=2,pictures=4,batch=4,trains=\"last\",\
                          weights={stream=0.0,damsm=0.0},patch=";
            let sizes = ["gan.discriminator=projected", "gan.generator.stages=2", "data.size=128", "gan.encoder_sizes=[64,128]"].map(String::from);
            Recipe::load("tiny", &[sizes.to_vec(), vec![format!("{phases}{patch}}}]"), change.into()]].concat()).map_err(|error| error.to_string())
        };
        assert_eq!(load(64, "seed=1").unwrap().gan.phases[1].patch, Some(64));
        for (patch, change, expected) in [
            (0, "seed=1", "patch is 0"),
            (48, "seed=1", "patch is 48"),
            (128, "seed=1", "patch is 128"),
            (64, "gan.discriminator=published", "gan.discriminator = \"projected\""),
            (64, "gan.phases=[{stages=2,pictures=4,batch=4,trains=\"all\",patch=64}]", "trains = \"last\""),
            (64, "gan.phases=[{stages=1,pictures=4,batch=4,trains=\"last\",patch=32}]", "stages of 2 or more"),
        ] {
            let message = load(patch, change).unwrap_err();
            assert!(message.contains("patch") && message.contains(expected), "{patch} {change}: {message}");
        }
        let text = "gan.phases=[{stages=1,pictures=4,batch=4,trains=\"all\"},{stages=2,pictures=4,batch=4,trains=\"last\",patch=64}]";
        assert!(load(64, text).unwrap_err().contains("a weight of 0 for stream"));
    }

    #[test]
    fn weights_of_a_phase_are_other_weights_than_the_recipes() {
        let changes = ["gan.weights.stream=3.0", "gan.phases=[{stages=1,pictures=4,batch=4,trains=\"all\",weights={kl=0.5}}]"];
        let recipe = Recipe::load("tiny", &changes.map(String::from)).unwrap();
        let weights = recipe.gan.weights_of(&recipe.gan.phases[0]);
        assert_eq!([Term::Stream, Term::Damsm, Term::Kl, Term::Consistency].map(|term| weights[term]), [3.0, 0.3, 0.5, 0.0]);
        assert_eq!(Recipe::parse("written", &recipe.to_toml().unwrap(), &[]).unwrap(), recipe);
        // Phases of the built-in recipes name all weights or none.
        for name in crate::train::recipe::names() {
            let gan = Recipe::load(name, &[]).unwrap().gan;
            let sevens = PerTerm::from_fn(|_| 7.0);
            let other = GanRecipe { weights: sevens, ..gan.clone() };
            for phase in &gan.phases {
                let expected = if phase.weights.is_some() { gan.weights_of(phase) } else { sevens };
                assert_eq!(other.weights_of(phase), expected, "{name}");
            }
        }
    }
}
