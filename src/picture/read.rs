//! The one reader of encoded pictures: what training, evaluation and `caption` see of a file, and what all of them refuse.

// The floors above read, write and mark more than drawing does.
#![cfg_attr(not(feature = "lab"), allow(dead_code))]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits, Rgb, RgbImage};

use super::Picture;
use crate::{Error, Result};

/// Longest file that is read: no photograph comes near it, and a folder can hold anything.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// Widest or highest picture that is decoded; a hostile header could ask for more memory than there is.
const MAX_SIDE: u32 = 16_384;

/// Most bytes that decoding one picture may take: 89 megapixels of RGB.
const MAX_ALLOC: u64 = 256 << 20;

/// A picture as its file stores it.
#[derive(Debug)]
pub struct Decoded {
    /// The pixels, which a camera may have stored lying on their side.
    pub stored: DynamicImage,
    /// How they have to be turned, as EXIF says.
    pub orientation: Orientation,
}

impl Decoded {
    /// Reads a webp, jpg or png picture.
    ///
    /// # Errors
    /// What is wrong with the bytes, in words; a jpg that ends early is refused, too.
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("there is no picture, or a file of 0 bytes".into());
        }
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
        match reader.format() {
            None if bytes.trim_ascii_start().starts_with(b"<") => {
                return Err("is a page of HTML or XML; expected a webp, jpg or png picture (was a download refused?)".into());
            }
            None => return Err("is no picture; expected webp, jpg or png".into()),
            // The decoder fills what is missing with grey instead of complaining.
            Some(ImageFormat::Jpeg) if !is_whole_jpeg(bytes) => return Err("is a jpg that ends early".into()),
            Some(_) => {}
        }
        decode(reader).map_err(|error| match error {
            ImageError::Limits(error) => {
                format!("is too large: {error}; expected at most {MAX_SIDE} pixels a side and {} MB decoded", MAX_ALLOC >> 20)
            }
            error => error.to_string(),
        })
    }

    /// The picture the right way up.
    pub fn upright(self) -> DynamicImage {
        let mut picture = self.stored;
        picture.apply_orientation(self.orientation);
        picture
    }
}

/// The part of [`Decoded::new`] that the decoders do.
fn decode(mut reader: ImageReader<Cursor<&[u8]>>) -> ImageResult<Decoded> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    // Metadata that cannot be read turn nothing; the pixels are there all the same.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok(Decoded { stored: DynamicImage::from_decoder(decoder)?, orientation })
}

/// RGB of eight bits: grey and CMYK become RGB, 16 bits a channel become 8, what is transparent is laid on white.
pub fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let on_white = |value: u8, alpha: u8| ((u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255) as u8;
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, a] = picture.get_pixel(x, y).0;
        Rgb([r, g, b].map(|value| on_white(value, a)))
    })
}

/// Decodes a webp, jpg or png picture of any size, the right way up.
///
/// # Errors
/// As [`Decoded::new`].
pub fn from_bytes(bytes: &[u8]) -> Result<Picture, String> {
    let image = Decoded::new(bytes)?.upright().into_rgba8();
    let (width, height) = image.dimensions();
    Picture::from_rgba(width as usize, height as usize, image.into_raw()).map_err(|error| error.to_string())
}

/// Reads a picture's file.
///
/// # Errors
/// [`Error::Io`]; [`Error::BadData`] naming the file and what is wrong with it, in the words of [`Decoded::new`].
pub fn from_file(path: &Path) -> Result<Picture> {
    let bad = |message| Error::BadData { file: path.display().to_string(), message };
    let length = fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
    check_length(length).map_err(bad)?;
    from_bytes(&fs::read(path).map_err(|error| Error::io(path, error))?).map_err(bad)
}

/// Refuses what is longer than [`MAX_FILE_BYTES`].
///
/// # Errors
/// In words.
pub fn check_length(length: u64) -> Result<(), String> {
    if length > MAX_FILE_BYTES { Err(format!("has {length} bytes; expected at most {MAX_FILE_BYTES}")) } else { Ok(()) }
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

/// A jpg of `picture` whose EXIF segment says that it has to be turned, `orientation` being 1 to 8, as the eighth tag of TIFF (0x0112).
#[cfg(test)]
pub(crate) fn turned_jpeg(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let jpeg = super::file::jpeg(picture, 100).unwrap();
    let mut exif = b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1];
    bytes.extend((exif.len() as u16 + 2).to_be_bytes());
    bytes.extend(exif);
    // The start mark of the picture itself has been written.
    bytes.extend(&jpeg[2..]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn first(bytes: &[u8]) -> [u8; 3] {
        on_white(Decoded::new(bytes).unwrap().upright()).get_pixel(0, 0).0
    }

    #[test]
    fn every_kind_of_pixel_becomes_rgb() {
        let grey = encode(image::GrayImage::from_pixel(4, 4, image::Luma([9])), ImageFormat::Png);
        assert_eq!(first(&grey), [9; 3]);
        let deep = image::ImageBuffer::<Rgb<u16>, _>::from_pixel(4, 4, Rgb([65535, 0, 257 * 7]));
        assert_eq!(first(&encode(deep, ImageFormat::Png)), [255, 0, 7]);
        for (alpha, expected) in [(0, [255, 255, 255]), (255, [200, 0, 100]), (51, [244, 204, 224])] {
            let clear = encode(image::RgbaImage::from_pixel(4, 4, image::Rgba([200, 0, 100, alpha])), ImageFormat::Png);
            assert_eq!(first(&clear), expected);
            // Who describes a picture lays it on white later.
            assert_eq!(from_bytes(&clear).unwrap().rgba()[..4], [200, 0, 100, alpha]);
        }
        let cyan = first(include_bytes!("../../tests/fixtures/data/cmyk.jpg"));
        assert!(cyan[0] < 5 && cyan[1] > 250 && cyan[2] > 250, "{cyan:?}");
    }

    /// The fingerprint of data, by which a training knows its own, depends on every byte.
    #[test]
    fn a_picture_that_is_not_turned_has_the_bytes_of_the_decoder() {
        let picture = RgbImage::from_fn(30, 20, |x, y| Rgb([(7 * x + 3) as u8, (11 * y + x) as u8, (5 * x * y) as u8]));
        let jpeg = super::super::file::jpeg(&picture, 80).unwrap();
        for bytes in [encode(picture.clone(), ImageFormat::Png), encode(picture.clone(), ImageFormat::WebP), jpeg, turned_jpeg(&picture, 1)]
        {
            let expected = image::load_from_memory(&bytes).unwrap().into_rgb8();
            assert_eq!(on_white(Decoded::new(&bytes).unwrap().upright()), expected);
        }
    }

    /// What [`turned_jpeg`] makes, with the bytes of its EXIF segment in the order of Motorola's processors.
    fn big_endian(turned: &[u8]) -> Vec<u8> {
        let mut bytes = turned.to_vec();
        let exif = bytes.windows(2).position(|pair| pair == b"II").unwrap();
        bytes[exif..exif + 2].copy_from_slice(b"MM");
        // Mark and place of the directory, its count, tag and type, the number of values and the value.
        for (at, size) in [(2, 2), (4, 4), (8, 2), (10, 2), (12, 2), (14, 4), (18, 2)] {
            bytes[exif + at..exif + at + size].reverse();
        }
        bytes
    }

    /// Each corner has a colour of its own.
    #[test]
    fn every_orientation_is_turned_the_right_way_up() {
        const COLOURS: [[u8; 3]; 4] = [[250, 10, 10], [10, 250, 10], [10, 10, 250], [250, 250, 250]];
        let upright = RgbImage::from_fn(48, 32, |x, y| Rgb(COLOURS[usize::from(x >= 24) + 2 * usize::from(y >= 16)]));
        let (flip, mirror) = (image::imageops::flip_vertical, image::imageops::flip_horizontal);
        let clockwise = image::imageops::rotate90;
        // What a camera stores, so that it has to be turned as its number says (EXIF 2.32, table 6).
        let stored = [
            upright.clone(),
            mirror(&upright),
            mirror(&flip(&upright)),
            flip(&upright),
            clockwise(&flip(&upright)),
            clockwise(&clockwise(&clockwise(&upright))),
            clockwise(&mirror(&upright)),
            clockwise(&upright),
        ];
        for (orientation, stored) in (1..).zip(&stored) {
            let bytes = turned_jpeg(stored, orientation);
            let picture = from_bytes(&bytes).unwrap();
            // Cameras write either byte order.
            assert_eq!(from_bytes(&big_endian(&bytes)).unwrap(), picture, "{orientation}");
            // A training sees the same way up as who describes.
            #[cfg(feature = "lab")]
            let square = crate::data::decode_square(&bytes, 32).unwrap();
            #[cfg(feature = "lab")]
            for (corner, colour) in COLOURS.iter().enumerate() {
                let pixel = &square[3 * ((8 + 16 * (corner / 2)) * 32 + 4 + 24 * (corner % 2))..][..3];
                assert!(pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(*b) < 20), "{orientation}, {corner}: {pixel:?}");
            }
            assert_eq!((picture.width(), picture.height()), (48, 32), "{orientation}");
            for (corner, colour) in COLOURS.iter().enumerate() {
                let (x, y) = (12 + 24 * (corner % 2), 8 + 16 * (corner / 2));
                let pixel = &picture.rgba()[4 * (y * 48 + x)..][..3];
                assert!(pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(*b) < 20), "{orientation}, {corner}: {pixel:?}");
            }
        }
    }

    /// Cameras keep a whole small picture in front of the large one.
    #[test]
    fn a_jpg_that_is_cut_anywhere_is_refused_though_its_preview_is_whole() {
        let picture = RgbImage::from_fn(64, 48, |x, y| Rgb([4 * x as u8, 5 * y as u8, (x * y) as u8]));
        let preview = super::super::file::jpeg(&image::imageops::thumbnail(&picture, 16, 12), 50).unwrap();
        let jpeg = super::super::file::jpeg(&picture, 90).unwrap();
        let mut whole = vec![0xff, 0xd8, 0xff, 0xe1];
        whole.extend((preview.len() as u16 + 8).to_be_bytes());
        whole.extend(b"Exif\0\0");
        whole.extend(&preview);
        whole.extend(&jpeg[2..]);
        assert!(from_bytes(&whole).is_ok());
        for end in 0..whole.len() {
            assert!(from_bytes(&whole[..end]).is_err(), "{end} of {} bytes", whole.len());
        }
    }

    #[test]
    fn an_orientation_that_there_is_not_turns_nothing() {
        let picture = RgbImage::from_fn(16, 8, |x, _| Rgb([16 * x as u8, 0, 0]));
        let expected = from_bytes(&turned_jpeg(&picture, 1)).unwrap();
        for orientation in [0, 9, 255] {
            assert_eq!(from_bytes(&turned_jpeg(&picture, orientation)).unwrap(), expected, "{orientation}");
        }
    }

    #[test]
    fn a_huge_picture_is_refused_before_it_is_decoded() {
        // A PNG header that claims what no one has memory for.
        let mut header = b"IHDR".to_vec();
        header.extend([0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff, 8, 2, 0, 0, 0]);
        // Its CRC-32, and the chunk in which the pixels would begin.
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        bytes.extend(&header);
        bytes.extend(crc32(&header).to_be_bytes());
        bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        let error = Decoded::new(&bytes).unwrap_err();
        assert!(error.contains("too large"), "{error}");
    }

    /// The sum of a PNG's chunk, bit by bit.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
        })
    }

    #[test]
    fn what_is_cut_or_no_picture_is_told() {
        let problem = |bytes: &[u8]| from_bytes(bytes).unwrap_err();
        assert!(problem(b"").contains("0 bytes"));
        assert!(problem(b"not a picture at all").contains("no picture"));
        assert!(problem(b"\n<!DOCTYPE html><html>").contains("HTML"));
        let picture = RgbImage::from_fn(32, 32, |x, y| Rgb([8 * x as u8, 8 * y as u8, 7]));
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let bytes = encode(picture.clone(), format);
            assert!(from_bytes(&bytes).is_ok(), "{format:?}");
            for cut in [bytes.len() / 8, bytes.len() / 2, bytes.len() * 7 / 8] {
                assert!(from_bytes(&bytes[..cut]).is_err(), "{format:?} cut to {cut}");
            }
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 0x5a;
                let _ = from_bytes(&changed);
            }
        }
    }

    #[test]
    fn a_file_is_named_with_what_is_wrong_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.jpg");
        let whole = turned_jpeg(&RgbImage::from_fn(32, 32, |x, y| Rgb([8 * x as u8, 8 * y as u8, 7])), 1);
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let error = from_file(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{}: is a jpg that ends early", path.display()));
        assert!(matches!(from_file(&folder.path().join("absent.png")), Err(Error::Io { .. })));
        fs::File::create(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(from_file(&path).unwrap_err().to_string().contains("expected at most"));
    }
}
