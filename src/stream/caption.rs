//! Picture in, words out.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{CaptionIds, StreamDecoder};
use crate::encoder::{EncoderKind, ImageEncoder, ImageEncoderConfig};
use crate::text::Vocabulary;
use crate::{Error, Result};

/// The sizes of a [`Stream`]; embedding and hidden are the published ones, the rest is EfficientNet-Lite0's (the published encoder is
/// ResNet-152, with features of 2048).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamConfig {
    /// Number of words, the end mark included.
    pub vocabulary: usize,
    /// Values a word, and the picture, is embedded in.
    pub embedding: usize,
    /// Values that the LSTM remembers.
    pub hidden: usize,
    /// Values that the image encoder gives.
    pub image_features: usize,
    /// Which network the image encoder is; EfficientNet-Lite0 where nothing is said.
    #[serde(skip_serializing_if = "is_default")]
    pub encoder: EncoderKind,
    /// Width of the image encoder; 1 is the published network.
    pub encoder_width: f32,
    /// Height and width, in pixels, that pictures are brought to for the encoder.
    pub image_size: usize,
    /// Longest description in words, the end mark included.
    pub max_words: usize,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            vocabulary: 5450,
            embedding: 256,
            hidden: 512,
            image_features: 1280,
            encoder: EncoderKind::default(),
            encoder_width: 1.0,
            image_size: 224,
            max_words: 20,
        }
    }
}

impl StreamConfig {
    /// STREAM with fresh weights, its encoder frozen.
    ///
    /// # Errors
    /// [`Error::BadInput`] in a browser for an encoder that its module does not have; [`Error::BadModel`] when `image_features` are not
    /// as many as the encoder's.
    pub fn init(&self, device: &Device) -> Result<Stream> {
        let encoder = self.image_encoder().init(device)?;
        if encoder.features() != self.image_features {
            let (found, expected) = (self.image_features, encoder.features());
            let message = format!("stream.image_features is {found}; expected {expected}, as {} has", self.encoder);
            return Err(Error::bad_model("config.json", message));
        }
        Ok(Stream { encoder, decoder: StreamDecoder::new(self, device), image_size: self.image_size, max_words: self.max_words })
    }

    /// The sizes of the encoder.
    pub fn image_encoder(&self) -> ImageEncoderConfig {
        ImageEncoderConfig { kind: self.encoder, width: self.encoder_width, features: Some(self.image_features) }
    }
}

fn is_default(encoder: &EncoderKind) -> bool {
    *encoder == EncoderKind::default()
}

/// A description of a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Caption {
    /// The words with spaces between them.
    pub text: String,
    /// The words.
    pub words: Vec<String>,
    /// log p(words | picture), the end mark included.
    pub log_probability: f32,
}

/// Image encoder and decoder, as they train and are kept; a [`Describer`](super::Describer) is made of them to describe pictures.
#[derive(Module, Debug)]
pub struct Stream {
    /// The frozen image encoder.
    pub encoder: ImageEncoder,
    /// The decoder.
    pub decoder: StreamDecoder,
    image_size: usize,
    max_words: usize,
}

impl Stream {
    /// The features of pictures of any size.
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    /// - output: (batch, image_features)
    pub fn describe(&self, images: Tensor<4>) -> Tensor<2> {
        self.encoder.forward(images, self.image_size).pooled
    }

    /// Pixels of the pictures that the encoder sees, and words of the longest description.
    pub(super) fn limits(&self) -> [usize; 2] {
        [self.image_size, self.max_words]
    }
}

impl Caption {
    pub(super) fn new(caption: CaptionIds, vocabulary: &Vocabulary) -> Self {
        let words = vocabulary.decode(&caption.ids);
        Self { text: words.join(" "), words, log_probability: caption.log_probability }
    }
}
