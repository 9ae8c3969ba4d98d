//! Luck of the GPUs: the noise of their levels, and bell-shaped draws.
//!
//! Not modelled: noise that is alike between neighbours, or from one interval to the next.

use super::LANES;
use super::lanes::{F32s, Kernel, Lanes};
use tieline_units::{Draw, Purpose};

/// Noise of eight intervals for one GPU in each of 32 racks.
pub(crate) struct Noise<'a> {
    pub(crate) draw: &'a Draw,
    pub(crate) assets: &'a [u32; LANES],
    /// Number of the eight.
    pub(crate) event: u64,
    pub(crate) to: &'a mut [F32s; 8],
}

/// Mean and reciprocal deviation of the sum of four bytes: 4 x 127.5 and sqrt(4 (256^2 - 1) / 12).
const BYTES_MEAN: f32 = 510.0;
const BYTES_PER_DEVIATION: f32 = 1.0 / 147.801;
/// The same for the sum of four half bytes: 4 x 7.5 and sqrt(4 (16^2 - 1) / 12).
const NIBBLES_MEAN: f32 = 30.0;
const NIBBLES_PER_DEVIATION: f32 = 1.0 / 9.219_544;

/// A draw with mean 0 and deviation 1, near normal (the sum of four bytes; at most 3.45 deviations).
#[inline(always)]
pub(crate) fn bell(word: u32) -> f32 {
    let sum = (word & 0xff) + ((word >> 8) & 0xff) + ((word >> 16) & 0xff) + (word >> 24);
    (sum as i32 as f32 - BYTES_MEAN) * BYTES_PER_DEVIATION
}

/// Two draws with mean 0 and deviation 1, near normal (sums of four half bytes, so in steps of 0.11; at most 3.25
/// deviations).
#[inline(always)]
fn bells(word: u32) -> [f32; 2] {
    // Bytes of 0 to 30, then halves of 0 to 60 (in the second and the fourth byte stands what is not wanted).
    let bytes = (word & 0x0f0f_0f0f) + ((word >> 4) & 0x0f0f_0f0f);
    let halves = bytes + (bytes >> 8);
    let [low, high] = [halves & 0x3f, (halves >> 16) & 0x3f];
    [low, high].map(|sum| (sum as i32 as f32 - NIBBLES_MEAN) * NIBBLES_PER_DEVIATION)
}

impl Kernel for Noise<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self, _: V) {
        let words = self.draw.words_beside(self.assets, Purpose::GpuNoise, self.event);
        for (to, words) in self.to.as_chunks_mut::<2>().0.iter_mut().zip(&words) {
            for lane in 0..LANES {
                [to[0][lane], to[1][lane]] = bells(words[lane]);
            }
        }
    }
}
