//! Pictures that are read when they are needed, so that a data set may be larger than the memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rayon::prelude::*;

use super::blob::Blob;
use super::square::{Bounds, decode_square_within};

/// RGB, row after row, size · size · 3 bytes.
pub(super) type Pixels = Arc<Vec<u8>>;

/// A picture in its file. While someone holds its pixels it is not decoded again.
#[derive(Debug)]
pub(super) struct Lazy {
    blob: Blob,
    bounds: Option<Bounds>,
    size: usize,
    held: Mutex<Weak<Vec<u8>>>,
}

impl Lazy {
    pub fn new(blob: Blob, bounds: Option<Bounds>, size: usize) -> Self {
        Self { blob, bounds, size, held: Mutex::new(Weak::new()) }
    }

    /// The pixels; who comes while they are being decoded waits for them.
    pub fn load(&self) -> Result<Pixels, String> {
        // A thread that panicked here left at worst an empty `Weak` behind.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pixels) = held.upgrade() {
            return Ok(pixels);
        }
        let pixels = Arc::new(self.decode()?);
        *held = Arc::downgrade(&pixels);
        Ok(pixels)
    }

    /// The pixels, decoded anew.
    pub fn decode(&self) -> Result<Vec<u8>, String> {
        decode_square_within(&self.blob.read()?, self.bounds, self.size)
    }
}

/// Pictures that were decoded ahead, of the last two batches asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead(Arc<Mutex<VecDeque<Vec<Pixels>>>>);

impl Ahead {
    /// Decodes `pictures` on a thread of their own. What cannot be read is left to the one who needs it.
    pub fn decode(&self, pictures: Vec<Arc<Lazy>>) {
        if pictures.is_empty() {
            return;
        }
        let ahead = self.clone();
        let work = move || {
            let pixels: Vec<Pixels> = pictures.par_iter().filter_map(|picture| picture.load().ok()).collect();
            let mut batches = ahead.0.lock().unwrap_or_else(PoisonError::into_inner);
            batches.push_back(pixels);
            while batches.len() > 2 {
                batches.pop_front();
            }
        };
        // Without a thread to spare, the pictures are decoded when they are needed.
        let _ = std::thread::Builder::new().name("pictures ahead".into()).spawn(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_pictures_are_not_decoded_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        image::RgbImage::from_pixel(4, 4, image::Rgb([1, 2, 3])).save(&path).unwrap();
        let lazy = Arc::new(Lazy::new(Blob::file(path.clone()), None, 2));
        let ahead = Ahead::default();
        ahead.decode(vec![lazy.clone()]);
        while ahead.0.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        std::fs::remove_file(path).unwrap();
        let pixels = lazy.load().unwrap();
        assert_eq!(**pixels, [1, 2, 3].repeat(4));
        drop(ahead);
        assert!(Arc::ptr_eq(&pixels, &lazy.load().unwrap()));
        drop(pixels);
        assert!(lazy.load().unwrap_err().contains("a.png"));
    }
}
