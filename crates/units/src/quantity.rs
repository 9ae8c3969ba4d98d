//! Physical quantities as newtypes over one `f64` in the SI base unit, and their reading from text with a unit.
//!
//! Not modelled: compound units that no scenario uses, unit arithmetic between types (kernels compute on SI slices).

use core::fmt;

/// Why a text is not a quantity of the wanted kind.
#[derive(Clone, Debug, PartialEq)]
pub enum ParseQuantityError {
    /// A number with no unit behind it.
    NoUnit {
        /// What was expected, for example `"1.5 GW"`.
        example: &'static str,
    },
    /// A unit that does not belong to this quantity.
    WrongUnit {
        /// The unit as written.
        unit: String,
        /// The units that are accepted.
        accepted: &'static [(&'static str, f64)],
    },
    /// The part before the unit is not a number.
    NotANumber {
        /// The text as written.
        text: String,
    },
    /// NaN or infinity.
    NotFinite,
}

impl fmt::Display for ParseQuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUnit { example } => write!(f, "a unit is missing; write for example \"{example}\""),
            Self::WrongUnit { unit, accepted } => {
                write!(f, "\"{unit}\" is not a unit of this quantity; accepted:")?;
                accepted.iter().try_for_each(|(name, _)| write!(f, " {name}"))
            }
            Self::NotANumber { text } => write!(f, "\"{text}\" is not a number"),
            Self::NotFinite => write!(f, "must be finite"),
        }
    }
}

impl std::error::Error for ParseQuantityError {}

/// A quantity that can be read from text with a unit.
pub trait Quantity: Sized + Copy {
    /// What the quantity is called, for messages ("power").
    const NAME: &'static str;
    /// A well-formed example, for messages.
    const EXAMPLE: &'static str;
    /// Accepted units with their factor to the SI base unit, first the one preferred for printing.
    const UNITS: &'static [(&'static str, f64)];
    /// From a value in the SI base unit.
    fn from_si(value: f64) -> Self;
    /// The value in the SI base unit.
    fn si(self) -> f64;

    /// A number of a unit with this factor, in the SI base unit.
    #[must_use]
    fn of_unit(number: f64, _unit: &str, factor: f64) -> f64 {
        number * factor
    }

    /// Reads `"1.5 GW"`; a blank between number and unit is optional, `_` may group digits.
    fn parse(text: &str) -> Result<Self, ParseQuantityError> {
        let (value, unit) = split(text);
        let number: f64 = value
            .replace('_', "")
            .parse()
            .map_err(|_| ParseQuantityError::NotANumber { text: text.trim().to_owned() })?;
        let Some((_, factor)) = Self::UNITS.iter().find(|(name, _)| *name == unit) else {
            if unit.is_empty() {
                return Err(ParseQuantityError::NoUnit { example: Self::EXAMPLE });
            }
            return Err(ParseQuantityError::WrongUnit { unit: unit.to_owned(), accepted: Self::UNITS });
        };
        let si = Self::of_unit(number, unit, *factor);
        if si.is_finite() { Ok(Self::from_si(si)) } else { Err(ParseQuantityError::NotFinite) }
    }
}

/// Splits at the first character that cannot continue a number: `"1.5e3 GW"` into `"1.5e3"` and `"GW"`.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let c = bytes[end];
        let exponent = matches!(c, b'e' | b'E')
            && end > 0
            && bytes[end - 1].is_ascii_digit()
            && bytes.get(end + 1).is_some_and(|n| n.is_ascii_digit() || matches!(n, b'+' | b'-'));
        let sign = matches!(c, b'+' | b'-') && (end == 0 || matches!(bytes[end - 1], b'e' | b'E'));
        if !(c.is_ascii_digit() || c == b'.' || c == b'_' || exponent || sign) {
            break;
        }
        end += 1;
    }
    (&text[..end], text[end..].trim())
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $label:literal, $example:literal, [$(($unit:literal, $factor:expr, $new:ident, $as:ident, $what:literal)),+ $(,)?] $(, also [$(($other:literal, $of:expr)),*])?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
        pub struct $name(f64);

        impl $name {
            $(
                #[doc = concat!("From ", $what, ".")]
                #[must_use]
                pub const fn $new(value: f64) -> Self { Self(value * $factor) }
                #[doc = concat!("In ", $what, ".")]
                #[must_use]
                pub const fn $as(self) -> f64 { self.0 / $factor }
            )+
        }

        impl Quantity for $name {
            const NAME: &'static str = $label;
            const EXAMPLE: &'static str = $example;
            const UNITS: &'static [(&'static str, f64)] = &[$(($unit, $factor)),+ $(, $(($other, $of)),*)?];
            fn from_si(value: f64) -> Self { Self(value) }
            fn si(self) -> f64 { self.0 }
        }
    };
}

quantity!(
    /// Power, watts inside. Positive flows into the component.
    Power, "power", "1.5 GW",
    [("MW", 1e6, mw, as_mw, "megawatts"), ("kW", 1e3, kw, as_kw, "kilowatts"), ("GW", 1e9, gw, as_gw, "gigawatts"), ("W", 1.0, w, as_w, "watts")]
);
quantity!(
    /// Reactive power, var.
    ReactivePower, "reactive power", "30 Mvar",
    [("Mvar", 1e6, mvar, as_mvar, "megavars"), ("kvar", 1e3, kvar, as_kvar, "kilovars"), ("var", 1.0, var, as_var, "vars")],
    also [("Gvar", 1e9)]
);
quantity!(
    /// Apparent power, volt-amperes.
    ApparentPower, "apparent power", "250 MVA",
    [("MVA", 1e6, mva, as_mva, "megavolt-amperes"), ("kVA", 1e3, kva, as_kva, "kilovolt-amperes"), ("VA", 1.0, va, as_va, "volt-amperes")],
    also [("GVA", 1e9)]
);
quantity!(
    /// Voltage, volts.
    Voltage, "voltage", "345 kV",
    [("kV", 1e3, kv, as_kv, "kilovolts"), ("V", 1.0, v, as_v, "volts")]
);
quantity!(
    /// Energy, joules inside.
    Energy, "energy", "655 MWh",
    [("MWh", 3.6e9, mwh, as_mwh, "megawatt-hours"), ("kWh", 3.6e6, kwh, as_kwh, "kilowatt-hours"), ("GWh", 3.6e12, gwh, as_gwh, "gigawatt-hours"), ("J", 1.0, j, as_j, "joules")],
    also [("kJ", 1e3), ("MJ", 1e6), ("GJ", 1e9), ("TWh", 3.6e15), ("Wh", 3.6e3)]
);
quantity!(
    /// Rate of change of power, watts per second inside.
    PowerRamp, "power ramp", "50 MW/min",
    [("MW/min", 1e6 / 60.0, mw_per_min, as_mw_per_min, "megawatts per minute"), ("MW/s", 1e6, mw_per_s, as_mw_per_s, "megawatts per second"), ("W/s", 1.0, w_per_s, as_w_per_s, "watts per second")],
    also [("kW/s", 1e3), ("kW/min", 1e3 / 60.0)]
);
quantity!(
    /// A share, a number between 0 and 1 where 1 is all of it; may exceed 1 where the meaning allows.
    Ratio, "ratio", "85 %",
    [("%", 0.01, percent, as_percent, "percent"), ("pu", 1.0, pu, as_pu, "per unit")],
    also [("ppm", 1e-6)]
);
quantity!(
    /// Frequency, hertz.
    Frequency, "frequency", "60 Hz",
    [("Hz", 1.0, hz, as_hz, "hertz"), ("mHz", 1e-3, mhz, as_mhz, "millihertz")]
);
quantity!(
    /// A length of time as a physical quantity (a lag, a mean time to repair), seconds inside.
    SpanQuantity, "time span", "250 ms",
    [("s", 1.0, s, as_s, "seconds"), ("ms", 1e-3, ms, as_ms, "milliseconds"), ("min", 60.0, min, as_min, "minutes"), ("h", 3600.0, h, as_h, "hours"), ("d", 86400.0, d, as_d, "days")],
    also [("us", 1e-6), ("ns", 1e-9)]
);
quantity!(
    /// Price of energy, dollars per joule inside.
    EnergyPrice, "price of energy", "45 $/MWh",
    [("$/MWh", 1.0 / 3.6e9, usd_per_mwh, as_usd_per_mwh, "dollars per megawatt-hour"), ("$/kWh", 1.0 / 3.6e6, usd_per_kwh, as_usd_per_kwh, "dollars per kilowatt-hour")],
    also [("$/J", 1.0)]
);
quantity!(
    /// Money, US dollars.
    Money, "money", "2.5 $",
    [("$", 1.0, usd, as_usd, "dollars")],
    also [("k$", 1e3), ("M$", 1e6), ("B$", 1e9), ("G$", 1e9)]
);
quantity!(
    /// Rate of change of a temperature-driven share, per kelvin.
    ThermalResponse, "share per kelvin", "0.7 %/K",
    [("%/K", 0.01, percent_per_k, as_percent_per_k, "percent per kelvin"), ("1/K", 1.0, per_k, as_per_k, "one per kelvin")]
);
quantity!(
    /// Mass, kilograms.
    Mass, "mass", "12 t",
    [("t", 1e3, t, as_t, "tonnes"), ("kg", 1.0, kg, as_kg, "kilograms")]
);
quantity!(
    /// A number of things (GPUs, tokens, parameters) written with a scale word.
    Count, "count", "6 T",
    [("", 1.0, of, as_f64, "ones"), ("T", 1e12, trillion, as_trillion, "trillions (1e12)"), ("B", 1e9, billion, as_billion, "billions (1e9)"), ("M", 1e6, million, as_million, "millions"), ("k", 1e3, thousand, as_thousand, "thousands")]
);

/// Temperature, degrees Celsius inside (differences only ever enter as kelvin, and weather files speak Celsius).
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Temperature(f64);

impl Temperature {
    /// From degrees Celsius.
    #[must_use]
    pub const fn celsius(value: f64) -> Self {
        Self(value)
    }
    /// In degrees Celsius.
    #[must_use]
    pub const fn as_celsius(self) -> f64 {
        self.0
    }
}

impl Quantity for Temperature {
    const NAME: &'static str = "temperature";
    const EXAMPLE: &'static str = "35 C";
    const UNITS: &'static [(&'static str, f64)] = &[("C", 1.0), ("degC", 1.0), ("°C", 1.0)];
    fn from_si(value: f64) -> Self {
        Self(value)
    }
    fn si(self) -> f64 {
        self.0
    }
}

/// Angle, radians inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Angle(f64);

impl Quantity for Angle {
    const NAME: &'static str = "angle";
    const EXAMPLE: &'static str = "30 deg";
    const UNITS: &'static [(&'static str, f64)] =
        &[("deg", core::f64::consts::PI / 180.0), ("°", core::f64::consts::PI / 180.0), ("rad", 1.0)];
    fn from_si(value: f64) -> Self {
        Self(value)
    }
    fn si(self) -> f64 {
        self.0
    }
    fn of_unit(number: f64, unit: &str, factor: f64) -> f64 {
        // Multiplied first: the same bits as every reader of planners' files, which count angles so.
        if unit == "rad" { number * factor } else { number * core::f64::consts::PI / 180.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_and_its_unit() {
        assert_eq!(Power::parse("1.5 GW"), Ok(Power::gw(1.5)));
        assert_eq!(Power::parse("1.5GW"), Ok(Power::gw(1.5)));
        assert_eq!(Power::parse("-2e3 kW"), Ok(Power::mw(-2.0)));
        assert_eq!(Ratio::parse("85 %"), Ok(Ratio::from_si(0.85)));
        assert_eq!(Energy::parse("655.2 MWh").map(|e| e.as_j()), Ok(655.2 * 3.6e9));
        assert_eq!(PowerRamp::parse("60 MW/min"), Ok(PowerRamp::mw_per_min(60.0)));
        assert_eq!(Count::parse("555_000"), Ok(Count::of(555e3)));
        assert_eq!(ReactivePower::parse("-30 Mvar"), Ok(ReactivePower::from_si(-30e6)));
        assert_eq!(ApparentPower::parse("0.25 GVA"), Ok(ApparentPower::mva(250.0)));
        assert_eq!(Voltage::parse("345 kV"), Ok(Voltage::v(345e3)));
        assert_eq!(Angle::parse("30 deg").map(Angle::si), Ok(30.0 * core::f64::consts::PI / 180.0));
        assert_eq!(Angle::parse("-0.5rad").map(Angle::si), Ok(-0.5));
    }

    #[test]
    fn refuses_what_is_not_a_quantity() {
        assert!(matches!(Power::parse("1.5"), Err(ParseQuantityError::NoUnit { .. })));
        assert!(matches!(Power::parse("1.5 MWh"), Err(ParseQuantityError::WrongUnit { .. })));
        assert!(matches!(Power::parse("NaN MW"), Err(ParseQuantityError::NotANumber { .. })));
        assert!(matches!(Power::parse("1e400 MW"), Err(ParseQuantityError::NotFinite)));
        assert!(matches!(Power::parse(""), Err(ParseQuantityError::NotANumber { .. })));
        assert!(matches!(
            Power::parse("1e MW"),
            Err(ParseQuantityError::NotANumber { .. } | ParseQuantityError::WrongUnit { .. })
        ));
    }
}
