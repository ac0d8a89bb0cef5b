//! `mirrorgan match`: how well pictures and a text match, and where in them each word is found.

use std::path::{Path, PathBuf};

use clap::Args;
use image::imageops::crop_imm;
use serde_json::json;

use super::device::{DeviceName, TokenArgs};
use super::pictures::each;
use super::print;
use crate::model;
use crate::picture::file::{to_image, write as write_picture};
use crate::picture::overlay::attended;
use crate::pipeline::{Engine, Picture, TextMatch};

/// Tell how well pictures and a text match, and where in them each word is found.
#[derive(Debug, Args)]
pub struct MatchArgs {
    /// PNG, JPEG or WebP files.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// What they should show.
    #[arg(long)]
    text: String,
    /// Model folder; one with damsm.safetensors.
    #[arg(long)]
    model: PathBuf,
    /// A folder for each picture's middle square as each word sees it.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
    /// Where to compute.
    #[arg(long, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    token: TokenArgs,
}

/// Runs the command: every readable picture is matched, and the command fails if one was not readable.
pub fn run(args: MatchArgs) -> anyhow::Result<()> {
    let device = args.device.open(&args.token)?;
    let engine = Engine::new(model::read_folder(&args.model, &device)?, device)?;
    each(&args.images, |index, path, picture| {
        let found = engine.compare(picture, &args.text)?;
        let words: Vec<&str> = found.tokens.iter().filter(|token| token.known).map(|token| token.word.as_str()).collect();
        if let Some(folder) = &args.out {
            write(folder, index, picture, &found, &words)?;
        }
        let figures = words.iter().zip(&found.words);
        let reader = if args.json {
            let words: Vec<_> = figures.map(|(word, similarity)| json!({ "word": word, "similarity": similarity })).collect();
            let told = json!({ "file": path, "text": args.text, "similarity": found.similarity, "words": words });
            print::raw(&format!("{told}\n"))?
        } else {
            let words: Vec<String> = figures.map(|(word, similarity)| format!("{word} {similarity:.2}")).collect();
            print::line(format_args!("{}: {:.3} ({})", path.display(), found.similarity, words.join(", ")))?
        };
        Ok(reader)
    })
}

/// The middle square of a picture, darkened where a word was not found, for each word.
fn write(folder: &Path, index: usize, picture: &Picture, found: &TextMatch, words: &[&str]) -> anyhow::Result<()> {
    let image = to_image(picture);
    let side = image.width().min(image.height());
    let square = crop_imm(&image, (image.width() - side) / 2, (image.height() - side) / 2, side, side).to_image();
    for (number, word) in words.iter().enumerate().take(found.places.words) {
        write_picture(&attended(&square, &found.places, number), &folder.join(format!("{index:02}-{number:02}-{word}.png")))?;
    }
    Ok(())
}
