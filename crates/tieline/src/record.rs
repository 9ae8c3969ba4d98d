//! `tieline record`: power of this machine's GPUs over NVML into a Parquet trace, with where it came from.
//!
//! The counter behind NVML is refreshed more slowly than it can be read. It is read every poll, and a row is written when a
//! reading changes, or when nothing has changed for as long as a refresh takes: the rows then say what was measured and not how
//! often somebody looked. The total has a value only where every GPU was refreshed since the total before. A reading that
//! fails is a missing one; whatever ends a recording, a signal too, the file is finished. Limits and clocks are read, never set.
//!
//! Not modelled: GPUs of other makers, changes of limits and clocks during a recording, power of the rest of the node, the averaging inside the driver (named, not undone).

use crate::Verdict;
use anyhow::{Context, Result, anyhow, bail};
use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::enums::device::{DeviceArchitecture, SampleValue};
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::{Device, Nvml};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tieline_files::table::TableWriter;
use tieline_sim::results::Table;

/// Field of NVML for power at an instant (driver 535 and later; older ones give the averaged reading only).
const POWER_INSTANT: u32 = 186;
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

#[derive(Serialize)]
struct Card {
    index: u32,
    product: String,
    uuid: String,
    enforced_limit_w: Option<f64>,
    limit_w: Option<f64>,
    default_limit_w: Option<f64>,
    least_limit_w: Option<f64>,
    greatest_limit_w: Option<f64>,
    sm_clock_mhz: Option<u32>,
    sm_clock_max_mhz: Option<u32>,
}

/// Records for `duration_s` into `out`.
///
/// # Errors
/// No NVML, no GPU, a GPU that does not tell its power, or a file that cannot be written.
pub fn command(out: &Path, duration_s: f64, poll_s: f64, chosen: &[u32]) -> Result<Verdict> {
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
    let instant = devices.iter().all(|device| instant_w(device).is_some());
    if !instant && devices.iter().all(|device| averaged_w(device).is_none()) {
        bail!("none of these GPUs tells its power");
    }
    let averages = !instant && devices.iter().any(averages);
    let mut provenance = Provenance {
        kind: "measured",
        version: env!("CARGO_PKG_VERSION"),
        driver: nvml.sys_driver_version().unwrap_or_else(|why| why.to_string()),
        nvml: nvml.sys_nvml_version().unwrap_or_else(|why| why.to_string()),
        reading: if instant { "NVML_FI_DEV_POWER_INSTANT" } else { "nvmlDeviceGetPowerUsage" },
        averaging: if instant {
            "power at an instant, as the driver calls it"
        } else {
            "nvmlDeviceGetPowerUsage averages over 1 s on Ampere (other than GA100) and later, by its documentation"
        },
        averaging_s: averages.then_some(1.0),
        host_clock: "CLOCK_REALTIME at the start, monotonic from there",
        duration_asked_s: duration_s,
        gpus: numbers.iter().zip(&devices).map(|(number, device)| card(*number, device)).collect(),
        recorded: None,
    };
    let one = |device: &Device<'_>| if instant { instant_w(device) } else { averaged_w(device) };
    let read = || devices.iter().map(|device| one(device).unwrap_or(f64::NAN)).collect();
    let names: Vec<String> = numbers.iter().map(|number| format!("gpu{number}_w")).collect();
    let recorded = to_file(out, &names, duration_s, poll_s, read, &mut provenance)?;
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

/// Writes beside the final name and moves there when all is written.
fn to_file(
    out: &Path,
    names: &[String],
    duration_s: f64,
    poll_s: f64,
    read: impl FnMut() -> Vec<f64>,
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
    let since_1970 =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the host's clock stands before 1970")?;
    let (origin_ns, origin) = (i64::try_from(since_1970.as_nanos())?, Instant::now());
    let clock = || origin_ns + i64::try_from(origin.elapsed().as_nanos()).unwrap_or(i64::MAX / 2);
    let stopped = || STOPPED.load(Ordering::Relaxed);
    let wait = |until_ns: i64| loop {
        let left_ns = until_ns - clock();
        if left_ns <= 0 || stopped() {
            break;
        }
        std::thread::sleep(NAP.min(Duration::from_nanos(left_ns as u64)));
    };
    let until_ns = origin_ns + (duration_s * 1e9) as i64;
    let watch = Watch { now: clock, wait, stopped };
    let recorded = record(until_ns, (poll_s * 1e9) as i64, read, watch, |at_ns, watts, total_w| {
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

fn open() -> Result<Nvml> {
    // Machines without the development package have the library under its versioned name only.
    let opened = Nvml::init().or_else(|_| Nvml::builder().lib_path("libnvidia-ml.so.1".as_ref()).init());
    opened.map_err(|why| {
        anyhow!(
            "NVML is not here ({why}): record needs an NVIDIA GPU with its driver, whose library is libnvidia-ml.so.1"
        )
    })
}

/// What is asked of a GPU.
trait Counter {
    /// A field of NVML.
    fn field(&self, field: u32) -> Option<SampleValue>;
    /// nvmlDeviceGetPowerUsage, mW.
    fn usage_mw(&self) -> Option<u32>;
}

impl Counter for Device<'_> {
    fn field(&self, field: u32) -> Option<SampleValue> {
        let samples = self.field_values_for(&[FieldId(field)]).ok()?;
        samples.into_iter().next()?.ok()?.value.ok()
    }

    fn usage_mw(&self) -> Option<u32> {
        self.power_usage().ok()
    }
}

/// Power at an instant, W; `None` where the driver has no such reading. A GPU that is on draws more than nothing: 0 is none.
fn instant_w(device: &impl Counter) -> Option<f64> {
    let milliwatts = match device.field(POWER_INSTANT)? {
        SampleValue::F64(value) => value,
        SampleValue::U32(value) => f64::from(value),
        SampleValue::U64(value) => value as f64,
        SampleValue::I64(value) => value as f64,
    };
    (milliwatts > 0.0 && milliwatts.is_finite()).then_some(milliwatts / 1e3)
}

/// Power as nvmlDeviceGetPowerUsage gives it, W.
fn averaged_w(device: &impl Counter) -> Option<f64> {
    device.usage_mw().filter(|milliwatts| *milliwatts > 0).map(|milliwatts| f64::from(milliwatts) / 1e3)
}

/// Whether nvmlDeviceGetPowerUsage averages over 1 s on this GPU: on Ampere other than GA100, and later, by its documentation.
fn averages(device: &Device<'_>) -> bool {
    let name = device.name().unwrap_or_default();
    device.architecture().map_or(true, |architecture| averages_on(architecture, &name))
}

fn averages_on(architecture: DeviceArchitecture, product: &str) -> bool {
    use DeviceArchitecture::{Ampere, Kepler, Maxwell, Pascal, Turing, Volta};
    match architecture {
        Kepler | Maxwell | Pascal | Volta | Turing => false,
        // Products with the GA100.
        Ampere => !["A100", "A30", "A800"].iter().any(|with| product.split([' ', '-']).any(|word| word == *with)),
        _ => true,
    }
}

fn card(index: u32, device: &Device<'_>) -> Card {
    let watts = |milliwatts: u32| f64::from(milliwatts) / 1e3;
    let bounds = device.power_management_limit_constraints().ok();
    Card {
        index,
        product: device.name().unwrap_or_else(|why| why.to_string()),
        uuid: device.uuid().unwrap_or_else(|why| why.to_string()),
        enforced_limit_w: device.enforced_power_limit().ok().map(watts),
        limit_w: device.power_management_limit().ok().map(watts),
        default_limit_w: device.power_management_limit_default().ok().map(watts),
        least_limit_w: bounds.as_ref().map(|bounds| watts(bounds.min_limit)),
        greatest_limit_w: bounds.as_ref().map(|bounds| watts(bounds.max_limit)),
        sm_clock_mhz: device.clock_info(Clock::SM).ok(),
        sm_clock_max_mhz: device.max_clock_info(Clock::SM).ok(),
    }
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

    struct FakeCard(Option<SampleValue>, Option<u32>);

    impl Counter for FakeCard {
        fn field(&self, field: u32) -> Option<SampleValue> {
            assert_eq!(field, 186, "NVML_FI_DEV_POWER_INSTANT of nvml.h");
            match &self.0 {
                Some(SampleValue::U32(value)) => Some(SampleValue::U32(*value)),
                Some(SampleValue::U64(value)) => Some(SampleValue::U64(*value)),
                Some(SampleValue::F64(value)) => Some(SampleValue::F64(*value)),
                _ => None,
            }
        }

        fn usage_mw(&self) -> Option<u32> {
            self.1
        }
    }

    #[test]
    fn milliwatts_of_either_counter_are_watts() {
        let card = FakeCard(Some(SampleValue::U32(287_310)), Some(72_500));
        assert_eq!((instant_w(&card), averaged_w(&card)), (Some(287.31), Some(72.5)));
        assert_eq!(instant_w(&FakeCard(Some(SampleValue::U64(1_000_500)), None)), Some(1000.5));
        for none in [
            FakeCard(None, None),
            FakeCard(Some(SampleValue::U32(0)), Some(0)),
            FakeCard(Some(SampleValue::F64(f64::NAN)), None),
        ] {
            assert_eq!((instant_w(&none), averaged_w(&none)), (None, None));
        }
        assert!(averages_on(DeviceArchitecture::Hopper, "NVIDIA H100 80GB HBM3"));
        assert!(averages_on(DeviceArchitecture::Ampere, "NVIDIA A10"));
        assert!(!averages_on(DeviceArchitecture::Ampere, "NVIDIA A100-SXM4-80GB"));
        assert!(!averages_on(DeviceArchitecture::Volta, "Tesla V100-SXM2-16GB"));
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
        let recorded = to_file(&out, &names, 0.2, 0.005, read, &mut provenance).unwrap();
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
