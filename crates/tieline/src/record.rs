//! `tieline record`: power of this machine's GPUs over NVML into a Parquet trace, with where it came from.
//!
//! Where the driver keeps a buffer of samples that is finer than its counter, those samples are played ([`backlog`]). Else the
//! counter is read every poll; it is refreshed more slowly than it can be read. A row is written when a
//! reading changes, or when nothing has changed for as long as a refresh takes: the rows then say what was measured and not how
//! often somebody looked. The total has a value only where every GPU was refreshed since the total before. A reading that
//! fails is a missing one; whatever ends a recording, a signal too, the file is finished. Limits and clocks are read, never set.
//!
//! Not modelled: GPUs of other makers, changes of limits and clocks during a recording, power of the rest of the node, the averaging inside the driver (named, not undone).

mod backlog;
mod driver;

use crate::Verdict;
use anyhow::{Context, Result, anyhow, bail};
use backlog::{Backlog, DRAIN_NS, Ring, spacing_s};
use clap::ValueEnum;
use driver::{Card, averaged_w, averages, card, instant_w, open};
use nvml_wrapper::Device;
use serde::Serialize;
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tieline_files::table::TableWriter;
use tieline_sim::results::Table;

/// Rows of a block of the file.
const BLOCK: usize = 4096;
/// Time after which an unchanged reading is written while the refresh is not known yet, ns.
const FIRST_KEEP_NS: i64 = 100_000_000;
/// Changes of a reading that are looked at for its refresh; the first ones do.
const MOST_CHANGES: usize = 10_000;

/// Longest sleep without a look at whether to stop.
const NAP: Duration = Duration::from_millis(100);
/// Set by a signal.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// What of NVML is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Reading {
    /// The buffer of samples where every GPU has one that is finer than 50 ms, else the counter.
    #[default]
    Finest,
    /// The buffer of samples.
    Samples,
    /// The counter.
    Counter,
}

/// How often the counter is looked at when nothing is said, s.
const POLL_S: f64 = 1e-3;
/// Samples further apart than this are no finer than the counter, s.
const FINE_S: f64 = 0.05;

/// What was found while recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recorded {
    /// How often the readings were looked at.
    pub polls: u64,
    /// Mean time between looks, s.
    pub poll_interval_s: f64,
    /// Rows handed over.
    pub rows: u64,
    /// For each GPU: median time between changes of its reading, s; none where it never changed.
    pub update_interval_s: Vec<Option<f64>>,
    /// Readings that failed; they are missing in the rows.
    pub failed_readings: u64,
    /// What ended the recording before its time.
    pub ended_early: Option<String>,
}

/// One GPU's reading, and how it changes.
struct Gauge {
    power_w: f64,
    since_ns: i64,
    changes: Vec<i64>,
    /// Refreshed since the last total.
    fresh: bool,
}

impl Gauge {
    fn look(&mut self, power_w: f64, at_ns: i64) -> bool {
        if power_w.to_bits() == self.power_w.to_bits() {
            return false;
        }
        // The first change has no beginning: recording started in the middle of it. One out of a failure has none either.
        let known = self.since_ns > i64::MIN && self.power_w.is_finite() && power_w.is_finite();
        if known && self.changes.len() < MOST_CHANGES {
            self.changes.push(at_ns - self.since_ns);
        }
        (self.power_w, self.since_ns, self.fresh) = (power_w, at_ns, true);
        true
    }

    fn keep_ns(&self, poll_ns: i64) -> i64 {
        median(&self.changes).unwrap_or(FIRST_KEEP_NS).max(poll_ns)
    }
}

/// A clock, and when to stop.
pub struct Watch<C, W, S> {
    /// Time, ns.
    pub now: C,
    /// Sleeps until a time, ns.
    pub wait: W,
    /// Whether somebody wants an end.
    pub stopped: S,
}

/// Reads until `until_ns`: `read` gives one reading per GPU, W, NaN where it failed; `write` takes rows: time, readings, and
/// their sum where all were refreshed since the last one. What `write` says ends the recording.
pub fn record(
    until_ns: i64,
    poll_ns: i64,
    mut read: impl FnMut() -> Vec<f64>,
    mut watch: Watch<impl FnMut() -> i64, impl FnMut(i64), impl Fn() -> bool>,
    mut write: impl FnMut(i64, &[f64], f64) -> Result<()>,
) -> Recorded {
    let begin_ns = (watch.now)();
    let (mut last_row_ns, mut last_total_ns) = (i64::MIN / 2, i64::MIN / 2);
    let mut gauges: Vec<Gauge> = Vec::new();
    let mut recorded = Recorded::default();
    let (mut next_ns, mut end_ns) = (begin_ns, begin_ns);
    while next_ns <= until_ns {
        (watch.wait)(next_ns);
        if (watch.stopped)() {
            recorded.ended_early = Some("a signal".to_owned());
            break;
        }
        let before_ns = (watch.now)();
        let watts = read();
        let after_ns = (watch.now)();
        let at_ns = before_ns + (after_ns - before_ns) / 2;
        recorded.polls += 1;
        recorded.failed_readings += watts.iter().filter(|power_w| power_w.is_nan()).count() as u64;
        end_ns = at_ns;
        if gauges.is_empty() {
            let gauge =
                |power_w: &f64| Gauge { power_w: *power_w, since_ns: i64::MIN, changes: Vec::new(), fresh: true };
            gauges = watts.iter().map(gauge).collect();
        }
        let mut changed = false;
        for (gauge, power_w) in gauges.iter_mut().zip(&watts) {
            changed |= gauge.look(*power_w, at_ns);
            // A GPU that does not change has been refreshed all the same, after its time.
            gauge.fresh |= at_ns - last_total_ns >= gauge.keep_ns(poll_ns);
        }
        let keep_ns = gauges.iter().filter_map(|gauge| median(&gauge.changes)).min();
        if changed || at_ns - last_row_ns >= keep_ns.unwrap_or(FIRST_KEEP_NS).max(poll_ns) {
            let all = gauges.iter().all(|gauge| gauge.fresh);
            let total_w = if all { watts.iter().sum() } else { f64::NAN };
            if all {
                gauges.iter_mut().for_each(|gauge| gauge.fresh = false);
                last_total_ns = at_ns;
            }
            if let Err(why) = write(at_ns, &watts, total_w) {
                recorded.ended_early = Some(format!("{why:#}"));
                break;
            }
            recorded.rows += 1;
            last_row_ns = at_ns;
        }
        // A look that came late does not make the next ones come in a burst.
        next_ns = (next_ns + poll_ns).max(after_ns);
    }
    recorded.poll_interval_s = (end_ns - begin_ns) as f64 / 1e9 / recorded.polls.saturating_sub(1).max(1) as f64;
    recorded.update_interval_s = gauges.iter().map(|gauge| median(&gauge.changes).map(|ns| ns as f64 / 1e9)).collect();
    recorded
}

/// Median; the newest 501 changes are enough, and quick to sort.
fn median(changes: &[i64]) -> Option<i64> {
    let mut newest = changes[changes.len().saturating_sub(501)..].to_vec();
    let middle = newest.len() / 2;
    (newest.len() >= 3).then(|| *newest.select_nth_unstable(middle).1)
}

/// Where a trace came from, as its file says.
#[derive(Serialize)]
struct Provenance {
    kind: &'static str,
    version: &'static str,
    driver: String,
    nvml: String,
    reading: &'static str,
    averaging: &'static str,
    averaging_s: Option<f64>,
    host_clock: &'static str,
    duration_asked_s: f64,
    gpus: Vec<Card>,
    recorded: Option<Recorded>,
}

/// Records for `duration_s` into `out`.
///
/// # Errors
/// No NVML, no GPU, a GPU that does not tell its power, or a file that cannot be written.
pub fn command(out: &Path, duration_s: f64, poll_s: Option<f64>, chosen: &[u32], wanted: Reading) -> Result<Verdict> {
    if wanted == Reading::Samples && poll_s.is_some() {
        eprintln!("tieline: --poll goes with --reading counter; samples come as the driver takes them");
        return Ok(Verdict::Usage);
    }
    let wanted = if poll_s.is_some() { Reading::Counter } else { wanted };
    let poll_s = poll_s.unwrap_or(POLL_S);
    if !(duration_s > 0.0 && duration_s <= 86_400.0 * 31.0 && (1e-4..=10.0).contains(&poll_s)) {
        eprintln!("tieline: --duration lies above 0 and up to 31 d, --poll between 0.1 ms and 10 s");
        return Ok(Verdict::Usage);
    }
    let nvml = open()?;
    ctrlc::set_handler(|| STOPPED.store(true, Ordering::Relaxed)).context("listening for signals")?;
    let count = nvml.device_count().context("asking NVML for its GPUs")?;
    let numbers: Vec<u32> = if chosen.is_empty() { (0..count).collect() } else { chosen.to_vec() };
    if let Some(wrong) = numbers.iter().find(|number| **number >= count) {
        bail!("there is no GPU {wrong}; NVML knows {count}");
    }
    if numbers.is_empty() {
        bail!("NVML knows no GPU on this machine");
    }
    let devices: Vec<Device<'_>> = numbers
        .iter()
        .map(|number| nvml.device_by_index(*number).with_context(|| format!("opening GPU {number}")))
        .collect::<Result<_>>()?;
    let spacings: Vec<Option<f64>> = devices.iter().map(|device| spacing_s(&device.since(0))).collect();
    let fine = spacings.iter().all(|spacing| spacing.is_some_and(|apart_s| apart_s <= FINE_S));
    let samples = wanted == Reading::Samples || (wanted == Reading::Finest && fine);
    if samples && spacings.contains(&None) {
        bail!("not every one of these GPUs keeps samples of its power; --reading counter reads what NVML tells now");
    }
    let instant = devices.iter().all(|device| instant_w(device).is_some());
    if !samples && !instant && devices.iter().all(|device| averaged_w(device).is_none()) {
        bail!("none of these GPUs tells its power");
    }
    let averages = !samples && !instant && devices.iter().any(averages);
    let (reading, averaging) = told(samples, instant);
    let mut provenance = Provenance {
        kind: "measured",
        version: env!("CARGO_PKG_VERSION"),
        driver: nvml.sys_driver_version().unwrap_or_else(|why| why.to_string()),
        nvml: nvml.sys_nvml_version().unwrap_or_else(|why| why.to_string()),
        reading,
        averaging,
        averaging_s: averages.then_some(1.0),
        host_clock: if samples {
            "the driver's stamps of its samples, CLOCK_REALTIME"
        } else {
            "CLOCK_REALTIME at the start, monotonic from there"
        },
        duration_asked_s: duration_s,
        gpus: numbers.iter().zip(&devices).map(|(number, device)| card(*number, device)).collect(),
        recorded: None,
    };
    let names: Vec<String> = numbers.iter().map(|number| format!("gpu{number}_w")).collect();
    let (begin_ns, clock) = clock()?;
    let until_ns = begin_ns + (duration_s * 1e9) as i64;
    let recorded = if samples {
        let backlog = RefCell::new(Backlog::new(devices, begin_ns));
        let read = || backlog.borrow().power_w.clone();
        let wait = |_| play(&backlog, &clock, until_ns);
        let watch = Watch { now: || backlog.borrow().at_ns, wait, stopped };
        to_file(out, &names, (until_ns, 1), read, watch, &mut provenance)?
    } else {
        let one = |device: &Device<'_>| if instant { instant_w(device) } else { averaged_w(device) };
        let read = || devices.iter().map(|device| one(device).unwrap_or(f64::NAN)).collect();
        let watch = Watch { now: &clock, wait: |until_ns| nap(&clock, until_ns), stopped };
        to_file(out, &names, (until_ns, (poll_s * 1e9) as i64), read, watch, &mut provenance)?
    };
    let updates: Vec<String> = recorded
        .update_interval_s
        .iter()
        .map(|update| update.map_or_else(|| "unchanged".to_owned(), |update_s| format!("{:.1} ms", 1e3 * update_s)))
        .collect();
    let text = format!(
        "{}: {} rows of {} GPUs; looked every {:.2} ms, readings change every {}\n",
        out.display(),
        recorded.rows,
        names.len(),
        1e3 * recorded.poll_interval_s,
        updates.join(", ")
    );
    if recorded.failed_readings > 0 {
        eprintln!("tieline: {} readings failed and are missing in the trace", recorded.failed_readings);
    }
    if let Some(why) = &recorded.ended_early {
        eprintln!("tieline: recording ended early ({why}); the trace holds what came before");
    }
    crate::screen::answer(&text, Verdict::Yes)
}

/// What is read, and what of averaging is known of it.
fn told(samples: bool, instant: bool) -> (&'static str, &'static str) {
    if samples {
        (
            "nvmlDeviceGetSamples, NVML_TOTAL_POWER_SAMPLES",
            "samples that the driver keeps; what it averages is not documented",
        )
    } else if instant {
        ("NVML_FI_DEV_POWER_INSTANT", "power at an instant, as the driver calls it")
    } else {
        (
            "nvmlDeviceGetPowerUsage",
            "nvmlDeviceGetPowerUsage averages over 1 s on Ampere (other than GA100) and later, by its documentation",
        )
    }
}

/// The time now, ns since 1970, and a clock that goes on from there whatever the host's does.
fn clock() -> Result<(i64, impl Fn() -> i64)> {
    let since_1970 =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the host's clock stands before 1970")?;
    let (origin_ns, origin) = (i64::try_from(since_1970.as_nanos())?, Instant::now());
    Ok((origin_ns, move || origin_ns + i64::try_from(origin.elapsed().as_nanos()).unwrap_or(i64::MAX / 2)))
}

fn stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// Sleeps until a time, ns, or a signal.
fn nap(clock: &impl Fn() -> i64, until_ns: i64) {
    loop {
        let left_ns = until_ns - clock();
        if left_ns <= 0 || stopped() {
            break;
        }
        std::thread::sleep(NAP.min(Duration::from_nanos(left_ns as u64)));
    }
}

/// Waits for the next sample, and plays it; beyond the end, when none comes, the time runs on without readings.
fn play<R: Ring>(backlog: &RefCell<Backlog<R>>, clock: &impl Fn() -> i64, until_ns: i64) {
    while !stopped() {
        if backlog.borrow_mut().play() {
            return;
        }
        let now_ns = clock();
        if now_ns > until_ns + 3 * DRAIN_NS {
            backlog.borrow_mut().at_ns = until_ns + 1;
            return;
        }
        nap(clock, now_ns + DRAIN_NS);
        backlog.borrow_mut().drain(clock());
    }
}

/// Writes beside the final name and moves there when all is written; `until_ns`, and how often to look, ns.
fn to_file(
    out: &Path,
    names: &[String],
    (until_ns, poll_ns): (i64, i64),
    read: impl FnMut() -> Vec<f64>,
    watch: Watch<impl FnMut() -> i64, impl FnMut(i64), impl Fn() -> bool>,
    provenance: &mut Provenance,
) -> Result<Recorded> {
    if out.exists() {
        bail!("{} exists; give another --out or move it away", out.display());
    }
    let mut name = out.file_name().ok_or_else(|| anyhow!("{} is no file name", out.display()))?.to_owned();
    name.push(".partial");
    let partial = out.with_file_name(name);
    let file = File::create(&partial).with_context(|| format!("cannot write {}", partial.display()))?;
    let blank = || {
        let columns = names.iter().cloned().chain((names.len() > 1).then(|| "total_w".to_owned()));
        Table {
            name: "gpu_power".to_owned(),
            utc_ns: Vec::new(),
            numbers: columns.map(|name| (name, Vec::new())).collect(),
            texts: Vec::new(),
        }
    };
    let mut writer = TableWriter::new(BufWriter::new(file), &blank())?;
    let mut block = blank();
    let recorded = record(until_ns, poll_ns, read, watch, |at_ns, watts, total_w| {
        block.utc_ns.push(at_ns);
        let total = (names.len() > 1).then_some(total_w);
        for ((_, column), value) in block.numbers.iter_mut().zip(watts.iter().copied().chain(total)) {
            column.push(value);
        }
        if block.utc_ns.len() == BLOCK {
            writer.write(&std::mem::replace(&mut block, blank()))?;
        }
        Ok(())
    });
    writer.write(&block)?;
    provenance.recorded = Some(recorded.clone());
    writer.remark("provenance", serde_json::to_string(provenance)?);
    let mut file = writer.finish()?;
    file.flush()?;
    file.into_inner().context("writing the trace")?.sync_all()?;
    fs::rename(&partial, out).with_context(|| format!("cannot rename {} to {}", partial.display(), out.display()))?;
    Ok(recorded)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tieline_files::trace::{Columnar, Wishes};

    const MS: i64 = 1_000_000;

    /// A recorded fake: readings that the counter takes over every `refresh_ns`, looked at every `poll_ns`.
    fn fake(refresh_ns: i64, poll_ns: i64, level: impl Fn(i64) -> f64) -> (Recorded, Vec<(i64, f64)>) {
        let now = Cell::new(5 * MS);
        let mut rows = Vec::new();
        let watch =
            Watch { now: || now.get(), wait: |until_ns: i64| now.set(now.get().max(until_ns)), stopped: || false };
        let read = || {
            now.set(now.get() + MS / 10); // a reading takes its time
            vec![level(now.get() / refresh_ns)]
        };
        let recorded = record(10_000 * MS, poll_ns, read, watch, |at_ns, watts, _| {
            rows.push((at_ns, watts[0]));
            Ok(())
        });
        (recorded, rows)
    }

    #[test]
    fn a_slow_counter_gives_its_own_rate_and_not_the_polling_rate() {
        let (recorded, rows) = fake(20 * MS, MS, |refresh| 300.0 + (refresh * 7919 % 101) as f64);
        assert!(recorded.polls > 9_000, "{recorded:?}");
        assert!((recorded.update_interval_s[0].unwrap() - 0.020).abs() < 0.001, "{recorded:?}");
        assert!((480..=560).contains(&recorded.rows), "50 a second for 10 s: {recorded:?}");
        assert!(rows.windows(2).all(|pair| pair[1].0 > pair[0].0));
    }

    #[test]
    fn a_still_load_is_written_too_and_no_rate_is_claimed_for_it() {
        let (recorded, rows) = fake(20 * MS, MS, |_| 72.0);
        assert_eq!(recorded.update_interval_s, [None]);
        assert!((90..=110).contains(&rows.len()), "every 100 ms: {recorded:?}");
    }

    #[test]
    fn a_reading_that_fails_is_missing_and_the_recording_goes_on() {
        let (recorded, rows) =
            fake(20 * MS, MS, |refresh| if refresh % 100 == 7 { f64::NAN } else { 300.0 + refresh as f64 });
        assert!((95..=105).contains(&recorded.failed_readings), "5 spells of 20 looks: {recorded:?}");
        assert_eq!((recorded.ended_early, rows.iter().filter(|row| row.1.is_nan()).count() >= 5), (None, true));
        assert!(rows.last().unwrap().0 > 9_900 * MS);
    }

    /// Eight counters that refresh every 100 ms, each at its own time.
    #[test]
    fn a_total_counts_when_all_have_refreshed() {
        let now = Cell::new(0);
        let watch = Watch { now: || now.get(), wait: |until_ns| now.set(until_ns), stopped: || false };
        let mut totals = Vec::new();
        let read =
            || (0..8).map(|card| 300.0 + ((now.get() + card * 13 * MS) / (100 * MS) * 7919 % 101) as f64).collect();
        let recorded = record(20_000 * MS, MS, read, watch, |at_ns, _, total_w| {
            totals.extend((!total_w.is_nan()).then_some(at_ns));
            Ok(())
        });
        assert!(recorded.rows > 1400, "a row per change of any: {recorded:?}");
        assert!((190..=202).contains(&totals.len()), "{}", totals.len());
    }

    #[test]
    fn a_signal_and_a_full_disk_end_it_early_and_say_so() {
        let watch = || Watch { now: || 0, wait: |_| {}, stopped: || false };
        let full = record(MS, MS, || vec![1.0], watch(), |_, _, _| bail!("disk is full"));
        assert_eq!((full.rows, full.ended_early.as_deref()), (0, Some("disk is full")));
        let stopped =
            record(MS, MS, || vec![1.0], Watch { now: || 0, wait: |_| {}, stopped: || true }, |_, _, _| Ok(()));
        assert_eq!((stopped.polls, stopped.ended_early.as_deref()), (0, Some("a signal")));
    }

    #[test]
    fn the_file_holds_rows_and_provenance_and_is_read_by_comply() {
        let out = std::env::temp_dir().join(format!("tieline-record-{}.parquet", std::process::id()));
        let _ = fs::remove_file(&out);
        let mut provenance = Provenance {
            kind: "fake",
            version: "0",
            driver: "fake".to_owned(),
            nvml: "fake".to_owned(),
            reading: "fake",
            averaging: "none",
            averaging_s: Some(0.5),
            host_clock: "test",
            duration_asked_s: 0.2,
            gpus: Vec::new(),
            recorded: None,
        };
        let names = ["gpu0_w".to_owned(), "gpu1_w".to_owned()];
        let mut count = 0.0;
        let read = || {
            count += 1.0;
            vec![100.0 + count, 200.0]
        };
        let (begin_ns, clock) = clock().unwrap();
        let watch = Watch { now: &clock, wait: |until_ns| nap(&clock, until_ns), stopped: || false };
        let ends = (begin_ns + 200 * MS, 5 * MS);
        let recorded = to_file(&out, &names, ends, read, watch, &mut provenance).unwrap();
        let bytes = bytes_of(&out);
        assert!(bytes.windows(18).any(|window| window == b"tieline.provenance"));
        let mut trace = Columnar::open(File::open(&out).unwrap(), &Wishes::default()).unwrap();
        assert_eq!(trace.reading().averaging_s, Some(0.5));
        assert!(trace.reading().power.contains("total_w"), "{:?}", trace.reading());
        let mut rows = Vec::new();
        while trace.read(&mut rows).unwrap() {}
        assert_eq!(rows.len() as u64, recorded.rows);
        assert!(
            rows.iter().all(
                |(at_ns, power_w)| *at_ns > 1_700_000_000 * 1_000_000_000 && (power_w.is_nan() || *power_w > 300.0)
            )
        );
        fs::remove_file(&out).unwrap();
    }

    fn bytes_of(path: &Path) -> Vec<u8> {
        fs::read(path).unwrap()
    }
}
