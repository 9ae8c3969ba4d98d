//! The keys of a commitment case.
//!
//! Not modelled: keys whose meaning depends on another key's value; the reader says what must stand beside what.

use super::super::MOST_STEPS;
use crate::scenario::sheet::{Field, Kind as K, Need};
use Need::{Else, May, Must};

pub(super) const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
pub(super) const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
/// Longest step: a week.
const STEP: (f64, f64) = (1.0, 604_800.0);
/// Longest time that is counted in steps, s: a hundred years.
const LONG: (f64, f64) = (0.0, 3.2e9);
const SHARE: (f64, f64) = (0.0, 1.0);

const fn key(key: &'static str, kind: K, need: Need, range: (f64, f64), doc: &'static str) -> Field {
    Field { key, kind, need, range, doc }
}

const COLUMN: &str = "column of the file named by series, its unit at its end, or one power for all steps";
const MW: &str = "MW, one number a step";
const W: &str = "W, one number a step";

pub(super) const ROOT: &[Field] = &[
    key("schema", K::Whole, Must, (1.0, 1.0), "version of the format, 1"),
    key("name", K::Text, Must, ANY, "short name"),
    key("title", K::Text, May, ANY, "one line for people"),
    key("steps", K::Whole, Must, (1.0, MOST_STEPS as f64), "number of steps"),
    key("step", K::Interval, Else("1 h", "guess: an hour"), STEP, "length of a step"),
    key("series", K::Text, May, ANY, "CSV or Parquet file with a column a series, beside this file"),
    key("load", K::Text, May, ANY, COLUMN),
    key("load_mw", K::Numbers, May, ANY, MW),
    key("load_w", K::Numbers, May, ANY, W),
    key(
        "mismatch_price",
        K::Price,
        May,
        POSITIVE,
        "price of load unserved and of supply untaken; absent where neither may be",
    ),
    key("reserve", K::Table(RESERVE), May, ANY, "spinning reserve"),
    key("fuel", K::Tables(FUEL), May, ANY, "supplies of fuel that units share"),
    key("unit", K::Tables(UNIT), May, ANY, "units that can be off or on"),
    key("renewable", K::Tables(RENEWABLE), May, ANY, "what comes by nature, at no cost"),
    key("store", K::Tables(STORE), May, ANY, "storages"),
    key("services", K::Table(SERVICES), May, ANY, "services of a market"),
    key("network", K::Table(NETWORK), May, ANY, "lines with limits; then [[bus]] and [[branch]] too"),
    key("bus", K::Tables(BUS), May, ANY, "buses of the network"),
    key("branch", K::Tables(BRANCH), May, ANY, "branches of the network"),
    key("dc_line", K::Tables(DC_LINE), May, ANY, "DC lines of the network"),
];
const RESERVE: &[Field] = &[
    key("required", K::Text, May, ANY, COLUMN),
    key("required_mw", K::Numbers, May, POSITIVE, MW),
    key("required_w", K::Numbers, May, POSITIVE, W),
    key(
        "contingency",
        K::Plain,
        May,
        (0.0, 100.0),
        "besides: so many times the output of any one unit, from the others",
    ),
    key("short_price", K::Price, May, POSITIVE, "price of reserve that is missing; absent where none may be"),
];
const FUEL: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("per_step", K::Numbers, May, POSITIVE, "fuel that it gives in each step"),
    key("column", K::Text, May, ANY, "column of the file named by series, or one number for all steps"),
];
const UNIT: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("bus", K::Whole, May, ANY, "number of its bus, where there is a network"),
    key("least", K::Power, Must, POSITIVE, "least output when on"),
    key("most", K::Power, Must, POSITIVE, "greatest output"),
    key("up", K::Power, May, POSITIVE, "greatest rise from step to step; absent: the greatest output"),
    key("down", K::Power, May, POSITIVE, "greatest fall from step to step; absent: the greatest output"),
    key(
        "begin",
        K::Power,
        May,
        POSITIVE,
        "greatest output in the step of a start; absent: the greater of least and up, at most the greatest output",
    ),
    key("end", K::Power, May, POSITIVE, "greatest output in the step before a stop; absent: likewise with down"),
    key("least_up", K::Interval, Else("0 h", "guess: none"), LONG, "shortest time on"),
    key("least_down", K::Interval, Else("0 h", "guess: none"), LONG, "shortest time off"),
    key("first", K::Table(FIRST), Must, ANY, "state before the first step"),
    key("must_run", K::Flag, May, ANY, "on by order in every step"),
    key("orders", K::Texts, May, ANY, "orders, a character a step: # on, . off, - free; texts are joined"),
    key("cost", K::Price, May, ANY, "cost of generation, where it is one price; else output_mw and cost_usd_per_h"),
    key("fixed_usd_per_h", K::Plain, May, ANY, "cost of being on, beside cost"),
    key("output_mw", K::Numbers, May, ANY, "outputs at which the cost is given, MW, from least to most"),
    key("output_w", K::Numbers, May, ANY, "outputs at which the cost is given, W"),
    key("cost_usd_per_h", K::Numbers, May, ANY, "cost of running at each of these outputs, $/h"),
    key("start", K::Tables(START), May, ANY, "costs of a start, from hot to cold"),
    key("stop_cost", K::Money, May, ANY, "cost of a stop"),
    key("burns", K::Table(BURNS), May, ANY, "its fuel, where the supply is limited or it can burn another"),
    key("offer", K::Table(OFFER), May, ANY, "what it offers to the market's services"),
];
const FIRST: &[Field] = &[
    key("on", K::Flag, Must, ANY, "on or off"),
    key("since", K::Interval, Must, LONG, "for how long"),
    key("output", K::Power, May, POSITIVE, "output; absent: none when off, the least when on"),
];
const START: &[Field] = &[
    key("after", K::Interval, Must, LONG, "time off from which on it holds"),
    key("cost", K::Money, Must, ANY, "cost of the start"),
    key("fuel", K::Plain, May, ANY, "fuel that the start burns"),
];
const BURNS: &[Field] = &[
    key("supply", K::Text, May, ANY, "name of a [[fuel]], where its supply is limited"),
    key("per_h", K::Numbers, Must, ANY, "fuel an hour at each of the outputs at which the cost is given"),
    key("fuel_usd", K::Plain, May, ANY, "price of a unit of fuel; it is part of the costs already"),
    key("other", K::Table(OTHER), May, ANY, "another fuel that it can burn"),
];
const OTHER: &[Field] = &[
    key("supply", K::Text, May, ANY, "name of a [[fuel]], where its supply is limited"),
    key("fuel_usd", K::Plain, Must, ANY, "price of a unit of this fuel"),
    key("blends", K::Flag, May, ANY, "burns both at once"),
    key("switches", K::Flag, May, ANY, "from one to the other while running; else only at a start"),
    key("first", K::Flag, May, ANY, "burned this one before the first step"),
];
const OFFER: &[Field] = &[
    key("regulation", K::Table(REGULATION), May, ANY, "regulation, where it can"),
    key("spinning", K::Power, May, POSITIVE, "most spinning reserve; absent: no limit"),
    key("non_spinning", K::Power, May, POSITIVE, "non-spinning reserve while off; absent: it starts too slowly"),
    key("supplemental_off", K::Power, May, POSITIVE, "supplemental reserve while off; absent: it starts too slowly"),
    key("supplemental", K::Power, May, POSITIVE, "most supplemental reserve while on; absent: no limit"),
];
const REGULATION: &[Field] = &[
    key("least", K::Power, Must, POSITIVE, "least output while it regulates"),
    key("most", K::Power, Must, POSITIVE, "greatest output while it regulates"),
    key("per_minute", K::Power, Must, POSITIVE, "greatest change within a minute"),
];
const RENEWABLE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("bus", K::Whole, May, ANY, "number of its bus, where there is a network"),
    key("least", K::Text, May, ANY, "what must be taken; absent: nothing"),
    key("least_mw", K::Numbers, May, POSITIVE, MW),
    key("least_w", K::Numbers, May, POSITIVE, W),
    key("most", K::Text, May, ANY, "what can be taken"),
    key("most_mw", K::Numbers, May, POSITIVE, MW),
    key("most_w", K::Numbers, May, POSITIVE, W),
];
const STORE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("bus", K::Whole, May, ANY, "number of its bus, where there is a network"),
    key("discharge", K::Power, Must, POSITIVE, "greatest discharging power, at the grid"),
    key("charge", K::Power, May, POSITIVE, "greatest charging power, at the grid; absent: the same"),
    key("energy", K::Energy, Must, POSITIVE, "energy when full"),
    key("floor", K::Energy, May, POSITIVE, "least energy; absent: none"),
    key("charge_efficiency", K::Ratio, Must, SHARE, "stored per charged"),
    key("discharge_efficiency", K::Ratio, Must, SHARE, "delivered per taken out"),
    key("keep", K::Ratio, May, SHARE, "share of the energy left after a step; absent: all"),
    key("first", K::Energy, Must, POSITIVE, "energy before the first step"),
    key("last", K::Energy, May, POSITIVE, "least energy after the last step; absent: that before the first"),
    key("inflow", K::Text, May, ANY, "what flows in by nature; absent: nothing"),
    key("inflow_mw", K::Numbers, May, POSITIVE, MW),
    key("inflow_w", K::Numbers, May, POSITIVE, W),
    key("charge_price", K::Price, May, ANY, "cost of charging, at the grid"),
    key("discharge_price", K::Price, May, ANY, "cost of discharging, at the grid"),
];
const SERVICES: &[Field] = &[
    key(
        "regulation_up_price",
        K::Price,
        May,
        POSITIVE,
        "price of regulation upward that is missing; absent: none may be",
    ),
    key(
        "regulation_down_price",
        K::Price,
        May,
        POSITIVE,
        "price of regulation downward that is missing; absent: none may be",
    ),
    key("spinning_price", K::Price, May, POSITIVE, "price of spinning reserve that is missing; absent: none may be"),
    key(
        "non_spinning_price",
        K::Price,
        May,
        POSITIVE,
        "price of non-spinning reserve that is missing; absent: none may be",
    ),
    key(
        "supplemental_price",
        K::Price,
        May,
        POSITIVE,
        "price of supplemental reserve that is missing; absent: none may be",
    ),
    key("flex_up_price", K::Price, May, POSITIVE, "price of room to rise that is missing; absent: none may be"),
    key("flex_down_price", K::Price, May, POSITIVE, "price of room to fall that is missing; absent: none may be"),
    key("area", K::Tables(AREA), Must, ANY, "the whole system first, then parts of it"),
];
const AREA: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("members", K::Texts, May, ANY, "names of its units; absent: all"),
    key("regulation_up", K::Text, May, ANY, COLUMN),
    key("regulation_up_mw", K::Numbers, May, POSITIVE, MW),
    key("regulation_up_w", K::Numbers, May, POSITIVE, W),
    key("regulation_down", K::Text, May, ANY, COLUMN),
    key("regulation_down_mw", K::Numbers, May, POSITIVE, MW),
    key("regulation_down_w", K::Numbers, May, POSITIVE, W),
    key("spinning", K::Text, May, ANY, COLUMN),
    key("spinning_mw", K::Numbers, May, POSITIVE, MW),
    key("spinning_w", K::Numbers, May, POSITIVE, W),
    key("non_spinning", K::Text, May, ANY, COLUMN),
    key("non_spinning_mw", K::Numbers, May, POSITIVE, MW),
    key("non_spinning_w", K::Numbers, May, POSITIVE, W),
    key("supplemental", K::Text, May, ANY, COLUMN),
    key("supplemental_mw", K::Numbers, May, POSITIVE, MW),
    key("supplemental_w", K::Numbers, May, POSITIVE, W),
    key("flex_up", K::Text, May, ANY, COLUMN),
    key("flex_up_mw", K::Numbers, May, POSITIVE, MW),
    key("flex_up_w", K::Numbers, May, POSITIVE, W),
    key("flex_down", K::Text, May, ANY, COLUMN),
    key("flex_down_mw", K::Numbers, May, POSITIVE, MW),
    key("flex_down_w", K::Numbers, May, POSITIVE, W),
];
/// Services by name, in the order of `Product::ALL`.
pub(super) const PRODUCTS: [&str; 7] =
    ["regulation_up", "regulation_down", "spinning", "non_spinning", "supplemental", "flex_up", "flex_down"];
const NETWORK: &[Field] = &[
    key("name", K::Text, May, ANY, "its name"),
    key("base", K::Power, Must, (1.0, 1e12), "base of the impedances"),
    key(
        "convention",
        K::Word(&["mp", "pm"]),
        Else("mp", "guess: MATPOWER's"),
        ANY,
        "susceptance of a branch: mp = 1/(x tap), pm = x/(r^2+x^2) without taps and shifts",
    ),
];
const BUS: &[Field] = &[
    key("number", K::Whole, Must, (0.0, 9e15), "number, unique"),
    key("reference", K::Flag, May, ANY, "the bus whose angle is nothing; one of them"),
    key("load", K::Text, May, ANY, COLUMN),
    key("load_mw", K::Numbers, May, ANY, MW),
    key("load_w", K::Numbers, May, ANY, W),
    key("shunt", K::Power, May, ANY, "what its shunt draws"),
];
const BRANCH: &[Field] = &[
    key("from", K::Whole, Must, ANY, "number of the bus at its beginning, where the tap is"),
    key("to", K::Whole, Must, ANY, "number of the bus at its end"),
    key("r", K::Plain, May, ANY, "resistance, per unit of the base"),
    key("x", K::Plain, Must, ANY, "reactance, per unit of the base"),
    key("rating", K::Limit, May, POSITIVE, "greatest flow either way; absent, or none: no limit"),
    key("tap", K::Plain, May, POSITIVE, "tap ratio; absent: 1"),
    key("shift_deg", K::Plain, May, ANY, "phase shift, degrees"),
    key("shift_rad", K::Plain, May, ANY, "phase shift, rad"),
    key("in_service", K::Flag, May, ANY, "whether it carries anything; absent: it does"),
];
const DC_LINE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("from", K::Whole, Must, ANY, "number of the bus at its beginning"),
    key("to", K::Whole, Must, ANY, "number of the bus at its end"),
    key("limit", K::Power, Must, POSITIVE, "greatest flow either way, set at will"),
];
