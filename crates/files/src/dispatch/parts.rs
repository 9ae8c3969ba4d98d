//! The units, storages and links of a grid case.
//!
//! Not modelled: anything that `tieline_grid::fleet` and `tieline_grid::renewables` do not model.

use super::{Frame, column, name, zone};
use crate::scenario::sheet::Sheet;
use tieline_grid::dispatch::{Ends, Machines, Problem};
use tieline_grid::fleet::{self, Mover};
use tieline_grid::renewables;
use tieline_units::asset_of;

/// Temperatures at which units (ISO 2314) and lines (guess: a usual summer day) have their full rating, °C.
const UNIT_RATED_C: f64 = 15.0;
/// See `UNIT_RATED_C`.
const LINE_RATED_C: f64 = 25.0;

/// What is told of units besides the problem: accredited shares, and observed output in W.
type Told = (Vec<Option<f64>>, Vec<Option<Vec<f64>>>);

/// Shares of a unit's capacity: none may be above it.
fn within(sheet: &Sheet<'_, '_>, shares: Vec<f64>) -> Vec<f64> {
    const ROUNDING: f64 = 1e-9;
    if let Some(hour) = shares.iter().position(|share| *share > 1.0 + ROUNDING) {
        let found = format!("{:.4} of the capacity in hour {hour}", shares[hour]);
        let hint = "a column of shares follows the capacity, one of megawatts does not";
        sheet.wrong("profile", &found, "at most the capacity", hint);
    }
    shares.into_iter().map(|share| share.min(1.0)).collect()
}

/// Reads the units; returns the accredited share of each and what it was observed to give.
pub(super) fn units(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem) -> Told {
    let (mut elcc, mut observed_w) = (Vec::new(), Vec::new());
    for sheet in &root.tables("unit") {
        let own = name(sheet, &problem.units.name);
        // By its name: what stands before it in the file does not touch its luck.
        let asset = asset_of(&own);
        let capacity_w = sheet.si("capacity");
        let mut profile = match (sheet.has("profile"), sheet.text("shape")) {
            (true, Some(_)) => {
                sheet.wrong("shape", "a shape beside a column", "one of profile and shape", "");
                None
            }
            (true, None) => column(sheet, frame, "profile", Some(capacity_w)).map(|shares| within(sheet, shares)),
            (false, Some(shape)) => {
                let drawn = if shape == "sun" { renewables::sun } else { renewables::wind };
                Some(drawn(frame.start, frame.hours, frame.offset, &frame.draw, asset))
            }
            (false, None) => None,
        };
        let size_w = sheet.number("size").unwrap_or(capacity_w).max(1.0);
        let machines = (capacity_w / size_w).round().clamp(1.0, 10_000.0) as u32;
        let at_zone = zone(sheet, "zone", frame);
        let mut whole = up(sheet, frame, at_zone, machines, asset);
        if let Some(share) = sheet.number("planned").filter(|share| *share > 0.0) {
            let at = (frame.start, frame.offset);
            times(&mut whole, fleet::not_in_maintenance(at, frame.hours, machines, share, &frame.draw, asset));
        }
        if let Some(whole) = &whole {
            times(&mut profile, whole.clone());
        }
        if let Some(per_k) = sheet.number("derating") {
            times(&mut profile, ratings(sheet, frame, at_zone, per_k, UNIT_RATED_C));
        }
        if let Some(factor) = sheet.number("factor") {
            times(&mut profile, vec![factor; frame.hours]);
        }
        let committed = committed(sheet, machines, capacity_w).map(|machines| Machines {
            up: whole.map(|whole| {
                problem.profiles.push(whole);
                problem.profiles.len() - 1
            }),
            ..machines
        });
        elcc.push(sheet.number("elcc"));
        observed_w.push(if sheet.has("observed") { column(sheet, frame, "observed", None) } else { None });
        let units = &mut problem.units;
        units.profile.push(profile.map(|profile| {
            problem.profiles.push(profile);
            problem.profiles.len() - 1
        }));
        units.name.push(own);
        units.machines.push(committed);
        units.class.push(sheet.word("class"));
        units.zone.push(at_zone);
        units.capacity_w.push(capacity_w);
        units.cost_usd_per_j.push(sheet.si("cost"));
        units.kg_per_j.push(sheet.number("emissions_kg_per_mwh").unwrap_or(0.0) / 3.6e9);
    }
    (elcc, observed_w)
}

/// Multiplies shares hour by hour; without any, `more` stands alone.
fn times(shares: &mut Option<Vec<f64>>, more: Vec<f64>) {
    *shares = Some(match shares.take() {
        Some(own) => own.iter().zip(&more).map(|(own, share)| own * share).collect(),
        None => more,
    });
}

/// What commitment needs to know of a unit's machines; nothing where the unit does not say that they are on or off.
fn committed(sheet: &Sheet<'_, '_>, count: u32, capacity_w: f64) -> Option<Machines> {
    if !["least", "start_cost", "least_up", "least_down"].iter().any(|key| sheet.has(key)) {
        return None;
    }
    let each_w = capacity_w / f64::from(count);
    let least_w = sheet.number("least").unwrap_or(0.0);
    if least_w > each_w * (1.0 + 1e-9) {
        let expected = format!("at most what one of its {count} machines gives, {:.3} MW", each_w / 1e6);
        sheet.wrong("least", &format!("{:.3} MW", least_w / 1e6), &expected, "it is of one machine, as size is");
    }
    let steps = |key: &str| (sheet.number(key).unwrap_or(0.0) / 3600.0).ceil() as usize;
    Some(Machines {
        count,
        up: None,
        least: (least_w / each_w.max(1.0)).min(1.0),
        start_usd: sheet.number("start_cost").unwrap_or(0.0),
        least_up: steps("least_up"),
        least_down: steps("least_down"),
    })
}

/// The share of a unit's machines that are not on repair: at a rate of its own, or at its mover's in the weather.
fn up(sheet: &Sheet<'_, '_>, frame: &Frame, zone: usize, machines: u32, asset: u32) -> Option<Vec<f64>> {
    let (outage, repair) = (sheet.number("outage"), sheet.number("repair"));
    let mover = sheet.text("mover").and_then(|name| Mover::named(&name));
    if sheet.has("outage") && sheet.has("mover") {
        sheet.wrong("mover", "a mover beside an outage", "one of them: a mover brings its own rate", "");
    }
    if (sheet.has("outage") || sheet.has("mover")) != sheet.has("repair") {
        sheet.wrong("outage", "one of outage and repair", "both, or neither", "a mover wants a repair too");
    }
    let singly = ["outage", "mover", "planned", "least", "start_cost", "least_up", "least_down"];
    if sheet.has("size") && !singly.iter().any(|key| sheet.has(key)) {
        sheet.wrong(
            "size",
            "a size without an outage",
            "what machines of this size do on their own: outage, mover, planned, least, start_cost, least_up, least_down",
            "",
        );
    }
    let repair_h = repair? / 3600.0;
    if let Some(mover) = mover {
        let ambient_c = climate_of(sheet, "mover", frame, zone)?;
        let rates: Vec<f64> = ambient_c.iter().map(|ambient_c| mover.outage(*ambient_c)).collect();
        return Some(fleet::machines_up(machines, &rates, repair_h, &frame.draw, asset));
    }
    let outage = outage.filter(|outage| *outage > 0.0)?;
    Some(renewables::machines_up(frame.hours, machines, outage, repair_h, &frame.draw, asset))
}

/// The temperature of a zone, or a mistake at the key that needs it.
fn climate_of<'f>(sheet: &Sheet<'_, '_>, key: &str, frame: &'f Frame, zone: usize) -> Option<&'f [f64]> {
    let ambient_c = frame.ambient_c.get(zone).filter(|ambient_c| !ambient_c.is_empty());
    if ambient_c.is_none() {
        sheet.wrong(key, "a zone without a climate", "climate = \"pjm\" or \"memphis\" in its zone", "");
    }
    ambient_c.map(Vec::as_slice)
}

/// What the weather leaves of a rating, hour by hour.
fn ratings(sheet: &Sheet<'_, '_>, frame: &Frame, zone: usize, per_k: f64, from_c: f64) -> Vec<f64> {
    let ambient_c = climate_of(sheet, "derating", frame, zone).unwrap_or_default();
    let mut shares: Vec<f64> = ambient_c.iter().map(|ambient_c| fleet::rating(*ambient_c, per_k, from_c)).collect();
    shares.resize(frame.hours, 1.0);
    shares
}

/// Reads the storages; returns the accredited share of each, where it is told.
pub(super) fn stores(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem) -> Vec<Option<f64>> {
    let mut elcc = Vec::new();
    for sheet in &root.tables("store") {
        let own = name(sheet, &problem.stores.name);
        let (power_w, energy_j) = (sheet.si("power"), sheet.si("energy"));
        let (first, last) = (sheet.number("first"), sheet.number("last"));
        if sheet.has("first") != sheet.has("last") {
            sheet.wrong("first", "one of first and last", "both, or neither for a storage that ends as it began", "");
        }
        for (key, value) in [("first", first), ("last", last)] {
            if value.is_some_and(|value| value > energy_j) {
                sheet.wrong(key, "more than it holds", "at most its energy", "");
            }
        }
        let inflow = if sheet.has("inflow") { column(sheet, frame, "inflow", Some(power_w)) } else { None };
        elcc.push(sheet.number("elcc"));
        let stores = &mut problem.stores;
        stores.inflow.push(inflow.map(|inflow| {
            problem.profiles.push(inflow);
            problem.profiles.len() - 1
        }));
        stores.name.push(own);
        stores.zone.push(zone(sheet, "zone", frame));
        stores.charge_w.push(sheet.number("charge_power").unwrap_or(power_w));
        stores.discharge_w.push(power_w);
        stores.energy_j.push(energy_j);
        stores.charge_efficiency.push(sheet.si("charge_efficiency"));
        stores.discharge_efficiency.push(sheet.si("discharge_efficiency"));
        stores.keep.push(1.0 - sheet.number("loss").unwrap_or(0.0));
        stores.ends.push(match (first, last) {
            (Some(first_j), Some(last_j)) => Ends::Fixed { first_j, last_j },
            _ => Ends::Cyclic,
        });
    }
    elcc
}

/// Reads the links.
pub(super) fn links(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem) {
    for sheet in &root.tables("link") {
        let own = name(sheet, &problem.links.name);
        let limit_w = sheet.si("limit");
        let (from, to) = (zone(sheet, "from", frame), zone(sheet, "to", frame));
        if from == to && sheet.has("from") && sheet.has("to") {
            sheet.wrong("to", "the zone that it begins in", "another zone", "");
        }
        let rating = sheet.number("derating").map(|per_k| {
            problem.profiles.push(ratings(sheet, frame, from, per_k, LINE_RATED_C));
            problem.profiles.len() - 1
        });
        let links = &mut problem.links;
        links.name.push(own);
        links.from.push(from);
        links.to.push(to);
        links.forward_w.push(limit_w);
        links.rating.push(rating);
        links.backward_w.push(sheet.number("backward").unwrap_or(limit_w));
    }
}
