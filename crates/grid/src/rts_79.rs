//! The hourly load of the IEEE Reliability Test System of 1979: weekly, daily and hourly shares of the annual peak.
//!
//! Source: IEEE RTS-79 (IEEE Trans. PAS 98(6), 1979), transcribed; the transcription is held by the published energy of
//! 15,297 GWh (V-ADEQ-28).
//!
//! Not modelled: the network, the fleet (it is a file, `grids/rts-79.toml`).

/// Hours of the system's year: 52 weeks from a Monday.
pub const HOURS: usize = 52 * 168;

/// Peak of a week over that of the year, percent.
const WEEK: [f64; 52] = [
    86.2, 90.0, 87.8, 83.4, 88.0, 84.1, 83.2, 80.6, 74.0, 73.7, 71.5, 72.7, 70.4, 75.0, 72.1, 80.0, 75.4, 83.7, 87.0,
    88.0, 85.6, 81.1, 90.0, 88.7, 89.6, 86.1, 75.5, 81.6, 80.1, 88.0, 72.2, 77.6, 80.0, 72.9, 72.6, 70.5, 78.0, 69.5,
    72.4, 72.4, 74.3, 74.4, 80.0, 88.1, 88.5, 90.9, 94.0, 89.0, 94.2, 97.0, 100.0, 95.2,
];
/// Peak of a day over that of its week, percent, from Monday.
const DAY: [f64; 7] = [93.0, 100.0, 98.0, 96.0, 94.0, 77.0, 75.0];
/// Load of an hour over the peak of its day, percent: winter, summer, between; weekday, then weekend.
const HOUR: [[[u8; 24]; 2]; 3] = [
    [
        [67, 63, 60, 59, 59, 60, 74, 86, 95, 96, 96, 95, 95, 95, 93, 94, 99, 100, 100, 96, 91, 83, 73, 63],
        [78, 72, 68, 66, 64, 65, 66, 70, 80, 88, 90, 91, 90, 88, 87, 87, 91, 100, 99, 97, 94, 92, 87, 81],
    ],
    [
        [64, 60, 58, 56, 56, 58, 64, 76, 87, 95, 99, 100, 99, 100, 100, 97, 96, 96, 93, 92, 92, 93, 87, 72],
        [74, 70, 66, 65, 64, 62, 62, 66, 81, 86, 91, 93, 93, 92, 91, 91, 92, 94, 95, 95, 100, 93, 88, 80],
    ],
    [
        [63, 62, 60, 58, 59, 65, 72, 85, 95, 99, 100, 99, 93, 92, 90, 88, 90, 92, 96, 98, 96, 90, 80, 70],
        [75, 73, 69, 66, 65, 65, 68, 74, 83, 89, 92, 94, 91, 90, 90, 86, 85, 88, 92, 100, 97, 95, 90, 85],
    ],
];

/// Load of an hour (from 0, a Monday's first; after 52 weeks the year begins again) over the annual peak.
#[must_use]
pub fn load_share(hour: usize) -> f64 {
    let (week, day, clock) = (hour / 168 % 52, hour / 24 % 7, hour % 24);
    let season = match week + 1 {
        1..=8 | 44..=52 => 0,
        18..=30 => 1,
        _ => 2,
    };
    let kind = usize::from(day >= 5);
    WEEK[week] / 100.0 * DAY[day] / 100.0 * f64::from(HOUR[season][kind][clock]) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_holds_the_published_energy_and_its_peak() {
        let gwh: f64 = (0..HOURS).map(|hour| 2850.0 * load_share(hour)).sum::<f64>() / 1000.0;
        assert!((gwh - 15_297.075).abs() < 1e-3, "{gwh}");
        let peak = (0..HOURS).map(load_share).fold(0.0, f64::max);
        assert!((peak - 1.0).abs() < 1e-15);
        assert_eq!(load_share(HOURS), load_share(0));
    }
}
