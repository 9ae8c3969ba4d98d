//! Unit-commitment cases in our own TOML: nothing is lost, and what is said about files that are broken.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use tieline_files::commitment::{self, own};
use tieline_files::table::TableWriter;
use tieline_grid::commitment::{
    Area, Burns, DcLine, Fuel, Lines, Offer, Options, Other, Outcome, Problem, Renewable, Reserve, Services, Start,
    State, Store, Unit, solve,
};
use tieline_grid::network::direct::Convention;
use tieline_grid::network::{BusKind, Network};
use tieline_units::{Draw, Purpose};

const MW: f64 = 1e6;

fn nothing(path: &str) -> io::Result<Box<dyn Read>> {
    Err(io::Error::new(ErrorKind::NotFound, path.to_owned()))
}

/// Written and read again it is the same, to the last bit: numbers print differently where any bit differs.
fn round_trip(what: &str, problem: &Problem) {
    for series in [None, Some("series.parquet")] {
        let written = own::write(problem, "case", "claim: a test", series);
        assert_eq!(written.lost, Vec::<String>::new(), "{what}");
        let mut bytes = Vec::new();
        if let Some(table) = &written.series {
            let mut writer = TableWriter::new(&mut bytes, table).expect("columns with names of their own");
            writer.write(table).expect("writes");
            writer.finish().expect("writes");
        }
        let mut open = |_: &str| -> io::Result<Box<dyn Read>> { Ok(Box::new(io::Cursor::new(bytes.clone()))) };
        let back = own::read("day.toml", &written.text, &mut open)
            .unwrap_or_else(|why| panic!("{what}: {why}\n{}", written.text))
            .problem;
        assert_eq!(back, *problem, "{what}");
        assert!(format!("{back:?}") == format!("{problem:?}"), "{what}: a bit of a number differs");
    }
}

fn read(text: &str) -> Result<Problem, String> {
    own::read("day.toml", text, &mut nothing).map(|case| case.problem).map_err(|mistakes| mistakes.to_string())
}

fn data() -> PathBuf {
    let named = std::env::var_os("TIELINE_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")))
}

#[test]
fn published_and_shipped_cases_come_back_to_the_last_bit() {
    for (name, text) in [
        ("six-units", include_str!("../../../grids/six-units.json")),
        ("two-buses", include_str!("../../../grids/two-buses.json")),
    ] {
        round_trip(name, &commitment::read(name, text.as_bytes()).expect("reads").problem);
    }
    let mut cases = Vec::new();
    for folder in ["egret_uc", "pglib_uc/rts_gmlc", "pglib_uc/ca"] {
        let Ok(names) = std::fs::read_dir(data().join(folder)) else {
            eprintln!("skipped: needs {folder} of the data folder");
            continue;
        };
        let names = names.filter_map(|entry| Some(entry.ok()?.path()));
        cases.extend(names.filter(|path| path.to_string_lossy().contains(".json")));
    }
    for path in cases {
        let name = path.display().to_string();
        let case = commitment::read(&name, std::fs::File::open(&path).expect("opens")).expect("reads");
        round_trip(&name, &case.problem);
    }
}

/// Numbers between 0 and 1, one after another.
struct Luck {
    draw: Draw,
    event: u64,
}

impl Luck {
    fn next(&mut self) -> f64 {
        self.event += 1;
        self.draw.uniform(0, Purpose::GridLoad, self.event)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }

    fn yes(&mut self) -> bool {
        self.next() < 0.5
    }

    fn below(&mut self, count: usize) -> usize {
        ((self.next() * count as f64) as usize).min(count - 1)
    }

    fn watts(&mut self, steps: usize) -> Vec<f64> {
        match self.below(3) {
            0 => vec![self.between(0.0, 900.0) * MW; steps],
            1 => (0..steps).map(|_| (self.between(0.0, 9000.0)).round() / 10.0 * MW).collect(),
            _ => (0..steps).map(|_| self.between(0.0, 900.0 * MW)).collect(),
        }
    }

    fn may<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.yes() { Some(value(self)) } else { None }
    }
}

/// A problem with everything that there can be, its numbers with all their bits.
fn drawn(seed: u64) -> Problem {
    let mut luck = Luck { draw: Draw::new(seed, 0), event: 0 };
    let steps = 1 + luck.below(30);
    let step_s = [3600.0, 900.0, 300.0, 7200.0, luck.between(60.0, 9000.0)][luck.below(5)];
    let buses = 1 + luck.below(4);
    let bus_loads: Vec<Vec<f64>> = (0..buses).map(|_| luck.watts(steps)).collect();
    let load_w: Vec<f64> =
        (0..steps).map(|t| bus_loads.iter().map(|bus| bus[t]).fold(0.0, |sum, load| sum + load)).collect();
    let fuels = luck.below(3);
    let mut problem = Problem {
        steps,
        step_s,
        load_w,
        mismatch_usd_per_j: luck.may(|luck| luck.between(1e3, 1e4) / 3.6e9),
        reserve: Reserve {
            required_w: if luck.yes() { luck.watts(steps) } else { Vec::new() },
            contingency: luck.may(|luck| luck.between(0.5, 2.0)),
            short_usd_per_j: luck.may(|luck| luck.between(1e2, 1e4) / 3.6e9),
        },
        fuels: (0..fuels)
            .map(|fuel| Fuel {
                name: format!("pipe \"{fuel}\""),
                per_step: (0..steps).map(|_| luck.next() * 1e5).collect(),
            })
            .collect(),
        ..Problem::default()
    };
    if buses > 1 && luck.yes() {
        problem.lines = Some(network(&mut luck, bus_loads));
    }
    for index in 0..luck.below(6) {
        let unit = unit(&mut luck, &problem, index, buses);
        problem.units.push(unit);
    }
    for index in 0..luck.below(3) {
        let most_w = luck.watts(steps);
        let least_w =
            if luck.yes() { vec![0.0; steps] } else { most_w.iter().map(|most| most * luck.next()).collect() };
        problem.renewables.push(Renewable { name: format!("wind-{index}"), bus: luck.below(buses), least_w, most_w });
    }
    for index in 0..luck.below(3) {
        let energy_j = luck.between(1.0, 900.0) * 3.6e9;
        problem.stores.push(Store {
            name: format!("lake.{index}"),
            bus: luck.below(buses),
            charge_w: luck.between(0.0, 100.0) * MW,
            discharge_w: luck.between(0.0, 100.0) * MW,
            energy_j,
            floor_j: energy_j * luck.next() * 0.1,
            charge_efficiency: luck.between(0.5, 1.0),
            discharge_efficiency: luck.between(0.5, 1.0),
            keep: luck.between(0.9, 1.0),
            first_j: energy_j * luck.between(0.2, 0.9),
            last_j: energy_j * luck.between(0.2, 0.9),
            inflow_w: if luck.yes() { luck.watts(steps) } else { Vec::new() },
            charge_usd_per_j: luck.between(-1.0, 1.0) / 3.6e9,
            discharge_usd_per_j: luck.between(-1.0, 1.0) / 3.6e9,
        });
    }
    if !problem.units.is_empty() && luck.yes() {
        let units = problem.units.len();
        let area = |name: &str, members: Vec<usize>, luck: &mut Luck| Area {
            name: name.to_owned(),
            members,
            required_w: std::array::from_fn(|_| if luck.yes() { luck.watts(steps) } else { Vec::new() }),
        };
        let areas = vec![
            area("system", (0..units).collect(), &mut luck),
            area("north", (0..units).filter(|unit| unit % 2 == 0).collect(), &mut luck),
        ];
        problem.services =
            Some(Services { areas, short_usd_per_j: std::array::from_fn(|_| luck.between(10.0, 1e4) / 3.6e9) });
    }
    problem
}

fn unit(luck: &mut Luck, problem: &Problem, index: usize, buses: usize) -> Unit {
    let least_w = luck.between(0.0, 200.0 * MW);
    let most_w = least_w + luck.between(1.0, 300.0 * MW);
    let on = luck.yes();
    let middle_w = 0.5 * (least_w + most_w);
    let bottom = luck.between(-100.0, 5000.0);
    let slope = luck.between(1.0, 60.0) / MW;
    let curve = vec![
        (least_w, bottom),
        (middle_w, bottom + slope * (middle_w - least_w)),
        (most_w, bottom + slope * (middle_w - least_w) + 1.1 * slope * (most_w - middle_w)),
    ];
    let least_up = luck.below(6);
    let first = State { on, steps: least_up + 1 + luck.below(90), output_w: if on { middle_w } else { 0.0 } };
    let ordered = match luck.below(4) {
        0 => vec![Some(on); problem.steps],
        1 => vec![Some(true); problem.steps],
        2 => (0..problem.steps).map(|_| [Some(true), Some(false), None][luck.below(3)]).collect(),
        _ => Vec::new(),
    };
    let other = |luck: &mut Luck| Other {
        supply: if problem.fuels.is_empty() { None } else { luck.may(|luck| luck.below(problem.fuels.len())) },
        usd: luck.between(0.1, 9.0),
        blends: luck.yes(),
        switches: luck.yes(),
        first: luck.yes(),
    };
    Unit {
        name: format!("unit \\ {index} \u{e9}"),
        bus: luck.below(buses),
        least_w,
        most_w,
        up_w: luck.between(0.0, 500.0 * MW),
        down_w: luck.between(0.0, 500.0 * MW),
        begin_w: luck.between(least_w, most_w),
        end_w: luck.between(least_w, most_w),
        least_up,
        least_down: luck.below(4),
        ordered,
        curve,
        starts: (0..luck.below(4))
            .map(|class| Start { off: 1 + 3 * class, usd: 100.0 * class as f64 + luck.next(), fuel: luck.next() })
            .collect(),
        stop_usd: if luck.yes() { 0.0 } else { luck.between(0.0, 90.0) },
        first,
        first_spare_w: 0.0,
        burns: luck.may(|luck| Burns {
            supply: if problem.fuels.is_empty() { None } else { luck.may(|luck| luck.below(problem.fuels.len())) },
            per_h: vec![luck.next() * 1e3, luck.next() * 1e3, luck.next() * 1e3],
            usd: luck.between(0.1, 9.0),
            other: luck.may(other),
        }),
        offer: Offer {
            regulation: luck.may(|luck| (luck.next() * MW, luck.next() * MW, luck.next() * MW)),
            spinning_w: if luck.yes() { f64::INFINITY } else { luck.between(0.0, 90.0) * MW },
            non_spinning_w: luck.may(|luck| luck.between(0.0, 90.0) * MW),
            supplemental_off_w: luck.may(|luck| luck.between(0.0, 90.0) * MW),
            supplemental_w: if luck.yes() { f64::INFINITY } else { luck.between(0.0, 90.0) * MW },
        },
    }
}

fn network(luck: &mut Luck, load_w: Vec<Vec<f64>>) -> Lines {
    let mut network = Network { name: "net".to_owned(), base_va: luck.between(1e6, 1e9), ..Network::default() };
    let count = load_w.len();
    for bus in 0..count {
        let buses = &mut network.buses;
        buses.number.push(100 + 7 * bus as u64);
        buses.kind.push(if bus == 1 { BusKind::Reference } else { BusKind::Load });
        buses.load_w.push(0.0);
        buses.load_var.push(0.0);
        buses.shunt_w.push(if luck.yes() { 0.0 } else { luck.next() * MW });
        buses.shunt_var.push(0.0);
        buses.voltage_share.push(1.0);
        buses.angle_rad.push(0.0);
        buses.nominal_v.push(0.0);
        buses.most_share.push(f64::INFINITY);
        buses.least_share.push(0.0);
    }
    for branch in 0..count + 2 {
        let out = &mut network.branches;
        out.from.push(branch % count);
        out.to.push((branch + 1) % count);
        out.r_pu.push(luck.next() * 0.1);
        out.x_pu.push(luck.between(0.01, 0.3));
        out.charging_pu.push(0.0);
        out.rating_va.push([0.0, f64::INFINITY, luck.next() * 900.0 * MW][luck.below(3)]);
        out.tap.push(if luck.yes() { 1.0 } else { luck.between(0.9, 1.1) });
        out.shift_rad.push([0.0, 30.0_f64.to_radians(), luck.between(-0.5, 0.5)][luck.below(3)]);
        out.in_service.push(branch < count || luck.yes());
        out.least_angle_rad.push(f64::NEG_INFINITY);
        out.most_angle_rad.push(f64::INFINITY);
    }
    let convention = if luck.yes() { Convention::Pm } else { Convention::Mp };
    let end = load_w.len().max(1);
    let link = |index: usize| DcLine {
        name: format!("dc {index}"),
        from: index % end,
        to: (index + 1) % end,
        most_w: 1e8 / (index + 3) as f64,
    };
    let links = (0..luck.below(3)).map(link).collect();
    Lines { network, convention, load_w, links }
}

#[test]
fn drawn_problems_come_back_to_the_last_bit() {
    let (mut tried, mut sound) = (0, 0);
    let (mut lines, mut services, mut burning) = (0, 0, 0);
    for seed in 0..400 {
        let problem = drawn(seed);
        tried += 1;
        if problem.complaints().is_empty() {
            sound += 1;
            lines += usize::from(problem.lines.is_some());
            services += usize::from(problem.services.is_some());
            burning += usize::from(problem.units.iter().any(|unit| unit.burns.is_some()));
            round_trip(&format!("seed {seed}"), &problem);
        }
    }
    assert!(
        sound > 200 && lines > 30 && services > 50 && burning > 100,
        "{sound} of {tried}: {lines} {services} {burning}"
    );
}

const SMALL: &str = include_str!("../../../grids/small-day.toml");

#[test]
fn the_shipped_day_says_what_is_meant() {
    let problem = read(SMALL).expect("reads");
    assert_eq!((problem.steps, problem.units.len(), problem.renewables.len(), problem.stores.len()), (24, 3, 1, 1));
    assert_eq!((problem.load_w[0], problem.reserve.required_w[23]), (420e6, 40e6));
    let coal = &problem.units[0];
    assert_eq!((coal.least_up, coal.starts[1].off, coal.starts[1].usd), (8, 24, 16_000.0));
    let gas = &problem.units[1];
    // 900 $/h and 34 $/MWh at 120 and 300 MW; a start to the greater of 120 and 150 MW.
    for ((at, usd), (mw, expected)) in gas.curve.iter().zip([(120.0, 4980.0), (300.0, 11_100.0)]) {
        assert!((at / MW - mw).abs() < 1e-9 && (usd - expected).abs() < 1e-6, "{at} {usd}");
    }
    assert_eq!((gas.begin_w, gas.first.output_w), (150e6, 160e6));
    let turbine = &problem.units[2];
    assert_eq!((turbine.up_w, turbine.first.on, turbine.first.output_w), (120e6, false, 0.0));
    assert_eq!(problem.stores[0].last_j, 100.0 * 3.6e9);
    round_trip("small-day", &problem);
    let Ok(Outcome::Solved(plan)) = solve(&problem, &Options { gap: 1e-6, ..Options::default() }) else {
        panic!("no schedule")
    };
    assert_eq!(plan.violations(&problem), Vec::<String>::new());
    assert!(plan.shed_w.iter().all(|shed| *shed < 1.0), "the day can be served");
}

/// What a wrong file says, and in which line.
#[test]
fn every_mistake_is_told_with_its_line() {
    for (from, to, at, words) in [
        ("steps = 24", "steps = 23", "load_mw", "load_mw: found 24 values, expected 23 values, one a step"),
        ("least = \"150 MW\"", "least = 150", "least = 150", "found the bare number 150, expected a power"),
        ("least = \"150 MW\"", "least = \"150 MWh\"", "150 MWh", "unit[0].least: found \"150 MWh\""),
        ("least = \"150 MW\"", "leest = \"150 MW\"", "leest", "did you mean \"least\"?"),
        ("most = \"350 MW\"", "most = \"-350 MW\"", "-350", "it may not be negative"),
        ("420, 405", "420, \"much\"", "much", "load_mw: found string, expected a plain number"),
        ("420, 405", "420, nan", "nan", "load_mw: found nan, expected a plain number"),
        (
            "90, 95, 100, 100",
            "90, -95, 100, 100",
            "-95",
            "renewable[0].most_mw: found -95, expected numbers at least 0",
        ),
        ("name = \"gas-cc\"", "name = \"coal\"", "\"coal\"\nleast = \"120 MW\"", "found \"coal\" a second time"),
        ("least_up = \"8 h\"", "least_up = \"90 min\"", "90 min", "expected a whole number of steps of 60 min"),
        (
            "cost_usd_per_h = [4200, 6500, 9000]",
            "cost_usd_per_h = [4200, 6500]",
            "[4200, 6500]",
            "found 2 numbers, expected as many as outputs, 3",
        ),
        (
            "cost = \"34 $/MWh\"",
            "",
            "[[unit]]\nname = \"gas-cc\"",
            "unit[1].cost: found nothing, expected cost (\"22 $/MWh\")",
        ),
        ("source = \"guess: round numbers of ours, no real system\"", "", "load_mw", "numbers without a source"),
        // Each key may be fine and the whole still impossible: then the unit's own line is told.
        (
            "output = \"260 MW\"",
            "output = \"60 MW\"",
            "[[unit]]\nname = \"coal\"",
            "unit[0]: found unit coal: it is on before the first step at 60 MW, outside its limits",
        ),
        ("[4200, 6500, 9000]", "[4200, 6500, 7000]", "[[unit]]\nname = \"coal\"", "its cost curve is not convex"),
        ("first = \"100 MWh\"", "first = \"300 MWh\"", "[[store]]", "store[0]: found storage battery:"),
        ("    420, 405", "    -420, 405", "load_mw", "load_mw: found load: -420 MW in step 1, expected at least 0"),
    ] {
        let broken = SMALL.replacen(from, to, 1);
        assert_ne!(broken, SMALL, "{from}");
        let text = read(&broken).expect_err(words);
        assert!(text.contains(words), "{words}:\n{text}");
        let place = broken.find(at).expect("there");
        let line = 1 + broken[..place].matches('\n').count();
        assert!(text.contains(&format!("day.toml:{line}:")), "line {line} for {words}:\n{text}");
    }
}

#[test]
fn series_come_from_a_csv_beside_it() {
    let list = SMALL.split("load_mw = [").nth(1).and_then(|rest| rest.split(']').next()).expect("there");
    let values: Vec<f64> = list.split(',').filter_map(|word| word.trim().parse().ok()).collect();
    let text = SMALL.replace(&format!("load_mw = [{list}]"), "series = \"day.csv\"\nload = \"north_gw\"");
    let csv = |values: &[f64]| {
        let rows: Vec<String> = values.iter().enumerate().map(|(t, mw)| format!("{t},{}", mw / 1e3)).collect();
        format!("hour,north_gw\n{}\n", rows.join("\n"))
    };
    let with = |text: &str, csv: String| {
        let mut open = move |_: &str| -> io::Result<Box<dyn Read>> { Ok(Box::new(io::Cursor::new(csv.clone()))) };
        own::read("day.toml", text, &mut open).map(|case| case.problem).map_err(|mistakes| mistakes.to_string())
    };
    let problem = with(&text, csv(&values)).expect("reads");
    let plain = read(SMALL).expect("reads");
    for (ours, theirs) in problem.load_w.iter().zip(&plain.load_w) {
        assert!((ours - theirs).abs() < 1e-3, "{ours} {theirs}");
    }
    for (wrong, words) in [
        (with(&text, csv(&values[1..])), "found 23 rows"),
        (with(&text, csv(&values).replace("0.42\n", "n/a\n")), "\"n/a\" in line 2, column north_gw"),
        (with(&text.replace("\"north_gw\"", "\"norht_gw\""), csv(&values)), "did you mean \"north_gw\"?"),
        (with(&text, csv(&values).replace("north_gw", "north")), "found \"north_gw\""),
        (read(&text), "day.csv"),
    ] {
        let text = wrong.expect_err(words);
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// As the fuzz target does: bytes changed, cut and doubled by a seed; no panic, and a refusal has a reason.
#[test]
fn changed_bytes_are_read_or_refused() {
    let mut luck = Luck { draw: Draw::new(6, 0), event: 0 };
    let long = own::write(&drawn(11), "case", "claim: a test", None).text;
    let mut accepted = 0;
    for round in 0..1500 {
        let mut bytes = (if round % 2 == 0 { SMALL } else { long.as_str() }).as_bytes().to_vec();
        for _ in 0..1 + luck.below(4) {
            let at = luck.below(bytes.len());
            match luck.below(5) {
                0 => bytes[at] = b"0129.-eE\"[]{}=#,\n xn\\"[luck.below(20)],
                1 => bytes.truncate(at.max(1)),
                2 => drop(bytes.remove(at)),
                3 => {
                    let line = bytes[at..].split(|byte| *byte == b'\n').next().unwrap_or(&[]).to_vec();
                    bytes.splice(at..at, line);
                }
                _ => bytes.insert(at, b"9-\"[]"[luck.below(5)]),
            }
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let _ = own::is_case(&text);
        match own::read("fuzz.toml", &text, &mut nothing) {
            Ok(case) => {
                accepted += 1;
                assert!(case.problem.complaints().is_empty(), "what is accepted has no complaints");
                round_trip("changed bytes", &case.problem);
            }
            Err(mistakes) => assert!(!mistakes.list.is_empty() && !mistakes.to_string().is_empty()),
        }
    }
    assert!((50..1450).contains(&accepted), "{accepted} of 1500 accepted: the changes say nothing");
}
