//! The plant: everything behind the meter, moved by one fixed step at a time in one written order.
//!
//! Not modelled: networks inside the campus (each point of interconnection is one bus), reactive power, protection relays.

use crate::{hall::Hall, onsite::Turbine, storage::Battery, training::Job};
use tieline_units::{Quality, Span, Time, Utc};

/// A bus at which the campus meets the grid, or runs alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Poi {
    /// Name for people.
    pub name: String,
    /// Share of through power lost in the station transformer, 0..1.
    pub transformer_loss: f64,
    /// Standard deviation of the meter, W.
    pub meter_sigma_w: f64,
    /// Delay of the meter, a whole number of steps.
    pub meter_delay: Span,
    /// Whether the bus runs without the grid.
    pub island: bool,
}

/// How instruments quantise and how often they report.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// Period of halls, turbines and batteries; a whole number of steps.
    pub unit_period: Span,
    /// Smallest step of the POI meter, W.
    pub meter_quantum_w: f64,
    /// Smallest step of unit power readings, W.
    pub unit_quantum_w: f64,
    /// Smallest step of state-of-charge readings, 0..1.
    pub soc_quantum: f64,
}

/// What node agents and firmware do when a lease lapses.
#[derive(Clone, Debug, PartialEq)]
pub struct Lapse {
    /// Greatest extra delay by which node agents jitter their fall-back.
    pub gpu_jitter: Span,
    /// Time over which a fall-back ramps to the safe cap, s.
    pub gpu_ramp_s: f64,
    /// Cap of the fall-back as a share of the product's rated power.
    pub safe_cap_share: f64,
    /// Time from a cap command to GPU power at target, s.
    pub cap_delay_s: f64,
}

/// What goes wrong and when: scripted by a scenario, so that a test can ask for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// What it is.
    pub kind: FaultKind,
    /// Index of the device; `usize::MAX` means all of its kind.
    pub index: usize,
}

/// Kinds of scripted faults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// The POI meter stops reporting: its last reading stays, ageing.
    MeterSilent,
    /// The POI meter reports this offset too much, W.
    MeterOffset(f64),
    /// The POI meter reports NaN.
    MeterNan,
    /// Telemetry of a hall is silent.
    HallSilent,
    /// Telemetry of a battery unit is silent.
    BatterySilent,
    /// A battery unit is out of service.
    BatteryOut,
    /// A turbine trips and stays out until the end of the fault.
    TurbineTrip,
    /// A hall's breaker is open.
    HallTrip,
    /// No command reaches any device: leases run out.
    CommandsLost,
    /// Every GPU of a job stalls (a failure of the whole job).
    JobFailure,
}

/// The plant as built.
#[derive(Clone, Debug, PartialEq)]
pub struct PlantConfig {
    /// The fixed step.
    pub step: Span,
    /// Civil time of the start.
    pub start: Utc,
    /// Local time minus UTC, for the inference day curve.
    pub utc_offset: Span,
    /// Buses.
    pub pois: Vec<Poi>,
    /// Halls.
    pub halls: Vec<Hall>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Turbines.
    pub turbines: Vec<Turbine>,
    /// Battery units.
    pub batteries: Vec<Battery>,
    /// Instruments.
    pub telemetry: Telemetry,
    /// Fall-backs.
    pub lapse: Lapse,
    /// Scripted faults, by start time.
    pub faults: Vec<Fault>,
}

/// Commands as they reach the devices; each carries its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Commands {
    /// Counts up; a device refuses what is not newer.
    pub seq: u64,
    /// Set-point of each battery unit, W (positive charges).
    pub battery_w: Vec<f64>,
    /// Battery set-points lapse here.
    pub battery_until: Time,
    /// Cap of each hall, W per GPU.
    pub cap_w: Vec<f64>,
    /// Smoothing floor of each hall, W per GPU.
    pub floor_w: Vec<f64>,
    /// Caps and floors lapse here.
    pub cap_until: Time,
    /// Generation asked of each turbine, W (positive).
    pub turbine_w: Vec<f64>,
    /// Turbine set-points lapse here.
    pub turbine_until: Time,
}

/// The grid's side at one step, as the plant feels it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundary {
    /// Outdoor temperature, °C.
    pub ambient_c: f64,
    /// Voltage at every bus, per unit.
    pub voltage_pu: f64,
    /// Frequency, Hz.
    pub frequency_hz: f64,
}

/// One kind of telemetry channels, as the instruments show them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Channel {
    /// Values in the unit that the owning field names.
    pub value: Vec<f64>,
    /// When each was taken.
    pub taken_at: Vec<Time>,
    /// How far each can be trusted.
    pub quality: Vec<Quality>,
}
