//! The search in steps, its bounds and its cuts, each against trying everything, on fleets drawn by a seed.

use super::narrowing::{cut, free, narrowed};
use super::search::Options;
use super::solver::{self, End, Limits};
use super::supply::model;
use super::*;
use super::{matrix::Matrix, paths, rounding};
use tieline_units::{Draw, Purpose};

const MW: f64 = 1e6;

/// Numbers between 0 and 1, one after another.
pub(super) struct Luck {
    draw: Draw,
    event: u64,
}

impl Luck {
    pub(super) fn new(seed: u64) -> Self {
        Self { draw: Draw::new(seed, 0), event: 0 }
    }

    pub(super) fn next(&mut self) -> f64 {
        self.event += 1;
        self.draw.uniform(0, Purpose::GridLoad, self.event)
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }

    pub(super) fn whole(&mut self, low: usize, high: usize) -> usize {
        let drawn = self.between(0.0, (high - low + 1) as f64);
        low + (0..=high - low).rev().find(|step| drawn >= *step as f64).unwrap_or(0)
    }
}

/// A fleet of units with ramps, minimum times, two classes of starts, some of them on before.
pub(super) fn fleet(seed: u64, units: usize, steps: usize) -> Problem {
    let mut draw = Luck::new(seed);
    let mut all = Vec::new();
    for index in 0..units {
        let most = draw.between(20.0, 120.0);
        let least = most * draw.between(0.2, 0.5);
        let slope = draw.between(10.0, 60.0);
        let middle = 0.5 * (least + most);
        let on = draw.next() < 0.5;
        let ramp = most * draw.between(0.3, 1.2);
        let (up, down) = (draw.whole(1, 4), draw.whole(1, 4));
        let start = draw.between(50.0, 800.0);
        let bottom = least * slope * draw.between(1.0, 1.5);
        all.push(Unit {
            name: format!("unit {index}"),
            least_w: least * MW,
            most_w: most * MW,
            up_w: ramp * MW,
            down_w: ramp * MW,
            begin_w: least.max(ramp.min(most)) * MW,
            end_w: least.max(ramp.min(most)) * MW,
            least_up: up,
            least_down: down,
            curve: vec![
                (least * MW, bottom),
                (middle * MW, bottom + (middle - least) * slope),
                (most * MW, bottom + (middle - least) * slope + (most - middle) * slope * 1.2),
            ],
            starts: vec![
                Start { off: down, usd: start, fuel: 0.0 },
                Start { off: down + 3, usd: 2.0 * start, fuel: 0.0 },
            ],
            first: State { on, steps: draw.whole(1, 6), output_w: if on { least * MW } else { 0.0 } },
            ..Unit::default()
        });
    }
    let total: f64 = all.iter().map(|unit| unit.most_w).sum();
    let load_w: Vec<f64> =
        (0..steps).map(|t| total * (0.45 + 0.2 * libm::sin(t as f64 * 0.6) + 0.05 * draw.next())).collect();
    Problem {
        steps,
        step_s: 3600.0,
        reserve: Reserve { required_w: load_w.iter().map(|load| 0.05 * load).collect(), ..Reserve::default() },
        load_w,
        units: all,
        mismatch_usd_per_j: Some(5000.0 / 3.6e9),
        ..Problem::default()
    }
}

/// In steps and at once come to the same cost within the gaps, and the bound lies below what is best.
#[test]
fn in_steps_it_finds_what_it_finds_at_once() {
    for (seed, gap) in [(1, 0.0), (2, 0.0), (3, 1e-3), (4, 1e-4), (5, 1e-2), (6, 1e-4)] {
        let case = fleet(seed, 9, 10);
        assert_eq!(case.complaints(), Vec::<String>::new());
        let model = model(&case);
        let at_once = solver::mixed(&model.matrix, &Limits::default()).expect("HiGHS runs");
        assert_eq!(at_once.end, End::Best);
        let steps = narrowed(&case, &model, &Options { gap, ..Options::default() })
            .expect("HiGHS runs")
            .expect("the steps apply");
        assert_eq!(steps.end, End::Best);
        let rounding = 1e-6 * at_once.value;
        assert!(steps.bound <= at_once.value + rounding, "seed {seed}: bound {} of {}", steps.bound, at_once.value);
        assert!(steps.value >= at_once.value - rounding, "seed {seed}: {} below {}", steps.value, at_once.value);
        let reached = (steps.value - steps.bound) / steps.value;
        assert!(reached <= gap + 1e-9, "seed {seed}: a gap of {reached}, asked {gap}");
    }
}

/// For every choice of every unit: the best schedule with it costs at least what the prices say, and at least one of
/// them says something.
#[test]
fn no_choice_costs_less_than_its_bound() {
    let case = fleet(7, 6, 8);
    let model = model(&case);
    let mut matrix = model.matrix.clone();
    let relaxed = cut(&model, &mut matrix).expect("HiGHS runs").expect("a relaxation");
    let prices = paths::prices(&case, &model, &matrix, &relaxed.row_price).expect("prices");
    // Its own bound is the relaxation's: schedules of one unit are a polyhedron with whole corners.
    assert!((prices.bound - relaxed.bound).abs() < 1e-6 * relaxed.bound, "{} of {}", prices.bound, relaxed.bound);
    let best = |column: usize, value: f64| {
        let mut forced = model.matrix.clone();
        (forced.lower[column], forced.upper[column]) = (value, value);
        let found = solver::mixed(&forced, &Limits::default()).expect("HiGHS runs");
        if found.end == End::Best { found.value } else { f64::INFINITY }
    };
    let mut largest = 0.0_f64;
    for (unit, t, on) in free(&model, &model.matrix) {
        let (columns, extra) = (&model.units[unit], &prices.units[unit]);
        for (column, value, extra) in [
            (on, 1.0, extra.on[t]),
            (on, 0.0, extra.off[t]),
            (columns.start[t], 1.0, extra.start[t]),
            (columns.stop[t], 1.0, extra.stop[t]),
        ] {
            let best = best(column, value);
            assert!(
                best >= prices.bound + extra - 1e-6 * prices.bound,
                "unit {unit}, step {t}: {best} below {} + {extra}",
                prices.bound
            );
            if extra.is_finite() {
                largest = largest.max(extra);
            }
        }
    }
    assert!(largest > 100.0, "no choice costs more than {largest} $");
}

/// Every whole point of a row lies on the near side of its cut, the point it was made for on the far side.
#[test]
fn a_cut_takes_no_whole_point() {
    let mut draw = Luck::new(11);
    let mut cuts = 0;
    for _ in 0..200 {
        let mut matrix = Matrix::new();
        let columns: Vec<usize> = (0..8).map(|_| matrix.choice(0.0, 0.0, 1.0)).collect();
        matrix.lower[columns[0]] = 1.0;
        let missing = matrix.column(0.0, 0.0, 50.0);
        let sizes: Vec<f64> = columns.iter().map(|_| draw.between(1.0, 40.0)).collect();
        let needed = sizes.iter().sum::<f64>() * draw.between(0.3, 0.8);
        let mut terms: Vec<_> = columns.iter().copied().zip(sizes.iter().copied()).collect();
        terms.push((missing, 1.0));
        let row = matrix.row(&terms, needed, f64::INFINITY);
        // A point of the relaxation: units in order, the last of them in part.
        let mut point = vec![0.0; 9];
        let mut left = needed;
        for (column, size) in columns.iter().zip(&sizes) {
            point[*column] = (left / size).clamp(0.0, 1.0);
            left -= point[*column] * size;
        }
        let Some((cut, limit)) = rounding::cut(&matrix, row, &point) else { continue };
        cuts += 1;
        let at = |point: &[f64]| cut.iter().map(|(column, factor)| factor * point[*column]).sum::<f64>();
        assert!(at(&point) > limit, "the point is not cut off");
        for pattern in 0_u32..1 << 7 {
            let mut whole = vec![1.0; 9];
            for (bit, column) in columns.iter().skip(1).enumerate() {
                whole[*column] = f64::from(pattern >> bit & 1);
            }
            let given: f64 = columns.iter().zip(&sizes).map(|(column, size)| whole[*column] * size).sum();
            whole[missing] = (needed - given).max(0.0);
            if whole[missing] <= 50.0 {
                assert!(at(&whole) <= limit + 1e-9, "a whole point is cut off: {whole:?}");
            }
        }
    }
    assert!(cuts > 100, "only {cuts} cuts");
}
