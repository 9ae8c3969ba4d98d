//! `tieline record`: power of this machine's GPUs over NVML into a Parquet trace, with where it came from.
//!
//! The counter behind NVML is refreshed more slowly than it can be read. It is read every poll, and a row is written when a
//! reading changes, or when nothing has changed for as long as a refresh takes: the rows then say what was measured and not how
//! often somebody looked. Limits and clocks are read and never set.
//!
//! Not modelled: GPUs of other makers, power of the rest of the node, the averaging inside the driver (named, not undone).

use crate::Verdict;
use anyhow::{Context, Result, anyhow, bail};
use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::{Device, Nvml};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
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

/// What was found while recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recorded {
    /// How often the readings were looked at.
    pub polls: u64,
    /// Mean time between looks, s.
    pub poll_interval_s: f64,
    /// Rows handed over.
    pub rows: u64,
    /// For each GPU: median time between changes of its reading, s; none where it never changed.
    pub update_interval_s: Vec<Option<f64>>,
}

/// Reads until `until_ns`: `read` gives one reading per GPU, W; `clock` the time, ns; `wait` sleeps until a time, ns; `write`
/// takes rows.
///
/// # Errors
/// What reading and writing say.
pub fn record(
    until_ns: i64,
    poll_ns: i64,
    mut read: impl FnMut() -> Result<Vec<f64>>,
    mut clock: impl FnMut() -> i64,
    mut wait: impl FnMut(i64),
    mut write: impl FnMut(i64, &[f64]) -> Result<()>,
) -> Result<Recorded> {
    let begin_ns = clock();
    let (mut polls, mut rows, mut last_row_ns) = (0_u64, 0_u64, i64::MIN / 2);
    let mut last: Vec<(f64, i64)> = Vec::new();
    let mut changes: Vec<Vec<i64>> = Vec::new();
    let mut next_ns = begin_ns;
    let mut end_ns = begin_ns;
    while next_ns <= until_ns {
        wait(next_ns);
        let before_ns = clock();
        let watts = read()?;
        let after_ns = clock();
        let at_ns = before_ns + (after_ns - before_ns) / 2;
        polls += 1;
        end_ns = at_ns;
        if last.is_empty() {
            last = watts.iter().map(|power_w| (*power_w, i64::MIN)).collect();
            changes = vec![Vec::new(); watts.len()];
        }
        let mut changed = false;
        for ((power_w, (last_w, since_ns)), changes) in watts.iter().zip(&mut last).zip(&mut changes) {
            if power_w == last_w {
                continue;
            }
            changed = true;
            // The first change has no beginning: recording started in the middle of it.
            if *since_ns > i64::MIN && changes.len() < MOST_CHANGES {
                changes.push(at_ns - *since_ns);
            }
            (*last_w, *since_ns) = (*power_w, at_ns);
        }
        let keep_ns = changes.iter().filter_map(|changes| median(changes)).min().unwrap_or(FIRST_KEEP_NS).max(poll_ns);
        if changed || at_ns - last_row_ns >= keep_ns {
            write(at_ns, &watts)?;
            rows += 1;
            last_row_ns = at_ns;
        }
        // A look that came late does not make the next ones come in a burst.
        next_ns = (next_ns + poll_ns).max(after_ns);
    }
    let span_s = (end_ns - begin_ns) as f64 / 1e9;
    Ok(Recorded {
        polls,
        poll_interval_s: span_s / polls.saturating_sub(1).max(1) as f64,
        rows,
        update_interval_s: changes.iter().map(|changes| median(changes).map(|ns| ns as f64 / 1e9)).collect(),
    })
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
        host_clock: "CLOCK_REALTIME at the start, monotonic from there",
        duration_asked_s: duration_s,
        gpus: numbers.iter().zip(&devices).map(|(number, device)| card(*number, device)).collect(),
        recorded: None,
    };
    let read = || -> Result<Vec<f64>> {
        let one = |device: &Device<'_>| -> Result<f64> {
            if instant {
                return instant_w(device).ok_or_else(|| anyhow!("a GPU stopped telling its power"));
            }
            Ok(f64::from(device.power_usage().context("reading the power of a GPU")?) / 1e3)
        };
        devices.iter().map(one).collect()
    };
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
    crate::screen::answer(&text, Verdict::Yes)
}

/// Writes beside the final name and moves there when all is written.
fn to_file(
    out: &Path,
    names: &[String],
    duration_s: f64,
    poll_s: f64,
    read: impl FnMut() -> Result<Vec<f64>>,
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
    let wait = |until_ns: i64| {
        let left_ns = until_ns - clock();
        if left_ns > 0 {
            std::thread::sleep(Duration::from_nanos(left_ns as u64));
        }
    };
    let until_ns = origin_ns + (duration_s * 1e9) as i64;
    let recorded = record(until_ns, (poll_s * 1e9) as i64, read, clock, wait, |at_ns, watts| {
        block.utc_ns.push(at_ns);
        let total = (names.len() > 1).then(|| watts.iter().sum());
        for ((_, column), value) in block.numbers.iter_mut().zip(watts.iter().copied().chain(total)) {
            column.push(value);
        }
        if block.utc_ns.len() == BLOCK {
            writer.write(&std::mem::replace(&mut block, blank()))?;
        }
        Ok(())
    })?;
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

/// Power at an instant, W; `None` where the driver has no such reading.
fn instant_w(device: &Device<'_>) -> Option<f64> {
    let samples = device.field_values_for(&[FieldId(POWER_INSTANT)]).ok()?;
    let value = samples.into_iter().next()?.ok()?.value.ok()?;
    let milliwatts = match value {
        SampleValue::F64(value) => value,
        SampleValue::U32(value) => f64::from(value),
        SampleValue::U64(value) => value as f64,
        SampleValue::I64(value) => value as f64,
    };
    (milliwatts > 0.0).then_some(milliwatts / 1e3)
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
        let recorded = record(
            10_000 * MS,
            poll_ns,
            || {
                now.set(now.get() + MS / 10); // a reading takes its time
                Ok(vec![level(now.get() / refresh_ns)])
            },
            || now.get(),
            |until_ns| now.set(now.get().max(until_ns)),
            |at_ns, watts| {
                rows.push((at_ns, watts[0]));
                Ok(())
            },
        );
        (recorded.unwrap(), rows)
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
    fn a_reading_that_fails_ends_the_recording_with_its_reason() {
        let ended = record(MS, MS, || bail!("GPU is lost"), || 0, |_| {}, |_, _| Ok(()));
        assert!(ended.unwrap_err().to_string().contains("lost"));
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
            host_clock: "test",
            duration_asked_s: 0.2,
            gpus: Vec::new(),
            recorded: None,
        };
        let names = ["gpu0_w".to_owned(), "gpu1_w".to_owned()];
        let mut count = 0.0;
        let read = || {
            count += 1.0;
            Ok(vec![100.0 + count, 200.0])
        };
        let recorded = to_file(&out, &names, 0.2, 0.005, read, &mut provenance).unwrap();
        let bytes = bytes_of(&out);
        assert!(bytes.windows(18).any(|window| window == b"tieline.provenance"));
        let mut trace = Columnar::open(File::open(&out).unwrap(), &Wishes::default()).unwrap();
        assert!(trace.reading().power.contains("total_w"), "{:?}", trace.reading());
        let mut rows = Vec::new();
        while trace.read(&mut rows).unwrap() {}
        assert_eq!(rows.len() as u64, recorded.rows);
        assert!(rows.iter().all(|(at_ns, power_w)| *at_ns > 1_700_000_000 * 1_000_000_000 && *power_w > 300.0));
        fs::remove_file(&out).unwrap();
    }

    fn bytes_of(path: &Path) -> Vec<u8> {
        fs::read(path).unwrap()
    }
}
