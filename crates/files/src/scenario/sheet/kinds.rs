//! What may stand behind a key: kinds of values, how they are read, an example and the words for each.
//!
//! Not modelled: kinds that depend on another key.

use tieline_units::{
    Angle, ApparentPower, Count, Energy, EnergyPrice, Frequency, Power, PowerRamp, Quantity, Ratio, ReactivePower,
    SpanQuantity, Temperature, ThermalResponse, Voltage,
};

/// What stands behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A power, "1.5 GW".
    Power,
    /// A power, or "none" for no limit and "silent" for a source that says nothing.
    Limit,
    /// A reactive power, "30 Mvar".
    Reactive,
    /// An apparent power, "250 MVA".
    Apparent,
    /// A voltage, "345 kV".
    Voltage,
    /// An angle, "30 deg".
    Angle,
    /// An energy.
    Energy,
    /// A power ramp.
    Ramp,
    /// A share.
    Ratio,
    /// A length of time.
    Span,
    /// A length of time of choice (a tick, the length of a run); needs no source.
    Interval,
    /// A temperature or a temperature difference.
    Temperature,
    /// A share per kelvin.
    PerKelvin,
    /// A price of energy.
    Price,
    /// A price of an hour, "$2.50" written as "2.50 $".
    Money,
    /// A frequency.
    Frequency,
    /// A number of things; a bare whole number is fine.
    Count,
    /// A pure number (a coefficient of performance).
    Plain,
    /// A whole number of choice (a seed); needs no source.
    Whole,
    /// Text.
    Text,
    /// One of some words.
    Word(&'static [&'static str]),
    /// True or false.
    Flag,
    /// An instant, RFC 3339 with its zone.
    Instant,
    /// A list of texts.
    Texts,
    /// A list of plain numbers; the unit stands in the key.
    Numbers,
    /// A table of its own.
    Table(&'static [Field]),
    /// A known name, or a table of its own.
    NameOr(&'static [Field]),
    /// Many tables, `[[...]]`.
    Tables(&'static [Field]),
    /// A table whose keys are free (metric names).
    Free,
}

/// Whether a key must stand there.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// It must.
    Must,
    /// It may; absent means absent.
    May,
    /// Absent means this value, which rests on this source.
    Else(&'static str, &'static str),
}

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What stands behind it.
    pub kind: Kind,
    /// Whether it must stand there.
    pub need: Need,
    /// Least and greatest value, SI.
    pub range: (f64, f64),
    /// One line for people and editors.
    pub doc: &'static str,
}

pub(super) fn parse(kind: Kind, text: &str) -> Result<f64, String> {
    fn of<Q: Quantity>(text: &str) -> Result<f64, String> {
        Q::parse(text).map(Quantity::si).map_err(|why| why.to_string())
    }
    match kind {
        Kind::Power => of::<Power>(text),
        Kind::Limit => match text.trim() {
            "none" => Ok(f64::INFINITY),
            "silent" => Ok(f64::NAN),
            other => of::<Power>(other),
        },
        Kind::Reactive => of::<ReactivePower>(text),
        Kind::Apparent => of::<ApparentPower>(text),
        Kind::Voltage => of::<Voltage>(text),
        Kind::Angle => of::<Angle>(text),
        Kind::Energy => of::<Energy>(text),
        Kind::Ramp => of::<PowerRamp>(text),
        Kind::Ratio => of::<Ratio>(text),
        Kind::Span | Kind::Interval => of::<SpanQuantity>(text),
        Kind::Temperature => of::<Temperature>(text),
        Kind::PerKelvin => of::<ThermalResponse>(text),
        Kind::Price => of::<EnergyPrice>(text),
        Kind::Money => of::<tieline_units::Money>(text),
        Kind::Frequency => of::<Frequency>(text),
        Kind::Count => of::<Count>(text),
        Kind::Plain => {
            let number: f64 = text.trim().parse().map_err(|_| "a number without a unit is expected".to_owned())?;
            if number.is_finite() { Ok(number) } else { Err("must be finite".to_owned()) }
        }
        Kind::Whole => {
            let number: u64 =
                text.trim().replace('_', "").parse().map_err(|_| "a whole number, not negative".to_owned())?;
            Ok(number as f64)
        }
        _ => Err("not a number".to_owned()),
    }
}

/// An example for messages and for the schema.
pub fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Power | Kind::Limit => Power::EXAMPLE,
        Kind::Reactive => ReactivePower::EXAMPLE,
        Kind::Apparent => ApparentPower::EXAMPLE,
        Kind::Voltage => Voltage::EXAMPLE,
        Kind::Angle => Angle::EXAMPLE,
        Kind::Energy => Energy::EXAMPLE,
        Kind::Ramp => PowerRamp::EXAMPLE,
        Kind::Ratio => Ratio::EXAMPLE,
        Kind::Span | Kind::Interval => SpanQuantity::EXAMPLE,
        Kind::Temperature => Temperature::EXAMPLE,
        Kind::PerKelvin => ThermalResponse::EXAMPLE,
        Kind::Price => EnergyPrice::EXAMPLE,
        Kind::Money => "2.5 $",
        Kind::Frequency => Frequency::EXAMPLE,
        Kind::Count => "555_000",
        Kind::Plain => "4.5",
        Kind::Whole => "1",
        Kind::Instant => "2026-07-15T00:00:00-05:00",
        _ => "text",
    }
}

/// What is expected, in words.
pub fn kind_word(kind: Kind) -> String {
    let word = match kind {
        Kind::Power => "a power",
        Kind::Limit => "a power, \"none\" or \"silent\"",
        Kind::Reactive => "a reactive power",
        Kind::Apparent => "an apparent power",
        Kind::Voltage => "a voltage",
        Kind::Angle => "an angle",
        Kind::Energy => "an energy",
        Kind::Ramp => "a power ramp",
        Kind::Ratio => "a share",
        Kind::Span | Kind::Interval => "a length of time",
        Kind::Temperature => "a temperature",
        Kind::PerKelvin => "a share per kelvin",
        Kind::Price => "a price of energy",
        Kind::Money => "an amount of money",
        Kind::Frequency => "a frequency",
        Kind::Count => "a number of things",
        Kind::Plain => "a plain number",
        Kind::Whole => "a whole number",
        Kind::Text => return "a text".to_owned(),
        Kind::Word(words) => return format!("one of: {}", words.join(", ")),
        Kind::Flag => return "true or false".to_owned(),
        Kind::Instant => "an instant with its zone",
        Kind::Texts => return "a list of texts".to_owned(),
        Kind::Numbers => return "a list of plain numbers".to_owned(),
        Kind::Table(_) | Kind::Free => return "a table".to_owned(),
        Kind::NameOr(_) => return "a known name or a table".to_owned(),
        Kind::Tables(_) => return "one or more tables".to_owned(),
    };
    format!("{word} such as \"{}\"", example(kind))
}

/// The range in the unit that people would write.
pub(super) fn range_word(field: &Field) -> String {
    fn preferred<Q: Quantity>() -> (&'static str, f64) {
        Q::UNITS[0]
    }
    let (unit, factor) = match field.kind {
        Kind::Power | Kind::Limit => preferred::<Power>(),
        Kind::Reactive => preferred::<ReactivePower>(),
        Kind::Apparent => preferred::<ApparentPower>(),
        Kind::Voltage => preferred::<Voltage>(),
        Kind::Angle => preferred::<Angle>(),
        Kind::Energy => preferred::<Energy>(),
        Kind::Ramp => preferred::<PowerRamp>(),
        Kind::Ratio => preferred::<Ratio>(),
        Kind::Span | Kind::Interval => preferred::<SpanQuantity>(),
        Kind::Temperature => preferred::<Temperature>(),
        Kind::PerKelvin => preferred::<ThermalResponse>(),
        Kind::Price => preferred::<EnergyPrice>(),
        Kind::Frequency => preferred::<Frequency>(),
        _ => ("", 1.0),
    };
    let say = |si: f64| {
        let value = si / factor;
        let digits = if value.abs() >= 1e6 || (value != 0.0 && value.abs() < 1e-3) {
            format!("{value:e}")
        } else {
            value.to_string()
        };
        format!("{digits} {unit}").trim_end().to_owned()
    };
    match field.range {
        (least, most) if most.is_infinite() => format!("at least {}", say(least)),
        (least, most) if least.is_infinite() => format!("at most {}", say(most)),
        (least, most) => format!("between {} and {}", say(least), say(most)),
    }
}
