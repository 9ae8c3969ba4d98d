//! What a validation case makes of a folder of RTS-GMLC tables: some hours as a case of unit commitment, or as a grid of zones.
//!
//! Not modelled: the network; outages (a case is held against results that have none).

use crate::commitment::rts;
use crate::dispatch::{self, Settings, series};
use crate::rts_gmlc::{self, Drive, System, before, zones};
use std::io::{self, Cursor, Read};
use tieline_sim::results::Table;
use tieline_sim::validate::{FolderUse, Supply, Tables};
use tieline_units::{Span, Utc};

/// Nanoseconds of an hour.
const HOUR_NS: i64 = 3_600_000_000_000;

/// Reads the folder and makes of it what is asked.
pub(super) fn supply(folder: &str, used: &FolderUse, open: impl Fn(&str) -> io::Result<Box<dyn Read>>) -> Supply {
    let probe = open(&format!("{folder}/SourceData/gen.csv"));
    if probe.is_err_and(|why| why.kind() == io::ErrorKind::NotFound) {
        return Supply::Absent;
    }
    let mut system = match rts_gmlc::read("RTS_Data", &mut |file| open(&format!("{folder}/{file}"))) {
        Ok(system) => system,
        Err(mistakes) => return Supply::Broken(mistakes.to_string()),
    };
    let made = leave_out(&mut system, &used.without).and_then(|()| first_hour(&system, used)).and_then(|hour| {
        if used.zones { as_zones(&system, hour, used.hours) } else { as_commitment(&system, hour, used.hours) }
    });
    made.unwrap_or_else(Supply::Broken)
}

/// A unit that is left out gives nothing: it counts as a condenser.
fn leave_out(system: &mut System, without: &[String]) -> Result<(), String> {
    for name in without {
        let unit = system.units.iter_mut().find(|unit| unit.name == *name);
        unit.ok_or_else(|| format!("there is no unit {name} to leave out"))?.drive = Drive::Condenser;
    }
    for unit in &mut system.units {
        (unit.outage_share, unit.maintenance_weeks) = (0.0, 0.0);
    }
    Ok(())
}

/// Hours of the series before the day.
fn first_hour(system: &System, used: &FolderUse) -> Result<usize, String> {
    let (year, month, day) = system.first_day;
    let instant = |text: String| Utc::parse(&text).map_err(|why| format!("{text}: {why}"));
    let begin = instant(format!("{year:04}-{month:02}-{day:02}T00:00:00Z"))?;
    let wanted = instant(format!("{}T00:00:00Z", used.day))?;
    let hour = (wanted.as_nanos() - begin.as_nanos()) / HOUR_NS;
    let hour = usize::try_from(hour).map_err(|_| format!("{} lies before the tables begin", used.day))?;
    if hour + used.hours > system.hours {
        return Err(format!("{} h from {} on: the tables end before", used.hours, used.day));
    }
    Ok(hour)
}

fn as_commitment(system: &System, first_hour: usize, steps: usize) -> Result<Supply, String> {
    let first = before::before(system, first_hour);
    let asked = rts::Asked { first_hour, steps, network: false, all_reserves: false, first };
    let problem = rts::case(system, &asked).map_err(|complaints| complaints.join("; "))?.problem;
    let class = |name: &String| {
        let unit = system.units.iter().find(|unit| unit.name == *name);
        unit.map_or_else(String::new, |unit| unit.category.to_lowercase())
    };
    Ok(Supply::Tables(Box::new(Tables {
        unit_class: problem.units.iter().map(|unit| class(&unit.name)).collect(),
        renewable_class: problem.renewables.iter().map(|renewable| class(&renewable.name)).collect(),
        problem,
    })))
}

fn as_zones(system: &System, first_hour: usize, hours: usize) -> Result<Supply, String> {
    let (text, columns) = zones::grid("rts", "rts.csv", system);
    let start = Utc::parse(&zones::start(system)).map_err(|why| why.to_string())?.as_nanos();
    let at = |hour: usize| i64::try_from(hour).map_or(i64::MAX, |hour| start + HOUR_NS * hour);
    let table = Table {
        name: "series".to_owned(),
        utc_ns: (0..system.hours).map(at).collect(),
        numbers: columns,
        texts: Vec::new(),
    };
    let mut csv = Vec::new();
    series::write_csv(&table, &mut csv).map_err(|why| why.to_string())?;
    let window = Some((Utc::nanos(at(first_hour)), hours, Span::secs(-7 * 3600)));
    let settings = Settings { window, ..Settings::default() };
    let mut beside = |_: &str| Ok(Box::new(Cursor::new(csv.clone())) as Box<dyn Read>);
    let case = dispatch::read("rts.toml", &text, &settings, &mut beside).map_err(|mistakes| mistakes.to_string())?;
    Ok(Supply::Zones(Box::new(case.problem)))
}
