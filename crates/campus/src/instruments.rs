//! Instruments: what the site shows of itself, with noise, delay, resolution, and scripted silence, lateness and lies.
//!
//! Not modelled: drift of a value, readings lost one by one, readings out of order (a late one that is overtaken is
//! dropped). Power in the instant before a run began counts as equal to that at its start.

use crate::plant::{Channel, Flows, Instrument, PlantConfig};
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
    /// Whether the tie of each point is closed (1) or open (0).
    pub poi_tied: Channel,
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

/// How the telemetry of one device is bent now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bend {
    pub(crate) silent: bool,
    pub(crate) frozen: bool,
    pub(crate) nan: bool,
    pub(crate) late: Span,
    /// Stamps run ahead by this.
    pub(crate) ahead: Span,
    pub(crate) factor: f64,
    pub(crate) soc_factor: f64,
    pub(crate) offset_w: f64,
}

impl Bend {
    /// Telemetry as it should be.
    pub(crate) const STRAIGHT: Self = Self {
        silent: false,
        frozen: false,
        nan: false,
        late: Span::ZERO,
        ahead: Span::ZERO,
        factor: 1.0,
        soc_factor: 1.0,
        offset_w: 0.0,
    };
}

/// How all telemetry is bent now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Disturbed {
    pub(crate) meter: Vec<Bend>,
    pub(crate) hall: Vec<Bend>,
    pub(crate) battery: Vec<Bend>,
    pub(crate) turbine: Vec<Bend>,
    /// Whether telemetry of any hall, battery unit or turbine is bent.
    pub(crate) any_unit: bool,
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
    points: usize,
    sigma_w: Vec<f64>,
    delay_steps: Vec<usize>,
    /// Readings on their way to the reader, newest in row `row`, with voltage and frequency beside them.
    line: Vec<f64>,
    grid_line: Vec<(f64, f64)>,
    /// Whether the tie was closed (1) or open (0), beside the power.
    tie_line: Vec<f64>,
    rows: usize,
    row: usize,
    readings: u64,
    /// When the reading that each meter shows was truly taken.
    meter_shows: Vec<Time>,
    units: UnitLine,
    /// The second of each pair of normals, kept for the next reading.
    spare: Vec<f64>,
}

impl Instrumentation {
    pub(crate) fn new(config: &PlantConfig, draw: Draw) -> Self {
        let points = config.pois.len();
        let step = config.step.as_nanos();
        let delay_steps: Vec<usize> =
            config.pois.iter().map(|p| usize::try_from(p.meter_delay.as_nanos() / step).unwrap_or(0)).collect();
        let late_steps = whole(config.latest(Instrument::Meter), config.step);
        let rows = delay_steps.iter().max().map_or(1, |d| d + 1) + late_steps;
        let (halls, turbines, batteries) = (config.halls.len(), config.turbines.len(), config.batteries.len());
        Self {
            shown: Instruments {
                poi_import_w: channel(points),
                poi_voltage_pu: channel(points),
                poi_frequency_hz: channel(points),
                poi_tied: channel(points),
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
            points,
            sigma_w: config.pois.iter().map(|p| p.meter_sigma_w).collect(),
            delay_steps,
            line: vec![0.0; rows * points],
            grid_line: vec![(1.0, ISLAND_HZ); rows],
            tie_line: (0..rows * points).map(|at| if config.pois[at % points].island { 0.0 } else { 1.0 }).collect(),
            meter_shows: vec![Time::NEVER; points],
            units: UnitLine::new(config),
            rows,
            row: 0,
            readings: 0,
            spare: vec![0.0; points],
        }
    }

    /// Fills the delay line with the present power, as if it had always been so.
    pub(crate) fn settle(&mut self, import_w: &[f64]) {
        let points = self.points;
        for row in 0..self.rows {
            self.line[row * points..(row + 1) * points].copy_from_slice(import_w);
        }
        // The plant may settle anew: what was shown for this instant is replaced.
        self.meter_shows.fill(Time::NEVER);
        self.units.shows.iter_mut().for_each(|of_kind| of_kind.fill(Time::NEVER));
    }

    /// Reads the meters at `now`, at the end of a step.
    pub(crate) fn read_meters(
        &mut self,
        now: Time,
        import_w: &[f64],
        voltage_pu: f64,
        frequency_hz: f64,
        alone: &[bool],
        disturbed: &Disturbed,
    ) {
        let points = self.points;
        self.row = if self.row + 1 == self.rows { 0 } else { self.row + 1 };
        self.grid_line[self.row] = (voltage_pu, frequency_hz);
        for p in 0..points {
            // An open tie is a state, not a small number: its meter shows zero.
            let noise = self.sigma_w[p] * self.normal(p) * if alone[p] { 0.0 } else { 1.0 };
            self.line[self.row * points + p] = import_w[p] + noise;
            self.tie_line[self.row * points + p] = if alone[p] { 0.0 } else { 1.0 };
            let bend = &disturbed.meter[p];
            let late = whole(bend.late, self.step);
            let back = self.delay_steps[p] + late;
            let taken_at = now - Span::nanos(self.step.as_nanos() * back as i64);
            // What arrives late must not take the place of something newer.
            if bend.silent || taken_at <= self.meter_shows[p] {
                continue;
            }
            self.meter_shows[p] = taken_at;
            let grid_at = now - Span::nanos(self.step.as_nanos() * late as i64);
            if bend.frozen {
                self.shown.poi_import_w.taken_at[p] = taken_at + bend.ahead;
                self.shown.poi_voltage_pu.taken_at[p] = grid_at + bend.ahead;
                self.shown.poi_frequency_hz.taken_at[p] = grid_at + bend.ahead;
                self.shown.poi_tied.taken_at[p] = grid_at + bend.ahead;
                continue;
            }
            let read = self.line[self.row_before(back) * points + p] * bend.factor + bend.offset_w;
            let shown = if bend.nan { f64::NAN } else { quantised(read, self.meter_quantum_w) };
            show(&mut self.shown.poi_import_w, p, shown, taken_at + bend.ahead);
            let grid = self.grid_line[self.row_before(late)];
            let tied = self.tie_line[self.row_before(late) * points + p];
            let (voltage, hertz) = if tied == 0.0 { (1.0, ISLAND_HZ) } else { grid };
            show(&mut self.shown.poi_tied, p, tied, grid_at + bend.ahead);
            show(&mut self.shown.poi_voltage_pu, p, voltage, grid_at + bend.ahead);
            show(&mut self.shown.poi_frequency_hz, p, hertz, grid_at + bend.ahead);
        }
        self.readings += 1;
    }

    fn row_before(&self, back: usize) -> usize {
        if self.row >= back { self.row - back } else { self.row + self.rows - back }
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
        if self.units.rows > 1 {
            self.units.take(truth);
        }
        if disturbed.any_unit {
            self.show_bent(now, truth, disturbed);
        } else {
            self.show_straight(now, truth);
        }
        let (shown, quantum) = (&mut self.shown, self.unit_quantum_w);
        for (p, power_w) in truth.flows.battery_poi_w.iter().enumerate() {
            show(&mut shown.battery_poi_w, p, quantised(*power_w, quantum), now);
        }
    }

    /// Every unit shows what is true now: the way of nearly all readings, so it takes no detour.
    fn show_straight(&mut self, now: Time, truth: &UnitTruth<'_>) {
        let (quantum, soc_quantum) = (self.unit_quantum_w, self.soc_quantum);
        let (shown, flows) = (&mut self.shown, truth.flows);
        for h in 0..flows.hall_w.len() {
            show(&mut shown.hall_w, h, quantised(flows.hall_w[h], quantum), now);
            show(&mut shown.cooling_w, h, quantised(flows.cooling_w[h], quantum), now);
        }
        for t in 0..flows.turbine_generation_w.len() {
            show(&mut shown.turbine_generation_w, t, quantised(flows.turbine_generation_w[t], quantum), now);
            show(&mut shown.turbine_available_w, t, quantised((truth.turbine_available_w)(t), quantum), now);
        }
        for b in 0..flows.battery_w.len() {
            show(&mut shown.battery_w, b, quantised(flows.battery_w[b], quantum), now);
            show(&mut shown.battery_soc, b, quantised((truth.battery_soc)(b), soc_quantum).clamp(0.0, 1.0), now);
            show(&mut shown.battery_available_w, b, quantised((truth.battery_available_w)(b), quantum), now);
        }
        if self.units.rows > 1 {
            self.units.shows.iter_mut().for_each(|of_kind| of_kind.fill(now));
        }
    }

    /// Units show what their faults make of what was true now or some periods ago.
    fn show_bent(&mut self, now: Time, truth: &UnitTruth<'_>, disturbed: &Disturbed) {
        let (quantum, soc_quantum) = (self.unit_quantum_w, self.soc_quantum);
        let (shown, units) = (&mut self.shown, &mut self.units);
        if units.rows == 1 {
            units.take(truth);
        }
        let power = |value: f64, bend: &Bend| quantised(value * bend.factor, quantum);
        for (h, bend) in disturbed.hall.iter().enumerate() {
            let Some((row, stamp)) = units.arriving(HALLS, h, now, bend) else { continue };
            let values = units.hall(row, h).map(|value| power(value, bend));
            tell(&mut shown.hall_w, h, values[0], stamp, bend);
            tell(&mut shown.cooling_w, h, values[1], stamp, bend);
        }
        for (t, bend) in disturbed.turbine.iter().enumerate() {
            let Some((row, stamp)) = units.arriving(TURBINES, t, now, bend) else { continue };
            let values = units.turbine(row, t).map(|value| power(value, bend));
            tell(&mut shown.turbine_generation_w, t, values[0], stamp, bend);
            tell(&mut shown.turbine_available_w, t, values[1], stamp, bend);
        }
        for (b, bend) in disturbed.battery.iter().enumerate() {
            let Some((row, stamp)) = units.arriving(BATTERIES, b, now, bend) else { continue };
            let [power_w, soc, offered_w] = units.battery(row, b);
            tell(&mut shown.battery_w, b, power(power_w, bend), stamp, bend);
            // The unit clamps what it knows to be a share; what a gateway makes of it afterwards is not clamped.
            let soc = quantised(soc, soc_quantum).clamp(0.0, 1.0) * bend.soc_factor;
            tell(&mut shown.battery_soc, b, soc, stamp, bend);
            tell(&mut shown.battery_available_w, b, power(offered_w, bend), stamp, bend);
        }
    }
}

/// Kinds of devices in a [`UnitLine`].
const HALLS: usize = 0;
const TURBINES: usize = 1;
const BATTERIES: usize = 2;

/// Readings of halls, turbines and batteries of the last periods, as many as the script's longest delay needs.
#[derive(Clone, Debug)]
struct UnitLine {
    period: Span,
    /// Rows of all values of one period, newest in row `row`.
    values: Vec<f64>,
    rows: usize,
    row: usize,
    width: usize,
    /// Where turbines and batteries begin in a row.
    turbines_at: usize,
    batteries_at: usize,
    /// When the reading that each device shows was truly taken, per kind.
    shows: [Vec<Time>; 3],
}

impl UnitLine {
    fn new(config: &PlantConfig) -> Self {
        let period = config.telemetry.unit_period;
        let (halls, turbines, batteries) = (config.halls.len(), config.turbines.len(), config.batteries.len());
        let latest = [Instrument::Hall, Instrument::Turbine, Instrument::Battery].map(|of| config.latest(of));
        let rows = 1 + latest.into_iter().map(|late| whole(late, period)).fold(0, usize::max);
        let (turbines_at, batteries_at) = (2 * halls, 2 * halls + 2 * turbines);
        let width = batteries_at + 3 * batteries;
        Self {
            period,
            values: vec![0.0; rows * width],
            rows,
            row: 0,
            width,
            turbines_at,
            batteries_at,
            shows: [halls, turbines, batteries].map(|n| vec![Time::NEVER; n]),
        }
    }

    /// Takes the readings of this period.
    fn take(&mut self, truth: &UnitTruth<'_>) {
        self.row = if self.row + 1 == self.rows { 0 } else { self.row + 1 };
        let flows = truth.flows;
        let row = &mut self.values[self.row * self.width..(self.row + 1) * self.width];
        let (halls, rest) = row.split_at_mut(self.turbines_at);
        let (turbines, batteries) = rest.split_at_mut(self.batteries_at - self.turbines_at);
        for (h, values) in halls.chunks_exact_mut(2).enumerate() {
            values.copy_from_slice(&[flows.hall_w[h], flows.cooling_w[h]]);
        }
        for (t, values) in turbines.chunks_exact_mut(2).enumerate() {
            values.copy_from_slice(&[flows.turbine_generation_w[t], (truth.turbine_available_w)(t)]);
        }
        for (b, values) in batteries.chunks_exact_mut(3).enumerate() {
            let (soc, offered_w) = ((truth.battery_soc)(b), (truth.battery_available_w)(b));
            values.copy_from_slice(&[flows.battery_w[b], soc, offered_w]);
        }
    }

    /// The row from which a device's reading arrives now, and its stamp; `None` where nothing new does.
    fn arriving(&mut self, kind: usize, device: usize, now: Time, bend: &Bend) -> Option<(usize, Time)> {
        let back = whole(bend.late, self.period);
        let taken_at = now - Span::nanos(self.period.as_nanos() * back as i64);
        if bend.silent || taken_at <= self.shows[kind][device] {
            return None;
        }
        self.shows[kind][device] = taken_at;
        let row = if self.row >= back { self.row - back } else { self.row + self.rows - back };
        Some((row, taken_at + bend.ahead))
    }

    fn hall(&self, row: usize, h: usize) -> [f64; 2] {
        let at = row * self.width + 2 * h;
        [self.values[at], self.values[at + 1]]
    }

    fn turbine(&self, row: usize, t: usize) -> [f64; 2] {
        let at = row * self.width + self.turbines_at + 2 * t;
        [self.values[at], self.values[at + 1]]
    }

    fn battery(&self, row: usize, b: usize) -> [f64; 3] {
        let at = row * self.width + self.batteries_at + 3 * b;
        [self.values[at], self.values[at + 1], self.values[at + 2]]
    }
}

/// Whole periods in a length of time, rounded up.
fn whole(span: Span, period: Span) -> usize {
    if span == Span::ZERO {
        return 0;
    }
    let periods = (span.as_nanos() + period.as_nanos() - 1).div_euclid(period.as_nanos());
    usize::try_from(periods).unwrap_or(0)
}

fn channel(n: usize) -> Channel {
    Channel { value: vec![0.0; n], taken_at: vec![Time::NEVER; n], quality: vec![Quality::Missing; n] }
}

fn show(channel: &mut Channel, i: usize, value: f64, taken_at: Time) {
    channel.value[i] = value;
    channel.taken_at[i] = taken_at;
    channel.quality[i] = Quality::Good;
}

/// Shows a reading, or of a frozen device its stamp alone.
fn tell(channel: &mut Channel, i: usize, value: f64, stamp: Time, bend: &Bend) {
    let value = if bend.frozen { channel.value[i] } else { value };
    show(channel, i, value, stamp);
}

/// To the nearest whole multiple of the quantum; a quantum of zero leaves the value.
fn quantised(value: f64, quantum: f64) -> f64 {
    if quantum > 0.0 { libm::rint(value / quantum) * quantum } else { value }
}
