//! Model folders on a file system.

use std::fs;
use std::path::Path;

use burn::tensor::Device;

use super::config::{CONFIG_FILE, FileInfo, GLAM_FILE, MATCHER_FILE, ModelConfig, STEM_FILE, STREAM_FILE, VOCABULARY_FILE};
use super::loaded::Model;
use super::tensors::{self, Dtype};
use crate::files;
use crate::{Error, Result};

/// The model card, for people; it is no part of the model.
const CARD_FILE: &str = "README.md";

/// Reads a model folder and checks each of its files.
///
/// # Errors
/// [`Error::Io`] for a file that is not there; [`Error::BadModel`] and [`Error::Integrity`] as the parts of [`ModelConfig`] give them,
/// their file named with the folder.
pub fn read_folder(folder: &Path, device: &Device) -> Result<Model> {
    read_parts(folder, true, device)
}

/// [`read_folder`] without what describes pictures, whose files are not opened.
///
/// # Errors
/// As [`read_folder`].
pub fn read_to_draw(folder: &Path, device: &Device) -> Result<Model> {
    read_parts(folder, false, device)
}

fn read_parts(folder: &Path, describes: bool, device: &Device) -> Result<Model> {
    let training = holds_training(folder);
    if training || (folder.exists() && !folder.join(CONFIG_FILE).is_file()) {
        return Err(Error::NoModel { folder: folder.to_path_buf(), training });
    }
    in_folder(folder, || Model::read_for(describes, |file| read(folder, file), device))
}

/// Writes a model folder. It appears whole or not at all, and takes the place of an older model folder.
///
/// A model card that is already there is kept; else a short one is written.
///
/// # Errors
/// [`Error::BadInput`] when `folder` is something else than a model folder or an empty one, or when a weight does not fit `dtype`;
/// [`Error::BadModel`] for parts that do not fit one another; [`Error::Io`].
pub fn write_folder(folder: &Path, model: &Model, dtype: Dtype) -> Result<()> {
    check_target(folder)?;
    let mut config = ModelConfig { dtype, files: Default::default(), ..model.config.clone() };
    if model.stream.is_none() {
        config.stream = None;
    }
    // It sees through STREAM's encoder.
    let matcher = model.matcher.as_ref().filter(|_| model.stream.is_some());
    if matcher.is_none() {
        config.matcher = None;
    }
    config.check()?;
    let mut contents = vec![
        (VOCABULARY_FILE, model.vocabulary.to_text().into_bytes()),
        (STEM_FILE, tensors::save(&model.stem, dtype)?),
        (GLAM_FILE, tensors::save(&model.generator, dtype)?),
    ];
    if let Some(stream) = &model.stream {
        contents.push((STREAM_FILE, tensors::save(stream, dtype)?));
    }
    if let Some(matcher) = matcher {
        contents.push((MATCHER_FILE, tensors::save(matcher, dtype)?));
    }
    config.files = contents.iter().map(|(name, content)| (name.to_string(), FileInfo::of(content))).collect();
    // What cannot be read back is not written.
    config.load_vocabulary(&contents[0].1)?;
    let card = match fs::read(folder.join(CARD_FILE)) {
        Ok(card) => card,
        Err(_) => card(&config).into_bytes(),
    };
    contents.push((CARD_FILE, card));
    contents.push((CONFIG_FILE, config.to_json()?.into_bytes()));

    files::write_folder(folder, contents)
}

/// Whether a folder is that of a training, of a part of one, or a checkpoint.
fn holds_training(folder: &Path) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| folder.join(name).exists());
    has(&["state.json", "checkpoints", "stem/checkpoints", "stream/checkpoints", "gan/checkpoints"])
}

/// Puts the folder's name in front of the file that an error names.
fn in_folder<T>(folder: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    let name = |file: String| folder.join(file).display().to_string();
    read().map_err(|error| match error {
        Error::BadModel { file, message } => Error::BadModel { file: name(file), message },
        Error::Integrity { file, expected, found } => Error::Integrity { file: name(file), expected, found },
        other => other,
    })
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    fs::read(&path).map_err(|error| Error::io(path, error))
}

/// Refuses to write over anything but an older model.
fn check_target(folder: &Path) -> Result<()> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io(folder, error)),
    };
    if entries.next().is_none() || folder.join(CONFIG_FILE).is_file() {
        return Ok(());
    }
    Err(Error::BadInput(format!("{} is there and is no model folder: choose another name", folder.display())))
}

/// A short model card.
fn card(config: &ModelConfig) -> String {
    let size = GeneratorSize(config);
    format!(
        "# {}\n\nText to image with MirrorGAN: {size}\n\nTrained on: {}.\n\nWeights: {:?}. Vocabulary: {} words. {}\n",
        config.name,
        config.trained_on,
        config.dtype,
        config.text_encoder.vocabulary - 1,
        if config.stream.is_some() { "It describes pictures, too." } else { "It does not describe pictures." },
    )
}

struct GeneratorSize<'a>(&'a ModelConfig);

impl std::fmt::Display for GeneratorSize<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = crate::glam::GeneratorConfig::picture_size(self.0.generator.stages - 1);
        write!(f, "pictures of {side} × {side} pixels.")
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::tiny;
    use super::*;
    use crate::files::names;

    #[test]
    fn a_folder_is_read_as_it_was_written() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("deep/model");
        let model = tiny();
        write_folder(&folder, &model, Dtype::F32).unwrap();
        let read = read_folder(&folder, &Device::flex()).unwrap();
        assert_eq!(read.vocabulary, model.vocabulary);
        let bytes = |model: &Model| {
            [
                tensors::save(&model.stem, Dtype::F32).unwrap(),
                tensors::save(&model.generator, Dtype::F32).unwrap(),
                tensors::save(model.stream.as_ref().unwrap(), Dtype::F32).unwrap(),
                tensors::save(model.matcher.as_ref().unwrap(), Dtype::F32).unwrap(),
            ]
        };
        assert_eq!(bytes(&read), bytes(&model));
        assert_eq!(names(&folder), [CARD_FILE, CONFIG_FILE, MATCHER_FILE, GLAM_FILE, STEM_FILE, STREAM_FILE, VOCABULARY_FILE]);
        assert_eq!(names(&place.path().join("deep")), ["model"]);

        // What draws does not open what describes.
        fs::remove_file(folder.join(STREAM_FILE)).unwrap();
        let read = read_to_draw(&folder, &Device::flex()).unwrap();
        assert!(read.stream.is_none() && read.matcher.is_none() && read.config.stream.is_some());
        assert_eq!(tensors::save(&read.generator, Dtype::F32).unwrap(), bytes(&model)[1]);
    }

    #[test]
    fn an_older_model_is_replaced_and_keeps_its_card() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("model");
        write_folder(&folder, &tiny(), Dtype::F32).unwrap();
        fs::write(folder.join(CARD_FILE), "mine").unwrap();
        write_folder(&folder, &Model { stream: None, ..tiny() }, Dtype::F16).unwrap();
        let read = read_folder(&folder, &Device::flex()).unwrap();
        assert!(read.stream.is_none());
        assert_eq!(read.config.dtype, Dtype::F16);
        assert_eq!(fs::read_to_string(folder.join(CARD_FILE)).unwrap(), "mine");
        assert_eq!(names(&folder), [CARD_FILE, CONFIG_FILE, GLAM_FILE, STEM_FILE, VOCABULARY_FILE]);
        assert_eq!(names(place.path()), ["model"]);
    }

    #[test]
    fn other_folders_are_left_alone() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("thesis.txt"), "precious").unwrap();
        assert!(matches!(write_folder(place.path(), &tiny(), Dtype::F32), Err(Error::BadInput(_))));
        assert_eq!(names(place.path()), ["thesis.txt"]);
    }

    #[test]
    fn the_folder_of_a_training_is_told_from_other_folders_without_a_model() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for name in ["run/gan/checkpoints/step-00000001", "begun/stem/checkpoints", "empty"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        // A checkpoint of STEM has a config.json of its own.
        for name in ["config.json", "state.json"] {
            fs::write(at("run/gan/checkpoints/step-00000001").join(name), "{}").unwrap();
        }
        fs::write(at("file"), "x").unwrap();
        let cases = [
            ("run", true),
            ("run/gan", true),
            ("run/gan/checkpoints/step-00000001", true),
            ("begun", true),
            ("empty", false),
            ("file", false),
        ];
        for (name, expected) in cases {
            let error = read_folder(&at(name), &Device::flex()).unwrap_err();
            assert!(matches!(&error, Error::NoModel { training, .. } if *training == expected), "{name}: {error}");
            assert_eq!(error.to_string().contains("the folder of a training"), expected, "{error}");
        }
        assert!(matches!(read_folder(&at("nowhere"), &Device::flex()), Err(Error::Io { .. })));
    }

    #[test]
    fn damaged_folders_are_refused_by_name() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("model");
        write_folder(&folder, &tiny(), Dtype::F32).unwrap();
        let glam = folder.join(GLAM_FILE);
        let mut content = fs::read(&glam).unwrap();
        let last = content.len() - 1;
        content[last] ^= 1;
        fs::write(&glam, content).unwrap();
        let error = read_folder(&folder, &Device::flex()).unwrap_err();
        assert!(matches!(&error, Error::Integrity { file, .. } if *file == glam.display().to_string()), "{error}");
        fs::remove_file(&glam).unwrap();
        let error = read_folder(&folder, &Device::flex()).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == glam), "{error}");
    }
}
