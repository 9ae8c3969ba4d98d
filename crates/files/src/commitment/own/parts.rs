//! Reserve, fuels, units, renewables, storages and services of a commitment case.
//!
//! Not modelled: anything that `tieline_grid::commitment` does not model.

use super::fields::{POSITIVE, PRODUCTS};
use super::{Frame, Spans, bus, name, one_a_step, series, steps};
use crate::scenario::nearest;
use crate::scenario::sheet::Sheet;
use tieline_grid::commitment::{
    Area, Burns, Fuel, Offer, Other, Problem, Renewable, Reserve, Services, Start, State, Store, Unit,
};

pub(super) fn reserve(sheet: &Sheet<'_, '_>, frame: &Frame) -> Reserve {
    Reserve {
        required_w: series(sheet, frame, "required", POSITIVE).unwrap_or_default(),
        contingency: sheet.number("contingency"),
        short_usd_per_j: sheet.number("short_price"),
    }
}

pub(super) fn fuels(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem, spans: &mut Spans) {
    for sheet in &root.tables("fuel") {
        let name = name(sheet, problem.fuels.iter().map(|fuel| &fuel.name));
        let per_step = match (sheet.numbers("per_step"), sheet.text("column")) {
            (None, None) => {
                if !sheet.has("per_step") && !sheet.has("column") {
                    let expected = "a list of numbers (fuel that it gives in each step)";
                    sheet.wrong("per_step", "nothing", expected, "the key is missing");
                }
                Vec::new()
            }
            (Some(list), None) => list,
            (Some(_), Some(_)) => {
                sheet.wrong("column", "a column beside a list", "one of per_step and column", "");
                Vec::new()
            }
            (None, Some(column)) => match frame.columns.iter().find(|known| known.0 == column) {
                Some((_, values)) => values.clone(),
                None => match column.trim().parse::<f64>() {
                    Ok(number) if number.is_finite() => vec![number; frame.steps.unwrap_or(0)],
                    _ => {
                        let near = nearest(&column, frame.columns.iter().map(|known| known.0.as_str()));
                        let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
                        let expected = "a column of the file named by series, or a number";
                        sheet.wrong("column", &format!("\"{column}\""), expected, &hint);
                        Vec::new()
                    }
                },
            },
        };
        if sheet.has("per_step") || sheet.has("column") {
            one_a_step(sheet, frame, if sheet.has("per_step") { "per_step" } else { "column" }, per_step.len());
        }
        problem.fuels.push(Fuel { name, per_step });
        spans.fuels.push(sheet.span.clone());
    }
}

pub(super) fn units(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem, spans: &mut Spans) {
    let mut known = std::collections::BTreeSet::new();
    for sheet in &root.tables("unit") {
        let own = sheet.word("name");
        if !own.is_empty() && !known.insert(own.clone()) {
            sheet.wrong("name", &format!("\"{own}\" a second time"), "a name of its own", "");
        }
        let unit = unit(sheet, frame, own, problem);
        problem.units.push(unit);
        spans.units.push(sheet.span.clone());
    }
}

fn unit(sheet: &Sheet<'_, '_>, frame: &Frame, name: String, problem: &Problem) -> Unit {
    let (least_w, most_w) = (sheet.si("least"), sheet.si("most"));
    let up_w = sheet.number("up").unwrap_or(most_w);
    let down_w = sheet.number("down").unwrap_or(most_w);
    let room = |ramp_w: f64| least_w.max(ramp_w).min(most_w.max(least_w));
    let first = sheet.table("first");
    let on = first.flag("on", false);
    if !first.has("on") && sheet.has("first") {
        first.wrong("on", "nothing", "true or false (on or off before the first step)", "the key is missing");
    }
    let output_w = first.number("output").unwrap_or(if on { least_w } else { 0.0 });
    let (curve, per_output) = curve(sheet, least_w, most_w);
    let starts = sheet.tables("start");
    Unit {
        name,
        bus: bus(sheet, frame),
        least_w,
        most_w,
        up_w,
        down_w,
        begin_w: sheet.number("begin").unwrap_or_else(|| room(up_w)),
        end_w: sheet.number("end").unwrap_or_else(|| room(down_w)),
        least_up: steps(sheet, frame, "least_up"),
        least_down: steps(sheet, frame, "least_down"),
        ordered: orders(sheet, frame),
        curve,
        starts: starts
            .iter()
            .map(|start| Start {
                off: steps(start, frame, "after"),
                usd: start.si("cost"),
                fuel: start.number("fuel").unwrap_or(0.0),
            })
            .collect(),
        stop_usd: sheet.number("stop_cost").unwrap_or(0.0),
        first: State { on, steps: steps(&first, frame, "since"), output_w },
        first_spare_w: 0.0,
        burns: sheet.has("burns").then(|| burns(sheet, per_output, problem)),
        offer: offer(&sheet.table("offer")),
    }
}

/// The cost curve, and at how many outputs it is given.
fn curve(sheet: &Sheet<'_, '_>, least_w: f64, most_w: f64) -> (Vec<(f64, f64)>, usize) {
    if sheet.has("cost") {
        for key in ["output_mw", "output_w", "cost_usd_per_h"] {
            if sheet.has(key) {
                sheet.wrong(key, "a curve beside cost", "one of them", "cost is one price at all outputs");
            }
        }
        let (usd_per_j, fixed) = (sheet.si("cost"), sheet.number("fixed_usd_per_h").unwrap_or(0.0));
        let at = |output_w: f64| (output_w, fixed + usd_per_j * output_w * 3600.0);
        let curve = if most_w > least_w { vec![at(least_w), at(most_w)] } else { vec![at(least_w)] };
        let points = curve.len();
        return (curve, points);
    }
    if sheet.has("fixed_usd_per_h") {
        sheet.wrong(
            "fixed_usd_per_h",
            "a fixed cost without cost",
            "cost beside it",
            "a curve says it at its least output",
        );
    }
    let outputs_w: Option<Vec<f64>> = match (sheet.has("output_mw"), sheet.has("output_w")) {
        (true, true) => {
            sheet.wrong("output_w", "a second list of outputs", "one of output_mw and output_w", "");
            None
        }
        (false, true) => sheet.numbers("output_w"),
        (true, false) => sheet.numbers("output_mw").map(|list| list.iter().map(|mw| mw * 1e6).collect()),
        (false, false) => {
            let expected = "cost (\"22 $/MWh\"), or output_mw and cost_usd_per_h";
            sheet.wrong("cost", "nothing", expected, "the key is missing");
            return (Vec::new(), 0);
        }
    };
    if !sheet.has("cost_usd_per_h") {
        sheet.wrong("cost_usd_per_h", "nothing", "a list of numbers, $/h, one an output", "the key is missing");
    }
    let (Some(outputs_w), Some(usd)) = (outputs_w, sheet.numbers("cost_usd_per_h")) else { return (Vec::new(), 0) };
    if outputs_w.len() != usd.len() || usd.is_empty() {
        let expected = format!("as many as outputs, {} (at least 1)", outputs_w.len());
        sheet.wrong("cost_usd_per_h", &format!("{} numbers", usd.len()), &expected, "");
    }
    (outputs_w.iter().copied().zip(usd.iter().copied()).collect(), outputs_w.len())
}

/// Orders, step by step.
fn orders(sheet: &Sheet<'_, '_>, frame: &Frame) -> Vec<Option<bool>> {
    let texts = sheet.texts("orders");
    if sheet.flag("must_run", false) {
        if sheet.has("orders") {
            sheet.wrong("orders", "orders beside must_run", "one of them", "");
        }
        return vec![Some(true); frame.steps.unwrap_or(0)];
    }
    let mut orders = Vec::new();
    for sign in texts.iter().flat_map(|text| text.chars()) {
        match sign {
            '#' => orders.push(Some(true)),
            '.' => orders.push(Some(false)),
            '-' => orders.push(None),
            other => {
                sheet.wrong(
                    "orders",
                    &format!("the character '{other}'"),
                    "# (on), . (off) or - (free) for each step",
                    "",
                );
                return Vec::new();
            }
        }
    }
    if sheet.has("orders") {
        one_a_step(sheet, frame, "orders", orders.len());
    }
    orders
}

/// A supply by name.
fn supply(sheet: &Sheet<'_, '_>, problem: &Problem) -> Option<usize> {
    let wanted = sheet.text("supply")?;
    let found = problem.fuels.iter().position(|fuel| fuel.name == wanted);
    if found.is_none() {
        let near = nearest(&wanted, problem.fuels.iter().map(|fuel| fuel.name.as_str()));
        let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
        sheet.wrong("supply", &format!("\"{wanted}\""), "the name of a [[fuel]]", &hint);
    }
    found
}

fn burns(unit: &Sheet<'_, '_>, outputs: usize, problem: &Problem) -> Burns {
    let sheet = unit.table("burns");
    let per_h = sheet.numbers("per_h").unwrap_or_default();
    if sheet.has("per_h") && per_h.len() != outputs {
        sheet.wrong("per_h", &format!("{} numbers", per_h.len()), &format!("as many as outputs, {outputs}"), "");
    }
    let other = sheet.has("other").then(|| {
        let other = sheet.table("other");
        Other {
            supply: supply(&other, problem),
            usd: other.si("fuel_usd"),
            blends: other.flag("blends", false),
            switches: other.flag("switches", false),
            first: other.flag("first", false),
        }
    });
    Burns { supply: supply(&sheet, problem), per_h, usd: sheet.number("fuel_usd").unwrap_or(0.0), other }
}

fn offer(sheet: &Sheet<'_, '_>) -> Offer {
    let regulation = sheet.has("regulation").then(|| {
        let regulation = sheet.table("regulation");
        (regulation.si("least"), regulation.si("most"), regulation.si("per_minute"))
    });
    Offer {
        regulation,
        spinning_w: sheet.number("spinning").unwrap_or(f64::INFINITY),
        non_spinning_w: sheet.number("non_spinning"),
        supplemental_off_w: sheet.number("supplemental_off"),
        supplemental_w: sheet.number("supplemental").unwrap_or(f64::INFINITY),
    }
}

pub(super) fn renewables(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem, spans: &mut Spans) {
    for sheet in &root.tables("renewable") {
        let name = name(sheet, problem.renewables.iter().map(|renewable| &renewable.name));
        let least = series(sheet, frame, "least", POSITIVE);
        let most = series(sheet, frame, "most", POSITIVE);
        if !["most", "most_mw", "most_w"].iter().any(|key| sheet.has(key)) {
            sheet.wrong(
                "most_mw",
                "nothing",
                "a list of numbers (what can be taken, MW, one a step)",
                "the key is missing",
            );
        }
        let none = || vec![0.0; frame.steps.unwrap_or(0)];
        problem.renewables.push(Renewable {
            name,
            bus: bus(sheet, frame),
            least_w: least.unwrap_or_else(none),
            most_w: most.unwrap_or_default(),
        });
        spans.renewables.push(sheet.span.clone());
    }
}

pub(super) fn stores(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem, spans: &mut Spans) {
    for sheet in &root.tables("store") {
        let name = name(sheet, problem.stores.iter().map(|store| &store.name));
        let (discharge_w, first_j) = (sheet.si("discharge"), sheet.si("first"));
        problem.stores.push(Store {
            name,
            bus: bus(sheet, frame),
            charge_w: sheet.number("charge").unwrap_or(discharge_w),
            discharge_w,
            energy_j: sheet.si("energy"),
            floor_j: sheet.number("floor").unwrap_or(0.0),
            charge_efficiency: sheet.si("charge_efficiency"),
            discharge_efficiency: sheet.si("discharge_efficiency"),
            keep: sheet.number("keep").unwrap_or(1.0),
            first_j,
            last_j: sheet.number("last").unwrap_or(first_j),
            inflow_w: series(sheet, frame, "inflow", POSITIVE).unwrap_or_default(),
            charge_usd_per_j: sheet.number("charge_price").unwrap_or(0.0),
            discharge_usd_per_j: sheet.number("discharge_price").unwrap_or(0.0),
        });
        spans.stores.push(sheet.span.clone());
    }
}

pub(super) fn services(root: &Sheet<'_, '_>, frame: &Frame, problem: &Problem, spans: &mut Spans) -> Option<Services> {
    if !root.has("services") {
        return None;
    }
    let sheet = root.table("services");
    let mut services = Services::default();
    for (price, product) in services.short_usd_per_j.iter_mut().zip(PRODUCTS) {
        *price = sheet.number(&format!("{product}_price")).unwrap_or(f64::INFINITY);
    }
    for area in &sheet.tables("area") {
        let mut members: Vec<usize> = Vec::new();
        for wanted in area.texts("members") {
            match problem.units.iter().position(|unit| unit.name == wanted) {
                Some(unit) => members.push(unit),
                None => {
                    let near = nearest(&wanted, problem.units.iter().map(|unit| unit.name.as_str()));
                    let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
                    area.wrong("members", &format!("\"{wanted}\""), "names of units", &hint);
                }
            }
        }
        if !area.has("members") {
            members = (0..problem.units.len()).collect();
        }
        let required_w = PRODUCTS.map(|product| series(area, frame, product, POSITIVE).unwrap_or_default());
        services.areas.push(Area {
            name: name(area, services.areas.iter().map(|area| &area.name)),
            members,
            required_w,
        });
        spans.areas.push(area.span.clone());
    }
    Some(services)
}
