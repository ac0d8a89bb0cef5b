//! Picture in, words out.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::StreamDecoder;
use super::image::{normalize, resize_bilinear};
use crate::Result;
use crate::encoder::{EfficientNetLite0, EfficientNetLite0Config};
use crate::text::Vocabulary;

/// The sizes of a [`Stream`]; embedding and hidden are the published ones, the rest is EfficientNet-Lite0's.
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
    /// Width of the image encoder; 1 is EfficientNet-Lite0.
    pub encoder_width: f32,
    /// Height and width, in pixels, that pictures are brought to for the encoder.
    pub image_size: usize,
    /// Longest description in words, the end mark included.
    pub max_words: usize,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self { vocabulary: 5450, embedding: 256, hidden: 512, image_features: 1280, encoder_width: 1.0, image_size: 224, max_words: 20 }
    }
}

impl StreamConfig {
    /// STREAM with fresh weights, its encoder frozen.
    pub fn init(&self, device: &Device) -> Stream {
        Stream {
            encoder: self.encoder().init(device),
            decoder: StreamDecoder::new(self, device),
            image_size: self.image_size,
            max_words: self.max_words,
        }
    }

    /// The sizes of the encoder.
    pub fn encoder(&self) -> EfficientNetLite0Config {
        EfficientNetLite0Config { width: self.encoder_width, features: self.image_features, classes: None }
    }
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

/// Image encoder and decoder.
#[derive(Module, Debug)]
pub struct Stream {
    /// The frozen image encoder.
    pub encoder: EfficientNetLite0,
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
        self.encoder.forward_features(normalize(resize_bilinear(images, self.image_size))).pooled
    }

    /// Describes pictures in words.
    ///
    /// # Errors
    /// [`crate::Error::Device`].
    ///
    /// # Shapes
    /// - images: (batch, 3, h, w), RGB in [−1, 1]
    pub async fn caption(&self, images: Tensor<4>, vocabulary: &Vocabulary) -> Result<Vec<Caption>> {
        let features = self.describe(images);
        let captions = self.decoder.caption(features, self.max_words).await?;
        Ok(captions
            .into_iter()
            .map(|caption| {
                let words = vocabulary.decode(&caption.ids);
                Caption { text: words.join(" "), words, log_probability: caption.log_probability }
            })
            .collect())
    }
}
