//! Adds up the megawatts of a scenario before anything is simulated, and says what does not close.
//!
//! Claimed, contracted, estimated and metered power are four different quantities and are never mixed: a claim is what
//! somebody said, a contract is what a limit source allows, an estimate is what the listed devices would draw, and the
//! metered value exists only after a run.
//!
//! Not modelled: anything in time; a check is arithmetic on the scenario, at the hottest hour and at rated power.

mod lapse;
mod supply;

pub use lapse::{Lapse, lapses};

use crate::results::Finding;
use crate::scenario::{PowerClaim, Scenario};
use supply::{curtailment, supply};
use tieline_campus::hall::Hall;
use tieline_campus::training::{Job, JobKind};
use tieline_control::LimitKind;
use tieline_units::Utc;

/// Least power per GPU at the meter, everything included, that published sites show, W (datasheet and press: 110,000
/// GB200 on 170 MW, 1.55 kW).
const ALL_IN_LEAST_W: f64 = 1_550.0;
/// Greatest such figure, W (claim: the same site at 200 MW of cooling, 1.82 kW, rounded up).
const ALL_IN_GREATEST_W: f64 = 2_000.0;
/// Homes per watt (claim: press, January 2026: one gigawatt serves 750,000 homes).
const HOMES_PER_W: f64 = 750_000.0 / 1e9;
/// Peak of San Francisco, W (claim: press, January 2026: about one gigawatt).
const SAN_FRANCISCO_W: f64 = 1e9;
/// One nuclear reactor, W (claim: press, January 2026: about one gigawatt).
const REACTOR_W: f64 = 1e9;
/// Outdoor temperature where the scenario says nothing, °C (guess: a hot afternoon in the mid-South).
const HOT_C: f64 = 35.0;
/// A mild day, °C (datasheet: ISO 3977-2 reference temperature of gas turbines).
const MILD_C: f64 = 15.0;
const MW: f64 = 1e6;
const MWH: f64 = 3.6e9;

/// Which of the four kinds a power figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Said by a company or the press.
    Claimed,
    /// Allowed by a contract or another limit source.
    Contracted,
    /// Added up from the devices listed.
    Estimated,
    /// Read off a meter.
    Metered,
}

impl Standing {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Contracted => "contracted",
            Self::Estimated => "estimated",
            Self::Metered => "metered",
        }
    }
}

/// One power figure with its standing.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerFigure {
    /// Which kind it is.
    pub standing: Standing,
    /// What it is.
    pub label: String,
    /// Power, W: least and greatest; equal when there is one figure; `None` when nobody has read it.
    pub power_w: Option<(f64, f64)>,
}

/// What the arithmetic says.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The four kinds of megawatts, side by side.
    pub figures: Vec<PowerFigure>,
    /// What closes and what does not.
    pub findings: Vec<Finding>,
}

/// Which points a sum covers.
type Scope<'a> = &'a dyn Fn(usize) -> bool;
const EVERYWHERE: Scope<'static> = &|_| true;

/// Estimated draw of a set of halls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Draw {
    gpus: f64,
    /// At the meter: training level at 15 °C, and rated level at the hottest hour, W.
    least_w: f64,
    greatest_w: f64,
    /// GPU power alone in training, W.
    gpu_w: f64,
}

/// Adds everything up; takes well under a millisecond.
#[must_use]
pub fn check(scenario: &Scenario) -> Check {
    let hottest_c = hottest(scenario);
    let today = draw(scenario, scenario.start, hottest_c, EVERYWHERE);
    let complete = draw(scenario, Utc::nanos(i64::MAX), hottest_c, EVERYWHERE);
    let mut findings = Vec::new();
    claims(scenario, today, complete, &mut findings);
    model(scenario, &mut findings);
    step_swing(scenario, &mut findings);
    curtailment(scenario, hottest_c, &mut findings);
    supply(scenario, hottest_c, &mut findings);
    reserves(scenario, today, &mut findings);
    lapse::lease_order(scenario, &mut findings);
    permits(scenario, &mut findings);
    human_scale(scenario, today, &mut findings);
    fleets(scenario, complete, &mut findings);
    Check { figures: figures(scenario, today, complete), findings }
}

fn finding(topic: &str, closes: bool, text: String) -> Finding {
    Finding { topic: topic.to_owned(), text, closes }
}

fn hottest(scenario: &Scenario) -> f64 {
    let end = scenario.start + scenario.duration;
    let ambient = &scenario.surroundings.ambient;
    let mut at = ambient.start();
    let mut hottest_c = f64::NEG_INFINITY;
    for value in ambient.values() {
        if value.is_finite() && at + ambient.step() > scenario.start && at < end {
            hottest_c = hottest_c.max(*value);
        }
        at = at + ambient.step();
    }
    if hottest_c.is_finite() { hottest_c } else { HOT_C }
}

/// Power of a hall at the grid's side of the transformer, W, with `gpu_w` per GPU.
fn at_meter_w(scenario: &Scenario, hall: &Hall, gpu_w: f64, ambient_c: f64) -> f64 {
    let feeder_w = hall.feeder_w(gpu_w);
    let cooling_w = hall.cooling.settled_w(feeder_w, hall.rated_feeder_w(), ambient_c);
    let loss = scenario.plant.pois.get(hall.poi).map_or(0.0, |poi| poi.transformer_loss);
    (feeder_w + cooling_w) / (1.0 - loss)
}

fn draw(scenario: &Scenario, at: Utc, hottest_c: f64, scope: Scope<'_>) -> Draw {
    let mut draw = Draw::default();
    for hall in scenario.plant.halls.iter().filter(|hall| hall.in_service <= at && scope(hall.poi)) {
        let activity = hall.job.and_then(|job| scenario.plant.jobs.get(job)).map_or(1.0, |job| job.activity);
        let product = &hall.product;
        let training_w = product.training_w * activity;
        draw.gpus += hall.gpus;
        draw.gpu_w += hall.gpus * training_w;
        draw.least_w += at_meter_w(scenario, hall, training_w, MILD_C.min(hottest_c));
        draw.greatest_w += at_meter_w(scenario, hall, product.rated_w, hottest_c);
    }
    draw
}

fn figures(scenario: &Scenario, today: Draw, complete: Draw) -> Vec<PowerFigure> {
    let mut figures = Vec::new();
    let mut add = |standing, label: String, power_w| figures.push(PowerFigure { standing, label, power_w });
    for claim in &scenario.claims.power {
        add(Standing::Claimed, claim.label.clone(), Some((claim.power_w, claim.power_w)));
    }
    for limit in scenario.control.limits.iter().filter(|limit| limit.kind == LimitKind::Contract) {
        if limit.initial_w.is_finite() {
            add(Standing::Contracted, limit.name.clone(), Some((limit.initial_w, limit.initial_w)));
        }
    }
    add(
        Standing::Estimated,
        format!(
            "{} GPUs in service at the start: training on a cool day to rated power in the hottest hour",
            count(today.gpus)
        ),
        Some((today.least_w, today.greatest_w)),
    );
    if complete.gpus > today.gpus {
        add(
            Standing::Estimated,
            format!("{} GPUs when every listed hall is in service", count(complete.gpus)),
            Some((complete.least_w, complete.greatest_w)),
        );
    }
    add(Standing::Metered, "no meter is read by a check; a run prints the simulated one".to_owned(), None);
    figures
}

fn claims(scenario: &Scenario, today: Draw, complete: Draw, findings: &mut Vec<Finding>) {
    for PowerClaim { label, power_w, gpus } in &scenario.claims.power {
        if let Some(gpus) = gpus.filter(|gpus| *gpus > 0.0) {
            let each_w = power_w / gpus;
            let closes = (ALL_IN_LEAST_W..=ALL_IN_GREATEST_W).contains(&each_w);
            findings.push(finding(
                "claimed power against claimed GPUs",
                closes,
                format!(
                    "{label}: {} over {} GPUs is {:.2} kW each; published sites need {:.2} to {:.2} kW each, all in, \
                     which makes {} to {}",
                    power(*power_w),
                    count(gpus),
                    each_w / 1e3,
                    ALL_IN_LEAST_W / 1e3,
                    ALL_IN_GREATEST_W / 1e3,
                    power(gpus * ALL_IN_LEAST_W),
                    power(gpus * ALL_IN_GREATEST_W),
                ),
            ));
        }
        // A claim about so many GPUs is weighed against the halls that hold them, any other against what runs today.
        let whole = gpus.is_some_and(|gpus| (gpus / complete.gpus - 1.0).abs() < 0.02);
        let (built, when) = if whole { (complete, "listed in all") } else { (today, "in service at the start") };
        let closes = built.least_w * 0.9 <= *power_w && *power_w <= built.greatest_w * 1.1;
        findings.push(finding(
            "claimed power against what is built",
            closes,
            format!(
                "{label}: {} claimed; the {} GPUs {when} are estimated to draw {} to {}",
                power(*power_w),
                count(built.gpus),
                power(built.least_w),
                power(built.greatest_w),
            ),
        ));
    }
    if let Some(gpus) = scenario.claims.gpus.filter(|gpus| *gpus > 0.0) {
        let closes = (complete.gpus / gpus - 1.0).abs() < 0.02;
        findings.push(finding(
            "claimed GPUs against listed halls",
            closes,
            format!(
                "{} GPUs claimed when complete; the scenario lists {} in all, {} of them in service at the start",
                count(gpus),
                count(complete.gpus),
                count(today.gpus)
            ),
        ));
    }
}

/// Power and usable energy of the batteries, W and J.
fn battery(scenario: &Scenario, scope: Scope<'_>) -> (f64, f64) {
    let units = || scenario.plant.batteries.iter().filter(|unit| scope(unit.poi));
    let power_w = units().map(|battery| battery.rated_w).sum();
    let usable_j = units()
        .map(|battery| battery.energy_j * (battery.soc_range.1 - battery.soc_range.0) * libm::sqrt(battery.round_trip))
        .sum();
    (power_w, usable_j)
}

/// The claimed model against the job that is to train it: arithmetic and time at full speed with the halls of the start.
fn model(scenario: &Scenario, findings: &mut Vec<Finding>) {
    let jobs = scenario.plant.jobs.iter().enumerate();
    for (index, job) in jobs.filter(|(_, job)| job.kind == JobKind::PreTraining && job.target_tokens > 0.0) {
        let flop = 6.0 * job.active_parameters * job.target_tokens;
        let halls =
            scenario.plant.halls.iter().filter(|hall| hall.job == Some(index) && hall.in_service <= scenario.start);
        let peak: f64 = halls.map(|hall| hall.gpus * hall.product.bf16_flops).sum();
        if peak <= 0.0 {
            continue;
        }
        let pace = match &scenario.modelled {
            Some(found) if found.job == index => format!(
                "{:.1} days at full speed in the layout {} ({:.1} % of the peak of its format, from the step model)",
                job.target_tokens / found.tokens_per_s / 86_400.0,
                found.layout,
                found.mfu * 100.0
            ),
            _ if job.mfu > 0.0 => format!(
                "{:.1} days at full speed and {:.0} % utilisation, as stated",
                flop / (peak * job.mfu) / 86_400.0,
                job.mfu * 100.0
            ),
            _ => "utilisation comes from the step model when the scenario runs".to_owned(),
        };
        let claimed = scenario.claims.model_parameters.map_or_else(String::new, |all| {
            format!(", {:.1} % of the {:.1} T claimed", job.active_parameters / all * 100.0, all / 1e12)
        });
        findings.push(finding(
            "training run against its halls",
            scenario.claims.model_parameters.is_none_or(|all| job.active_parameters <= all),
            format!(
                "{}: {:.2} T parameters active{claimed}; {:.0} T tokens are {flop:.1e} FLOP, {pace}; active share and \
                 tokens are inputs that nobody has published",
                job.name,
                job.active_parameters / 1e12,
                job.target_tokens / 1e12,
            ),
        ));
    }
}

/// Sum over the halls of a point that work in step (pre-training) at the start, W.
fn in_step_w(scenario: &Scenario, poi: usize, of_hall: impl Fn(&Hall, &Job) -> f64) -> f64 {
    let halls = scenario.plant.halls.iter().filter(|hall| hall.poi == poi && hall.in_service <= scenario.start);
    let with_job = halls.filter_map(|hall| Some((hall, scenario.plant.jobs.get(hall.job?)?)));
    with_job.filter(|(_, job)| job.kind == JobKind::PreTraining).map(|(hall, job)| of_hall(hall, job)).sum()
}

/// Swing and stop of a synchronous job, point by point: a battery elsewhere does not help a point's own meter.
fn step_swing(scenario: &Scenario, findings: &mut Vec<Finding>) {
    let points = || scenario.plant.pois.iter().enumerate();
    for (poi, point) in points() {
        let battery_w = battery(scenario, &|point| point == poi).0;
        let stop_w = in_step_w(scenario, poi, |hall, job| {
            hall.gpus
                * (hall.product.training_w * job.activity - hall.product.stalled_w).max(0.0)
                * hall.feeder_per_gpu_w()
        });
        if stop_w > 0.0 {
            findings.push(finding(
                "stop of the synchronous job against battery power",
                stop_w <= battery_w,
                format!(
                    "{}: when the job stops as a whole, {} of load is gone within a second; the batteries there can take up {}",
                    point.name,
                    power(stop_w),
                    power(battery_w),
                ),
            ));
        }
    }
    let Some(share) = scenario.claims.step_swing else { return };
    let mut swing_all_w = 0.0;
    for (poi, point) in points() {
        let gpu_w = in_step_w(scenario, poi, |hall, job| hall.gpus * hall.product.training_w * job.activity);
        let (swing_w, battery_w) = (share * gpu_w, battery(scenario, &|point| point == poi).0);
        swing_all_w += swing_w;
        if gpu_w > 0.0 {
            findings.push(finding(
                "step swing against battery power",
                0.5 * swing_w <= battery_w,
                format!(
                    "{}: a synchronous step swings {:.0} % of {} of GPU power, {} from peak to peak; the batteries there give \
                     and take {}",
                    point.name,
                    share * 100.0,
                    power(gpu_w),
                    power(swing_w),
                    power(battery_w),
                ),
            ));
        }
    }
    if swing_all_w <= 0.0 {
        return;
    }
    let Some(period_s) = scenario.claims.step_period_s.filter(|period| *period > 0.0) else { return };
    let slope_w_per_s = 2.0 * swing_all_w / period_s;
    let ties = scenario.control.pois.iter().filter(|poi| !poi.island);
    let ramp_w_per_s: f64 = ties.map(|poi| poi.ramp_up_w_per_s).sum();
    findings.push(finding(
        "step swing against the ramp limit",
        slope_w_per_s <= ramp_w_per_s,
        format!(
            "that swing every {period_s:.1} s is a slope of {:.1} MW/s at least; the points of interconnection allow \
             {:.2} MW/s together",
            slope_w_per_s / MW,
            ramp_w_per_s / MW
        ),
    ));
}

fn reserves(scenario: &Scenario, today: Draw, findings: &mut Vec<Finding>) {
    let control = &scenario.control;
    let (battery_w, usable_j) = battery(scenario, EVERYWHERE);
    if control.batteries.is_empty() {
        findings.push(finding(
            "reserves",
            false,
            "no battery: neither a turbine trip nor a lapsed lease is bridged".to_owned(),
        ));
        return;
    }
    let largest_w = control.turbines.iter().map(|turbine| turbine.rated_w).fold(0.0, f64::max);
    let trip_j = largest_w * control.reserve.trip_bridge_s;
    let safe_w: f64 = control
        .halls
        .iter()
        .map(|hall| {
            hall.gpus * (hall.max_cap_w - hall.safe_cap_w).max(0.0) * hall.feeder_per_gpu_w * (1.0 + hall.cooling_per_w)
        })
        .sum();
    let lease_s = (control.leases.gpu.as_secs_f64() + control.leases.gpu_jitter.as_secs_f64())
        + 0.5 * control.leases.gpu_ramp.as_secs_f64();
    let bridge_j = safe_w.min(battery_w) * lease_s;
    let ramp_w_per_s: f64 = control.pois.iter().filter(|poi| !poi.island).map(|poi| poi.ramp_up_w_per_s).sum();
    let step_w = control.reserve.ramp_step_w;
    let ramp_j = if ramp_w_per_s > 0.0 { 0.5 * step_w * step_w / ramp_w_per_s } else { f64::INFINITY };
    let share = scenario.control.reserve.target_soc;
    let stored_j: f64 =
        control.batteries.iter().map(|unit| unit.energy_j * (share - unit.soc_min).max(0.0) * unit.efficiency).sum();
    let needed_j = trip_j + bridge_j + ramp_j;
    findings.push(finding(
        "reserves against stored energy",
        needed_j <= stored_j,
        format!(
            "turbine trip {:.1} MWh ({} for {:.0} s), lapsed GPU lease {:.1} MWh, ramp of {} at {:.2} MW/s {:.1} MWh: together {:.1} \
             of {:.1} MWh stored at {:.0} % ({:.0} MWh usable in all)",
            trip_j / MWH,
            power(largest_w),
            control.reserve.trip_bridge_s,
            bridge_j / MWH,
            power(step_w),
            ramp_w_per_s / MW,
            ramp_j / MWH,
            needed_j / MWH,
            stored_j / MWH,
            share * 100.0,
            usable_j / MWH,
        ),
    ));
    findings.push(finding(
        "largest loss against battery power",
        largest_w.max(step_w) <= battery_w,
        format!(
            "the largest turbine is {}, the load step kept for is {}, the batteries give {} at once; the load is up to {}",
            power(largest_w),
            power(step_w),
            power(battery_w),
            power(today.greatest_w)
        ),
    ));
}

fn permits(scenario: &Scenario, findings: &mut Vec<Finding>) {
    let turbines = &scenario.plant.turbines;
    if turbines.is_empty() {
        return;
    }
    let without = turbines.iter().filter(|turbine| !turbine.permitted).count();
    let hours = turbines
        .iter()
        .filter(|turbine| turbine.permitted)
        .map(|turbine| turbine.permit_h_per_year)
        .fold(f64::INFINITY, f64::min);
    let closes = without == 0 && hours >= 8_760.0;
    let hours_text = if hours >= 8_760.0 {
        "around the year".to_owned()
    } else if hours.is_finite() {
        format!("for as little as {hours:.0} h a year")
    } else {
        "not at all".to_owned()
    };
    findings.push(finding(
        "turbine permits",
        closes,
        format!(
            "{} turbines listed, {without} of them without a permit; the others may run {hours_text}",
            turbines.len()
        ),
    ));
}

fn human_scale(scenario: &Scenario, today: Draw, findings: &mut Vec<Finding>) {
    let peak_w = scenario.surroundings.load.values().iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    let share = if peak_w > 0.0 {
        format!(
            "; {:.1} % of the greatest {} load in the scenario ({})",
            100.0 * today.greatest_w / peak_w,
            scenario.surroundings.grid,
            power(peak_w)
        )
    } else {
        String::new()
    };
    findings.push(finding(
        "human scale",
        true,
        format!(
            "{} to {} is what {} to {} homes use, {:.1} times San Francisco at its peak, {:.1} nuclear reactors{share}",
            power(today.least_w),
            power(today.greatest_w),
            count(today.least_w * HOMES_PER_W),
            count(today.greatest_w * HOMES_PER_W),
            today.greatest_w / SAN_FRANCISCO_W,
            today.greatest_w / REACTOR_W,
        ),
    ));
}

fn fleets(scenario: &Scenario, complete: Draw, findings: &mut Vec<Finding>) {
    for fleet in &scenario.fleets {
        let ratio = if complete.gpus > 0.0 {
            format!("; {:.2} times the GPUs of this campus when complete", fleet.gpus / complete.gpus)
        } else {
            String::new()
        };
        let sites = if fleet.sites > 1.0 {
            format!(" over {:.0} sites, {} each", fleet.sites, power(fleet.gpus * fleet.all_in_w / fleet.sites))
        } else {
            String::new()
        };
        findings.push(finding(
            "other fleets",
            true,
            format!(
                "{}: {} GPUs ({} at {:.2} kW all in) make {} estimated{sites}{ratio}",
                fleet.name,
                count(fleet.gpus),
                fleet.product,
                fleet.all_in_w / 1e3,
                power(fleet.gpus * fleet.all_in_w),
            ),
        ));
    }
}

/// Power in words: `1.85 GW`, `320 MW`, `4.2 kW`.
#[must_use]
pub fn power(value_w: f64) -> String {
    // An empty sum is minus zero; nobody draws that.
    let value_w = value_w + 0.0;
    let size = value_w.abs();
    if !value_w.is_finite() {
        "no limit".to_owned()
    } else if size >= 1e9 {
        format!("{:.2} GW", value_w / 1e9)
    } else if size >= 1e7 {
        format!("{:.0} MW", value_w / MW)
    } else if size >= 1e5 {
        format!("{:.2} MW", value_w / MW)
    } else {
        format!("{:.1} kW", value_w / 1e3)
    }
}

/// A number of things with thousands set apart: `555,000`.
#[must_use]
pub fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(count(555_000.0), "555,000");
        assert_eq!(count(999.0), "999");
        assert_eq!(count(-1_234_567.0), "-1,234,567");
        assert_eq!(power(1.85e9), "1.85 GW");
        assert_eq!(power(3.2e8), "320 MW");
        assert_eq!(power(3.25e6), "3.25 MW");
        assert_eq!(power(f64::INFINITY), "no limit");
    }
}
