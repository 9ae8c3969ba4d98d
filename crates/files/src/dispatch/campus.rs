//! Campuses of a grid case: a load that gives way tier by tier at its price, and the tariff that bills it.
//!
//! A tier enters the problem as a unit of its zone: power that the campus does not draw is power that others can have.
//!
//! Not modelled: notice, ramps and least times of a curtailment, work that is made up for later.

use super::{Frame, name, zone};
use crate::scenario::nearest;
use crate::scenario::sheet::Sheet;
use core::ops::Range;
use tieline_grid::bill::Tariff;
use tieline_grid::dispatch::Problem;

/// The class under which curtailment is summed.
pub const CLASS: &str = "campus";

/// One tier of curtailment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tier {
    /// Draw given up in this tier alone, as a share of the power.
    pub depth: f64,
    /// Price, $/J.
    pub price_usd_per_j: f64,
}

/// A campus from outside, in place of the case's own.
#[derive(Clone, Debug, PartialEq)]
pub struct CampusLoad {
    /// Its name.
    pub name: String,
    /// Name of its zone.
    pub zone: String,
    /// Draw when nothing is curtailed, W.
    pub power_w: f64,
    /// Tiers, the cheapest first.
    pub tiers: Vec<Tier>,
    /// Name of its tariff.
    pub tariff: Option<String>,
}

/// A campus in a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: usize,
    /// Draw when nothing is curtailed, W.
    pub power_w: f64,
    /// Its tiers among the units.
    pub units: Range<usize>,
    /// Its tariff, and the area whose peaks count (empty: all zones).
    pub tariff: Option<(Tariff, String)>,
}

/// Reads the campuses and adds their load and tiers to the problem.
pub(super) fn campuses(
    root: &Sheet<'_, '_>,
    frame: &Frame,
    given: Option<&CampusLoad>,
    problem: &mut Problem,
) -> Vec<Named> {
    let tariffs = tariffs(root);
    let mut own: Vec<CampusLoad> = Vec::new();
    for sheet in &root.tables("campus") {
        let names: Vec<String> = own.iter().map(|campus| campus.name.clone()).collect();
        let tiers = tiers(sheet);
        let tariff = sheet.text("tariff");
        if let Some(wanted) = &tariff
            && !tariffs.iter().any(|known| known.0 == *wanted)
        {
            let near = nearest(wanted, tariffs.iter().map(|known| known.0.as_str()));
            let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
            sheet.wrong("tariff", &format!("\"{wanted}\""), "the name of a [[tariff]]", &hint);
        }
        let at = zone(sheet, "zone", frame);
        let zone = frame.zones.get(at).cloned().unwrap_or_default();
        own.push(CampusLoad { name: name(sheet, &names), zone, power_w: sheet.si("power"), tiers, tariff });
    }
    let place = |campus: &CampusLoad| {
        let zone = frame.zones.iter().position(|zone| *zone == campus.zone).unwrap_or_default();
        add(campus, zone, frame.hours, problem, &tariffs)
    };
    match given {
        Some(campus) => {
            if !frame.zones.contains(&campus.zone) {
                let expected = format!("a zone: {}", frame.zones.join(", "));
                root.wrong("zone", &format!("no zone \"{}\" for the campus", campus.zone), &expected, "");
            }
            if let Some(wanted) = campus.tariff.as_ref().filter(|wanted| !tariffs.iter().any(|t| t.0 == **wanted)) {
                root.wrong(
                    "tariff",
                    &format!("no tariff \"{wanted}\" for the campus"),
                    "a [[tariff]] of that name",
                    "",
                );
            }
            std::iter::once(campus).map(place).collect()
        }
        None => own.iter().map(place).collect(),
    }
}

fn tiers(sheet: &Sheet<'_, '_>) -> Vec<Tier> {
    let sheets = sheet.tables("tier");
    let tiers: Vec<Tier> =
        sheets.iter().map(|tier| Tier { depth: tier.si("depth"), price_usd_per_j: tier.si("price") }).collect();
    if tiers.iter().map(|tier| tier.depth).sum::<f64>() > 1.0 + 1e-9 {
        sheet.wrong("tier", "tiers that give up more than the campus draws", "depths that add up to at most 100 %", "");
    }
    if tiers.windows(2).any(|pair| pair[1].price_usd_per_j < pair[0].price_usd_per_j) {
        sheet.wrong("tier", "a tier that is cheaper than the one before", "the cheapest tier first", "");
    }
    tiers
}

fn tariffs(root: &Sheet<'_, '_>) -> Vec<(String, Tariff, String)> {
    let mut known: Vec<(String, Tariff, String)> = Vec::new();
    for sheet in &root.tables("tariff") {
        let names: Vec<String> = known.iter().map(|tariff| tariff.0.clone()).collect();
        let tariff = Tariff {
            energy_usd_per_j: sheet.number("energy"),
            capacity_usd_per_w_day: sheet.number("capacity_per_mw_day").unwrap_or(0.0) / 1e6,
            capacity_per_load: sheet.number("capacity_per_load").unwrap_or(1.0),
            transmission_usd_per_w_year: sheet.number("transmission_per_mw_year").unwrap_or(0.0) / 1e6,
            demand_usd_per_w_month: sheet.number("demand_per_kw_month").unwrap_or(0.0) / 1e3,
        };
        known.push((name(sheet, &names), tariff, sheet.text("area").unwrap_or_default()));
    }
    known
}

fn add(
    campus: &CampusLoad,
    zone: usize,
    hours: usize,
    problem: &mut Problem,
    tariffs: &[(String, Tariff, String)],
) -> Named {
    let zones = problem.zones.name.len();
    for hour in 0..hours {
        if let Some(load_w) = problem.zones.load_w.get_mut(hour * zones + zone) {
            *load_w += campus.power_w;
        }
    }
    let units = &mut problem.units;
    let first = units.name.len();
    for (index, tier) in campus.tiers.iter().enumerate() {
        units.name.push(format!("{} tier {}", campus.name, index + 1));
        units.class.push(CLASS.to_owned());
        units.zone.push(zone);
        units.capacity_w.push(tier.depth * campus.power_w);
        units.cost_usd_per_j.push(tier.price_usd_per_j);
        units.kg_per_j.push(0.0);
        units.profile.push(None);
        units.machines.push(None);
    }
    let tariff = campus.tariff.as_ref().and_then(|name| tariffs.iter().find(|known| known.0 == *name));
    Named {
        name: campus.name.clone(),
        zone,
        power_w: campus.power_w,
        units: first..units.name.len(),
        tariff: tariff.map(|known| (known.1, known.2.clone())),
    }
}
