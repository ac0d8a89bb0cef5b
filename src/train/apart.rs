//! Data and batches that a loss has nothing to learn from.
//!
//! Most losses compare: a picture with the captions of others, a right sentence with a wrong one. Where nothing differs they are constant, and
//! what learns from them stays as random as it began. The rule:
//!
//! | what | what becomes of it |
//! | --- | --- |
//! | fewer than two pictures, one picture again and again, or captions that are all the same words | refused before a part learns ([`check`]) |
//! | all pictures of one class | the class says nothing; each picture counts as a class of its own, with a warning ([`one_class`]) |
//! | a batch in which DAMSM has no wrong pair, of another class and with another caption | a warning; the log counts them; the batch costs nothing and teaches nothing |
//! | a batch whose captions are all the same, so that no sentence is wrong beside a picture | the same, of the generator's conditional loss |
//! | a weight of `consistency` where there is one stage alone | a warning |
//!
//! STREAM's loss, the unconditional one, KL and diversity learn from every picture by itself.

use crate::data::{Dataset, EncodedCaptions};
use crate::train::recipe::gan::Phase;
use crate::train::recipe::term::{PerTerm, Term};
use crate::{Error, Result};

/// Checks that there is something to tell apart in the training data, which `file` names.
///
/// # Errors
/// [`Error::BadData`].
pub fn check(file: &str, dataset: &Dataset, captions: &EncodedCaptions) -> Result<()> {
    let bad = |message: String| Err(Error::BadData { file: file.to_string(), message: format!("{message}: there is nothing to tell apart") });
    let pictures = dataset.len();
    if pictures < 2 {
        return bad(format!("has {pictures} usable picture for training; expected two or more"));
    }
    let first = &dataset.samples[0].digest;
    if dataset.samples.iter().all(|sample| sample.digest == *first) {
        return bad(format!("all {pictures} pictures for training are the same one"));
    }
    let mut all = (0..pictures).flat_map(|sample| captions.of(sample));
    let first = all.next();
    if all.all(|caption| Some(caption) == first) {
        let caption = dataset.samples[0].captions.first().map_or("", String::as_str);
        return bad(format!(
            "all captions for training are the same words, such as {caption:?} (of words that stand often enough to be learned, \
             data.min_word_count)"
        ));
    }
    Ok(())
}

/// Takes the class away where all samples are of one, which then says nothing. Whether that was so.
pub fn one_class(dataset: &mut Dataset) -> bool {
    let mut classes = dataset.samples.iter().map(|sample| sample.class_id);
    let Some(Some(first)) = classes.next() else { return false };
    if dataset.len() < 2 || !classes.all(|class| class == Some(first)) {
        return false;
    }
    dataset.samples.iter_mut().for_each(|sample| sample.class_id = None);
    true
}

/// Whether there is a pair in a batch of which one is a wrong answer for the other: of another class, and with another caption.
pub fn has_wrong_pair(captions: &[Vec<usize>], classes: &[usize]) -> bool {
    (0..captions.len()).any(|i| (0..i).any(|j| classes[i] != classes[j] && captions[i] != captions[j]))
}

/// The terms that count in a step and have nothing to learn from in any of its `parts`, which are computed by themselves.
pub fn idle_terms(weights: &PerTerm<f64>, captions: &[Vec<usize>], classes: &[usize], parts: &[std::ops::Range<usize>]) -> Vec<&'static str> {
    let mut idle = Vec::new();
    if weights[Term::Conditional] > 0.0 && captions.iter().all(|caption| Some(caption) == captions.first()) {
        idle.push(Term::Conditional.name());
    }
    if weights[Term::Damsm] > 0.0 && !parts.iter().any(|part| has_wrong_pair(&captions[part.clone()], &classes[part.clone()])) {
        idle.push(Term::Damsm.name());
    }
    idle
}

/// The term of a phase that has nothing to compare, whatever the data.
pub fn idle_phase(phase: &Phase, weights: &PerTerm<f64>) -> Option<&'static str> {
    (phase.stages == 1 && weights[Term::Consistency] > 0.0).then(|| Term::Consistency.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;
    use crate::text::Vocabulary;
    use crate::train::Recipe;

    /// A picture of one pixel, its caption and class.
    type Drawn = (u8, &'static str, Option<usize>);

    fn dataset(samples: &[Drawn]) -> (Dataset, EncodedCaptions) {
        let sample = |(pixel, caption, class): &Drawn| Sample::new("k", vec![*pixel; 3], vec![caption.to_string()], *class);
        let dataset = Dataset::new(samples.iter().map(sample).collect(), 1);
        let vocabulary = Vocabulary::parse("<end>\na\nblue\nred\n").unwrap();
        let captions = EncodedCaptions::new(&dataset, &vocabulary).unwrap();
        (dataset, captions)
    }

    #[test]
    fn data_in_which_nothing_differs_are_refused_by_name() {
        let cases: [(&[Drawn], &str); 5] = [
            (&[(1, "a red", None)], "1 usable picture"),
            (&[(1, "a red", None), (1, "a blue", None)], "the same one"),
            (&[(1, "a red", None), (2, "a red", None)], "captions for training are the same words"),
            // Words that are not learned tell nothing apart.
            (&[(1, "a red car", Some(1)), (2, "A red bus!", Some(2))], "data.min_word_count"),
            (&[(1, "a", Some(1)), (2, "a", Some(1)), (3, "a", Some(1))], "\"a\""),
        ];
        for (samples, part) in cases {
            let (dataset, captions) = dataset(samples);
            let error = check("data", &dataset, &captions).unwrap_err();
            assert!(matches!(&error, Error::BadData { file, message } if file == "data" && message.contains(part)), "{part}: {error}");
        }
        let (dataset, captions) = dataset(&[(1, "a red", Some(1)), (2, "a blue", Some(1))]);
        check("data", &dataset, &captions).unwrap();
    }

    #[test]
    fn one_class_is_none() {
        let classes = |samples: &[Drawn]| {
            let mut dataset = dataset(samples).0;
            let found = one_class(&mut dataset);
            (found, dataset.classes(&(0..dataset.len()).collect::<Vec<_>>()))
        };
        assert_eq!(classes(&[(1, "a", Some(7)), (2, "red", Some(7))]), (true, vec![usize::MAX, usize::MAX - 1]));
        assert_eq!(classes(&[(1, "a", Some(7)), (2, "red", Some(8))]), (false, vec![7, 8]));
        assert_eq!(classes(&[(1, "a", Some(7)), (2, "red", None)]), (false, vec![7, usize::MAX - 1]));
        assert!(!classes(&[(1, "a", None), (2, "red", None)]).0);
    }

    #[test]
    fn a_wrong_pair_differs_in_class_and_caption() {
        let has = |pairs: &[(usize, usize)]| {
            let (captions, classes): (Vec<Vec<usize>>, Vec<usize>) = pairs.iter().map(|(caption, class)| (vec![*caption], *class)).unzip();
            has_wrong_pair(&captions, &classes)
        };
        assert!(has(&[(1, 1), (2, 2)]) && has(&[(1, 1), (1, 2), (2, 1)]));
        assert!(!has(&[(1, 1)]) && !has(&[(1, 1), (2, 1)]) && !has(&[(1, 1), (1, 2)]) && !has(&[]));
    }

    #[test]
    fn terms_are_idle_where_they_count_and_no_part_has_anything_to_compare() {
        let weights = PerTerm::from_fn(|_| 1.0);
        let captions = vec![vec![1], vec![2], vec![3], vec![4]];
        let idle = |classes: &[usize], weights: &PerTerm<f64>| idle_terms(weights, &captions, classes, &[0..2, 2..4]);
        assert_eq!(idle(&[1, 1, 2, 2], &weights), ["damsm"], "wrong pairs are made within what is computed at once");
        assert!(idle(&[1, 1, 2, 3], &weights).is_empty());
        assert!(idle(&[1, 1, 2, 2], &weights.with(Term::Damsm, 0.0)).is_empty());
        assert_eq!(idle_terms(&weights, &[vec![1], vec![1]], &[1, 2], &[0..1, 1..2]), ["conditional", "damsm"]);
        let recipe = Recipe::load("tiny", &[]).unwrap().gan;
        assert_eq!(idle_phase(&recipe.phases[0], &recipe.weights), None);
        assert_eq!(idle_phase(&recipe.phases[0], &weights), Some("consistency"));
    }
}
