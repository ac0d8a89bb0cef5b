//! Pictures as files, and many pictures as one.

// The floors above read, write and mark more than drawing does.
#![cfg_attr(not(feature = "lab"), allow(dead_code))]

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage, Rgba, RgbaImage, imageops};

use super::Picture;
use crate::{Error, Result, files};

/// Pixels between the pictures of a grid.
const GAP: u32 = 4;

/// The picture in the form of the `image` crate.
pub fn to_image(picture: &Picture) -> RgbaImage {
    RgbaImage::from_fn(picture.width() as u32, picture.height() as u32, |x, y| {
        let at = 4 * (y as usize * picture.width() + x as usize);
        let [r, g, b, a] = [0, 1, 2, 3].map(|channel| picture.rgba()[at + channel]);
        Rgba([r, g, b, a])
    })
}

/// Writes a picture in the format of the path's ending, PNG where there is none; the folder it goes to is made.
///
/// # Errors
/// [`Error::BadInput`] for the ending of no format that is known; [`Error::Io`] naming the file, and an older picture stays.
pub fn write(image: &RgbaImage, path: &Path) -> Result<()> {
    write_with(image, format_of(path)?, &[], path)
}

/// The format that a path's ending names, PNG where there is none.
///
/// # Errors
/// [`Error::BadInput`] for the ending of no format that is written.
pub fn format_of(path: &Path) -> Result<ImageFormat> {
    let known = match path.extension() {
        None => Some(ImageFormat::Png),
        Some(ending) => ImageFormat::from_extension(ending),
    };
    known
        .filter(|format| matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP))
        .ok_or_else(|| Error::BadInput(format!("{}: expected a name that ends in .png, .jpg or .webp", path.display())))
}

/// Writes a picture in `format`; PNG files carry `texts`, each with its keyword (PNG specification, 11.3.3.4 iTXt).
///
/// # Errors
/// [`Error::Io`] naming the file, and an older picture stays.
pub fn write_with(image: &RgbaImage, format: ImageFormat, texts: &[(&str, String)], path: &Path) -> Result<()> {
    let bytes = match format {
        ImageFormat::Png if !texts.is_empty() => png_with(image, texts).map_err(std::io::Error::other),
        format => encode(image, format).map_err(std::io::Error::other),
    };
    files::write(path, &bytes.map_err(|error| Error::io(path, error))?)
}

/// The bytes of a PNG with texts.
fn png_with(image: &RgbaImage, texts: &[(&str, String)]) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width(), image.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    for (keyword, text) in texts {
        encoder.add_itxt_chunk(keyword.to_string(), text.clone())?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(image.as_raw())?;
    writer.finish()?;
    Ok(bytes)
}

/// The bytes of a picture's file.
fn encode(image: &RgbaImage, format: ImageFormat) -> image::ImageResult<Vec<u8>> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    match format {
        // JPEG knows no transparency.
        ImageFormat::Jpeg => image::DynamicImage::from(image.clone()).to_rgb8().write_to(&mut bytes, format)?,
        _ => image.write_to(&mut bytes, format)?,
    }
    Ok(bytes.into_inner())
}

/// The bytes of a JPEG, small and good enough to look at; `quality` is 1 to 100.
///
/// # Errors
/// [`Error::BadInput`] for sides of more than 65,535 pixels.
pub fn jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    image.write_with_encoder(encoder).map_err(|error| Error::BadInput(format!("a picture cannot be a JPEG: {error}")))?;
    Ok(bytes)
}

impl Picture {
    /// Reads a PNG, JPEG or WebP file, turned as its EXIF orientation says.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read; [`Error::BadData`] that names it for one that is no picture, cut off or too large.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        super::read::from_file(path.as_ref())
    }

    /// Writes a file in the format of its ending, PNG where there is none; the folder it goes to is made.
    ///
    /// # Errors
    /// [`Error::BadInput`] for the ending of another format than PNG, JPEG or WebP; [`Error::Io`], and an older file stays.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write(&to_image(self), path.as_ref())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_read_as_it_was_written() {
        let place = tempfile::tempdir().unwrap();
        let pixels = [255, 0, 0, 255, 0, 255, 0, 255];
        let picture = Picture::from_rgba(2, 1, pixels.to_vec()).unwrap();
        let path = place.path().join("deep/two.png");
        picture.save(&path).unwrap();
        assert_eq!(Picture::open(&path).unwrap(), picture);
        std::fs::write(&path, "<!doctype html>").unwrap();
        let error = Picture::open(&path).unwrap_err();
        assert!(matches!(&error, Error::BadData { file, .. } if file.contains("two.png")), "{error}");
        assert!(matches!(Picture::open(place.path().join("none.png")), Err(Error::Io { .. })));
    }

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
    fn pictures_are_written_in_the_format_of_their_name() {
        let place = tempfile::tempdir().unwrap();
        let picture = RgbaImage::from_pixel(8, 8, Rgba([200, 100, 50, 255]));
        for (name, format) in [("a.png", ImageFormat::Png), ("deep/b.jpg", ImageFormat::Jpeg), ("c.webp", ImageFormat::WebP)] {
            let path = place.path().join(name);
            write(&picture, &path).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(image::guess_format(&bytes).unwrap(), format);
            let red = image::load_from_memory(&bytes).unwrap().to_rgba8().get_pixel(3, 3)[0];
            assert!(red.abs_diff(200) <= 3, "{name}: {red}");
        }
        for name in ["d.txt", "d.gif", "d.bmp"] {
            assert!(matches!(write(&picture, &place.path().join(name)), Err(Error::BadInput(_))), "{name}");
        }
    }

    #[test]
    fn a_png_carries_its_texts_and_the_same_pixels() {
        let place = tempfile::tempdir().unwrap();
        let picture = RgbaImage::from_fn(9, 7, |x, y| Rgba([x as u8 * 20, y as u8 * 30, 7, 255]));
        let path = place.path().join("a.png");
        let texts = [("Title", "a röd 花 🌸".to_string()), ("mirrorgan", "{\"seed\":7}".to_string())];
        write_with(&picture, ImageFormat::Png, &texts, &path).unwrap();
        let reader = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap())).read_info().unwrap();
        let found: Vec<_> =
            reader.info().utf8_text.iter().map(|chunk| (chunk.keyword.clone(), chunk.compressed, chunk.get_text().unwrap())).collect();
        let expected: Vec<_> = texts.iter().map(|(keyword, text)| (keyword.to_string(), false, text.clone())).collect();
        assert_eq!(found, expected);
        assert_eq!(image::open(&path).unwrap().to_rgba8(), picture);
    }
}
