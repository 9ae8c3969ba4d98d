//! Speed of `comply`: rows of a 1 kHz trace in CSV from text to rulings, all clauses of the built-in specification measured.
//!
//! Not modelled: the disk; the text lies in memory. Reading and measuring take turns on one thread here; the command has two.

use super::Figure;
use crate::machine::Machine;
use anyhow::{Result, anyhow};
use std::fmt::Write as _;
use std::io::{self, Read};
use std::time::Instant;
use tieline_campus::specification::{Circumstances, Judge};
use tieline_campus::spectrum::sampling::{Piece, Sampling};
use tieline_files::specification;
use tieline_files::trace::{Text, Wishes};

/// Rows that are read: 40 minutes, so that every clause has something to judge.
const ROWS: u64 = 2_400_000;
/// Rows of the text that is repeated, with its stamps going on.
const BLOCK: u64 = 10_000;

/// A training step of 6.2 s, as text, made while it is read.
struct Made {
    next: u64,
    text: Vec<u8>,
    place: usize,
}

impl Read for Made {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.place == self.text.len() {
            let mut text = String::with_capacity(24 * BLOCK as usize);
            for row in self.next..(self.next + BLOCK).min(ROWS) {
                let power_w = if row % 6200 < 5000 { 100_000_000 } else { 60_000_000 } + row * 7919 % 1_000_003;
                let _ = writeln!(text, "{}.{:03},{power_w}", row / 1000, row % 1000);
            }
            self.next = (self.next + BLOCK).min(ROWS);
            (self.text, self.place) = (text.into_bytes(), 0);
        }
        let count = out.len().min(self.text.len() - self.place);
        out[..count].copy_from_slice(&self.text[self.place..self.place + count]);
        self.place += count;
        Ok(count)
    }
}

/// Rows per second of one thread, less what making the text takes.
pub fn rows(machine: &Machine) -> Result<Vec<Figure>> {
    let start = Instant::now();
    let mut bytes = 0;
    let mut made = Made { next: 0, text: b"time_s,power_w\n".to_vec(), place: 0 };
    let mut block = vec![0; 1 << 20];
    loop {
        match made.read(&mut block)? {
            0 => break,
            count => bytes += count,
        }
    }
    let making_s = start.elapsed().as_secs_f64();
    let mut known = specification::read("bench", specification::builtin("waveform-2508.14318").unwrap_or_default())
        .map_err(|mistakes| anyhow!("{mistakes}"))?;
    for (name, value) in [("rated", "110 MW"), ("short_circuit_ratio", "10"), ("x_over_r", "8")] {
        specification::set(&mut known, name, value).map_err(|why| anyhow!(why))?;
    }
    let start = Instant::now();
    let made = Made { next: 0, text: b"time_s,power_w\n".to_vec(), place: 0 };
    let mut text = Text::open(made, &Wishes::default())?;
    let (mut sampling, mut rows, mut judge) = (Sampling::new(), Vec::new(), None::<Judge>);
    let mut kept: Vec<f64> = Vec::new();
    let mut more = true;
    while more {
        rows.clear();
        more = text.read(&mut rows)?;
        let mut keep = |piece: Piece<'_>| {
            if let Piece::Samples(samples) = piece {
                kept.extend_from_slice(samples);
            }
        };
        sampling.push(&rows, &mut keep).map_err(|why| anyhow!("{why}"))?;
        if !more {
            sampling.finish(&mut keep).map_err(|why| anyhow!("{why}"))?;
        }
        if !kept.is_empty() {
            let step_s = sampling.findings.step_s;
            let judge = judge.get_or_insert_with(|| {
                Judge::new(known.clone(), Circumstances { step_s, ..Circumstances::default() }).with_remedies()
            });
            judge.push(Piece::Samples(&kept));
            kept.clear();
        }
    }
    let judge = judge.ok_or_else(|| anyhow!("no row was read"))?;
    let (_, rulings, _) = judge.finish(&sampling.findings);
    let each_s = (start.elapsed().as_secs_f64() - making_s).max(1e-9) / ROWS as f64;
    assert_eq!(sampling.findings.rows, ROWS, "every row was read");
    let measured = rulings.iter().filter(|ruling| ruling.measured.is_some()).count();
    let note = format!(
        "one thread, {measured} of {} clauses measured, {:.1} bytes a row",
        rulings.len(),
        bytes as f64 / ROWS as f64
    );
    // 36 M rows in 10 s; at best the text and its samples pass through memory once.
    let limit = machine.memory_gb_per_s * 1e9 / (bytes as f64 / ROWS as f64 + 16.0);
    let mut figure = Figure::lower("comply.rows", 1.0 / each_s, "1/s", 3.6e6, note);
    figure.better = "higher";
    (figure.limit, figure.share_of_limit) = (Some(limit), Some(1.0 / each_s / limit));
    Ok(vec![figure])
}
