//! The dispatch study within `tieline run`: the scenario's grid with its campus in it, solved over the run's hours.
//!
//! Not modelled: a dispatch that is solved again when the campus draws something else.

use super::Tables;
use crate::dispatch::{Solved, campus, case, least_margin, shave, solved, summary, tables, text};
use crate::{screen, source, threads};
use anyhow::{Result, anyhow, bail};
use std::fmt::Write as _;
use std::path::Path;
use tieline_files::dispatch::{CampusLoad, Case, Settings, Tier, builtin};
use tieline_sim::dispatch::{Around, Plan, hand_over, orders, planned_j};
use tieline_sim::results::Finding;
use tieline_sim::scenario::Scenario;

/// Exactness that the study owes: the certified gap of the dispatch.
const GAP: f64 = 1e-6;

/// What came of it.
pub struct Zonal {
    /// Metrics without the study's name.
    pub metrics: Vec<(&'static str, f64)>,
    /// What closes, and what does not.
    pub findings: Vec<Finding>,
    /// The scenario as operation shall run it.
    pub handed: Scenario,
    /// What the screen tells.
    pub told: String,
}

/// Runs the study; its tables go below `folder` with `dispatch_` before their names.
///
/// # Errors
/// A grid that cannot be read or dispatched, a table that cannot be written.
pub fn zonal(scenario: &Scenario, given: &str, seed: u64, folder: &Path, shave_peaks: bool) -> Result<Zonal> {
    let plan = scenario.dispatch.as_ref().ok_or_else(|| anyhow!("{} has no table [dispatch]", scenario.name))?;
    let case = grid(plan, scenario, given, seed)?;
    let plain = solved(&case, threads::cores(), true);
    let shaved = |plain| if shave_peaks { shave(&case, plain, threads::cores()) } else { Ok(plain) };
    let solved = match plain.and_then(shaved) {
        Ok(solved) => solved,
        Err(failure) => bail!("the grid {}: {}", plan.grid, failure.words(&case.problem)),
    };
    let json = summary(&case, &solved);
    super::write(&folder.join("dispatch.json"), &(serde_json::to_string_pretty(&json)? + "\n"))?;
    let mut writer = Tables { folder, open: Default::default(), trouble: Default::default() };
    for mut table in tables(&case, &solved) {
        table.name = format!("dispatch_{}", table.name);
        writer.take(&table);
    }
    if let Some(error) = writer.trouble.take() {
        return Err(error);
    }
    writer.finish()?;
    Ok(found(scenario, plan, &case, &solved))
}

/// The plan's grid over the run's hours, with the campus where the plan puts it.
fn grid(plan: &Plan, scenario: &Scenario, given: &str, seed: u64) -> Result<Case> {
    // A grid file lies beside its scenario; a built-in one lies nowhere.
    let beside = Path::new(given).parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = match (builtin(&plan.grid), beside) {
        (None, Some(folder)) => folder.join(&plan.grid).display().to_string(),
        _ => plan.grid.clone(),
    };
    let Some((text, folder)) = text(&name)? else { bail!("dispatch.grid names no grid: \"{}\"", plan.grid) };
    let priced = plan.priced(scenario).map_err(|why| anyhow!("the tiers of [dispatch] cannot be priced: {why}"))?;
    let tiers = priced.into_iter().map(|(depth, price_usd_per_j)| Tier { depth, price_usd_per_j }).collect();
    let settings = Settings {
        seed: Some(seed),
        sample: 0,
        window: Some(plan.window),
        heat_wave_k: plan.heat_wave_k,
        campus: Some(CampusLoad {
            name: scenario.name.clone(),
            zone: plan.zone.clone(),
            power_w: plan.power_w,
            tiers,
            tariff: plan.tariff.clone(),
        }),
    };
    case(&name, &text, folder.as_deref(), &settings).map_err(|mistakes| {
        source::say_mistakes(&mistakes);
        anyhow!("the grid {} has mistakes", plan.grid)
    })
}

fn found(scenario: &Scenario, plan: &Plan, case: &Case, solved: &Solved) -> Zonal {
    let (problem, dispatch) = (&case.problem, &solved.dispatch);
    let named = &case.campuses[0];
    let told = campus::told(case, solved, named);
    let account = &told.account;
    let around =
        Around { load_w: campus::area_w(case, &case.areas[named.zone]), ambient_c: case.ambient_c[named.zone].clone() };
    let (handed, left_out) = hand_over(scenario, plan, account, &around);
    let prices = account.price_usd_per_j.iter().map(|price| price * crate::dispatch::MWH);
    let most = prices.clone().fold(f64::NEG_INFINITY, f64::max);
    let mean = prices.sum::<f64>() / problem.hours.max(1) as f64;
    let units = problem.units.name.len();
    let emitted_kg: f64 = dispatch
        .generation_w
        .iter()
        .enumerate()
        .map(|(at, power_w)| power_w * problem.step_s * problem.units.kg_per_j[at % units.max(1)])
        .sum();
    let shed_mwh = dispatch.shed_w.iter().sum::<f64>() * problem.step_s / crate::dispatch::MWH;
    let mut metrics = vec![
        ("cost_usd", dispatch.quality.cost_usd),
        ("bound_usd", dispatch.quality.bound_usd),
        ("gap", dispatch.quality.gap),
        ("imbalance_w", dispatch.quality.imbalance_w),
        ("hours", problem.hours as f64),
        ("shed_mwh", shed_mwh),
        ("emissions_t", emitted_kg / 1e3),
        ("least_margin", least_margin(case).0),
        ("price_mean_usd_per_mwh", mean),
        ("price_most_usd_per_mwh", most),
        ("campus_hours", account.hours as f64),
        ("campus_mwh", account.energy_j / crate::dispatch::MWH),
        ("campus_cost_usd", account.cost_usd),
        ("campus_planned_mwh", planned_j(scenario, plan, account) / crate::dispatch::MWH),
        ("orders", orders(account, plan.power_w).len() as f64),
        ("orders_left_out", left_out as f64),
    ];
    metrics.extend(account.saved_usd.map(|saved| ("campus_saved_usd", saved)));
    metrics.extend(told.with.as_ref().map(|bill| ("bill_usd", bill.total_usd())));
    metrics.extend(told.without.as_ref().map(|bill| ("bill_without_usd", bill.total_usd())));
    if let Some(shaving) = solved.shaved.first() {
        let number = |key: &str| shaving[key].as_f64().unwrap_or(0.0);
        metrics.push(("shaved_hours", shaving["hours"].as_array().map_or(0, Vec::len) as f64));
        metrics.extend([("shaved_mwh", number("mwh")), ("shaved_saved_usd", number("saved_usd"))]);
    }
    let findings = vec![Finding {
        topic: "dispatch against its bound".to_owned(),
        text: format!(
            "{:.3} M$ for {} h of {}; no dispatch costs less than {:.3} M$",
            dispatch.quality.cost_usd / 1e6,
            problem.hours,
            plan.grid,
            dispatch.quality.bound_usd / 1e6
        ),
        closes: dispatch.quality.gap <= GAP,
    }];
    let mut text = screen::heading("Dispatch");
    let _ = writeln!(
        text,
        "{} h of {}: {:.3} M$, gap {:.1e}; {} at {mean:.2} $/MWh on average, {most:.2} at most; {shed_mwh:.1} MWh unserved",
        problem.hours,
        plan.grid,
        dispatch.quality.cost_usd / 1e6,
        dispatch.quality.gap,
        plan.zone
    );
    text.push_str(&campus::page(&serde_json::json!({"campuses": campus::summary(case, solved)})));
    if left_out > 0 {
        let _ = writeln!(text, "{left_out} orders found no place among the events that a controller knows");
    }
    Zonal { metrics, findings, handed, told: text }
}
