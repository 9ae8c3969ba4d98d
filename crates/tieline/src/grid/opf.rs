//! `tieline grid opf`: the page and the JSON of a DC optimal power flow.
//!
//! Not modelled: a picture of the prices.

use super::{Opf, finite, mw, source, tell};
use crate::{Verdict, screen};
use anyhow::Result;
use serde_json::{Value, json};
use std::f64::consts::PI;
use std::fmt::Write as _;
use tieline_grid::network::direct::Convention;
use tieline_grid::network::optimum::{self, Binding, Gives, Optimum, Outcome, Relief};
use tieline_grid::network::{BusKind, Network};

/// Rows of each list on the page.
const ROWS: usize = 8;

/// Solves and tells; an impossible question is a No with its reasons.
///
/// # Errors
/// A file that cannot be read or written.
pub fn opf(asked: &Opf) -> Result<Verdict> {
    let Some(network) = &source::network(&asked.case, asked.hour)? else { return Ok(Verdict::No) };
    let convention = Convention::from(asked.convention);
    match optimum::solve(network, convention) {
        Ok(Outcome::Solved(found)) => {
            let text = page(network, convention, &found);
            tell(&asked.wants, "opf", &text, &to_json(network, convention, &found), Verdict::Yes)
        }
        Ok(Outcome::Infeasible(relief)) => {
            let text = relief_page(network, convention, &relief);
            tell(&asked.wants, "opf", &text, &relief_json(network, convention, &relief), Verdict::No)
        }
        Err(why) => {
            eprintln!("tieline: {}: {why}", asked.case.display());
            Ok(Verdict::No)
        }
    }
}

/// Words for a limit that binds.
fn binding_words(network: &Network, binding: &Binding) -> String {
    let b = &network.branches;
    let (from, to) = (b.from[binding.branch], b.to[binding.branch]);
    let (from, to) = if binding.forward { (from, to) } else { (to, from) };
    format!("branch {} ({}->{})", binding.branch + 1, network.buses.number[from], network.buses.number[to])
}

fn page(network: &Network, convention: Convention, found: &Optimum) -> String {
    let mut text =
        screen::heading(&format!("{}: DC optimal power flow, convention {}", network.name, convention.name()));
    let output_w: f64 = found.output_w.iter().sum();
    let _ = writeln!(
        text,
        "  cost {:.4} $/h for {} MW of load and shunts; {} {}, {} iterations",
        found.usd_per_h,
        mw(output_w),
        found.rounds,
        if found.rounds == 1 { "round" } else { "rounds" },
        found.iterations
    );
    let priced: Vec<usize> = (0..network.bus_count()).filter(|b| found.price_usd_per_mwh[*b].is_finite()).collect();
    let price = |bus: &usize| found.price_usd_per_mwh[*bus];
    let low = priced.iter().min_by(|a, b| price(a).total_cmp(&price(b)));
    let high = priced.iter().max_by(|a, b| price(a).total_cmp(&price(b)));
    if let (Some(low), Some(high)) = (low, high) {
        let number = |bus: &usize| network.buses.number[*bus];
        let _ = writeln!(
            text,
            "  price {} $/MWh (bus {}) to {} $/MWh (bus {}); energy {} $/MWh, congestion {} to {}",
            signless(price(low)),
            number(low),
            signless(price(high)),
            number(high),
            signless(found.energy_usd_per_mwh[*low]),
            signless(found.congestion_usd_per_mwh(*low)),
            signless(found.congestion_usd_per_mwh(*high))
        );
    }
    let isolated: Vec<usize> = (0..network.bus_count()).filter(|bus| !priced.contains(bus)).collect();
    if !isolated.is_empty() {
        let left_out_w: f64 = isolated.iter().map(|bus| network.buses.load_w[*bus]).sum();
        let _ = writeln!(text, "  {} isolated bus(es) left out with {} MW of load", isolated.len(), mw(left_out_w));
    }
    let (uncosted, running) = uncosted(network);
    if uncosted > 0 {
        let _ = writeln!(
            text,
            "  no cost is given for {uncosted} of {running} running generators: they count as free, and so do the prices"
        );
    }
    let rent: f64 = priced.iter().map(|bus| price(bus) * network.buses.load_w[*bus] / 1e6).sum::<f64>()
        - (0..found.output_w.len())
            .filter(|g| network.runs(*g))
            .map(|g| found.price_usd_per_mwh[network.generators.bus[g]] * found.output_w[g] / 1e6)
            .sum::<f64>();
    // Less than a cent is rounding, and has no sign.
    let rent = if rent.abs() < 0.005 { 0.0 } else { rent };
    let _ =
        writeln!(text, "  loads pay {rent:.2} $/h more than generators receive (congestion, and shunts taken as load)");
    text.push_str(&generation(network, found));
    if found.binding.is_empty() {
        text.push_str("\nCongestion: no branch binds\n");
        return text;
    }
    let _ = writeln!(text, "\nCongestion: {} branches bind; one more MW would save", found.binding.len());
    let mut rows = vec![["branch", "MW", "$/MWh", "limit"].map(String::from).to_vec()];
    for binding in found.binding.iter().take(ROWS) {
        rows.push(vec![
            binding_words(network, binding),
            mw(found.flow_w[binding.branch]),
            format!("{:.3}", binding.shadow_usd_per_mwh),
            if binding.by_angle { "angle" } else { "rating" }.to_owned(),
        ]);
    }
    text.push_str(&screen::columns(2, &rows));
    text
}

/// Running generators without a cost, and running generators.
fn uncosted(network: &Network) -> (usize, usize) {
    let running = || (0..network.generators.bus.len()).filter(|g| network.runs(*g));
    (running().filter(|g| network.generators.cost[*g].is_none()).count(), running().count())
}

/// Where an output stands between a generator's limits, by a share of them that a solver's rounding does not reach.
fn standing(network: &Network, found: &Optimum, unit: usize) -> &'static str {
    let (least_w, most_w) = (network.generators.least_w[unit], network.generators.most_w[unit]);
    let near_w = 1e-4 * (most_w - least_w).abs().max(1e6);
    match found.output_w[unit] {
        _ if most_w - least_w <= near_w => "fixed",
        output_w if output_w >= most_w - near_w => "at its most",
        output_w if output_w <= least_w + near_w => "at its least",
        _ => "between",
    }
}

/// Who generates: the largest outputs, and how many stand where.
fn generation(network: &Network, found: &Optimum) -> String {
    let mut running: Vec<usize> = (0..network.generators.bus.len()).filter(|g| network.runs(*g)).collect();
    running.sort_by(|a, b| found.output_w[*b].total_cmp(&found.output_w[*a]));
    let count = |word: &str| running.iter().filter(|unit| standing(network, found, **unit) == word).count();
    let mut text = format!(
        "\nGeneration: {} generators run, {} at their most, {} at their least, {} between (these set prices); the largest\n",
        running.len(),
        count("at its most"),
        count("at its least"),
        count("between")
    );
    let mut rows = vec![["generator", "bus", "MW", "least", "most", "price $/MWh", ""].map(String::from).to_vec()];
    for unit in running.iter().take(ROWS) {
        let bus = network.generators.bus[*unit];
        rows.push(vec![
            (unit + 1).to_string(),
            network.buses.number[bus].to_string(),
            mw(found.output_w[*unit]),
            mw(network.generators.least_w[*unit]),
            mw(network.generators.most_w[*unit]),
            signless(found.price_usd_per_mwh[bus]),
            standing(network, found, *unit).to_owned(),
        ]);
    }
    text.push_str(&screen::columns(2, &rows));
    text
}

/// A price with three digits; nothing has no sign.
fn signless(price: f64) -> String {
    format!("{:.3}", if price.abs() < 5e-4 { 0.0 } else { price })
}

fn to_json(network: &Network, convention: Convention, found: &Optimum) -> Value {
    let buses: Vec<Value> = (0..network.bus_count())
        .map(|bus| {
            json!({
                "number": network.buses.number[bus],
                "angle_deg": found.angle_rad[bus] * 180.0 / PI,
                "price_usd_per_mwh": finite(found.price_usd_per_mwh[bus]),
                "energy_usd_per_mwh": finite(found.energy_usd_per_mwh[bus]),
                "congestion_usd_per_mwh": finite(found.congestion_usd_per_mwh(bus)),
            })
        })
        .collect();
    let branches: Vec<Value> = (0..network.branches.from.len())
        .map(|branch| {
            json!({
                "from": network.buses.number[network.branches.from[branch]],
                "to": network.buses.number[network.branches.to[branch]],
                "flow_mw": found.flow_w[branch] / 1e6,
            })
        })
        .collect();
    let generators: Vec<Value> = (0..network.generators.bus.len())
        .map(|g| {
            json!({
                "generator": g + 1,
                "bus": network.buses.number[network.generators.bus[g]],
                "in_service": network.runs(g),
                "output_mw": found.output_w[g] / 1e6,
                "least_mw": finite(network.generators.least_w[g] / 1e6),
                "most_mw": finite(network.generators.most_w[g] / 1e6),
                "standing": if network.runs(g) { standing(network, found, g) } else { "off" },
            })
        })
        .collect();
    let binding: Vec<Value> = found
        .binding
        .iter()
        .map(|binding| {
            json!({
                "branch": binding.branch + 1,
                "forward": binding.forward,
                "limit": if binding.by_angle { "angle" } else { "rating" },
                "shadow_usd_per_mwh": binding.shadow_usd_per_mwh,
            })
        })
        .collect();
    json!({
        "schema": 1,
        "study": "opf",
        "case": network.name,
        "convention": convention.name(),
        "feasible": true,
        "solver": if found.gap.is_some() { "merit" } else { "clarabel" },
        "gap": found.gap,
        "cost_usd_per_h": found.usd_per_h,
        "buses": buses,
        "branches": branches,
        "generators": generators,
        "generators_without_cost": uncosted(network).0,
        "binding": binding,
    })
}

/// What gives, in words.
fn gives_words(network: &Network, what: Gives) -> String {
    match what {
        Gives::Rating(branch) => format!("the rating of {}", network.branch_name(branch)),
        Gives::Angle(branch) => format!("the angle limit of {}", network.branch_name(branch)),
        Gives::Load(bus) => format!("load at bus {} unserved", network.buses.number[bus]),
        Gives::Output(bus) => format!("least outputs at bus {}", network.buses.number[bus]),
    }
}

fn relief_page(network: &Network, convention: Convention, relief: &[Relief]) -> String {
    let mut text =
        screen::heading(&format!("{}: DC optimal power flow, convention {}", network.name, convention.name()));
    text.push_str("  impossible: no outputs serve all loads within all limits.\n");
    let sum = |values: &[f64]| -> f64 { (0..values.len()).filter(|g| network.runs(*g)).map(|g| values[g]).sum() };
    let (least_w, most_w) = (sum(&network.generators.least_w), sum(&network.generators.most_w));
    let drawn_w: f64 = (0..network.bus_count())
        .filter(|bus| network.buses.kind[*bus] != BusKind::Isolated)
        .map(|bus| network.buses.load_w[bus] + network.buses.shunt_w[bus])
        .sum();
    if drawn_w > most_w || drawn_w < least_w {
        let (word, bound_w) = if drawn_w > most_w { ("at most", most_w) } else { ("at least", least_w) };
        let _ = writeln!(text, "  Loads draw {} MW; running generators give {word} {} MW.", mw(drawn_w), mw(bound_w));
    }
    text.push_str("  The least that would have to give\n");
    text.push_str("  (a branch above its rating counts 1 a MW, load unserved or output unwanted 10):\n");
    let mut rows = vec![["what", "by MW"].map(String::from).to_vec()];
    for item in relief.iter().take(4 * ROWS) {
        rows.push(vec![gives_words(network, item.what), format!("{:.2}", item.by_w / 1e6)]);
    }
    text.push_str(&screen::columns(4, &rows));
    if relief.len() > 4 * ROWS {
        let _ = writeln!(text, "    and {} more", relief.len() - 4 * ROWS);
    }
    text
}

fn relief_json(network: &Network, convention: Convention, relief: &[Relief]) -> Value {
    let list: Vec<Value> = relief
        .iter()
        .map(|item| json!({ "what": gives_words(network, item.what), "by_mw": item.by_w / 1e6 }))
        .collect();
    json!({
        "schema": 1,
        "study": "opf",
        "case": network.name,
        "convention": convention.name(),
        "feasible": false,
        "must_give": list,
    })
}
