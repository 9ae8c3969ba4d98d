//! Speed of the network studies on a published case of 2,869 buses, where the data folder has it.
//!
//! Not modelled: reading the case; the figures begin with its values.

use super::Figure;
use anyhow::{Result, anyhow};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;
use tieline_files::matpower;
use tieline_grid::network::Network;
use tieline_grid::network::direct::{Convention, DirectFlow};
use tieline_grid::network::newton::{PowerFlow, Rules};
use tieline_grid::network::optimum::{self, Outcome};

const CASE: &str = "pglib_opf/pglib_opf_case2869_pegase.m.gz";

/// Reads the case, or says that it is not there.
fn case() -> Result<Option<Network>> {
    let folder = std::env::var_os("TIELINE_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let path = folder.join(CASE);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("tieline: the network benchmarks are skipped: need {CASE} in TIELINE_DATA or ../shared/data");
        return Ok(None);
    };
    Ok(Some(matpower::read(CASE, file).map_err(|why| anyhow!("{why}"))?.network))
}

/// Median of the times that `work` takes, ms.
fn median_ms(runs: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Direct-current flow and Newton flow with everything prepared, and the optimal flow from nothing.
pub fn flows() -> Result<Vec<Figure>> {
    let Some(network) = case()? else { return Ok(Vec::new()) };
    let buses = network.bus_count();
    let mut direct = DirectFlow::new(&network, Convention::Mp, None)?;
    let mut injection_w: Vec<f64> = network.buses.load_w.iter().map(|load| -load).collect();
    for (bus, output) in network.generators.bus.iter().zip(&network.generators.output_w) {
        injection_w[*bus] += output;
    }
    let mut flow_w = vec![0.0; network.branches.from.len()];
    let direct_ms = median_ms(1000, || {
        direct.spread(&network, black_box(&injection_w), &mut flow_w);
        black_box(&flow_w);
        Ok(())
    })?;
    let rules = Rules { reactive_limits: false, ..Rules::default() };
    let mut prepared = PowerFlow::new(&network, None)?;
    let mut iterations = 0;
    let newton_ms = median_ms(50, || {
        iterations = black_box(prepared.solve(&network, &rules)?).iterations;
        Ok(())
    })?;
    let mut optimal = Vec::new();
    for convention in [Convention::Pm, Convention::Mp] {
        optimal.push(median_ms(9, || match optimum::solve(&network, convention)? {
            Outcome::Solved(found) => {
                black_box(found);
                Ok(())
            }
            Outcome::Infeasible(_) => Err(anyhow!("{CASE} has an answer")),
        })?);
    }
    let slower_ms = optimal[0].max(optimal[1]);
    let each = format!("{buses} buses, one core; pm {:.1}, mp {:.1} ms, the slower counts", optimal[0], optimal[1]);
    Ok(vec![
        Figure::lower("network.dc_opf", slower_ms, "ms", 100.0, each),
        Figure::lower("network.dc_flow", direct_ms, "ms", 0.15, format!("{buses} buses, factors kept, one core")),
        Figure::lower(
            "network.newton",
            newton_ms,
            "ms",
            10.0,
            format!("{buses} buses, {iterations} iterations from the direct-current flow, order kept, one core"),
        ),
    ])
}

/// A day of five-minute dispatch of RTS-GMLC, where the data folder has it.
pub fn realtime() -> Result<Vec<Figure>> {
    let folder = std::env::var_os("TIELINE_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let path = folder.join("rts_gmlc");
    if !path.is_dir() {
        eprintln!(
            "tieline: the benchmark of five-minute dispatch is skipped: needs rts_gmlc in TIELINE_DATA or ../shared/data"
        );
        return Ok(Vec::new());
    }
    let (looks, programs, spent_s) = crate::grid::realtime::measured_day(&path, "2020-07-15")?;
    let note =
        format!("RTS-GMLC, 73 buses, 158 units, three intervals ahead; {looks} looks, {programs} programs, one core");
    Ok(vec![Figure::higher("realtime.looks", looks as f64 / spent_s, "1/s", 20.0, note)])
}
