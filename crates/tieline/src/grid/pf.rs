//! `tieline grid pf`: the page and the JSON of a power flow, N-1 and headroom.
//!
//! Not modelled: a picture of the network.

use super::{Pf, finite, losses, mw, source, tell};
use crate::{Verdict, screen};
use anyhow::Result;
use serde_json::{Value, json};
use std::f64::consts::PI;
use std::fmt::Write as _;
use tieline_grid::network::contingency::{Contingencies, FullLoss, more, n_1};
use tieline_grid::network::headroom::{Headroom, Stop, headroom};
use tieline_grid::network::newton::{Flow, PowerFlow, Rules, bearable_share};
use tieline_grid::network::{BusKind, Network, NetworkError};

/// Rows of each list on the page.
const ROWS: usize = 5;
/// An output outside its limits by less is not told, W.
const LEAST_W: f64 = 5e4;
/// Outages that are solved in full.
const FULL: usize = 10;

/// Solves and tells.
///
/// # Errors
/// A file that cannot be read or written.
pub fn pf(asked: &Pf) -> Result<Verdict> {
    if !(asked.power_factor > 0.0 && asked.power_factor <= 1.0) {
        eprintln!("tieline: --power-factor {}: expected more than 0, at most 1", asked.power_factor);
        return Ok(Verdict::Usage);
    }
    let Some(mut network) = source::network(&asked.case, asked.hour)? else { return Ok(Verdict::No) };
    asked.after_outage.keep(&mut network);
    let network = &network;
    let shown = asked.case.display();
    let rules = Rules { reactive_limits: !asked.free_reactive, ..Rules::default() };
    let flow = match PowerFlow::new(network, None).and_then(|mut prepared| prepared.solve(network, &rules)) {
        Ok(flow) => flow,
        Err(why) => {
            eprintln!("tieline: {shown}: {why}");
            if let tieline_grid::network::NetworkError::Unsolved(_) = why {
                let share = bearable_share(network, &rules);
                if share > 0.0 {
                    eprintln!(
                        "tieline: {shown}: with {:.0} % of all loads and outputs it does converge",
                        100.0 * share
                    );
                }
            }
            return Ok(Verdict::No);
        }
    };
    let mut text = page(network, &flow);
    let mut value = to_json(network, &flow);
    if asked.n_1 {
        match n_1(network, &flow, &rules, FULL) {
            Ok(all) => {
                text.push_str(&contingencies(network, &all));
                value["n_1"] = contingencies_json(network, &all);
            }
            Err(why) => {
                eprintln!("tieline: {shown}: {why}");
                return Ok(Verdict::No);
            }
        }
    }
    if let Err(why) = more_losses(asked, network, &flow, &mut text, &mut value) {
        eprintln!("tieline: {shown}: {why}");
        return Ok(Verdict::No);
    }
    if let Some(number) = asked.headroom {
        let Some(bus) = network.bus(number) else {
            eprintln!("tieline: {shown}: there is no bus {number}");
            return Ok(Verdict::Usage);
        };
        match headroom(network, bus, asked.power_factor, &rules) {
            Ok(found) => {
                text.push_str(&headroom_page(network, &found, asked.power_factor));
                value["headroom"] = headroom_json(network, &found, asked.power_factor);
            }
            Err(why) => {
                eprintln!("tieline: {shown}: {why}");
                return Ok(Verdict::No);
            }
        }
    }
    tell(&asked.wants, "pf", &text, &value, Verdict::Yes)
}

/// Losses of generators (with N-1) and of pairs of branches (with N-2).
fn more_losses(
    asked: &Pf,
    network: &Network,
    flow: &Flow,
    text: &mut String,
    value: &mut Value,
) -> Result<(), NetworkError> {
    if asked.n_1 {
        let (tried, found) = more::units(network, flow)?;
        text.push_str(&losses::units_page(network, tried, &found));
        value["generator_losses"] = losses::units_json(network, tried, &found);
    }
    if asked.n_2 {
        let all = more::pairs(network, flow)?;
        text.push_str(&losses::pairs_page(network, &all));
        if !asked.n_1 {
            text.push_str(&losses::ratings_page(network));
        }
        value["n_2"] = losses::pairs_json(&all);
        value["n_2"]["ratings"] = losses::ratings_json(network);
    }
    Ok(())
}

/// Running generators whose output lies outside what they can give, W above (below: negative), the farthest first.
fn beyond_limits(network: &Network, flow: &Flow) -> Vec<(usize, f64)> {
    let g = &network.generators;
    let beyond = |unit: usize| {
        let output_w = flow.output_w[unit];
        (output_w - g.most_w[unit]).max(0.0) + (output_w - g.least_w[unit]).min(0.0)
    };
    let mut all: Vec<(usize, f64)> = (0..g.bus.len())
        .filter(|unit| network.runs(*unit) && !flow.dead[g.bus[*unit]])
        .map(|unit| (unit, beyond(unit)))
        .filter(|(_, beyond_w)| beyond_w.abs() > LEAST_W)
        .collect();
    all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    all
}

/// Branches with a rating, worst loaded first.
fn loadings(network: &Network, flow: &Flow) -> Vec<(usize, f64)> {
    let mut all: Vec<(usize, f64)> =
        (0..network.branches.from.len()).filter_map(|b| flow.loading(network, b).map(|loading| (b, loading))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

/// Live buses by how far they are outside their band, else by how near they are to its edge.
fn voltages(network: &Network, flow: &Flow) -> Vec<usize> {
    let margin = |bus: &usize| {
        let share = flow.voltage_share[*bus];
        (share - network.buses.least_share[*bus]).min(network.buses.most_share[*bus] - share)
    };
    let mut all: Vec<usize> = (0..network.bus_count()).filter(|bus| !flow.dead[*bus]).collect();
    all.sort_by(|a, b| margin(a).total_cmp(&margin(b)));
    all
}

fn page(network: &Network, flow: &Flow) -> String {
    let live = |bus: &usize| !flow.dead[*bus];
    let buses: Vec<usize> = (0..network.bus_count()).filter(live).collect();
    let load_w: f64 = buses.iter().map(|bus| network.buses.load_w[*bus]).sum();
    let output_w: f64 = flow.output_w.iter().sum();
    let mut text = screen::heading(&format!("{}: AC power flow", network.name));
    let _ = writeln!(
        text,
        "  {} buses, {} branches, {} generators in service; solved in {} iterations to {:.0e} per unit",
        buses.len(),
        (0..network.branches.from.len()).filter(|b| network.carries(*b) && live(&network.branches.from[*b])).count(),
        (0..network.generators.bus.len()).filter(|g| network.runs(*g) && live(&network.generators.bus[*g])).count(),
        flow.iterations,
        flow.mismatch_pu
    );
    let dead = network.bus_count() - buses.len();
    if dead > 0 {
        let left_out = (0..network.bus_count()).filter(|bus| !live(bus));
        let left_out_w: f64 = left_out.map(|bus| network.buses.load_w[bus]).sum();
        let _ = writeln!(
            text,
            "  {dead} bus(es) isolated or cut off from the reference, left out with {} MW of load",
            mw(left_out_w)
        );
    }
    let _ = writeln!(
        text,
        "  generation {} MW = load {} + losses {} + shunts {} MW",
        mw(output_w),
        mw(load_w),
        mw(flow.losses_w),
        mw(flow.shunts_w)
    );
    for (unit, beyond_w) in beyond_limits(network, flow).into_iter().take(ROWS) {
        let (bus, word) =
            (network.generators.bus[unit], if beyond_w > 0.0 { "above its most" } else { "below its least" });
        let reference =
            if network.buses.kind[bus] == BusKind::Reference { ", which takes what is left over" } else { "" };
        let _ = writeln!(
            text,
            "  generator {} (bus {}{reference}) gives {} MW, {} MW {word}",
            unit + 1,
            network.buses.number[bus],
            mw(flow.output_w[unit]),
            mw(beyond_w.abs())
        );
    }
    if !flow.at_limit.is_empty() {
        let _ = writeln!(
            text,
            "  generators at {} buses are at a reactive limit and do not hold their voltage",
            flow.at_limit.len()
        );
    }
    let outside = |bus: &usize| {
        let share = flow.voltage_share[*bus];
        share < network.buses.least_share[*bus] - 1e-9 || share > network.buses.most_share[*bus] + 1e-9
    };
    let _ = writeln!(
        text,
        "\nVoltages: {} buses outside their band; nearest to its edges or beyond",
        buses.iter().filter(|b| outside(b)).count()
    );
    let mut rows = vec![["bus", "voltage", "band", ""].map(String::from).to_vec()];
    for bus in voltages(network, flow).into_iter().take(ROWS) {
        let band = format!("{:.2}-{:.2}", network.buses.least_share[bus], network.buses.most_share[bus]);
        let mark = if outside(&bus) { "outside" } else { "" };
        rows.push(vec![
            network.buses.number[bus].to_string(),
            format!("{:.4}", flow.voltage_share[bus]),
            band,
            mark.to_owned(),
        ]);
    }
    text.push_str(&screen::columns(2, &rows));
    let all = loadings(network, flow);
    let over = all.iter().filter(|(_, loading)| *loading > 1.0).count();
    let _ = writeln!(text, "\nLoading: {over} of {} rated branches above their rating; most loaded", all.len());
    let mut rows = vec![["branch", "MW", "rating MVA", "loading"].map(String::from).to_vec()];
    for (branch, loading) in all.into_iter().take(ROWS) {
        rows.push(vec![
            network.branch_name(branch),
            mw(flow.from_va[branch].re),
            mw(network.branches.rating_va[branch]),
            format!("{:.1} %", 100.0 * loading),
        ]);
    }
    text.push_str(&screen::columns(2, &rows));
    text
}

fn to_json(network: &Network, flow: &Flow) -> Value {
    let buses: Vec<Value> = (0..network.bus_count())
        .map(|bus| {
            let live = !flow.dead[bus];
            json!({
                "number": network.buses.number[bus],
                "voltage_pu": if live { finite(flow.voltage_share[bus]) } else { None },
                "angle_deg": if live { finite(flow.angle_rad[bus] * 180.0 / PI) } else { None },
            })
        })
        .collect();
    let branches: Vec<Value> = (0..network.branches.from.len())
        .map(|branch| {
            json!({
                "from": network.buses.number[network.branches.from[branch]],
                "to": network.buses.number[network.branches.to[branch]],
                "from_mw": flow.from_va[branch].re / 1e6,
                "from_mvar": flow.from_va[branch].im / 1e6,
                "to_mw": flow.to_va[branch].re / 1e6,
                "to_mvar": flow.to_va[branch].im / 1e6,
                "loading": flow.loading(network, branch),
            })
        })
        .collect();
    let generators: Vec<Value> = (0..network.generators.bus.len())
        .map(|g| {
            json!({
                "bus": network.buses.number[network.generators.bus[g]],
                "output_mw": flow.output_w[g] / 1e6,
                "output_mvar": flow.output_var[g] / 1e6,
                "least_mw": finite(network.generators.least_w[g] / 1e6),
                "most_mw": finite(network.generators.most_w[g] / 1e6),
                "in_service": network.runs(g) && !flow.dead[network.generators.bus[g]],
            })
        })
        .collect();
    json!({
        "schema": 1,
        "study": "pf",
        "case": network.name,
        "iterations": flow.iterations,
        "mismatch_pu": flow.mismatch_pu,
        "losses_mw": flow.losses_w / 1e6,
        "shunts_mw": flow.shunts_w / 1e6,
        "at_reactive_limit": flow.at_limit.iter().map(|l| network.buses.number[l.bus]).collect::<Vec<_>>(),
        "buses": buses,
        "branches": branches,
        "generators": generators,
    })
}

fn contingencies(network: &Network, all: &Contingencies) -> String {
    let mut text = format!(
        "\nN-1: {} branches lost in turn; {} split the network, {} overload others (direct-current screening)\n",
        all.tried,
        all.islands.len(),
        all.overloads.len()
    );
    text.push_str(&losses::ratings_page(network));
    for island in all.islands.iter().take(ROWS) {
        let _ = writeln!(
            text,
            "  {} lost: {} bus(es) cut off with {} MW of load and {} MW of output",
            network.branch_name(island.branch),
            island.buses.len(),
            mw(island.load_w),
            mw(island.output_w)
        );
    }
    for overload in all.overloads.iter().take(ROWS) {
        let others = if overload.count > 1 { format!(", {} in all", overload.count) } else { String::new() };
        let _ = writeln!(
            text,
            "  {} lost: {} at {:.0} %{others}",
            network.branch_name(overload.lost),
            network.branch_name(overload.worst),
            100.0 * overload.loading
        );
        match &overload.full {
            Some(FullLoss::Solved { worst, lowest }) => {
                let worst = worst.map_or_else(String::new, |(branch, loading)| {
                    format!(
                        "{} at {:.0} % (of those within that rating before), ",
                        network.branch_name(branch),
                        100.0 * loading
                    )
                });
                let _ = writeln!(
                    text,
                    "      in full: {worst}lowest voltage {:.3} at bus {}",
                    lowest.1, network.buses.number[lowest.0]
                );
            }
            Some(FullLoss::Unsolved(why)) => {
                let _ = writeln!(text, "      in full: {}", screen::wrap(why, 110, 6));
            }
            None => {}
        }
    }
    text
}

fn contingencies_json(network: &Network, all: &Contingencies) -> Value {
    let islands: Vec<Value> = all
        .islands
        .iter()
        .map(|island| {
            json!({
                "branch": island.branch + 1,
                "buses": island.buses.iter().map(|bus| network.buses.number[*bus]).collect::<Vec<_>>(),
                "load_mw": island.load_w / 1e6,
                "output_mw": island.output_w / 1e6,
            })
        })
        .collect();
    let overloads: Vec<Value> = all
        .overloads
        .iter()
        .map(|overload| {
            let full = overload.full.as_ref().map(|full| match full {
                FullLoss::Solved { worst, lowest } => json!({
                    "worst_branch": worst.map(|(branch, _)| branch + 1),
                    "loading": worst.map(|(_, loading)| loading),
                    "lowest_bus": network.buses.number[lowest.0],
                    "lowest_voltage_pu": lowest.1,
                }),
                FullLoss::Unsolved(why) => json!({ "unsolved": why }),
            });
            json!({
                "branch": overload.lost + 1,
                "worst_branch": overload.worst + 1,
                "loading": overload.loading,
                "overloaded": overload.count,
                "full": full,
            })
        })
        .collect();
    json!({ "tried": all.tried, "ratings": losses::ratings_json(network), "islands": islands, "overloads": overloads })
}

/// What stops a larger campus, in words.
fn stop_words(network: &Network, stop: &Stop) -> String {
    match stop {
        Stop::Generation => "running generators have no more to give".to_owned(),
        Stop::Branch(branch) => format!("{} reaches its rating", network.branch_name(*branch)),
        Stop::Low(bus) => format!("bus {} falls to its lowest voltage", network.buses.number[*bus]),
        Stop::High(bus) => format!("bus {} rises to its highest voltage", network.buses.number[*bus]),
        Stop::Voltage(why) => why.clone(),
    }
}

fn headroom_page(network: &Network, found: &Headroom, power_factor: f64) -> String {
    let number = |bus: usize| network.buses.number[bus];
    let mut text = format!(
        "\nHeadroom at bus {}: a campus of {} MW at a power factor of {power_factor}, then {}\n",
        number(found.bus),
        mw(found.campus_w),
        stop_words(network, &found.stop)
    );
    let _ = writeln!(
        text,
        "  voltage there {:.4} without, {:.4} with it; losses {} and {} MW; supplied by all generators by their spare output",
        found.voltage_share.0,
        found.voltage_share.1,
        mw(found.losses_w.0),
        mw(found.losses_w.1)
    );
    match &found.loss {
        Err(why) => {
            let _ = writeln!(text, "  when it is lost: {}", screen::wrap(why, 110, 4));
        }
        Ok(loss) => {
            let unit = loss.largest_unit.map_or_else(String::new, |(generator, output_w)| {
                let share = 100.0 * found.campus_w / output_w.max(1.0);
                let bus = number(network.generators.bus[generator]);
                format!("; the largest unit (bus {bus}) runs at {} MW: the loss is {share:.0} % of that", mw(output_w))
            });
            let _ = writeln!(text, "  when it is lost: {} MW too much at once{unit}", mw(found.campus_w));
            let _ = writeln!(
                text,
                "    voltage there {:.4} to {:.4}; largest rise {:.4} at bus {}; {} buses above their band, {} branches newly overloaded",
                loss.voltage_share.0,
                loss.voltage_share.1,
                loss.most_rise.1,
                number(loss.most_rise.0),
                loss.high.len(),
                loss.overloads.len()
            );
            for (branch, loading) in loss.overloads.iter().take(ROWS) {
                let _ = writeln!(text, "    {} at {:.1} %", network.branch_name(*branch), 100.0 * loading);
            }
            if !loss.overloads.is_empty() {
                text.push_str(&losses::ratings_page(network));
            }
        }
    }
    text
}

fn headroom_json(network: &Network, found: &Headroom, power_factor: f64) -> Value {
    let number = |bus: usize| network.buses.number[bus];
    let loss = match &found.loss {
        Err(why) => json!({ "unsolved": why }),
        Ok(loss) => json!({
            "largest_unit_mw": loss.largest_unit.map(|(_, output_w)| output_w / 1e6),
            "voltage_before_pu": loss.voltage_share.0,
            "voltage_after_pu": loss.voltage_share.1,
            "largest_rise_pu": loss.most_rise.1,
            "largest_rise_bus": number(loss.most_rise.0),
            "high_buses": loss.high.iter().map(|(bus, _)| number(*bus)).collect::<Vec<_>>(),
            "overloads": loss.overloads.iter().map(|(b, l)| json!({ "branch": b + 1, "loading": l })).collect::<Vec<_>>(),
        }),
    };
    json!({
        "bus": number(found.bus),
        "campus_mw": found.campus_w / 1e6,
        "power_factor": power_factor,
        "stop": stop_words(network, &found.stop),
        "voltage_without_pu": found.voltage_share.0,
        "voltage_with_pu": found.voltage_share.1,
        "losses_without_mw": found.losses_w.0 / 1e6,
        "losses_with_mw": found.losses_w.1 / 1e6,
        "loss": loss,
    })
}
