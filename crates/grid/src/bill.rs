//! The bill of a campus: energy at the price of its zone, capacity and transmission by the hours of the system's peaks,
//! demand charges by its own.
//!
//! PJM-like: capacity is obliged by the mean of the campus's load in the five highest daily peaks of the system in June
//! to September (5CP), transmission by its load in the hour of the zone's annual peak (1CP). TVA-like: a charge on the
//! greatest hour of each month. A tariff may have all of them.
//!
//! Not modelled: the year's shift between the hours that set an obligation and the year that pays it (one year pays for
//! its own hours); weather normalisation and add-backs; ancillary services, losses, fees of the utility, taxes; the half
//! hours of a billing meter (an hour is the shortest time here).

use tieline_units::{Span, Utc};

/// Days whose peaks oblige capacity.
pub const PEAK_DAYS: usize = 5;
const HOUR_S: f64 = 3600.0;

/// Prices of a tariff; zero where a utility has no such thing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tariff {
    /// A fixed price of energy in place of the zone's, $/J.
    pub energy_usd_per_j: Option<f64>,
    /// Price of a watt of unforced capacity for a day, $.
    pub capacity_usd_per_w_day: f64,
    /// Unforced capacity that is bought for each watt of load at the peaks.
    pub capacity_per_load: f64,
    /// Price of a watt at the zone's annual peak for a year, $.
    pub transmission_usd_per_w_year: f64,
    /// Price of a watt of each month's greatest hour, $.
    pub demand_usd_per_w_month: f64,
}

/// What is billed, from hour to hour.
#[derive(Clone, Copy, Debug)]
pub struct Metered<'m> {
    /// Beginning of the first hour.
    pub start: Utc,
    /// Local clock against UTC.
    pub offset: Span,
    /// Draw of the campus, W.
    pub campus_w: &'m [f64],
    /// Price of energy in its zone, $/J.
    pub price_usd_per_j: &'m [f64],
    /// Load of the whole system, W: its peaks oblige capacity.
    pub system_w: &'m [f64],
    /// Load of its zone, W: its peak shares out transmission.
    pub zone_w: &'m [f64],
}

/// A bill.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bill {
    /// Energy drawn, J.
    pub energy_j: f64,
    /// Energy, $.
    pub energy_usd: f64,
    /// Mean draw in the peak hours that oblige capacity, W; none where the hours hold no summer day.
    pub capacity_w: Option<f64>,
    /// Those hours, from 0, highest first.
    pub capacity_hours: Vec<usize>,
    /// Capacity, $.
    pub capacity_usd: f64,
    /// Draw in the hour of the zone's peak, W.
    pub transmission_w: f64,
    /// That hour.
    pub transmission_hour: usize,
    /// Transmission, $.
    pub transmission_usd: f64,
    /// Greatest draw of each month, W, with the month (1 to 12).
    pub months: Vec<(u32, f64)>,
    /// Demand charges, $.
    pub demand_usd: f64,
}

impl Bill {
    /// All of it, $.
    #[must_use]
    pub fn total_usd(&self) -> f64 {
        self.energy_usd + self.capacity_usd + self.transmission_usd + self.demand_usd
    }
}

/// Month (1 to 12) of a day counted from 1970, by Hinnant's civil calendar.
#[must_use]
pub fn month_of(day: i64) -> u32 {
    let of_era = (day + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    (if shifted < 10 { shifted + 3 } else { shifted - 9 }) as u32
}

/// Days of a month of a common year.
#[must_use]
pub fn days_of(month: u32) -> f64 {
    match month {
        2 => 28.0,
        4 | 6 | 9 | 11 => 30.0,
        _ => 31.0,
    }
}

/// Hours of the highest peaks of different summer days (June to September), highest first; the earlier of two alike.
#[must_use]
pub fn coincident_peaks(start: Utc, offset: Span, system_w: &[f64], days: usize) -> Vec<usize> {
    let mut peaks: Vec<(i64, usize)> = Vec::new();
    for (hour, load_w) in system_w.iter().enumerate() {
        let (day, _) = (start + Span::secs(3600 * hour as i64)).day_and_hour(offset);
        if !(6..=9).contains(&month_of(day)) {
            continue;
        }
        match peaks.last_mut().filter(|last| last.0 == day) {
            Some(last) if *load_w > system_w[last.1] => last.1 = hour,
            Some(_) => {}
            None => peaks.push((day, hour)),
        }
    }
    peaks.sort_by(|a, b| system_w[b.1].total_cmp(&system_w[a.1]).then(a.1.cmp(&b.1)));
    peaks.into_iter().take(days).map(|peak| peak.1).collect()
}

/// The bill of what was metered. Capacity and transmission are charged for the share of a year that the hours are, demand
/// for the share of each month.
///
/// # Panics
/// If the series differ in length or are empty.
#[must_use]
pub fn bill(tariff: &Tariff, metered: &Metered<'_>) -> Bill {
    let hours = metered.campus_w.len();
    let lengths = [metered.price_usd_per_j.len(), metered.system_w.len(), metered.zone_w.len()];
    assert!(hours > 0 && lengths.iter().all(|length| *length == hours), "series of one length");
    let price = |hour: usize| tariff.energy_usd_per_j.unwrap_or(metered.price_usd_per_j[hour]);
    let energy_usd = (0..hours).map(|hour| metered.campus_w[hour] * HOUR_S * price(hour)).sum();
    let capacity_hours = coincident_peaks(metered.start, metered.offset, metered.system_w, PEAK_DAYS);
    let capacity_w = (!capacity_hours.is_empty())
        .then(|| capacity_hours.iter().map(|hour| metered.campus_w[*hour]).sum::<f64>() / capacity_hours.len() as f64);
    let days = hours as f64 / 24.0;
    let capacity_usd = capacity_w.unwrap_or(0.0) * tariff.capacity_per_load * tariff.capacity_usd_per_w_day * days;
    let highest = |best: usize, hour: usize| if metered.zone_w[hour] > metered.zone_w[best] { hour } else { best };
    let transmission_hour = (0..hours).fold(0, highest);
    let transmission_w = metered.campus_w[transmission_hour];
    // Month, hours of it, greatest draw.
    let mut months: Vec<(u32, f64, f64)> = Vec::new();
    for (hour, campus_w) in metered.campus_w.iter().enumerate() {
        let (day, _) = (metered.start + Span::secs(3600 * hour as i64)).day_and_hour(metered.offset);
        let month = month_of(day);
        match months.last_mut().filter(|last| last.0 == month) {
            Some(last) => (last.1, last.2) = (last.1 + 1.0, last.2.max(*campus_w)),
            None => months.push((month, 1.0, *campus_w)),
        }
    }
    let share = |month: u32, hours: f64| (hours / (24.0 * days_of(month))).min(1.0);
    let demand_usd = months.iter().map(|month| month.2 * share(month.0, month.1) * tariff.demand_usd_per_w_month).sum();
    Bill {
        energy_j: metered.campus_w.iter().sum::<f64>() * HOUR_S,
        energy_usd,
        capacity_w,
        capacity_hours,
        capacity_usd,
        transmission_w,
        transmission_hour,
        transmission_usd: transmission_w * tariff.transmission_usd_per_w_year * days / 365.0,
        months: months.into_iter().map(|month| (month.0, month.2)).collect(),
        demand_usd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EST: Span = Span::secs(-5 * 3600);

    #[test]
    fn months_are_those_of_the_calendar() {
        let month = |text: &str| month_of(Utc::parse(text).expect("valid").day_and_hour(Span::secs(0)).0);
        for (text, wanted) in [
            ("2024-02-29T12:00:00Z", 2),
            ("2024-03-01T00:00:00Z", 3),
            ("2026-12-31T23:00:00Z", 12),
            ("2000-01-01T00:00:00Z", 1),
            ("2026-06-30T23:59:00Z", 6),
        ] {
            assert_eq!(month(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_year_by_hand() {
        let start = Utc::parse("2026-01-01T00:00:00-05:00").expect("valid");
        let mut system_w = vec![100e9; 8760];
        // Six high days: one in January (not of summer), five in July and August, and a second high hour on one of them.
        for (day, height) in
            [(20, 200e9), (190, 150e9), (191, 149e9), (200, 148e9), (210, 147e9), (230, 146e9), (240, 140e9)]
        {
            system_w[day * 24 + 17] = height;
        }
        system_w[190 * 24 + 18] = 149.5e9;
        let mut campus_w = vec![500e6; 8760];
        campus_w[190 * 24 + 17] = 300e6;
        campus_w[20 * 24 + 17] = 100e6;
        let tariff = Tariff {
            energy_usd_per_j: None,
            capacity_usd_per_w_day: 329.17 / 1e6,
            capacity_per_load: 0.917,
            transmission_usd_per_w_year: 60_000.0 / 1e6,
            demand_usd_per_w_month: 0.01,
        };
        let price = vec![40.0 / 3.6e9; 8760];
        let metered = Metered {
            start,
            offset: EST,
            campus_w: &campus_w,
            price_usd_per_j: &price,
            system_w: &system_w,
            zone_w: &system_w,
        };
        let found = bill(&tariff, &metered);
        assert_eq!(found.capacity_hours, [190 * 24 + 17, 191 * 24 + 17, 200 * 24 + 17, 210 * 24 + 17, 230 * 24 + 17]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * b.abs();
        assert!(near(found.capacity_w.expect("summer"), 460e6), "{found:?}");
        assert!(near(found.capacity_usd, 460.0 * 0.917 * 329.17 * 365.0));
        assert_eq!((found.transmission_hour, found.transmission_w), (20 * 24 + 17, 100e6));
        assert!(near(found.transmission_usd, 100.0 * 60_000.0));
        assert!(near(found.energy_usd, (500.0 * 8760.0 - 600.0) * 40.0));
        assert_eq!(found.months.len(), 12);
        assert!(near(found.demand_usd, 12.0 * 500e6 * 0.01));
        let winter = Metered {
            campus_w: &campus_w[..700],
            price_usd_per_j: &price[..700],
            system_w: &system_w[..700],
            zone_w: &system_w[..700],
            ..metered
        };
        let none = bill(&tariff, &winter);
        assert_eq!((none.capacity_w, none.capacity_usd), (None, 0.0));
        assert!(near(none.demand_usd, 500e6 * 0.01 * 700.0 / 744.0), "a part of a month pays its part");
    }
}
