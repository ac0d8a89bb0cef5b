//! Power spectra of pictures: points that stand above their surroundings where a woven pattern has its periods, and power by band.
//!
//! A picture's luminance, less its mean, is multiplied with a periodic Hann window, so that its edges draw no cross and a pattern whose
//! period divides the picture's size spreads to the next points alone; power is averaged over pictures. Around a point lie those from
//! [`INNER`] to [`OUTER`] points away; their geometric mean is what a smooth spectrum has in the middle: log |f| is harmonic in the plane, so
//! that a power law has the ratio 1, and a little less at the highest frequency, where the spectrum folds back.

use std::f64::consts::TAU;

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use super::interval::GROUPS;

/// Periods in pixels that patterns are looked for at: those of strides and of doublings.
pub const PERIODS: [usize; 3] = [2, 4, 8];

/// Lower edges of the bands of spatial frequency, in cycles a pixel; the last one has no upper edge.
pub const BANDS: [f64; 5] = [0.0, 0.1, 0.2, 0.3, 0.4];

/// How near to a point its surroundings begin, in points of the spectrum.
pub const INNER: f64 = 3.0;

/// How far they reach.
pub const OUTER: f64 = 5.0;

/// Luminance of red, green and blue (Rec. 601).
const LUMINANCE: [f64; 3] = [0.299, 0.587, 0.114];

/// The power spectra of pictures of one size, summed in [`GROUPS`] groups, which a jackknife leaves out in turn.
#[derive(Debug, Clone)]
pub struct Spectra {
    size: usize,
    /// Of each group, row after row.
    sums: Vec<Vec<f64>>,
    counts: [usize; GROUPS],
}

/// How far the points of a lattice stand above their surroundings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peaks {
    /// Mean ratio of a point's power to its surroundings'.
    pub mean: f64,
    /// The largest ratio.
    pub largest: f64,
}

impl Spectra {
    /// Of no picture yet, each to be `size` pixels wide and high.
    pub fn new(size: usize) -> Self {
        Self { size, sums: vec![vec![0.0; size * size]; GROUPS], counts: [0; GROUPS] }
    }

    /// Width and height of the pictures.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Pictures so far.
    pub fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Adds a picture.
    ///
    /// # Shapes
    /// - planes: red, green and blue, row after row, each (size, size)
    pub fn add(&mut self, planes: &[f32]) {
        let (size, area) = (self.size, self.size * self.size);
        let luminance = |i: usize| LUMINANCE.iter().enumerate().map(|(c, weight)| weight * f64::from(planes[c * area + i])).sum::<f64>();
        let edge: Vec<f64> = (0..size).map(|i| 0.5 - 0.5 * (TAU * i as f64 / size as f64).cos()).collect();
        let window = |i: usize| edge[i / size] * edge[i % size];
        let values: Vec<f64> = (0..area).map(luminance).collect();
        let weights: f64 = (0..area).map(window).sum();
        let mean = values.iter().enumerate().map(|(i, value)| window(i) * value).sum::<f64>() / weights;
        let mut rows: Vec<Complex<f64>> =
            values.iter().enumerate().map(|(i, value)| Complex::new(window(i) * (value - mean), 0.0)).collect();
        let transform = FftPlanner::new().plan_fft_forward(size);
        // Rows, then columns as rows of the transposed picture; the power is written back in its place.
        transform.process(&mut rows);
        let mut columns: Vec<Complex<f64>> = (0..area).map(|i| rows[i % size * size + i / size]).collect();
        transform.process(&mut columns);
        let group = self.count() % GROUPS;
        self.counts[group] += 1;
        for (i, value) in columns.iter().enumerate() {
            self.sums[group][i % size * size + i / size] += value.norm_sqr();
        }
    }

    /// The mean power of all pictures, or of those that are not in group `without`: (size, size), the constant part first.
    pub fn power(&self, without: Option<usize>) -> Vec<f64> {
        let groups = || (0..GROUPS).filter(|group| Some(*group) != without);
        let count: usize = groups().map(|group| self.counts[group]).sum();
        let at = |i: usize| groups().map(|group| self.sums[group][i]).sum::<f64>() / count.max(1) as f64;
        (0..self.size * self.size).map(at).collect()
    }
}

/// How far those points of a spectrum stand above their surroundings whose period divides `period` pixels in both directions, all but the
/// constant part.
///
/// # Shapes
/// - power: (size, size); `period` divides `size`, and [`OUTER`] is less than size / period
pub fn peaks(power: &[f64], size: usize, period: usize) -> Peaks {
    let step = size / period;
    let reach = OUTER as usize;
    let offsets: Vec<(usize, usize)> = (0..=2 * reach)
        .flat_map(|y| (0..=2 * reach).map(move |x| (y, x)))
        .filter(|(y, x)| {
            let distance = (*y as f64 - OUTER).hypot(*x as f64 - OUTER);
            (INNER..=OUTER).contains(&distance)
        })
        .collect();
    let ratio = |v: usize, u: usize| {
        // The spectrum is periodic.
        let logarithms = offsets.iter().map(|(y, x)| power[(v + size + y - reach) % size * size + (u + size + x - reach) % size].max(f64::MIN_POSITIVE).ln());
        power[v * size + u] / (logarithms.sum::<f64>() / offsets.len() as f64).exp()
    };
    let points = (1..period * period).map(|i| ratio(i / period * step, i % period * step));
    let (sum, largest) = points.fold((0.0, 0.0), |(sum, largest): (f64, f64), ratio| (sum + ratio, largest.max(ratio)));
    Peaks { mean: sum / (period * period - 1) as f64, largest }
}

/// The mean power of a spectrum's points in each of [`BANDS`], without the constant part.
///
/// # Shapes
/// - power: (size, size)
pub fn bands(power: &[f64], size: usize) -> [f64; BANDS.len()] {
    let (mut sums, mut counts) = ([0.0; BANDS.len()], [0usize; BANDS.len()]);
    // Frequencies above one half are negative ones.
    let frequency = |i: usize| i.min(size - i) as f64 / size as f64;
    for (i, value) in power.iter().enumerate().skip(1) {
        let radius = frequency(i / size).hypot(frequency(i % size));
        let band = BANDS.iter().rposition(|from| radius >= *from).unwrap_or(0);
        sums[band] += value;
        counts[band] += 1;
    }
    std::array::from_fn(|band| sums[band] / counts[band].max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const SIZE: usize = 64;

    /// A grey picture as planes.
    fn planes(value: impl Fn(usize, usize) -> f64) -> Vec<f32> {
        let plane: Vec<f32> = (0..SIZE * SIZE).map(|i| value(i / SIZE, i % SIZE) as f32).collect();
        [plane.clone(), plane.clone(), plane].concat()
    }

    #[test]
    fn a_wave_has_the_power_that_its_window_leaves_it() {
        let mut spectra = Spectra::new(SIZE);
        spectra.add(&planes(|_, x| 0.25 + (TAU * 10.0 * x as f64 / SIZE as f64).cos()));
        let power = spectra.power(None);
        let at = |v: usize, u: usize| power[v * SIZE + u];
        // Half the amplitude at either sign, times the window's mean, ½ in each direction, times the points.
        let height = (0.5 * 0.25 * (SIZE * SIZE) as f64).powi(2);
        assert!((at(0, 10) / height - 1.0).abs() < 1e-4 && (at(0, SIZE - 10) / height - 1.0).abs() < 1e-4, "{}", at(0, 10) / height);
        // Neighbours have −½ of the amplitude, those past them nothing; nor has the constant part.
        for (v, u, share) in [(0, 9, 0.25), (1, 10, 0.25), (1, 11, 0.0625), (0, 12, 0.0), (2, 10, 0.0), (0, 0, 0.0), (10, 0, 0.0)] {
            assert!((at(v, u) / height - share).abs() < 1e-4, "({v}, {u}): {}", at(v, u) / height);
        }
        assert_eq!((spectra.size(), spectra.count()), (SIZE, 1));
    }

    #[test]
    fn a_power_law_has_no_peaks() {
        for exponent in [1.0, 2.0, 3.0] {
            let frequency = |i: usize| i.min(SIZE - i) as f64;
            let power: Vec<f64> = (0..SIZE * SIZE)
                .map(|i| frequency(i / SIZE).hypot(frequency(i % SIZE)).max(0.5).powf(-exponent))
                .collect();
            for period in PERIODS {
                let Peaks { mean, largest } = peaks(&power, SIZE, period);
                assert!((0.75..1.05).contains(&mean) && largest < 1.15, "f^-{exponent}, period {period}: {mean}, {largest}");
            }
        }
    }

    #[test]
    fn peaks_are_counted_where_their_period_divides() {
        let mut power = vec![2.0; SIZE * SIZE];
        // A period of 4 px along x and of 2 px along y; its twin is its mirror image.
        power[SIZE / 2 * SIZE + SIZE / 4] = 20.0;
        power[SIZE / 2 * SIZE + 3 * SIZE / 4] = 20.0;
        // The constant part, and what lies on no lattice.
        power[0] = 1e9;
        power[20 * SIZE + 12] = 1e9;
        let [two, four, eight] = PERIODS.map(|period| peaks(&power, SIZE, period));
        assert!((two.mean - 1.0).abs() < 1e-9 && (two.largest - 1.0).abs() < 1e-9, "{two:?}");
        assert!((four.largest - 10.0).abs() < 1e-9 && (four.mean - (13.0 + 20.0) / 15.0).abs() < 1e-9, "{four:?}");
        // (16, 16) and (24, 8) are 5.7 points from (20, 12): outside of its surroundings.
        assert!((eight.largest - 10.0).abs() < 1e-9 && (eight.mean - (61.0 + 20.0) / 63.0).abs() < 1e-9, "{eight:?}");
    }

    /// Noise with and without a chequered pattern of a tenth of its strength.
    #[test]
    fn a_woven_pattern_is_found_in_noise_and_the_jackknife_holds_it() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let (mut plain, mut woven) = (Spectra::new(SIZE), Spectra::new(SIZE));
        for _ in 0..40 {
            let noise: Vec<f64> = (0..SIZE * SIZE).map(|_| rng.random_range(-1.0..1.0)).collect();
            let chequer = |y: usize, x: usize| if (y + x).is_multiple_of(2) { 0.1 } else { -0.1 };
            plain.add(&planes(|y, x| noise[y * SIZE + x]));
            woven.add(&planes(|y, x| noise[y * SIZE + x] + chequer(y, x)));
        }
        let found = |spectra: &Spectra, period| peaks(&spectra.power(None), SIZE, period);
        // Noise of variance ⅓ has ⅓ of the window's squared sum (⅜ a direction); the pattern the square of its own sum.
        let expected = 1.0 + (0.1 * 0.25 * (SIZE * SIZE) as f64).powi(2) / ((SIZE * SIZE) as f64 * 0.375f64.powi(2) / 3.0);
        let [without, with] = [&plain, &woven].map(|spectra| found(spectra, 2));
        assert!(without.largest < 2.0 && found(&plain, 8).mean < 1.3, "{without:?}");
        assert!((with.largest / expected - 1.0).abs() < 0.35, "{with:?}, expected {expected}");
        assert!((with.mean - (with.largest + 2.0) / 3.0).abs() < 0.5, "{with:?}");
        let left_out: Vec<f64> = (0..GROUPS).map(|group| peaks(&woven.power(Some(group)), SIZE, 2).largest).collect();
        assert!(left_out.iter().all(|value| *value != with.largest && (value / with.largest - 1.0).abs() < 0.2), "{left_out:?}");
    }

    #[test]
    fn bands_divide_the_plane() {
        let frequency = |i: usize| i.min(SIZE - i) as f64 / SIZE as f64;
        let power: Vec<f64> = (0..SIZE * SIZE)
            .map(|i| {
                let radius = frequency(i / SIZE).hypot(frequency(i % SIZE));
                // The corners, past the highest frequency of rows and columns, belong to the last band.
                if radius >= 0.4 { 5.0 } else { 1.0 + (radius * 10.0).floor() }
            })
            .collect();
        assert_eq!(bands(&power, SIZE), [1.0, 2.0, 3.0, 4.0, 5.0]);
        let mut constant = vec![3.0; SIZE * SIZE];
        constant[0] = 1e12;
        assert_eq!(bands(&constant, SIZE), [3.0; 5]);
    }
}
