//! What this machine is and what it can do at most: name, cores, memory bandwidth, peak memory of a process.
//!
//! Not modelled: caches, frequency scaling, other people's load.

use serde::Serialize;
use std::time::Instant;

/// The machine beside its figures.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Processor as it names itself.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes read and written per second by one core copying large blocks, GB/s.
    pub memory_gb_per_s: f64,
    /// Operating system and instruction set.
    pub system: String,
}

/// Looks at the machine; takes about a second.
pub fn machine() -> Machine {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    Machine {
        processor: named.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gb_per_s: memory_bandwidth() / 1e9,
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

/// Best of eight copies of a block far larger than any cache, bytes per second (read plus written).
fn memory_bandwidth() -> f64 {
    const WORDS: usize = 16 << 20;
    let from = vec![0x5555_5555_5555_5555_u64; WORDS];
    let mut to = vec![0_u64; WORDS];
    let mut best = f64::INFINITY;
    for round in 0..8 {
        let start = Instant::now();
        to.copy_from_slice(&from);
        best = best.min(start.elapsed().as_secs_f64());
        assert_eq!(std::hint::black_box(&to)[round], from[round], "the copy happened");
    }
    (2 * WORDS * size_of::<u64>()) as f64 / best
}

/// Clock of a core as this process gets it, Hz: best of eight timings of a chain of dependent instructions (an exclusive
/// or and a rotation, one cycle each on every present core).
pub fn clock_hz() -> f64 {
    const LINKS: u64 = 20_000_000;
    const CYCLES_PER_LINK: f64 = 2.0;
    let mut best = f64::INFINITY;
    for round in 0..8 {
        let mut sum = std::hint::black_box(round);
        let start = Instant::now();
        for step in 0..LINKS {
            sum = (sum ^ step).rotate_left(1);
        }
        std::hint::black_box(sum);
        best = best.min(start.elapsed().as_secs_f64());
    }
    CYCLES_PER_LINK * LINKS as f64 / best
}

/// Peak resident memory of a running process, bytes; `None` where the system does not say.
pub fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
