//! The rack's millisecond: other load, storage in the power supplies, battery shelf, conversion loss.
//!
//! Both stores follow one law: what the rack draws is led along its own low-pass (and under a peak limit, where one is
//! set); the store gives or takes the difference as far as power and energy allow, and drifts back to where it began.
//!
//! Not modelled: voltage of the bus, ageing, temperature, the sharing of current between shelves.

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
    /// Greatest power in either direction at the rack's bus, W.
    pub power_w: f64,
    /// Efficiency of charging and of discharging, 0..1 each.
    pub charge: f64,
    /// Efficiency of discharging, 0..1.
    pub discharge: f64,
    /// Time constant of the low-pass that the rack is led along, s.
    pub smooth_s: f64,
    /// Power above which the store shaves whatever the low-pass says, W; infinite: none.
    pub limit_w: f64,
    /// Time in which it drifts back to what it held at the start, s.
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
            charge: 1.0,
            discharge: 1.0,
            smooth_s: 1.0,
            limit_w: f64::INFINITY,
            recentre_s: 1.0,
            soc_start: 0.5,
        }
    }

    /// GB300 NVL72 power supplies: 65 J per GPU (NVIDIA blog, claim), V-CAMPUS-07. Power limit: guess, half the GPU's
    /// rating, the swing of the vendor's example; 97 % each way, 100 ms and 0.5 s are guesses.
    #[must_use]
    pub fn gb300(gpus: f64, rated_w: f64) -> Self {
        Self {
            energy_j: 65.0 * gpus,
            power_w: 0.5 * rated_w * gpus,
            charge: 0.97,
            discharge: 0.97,
            smooth_s: 0.1,
            limit_w: f64::INFINITY,
            recentre_s: 0.5,
            soc_start: 0.5,
        }
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
        need(self.smooth_s >= STEP_S, "the time constant is at least 1 ms");
        need(self.recentre_s >= STEP_S, "recentring takes at least 1 ms");
        need(self.limit_w > 0.0, "a peak limit is positive");
        need((0.0..=1.0).contains(&self.soc_start), "the stored share lies between 0 and 1");
    }
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
    blend: F64s,
    limit_w: F64s,
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
            blend: zero,
            limit_w: [f64::MAX; LANES],
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
        self.blend[lane] = 1.0 - libm::exp(-STEP_S / store.smooth_s);
        self.limit_w[lane] = store.limit_w.min(f64::MAX);
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
    let back = v.mul_d(v.sub_d(energy, v.load_d(&s.middle_j, c)), v.load_d(&s.recentre, c));
    // Wanted discharge; negative charges. Under a peak limit the way back must not break the limit again.
    let limit = v.load_d(&s.limit_w, c);
    let target = v.min_d(v.sub_d(smooth, back), limit);
    let wanted = v.sub_d(bus_w, target);
    let power = v.load_d(&s.power_w, c);
    let wanted = v.min_d(v.max_d(wanted, v.sub_d(zero, power)), v.min_d(power, bus_w));
    let room = v.mul_d(v.sub_d(v.load_d(&s.full_j, c), energy), v.load_d(&s.per_in, c));
    let there = v.mul_d(energy, v.load_d(&s.per_out, c));
    let given = v.min_d(v.max_d(wanted, zero), there);
    let taken = v.min_d(v.max_d(v.sub_d(zero, wanted), zero), room);
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
