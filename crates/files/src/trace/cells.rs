//! Numbers in cells: decimal text to a value, exactly as the standard library would, and quicker.
//!
//! Not modelled: hexadecimal, fractions, numbers in words.

use super::PowerUnit;

/// Powers of ten that a double holds exactly.
const EXACT: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A decimal number as written: sign, digits, and where the point stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// Below zero.
    pub negative: bool,
    /// Digits as a whole number; meaningful if `exact`.
    pub digits: u64,
    /// Power of ten that the digits are to be multiplied by.
    pub exponent: i32,
    /// Whether all digits fitted.
    pub exact: bool,
    /// Bytes that belong to the number.
    pub length: usize,
}

/// Reads a number at the start of a cell; `point` is the decimal sign. `None` where no digit stands.
pub fn decimal(cell: &[u8], point: u8) -> Option<Decimal> {
    let mut at = 0;
    let negative = match cell.first()? {
        b'-' => {
            at = 1;
            true
        }
        b'+' => {
            at = 1;
            false
        }
        _ => false,
    };
    let (mut digits, mut exponent, mut exact, mut any) = (0_u64, 0_i32, true, false);
    let mut behind = false;
    while at < cell.len() {
        let byte = cell[at];
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            any = true;
            if digits < 1_000_000_000_000_000_000 {
                digits = digits * 10 + u64::from(digit);
                exponent -= i32::from(behind);
            } else {
                exact = false;
                exponent += i32::from(!behind);
            }
        } else if byte == point && !behind {
            behind = true;
        } else {
            break;
        }
        at += 1;
    }
    if !any {
        return None;
    }
    if at + 1 < cell.len() && matches!(cell[at], b'e' | b'E') {
        let mut next = at + 1;
        let minus = cell[next] == b'-';
        next += usize::from(matches!(cell[next], b'-' | b'+'));
        let mut value = 0_i32;
        let first = next;
        while next < cell.len() && cell[next].is_ascii_digit() {
            value = (value * 10 + i32::from(cell[next] - b'0')).min(9999);
            next += 1;
        }
        if next > first {
            exponent += if minus { -value } else { value };
            at = next;
        }
    }
    Some(Decimal { negative, digits, exponent, exact, length: at })
}

impl Decimal {
    /// The value; `cell` is what it was read from, for what the quick way cannot do exactly.
    pub fn value(&self, cell: &[u8], point: u8) -> f64 {
        let size = if self.exact && self.digits < 1 << 53 && self.exponent.unsigned_abs() <= 22 {
            // Both factors are exact, so one rounding happens, as it must (Clinger 1990).
            let power = EXACT[self.exponent.unsigned_abs() as usize];
            if self.exponent < 0 { self.digits as f64 / power } else { self.digits as f64 * power }
        } else {
            let text: String =
                cell[..self.length].iter().map(|byte| if *byte == point { '.' } else { char::from(*byte) }).collect();
            return text.parse().unwrap_or(f64::NAN);
        };
        if self.negative { -size } else { size }
    }

    /// As whole nanoseconds, for a unit of so many; `None` beyond the range.
    pub fn nanoseconds(&self, unit_ns: f64) -> Option<i64> {
        let sign = if self.negative { -1 } else { 1 };
        let ten = |power: u32| 10_i128.checked_pow(power);
        if self.exponent < -30 || self.exponent > 30 {
            return None;
        }
        // Units are whole numbers of ns; small products need no wide division.
        let unit = unit_ns as u64;
        if let Some(product) = self.digits.checked_mul(unit)
            && let Some(power) = 10_u64.checked_pow(self.exponent.unsigned_abs())
            && self.exponent <= 0
        {
            return i64::try_from((product + power / 2) / power).ok().map(|ns| sign * ns);
        }
        let product = i128::from(self.digits) * i128::from(unit);
        let ns = if self.exponent < 0 {
            let power = ten(self.exponent.unsigned_abs())?;
            (product + power / 2) / power
        } else {
            product.checked_mul(ten(self.exponent.unsigned_abs())?)?
        };
        i64::try_from(ns).ok().map(|ns| sign * ns)
    }
}

/// What a cell of power holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// A number, and the unit that stands behind it.
    Number(f64, Option<PowerUnit>),
    /// A word for no reading, or nothing.
    Missing,
    /// Something else.
    Unreadable,
}

/// Reads a cell of power: a number, perhaps with thousands set apart, perhaps with its unit behind.
pub fn cell(cell: &[u8], point: u8) -> Cell {
    if let Some(read) = decimal(cell, point)
        && read.length == cell.len()
    {
        return Cell::Number(read.value(cell, point), None);
    }
    let bare = trim(cell);
    if missing(bare) {
        return Cell::Missing;
    }
    let Some(read) = decimal(bare, point) else { return Cell::Unreadable };
    let rest = trim(&bare[read.length..]);
    if rest.is_empty() {
        return Cell::Number(read.value(bare, point), None);
    }
    let apart = if point == b',' { b'.' } else { b',' };
    if rest.len() > 3 && (rest[0] == apart || rest[0] == b'\'') && rest[1..4].iter().all(u8::is_ascii_digit) {
        let joined: Vec<u8> = bare.iter().copied().filter(|byte| *byte != apart && *byte != b'\'').collect();
        return self::cell(&joined, point);
    }
    match std::str::from_utf8(rest).ok().and_then(PowerUnit::read) {
        Some(unit) => Cell::Number(read.value(bare, point), Some(unit)),
        None => Cell::Unreadable,
    }
}

/// Blanks and quotes off both ends.
pub fn trim(mut cell: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = cell
        && (first.is_ascii_whitespace() || *first == b'"')
    {
        cell = rest;
    }
    while let [rest @ .., last] = cell
        && (last.is_ascii_whitespace() || *last == b'"')
    {
        cell = rest;
    }
    cell
}

/// Words that loggers write where there is no reading.
pub fn missing(cell: &[u8]) -> bool {
    const WORDS: [&str; 22] = [
        "nan",
        "null",
        "none",
        "na",
        "n/a",
        "#n/a",
        "[n/a]",
        "missing",
        "empty",
        "-",
        "--",
        "---",
        "?",
        "bad",
        "error",
        "inf",
        "-inf",
        "no data",
        "nil",
        "[not supported]",
        "#value!",
        "invalid",
    ];
    cell.is_empty() || WORDS.iter().any(|word| cell.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_standard_library() {
        let texts = [
            "0",
            "-0.0",
            "1",
            "123456789.123456",
            "0.1",
            "1e-7",
            "5E3",
            "1.7976931348623157e308",
            "4.9e-324",
            "00012.500",
            "9007199254740993",
            "123456789012345678901234567890",
            "0.000000000000000000000000123",
            "3.",
            ".5",
            "+7.25",
        ];
        for text in texts {
            let read = decimal(text.as_bytes(), b'.').unwrap();
            assert_eq!(read.value(text.as_bytes(), b'.').to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
            assert_eq!(read.length, text.len());
        }
        let comma = "1234,5".as_bytes();
        assert_eq!(decimal(comma, b',').unwrap().value(comma, b','), 1234.5);
        assert_eq!((decimal(b"", b'.'), decimal(b"-", b'.'), decimal(b"e5", b'.')), (None, None, None));
        assert_eq!(decimal(b"287.31 W", b'.').unwrap().length, 6);
    }

    #[test]
    fn cells_hold_numbers_as_people_export_them() {
        for (text, value, unit) in [
            ("287.31 W", 287.31, Some(PowerUnit::Watt)),
            ("80,123.4", 80_123.4, None),
            ("1,280,123.4 kW", 1_280_123.4, Some(PowerUnit::Kilowatt)),
            ("12'345", 12_345.0, None),
            (" \"5\" ", 5.0, None),
        ] {
            assert_eq!(cell(text.as_bytes(), b'.'), Cell::Number(value, unit), "{text}");
        }
        assert_eq!(cell(b"1.280,5", b','), Cell::Number(1280.5, None));
        for text in ["", "NaN", "[N/A]", "Bad", "--"] {
            assert_eq!(cell(text.as_bytes(), b'.'), Cell::Missing, "{text}");
        }
        for text in ["12 apples", "x", "1,2"] {
            assert_eq!(cell(text.as_bytes(), b'.'), Cell::Unreadable, "{text}");
        }
    }

    #[test]
    fn times_are_exact_to_the_nanosecond() {
        let ns = |text: &str, unit: f64| decimal(text.as_bytes(), b'.').unwrap().nanoseconds(unit);
        assert_eq!(ns("1714564800.123456789", 1e9), Some(1_714_564_800_123_456_789));
        assert_eq!(ns("0.001", 1e9), Some(1_000_000));
        assert_eq!(ns("1714564800123", 1e6), Some(1_714_564_800_123_000_000));
        assert_eq!(ns("1.714564800123e9", 1e9), Some(1_714_564_800_123_000_000));
        assert_eq!(ns("-2.5", 3.6e12), Some(-9_000_000_000_000));
        assert_eq!(ns("1e30", 1e9), None);
    }
}
