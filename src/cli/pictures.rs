//! Pictures as files: PNG out, PNG, JPEG and WebP in, grids, attention over a picture.

use std::path::Path;

use anyhow::Context;
use image::{Rgba, RgbaImage, imageops};

use crate::pipeline::{AttentionMap, Picture};

/// Pixels between the pictures of a grid.
const GAP: u32 = 4;

/// Reads a picture of any size.
pub fn read(path: &Path) -> anyhow::Result<Picture> {
    let image = image::ImageReader::open(path)
        .with_context(|| format!("{}", path.display()))?
        .with_guessed_format()
        .with_context(|| format!("{}", path.display()))?
        .decode()
        .with_context(|| format!("{} is not a PNG, JPEG or WebP picture", path.display()))?
        .to_rgba8();
    let (width, height) = image.dimensions();
    Ok(Picture::from_rgba(width as usize, height as usize, image.into_raw())?)
}

/// The picture in the form of the `image` crate.
pub fn to_image(picture: &Picture) -> RgbaImage {
    RgbaImage::from_fn(picture.width() as u32, picture.height() as u32, |x, y| {
        let at = 4 * (y as usize * picture.width() + x as usize);
        let [r, g, b, a] = [0, 1, 2, 3].map(|channel| picture.rgba()[at + channel]);
        Rgba([r, g, b, a])
    })
}

/// Writes a PNG; the folder it goes to is made.
pub fn write(image: &RgbaImage, path: &Path) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    image.save(path).with_context(|| format!("{} could not be written", path.display()))
}

/// Pictures side by side, `columns` in a row, each scaled to the size of the largest one by repeating pixels.
pub fn grid(images: &[RgbaImage], columns: usize) -> RgbaImage {
    let size = images.iter().map(|image| image.width().max(image.height())).max().unwrap_or(1);
    let columns = columns.clamp(1, images.len().max(1));
    let rows = images.len().div_ceil(columns).max(1);
    let side = |count: usize| count as u32 * (size + GAP) - GAP;
    let mut canvas = RgbaImage::from_pixel(side(columns), side(rows), Rgba([255; 4]));
    for (index, image) in images.iter().enumerate() {
        let scaled = imageops::resize(image, size, size, imageops::FilterType::Nearest);
        let (x, y) = ((index % columns) as u32 * (size + GAP), (index / columns) as u32 * (size + GAP));
        imageops::replace(&mut canvas, &scaled, i64::from(x), i64::from(y));
    }
    canvas
}

/// `picture` darkened where word number `word` was not attended to; the brightest point is the most attended one.
pub fn attended(picture: &RgbaImage, map: &AttentionMap, word: usize) -> RgbaImage {
    let weights = &map.weights[word * map.size * map.size..(word + 1) * map.size * map.size];
    let largest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let mut out = picture.clone();
    let scale = picture.width() as usize / map.size.max(1);
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let at = (y as usize / scale.max(1)).min(map.size - 1) * map.size + (x as usize / scale.max(1)).min(map.size - 1);
        let light = 0.15 + 0.85 * weights[at] / largest;
        for channel in 0..3 {
            pixel[channel] = (f32::from(pixel[channel]) * light).round() as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_keeps_every_picture() {
        let colours = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]];
        let images = colours.map(|colour| RgbaImage::from_pixel(2, 2, Rgba(colour)));
        let grid = grid(&images, 2);
        assert_eq!(grid.dimensions(), (2 + GAP + 2, 2 + GAP + 2));
        assert_eq!(grid.get_pixel(0, 0).0, colours[0]);
        assert_eq!(grid.get_pixel(2 + GAP, 0).0, colours[1]);
        assert_eq!(grid.get_pixel(0, 2 + GAP).0, colours[2]);
    }

    #[test]
    fn the_attended_point_stays_bright() {
        let picture = RgbaImage::from_pixel(4, 4, Rgba([200, 200, 200, 255]));
        let map = AttentionMap { words: 1, size: 2, weights: vec![1.0, 0.0, 0.0, 0.0] };
        let seen = attended(&picture, &map, 0);
        assert_eq!(seen.get_pixel(0, 0)[0], 200);
        assert_eq!(seen.get_pixel(3, 3)[0], 30);
    }
}
