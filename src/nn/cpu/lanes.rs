//! Floats computed on at once, as many as the vectors of the processor hold, and what is made of their operations on every one.

/// Vector instructions that this processor has. A value of such a type is the proof of it.
pub trait Simd: Copy + Send + Sync {
    /// As many floats as it computes on at once.
    type Lanes: Lanes;
    /// The same instructions on four floats.
    type Four: Simd;

    /// Floats in [`Simd::Lanes`].
    const LANES: usize = Self::Lanes::COUNT;
    /// Columns that a product of matrices computes at once: one, two or four vectors.
    const PANEL: usize;
    /// Rows that it computes at once: with the columns, what the registers hold.
    const ROWS: usize;

    /// `value` in every lane.
    fn splat(self, value: f32) -> Self::Lanes;
    /// The floats of `from` that begin at `at`.
    fn at(self, from: &[f32], at: usize) -> Self::Lanes;
    /// The upper and the lower halves of words, as many as there are lanes, as floats of 16 bits with ten behind the point, whose exponents
    /// count from −127.
    fn halves(self, words: &[u32]) -> [Self::Lanes; 2];
    /// For what has no more than four floats side by side.
    fn four(self) -> Self::Four;
}

/// A vector of floats.
pub trait Lanes: Copy {
    /// How many there are: 4, 8 or 16.
    const COUNT: usize;

    /// `value` in every lane.
    fn like(self, value: f32) -> Self;
    /// Writes the floats of `to` that begin at `at`.
    fn put(self, to: &mut [f32], at: usize);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// Where one of both is no number, `self`.
    fn max(self, other: Self) -> Self;
    /// Where one of both is no number, `self`.
    fn min(self, other: Self) -> Self;
    /// self · a + b, in one rounding where there is an instruction for it.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// 2ⁿ where the low bits of `self` hold n.
    fn power_of_two(self) -> Self;

    /// The largest of all.
    #[inline(always)]
    fn largest(self) -> f32 {
        let mut all = [f32::NEG_INFINITY; 16];
        self.put(&mut all, 0);
        all[..Self::COUNT].iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The sum of all, neighbours first.
    #[inline(always)]
    fn sum(self) -> f32 {
        let mut all = [0.0; 16];
        self.put(&mut all, 0);
        let mut count = Self::COUNT;
        while count > 1 {
            count /= 2;
            for i in 0..count {
                all[i] = all[2 * i] + all[2 * i + 1];
            }
        }
        all[0]
    }

    /// eˣ to 2 units in the last place or so: x = n ln 2 + r, a polynomial for eʳ (Cephes' `expf`), 2ⁿ made of bits.
    #[inline(always)]
    fn exp(self) -> Self {
        let x = self.max(self.like(-87.0)).min(self.like(88.0));
        // 1.5 · 2²³ moves the rounded number into the low bits.
        let shift = self.like(12_582_912.0);
        let shifted = x.mul_add(self.like(std::f32::consts::LOG2_E), shift);
        let n = shifted.sub(shift);
        // ln 2 in two parts, the first with few bits so that n times it is exact.
        let r = n.mul_add(self.like(-0.693_359_4), x);
        let r = n.mul_add(self.like(2.121_944_4e-4), r);
        let mut p = self.like(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            p = p.mul_add(r, self.like(coefficient));
        }
        let p = p.mul_add(r.mul(r), r.add(self.like(1.0)));
        // The low nine bits hold n (two's complement), the rest is shifted out.
        p.mul(shifted.power_of_two())
    }

    /// 1 / (1 + e⁻ˣ).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let one = self.like(1.0);
        one.div(one.add(self.like(0.0).sub(self).exp()))
    }

    /// tanh x = 2 σ(2x) − 1.
    #[inline(always)]
    fn tanh(self) -> Self {
        let two = self.like(2.0);
        self.mul(two).sigmoid().mul(two).sub(self.like(1.0))
    }
}

/// Softmax of `scores` + `prior`, in place; as many values as whole vectors.
#[inline(always)]
pub fn softmax<S: Simd>(simd: S, scores: &mut [f32], prior: &[f32]) {
    let mut largest = simd.splat(f32::NEG_INFINITY);
    for at in (0..scores.len()).step_by(S::LANES) {
        let value = simd.at(scores, at).add(simd.at(prior, at));
        value.put(scores, at);
        largest = largest.max(value);
    }
    let largest = simd.splat(largest.largest());
    let mut sum = simd.splat(0.0);
    for at in (0..scores.len()).step_by(S::LANES) {
        let value = simd.at(scores, at).sub(largest).exp();
        value.put(scores, at);
        sum = sum.add(value);
    }
    let scale = simd.splat(1.0 / sum.sum());
    for at in (0..scores.len()).step_by(S::LANES) {
        simd.at(scores, at).mul(scale).put(scores, at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::set::{Job, Set};
    use super::*;

    struct Exponentials;

    impl Job for Exponentials {
        type Output = ();

        fn run<S: Simd>(self, simd: S) {
            for i in -860..=860 {
                let x = i as f32 / 10.0;
                let found = simd.splat(x).exp().largest();
                assert!((f64::from(found) / f64::from(x).exp() - 1.0).abs() < 3e-7, "{x}: {found}");
                let found = simd.splat(x).tanh().largest();
                assert!((found - x.tanh()).abs() < 3e-7, "{x}: {found}");
            }
            assert_eq!(simd.splat(-1e30).exp().largest(), simd.splat(-87.0).exp().largest());
            assert!(simd.splat(-1e30).sigmoid().largest() < 1e-37);
            assert!(simd.splat(f32::NAN).tanh().sum().is_nan());
        }
    }

    struct Numbers;

    impl Job for Numbers {
        type Output = ();

        fn run<S: Simd>(self, simd: S) {
            let numbers: Vec<f32> = (0..20).map(|i| i as f32).collect();
            let mut found = vec![-1.0; 20];
            let lanes = simd.at(&numbers, 3);
            lanes.put(&mut found, 1);
            assert_eq!(found[1..=S::LANES], numbers[3..3 + S::LANES]);
            assert_eq!((found[0], found[S::LANES + 1]), (-1.0, -1.0));
            assert_eq!(lanes.largest(), (S::LANES + 2) as f32);
            assert_eq!(lanes.sum(), (3..3 + S::LANES).sum::<usize>() as f32);
            let two = simd.splat(2.0);
            let result = lanes.mul_add(two, two).sub(two).div(two).max(simd.splat(4.0)).min(simd.splat(5.0));
            result.put(&mut found, 0);
            assert_eq!(found[..4], [4.0, 4.0, 5.0, 5.0]);
            assert_eq!(S::Four::LANES, 4);
            assert_eq!(simd.four().at(&numbers, 7).add(simd.four().splat(1.0)).mul(simd.four().splat(1.0)).sum(), 38.0);
        }
    }

    #[test]
    fn every_set_computes_what_its_operations_are_called() {
        for set in Set::all() {
            set.run(Exponentials);
            set.run(Numbers);
        }
    }
}
