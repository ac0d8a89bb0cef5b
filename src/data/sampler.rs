//! The order in which a training sees its samples.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Where a training stands in its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Epochs that are over.
    pub epoch: usize,
    /// Batches of the current epoch that are over.
    pub batch: usize,
}

/// Shuffles anew every epoch; the order derives from the seed and the epoch alone, so that a [`Position`] is all there is to save.
#[derive(Debug, Clone)]
pub struct Sampler {
    samples: usize,
    batch: usize,
    seed: u64,
    position: Position,
    order: Vec<usize>,
}

impl Sampler {
    /// Batches of `batch` out of `samples` samples, from `position` on. Fewer samples than a batch make one smaller batch; else the
    /// samples that do not fill a batch wait for the next epoch.
    ///
    /// A position past the epoch's batches, as one saved with smaller batches or more samples can be, begins the next epoch.
    pub fn new(samples: usize, batch: usize, seed: u64, mut position: Position) -> Self {
        let batch = batch.clamp(1, samples.max(1));
        if position.batch > 0 && position.batch >= samples / batch {
            position = Position { epoch: position.epoch + 1, batch: 0 };
        }
        let mut sampler = Self { samples, batch, seed, position, order: Vec::new() };
        sampler.shuffle();
        sampler
    }

    fn shuffle(&mut self) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.position.epoch as u64 + 1);
        self.order = (0..self.samples).collect();
        self.order.shuffle(&mut rng);
    }

    /// Batches in an epoch.
    pub fn batches(&self) -> usize {
        self.samples / self.batch
    }

    /// Samples in a batch.
    pub fn batch_size(&self) -> usize {
        self.batch
    }

    /// Where the next batch is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The samples that [`Sampler::next_batch`] will return.
    pub fn peek(&self) -> &[usize] {
        let start = self.position.batch * self.batch;
        &self.order[start..start + self.batch]
    }

    /// The samples of the next batch.
    pub fn next_batch(&mut self) -> Vec<usize> {
        let batch = self.peek().to_vec();
        self.position.batch += 1;
        if self.position.batch >= self.batches() {
            self.position = Position { epoch: self.position.epoch + 1, batch: 0 };
            self.shuffle();
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_order_is_the_uninterrupted_one() {
        let mut whole = Sampler::new(10, 3, 7, Position::default());
        let all: Vec<_> = (0..9).map(|_| whole.next_batch()).collect();
        for (start, expected) in all.iter().enumerate() {
            let mut part = Sampler::new(10, 3, 7, Position { epoch: start / 3, batch: start % 3 });
            assert_eq!(part.next_batch(), *expected);
        }
        assert_ne!(all[0], all[3]);
    }

    #[test]
    fn an_epoch_sees_no_sample_twice() {
        let mut sampler = Sampler::new(10, 3, 1, Position::default());
        let mut seen: Vec<_> = (0..3).flat_map(|_| sampler.next_batch()).collect();
        assert_eq!(sampler.position(), Position { epoch: 1, batch: 0 });
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 9);
    }

    #[test]
    fn a_position_past_the_epoch_begins_the_next_one() {
        let next = Sampler::new(10, 5, 7, Position { epoch: 3, batch: 0 }).next_batch();
        // Saved with batches of 1, and with 100 samples.
        for batch in [2, 9, 99] {
            let mut sampler = Sampler::new(10, 5, 7, Position { epoch: 2, batch });
            assert_eq!(sampler.position(), Position { epoch: 3, batch: 0 });
            assert_eq!(sampler.next_batch(), next);
        }
        assert_eq!(Sampler::new(10, 5, 7, Position { epoch: 2, batch: 1 }).position(), Position { epoch: 2, batch: 1 });
    }

    #[test]
    fn few_samples_make_one_batch() {
        assert_eq!(Sampler::new(2, 48, 1, Position::default()).next_batch().len(), 2);
    }
}
