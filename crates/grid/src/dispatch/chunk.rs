//! A fixed run of hours: its part of the iterate, and the passes over its columns.
//!
//! Every pass builds, hour by hour, the columns' view of the row vectors in a small buffer and then runs flat over the
//! columns in eight lanes, so that sums have one order on every machine. With `x` and `s` the distances to the two
//! bounds and `v`, `w` their multipliers, `D = 1 / (v/x + w/s) = x s / (v s + w x)`; a column that is fixed has
//! `v = w = 0` and gets `D = 0`.
//!
//! Not modelled: free columns and one-sided boxes; every box here is finite.

use super::columns::{Columns, DEAD, LANES, Normal};

/// Keeps the denominator of `D` off zero where a column is fixed.
const TINY: f64 = 1e-200;
type Lanes = [f64; LANES];

/// A run of hours; the last of them separates it from the next run.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// First hour.
    pub first: usize,
    /// Number of hours, at least one.
    pub hours: usize,
    /// What stays of the energy from the last hour to the next run's first.
    pub keep_out: Vec<f64>,
    /// Distance to the lower bound, hour by hour.
    pub x: Vec<f64>,
    /// Distance to the upper bound.
    pub s: Vec<f64>,
    /// Multipliers of the lower and of the upper bound.
    pub v: Vec<f64>,
    /// See `v`.
    pub w: Vec<f64>,
    dx: Vec<f64>,
    dv: Vec<f64>,
    dw: Vec<f64>,
    /// Right-hand sides, balance and energy rows.
    pub side: Rows,
    /// Row prices.
    pub y: Rows,
    /// Rows of `b - A x`.
    pub residual: Rows,
    /// Affine and combined direction of the prices; on entry to a solution, its right-hand side.
    pub affine: Rows,
    /// See `affine`.
    pub step: Rows,
    /// Factor of each hour's zone block.
    pub zone_factor: Vec<f64>,
    /// Entry of each storage in its zone's row.
    pub between: Vec<f64>,
    /// Each hour's storage block, then its factor.
    pub chain: Vec<f64>,
    /// Coupling of each hour to the separator before the run.
    pub left: Vec<f64>,
    /// D of the energy columns times what they keep: the coupling to the hour after.
    pub onward: Vec<f64>,
    /// What the first hour's rows get from the run before, and what the last hour gives to the run after.
    pub handed: Handed,
    /// Sums and extremes of the last pass.
    pub found: Found,
    /// Contributions to the separators: left by left, left by right.
    pub to_left: Vec<f64>,
    /// See `to_left`.
    pub cross: Vec<f64>,
    /// A vector for the left separator.
    pub to_left_side: Vec<f64>,
}

/// A vector over the rows of a run.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Balance of the zones, hour by hour.
    pub balance: Vec<f64>,
    /// Energy of the storages, hour by hour.
    pub energy: Vec<f64>,
    /// Energy rows of the hour after the run.
    pub next: Vec<f64>,
}

impl Rows {
    fn new(columns: &Columns, hours: usize) -> Self {
        Self {
            balance: vec![0.0; hours * columns.zones],
            energy: vec![0.0; hours * columns.stores],
            next: vec![0.0; columns.stores],
        }
    }
}

/// What passes from run to run.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    /// Diagonal that the last hour's energy column puts on the next run's first hour.
    pub diagonal_out: Vec<f64>,
    /// The same from the run before.
    pub diagonal: Vec<f64>,
    /// Coupling of the last hour of the run before to this run's first hour.
    pub coupling: Vec<f64>,
}

/// Sums and extremes of a pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Sum of `x v + s w`.
    pub complementarity: f64,
    /// Its parts that are linear in the primal and the dual step, and in their product.
    pub by_primal: f64,
    /// See `by_primal`.
    pub by_dual: f64,
    /// See `by_primal`.
    pub by_both: f64,
    /// Greatest of `-dx/x`: the reciprocal of the longest primal step.
    pub primal_reach: f64,
    /// The same of the multipliers.
    pub dual_reach: f64,
    /// Cost of `x`.
    pub primal: f64,
    /// Dual bound of `y`.
    pub dual: f64,
    /// Greatest magnitude in `b - A x`.
    pub residual: f64,
}

/// How far to go along a direction before the next pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stride {
    /// Of the primal step.
    pub primal: f64,
    /// Of the dual step.
    pub dual: f64,
}

impl Chunk {
    /// A run with `x` in the middle of its boxes, prices `lambda` everywhere and multipliers at least `least`.
    pub fn new(columns: &Columns, first: usize, hours: usize, keep_out: Vec<f64>) -> Self {
        let (n, k, z) = (columns.count, columns.stores, columns.zones);
        let rows = || Rows::new(columns, hours);
        Self {
            first,
            hours,
            keep_out,
            x: vec![DEAD; hours * n],
            s: vec![DEAD; hours * n],
            v: vec![0.0; hours * n],
            w: vec![0.0; hours * n],
            dx: vec![0.0; hours * n],
            dv: vec![0.0; hours * n],
            dw: vec![0.0; hours * n],
            side: rows(),
            y: rows(),
            residual: rows(),
            affine: rows(),
            step: rows(),
            zone_factor: vec![0.0; hours * z * z],
            between: vec![0.0; hours * k],
            chain: vec![0.0; hours * k * k],
            left: vec![0.0; hours * k * k],
            onward: vec![0.0; hours * k],
            handed: Handed { diagonal_out: vec![0.0; k], diagonal: vec![0.0; k], coupling: vec![0.0; k] },
            found: Found::default(),
            to_left: vec![0.0; k * k],
            cross: vec![0.0; k * k],
            to_left_side: vec![0.0; k],
        }
    }

    /// What is kept from hour `t` of the run to the hour after.
    pub fn keep<'k>(&'k self, columns: &'k Columns, t: usize) -> &'k [f64] {
        if t + 1 == self.hours { &self.keep_out } else { &columns.keep }
    }

    /// Sets the iterate into the middle of its boxes. Prices must stand in `y`.
    pub fn start(&mut self, columns: &Columns, least: f64, widths: &mut dyn FnMut(usize, &mut [f64])) {
        let n = columns.count;
        let (mut width, mut seen) = (vec![0.0; n], vec![0.0; n]);
        for t in 0..self.hours {
            widths(self.first + t, &mut width);
            self.see(columns, t, &self.y, &mut seen);
            for j in 0..n {
                let at = t * n + j;
                if width[j] > 0.0 {
                    let reduced = columns.cost[j] - seen[j];
                    self.x[at] = 0.5 * width[j];
                    self.s[at] = 0.5 * width[j];
                    self.v[at] = reduced.max(0.0) + least;
                    self.w[at] = (-reduced).max(0.0) + least;
                }
            }
        }
    }

    fn see(&self, columns: &Columns, t: usize, rows: &Rows, out: &mut [f64]) {
        let (z, k) = (columns.zones, columns.stores);
        let next = if t + 1 == self.hours { &rows.next[..] } else { &rows.energy[(t + 1) * k..(t + 2) * k] };
        let (balance, energy) = (&rows.balance[t * z..(t + 1) * z], &rows.energy[t * k..(t + 1) * k]);
        columns.transposed(balance, energy, next, self.keep(columns, t), out);
    }

    /// Goes along the direction, then forms residuals, the normal equations of each hour and the affine right-hand side.
    pub fn assemble(&mut self, columns: &Columns, stride: Stride) {
        let (n, z, k) = (columns.count, columns.zones, columns.stores);
        self.advance_prices(stride);
        let (mut seen, mut d, mut dr) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let mut sums = [[0.0; LANES]; 3];
        self.residual.balance.copy_from_slice(&self.side.balance);
        self.residual.energy.copy_from_slice(&self.side.energy);
        self.residual.next.fill(0.0);
        self.affine.balance.fill(0.0);
        self.affine.energy.fill(0.0);
        self.affine.next.fill(0.0);
        let mut diagonal = vec![0.0; (self.hours + 1) * k];
        let mut dual = 0.0;
        for t in 0..self.hours {
            self.see(columns, t, &self.y, &mut seen);
            let hour = t * n..(t + 1) * n;
            let now = Now {
                cost: &columns.cost,
                seen: &seen,
                x: &mut self.x[hour.clone()],
                s: &mut self.s[hour.clone()],
                v: &mut self.v[hour.clone()],
                w: &mut self.w[hour.clone()],
                dx: &self.dx[hour.clone()],
                dv: &self.dv[hour.clone()],
                dw: &self.dw[hour.clone()],
            };
            now.scale(stride, &mut d, &mut dr, &mut sums);
            let keep = if t + 1 == self.hours { &self.keep_out } else { &columns.keep };
            let mut split = RowsAt::of(&mut self.residual, t, z, k, self.hours);
            columns.subtract(&self.x[hour.clone()], keep, split.balance, split.energy, split.next);
            split = RowsAt::of(&mut self.affine, t, z, k, self.hours);
            columns.subtract(&dr, keep, split.balance, split.energy, split.next);
            let (own, next) = diagonal[t * k..].split_at_mut(k);
            columns.normal(
                &d,
                keep,
                &mut Normal {
                    zones: &mut self.zone_factor[t * z * z..(t + 1) * z * z],
                    stores: own,
                    between: &mut self.between[t * k..(t + 1) * k],
                    next: &mut next[..k],
                },
            );
            for store in 0..k {
                self.onward[t * k + store] = keep[store] * d[columns.energy + store];
            }
        }
        for (y, b) in self.y.balance.iter().zip(&self.side.balance).chain(self.y.energy.iter().zip(&self.side.energy)) {
            dual += y * b;
        }
        for t in 0..self.hours {
            let block = &mut self.chain[t * k * k..(t + 1) * k * k];
            block.fill(0.0);
            for store in 0..k {
                block[store * k + store] = diagonal[t * k + store];
            }
        }
        self.handed.diagonal_out.copy_from_slice(&diagonal[self.hours * k..]);
        let [complementarity, primal, bound] = sums.map(|lanes| lanes.iter().sum::<f64>());
        self.found = Found { complementarity, primal, dual: dual + bound, ..Found::default() };
    }

    fn advance_prices(&mut self, stride: Stride) {
        if stride.dual == 0.0 {
            return;
        }
        for (y, dy) in [
            (&mut self.y.balance, &self.step.balance),
            (&mut self.y.energy, &self.step.energy),
            (&mut self.y.next, &self.step.next),
        ] {
            for (y, dy) in y.iter_mut().zip(dy) {
                *y += stride.dual * dy;
            }
        }
    }

    /// After the residuals of all runs are complete: the affine right-hand side `b - A x + A D r`, ready to be solved.
    pub fn affine_side(&mut self) {
        let mut greatest = 0.0_f64;
        for (into, residual) in
            [(&mut self.affine.balance, &self.residual.balance), (&mut self.affine.energy, &self.residual.energy)]
        {
            for (into, residual) in into.iter_mut().zip(residual) {
                // A D r was subtracted with its sign turned.
                *into += residual;
                greatest = greatest.max(residual.abs());
            }
        }
        self.found.residual = greatest;
    }

    /// How far the affine direction can go, and what it does to the complementarity.
    pub fn predict(&mut self, columns: &Columns) {
        let n = columns.count;
        let (mut seen, mut turned) = (vec![0.0; n], vec![0.0; n]);
        let mut sums = [[0.0; LANES]; 3];
        let mut reach = [[0.0; LANES]; 2];
        for t in 0..self.hours {
            self.see(columns, t, &self.y, &mut seen);
            self.see(columns, t, &self.affine, &mut turned);
            let hour = t * n..(t + 1) * n;
            let columns = [&columns.cost, &seen, &turned].map(|all| &all[..n]);
            let state = [&self.x, &self.s, &self.v, &self.w].map(|all| &all[hour.clone()]);
            predict_hour(columns, state, &mut sums, &mut reach);
        }
        let [by_primal, by_dual, by_both] = sums.map(|lanes| lanes.iter().sum::<f64>());
        let [primal_reach, dual_reach] = reach.map(|lanes| lanes.iter().copied().fold(0.0, f64::max));
        self.found = Found { by_primal, by_dual, by_both, primal_reach, dual_reach, ..self.found };
    }

    /// The right-hand side of the combined direction, into `step`.
    pub fn correct(&mut self, columns: &Columns, target: f64) {
        let (n, z, k) = (columns.count, columns.zones, columns.stores);
        let (mut seen, mut turned, mut h) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        self.step.balance.copy_from_slice(&self.residual.balance);
        self.step.energy.copy_from_slice(&self.residual.energy);
        self.step.next.fill(0.0);
        for t in 0..self.hours {
            self.see(columns, t, &self.y, &mut seen);
            self.see(columns, t, &self.affine, &mut turned);
            let hour = t * n..(t + 1) * n;
            let view = [&columns.cost, &seen, &turned].map(|all| &all[..n]);
            let state = [&self.x, &self.s, &self.v, &self.w].map(|all| &all[hour.clone()]);
            correct_hour(view, state, target, &mut h);
            let keep = if t + 1 == self.hours { &self.keep_out } else { &columns.keep };
            let split = RowsAt::of(&mut self.step, t, z, k, self.hours);
            columns.subtract(&h, keep, split.balance, split.energy, split.next);
        }
    }

    /// The combined direction from the solved `step`, and how far it can go.
    pub fn direct(&mut self, columns: &Columns, target: f64) {
        let n = columns.count;
        let (mut seen, mut turned, mut ahead) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let mut reach = [[0.0; LANES]; 2];
        for t in 0..self.hours {
            self.see(columns, t, &self.y, &mut seen);
            self.see(columns, t, &self.affine, &mut turned);
            self.see(columns, t, &self.step, &mut ahead);
            let hour = t * n..(t + 1) * n;
            let view = [&columns.cost, &seen, &turned, &ahead].map(|all| &all[..n]);
            let state = [&self.x, &self.s, &self.v, &self.w].map(|all| &all[hour.clone()]);
            let out = [&mut self.dx[hour.clone()], &mut self.dv[hour.clone()], &mut self.dw[hour.clone()]];
            direct_hour(view, state, target, out, &mut reach);
        }
        let [primal_reach, dual_reach] = reach.map(|lanes| lanes.iter().copied().fold(0.0, f64::max));
        self.found = Found { primal_reach, dual_reach, ..self.found };
    }
}

/// The rows of one hour and the storage rows of the hour after.
struct RowsAt<'r> {
    balance: &'r mut [f64],
    energy: &'r mut [f64],
    next: &'r mut [f64],
}

impl<'r> RowsAt<'r> {
    fn of(rows: &'r mut Rows, t: usize, z: usize, k: usize, hours: usize) -> Self {
        let balance = &mut rows.balance[t * z..(t + 1) * z];
        let (energy, after) = rows.energy[t * k..].split_at_mut(k);
        let next = if t + 1 == hours { &mut rows.next[..] } else { &mut after[..k] };
        Self { balance, energy, next }
    }
}

struct Now<'h> {
    cost: &'h [f64],
    seen: &'h [f64],
    x: &'h mut [f64],
    s: &'h mut [f64],
    v: &'h mut [f64],
    w: &'h mut [f64],
    dx: &'h [f64],
    dv: &'h [f64],
    dw: &'h [f64],
}

impl Now<'_> {
    /// Advances one hour's columns and gives `D`, `-D r` and the sums of complementarity, cost and bound.
    fn scale(self, stride: Stride, d: &mut [f64], dr: &mut [f64], sums: &mut [Lanes; 3]) {
        let lanes = |all| <[f64]>::as_chunks::<LANES>(all).0;
        let (cost, seen) = (lanes(self.cost), lanes(self.seen));
        let (dx, dv, dw) = (lanes(self.dx), lanes(self.dv), lanes(self.dw));
        let (x, s) = (self.x.as_chunks_mut::<LANES>().0, self.s.as_chunks_mut::<LANES>().0);
        let (v, w) = (self.v.as_chunks_mut::<LANES>().0, self.w.as_chunks_mut::<LANES>().0);
        let (d, dr) = (d.as_chunks_mut::<LANES>().0, dr.as_chunks_mut::<LANES>().0);
        for i in 0..cost.len() {
            for l in 0..LANES {
                let (x, s) = (&mut x[i][l], &mut s[i][l]);
                let (v, w) = (&mut v[i][l], &mut w[i][l]);
                *x += stride.primal * dx[i][l];
                *s -= stride.primal * dx[i][l];
                *v += stride.dual * dv[i][l];
                *w += stride.dual * dw[i][l];
                let r = cost[i][l] - seen[i][l];
                let here = inverse(*x, *s, *v, *w) * *x * *s;
                d[i][l] = here;
                dr[i][l] = -here * r;
                sums[0][l] += *x * *v + *s * *w;
                sums[1][l] += cost[i][l] * *x;
                sums[2][l] += (*x + *s) * r.min(0.0);
            }
        }
    }
}

/// `1 / (v s + w x)`, zero for a fixed column.
#[inline(always)]
fn inverse(x: f64, s: f64, v: f64, w: f64) -> f64 {
    let live = if v > 0.0 { 1.0 } else { 0.0 };
    live / (v * s + w * x + TINY)
}

fn predict_hour(view: [&[f64]; 3], state: [&[f64]; 4], sums: &mut [Lanes; 3], reach: &mut [Lanes; 2]) {
    let [cost, seen, turned] = view.map(|all| all.as_chunks::<LANES>().0);
    let [x, s, v, w] = state.map(|all| all.as_chunks::<LANES>().0);
    for i in 0..cost.len() {
        for l in 0..LANES {
            let (x, s, v, w) = (x[i][l], s[i][l], v[i][l], w[i][l]);
            let toward = (turned[i][l] - (cost[i][l] - seen[i][l])) * inverse(x, s, v, w);
            // Relative steps: dx/x and dx/s.
            let (p, q) = (toward * s, toward * x);
            let (low, high) = (x * v, s * w);
            sums[0][l] += low * p - high * q;
            sums[1][l] -= low * (1.0 + p) + high * (1.0 - q);
            sums[2][l] += high * q * (1.0 - q) - low * p * (1.0 + p);
            reach[0][l] = reach[0][l].max((-p).max(q));
            reach[1][l] = reach[1][l].max((1.0 + p).max(1.0 - q));
        }
    }
}

/// Targets of the two complementarities after Mehrotra's correction, and `1 / (v s + w x)`.
#[inline(always)]
fn targets(r: f64, turned: f64, x: f64, s: f64, v: f64, w: f64, target: f64) -> (f64, f64, f64) {
    let inverse = inverse(x, s, v, w);
    let toward = (turned - r) * inverse;
    let (p, q) = (toward * s, toward * x);
    (target + x * v * p * (1.0 + p), target - s * w * q * (1.0 - q), inverse)
}

fn correct_hour(view: [&[f64]; 3], state: [&[f64]; 4], target: f64, h: &mut [f64]) {
    let [cost, seen, turned] = view.map(|all| all.as_chunks::<LANES>().0);
    let [x, s, v, w] = state.map(|all| all.as_chunks::<LANES>().0);
    let h = h.as_chunks_mut::<LANES>().0;
    for i in 0..cost.len() {
        for l in 0..LANES {
            let (x, s) = (x[i][l], s[i][l]);
            let r = cost[i][l] - seen[i][l];
            let (low, high, inverse) = targets(r, turned[i][l], x, s, v[i][l], w[i][l], target);
            h[i][l] = (low * s - high * x - r * x * s) * inverse;
        }
    }
}

fn direct_hour(view: [&[f64]; 4], state: [&[f64]; 4], target: f64, out: [&mut [f64]; 3], reach: &mut [Lanes; 2]) {
    let [cost, seen, turned, ahead] = view.map(|all| all.as_chunks::<LANES>().0);
    let [x, s, v, w] = state.map(|all| all.as_chunks::<LANES>().0);
    let [dx, dv, dw] = out.map(|all| all.as_chunks_mut::<LANES>().0);
    for i in 0..cost.len() {
        for l in 0..LANES {
            let (x, s, v, w) = (x[i][l], s[i][l], v[i][l], w[i][l]);
            let live = if v > 0.0 { 1.0 } else { 0.0 };
            let r = cost[i][l] - seen[i][l];
            let (low, high, inverse) = targets(r, turned[i][l], x, s, v, w, target);
            let step = ((ahead[i][l] - r) * x * s + low * s - high * x) * inverse;
            let (over_x, over_s) = (live / x, live / s);
            let lower = (low - v * step) * over_x - v;
            let upper = (high + w * step) * over_s - w;
            dx[i][l] = step;
            dv[i][l] = lower;
            dw[i][l] = upper;
            reach[0][l] = reach[0][l].max((-step * over_x).max(step * over_s));
            reach[1][l] = reach[1][l].max((-lower / (v + TINY)).max(-upper / (w + TINY)));
        }
    }
}
