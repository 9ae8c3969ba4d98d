//! The zones of a grid case: load by hour, weekday, season, temperature and growth, data centres apart.
//!
//! Not modelled: shapes of single zones (a zone has its authority's shape); weather that differs from zone to zone beyond
//! its climate; holidays.

use super::{Frame, column, name};
use crate::scenario::sheet::Sheet;
use tieline_grid::bill::month_of;
use tieline_grid::dispatch::Problem;
use tieline_grid::{load, rts_79, weather};
use tieline_units::{Span, Utc};

/// Hours of a common year.
const YEAR_HOURS: usize = 8_760;
/// A mean year, s.
const YEAR_S: f64 = 365.25 * 86_400.0;
/// Years from 1970 to 2000, and 1 January 2000 in s since 1970.
const EPOCH: (f64, f64) = (2000.0, 946_684_800.0);

/// Reads the zones; returns the area of each.
pub(super) fn zones(root: &Sheet<'_, '_>, frame: &mut Frame, problem: &mut Problem) -> Vec<String> {
    let shed = root.number("shed_price");
    let sheets = root.tables("zone");
    if sheets.is_empty() && root.has("zone") {
        root.wrong("zone", "no zones", "at least one [[zone]]", "");
    }
    let count = sheets.len();
    problem.zones.load_w = vec![0.0; frame.hours * count];
    let mut areas = Vec::with_capacity(count);
    let mut known: Vec<(String, Option<String>, Vec<f64>)> = Vec::new();
    for (index, sheet) in sheets.iter().enumerate() {
        let own = name(sheet, &frame.zones);
        frame.zones.push(own);
        areas.push(sheet.text("area").unwrap_or_default());
        let climate = sheet.text("climate");
        let mut load_w = load_w(sheet, frame, climate.as_ref(), &mut known);
        load_w.resize(frame.hours, 0.0);
        frame.ambient_c.push(climate.map_or_else(Vec::new, |climate| ambient_c(&climate, frame)));
        let centres = centres_w(sheet, frame);
        for (hour, load_w) in load_w.iter().enumerate() {
            problem.zones.load_w[hour * count + index] = load_w + centres;
        }
        problem.zones.shed_price_usd_per_j.push(sheet.number("shed_price").or(shed));
    }
    problem.zones.name.clone_from(&frame.zones);
    areas
}

/// Local midnight with which the year of an instant begins.
fn first_of_year(at: Utc, offset: Span) -> Utc {
    let (today, _) = at.day_and_hour(offset);
    // The last day at or before today that follows a December with a January.
    let first = (0..366).map(|back| today - back).find(|day| month_of(*day) == 1 && month_of(*day - 1) == 12);
    Utc::nanos(first.unwrap_or(today) * 86_400_000_000_000 - offset.as_nanos())
}

/// The year of the middle of the case, with its fraction.
fn year(frame: &Frame) -> f64 {
    let middle = frame.start + Span::secs(1800 * frame.hours as i64);
    EPOCH.0 + (middle.as_nanos() as f64 / 1e9 - EPOCH.1) / YEAR_S
}

/// Growth from the middle of the year of a key to the middle of the case.
fn grown(sheet: &Sheet<'_, '_>, frame: &Frame, growth: &str, since: &str) -> f64 {
    let (rate, from) = (sheet.number(growth), sheet.number(since));
    if sheet.has(growth) != sheet.has(since) {
        sheet.wrong(growth, &format!("one of {growth} and {since}"), "both, or neither", "");
    }
    match (rate, from) {
        (Some(rate), Some(from)) => load::growth(rate, year(frame) - (from + 0.5)),
        _ => 1.0,
    }
}

/// What stands on top of the shape at all hours, W.
fn centres_w(sheet: &Sheet<'_, '_>, frame: &Frame) -> f64 {
    let growth = grown(sheet, frame, "data_centre_growth", "data_centres_year");
    sheet.number("flat").unwrap_or(0.0) + sheet.number("data_centres").unwrap_or(0.0) * growth
}

/// Drawn temperature of a climate, °C.
fn ambient_c(climate: &str, frame: &Frame) -> Vec<f64> {
    let climate = if climate == "memphis" { weather::MEMPHIS } else { weather::PJM };
    climate.series(frame.start, frame.hours, frame.offset, frame.heat_wave_k, Some(frame.draw)).values().to_vec()
}

/// The varying load of a zone, W.
fn load_w(
    sheet: &Sheet<'_, '_>,
    frame: &Frame,
    climate: Option<&String>,
    known: &mut Vec<(String, Option<String>, Vec<f64>)>,
) -> Vec<f64> {
    let peak = sheet.number("peak");
    let shape = sheet.text("shape");
    if sheet.has("peak") && !sheet.has("shape") {
        sheet.wrong("peak", "a peak without a shape", "shape = \"pjm\", \"tva\" or \"rts-79\" beside it", "");
    }
    let growth = grown(sheet, frame, "growth", "peak_year");
    match (sheet.has("load"), shape) {
        (true, None) => column(sheet, frame, "load", None).unwrap_or_default(),
        (false, Some(shape)) => {
            if peak.is_none() && !sheet.has("peak") {
                sheet.wrong("shape", "a shape without a peak", "peak = \"10 GW\" beside it", "");
            }
            if shape == "rts-79" && climate.is_some() {
                sheet.wrong("climate", "a climate for rts-79", "no climate: that load is given hour by hour", "");
            }
            let shares = match known.iter().find(|shares| shares.0 == shape && shares.1.as_ref() == climate) {
                Some(shares) => &shares.2,
                None => {
                    known.push((shape.clone(), climate.cloned(), shares(&shape, climate.is_some(), frame)));
                    &known[known.len() - 1].2
                }
            };
            shares.iter().map(|share| share * peak.unwrap_or(0.0) * growth).collect()
        }
        (true, Some(_)) => {
            sheet.wrong("shape", "a shape beside a column", "one of load and shape", "");
            Vec::new()
        }
        (false, None) if sheet.has("flat") || sheet.has("data_centres") => Vec::new(),
        (false, None) => {
            sheet.wrong("load", "a zone without load", "load, or shape with peak, or flat", "");
            Vec::new()
        }
    }
}

/// Load over the peak, hour by hour: in average weather over the greatest hour of the year in which the case begins; drawn over the mean of the
/// annual peaks of drawn years.
fn shares(shape: &str, drawn: bool, frame: &Frame) -> Vec<f64> {
    let (start, hours, offset) = (frame.start, frame.hours, frame.offset);
    if shape == "rts-79" {
        return (0..hours).map(rts_79::load_share).collect();
    }
    if !drawn {
        let like = if shape == "tva" { load::tva_like } else { load::pjm_like };
        let series = like(start, hours, offset);
        let year = like(first_of_year(start, offset), YEAR_HOURS, offset);
        let most = year.values().iter().copied().fold(0.0, f64::max);
        return series.values().iter().map(|value| value / most).collect();
    }
    let sigma = |at: Utc| {
        let hour = usize::try_from((at - start).as_nanos() / 3_600_000_000_000).unwrap_or(0);
        let heat_k = frame.heat_wave_k * weather::heat_wave_shape(hour, hours);
        load::saturated(load::sigma_from_draw(&frame.draw, at, offset) + load::sigma_from_anomaly(at, offset, heat_k))
    };
    let (series, peak_w) = if shape == "tva" {
        (load::tva_like_in_weather(start, hours, offset, sigma), load::TVA_DRAWN_PEAK_W)
    } else {
        (load::pjm_like_in_weather(start, hours, offset, sigma), load::PJM_DRAWN_PEAK_W)
    };
    series.values().iter().map(|value| value / peak_w).collect()
}
