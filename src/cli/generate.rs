//! `mirrorgan generate`: pictures of a prompt.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use image::{ImageFormat, RgbaImage};
use serde_json::json;

use super::device::{DeviceName, TokenArgs};
use super::print;
use crate::Error;
use crate::glam::GeneratorConfig;
use crate::model::{self, GLAM_FILE, ModelConfig};
use crate::nn::Precision;
use crate::picture::file::{format_of, grid, to_image, write_with as write_picture};
use crate::picture::overlay::attended;
use crate::pipeline::{Engine, GenerateOptions, GeneratedPicture, Generation, NoiseSource, block_on};

/// Draw pictures of a prompt.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// What the pictures should show.
    prompt: String,
    /// Model folder.
    #[arg(long)]
    model: PathBuf,
    /// Where the noise starts: the same seed gives the same picture.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Draw with noise on the way to that of another seed.
    #[arg(long, value_name = "SEED", requires = "position")]
    towards: Option<u64>,
    /// How far on that way, from 0 to 1.
    #[arg(long, requires = "towards")]
    position: Option<f32>,
    /// How many pictures.
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Stop at this height in pixels, 64 for a sketch; by default the last stage's.
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// Write the pictures of every stage, not the last one only.
    #[arg(long)]
    stages: bool,
    /// Write where each stage looked for each word.
    #[arg(long)]
    attention: bool,
    /// Describe each picture.
    #[arg(long)]
    caption: bool,
    /// Let every place of the picture look at all words alike, to see what attention does
    #[arg(long)]
    even_attention: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// A .png, .jpg or .webp file (several pictures become a grid), or a folder of .png files: a name without an ending, or with / behind it.
    #[arg(long)]
    out: PathBuf,
    /// Where to compute.
    #[arg(long, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    token: TokenArgs,
    /// What the generator computes in, where the device has it.
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
}

/// Runs the command.
pub fn run(args: GenerateArgs) -> anyhow::Result<()> {
    // Before anything is drawn that could not be written.
    let place = Place::of(&args.out)?;
    let device = args.device.open(&args.token)?;
    let read = if args.caption { model::read_folder } else { model::read_to_draw };
    let model = read(&args.model, &device)?;
    let engine = Engine::new(model, device)?.with_precision(args.precision)?;
    let noise = args.towards.zip(args.position).map(|(seed, position)| NoiseSource::Towards { seed, position });
    let stages = args.size.map(|size| stages(&engine, size)).transpose()?;
    let options =
        GenerateOptions { seed: args.seed, noise, count: args.count, stages, caption: args.caption, attention: !args.even_attention };
    let start = Instant::now();
    let generation = block_on(engine.generate(&args.prompt, &options, async |event| {
        if !args.json {
            let size = event.image.width();
            let (number, milliseconds) = (event.picture + 1, start.elapsed().as_millis());
            print::note(format_args!("picture {number} of {}: {size} px after {milliseconds} ms", args.count));
        }
        Ok(())
    }))?;
    let milliseconds = start.elapsed().as_millis() as u64;
    let files = write(&args, place, &engine.model().config, &generation)?;
    report(&args, &generation, &files, milliseconds)
}

/// The number of stages that end at a size.
fn stages(engine: &Engine, size: usize) -> anyhow::Result<usize> {
    let sizes: Vec<usize> = (0..engine.model().generator.stages()).map(GeneratorConfig::picture_size).collect();
    let stage = sizes.iter().position(|offered| *offered == size);
    stage.map(|stage| stage + 1).with_context(|| format!("--size {size}: this model draws {sizes:?} px"))
}

/// What `--out` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// One file, of this format.
    File(ImageFormat),
    /// A folder of PNG files.
    Folder,
}

impl Place {
    /// A folder is one that is there, a name without an ending, or one with a slash behind it. Everything else is a file in the format of its
    /// ending; a pipe or a device gets a PNG where its name says nothing.
    ///
    /// # Errors
    /// [`Error::BadInput`] for endings of other formats.
    fn of(out: &Path) -> crate::Result<Self> {
        let slash = out.as_os_str().to_string_lossy().ends_with(['/', std::path::MAIN_SEPARATOR]);
        let found = fs::metadata(out).ok();
        match (found, format_of(out)) {
            (Some(found), _) if found.is_dir() => Ok(Self::Folder),
            (Some(found), Ok(format)) if !found.is_file() => Ok(Self::File(format)),
            (Some(found), Err(_)) if !found.is_file() => Ok(Self::File(ImageFormat::Png)),
            (None, _) if slash || out.extension().is_none() => Ok(Self::Folder),
            (_, Ok(format)) => Ok(Self::File(format)),
            (_, Err(Error::BadInput(message))) => {
                Err(Error::BadInput(format!("{message}, or a folder: a name without an ending, or with / behind it")))
            }
            (_, Err(error)) => Err(error),
        }
    }
}

/// What a picture says it was drawn from: the same texts in PNG files as the demo writes and reads (`www/png.js`).
///
/// Only what one picture of a seed shows is named so that it can be drawn again by prompt and seed alone; of others it is said which one, or how
/// many, it is.
fn texts(args: &GenerateArgs, model: &ModelConfig, picture: Option<usize>) -> Vec<(&'static str, String)> {
    let version = env!("CARGO_PKG_VERSION");
    let weights = model.files.get(GLAM_FILE).and_then(|file| file.sha256.get(..12));
    // What the demo knows a model by.
    let folder = fs::canonicalize(&args.model).ok().and_then(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()));
    let name = folder.unwrap_or_else(|| model.name.clone());
    let mut drawn = json!({ "prompt": args.prompt, "seed": args.seed, "model": name, "weights": weights, "version": version });
    for (name, value) in [("towards", json!(args.towards)), ("position", json!(args.position)), ("size", json!(args.size))] {
        if !value.is_null() {
            drawn[name] = value;
        }
    }
    // Prompt and seed draw another picture where the noise is another, or there are more stages.
    let plain = args.towards.is_none() && args.size.is_none();
    let keyword = match picture {
        Some(0) if plain => "mirrorgan",
        Some(picture) => {
            drawn["picture"] = picture.into();
            "mirrorgan-picture"
        }
        None => {
            drawn["count"] = args.count.into();
            "mirrorgan-pictures"
        }
    };
    vec![("Title", args.prompt.clone()), ("Software", format!("MirrorGAN {version}")), (keyword, drawn.to_string())]
}

fn write(args: &GenerateArgs, place: Place, model: &ModelConfig, generation: &Generation) -> anyhow::Result<Vec<PathBuf>> {
    let known: Vec<&str> = generation.tokens.iter().filter(|t| t.known).map(|t| t.word.as_str()).collect();
    let sheets: Vec<Vec<(String, RgbaImage)>> = generation.pictures.iter().map(|picture| sheet(args, picture, &known)).collect();
    if let Place::File(format) = place {
        let columns = if args.stages || args.attention { sheets[0].len() } else { (sheets.len() as f64).sqrt().ceil() as usize };
        let drawn = texts(args, model, (sheets.len() == 1).then_some(0));
        let images: Vec<RgbaImage> = sheets.into_iter().flatten().map(|(_, image)| image).collect();
        let image = if let [only] = images.as_slice() { only.clone() } else { grid(&images, columns) };
        write_picture(&image, format, &drawn, &args.out)?;
        return Ok(vec![args.out.clone()]);
    }
    let mut files = Vec::new();
    for (index, sheet) in sheets.iter().enumerate() {
        let drawn = texts(args, model, Some(index));
        for (name, image) in sheet {
            let path = args.out.join(format!("{index:02}{name}.png"));
            write_picture(image, ImageFormat::Png, &drawn, &path)?;
            files.push(path);
        }
    }
    Ok(files)
}

/// The images to write for one picture, with the end of their file names.
fn sheet(args: &GenerateArgs, picture: &GeneratedPicture, words: &[&str]) -> Vec<(String, RgbaImage)> {
    let last = picture.stages.len().saturating_sub(1);
    let mut images = Vec::new();
    for event in &picture.stages {
        let image = to_image(&event.image);
        if args.attention {
            let map = event.attention.as_ref();
            images.extend(map.into_iter().flat_map(|map| {
                words
                    .iter()
                    .take(map.words)
                    .enumerate()
                    .map(|(index, word)| (format!("-{}-{index:02}-{word}", event.image.width()), attended(&image, map, index)))
            }));
        }
        if args.stages {
            images.push((format!("-{}", event.image.width()), image));
        } else if event.stage == last {
            images.push((String::new(), image));
        }
    }
    images
}

fn report(args: &GenerateArgs, generation: &Generation, files: &[PathBuf], milliseconds: u64) -> anyhow::Result<()> {
    if args.json {
        let captions: Vec<_> = generation.pictures.iter().map(|picture| &picture.caption).collect();
        let value = json!({
            "prompt": args.prompt, "seed": args.seed, "tokens": generation.tokens,
            "captions": captions, "files": files, "milliseconds": milliseconds,
        });
        print::raw(&format!("{value}\n"))?;
        return Ok(());
    }
    let unknown: Vec<&str> = generation.tokens.iter().filter(|t| !t.known).map(|t| t.word.as_str()).collect();
    if !unknown.is_empty() {
        print::note(format_args!("left out, unknown to the model: {}", unknown.join(", ")));
    }
    for caption in generation.pictures.iter().filter_map(|picture| picture.caption.as_ref()) {
        print::line(&caption.text)?;
    }
    match files {
        [only] => print::note(format_args!("wrote {}", only.display())),
        _ => print::note(format_args!("wrote {} files to {}", files.len(), args.out.display())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_out_says_what_is_written() {
        let place = tempfile::tempdir().unwrap();
        let of = |name: &str| Place::of(&place.path().join(name));
        let formats =
            [("a.png", ImageFormat::Png), ("a.PNG", ImageFormat::Png), ("a.jpg", ImageFormat::Jpeg), ("a.jpeg", ImageFormat::Jpeg)];
        for (name, format) in formats.into_iter().chain([("b/c.webp", ImageFormat::WebP)]) {
            assert_eq!(of(name).unwrap(), Place::File(format), "{name}");
        }
        fs::create_dir(place.path().join("there.jpg")).unwrap();
        for name in ["pictures", "a.gif/", "there.jpg", ".hidden", "b.c/d"] {
            assert_eq!(of(name).unwrap(), Place::Folder, "{name}");
        }
        for name in ["a.gif", "a.tiff", "a.heic", "a.txt", "a.jpgg", "a.v2"] {
            let error = of(name).unwrap_err();
            assert!(
                matches!(&error, Error::BadInput(message) if message.contains(".webp") && message.contains("folder")),
                "{name}: {error}"
            );
        }
        #[cfg(unix)]
        assert_eq!(Place::of(Path::new("/dev/null")).unwrap(), Place::File(ImageFormat::Png));
    }
}
