//! Time: a monotonic count of nanoseconds since the run began, and UTC as a reading beside it.
//!
//! Not modelled: leap seconds (UTC is POSIX time), local time zones other than a fixed offset.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A length of time in whole nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// From nanoseconds.
    #[must_use]
    #[inline]
    pub const fn nanos(value: i64) -> Self {
        Self(value)
    }
    /// From milliseconds.
    #[must_use]
    pub const fn millis(value: i64) -> Self {
        Self(value * 1_000_000)
    }
    /// From whole seconds.
    #[must_use]
    pub const fn secs(value: i64) -> Self {
        Self(value * 1_000_000_000)
    }
    /// From seconds, rounded to the nearest nanosecond; saturates at about 292 years.
    #[must_use]
    pub fn from_secs_f64(value: f64) -> Self {
        Self(libm::round(value * 1e9) as i64)
    }
    /// In nanoseconds.
    #[must_use]
    #[inline]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
    /// In seconds.
    #[must_use]
    #[inline]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// An instant: nanoseconds since the run began. Monotonic; the only clock that `control` computes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The instant at which the run began.
    pub const ZERO: Self = Self(0);
    /// Before every instant of a run: "never happened".
    pub const NEVER: Self = Self(i64::MIN / 2);
    /// After every instant of a run: "no end".
    pub const FOREVER: Self = Self(i64::MAX / 2);
    /// From nanoseconds since the run began.
    #[must_use]
    #[inline]
    pub const fn nanos(value: i64) -> Self {
        Self(value)
    }
    /// In nanoseconds since the run began.
    #[must_use]
    #[inline]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
    /// In seconds since the run began.
    #[must_use]
    #[inline]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add for Span {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Add<Span> for Time {
    type Output = Self;
    #[inline]
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    #[inline]
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub for Time {
    type Output = Span;
    #[inline]
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Sub<Span> for Time {
    type Output = Self;
    #[inline]
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// Why a text is not an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTimeError {
    /// The reason, for the user.
    pub reason: String,
}

impl fmt::Display for ParseTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ParseTimeError {}

/// An instant of civil time: nanoseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utc(i64);

impl Utc {
    /// From nanoseconds since 1970-01-01T00:00Z.
    #[must_use]
    #[inline]
    pub const fn nanos(value: i64) -> Self {
        Self(value)
    }
    /// In nanoseconds since 1970-01-01T00:00Z.
    #[must_use]
    #[inline]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
    /// Reads RFC 3339 with a zone or `Z`; a stamp without a zone is refused, since guessing one would shift the day.
    pub fn parse(text: &str) -> Result<Self, ParseTimeError> {
        if text.contains('[') {
            // A named zone behind the offset would be skipped unread, and may contradict it.
            let reason = "write the offset from UTC alone, without a named zone in brackets".to_owned();
            return Err(ParseTimeError { reason });
        }
        let stamp: jiff::Timestamp = text.trim().parse().map_err(|e: jiff::Error| ParseTimeError {
            reason: format!("{e}; write for example 2026-07-15T00:00:00-05:00, with its zone"),
        })?;
        i64::try_from(stamp.as_nanosecond())
            .map(Self)
            .map_err(|_| ParseTimeError { reason: "outside the years 1678 to 2262".to_owned() })
    }
    /// Days since 1970-01-01 (UTC), the hour of the day as a fraction of hours, with `offset` added first.
    #[must_use]
    pub fn day_and_hour(self, offset: Span) -> (i64, f64) {
        let local = self.0.saturating_add(offset.0);
        let day = local.div_euclid(86_400_000_000_000);
        (day, local.rem_euclid(86_400_000_000_000) as f64 / 3.6e12)
    }
    /// Day of the week of a day number, Monday = 0.
    #[must_use]
    pub const fn weekday(day: i64) -> i64 {
        (day + 3).rem_euclid(7)
    }
}

impl Add<Span> for Utc {
    type Output = Self;
    #[inline]
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Utc {
    type Output = Span;
    #[inline]
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_round_trips_and_wants_a_zone() {
        let noon = Utc::parse("2026-07-15T12:00:00-05:00").expect("valid");
        assert_eq!(noon.to_string(), "2026-07-15T17:00:00Z");
        assert!(Utc::parse("2026-07-15T12:00:00").is_err());
        assert!(Utc::parse("2026-13-15T12:00:00Z").is_err());
    }

    #[test]
    fn weekday_of_known_dates() {
        let (day, hour) = Utc::parse("2026-07-15T12:00:00-05:00").expect("valid").day_and_hour(Span::secs(-5 * 3600));
        assert_eq!((Utc::weekday(day), hour), (2, 12.0), "15 July 2026 is a Wednesday");
    }
}
