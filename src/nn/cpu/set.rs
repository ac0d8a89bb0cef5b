//! Which vector instructions compute: chosen when a network is laid out, by what the processor has.
//!
//! Natively AVX-512, AVX2 with FMA or NEON by the crate `pulp`, else four lanes that every processor has; in WebAssembly its own.

use super::lanes::{Lanes, Simd};

/// What is compiled once for each set of instructions.
pub trait Job {
    type Output;

    /// Marked `#[inline(always)]`, as all that it calls: only then it becomes part of a function that may use the instructions.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// A set of vector instructions that this processor has.
#[derive(Clone, Copy)]
pub struct Set(Kind);

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::Kind;
#[cfg(target_arch = "wasm32")]
pub use wasm::Kind;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::*;
    use core::arch::wasm32::*;

    /// WebAssembly has one set.
    #[derive(Clone, Copy)]
    pub struct Kind;

    impl Set {
        /// The fastest.
        pub fn best() -> Self {
            Self(Kind)
        }

        /// What the set is called.
        pub fn name(self) -> &'static str {
            "SIMD128"
        }

        /// [`Simd::PANEL`].
        pub fn panel(self) -> usize {
            Kind::PANEL
        }

        /// Runs `job`.
        #[inline(always)]
        pub fn run<J: Job>(self, job: J) -> J::Output {
            job.run(self.0)
        }
    }

    impl Simd for Kind {
        type Lanes = Four;
        type Four = Self;

        const PANEL: usize = 8;
        const ROWS: usize = 4;

        #[inline(always)]
        fn splat(self, value: f32) -> Four {
            Four(f32x4_splat(value))
        }
        #[inline(always)]
        fn at(self, from: &[f32], at: usize) -> Four {
            let mut four = [0.0f32; 4];
            four.copy_from_slice(&from[at..at + 4]);
            // SAFETY: 16 readable bytes; v128 loads need no alignment.
            Four(unsafe { v128_load(four.as_ptr().cast()) })
        }
        #[inline(always)]
        fn halves(self, words: &[u32]) -> [Four; 2] {
            let mut four = [0u32; 4];
            four.copy_from_slice(&words[..4]);
            // SAFETY: 16 readable bytes; v128 loads need no alignment.
            let both = unsafe { v128_load(four.as_ptr().cast()) };
            // The sign stays where it is; what a shift fills up with it is cut off again.
            let half = |word: v128| Four(v128_and(i32x4_shr(word, 3), u32x4_splat(0x8fff_e000)));
            [half(both), half(i32x4_shl(both, 16))]
        }
        #[inline(always)]
        fn four(self) -> Self {
            self
        }
    }

    /// Four floats.
    #[derive(Clone, Copy)]
    pub struct Four(v128);

    impl Lanes for Four {
        const COUNT: usize = 4;

        #[inline(always)]
        fn like(self, value: f32) -> Self {
            Self(f32x4_splat(value))
        }
        #[inline(always)]
        fn put(self, to: &mut [f32], at: usize) {
            let mut four = [0.0f32; 4];
            // SAFETY: 16 writable bytes.
            unsafe { v128_store(four.as_mut_ptr().cast(), self.0) }
            to[at..at + 4].copy_from_slice(&four);
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Self(f32x4_div(self.0, other.0))
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0))
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0))
        }
        #[inline(always)]
        fn mul_add(self, a: Self, b: Self) -> Self {
            #[cfg(target_feature = "relaxed-simd")]
            return Self(f32x4_relaxed_madd(self.0, a.0, b.0));
            #[cfg(not(target_feature = "relaxed-simd"))]
            Self(f32x4_add(f32x4_mul(self.0, a.0), b.0))
        }
        #[inline(always)]
        fn power_of_two(self) -> Self {
            Self(i32x4_shl(i32x4_add(self.0, i32x4_splat(127)), 23))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::array::from_fn;

    use super::*;
    #[cfg(target_arch = "aarch64")]
    use pulp::aarch64::Neon;
    use pulp::bytemuck::{bytes_of, cast_slice, cast_slice_mut, pod_read_unaligned};
    #[cfg(target_arch = "x86_64")]
    use pulp::x86::{V3, V3_128b, V4};

    /// The sets that a native program chooses from.
    #[derive(Clone, Copy)]
    pub enum Kind {
        Plain(Plain),
        #[cfg(target_arch = "x86_64")]
        Avx2(Avx2),
        #[cfg(target_arch = "x86_64")]
        Avx512(Avx512),
        #[cfg(target_arch = "aarch64")]
        Neon(NeonSet),
    }

    impl Set {
        /// The fastest that this processor has.
        pub fn best() -> Self {
            Self::all().pop().unwrap_or_else(Self::plain)
        }

        /// Four lanes without instructions of their own: what the compiler makes of arrays on any processor.
        pub fn plain() -> Self {
            Self(Kind::Plain(Plain))
        }

        /// Those that this processor has, the fastest last.
        pub fn all() -> Vec<Self> {
            let mut kinds = vec![Kind::Plain(Plain)];
            #[cfg(target_arch = "x86_64")]
            {
                kinds.extend(V3::try_new().map(|simd| Kind::Avx2(Avx2(simd))));
                kinds.extend(V4::try_new().map(|simd| Kind::Avx512(Avx512(simd))));
            }
            #[cfg(target_arch = "aarch64")]
            kinds.extend(Neon::try_new().map(|simd| Kind::Neon(NeonSet(simd))));
            kinds.into_iter().map(Self).collect()
        }

        /// What the set is called.
        pub fn name(self) -> &'static str {
            match self.0 {
                Kind::Plain(_) => "plain",
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2(_) => "AVX2",
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512(_) => "AVX-512",
                #[cfg(target_arch = "aarch64")]
                Kind::Neon(_) => "NEON",
            }
        }

        /// [`Simd::PANEL`].
        pub fn panel(self) -> usize {
            match self.0 {
                Kind::Plain(_) => Plain::PANEL,
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2(_) => Avx2::PANEL,
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512(_) => Avx512::PANEL,
                #[cfg(target_arch = "aarch64")]
                Kind::Neon(_) => NeonSet::PANEL,
            }
        }

        /// Runs `job` as it was compiled for the set.
        #[inline(always)]
        pub fn run<J: Job>(self, job: J) -> J::Output {
            match self.0 {
                Kind::Plain(simd) => job.run(simd),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2(simd) => pulp::Simd::vectorize(simd.0, Vectorized(simd, job)),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512(simd) => pulp::Simd::vectorize(simd.0, Vectorized(simd, job)),
                #[cfg(target_arch = "aarch64")]
                Kind::Neon(simd) => pulp::Simd::vectorize(simd.0, Vectorized(simd, job)),
            }
        }
    }

    struct Vectorized<S, J>(S, J);

    impl<S: Simd, J: Job> pulp::NullaryFnOnce for Vectorized<S, J> {
        type Output = J::Output;

        #[inline(always)]
        fn call(self) -> J::Output {
            self.1.run(self.0)
        }
    }

    /// A set of `pulp`'s: its name, pulp's, pulp's of four lanes made of it, columns and rows of a product.
    macro_rules! of_pulp {
        ($name:ident($simd:ty), |$this:ident| $four:ident($own:expr), $panel:literal, $rows:literal) => {
            #[derive(Clone, Copy)]
            pub struct $name($simd);

            impl Simd for $name {
                type Lanes = PulpLanes<$simd>;
                type Four = $four;

                const PANEL: usize = $panel;
                const ROWS: usize = $rows;

                #[inline(always)]
                fn splat(self, value: f32) -> Self::Lanes {
                    PulpLanes(self.0, pulp::Simd::splat_f32s(self.0, value))
                }
                #[inline(always)]
                fn at(self, from: &[f32], at: usize) -> Self::Lanes {
                    PulpLanes(self.0, pod_read_unaligned(cast_slice(&from[at..at + Self::LANES])))
                }
                #[inline(always)]
                fn halves(self, words: &[u32]) -> [Self::Lanes; 2] {
                    let simd = self.0;
                    let both = pod_read_unaligned(cast_slice(&words[..Self::LANES]));
                    let bits = |word, mask| pulp::Simd::and_u32s(simd, word, pulp::Simd::splat_u32s(simd, mask));
                    let shift = |count| pulp::Simd::splat_u32s(simd, count);
                    // The sign stays where it is.
                    let half = |word| {
                        let rest = bits(pulp::Simd::wrapping_dyn_shr_u32s(simd, word, shift(3)), 0x0fff_e000);
                        let value = pulp::Simd::or_u32s(simd, bits(word, 0x8000_0000), rest);
                        PulpLanes(simd, pulp::Simd::transmute_f32s_u32s(simd, value))
                    };
                    [half(both), half(pulp::Simd::wrapping_dyn_shl_u32s(simd, both, shift(16)))]
                }
                #[inline(always)]
                fn four(self) -> $four {
                    let $this = self.0;
                    $four($own)
                }
            }
        };
    }

    #[cfg(target_arch = "x86_64")]
    of_pulp!(Avx2(V3), |simd| AvxOfFour(V3_128b(simd)), 16, 4);
    #[cfg(target_arch = "x86_64")]
    of_pulp!(Avx512(V4), |simd| AvxOfFour(V3_128b(*simd)), 32, 8);
    #[cfg(target_arch = "x86_64")]
    of_pulp!(AvxOfFour(V3_128b), |simd| AvxOfFour(simd), 8, 4);
    #[cfg(target_arch = "aarch64")]
    of_pulp!(NeonSet(Neon), |simd| NeonSet(simd), 16, 4);

    /// As many floats as one of `pulp`'s sets has.
    #[derive(Clone, Copy)]
    pub struct PulpLanes<P: pulp::Simd>(P, P::f32s);

    impl<P: pulp::Simd> Lanes for PulpLanes<P> {
        const COUNT: usize = P::F32_LANES;

        #[inline(always)]
        fn like(self, value: f32) -> Self {
            Self(self.0, self.0.splat_f32s(value))
        }
        #[inline(always)]
        fn put(self, to: &mut [f32], at: usize) {
            cast_slice_mut::<f32, u8>(&mut to[at..at + Self::COUNT]).copy_from_slice(bytes_of(&self.1));
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(self.0, self.0.add_f32s(self.1, other.1))
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(self.0, self.0.sub_f32s(self.1, other.1))
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(self.0, self.0.mul_f32s(self.1, other.1))
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Self(self.0, self.0.div_f32s(self.1, other.1))
        }
        // The instructions of x86 give the second where one of both is no number.
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Self(self.0, self.0.max_f32s(other.1, self.1))
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            Self(self.0, self.0.min_f32s(other.1, self.1))
        }
        #[inline(always)]
        fn mul_add(self, a: Self, b: Self) -> Self {
            Self(self.0, self.0.mul_add_f32s(self.1, a.1, b.1))
        }
        #[inline(always)]
        fn power_of_two(self) -> Self {
            let simd = self.0;
            let exponent = simd.add_u32s(simd.transmute_u32s_f32s(self.1), simd.splat_u32s(127));
            Self(simd, simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23))))
        }
    }

    /// Four floats of an array, of which the compiler makes a vector: SSE2 on x86-64. Version 0.1.0 drew so.
    #[derive(Clone, Copy)]
    pub struct Plain;

    impl Simd for Plain {
        type Lanes = Four;
        type Four = Self;

        const PANEL: usize = 8;
        const ROWS: usize = 4;

        #[inline(always)]
        fn splat(self, value: f32) -> Four {
            Four([value; 4])
        }
        #[inline(always)]
        fn at(self, from: &[f32], at: usize) -> Four {
            let from = &from[at..at + 4];
            Four([from[0], from[1], from[2], from[3]])
        }
        #[inline(always)]
        fn halves(self, words: &[u32]) -> [Four; 2] {
            // The sign stays where it is; what a shift fills up with it is cut off again.
            let half = |word: u32| f32::from_bits((word as i32 >> 3) as u32 & 0x8fff_e000);
            let words = &words[..4];
            [Four(from_fn(|i| half(words[i]))), Four(from_fn(|i| half(words[i] << 16)))]
        }
        #[inline(always)]
        fn four(self) -> Self {
            self
        }
    }

    #[derive(Clone, Copy)]
    pub struct Four([f32; 4]);

    impl Four {
        #[inline(always)]
        fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
            Self(from_fn(|i| f(self.0[i], other.0[i])))
        }
    }

    impl Lanes for Four {
        const COUNT: usize = 4;

        #[inline(always)]
        fn like(self, value: f32) -> Self {
            Self([value; 4])
        }
        #[inline(always)]
        fn put(self, to: &mut [f32], at: usize) {
            to[at..at + 4].copy_from_slice(&self.0);
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            self.zip(other, |a, b| a + b)
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            self.zip(other, |a, b| a - b)
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            self.zip(other, |a, b| a * b)
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            self.zip(other, |a, b| a / b)
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            self.zip(other, |a, b| if a < b { b } else { a })
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            self.zip(other, |a, b| if b < a { b } else { a })
        }
        #[inline(always)]
        fn mul_add(self, a: Self, b: Self) -> Self {
            self.mul(a).add(b)
        }
        #[inline(always)]
        fn power_of_two(self) -> Self {
            Self(self.0.map(|value| f32::from_bits(value.to_bits().wrapping_add(127) << 23)))
        }
    }
}
