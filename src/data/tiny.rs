//! A data set small enough to be learned by heart in a minute: drawn shapes, and captions that say what they are.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};

use crate::{Error, Result};

/// Pictures are this wide and high, in pixels.
pub const SIZE: u32 = 64;

const SHAPES: [&str; 3] = ["circle", "square", "triangle"];
const COLOURS: [(&str, [u8; 3]); 4] =
    [("red", [220, 30, 30]), ("yellow", [240, 210, 20]), ("green", [30, 160, 50]), ("blue", [30, 60, 210])];
const GROUNDS: [(&str, [u8; 3]); 2] = [("white", [245, 245, 245]), ("black", [15, 15, 15])];
const SIZES: [(&str, f32); 2] = [("small", 13.0), ("large", 26.0)];

/// A drawn picture and its caption.
#[derive(Debug, Clone)]
pub struct TinySample {
    /// Name in the shard.
    pub key: String,
    /// The drawing.
    pub picture: RgbImage,
    /// What it shows; one caption, so that STREAM has one right answer.
    pub caption: String,
    /// Every combination of shape, colour, ground and size is a class.
    pub class_id: usize,
}

/// All 48 drawings, always the same.
pub fn samples() -> Vec<TinySample> {
    let mut samples = Vec::new();
    for shape in SHAPES {
        for (colour, rgb) in COLOURS {
            for (ground, ground_rgb) in GROUNDS {
                for (size, radius) in SIZES {
                    let class_id = samples.len();
                    samples.push(TinySample {
                        key: format!("tiny_{class_id:03}"),
                        picture: draw(shape, rgb, ground_rgb, radius),
                        caption: format!("a {size} {colour} {shape} on a {ground} ground"),
                        class_id,
                    });
                }
            }
        }
    }
    samples
}

fn draw(shape: &str, colour: [u8; 3], ground: [u8; 3], radius: f32) -> RgbImage {
    let middle = SIZE as f32 / 2.0;
    RgbImage::from_fn(SIZE, SIZE, |x, y| {
        // A small shift to the left and up, so that a mirrored picture is another one.
        let (dx, dy) = (x as f32 + 0.5 - middle + 2.0, y as f32 + 0.5 - middle + 1.0);
        let inside = match shape {
            "circle" => dx * dx + dy * dy < radius * radius,
            "square" => dx.abs().max(dy.abs()) < 0.85 * radius,
            _ => dy > -radius && dy < radius * 0.8 && dx.abs() < (dy + radius) * 0.55,
        };
        Rgb(if inside { colour } else { ground })
    })
}

/// Writes `tiny-train-000.tar` and `tiny-test-000.tar` into `folder`. Both hold the same pictures: what is asked of a model is to
/// learn them by heart.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    for name in ["tiny-train-000.tar", "tiny-test-000.tar"] {
        let path = folder.join(name);
        let bytes = shard().map_err(|error| Error::io(&path, error))?;
        crate::files::write(&path, &bytes)?;
    }
    Ok(())
}

fn shard() -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: String, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, name, content)
    };
    for sample in samples() {
        let mut png = Cursor::new(Vec::new());
        sample.picture.write_to(&mut png, ImageFormat::Png).map_err(std::io::Error::other)?;
        let json = serde_json::json!({ "captions": [sample.caption], "class_id": sample.class_id });
        add(format!("{}.png", sample.key), &png.into_inner())?;
        add(format!("{}.json", sample.key), json.to_string().as_bytes())?;
    }
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataOptions, Dataset, Split};

    #[test]
    fn shards_read_back_as_drawn() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let options = DataOptions { size: SIZE as usize, max_skipped: 0, ..Default::default() };
        let train = Dataset::open(&[folder.path().to_path_buf()], Split::Train, &options).unwrap();
        let drawn = samples();
        assert_eq!(train.len(), drawn.len());
        assert_eq!(*train.samples[5].image().unwrap(), *drawn[5].picture.as_raw());
        assert_eq!(train.samples[5].captions[0], drawn[5].caption);
        assert_eq!(train.samples[5].class_id, Some(5));
    }

    #[test]
    fn no_two_pictures_are_alike() {
        let mut pictures: Vec<_> = samples().into_iter().map(|sample| sample.picture.into_raw()).collect();
        pictures.sort_unstable();
        pictures.dedup();
        assert_eq!(pictures.len(), 48);
    }
}
