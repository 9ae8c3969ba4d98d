//! GPU products: power levels, cap ranges, and throughput against power cap.
//!
//! Not modelled: temperature and voltage dependence of static power, the millisecond waveform, spread between cards.

use tieline_units::{Source, SourceKind};

/// A GPU product as the plant needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Name as scenario files use it ("GB200").
    pub name: String,
    /// Rated power of the GPU package, W.
    pub rated_w: f64,
    /// Power at rest, W.
    pub idle_w: f64,
    /// Power when a job waits (checkpoint, failure, host), W.
    pub stalled_w: f64,
    /// Mean power in training at the highest cap, W.
    pub training_w: f64,
    /// Lowest cap that the card accepts, W.
    pub min_cap_w: f64,
    /// Everything in the rack beside the GPU (CPU, switch, fans, network share), W per GPU.
    pub other_w: f64,
    /// Peak dense BF16 arithmetic, FLOP/s.
    pub bf16_flops: f64,
    /// Exponent on the measured A100 throughput curve: 1 keeps it, less makes a cap cost less work.
    pub throughput_exponent: f64,
    /// Where the levels come from, one per field above in order.
    pub sources: Vec<(String, Source)>,
}

/// One row of a measured power-cap sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapPoint {
    /// Cap, W per GPU.
    pub cap_w: f64,
    /// Mean power at that cap, W per GPU.
    pub power_w: f64,
    /// Throughput relative to the highest cap, 0..1.
    pub throughput: f64,
}

/// Means over eight language-model workloads on A100 cards, lowest cap first. Class: calibrated (the curve is made of
/// these points). Source: measured, `dvfs_sweep.csv` of ai-emerald/emerald-ai-demo-may-2025 (Apache-2.0).
pub const A100_SWEEP: [CapPoint; 6] = [
    CapPoint { cap_w: 100.0, power_w: 99.8, throughput: 0.213 },
    CapPoint { cap_w: 200.0, power_w: 195.7, throughput: 0.728 },
    CapPoint { cap_w: 250.0, power_w: 243.1, throughput: 0.843 },
    CapPoint { cap_w: 300.0, power_w: 289.3, throughput: 0.910 },
    CapPoint { cap_w: 350.0, power_w: 331.0, throughput: 0.955 },
    CapPoint { cap_w: 400.0, power_w: 367.6, throughput: 1.000 },
];

/// Exponent of the closed form thr = ((P - 98 W) / 269.6 W)^0.30 fitted to the same sweep; the table is interpolated
/// linearly in thr^(1/0.30), which that form makes a straight line.
pub const SHAPE: f64 = 0.30;

/// Mean power that the uncapped sweep drew, W: what its shares refer to.
const SWEEP_TOP_W: f64 = A100_SWEEP[A100_SWEEP.len() - 1].power_w;

/// Idle power of these cards, W. Source: measured, AcmeTrace (as in [`catalogue`]).
pub const A100_IDLE_W: f64 = 66.0;

/// Power of a GPU whose job asks for `level_w` under `cap_w`, W.
///
/// A cap near the level already bites, since workloads swing about their mean: the measured mean lies 0 to 5 % under
/// the cap. Below the sweep's lowest cap the power equals the cap. Never above either argument.
/// Class: calibrated for A100 (the table itself); a guess by similarity (shares of the level) for every other product.
#[must_use]
pub fn power_under_cap(level_w: f64, cap_w: f64) -> f64 {
    if level_w <= 0.0 {
        return 0.0;
    }
    let sweep_cap_w = cap_w / level_w * SWEEP_TOP_W;
    let last = A100_SWEEP.len() - 1;
    if sweep_cap_w >= A100_SWEEP[last].cap_w {
        return level_w.min(cap_w);
    }
    if sweep_cap_w < A100_SWEEP[0].cap_w {
        return cap_w.max(0.0);
    }
    let right = (1..last).find(|i| sweep_cap_w < A100_SWEEP[*i].cap_w).unwrap_or(last);
    let (a, b) = (&A100_SWEEP[right - 1], &A100_SWEEP[right]);
    let power_w = a.power_w + (b.power_w - a.power_w) * (sweep_cap_w - a.cap_w) / (b.cap_w - a.cap_w);
    (power_w / SWEEP_TOP_W * level_w).min(cap_w)
}

/// Throughput against the share of the uncapped power that is left, on the A100 curve, 0..1.
///
/// Passes through the table. Below its lowest point (27 % of the level) it runs straight to nothing at idle: there the
/// voltage has reached its least and power falls with the clock alone (V-CAMPUS-10).
#[must_use]
pub fn throughput_at_power_share(share: f64) -> f64 {
    ThroughputCurve::new(1.0).at_power_share(share)
}

/// Throughput of a job that asks for `level_w` under `cap_w`, relative to no cap, 0..1.
#[must_use]
pub fn throughput_at(product: &Product, level_w: f64, cap_w: f64) -> f64 {
    ThroughputCurve::new(product.throughput_exponent).at(level_w, cap_w)
}

/// The sweep with its ordinates bent straight, so that one evaluation takes one power function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThroughputCurve {
    straight: [f64; A100_SWEEP.len()],
    exponent: f64,
    throughput_exponent: f64,
}

impl ThroughputCurve {
    pub(crate) fn new(throughput_exponent: f64) -> Self {
        Self {
            straight: A100_SWEEP.map(|p| libm::pow(p.throughput, 1.0 / SHAPE)),
            exponent: SHAPE * throughput_exponent,
            throughput_exponent,
        }
    }

    /// See [`throughput_at`].
    pub(crate) fn at(&self, level_w: f64, cap_w: f64) -> f64 {
        if level_w <= 0.0 { 1.0 } else { self.at_power_share(power_under_cap(level_w, cap_w) / level_w) }
    }

    pub(crate) fn at_power_share(&self, share: f64) -> f64 {
        if share >= 1.0 {
            return 1.0;
        }
        let power = |i: usize| A100_SWEEP[i].power_w / SWEEP_TOP_W;
        if share < power(0) {
            let idle = A100_IDLE_W / SWEEP_TOP_W;
            let throughput = A100_SWEEP[0].throughput * (share - idle) / (power(0) - idle);
            return libm::pow(throughput.max(0.0), self.throughput_exponent);
        }
        let right = (1..A100_SWEEP.len() - 1).find(|i| share < power(*i)).unwrap_or(A100_SWEEP.len() - 1);
        let (x0, x1) = (power(right - 1), power(right));
        let (y0, y1) = (self.straight[right - 1], self.straight[right]);
        libm::pow(y0 + (y1 - y0) * (share - x0) / (x1 - x0), self.exponent)
    }
}

/// Throughput in training under `cap_w` relative to the product's highest cap, 0..1.
///
/// Class: calibrated for A100; for GB200 calibrated on one point (1000 of 1200 W gives 0.95, Meta, arXiv 2605.24461);
/// a guess by similarity for the others.
#[must_use]
pub fn relative_throughput(product: &Product, cap_w: f64) -> f64 {
    throughput_at(product, product.training_w, cap_w)
}

/// The exponent that makes the A100 curve pass through the one published GB200 point: 1000 W of 1200 W, 0.95.
fn blackwell_exponent(training_w: f64) -> f64 {
    let base = throughput_at_power_share(power_under_cap(training_w, 1000.0) / training_w);
    libm::log(0.95) / libm::log(base)
}

/// The product of that name, if the catalogue has it.
#[must_use]
pub fn product(name: &str) -> Option<Product> {
    catalogue().into_iter().find(|p| p.name == name)
}

/// The products with their levels and the source of each level.
#[must_use]
pub fn catalogue() -> Vec<Product> {
    use SourceKind::{Claim, Datasheet, Guess, Measured};
    let kept = "the measured A100 curve is kept: no sweep of this product was read";
    vec![
        entry(
            "A100",
            [
                (400.0, Datasheet, "NVIDIA A100 SXM: 400 W"),
                (66.0, Measured, "AcmeTrace Kalos and Seren: 25 % quantile of GPU power in both clusters"),
                (86.0, Guess, "H100's stalled share (150 of 700 W) of 400 W: no A100 stall level was read"),
                (367.6, Measured, "mean of eight LLM workloads at 400 W, Emerald dvfs_sweep.csv"),
                (100.0, Measured, "lowest cap of the Emerald sweep"),
                (
                    200.0,
                    Guess,
                    "AcmeTrace server minus 8 GPUs at the medians: (2520 - 8 x 102) / 8 = 213 W, at the 75 % quantiles 163 W; quantiles need not coincide",
                ),
                (312e12, Datasheet, "312 TFLOP/s dense BF16"),
                (1.0, Measured, "the Emerald sweep itself"),
            ],
        ),
        entry(
            "H100",
            [
                (700.0, Datasheet, "NVIDIA H100 SXM: 700 W"),
                (72.0, Measured, "8x H100 node, training_profile runs ckpt10/50/100"),
                (150.0, Measured, "same runs, blocked at a checkpoint or by the host"),
                (555.0, Measured, "same runs, nominal level of 540-560 W"),
                (200.0, Claim, "example in NVIDIA's manual"),
                (
                    467.0,
                    Guess,
                    "(8.4 kW greatest node power, arXiv 2412.08602, minus 4.66 kW greatest GPU sum, training_profile) / 8: two different nodes",
                ),
                (989e12, Datasheet, "989 TFLOP/s dense BF16"),
                (1.0, Guess, kept),
            ],
        ),
        entry(
            "H200",
            [
                (700.0, Datasheet, "NVIDIA H200 SXM: 700 W"),
                (80.0, Claim, "alice-benchmark, unreviewed"),
                (150.0, Guess, "as H100: same die"),
                (628.0, Claim, "middle of 593-663 W loaded, alice-benchmark, unreviewed"),
                (200.0, Claim, "example in NVIDIA's manual for H100 and H200"),
                (467.0, Guess, "as H100: same node"),
                (989e12, Datasheet, "989 TFLOP/s dense BF16"),
                (1.0, Guess, kept),
            ],
        ),
        blackwell(
            "GB200",
            1200.0,
            (1200.0, Datasheet, "GB200 GPU: 1200 W"),
            (
                357.0,
                Guess,
                "solves (1200 + o) / (1000 + o) x 0.95 = 1.09 (Meta, arXiv 2605.24461); the rack figure 120-132 kW / 72 would give 467-633 W",
            ),
            (2.5e15, Guess, "as GB300 (about 2.5 PFLOP/s dense BF16): no GB200 figure was read"),
        ),
        blackwell(
            "GB300",
            1400.0,
            (1400.0, Claim, "GB200 plus 200 W, introl.com"),
            (357.0, Guess, "as GB200; the tray roll-up 120.6 kW / 72 gives 275 W, a 132 kW shelf 433 W"),
            (2.5e15, Claim, "about 2.5 PFLOP/s dense BF16, secondary"),
        ),
    ]
}

type Level = (f64, SourceKind, &'static str);

/// A Blackwell product: levels scaled from H100 or A100 by rated power where nothing was measured.
fn blackwell(name: &str, rated_w: f64, rated: Level, other: Level, flops: Level) -> Product {
    use SourceKind::{Claim, Guess};
    // Meta loses 5 % when the cap falls from 1200 to 1000 W, so the job must draw more than 1000 W uncapped: A100's
    // training share (367.6 of 400 W) is taken, not H100's (555 of 700 W), which would give 951 W.
    let training_w = libm::round(rated_w * SWEEP_TOP_W / 400.0);
    let exponent = blackwell_exponent(libm::round(1200.0 * SWEEP_TOP_W / 400.0));
    let (exponent_kind, exponent_why) = if name == "GB200" {
        (Claim, "passes through 1000 of 1200 W = 0.95 (Meta, arXiv 2605.24461, secondary); shape of the A100 sweep")
    } else {
        (Guess, "as GB200")
    };
    entry(
        name,
        [
            rated,
            (libm::round(rated_w * 72.0 / 700.0), Guess, "H100's idle share (72 of 700 W) of rated power: unmeasured"),
            (
                libm::round(rated_w * 150.0 / 700.0),
                Guess,
                "H100's stalled share (150 of 700 W) of rated power: unmeasured",
            ),
            (
                training_w,
                Guess,
                "A100's training share (367.6 of 400 W) of rated power; must exceed 1000 W on GB200 for a 1000 W cap to cost 5 %",
            ),
            (200.0, if name == "GB200" { Claim } else { Guess }, "DPS device specification, GB200 GPU 200-1200 W"),
            other,
            flops,
            (exponent, exponent_kind, exponent_why),
        ],
    )
}

/// A product from its levels in the order of its fields.
fn entry(name: &str, levels: [Level; 8]) -> Product {
    const FIELDS: [&str; 8] =
        ["rated_w", "idle_w", "stalled_w", "training_w", "min_cap_w", "other_w", "bf16_flops", "throughput_exponent"];
    let sources = FIELDS
        .iter()
        .zip(&levels)
        .map(|(field, (_, kind, citation))| {
            ((*field).to_owned(), Source { kind: *kind, citation: (*citation).to_owned() })
        })
        .collect();
    let [rated_w, idle_w, stalled_w, training_w, min_cap_w, other_w, bf16_flops, throughput_exponent] =
        levels.map(|(value, ..)| value);
    Product {
        name: name.to_owned(),
        rated_w,
        idle_w,
        stalled_w,
        training_w,
        min_cap_w,
        other_w,
        bf16_flops,
        throughput_exponent,
        sources,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sweep_is_reproduced_and_monotone() {
        let a100 = product("A100").expect("in the catalogue");
        for point in &A100_SWEEP {
            assert!((relative_throughput(&a100, point.cap_w) - point.throughput).abs() < 1e-12);
            assert!((power_under_cap(a100.training_w, point.cap_w) - point.power_w).abs() < 1e-9);
        }
        for product in catalogue() {
            let mut last = (0.0, -1.0);
            for cap in 0..=1500 {
                let cap_w = f64::from(cap);
                let now = (relative_throughput(&product, cap_w), power_under_cap(product.training_w, cap_w));
                assert!(now.0 >= last.0 && now.1 >= last.1 && now.1 <= cap_w && now.0 <= 1.0, "{} {cap}", product.name);
                last = now;
            }
            assert_eq!(last, (1.0, product.training_w));
        }
    }

    #[test]
    fn gb200_loses_five_percent_at_1000_w() {
        let gb200 = product("GB200").expect("in the catalogue");
        assert!((relative_throughput(&gb200, 1000.0) - 0.95).abs() < 1e-9);
    }

    #[test]
    fn every_level_has_a_source_and_an_order() {
        for p in catalogue() {
            assert_eq!(p.sources.len(), 8);
            assert!(p.idle_w < p.stalled_w && p.stalled_w < p.training_w && p.training_w <= p.rated_w, "{}", p.name);
        }
        assert!(product("none such").is_none());
    }
}
