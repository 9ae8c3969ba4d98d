//! The planner: a bounded table of targets from what is expected. `decide` and `guard` stay safe without it.
//!
//! Rules per slot. Generation: what the limit leaves uncovered, or all of it where imported energy costs more than the
//! turbines' fuel, no more than they can at the slot's temperature. Energy: the state of charge to seek is the configured
//! target, raised ahead of slots whose load less generation exceeds the import limit, so that the battery meets them full;
//! where price alone varies, full before the dear hours and down to the target in them. Shedding: where a deficit is left,
//! jobs are cut in the order of shedding; a job that would go to its least cap for the whole deficit is paused instead when
//! the power it still draws there is worth more in the dearer job that would be cut next (less its restart), and not in the
//! very slot in which it saves its work by itself.
//!
//! Not modelled: an optimum over prices and losses; uncertainty of the outlook.

use crate::contract::{Config, HALLS, Outlook, Plan, SLOTS};
use crate::jobs::pausable;
use crate::state::State;
use tieline_units::Span;

/// Temperature at which turbines are rated, °C (ISO 2314).
const RATED_C: f64 = 15.0;
/// Share of the usable energy that prices alone may ask for: the rest keeps its duties.
const PRICE_SHARE: f64 = 0.5;
/// A slot is dear when its price exceeds the mean of the table by this share (a round trip loses a tenth, and wear).
const DEAR: f64 = 0.3;

/// Plans from the outlook. At most 288 slots, one pass back and one forth.
#[must_use]
pub fn plan(config: &Config, outlook: &Outlook, state: &State) -> Plan {
    let mut table = Plan::none();
    table.made_at = state.now();
    table.start = outlook.start;
    table.slot = outlook.slot;
    table.slots = outlook.slots.min(SLOTS as u16);
    let slots = usize::from(table.slots);
    let slot_s = outlook.slot.as_secs_f64();

    let rated_w: f64 = config.turbines.iter().map(|turbine| turbine.rated_w).sum();
    let cost_usd_per_mwh = |total: f64| if rated_w > 0.0 { 3.6e9 * total / rated_w } else { f64::INFINITY };
    let fuel = cost_usd_per_mwh(config.turbines.iter().map(|turbine| turbine.cost_usd_per_j * turbine.rated_w).sum());
    let usable_j: f64 =
        config.batteries.iter().map(|unit| (unit.soc_max - unit.soc_min) * unit.energy_j * unit.efficiency).sum();
    let energy_j: f64 = config.batteries.iter().map(|unit| unit.energy_j).sum();
    let discharge_w: f64 = config.batteries.iter().map(|unit| unit.discharge_w).sum();
    let top = config.batteries.iter().map(|unit| unit.soc_max).fold(0.0, f64::max);
    let price_at = |slot: usize| finite(outlook.price_usd_per_mwh[slot], 0.0);
    let mean_price = (0..slots).map(price_at).sum::<f64>() / slots.max(1) as f64;
    let shed = Shed::of(config);

    let (mut needed_j, mut wanted_j) = (0.0_f64, 0.0_f64);
    for slot in (0..slots).rev() {
        let load_w = finite(outlook.load_w[slot], 0.0);
        let limit_w = finite(outlook.import_limit_w[slot], f64::INFINITY);
        let hot_k = (finite(outlook.ambient_c[slot], RATED_C) - RATED_C).clamp(0.0, 60.0);
        let fleet_w: f64 = config.turbines.iter().map(|t| t.rated_w * (1.0 - t.derate_per_k * hot_k).max(0.0)).sum();
        let uncovered_w = (load_w - limit_w).max(0.0);
        let economic_w = if price_at(slot) > fuel { load_w.min(fleet_w) } else { 0.0 };
        table.turbine_w[slot] = uncovered_w.max(economic_w).min(fleet_w) as f32;
        table.schedule_w[slot] = outlook.schedule_w[slot];
        let beyond_w = (uncovered_w - fleet_w).max(0.0);
        // Energy still needed from here on, forgotten over four hours so that a far event does not hold the day.
        let kept = (1.0 - slot_s / (4.0 * 3600.0)).max(0.0);
        needed_j = (needed_j * kept + beyond_w * slot_s).min(usable_j);
        let dear = mean_price > 0.0 && price_at(slot) > (1.0 + DEAR) * mean_price;
        let bought_j = if dear { discharge_w * slot_s } else { 0.0 };
        wanted_j = (wanted_j * kept + bought_j).min(PRICE_SHARE * usable_j);
        let ahead_j = needed_j.max(if dear { 0.0 } else { wanted_j });
        let lift = if energy_j > 0.0 { ahead_j / energy_j } else { 0.0 };
        table.target_soc[slot] = (config.reserve.target_soc + lift).min(top.max(config.reserve.target_soc)) as f32;
        let lasting_w = (usable_j / (4.0 * 3600.0)).min(discharge_w);
        if beyond_w > lasting_w {
            table.pause[slot] = shed.to_pause(config, beyond_w - lasting_w, slot_s * slots_alike(outlook, slot));
        }
    }
    wait_for_checkpoints(config, outlook, &mut table);
    table
}

/// How many slots from this one on have about the same limit: the length of a curtailment.
fn slots_alike(outlook: &Outlook, from: usize) -> f64 {
    let here = outlook.import_limit_w[from];
    let rest = &outlook.import_limit_w[from..usize::from(outlook.slots).min(SLOTS)];
    rest.iter().take_while(|limit| **limit <= 1.01 * here).take(48).count() as f64
}

/// A job that saves its work by itself within a slot is paused after it, not before.
fn wait_for_checkpoints(config: &Config, outlook: &Outlook, table: &mut Plan) {
    for job in 0..config.jobs.len() {
        let saves_in = outlook.next_checkpoint[job] - outlook.start;
        let first = table.pause[0] & (1 << job) != 0;
        if first && saves_in > Span::ZERO && saves_in < outlook.slot {
            table.pause[0] &= !(1 << job);
        }
    }
}

/// The halls in the order of shedding; those of one job are neighbours.
struct Shed {
    order: [u8; HALLS],
    halls: usize,
}

impl Shed {
    fn of(config: &Config) -> Self {
        Self { order: crate::caps::shed_order(config), halls: config.halls.len() }
    }

    /// Jobs that are better paused than held at their least cap while `deficit_w` is shed for `hold_s`.
    fn to_pause(&self, config: &Config, mut deficit_w: f64, hold_s: f64) -> u32 {
        let may = pausable(config);
        let mut mask = 0;
        let mut from = 0;
        while from < self.halls && deficit_w > 0.0 {
            let job = usize::from(config.halls[usize::from(self.order[from])].job);
            let here = |place: &&u8| usize::from(config.halls[usize::from(**place)].job) == job;
            let group = &self.order[from..self.halls];
            let group = &group[..group.iter().take_while(here).count()];
            from += group.len();
            let (whole_w, rest_w, lost_usd_per_s) = weigh(config, group);
            if deficit_w >= whole_w && job < config.jobs.len() && may & (1 << job) != 0 {
                let next = self.order.get(from).filter(|_| from < self.halls).map(|hall| usize::from(*hall));
                let dearer_usd_per_j = next.map_or(0.0, |hall| config.halls[hall].shed_usd_per_j);
                let gained_usd = rest_w * dearer_usd_per_j * hold_s;
                let value_usd_per_s = worth_usd_per_s(config, group);
                let lost_usd = lost_usd_per_s * hold_s + value_usd_per_s * config.jobs[job].restart_s;
                if gained_usd > lost_usd {
                    mask |= 1 << job;
                    deficit_w -= rest_w;
                }
            }
            deficit_w -= whole_w;
        }
        mask
    }
}

/// Of a group of halls: power given up between greatest and least cap, W; power between least cap and rest, W; and the
/// value of what is still done at the least cap, $/s: `((least - rest) / (most - rest))^exponent` of the whole.
fn weigh(config: &Config, group: &[u8]) -> (f64, f64, f64) {
    let (mut whole_w, mut rest_w, mut lost_usd_per_s) = (0.0, 0.0, 0.0);
    for index in group.iter().map(|hall| usize::from(*hall)) {
        let hall = &config.halls[index];
        let feeder = hall.gpus * hall.feeder_per_gpu_w * (1.0 + hall.cooling_per_w);
        let (most_w, least_w) = (hall.max_cap_w, crate::caps::least_cap_w(config, index));
        whole_w += feeder * (most_w - least_w).max(0.0);
        rest_w += feeder * (least_w - hall.paused_w).max(0.0);
        let share = ((least_w - hall.paused_w) / (most_w - hall.paused_w).max(1.0)).clamp(0.0, 1.0);
        let pace = libm::pow(share, hall.throughput_exponent);
        lost_usd_per_s += pace * hall.gpus * hall.feeder_per_gpu_w * most_w * hall.shed_usd_per_j;
    }
    (whole_w, rest_w, lost_usd_per_s)
}

/// Value of a group's work at full power, $/s.
fn worth_usd_per_s(config: &Config, group: &[u8]) -> f64 {
    let worth = |hall: &u8| {
        let hall = &config.halls[usize::from(*hall)];
        hall.gpus * hall.feeder_per_gpu_w * hall.max_cap_w * hall.shed_usd_per_j
    };
    group.iter().map(worth).sum()
}

fn finite(value: f32, otherwise: f64) -> f64 {
    if value.is_finite() { f64::from(value) } else { otherwise }
}
