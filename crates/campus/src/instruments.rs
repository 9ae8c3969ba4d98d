//! Instruments: what the site shows of itself, with noise, delay, resolution and scripted silence.
//!
//! Not modelled: drift, clocks of single devices, lost single readings (scripted silence only). Power in the instant
//! before a run began counts as equal to that at its start.

use crate::plant::{Channel, Flows, PlantConfig};
use tieline_units::{Draw, Purpose, Quality, Span, Time};

/// Everything that the instruments show now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instruments {
    /// Import at each point, W (positive: from the grid into the campus), delayed and noisy.
    pub poi_import_w: Channel,
    /// Voltage at each point, per unit.
    pub poi_voltage_pu: Channel,
    /// Frequency at each point, Hz.
    pub poi_frequency_hz: Channel,
    /// Power of each hall's feeder, W.
    pub hall_w: Channel,
    /// Power of the cooling plant of each hall, W.
    pub cooling_w: Channel,
    /// Generation of each turbine, W (positive).
    pub turbine_generation_w: Channel,
    /// Generation that each turbine could reach, W; 0 while it is out.
    pub turbine_available_w: Channel,
    /// Power of each battery unit at its terminals, W (positive charges), without its house load.
    pub battery_w: Channel,
    /// State of charge of each unit, 0..1.
    pub battery_soc: Channel,
    /// Greatest power that each unit offers in either direction, W; 0 when out of service.
    pub battery_available_w: Channel,
    /// Power of all battery units at each point, W (positive charges), every unit period.
    pub battery_poi_w: Channel,
}

/// Scripted silence and lies, as they hold now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Disturbed {
    pub(crate) meter_silent: Vec<bool>,
    pub(crate) meter_nan: Vec<bool>,
    pub(crate) meter_offset_w: Vec<f64>,
    pub(crate) hall_silent: Vec<bool>,
    pub(crate) battery_silent: Vec<bool>,
}

/// Power of one device kind that the plant hands over for reading.
pub(crate) struct UnitTruth<'a> {
    pub(crate) flows: &'a Flows,
    pub(crate) turbine_available_w: &'a dyn Fn(usize) -> f64,
    pub(crate) battery_soc: &'a dyn Fn(usize) -> f64,
    pub(crate) battery_available_w: &'a dyn Fn(usize) -> f64,
}

/// Frequency that an island's instruments show, Hz: nominal in North America; the grid-forming units hold it.
const ISLAND_HZ: f64 = 60.0;

/// The instruments with their memory.
#[derive(Clone, Debug)]
pub(crate) struct Instrumentation {
    pub(crate) shown: Instruments,
    draw: Draw,
    step: Span,
    unit_period: Span,
    meter_quantum_w: f64,
    unit_quantum_w: f64,
    soc_quantum: f64,
    island: Vec<bool>,
    sigma_w: Vec<f64>,
    delay_steps: Vec<usize>,
    /// Readings on their way to the reader, newest in row `row`.
    line: Vec<f64>,
    rows: usize,
    row: usize,
    readings: u64,
    /// The second of each pair of normals, kept for the next reading.
    spare: Vec<f64>,
}

impl Instrumentation {
    pub(crate) fn new(config: &PlantConfig, draw: Draw) -> Self {
        let points = config.pois.len();
        let step = config.step.as_nanos();
        let delay_steps: Vec<usize> =
            config.pois.iter().map(|p| usize::try_from(p.meter_delay.as_nanos() / step).unwrap_or(0)).collect();
        let rows = delay_steps.iter().max().map_or(1, |d| d + 1);
        let (halls, turbines, batteries) = (config.halls.len(), config.turbines.len(), config.batteries.len());
        Self {
            shown: Instruments {
                poi_import_w: channel(points),
                poi_voltage_pu: channel(points),
                poi_frequency_hz: channel(points),
                hall_w: channel(halls),
                cooling_w: channel(halls),
                turbine_generation_w: channel(turbines),
                turbine_available_w: channel(turbines),
                battery_w: channel(batteries),
                battery_soc: channel(batteries),
                battery_available_w: channel(batteries),
                battery_poi_w: channel(points),
            },
            draw,
            step: config.step,
            unit_period: config.telemetry.unit_period,
            meter_quantum_w: config.telemetry.meter_quantum_w,
            unit_quantum_w: config.telemetry.unit_quantum_w,
            soc_quantum: config.telemetry.soc_quantum,
            island: config.pois.iter().map(|p| p.island).collect(),
            sigma_w: config.pois.iter().map(|p| p.meter_sigma_w).collect(),
            delay_steps,
            line: vec![0.0; rows * points],
            rows,
            row: 0,
            readings: 0,
            spare: vec![0.0; points],
        }
    }

    /// Fills the delay line with the present power, as if it had always been so.
    pub(crate) fn settle(&mut self, import_w: &[f64]) {
        let points = self.island.len();
        for row in 0..self.rows {
            self.line[row * points..(row + 1) * points].copy_from_slice(import_w);
        }
    }

    /// Reads the meters at `now`, at the end of a step.
    pub(crate) fn read_meters(
        &mut self,
        now: Time,
        import_w: &[f64],
        voltage_pu: f64,
        frequency_hz: f64,
        disturbed: &Disturbed,
    ) {
        let points = self.island.len();
        self.row = if self.row + 1 == self.rows { 0 } else { self.row + 1 };
        for p in 0..points {
            // An open tie is a state, not a small number: its meter shows zero.
            let noise = if self.island[p] { 0.0 } else { self.sigma_w[p] * self.normal(p) };
            self.line[self.row * points + p] = import_w[p] + noise;
            if disturbed.meter_silent[p] {
                continue;
            }
            let back = self.delay_steps[p];
            let row = if self.row >= back { self.row - back } else { self.row + self.rows - back };
            let taken_at = now - Span::nanos(self.step.as_nanos() * back as i64);
            let read = self.line[row * points + p] + disturbed.meter_offset_w[p];
            let shown = if disturbed.meter_nan[p] { f64::NAN } else { quantised(read, self.meter_quantum_w) };
            show(&mut self.shown.poi_import_w, p, shown, taken_at);
            let (voltage, hertz) = if self.island[p] { (1.0, ISLAND_HZ) } else { (voltage_pu, frequency_hz) };
            show(&mut self.shown.poi_voltage_pu, p, voltage, now);
            show(&mut self.shown.poi_frequency_hz, p, hertz, now);
        }
        self.readings += 1;
    }

    fn normal(&mut self, p: usize) -> f64 {
        if self.readings % 2 == 1 {
            return self.spare[p];
        }
        let [first, second] = self.draw.normals(p as u32, Purpose::MeterNoise, self.readings / 2);
        self.spare[p] = second;
        first
    }

    /// Reads halls, turbines and batteries where their period is due at `now`.
    pub(crate) fn read_units(&mut self, now: Time, truth: &UnitTruth<'_>, disturbed: &Disturbed) {
        if now.as_nanos() % self.unit_period.as_nanos() != 0 {
            return;
        }
        let (quantum, soc_quantum) = (self.unit_quantum_w, self.soc_quantum);
        let shown = &mut self.shown;
        let flows = truth.flows;
        for h in (0..flows.hall_w.len()).filter(|h| !disturbed.hall_silent[*h]) {
            show(&mut shown.hall_w, h, quantised(flows.hall_w[h], quantum), now);
            show(&mut shown.cooling_w, h, quantised(flows.cooling_w[h], quantum), now);
        }
        for t in 0..flows.turbine_generation_w.len() {
            show(&mut shown.turbine_generation_w, t, quantised(flows.turbine_generation_w[t], quantum), now);
            show(&mut shown.turbine_available_w, t, quantised((truth.turbine_available_w)(t), quantum), now);
        }
        for b in (0..flows.battery_w.len()).filter(|b| !disturbed.battery_silent[*b]) {
            show(&mut shown.battery_w, b, quantised(flows.battery_w[b], quantum), now);
            show(&mut shown.battery_soc, b, quantised((truth.battery_soc)(b), soc_quantum).clamp(0.0, 1.0), now);
            show(&mut shown.battery_available_w, b, quantised((truth.battery_available_w)(b), quantum), now);
        }
        for p in 0..flows.battery_poi_w.len() {
            show(&mut shown.battery_poi_w, p, quantised(flows.battery_poi_w[p], quantum), now);
        }
    }
}

fn channel(n: usize) -> Channel {
    Channel { value: vec![0.0; n], taken_at: vec![Time::NEVER; n], quality: vec![Quality::Missing; n] }
}

fn show(channel: &mut Channel, i: usize, value: f64, taken_at: Time) {
    channel.value[i] = value;
    channel.taken_at[i] = taken_at;
    channel.quality[i] = Quality::Good;
}

/// To the nearest whole multiple of the quantum; a quantum of zero leaves the value.
fn quantised(value: f64, quantum: f64) -> f64 {
    if quantum > 0.0 { libm::rint(value / quantum) * quantum } else { value }
}
