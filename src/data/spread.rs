//! Parts of data that may be sorted.

use super::layout::Listing;

/// At most `count` of the numbers below `all`, 0 the first, the same distance apart up to rounding: a part of data that are sorted by class
/// has the classes of the whole.
pub fn spread(all: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(all);
    (0..count).map(move |i| i * all / count)
}

impl Listing {
    /// At most `count` of the samples, spread over all of them.
    pub(super) fn limited(mut self, count: usize) -> Self {
        let all = self.samples.len();
        if count < all {
            self.samples = spread(all, count).map(|i| std::mem::take(&mut self.samples[i])).collect();
            self.layout = format!("{}, {count} of {all} samples", self.layout);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataOptions, Dataset, Split};
    use std::fs;

    #[test]
    fn numbers_are_spread_and_differ() {
        let numbers = |all, count| spread(all, count).collect::<Vec<_>>();
        assert_eq!(numbers(10, 4), [0, 2, 5, 7]);
        assert_eq!(numbers(3, 5), [0, 1, 2]);
        assert_eq!((numbers(3, 0), numbers(0, 5)), (vec![], vec![]));
    }

    /// Six pictures of each of five classes, one class after the other; those that are not chosen are broken.
    #[test]
    fn a_limited_set_has_all_classes_and_reads_no_other_picture() {
        let folder = tempfile::tempdir().unwrap();
        let test = folder.path().join("test");
        fs::create_dir(&test).unwrap();
        for i in 0..30u8 {
            let path = test.join(format!("p{i:02}.png"));
            if i % 3 == 0 {
                image::RgbImage::from_pixel(8, 8, image::Rgb([8 * i, 0, 0])).save(&path).unwrap();
            } else {
                fs::write(&path, "no picture").unwrap();
            }
            fs::write(path.with_extension("json"), format!("{{\"caption\": \"picture {i}\", \"class_id\": {}}}", i / 6)).unwrap();
        }
        let paths = [folder.path().to_path_buf()];
        let options = DataOptions { size: 8, max_skipped: 0, limit: Some(10), ..Default::default() };
        let found = Dataset::open(&paths, Split::Test, &options).unwrap();
        let classes: Vec<_> = found.samples.iter().map(|sample| sample.class_id.unwrap()).collect();
        assert_eq!(classes, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        assert!(found.summary(Split::Test).contains("10 of 30 samples"), "{}", found.summary(Split::Test));
        let error = Dataset::open(&paths, Split::Test, &DataOptions { limit: None, ..options }).unwrap_err();
        assert!(error.to_string().contains("p01.png"), "{error}");
    }
}
