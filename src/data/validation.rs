//! A part of the training data that is held back for choices, so that the test part is looked at only in the end.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::layout::{Listed, Listing};
use super::sample::class_of;
use super::split::Split;
use crate::files;

/// How much of the training data is held back, and which.
///
/// Each class, or each picture, is held back or not by a hash of its number or name and the seed, whatever lies beside it: a part of the data, or
/// more of them, are divided in the same way, and no picture that was learned from is ever measured on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Validation {
    share: f64,
    seed: u64,
}

impl Validation {
    /// About `share` of the classes or pictures; nothing where that is 0.
    pub fn new(share: f64, seed: u64) -> Option<Self> {
        (share > 0.0).then_some(Self { share, seed })
    }

    /// The training or the validation part of `train`, the training data. They are divided by class where they have classes and the test
    /// data `test` have only others, as the test part was: what is chosen then suits classes that were not learned. Else, and where there is
    /// no test part, by picture.
    pub(super) fn part(self, train: Listing, test: &Listing, split: Split) -> Listing {
        let (train_classes, test_classes) = (classes(&train.samples), classes(&test.samples));
        let disjoint = |train: &[Option<usize>], test: &[Option<usize>]| {
            let known: BTreeSet<_> = train.iter().collect();
            !test.is_empty() && test.iter().all(|class| !known.contains(class))
        };
        let (unit, names): (&str, Vec<String>) = match (&train_classes, &test_classes) {
            (Some(train), Some(test)) if disjoint(train, test) => {
                // A sample whose class cannot be read cannot be used either.
                ("classes", train.iter().map(|class| class.map_or(String::new(), |class| class.to_string())).collect())
            }
            _ => ("pictures", train.samples.iter().map(|sample| name(&sample.key)).collect()),
        };
        let distinct: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let held_back = self.chosen(&distinct);
        let (count, all) = (held_back.len(), distinct.len());
        let how = match split {
            Split::Validation => format!("{count} of {all} {unit} that were held back"),
            _ => format!("without {count} of {all} {unit} for validation"),
        };
        let keep = |name: &String| held_back.contains(name.as_str()) == (split == Split::Validation);
        let samples = train.samples.into_iter().zip(&names).filter(|(_, name)| keep(name)).map(|(sample, _)| sample).collect();
        Listing { layout: format!("{}, {how}", train.layout), samples, warnings: train.warnings }
    }

    /// Those of `names` whose hash is below the share; at least one is, and one is not, where there are two.
    fn chosen<'a>(self, names: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        let mut ranked: Vec<(f64, &str)> = names.iter().map(|name| (self.rank(name), *name)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        let below = ranked.iter().filter(|(rank, _)| *rank < self.share).count();
        let count = below.clamp(1, ranked.len().saturating_sub(1).max(1)).min(ranked.len());
        ranked.into_iter().take(count).map(|(_, name)| name).collect()
    }

    /// A number from 0 to 1 that a name has by chance.
    fn rank(self, name: &str) -> f64 {
        let digest = files::sha256(format!("validation {} {name}", self.seed).as_bytes());
        // Thirteen hexadecimal digits are the 52 bits that a float holds exactly.
        u64::from_str_radix(&digest[..13], 16).unwrap_or_default() as f64 / (1u64 << 52) as f64
    }
}

/// The classes of samples, of each that can be read; nothing where a sample that can be read has none.
fn classes(samples: &[Listed]) -> Option<Vec<Option<usize>>> {
    let found: Vec<Result<Option<usize>, String>> = samples.par_iter().map(class_of).collect();
    found.into_iter().map(|class| class.map_or(Some(None), |class| class.map(Some))).collect()
}

/// A sample's own name in its key, which has the shard's or the folder's before it, and that of a file its ending: data may lie in folders or
/// be cut into shards otherwise. A name ends at its first dot, as in shards.
fn name(key: &str) -> String {
    let key = key.rsplit_once(": ").map_or(key, |(_, key)| key);
    let file = key.rsplit(['/', '\\']).next().unwrap_or(key);
    file.split('.').next().unwrap_or(file).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(samples: impl Iterator<Item = (String, Option<usize>)>) -> Listing {
        let samples = samples.map(|(key, class_id)| Listed { key, class_id, ..Listed::default() }).collect();
        Listing { layout: "some".into(), samples, warnings: Vec::new() }
    }

    /// Pictures 0 to `count`, `each` of a class, classes from `first` on.
    fn data(shard: &str, count: usize, each: usize, first: usize) -> Listing {
        listing((0..count).map(|i| (format!("{shard}: k/{i:04}"), Some(first + i / each))))
    }

    fn keys(listing: &Listing) -> BTreeSet<String> {
        listing.samples.iter().map(|sample| name(&sample.key)).collect()
    }

    fn parts(validation: Validation, train: &Listing, test: &Listing) -> [Listing; 2] {
        [Split::Train, Split::Validation].map(|split| validation.part(train.clone(), test, split))
    }

    #[test]
    fn other_classes_in_the_test_part_make_other_classes_for_validation() {
        let (train, test) = (data("a", 2000, 20, 0), data("t", 100, 10, 100));
        let validation = Validation::new(0.1, 3).unwrap();
        let [learned, held] = parts(validation, &train, &test);
        let classes = |listing: &Listing| listing.samples.iter().map(|sample| sample.class_id.unwrap()).collect::<BTreeSet<_>>();
        assert!(classes(&learned).is_disjoint(&classes(&held)));
        assert_eq!(learned.samples.len() + held.samples.len(), 2000);
        // Of 100 classes about ten: 99.9 % of binomial counts.
        assert!((2..=20).contains(&classes(&held).len()), "{}", held.layout);
        assert_eq!(held.samples.len(), 20 * classes(&held).len(), "whole classes");
        assert!(learned.layout.starts_with("some, without ") && learned.layout.ends_with("of 100 classes for validation"), "{}", learned.layout);
        assert!(held.layout.ends_with("of 100 classes that were held back"), "{}", held.layout);
        // Another seed, other classes.
        assert_ne!(classes(&parts(Validation::new(0.1, 4).unwrap(), &train, &test)[1]), classes(&held));
    }

    #[test]
    fn the_same_classes_in_the_test_part_or_none_make_other_pictures() {
        let train = data("a", 2000, 20, 0);
        let validation = Validation::new(0.1, 3).unwrap();
        let nothing = listing(std::iter::empty());
        let unknown = listing((0..9).map(|i| (format!("t: {i}"), None)));
        let found = [data("t", 100, 1, 0), nothing, unknown].map(|test| parts(validation, &train, &test));
        for [learned, held] in &found {
            assert!(keys(learned).is_disjoint(&keys(held)) && keys(held) == keys(&found[0][1]));
            assert!((140..=260).contains(&held.samples.len()) && learned.samples.len() + held.samples.len() == 2000, "{}", held.layout);
        }
    }

    #[test]
    fn a_picture_is_held_back_wherever_it_lies_and_whatever_lies_beside_it() {
        let validation = Validation::new(0.2, 0).unwrap();
        let test = listing(std::iter::empty());
        let [_, held] = parts(validation, &data("a", 300, 20, 0), &test);
        let [_, more] = parts(validation, &data("other-train-007.tar", 900, 20, 0), &test);
        assert!(keys(&held).is_subset(&keys(&more)) && held.samples.len() > 30);
        let files = listing((0..300).map(|i| (format!("/home/me/pictures/{i:04}.png"), None)));
        assert_eq!(keys(&parts(validation, &files, &test)[1]), keys(&held));
    }

    #[test]
    fn neither_part_is_empty_where_there_are_two() {
        let test = listing(std::iter::empty());
        for share in [1e-9, 0.999_999_9] {
            let [learned, held] = parts(Validation::new(share, 0).unwrap(), &data("a", 2, 1, 0), &test);
            assert_eq!([learned.samples.len(), held.samples.len()], [1, 1], "{share}");
        }
        assert_eq!(Validation::new(0.0, 1), None);
    }
}
