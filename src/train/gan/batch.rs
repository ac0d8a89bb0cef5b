//! What a step learns from.

use burn::tensor::{Device, Tensor};
use rand::Rng;

use crate::data::{Dataset, EncodedCaptions};

/// Photographs with a caption each.
pub struct Batch<'a> {
    dataset: &'a Dataset,
    indices: Vec<usize>,
    flips: Vec<bool>,
    /// Word numbers of each caption.
    pub captions: Vec<Vec<usize>>,
    /// The kind of each photograph.
    pub classes: Vec<usize>,
}

impl<'a> Batch<'a> {
    /// The given samples, each with one of its captions and mirrored or not.
    pub fn draw(dataset: &'a Dataset, captions: &EncodedCaptions, indices: Vec<usize>, max_words: usize, rng: &mut impl Rng) -> Self {
        let flips = indices.iter().map(|_| rng.random_bool(0.5)).collect();
        let captions = indices.iter().map(|index| captions.draw(*index, max_words, rng)).collect();
        let classes = dataset.classes(&indices);
        Self { dataset, indices, flips, captions, classes }
    }

    /// The photographs of `range` alone, (range, 3, size, size) in [−1, 1].
    pub fn images_of(&self, range: std::ops::Range<usize>, size: usize, device: &Device) -> Tensor<4> {
        self.dataset.images(&self.indices[range.clone()], &self.flips[range], size, device)
    }

    /// The photographs, (batch, 3, size, size) in [−1, 1].
    pub fn images(&self, size: usize, device: &Device) -> Tensor<4> {
        self.dataset.images(&self.indices, &self.flips, size, device)
    }
}
