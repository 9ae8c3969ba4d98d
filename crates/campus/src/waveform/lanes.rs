//! Vector instructions for the waveform: one kernel text, run on whatever the processor has, with the same bits.
//!
//! A kernel is written over [`Lanes`], about thirty operations that every instruction set rounds alike, and sees 32
//! virtual lanes; how many of them one instruction moves is the machine's business. There is no fused multiply-add and no
//! sum across lanes here, so the bits cannot depend on the width. The unsafe part of runtime dispatch lies in the crate
//! `pulp` (docs/decisions/0010).
//!
//! Not modelled: processors without SSE2 or NEON (they take the portable path, correct and slow).

use super::LANES;

/// Values of 32 lanes, f32.
pub(crate) type F32s = [f32; LANES];
/// Values of 32 lanes, i32 (also fixed point).
pub(crate) type I32s = [i32; LANES];
/// Values of 32 lanes, f64.
pub(crate) type F64s = [f64; LANES];

/// An instruction set that this processor has. All give the same bits.
#[derive(Clone, Copy, Debug)]
pub enum Isa {
    /// What every processor of the target has: SSE2 on x86-64.
    Baseline,
    /// 256-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// 512-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
}

impl Isa {
    /// Everything that this processor can run, narrowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let wide = [pulp::x86::V3::try_new().map(Self::Avx2), pulp::x86::V4::try_new().map(Self::Avx512)];
        #[cfg(not(target_arch = "x86_64"))]
        let wide = [];
        core::iter::once(Self::Baseline).chain(wide.into_iter().flatten()).collect()
    }

    /// The widest that this processor can run.
    #[must_use]
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Baseline)
    }

    /// Name for people: "baseline", "AVX2", "AVX-512".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "AVX-512",
        }
    }

    /// f32 lanes that one instruction moves.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::Baseline => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => 16,
        }
    }

    /// Runs a kernel on this instruction set.
    #[inline(always)]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Baseline => baseline(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.vectorize(Wide(simd, kernel)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => pulp::Simd::vectorize(simd, Dispatched(kernel)),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn baseline<K: Kernel>(kernel: K) -> K::Output {
    let v1 = pulp::x86::V1::try_new().expect("x86-64 has SSE2");
    kernel.run(Sse2(v1))
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(never)]
fn baseline<K: Kernel>(kernel: K) -> K::Output {
    pulp::Arch::new().dispatch(Dispatched(kernel))
}

/// A loop that is compiled once per instruction set. `run` must be `#[inline(always)]`.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;
    /// Runs.
    fn run<V: Lanes>(self, v: V) -> Self::Output;
}

/// A kernel on its way into a function that is compiled for AVX2.
#[cfg(target_arch = "x86_64")]
struct Wide<K>(pulp::x86::V3, K);

#[cfg(target_arch = "x86_64")]
impl<K: Kernel> pulp::NullaryFnOnce for Wide<K> {
    type Output = K::Output;
    #[inline(always)]
    fn call(self) -> K::Output {
        self.1.run(Avx2(self.0))
    }
}

struct Dispatched<K>(K);

impl<K: Kernel> pulp::WithSimd for Dispatched<K> {
    type Output = K::Output;
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> K::Output {
        self.0.run(Pulp(simd))
    }
}

/// The operations. Comparisons with `max` and `min` follow x86: where the two are equal the second is returned.
#[allow(missing_docs)]
pub(crate) trait Lanes: Copy {
    /// f32 (and i32) lanes of one vector.
    const W: usize;
    /// f64 lanes of one vector.
    const W64: usize;
    type F: Copy;
    type I: Copy;
    type M: Copy;
    type D: Copy;
    fn f(self, x: f32) -> Self::F;
    fn i(self, x: i32) -> Self::I;
    fn load(self, from: &F32s, chunk: usize) -> Self::F;
    fn load_i(self, from: &I32s, chunk: usize) -> Self::I;
    fn store(self, to: &mut F32s, chunk: usize, value: Self::F);
    fn store_i(self, to: &mut I32s, chunk: usize, value: Self::I);
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    fn above(self, a: Self::F, b: Self::F) -> Self::M;
    fn at_least(self, a: Self::F, b: Self::F) -> Self::M;
    fn pick(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F;
    /// What [`Lanes::turn_negative`] wants instead of `yes`.
    fn turn(self, yes: Self::F, no: Self::F) -> Self::F;
    /// `yes` where `by` has its sign bit set, otherwise `no`.
    fn turn_negative(self, by: Self::F, turn: Self::F, no: Self::F) -> Self::F;
    /// The sign bits, one for each lane.
    fn signs(self, a: Self::F) -> u32;
    /// `pick` where `yes` is nowhere below `no` and neither is negative.
    fn raise(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F;
    /// Zero where the mask is off.
    fn keep(self, mask: Self::M, yes: Self::F) -> Self::F;
    fn bits(self, a: Self::F) -> Self::I;
    fn add_i(self, a: Self::I, b: Self::I) -> Self::I;
    fn sub_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// The positive part.
    fn positive(self, a: Self::I) -> Self::I;
    fn above_i(self, a: Self::I, b: Self::I) -> Self::M;
    fn pick_i(self, mask: Self::M, yes: Self::I, no: Self::I) -> Self::I;
    /// Zero where the mask is on.
    fn drop_i(self, mask: Self::M, no: Self::I) -> Self::I;
    /// A bit for each lane that is on.
    fn ones(self, mask: Self::M) -> u32;
    fn d(self, x: f64) -> Self::D;
    fn load_d(self, from: &F64s, chunk: usize) -> Self::D;
    fn store_d(self, to: &mut F64s, chunk: usize, value: Self::D);
    fn add_d(self, a: Self::D, b: Self::D) -> Self::D;
    fn sub_d(self, a: Self::D, b: Self::D) -> Self::D;
    fn mul_d(self, a: Self::D, b: Self::D) -> Self::D;
    fn max_d(self, a: Self::D, b: Self::D) -> Self::D;
    fn min_d(self, a: Self::D, b: Self::D) -> Self::D;
}

/// Any instruction set of `pulp`: here AVX-512, and whatever a processor other than x86-64 has.
#[derive(Clone, Copy)]
struct Pulp<S>(S);

#[rustfmt::skip]
impl<S: pulp::Simd> Lanes for Pulp<S> {
    const W: usize = S::F32_LANES;
    const W64: usize = S::F64_LANES;
    type F = S::f32s;
    type I = S::i32s;
    type M = S::m32s;
    type D = S::f64s;
    #[inline(always)] fn f(self, x: f32) -> Self::F { self.0.splat_f32s(x) }
    #[inline(always)] fn i(self, x: i32) -> Self::I { self.0.splat_i32s(x) }
    #[inline(always)] fn load(self, from: &F32s, chunk: usize) -> Self::F { S::as_simd_f32s(from).0[chunk] }
    #[inline(always)] fn load_i(self, from: &I32s, chunk: usize) -> Self::I { S::as_simd_i32s(from).0[chunk] }
    #[inline(always)] fn store(self, to: &mut F32s, chunk: usize, value: Self::F) { S::as_mut_simd_f32s(to).0[chunk] = value; }
    #[inline(always)] fn store_i(self, to: &mut I32s, chunk: usize, value: Self::I) { S::as_mut_simd_i32s(to).0[chunk] = value; }
    #[inline(always)] fn add(self, a: Self::F, b: Self::F) -> Self::F { self.0.add_f32s(a, b) }
    #[inline(always)] fn sub(self, a: Self::F, b: Self::F) -> Self::F { self.0.sub_f32s(a, b) }
    #[inline(always)] fn mul(self, a: Self::F, b: Self::F) -> Self::F { self.0.mul_f32s(a, b) }
    #[inline(always)] fn max(self, a: Self::F, b: Self::F) -> Self::F { self.0.max_f32s(a, b) }
    #[inline(always)] fn min(self, a: Self::F, b: Self::F) -> Self::F { self.0.min_f32s(a, b) }
    #[inline(always)] fn above(self, a: Self::F, b: Self::F) -> Self::M { self.0.less_than_f32s(b, a) }
    #[inline(always)] fn at_least(self, a: Self::F, b: Self::F) -> Self::M { self.0.less_than_or_equal_f32s(b, a) }
    #[inline(always)] fn pick(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F { self.0.select_f32s(mask, yes, no) }
    #[inline(always)] fn turn(self, yes: Self::F, _no: Self::F) -> Self::F { yes }
    #[inline(always)] fn turn_negative(self, by: Self::F, turn: Self::F, no: Self::F) -> Self::F { self.pick(self.above_i(self.i(0), self.bits(by)), turn, no) }
    #[inline(always)] fn signs(self, a: Self::F) -> u32 { self.ones(self.above_i(self.i(0), self.bits(a))) }
    #[inline(always)] fn raise(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F { self.0.select_f32s(mask, yes, no) }
    #[inline(always)] fn keep(self, mask: Self::M, yes: Self::F) -> Self::F { self.0.select_f32s(mask, yes, self.0.splat_f32s(0.0)) }
    #[inline(always)] fn bits(self, a: Self::F) -> Self::I { self.0.transmute_i32s_f32s(a) }
    #[inline(always)] fn add_i(self, a: Self::I, b: Self::I) -> Self::I { self.0.add_i32s(a, b) }
    #[inline(always)] fn sub_i(self, a: Self::I, b: Self::I) -> Self::I { self.0.sub_i32s(a, b) }
    #[inline(always)] fn positive(self, a: Self::I) -> Self::I { self.0.max_i32s(a, self.0.splat_i32s(0)) }
    #[inline(always)] fn above_i(self, a: Self::I, b: Self::I) -> Self::M { self.0.less_than_i32s(b, a) }
    #[inline(always)] fn pick_i(self, mask: Self::M, yes: Self::I, no: Self::I) -> Self::I { self.0.select_i32s(mask, yes, no) }
    #[inline(always)] fn drop_i(self, mask: Self::M, no: Self::I) -> Self::I { self.0.select_i32s(mask, self.0.splat_i32s(0), no) }
    #[inline(always)] fn ones(self, mask: Self::M) -> u32 {
        // AVX-512 has a bit for each lane, the others as many bytes as a lane has, all alike.
        let bytes = bytemuck::bytes_of(&mask);
        if let [low, high] = *bytes { return u32::from(u16::from_le_bytes([low, high])); }
        (0..Self::W).fold(0, |bits, lane| bits | u32::from(bytes[lane * bytes.len() / Self::W] & 1) << lane)
    }
    #[inline(always)] fn d(self, x: f64) -> Self::D { self.0.splat_f64s(x) }
    #[inline(always)] fn load_d(self, from: &F64s, chunk: usize) -> Self::D { S::as_simd_f64s(from).0[chunk] }
    #[inline(always)] fn store_d(self, to: &mut F64s, chunk: usize, value: Self::D) { S::as_mut_simd_f64s(to).0[chunk] = value; }
    #[inline(always)] fn add_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.add_f64s(a, b) }
    #[inline(always)] fn sub_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.sub_f64s(a, b) }
    #[inline(always)] fn mul_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.mul_f64s(a, b) }
    #[inline(always)] fn max_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.max_f64s(a, b) }
    #[inline(always)] fn min_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.min_f64s(a, b) }
}

/// SSE2, which `pulp` does not offer as a whole: 4 lanes of f32.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Sse2(pulp::x86::V1);

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
impl Lanes for Sse2 {
    const W: usize = 4;
    const W64: usize = 2;
    type F = core::arch::x86_64::__m128;
    type I = core::arch::x86_64::__m128i;
    type M = core::arch::x86_64::__m128i;
    type D = core::arch::x86_64::__m128d;
    #[inline(always)] fn f(self, x: f32) -> Self::F { bytemuck::cast([x; 4]) }
    #[inline(always)] fn i(self, x: i32) -> Self::I { bytemuck::cast([x; 4]) }
    #[inline(always)] fn load(self, from: &F32s, chunk: usize) -> Self::F { bytemuck::cast(from.as_chunks::<4>().0[chunk]) }
    #[inline(always)] fn load_i(self, from: &I32s, chunk: usize) -> Self::I { bytemuck::cast(from.as_chunks::<4>().0[chunk]) }
    #[inline(always)] fn store(self, to: &mut F32s, chunk: usize, value: Self::F) { to.as_chunks_mut::<4>().0[chunk] = bytemuck::cast(value); }
    #[inline(always)] fn store_i(self, to: &mut I32s, chunk: usize, value: Self::I) { to.as_chunks_mut::<4>().0[chunk] = bytemuck::cast(value); }
    #[inline(always)] fn add(self, a: Self::F, b: Self::F) -> Self::F { self.0.sse._mm_add_ps(a, b) }
    #[inline(always)] fn sub(self, a: Self::F, b: Self::F) -> Self::F { self.0.sse._mm_sub_ps(a, b) }
    #[inline(always)] fn mul(self, a: Self::F, b: Self::F) -> Self::F { self.0.sse._mm_mul_ps(a, b) }
    #[inline(always)] fn max(self, a: Self::F, b: Self::F) -> Self::F { self.0.sse._mm_max_ps(a, b) }
    #[inline(always)] fn min(self, a: Self::F, b: Self::F) -> Self::F { self.0.sse._mm_min_ps(a, b) }
    #[inline(always)] fn above(self, a: Self::F, b: Self::F) -> Self::M { self.0.sse2._mm_castps_si128(self.0.sse._mm_cmplt_ps(b, a)) }
    #[inline(always)] fn at_least(self, a: Self::F, b: Self::F) -> Self::M { self.0.sse2._mm_castps_si128(self.0.sse._mm_cmple_ps(b, a)) }
    #[inline(always)] fn pick(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F {
        let mask = self.0.sse2._mm_castsi128_ps(mask);
        self.0.sse._mm_or_ps(self.0.sse._mm_and_ps(mask, yes), self.0.sse._mm_andnot_ps(mask, no))
    }
    #[inline(always)] fn turn(self, yes: Self::F, no: Self::F) -> Self::F { self.0.sse._mm_xor_ps(yes, no) }
    #[inline(always)] fn turn_negative(self, by: Self::F, turn: Self::F, no: Self::F) -> Self::F {
        let mask = self.0.sse2._mm_castsi128_ps(self.0.sse2._mm_srai_epi32::<31>(self.bits(by)));
        self.0.sse._mm_xor_ps(self.0.sse._mm_and_ps(mask, turn), no)
    }
    #[inline(always)] fn signs(self, a: Self::F) -> u32 { self.0.sse._mm_movemask_ps(a) as u32 }
    #[inline(always)] fn raise(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F { self.max(self.keep(mask, yes), no) }
    #[inline(always)] fn keep(self, mask: Self::M, yes: Self::F) -> Self::F { self.0.sse._mm_and_ps(self.0.sse2._mm_castsi128_ps(mask), yes) }
    #[inline(always)] fn bits(self, a: Self::F) -> Self::I { self.0.sse2._mm_castps_si128(a) }
    #[inline(always)] fn add_i(self, a: Self::I, b: Self::I) -> Self::I { self.0.sse2._mm_add_epi32(a, b) }
    #[inline(always)] fn sub_i(self, a: Self::I, b: Self::I) -> Self::I { self.0.sse2._mm_sub_epi32(a, b) }
    #[inline(always)] fn positive(self, a: Self::I) -> Self::I { self.0.sse2._mm_andnot_si128(self.0.sse2._mm_srai_epi32::<31>(a), a) }
    #[inline(always)] fn above_i(self, a: Self::I, b: Self::I) -> Self::M { self.0.sse2._mm_cmpgt_epi32(a, b) }
    #[inline(always)] fn pick_i(self, mask: Self::M, yes: Self::I, no: Self::I) -> Self::I {
        self.0.sse2._mm_or_si128(self.0.sse2._mm_and_si128(mask, yes), self.0.sse2._mm_andnot_si128(mask, no))
    }
    #[inline(always)] fn drop_i(self, mask: Self::M, no: Self::I) -> Self::I { self.0.sse2._mm_andnot_si128(mask, no) }
    #[inline(always)] fn ones(self, mask: Self::M) -> u32 { self.0.sse._mm_movemask_ps(self.0.sse2._mm_castsi128_ps(mask)) as u32 }
    #[inline(always)] fn d(self, x: f64) -> Self::D { bytemuck::cast([x; 2]) }
    #[inline(always)] fn load_d(self, from: &F64s, chunk: usize) -> Self::D { bytemuck::cast(from.as_chunks::<2>().0[chunk]) }
    #[inline(always)] fn store_d(self, to: &mut F64s, chunk: usize, value: Self::D) { to.as_chunks_mut::<2>().0[chunk] = bytemuck::cast(value); }
    #[inline(always)] fn add_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.sse2._mm_add_pd(a, b) }
    #[inline(always)] fn sub_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.sse2._mm_sub_pd(a, b) }
    #[inline(always)] fn mul_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.sse2._mm_mul_pd(a, b) }
    #[inline(always)] fn max_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.sse2._mm_max_pd(a, b) }
    #[inline(always)] fn min_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.sse2._mm_min_pd(a, b) }
}

/// AVX2: 8 lanes of f32. By hand like SSE2, since `pulp`'s own masks cost an instruction more each.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Avx2(pulp::x86::V3);

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
impl Lanes for Avx2 {
    const W: usize = 8;
    const W64: usize = 4;
    type F = core::arch::x86_64::__m256;
    type I = core::arch::x86_64::__m256i;
    type M = core::arch::x86_64::__m256i;
    type D = core::arch::x86_64::__m256d;
    #[inline(always)] fn f(self, x: f32) -> Self::F { bytemuck::cast([x; 8]) }
    #[inline(always)] fn i(self, x: i32) -> Self::I { bytemuck::cast([x; 8]) }
    #[inline(always)] fn load(self, from: &F32s, chunk: usize) -> Self::F { bytemuck::cast(from.as_chunks::<8>().0[chunk]) }
    #[inline(always)] fn load_i(self, from: &I32s, chunk: usize) -> Self::I { bytemuck::cast(from.as_chunks::<8>().0[chunk]) }
    #[inline(always)] fn store(self, to: &mut F32s, chunk: usize, value: Self::F) { to.as_chunks_mut::<8>().0[chunk] = bytemuck::cast(value); }
    #[inline(always)] fn store_i(self, to: &mut I32s, chunk: usize, value: Self::I) { to.as_chunks_mut::<8>().0[chunk] = bytemuck::cast(value); }
    #[inline(always)] fn add(self, a: Self::F, b: Self::F) -> Self::F { self.0.avx._mm256_add_ps(a, b) }
    #[inline(always)] fn sub(self, a: Self::F, b: Self::F) -> Self::F { self.0.avx._mm256_sub_ps(a, b) }
    #[inline(always)] fn mul(self, a: Self::F, b: Self::F) -> Self::F { self.0.avx._mm256_mul_ps(a, b) }
    #[inline(always)] fn max(self, a: Self::F, b: Self::F) -> Self::F { self.0.avx._mm256_max_ps(a, b) }
    #[inline(always)] fn min(self, a: Self::F, b: Self::F) -> Self::F { self.0.avx._mm256_min_ps(a, b) }
    #[inline(always)] fn above(self, a: Self::F, b: Self::F) -> Self::M { self.0.avx._mm256_castps_si256(self.0.avx._mm256_cmp_ps::<{ core::arch::x86_64::_CMP_LT_OQ }>(b, a)) }
    #[inline(always)] fn at_least(self, a: Self::F, b: Self::F) -> Self::M { self.0.avx._mm256_castps_si256(self.0.avx._mm256_cmp_ps::<{ core::arch::x86_64::_CMP_LE_OQ }>(b, a)) }
    #[inline(always)] fn pick(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F { self.0.avx._mm256_blendv_ps(no, yes, self.0.avx._mm256_castsi256_ps(mask)) }
    #[inline(always)] fn turn(self, yes: Self::F, _no: Self::F) -> Self::F { yes }
    #[inline(always)] fn turn_negative(self, by: Self::F, turn: Self::F, no: Self::F) -> Self::F { self.0.avx._mm256_blendv_ps(no, turn, by) }
    #[inline(always)] fn signs(self, a: Self::F) -> u32 { self.0.avx._mm256_movemask_ps(a) as u32 }
    #[inline(always)] fn raise(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F { self.pick(mask, yes, no) }
    #[inline(always)] fn keep(self, mask: Self::M, yes: Self::F) -> Self::F { self.0.avx._mm256_and_ps(self.0.avx._mm256_castsi256_ps(mask), yes) }
    #[inline(always)] fn bits(self, a: Self::F) -> Self::I { self.0.avx._mm256_castps_si256(a) }
    #[inline(always)] fn add_i(self, a: Self::I, b: Self::I) -> Self::I { self.0.avx2._mm256_add_epi32(a, b) }
    #[inline(always)] fn sub_i(self, a: Self::I, b: Self::I) -> Self::I { self.0.avx2._mm256_sub_epi32(a, b) }
    #[inline(always)] fn positive(self, a: Self::I) -> Self::I { self.0.avx2._mm256_max_epi32(a, self.i(0)) }
    #[inline(always)] fn above_i(self, a: Self::I, b: Self::I) -> Self::M { self.0.avx2._mm256_cmpgt_epi32(a, b) }
    #[inline(always)] fn pick_i(self, mask: Self::M, yes: Self::I, no: Self::I) -> Self::I { self.0.avx2._mm256_blendv_epi8(no, yes, mask) }
    #[inline(always)] fn drop_i(self, mask: Self::M, no: Self::I) -> Self::I { self.0.avx2._mm256_andnot_si256(mask, no) }
    #[inline(always)] fn ones(self, mask: Self::M) -> u32 { self.0.avx._mm256_movemask_ps(self.0.avx._mm256_castsi256_ps(mask)) as u32 }
    #[inline(always)] fn d(self, x: f64) -> Self::D { bytemuck::cast([x; 4]) }
    #[inline(always)] fn load_d(self, from: &F64s, chunk: usize) -> Self::D { bytemuck::cast(from.as_chunks::<4>().0[chunk]) }
    #[inline(always)] fn store_d(self, to: &mut F64s, chunk: usize, value: Self::D) { to.as_chunks_mut::<4>().0[chunk] = bytemuck::cast(value); }
    #[inline(always)] fn add_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.avx._mm256_add_pd(a, b) }
    #[inline(always)] fn sub_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.avx._mm256_sub_pd(a, b) }
    #[inline(always)] fn mul_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.avx._mm256_mul_pd(a, b) }
    #[inline(always)] fn max_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.avx._mm256_max_pd(a, b) }
    #[inline(always)] fn min_d(self, a: Self::D, b: Self::D) -> Self::D { self.0.avx._mm256_min_pd(a, b) }
}
