//! The computations that metrics are made of, a file each; the metrics themselves, behind one registry ([`metric`]); and
//! [`model::evaluate`], which takes all of them of a model.

pub mod attention;
pub mod bleu;
pub mod caption_scores;
pub mod cider;
pub mod colour_probe;
mod cosine;
pub mod diversity;
pub mod error;
mod evaluator;
pub mod features;
pub mod figure;
pub mod frechet;
pub mod inception;
pub mod inception_score;
pub mod interval;
pub mod judge;
pub mod kernel;
pub mod metric;
pub mod model;
pub mod r_precision;
pub mod rouge;
pub mod sentences;
pub mod spectrum;

/// A small corpus: candidates and references.
#[cfg(test)]
pub(crate) fn corpus() -> (Vec<Vec<String>>, Vec<Vec<Vec<String>>>) {
    let candidates = [
        "this flower has long pink petals and a yellow center",
        "the petals are white and the stamen is yellow",
        "a small blue bird bird on a branch with green leaves",
        "red",
    ];
    let references: [&[&str]; 4] = [
        &["this flower has pink petals with a yellow center", "a pink flower with long thin petals"],
        &["the petals of the flower are white and yellow", "white petals with a yellow stamen in the middle", "this flower is white"],
        &["a small blue bird sits on a branch", "a bird with blue wings"],
        &["a red flower with many petals"],
    ];
    let words = crate::text::tokenize;
    (candidates.map(words).to_vec(), references.iter().map(|texts| texts.iter().map(|text| words(text)).collect()).collect())
}

/// Rows by formula, 12 and 9 of 5 values, whose distances numpy gave.
#[cfg(test)]
pub(crate) fn formula() -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let a = (0..12).map(|i| (0..5).map(|j| ((i * 7 + j * 3) % 11) as f32 / 5.0 - 1.0).collect()).collect();
    let b = (0..9).map(|i| (0..5).map(|j| ((i * 5 + j * j * 2 + 3) % 13) as f32 / 6.0 - 0.5).collect()).collect();
    (a, b)
}
