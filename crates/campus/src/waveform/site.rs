//! Halls and points in the waveform: distribution loss, cooling, the site battery's own fast loop, transformer, meter.
//!
//! The battery's loop is firmware at the unit (at most 20 ms), not the controller: it leads the import of the point along a
//! low-pass and under a ramp limit, through its own delay and lag. R(f) = |1 - e^(-j 2 pi f d)/(1 + j 2 pi f tau)| of what
//! it cancels is left (control.md 7.1).
//!
//! Not modelled: on-site turbines (constant over seconds), voltage, the noise of the meter.

use super::ledger::StoreEnergy;
use super::rack::STEP_S;
use crate::cooling::Cooling;

/// What a site battery's loop does with the import of its point.
#[derive(Clone, Debug, PartialEq)]
pub struct Battery {
    /// Greatest power in either direction, W; 0: none.
    pub rated_w: f64,
    /// Energy at 100 %, J.
    pub energy_j: f64,
    /// Round trip, 0..1, half of the loss each way.
    pub round_trip: f64,
    /// Lowest and highest state of charge, 0..1.
    pub soc_range: (f64, f64),
    /// State of charge at the start, 0..1.
    pub soc_start: f64,
    /// Delay from measurement to response, ms.
    pub delay_ms: u32,
    /// First-order lag of the response, s; 0: none.
    pub lag_s: f64,
    /// Time constant of the low-pass along which import is led, s; 0: none.
    pub smooth_s: f64,
    /// Ramps to which import is held, up and down, W/s; infinite: none.
    pub ramp_w_per_s: (f64, f64),
    /// Time in which it drifts back to its start, s; infinite: never. At most 5 % of the rating (control.md 7.2).
    pub recentre_s: f64,
}

/// Share of the rating that recentring may use (control.md 7.2, design).
const RECENTRE_SHARE: f64 = 0.05;

impl Battery {
    /// No battery.
    #[must_use]
    pub fn none() -> Self {
        Self {
            rated_w: 0.0,
            energy_j: 0.0,
            round_trip: 1.0,
            soc_range: (0.0, 1.0),
            soc_start: 0.5,
            delay_ms: 0,
            lag_s: 0.0,
            smooth_s: 0.0,
            ramp_w_per_s: (f64::INFINITY, f64::INFINITY),
            recentre_s: f64::INFINITY,
        }
    }

    /// Leads the import of a point whose load is given, 1 ms a value: import less the transformer's loss, and what the
    /// battery went through. The same function as in the waveform, for sizing on a recorded load.
    #[must_use]
    pub fn lead(&self, load_w: &[f64]) -> (Vec<f64>, StoreEnergy) {
        let mut point = PointState::new(self, 0.0);
        let import_w = load_w.iter().map(|load_w| point.step(*load_w).1).collect();
        let mut energy = StoreEnergy::default();
        point.add_to(&mut energy);
        (import_w, energy)
    }

    pub(crate) fn problems(&self, point: &str, problems: &mut Vec<String>) {
        let mut need = |good: bool, what: &str| {
            if !good {
                problems.push(format!("battery at {point}: {what}"));
            }
        };
        need(self.rated_w >= 0.0 && self.rated_w.is_finite(), "rating must be finite and not negative");
        need(self.energy_j >= 0.0 && self.energy_j.is_finite(), "energy must be finite and not negative");
        need(self.round_trip > 0.0 && self.round_trip <= 1.0, "round trip lies above 0 and at most at 1");
        let (low, high) = self.soc_range;
        need((0.0..=1.0).contains(&low) && high <= 1.0 && low <= high, "the range of charge lies between 0 and 1");
        need((low..=high).contains(&self.soc_start), "the start of charge lies within its range");
        need(self.delay_ms <= 10_000, "the delay is at most 10 s");
        need(self.lag_s >= 0.0 && self.smooth_s >= 0.0, "time constants are not negative");
        need(self.ramp_w_per_s.0 > 0.0 && self.ramp_w_per_s.1 > 0.0, "ramps are positive");
        need(self.recentre_s > 0.0, "recentring takes some time");
    }
}

/// A hall's state beside its racks.
#[derive(Clone, Debug)]
pub(crate) struct HallState {
    /// Loss of distribution per watt of rack input.
    pub(crate) loss: f64,
    pub(crate) fixed_w: f64,
    pub(crate) cooling: Cooling,
    pub(crate) rated_heat_w: f64,
    pub(crate) heat_w: f64,
    pub(crate) blend: f64,
    /// Sums over steps, W.
    pub(crate) distribution: f64,
    pub(crate) house: f64,
    pub(crate) cooled: f64,
    pub(crate) total: f64,
}

impl HallState {
    /// One step: AC power of the racks in, feeder power out.
    pub(crate) fn step(&mut self, racks_w: f64, chiller_per_w: f64) -> f64 {
        let loss_w = racks_w * self.loss;
        self.heat_w += self.blend * (racks_w + loss_w + self.fixed_w - self.heat_w);
        let pumps_w = self.rated_heat_w * self.cooling.pumps_and_fans_per_rated_w(self.heat_w / self.rated_heat_w);
        let cooling_w = self.heat_w * chiller_per_w + pumps_w;
        self.distribution += loss_w;
        self.house += self.fixed_w;
        self.cooled += cooling_w;
        let total_w = racks_w + loss_w + self.fixed_w + cooling_w;
        self.total += total_w;
        total_w
    }
}

/// A point's state.
#[derive(Clone, Debug)]
pub(crate) struct PointState {
    battery: Battery,
    transformer_loss: f64,
    /// More stored than at the start, J: kept apart, since a day's energy would swallow its last digits.
    gained_j: f64,
    start_j: f64,
    seen: f64,
    led_w: f64,
    smooth_w: f64,
    blend: f64,
    lag: f64,
    line: Vec<f64>,
    at: usize,
    response_w: f64,
    efficiency: f64,
    least_j: f64,
    most_j: f64,
    /// Sums over steps, W.
    charged: f64,
    discharged: f64,
    lost: f64,
    pub(crate) transformed: f64,
    pub(crate) load: f64,
    pub(crate) meter: f64,
}

impl PointState {
    pub(crate) fn new(battery: &Battery, transformer_loss: f64) -> Self {
        let share = |time_s: f64| if time_s > 0.0 { 1.0 - libm::exp(-STEP_S / time_s) } else { 1.0 };
        let energy_j = battery.energy_j * battery.soc_start;
        Self {
            transformer_loss,
            gained_j: 0.0,
            start_j: energy_j,
            seen: 0.0,
            led_w: 0.0,
            smooth_w: 0.0,
            blend: share(battery.smooth_s),
            lag: share(battery.lag_s),
            line: vec![0.0; battery.delay_ms as usize + 1],
            at: 0,
            response_w: 0.0,
            efficiency: libm::sqrt(battery.round_trip),
            least_j: energy_j,
            most_j: energy_j,
            charged: 0.0,
            discharged: 0.0,
            lost: 0.0,
            transformed: 0.0,
            load: 0.0,
            meter: 0.0,
            battery: battery.clone(),
        }
    }

    pub(crate) fn add_to(&self, energy: &mut StoreEnergy) {
        energy.charged_j += self.charged * STEP_S;
        energy.discharged_j += self.discharged * STEP_S;
        energy.lost_j += self.lost * STEP_S;
        energy.gained_j += self.gained_j;
        energy.spans(self.least_j, self.most_j, self.battery.energy_j);
    }

    /// One step: load in; battery power (charging positive) and metered import out.
    pub(crate) fn step(&mut self, load_w: f64) -> (f64, f64) {
        let battery_w = if self.battery.rated_w > 0.0 { self.battery(load_w) } else { 0.0 };
        let through_w = load_w + battery_w;
        let transformer_w = through_w.abs() * self.transformer_loss;
        let meter_w = through_w + transformer_w;
        self.load += load_w;
        self.transformed += transformer_w;
        self.meter += meter_w;
        (battery_w, meter_w)
    }

    fn battery(&mut self, load_w: f64) -> f64 {
        // Until the low-pass has filled it is a plain mean, and no ramp holds it: the loop was on before the run.
        self.seen += 1.0;
        let filling = self.seen * self.blend < 1.0 || self.seen == 1.0;
        self.smooth_w += self.blend.max(1.0 / self.seen) * (load_w - self.smooth_w);
        let (up_w, down_w) = self.battery.ramp_w_per_s;
        self.led_w = if filling {
            self.smooth_w
        } else {
            self.smooth_w.min(self.led_w + up_w * STEP_S).max(self.led_w - down_w * STEP_S)
        };
        let most_w = RECENTRE_SHARE * self.battery.rated_w;
        let back_w = (-self.gained_j / self.battery.recentre_s).clamp(-most_w, most_w);
        self.line[self.at] = self.led_w + back_w - load_w;
        self.at = (self.at + 1) % self.line.len();
        let wanted_w = self.line[self.at];
        self.response_w += self.lag * (wanted_w - self.response_w);
        self.exchange()
    }

    /// As much of the response as rating and energy allow.
    fn exchange(&mut self) -> f64 {
        let Battery { rated_w, energy_j, soc_range: (low, high), .. } = self.battery;
        let stored_j = self.start_j + self.gained_j;
        let room_w = (energy_j * high - stored_j).max(0.0) / (self.efficiency * STEP_S);
        let there_w = (stored_j - energy_j * low).max(0.0) * self.efficiency / STEP_S;
        let power_w = self.response_w.clamp(-rated_w, rated_w).clamp(-there_w, room_w);
        let (charge_w, discharge_w) = (power_w.max(0.0), (-power_w).max(0.0));
        self.gained_j += charge_w * self.efficiency * STEP_S - discharge_w / self.efficiency * STEP_S;
        self.least_j = self.least_j.min(self.start_j + self.gained_j);
        self.most_j = self.most_j.max(self.start_j + self.gained_j);
        self.charged += charge_w;
        self.discharged += discharge_w;
        self.lost += charge_w * (1.0 - self.efficiency) + discharge_w * (1.0 / self.efficiency - 1.0);
        power_w
    }
}
