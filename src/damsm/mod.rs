//! DAMSM, the deep attentional multimodal similarity model, which pre-trains STEM: an image encoder and losses that match words to regions
//! (AttnGAN, section 3.2). A model may keep its image head as a [`Matcher`], which tells how well a picture and a text match, and where.

#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
mod losses;
mod matcher;
mod model;
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
mod similarity;

#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub use losses::{DamsmLoss, same_class, sentence_loss, word_similarities, words_loss};
pub use matcher::{Matcher, MatcherConfig, Matching};
pub use model::{Damsm, DamsmConfig, ImageFeatures};
#[cfg(all(feature = "lab", not(target_arch = "wasm32")))]
pub use similarity::{Attended, attention, cosine_similarities};
