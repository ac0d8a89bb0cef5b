//! From an encoded picture to a square of RGB bytes.

use std::io::Cursor;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::imageops;
use image::{ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

/// Widest or highest picture that is decoded; a hostile header could ask for more memory than there is.
const MAX_SIDE: u32 = 16_384;

/// Most bytes that decoding one picture may take: 89 megapixels of RGB.
const MAX_ALLOC: u64 = 256 << 20;

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

/// Decodes a webp, jpg or png picture, cuts the square from its middle and scales it to `size` × `size` pixels.
///
/// Whole-number reductions average squares of pixels, as the network's own pyramid does; all others use Lanczos' filter. Grey and
/// CMYK become RGB, 16 bits a channel become 8, what is transparent is laid on white.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub fn decode_square(bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
    decode_square_within(bytes, None, size)
}

/// As [`decode_square`], of what [`Bounds::square`] leaves of the picture.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub fn decode_square_within(bytes: &[u8], bounds: Option<Bounds>, size: usize) -> Result<Vec<u8>, String> {
    let picture = decode(bytes)?;
    let (width, height) = picture.dimensions();
    let window = match bounds {
        None => [0, 0, width, height],
        Some(bounds) => {
            let [left, top, right, bottom] = bounds.square(width, height);
            if right <= left || bottom <= top {
                return Err(format!("the box {bounds:?} holds nothing of the picture of {width} × {height} pixels"));
            }
            [left, top, right - left, bottom - top].map(|edge| edge as u32)
        }
    };
    scale(&picture, middle(window), size)
}

fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    if bytes.is_empty() {
        return Err("there is no picture, or a file of 0 bytes".into());
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    match reader.format() {
        None if bytes.trim_ascii_start().starts_with(b"<") => {
            return Err("is a page of HTML or XML; expected a webp, jpg or png picture (was a download refused?)".into());
        }
        None => return Err("is no picture; expected webp, jpg or png".into()),
        // The decoder fills what is missing with grey instead of complaining.
        Some(ImageFormat::Jpeg) if !is_whole_jpeg(bytes) => return Err("is a jpg that ends early".into()),
        Some(_) => {}
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| match error {
        ImageError::Limits(error) => {
            format!("is too large: {error}; expected at most {MAX_SIDE} pixels a side and {} MB decoded", MAX_ALLOC >> 20)
        }
        error => error.to_string(),
    })?;
    if !picture.color().has_alpha() {
        return Ok(picture.into_rgb8());
    }
    let picture = picture.into_rgba8();
    let on_white = |value: u8, alpha: u8| ((u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255) as u8;
    Ok(RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, a] = picture.get_pixel(x, y).0;
        Rgb([r, g, b].map(|value| on_white(value, a)))
    }))
}

/// Whether an end mark (FF D9) follows the first scan. Marks in the segments before it are those of an embedded preview; in a scan
/// itself FF D9 cannot stand, as FF is followed by 00 there.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xff, kind]) = bytes.get(at..at + 2) {
        match kind {
            0xff => at += 1,
            0xd9 => return true,
            0xda => return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            _ => match bytes.get(at + 2..at + 4) {
                Some([high, low]) => at += 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2),
                _ => return false,
            },
        }
    }
    // Not a jpg as it should be: the decoder says what is wrong.
    at < bytes.len()
}

/// Left, top and side of the largest square in the middle of a window (left, top, width, height).
fn middle([left, top, width, height]: [u32; 4]) -> [u32; 3] {
    let side = width.min(height);
    [left + (width - side) / 2, top + (height - side) / 2, side]
}

fn scale(picture: &RgbImage, [left, top, side]: [u32; 3], size: usize) -> Result<Vec<u8>, String> {
    // Cut first: a resizer that is told of a window in a whole picture lets what lies around it bleed in.
    let square = imageops::crop_imm(picture, left, top, side, side).to_image();
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

    fn encode(picture: impl Into<image::DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_kind_of_pixel_becomes_rgb() {
        let grey = encode(image::GrayImage::from_pixel(4, 4, image::Luma([9])), ImageFormat::Png);
        assert_eq!(decode_square(&grey, 4).unwrap(), [9; 48]);
        let deep = image::ImageBuffer::<Rgb<u16>, _>::from_pixel(4, 4, Rgb([65535, 0, 257 * 7]));
        assert_eq!(decode_square(&encode(deep, ImageFormat::Png), 4).unwrap()[..3], [255, 0, 7]);
        for (alpha, expected) in [(0, [255, 255, 255]), (255, [200, 0, 100]), (51, [244, 204, 224])] {
            let clear = image::RgbaImage::from_pixel(4, 4, image::Rgba([200, 0, 100, alpha]));
            assert_eq!(decode_square(&encode(clear, ImageFormat::Png), 4).unwrap()[..3], expected);
        }
        let cmyk = include_bytes!("../../tests/fixtures/data/cmyk.jpg");
        let cyan = decode_square(cmyk, 8).unwrap();
        assert!(cyan[0] < 5 && cyan[1] > 250 && cyan[2] > 250, "{:?}", &cyan[..3]);
    }

    #[test]
    fn a_huge_picture_is_refused_before_it_is_decoded() {
        // A PNG header that claims what no one has memory for.
        let mut header = b"IHDR".to_vec();
        header.extend([0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff, 8, 2, 0, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&header);
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        bytes.extend(&header);
        bytes.extend(crc.sum().to_be_bytes());
        bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        let error = decode_square(&bytes, 8).unwrap_err();
        assert!(error.contains("too large"), "{error}");
    }

    #[test]
    fn what_is_cut_or_no_picture_is_told() {
        assert!(decode_square(b"", 8).unwrap_err().contains("0 bytes"));
        assert!(decode_square(b"not a picture at all", 8).unwrap_err().contains("no picture"));
        assert!(decode_square(b"\n<!DOCTYPE html><html>", 8).unwrap_err().contains("HTML"));
        let picture = RgbImage::from_fn(32, 32, |x, y| Rgb([8 * x as u8, 8 * y as u8, 7]));
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let bytes = encode(picture.clone(), format);
            assert!(decode_square(&bytes, 8).is_ok(), "{format:?}");
            for cut in [bytes.len() / 8, bytes.len() / 2, bytes.len() * 7 / 8] {
                assert!(decode_square(&bytes[..cut], 8).is_err(), "{format:?} cut to {cut}");
            }
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 0x5a;
                let _ = decode_square(&changed, 8);
            }
        }
    }
}
