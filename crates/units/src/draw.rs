//! Counter-based randomness: every draw is a pure function of (seed, sample, asset, purpose, event).
//!
//! Adding a battery therefore does not change the weather, and two designs meet the same luck.
//! Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC11), through the crate `rand_philox`.
//!
//! Not modelled: correlated draws; a caller that needs them shares an asset number.

use rand_philox::{philox4x32_10, splitmix64, u32_to_unit_f64};

/// What a draw is for. The numbers are part of the reproducibility contract: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Purpose {
    /// Noise of the meter at the point of interconnection.
    MeterNoise = 1,
    /// Power noise of a hall.
    HallNoise = 2,
    /// Failure times of training jobs.
    JobFailure = 3,
    /// Recovery times of training jobs.
    JobRecovery = 4,
    /// Trips of on-site turbines.
    TurbineTrip = 5,
    /// Jitter of lapsing leases.
    LeaseJitter = 6,
    /// Weather.
    Weather = 7,
    /// Load of the grid.
    GridLoad = 8,
    /// Inference demand.
    Inference = 9,
    /// Faults of telemetry and commands.
    Fault = 10,
    /// Phase of a periodic process.
    Phase = 11,
    /// Random scenarios of the fault campaign.
    Campaign = 12,
    /// Noise of one GPU, a word for each noise interval.
    GpuNoise = 13,
    /// Pace of one GPU in one training step.
    GpuStep = 14,
    /// What makes one card differ from the next.
    GpuCard = 15,
    /// Stalls of a synchronous group before a training step.
    JobStep = 16,
    /// How late one GPU starts or stops after its job.
    GpuStart = 17,
    /// Which devices a partly lost command reaches.
    PartialCommand = 18,
    /// Unknown inputs of a training run's outlook.
    TrainingOutlook = 20,
}

/// Multipliers, increments of the key and rounds of Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC11, table 2).
const PHILOX_M: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];
const PHILOX_W: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const PHILOX_ROUNDS: usize = 10;

/// The asset number of a thing by its name, never 0: adding, moving or removing another leaves its luck as it was.
///
/// FNV-1a in 64 bits (Fowler, Noll, Vo), its halves folded. Among a thousand names two share a number in one case of
/// 8,600; then they share their luck, and nothing else.
#[must_use]
pub fn asset_of(name: &str) -> u32 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    ((hash >> 32) as u32 ^ hash as u32).max(1)
}

/// A stream of luck for one sample of one seed.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    key: [u32; 2],
    sample: u32,
}

impl Draw {
    /// The luck of `sample` under `seed`.
    #[must_use]
    pub fn new(seed: u64, sample: u32) -> Self {
        let mixed = splitmix64(seed ^ 0x9e37_79b9_7f4a_7c15);
        Self { key: [mixed as u32, (mixed >> 32) as u32], sample }
    }

    /// Four independent words for one event of one asset.
    #[must_use]
    pub fn words(&self, asset: u32, purpose: Purpose, event: u64) -> [u32; 4] {
        // 16 bits of purpose, 16 of sample (high part mixed into the asset word), 32 of asset, 64 of event.
        let head = ((purpose as u32) << 16) | (self.sample & 0xffff);
        let asset = asset ^ (self.sample >> 16).rotate_left(16);
        philox4x32_10([event as u32, (event >> 32) as u32, asset, head], self.key)
    }

    /// The same words for many assets side by side: `words_beside(a)[w][i] == words(a[i])[w]`.
    ///
    /// The rounds of Philox are written out as loops over the assets, so that a compiler makes vector instructions of
    /// them in whatever function this is inlined into.
    #[must_use]
    #[inline(always)]
    pub fn words_beside<const N: usize>(&self, assets: &[u32; N], purpose: Purpose, event: u64) -> [[u32; N]; 4] {
        let head = ((purpose as u32) << 16) | (self.sample & 0xffff);
        let high = (self.sample >> 16).rotate_left(16);
        let mut c = [[event as u32; N], [(event >> 32) as u32; N], [0; N], [head; N]];
        for i in 0..N {
            c[2][i] = assets[i] ^ high;
        }
        let mut key = self.key;
        for _ in 0..PHILOX_ROUNDS {
            for i in 0..N {
                let (a, b) = (u64::from(c[0][i]) * PHILOX_M[0], u64::from(c[2][i]) * PHILOX_M[1]);
                c[0][i] = (b >> 32) as u32 ^ c[1][i] ^ key[0];
                c[2][i] = (a >> 32) as u32 ^ c[3][i] ^ key[1];
                c[1][i] = b as u32;
                c[3][i] = a as u32;
            }
            key = [key[0].wrapping_add(PHILOX_W[0]), key[1].wrapping_add(PHILOX_W[1])];
        }
        c
    }

    /// Uniform on the open interval (0, 1).
    #[must_use]
    pub fn uniform(&self, asset: u32, purpose: Purpose, event: u64) -> f64 {
        u32_to_unit_f64(self.words(asset, purpose, event)[0])
    }

    /// Exponential with mean 1.
    #[must_use]
    pub fn exponential(&self, asset: u32, purpose: Purpose, event: u64) -> f64 {
        -libm::log(self.uniform(asset, purpose, event))
    }

    /// Two independent standard normals (Box and Muller 1958).
    #[must_use]
    pub fn normals(&self, asset: u32, purpose: Purpose, event: u64) -> [f64; 2] {
        let words = self.words(asset, purpose, event);
        let radius = libm::sqrt(-2.0 * libm::log(u32_to_unit_f64(words[0])));
        let (sin, cos) = libm::sincos(core::f64::consts::TAU * u32_to_unit_f64(words[1]));
        [radius * cos, radius * sin]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_every_part_of_its_address_and_on_nothing_else() {
        let draw = Draw::new(7, 0);
        let here = draw.words(1, Purpose::Weather, 5);
        assert_eq!(here, Draw::new(7, 0).words(1, Purpose::Weather, 5));
        for other in [
            Draw::new(8, 0).words(1, Purpose::Weather, 5),
            Draw::new(7, 1).words(1, Purpose::Weather, 5),
            Draw::new(7, 1 << 16).words(1, Purpose::Weather, 5),
            draw.words(2, Purpose::Weather, 5),
            draw.words(1, Purpose::GridLoad, 5),
            draw.words(1, Purpose::Weather, 6),
            draw.words(1, Purpose::Weather, 5 + (1 << 32)),
        ] {
            assert_ne!(here, other);
        }
    }

    #[test]
    fn names_have_numbers_of_their_own_and_never_that_of_the_weather() {
        // Published test vectors of FNV-1a 64: "" and "a".
        assert_eq!(asset_of(""), 0xcbf2_9ce4 ^ 0x8422_2325);
        assert_eq!(asset_of("a"), 0xaf63_dc4c ^ 0x8601_ec8c);
        let names: Vec<String> = (0..5000).map(|unit| format!("unit {unit}")).collect();
        let mut numbers: Vec<u32> = names.iter().map(|name| asset_of(name)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!((numbers.len(), numbers[0] > 0), (5000, true));
    }

    #[test]
    fn words_beside_each_other_are_the_words_one_by_one() {
        let assets: [u32; 8] = core::array::from_fn(|i| (i as u32).wrapping_mul(0x9e37_79b9) ^ 77);
        for (seed, sample, event) in [(1, 0, 0), (42, 70_000, u64::MAX - 3), (7, 1, 1 << 33)] {
            let draw = Draw::new(seed, sample);
            let beside = draw.words_beside(&assets, Purpose::GpuNoise, event);
            for (i, asset) in assets.iter().enumerate() {
                let one = draw.words(*asset, Purpose::GpuNoise, event);
                assert_eq!(one, [beside[0][i], beside[1][i], beside[2][i], beside[3][i]]);
            }
        }
    }

    #[test]
    fn moments_are_right_within_three_standard_errors() {
        let draw = Draw::new(1, 0);
        let n = 20_000_u64;
        let normals: Vec<f64> = (0..n).map(|i| draw.normals(3, Purpose::MeterNoise, i)[0]).collect();
        let mean = crate::Estimate::of(&normals).expect("many samples");
        assert!(mean.value.abs() < 3.0 * mean.standard_error, "{mean}");
        let squares: Vec<f64> = normals.iter().map(|x| x * x).collect();
        let variance = crate::Estimate::of(&squares).expect("many samples");
        assert!((variance.value - 1.0).abs() < 3.0 * variance.standard_error, "{variance}");
    }
}
