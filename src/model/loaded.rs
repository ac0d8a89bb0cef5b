//! A model in memory.

use burn::tensor::Device;

use super::config::{CONFIG_FILE, GLAM_FILE, MATCHER_FILE, ModelConfig, STEM_FILE, STREAM_FILE, VOCABULARY_FILE, check_vocabulary};
use crate::damsm::{Matcher, MatcherConfig};
use crate::glam::Generator;
use crate::stem::TextEncoder;
use crate::stream::Stream;
use crate::text::{self, Vocabulary};
use crate::{Error, Result};

/// A model in memory, its weights on one device.
#[derive(Debug, Clone)]
pub struct Model {
    /// What it is.
    pub config: ModelConfig,
    /// The words that it knows.
    pub vocabulary: Vocabulary,
    /// The text encoder.
    pub stem: TextEncoder,
    /// Conditioning augmentation and generator.
    pub generator: Generator,
    /// Image encoder and caption decoder; a model may have none, and the browser loads it when it is first asked for.
    pub stream: Option<Stream>,
    /// DAMSM's image head, which sees through STREAM's encoder; likewise.
    pub matcher: Option<Matcher>,
}

impl Model {
    /// A model from its parts.
    ///
    /// # Errors
    /// As [`ModelConfig::check`]; [`Error::BadModel`] for a vocabulary of another size than STEM's.
    pub fn new(
        config: ModelConfig,
        vocabulary: Vocabulary,
        stem: TextEncoder,
        generator: Generator,
        stream: Option<Stream>,
    ) -> Result<Self> {
        config.check()?;
        check_vocabulary(&vocabulary, &config.text_encoder)?;
        Ok(Self { config, vocabulary, stem, generator, stream, matcher: None })
    }

    /// The model with DAMSM's image head.
    ///
    /// # Errors
    /// As [`ModelConfig::check`].
    pub fn with_matcher(mut self, config: MatcherConfig, matcher: Matcher) -> Result<Self> {
        self.config.matcher = Some(config);
        self.config.check()?;
        self.matcher = Some(matcher);
        Ok(self)
    }

    /// A model from the files of its folder, wherever they lie: `read` gives the content of the file of a name, `config.json` first. Each
    /// is checked.
    ///
    /// # Errors
    /// Those of `read`; [`Error::BadModel`] and [`Error::Integrity`] as the parts of [`ModelConfig`] give them.
    pub fn read(read: impl FnMut(&str) -> Result<Vec<u8>>, device: &Device) -> Result<Self> {
        Self::read_for(true, read, device)
    }

    /// [`Model::read`], with STREAM and DAMSM's image head only where it `describes`: their files are most of a model.
    pub(super) fn read_for(describes: bool, mut read: impl FnMut(&str) -> Result<Vec<u8>>, device: &Device) -> Result<Self> {
        let config = text::decode(&read(CONFIG_FILE)?).map_err(|message| Error::bad_model(CONFIG_FILE, message))?;
        let config = ModelConfig::parse(&config)?;
        let mut checked = |file| -> Result<Vec<u8>> {
            let content = read(file)?;
            config.check_file(file, &content)?;
            Ok(content)
        };
        let vocabulary = config.load_vocabulary(&checked(VOCABULARY_FILE)?)?;
        let stem = config.load_stem(&checked(STEM_FILE)?, device)?;
        let generator = config.load_generator(&checked(GLAM_FILE)?, device)?;
        let stream = match &config.stream {
            Some(_) if describes => Some(config.load_stream(&checked(STREAM_FILE)?, device)?),
            _ => None,
        };
        let matcher = match &config.matcher {
            Some(_) if describes => Some(config.load_matcher(&checked(MATCHER_FILE)?, device)?),
            _ => None,
        };
        Ok(Self { matcher, ..Self::new(config, vocabulary, stem, generator, stream)? })
    }
}
