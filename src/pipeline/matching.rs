//! How well a picture and a text match, and where in the picture each word is found.

use super::engine::Engine;
use super::{AttentionMap, Picture};
use crate::damsm::Matching;
use crate::text::Token;
use crate::{Error, Result};

/// What [`Engine::match_text`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct TextMatch {
    /// Every word of the text; the figures and maps follow the known ones, up to the model's longest caption.
    pub tokens: Vec<Token>,
    /// Cosine of picture and text, from −1 to 1: of several texts for a picture, or pictures for a text, the largest matches best.
    pub similarity: f32,
    /// Cosine of each known word and what it looks at, from −1 to 1.
    pub words: Vec<f32>,
    /// Where each known word looks in the middle square of the picture; over the places of one word the weights sum to 1.
    pub places: AttentionMap,
}

impl Engine {
    /// Whether the model has what [`Engine::match_text`] needs.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a model without DAMSM's image head, or whose STREAM, with the encoder, was not handed in.
    fn check_matcher(&self) -> Result<()> {
        if self.model().matcher.is_some() && self.describer().is_some() {
            return Ok(());
        }
        Err(Error::BadInput("this model has no image head of DAMSM: it cannot match pictures with words".into()))
    }

    /// How well a picture and a text match, and where each word is found, by DAMSM (AttnGAN, section 3.2).
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::UnknownPrompt`]; [`Error::BadInput`] for a model without DAMSM's image head; [`Error::Device`].
    pub async fn match_text(&self, picture: &Picture, text: &str) -> Result<TextMatch> {
        self.check_matcher()?;
        let encoded = self.tokens(text)?;
        let features = self.features(&encoded);
        let (Some(matcher), Some(describer)) = (&self.model().matcher, self.describer()) else {
            return Err(Error::Internal("the matcher was there a moment ago".into()));
        };
        let image = matcher.look(describer.encoder(), picture.to_tensor(self.device()))?;
        let [_, _, size, _] = image.regions.dims();
        let Matching { sentence, words, places } = matcher.compare(image, features).await?;
        Ok(TextMatch {
            tokens: encoded.tokens,
            similarity: sentence,
            places: AttentionMap { words: words.len(), size, weights: places },
            words,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::model::tests::tiny;
    use crate::pipeline::block_on;
    use burn::tensor::Device;

    fn picture() -> Picture {
        Picture::from_rgba(40, 40, (0..40 * 40 * 4).map(|i| if i % 4 == 3 { 255 } else { (i * 7 % 251) as u8 }).collect()).unwrap()
    }

    #[test]
    fn each_known_word_gets_its_places_and_the_same_words_the_same_figures() {
        let engine = Engine::new(tiny(), Device::flex()).unwrap();
        let found = block_on(engine.match_text(&picture(), "red green bird")).unwrap();
        assert_eq!(found.tokens.iter().map(|token| token.known).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!((found.words.len(), found.places.words), (2, 2));
        assert!(found.places.size > 1);
        for word in 0..2 {
            let sum: f32 = found.places.word(word).unwrap().iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        }
        assert!(found.words.iter().chain([&found.similarity]).all(|cosine| cosine.abs() <= 1.0 + 1e-6));
        assert_eq!(block_on(engine.match_text(&picture(), "red bird")).unwrap().similarity, found.similarity);
        assert_ne!(block_on(engine.match_text(&picture(), "bird")).unwrap().similarity, found.similarity);
    }

    #[test]
    fn regions_of_another_encoder_are_refused_by_name() {
        let model = tiny();
        let mut config = model.config.matcher.clone().unwrap();
        config.damsm.region_channels = 10;
        let head = config.init(&Device::flex());
        let engine = Engine::new(model.with_matcher(config, head).unwrap(), Device::flex()).unwrap();
        let error = block_on(engine.match_text(&picture(), "red")).unwrap_err();
        assert!(
            matches!(&error, Error::BadModel { message, .. } if message.contains("region_channels is 10; efficientnet-lite0 has 12")),
            "{error}"
        );
    }

    #[test]
    fn a_model_without_the_head_says_so() {
        for model in [Model { matcher: None, ..tiny() }, Model { stream: None, ..tiny() }] {
            let engine = Engine::new(model, Device::flex()).unwrap();
            let error = block_on(engine.match_text(&picture(), "red")).unwrap_err();
            assert!(matches!(&error, Error::BadInput(message) if message.contains("no image head")), "{error}");
        }
    }
}
