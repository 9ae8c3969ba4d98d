//! Unit-commitment cases in our own TOML: nothing is lost, and what is said about files that are broken.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use tieline_files::commitment::{self, own};
use tieline_grid::commitment::{
    Area, Burns, Fuel, Lines, Offer, Other, Problem, Renewable, Reserve, Services, Start, State, Store, Unit,
};
use tieline_grid::network::direct::Convention;
use tieline_grid::network::{BusKind, Network};
use tieline_units::{Draw, Purpose};

const MW: f64 = 1e6;

fn nothing(path: &str) -> io::Result<Box<dyn Read>> {
    Err(io::Error::new(ErrorKind::NotFound, path.to_owned()))
}

fn read(text: &str) -> Result<Problem, String> {
    own::read("day.toml", text, &mut nothing).map(|case| case.problem).map_err(|mistakes| mistakes.to_string())
}

/// Written and read again it is the same, to the last bit: numbers print differently where any bit differs.
fn round_trip(what: &str, problem: &Problem) {
    let (text, lost) = own::write(problem, "case", "claim: a test");
    assert_eq!(lost, Vec::<String>::new(), "{what}");
    let back = read(&text).unwrap_or_else(|why| panic!("{what}: {why}\n{text}"));
    assert_eq!(back, *problem, "{what}");
    assert!(format!("{back:?}") == format!("{problem:?}"), "{what}: a bit of a number differs");
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
            charge_usd_per_j: luck.between(-1.0, 1.0) / 3.6e9,
            discharge_usd_per_j: luck.between(-1.0, 1.0) / 3.6e9,
        });
    }
    if !problem.units.is_empty() && luck.yes() {
        let units = problem.units.len();
        let mut area = |name: &str, members: Vec<usize>, luck: &mut Luck| Area {
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
    Lines { network, convention, load_w }
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
