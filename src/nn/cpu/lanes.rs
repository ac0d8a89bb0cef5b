//! Four floats computed on at once: `v128` of WebAssembly, elsewhere an array that the compiler makes a vector of.

/// Floats in [`Lanes`].
pub const LANES: usize = 4;

#[cfg(target_arch = "wasm32")]
mod imp {
    use core::arch::wasm32::*;

    /// Four floats.
    #[derive(Clone, Copy)]
    pub struct Lanes(v128);

    impl Lanes {
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }
        pub fn load(from: &[f32; 4]) -> Self {
            // SAFETY: 16 readable bytes; v128 loads need no alignment.
            Self(unsafe { v128_load(from.as_ptr().cast()) })
        }
        pub fn store(self, to: &mut [f32; 4]) {
            // SAFETY: 16 writable bytes.
            unsafe { v128_store(to.as_mut_ptr().cast(), self.0) }
        }
        pub fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }
        pub fn sub(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }
        pub fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }
        pub fn div(self, other: Self) -> Self {
            Self(f32x4_div(self.0, other.0))
        }
        pub fn max(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0))
        }
        pub fn min(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0))
        }
        /// self · a + b, in one rounding where the module was built with relaxed SIMD.
        pub fn mul_add(self, a: Self, b: Self) -> Self {
            #[cfg(target_feature = "relaxed-simd")]
            return Self(f32x4_relaxed_madd(self.0, a.0, b.0));
            #[cfg(not(target_feature = "relaxed-simd"))]
            Self(f32x4_add(f32x4_mul(self.0, a.0), b.0))
        }
        /// The upper and the lower halves of four words as floats of 16 bits with ten behind the point, whose exponents count from −127.
        pub fn halves(words: &[u32; 4]) -> [Self; 2] {
            // SAFETY: 16 readable bytes; v128 loads need no alignment.
            let both = unsafe { v128_load(words.as_ptr().cast()) };
            // The sign stays where it is; what a shift fills up with it is cut off again.
            let half = |word: v128| Self(v128_and(i32x4_shr(word, 3), u32x4_splat(0x8fff_e000)));
            [half(both), half(i32x4_shl(both, 16))]
        }
        /// 2ⁿ where the low bits of `self` hold n.
        pub fn power_of_two(self) -> Self {
            Self(i32x4_shl(i32x4_add(self.0, i32x4_splat(127)), 23))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use std::array::from_fn;

    /// Four floats.
    #[derive(Clone, Copy)]
    pub struct Lanes([f32; 4]);

    impl Lanes {
        pub fn splat(value: f32) -> Self {
            Self([value; 4])
        }
        pub fn load(from: &[f32; 4]) -> Self {
            Self(*from)
        }
        pub fn store(self, to: &mut [f32; 4]) {
            *to = self.0;
        }
        fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
            Self(from_fn(|i| f(self.0[i], other.0[i])))
        }
        pub fn add(self, other: Self) -> Self {
            self.zip(other, |a, b| a + b)
        }
        pub fn sub(self, other: Self) -> Self {
            self.zip(other, |a, b| a - b)
        }
        pub fn mul(self, other: Self) -> Self {
            self.zip(other, |a, b| a * b)
        }
        pub fn div(self, other: Self) -> Self {
            self.zip(other, |a, b| a / b)
        }
        pub fn max(self, other: Self) -> Self {
            self.zip(other, |a, b| if a < b { b } else { a })
        }
        pub fn min(self, other: Self) -> Self {
            self.zip(other, |a, b| if b < a { b } else { a })
        }
        /// self · a + b.
        pub fn mul_add(self, a: Self, b: Self) -> Self {
            self.mul(a).add(b)
        }
        /// The upper and the lower halves of four words as floats of 16 bits with ten behind the point, whose exponents count from −127.
        pub fn halves(words: &[u32; 4]) -> [Self; 2] {
            // The sign stays where it is; what a shift fills up with it is cut off again.
            let half = |word: u32| f32::from_bits((word as i32 >> 3) as u32 & 0x8fff_e000);
            [Self(from_fn(|i| half(words[i]))), Self(from_fn(|i| half(words[i] << 16)))]
        }
        /// 2ⁿ where the low bits of `self` hold n.
        pub fn power_of_two(self) -> Self {
            Self(self.0.map(|value| f32::from_bits(value.to_bits().wrapping_add(127) << 23)))
        }
    }
}

pub use imp::Lanes;

impl Lanes {
    /// The four floats of `from` at `at`.
    #[inline(always)]
    pub fn at(from: &[f32], at: usize) -> Self {
        let mut four = [0.0; LANES];
        four.copy_from_slice(&from[at..at + LANES]);
        Self::load(&four)
    }

    /// Writes the four floats of `to` at `at`.
    #[inline(always)]
    pub fn put(self, to: &mut [f32], at: usize) {
        let mut four = [0.0; LANES];
        self.store(&mut four);
        to[at..at + LANES].copy_from_slice(&four);
    }

    /// The largest of the four.
    pub fn largest(self) -> f32 {
        let mut four = [0.0; LANES];
        self.store(&mut four);
        four.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The sum of the four.
    pub fn sum(self) -> f32 {
        let mut four = [0.0; LANES];
        self.store(&mut four);
        (four[0] + four[1]) + (four[2] + four[3])
    }

    /// eˣ to 2 units in the last place or so: x = n ln 2 + r, a polynomial for eʳ (Cephes' `expf`), 2ⁿ made of bits.
    #[inline(always)]
    pub fn exp(self) -> Self {
        let s = Self::splat;
        let x = self.max(s(-87.0)).min(s(88.0));
        // 1.5 · 2²³ moves the rounded number into the low bits.
        let shifted = x.mul_add(s(std::f32::consts::LOG2_E), s(12_582_912.0));
        let n = shifted.sub(s(12_582_912.0));
        // ln 2 in two parts, the first with few bits so that n times it is exact.
        let r = n.mul_add(s(-0.693_359_4), x);
        let r = n.mul_add(s(2.121_944_4e-4), r);
        let mut p = s(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            p = p.mul_add(r, s(coefficient));
        }
        let p = p.mul_add(r.mul(r), r.add(s(1.0)));
        // The low nine bits hold n (two's complement), the rest is shifted out.
        p.mul(shifted.power_of_two())
    }

    /// 1 / (1 + e⁻ˣ).
    #[inline(always)]
    pub fn sigmoid(self) -> Self {
        let one = Self::splat(1.0);
        one.div(one.add(Self::splat(0.0).sub(self).exp()))
    }

    /// tanh x = 2 σ(2x) − 1.
    #[inline(always)]
    pub fn tanh(self) -> Self {
        let two = Self::splat(2.0);
        self.mul(two).sigmoid().mul(two).sub(Self::splat(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_exponentials() {
        for i in -860..=860 {
            let x = i as f32 / 10.0;
            let found = Lanes::splat(x).exp().largest();
            assert!((f64::from(found) / f64::from(x).exp() - 1.0).abs() < 3e-7, "{x}: {found}");
            let found = Lanes::splat(x).tanh().largest();
            assert!((found - x.tanh()).abs() < 3e-7, "{x}: {found}");
        }
        assert_eq!(Lanes::splat(-1e30).exp().largest(), Lanes::splat(-87.0).exp().largest());
        assert!(Lanes::splat(-1e30).sigmoid().largest() < 1e-37);
    }
}
