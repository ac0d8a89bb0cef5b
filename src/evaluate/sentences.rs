//! How many different sentences are said of pictures, and whether they give parts the colours that were asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The expected number of distinct sentences among `count` of them, drawn without repetition (Hurlbert 1971, rarefaction): so sets of
/// different size can be compared. All of them where there are no more than `count`.
///
/// Σ over different sentences of 1 − C(n − c, count) / C(n, count), c how often the sentence is said among all n.
pub fn distinct(sentences: &[Vec<String>], count: usize) -> f64 {
    let n = sentences.len();
    let count = count.min(n);
    let mut said: HashMap<&[String], usize> = HashMap::new();
    sentences.iter().for_each(|sentence| *said.entry(sentence).or_default() += 1);
    let mut times: Vec<usize> = said.into_values().collect();
    // In one order, for sums of floats depend on it.
    times.sort_unstable();
    let missed = |times: usize| (0..count).map(|i| n.saturating_sub(times + i) as f64 / (n - i) as f64).product::<f64>();
    times.into_iter().fold(0.0, |sum, times| sum + 1.0 - missed(times))
}

/// The colours of each part that a sentence names.
pub type Colours = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// How many parts one sentence gives a colour, and how many of them have it, or one of them, in another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Parts that have one of their colours in the other sentence.
    pub hits: usize,
    /// Parts.
    pub asked: usize,
}

impl Agreement {
    /// Of the parts of `asked`, those of which `said` names one of the same colours; a part that `said` does not speak of is missed.
    pub fn of(asked: &Colours, said: &Colours) -> Self {
        let hit = |(part, colours): &(&&str, &BTreeSet<&str>)| said.get(**part).is_some_and(|other| !other.is_disjoint(colours));
        Self { hits: asked.iter().filter(hit).count(), asked: asked.len() }
    }

    /// Of both.
    pub fn plus(self, other: Self) -> Self {
        Self { hits: self.hits + other.hits, asked: self.asked + other.asked }
    }

    /// The share of hits.
    pub fn share(self) -> f64 {
        self.hits as f64 / self.asked.max(1) as f64
    }
}

/// The colours of parts in a sentence of plain words, as captions of flowers and birds have them.
///
/// Colours belong to the part that follows them ("pink and white petals") or, after "is" or "are" and where no part follows before the next
/// "with", "has" or "have", to the part before ("petals that are pink with a yellow center"). A part that "and" joins to one with colours
/// before it has the same ("a white belly and breast"). Flower and petals, bird and body are one part each.
pub fn colours_of_parts(words: &[String]) -> Colours {
    let mut found = Colours::new();
    let mut give = |part: &'static str, colours: &mut Vec<&'static str>| {
        if !colours.is_empty() {
            found.entry(part).or_default().extend(colours.drain(..));
        }
    };
    let (mut subject, mut predicate) = (None, false);
    let mut waiting = Vec::new();
    // Those of the part before, for one that is joined to it.
    let mut before: Vec<&str> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if let Some(colour) = colour(word) {
            waiting.push(colour);
            let part_follows = words.get(index + 1).is_some_and(|next| part(next).is_some());
            if let Some(subject) = subject.filter(|_| predicate && !part_follows) {
                give(subject, &mut waiting);
            }
        } else if let Some(named) = part(word) {
            if waiting.is_empty() && is_joined(words, index) {
                waiting.clone_from(&before);
            }
            before.clone_from(&waiting);
            give(named, &mut waiting);
            (subject, predicate) = (Some(named), false);
        } else if matches!(word.as_str(), "is" | "are") {
            predicate = true;
        } else if matches!(word.as_str(), "with" | "has" | "have") {
            if let Some(subject) = subject {
                give(subject, &mut waiting);
            }
            predicate = false;
        }
    }
    if let Some(subject) = subject {
        give(subject, &mut waiting);
    }
    found
}

/// Whether "and" joins the part at `index` to one right before it, and nothing is said of it alone.
fn is_joined(words: &[String], index: usize) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| words.get(at)).map_or("", String::as_str);
    let alone = matches!(word(Some(index + 1)), "that" | "is" | "are" | "which");
    word(index.checked_sub(1)) == "and" && part(word(index.checked_sub(2))).is_some() && !alone
}

/// The colour that a word names, "reddish" as "red".
fn colour(word: &str) -> Option<&'static str> {
    Some(match word {
        "red" | "reddish" | "crimson" | "scarlet" => "red",
        "orange" | "orangish" => "orange",
        "yellow" | "yellowish" | "golden" | "gold" => "yellow",
        "green" | "greenish" => "green",
        "blue" | "bluish" | "blueish" => "blue",
        "purple" | "purplish" | "violet" => "purple",
        "pink" | "pinkish" => "pink",
        "white" | "whitish" => "white",
        "lavender" | "lilac" => "lavender",
        "maroon" | "burgundy" => "maroon",
        "magenta" | "fuchsia" => "magenta",
        "brown" | "brownish" => "brown",
        "black" | "blackish" => "black",
        "grey" | "gray" | "greyish" | "grayish" => "grey",
        "tan" | "beige" | "buff" => "tan",
        "cream" | "ivory" => "cream",
        "peach" => "peach",
        _ => return None,
    })
}

/// The part that a word names, of a flower or of a bird.
fn part(word: &str) -> Option<&'static str> {
    Some(match word {
        "petal" | "petals" | "flower" | "flowers" | "bloom" | "blooms" | "blossom" | "blossoms" => "petals",
        "center" | "centers" | "centre" | "middle" => "center",
        "stamen" | "stamens" => "stamen",
        "pistil" | "pistils" => "pistil",
        "stigma" | "stigmas" => "stigma",
        "anther" | "anthers" => "anthers",
        "filament" | "filaments" => "filaments",
        "pollen" => "pollen",
        "sepal" | "sepals" => "sepals",
        "leaf" | "leaves" => "leaves",
        "stem" | "stems" | "pedicel" => "stem",
        "edge" | "edges" | "tip" | "tips" => "edges",
        "bird" | "birds" | "body" | "feathers" | "plumage" => "bird",
        "head" | "face" => "head",
        "crown" | "cap" => "crown",
        "nape" | "neck" => "nape",
        "throat" => "throat",
        "breast" | "chest" => "breast",
        "belly" | "abdomen" | "stomach" | "underside" | "underbelly" => "belly",
        "back" => "back",
        "wing" | "wings" => "wings",
        "wingbar" | "wingbars" => "wingbars",
        "tail" | "rectrices" => "tail",
        "bill" | "beak" => "bill",
        "eye" | "eyes" => "eye",
        "eyering" => "eyering",
        "eyebrow" | "superciliary" => "eyebrow",
        "cheek" | "cheeks" => "cheeks",
        "side" | "sides" | "flank" | "flanks" => "flanks",
        "rump" => "rump",
        "foot" | "feet" | "leg" | "legs" | "tarsus" | "tarsi" => "legs",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokenize;

    fn sentences(texts: &[&str]) -> Vec<Vec<String>> {
        texts.iter().map(|text| tokenize(text)).collect()
    }

    #[test]
    fn distinct_sentences_among_some_are_expected_as_if_drawn() {
        let five = sentences(&["a", "b", "a", "c", "a"]);
        for (count, expected) in [(5, 3.0), (100, 3.0), (1, 1.0), (0, 0.0)] {
            assert!((distinct(&five, count) - expected).abs() < 1e-12, "{count}");
        }
        assert_eq!(distinct(&[], 100), 0.0);
        // Two of them: one only where both are "a", 3 of 10 pairs.
        assert!((distinct(&five, 2) - 1.7).abs() < 1e-12);
        // Three of them: aaa 1, two a and another 3 · 2 = 6, a with both others 3, of 10.
        assert!((distinct(&five, 3) - (1.0 + 6.0 * 2.0 + 3.0 * 3.0) / 10.0).abs() < 1e-12);
        let same = vec![tokenize("this flower is red"); 700];
        assert!((distinct(&same, 100) - 1.0).abs() < 1e-12);
    }

    /// "part: colours" of a sentence.
    fn found(text: &str) -> Vec<String> {
        let colours = colours_of_parts(&tokenize(text));
        colours.into_iter().map(|(part, colours)| format!("{part}: {}", colours.into_iter().collect::<Vec<_>>().join(" "))).collect()
    }

    #[test]
    fn colours_find_their_parts() {
        let cases: [(&str, &[&str]); 16] = [
            ("this flower has pink petals and a yellow center", &["center: yellow", "petals: pink"]),
            ("this flower has petals that are pink with yellow stamen", &["petals: pink", "stamen: yellow"]),
            ("the petals are white and the stamen is yellow", &["petals: white", "stamen: yellow"]),
            ("this flower is purple and white in color with a green pedicel", &["petals: purple white", "stem: green"]),
            ("a flower with large white and pink petals", &["petals: pink white"]),
            ("petals that are yellow and brown anthers", &["anthers: brown", "petals: yellow"]),
            ("this bird is white with grey wings and a long orange bill", &["bill: orange", "bird: white", "wings: grey"]),
            ("a small bird with a yellow belly gray head and black beak", &["belly: yellow", "bill: black", "head: grey"]),
            ("the bird has a reddish breast and its tail is brown", &["breast: red", "tail: brown"]),
            ("a blue bird that has brown feet", &["bird: blue", "legs: brown"]),
            ("this bird has a white belly and breast with a short bill", &["belly: white", "breast: white"]),
            ("a bird with a black crown and nape and wings that are brown", &["crown: black", "nape: black", "wings: brown"]),
            ("white petals and stamen that is yellow", &["petals: white", "stamen: yellow"]),
            ("a bird with wings and a red tail", &["tail: red"]),
            ("a small red circle on a white ground", &[]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn agreement_counts_the_parts_that_were_asked_for() {
        let of = |asked: &str, said: &str| {
            let [asked, said] = [asked, said].map(|text| colours_of_parts(&tokenize(text)));
            let Agreement { hits, asked } = Agreement::of(&asked, &said);
            (hits, asked)
        };
        let prompt = "this flower has pink petals and a yellow center";
        assert_eq!(of(prompt, prompt), (2, 2));
        assert_eq!(of(prompt, "the petals are yellow and the center is pink"), (0, 2), "right colours of wrong parts");
        assert_eq!(of(prompt, "this flower has petals that are pink and white"), (1, 2), "one of two colours; nothing of the center");
        assert_eq!(of("a nice flower", prompt), (0, 0), "what is not asked for is no miss");
        let sum = [(1, 2), (0, 2), (0, 0)].map(|(hits, asked)| Agreement { hits, asked }).into_iter().fold(Agreement::default(), Agreement::plus);
        assert_eq!((sum, sum.share(), Agreement::default().share()), (Agreement { hits: 1, asked: 4 }, 0.25, 0.0));
    }
}
