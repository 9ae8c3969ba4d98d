//! Hourly load of two balancing authorities as a compact fit, so that a default run needs no file.
//!
//! The logarithm of the load is a sum of harmonics of the local day (4) and of the year (3) with their products, plus
//! one correction each for Saturday and Sunday (day 3, year 1): 105 figures per authority, fitted by us by least squares
//! to hourly EIA-930 demand of 2020 to 2023 (34,920 hours; 22 to 27 December 2022 not used). Weather enters as the
//! excursion of a day from the average of its season, in standard deviations; its size by season is fitted too.
//!
//! Fit error (in sample, average weather): TVA RMSE 11.1 %, PJM 8.3 % of the mean load. Most of it is the weather of the
//! day: with each day's measured excursion put in, 5.2 % and 3.4 %. Fitted on 2020-2022 and held against 2023: 10.8 %
//! and 7.8 %, bias +0.2 % both. Annual peak, TVA (28.9, 30.3, 31.6, 31.8 GW in 2020-2023) against the fit in average
//! weather: -4.0, -8.4, -12.1, -12.8 %; with the measured excursion: -0.4, -0.7, -0.9, -1.4 %. Annual peak, PJM (sum of
//! zones 143.8, 149.5, 147.9, 147.2 GW): -6.1, -9.8, -8.8, -8.3 %; with the excursion: +1.1, -2.7, +1.1, +1.0 %. A run
//! that needs the annual peak must therefore ask for the weather that made it (an excursion of 1 to 3).
//!
//! Not modelled: growth after 2023, holidays, zones, the answer of load to price; the excursion scales the whole day.

use tieline_units::{Draw, Purpose, Series, Span, Utc};

use crate::weather::{day_anomaly_sigma, year_turns};

/// Why these figures can be trusted, for reports.
pub const SOURCE: &str = "measured: own fit to EIA-930 hourly demand 2020-2023 (truggles release v1.4, CC BY 4.0)";

/// Fitted figures of one authority; rows are harmonics of the year (1, cos, sin, cos 2, sin 2, ...), columns harmonics
/// of the local day in the same order. Dimensionless, but the first figure is the logarithm of megawatts.
struct Fit {
    weekday: [[f64; 9]; 7],
    saturday: [[f64; 7]; 3],
    sunday: [[f64; 7]; 3],
    /// Standard deviation of a day's log load about the fit: 1, cos, sin, cos 2, sin 2 of the year.
    day_sigma: [f64; 5],
}

// measured: fitted to EIA-930, TVA, cleaned demand, US Central clock time.
const TVA: Fit = Fit {
    weekday: [
        [9.8024, -0.0893, -0.0965, -0.0212, -0.0434, -0.0003, -0.0059, 0.0012, 0.0042],
        [-0.0382, 0.0572, 0.1151, -0.0263, -0.0170, 0.0019, 0.0021, 0.0055, 0.0066],
        [-0.0411, 0.0179, 0.0371, -0.0039, -0.0114, -0.0005, -0.0020, -0.0008, 0.0017],
        [0.1075, 0.0035, -0.0122, 0.0050, 0.0028, -0.0003, 0.0065, 0.0014, -0.0029],
        [0.0891, -0.0040, -0.0094, 0.0040, 0.0046, -0.0023, 0.0009, 0.0009, 0.0000],
        [-0.0018, -0.0015, -0.0089, -0.0005, 0.0024, 0.0004, -0.0002, -0.0003, -0.0015],
        [-0.0033, -0.0066, -0.0122, -0.0004, 0.0025, 0.0006, 0.0001, -0.0001, 0.0000],
    ],
    saturday: [
        [-0.0497, 0.0202, -0.0030, 0.0175, 0.0149, -0.0032, 0.0137],
        [0.0070, -0.0020, 0.0152, 0.0031, -0.0039, 0.0010, 0.0001],
        [0.0259, 0.0033, 0.0077, -0.0008, -0.0004, 0.0000, 0.0003],
    ],
    sunday: [
        [-0.0651, 0.0278, -0.0211, 0.0137, 0.0108, -0.0048, 0.0117],
        [0.0071, -0.0005, 0.0102, -0.0008, -0.0066, 0.0016, -0.0002],
        [0.0136, 0.0045, 0.0214, -0.0005, 0.0019, 0.0001, 0.0027],
    ],
    day_sigma: [0.0908, 0.0236, 0.0087, 0.0189, 0.0024],
};

// measured: fitted to EIA-930, sum of 19 PJM zones (Rockland absent), cleaned demand, US Eastern clock time.
const PJM: Fit = Fit {
    weekday: [
        [11.3995, -0.0762, -0.1005, -0.0137, -0.0521, 0.0049, -0.0035, -0.0006, 0.0048],
        [-0.0203, 0.0249, 0.0861, -0.0188, -0.0163, 0.0008, 0.0028, 0.0020, 0.0060],
        [-0.0342, 0.0122, 0.0386, -0.0006, -0.0084, -0.0007, -0.0024, -0.0010, 0.0009],
        [0.0967, -0.0009, -0.0256, 0.0018, 0.0064, -0.0006, 0.0051, 0.0025, -0.0029],
        [0.0961, -0.0037, -0.0156, 0.0019, 0.0055, -0.0017, 0.0004, 0.0006, 0.0001],
        [-0.0072, 0.0006, -0.0052, 0.0001, 0.0027, 0.0004, -0.0008, 0.0000, -0.0017],
        [-0.0198, -0.0019, -0.0037, -0.0008, -0.0005, 0.0003, 0.0003, -0.0004, 0.0005],
    ],
    saturday: [
        [-0.0703, 0.0369, 0.0049, 0.0142, 0.0177, -0.0081, 0.0095],
        [0.0141, -0.0038, 0.0002, 0.0026, -0.0038, 0.0003, -0.0003],
        [0.0190, 0.0001, 0.0024, 0.0005, -0.0015, -0.0005, 0.0002],
    ],
    sunday: [
        [-0.0856, 0.0488, -0.0173, 0.0113, 0.0172, -0.0119, 0.0060],
        [0.0161, -0.0076, 0.0050, 0.0005, 0.0003, 0.0013, 0.0019],
        [0.0107, 0.0019, 0.0132, 0.0009, 0.0006, 0.0005, 0.0016],
    ],
    day_sigma: [0.0713, -0.0032, -0.0008, 0.0115, 0.0071],
};

/// Harmonics `1, cos x, sin x, cos 2x, sin 2x, ...` of an angle in turns.
fn harmonics<const N: usize>(turns: f64) -> [f64; N] {
    let mut out = [1.0; N];
    let (sin, cos) = libm::sincos(core::f64::consts::TAU * turns);
    let (mut s, mut c) = (sin, cos);
    let mut k = 1;
    while k + 1 < N {
        (out[k], out[k + 1]) = (c, s);
        (c, s) = (c * cos - s * sin, s * cos + c * sin);
        k += 2;
    }
    out
}

fn product<const A: usize, const H: usize>(figures: &[[f64; H]; A], year: &[f64], day: &[f64]) -> f64 {
    figures.iter().zip(year).map(|(row, a)| a * row.iter().zip(day).map(|(f, h)| f * h).sum::<f64>()).sum()
}

impl Fit {
    /// Mean load of the hour that begins at `at`, W, with the day `sigma` standard deviations off the average weather.
    fn load_w(&self, at: Utc, offset: Span, sigma: f64) -> f64 {
        let middle = at + Span::secs(1800);
        let (day, hour) = middle.day_and_hour(offset);
        let year: [f64; 7] = harmonics(year_turns(middle, offset));
        let clock: [f64; 9] = harmonics(hour / 24.0);
        let mut log_mw = product(&self.weekday, &year, &clock);
        match Utc::weekday(day) {
            5 => log_mw += product(&self.saturday, &year, &clock),
            6 => log_mw += product(&self.sunday, &year, &clock),
            _ => {}
        }
        let size: f64 = self.day_sigma.iter().zip(&year).map(|(f, a)| f * a).sum();
        1e6 * libm::exp(log_mw + sigma * size)
    }

    fn series(&self, start: Utc, hours: usize, offset: Span, sigma: impl Fn(Utc) -> f64) -> Series {
        let step = Span::secs(3600);
        let mut at = start;
        let values = (0..hours)
            .map(|_| {
                let load_w = self.load_w(at, offset, sigma(at));
                at = at + step;
                load_w
            })
            .collect();
        Series::new(start, step, values)
    }
}

/// Load like TVA's in average weather, W, by the hour from `start`; `offset` is the clock of Memphis against UTC then
/// (-5 h in summer, -6 h in winter). Fit errors: see the module.
#[must_use]
pub fn tva_like(start: Utc, hours: usize, offset: Span) -> Series {
    TVA.series(start, hours, offset, |_| 0.0)
}

/// Load like PJM's in average weather, W, by the hour from `start`; `offset` is US Eastern clock time against UTC then
/// (-4 h in summer, -5 h in winter). Fit errors: see the module.
#[must_use]
pub fn pjm_like(start: Utc, hours: usize, offset: Span) -> Series {
    PJM.series(start, hours, offset, |_| 0.0)
}

/// As [`tva_like`], with the load of each hour's day `sigma(hour)` standard deviations above that of average weather.
///
/// # Panics
/// If `sigma` returns a number that is not finite.
#[must_use]
pub fn tva_like_in_weather(start: Utc, hours: usize, offset: Span, sigma: impl Fn(Utc) -> f64) -> Series {
    TVA.series(start, hours, offset, |at| checked(sigma(at)))
}

/// As [`pjm_like`], with the load of each hour's day `sigma(hour)` standard deviations above that of average weather.
///
/// # Panics
/// If `sigma` returns a number that is not finite.
#[must_use]
pub fn pjm_like_in_weather(start: Utc, hours: usize, offset: Span, sigma: impl Fn(Utc) -> f64) -> Series {
    PJM.series(start, hours, offset, |at| checked(sigma(at)))
}

fn checked(sigma: f64) -> f64 {
    assert!(sigma.is_finite(), "a weather excursion is a finite number of standard deviations");
    sigma
}

/// Standard deviations of daily load that a temperature `anomaly_k` above the season's average brings.
///
/// guess: one standard deviation per 3.5 K (about the day-to-day spread of summer temperature in both regions; no
/// temperature record was at hand), load rising with heat from May to September and with cold from November to March.
#[must_use]
pub fn sigma_from_anomaly(at: Utc, offset: Span, anomaly_k: f64) -> f64 {
    const SPREAD_K: f64 = 3.5;
    // +1 in mid-July, -1 in mid-January, full strength for about five months each.
    let season = -1.8 * libm::cos(core::f64::consts::TAU * (year_turns(at, offset) - 0.045));
    season.clamp(-1.0, 1.0) * anomaly_k / SPREAD_K
}

/// The excursion of load on the day of `at` under one draw: the same luck as [`crate::weather`] draws its temperature
/// from, so that a hot day is a day of high load.
#[must_use]
pub fn sigma_from_draw(draw: &Draw, at: Utc, offset: Span) -> f64 {
    let (day, _) = at.day_and_hour(offset);
    // The temperature's excursion in its own standard deviations stands for 3.5 K each, see `sigma_from_anomaly`.
    sigma_from_anomaly(at, offset, 3.5 * day_anomaly_sigma(draw, Purpose::Weather, day))
}

/// Standard deviations beyond which a drawn day's load hardly goes: where everything that cools or heats runs already.
///
/// calibrated by us on the annual peaks of 2020 to 2023: without it drawn years of PJM peak at 154 GW on average with a
/// spread of 7.5 GW; measured are 147.1 and 2.4.
pub const SATURATION: f64 = 1.6;

/// As [`sigma_from_draw`], saturated: what a drawn year of load is made of.
#[must_use]
pub fn drawn_sigma(draw: &Draw, at: Utc, offset: Span) -> f64 {
    saturated(sigma_from_draw(draw, at, offset))
}

/// Factor by which a load grows at a steady rate a year; years may be a fraction, and negative.
#[must_use]
pub fn growth(rate: f64, years: f64) -> f64 {
    libm::pow(1.0 + rate, years)
}

/// An excursion of load in standard deviations, with its saturation.
#[must_use]
pub fn saturated(sigma: f64) -> f64 {
    SATURATION * libm::tanh(sigma / SATURATION)
}

/// Mean over drawn years of the annual peak of [`pjm_like_in_weather`] with [`drawn_sigma`], W: what a zone's peak in
/// a file is measured in. Computed by us
/// from 400 years (± 0.20 GW; a year's own spread is 4.0 GW); a test draws 100 others. Measured 2020-2023: 147.1 GW.
pub const PJM_DRAWN_PEAK_W: f64 = 147.43e9;
/// The same of [`tva_like_in_weather`] (± 0.04 GW). Measured 2020-2023: 30.7 GW.
pub const TVA_DRAWN_PEAK_W: f64 = 30.25e9;

/// A price that follows the load, $/MWh; gaps stay gaps.
///
/// guess: 35 $/MWh at the mean of the series, rising with the 2.5th power of load over mean, between 5 and 2,000. No
/// market is modelled and nothing was fitted; use a measured series where prices matter.
#[must_use]
pub fn price_like(load: &Series) -> Series {
    let (sum_w, count) =
        load.values().iter().filter(|w| w.is_finite()).fold((0.0, 0.0), |(sum, n), w| (sum + w, n + 1.0));
    let mean_w: f64 = sum_w / count;
    let price = |load_w: f64| {
        if !load_w.is_finite() || mean_w.is_nan() || mean_w <= 0.0 {
            return f64::NAN;
        }
        (35.0 * libm::pow((load_w / mean_w).max(0.0), 2.5)).clamp(5.0, 2000.0)
    };
    Series::new(load.start(), load.step(), load.values().iter().map(|w| price(*w)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Utc {
        Utc::parse(text).expect("valid")
    }
    fn peak_gw(series: &Series) -> f64 {
        series.values().iter().copied().fold(0.0, f64::max) / 1e9
    }
    const CDT: Span = Span::secs(-5 * 3600);
    const EDT: Span = Span::secs(-4 * 3600);

    #[test]
    fn levels_and_hours_of_the_peak_are_those_of_the_fit() {
        let july = tva_like(utc("2026-07-15T00:00:00-05:00"), 24, CDT);
        assert!((24.0..29.0).contains(&peak_gw(&july)), "{}", peak_gw(&july));
        let top = july.values().iter().position(|w| *w == peak_gw(&july) * 1e9);
        assert!(matches!(top, Some(14..=18)), "summer peaks in the afternoon: {top:?}");
        let january = tva_like(utc("2026-01-14T00:00:00-06:00"), 24, Span::secs(-6 * 3600));
        let top = january.values().iter().position(|w| *w == peak_gw(&january) * 1e9);
        assert!(matches!(top, Some(6..=9)), "winter peaks in the morning: {top:?}");
        // Four years in average weather: the peak is 8-10 % below the measured annual ones, as the module says.
        let years = pjm_like(utc("2020-01-01T00:00:00-05:00"), 4 * 8766, EDT);
        assert!((134.0..136.5).contains(&peak_gw(&years)), "{}", peak_gw(&years));
        let mean_gw = years.values().iter().sum::<f64>() / years.values().len() as f64 / 1e9;
        assert!((mean_gw / 88.6 - 1.0).abs() < 0.01, "{mean_gw}: mean of the zone sum is 88.6 GW");
    }

    #[test]
    fn a_hot_july_brings_the_measured_annual_peak_and_a_warm_january_does_not() {
        let start = utc("2026-07-13T00:00:00-04:00");
        let hot = pjm_like_in_weather(start, 168, EDT, |at| sigma_from_anomaly(at, EDT, 5.0));
        assert!((143.0..153.0).contains(&peak_gw(&hot)), "{}", peak_gw(&hot));
        assert!(sigma_from_anomaly(utc("2026-01-15T12:00:00Z"), EDT, 5.0) < -1.0);
        assert!(sigma_from_anomaly(utc("2026-04-15T12:00:00Z"), EDT, 5.0).abs() < 0.9);
    }

    #[test]
    fn drawn_years_peak_where_the_constants_say() {
        type Like = fn(Utc, usize, Span, &Draw) -> Series;
        let pjm: Like =
            |at, hours, offset, draw| pjm_like_in_weather(at, hours, offset, |hour| drawn_sigma(draw, hour, offset));
        let tva: Like =
            |at, hours, offset, draw| tva_like_in_weather(at, hours, offset, |hour| drawn_sigma(draw, hour, offset));
        let start = utc("2026-01-01T00:00:00-05:00");
        for (like, wanted_w) in [(pjm, PJM_DRAWN_PEAK_W), (tva, TVA_DRAWN_PEAK_W)] {
            let peaks: Vec<f64> = (0..100)
                .map(|sample| peak_gw(&like(start, 8760, Span::secs(-5 * 3600), &Draw::new(77, sample))))
                .collect();
            let found = tieline_units::Estimate::of(&peaks).expect("many");
            assert!((found.value - wanted_w / 1e9).abs() < 3.0 * found.standard_error, "{found} for {wanted_w}");
        }
    }

    #[test]
    fn weekends_are_lower_and_prices_follow_the_load() {
        let week = pjm_like(utc("2026-07-13T00:00:00-04:00"), 168, EDT);
        let day = |n: usize| week.values()[24 * n..24 * (n + 1)].iter().sum::<f64>();
        assert!(day(5) < 0.97 * day(2) && day(6) < 0.97 * day(2));
        let price = price_like(&week);
        let order = |s: &Series| {
            let mut index: Vec<usize> = (0..s.values().len()).collect();
            index.sort_by(|a, b| s.values()[*a].total_cmp(&s.values()[*b]));
            index
        };
        assert_eq!(order(&price), order(&week));
        assert!(price.values().iter().all(|p| (5.0..=200.0).contains(p)));
        let gap = Series::new(week.start(), week.step(), vec![1e9, f64::NAN, 2e9]);
        assert_eq!(price_like(&gap).gaps(), 1);
        assert_eq!(price_like(&Series::new(week.start(), week.step(), vec![f64::NAN])).gaps(), 1);
    }
}
