//! Specification files: TOML like scenarios, with a unit in every quantity, a source on every number, all mistakes at once.
//!
//! Not modelled: inheritance between specifications, dates from which a clause holds.

use crate::scenario::sheet::{Field, Kind as K, Need, Sheet};
use crate::scenario::{Mistakes, collect};
use Need::{Else, May, Must};
use tieline_campus::specification::{
    Band, Clause, Connection, Evidence, Limit, Measure, Rule, Severity, Specification,
};
use tieline_campus::spectrum::flicker::Lamp;
use tieline_units::{Power, PowerRamp, Quantity, Ratio};

/// Names and texts of the specifications that tieline carries.
const BUILTIN: &[(&str, &str)] = &[("waveform-2508.14318", include_str!("../../../specs/waveform-2508.14318.toml"))];

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
/// A limit of nothing leaves nothing to be a margin of.
const POSITIVE: (f64, f64) = (1e-12, f64::INFINITY);
const SHARE: (f64, f64) = (1e-12, 1.0);
/// Windows from a millisecond to a day.
const WINDOW: (f64, f64) = (0.001, 86_400.0);
/// Frequencies that a power trace may have.
const HERTZ: (f64, f64) = (1e-6, 10_000.0);

const fn key(key: &'static str, kind: K, need: Need, range: (f64, f64), doc: &'static str) -> Field {
    Field { key, kind, need, range, doc }
}

const ROOT: &[Field] = &[
    key("schema", K::Whole, Must, (1.0, 1.0), "version of the format, 1"),
    key("name", K::Text, Must, ANY, "short name"),
    key("title", K::Text, Must, ANY, "one line for people"),
    key("rated", K::Power, May, (1e-3, 1e12), "reference power that shares are of"),
    key("network", K::Table(NETWORK), May, ANY, "the network at the point of connection"),
    key("evidence", K::Table(EVIDENCE), May, ANY, "what must be measured before a clause counts as shown"),
    key("ramp", K::Tables(RAMP), May, ANY, "bounds on the change of power over a window"),
    key("range", K::Tables(RANGE), May, ANY, "bounds on the range of power inside a window"),
    key("schedule", K::Tables(SCHEDULE), May, ANY, "bounds on the mean of an interval against the plan"),
    key("band", K::Tables(BAND), May, ANY, "bounds on what moves in a band"),
    key("component", K::Tables(LINE), May, ANY, "bounds on the strongest line in a band"),
    key("voltage", K::Tables(VOLTAGE), May, ANY, "bounds on the change of voltage"),
    key("flicker", K::Tables(FLICKER), May, ANY, "bounds on flicker"),
];
const NETWORK: &[Field] = &[
    key("short_circuit_ratio", K::Plain, May, (0.1, 1e6), "short-circuit power over the reference power"),
    key("x_over_r", K::Plain, May, (0.0, 1e3), "reactance over resistance"),
    key("power_factor", K::Ratio, Else("98 %", "guess: power supplies with correction"), (0.1, 1.0), "lagging"),
];
const EVIDENCE: &[Field] = &[
    key(
        "coverage",
        K::Ratio,
        Else("99 %", "guess: a careful engineer's"),
        (0.5, 1.0),
        "share of the time measured and judged",
    ),
    key(
        "readings_per_window",
        K::Plain,
        Else("20", "guess: a swing of four readings a period still shows nine tenths of itself"),
        (4.0, 1e6),
        "readings in a window",
    ),
    key(
        "readings_per_period",
        K::Plain,
        Else("2.5", "guess: a quarter above Nyquist"),
        (2.0, 1e3),
        "readings per period of the highest frequency",
    ),
    key(
        "periods_per_segment",
        K::Plain,
        Else("5", "guess: the main lobe of the window is four bins wide"),
        (3.0, 1e3),
        "periods of the lowest frequency in a segment",
    ),
];
const RAMP: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("direction", K::Word(&["up", "down"]), Must, ANY, "rise or fall"),
    key("window", K::Span, Must, WINDOW, "span over which the change is taken"),
    key("limit", K::Ramp, May, POSITIVE, "greatest ramp"),
    key("share", K::Ratio, May, POSITIVE, "greatest change within the window, share of the reference power"),
];
const RANGE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("window", K::Span, Must, WINDOW, "span in which extremes are taken"),
    key("limit", K::Power, May, POSITIVE, "greatest range"),
    key("share", K::Ratio, May, POSITIVE, "greatest range, share of the reference power"),
];
const SCHEDULE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("interval", K::Span, Must, (1.0, 86_400.0), "interval of the plan"),
    key("limit", K::Power, May, POSITIVE, "greatest deviation of the interval's mean"),
    key("share", K::Ratio, May, POSITIVE, "the same, share of the reference power"),
];
const LOW: Field = key("low", K::Frequency, Must, HERTZ, "lower edge");
const HIGH: Field = key("high", K::Frequency, Must, HERTZ, "upper edge");
const SPAN: Field = key(
    "window",
    K::Span,
    Else("10 min", "guess: as long as a flicker observation"),
    (1.0, 86_400.0),
    "spectra are averaged and judged over",
);
const NEGLIGIBLE: Field = key(
    "negligible",
    K::Ratio,
    Else("0.1 %", "guess: a still load has shares too, of next to nothing"),
    (0.0, 1.0),
    "root mean square in the band below which a share is met whatever it is, share of the reference power",
);
const BAND: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    LOW,
    HIGH,
    SPAN,
    key("share", K::Ratio, May, SHARE, "greatest share of the energy of all that varies"),
    key("limit", K::Power, May, POSITIVE, "greatest root mean square of what moves in the band"),
    NEGLIGIBLE,
];
const LINE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    LOW,
    HIGH,
    SPAN,
    key("share", K::Ratio, May, SHARE, "greatest share of the energy in the band"),
    key("limit", K::Power, May, POSITIVE, "greatest amplitude of the line, half of its peak to peak"),
    NEGLIGIBLE,
];
const VOLTAGE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("measure", K::Word(&["step", "range"]), Must, ANY, "change between the ends of the window, or its range"),
    key(
        "window",
        K::Span,
        Else("1 s", "datasheet: IEC 61000-3-3, a steady state lasts a second"),
        WINDOW,
        "span in which the change is taken",
    ),
    key("share", K::Ratio, May, SHARE, "greatest change, share of the nominal voltage"),
];
const FLICKER: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("lamp", K::Word(&["230 V 50 Hz", "120 V 60 Hz"]), Must, ANY, "lamp and mains of the meter"),
    key(
        "measure",
        K::Word(&["pst", "pst-95", "plt"]),
        Else("pst", ""),
        ANY,
        "Pst of the worst ten minutes, what 95 % of them do not exceed, or Plt of the worst two hours",
    ),
    key("limit", K::Plain, May, POSITIVE, "greatest severity"),
];

/// Names of the built-in specifications.
#[must_use]
pub fn builtin_names() -> Vec<&'static str> {
    BUILTIN.iter().map(|(name, _)| *name).collect()
}

/// Text of a built-in specification.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Reads a specification; `name` is for messages.
///
/// # Errors
/// All mistakes of the file, in its order.
pub fn read(name: &str, text: &str) -> Result<Specification, Mistakes> {
    let (specification, _, provenance) = collect(name, text, |notes, tree| {
        let root = Sheet::open(notes, Some(tree), ROOT, "", 0..text.len().min(1), None);
        walk(&root)
    })?;
    Ok(Specification { provenance, ..specification })
}

fn walk(root: &Sheet<'_, '_>) -> Specification {
    root.number("schema");
    let (network, evidence) = (root.table("network"), root.table("evidence"));
    let clauses = clauses(root);
    if clauses.is_empty() {
        let expected =
            "at least one of [[ramp]], [[range]], [[schedule]], [[band]], [[component]], [[voltage]], [[flicker]]";
        root.wrong("ramp", "a specification without clauses", expected, "");
    }
    Specification {
        name: root.word("name"),
        title: root.word("title"),
        rated_w: root.number("rated"),
        connection: Connection {
            short_circuit_ratio: network.number("short_circuit_ratio"),
            x_over_r: network.number("x_over_r"),
            power_factor: network.si("power_factor"),
        },
        evidence: Evidence {
            coverage: evidence.si("coverage"),
            readings_per_window: evidence.si("readings_per_window"),
            readings_per_period: evidence.si("readings_per_period"),
            periods_per_segment: evidence.si("periods_per_segment"),
        },
        clauses,
        provenance: Vec::new(),
    }
}

fn clauses(root: &Sheet<'_, '_>) -> Vec<Clause> {
    let mut all: Vec<Clause> = Vec::new();
    let mut add = |sheet: &Sheet<'_, '_>, rule: Rule, limit: Limit| {
        let name = sheet.word("name");
        if all.iter().any(|clause| clause.name == name) && !name.is_empty() {
            sheet.wrong("name", &format!("\"{name}\" a second time"), "a name of its own", "");
        }
        if ["rated", "short_circuit_ratio", "x_over_r", "power_factor"].contains(&name.as_str()) {
            sheet.wrong("name", &format!("\"{name}\", which --set means otherwise"), "a name of its own", "");
        }
        let source = sheet.source_of(if sheet.has("limit") { "limit" } else { "share" });
        let source = if limit == Limit::Open { "left open by the specification".to_owned() } else { source };
        all.push(Clause { name, rule, limit, source });
    };
    for sheet in &root.tables("ramp") {
        let rule = Rule::Ramp { up: sheet.word("direction") == "up", window_s: sheet.si("window") };
        add(sheet, rule, limit(sheet));
    }
    for sheet in &root.tables("range") {
        add(sheet, Rule::Range { window_s: sheet.si("window") }, limit(sheet));
    }
    for sheet in &root.tables("schedule") {
        add(sheet, Rule::Schedule { interval_s: sheet.si("interval") }, limit(sheet));
    }
    for sheet in &root.tables("band") {
        let measure = if sheet.has("limit") { Measure::Rms } else { Measure::EnergyShare };
        add(sheet, Rule::Spectral { band: band(sheet), measure }, spectral_limit(sheet));
    }
    for sheet in &root.tables("component") {
        let measure = if sheet.has("limit") { Measure::LineAmplitude } else { Measure::LineShare };
        add(sheet, Rule::Spectral { band: band(sheet), measure }, spectral_limit(sheet));
    }
    for sheet in &root.tables("voltage") {
        let window_s = sheet.si("window");
        let step = sheet.word("measure") == "step";
        let rule = if step { Rule::VoltageStep { window_s } } else { Rule::VoltageRange { window_s } };
        add(sheet, rule, amount(sheet, "share"));
    }
    for sheet in &root.tables("flicker") {
        let lamp = if sheet.word("lamp") == Lamp::V230Hz50.word() { Lamp::V230Hz50 } else { Lamp::V120Hz60 };
        let all = [Severity::Short, Severity::Short95, Severity::Long];
        let word = sheet.word("measure");
        let severity = all.into_iter().find(|known| known.word() == word).unwrap_or(Severity::Short);
        add(sheet, Rule::Flicker { lamp, severity }, amount(sheet, "limit"));
    }
    all
}

/// `limit`, or `share` of the reference power, or neither.
fn limit(sheet: &Sheet<'_, '_>) -> Limit {
    let (amount, share) = (sheet.number("limit"), sheet.number("share"));
    if sheet.has("limit") && sheet.has("share") {
        sheet.wrong("share", "a share beside a limit", "one of the two", "");
    }
    amount.map(Limit::Amount).or(share.map(Limit::Share)).unwrap_or(Limit::Open)
}

/// `limit` in watts or `share` of an energy: both are amounts, of different measures.
fn spectral_limit(sheet: &Sheet<'_, '_>) -> Limit {
    match limit(sheet) {
        Limit::Share(share) => Limit::Amount(share),
        other => other,
    }
}

fn amount(sheet: &Sheet<'_, '_>, key: &str) -> Limit {
    sheet.number(key).map_or(Limit::Open, Limit::Amount)
}

fn band(sheet: &Sheet<'_, '_>) -> Band {
    let (low, high) = (sheet.number("low"), sheet.number("high"));
    if low.zip(high).is_some_and(|(low, high)| low >= high) {
        sheet.wrong("high", "an upper edge that is not above the lower", "more than low", "");
    }
    Band {
        low_hz: low.unwrap_or(1.0),
        high_hz: high.unwrap_or(1.0),
        window_s: sheet.si("window"),
        negligible: sheet.si("negligible"),
    }
}

/// Changes one number of a specification: `rated`, `short_circuit_ratio`, `x_over_r`, `power_factor`, or the limit of a
/// clause by its name, as text with its unit.
///
/// # Errors
/// A name that nothing has, or a value of the wrong kind, in words for the user.
pub fn set(specification: &mut Specification, name: &str, value: &str) -> Result<(), String> {
    let positive = |number: f64, least: f64, most: f64| {
        let fits = number.is_finite() && number >= least && number <= most;
        if fits { Ok(number) } else { Err(format!("{name} = {value}: must lie between {least:e} and {most:e}")) }
    };
    let plain = || value.trim().parse::<f64>().map_err(|_| format!("{name} = {value}: a plain number is expected"));
    let quantity = |parsed: Result<f64, String>| parsed.map_err(|why| format!("{name} = {value}: {why}"));
    let share = || Ratio::parse(value).map(Quantity::si).map_err(|why| why.to_string());
    let connection = &mut specification.connection;
    match name {
        "rated" => {
            let power = quantity(Power::parse(value).map(Quantity::si).map_err(|why| why.to_string()))?;
            specification.rated_w = Some(positive(power, 1e-3, 1e12)?);
            return Ok(());
        }
        "short_circuit_ratio" => {
            connection.short_circuit_ratio = Some(positive(plain()?, 0.1, 1e6)?);
            return Ok(());
        }
        "x_over_r" => {
            connection.x_over_r = Some(positive(plain()?, 0.0, 1e3)?);
            return Ok(());
        }
        "power_factor" => {
            connection.power_factor = positive(quantity(share())?, 0.1, 1.0)?;
            return Ok(());
        }
        _ => {}
    }
    let names: Vec<String> = specification.clauses.iter().map(|clause| clause.name.clone()).collect();
    let Some(clause) = specification.clauses.iter_mut().find(|clause| clause.name == name) else {
        let own = ["rated", "short_circuit_ratio", "x_over_r", "power_factor"];
        let all = names.iter().map(String::as_str).chain(own);
        let near = crate::scenario::nearest(name, all.clone())
            .map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
        return Err(format!("nothing is called \"{name}\"; {near}there are {}", all.collect::<Vec<_>>().join(", ")));
    };
    let percent = value.trim().ends_with('%');
    clause.limit = match &mut clause.rule {
        Rule::Ramp { .. } | Rule::Range { .. } | Rule::Schedule { .. } if percent => {
            Limit::Share(positive(quantity(share())?, 1e-9, 1e6)?)
        }
        Rule::Ramp { .. } => {
            let ramp =
                PowerRamp::parse(value).map(Quantity::si).map_err(|why| format!("{why}; or a share such as \"10 %\""));
            Limit::Amount(positive(quantity(ramp)?, 1e-6, 1e15)?)
        }
        Rule::Range { .. } | Rule::Schedule { .. } => {
            let power =
                Power::parse(value).map(Quantity::si).map_err(|why| format!("{why}; or a share such as \"10 %\""));
            Limit::Amount(positive(quantity(power)?, 1e-6, 1e12)?)
        }
        Rule::Spectral { measure, .. } if !percent => {
            let power = Power::parse(value)
                .map(Quantity::si)
                .map_err(|why| format!("{why}; or a share of the energy such as \"10 %\""));
            // What is bounded follows from the unit.
            *measure = match measure {
                Measure::EnergyShare | Measure::Rms => Measure::Rms,
                Measure::LineShare | Measure::LineAmplitude => Measure::LineAmplitude,
            };
            Limit::Amount(positive(quantity(power)?, 1e-6, 1e12)?)
        }
        Rule::Spectral { measure, .. } => {
            *measure = match measure {
                Measure::EnergyShare | Measure::Rms => Measure::EnergyShare,
                Measure::LineShare | Measure::LineAmplitude => Measure::LineShare,
            };
            Limit::Amount(positive(quantity(share())?, 1e-9, 1.0)?)
        }
        Rule::Flicker { .. } => Limit::Amount(positive(plain()?, 1e-6, 1e6)?),
        _ => Limit::Amount(positive(quantity(share())?, 1e-9, 1.0)?),
    };
    clause.source = "given on the command line".to_owned();
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_ones_read_and_leave_open_what_the_public_does_not_know() {
        for name in builtin_names() {
            let read = read(name, builtin(name).unwrap()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            assert_eq!(read.name, name);
            let open: Vec<&str> = read
                .clauses
                .iter()
                .filter(|clause| clause.limit == Limit::Open)
                .map(|clause| clause.name.as_str())
                .collect();
            assert_eq!(open, ["ramp-up", "ramp-down", "schedule"]);
            assert_eq!((read.rated_w, read.connection.short_circuit_ratio), (None, None));
            assert!(read.provenance.iter().all(|(_, _, source)| source.contains(": ")));
        }
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let text = "schema = 1\nname = \"x\"\ntitle = \"x\"\n[[ramp]]\nname = \"a\"\ndirection = \"upp\"\nwindow = 5\n\
            limit = \"5 MW\"\n[[band]]\nname = \"a\"\nlow = { value = \"3 Hz\", source = \"guess: x\" }\n\
            high = { value = \"2 Hz\", source = \"guess: x\" }\nshair = \"20 %\"\n";
        let mistakes = read("bad.toml", text).unwrap_err();
        let keys: Vec<&str> = mistakes.list.iter().map(|mistake| mistake.key.as_str()).collect();
        for key in
            ["ramp[0].direction", "ramp[0].window", "ramp[0].limit", "band[0].name", "band[0].high", "band[0].shair"]
        {
            assert!(keys.contains(&key), "{key} in {keys:?}");
        }
        assert!(mistakes.list.iter().all(|mistake| mistake.line > 1));
        assert!(read("empty.toml", "schema = 1\nname = \"x\"\ntitle = \"x\"\n").is_err());
    }

    #[test]
    fn numbers_are_set_by_name_with_their_units() {
        let mut read = read("b", builtin("waveform-2508.14318").unwrap()).unwrap();
        for (name, value) in [("ramp-up", "20 MW/min"), ("ramp-down", "5 %"), ("rated", "1 GW"), ("flicker", "0.8")] {
            set(&mut read, name, value).unwrap();
        }
        // A minute's part of a megawatt is rounded once more on the way.
        assert!(matches!(read.clauses[0].limit, Limit::Amount(ramp) if (ramp * 60.0 - 20e6).abs() < 1e-3));
        assert_eq!((read.clauses[1].limit, read.rated_w), (Limit::Share(0.05), Some(1e9)));
        // The unit says what of a band is bounded.
        set(&mut read, "critical-band", "2 MW").unwrap();
        set(&mut read, "largest-line", "500 kW").unwrap();
        let of = |name: &str| read.clauses.iter().find(|clause| clause.name == name).unwrap().clone();
        assert!(matches!(of("critical-band").rule, Rule::Spectral { measure: Measure::Rms, .. }));
        assert!(matches!(of("largest-line").rule, Rule::Spectral { measure: Measure::LineAmplitude, .. }));
        assert_eq!((of("critical-band").limit, of("largest-line").limit), (Limit::Amount(2e6), Limit::Amount(5e5)));
        set(&mut read, "critical-band", "5 %").unwrap();
        assert!(set(&mut read, "dynamic-range", "0 MW").is_err(), "a limit of nothing");
        for (name, value) in [("ramp-upp", "1 MW/s"), ("ramp-up", "1 MW"), ("rated", "-1 MW"), ("x_over_r", "ten")] {
            assert!(set(&mut read, name, value).is_err(), "{name} {value}");
        }
    }
}
