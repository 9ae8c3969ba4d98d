//! Outdoor temperature as two harmonics of the year and two of the day, with a heat wave and day-to-day luck on top.
//!
//! All constants are guesses close to the 1991-2020 climate normals of the regions (no weather record was at hand); a
//! run that leans on the weather should bring its own series.
//!
//! Not modelled: humidity, cloud, wind, trends, differences within a region.

use tieline_units::{Draw, Purpose, Series, Span, Utc};

/// The climate of one region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Climate {
    /// Mean of the year, °C.
    pub mean_c: f64,
    /// Half the difference between the warmest and the coldest time of the year, K.
    pub annual_k: f64,
    /// Half the difference between afternoon and dawn, K.
    pub diurnal_k: f64,
    /// Standard deviation of a day's mean about the season, K, in July.
    pub day_sigma_summer_k: f64,
    /// The same in January.
    pub day_sigma_winter_k: f64,
}

/// Memphis, Tennessee. guess: July about 28.5 °C with 24 to 33 over the day, January about 5.5 °C.
pub const MEMPHIS: Climate =
    Climate { mean_c: 17.0, annual_k: 11.5, diurnal_k: 4.7, day_sigma_summer_k: 2.5, day_sigma_winter_k: 5.5 };

/// The load centre of PJM, between Virginia, Ohio and New Jersey. guess: July about 25 °C, January about 0.5 °C.
pub const PJM: Climate =
    Climate { mean_c: 12.8, annual_k: 12.3, diurnal_k: 4.9, day_sigma_summer_k: 3.0, day_sigma_winter_k: 5.5 };

/// Turns of the year since 1 January 2000, local; only the fraction has a meaning.
#[must_use]
pub fn year_turns(at: Utc, offset: Span) -> f64 {
    let (day, hour) = at.day_and_hour(offset);
    // 10,957 days from 1970 to 2000; a mean Julian year keeps the seasons in place over centuries.
    ((day - 10_957) as f64 + hour / 24.0) / 365.25
}

/// Excursion of a day from its season in standard deviations: a first-order autoregression of the draws of 32 days.
///
/// The correlation from day to day, 0.80, is measured: that of daily load about its fit, PJM and TVA, EIA-930 2020-2023.
#[must_use]
pub fn day_anomaly_sigma(draw: &Draw, purpose: Purpose, day: i64) -> f64 {
    const CORRELATION: f64 = 0.80;
    let mut weight = libm::sqrt(1.0 - CORRELATION * CORRELATION);
    let mut sum = 0.0;
    // 0.8^32 = 8e-4: what lies further back does not matter. The day number is the event, so any day can be asked first.
    for back in 0..32 {
        sum += weight * draw.normals(0, purpose, (day - back) as u64)[0];
        weight *= CORRELATION;
    }
    sum
}

impl Climate {
    /// Temperature at `at` without luck or heat wave, °C; `offset` is local clock time against UTC.
    #[must_use]
    pub fn normal_c(&self, at: Utc, offset: Span) -> f64 {
        let (_, hour) = at.day_and_hour(offset);
        // Warmest about 20 July (turn 0.55), in the day about 15:30 with a faster rise than fall (second harmonic).
        let year = core::f64::consts::TAU * (year_turns(at, offset) - 0.55);
        let day = core::f64::consts::TAU * (hour - 15.5) / 24.0;
        self.mean_c
            + self.annual_k * libm::cos(year)
            + self.diurnal_k * (0.95 * libm::cos(day) + 0.12 * libm::cos(2.0 * day - 0.6))
    }

    /// Excursion of the day of `at` under one draw, K.
    #[must_use]
    pub fn anomaly_k(&self, draw: &Draw, at: Utc, offset: Span) -> f64 {
        let (day, _) = at.day_and_hour(offset);
        let summer = 0.5 + 0.5 * libm::cos(core::f64::consts::TAU * (year_turns(at, offset) - 0.55));
        let sigma_k = self.day_sigma_winter_k + (self.day_sigma_summer_k - self.day_sigma_winter_k) * summer;
        sigma_k * day_anomaly_sigma(draw, Purpose::Weather, day)
    }

    /// Hourly temperature from `start`, °C: mean of the hour taken at its middle.
    ///
    /// `heat_wave_k` is added to the whole series; where it is three days or longer, it rises over the first 24 hours and
    /// falls over the last. `luck` adds the excursion of each day.
    ///
    /// # Panics
    /// If `heat_wave_k` is not finite.
    #[must_use]
    pub fn series(&self, start: Utc, hours: usize, offset: Span, heat_wave_k: f64, luck: Option<Draw>) -> Series {
        assert!(heat_wave_k.is_finite(), "a heat wave is a finite number of kelvin");
        let step = Span::secs(3600);
        let mut at = start;
        let values = (0..hours)
            .map(|hour| {
                let middle = at + Span::secs(1800);
                let luck_k = luck.as_ref().map_or(0.0, |draw| self.anomaly_k(draw, middle, offset));
                at = at + step;
                self.normal_c(middle, offset) + heat_wave_k * heat_wave_shape(hour, hours) + luck_k
            })
            .collect();
        Series::new(start, step, values)
    }
}

/// Share of a heat wave in hour `hour` of `hours`, 0..1.
#[must_use]
pub fn heat_wave_shape(hour: usize, hours: usize) -> f64 {
    if hours < 72 {
        return 1.0;
    }
    let from_edge = hour.min(hours.saturating_sub(hour + 1)) as f64 + 0.5;
    if from_edge >= 24.0 { 1.0 } else { 0.5 - 0.5 * libm::cos(core::f64::consts::PI * from_edge / 24.0) }
}

/// [`MEMPHIS`] as a series: see [`Climate::series`].
#[must_use]
pub fn memphis_like(start: Utc, hours: usize, offset: Span, heat_wave_k: f64, luck: Option<Draw>) -> Series {
    MEMPHIS.series(start, hours, offset, heat_wave_k, luck)
}

/// [`PJM`] as a series: see [`Climate::series`].
#[must_use]
pub fn pjm_like(start: Utc, hours: usize, offset: Span, heat_wave_k: f64, luck: Option<Draw>) -> Series {
    PJM.series(start, hours, offset, heat_wave_k, luck)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_units::Estimate;

    const CDT: Span = Span::secs(-5 * 3600);
    fn utc(text: &str) -> Utc {
        Utc::parse(text).expect("valid")
    }
    fn extremes(series: &Series) -> (f64, f64) {
        series.values().iter().fold((f64::MAX, f64::MIN), |(low, high), c| (low.min(*c), high.max(*c)))
    }

    #[test]
    fn a_july_day_in_memphis_runs_from_the_twenties_to_the_thirties() {
        let day = memphis_like(utc("2026-07-20T00:00:00-05:00"), 24, CDT, 0.0, None);
        let (low, high) = extremes(&day);
        assert!((23.0..25.5).contains(&low) && (31.5..34.5).contains(&high), "{low} {high}");
        assert!(matches!(day.values().iter().position(|c| *c == high), Some(13..=17)));
        let winter = memphis_like(utc("2026-01-20T00:00:00-06:00"), 24, Span::secs(-6 * 3600), 0.0, None);
        assert!(extremes(&winter).0 < 2.0 && extremes(&winter).1 > 8.0);
    }

    #[test]
    fn a_heat_wave_adds_what_it_says_in_the_middle() {
        let start = utc("2026-07-13T00:00:00-05:00");
        let (plain, hot) = (memphis_like(start, 168, CDT, 0.0, None), memphis_like(start, 168, CDT, 5.0, None));
        let added = |hour: usize| hot.values()[hour] - plain.values()[hour];
        assert!((added(84) - 5.0).abs() < 1e-9 && added(0) < 0.1 && added(167) < 0.1);
        let day = memphis_like(start, 24, CDT, 5.0, None);
        assert!((day.values()[0] - plain.values()[0] - 5.0).abs() < 1e-9, "a short series is hot throughout");
    }

    #[test]
    fn luck_has_the_stated_spread_and_does_not_depend_on_where_the_series_starts() {
        let draw = Draw::new(11, 0);
        let start = utc("2026-07-01T00:00:00-05:00");
        let later = utc("2026-07-05T00:00:00-05:00");
        let whole = memphis_like(start, 240, CDT, 0.0, Some(draw));
        let part = memphis_like(later, 24, CDT, 0.0, Some(draw));
        assert_eq!(&whole.values()[96..120], part.values());
        // Days 40 apart share nothing, so their squares are independent.
        let squares: Vec<f64> =
            (0..3000).map(|i| day_anomaly_sigma(&draw, Purpose::Weather, 40 * i)).map(|sigma| sigma * sigma).collect();
        let variance = Estimate::of(&squares).expect("many");
        assert!((variance.value - 1.0).abs() < 3.0 * variance.standard_error, "{variance}");
    }
}
