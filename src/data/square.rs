//! From a picture to the square of RGB bytes that a data set keeps.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{RgbImage, imageops};

use crate::picture::read::{Decoded, on_white};

/// A box around what a picture shows: left, top, width and height in pixels, as CUB-200-2011 states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Left edge.
    pub x: i64,
    /// Upper edge.
    pub y: i64,
    /// Width.
    pub width: i64,
    /// Height.
    pub height: i64,
}

impl Bounds {
    /// Left, top, right and bottom of the square around the box that StackGAN and AttnGAN cut (`get_imgs`), clipped to a picture of
    /// `width` × `height` pixels: its centre is the box's, ⌊(2·x + w) / 2⌋, and its half-side ⌊0.75 · max(w, h)⌋.
    pub fn square(self, width: u32, height: u32) -> [i64; 4] {
        let half = self.width.max(self.height).saturating_mul(3) / 4;
        let (x, y) = (self.x.saturating_add(self.width / 2), self.y.saturating_add(self.height / 2));
        let (left, top) = (x.saturating_sub(half).max(0), y.saturating_sub(half).max(0));
        [left, top, x.saturating_add(half).min(width.into()), y.saturating_add(half).min(height.into())]
    }
}

/// Decodes a webp, jpg or png picture with `crate::picture::read`, cuts the square from its middle and scales it to `size` × `size`
/// pixels.
///
/// Whole-number reductions average squares of pixels, as the network's own pyramid does; all others use Lanczos' filter.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub fn decode_square(bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
    decode_square_within(bytes, None, size)
}

/// As [`decode_square`], of what [`Bounds::square`] leaves of the picture. The box is one of the pixels as they are stored: it is cut
/// before the picture is turned the right way up.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub fn decode_square_within(bytes: &[u8], bounds: Option<Bounds>, size: usize) -> Result<Vec<u8>, String> {
    let mut picture = Decoded::new(bytes)?;
    if let Some(bounds) = bounds {
        let (width, height) = (picture.stored.width(), picture.stored.height());
        let [left, top, right, bottom] = bounds.square(width, height);
        if right <= left || bottom <= top {
            return Err(format!("the box {bounds:?} holds nothing of the picture of {width} × {height} pixels"));
        }
        let [x, y, width, height] = [left, top, right - left, bottom - top].map(|edge| edge as u32);
        picture.stored = picture.stored.crop_imm(x, y, width, height);
    }
    scale(&on_white(picture.upright()), size)
}

/// The largest square in the middle, at `size` × `size` pixels.
fn scale(picture: &RgbImage, size: usize) -> Result<Vec<u8>, String> {
    let (width, height) = picture.dimensions();
    let side = width.min(height);
    // Cut first: a resizer that is told of a window in a whole picture lets what lies around it bleed in.
    let square = imageops::crop_imm(picture, (width - side) / 2, (height - side) / 2, side, side).to_image();
    if (side as usize).is_multiple_of(size) {
        return Ok(reduce(square.as_raw(), side as usize, side as usize / size));
    }
    let source = ImageRef::new(side, side, square.as_raw(), PixelType::U8x3).map_err(|error| error.to_string())?;
    let mut scaled = Image::new(size as u32, size as u32, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(&source, &mut scaled, &options).map_err(|error| error.to_string())?;
    Ok(scaled.into_vec())
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
        let mut bytes = std::io::Cursor::new(Vec::new());
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

    /// What lies outside the square must not bleed into its edges.
    #[test]
    fn a_resized_square_is_that_of_the_square_alone() {
        let colour = |x: u32, y: u32| [(x * 37 % 256) as u8, (y * 91 % 256) as u8, ((x + y) * 13 % 256) as u8];
        let wide = png(31, 19, |x, y| if (6..25).contains(&x) { colour(x - 6, y) } else { [255, 0, 255] });
        let square = png(19, 19, colour);
        assert_eq!(decode_square(&wide, 8).unwrap(), decode_square(&square, 8).unwrap());
        let image = image::load_from_memory(&square).unwrap().into_rgb8();
        let reference = imageops::resize(&image, 8, 8, imageops::FilterType::Lanczos3).into_raw();
        let difference = decode_square(&square, 8).unwrap().iter().zip(&reference).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(difference <= Some(1), "{difference:?}");
    }

    /// What a box was drawn around lies where the pixels are stored, whatever EXIF says of them.
    #[test]
    fn a_box_is_cut_before_the_picture_is_turned() {
        // Red, green and blue columns of 16 pixels, which a quarter turn makes rows.
        let stored = RgbImage::from_fn(48, 16, |x, _| image::Rgb([[255, 0, 0], [0, 255, 0], [0, 0, 255]][x as usize / 16]));
        let turned = crate::picture::read::turned_jpeg(&stored, 6);
        let around = Bounds { x: 18, y: 4, width: 8, height: 8 };
        let square = decode_square_within(&turned, Some(around), 4).unwrap();
        assert!(square.chunks(3).all(|pixel| pixel[0] < 60 && pixel[1] > 200 && pixel[2] < 60), "{square:?}");
        let half = Bounds { x: 8, y: 0, width: 16, height: 16 };
        let square = decode_square_within(&turned, Some(half), 2).unwrap();
        assert!(square[0] > 120 && square[9 + 1] > 120, "red is above green: {square:?}");
        let outside = Bounds { x: 90, y: 0, width: 4, height: 4 };
        assert!(decode_square_within(&turned, Some(outside), 2).unwrap_err().contains("holds nothing"));
    }

    #[test]
    fn what_no_one_can_read_is_refused_here_too() {
        assert!(decode_square(b"\n<!DOCTYPE html><html>", 8).unwrap_err().contains("HTML"));
        let whole = crate::picture::read::turned_jpeg(&RgbImage::from_pixel(8, 8, image::Rgb([1, 2, 3])), 1);
        assert_eq!(decode_square(&whole[..whole.len() - 4], 8).unwrap_err(), "is a jpg that ends early");
    }
}
