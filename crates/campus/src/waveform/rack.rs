//! The rack's millisecond: other load, storage in the power supplies, battery shelf, conversion loss.
//!
//! Both stores follow one law: what the rack draws is led along its own low-pass and held within a band, where one is
//! set; the store gives or takes the difference as far as its converter's lag, its powers and its energy allow, and drifts
//! back to where it began. The drift never leaves the band: a store that refills at the peak would raise it.
//!
//! Not modelled: voltage of the bus, ageing, temperature, the sharing of current between shelves, dead time of the converter.

use super::lanes::{F64s, I32s, Kernel, Lanes};
use super::ledger::StoreEnergy;
use super::{LANES, chip};

/// A step, s.
pub(crate) const STEP_S: f64 = 1e-3;

/// A store behind the rack's power supplies, for the whole rack.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Usable energy, J.
    pub energy_j: f64,
    /// Greatest power that it gives at the rack's bus, W.
    pub power_w: f64,
    /// Greatest power that it takes there, W.
    pub charge_w: f64,
    /// Efficiency of charging, 0..1.
    pub charge: f64,
    /// Efficiency of discharging, 0..1.
    pub discharge: f64,
    /// First-order lag of its converter, s; 0: none.
    pub lag_s: f64,
    /// Time constant of the low-pass that the rack is led along, s.
    pub smooth_s: f64,
    /// Power below and above which the rack is not let whatever the low-pass says, W; 0 and infinite: none.
    pub band_w: (f64, f64),
    /// Time in which it drifts back to what it held at the start, s, at most with 5 % of its power.
    pub recentre_s: f64,
    /// Stored at the start, 0..1.
    pub soc_start: f64,
}

impl Store {
    /// A store that holds nothing and does nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            energy_j: 0.0,
            power_w: 0.0,
            charge_w: 0.0,
            charge: 1.0,
            discharge: 1.0,
            lag_s: 0.0,
            smooth_s: 1.0,
            band_w: (0.0, f64::INFINITY),
            recentre_s: 1.0,
            soc_start: 0.5,
        }
    }

    /// GB300 NVL72 power supplies: 65 J per GPU (NVIDIA blog, claim), V-CAMPUS-07; power of 30 % of the GPU's rating, from
    /// the same blog's "up to 30 %" less peak; no lag, since its capacitors
    /// lie on the bus; 97 % each way, 100 ms and 0.5 s are guesses. Its own law is
    /// not public; [`Store::planned`] gives it a band.
    #[must_use]
    pub fn gb300(gpus: f64, rated_w: f64) -> Self {
        Self {
            energy_j: 65.0 * gpus,
            power_w: 0.3 * rated_w * gpus,
            charge_w: 0.3 * rated_w * gpus,
            charge: 0.97,
            discharge: 0.97,
            lag_s: 0.0,
            smooth_s: 0.1,
            band_w: (0.0, f64::INFINITY),
            recentre_s: 0.5,
            soc_start: 0.5,
        }
    }

    /// Told the step of the rack's job, as what the rack draws and for how long (s, W): the narrowest band that the store
    /// can hold over and over. A fraction of the energy is kept back for steps that do not go as planned.
    ///
    /// `sum(s max(least_w - w, 0)) charge = PLANNED energy_j = sum(s max(w - most_w, 0)) / discharge`, within the powers;
    /// where the energy is more than the step needs, the band closes on its mean (V-CAMPUS-08-shipped). The band takes the
    /// place of the low-pass, which would spend energy on every edge.
    #[must_use]
    pub fn planned(mut self, step: &[(f64, f64)]) -> Self {
        let time_s: f64 = step.iter().map(|(s, _)| s).sum();
        if time_s <= 0.0 || self.energy_j <= 0.0 {
            return self;
        }
        let mean_w = step.iter().map(|(s, w)| s * w).sum::<f64>() / time_s;
        let extreme = |sign: f64| step.iter().map(|(_, w)| sign * w).fold(f64::NEG_INFINITY, f64::max);
        let below = |least_w: f64| step.iter().map(|(s, w)| s * (least_w - w).max(0.0)).sum::<f64>();
        let turned: Vec<(f64, f64)> = step.iter().map(|(s, w)| (*s, -w)).collect();
        let least_w = (-lowest(&turned, PLANNED_SHARE * self.energy_j / self.charge))
            .min(self.charge_w - extreme(-1.0))
            .min(mean_w);
        let given_j = below(least_w) * self.charge * self.discharge;
        let most_w = lowest(step, given_j).max(extreme(1.0) - self.power_w).max(mean_w);
        self.band_w = (least_w.max(0.0), most_w);
        self.smooth_s = STEP_S;
        self
    }

    fn problems(&self, name: &str, problems: &mut Vec<String>) {
        let mut need = |good: bool, what: &str| {
            if !good {
                problems.push(format!("{name}: {what}"));
            }
        };
        need(self.energy_j >= 0.0 && self.energy_j.is_finite(), "energy must be finite and not negative");
        need(self.power_w >= 0.0 && self.power_w.is_finite(), "power must be finite and not negative");
        need(self.charge > 0.0 && self.charge <= 1.0, "efficiency of charging lies above 0 and at most at 1");
        need(self.discharge > 0.0 && self.discharge <= 1.0, "efficiency of discharging lies above 0 and at most at 1");
        need(self.charge_w >= 0.0 && self.charge_w.is_finite(), "charging power must be finite and not negative");
        need(self.lag_s >= 0.0, "the lag is not negative");
        need(self.smooth_s >= STEP_S, "the time constant is at least 1 ms");
        need(self.recentre_s >= STEP_S, "recentring takes at least 1 ms");
        let (least_w, most_w) = self.band_w;
        need(least_w >= 0.0 && most_w > 0.0 && least_w <= most_w, "the band's lower end is its least");
        need((0.0..=1.0).contains(&self.soc_start), "the stored share lies between 0 and 1");
    }
}

/// Share of a store's energy that a planned step may use: guess, the rest is for edges, jitter and stragglers.
const PLANNED_SHARE: f64 = 0.9;
/// Share of a store's power that its drift back may use (as the site battery's, control.md 7.2, design).
const RECENTRE_SHARE: f64 = 0.05;

/// The lowest power above which a step (s, W) holds no more than an energy, W.
fn lowest(step: &[(f64, f64)], energy_j: f64) -> f64 {
    let mut parts = step.to_vec();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (mut time_s, mut left_j) = (0.0, energy_j);
    let mut level_w = parts.first().map_or(0.0, |part| part.1);
    for (number, (part_s, _)) in parts.iter().enumerate() {
        time_s += part_s;
        let next_w = parts.get(number + 1).map_or(f64::NEG_INFINITY, |part| part.1);
        let to_next_j = (level_w - next_w) * time_s;
        if time_s > 0.0 && left_j <= to_next_j {
            return level_w - left_j / time_s;
        }
        left_j -= if time_s > 0.0 { to_next_j } else { 0.0 };
        level_w = next_w;
    }
    level_w
}

/// Loss of the power supplies of a rack against its DC power: at no load, linear, and square, as shares of the rating.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// Rated DC power of the rack's supplies, W.
    pub rated_w: f64,
    /// Loss at no load as a share of the rating.
    pub fixed: f64,
    /// Loss per watt.
    pub linear: f64,
    /// Loss at rating that grows with the square of the power, as a share of the rating.
    pub square: f64,
}

impl Conversion {
    /// Loss at a DC power, W.
    #[must_use]
    pub fn loss_w(&self, dc_w: f64) -> f64 {
        self.fixed * self.rated_w + self.linear * dc_w + self.square / self.rated_w * dc_w * dc_w
    }

    /// Power shelves of a rack. guess: 97.3 % at half load, 97.1 % at full load, as open-rack shelves of 97.5 % peak.
    #[must_use]
    pub fn shelf(rated_w: f64) -> Self {
        Self { rated_w, fixed: 0.005, linear: 0.01, square: 0.015 }
    }
}

/// Everything of a rack beside its GPUs.
#[derive(Clone, Debug, PartialEq)]
pub struct Rack {
    /// CPU, switches, fans: W per GPU, constant.
    pub other_w: f64,
    /// Storage in the power supplies.
    pub supply_store: Store,
    /// Battery shelf.
    pub shelf_store: Store,
    /// Conversion from AC to the bus.
    pub conversion: Conversion,
}

impl Rack {
    pub(crate) fn problems(&self, hall: &str, problems: &mut Vec<String>) {
        self.supply_store.problems(&format!("hall {hall}, storage in the power supplies"), problems);
        self.shelf_store.problems(&format!("hall {hall}, battery shelf"), problems);
        let c = &self.conversion;
        if !(c.rated_w > 0.0 && c.fixed >= 0.0 && c.linear >= 0.0 && c.square >= 0.0 && c.loss_w(c.rated_w) < c.rated_w)
        {
            problems.push(format!("hall {hall}: the conversion loses more than it passes"));
        }
        if !(self.other_w >= 0.0 && self.other_w.is_finite()) {
            problems.push(format!("hall {hall}: other load must be finite and not negative"));
        }
    }
}

/// Settings and state of a store in 32 racks.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Stores {
    full_j: F64s,
    middle_j: F64s,
    power_w: F64s,
    charge_w: F64s,
    back_w: F64s,
    lag: F64s,
    blend: F64s,
    least_w: F64s,
    most_w: F64s,
    recentre: F64s,
    /// Energy stored per W of charging in a step, J; energy taken per W of discharging.
    in_j: F64s,
    out_j: F64s,
    /// Their reciprocals.
    per_in: F64s,
    per_out: F64s,
    lost_in: F64s,
    lost_out: F64s,
    /// Whether any of them can do anything.
    works: bool,
    energy_j: F64s,
    start_j: F64s,
    smooth_w: F64s,
    /// What its converter gives, W; negative: takes.
    response_w: F64s,
    /// Least and greatest energy seen, J.
    least_j: F64s,
    most_j: F64s,
    /// Sums over steps, W: at the bus into it, and out of it.
    charged: F64s,
    discharged: F64s,
}

impl Stores {
    pub(crate) fn new() -> Self {
        let (zero, one) = ([0.0; LANES], [1.0; LANES]);
        Self {
            full_j: zero,
            middle_j: zero,
            power_w: zero,
            charge_w: zero,
            back_w: zero,
            lag: one,
            blend: zero,
            least_w: zero,
            most_w: [f64::MAX; LANES],
            recentre: zero,
            in_j: one,
            out_j: one,
            per_in: one,
            per_out: one,
            lost_in: zero,
            lost_out: zero,
            works: false,
            energy_j: zero,
            start_j: zero,
            smooth_w: zero,
            response_w: zero,
            least_j: zero,
            most_j: zero,
            charged: zero,
            discharged: zero,
        }
    }

    /// Puts a store into a lane, for a rack that draws `bus_w` before the run.
    pub(crate) fn set(&mut self, lane: usize, store: &Store, bus_w: f64) {
        self.full_j[lane] = store.energy_j;
        self.middle_j[lane] = store.energy_j * store.soc_start;
        self.power_w[lane] = store.power_w;
        self.charge_w[lane] = store.charge_w;
        self.back_w[lane] = RECENTRE_SHARE * store.power_w;
        self.lag[lane] = if store.lag_s > 0.0 { 1.0 - libm::exp(-STEP_S / store.lag_s) } else { 1.0 };
        self.blend[lane] = 1.0 - libm::exp(-STEP_S / store.smooth_s);
        self.least_w[lane] = store.band_w.0;
        self.most_w[lane] = store.band_w.1.min(f64::MAX);
        self.recentre[lane] = 1.0 / store.recentre_s;
        self.in_j[lane] = store.charge * STEP_S;
        self.out_j[lane] = STEP_S / store.discharge;
        self.per_in[lane] = 1.0 / self.in_j[lane];
        self.per_out[lane] = 1.0 / self.out_j[lane];
        self.lost_in[lane] = 1.0 - store.charge;
        self.lost_out[lane] = 1.0 / store.discharge - 1.0;
        self.energy_j[lane] = store.energy_j * store.soc_start;
        self.start_j[lane] = self.energy_j[lane];
        self.least_j[lane] = self.energy_j[lane];
        self.most_j[lane] = self.energy_j[lane];
        self.smooth_w[lane] = bus_w;
        self.works |= store.power_w > 0.0 && store.energy_j > 0.0;
    }
}

impl Stores {
    /// Adds the store of a lane to a ledger's row.
    pub(crate) fn add_to(&self, lane: usize, energy: &mut StoreEnergy) {
        energy.charged_j += self.charged[lane] * STEP_S;
        energy.discharged_j += self.discharged[lane] * STEP_S;
        energy.lost_j +=
            (self.charged[lane] * self.lost_in[lane] + self.discharged[lane] * self.lost_out[lane]) * STEP_S;
        energy.gained_j += self.energy_j[lane] - self.start_j[lane];
        energy.spans(self.least_j[lane], self.most_j[lane], self.full_j[lane]);
    }
}

/// Settings and sums of 32 racks.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Racks {
    /// Zero of the fixed point, once per place.
    pub(crate) bias: I32s,
    pub(crate) other_w: F64s,
    pub(crate) fixed_w: F64s,
    pub(crate) linear: F64s,
    pub(crate) square_per_w: F64s,
    pub(crate) supply: Stores,
    pub(crate) shelf: Stores,
    /// Sums over steps, W: GPUs, conversion loss, AC input.
    pub(crate) gpus: F64s,
    pub(crate) converted: F64s,
    pub(crate) input: F64s,
}

impl Racks {
    pub(crate) fn new() -> Self {
        let zero = [0.0; LANES];
        Self {
            bias: [0; LANES],
            other_w: zero,
            fixed_w: zero,
            linear: zero,
            square_per_w: zero,
            supply: Stores::new(),
            shelf: Stores::new(),
            gpus: zero,
            converted: zero,
            input: zero,
        }
    }

    /// What each place owes: the zero of the fixed point, in racks that lack it too.
    pub(crate) fn set_places(&mut self, places: u32) {
        self.bias = [chip::ZERO.wrapping_mul(places as i32); LANES];
    }

    /// Puts a rack of `gpus` into a lane, its stores settled at `gpus_w`.
    pub(crate) fn set(&mut self, lane: usize, rack: &Rack, gpus: u32, gpus_w: f64) {
        self.other_w[lane] = rack.other_w * f64::from(gpus);
        let conversion = &rack.conversion;
        self.fixed_w[lane] = conversion.fixed * conversion.rated_w;
        self.linear[lane] = conversion.linear;
        self.square_per_w[lane] = conversion.square / conversion.rated_w;
        let bus_w = gpus_w + self.other_w[lane];
        self.supply.set(lane, &rack.supply_store, bus_w);
        self.shelf.set(lane, &rack.shelf_store, bus_w);
    }
}

/// Takes the racks through some milliseconds: fixed-point GPU power in, AC power out.
pub(crate) struct RackSteps<'a> {
    pub(crate) racks: &'a mut Racks,
    pub(crate) rack: &'a [I32s],
    pub(crate) gpus_w: &'a mut [F64s],
    pub(crate) input_w: &'a mut [F64s],
}

impl Kernel for RackSteps<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self, v: V) {
        let Self { racks, rack, gpus_w, input_w } = self;
        let (led, shelved) = (racks.supply.works, racks.shelf.works);
        // All racks of a millisecond before the next: a store's step is a long chain, and the racks' chains are independent.
        for ((from, gpus_w), input_w) in rack.iter().zip(gpus_w).zip(input_w) {
            for lane in 0..LANES {
                // 128 GPUs of 4 kW stay below 2^31 units.
                gpus_w[lane] = f64::from(from[lane].wrapping_sub(racks.bias[lane])) * (1.0 / chip::PER_W);
            }
            for chunk in 0..LANES / V::W64 {
                let gpu_w = v.load_d(gpus_w, chunk);
                let mut bus_w = v.add_d(gpu_w, v.load_d(&racks.other_w, chunk));
                if led {
                    bus_w = lead(v, chunk, &mut racks.supply, bus_w);
                }
                if shelved {
                    bus_w = lead(v, chunk, &mut racks.shelf, bus_w);
                }
                let rising =
                    v.add_d(v.load_d(&racks.linear, chunk), v.mul_d(v.load_d(&racks.square_per_w, chunk), bus_w));
                let loss_w = v.add_d(v.load_d(&racks.fixed_w, chunk), v.mul_d(rising, bus_w));
                let ac_w = v.add_d(bus_w, loss_w);
                v.store_d(input_w, chunk, ac_w);
                let sums = [(&mut racks.gpus, gpu_w), (&mut racks.converted, loss_w), (&mut racks.input, ac_w)];
                for (sum, more) in sums {
                    let sum_w = v.add_d(v.load_d(sum, chunk), more);
                    v.store_d(sum, chunk, sum_w);
                }
            }
        }
    }
}

/// One step of a store in front of `bus_w`; returns what is drawn behind it.
#[inline(always)]
fn lead<V: Lanes>(v: V, c: usize, s: &mut Stores, bus_w: V::D) -> V::D {
    let zero = v.d(0.0);
    let smooth = v.load_d(&s.smooth_w, c);
    let smooth = v.add_d(smooth, v.mul_d(v.sub_d(bus_w, smooth), v.load_d(&s.blend, c)));
    v.store_d(&mut s.smooth_w, c, smooth);
    let energy = v.load_d(&s.energy_j, c);
    let most_back = v.load_d(&s.back_w, c);
    let back = v.mul_d(v.sub_d(energy, v.load_d(&s.middle_j, c)), v.load_d(&s.recentre, c));
    let back = v.min_d(v.max_d(back, v.sub_d(zero, most_back)), most_back);
    // Wanted discharge; negative charges. The way back does not leave the band.
    let (least_w, most_w) = (v.load_d(&s.least_w, c), v.load_d(&s.most_w, c));
    let within = v.min_d(v.max_d(smooth, least_w), most_w);
    let target = v.min_d(v.max_d(v.sub_d(within, back), least_w), most_w);
    let (most_in, most_out) = (v.sub_d(zero, v.load_d(&s.charge_w, c)), v.load_d(&s.power_w, c));
    let wanted = v.min_d(v.max_d(v.sub_d(bus_w, target), most_in), most_out);
    let response = v.load_d(&s.response_w, c);
    let response = v.add_d(response, v.mul_d(v.sub_d(wanted, response), v.load_d(&s.lag, c)));
    v.store_d(&mut s.response_w, c, response);
    let room = v.mul_d(v.sub_d(v.load_d(&s.full_j, c), energy), v.load_d(&s.per_in, c));
    let there = v.min_d(v.mul_d(energy, v.load_d(&s.per_out, c)), bus_w);
    let given = v.min_d(v.max_d(response, zero), there);
    let taken = v.min_d(v.max_d(v.sub_d(zero, response), zero), room);
    let energy = v.sub_d(v.add_d(energy, v.mul_d(taken, v.load_d(&s.in_j, c))), v.mul_d(given, v.load_d(&s.out_j, c)));
    v.store_d(&mut s.energy_j, c, energy);
    let least = v.min_d(v.load_d(&s.least_j, c), energy);
    v.store_d(&mut s.least_j, c, least);
    let most = v.max_d(v.load_d(&s.most_j, c), energy);
    v.store_d(&mut s.most_j, c, most);
    let charged = v.add_d(v.load_d(&s.charged, c), taken);
    v.store_d(&mut s.charged, c, charged);
    let discharged = v.add_d(v.load_d(&s.discharged, c), given);
    v.store_d(&mut s.discharged, c, discharged);
    v.add_d(v.sub_d(bus_w, given), taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Energy above and below a band over a step, J.
    fn outside_j(step: &[(f64, f64)], (least_w, most_w): (f64, f64)) -> (f64, f64) {
        step.iter().fold((0.0, 0.0), |(above, below), (s, w)| {
            (above + s * (w - most_w).max(0.0), below + s * (least_w - w).max(0.0))
        })
    }

    #[test]
    fn a_planned_band_takes_the_energy_it_is_given_and_balances() {
        let step = [(0.5, 900.0), (1.0, 1_000.0), (0.4, 300.0)];
        let store = Store { power_w: 1e3, charge_w: 1e3, ..Store::gb300(1.0, 1_400.0) }.planned(&step);
        let (above_j, below_j) = outside_j(&step, store.band_w);
        let used_j = PLANNED_SHARE * store.energy_j;
        assert!((below_j * store.charge - used_j).abs() < 1e-9, "{below_j} J charge it with {used_j} J");
        assert!((above_j / store.discharge - used_j).abs() < 1e-9, "{above_j} J take {used_j} J out");
        assert!(store.band_w.0 > 300.0 && store.band_w.1 < 1_000.0, "{:?}", store.band_w);
    }

    #[test]
    fn a_planned_band_closes_on_the_mean_and_keeps_to_the_powers() {
        let step = [(1.0, 1_000.0), (1.0, 400.0)];
        let large = Store { energy_j: 1e6, power_w: 1e4, charge_w: 1e4, ..Store::gb300(1.0, 1_400.0) }.planned(&step);
        // The losses come out of the band's upper end.
        assert!((large.band_w.0 - 700.0).abs() < 1e-9, "{:?}", large.band_w);
        assert!((large.band_w.1 - (1_000.0 - 300.0 * 0.97 * 0.97)).abs() < 1e-9, "{:?}", large.band_w);
        let weak = Store { power_w: 100.0, charge_w: 50.0, ..large }.planned(&step);
        assert!((weak.band_w.0 - 450.0).abs() < 1e-9, "{:?}", weak.band_w);
        assert!(weak.band_w.1 >= 900.0, "{:?}", weak.band_w);
        assert_eq!(Store::none().planned(&step), Store::none());
    }
}
