//! What `tieline grid realtime` says of a day: sums, page, JSON and tables.
//!
//! Not modelled: a picture of the day.

use super::{Built, PER_HOUR, ROWS, Realtime, clock, why_words};
use crate::grid::{finite, mw};
use crate::screen;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use tieline_grid::realtime::interval::Limit;
use tieline_grid::realtime::{Day, Dispatched, Interval, Island, Order, limit_words};

/// Sums of a day.
struct Sums {
    usd: f64,
    load_mwh: f64,
    unserved_mwh: f64,
    curtailed_mwh: f64,
    reserve_short_mwh: f64,
    overload_mwh: f64,
    regulation_rms_w: f64,
    regulation_most_w: f64,
    /// Price at live buses, energy and congestion: least, mean as load pays it, most.
    price: [f64; 3],
    /// Price of energy alone, as at the reference: least, most.
    energy: [f64; 2],
    /// Orders by reason.
    orders: BTreeMap<&'static str, usize>,
    /// Binding intervals and mean price by limit.
    limits: Vec<(Limit, usize, f64)>,
}

/// Islands with load: in another, energy has no buyer and so no price.
fn served(interval: &Interval) -> impl Iterator<Item = &Island> {
    interval.islands.iter().filter(|island| island.load_w > 0.0)
}

fn served_w(interval: &Interval) -> f64 {
    served(interval).map(|island| island.load_w).sum()
}

/// Prices at the buses in an interval, energy and congestion together, $/MWh.
fn bus_prices(interval: &Interval) -> impl Iterator<Item = f64> {
    let look = &interval.look;
    let both = look.energy_usd_per_mwh.iter().zip(&look.congestion_usd_per_mwh);
    both.map(|(energy, congestion)| energy + congestion).filter(|price| price.is_finite())
}

/// What a megawatt-hour of load pays in an interval; nothing where there is no load.
fn load_price(interval: &Interval) -> Option<f64> {
    let load_w = served_w(interval);
    (load_w > 0.0).then(|| interval.paid_usd_per_h / (load_w / 1e6))
}

/// Mean price of energy in an interval, by load; nothing where there is no load.
fn mean_energy(interval: &Interval) -> Option<f64> {
    let load_w = served_w(interval);
    let usd: f64 = served(interval).map(|island| island.energy_usd_per_mwh * island.load_w).sum();
    (load_w > 0.0).then(|| usd / load_w)
}

fn sums(done: &Dispatched) -> Sums {
    let hours = 1.0 / PER_HOUR as f64;
    let count = done.intervals.len() as f64;
    let sum = |value: &dyn Fn(&Interval) -> f64| -> f64 { done.intervals.iter().map(value).sum::<f64>() + 0.0 };
    let energies = || done.intervals.iter().flat_map(served).map(|island| island.energy_usd_per_mwh);
    let prices = || done.intervals.iter().flat_map(bus_prices);
    let load_w = sum(&|i| i.load_w);
    let mut orders = BTreeMap::new();
    for order in &done.orders {
        *orders.entry(order.why.name()).or_insert(0) += 1;
    }
    let mut bound: BTreeMap<Limit, (usize, f64)> = BTreeMap::new();
    for interval in &done.intervals {
        for (limit, price) in &interval.look.binding {
            if let Limit::Flow { ahead: 0, .. } = limit {
                let entry = bound.entry(*limit).or_insert((0, 0.0));
                entry.0 += 1;
                entry.1 += price.abs();
            }
        }
    }
    let mut limits: Vec<(Limit, usize, f64)> =
        bound.into_iter().map(|(limit, (times, price))| (limit, times, price / times as f64)).collect();
    limits.sort_by(|a, b| (b.1 as f64 * b.2).total_cmp(&(a.1 as f64 * a.2)));
    Sums {
        usd: sum(&|i| i.usd_per_h) * hours,
        load_mwh: load_w * hours / 1e6,
        unserved_mwh: sum(&|i| i.look.unserved_w.iter().sum()) * hours / 1e6,
        curtailed_mwh: sum(&|i| i.curtailed_w) * hours / 1e6,
        reserve_short_mwh: sum(&|i| i.look.reserve_short_w) * hours / 1e6,
        overload_mwh: sum(&|i| i.look.overload_w.iter().map(|(_, by)| by).sum()) * hours / 1e6,
        regulation_rms_w: (sum(&|i| i.regulation_w * i.regulation_w) / count).sqrt(),
        regulation_most_w: done.intervals.iter().map(|i| i.regulation_w.abs()).fold(0.0, f64::max),
        price: [
            prices().fold(f64::INFINITY, f64::min),
            sum(&|i| i.paid_usd_per_h) / (sum(&served_w) / 1e6),
            prices().fold(f64::NEG_INFINITY, f64::max),
        ],
        energy: [energies().fold(f64::INFINITY, f64::min), energies().fold(f64::NEG_INFINITY, f64::max)],
        orders,
        limits,
    }
}

pub(super) fn page(built: &Built, day: &Day<'_>, done: &Dispatched, spent_s: f64) -> String {
    let sums = sums(done);
    let mut text = screen::heading(&format!("{}: dispatch every five minutes", built.title));
    let programs: u32 = done.intervals.iter().map(|i| i.look.rounds).sum();
    let gap = done.intervals.iter().map(|i| i.look.gap).fold(0.0, f64::max);
    let _ = writeln!(
        text,
        "  {} intervals, each looking {} ahead; {} programs in {spent_s:.2} s ({:.0} a second), largest gap {gap:.0e}",
        done.intervals.len(),
        day.ahead,
        programs,
        f64::from(programs) / spent_s.max(1e-9)
    );
    let _ = writeln!(
        text,
        "  generation costs {} $ for {} MWh of load (what is short is not in it)",
        screen::number(sums.usd),
        screen::number(sums.load_mwh)
    );
    let ([least, mean, most], [low, high]) = (sums.price, sums.energy);
    let islands = done.intervals.iter().map(|i| served(i).count()).max().unwrap_or(0);
    let parts = if islands > 1 { format!(", in {islands} islands") } else { String::new() };
    let _ = match islands {
        0 => writeln!(text, "  there is no load, so energy has no price"),
        _ => writeln!(
            text,
            "  load pays {mean:.2} $/MWh; buses {least:.2} to {most:.2}, of which energy {low:.2} to {high:.2}{parts}"
        ),
    };
    let _ = writeln!(
        text,
        "  short: {:.2} MWh of load, {:.2} MWh of reserve, {:.2} MWh of flow beyond limits; curtailed {:.1} MWh",
        sums.unserved_mwh, sums.reserve_short_mwh, sums.overload_mwh, sums.curtailed_mwh
    );
    let _ = writeln!(
        text,
        "  left to regulation: {} MW root mean square, {} MW at most",
        mw(sums.regulation_rms_w),
        mw(sums.regulation_most_w)
    );
    let _ = writeln!(text, "\nOrders: {}", done.orders.len());
    let mut rows = vec![["why", "orders"].map(String::from).to_vec()];
    rows.extend(sums.orders.iter().map(|(why, count)| vec![(*why).to_owned(), count.to_string()]));
    text.push_str(&screen::columns(2, &rows));
    if !sums.limits.is_empty() {
        text.push_str("\nCongestion, by what it cost\n");
        let mut rows = vec![["limit", "intervals", "mean $/MWh"].map(String::from).to_vec()];
        for (limit, times, price) in sums.limits.iter().take(ROWS) {
            rows.push(vec![limit_words(&built.network, limit), times.to_string(), format!("{price:.2}")]);
        }
        text.push_str(&screen::columns(2, &rows));
    }
    // Orders of the dearest interval that has some.
    let dearest = |t: usize| load_price(&done.intervals[t]).unwrap_or(f64::NEG_INFINITY);
    let at = done
        .orders
        .iter()
        .map(|order| order.interval)
        .max_by(|a, b| dearest(*a).total_cmp(&dearest(*b)).then(b.cmp(a)));
    if let Some(at) = at {
        let _ = writeln!(
            text,
            "\nOrders at {} (dearest for load, {:.2} $/MWh; all of them: --out)",
            clock(at),
            dearest(at)
        );
        let mut rows = vec![["unit", "MW", "to MW", "$/MWh", "why"].map(String::from).to_vec()];
        let mut there: Vec<&Order> = done.orders.iter().filter(|order| order.interval == at).collect();
        there.sort_by(|a, b| (b.to_w - b.from_w).abs().total_cmp(&(a.to_w - a.from_w).abs()));
        for order in there.into_iter().take(ROWS) {
            rows.push(vec![
                built.unit_name[order.unit].clone(),
                mw(order.from_w),
                mw(order.to_w),
                format!("{:.2}", order.price_usd_per_mwh),
                why_words(&built.network, order),
            ]);
        }
        text.push_str(&screen::columns(2, &rows));
    }
    text
}

/// Text as a cell of a CSV table: in quotes where it has to be.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The tables: orders, and prices by bus.
pub(super) fn tables(out: &Path, built: &Built, done: &Dispatched) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let mut orders = "time,unit,from_mw,to_mw,price_usd_per_mwh,why,words\n".to_owned();
    for order in &done.orders {
        let _ = writeln!(
            orders,
            "{},{},{:.3},{:.3},{:.4},{},{}",
            clock(order.interval),
            cell(&built.unit_name[order.unit]),
            order.from_w / 1e6,
            order.to_w / 1e6,
            order.price_usd_per_mwh,
            order.why.name(),
            cell(&why_words(&built.network, order))
        );
    }
    let mut prices = "time,bus,energy_usd_per_mwh,congestion_usd_per_mwh\n".to_owned();
    for (t, interval) in done.intervals.iter().enumerate() {
        let look = &interval.look;
        for (bus, number) in built.network.buses.number.iter().enumerate() {
            if look.energy_usd_per_mwh[bus].is_finite() {
                let (energy, congestion) = (look.energy_usd_per_mwh[bus], look.congestion_usd_per_mwh[bus]);
                let _ = writeln!(prices, "{},{number},{energy:.4},{congestion:.4}", clock(t));
            }
        }
    }
    for (name, content) in [("orders.csv", orders), ("prices.csv", prices)] {
        let path = out.join(name);
        std::fs::write(&path, content).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

pub(super) fn to_json(built: &Built, asked: &Realtime, done: &Dispatched) -> Value {
    let sums = sums(done);
    let intervals: Vec<Value> = done
        .intervals
        .iter()
        .enumerate()
        .map(|(t, interval)| {
            let look = &interval.look;
            let islands: Vec<f64> = served(interval).map(|island| island.energy_usd_per_mwh).collect();
            json!({
                "time": clock(t),
                "load_mw": interval.load_w / 1e6,
                "expected_load_mw": interval.expected_load_w / 1e6,
                "regulation_mw": interval.regulation_w / 1e6,
                "curtailed_mw": interval.curtailed_w / 1e6,
                "unserved_mw": look.unserved_w.iter().sum::<f64>() / 1e6,
                "load_price_usd_per_mwh": load_price(interval).and_then(finite),
                "energy_usd_per_mwh": mean_energy(interval).and_then(finite),
                "island_energy_usd_per_mwh": islands,
                "reserve_usd_per_mwh": look.reserve_usd_per_mwh,
                "cost_usd_per_h": interval.usd_per_h,
                "binding": look.binding.iter().filter(|(limit, _)| matches!(limit, Limit::Flow { ahead: 0, .. }))
                    .map(|(limit, price)| json!({
                        "limit": limit_words(&built.network, limit),
                        "shadow_usd_per_mwh": price.abs(),
                    })).collect::<Vec<Value>>(),
            })
        })
        .collect();
    json!({
        "schema": 1,
        "study": "realtime",
        "case": built.title,
        "seed": asked.seed,
        "cost_usd": sums.usd,
        "load_mwh": sums.load_mwh,
        "load_price_usd_per_mwh": finite(sums.price[1]),
        "unserved_mwh": sums.unserved_mwh,
        "curtailed_mwh": sums.curtailed_mwh,
        "reserve_short_mwh": sums.reserve_short_mwh,
        "overload_mwh": sums.overload_mwh,
        "regulation_rms_mw": sums.regulation_rms_w / 1e6,
        "regulation_most_mw": sums.regulation_most_w / 1e6,
        "orders": sums.orders,
        "intervals": intervals,
    })
}
