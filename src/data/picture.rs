//! From an encoded picture to a square of RGB bytes.

use std::io::Cursor;

use image::imageops::{self, FilterType};
use image::{ImageReader, Limits, RgbImage};

/// Widest or highest picture that is decoded; a hostile header could ask for more memory than there is.
const MAX_SIDE: u32 = 16_384;

/// Decodes a webp, jpg or png picture, cuts the square from its middle and scales it to `size` × `size` pixels.
///
/// Whole-number reductions average squares of pixels, as the network's own pyramid does; all others use Lanczos' filter.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub fn decode_square(bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
    if bytes.is_empty() {
        return Err("there is no picture".into());
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| error.to_string())?.into_rgb8();
    Ok(scale(&crop(picture), size))
}

fn crop(picture: RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    if width == height {
        return picture;
    }
    let side = width.min(height);
    imageops::crop_imm(&picture, (width - side) / 2, (height - side) / 2, side, side).to_image()
}

fn scale(square: &RgbImage, size: usize) -> Vec<u8> {
    let side = square.width() as usize;
    if side == size {
        square.as_raw().clone()
    } else if side.is_multiple_of(size) {
        reduce(square.as_raw(), side, side / size)
    } else {
        imageops::resize(square, size as u32, size as u32, FilterType::Lanczos3).into_raw()
    }
}

/// Averages squares of `factor` × `factor` pixels of a square RGB picture of `side` pixels, rounding to the nearest.
pub(super) fn reduce(pixels: &[u8], side: usize, factor: usize) -> Vec<u8> {
    if factor == 1 {
        return pixels.to_vec();
    }
    let size = side / factor;
    let area = (factor * factor) as u32;
    let mut output = Vec::with_capacity(size * size * 3);
    for y in 0..size {
        for x in 0..size {
            for channel in 0..3 {
                let mut sum = 0u32;
                for row in 0..factor {
                    let start = ((y * factor + row) * side + x * factor) * 3 + channel;
                    sum += pixels[start..].iter().step_by(3).take(factor).map(|v| u32::from(*v)).sum::<u32>();
                }
                output.push(((sum + area / 2) / area) as u8);
            }
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb(colour(x, y)));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn the_middle_square_is_cut_and_averaged() {
        // 8 × 4: the middle columns 2..6 hold 10·x.
        let bytes = png(8, 4, |x, _| [10 * x as u8, 0, 255]);
        assert_eq!(decode_square(&bytes, 2).unwrap()[..6], [25, 0, 255, 45, 0, 255]);
    }

    #[test]
    fn other_sizes_are_resized() {
        let bytes = png(5, 5, |_, _| [1, 2, 3]);
        assert_eq!(decode_square(&bytes, 7).unwrap(), [1, 2, 3].repeat(49));
    }

    #[test]
    fn garbage_is_refused() {
        assert!(decode_square(b"", 8).is_err());
        assert!(decode_square(b"not a picture at all", 8).is_err());
        let bytes = png(16, 16, |x, y| [x as u8, y as u8, 7]);
        assert!(decode_square(&bytes[..bytes.len() / 2], 8).is_err());
    }
}
