//! `tieline grid realtime`: a day in five-minute steps: orders, prices, congestion, regulation.
//!
//! Who runs comes from a table, from unit commitment of the day, or from a priority list.
//!
//! Not modelled: a picture of the day.

mod told;

use super::losses::AfterOutage;
use super::source::{self, Source};
use super::{Wants, tell};
use crate::Verdict;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tieline_files::rts_gmlc::{Drive, System};
use tieline_grid::load::pjm_like;
use tieline_grid::network::direct::Convention;
use tieline_grid::network::{BusKind, Network, NetworkError};
use tieline_grid::realtime::forecast::{Forecast, Uncertainty, by_interval};
use tieline_grid::realtime::priority::{self, Times};
use tieline_grid::realtime::{Day, Link, Order, Prices, Why, limit_words, run};
use tieline_units::{Span, Utc};
use told::{page, tables, to_json};

/// Intervals of an hour.
const PER_HOUR: usize = 12;
/// Hours of a day.
const HOURS: usize = 24;
/// Rows of each list on the page.
const ROWS: usize = 8;

/// Options of the five-minute dispatch.
#[derive(Args)]
pub struct Realtime {
    /// Folder of RTS-GMLC tables, or network with one hour: MATPOWER case, own TOML, folder of own Parquet tables.
    case: PathBuf,
    /// Day of a folder, for example 2020-07-15; the day of its highest load when left out.
    #[arg(long)]
    day: Option<String>,
    /// Seed of the forecast's errors.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Standard deviation of the load's error a day ahead, share of it (a guess; name yours).
    #[arg(long, default_value_t = 0.02, allow_negative_numbers = true)]
    load_error: f64,
    /// Standard deviation of the error of sun and wind a day ahead, share of the forecast (a guess).
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    weather_error: f64,
    /// Intervals of five minutes that each decision looks at.
    #[arg(long, default_value_t = 3)]
    ahead: usize,
    /// Branch whose loss must overload no other: its name in a folder, or its row. May be given several times.
    #[arg(long, value_name = "BRANCH")]
    outage: Vec<String>,
    /// Reserve to be left within ten minutes, MW; a folder's spinning and regulation reserve when left out, else none.
    #[arg(long, value_name = "MW", allow_negative_numbers = true)]
    reserve: Option<f64>,
    /// Table (CSV) of who runs: a column hour (1 to 24) and a column of 0 and 1 for each unit that it decides about, by
    /// name or row; the others run by a priority list. The word uc: by unit commitment of a folder's day (and the next), one bus.
    #[arg(long, value_name = "FILE")]
    commitment: Option<PathBuf>,
    /// Ramp of the units of a network with one hour, share of the most output a minute (its formats have none; a guess).
    #[arg(long, default_value_t = 0.02)]
    ramp: f64,
    #[command(flatten)]
    wants: Wants,
}

/// A day put together, owned.
struct Built {
    network: Network,
    unit_name: Vec<String>,
    branch_name: Vec<String>,
    emergency_va: Vec<f64>,
    ramp_w_per_s: Vec<f64>,
    must_take: Vec<bool>,
    kind: Vec<Option<usize>>,
    links: Vec<Link>,
    /// By hour and bus, by hour and unit.
    load_w: Vec<Vec<f64>>,
    available_w: Vec<Vec<f64>>,
    on: Vec<bool>,
    reserve_w: Vec<f64>,
    title: String,
}

/// Dispatches and tells.
///
/// # Errors
/// A file that cannot be read or written.
pub fn realtime(asked: &Realtime) -> Result<Verdict> {
    let shown = asked.case.display().to_string();
    if let Err(why) = within(asked) {
        eprintln!("tieline: {why}");
        return Ok(Verdict::Usage);
    }
    let mut built = match source::read(&asked.case)? {
        None => return Ok(Verdict::No),
        Some(Source::Case(_)) if asked.day.is_some() => {
            eprintln!("tieline: {shown}: --day goes with a folder of RTS-GMLC tables; a case has one hour only");
            return Ok(Verdict::Usage);
        }
        Some(Source::Case(_)) if asked.by_plan() => {
            eprintln!(
                "tieline: {shown}: --commitment uc goes with a folder of RTS-GMLC tables; a MATPOWER case has no days"
            );
            return Ok(Verdict::Usage);
        }
        Some(Source::Case(case)) => from_case(case.network, asked.ramp),
        Some(Source::Folder(system)) => match source::first_hour(&system, asked.day.as_deref(), HOURS) {
            Ok(hour) => {
                let planned = asked.by_plan().then(|| source::planned(&system, hour));
                let mut built = from_folder(*system, hour);
                match planned {
                    None => {}
                    Some(Ok(on)) => built.on = on,
                    Some(Err(why)) => {
                        eprintln!("tieline: {shown}: unit commitment of the day: {why}");
                        return Ok(Verdict::No);
                    }
                }
                built
            }
            Err(why) => {
                eprintln!("tieline: {shown}: {why}");
                return Ok(Verdict::Usage);
            }
        },
    };
    if let Some(reserve_mw) = asked.reserve {
        built.reserve_w = vec![reserve_mw * 1e6; HOURS];
    }
    if let Some(path) = asked.commitment.as_ref().filter(|_| !asked.by_plan())
        && let Err(why) = commitment(path, &mut built)?
    {
        eprintln!("tieline: {}: {why}", path.display());
        return Ok(Verdict::No);
    }
    let outages = match outages(&built, &asked.outage) {
        Ok(outages) => outages,
        Err(why) => {
            eprintln!("tieline: {shown}: {why}");
            return Ok(Verdict::Usage);
        }
    };
    let uncertainty = Uncertainty {
        load: asked.load_error,
        weather: asked.weather_error,
        seed: asked.seed,
        ..Uncertainty::default()
    };
    let begin = Instant::now();
    let done =
        day(&built, outages, asked.ahead, &uncertainty).and_then(|(day, forecast)| Ok((run(&day, &forecast)?, day)));
    match done {
        Ok((done, day)) => {
            let spent_s = begin.elapsed().as_secs_f64();
            let text = page(&built, &day, &done, spent_s);
            if let Some(out) = &asked.wants.out {
                tables(out, &built, &done)?;
            }
            tell(&asked.wants, "realtime", &text, &to_json(&built, asked, &done), Verdict::Yes)
        }
        Err(why) => {
            eprintln!("tieline: {shown}: {why}");
            Ok(Verdict::No)
        }
    }
}

impl Realtime {
    /// Whether unit commitment says who runs.
    fn by_plan(&self) -> bool {
        self.commitment.as_deref() == Some(Path::new("uc"))
    }
}

/// Whether the options are such as a day can have.
fn within(asked: &Realtime) -> Result<(), String> {
    if !(1..=24).contains(&asked.ahead) {
        return Err(format!("found --ahead {}, expected --ahead 1 to 24 (intervals of five minutes)", asked.ahead));
    }
    let reserve_mw = asked.reserve.unwrap_or(0.0);
    for (option, found, most, hint) in [
        ("--load-error", asked.load_error, 0.2, "a share: 0.02 is two in a hundred; beyond 0.2 loads would turn round"),
        ("--weather-error", asked.weather_error, 1.0, "a share: 0.1 is ten in a hundred"),
        ("--ramp", asked.ramp, 100.0, "a share of the most output a minute: 0.02 is two in a hundred"),
        ("--reserve", reserve_mw, 1e6, "megawatts"),
    ] {
        if !(0.0..=most).contains(&found) {
            return Err(format!("found {option} {found}, expected 0 to {most} ({hint})"));
        }
    }
    Ok(())
}

/// Dispatches a day of a folder for the benchmark: looks, programs and seconds.
///
/// # Errors
/// A folder that is not one, or a day without answer.
pub fn measured_day(folder: &Path, date: &str) -> Result<(usize, u32, f64)> {
    let Some(Source::Folder(system)) = source::read(folder)? else {
        bail!("{}: no folder of tables", folder.display())
    };
    let hour = source::first_hour(&system, Some(date), HOURS).map_err(|why| anyhow!(why))?;
    let built = from_folder(*system, hour);
    let (day, forecast) = day(&built, Vec::new(), 3, &Uncertainty::default())?;
    let begin = Instant::now();
    let done = run(&day, &forecast)?;
    let spent_s = begin.elapsed().as_secs_f64();
    Ok((done.intervals.len(), done.intervals.iter().map(|i| i.look.rounds).sum(), spent_s))
}

fn from_folder(system: System, first: usize) -> Built {
    let on = source::listed(&system, first..first + HOURS);
    let peak_w = |unit: usize| system.network.generators.most_w[unit];
    let hours = first..first + HOURS;
    let available_w = hours
        .clone()
        .map(|hour| {
            let one = |(unit, known): (usize, &tieline_files::rts_gmlc::Unit)| match (&known.available_w, known.drive) {
                (Some(available), _) => available[hour],
                (None, Drive::Storage) => 0.0,
                _ => peak_w(unit),
            };
            system.units.iter().enumerate().map(one).collect()
        })
        .collect();
    let follows = |drive: Drive| matches!(drive, Drive::Weather | Drive::MustTake);
    let mut kinds: Vec<&str> = system.units.iter().filter(|u| follows(u.drive)).map(|u| u.category.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let kind = system
        .units
        .iter()
        // What water gives is planned a day ahead, not forecast.
        .map(|unit| {
            if follows(unit.drive) && unit.category != "Hydro" {
                kinds.iter().position(|kind| *kind == unit.category)
            } else {
                None
            }
        })
        .collect();
    let spinning = |hour: usize| -> f64 {
        let quick = system.reserves.iter().filter(|reserve| reserve.up && reserve.within_s <= 600.0);
        quick.map(|r| r.needed_w.get(hour).or(r.needed_w.first()).copied().unwrap_or(0.0)).sum()
    };
    let date = {
        let (year, month, day) = system.first_day;
        Utc::parse(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z"))
            .map_or_else(|_| String::new(), |begin| (begin + Span::secs(3600 * first as i64)).to_string())
    };
    Built {
        unit_name: system.units.iter().map(|unit| unit.name.clone()).collect(),
        branch_name: system.branch_name.clone(),
        emergency_va: system.emergency_va.clone(),
        ramp_w_per_s: system
            .units
            .iter()
            .map(|u| if follows(u.drive) { f64::INFINITY } else { u.ramp_w_per_s })
            .collect(),
        must_take: system.units.iter().map(|unit| unit.drive == Drive::MustTake).collect(),
        kind,
        links: system.links.iter().map(|link| Link { from: link.from, to: link.to, most_w: link.most_w }).collect(),
        load_w: hours.clone().map(|hour| system.load_w(hour)).collect(),
        available_w,
        on,
        reserve_w: hours.map(spinning).collect(),
        title: format!("{} on {}", system.network.name, date.chars().take(10).collect::<String>()),
        network: system.network,
    }
}

/// Names as the case has them, or by row.
fn named(names: &[String], row: impl Fn(usize) -> String) -> Vec<String> {
    let one = |(place, name): (usize, &String)| if name.is_empty() { row(place) } else { name.clone() };
    names.iter().enumerate().map(one).collect()
}

/// A case has one hour: the day has its load as peak and the shape of a July day of `pjm_like`.
fn from_case(mut network: Network, ramp: f64) -> Built {
    // A dispatch stays for hours: a rating for minutes would not do.
    AfterOutage::ShortTerm.keep(&mut network);
    let units = network.generators.bus.len();
    let start = Utc::parse("2026-07-15T04:00:00Z").expect("a date of ours");
    let shape = pjm_like(start, HOURS, Span::secs(-4 * 3600));
    let values = shape.values();
    let highest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let load_w: Vec<Vec<f64>> =
        values.iter().map(|value| network.buses.load_w.iter().map(|load| load * value / highest).collect()).collect();
    let times: Vec<Times> = (0..units).map(|unit| Times { listed: network.runs(unit), up: 1, down: 1 }).collect();
    let live = |bus: &usize| network.buses.kind[*bus] != BusKind::Isolated;
    let need = |load: &Vec<f64>| (0..load.len()).filter(live).map(|bus| load[bus]).sum();
    let need_w: Vec<f64> = load_w.iter().map(need).collect();
    // A tenth above the load, so that errors and ramps find something.
    let spare_w: Vec<f64> = need_w.iter().map(|need| 0.1 * need).collect();
    let on = priority::commit(&network, &times, &need_w, &spare_w);
    Built {
        unit_name: named(&network.generators.name, |unit| format!("generator {}", unit + 1)),
        branch_name: named(&network.branches.name, |branch| format!("{}", branch + 1)),
        emergency_va: (0..network.branches.from.len()).map(|branch| network.outage_rating(branch).0).collect(),
        ramp_w_per_s: network.generators.most_w.iter().map(|most| most.max(0.0) * ramp / 60.0).collect(),
        must_take: vec![false; units],
        kind: vec![None; units],
        links: Vec::new(),
        load_w,
        available_w: vec![network.generators.most_w.clone(); HOURS],
        on,
        reserve_w: vec![0.0; HOURS],
        title: format!("{} on a July day", network.name),
        network,
    }
}

/// Reads who runs.
fn commitment(path: &Path, built: &mut Built) -> Result<Result<(), String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((_, header)) = lines.next() else { return Ok(Err("is empty".to_owned())) };
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    if names[0] != "hour" {
        return Ok(Err(format!("line 1: found first column \"{}\", expected \"hour\"", names[0])));
    }
    let units = built.unit_name.len();
    let mut places = Vec::new();
    for name in &names[1..] {
        let by_row = name.parse().ok().filter(|row| (1..=units).contains(row)).map(|row: usize| row - 1);
        match built.unit_name.iter().position(|unit| unit == name).or(by_row) {
            Some(unit) if places.contains(&unit) => {
                return Ok(Err(format!("line 1: column \"{name}\" names a unit a second time, expected each once")));
            }
            Some(unit) => places.push(unit),
            None => return Ok(Err(format!("line 1: there is no unit \"{name}\""))),
        }
    }
    let mut told = [0; HOURS];
    for (index, line) in lines {
        let words: Vec<&str> = line.split(',').map(str::trim).collect();
        let hour = words[0].parse().ok().filter(|hour| (1..=HOURS).contains(hour));
        let Some(hour) = hour.filter(|_| words.len() == names.len()) else {
            return Ok(Err(format!("line {}: expected an hour 1 to 24 and {} values", index + 1, places.len())));
        };
        if told[hour - 1] > 0 {
            let first = told[hour - 1];
            return Ok(Err(format!(
                "line {}: hour {hour} stands in line {first} already, expected it once",
                index + 1
            )));
        }
        told[hour - 1] = index + 1;
        for (unit, word) in places.iter().zip(&words[1..]) {
            built.on[(hour - 1) * units + unit] = match *word {
                "0" => false,
                "1" => true,
                other => return Ok(Err(format!("line {}: found \"{other}\", expected 0 or 1", index + 1))),
            };
        }
    }
    let lacking: Vec<String> = (1..=HOURS).filter(|hour| told[hour - 1] == 0).map(|hour| hour.to_string()).collect();
    if !lacking.is_empty() {
        let (found, lacking) = (HOURS - lacking.len(), lacking.join(", "));
        let hint = "leave a unit's column out for the priority list to decide about it";
        return Ok(Err(format!("found {found} hours, expected {HOURS}: there is no hour {lacking} ({hint})")));
    }
    Ok(Ok(()))
}

fn outages(built: &Built, named: &[String]) -> Result<Vec<usize>, String> {
    let count = built.branch_name.len();
    named
        .iter()
        .map(|name| {
            let by_row = name.parse().ok().filter(|row| (1..=count).contains(row)).map(|row: usize| row - 1);
            let found = built.branch_name.iter().position(|branch| branch == name).or(by_row);
            found.ok_or_else(|| {
                format!("there is no branch \"{name}\"; expected a name of the table, or a row 1 to {count}")
            })
        })
        .collect()
}

fn day<'n>(
    built: &'n Built,
    outages: Vec<usize>,
    ahead: usize,
    uncertainty: &Uncertainty,
) -> Result<(Day<'n>, Forecast), NetworkError> {
    let units = built.unit_name.len();
    let intervals = HOURS * PER_HOUR;
    let finer = |hourly: &[Vec<f64>], width: usize| {
        let mut all = vec![0.0; intervals * width];
        for place in 0..width {
            let column: Vec<f64> = hourly.iter().map(|row| row[place]).collect();
            for (t, value) in by_interval(&column, PER_HOUR).into_iter().enumerate() {
                all[t * width + place] = value;
            }
        }
        all
    };
    let load_w = finer(&built.load_w, built.network.bus_count());
    let available_w = finer(&built.available_w, units);
    let most_w = built.network.generators.most_w.clone();
    let forecast = Forecast::new(intervals, load_w, available_w, most_w, built.kind.clone(), uncertainty)?;
    let committed =
        (0..intervals).flat_map(|t| built.on[t / PER_HOUR * units..(t / PER_HOUR + 1) * units].to_vec()).collect();
    let day = Day {
        network: &built.network,
        convention: Convention::Mp,
        ramp_w_per_s: built.ramp_w_per_s.clone(),
        must_take: built.must_take.clone(),
        links: built.links.clone(),
        step_s: 3600.0 / PER_HOUR as f64,
        ahead,
        committed,
        reserve_w: (0..intervals).map(|t| built.reserve_w[t / PER_HOUR]).collect(),
        reserve_within_s: 600.0,
        prices: Prices::default(),
        outages,
        emergency_va: built.emergency_va.clone(),
    };
    Ok((day, forecast))
}

/// Time of day at which an interval begins.
fn clock(interval: usize) -> String {
    format!("{:02}:{:02}", interval / PER_HOUR, interval % PER_HOUR * 60 / PER_HOUR)
}

/// Why, with the limit if one has to do with it.
fn why_words(network: &Network, order: &Order) -> String {
    let turn = if order.to_w >= order.from_w { "raise" } else { "lower" };
    match order.why {
        Why::Congestion(limit) => format!("{turn} for congestion on {}", limit_words(network, &limit)),
        Why::Ramp => format!("{turn}, held by its ramp"),
        Why::RampAhead => format!("{turn} for the ramp ahead"),
        Why::Merit => format!("{turn} in merit order"),
        Why::Start | Why::Stop => order.why.name().to_owned(),
        Why::Ahead => format!("{turn} for its stop ahead"),
        Why::Release => format!("{turn}, no longer held back"),
        _ => format!("{turn} for {}", order.why.name()),
    }
}
