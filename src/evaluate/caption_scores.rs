//! BLEU, CIDEr-D and ROUGE-L with their intervals.

use rand::Rng;

use super::bleu::Counts;
use super::figure::Figure;
use super::interval::{bootstrap, bootstrap_mean};
use super::{cider, rouge};

/// BLEU-1 to BLEU-4, CIDEr-D and ROUGE-L of `captions`, each against its own references, as `name.bleu_1` …; the bootstrap draws
/// pictures, with the document frequencies of CIDEr-D as they are in all references.
pub fn caption_figures(
    name: &str,
    captions: &[Vec<String>],
    references: &[Vec<Vec<String>>],
    protocol: &str,
    rng: &mut impl Rng,
) -> Vec<Figure> {
    let figure = |part: String, value, interval| Figure {
        name: format!("{name}.{part}"),
        value,
        interval,
        n: captions.len(),
        references: Some(references.iter().map(Vec::len).sum()),
        network: None,
        protocol: protocol.to_string(),
    };
    let counts: Vec<Counts> = captions.iter().zip(references).map(|(caption, references)| Counts::new(caption, references)).collect();
    let score = |chosen: &mut dyn Iterator<Item = usize>| chosen.fold(Counts::default(), |sum, i| sum.add(&counts[i])).score();
    let whole = score(&mut (0..counts.len()));
    let mut figures = Vec::new();
    for (n, value) in whole.into_iter().enumerate() {
        let interval = bootstrap(counts.len(), rng, |chosen| score(&mut chosen.iter().copied())[n]);
        figures.push(figure(format!("bleu_{}", n + 1), value, interval));
    }
    let each = [("cider_d", cider::cider_d_each(captions, references)), ("rouge_l", rouge::rouge_l_each(captions, references))];
    for (part, values) in each {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        figures.push(figure(part.to_string(), mean, bootstrap_mean(&values, rng)));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn the_values_are_those_of_the_metrics_and_lie_in_their_intervals() {
        let (captions, references) = crate::evaluate::corpus();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let figures = caption_figures("captions", &captions, &references, "", &mut rng);
        let expected = crate::evaluate::bleu::bleu(&captions, &references);
        let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
        assert_eq!(names[3..], ["captions.bleu_4", "captions.cider_d", "captions.rouge_l"]);
        assert_eq!(figures[3].value, expected[3]);
        assert_eq!(figures[4].value, cider::cider_d(&captions, &references));
        assert_eq!(figures[5].value, rouge::rouge_l(&captions, &references));
        for figure in figures {
            let interval = figure.interval.unwrap();
            assert!(interval.low < figure.value && figure.value < interval.high, "{}: {} {interval:?}", figure.name, figure.value);
            assert_eq!((figure.n, figure.references), (4, Some(8)));
        }
    }

    #[test]
    fn a_perfect_corpus_has_no_spread() {
        let texts: Vec<Vec<String>> = ["a red flower on grass", "some blue bird in a tree"].map(crate::text::tokenize).to_vec();
        let references: Vec<_> = texts.iter().map(|text| vec![text.clone()]).collect();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        for figure in caption_figures("c", &texts, &references, "", &mut rng) {
            let expected = if figure.name == "c.cider_d" { 10.0 } else { 1.0 };
            let interval = figure.interval.unwrap();
            assert!((interval.low - expected).abs() < 1e-6 && (interval.high - expected).abs() < 1e-6, "{figure:?}");
        }
    }
}
