//! The network of a commitment case: what a DC flow uses of buses and branches.
//!
//! Not modelled: reactive power, voltages, charging, limits of angles; generators of the network itself.

use super::{Frame, name, series};
use crate::scenario::sheet::Sheet;
use tieline_grid::commitment::{DcLine, Lines};
use tieline_grid::network::direct::Convention;
use tieline_grid::network::{BusKind, Network};

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// Adds a bus of which only number and kind are known.
pub(in crate::commitment) fn add_bus(network: &mut Network, number: u64, kind: BusKind) {
    let buses = &mut network.buses;
    buses.number.push(number);
    buses.kind.push(kind);
    for nothing in [&mut buses.load_w, &mut buses.load_var, &mut buses.shunt_w, &mut buses.shunt_var] {
        nothing.push(0.0);
    }
    buses.voltage_share.push(1.0);
    buses.angle_rad.push(0.0);
    buses.nominal_v.push(0.0);
    buses.most_share.push(f64::INFINITY);
    buses.least_share.push(0.0);
}

/// What a DC flow wants to know of a branch.
#[derive(Clone, Copy, Debug)]
pub(in crate::commitment) struct Branch {
    pub from: usize,
    pub to: usize,
    pub r_pu: f64,
    pub x_pu: f64,
    /// Nothing or infinity where there is no limit.
    pub rating_w: f64,
    pub tap: f64,
    pub shift_rad: f64,
    pub in_service: bool,
}

/// Adds a branch.
pub(in crate::commitment) fn add_branch(network: &mut Network, branch: Branch) {
    let out = &mut network.branches;
    out.from.push(branch.from);
    out.to.push(branch.to);
    out.r_pu.push(branch.r_pu);
    out.x_pu.push(branch.x_pu);
    out.charging_pu.push(0.0);
    out.rating_va.push(branch.rating_w);
    out.tap.push(branch.tap);
    out.shift_rad.push(branch.shift_rad);
    out.in_service.push(branch.in_service);
    out.least_angle_rad.push(f64::NEG_INFINITY);
    out.most_angle_rad.push(f64::INFINITY);
}

/// Load of all buses, W, step by step.
pub(in crate::commitment) fn total(buses: &[Vec<f64>], steps: usize) -> Vec<f64> {
    let mut total = vec![0.0; steps];
    for bus in buses {
        total.iter_mut().zip(bus).for_each(|(sum, load)| *sum += load);
    }
    total
}

/// Reads the network, where there is one, and tells the frame its buses.
pub(super) fn lines(root: &Sheet<'_, '_>, frame: &mut Frame) -> Option<Lines> {
    if !["network", "bus", "branch"].iter().any(|key| root.has(key)) {
        return None;
    }
    for key in ["network", "bus", "branch"] {
        if !root.has(key) {
            root.wrong(key, "nothing", "[network], [[bus]] and [[branch]] together", "a network needs all three");
        }
    }
    let head = root.table("network");
    let mut network = Network {
        name: head.text("name").unwrap_or_else(|| "commitment".to_owned()),
        base_va: head.number("base").unwrap_or(1e8),
        ..Network::default()
    };
    let pm = head.text("convention").is_some_and(|word| word == "pm");
    let mut load_w = Vec::new();
    let mut references = 0;
    for sheet in &root.tables("bus") {
        let number = sheet.number("number").map(|number| number as u64);
        if let Some(number) = number.filter(|number| frame.buses.contains(number)) {
            sheet.wrong("number", &format!("bus {number} a second time"), "a number of its own", "");
        }
        let reference = sheet.flag("reference", false);
        references += usize::from(reference);
        let kind = if reference { BusKind::Reference } else { BusKind::Load };
        add_bus(&mut network, number.unwrap_or(0), kind);
        if let (Some(shunt_w), Some(last)) = (sheet.number("shunt"), network.buses.shunt_w.last_mut()) {
            *last = shunt_w;
        }
        frame.buses.push(number.unwrap_or(0));
        let none = || vec![0.0; frame.steps.unwrap_or(0)];
        load_w.push(series(sheet, frame, "load", ANY).unwrap_or_else(none));
    }
    if references != 1 && !frame.buses.is_empty() {
        root.wrong("bus", &format!("{references} buses with reference = true"), "one", "");
    }
    for sheet in &root.tables("branch") {
        let end = |key: &str| end(sheet, frame, key);
        let shift_rad = match (sheet.number("shift_deg"), sheet.number("shift_rad")) {
            (Some(_), Some(_)) => {
                sheet.wrong("shift_rad", "a second shift", "one of shift_deg and shift_rad", "");
                0.0
            }
            (Some(degrees), None) => degrees.to_radians(),
            (None, shift_rad) => shift_rad.unwrap_or(0.0),
        };
        let rating_w = sheet.number("rating").unwrap_or(0.0);
        if rating_w.is_nan() {
            sheet.wrong("rating", "\"silent\"", "a power, or \"none\"", "");
        }
        let branch = Branch {
            from: end("from"),
            to: end("to"),
            r_pu: sheet.number("r").unwrap_or(0.0),
            x_pu: sheet.si("x"),
            rating_w,
            tap: sheet.number("tap").unwrap_or(1.0),
            shift_rad,
            in_service: sheet.flag("in_service", true),
        };
        add_branch(&mut network, branch);
    }
    let convention = if pm { Convention::Pm } else { Convention::Mp };
    let mut links: Vec<DcLine> = Vec::new();
    for sheet in &root.tables("dc_line") {
        links.push(DcLine {
            name: name(sheet, links.iter().map(|link| &link.name)),
            from: end(sheet, frame, "from"),
            to: end(sheet, frame, "to"),
            most_w: sheet.si("limit"),
        });
    }
    Some(Lines { network, convention, load_w, links })
}

/// The bus that a key of a branch names by its number.
fn end(sheet: &Sheet<'_, '_>, frame: &Frame, key: &str) -> usize {
    let Some(number) = sheet.number(key).map(|number| number as u64) else { return 0 };
    frame.buses.iter().position(|known| *known == number).unwrap_or_else(|| {
        let expected = format!("the number of one of the {} buses", frame.buses.len());
        sheet.wrong(key, &number.to_string(), &expected, "");
        0
    })
}
