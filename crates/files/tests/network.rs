//! Networks in our own formats: nothing is lost on the way, and what is broken is told.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use tieline_files::{matpower, network};
use tieline_grid::network::{Branches, BusKind, Buses, Cost, Generators, Network};
use tieline_units::{Draw, Purpose};

const TEACHING: &str = include_str!("../../../grids/two-areas.toml");
const SOURCE: &str = "claim: converted from \"case\".m";

type Folder = BTreeMap<String, Vec<u8>>;

fn tables(network: &Network) -> Folder {
    network::tables::write(network).expect("writes").into_iter().collect()
}

fn of_tables(folder: &Folder) -> Result<network::tables::Found, network::tables::Mistakes> {
    network::tables::read("net", &mut |file| {
        folder.get(file).cloned().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    })
}

/// Through each of the formats and back, to the bit.
fn round(network: &Network) {
    let text = network::write(network, SOURCE);
    assert!(network::is_network(&text));
    let again = network::read("net.toml", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(network::differences(network, &again), [""; 0], "{} by TOML", network.name);
    assert!(*network == again);
    let (again, remarks) = of_tables(&tables(network)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(network::differences(network, &again), [""; 0], "{} by Parquet", network.name);
    assert!(*network == again && remarks.is_empty(), "{remarks:?}");
    let again = matpower::read("net.m", matpower::write(network).as_bytes()).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(network::differences(network, &again.network), [""; 0], "{} by MATPOWER", network.name);
    assert!(*network == again.network && again.left_out.is_empty(), "{:?}", again.left_out);
}

#[test]
fn every_published_case_goes_round_to_the_bit() {
    let folder = std::env::var_os("TIELINE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    let mut count = 0;
    for below in ["", "api", "sad"] {
        let Ok(entries) = std::fs::read_dir(folder.join("pglib_opf").join(below)) else {
            println!("skipped: needs pglib_opf");
            return;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let shown = path.to_string_lossy().into_owned();
            if !shown.ends_with(".m.gz") && !shown.ends_with(".m") {
                continue;
            }
            let file = std::fs::File::open(&path).expect("opens");
            round(&matpower::read(&shown, file).unwrap_or_else(|mistakes| panic!("{mistakes}")).network);
            count += 1;
        }
    }
    assert_eq!(count, 69, "cases");
}

/// A network of values that a case file can have.
fn drawn(seed: u64) -> Network {
    let draw = Draw::new(seed, 0);
    let event = std::cell::Cell::new(0);
    let share = || {
        event.set(event.get() + 1);
        draw.uniform(1, Purpose::Campaign, event.get())
    };
    let below = |most: usize| ((share() * most as f64) as usize).min(most - 1);
    // Round numbers as people write them, long ones as programs do, and none.
    let number = |size: f64| match below(4) {
        0 => 0.0,
        1 => (size * (share() - 0.5)).round(),
        2 => (size * (share() - 0.5) * 1e3).round() / 1e3,
        _ => size * (share() - 0.5),
    };
    let mw = || number(2e3) * 1e6;
    let rad = || number(60.0) * std::f64::consts::PI / 180.0;
    let name = |word: &str| match below(4) {
        0 => String::new(),
        1 => format!("{word}'s \"own\" {{no}} {} % ; é", below(99)),
        _ => format!("{word} {}", below(1000)),
    };
    let rating = || (below(2) == 0).then(|| (share() * 900.0 + 1.0) * 1e6);
    let kinds = [BusKind::Load, BusKind::Regulated, BusKind::Reference, BusKind::Isolated];
    let mut network = Network { name: format!("drawn_{seed}"), base_va: 100e6, ..Network::default() };
    let buses = 2 + below(6);
    for bus in 0..buses {
        let b: &mut Buses = &mut network.buses;
        b.number.push(bus as u64 * 7 + 1);
        b.name.push(name("bus"));
        b.area.push(below(4) as u64);
        b.zone.push(below(4) as u64);
        b.kind.push(kinds[below(4)]);
        b.load_w.push(mw());
        b.load_var.push(mw());
        b.shunt_w.push(mw());
        b.shunt_var.push(mw());
        b.voltage_share.push(0.9 + 0.2 * share());
        b.angle_rad.push(rad());
        b.nominal_v.push(number(345.0).abs() * 1e3);
        b.most_share.push(1.05 + 0.1 * share());
        b.least_share.push(0.9);
    }
    for _ in 0..below(9) {
        let l: &mut Branches = &mut network.branches;
        let from = below(buses);
        l.from.push(from);
        l.to.push((from + 1) % buses);
        l.name.push(name("line"));
        l.r_pu.push(number(0.1));
        l.x_pu.push(0.01 + share());
        l.charging_pu.push(number(1.0));
        l.rating_va.push(rating().unwrap_or(f64::INFINITY));
        l.short_term_va.push(rating());
        l.emergency_va.push(rating());
        l.tap.push(if below(2) == 0 { 1.0 } else { 0.9 + 0.2 * share() });
        l.shift_rad.push(rad());
        l.in_service.push(below(4) > 0);
        let limits = below(3) == 0;
        l.least_angle_rad.push(if limits { -0.6 * std::f64::consts::PI / 180.0 } else { f64::NEG_INFINITY });
        l.most_angle_rad.push(if limits { 30.1 * std::f64::consts::PI / 180.0 } else { f64::INFINITY });
    }
    let costs = below(3);
    for _ in 0..below(7) {
        let g: &mut Generators = &mut network.generators;
        g.bus.push(below(buses));
        g.name.push(name("unit"));
        g.output_w.push(mw());
        g.output_var.push(mw());
        g.most_var.push(if below(3) == 0 { f64::INFINITY } else { 900e6 });
        g.least_var.push(if below(3) == 0 { f64::NEG_INFINITY } else { -mw().abs() });
        g.voltage_share.push(0.95 + 0.1 * share());
        g.in_service.push(below(4) > 0);
        g.most_w.push(mw().abs());
        g.least_w.push(-mw().abs());
        g.cost.push(match (costs, below(3)) {
            (0, _) => None,
            (_, 0) => Some(Cost::Polynomial((0..below(5)).map(|_| number(1e3)).collect())),
            (_, 1) => Some(Cost::Polynomial(vec![0.0, 1e-7 * share(), 0.0])),
            _ => Some(Cost::Piecewise((0..2 + below(4)).map(|at| (at as f64 * 10.0 + share(), number(1e5))).collect())),
        });
    }
    network
}

#[test]
fn drawn_networks_go_round_to_the_bit() {
    for seed in 0..400 {
        round(&drawn(seed));
    }
}

#[test]
fn any_value_goes_through_toml_to_the_bit_and_what_parquet_rounds_is_told() {
    let mut network = drawn(1);
    // Between a million and 2^20 W, doubles lie closer than the products of a million and a double.
    let product = |watts: f64| {
        let near = |ulps| f64::from_bits((watts / 1e6).to_bits().wrapping_add_signed(ulps));
        (-20..20).any(|ulps| near(ulps) * 1e6 == watts)
    };
    let watts = (0..9).map(|step| 1.01e6 + f64::from(step) * f64::EPSILON * 524_288.0);
    network.buses.load_w[0] = watts.into_iter().find(|watts| !product(*watts)).expect("there is one");
    let again = network::read("net.toml", &network::write(&network, SOURCE)).expect("reads");
    assert!(again == network);
    let (again, _) = of_tables(&tables(&network)).expect("reads");
    let told = network::differences(&network, &again);
    assert!(told.len() == 1 && told[0].starts_with("bus load: 1 of "), "{told:?}");
}

#[test]
fn the_example_is_read_as_it_says() {
    let read = network::read("two-areas.toml", TEACHING).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(read.complaints(), [""; 0]);
    let bus = read.bus(12).expect("there");
    assert_eq!((read.buses.name[bus].as_str(), read.buses.area[bus]), ("Old Mill", 1));
    assert_eq!(read.buses.load_w[bus], 420e6);
    let tie = read.branches.name.iter().position(|name| name == "North tie").expect("there");
    let rated = (read.branches.rating_va[tie], read.branches.short_term_va[tie], read.branches.emergency_va[tie]);
    assert_eq!(rated, (550e6, Some(630e6), Some(700e6)));
    assert_eq!(read.generators.cost[0], Some(Cost::Polynomial(vec![900.0, 9.0])));
    round(&read);
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let broken = TEACHING
        .replace("load = \"420 MW\"", "load = 420")
        .replace("kind = \"reference\"", "kind = \"slack\"")
        .replace("from = 11, to = 12", "from = 11, to = 99")
        .replace("emergency = \"700 MVA\"", "emergncy = \"700 MVA\"")
        .replace("900 $/h + 9 $/MWh", "900 $/h + 9 $/MW");
    let mistakes = network::read("broken.toml", &broken).expect_err("broken").to_string();
    let line = |part: &str| 1 + broken.lines().position(|line| line.contains(part)).expect(part);
    for (part, reason) in [
        ("load = 420", "found the bare number 420, expected a power such as \"1.5 GW\""),
        ("\"slack\"", "found \"slack\", expected one of: load, regulated, reference, isolated"),
        ("to = 99", "found bus 99, expected the number of a bus of this network"),
        ("emergncy", "did you mean \"emergency\"?"),
        ("9 $/MW\"", "expected terms apart by"),
    ] {
        let place = format!("broken.toml:{}:", line(part));
        let found = mistakes.lines().find(|told| told.starts_with(&place) && told.contains(reason));
        assert!(found.is_some(), "{part}: {mistakes}");
    }
    assert!(mistakes.ends_with("6 mistakes"), "{mistakes}");
    let bare = TEACHING.lines().filter(|line| !line.starts_with("source")).collect::<Vec<_>>().join("\n");
    let mistakes = network::read("bare.toml", &bare).expect_err("no source").to_string();
    assert!(mistakes.contains("where the numbers come from") && mistakes.ends_with("1 mistake"), "{mistakes}");
}

#[test]
fn what_cannot_be_is_refused() {
    for (from, to, reason) in [
        ("number = 12", "number = 11", "bus 11 a second time"),
        ("number = 12", "number = 1.5", "expected a whole number"),
        ("r_pu = 0.002, x_pu = 0.020", "x_pu = 0", "expected a branch with resistance or reactance"),
        ("x_pu = 0.020", "x_pu = nan", "expected a plain number"),
        ("to = 12", "to = 11", "where it begins too"),
        ("rating = \"550 MVA\"", "rating = \"0 MVA\"", "expected more than 0"),
        ("rating = \"550 MVA\"", "rating = \"-5 MVA\"", "it may not be negative"),
        ("rating = \"550 MVA\"", "rating = \"550 MW\"", "is not a unit of this quantity"),
        ("least = \"300 MW\"", "least = \"3 GW\"", "found more than most"),
        ("schema = 1", "schema = 2", "schema: found \"2\""),
        ("base = \"100 MVA\"", "", "base: found nothing"),
    ] {
        assert!(TEACHING.contains(from), "{from}");
        let broken = TEACHING.replacen(from, to, 1);
        let mistakes = network::read("broken.toml", &broken).expect_err(to).to_string();
        assert!(mistakes.contains(reason), "{to}: {mistakes}");
    }
}

#[test]
fn broken_tables_are_told() {
    let network = network::read("two-areas.toml", TEACHING).expect("reads");
    let whole = tables(&network);
    let told = |change: &dyn Fn(&mut Folder)| {
        let mut folder = whole.clone();
        change(&mut folder);
        of_tables(&folder).expect_err("broken").to_string()
    };
    let text = told(&|folder| {
        folder.remove("bus.parquet");
    });
    assert!(text.contains("net/bus.parquet: no such file"), "{text}");
    let text = told(&|folder| {
        folder.insert("branch.parquet".to_owned(), whole["bus.parquet"].clone());
    });
    assert!(text.contains("net/branch.parquet: found no column from, expected one"), "{text}");
    // What hangs on buses without numbers is not wrong too.
    let text = told(&|folder| {
        folder.insert("bus.parquet".to_owned(), whole["branch.parquet"].clone());
    });
    assert!(text.contains("net/bus.parquet: found no column number") && !text.contains("branch.parquet"), "{text}");
    let text = told(&|folder| {
        folder.insert("bus.parquet".to_owned(), b"number,load_mw\n1,5\n".to_vec());
    });
    assert!(text.contains("net/bus.parquet: found no Parquet table"), "{text}");
    let mut wrong = network.clone();
    wrong.buses.load_w[1] = f64::NAN;
    wrong.buses.number[2] = wrong.buses.number[0];
    wrong.generators.cost[1] = Some(Cost::Piecewise(vec![(5.0, 1.0), (4.0, 2.0)]));
    let text = of_tables(&tables(&wrong)).expect_err("broken").to_string();
    for reason in [
        "net/bus.parquet: row 2, load_mw: found NaN, expected a finite number",
        "net/bus.parquet: row 3, number: found bus 11 a second time, expected a number of its own",
        "output_mw: found 4, expected more than the point before",
    ] {
        assert!(text.contains(reason), "{reason}: {text}");
    }
    // Costs and branches may be absent.
    let mut folder = whole.clone();
    folder.remove("cost.parquet");
    let (read, _) = of_tables(&folder).expect("reads");
    assert!(read.generators.cost.iter().all(Option::is_none));
}

/// As the fuzz targets do: whatever the bytes, an answer or a reason.
#[test]
fn mutated_bytes_are_refused_with_a_reason_or_read_and_go_round() {
    let draw = Draw::new(11, 0);
    let (mut read, mut refused) = (0, 0);
    for seed in 0..3_000_u64 {
        let mut text = TEACHING.as_bytes().to_vec();
        for change in 0..1 + seed % 4 {
            let share = |kind: u64| draw.uniform(2, Purpose::Campaign, seed * 64 + change * 8 + kind);
            let at = (share(0) * text.len() as f64) as usize % text.len();
            match (share(1) * 4.0) as u32 {
                0 => text[at] = b"0123456789-.\"=[]{},\n e"[(share(2) * 22.0) as usize % 22],
                1 => text.truncate(at + 1),
                2 => drop(text.drain(at..(at + (share(2) * 30.0) as usize).min(text.len()))),
                _ => text.insert(at, (share(2) * 128.0) as u8),
            }
            if text.is_empty() {
                text.push(b' ');
            }
        }
        let Ok(text) = String::from_utf8(text) else { continue };
        match network::read("cut.toml", &text) {
            Ok(network) => {
                read += 1;
                let again = network::read("again.toml", &network::write(&network, SOURCE));
                let again = again.unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
                assert_eq!(network::differences(&network, &again), [""; 0], "{text}");
            }
            Err(mistakes) => {
                refused += 1;
                assert!(!mistakes.list.is_empty() && !mistakes.to_string().is_empty());
            }
        }
    }
    assert!(read > 50 && refused > 500, "{read} read, {refused} refused");
    let whole = tables(&network::read("two-areas.toml", TEACHING).expect("reads"));
    let names: Vec<&String> = whole.keys().collect();
    for seed in 0..2_000_u64 {
        let share = |kind: u64| draw.uniform(3, Purpose::Campaign, seed * 8 + kind);
        let mut folder = whole.clone();
        let name = names[(share(0) * names.len() as f64) as usize % names.len()];
        let bytes = folder.get_mut(name).expect("there");
        let at = (share(1) * bytes.len() as f64) as usize % bytes.len();
        if share(2) < 0.2 {
            bytes.truncate(at)
        } else {
            bytes[at] = (share(3) * 256.0) as u8
        }
        if let Err(mistakes) = of_tables(&folder) {
            assert!(!mistakes.list.is_empty());
        }
    }
}

#[test]
fn text_is_read_plain_or_gzip_and_what_is_none_is_told() {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(TEACHING.as_bytes()).expect("packs");
    let packed = packed.finish().expect("packs");
    assert_eq!(network::unpacked(&packed[..]).expect("text"), TEACHING);
    assert_eq!(network::unpacked(TEACHING.as_bytes()).expect("text"), TEACHING);
    assert!(network::unpacked(&packed[..packed.len() / 2]).is_err(), "cut short");
    let why = network::unpacked(&b"schema = 1\nname = \"\xff\"\n"[..]).expect_err("no text").to_string();
    assert!(why.contains("line 2: found bytes that are not UTF-8"), "{why}");
}
