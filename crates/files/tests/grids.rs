//! The shipped grids: sums against published totals, one interconnection in both, the reference system's own indices.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use tieline_files::dispatch::{Case, Settings, builtin, read};
use tieline_grid::load;
use tieline_units::Estimate;

fn grid(name: &str, settings: &Settings) -> Case {
    let text = builtin(name).expect("built in");
    read(name, text, settings, &mut |_| Err(io::Error::other("no file"))).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("TIELINE_DATA").map_or_else(|| PathBuf::from("../../../shared/data"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Capacity by class in an area, MW.
fn classes(case: &Case, area: &str) -> BTreeMap<String, f64> {
    let units = &case.problem.units;
    let mut sums = BTreeMap::new();
    for unit in (0..units.name.len()).filter(|unit| case.areas[units.zone[*unit]] == area) {
        *sums.entry(units.class[unit].clone()).or_default() += units.capacity_w[unit] / 1e6;
    }
    sums.remove("campus");
    sums
}

#[test]
fn the_fleet_of_pjm_adds_up_to_the_published_class_totals() {
    let case = grid("pjm-like", &Settings::default());
    let sums = classes(&case, "pjm");
    let near = |class: &str, wanted: f64| assert!((sums[class] - wanted).abs() < 0.5, "{class}: {}", sums[class]);
    near("nuclear", 32_144.0);
    near("coal", 35_779.0);
    near("demand response", 8_184.0);
    near("sun", 8_713.0 + 1_189.0);
    let Some(folder) = data() else {
        eprintln!("skipped: needs pjm_capacity_facts");
        return;
    };
    let path = folder.join("pjm_capacity_facts/elcc_class_ratings_final.csv");
    let text = std::fs::read_to_string(path).expect("the class ratings");
    let published: BTreeMap<&str, Vec<&str>> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(',').map(|(class, rest)| (class, rest.split(',').collect())))
        .collect();
    let installed = |class: &str| published[class][2].parse::<f64>().expect("a number");
    for (ours, theirs) in [
        ("nuclear", "nuclear"),
        ("coal", "coal"),
        ("combustion turbine", "gas_ct"),
        ("dual-fuel turbine", "gas_ct_dual_fuel"),
        ("diesel", "diesel_utility"),
        ("oil and gas steam", "steam"),
        ("wind", "onshore_wind"),
        ("landfill gas", "landfill_intermittent"),
        ("hydro", "hydro_intermittent"),
        ("demand response", "demand_resource"),
    ] {
        assert!((sums[ours] - installed(theirs)).abs() < 0.5, "{ours}: {} for {}", sums[ours], installed(theirs));
    }
    // Every rating is the published one.
    for (class, theirs) in [("nuclear", "nuclear"), ("coal", "coal"), ("combined cycle", "gas_cc_single_fuel")] {
        let unit = case.problem.units.class.iter().position(|known| known == class).expect("a unit of the class");
        let rating = published[theirs][0].parse::<f64>().expect("a number") / 100.0;
        assert!((case.elcc[unit].expect("rated") - rating).abs() < 1e-9, "{class}");
    }
}

#[test]
fn the_accredited_fleet_lies_between_what_cleared_and_what_is_required() {
    let case = grid("pjm-like", &Settings::default());
    let units = &case.problem.units;
    let plants: f64 =
        (0..units.name.len()).filter_map(|unit| case.elcc[unit].map(|elcc| elcc * units.capacity_w[unit] / 1e6)).sum();
    let stores = &case.problem.stores;
    let within = |store: &usize| case.areas[stores.zone[*store]] == "pjm";
    let stored: f64 = (0..stores.name.len()).filter(within).map(|store| case.credited_w(store) / 1e6).sum();
    let accredited = plants + stored;
    // 2026/27: 134,205 MW cleared in the auction; 146,105 MW required with those who supply themselves.
    assert!((134_205.0..146_105.0).contains(&accredited), "{accredited}");
}

#[test]
fn both_grids_lie_in_one_eastern_interconnection() {
    let (pjm, tva) = (grid("pjm-like", &Settings::default()), grid("tva-like", &Settings::default()));
    assert_eq!(classes(&pjm, "pjm"), classes(&tva, "pjm"));
    assert_eq!(classes(&pjm, "rest"), classes(&tva, "rest"));
    assert_eq!(classes(&pjm, "tva"), classes(&tva, "tva"));
    let load_w = |case: &Case| {
        let campus_w: f64 = case.campuses.iter().map(|campus| campus.power_w).sum();
        let zones = case.problem.zones.name.len();
        let peak_w = (0..case.problem.hours)
            .map(|hour| case.problem.zones.load_w[hour * zones..(hour + 1) * zones].iter().sum::<f64>())
            .fold(0.0, f64::max);
        peak_w - campus_w
    };
    let (a, b) = (load_w(&pjm), load_w(&tva));
    assert!((a / b - 1.0).abs() < 1e-3, "{a} and {b}: the same load, up to rounding of the zones");
}

#[test]
fn pjm_s_zones_peak_together_as_measured() {
    let Some(folder) = data() else {
        eprintln!("skipped: needs eia930_pjm");
        return;
    };
    let folder =
        folder.join("eia930_pjm/data/release_2025_Jan_include_subregions/subregions_and_balancing_authorities");
    let mut sum: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
    let mut zones = 0;
    for entry in std::fs::read_dir(folder).expect("the zones") {
        let path = entry.expect("an entry").path();
        let name = path.display().to_string();
        if !name.contains("PJM-") {
            continue;
        }
        zones += 1;
        let reading = tieline_files::eia930::read(&name, std::fs::File::open(&path).expect("opens")).expect("reads");
        let cleaned = reading.cleaned.expect("zone files have it");
        let mut at = cleaned.start();
        for value in cleaned.values() {
            if value.is_finite() {
                let entry = sum.entry(at.as_nanos()).or_default();
                *entry = (entry.0 + value, entry.1 + 1);
            }
            at = at + cleaned.step();
        }
    }
    assert_eq!(zones, 19);
    // Calendar years in UTC; hours in which a zone is missing do not count.
    let year = |ns: i64| 1970 + (ns as f64 / 1e9 / 86_400.0 / 365.2425) as i64;
    let mut peaks: BTreeMap<i64, f64> = BTreeMap::new();
    for (ns, (load_w, count)) in &sum {
        if *count == zones {
            let peak = peaks.entry(year(*ns)).or_default();
            *peak = peak.max(load_w / 1e9);
        }
    }
    for (year, wanted) in [(2020, 143.8), (2021, 149.5), (2022, 147.9), (2023, 147.2)] {
        assert!((peaks[&year] - wanted).abs() < 0.05 + 1e-9, "{year}: {}", peaks[&year]);
    }
    let measured = [2020, 2021, 2022, 2023].map(|year| peaks[&year]).iter().sum::<f64>() / 4.0;
    // The zones' peaks of the file are their shares in those hours, and drawn years peak there on average (calibrated).
    let text = builtin("pjm-like").expect("built in");
    let named: f64 = text
        .lines()
        .filter(|line| line.starts_with("peak = ") && line.contains("EIA-930 zones"))
        .filter_map(|line| line.split('"').nth(1)?.strip_suffix(" MW")?.parse::<f64>().ok())
        .sum::<f64>()
        / 1e3;
    assert!((named / measured - 1.0).abs() < 1e-3, "{named} GW in the file, {measured} GW measured");
    assert!((load::PJM_DRAWN_PEAK_W / 1e9 / measured - 1.0).abs() < 0.01);
}

#[test]
fn rts_79_has_its_units_and_its_published_loss_of_load() {
    let first = grid("rts-79", &Settings::default());
    let capacity: f64 = first.problem.units.capacity_w.iter().sum();
    assert!((capacity / 1e6 - 3405.0).abs() < 1e-6);
    let text = builtin("rts-79").expect("built in");
    let sizes = text.lines().filter_map(|line| line.strip_prefix("size = \"")?.split(' ').next()?.parse::<f64>().ok());
    let whole = text.lines().filter_map(|l| l.strip_prefix("capacity = \"")?.split(' ').next()?.parse::<f64>().ok());
    assert_eq!(whole.zip(sizes).map(|(whole, size)| (whole / size).round() as u32).sum::<u32>(), 32);
    // Published: 9.39 h and 1.176 GWh a year (exactly 9.394 h and 1,176.3 MWh); single years differ wildly.
    let years: Vec<(f64, f64)> = (0..600)
        .map(|sample| {
            let problem = grid("rts-79", &Settings { sample, ..Settings::default() }).problem;
            let short = |hour: usize| {
                let able_w: f64 = (0..problem.units.name.len()).map(|unit| problem.available_w(hour, unit)).sum();
                (problem.load_w(hour, 0) - able_w).max(0.0)
            };
            let lacks: Vec<f64> = (0..problem.hours).map(short).filter(|lack_w| *lack_w > 1.0).collect();
            (lacks.len() as f64, lacks.iter().sum::<f64>() / 1e6)
        })
        .collect();
    for (what, wanted, samples) in [
        ("h", 9.394_175, years.iter().map(|year| year.0).collect::<Vec<f64>>()),
        ("MWh", 1_176.298_5, years.iter().map(|year| year.1).collect::<Vec<f64>>()),
    ] {
        let found = Estimate::of(&samples).expect("many");
        assert!((found.value - wanted).abs() < 3.0 * found.standard_error, "{found} {what} for {wanted}");
    }
}

#[test]
fn the_campus_stands_in_its_zone_and_its_tiers_are_units() {
    let case = grid("pjm-like", &Settings::default());
    let campus = &case.campuses[0];
    assert_eq!(case.problem.zones.name[campus.zone], "dominion");
    let given: f64 = campus.units.clone().map(|unit| case.problem.units.capacity_w[unit]).sum();
    assert!(given <= campus.power_w && campus.tariff.is_some());
}
