//! The interior-point method: predictor, corrector, step, until the certified gap is small enough.
//!
//! Mehrotra's predictor-corrector method (SIAM J. Optimization 2, 1992, 575) on boxes. Every column has two finite
//! bounds, so any prices are dual feasible, and the dual bound is known at every iterate for nothing.
//!
//! Not modelled: warm starts, a vertex at the end (among ties the answer lies in the middle).

use super::chain::{Ring, Spread, Which};
use super::chunk::{Chunk, Found, Stride};
use super::columns::{Columns, PER_MWH};
use super::tidy::tidy;
use super::{Dispatch, Failure, Missing, Problem, Quality};

/// Certified relative gap at which an answer is accepted.
pub const TOLERANCE: f64 = 1e-8;
/// Gaps of the iterate at which the answer is tidied and judged, one after the other until the judgement is good.
const TRIES: [f64; 4] = [5e-9, 1e-9, 2e-10, 4e-11];
/// Greatest imbalance, and greatest excess over a bound, of an answer, as a share of the greatest load of a zone.
const CLOSED: f64 = 1e-9;
/// Most iterations; the hardest problem tried so far took 40.
const MOST_ITERATIONS: usize = 150;
/// Runs that the year is cut into; fixed, so that the threads do not matter.
const RUNS: usize = 16;
/// Fewest hours of a run.
const LEAST_HOURS: usize = 8;
/// Share of the way to the nearest bound that a step goes.
const BOLDNESS: f64 = 0.995;
/// Where no load may be shed: price of what is missing, as a multiple of the highest price in the problem.
const PENALTY: f64 = 100.0;
/// Missing power below this, W, is rounding.
const LEAST_MISSING_W: f64 = 1000.0;

/// Solves the problem to a certified gap of [`TOLERANCE`].
///
/// # Errors
/// A problem without meaning, load that cannot be served and may not be shed, or an iteration that does not come to
/// an end.
pub fn solve(problem: &Problem, spread: Spread<'_>) -> Result<Dispatch, Failure> {
    let complaints = problem.complaints();
    if !complaints.is_empty() {
        return Err(Failure::Unsound(complaints));
    }
    let prices = problem.units.cost_usd_per_j.iter().chain(problem.zones.shed_price_usd_per_j.iter().flatten());
    let highest = prices.fold(10.0, |most: f64, price| most.max((price / PER_MWH).abs()));
    let columns = Columns::new(problem, PENALTY * highest);
    let mut method = Method::start(problem, &columns, spread);
    let mut best = Quality::default();
    for gap in TRIES {
        let came_to_rest = method.iterate(&columns, spread, gap);
        let dispatch = tidy(problem, &columns, &method.chunks, method.iterations);
        short(problem, &dispatch)?;
        best = dispatch.quality;
        let peak_w = problem.zones.load_w.iter().copied().fold(1e6, f64::max);
        let closed = best.imbalance_w.max(best.energy_error_w).max(best.box_error_w) <= CLOSED * peak_w;
        if closed && best.gap <= TOLERANCE {
            return Ok(dispatch);
        }
        if !came_to_rest {
            break;
        }
    }
    Err(Failure::Unfinished { quality: best })
}

/// Load that is left where none may be shed.
fn short(problem: &Problem, dispatch: &Dispatch) -> Result<(), Failure> {
    let zones = problem.zones.name.len();
    let mut places: Vec<Missing> = Vec::new();
    for (at, missing_w) in dispatch.shed_w.iter().enumerate() {
        let (hour, zone) = (at / zones, at % zones);
        if problem.zones.shed_price_usd_per_j[zone].is_none() && *missing_w > LEAST_MISSING_W {
            places.push(Missing { zone, hour, missing_w: *missing_w });
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    let (count, total_j) = (places.len(), places.iter().map(|place| place.missing_w * problem.step_s).sum());
    places.sort_by(|a, b| b.missing_w.total_cmp(&a.missing_w).then(a.hour.cmp(&b.hour)).then(a.zone.cmp(&b.zone)));
    places.truncate(10);
    Err(Failure::Short { places, count, total_j })
}

struct Method {
    chunks: Vec<Chunk>,
    ring: Ring,
    stride: Stride,
    live: f64,
    scale: f64,
    iterations: usize,
}

impl Method {
    fn start(problem: &Problem, columns: &Columns, spread: Spread<'_>) -> Self {
        let runs = (problem.hours / LEAST_HOURS).clamp(1, RUNS);
        // Begin with prices in the middle of what generation costs, and multipliers of that size.
        let (mut sum, mut count) = (0.0, 0.0);
        for group in columns.groups.iter().filter(|group| !group.units.is_empty()) {
            sum += group.cost.abs();
            count += 1.0;
        }
        let level = if count > 0.0 && sum > 0.0 { sum / count } else { 1.0 };
        let mut chunks: Vec<Chunk> = (0..runs)
            .map(|run| {
                let (first, end) = (run * problem.hours / runs, (run + 1) * problem.hours / runs);
                let keep = if run + 1 == runs { &columns.ring } else { &columns.keep };
                let mut chunk = Chunk::new(columns, first, end - first, keep.clone());
                chunk.y.balance.fill(level);
                chunk.y.energy.fill(-level);
                chunk.y.next.fill(-level);
                chunk
            })
            .collect();
        spread(&mut chunks, &|chunk| {
            chunk.start(columns, level, &mut |hour, widths| columns.widths(problem, hour, widths));
            let (z, k) = (columns.zones, columns.stores);
            for t in 0..chunk.hours {
                let balance = &mut chunk.side.balance[t * z..(t + 1) * z];
                columns.sides(problem, chunk.first + t, balance, &mut chunk.side.energy[t * k..(t + 1) * k]);
            }
        });
        let live = chunks.iter().flat_map(|chunk| &chunk.v).filter(|v| **v > 0.0).count();
        let sides = chunks.iter().flat_map(|chunk| chunk.side.balance.iter().chain(&chunk.side.energy));
        let scale = sides.fold(1e-3, |most: f64, side| most.max(side.abs()));
        let live = 2.0 * live.max(1) as f64;
        Self { chunks, ring: Ring::default(), stride: Stride::default(), live, scale, iterations: 0 }
    }

    /// Iterates until the gap of the iterate is below `gap`; false when it cannot get there.
    fn iterate(&mut self, columns: &Columns, spread: Spread<'_>, gap: f64) -> bool {
        let mut idle = 0;
        loop {
            let now = self.assemble(columns, spread);
            let distance = (now.primal - now.dual).abs() / now.primal.abs().max(1e-6);
            if distance <= gap && now.residual <= CLOSED * self.scale {
                return true;
            }
            if self.iterations >= MOST_ITERATIONS || idle >= 3 || !distance.is_finite() {
                return false;
            }
            self.step(columns, spread, now.complementarity);
            self.iterations += 1;
            idle = if self.stride.primal.max(self.stride.dual) < 1e-6 { idle + 1 } else { 0 };
        }
    }

    /// Goes the last step and forms the equations at the new iterate.
    fn assemble(&mut self, columns: &Columns, spread: Spread<'_>) -> Found {
        let stride = self.stride;
        self.stride = Stride::default();
        spread(&mut self.chunks, &|chunk| chunk.assemble(columns, stride));
        let (k, runs) = (columns.stores, self.chunks.len());
        for own in 0..runs {
            let after = (own + 1) % runs;
            let from = &self.chunks[own];
            let coupling = from.onward[(from.hours - 1) * k..].to_vec();
            let diagonal = from.handed.diagonal_out.clone();
            let (residual, affine) = (from.residual.next.clone(), from.affine.next.clone());
            let to = &mut self.chunks[after];
            to.handed.coupling = coupling;
            to.handed.diagonal = diagonal;
            add(&mut to.residual.energy, &residual);
            add(&mut to.affine.energy, &affine);
        }
        spread(&mut self.chunks, &|chunk| chunk.affine_side());
        let mut all = Found::default();
        for Found { complementarity, primal, dual, residual, .. } in self.chunks.iter().map(|chunk| chunk.found) {
            all.complementarity += complementarity;
            all.primal += primal;
            all.dual += dual;
            all.residual = all.residual.max(residual);
        }
        all
    }

    /// Predictor, corrector, and how far to go; the going is left to the next pass over the columns.
    fn step(&mut self, columns: &Columns, spread: Spread<'_>, complementarity: f64) {
        self.ring.factor(columns, &mut self.chunks, spread);
        self.ring.solve(columns, &mut self.chunks, spread, Which::Affine);
        spread(&mut self.chunks, &|chunk| chunk.predict(columns));
        let reach = self.reach();
        let (primal, dual) = (1.0 / reach.primal.max(1.0), 1.0 / reach.dual.max(1.0));
        let mut after = complementarity;
        for found in self.chunks.iter().map(|chunk| chunk.found) {
            after += primal * found.by_primal + dual * found.by_dual + primal * dual * found.by_both;
        }
        let share = (after / complementarity).clamp(0.0, 1.0);
        let target = share * share * share * complementarity / self.live;
        spread(&mut self.chunks, &|chunk| chunk.correct(columns, target));
        let runs = self.chunks.len();
        for own in 0..runs {
            let next = self.chunks[own].step.next.clone();
            add(&mut self.chunks[(own + 1) % runs].step.energy, &next);
        }
        self.ring.solve(columns, &mut self.chunks, spread, Which::Combined);
        spread(&mut self.chunks, &|chunk| chunk.direct(columns, target));
        let reach = self.reach();
        self.stride = Stride {
            primal: (BOLDNESS / reach.primal.max(1e-10)).min(1.0),
            dual: (BOLDNESS / reach.dual.max(1e-10)).min(1.0),
        };
    }

    /// Reciprocals of the longest steps.
    fn reach(&self) -> Stride {
        let mut reach = Stride::default();
        for found in self.chunks.iter().map(|chunk| chunk.found) {
            reach.primal = reach.primal.max(found.primal_reach);
            reach.dual = reach.dual.max(found.dual_reach);
        }
        reach
    }
}

/// Adds to the first rows of a run what the run before hands over.
fn add(rows: &mut [f64], handed: &[f64]) {
    for (row, handed) in rows.iter_mut().zip(handed) {
        *row += handed;
    }
}
