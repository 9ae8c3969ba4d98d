//! The campus of a scenario: points, jobs, halls, batteries, turbines, instruments, built twice from one table each: as the
//! plant that is true and as what the controller is told of it.
//!
//! Not modelled: nameplates that lie (the controller's ratings equal the plant's; a scripted fault makes them differ).

use super::Clock;
use super::diagnostics::nearest;
use super::script::ALL;
use super::sheet::Sheet;
use std::collections::BTreeMap;
use tieline_campus::cooling::Cooling;
use tieline_campus::gpu::{self, Product};
use tieline_campus::hall::Hall;
use tieline_campus::onsite::Turbine;
use tieline_campus::plant::{Lapse, PlantConfig, Poi, Telemetry};
use tieline_campus::storage::Battery;
use tieline_campus::training::flexibility::shed_usd_per_j;
use tieline_campus::training::{Job, JobKind};
use tieline_control::{
    BATTERIES, BatteryConfig, Config, HALLS, HallConfig, JobConfig, LeaseConfig, POIS, PoiConfig, ReserveConfig,
    RestoreConfig, ScheduleConfig, StaleConfig, TURBINES, TurbineConfig, smoothing,
};
use tieline_units::{Span, Time};

/// Outdoor temperature for which the controller reckons what a restored watt costs in cooling, °C.
/// guess: a hot afternoon in the mid-South.
const DESIGN_C: f64 = 38.0;
/// Index of the job of a hall that works for none.
const NO_JOB: u8 = 255;
/// Most jobs: each works in a hall of its own at least.
const JOBS: usize = HALLS;
/// Names that a message lists.
const SHOWN: usize = 12;

/// The campus in both forms. Limits and faults are filled in by the script.
pub(super) struct Built {
    pub plant: PlantConfig,
    pub control: Config,
}

/// Index of a name.
pub(super) fn place_of(name: &str, names: &[&str]) -> Option<usize> {
    names.iter().position(|known| *known == name)
}

impl Built {
    pub(super) fn poi_names(&self) -> Vec<&str> {
        self.plant.pois.iter().map(|poi| poi.name.as_str()).collect()
    }
    pub(super) fn hall_names(&self) -> Vec<&str> {
        self.plant.halls.iter().map(|hall| hall.name.as_str()).collect()
    }
    pub(super) fn battery_names(&self) -> Vec<&str> {
        self.plant.batteries.iter().map(|unit| unit.name.as_str()).collect()
    }
    pub(super) fn turbine_names(&self) -> Vec<&str> {
        self.plant.turbines.iter().map(|unit| unit.name.as_str()).collect()
    }
    pub(super) fn job_names(&self) -> Vec<&str> {
        self.plant.jobs.iter().map(|job| job.name.as_str()).collect()
    }

    /// The point behind the key `poi`, [`ALL`] for `"all"`.
    pub(super) fn point_or_all(&self, sheet: &Sheet<'_, '_>) -> Option<u8> {
        if sheet.text("poi")? == "all" {
            return Some(ALL);
        }
        reference(sheet, "poi", &self.poi_names(), "or \"all\"").map(|index| index as u8)
    }
}

/// A name behind a key, looked up among names; a mistake names the nearest.
pub(super) fn reference(sheet: &Sheet<'_, '_>, key: &str, names: &[&str], also: &str) -> Option<usize> {
    let name = sheet.text(key)?;
    let place = place_of(&name, names);
    if place.is_none() {
        let near =
            nearest(&name, names.iter().copied()).map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
        let more = if names.len() > SHOWN { ", ..." } else { "" };
        let known = match names {
            [] => "none is defined".to_owned(),
            _ => format!("{}{more}", names[..names.len().min(SHOWN)].join(", ")),
        };
        sheet.wrong(
            key,
            &format!("\"{name}\", which is not defined"),
            format!("one of: {known} {also}").trim_end(),
            &near,
        );
    }
    place
}

pub(super) fn product_of(sheet: &Sheet<'_, '_>) -> Option<Product> {
    let name = sheet.text("product")?;
    let product = gpu::product(&name);
    if product.is_none() {
        let catalogue = gpu::catalogue();
        let names: Vec<&str> = catalogue.iter().map(|product| product.name.as_str()).collect();
        let near = nearest(&name, names.iter().copied()).unwrap_or("the nearest one");
        sheet.wrong(
            "product",
            &format!("\"{name}\", which is not in the catalogue"),
            &format!("one of: {}", names.join(", ")),
            &format!(
                "a file cannot define a product; take {near} and state what differs: domain_gb_per_s, fabric_gb_per_s, stragglers and speed_low in [training]"
            ),
        );
    }
    product
}

pub(super) fn campus(root: &Sheet<'_, '_>, clock: &Clock) -> Built {
    let settings = root.table("controller");
    let telemetry = telemetry(root, clock);
    let (pois, poi_configs) = points(root, clock);
    let names: Vec<String> = pois.iter().map(|poi| poi.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let job_sheets = at_most(root, "job", JOBS);
    let first_run = job_sheets.iter().position(|sheet| sheet.word("kind") == "pre-training");
    let modelled = |place: usize| root.has("training") && first_run == Some(place);
    let jobs: Vec<Job> = job_sheets.iter().enumerate().map(|(place, sheet)| job(sheet, modelled(place))).collect();
    let job_configs: Vec<JobConfig> =
        job_sheets.iter().zip(&jobs).map(|(sheet, job)| job_config(job, sheet.flag("pausable", false))).collect();
    unique(root, "job", jobs.iter().map(|job| job.name.as_str()));
    let (halls, hall_configs) = halls(root, clock, &settings, &names, &jobs);
    let (turbines, turbine_configs) = turbines(root, &names);
    let (batteries, battery_configs) = batteries(root, clock, &names);
    let (leases, lapse) = leases(&settings);
    let control = Config {
        tick: clock.tick,
        economics_every: settings.si("economics_every") as u32,
        plan_every: clock.plan_every,
        pois: poi_configs,
        limits: Vec::new(),
        halls: hall_configs,
        turbines: turbine_configs,
        batteries: battery_configs,
        jobs: job_configs,
        schedule: ScheduleConfig { band_w: f64::INFINITY, interval: Span::secs(900) },
        leases,
        stale: StaleConfig {
            meter_warn: settings.span("meter_warn"),
            meter_lost: settings.span("meter_lost"),
            unit_lost: settings.span("unit_lost"),
            last_maximum: Span::secs(60),
        },
        reserve: ReserveConfig {
            target_soc: settings.si("target_soc"),
            recentre_share: settings.si("recentre_share"),
            recentre_s: settings.si("recentre_time"),
            trip_bridge_s: settings.si("trip_bridge"),
            ramp_step_w: settings.si("ramp_step"),
        },
        restore: RestoreConfig {
            rate_share: settings.si("restore_share"),
            hold_off: settings.span("hold_off"),
            hysteresis: settings.si("hysteresis"),
        },
        completion_share: settings.si("completion_share"),
    };
    swings(root, &control);
    let plant = PlantConfig {
        step: clock.tick,
        start: clock.start,
        utc_offset: clock.utc_offset,
        pois,
        halls,
        jobs,
        turbines,
        batteries,
        telemetry,
        lapse,
        faults: Vec::new(),
    };
    Built { plant, control }
}

/// Cyclic load may be cancelled only where the loop would not amplify it.
fn swings(root: &Sheet<'_, '_>, control: &Config) {
    if control.tick <= Span::ZERO {
        return;
    }
    for (sheet, index) in root.tables("poi").iter().zip(0..control.pois.len()) {
        let (smooth_hz, above_hz) = (control.pois[index].smooth_hz, smoothing::amplifies_above_hz(control, index));
        if smooth_hz > above_hz {
            let hint = "meter, tick and battery answer too late for more: leave it to local devices";
            sheet.wrong("smooth", &format!("{smooth_hz} Hz"), &format!("at most {above_hz:.3} Hz here"), hint);
        }
    }
}

pub(super) fn unique<'n>(root: &Sheet<'_, '_>, key: &str, names: impl Iterator<Item = &'n str>) {
    let mut seen = std::collections::BTreeSet::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !seen.insert(name) {
            root.wrong(key, &format!("the name \"{name}\" twice"), "names that differ", "");
        }
        if name == "all" {
            root.wrong(key, "the name \"all\"", "another name", "\"all\" means all of a kind");
        }
    }
}

/// The tables behind a key, none of them where there are too many: a file of noise must not be walked for minutes.
pub(super) fn at_most<'s, 'i>(root: &Sheet<'s, 'i>, key: &str, most: usize) -> Vec<Sheet<'s, 'i>> {
    let count = root.count(key);
    if count > most {
        root.wrong(key, &format!("{count} tables"), &format!("at most {most}"), "");
        return Vec::new();
    }
    root.tables(key)
}

/// The names of `units` like devices: the name itself, or with a number behind it.
fn numbered(name: &str, units: usize) -> impl Iterator<Item = String> + '_ {
    let digits = units.to_string().len();
    (1..=units).map(move |unit| if units == 1 { name.to_owned() } else { format!("{name} {unit:0digits$}") })
}

fn whole_ticks(sheet: &Sheet<'_, '_>, key: &str, clock: &Clock) {
    let tick = clock.tick.as_nanos();
    if tick > 0 && sheet.span(key).as_nanos() % tick != 0 {
        sheet.wrong(key, "no whole number of ticks", "a multiple of clock.tick", "");
    }
}

fn telemetry(root: &Sheet<'_, '_>, clock: &Clock) -> Telemetry {
    let sheet = root.table("telemetry");
    let telemetry = Telemetry {
        unit_period: sheet.span("unit_period"),
        meter_quantum_w: sheet.si("meter_step"),
        unit_quantum_w: sheet.si("unit_step"),
        soc_quantum: sheet.si("soc_step"),
    };
    let tick = clock.tick.as_nanos();
    if tick > 0 && telemetry.unit_period.as_nanos() % tick != 0 {
        sheet.wrong("unit_period", "no whole number of ticks", "a multiple of clock.tick", "");
    }
    telemetry
}

fn points(root: &Sheet<'_, '_>, clock: &Clock) -> (Vec<Poi>, Vec<PoiConfig>) {
    let sheets = at_most(root, "poi", POIS);
    if root.has("poi") && root.count("poi") == 0 {
        root.wrong("poi", "no point", &format!("1 to {POIS} points of interconnection"), "");
    }
    let mut built = (Vec::new(), Vec::new());
    for sheet in &sheets {
        let (name, island) = (sheet.word("name"), sheet.flag("island", false));
        let (meter_sigma_w, meter_delay_s) = (sheet.si("meter_sigma"), sheet.si("meter_delay"));
        let tick = clock.tick.as_nanos();
        if tick > 0 && Span::from_secs_f64(meter_delay_s).as_nanos() % tick != 0 {
            sheet.wrong("meter_delay", "no whole number of ticks", "a multiple of clock.tick", "");
        }
        built.0.push(Poi {
            name: name.clone(),
            transformer_loss: sheet.si("transformer_loss"),
            meter_sigma_w,
            meter_delay: Span::from_secs_f64(meter_delay_s),
            island,
        });
        let config = PoiConfig {
            name,
            ramp_up_w_per_s: sheet.si("ramp_up"),
            ramp_down_w_per_s: sheet.si("ramp_down"),
            meter_sigma_w,
            meter_delay_s,
            margin_w: sheet.si("margin"),
            freeze_voltage_pu: (sheet.si("voltage_low"), sheet.si("voltage_high")),
            island,
            emergency_ramp_w_per_s: sheet.si("emergency_ramp"),
            smooth_hz: sheet.si("smooth"),
        };
        for key in ["ramp_up", "ramp_down", "emergency_ramp"] {
            if sheet.number(key) == Some(0.0) {
                sheet.wrong(key, "a ramp limit of zero", "a positive one", "nothing could ever move");
            }
        }
        built.1.push(config);
    }
    unique(root, "poi", built.0.iter().map(|poi| poi.name.as_str()));
    built
}

/// A job; `modelled` where its step model can say its utilisation.
fn job(sheet: &Sheet<'_, '_>, modelled: bool) -> Job {
    let mfu = sheet.number("mfu");
    if mfu.is_none() && !sheet.has("mfu") && !modelled {
        sheet.wrong(
            "mfu",
            "nothing",
            "a share such as \"40 %\" (model FLOP utilisation)",
            "only the first pre-training job may leave it out, where [training] names its model",
        );
    }
    Job {
        name: sheet.word("name"),
        kind: match sheet.word("kind").as_str() {
            "inference" => JobKind::Inference,
            "reinforcement-learning" => JobKind::ReinforcementLearning,
            _ => JobKind::PreTraining,
        },
        active_parameters: sheet.si("active_parameters"),
        mfu: mfu.unwrap_or_default(),
        tokens_per_flop: None,
        activity: sheet.si("activity"),
        failure_domains: sheet.si("failure_domains"),
        failures_per_1000_node_days: sheet.si("failures_per_1000_node_days"),
        restart_s: sheet.si("restart"),
        checkpoint_every_s: sheet.si("checkpoint_every"),
        checkpoint_stall_s: sheet.si("checkpoint_stall"),
        checkpoint_write_s: sheet.si("checkpoint_write"),
        ramp_s: sheet.si("ramp"),
        night_share: sheet.si("night_share"),
        peak_hour: sheet.si("peak_hour"),
        usd_per_gpu_hour: sheet.si("gpu_hour_value"),
        tier: sheet.si("tier") as u8,
        target_tokens: sheet.number("target_tokens").unwrap_or_default(),
    }
}

/// What the controller is told of a job. Evidence of saved work may be as old as two checkpoints take, and a minute.
fn job_config(job: &Job, pausable: bool) -> JobConfig {
    let checkpoint_s = job.checkpoint_stall_s + job.checkpoint_write_s;
    JobConfig {
        name: job.name.clone(),
        pausable,
        checkpoint_s,
        evidence_s: 2.0 * checkpoint_s + 60.0,
        restart_s: job.restart_s,
    }
}

fn halls(
    root: &Sheet<'_, '_>,
    clock: &Clock,
    settings: &Sheet<'_, '_>,
    pois: &[&str],
    jobs: &[Job],
) -> (Vec<Hall>, Vec<HallConfig>) {
    let mut built = (Vec::new(), Vec::new());
    let mut products = BTreeMap::new();
    let job_names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    let (safe_share, cap_delay_s) = (settings.si("safe_cap"), settings.si("cap_delay"));
    for sheet in &at_most(root, "hall", HALLS) {
        let (name, count) = (sheet.word("name"), sheet.si("count") as usize);
        let poi = reference(sheet, "poi", pois, "");
        let job = if sheet.has("job") { reference(sheet, "job", &job_names, "") } else { None };
        let (gpus, in_service, cooling) = (sheet.si("gpus"), sheet.instant("in_service"), cooling(sheet));
        let (conversion_loss, fixed_w) = (sheet.si("conversion_loss"), sheet.si("fixed"));
        let (floor_w, operator_floor_w) = (sheet.si("floor"), sheet.si("operator_floor"));
        if gpus.fract() != 0.0 {
            sheet.wrong("gpus", &format!("{gpus}"), "a whole number of GPUs", "");
        }
        let (Some(product), Some(poi), Some(in_service)) = (product_of(sheet), poi, in_service) else { continue };
        if product.rated_w * safe_share < product.min_cap_w {
            let found = format!("a safe cap below the least cap of {}, {} W", product.name, product.min_cap_w);
            settings.wrong("safe_cap", &found, "a share at or above it", "");
        }
        for (key, watts) in [("floor", floor_w), ("operator_floor", operator_floor_w)] {
            if watts > product.rated_w {
                sheet.wrong(key, &format!("{watts} W"), &format!("at most the rating, {} W", product.rated_w), "");
            }
        }
        if operator_floor_w > product.rated_w * safe_share {
            let found = format!("{operator_floor_w} W");
            let hint =
                "node agents fall back to the safe cap when their lease lapses: controller.safe_cap must reach it";
            sheet.wrong("operator_floor", &found, "at most the safe cap", hint);
        }
        products.entry(product.name.clone()).or_insert_with(|| product.clone());
        for name in numbered(&name, count) {
            let hall = Hall {
                name,
                poi,
                product: product.clone(),
                gpus,
                in_service,
                conversion_loss,
                fixed_w,
                cooling: cooling.clone(),
                job,
            };
            let there = clock.time(in_service) < Time::ZERO + clock.duration;
            let mut config = hall_config(&hall, job.map(|job| (job, &jobs[job])), there, safe_share, cap_delay_s);
            (config.floor_w, config.operator_floor_w) = (floor_w, operator_floor_w);
            built.1.push(config);
            built.0.push(hall);
        }
    }
    if built.0.len() > HALLS {
        root.wrong("hall", &format!("{} halls", built.0.len()), &format!("at most {HALLS}"), "put more GPUs in each");
    }
    unique(root, "hall", built.0.iter().map(|hall: &Hall| hall.name.as_str()));
    for product in products.values() {
        root.cite_product(product);
    }
    built
}

/// What the controller is told of a hall; one that opens after the run has no GPUs for it.
fn hall_config(hall: &Hall, job: Option<(usize, &Job)>, there: bool, safe_share: f64, cap_delay_s: f64) -> HallConfig {
    let product = &hall.product;
    // What the training model says a joule costs when a cap takes it, seen from the feeder.
    let shed_usd_per_j = |job: &Job| {
        shed_usd_per_j(product, product.training_w * job.activity, job.usd_per_gpu_hour) / hall.feeder_per_gpu_w()
    };
    HallConfig {
        name: hall.name.clone(),
        poi: hall.poi as u8,
        gpus: if there { hall.gpus } else { 0.0 },
        fixed_w: if there { hall.uncapped_w() } else { 0.0 },
        feeder_per_gpu_w: hall.feeder_per_gpu_w(),
        max_cap_w: product.rated_w,
        min_cap_w: product.min_cap_w,
        safe_cap_w: product.rated_w * safe_share,
        operator_floor_w: 0.0,
        floor_w: 0.0,
        paused_w: product.idle_w,
        throughput_exponent: gpu::SHAPE * product.throughput_exponent,
        cooling_per_w: hall.cooling.chiller_per_w(DESIGN_C) + hall.cooling.pumps_and_fans_per_rated_w(1.0),
        job: job.map_or(NO_JOB, |(index, _)| index as u8),
        shed_usd_per_j: job.map_or(0.0, |(_, job)| shed_usd_per_j(job)),
        tier: job.map_or(9, |(_, job)| job.tier),
        cap_delay_s,
    }
}

fn cooling(sheet: &Sheet<'_, '_>) -> Cooling {
    Cooling {
        cop_at_25c: sheet.si("cop"),
        cop_per_k: sheet.si("cop_fall"),
        free_cooling_below_c: sheet.si("free_cooling_below"),
        pumps_and_fans: sheet.si("pumps_and_fans"),
        pumps_and_fans_min: sheet.si("pumps_and_fans_min"),
        lag_s: sheet.si("cooling_lag"),
    }
}

fn turbines(root: &Sheet<'_, '_>, pois: &[&str]) -> (Vec<Turbine>, Vec<TurbineConfig>) {
    let mut built = (Vec::new(), Vec::new());
    for sheet in &at_most(root, "turbine", TURBINES) {
        let (name, poi) = (sheet.word("name"), reference(sheet, "poi", pois, ""));
        let rated_w = sheet.si("rated");
        let efficiency = sheet.si("efficiency");
        let model = Turbine {
            name: String::new(),
            poi: poi.unwrap_or_default(),
            rated_w,
            min_w: rated_w * sheet.si("minimum"),
            ramp_w_per_s: sheet.si("ramp"),
            start_s: sheet.si("start_time"),
            derate_per_k: sheet.si("derating"),
            heat_rate: if efficiency > 0.0 { 1.0 / efficiency } else { 0.0 },
            cost_usd_per_j: sheet.si("cost"),
            permit_h_per_year: sheet.si("permit_hours") / 3600.0,
            trips_per_h: sheet.si("trips_per_hour"),
            repair_s: sheet.si("repair"),
            running: sheet.flag("running", true),
            permitted: sheet.flag("permitted", true),
        };
        for name in numbered(&name, sheet.si("units") as usize) {
            built.1.push(TurbineConfig {
                name: name.clone(),
                poi: model.poi as u8,
                rated_w: if model.permitted { model.rated_w } else { 0.0 },
                min_w: model.min_w,
                ramp_w_per_s: model.ramp_w_per_s,
                cost_usd_per_j: model.cost_usd_per_j,
                derate_per_k: model.derate_per_k,
            });
            built.0.push(Turbine { name, ..model.clone() });
        }
    }
    if built.0.len() > TURBINES {
        root.wrong("turbine", &format!("{} turbines", built.0.len()), &format!("at most {TURBINES}"), "");
    }
    unique(root, "turbine", built.0.iter().map(|unit: &Turbine| unit.name.as_str()));
    built
}

fn batteries(root: &Sheet<'_, '_>, clock: &Clock, pois: &[&str]) -> (Vec<Battery>, Vec<BatteryConfig>) {
    let mut built = (Vec::new(), Vec::new());
    for sheet in &at_most(root, "battery", BATTERIES) {
        let (name, poi) = (sheet.word("name"), reference(sheet, "poi", pois, "").unwrap_or_default());
        let (energy_j, hours_s) = (sheet.si("energy"), sheet.si("hours"));
        whole_ticks(sheet, "delay", clock);
        let model = Battery {
            name: String::new(),
            poi,
            rated_w: if hours_s > 0.0 { energy_j / hours_s } else { 0.0 },
            energy_j,
            round_trip: sheet.si("round_trip"),
            soc_range: (sheet.si("soc_min"), sheet.si("soc_max")),
            soc_start: sheet.si("soc_start"),
            delay_s: sheet.si("delay"),
            lag_s: sheet.si("lag"),
            standby_w: sheet.si("standby"),
            reversion_w: 0.0,
        };
        let (low, high) = model.soc_range;
        if low >= high {
            sheet.wrong("soc_max", "a highest state of charge not above the lowest", "soc_min < soc_max", "");
        } else if !(low..=high).contains(&model.soc_start) {
            sheet.wrong("soc_start", "a start outside soc_min to soc_max", "a share between them", "");
        }
        for name in numbered(&name, sheet.si("units") as usize) {
            built.1.push(BatteryConfig {
                name: name.clone(),
                poi: poi as u8,
                charge_w: model.rated_w,
                discharge_w: model.rated_w,
                energy_j,
                soc_min: low,
                soc_max: high,
                efficiency: model.round_trip.sqrt(),
                delay_s: model.delay_s,
                lag_s: model.lag_s,
            });
            built.0.push(Battery { name, ..model.clone() });
        }
    }
    if built.0.len() > BATTERIES {
        root.wrong("battery", &format!("{} battery units", built.0.len()), &format!("at most {BATTERIES}"), "");
    }
    unique(root, "battery", built.0.iter().map(|unit: &Battery| unit.name.as_str()));
    built
}

fn leases(settings: &Sheet<'_, '_>) -> (LeaseConfig, Lapse) {
    let leases = LeaseConfig {
        gpu: settings.span("gpu_lease"),
        gpu_jitter: settings.span("gpu_jitter"),
        gpu_ramp: settings.span("gpu_ramp"),
        battery: settings.span("battery_lease"),
        turbine: settings.span("turbine_lease"),
    };
    let safe_at = leases.gpu + leases.gpu_jitter + leases.gpu_ramp;
    if safe_at >= leases.battery {
        let found = format!("a battery lease of {} s", leases.battery.as_secs_f64());
        let expected = format!("more than {} s", safe_at.as_secs_f64());
        let hint = "GPU leases must lapse, jitter and ramp to the safe cap before the battery reverts";
        settings.wrong("battery_lease", &found, &expected, hint);
    }
    let lapse = Lapse {
        gpu_jitter: leases.gpu_jitter,
        gpu_ramp_s: leases.gpu_ramp.as_secs_f64(),
        safe_cap_share: settings.si("safe_cap"),
        cap_delay_s: settings.si("cap_delay"),
    };
    (leases, lapse)
}
