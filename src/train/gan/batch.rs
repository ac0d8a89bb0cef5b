//! What a step learns from.

use burn::tensor::{Device, Tensor};
use rand::Rng;

use crate::Result;
use crate::data::{Dataset, EncodedCaptions, Pictures};

/// Photographs with a caption each.
pub struct Batch {
    pictures: Pictures,
    flips: Vec<bool>,
    /// Word numbers of each caption.
    pub captions: Vec<Vec<usize>>,
    /// The kind of each photograph.
    pub classes: Vec<usize>,
}

impl Batch {
    /// The given samples, each with one of its captions, half of them mirrored where `mirror` says so, cut to `size` pixels at random where pictures are larger.
    ///
    /// # Errors
    /// As [`Dataset::pictures`].
    pub fn draw(
        dataset: &Dataset,
        captions: &EncodedCaptions,
        indices: Vec<usize>,
        max_words: usize,
        size: usize,
        mirror: bool,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        let pictures = dataset.pictures(&indices)?.cropped(size, rng);
        let flips = indices.iter().map(|_| rng.random_bool(0.5) && mirror).collect();
        let captions = indices.iter().map(|index| captions.draw(*index, max_words, rng)).collect();
        let classes = dataset.classes(&indices);
        Ok(Self { pictures, flips, captions, classes })
    }

    /// The photographs of `range` alone, (range, 3, size, size) in [−1, 1].
    pub fn images_of(&self, range: std::ops::Range<usize>, size: usize, device: &Device) -> Tensor<4> {
        self.pictures.part(range.clone()).images(&self.flips[range], size, device)
    }

    /// The photographs, (batch, 3, size, size) in [−1, 1].
    pub fn images(&self, size: usize, device: &Device) -> Tensor<4> {
        self.pictures.images(&self.flips, size, device)
    }
}
