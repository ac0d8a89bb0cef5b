//! Whether STREAM looks: how many different sentences it has, and whether they give parts the colours that were asked for.

use rand::Rng;
use rand::seq::SliceRandom;

use super::Metric;
use crate::Result;
use crate::evaluate::error::Obstacle;
use crate::evaluate::evaluator::{Evaluator, Inputs, Purpose, Whose};
use crate::evaluate::features::Networks;
use crate::evaluate::figure::Figure;
use crate::evaluate::interval::bootstrap;
use crate::evaluate::sentences::{Agreement, Colours, colours_of_parts, distinct};

/// Distinct sentences, and colours of parts.
pub static SENTENCES: Metric = Metric {
    name: "sentences",
    about: "How many different sentences STREAM says, and whether they give parts the colours of the captions",
    photographs: Networks::STREAM,
    drawings: Networks::STREAM,
    obstacle: |evaluator| (evaluator.samples == 0).then_some(Obstacle::NoDrawings),
    figures,
};

/// Pictures whose distinct sentences are counted.
const AMONG: usize = 100;

fn figures(evaluator: &Evaluator<'_>, inputs: &mut Inputs) -> Result<Vec<Figure>> {
    let vocabulary = &evaluator.model.vocabulary;
    let prompts = inputs.prompts[..evaluator.samples].iter().map(|ids| vec![vocabulary.decode(ids)]).collect::<Vec<_>>();
    let mut figures = Vec::new();
    for (whose, pictures, references, against) in [
        ("generated", Whose::Drawings, prompts, "its prompt"),
        ("real", Whose::Photographs, evaluator.references(evaluator.dataset.len()), "each of its captions"),
    ] {
        let sentences = evaluator.sentences(inputs, pictures)?;
        figures.push(Figure {
            name: format!("sentences.distinct_of_{AMONG}.{whose}"),
            value: distinct(&sentences, AMONG),
            interval: None,
            n: sentences.len(),
            references: None,
            network: None,
            protocol: format!("expected number of different sentences of STREAM (greedy) among {AMONG} of the pictures (all where there are fewer)"),
        });
        let said: Vec<Colours> = sentences.iter().map(|words| colours_of_parts(words)).collect();
        let asked: Vec<Vec<Colours>> =
            references.iter().map(|texts| texts.iter().map(|words| colours_of_parts(words)).collect()).collect();
        let own: Vec<usize> = (0..said.len()).collect();
        let other = others(said.len(), &mut evaluator.rng(Purpose::SentencesChance));
        let protocol = format!(
            "of the parts to which {against} gives a colour (petals, centre, wings, bill …, found by words), the share that STREAM's sentence \
             gives one of the same colours; chance: with the sentence of another picture; people: with its first caption, of the others"
        );
        let mut figure = |name, said: &[Colours], asked: &[Vec<Colours>], partners: &[usize]| {
            let counts = counts(asked, said, partners);
            figures.extend(agreement(evaluator, format!("sentences.{name}.{whose}"), &counts, &protocol));
        };
        figure("agreement", &said, &asked, &own);
        figure("chance", &said, &asked, &other);
        if pictures == Whose::Photographs {
            let (first, rest): (Vec<Colours>, Vec<Vec<Colours>>) =
                asked.iter().filter_map(|texts| texts.split_first()).map(|(first, rest)| (first.clone(), rest.to_vec())).unzip();
            figure("people", &first, &rest, &own);
        }
    }
    Ok(figures)
}

/// The share of hits of all pictures; nothing where no reference gives a part a colour.
fn agreement(evaluator: &Evaluator<'_>, name: String, counts: &[Agreement], protocol: &str) -> Option<Figure> {
    let sum = |chosen: &mut dyn Iterator<Item = usize>| chosen.fold(Agreement::default(), |sum, i| sum.plus(counts[i]));
    let whole = sum(&mut (0..counts.len()));
    let interval = bootstrap(counts.len(), &mut evaluator.rng(Purpose::Bootstrap), |chosen| sum(&mut chosen.iter().copied()).share());
    (whole.asked > 0).then(|| Figure {
        name,
        value: whole.share(),
        interval,
        n: counts.len(),
        references: Some(whole.asked),
        network: None,
        protocol: protocol.to_string(),
    })
}

/// Of each picture, with how many parts of its references the sentence of its partner agrees.
fn counts(asked: &[Vec<Colours>], said: &[Colours], partners: &[usize]) -> Vec<Agreement> {
    let of = |(texts, partner): (&Vec<Colours>, &usize)| {
        texts.iter().map(|asked| Agreement::of(asked, &said[*partner])).fold(Agreement::default(), Agreement::plus)
    };
    asked.iter().zip(partners).map(of).collect()
}

/// For each of `count` pictures another, each of them once: the next one in a shuffled round.
fn others(count: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(rng);
    let mut other = order.clone();
    order.iter().enumerate().for_each(|(at, picture)| other[*picture] = order[(at + 1) % count]);
    other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokenize;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_sentence_agrees_with_its_own_references_and_by_chance_with_those_of_another() {
        let colours = |text: &str| colours_of_parts(&tokenize(text));
        let names = ["red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "brown", "black"];
        let said: Vec<Colours> = names.iter().map(|name| colours(&format!("this flower has {name} petals"))).collect();
        // Two references each, one of which asks for a center that no sentence speaks of.
        let asked: Vec<Vec<Colours>> = names
            .iter()
            .map(|name| vec![colours(&format!("a {name} flower")), colours(&format!("petals that are {name} with a red center"))])
            .collect();
        let own: Vec<usize> = (0..names.len()).collect();
        let other = others(names.len(), &mut ChaCha8Rng::seed_from_u64(3));
        let mut once = other.clone();
        once.sort_unstable();
        assert!(once == own && own.iter().zip(&other).all(|(own, other)| own != other), "{other:?}");
        assert!(counts(&asked, &said, &own).iter().all(|found| *found == Agreement { hits: 2, asked: 3 }));
        assert!(counts(&asked, &said, &other).iter().all(|found| *found == Agreement { hits: 0, asked: 3 }));
        assert_eq!((others(1, &mut ChaCha8Rng::seed_from_u64(3)), others(0, &mut ChaCha8Rng::seed_from_u64(3))), (vec![0], vec![]));
    }
}
