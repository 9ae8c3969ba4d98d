//! Battery units: power, energy, efficiency, response, reversion when the lease lapses.
//!
//! Not modelled: cell voltage, temperature, ageing, reactive power, the firmware's own droop.

/// A battery unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Battery {
    /// Name for people.
    pub name: String,
    /// Index of its point of interconnection.
    pub poi: usize,
    /// Greatest power in either direction, W.
    pub rated_w: f64,
    /// Energy at 100 %, J.
    pub energy_j: f64,
    /// Round-trip efficiency at the unit's terminals, 0..1.
    pub round_trip: f64,
    /// Lowest and highest state of charge, 0..1.
    pub soc_range: (f64, f64),
    /// State of charge at the start, 0..1.
    pub soc_start: f64,
    /// Delay from command to response, s.
    pub delay_s: f64,
    /// First-order lag of the response, s.
    pub lag_s: f64,
    /// House load of the unit while in service, W.
    pub standby_w: f64,
    /// Power to which it reverts when its lease lapses, W (positive charges).
    pub reversion_w: f64,
}

/// What the cells of all units did in one step, W.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Exchange {
    /// Into the units' terminals.
    pub(crate) charge_w: f64,
    /// Out of the units' terminals (positive).
    pub(crate) discharge_w: f64,
    /// Lost inside.
    pub(crate) loss_w: f64,
}

/// All battery units as parallel arrays.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    step_s: f64,
    /// Blocks of neighbouring units at one bus: bus, first, one past the last.
    pub(crate) blocks: Vec<(usize, usize, usize)>,
    rated_w: Vec<f64>,
    /// Energy at 100 % of the strings that are there, J.
    ceiling_j: Vec<f64>,
    /// Loss of each unit in the last step, W.
    lost_w: Vec<f64>,
    low_j: Vec<f64>,
    high_j: Vec<f64>,
    efficiency: Vec<f64>,
    per_efficiency: Vec<f64>,
    blend: Vec<f64>,
    reversion_w: Vec<f64>,
    standby_w: Vec<f64>,
    delay_steps: Vec<usize>,
    /// The last set-points, newest in row `row`: the delay line.
    line: Vec<f64>,
    rows: usize,
    row: usize,
    set_w: Vec<f64>,
    in_service: Vec<bool>,
    /// Energy at 100 % with every string, J, and the lowest and highest state of charge, 0..1.
    whole: Vec<(f64, f64, f64)>,
    /// Share of the strings that is cut off, 0..1.
    strings_lost: Vec<f64>,
    /// Energy in them, J.
    pub(crate) isolated_j: Vec<f64>,
    /// Power at the terminals, W (positive charges); without the house load.
    pub(crate) power_w: Vec<f64>,
    /// Stored energy within reach, J.
    pub(crate) energy_j: Vec<f64>,
    room_w: Vec<f64>,
    give_w: Vec<f64>,
    /// Rating while in service, else 0, W.
    offered_w: Vec<f64>,
    /// Set-points as they arrive after their delay, W.
    wanted_w: Vec<f64>,
    /// The delay that all units share, if they do.
    common_delay: Option<usize>,
    /// House load of each block, W.
    pub(crate) block_standby_w: Vec<f64>,
}

impl Storage {
    pub(crate) fn new(batteries: &[Battery], step_s: f64) -> Self {
        let of = |f: &dyn Fn(&Battery) -> f64| batteries.iter().map(f).collect::<Vec<f64>>();
        let efficiency = of(&|b| libm::sqrt(b.round_trip));
        let delay_steps: Vec<usize> =
            batteries.iter().map(|b| libm::round(b.delay_s / step_s).max(0.0) as usize).collect();
        let rows = delay_steps.iter().max().map_or(1, |d| d + 1);
        let mut blocks: Vec<(usize, usize, usize)> = Vec::new();
        for (i, battery) in batteries.iter().enumerate() {
            match blocks.last_mut() {
                Some(block) if block.0 == battery.poi => block.2 = i + 1,
                _ => blocks.push((battery.poi, i, i + 1)),
            }
        }
        let n = batteries.len();
        let common_delay = delay_steps.first().copied().filter(|first| delay_steps.iter().all(|d| d == first));
        let mut storage = Self {
            step_s,
            offered_w: of(&|b| b.rated_w),
            wanted_w: vec![0.0; n],
            common_delay,
            block_standby_w: vec![0.0; blocks.len()],
            blocks,
            rated_w: of(&|b| b.rated_w),
            lost_w: vec![0.0; n],
            ceiling_j: of(&|b| b.energy_j),
            low_j: of(&|b| b.energy_j * b.soc_range.0),
            high_j: of(&|b| b.energy_j * b.soc_range.1),
            per_efficiency: efficiency.iter().map(|e| 1.0 / e).collect(),
            efficiency,
            blend: of(&|b| crate::plant::blend(step_s, b.lag_s)),
            reversion_w: of(&|b| b.reversion_w),
            standby_w: of(&|b| b.standby_w),
            delay_steps,
            line: vec![0.0; rows * n],
            rows,
            row: 0,
            set_w: vec![0.0; n],
            in_service: vec![true; n],
            whole: batteries.iter().map(|b| (b.energy_j, b.soc_range.0, b.soc_range.1)).collect(),
            strings_lost: vec![0.0; n],
            isolated_j: vec![0.0; n],
            power_w: vec![0.0; n],
            energy_j: of(&|b| b.energy_j * b.soc_start),
            room_w: vec![0.0; n],
            give_w: vec![0.0; n],
        };
        storage.sum_standby();
        storage
    }

    /// How many units there are.
    pub(crate) fn len(&self) -> usize {
        self.power_w.len()
    }

    /// Units from `first` on take new set-points, W; one that is not finite leaves the old one. Returns how many were
    /// refused.
    pub(crate) fn set(&mut self, first: usize, set_w: &[f64]) -> u64 {
        let mut refused = 0;
        for ((held, asked), rated) in self.set_w[first..].iter_mut().zip(set_w).zip(&self.rated_w[first..]) {
            if asked.is_finite() {
                *held = asked.clamp(-rated, *rated);
            } else {
                refused += 1;
            }
        }
        refused
    }

    /// A unit falls back to its reversion power; being the firmware's own act, the command delay does not apply.
    pub(crate) fn revert(&mut self, unit: usize) {
        let rated = self.rated_w[unit];
        self.set_w[unit] = self.reversion_w[unit].clamp(-rated, rated);
        for row in self.line.chunks_exact_mut(self.set_w.len()) {
            row[unit] = self.set_w[unit];
        }
    }

    /// Where a unit stands: in service or not, offering a share of its rated power, with a share of its strings cut off.
    pub(crate) fn stand(&mut self, unit: usize, in_service: bool, offers: f64, strings_lost: f64) {
        if strings_lost != self.strings_lost[unit] {
            self.isolate(unit, strings_lost);
        }
        self.in_service[unit] = in_service;
        let left = 1.0 - self.strings_lost[unit];
        self.offered_w[unit] = if in_service { self.rated_w[unit] * offers.min(left) } else { 0.0 };
        self.sum_standby();
    }

    /// Cuts strings off, or joins them again, until `lost` of them are away. All strings of a unit stand at one state of
    /// charge, so a share of the strings holds the same share of the energy; what is cut off keeps what it held:
    /// energy + isolated is the same before and after.
    fn isolate(&mut self, unit: usize, lost: f64) {
        let before = self.strings_lost[unit];
        let moved_j = if lost > before {
            self.energy_j[unit] * (lost - before) / (1.0 - before)
        } else {
            -self.isolated_j[unit] * (before - lost) / before
        };
        self.energy_j[unit] -= moved_j;
        self.isolated_j[unit] += moved_j;
        self.strings_lost[unit] = lost;
        let (whole_j, low, high) = self.whole[unit];
        self.ceiling_j[unit] = whole_j * (1.0 - lost);
        self.low_j[unit] = whole_j * low * (1.0 - lost);
        self.high_j[unit] = whole_j * high * (1.0 - lost);
    }

    /// Greatest power that the unit offers in either direction, W.
    pub(crate) fn available_w(&self, unit: usize) -> f64 {
        self.offered_w[unit]
    }

    /// State of charge, 0..1.
    pub(crate) fn soc(&self, unit: usize) -> f64 {
        self.energy_j[unit] / self.ceiling_j[unit]
    }

    fn sum_standby(&mut self) {
        for (sum, block) in self.block_standby_w.iter_mut().zip(&self.blocks) {
            *sum = (block.1..block.2).filter(|i| self.in_service[*i]).map(|i| self.standby_w[i]).sum();
        }
    }

    /// Follows the delayed set-points through the first-order lag, within power and energy limits.
    pub(crate) fn respond(&mut self) {
        let n = self.len();
        if n == 0 {
            return;
        }
        self.row = if self.row + 1 == self.rows { 0 } else { self.row + 1 };
        self.line[self.row * n..(self.row + 1) * n].copy_from_slice(&self.set_w);
        self.limits();
        if let Some(back) = self.common_delay {
            let row = self.row_before(back);
            self.wanted_w.copy_from_slice(&self.line[row * n..(row + 1) * n]);
        } else {
            for i in 0..n {
                self.wanted_w[i] = self.line[self.row_before(self.delay_steps[i]) * n + i];
            }
        }
        // Slices of one length, so that the loop runs without bounds checks and in vector registers.
        let (power, blend, wanted) = (&mut self.power_w[..n], &self.blend[..n], &self.wanted_w[..n]);
        let (room, give) = (&self.room_w[..n], &self.give_w[..n]);
        for i in 0..n {
            power[i] = between(power[i] + blend[i] * (wanted[i] - power[i]), -give[i], room[i]);
        }
    }

    fn row_before(&self, back: usize) -> usize {
        if self.row >= back { self.row - back } else { self.row + self.rows - back }
    }

    /// What each unit could take and give in the coming step: its rating, and no more than its cells hold.
    pub(crate) fn limits(&mut self) {
        let n = self.len();
        let per_step = 1.0 / self.step_s;
        let (high, low, energy) = (&self.high_j[..n], &self.low_j[..n], &self.energy_j[..n]);
        let (efficiency, per_efficiency) = (&self.efficiency[..n], &self.per_efficiency[..n]);
        let offered = &self.offered_w[..n];
        let (room, give) = (&mut self.room_w[..n], &mut self.give_w[..n]);
        for i in 0..n {
            room[i] = between((high[i] - energy[i]) * per_efficiency[i] * per_step, 0.0, offered[i]);
            give[i] = between((energy[i] - low[i]) * efficiency[i] * per_step, 0.0, offered[i]);
        }
    }

    /// On an island the units form the grid: they take `surplus_w` (negative: cover a deficit), each by its means.
    /// Returns what they could not take, same sign.
    pub(crate) fn form_grid(&mut self, poi: usize, surplus_w: f64) -> f64 {
        let means = if surplus_w >= 0.0 { &self.room_w } else { &self.give_w };
        let total: f64 = self.blocks.iter().filter(|b| b.0 == poi).map(|b| sum(&means[b.1..b.2], |w| w)).sum();
        let taken = surplus_w.clamp(-total, total);
        let share = if total > 0.0 { taken / total } else { 0.0 };
        for block in self.blocks.iter().filter(|b| b.0 == poi) {
            for i in block.1..block.2 {
                self.power_w[i] = share * means[i];
            }
        }
        surplus_w - taken
    }

    /// What the units at an island bus could give now, W.
    pub(crate) fn could_give_w(&self, poi: usize) -> f64 {
        self.blocks.iter().filter(|b| b.0 == poi).map(|b| sum(&self.give_w[b.1..b.2], |w| w)).sum()
    }

    /// Books the step's energy: dE = eta x charge - discharge / eta.
    pub(crate) fn integrate(&mut self) -> Exchange {
        let n = self.len();
        let step_s = self.step_s;
        let (power, efficiency, per_efficiency) =
            (&self.power_w[..n], &self.efficiency[..n], &self.per_efficiency[..n]);
        let (ceiling, energy, lost) = (&self.ceiling_j[..n], &mut self.energy_j[..n], &mut self.lost_w[..n]);
        let mut broken = 0.0;
        for i in 0..n {
            let charge = between(power[i], 0.0, f64::MAX);
            let discharge = between(-power[i], 0.0, f64::MAX);
            let stored = charge * efficiency[i];
            let drawn = discharge * per_efficiency[i];
            energy[i] += (stored - drawn) * step_s;
            lost[i] = (charge - stored) + (drawn - discharge);
        }
        for i in 0..n {
            // A few units in the last place are rounding, more is a broken ledger; a NaN fails both comparisons.
            let slack = ceiling[i] * SLACK;
            let sound = energy[i] >= -slack && energy[i] <= ceiling[i] + slack;
            broken += if sound { 0.0 } else { 1.0 };
        }
        assert!(broken == 0.0, "state of charge left 0..1 in {broken} units");
        Exchange {
            charge_w: sum(power, |p| between(p, 0.0, f64::MAX)),
            discharge_w: sum(power, |p| between(-p, 0.0, f64::MAX)),
            loss_w: sum(lost, |l| l),
        }
    }
}

/// Rounding allowed at the ends of the state of charge, as a share of the capacity.
const SLACK: f64 = 1e-12;

/// A sum over four lanes, so that it does not wait for every addition before the next.
pub(crate) fn sum(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().map(|v| of(*v)).sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += of(*value);
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// `value` no lower than `low` and no higher than `high`, in that order: two comparisons, no care for NaN.
#[inline]
fn between(value: f64, low: f64, high: f64) -> f64 {
    let value = if value > low { value } else { low };
    if value < high { value } else { high }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One Megapack-like unit: 1 MW, 2 MWh, 91 % round trip.
    pub(crate) fn unit() -> Battery {
        Battery {
            name: "unit".to_owned(),
            poi: 0,
            rated_w: 1e6,
            energy_j: 7.2e9,
            round_trip: 0.91,
            soc_range: (0.05, 0.95),
            soc_start: 0.5,
            delay_s: 0.3,
            lag_s: 0.5,
            standby_w: 0.0,
            reversion_w: 0.0,
        }
    }

    #[test]
    fn response_is_a_pure_delay_and_an_exact_first_order_lag() {
        let mut storage = Storage::new(&[unit()], 0.1);
        storage.set(0, &[8e5]);
        for k in 1..=60 {
            storage.respond();
            storage.integrate();
            let t = f64::from(k) * 0.1 - 0.3;
            let exact = if t > 0.0 { 8e5 * (1.0 - libm::exp(-t / 0.5)) } else { 0.0 };
            assert!((storage.power_w[0] - exact).abs() < 1e-3, "{k}: {} {exact}", storage.power_w[0]);
        }
    }

    #[test]
    fn a_full_cycle_returns_the_round_trip_and_every_joule_is_booked() {
        let mut storage = Storage::new(&[Battery { delay_s: 0.0, lag_s: 0.0, soc_start: 0.05, ..unit() }], 1.0);
        let start = storage.energy_j[0];
        let (mut charged, mut discharged, mut lost) = (0.0, 0.0, 0.0);
        for set in [1e6, -1e6] {
            storage.set(0, &[set]);
            for _ in 0..9000 {
                storage.respond();
                let step = storage.integrate();
                charged += step.charge_w;
                discharged += step.discharge_w;
                lost += step.loss_w;
            }
        }
        assert!((storage.energy_j[0] - start).abs() < 1e-3, "back at the lower limit");
        assert!((discharged / charged - 0.91).abs() < 1e-9, "{}", discharged / charged);
        assert!((charged - discharged - lost).abs() < 1e-9 * charged);
    }

    #[test]
    fn a_unit_out_of_service_does_nothing_and_a_nan_is_refused() {
        let mut storage = Storage::new(&[unit()], 0.1);
        assert_eq!(storage.set(0, &[f64::NAN]), 1);
        storage.set(0, &[1e6]);
        storage.stand(0, false, 1.0, 0.0);
        for _ in 0..100 {
            storage.respond();
            storage.integrate();
        }
        assert_eq!(storage.power_w[0], 0.0);
        assert_eq!(storage.available_w(0), 0.0);
    }
}
