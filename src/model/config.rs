//! `config.json`: what a model folder holds, and the model itself.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tensors::{self, Dtype};
use crate::damsm::{Matcher, MatcherConfig};
use crate::encoder::EncoderKind;
use crate::glam::{Generator, GeneratorConfig};
use crate::stem::{TextEncoder, TextEncoderConfig};
use crate::stream::{Stream, StreamConfig};
use crate::text::{self, Vocabulary};
use crate::{Error, Result};

/// The file that tells what the others are.
pub const CONFIG_FILE: &str = "config.json";
/// A word a line.
pub const VOCABULARY_FILE: &str = "vocab.txt";
/// The text encoder.
pub const STEM_FILE: &str = "stem.safetensors";
/// Conditioning augmentation and generator.
pub const GLAM_FILE: &str = "glam.safetensors";
/// Image encoder and caption decoder.
pub const STREAM_FILE: &str = "stream.safetensors";
/// DAMSM's image head.
pub const MATCHER_FILE: &str = "damsm.safetensors";

/// The only version of the format so far.
const FORMAT_VERSION: u32 = 1;

/// A file as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileInfo {
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

impl FileInfo {
    /// Of a file's content.
    pub fn of(content: &[u8]) -> Self {
        let mut digest = Sha256::new();
        // In pieces: a browser runs a function fast from some later call on, not within a call.
        content.chunks(1 << 16).for_each(|piece| digest.update(piece));
        Self { sha256: format!("{:x}", digest.finalize()), bytes: content.len() as u64 }
    }
}

/// What `config.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// 1.
    pub format_version: u32,
    /// What the model is called.
    pub name: String,
    /// STEM's sizes.
    pub text_encoder: TextEncoderConfig,
    /// GLAM's sizes.
    pub generator: GeneratorConfig,
    /// STREAM's sizes, for a model that describes pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamConfig>,
    /// The sizes of DAMSM's image head, for a model that matches pictures with words; it sees through STREAM's encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matcher: Option<MatcherConfig>,
    /// `vocab.txt`.
    pub vocabulary_file: String,
    /// The data, in words for people.
    pub trained_on: String,
    /// How the weights are written.
    pub dtype: Dtype,
    /// Every other file by name.
    #[serde(default)]
    pub files: BTreeMap<String, FileInfo>,
}

impl ModelConfig {
    /// The description of a model that is not on disk yet.
    pub fn new(
        name: impl Into<String>,
        trained_on: impl Into<String>,
        text_encoder: TextEncoderConfig,
        generator: GeneratorConfig,
        stream: Option<StreamConfig>,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            name: name.into(),
            text_encoder,
            generator,
            stream,
            matcher: None,
            vocabulary_file: VOCABULARY_FILE.into(),
            trained_on: trained_on.into(),
            dtype: Dtype::F32,
            files: BTreeMap::new(),
        }
    }

    /// Reads `config.json`.
    ///
    /// # Errors
    /// [`Error::BadModel`] when it is no JSON, of another version, lacks or has too many keys, or has sizes that no network can have.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |message: String| Error::bad_model(CONFIG_FILE, message);
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| bad(format!("not JSON: {error}")))?;
        // Before the rest: a later version may have other keys.
        match value.get("format_version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(FORMAT_VERSION) => {}
            Some(version) => return Err(bad(format!("format_version is {version}; this program reads {FORMAT_VERSION}"))),
            None => return Err(bad(format!("there is no format_version; expected {FORMAT_VERSION}"))),
        }
        let config: Self = serde_json::from_value(value).map_err(|error| bad(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// The content of `config.json`.
    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::bad_model(CONFIG_FILE, error.to_string()))?;
        Ok(text + "\n")
    }

    /// Checks that the sizes can be and fit one another.
    ///
    /// # Errors
    /// [`Error::BadModel`] that names the key, what it has and what is allowed.
    pub fn check(&self) -> Result<()> {
        let (text, generator) = (&self.text_encoder, &self.generator);
        check_text_encoder(text)?;
        check_generator(generator)?;
        check_equal("generator.features", generator.features, text.features)?;
        if let Some(stream) = &self.stream {
            check_equal("stream.vocabulary", stream.vocabulary, text.vocabulary)?;
            check_range("stream.embedding", stream.embedding, 1, 4096)?;
            check_range("stream.hidden", stream.hidden, 1, 8192)?;
            check_range("stream.image_features", stream.image_features, 1, 8192)?;
            check_range("stream.image_size", stream.image_size, 32, 1024)?;
            if stream.encoder != EncoderKind::default()
                && let Err(expected) = stream.encoder.check_image_size(stream.image_size)
            {
                let message = format!("stream.image_size is {}; {} takes {expected}", stream.image_size, stream.encoder);
                return Err(Error::bad_model(CONFIG_FILE, message));
            }
            check_range("stream.max_words", stream.max_words, 1, 1024)?;
            if !(stream.encoder_width > 0.0 && stream.encoder_width <= 8.0) {
                let message = format!("stream.encoder_width is {}; expected more than 0 and at most 8", stream.encoder_width);
                return Err(Error::bad_model(CONFIG_FILE, message));
            }
        }
        if let Some(matcher) = &self.matcher {
            let Some(stream) = &self.stream else {
                return Err(Error::bad_model(CONFIG_FILE, "there is a matcher and no stream, whose encoder it sees through"));
            };
            check_equal("matcher.damsm.features", matcher.damsm.features, text.features)?;
            check_equal("matcher.damsm.code_channels", matcher.damsm.code_channels, stream.image_features)?;
            check_range("matcher.damsm.region_channels", matcher.damsm.region_channels, 1, 8192)?;
            check_range("matcher.image_size", matcher.image_size, 32, 1024)?;
            if !stream.encoder.strides().contains(&matcher.region_stride) {
                let message =
                    format!("matcher.region_stride is {}; {} has {:?}", matcher.region_stride, stream.encoder, stream.encoder.strides());
                return Err(Error::bad_model(CONFIG_FILE, message));
            }
            if let Err(expected) = stream.encoder.check_image_size(matcher.image_size) {
                let message = format!("matcher.image_size is {}; {} takes {expected}", matcher.image_size, stream.encoder);
                return Err(Error::bad_model(CONFIG_FILE, message));
            }
        }
        if self.vocabulary_file != VOCABULARY_FILE {
            let message = format!("vocabulary_file is {:?}; expected {VOCABULARY_FILE:?}", self.vocabulary_file);
            return Err(Error::bad_model(CONFIG_FILE, message));
        }
        Ok(())
    }

    /// Names of the files that the model is read from, in the order that a download needs them.
    pub fn file_names(&self) -> Vec<&'static str> {
        let mut names = vec![VOCABULARY_FILE, STEM_FILE, GLAM_FILE];
        names.extend(self.stream.as_ref().map(|_| STREAM_FILE));
        names.extend(self.matcher.as_ref().map(|_| MATCHER_FILE));
        names
    }

    /// Checks that `content` is the file that the model was published with.
    ///
    /// # Errors
    /// [`Error::Integrity`] for another size or checksum; [`Error::BadModel`] when `config.json` does not list the file.
    pub fn check_file(&self, name: &str, content: &[u8]) -> Result<()> {
        let Some(expected) = self.files.get(name) else {
            return Err(Error::bad_model(CONFIG_FILE, format!("files does not list {name}")));
        };
        let mismatch = |expected: String, found: String| Err(Error::Integrity { file: name.to_string(), expected, found });
        if content.len() as u64 != expected.bytes {
            return mismatch(format!("{} bytes", expected.bytes), format!("{} bytes", content.len()));
        }
        let found = FileInfo::of(content);
        if found.sha256 != expected.sha256 {
            return mismatch(format!("sha-256 {}", expected.sha256), format!("sha-256 {}", found.sha256));
        }
        Ok(())
    }

    /// The vocabulary from the content of `vocab.txt`, which [`ModelConfig::check_file`] has passed.
    ///
    /// # Errors
    /// [`Error::BadModel`] when it is no vocabulary or has another number of words than the encoder.
    pub fn load_vocabulary(&self, content: &[u8]) -> Result<Vocabulary> {
        let text = text::decode(content).map_err(|message| Error::bad_model(VOCABULARY_FILE, message))?;
        let vocabulary = Vocabulary::parse(&text)?;
        check_vocabulary(&vocabulary, &self.text_encoder)?;
        Ok(vocabulary)
    }

    /// STEM from the content of `stem.safetensors`, likewise checked.
    ///
    /// # Errors
    /// As [`tensors::load`].
    pub fn load_stem(&self, content: &[u8], device: &Device) -> Result<TextEncoder> {
        tensors::load(self.text_encoder.init(device), content, STEM_FILE)
    }

    /// The generator from the content of `glam.safetensors`, likewise checked.
    ///
    /// # Errors
    /// As [`tensors::load`].
    pub fn load_generator(&self, content: &[u8], device: &Device) -> Result<Generator> {
        tensors::load(self.generator.init(device), content, GLAM_FILE)
    }

    /// STREAM from the content of `stream.safetensors`, likewise checked.
    ///
    /// # Errors
    /// As [`tensors::load`]; [`Error::BadModel`] for a model without STREAM.
    pub fn load_stream(&self, content: &[u8], device: &Device) -> Result<Stream> {
        let Some(stream) = &self.stream else {
            return Err(Error::bad_model(CONFIG_FILE, "there is no key stream: this model does not describe pictures"));
        };
        tensors::load(stream.init(device)?, content, STREAM_FILE)
    }

    /// DAMSM's image head from the content of `damsm.safetensors`, likewise checked.
    ///
    /// # Errors
    /// As [`tensors::load`]; [`Error::BadModel`] for a model without it.
    pub fn load_matcher(&self, content: &[u8], device: &Device) -> Result<Matcher> {
        let Some(matcher) = &self.matcher else {
            return Err(Error::bad_model(CONFIG_FILE, "there is no key matcher: this model does not match pictures with words"));
        };
        tensors::load(matcher.init(device), content, MATCHER_FILE)
    }
}

/// Upper bounds far above any published model: a file of a hundred bytes must not ask for all memory.
pub(crate) fn check_text_encoder(config: &TextEncoderConfig) -> Result<()> {
    check_range("text_encoder.vocabulary", config.vocabulary, 2, 1_000_000)?;
    check_range("text_encoder.embedding", config.embedding, 1, 4096)?;
    check_range("text_encoder.features", config.features, 2, 4096)?;
    check_range("text_encoder.max_words", config.max_words, 1, 1024)?;
    if !config.features.is_multiple_of(2) {
        // Half of them come from each direction.
        return Err(Error::bad_model(CONFIG_FILE, format!("text_encoder.features is {}; expected an even number", config.features)));
    }
    Ok(())
}

/// As [`check_text_encoder`].
pub(crate) fn check_generator(config: &GeneratorConfig) -> Result<()> {
    check_range("generator.gf_dim", config.gf_dim, 1, 512)?;
    check_range("generator.z_dim", config.z_dim, 1, 4096)?;
    check_range("generator.condition_dim", config.condition_dim, 1, 4096)?;
    check_range("generator.features", config.features, 2, 4096)?;
    check_range("generator.residual_blocks", config.residual_blocks, 0, 64)?;
    check_range("generator.stages", config.stages, 1, 3)
}

fn check_range(key: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::bad_model(CONFIG_FILE, format!("{key} is {value}; expected {least} to {most}")))
}

fn check_equal(key: &str, value: usize, expected: usize) -> Result<()> {
    if value == expected {
        return Ok(());
    }
    Err(Error::bad_model(CONFIG_FILE, format!("{key} is {value}; expected {expected}, as the other parts of the model have")))
}

fn check_vocabulary(vocabulary: &Vocabulary, encoder: &TextEncoderConfig) -> Result<()> {
    if vocabulary.len() == encoder.vocabulary {
        return Ok(());
    }
    let message = format!(
        "there are {} words, the end mark included; expected {}, as {CONFIG_FILE} says of the text encoder",
        vocabulary.len(),
        encoder.vocabulary
    );
    Err(Error::bad_model(VOCABULARY_FILE, message))
}

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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The sizes of the smallest STREAM.
    pub(crate) fn tiny_stream() -> StreamConfig {
        StreamConfig {
            vocabulary: 3,
            embedding: 6,
            hidden: 7,
            image_features: 8,
            encoder_width: 0.1,
            image_size: 32,
            max_words: 4,
            ..StreamConfig::default()
        }
    }

    /// A model small enough for tests, with a STREAM and DAMSM's image head.
    pub(crate) fn tiny() -> Model {
        use crate::damsm::DamsmConfig;
        use rand::SeedableRng;
        let device = Device::flex();
        let vocabulary = Vocabulary::new(["bird", "red"].map(String::from)).unwrap();
        let text = TextEncoderConfig { vocabulary: 3, embedding: 6, features: 8, max_words: 5 };
        let generator = GeneratorConfig { gf_dim: 2, z_dim: 4, condition_dim: 5, features: 8, stages: 2, ..GeneratorConfig::default() };
        let stream = tiny_stream();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let stem = crate::nn::init::initialize(text.init(&device), &mut rng).unwrap();
        let glam = crate::nn::init::initialize(generator.init(&device), &mut rng).unwrap();
        let decoder = crate::nn::init::initialize(stream.init(&device).unwrap(), &mut rng).unwrap();
        let config = ModelConfig::new("tiny", "nothing", text, generator, Some(stream));
        let damsm = DamsmConfig { features: 8, region_channels: 12, code_channels: 8, ..DamsmConfig::default() };
        let matcher = MatcherConfig { damsm, region_stride: 16, image_size: 64 };
        let head = crate::nn::init::initialize(matcher.init(&device), &mut rng).unwrap();
        Model::new(config, vocabulary, stem, glam, Some(decoder)).unwrap().with_matcher(matcher, head).unwrap()
    }

    #[test]
    fn json_round_trip() {
        let mut config = tiny().config;
        config.files.insert(STEM_FILE.into(), FileInfo::of(b"abc"));
        assert_eq!(ModelConfig::parse(&config.to_json().unwrap()).unwrap(), config);
    }

    #[test]
    fn a_vocabulary_is_text_with_a_mark_or_without() {
        let config = tiny().config;
        let words = |content: &[u8]| config.load_vocabulary(content).map(|vocabulary| vocabulary.words().to_vec());
        let text = "\u{feff}<end>\r\nbird\r\nred\r\n";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for content in [text.as_bytes(), &wide, b"<end>\nbird\nred\n"] {
            assert_eq!(words(content).unwrap(), ["<end>", "bird", "red"]);
        }
        let error = words(b"<end>\nbird\nros\xe9\n").unwrap_err().to_string();
        assert!(error.starts_with("vocab.txt: is no text in UTF-8: line 3"), "{error}");
        let error = words(b"<end>\nbird\n").unwrap_err().to_string();
        assert!(error.contains("2 words") && error.contains("expected 3, as config.json says"), "{error}");
    }

    #[test]
    fn checksum_is_sha256() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(FileInfo::of(b"abc").sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn unusable_configs_are_refused() {
        let refused = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = serde_json::to_value(tiny().config).unwrap();
            change(&mut value);
            ModelConfig::parse(&value.to_string()).unwrap_err().to_string()
        };
        assert!(ModelConfig::parse("{").unwrap_err().to_string().starts_with("config.json: not JSON"));
        assert_eq!(refused(&|v| v["format_version"] = 2.into()), "config.json: format_version is 2; this program reads 1");
        assert!(refused(&|v| v["surprise"] = 1.into()).contains("unknown field `surprise`"));
        assert_eq!(
            refused(&|v| v["generator"]["gf_dim"] = 1_000_000_000.into()),
            "config.json: generator.gf_dim is 1000000000; expected 1 to 512"
        );
        assert!(refused(&|v| v["generator"]["features"] = 6.into()).contains("generator.features is 6; expected 8"));
        assert!(refused(&|v| v["stream"]["vocabulary"] = 9.into()).contains("stream.vocabulary is 9; expected 3"));
        assert!(refused(&|v| v["stream"]["encoder_width"] = (-1.0).into()).contains("stream.encoder_width is -1"));
        assert!(
            refused(&|v| v["matcher"]["region_stride"] = 5.into()).contains("matcher.region_stride is 5; efficientnet-lite0 has [4, 8")
        );
        assert!(refused(&|v| v["matcher"]["image_size"] = 50.into()).contains("matcher.image_size is 50"));
        assert!(refused(&|v| v["matcher"]["damsm"]["code_channels"] = 9.into()).contains("matcher.damsm.code_channels is 9; expected 8"));
        assert!(refused(&|v| drop(v.as_object_mut().unwrap().remove("stream"))).contains("there is a matcher and no stream"));
        assert!(refused(&|v| v["vocabulary_file"] = "../x".into()).contains("vocabulary_file is \"../x\""));
    }

    #[test]
    fn changed_files_are_told_apart() {
        let mut config = tiny().config;
        config.files.insert(STEM_FILE.into(), FileInfo::of(b"abc"));
        assert!(config.check_file(STEM_FILE, b"abc").is_ok());
        let short = config.check_file(STEM_FILE, b"ab").unwrap_err();
        assert!(matches!(&short, Error::Integrity { expected, found, .. } if expected == "3 bytes" && found == "2 bytes"), "{short}");
        let changed = config.check_file(STEM_FILE, b"abd").unwrap_err();
        assert!(matches!(&changed, Error::Integrity { expected, .. } if expected.starts_with("sha-256 ba78")), "{changed}");
        assert!(matches!(config.check_file(GLAM_FILE, b""), Err(Error::BadModel { .. })));
    }
}
