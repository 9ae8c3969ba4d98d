//! The normal equations of a year: zone blocks eliminated hour by hour, then a ring of storage blocks.
//!
//! The ring is cut into fixed runs. Each run eliminates its inner hours on its own, onto the separators at its two ends
//! (its own last hour, and that of the run before); a small dense system joins the separators. Nothing depends on how
//! many threads worked.
//!
//! Not modelled: storages that share a limit across hours of different runs (a yearly emission cap).

use super::chunk::{Chunk, Rows};
use super::columns::Columns;
use super::small;

/// Runs the same work over all runs, on as many threads as the caller likes.
pub type Spread<'s> = &'s dyn Fn(&mut [Chunk], &(dyn Fn(&mut Chunk) + Sync));

/// Which of a run's two price directions a solution is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The affine direction.
    Affine,
    /// The combined direction.
    Combined,
}

impl Chunk {
    fn pick(&mut self, which: Which) -> Rows {
        core::mem::take(match which {
            Which::Affine => &mut self.affine,
            Which::Combined => &mut self.step,
        })
    }

    fn put(&mut self, which: Which, rows: Rows) {
        *match which {
            Which::Affine => &mut self.affine,
            Which::Combined => &mut self.step,
        } = rows;
    }

    /// Factors the zone blocks, condenses each hour onto its storages and eliminates the inner hours.
    pub fn factor(&mut self, columns: &Columns) {
        let (z, k) = (columns.zones, columns.stores);
        let mut half = vec![0.0; z * k];
        for t in 0..self.hours {
            let block = &mut self.zone_factor[t * z * z..(t + 1) * z * z];
            small::factor(block, z);
            half.fill(0.0);
            for (store, entry) in self.between[t * k..(t + 1) * k].iter().enumerate() {
                half[columns.store_zone[store] * k + store] = *entry;
            }
            small::forward_block(block, z, &mut half, k);
            small::subtract_product(&half, &half, z, k, &mut self.chain[t * k * k..(t + 1) * k * k]);
        }
        for store in 0..k {
            self.chain[store * k + store] += self.handed.diagonal[store];
        }
        self.to_left.fill(0.0);
        self.cross.fill(0.0);
        let mut left = vec![0.0; k * k];
        for store in 0..k {
            left[store * k + store] = -self.handed.coupling[store];
        }
        let mut right = vec![0.0; k * k];
        for t in 0..self.hours - 1 {
            let (now, next) = self.chain[t * k * k..].split_at_mut(k * k);
            small::factor(now, k);
            right.fill(0.0);
            for store in 0..k {
                right[store * k + store] = -self.onward[t * k + store];
            }
            small::forward_block(now, k, &mut right, k);
            small::forward_block(now, k, &mut left, k);
            small::subtract_product(&right, &right, k, k, &mut next[..k * k]);
            small::subtract_product(&left, &left, k, k, &mut self.to_left);
            self.left[t * k * k..(t + 1) * k * k].copy_from_slice(&left);
            let mut carried = vec![0.0; k * k];
            small::subtract_product(&right, &left, k, k, &mut carried);
            left = carried;
        }
        // What couples the own separator (rows) to the one before (columns).
        self.cross.copy_from_slice(&left);
    }

    /// Condenses the right-hand side and carries it to the separators.
    pub fn reduce(&mut self, columns: &Columns, which: Which) {
        let (z, k) = (columns.zones, columns.stores);
        let mut rows = self.pick(which);
        let mut onto = vec![0.0; z];
        for t in 0..self.hours {
            onto.copy_from_slice(&rows.balance[t * z..(t + 1) * z]);
            let factor = &self.zone_factor[t * z * z..(t + 1) * z * z];
            small::forward(factor, z, &mut onto);
            small::backward(factor, z, &mut onto);
            for store in 0..k {
                rows.energy[t * k + store] -= self.between[t * k + store] * onto[columns.store_zone[store]];
            }
        }
        self.to_left_side.fill(0.0);
        let mut back = vec![0.0; k];
        for t in 0..self.hours - 1 {
            let (now, next) = rows.energy[t * k..].split_at_mut(k);
            let factor = &self.chain[t * k * k..(t + 1) * k * k];
            small::forward(factor, k, now);
            small::subtract_transposed(&self.left[t * k * k..(t + 1) * k * k], now, k, k, &mut self.to_left_side);
            back.copy_from_slice(now);
            small::backward(factor, k, &mut back);
            for store in 0..k {
                next[store] += self.onward[t * k + store] * back[store];
            }
        }
        self.put(which, rows);
    }

    /// With the separators known, the prices of the inner hours and of the zones. `before` is the separator in front.
    pub fn expand(&mut self, columns: &Columns, which: Which) {
        let (z, k) = (columns.zones, columns.stores);
        let mut rows = self.pick(which);
        let before = core::mem::take(&mut self.to_left_side);
        for t in (0..self.hours - 1).rev() {
            let (now, next) = rows.energy[t * k..].split_at_mut(k);
            let factor = &self.chain[t * k * k..(t + 1) * k * k];
            let mut coupled: Vec<f64> = (0..k).map(|store| self.onward[t * k + store] * next[store]).collect();
            small::forward(factor, k, &mut coupled);
            for (now, coupled) in now.iter_mut().zip(&coupled) {
                *now += coupled;
            }
            small::subtract_straight(&self.left[t * k * k..(t + 1) * k * k], &before, k, k, now);
            small::backward(factor, k, now);
        }
        self.to_left_side = before;
        for t in 0..self.hours {
            let balance = &mut rows.balance[t * z..(t + 1) * z];
            for store in 0..k {
                balance[columns.store_zone[store]] -= self.between[t * k + store] * rows.energy[t * k + store];
            }
            let factor = &self.zone_factor[t * z * z..(t + 1) * z * z];
            small::forward(factor, z, balance);
            small::backward(factor, z, balance);
        }
        self.put(which, rows);
    }
}

/// The dense system of the separators.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    factor: Vec<f64>,
}

impl Ring {
    /// Factors everything; the runs hold their assembled equations.
    pub fn factor(&mut self, columns: &Columns, chunks: &mut [Chunk], spread: Spread<'_>) {
        let (k, runs) = (columns.stores, chunks.len());
        spread(chunks, &|chunk| chunk.factor(columns));
        let n = k * runs;
        self.factor.clear();
        self.factor.resize(n * n, 0.0);
        for (own, chunk) in chunks.iter().enumerate() {
            let before = (own + runs - 1) % runs;
            let last = chunk.hours - 1;
            let block = &chunk.chain[last * k * k..(last + 1) * k * k];
            for i in 0..k {
                for j in 0..k {
                    self.factor[(own * k + i) * n + own * k + j] += block[i * k + j];
                    self.factor[(before * k + i) * n + before * k + j] += chunk.to_left[i * k + j];
                    let cross = chunk.cross[i * k + j];
                    self.factor[(own * k + i) * n + before * k + j] += cross;
                    self.factor[(before * k + j) * n + own * k + i] += cross;
                }
            }
        }
        small::factor(&mut self.factor, n);
    }

    /// Solves for one direction, whose right-hand side stands in the runs.
    pub fn solve(&self, columns: &Columns, chunks: &mut [Chunk], spread: Spread<'_>, which: Which) {
        let (k, runs) = (columns.stores, chunks.len());
        spread(chunks, &|chunk| chunk.reduce(columns, which));
        let n = k * runs;
        let mut side = vec![0.0; n];
        for (own, chunk) in chunks.iter_mut().enumerate() {
            let before = (own + runs - 1) % runs;
            let last = chunk.hours - 1;
            let rows = chunk.pick(which);
            for store in 0..k {
                side[own * k + store] += rows.energy[last * k + store];
                side[before * k + store] += chunk.to_left_side[store];
            }
            chunk.put(which, rows);
        }
        small::forward(&self.factor, n, &mut side);
        small::backward(&self.factor, n, &mut side);
        for (own, chunk) in chunks.iter_mut().enumerate() {
            let before = (own + runs - 1) % runs;
            let last = chunk.hours - 1;
            let mut rows = chunk.pick(which);
            rows.energy[last * k..].copy_from_slice(&side[own * k..(own + 1) * k]);
            chunk.put(which, rows);
            chunk.to_left_side.copy_from_slice(&side[before * k..(before + 1) * k]);
        }
        spread(chunks, &|chunk| chunk.expand(columns, which));
        for own in 0..runs {
            let after = (own + 1) % runs;
            let mut rows = chunks[after].pick(which);
            let first = rows.energy[..k].to_vec();
            chunks[after].put(which, core::mem::take(&mut rows));
            let mut rows = chunks[own].pick(which);
            rows.next.copy_from_slice(&first);
            chunks[own].put(which, rows);
        }
    }
}
