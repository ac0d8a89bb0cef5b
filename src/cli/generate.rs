//! `mirrorgan generate`: pictures of a prompt.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use image::RgbaImage;
use serde_json::json;

use super::device::DeviceChoice;
use crate::glam::GeneratorConfig;
use crate::model;
use crate::nn::Precision;
use crate::picture::file::{grid, to_image, write as write_picture};
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
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// A .png file (several pictures become a grid), or a folder.
    #[arg(long)]
    out: PathBuf,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
    /// What the generator computes in, where the device has it.
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
}

/// Runs the command.
pub fn run(args: GenerateArgs) -> anyhow::Result<()> {
    let device = args.device.open()?;
    let model = model::read_folder(&args.model, &device)?;
    let engine = Engine::new(model, device)?.with_precision(args.precision)?;
    let noise = args.towards.zip(args.position).map(|(seed, position)| NoiseSource::Towards { seed, position });
    let stages = args.size.map(|size| stages(&engine, size)).transpose()?;
    let options = GenerateOptions { seed: args.seed, noise, count: args.count, stages, caption: args.caption };
    let start = Instant::now();
    let generation = block_on(engine.generate(&args.prompt, &options, async |event| {
        if !args.json {
            let size = event.image.width();
            eprintln!("picture {} of {}: {size} px after {} ms", event.picture + 1, args.count, start.elapsed().as_millis());
        }
        Ok(())
    }))?;
    let milliseconds = start.elapsed().as_millis() as u64;
    let files = write(&args, &generation)?;
    report(&args, &generation, &files, milliseconds);
    Ok(())
}

/// The number of stages that end at a size.
fn stages(engine: &Engine, size: usize) -> anyhow::Result<usize> {
    let sizes: Vec<usize> = (0..engine.model().generator.stages()).map(GeneratorConfig::picture_size).collect();
    let stage = sizes.iter().position(|offered| *offered == size);
    stage.map(|stage| stage + 1).with_context(|| format!("--size {size}: this model draws {sizes:?} px"))
}

fn write(args: &GenerateArgs, generation: &Generation) -> anyhow::Result<Vec<PathBuf>> {
    let known: Vec<&str> = generation.tokens.iter().filter(|t| t.known).map(|t| t.word.as_str()).collect();
    let sheets: Vec<Vec<(String, RgbaImage)>> = generation.pictures.iter().map(|picture| sheet(args, picture, &known)).collect();
    if args.out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
        let columns = if args.stages || args.attention { sheets[0].len() } else { (sheets.len() as f64).sqrt().ceil() as usize };
        let images: Vec<RgbaImage> = sheets.into_iter().flatten().map(|(_, image)| image).collect();
        let image = if let [only] = images.as_slice() { only.clone() } else { grid(&images, columns) };
        write_picture(&image, &args.out)?;
        return Ok(vec![args.out.clone()]);
    }
    let mut files = Vec::new();
    for (index, sheet) in sheets.iter().enumerate() {
        for (name, image) in sheet {
            files.push(args.out.join(format!("{index:02}{name}.png")));
            write_picture(image, Path::new(files.last().expect("just pushed")))?;
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

fn report(args: &GenerateArgs, generation: &Generation, files: &[PathBuf], milliseconds: u64) {
    if args.json {
        let captions: Vec<_> = generation.pictures.iter().map(|picture| &picture.caption).collect();
        let value = json!({
            "prompt": args.prompt, "seed": args.seed, "tokens": generation.tokens,
            "captions": captions, "files": files, "milliseconds": milliseconds,
        });
        println!("{value}");
        return;
    }
    let unknown: Vec<&str> = generation.tokens.iter().filter(|t| !t.known).map(|t| t.word.as_str()).collect();
    if !unknown.is_empty() {
        eprintln!("left out, unknown to the model: {}", unknown.join(", "));
    }
    for caption in generation.pictures.iter().filter_map(|picture| picture.caption.as_ref()) {
        println!("{}", caption.text);
    }
    match files {
        [only] => eprintln!("wrote {}", only.display()),
        _ => eprintln!("wrote {} files to {}", files.len(), args.out.display()),
    }
}
