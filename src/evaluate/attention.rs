//! Does a colour word look where its colour is? A correlation in which no trained judge takes part.

use rand::Rng;
use rand::seq::SliceRandom;

use super::colour_probe::Colour;
use crate::picture::Picture;

/// The least share of a picture that must have a colour, and the largest: what is nowhere or everywhere has no place.
pub const SHARES: (f64, f64) = (0.01, 0.99);

/// A colour word of a caption at a stage that attends: where it looked, and where the colour is in what the stage drew.
#[derive(Debug, Clone)]
pub struct Gaze {
    /// The word.
    pub colour: &'static str,
    /// Width and height of the stage's pictures.
    pub size: usize,
    /// Which of the drawn pictures.
    pub picture: usize,
    /// The word's attention, row after row.
    pub attention: Vec<f32>,
    /// The share of the pixels at each place of the map that have the colour.
    pub place: Vec<f32>,
}

impl Gaze {
    /// How well the two fit; none where the word looks everywhere alike.
    pub fn correlation(&self) -> Option<f64> {
        correlation(&self.attention, &self.place)
    }
}

/// Where `picture` has `colour`, as shares of the squares of pixels that are one place of a map of `size` places in a row; none where less
/// or more of the picture than [`SHARES`] has it.
pub fn place(colour: &Colour, picture: &Picture, size: usize) -> Option<Vec<f32>> {
    let width = picture.width();
    let factor = (width / size.max(1)).max(1);
    let mut counts = vec![0usize; size * size];
    for (i, pixel) in picture.rgba().chunks_exact(4).enumerate() {
        let (y, x) = (i / width / factor, i % width / factor);
        if y < size && x < size && colour.matches([pixel[0], pixel[1], pixel[2]]) {
            counts[y * size + x] += 1;
        }
    }
    let square = (factor * factor) as f64;
    let share = counts.iter().sum::<usize>() as f64 / (square * counts.len().max(1) as f64);
    (share >= SHARES.0 && share <= SHARES.1).then(|| counts.iter().map(|count| (*count as f64 / square) as f32).collect())
}

/// Pearson's correlation; none where either does not vary.
///
/// # Shapes
/// - a, b: as many values each
pub fn correlation(a: &[f32], b: &[f32]) -> Option<f64> {
    let n = a.len().min(b.len()) as f64;
    let mean = |values: &[f32]| values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a) - mean_a, f64::from(*b) - mean_b);
        both += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    let scale = (of_a * of_b).sqrt();
    (scale > 0.0 && scale.is_finite()).then(|| both / scale)
}

/// The correlations of each place with the attention of a word in another picture, maps shuffled among pictures: what colour words that
/// looked alike everywhere, at the middle above all, would reach. Words of one and the same picture alone have none.
pub fn chance(gazes: &[&Gaze], rng: &mut impl Rng) -> Vec<f64> {
    let mut order: Vec<usize> = (0..gazes.len()).collect();
    order.shuffle(rng);
    let other = |at: usize| {
        let own = gazes[order[at]].picture;
        (1..order.len()).map(|step| gazes[order[(at + step) % order.len()]]).find(|gaze| gaze.picture != own)
    };
    (0..order.len()).filter_map(|at| correlation(&other(at)?.attention, &gazes[order[at]].place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::colour_probe::Probe;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn red() -> Colour {
        *Probe::Petals.colours().iter().find(|colour| colour.name == "red").unwrap()
    }

    /// A blue picture of 8 px, red in columns `red` of the first four rows.
    fn picture(red: std::ops::Range<usize>) -> Picture {
        let rgba = (0..64).flat_map(|i| if i / 8 < 4 && red.contains(&(i % 8)) { [200, 20, 30, 255] } else { [40, 70, 200, 255] });
        Picture::from_rgba(8, 8, rgba.collect()).unwrap()
    }

    #[test]
    fn a_place_is_the_share_of_its_pixels() {
        // Columns 0 to 2: the second place of a row is half red.
        let found = place(&red(), &picture(0..3), 4).unwrap();
        assert_eq!(found[..8], [1.0, 0.5, 0.0, 0.0, 1.0, 0.5, 0.0, 0.0]);
        assert!(found[8..].iter().all(|share| *share == 0.0));
        assert_eq!(place(&red(), &picture(0..0), 4), None, "no red at all");
        let all = Picture::from_rgba(8, 8, [200, 20, 30, 255].repeat(64)).unwrap();
        assert_eq!(place(&red(), &all, 4), None, "all of it red");
    }

    #[test]
    fn correlations_by_hand() {
        let found = |a: &[f32], b: &[f32]| correlation(a, b);
        assert!((found(&[1.0, 2.0, 4.0], &[10.0, 20.0, 40.0]).unwrap() - 1.0).abs() < 1e-12);
        assert!((found(&[1.0, 2.0, 4.0], &[-1.0, -2.0, -4.0]).unwrap() + 1.0).abs() < 1e-12);
        // Deviations (−1, 0, 1) and (−⅓, ⅔, −⅓).
        assert!(found(&[0.0, 1.0, 2.0], &[0.0, 1.0, 0.0]).unwrap().abs() < 1e-12);
        // (−1.5, −0.5, 0.5, 1.5) and (−0.5, 0.5, −0.5, 0.5): 1 / √(5 · 1).
        assert!((found(&[0.0, 1.0, 2.0, 3.0], &[0.0, 1.0, 0.0, 1.0]).unwrap() - 1.0 / 5.0f64.sqrt()).abs() < 1e-12);
        assert_eq!(found(&[0.5; 4], &[0.0, 1.0, 0.0, 1.0]), None);
    }

    fn gaze(picture: usize, attention: Vec<f32>, place: Vec<f32>) -> Gaze {
        Gaze { colour: "red", size: 128, picture, attention, place }
    }

    #[test]
    fn words_that_look_where_their_colour_is_beat_chance_and_those_that_all_look_at_the_middle_do_not() {
        let one = |at: usize| (0..64).map(|i| f32::from(u8::from(i == at))).collect::<Vec<_>>();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let looking: Vec<Gaze> = (0..64).map(|i| gaze(i, one(i), one(i))).collect();
        let looking: Vec<&Gaze> = looking.iter().collect();
        assert!(looking.iter().all(|gaze| gaze.correlation().is_some_and(|found| (found - 1.0).abs() < 1e-9)));
        // Any two places differ: −1/63.
        assert!((mean(&chance(&looking, &mut rng)) + 1.0 / 63.0).abs() < 1e-9);
        let middle: Vec<Gaze> = (0..64).map(|i| gaze(i, one(27), one(27))).collect();
        let middle: Vec<&Gaze> = middle.iter().collect();
        assert!((mean(&chance(&middle, &mut rng)) - 1.0).abs() < 1e-9);
        // Two words of one picture are no chance for each other.
        let alone = [gaze(3, one(1), one(1)), gaze(3, one(2), one(2))];
        assert!(chance(&alone.iter().collect::<Vec<_>>(), &mut rng).is_empty());
        let two = [gaze(3, one(1), one(1)), gaze(3, one(2), one(2)), gaze(4, one(1), one(1))];
        assert_eq!(chance(&two.iter().collect::<Vec<_>>(), &mut rng).len(), 3);
    }
}
