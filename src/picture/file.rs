//! Pictures from and to files.

use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader};

use super::Picture;
use crate::files::pictures::{to_image, write};
use crate::{Error, Result};

impl Picture {
    /// Reads a PNG, JPEG or WebP file, turned as its EXIF orientation says.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read; [`Error::BadInput`] that names it for one that is no picture.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(|error| Error::io(path, error))?;
        let decoded = reader.into_decoder().and_then(|mut decoder| {
            let orientation = decoder.orientation()?;
            let mut image = DynamicImage::from_decoder(decoder)?;
            image.apply_orientation(orientation);
            Ok(image.into_rgba8())
        });
        let image =
            decoded.map_err(|error| Error::BadInput(format!("{} is not a PNG, JPEG or WebP picture: {error}", path.display())))?;
        let (width, height) = image.dimensions();
        Self::from_rgba(width as usize, height as usize, image.into_raw())
    }

    /// Writes a file in the format of its ending, PNG where there is none; the folder it goes to is made.
    ///
    /// # Errors
    /// [`Error::BadInput`] for the ending of another format than PNG, JPEG or WebP; [`Error::Io`], and an older file stays.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write(&to_image(self), path.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_read_as_it_was_written() {
        let place = tempfile::tempdir().unwrap();
        let pixels = [255, 0, 0, 255, 0, 255, 0, 128];
        let picture = Picture::from_rgba(2, 1, pixels.to_vec()).unwrap();
        let path = place.path().join("deep/two.png");
        picture.save(&path).unwrap();
        assert_eq!(Picture::open(&path).unwrap(), picture);
        std::fs::write(&path, "<!doctype html>").unwrap();
        let error = Picture::open(&path).unwrap_err();
        assert!(matches!(&error, Error::BadInput(message) if message.contains("two.png")), "{error}");
        assert!(matches!(Picture::open(place.path().join("none.png")), Err(Error::Io { .. })));
    }
}
