//! The keys of a grid case.
//!
//! Not modelled: keys whose meaning depends on another key's value; the reader says what must stand beside what.

use crate::scenario::sheet::{Field, Kind as K, Need};
use Need::{Else, May, Must};
use tieline_grid::fleet::Mover;

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
/// Most hours: ten years.
const MOST_HOURS: f64 = 87_672.0;

const fn key(key: &'static str, kind: K, need: Need, range: (f64, f64), doc: &'static str) -> Field {
    Field { key, kind, need, range, doc }
}

pub(super) const ROOT: &[Field] = &[
    key("schema", K::Whole, Must, (1.0, 1.0), "version of the format, 1"),
    key("name", K::Text, Must, ANY, "short name"),
    key("title", K::Text, Must, ANY, "one line for people"),
    key("start", K::Instant, Must, ANY, "beginning of the first hour"),
    key("utc_offset", K::Interval, Else("-5 h", "guess: US Eastern"), (-50_400.0, 50_400.0), "local time less UTC"),
    key("hours", K::Whole, Must, (1.0, MOST_HOURS), "number of hours"),
    key("seed", K::Whole, Else("1", "guess: any"), (0.0, 9e15), "seed of sun, wind and outages"),
    key("series", K::Text, May, ANY, "CSV or Parquet file with hourly columns, beside this file"),
    key("shed_price", K::Price, May, POSITIVE, "price of load left unserved; absent where none may be"),
    key("zone", K::Tables(ZONE), Must, ANY, "zones"),
    key("unit", K::Tables(UNIT), May, ANY, "units"),
    key("store", K::Tables(STORE), May, ANY, "storages"),
    key("link", K::Tables(LINK), May, ANY, "links"),
    key("campus", K::Tables(CAMPUS), May, ANY, "campuses that may be curtailed at a price"),
    key("tariff", K::Tables(TARIFF), May, ANY, "what campuses pay"),
];
const ZONE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("load", K::Text, May, ANY, "column of the load, its unit at its end"),
    key("shape", K::Word(&["pjm", "tva", "rts-79"]), May, ANY, "shape of the load where no column is named"),
    key("peak", K::Power, May, POSITIVE, "greatest hour of the shape; with a climate: of a mean year, in peak_year"),
    key("flat", K::Power, May, POSITIVE, "load on top that does not vary"),
    key("area", K::Text, May, ANY, "balancing area, for sums and for the peaks that bills look at"),
    key("climate", K::Word(&["memphis", "pjm"]), May, ANY, "temperature, drawn: moves load, outages and ratings"),
    key("peak_year", K::Whole, May, (1950.0, 2100.0), "year of the peak; absent: the year of the case"),
    key("growth", K::Ratio, May, (-0.5, 0.5), "growth of the shape in a year, from peak_year on"),
    key("data_centres", K::Power, May, POSITIVE, "load of data centres on top, the same at all hours"),
    key("data_centres_year", K::Whole, May, (1950.0, 2100.0), "year of that load; absent: the year of the case"),
    key("data_centre_growth", K::Ratio, May, (-0.5, 1.0), "its growth in a year, from data_centres_year on"),
    key("shed_price", K::Price, May, POSITIVE, "price of load left unserved, in this zone"),
];
const UNIT: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("class", K::Text, Must, ANY, "class, for sums: gas, wind, campus"),
    key("zone", K::Text, Must, ANY, "its zone"),
    key("capacity", K::Power, Must, POSITIVE, "capacity"),
    key("cost", K::Price, Must, ANY, "cost of generation"),
    key("emissions_kg_per_mwh", K::Plain, May, POSITIVE, "CO2, kg per MWh"),
    key("profile", K::Text, May, ANY, "column of the available share of capacity, or of megawatts (_mw)"),
    key(
        "observed",
        K::Text,
        May,
        ANY,
        "column of what it was observed to give, its unit at its end; for comparison alone",
    ),
    key("shape", K::Word(&["sun", "wind"]), May, ANY, "drawn share of capacity where no column is named"),
    key("outage", K::Ratio, May, (0.0, 0.9), "forced outage rate: share of the time on repair"),
    key("repair", K::Span, May, (3600.0, 3.2e7), "mean time to repair"),
    key(
        "mover",
        K::Word(&Mover::NAMES),
        May,
        ANY,
        "what drives it: its outage rate follows the temperature of its zone",
    ),
    key("planned", K::Ratio, May, (0.0, 0.25), "share of the year on planned maintenance"),
    key("derating", K::PerKelvin, May, (0.0, 0.05), "capacity lost per kelvin above 15 degrees"),
    key("factor", K::Ratio, May, (0.0, 1.0), "share of the capacity that there is at all: water, landfill gas"),
    key(
        "elcc",
        K::Ratio,
        May,
        (0.0, 1.0),
        "share of the capacity that is accredited (effective load carrying capability)",
    ),
    key(
        "size",
        K::Power,
        May,
        (1e3, 1e12),
        "size of one of the machines that fail, and are on or off, on their own; absent: all at once",
    ),
    key("least", K::Power, May, POSITIVE, "least output of a machine that is on; for commitment, as the next three"),
    key("start_cost", K::Money, May, POSITIVE, "cost of starting one machine"),
    key("least_up", K::Span, May, (0.0, 2.7e6), "shortest time that a machine is on"),
    key("least_down", K::Span, May, (0.0, 2.7e6), "shortest time that a machine is off"),
];
const STORE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("zone", K::Text, Must, ANY, "its zone"),
    key("power", K::Power, Must, POSITIVE, "greatest discharge, at the grid"),
    key("charge_power", K::Power, May, POSITIVE, "greatest charge, at the grid; absent: the same"),
    key("energy", K::Energy, Must, POSITIVE, "energy when full"),
    key("charge_efficiency", K::Ratio, Must, (1e-3, 1.0), "stored per charged"),
    key("discharge_efficiency", K::Ratio, Must, (1e-3, 1.0), "delivered per taken out"),
    key("loss", K::Ratio, May, (0.0, 0.5), "share of the stored energy that is lost in an hour"),
    key("first", K::Energy, May, POSITIVE, "energy before the first hour; absent: it ends as it began"),
    key("last", K::Energy, May, POSITIVE, "energy after the last hour"),
    key(
        "elcc",
        K::Ratio,
        May,
        (0.0, 1.0),
        "share of power that margins and accreditation count; absent: by how long it lasts",
    ),
    key("inflow", K::Text, May, ANY, "column of the inflow as a share of power, or in megawatts (_mw)"),
];
const LINK: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("from", K::Text, Must, ANY, "zone at its beginning"),
    key("to", K::Text, Must, ANY, "zone at its end"),
    key("limit", K::Power, Must, POSITIVE, "greatest flow forward"),
    key("backward", K::Power, May, POSITIVE, "greatest flow backward; absent: the same"),
    key("derating", K::PerKelvin, May, (0.0, 0.05), "rating lost per kelvin above 25 degrees in the zone it begins in"),
];
const CAMPUS: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("zone", K::Text, Must, ANY, "its zone"),
    key("power", K::Power, Must, POSITIVE, "draw when nothing is curtailed, the same at all hours"),
    key("tariff", K::Text, May, ANY, "the tariff that bills it"),
    key("tier", K::Tables(TIER), May, ANY, "what it gives up at which price, the cheapest first"),
];
const TIER: &[Field] = &[
    key("depth", K::Ratio, Must, (0.0, 1.0), "draw given up in this tier alone, as a share of power"),
    key("price", K::Price, Must, POSITIVE, "what a megawatt-hour not drawn costs the campus"),
];
const TARIFF: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("area", K::Text, May, ANY, "area whose load sets the peaks; absent: all zones"),
    key("energy", K::Price, May, ANY, "price of energy; absent: that of the zone, hour by hour"),
    key("capacity_per_mw_day", K::Money, May, POSITIVE, "price of a MW of unforced capacity for a day"),
    key("capacity_per_load", K::Plain, May, (0.0, 3.0), "unforced capacity bought per MW in the five peaks; absent: 1"),
    key("transmission_per_mw_year", K::Money, May, POSITIVE, "price of a MW in the hour of the zone's peak"),
    key("demand_per_kw_month", K::Money, May, POSITIVE, "price of a kW of each month's greatest hour"),
];
