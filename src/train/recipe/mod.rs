//! Recipes: every setting of a training, in TOML.

pub mod gan;
mod source;
pub mod term;

use serde::{Deserialize, Serialize};

use self::gan::GanRecipe;
pub use self::source::{names, text};
use crate::data::{DataOptions, Split, Validation};
use crate::encoder::EncoderKind;
use crate::glam::GeneratorConfig;
use crate::{Error, Result};

/// Every setting of a training. Keys that are left out have the published values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Where all randomness comes from.
    pub seed: u64,
    /// How pictures and captions are read.
    pub data: DataRecipe,
    /// `train stem`.
    pub stem: StemRecipe,
    /// `train stream`.
    pub stream: StreamRecipe,
    /// `train gan`.
    pub gan: GanRecipe,
}

impl Default for Recipe {
    fn default() -> Self {
        let (data, stem, stream, gan) = Default::default();
        Self { seed: 1, data, stem, stream, gan }
    }
}

/// How pictures and captions are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataRecipe {
    /// Width and height in pixels that pictures are kept at.
    pub size: usize,
    /// Words of a caption that the text encoder reads; of longer captions a random subset in order.
    pub max_words: usize,
    /// How often a word must occur in the training captions to be learned.
    pub min_word_count: usize,
    /// The share of the training data, by class or by picture, that is held back: what is chosen (epochs of STEM and STREAM, the best generator)
    /// is then chosen on it, else on the test part.
    pub validation: f64,
    /// Which part that is.
    pub validation_seed: u64,
    /// Unusable samples that are put up with.
    pub max_skipped: usize,
    /// GiB of decoded pictures that are kept in memory, for each split; those of a larger data set are decoded when they are needed.
    pub memory_gib: f64,
    /// Width and height of the pictures that EfficientNet-Lite0 sees while STEM and STREAM train.
    pub encoder_size: usize,
    /// Channels of the image encoders as a share of the real ones'; below 1 only for tests without their weights.
    pub encoder_width: f32,
    /// Seconds between two checkpoints.
    pub checkpoint_seconds: u64,
}

impl Default for DataRecipe {
    fn default() -> Self {
        Self {
            size: 256,
            max_words: 18,
            min_word_count: 2,
            validation: 0.0,
            validation_seed: 0,
            max_skipped: 16,
            memory_gib: 4.0,
            encoder_size: 224,
            encoder_width: 1.0,
            checkpoint_seconds: 60,
        }
    }
}

impl DataRecipe {
    /// How a data set is read by this recipe.
    pub fn options(&self) -> DataOptions {
        let memory = DataOptions::gib(self.memory_gib);
        DataOptions {
            size: self.size,
            max_skipped: self.max_skipped,
            memory,
            validation: self.held_back(),
            ..DataOptions::default()
        }
    }

    /// What of the training data is held back.
    pub fn held_back(&self) -> Option<Validation> {
        Validation::new(self.validation, self.validation_seed)
    }

    /// The part of the data that choices are measured on.
    pub fn chosen_on(&self) -> Split {
        if self.held_back().is_some() { Split::Validation } else { Split::Test }
    }
}

/// A frozen image encoder and the height and width of the pictures that it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderUse {
    /// Which network.
    pub kind: EncoderKind,
    /// Pixels.
    pub size: usize,
}

/// `train stem`: DAMSM pre-training (AttnGAN), by default with the public code's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StemRecipe {
    /// Times that every picture is seen.
    pub epochs: usize,
    /// Pairs in a step; each caption is told apart from the others of its batch.
    pub batch: usize,
    /// Adam's learning rate in the first epoch.
    pub learning_rate: f64,
    /// What the learning rate is multiplied with after each epoch.
    pub decay: f64,
    /// What the learning rate does not fall below; the public code's is a tenth of the first.
    pub least_learning_rate: f64,
    /// Largest norm of the text encoder's gradients.
    pub gradient_clip: f64,
    /// Values a word is embedded in.
    pub embedding: usize,
    /// D, the values of a word's or a sentence's features.
    pub features: usize,
    /// The frozen network that words and sentences are matched with: `efficientnet-lite0`, `inception-v3` as published, or `resnet-18` to
    /// `resnet-152`.
    pub encoder: EncoderKind,
    /// Width and height of the pictures that it sees: for EfficientNet-Lite0 `data.encoder_size` where nothing is said, else what the
    /// network is usually given, 299 for Inception-v3 and 224 for ResNet.
    pub encoder_size: Option<usize>,
    /// Stride of the encoder's stage that regions are taken from: 4 (not of Inception-v3), 8, 16 or 32. With 16 a picture of 224 pixels has 14 × 14
    /// regions; with 32 it has 7 × 7, and an epoch takes a quarter of the time.
    pub region_stride: usize,
    /// γ₁, how sharply a word looks at regions.
    pub gamma_1: f64,
    /// γ₂, how much the best words count.
    pub gamma_2: f64,
    /// γ₃, how sharply pairs are told apart.
    pub gamma_3: f64,
    /// Epochs between two measurements, on the validation part or, where nothing is held back, on the test part.
    pub test_every: usize,
}

impl Default for StemRecipe {
    fn default() -> Self {
        Self {
            epochs: 600,
            batch: 48,
            learning_rate: 2e-3,
            decay: 0.98,
            least_learning_rate: 2e-4,
            gradient_clip: 0.25,
            embedding: 300,
            features: 256,
            encoder: EncoderKind::default(),
            encoder_size: None,
            region_stride: 16,
            gamma_1: 4.0,
            gamma_2: 5.0,
            gamma_3: 10.0,
            test_every: 1,
        }
    }
}

/// `train stream`: a caption decoder on frozen picture features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamRecipe {
    /// Times that every picture is seen.
    pub epochs: usize,
    /// Pairs in a step.
    pub batch: usize,
    /// Adam's learning rate in the first epoch.
    pub learning_rate: f64,
    /// What the learning rate is multiplied with after each epoch.
    pub decay: f64,
    /// Largest norm of the gradients.
    pub gradient_clip: f64,
    /// The frozen network whose features are put into words: `efficientnet-lite0`, `resnet-18` to `resnet-152` (the last as published),
    /// or `inception-v3`.
    pub encoder: EncoderKind,
    /// Width and height of the pictures that it sees, as in `[stem]`.
    pub encoder_size: Option<usize>,
    /// Values that words and the picture are embedded in.
    pub embedding: usize,
    /// Values of the LSTM.
    pub hidden: usize,
    /// Longest caption in words.
    pub max_words: usize,
    /// Epochs between two measurements, as in `[stem]`.
    pub test_every: usize,
}

impl Default for StreamRecipe {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch: 64,
            learning_rate: 1e-3,
            decay: 0.98,
            gradient_clip: 5.0,
            encoder: EncoderKind::default(),
            encoder_size: None,
            embedding: 256,
            hidden: 512,
            max_words: 20,
            test_every: 1,
        }
    }
}

/// Largest width and height of pictures: a slip of the keyboard must not ask for more memory than there is.
pub(super) const MAX_SIZE: usize = 1024;

impl Recipe {
    /// The recipe of a built-in name or a file, changed by `overrides` such as `stem.epochs=3`.
    ///
    /// # Errors
    /// [`Error::BadRecipe`] that names the recipe and the key; [`Error::Io`] when the file cannot be read.
    pub fn load(name: &str, overrides: &[String]) -> Result<Self> {
        Self::parse(name, &text(name)?, overrides)
    }

    /// The recipe in `text`.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn parse(name: &str, text: &str, overrides: &[String]) -> Result<Self> {
        let bad = |message: String| Error::BadRecipe { file: name.to_string(), message };
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| bad(error.to_string()))?;
        for change in overrides {
            source::set(&mut table, change).map_err(|message| bad(format!("{change}: {message}")))?;
        }
        let recipe: Self = toml::Value::Table(table).try_into().map_err(|error: toml::de::Error| bad(error.to_string()))?;
        recipe.check(name)?;
        Ok(recipe)
    }

    /// What [`Recipe::parse`] reads, every key written out.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::internal("the recipe cannot be written", error))
    }

    /// What STEM sees of pictures.
    pub fn stem_encoder(&self) -> EncoderUse {
        self.encoder(self.stem.encoder, self.stem.encoder_size)
    }

    /// What STREAM sees of pictures.
    pub fn stream_encoder(&self) -> EncoderUse {
        self.encoder(self.stream.encoder, self.stream.encoder_size)
    }

    fn encoder(&self, kind: EncoderKind, size: Option<usize>) -> EncoderUse {
        let usual = if kind == EncoderKind::default() { self.data.encoder_size } else { kind.image_size() };
        EncoderUse { kind, size: size.unwrap_or(usual) }
    }

    fn check(&self, name: &str) -> Result<()> {
        let bad = |message: String| Err(Error::BadRecipe { file: name.to_string(), message });
        let Self { data, stem, stream, .. } = self;
        let counts = [
            ("data.size", data.size),
            ("data.max_words", data.max_words),
            ("data.min_word_count", data.min_word_count),
            ("data.encoder_size", data.encoder_size),
            ("stem.embedding", stem.embedding),
            ("stem.features", stem.features),
            ("stem.test_every", stem.test_every),
            ("stream.batch", stream.batch),
            ("stream.embedding", stream.embedding),
            ("stream.hidden", stream.hidden),
            ("stream.max_words", stream.max_words),
            ("stream.test_every", stream.test_every),
        ];
        if let Some((key, _)) = counts.iter().find(|(_, value)| *value == 0) {
            return bad(format!("{key} is 0; expected 1 or more"));
        }
        let sizes = [("data.size", data.size), ("data.encoder_size", data.encoder_size), ("gan.crop_from", self.gan.crop_from)];
        if let Some((key, size)) = sizes.iter().find(|(_, size)| *size > MAX_SIZE) {
            return bad(format!("{key} is {size}; expected at most {MAX_SIZE} pixels"));
        }
        if !data.encoder_size.is_multiple_of(32) {
            return bad(format!("data.encoder_size is {}; expected a multiple of 32", data.encoder_size));
        }
        if !stem.features.is_multiple_of(2) {
            return bad(format!("stem.features is {}; expected an even number, half from each direction", stem.features));
        }
        for (part, kind, size) in [("stem", stem.encoder, stem.encoder_size), ("stream", stream.encoder, stream.encoder_size)] {
            if let Some(size) = size
                && let Err(expected) = kind.check_image_size(size)
            {
                return bad(format!("{part}.encoder_size is {size}; {kind} takes {expected}"));
            }
        }
        if !stem.encoder.strides().contains(&stem.region_stride) {
            let (found, expected) = (stem.region_stride, stem.encoder.strides());
            return bad(format!("stem.region_stride is {found}; {} has stages of strides {expected:?}", stem.encoder));
        }
        for (key, batch) in [("stem.batch", stem.batch), ("stream.batch", stream.batch)] {
            if batch < 2 {
                return bad(format!("{key} is {batch}; expected 2 or more"));
            }
        }
        let positive = [
            ("data.encoder_width", f64::from(data.encoder_width)),
            ("stem.learning_rate", stem.learning_rate),
            ("stem.decay", stem.decay),
            ("stem.gradient_clip", stem.gradient_clip),
            ("stem.gamma_1", stem.gamma_1),
            ("stem.gamma_2", stem.gamma_2),
            ("stem.gamma_3", stem.gamma_3),
            ("stream.learning_rate", stream.learning_rate),
            ("stream.decay", stream.decay),
            ("stream.gradient_clip", stream.gradient_clip),
        ];
        if let Some((key, value)) = positive.iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            return bad(format!("{key} is {value}; expected a number above 0"));
        }
        if !(stem.least_learning_rate.is_finite() && stem.least_learning_rate >= 0.0) {
            return bad(format!("stem.least_learning_rate is {}; expected a number of 0 or more", stem.least_learning_rate));
        }
        if self.gan.crop_from != 0 && self.gan.crop_from < data.size {
            return bad(format!("gan.crop_from is {}; expected 0, or at least data.size, {}", self.gan.crop_from, data.size));
        }
        if !(0.0..=0.5).contains(&data.validation) {
            return bad(format!("data.validation is {}; expected a share from 0 to 0.5", data.validation));
        }
        if !(data.memory_gib.is_finite() && data.memory_gib >= 0.0) {
            return bad(format!("data.memory_gib is {}; expected a number of 0 or more", data.memory_gib));
        }
        let largest = GeneratorConfig::picture_size(self.gan.generator.stages.clamp(1, 3) - 1);
        if !data.size.is_multiple_of(largest) {
            return bad(format!("data.size is {}; the generator's {largest} px need a multiple of it", data.size));
        }
        self.gan.check(name)
    }
}

#[cfg(test)]
mod tests {
    use super::term::Term;
    use super::*;

    #[test]
    fn built_in_recipes_are_whole() {
        for name in names() {
            let recipe = Recipe::load(name, &[]).unwrap();
            assert_eq!(Recipe::parse("copy", &recipe.to_toml().unwrap(), &[]).unwrap(), recipe);
        }
    }

    #[test]
    fn the_papers_recipe_is_the_papers() {
        let recipe = Recipe::load("paper", &[]).unwrap();
        assert_eq!((recipe.gan.weights[Term::Stream], recipe.gan.weights[Term::Adversarial]), (20.0, 0.5));
        assert_eq!(recipe.gan.phases.iter().map(|phase| phase.stages).collect::<Vec<_>>(), [1, 2, 3]);
        let public = Recipe::load("published", &[]).unwrap();
        assert_eq!((public.gan.phases.len(), public.gan.phases[0].batch), (1, 12));
    }

    #[test]
    fn unknown_keys_of_phases_and_sections_of_sections_are_named() {
        let message = |change: &str| Recipe::load("tiny", &[change.to_string()]).unwrap_err().to_string();
        assert!(message("gan.phases=[{stages=1,pictures=4,batch=4,trains=\"all\",speed=2}]").contains("speed"));
        assert!(message("gan.phases=[{stages=1,batch=4,trains=\"all\"}]").contains("gan.phases[0] has neither pictures nor seconds"));
        assert!(message("gan.phases=[{stages=1,batch=4,trains=\"all\",seconds=0}]").contains("gan.phases[0].seconds is 0"));
        assert!(message("gan.weights.strem=1").contains("strem"));
        assert!(message("gan.gradient_penalty.wieght=1").contains("wieght"));
        assert!(message("gan.augmentation.cutouts=0.1").contains("cutouts"));
        assert!(message("gan.augmentation.cutout=7").contains("cutout is 7"));
        assert!(message("gan.explosion.steps=0").contains("explosion.steps"));
        assert!(message("gan.weights.kl=-1").contains("gan.weights.kl is -1"));
        assert!(message("gan.precision=f8").contains("f8"));
        assert!(message("gan.devices=9").contains("9 devices"));
        assert!(message("gan.measure_pictures=1").contains("gan.measure_pictures is 1"));
    }

    #[test]
    fn augmentation_is_what_is_set_and_no_more() {
        let recipe = Recipe::load("fast", &["gan.augmentation.cutout=0.3".to_string()]).unwrap();
        assert_eq!((recipe.gan.augmentation.cutout, recipe.gan.augmentation.brightness), (0.3, 0.0));
    }

    #[test]
    fn overrides_win() {
        let overrides = ["stem.epochs=3".to_string(), "seed = 9".to_string()];
        let recipe = Recipe::parse("r", "[stem]\nepochs = 5\n", &overrides).unwrap();
        assert_eq!((recipe.stem.epochs, recipe.seed), (3, 9));
    }

    #[test]
    fn encoders_see_pictures_of_their_usual_size() {
        let recipe = Recipe::parse("r", "[stem]\nencoder = \"inception-v3\"\n[stream]\nencoder_size = 96\n", &[]).unwrap();
        assert_eq!(recipe.stem_encoder(), EncoderUse { kind: EncoderKind::InceptionV3, size: 299 });
        assert_eq!(recipe.stream_encoder(), EncoderUse { kind: EncoderKind::EfficientnetLite0, size: 96 });
        assert_eq!(Recipe::default().stem_encoder(), EncoderUse { kind: EncoderKind::EfficientnetLite0, size: 224 });
    }

    #[test]
    fn unknown_keys_and_bad_values_are_named() {
        let message = |text: &str| Recipe::parse("mine.toml", text, &[]).unwrap_err().to_string();
        assert!(message("[stem]\nepoch = 5\n").contains("epoch"));
        assert!(message("[stem]\nbatch = 1\n").contains("stem.batch is 1"));
        assert!(message("[stem]\nlearning_rate = nan\n").contains("stem.learning_rate"));
        assert!(message("[stem]\nepochs = -1\n").contains("mine.toml"));
        assert!(message("[stem]\nencoder = \"resnet-19\"\n").contains("resnet-18"));
        assert!(message("[stem]\nencoder = \"inception-v3\"\nregion_stride = 4\n").contains("[8, 16, 32]"));
        assert!(message("[stem]\nencoder = \"inception-v3\"\nencoder_size = 64\n").contains("75 to 1024"));
        assert!(message("stem = ").contains("mine.toml"));
        assert!(Recipe::load("no-such", &[]).unwrap_err().to_string().contains("fast"));
        assert!(Recipe::parse("r", "", &["stem.epochs".into()]).is_err());
    }
}
