//! Times in cells: civil stamps as loggers write them, or counts of seconds and parts of them.
//!
//! Not modelled: named time zones, years of two digits, week dates, changes of clocks (a wall clock that jumps back repeats).

use super::cells::decimal;

/// Order of the parts of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Year, month, day.
    Year,
    /// Day, month, year.
    Day,
    /// Month, day, year.
    Month,
}

/// What stands in a cell of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// An instant; whether it was written with a zone.
    Instant(i64, bool),
    /// A date alone, ns since 1970.
    Date(i64),
    /// A time of day alone, ns.
    Clock(i64),
}

/// How a cell of time is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clock {
    /// A count of units of so many ns.
    Count(f64),
    /// A civil stamp; `zone_s` is taken off those without a zone.
    Civil(Order, i64),
}

impl Clock {
    /// Instant of a cell, ns.
    pub fn read(self, cell: &[u8], point: u8) -> Option<Stamp> {
        match self {
            Self::Count(unit_ns) => {
                let number = decimal(cell, point)?;
                let rest = &cell[number.length..];
                let suffix = rest.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b' ');
                if suffix { number.nanoseconds(unit_ns).map(|ns| Stamp::Instant(ns, false)) } else { None }
            }
            Self::Civil(order, zone_s) => match civil(cell, order)? {
                Stamp::Instant(ns, false) => Some(Stamp::Instant(ns.checked_sub(zone_s * 1_000_000_000)?, false)),
                Stamp::Date(ns) => Some(Stamp::Date(ns.checked_sub(zone_s * 1_000_000_000)?)),
                other => Some(other),
            },
        }
    }
}

struct Cursor<'c> {
    cell: &'c [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.cell.get(self.at).copied()
    }

    fn eat(&mut self, any: &[u8]) -> bool {
        let hit = self.peek().is_some_and(|byte| any.contains(&byte));
        self.at += usize::from(hit);
        hit
    }

    /// A whole number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let start = self.at;
        let mut value = 0;
        while self.at - start < most && self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            value = value * 10 + i64::from(self.cell[self.at] - b'0');
            self.at += 1;
        }
        (self.at - start >= least).then_some(value)
    }
}

/// Days since 1970 of a civil date; `None` where there is no such day.
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || !(1700..=2250).contains(&year) {
        return None;
    }
    // Years counted from March, so that the leap day falls at the end.
    let y = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + of_year - 719_468)
}

/// Reads `2024-05-01T12:00:00.5+02:00`, `2024/05/01 12:00`, `01.05.2024 12:00:00,5`, `5/1/2024 1:00 PM`, a date, or a time.
pub fn civil(cell: &[u8], order: Order) -> Option<Stamp> {
    let mut at = Cursor { cell, at: 0 };
    let date = if looks_like_time(cell) { None } else { Some(date(&mut at, order)?) };
    if date.is_some() {
        while at.eat(b"T t_") {}
        if at.at == cell.len() {
            return Some(Stamp::Date(date? * 86_400_000_000_000));
        }
    }
    let mut hour = at.number(1, 2)?;
    at.eat(b":").then_some(())?;
    let minute = at.number(2, 2)?;
    let (mut second, mut part_ns) = (0, 0);
    if at.eat(b":") {
        second = at.number(2, 2)?;
        if at.eat(b".,") {
            let mut unit = 100_000_000;
            at.peek().filter(u8::is_ascii_digit)?;
            while at.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                part_ns += i64::from(cell[at.at] - b'0') * unit;
                unit /= 10;
                at.at += 1;
            }
        }
    }
    while at.eat(b" ") {}
    if let [first, last] = cell[at.at..].get(..2).unwrap_or(b"--")
        && last.eq_ignore_ascii_case(&b'm')
        && matches!(first.to_ascii_lowercase(), b'a' | b'p')
    {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if first.eq_ignore_ascii_case(&b'p') { 12 } else { 0 };
        at.at += 2;
        while at.eat(b" ") {}
    }
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let of_day = ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + part_ns;
    let zone_s = zone(&mut at)?;
    if at.at != cell.len() {
        return None;
    }
    let Some(date) = date else { return Some(Stamp::Clock(of_day)) };
    Some(Stamp::Instant(date * 86_400_000_000_000 + of_day - zone_s.unwrap_or(0) * 1_000_000_000, zone_s.is_some()))
}

/// A colon within the first three bytes: a time of day without a date.
fn looks_like_time(cell: &[u8]) -> bool {
    cell.iter().take(3).any(|byte| *byte == b':')
}

fn date(at: &mut Cursor<'_>, order: Order) -> Option<i64> {
    let first = at.number(1, 4)?;
    let mark = at.peek().filter(|byte| b"-/.".contains(byte))?;
    at.at += 1;
    let second = at.number(1, 2)?;
    at.eat(&[mark]).then_some(())?;
    let third = at.number(1, 4)?;
    match order {
        Order::Year => days(first, second, third),
        Order::Day => days(third, second, first),
        Order::Month => days(third, first, second),
    }
}

/// `Some(None)` where no zone stands, `None` where something else does.
fn zone(at: &mut Cursor<'_>) -> Option<Option<i64>> {
    let rest = &at.cell[at.at..];
    for word in ["Z", "z", "UTC", "GMT", "utc"] {
        if rest == word.as_bytes() {
            at.at = at.cell.len();
            return Some(Some(0));
        }
    }
    let sign = match rest.first() {
        None => return Some(None),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    at.at += 1;
    let hours = at.number(2, 2)?;
    at.eat(b":");
    let minutes = at.number(2, 2).unwrap_or(0);
    (hours <= 18 && minutes < 60).then_some(Some(sign * (hours * 3600 + minutes * 60)))
}

/// Reads "+02:00", "-7", "UTC", "Z", "UTC-5" as s ahead of UTC.
#[must_use]
pub fn offset(text: &str) -> Option<i64> {
    let text = text.trim();
    let bare = text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")).unwrap_or(text);
    if bare.is_empty() || bare == "Z" || bare == "z" {
        return Some(0);
    }
    let (sign, digits) = match bare.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=18).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_many_loggers_are_the_same_instant() {
        let instant = 1_714_564_800_500_000_000; // 2024-05-01T12:00:00.5Z
        let cases = [
            ("2024-05-01T12:00:00.5Z", Order::Year),
            ("2024-05-01 12:00:00.500000000", Order::Year),
            ("2024/05/01 12:00:00.500", Order::Year),
            ("2024-05-01T14:00:00.5+02:00", Order::Year),
            ("2024-05-01 05:00:00.5-0700", Order::Year),
            ("01.05.2024 12:00:00,5", Order::Day),
            ("5/1/2024 12:00:00.5 PM", Order::Month),
        ];
        for (text, order) in cases {
            let Some(Stamp::Instant(ns, _)) = civil(text.as_bytes(), order) else { panic!("{text}") };
            assert_eq!(ns, instant, "{text}");
        }
        assert_eq!(civil(b"12:34", Order::Year), Some(Stamp::Clock(45_240_000_000_000)));
        assert_eq!(civil(b"2024-05-01", Order::Year), Some(Stamp::Date(1_714_521_600_000_000_000)));
        for bad in
            ["2024-13-01 00:00", "2024-02-30", "24-05-01 00:00", "12:99", "2024-05-01 12:00:00 CEST", "x", "", "1.5"]
        {
            assert_eq!(civil(bad.as_bytes(), Order::Year), None, "{bad}");
        }
        assert_eq!(
            (offset("-07:00"), offset("UTC+1"), offset("Z"), offset("CET")),
            (Some(-25_200), Some(3600), Some(0), None)
        );
    }
}
