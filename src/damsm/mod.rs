//! DAMSM, which pre-trains STEM: an image encoder and losses that match words to regions (AttnGAN, section 3.2).

mod losses;
mod model;

pub use losses::{Attended, attention, cosine_similarities, same_class, sentence_loss, word_similarities, words_loss};
pub use model::{Damsm, DamsmConfig, DamsmLoss, ImageFeatures};
