//! A random campus, contract and script from a seed, written as a scenario file: what the reader refuses is a defect, too.
//!
//! Not modelled: several controllers, clocks of single devices, networks between controller and devices (the scenario
//! format scripts silence and lost commands).

use std::fmt::Write;
use tieline_units::{Draw, Purpose};

/// Seconds of a storm: half an hour.
pub const STORM_S: u64 = 1_800;

/// A storm: its scenario text without faults, and the faults one by one, so that they can be left out one by one.
pub struct Storm {
    pub campus: String,
    pub faults: Vec<(&'static str, String)>,
}

impl Storm {
    /// The scenario with some of the faults.
    pub fn text(&self, keep: &[bool]) -> String {
        let mut text = self.campus.clone();
        for ((_, fault), _) in self.faults.iter().zip(keep).filter(|(_, keep)| **keep) {
            text.push_str(fault);
        }
        text
    }
}

/// Dice that remember how often they were thrown.
struct Dice {
    draw: Draw,
    thrown: u64,
}

impl Dice {
    fn share(&mut self) -> f64 {
        self.thrown += 1;
        self.draw.uniform(0, Purpose::Campaign, self.thrown)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    fn whole(&mut self, low: u64, high: u64) -> u64 {
        (self.between(low as f64, high as f64 + 1.0) as u64).min(high)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.whole(0, from.len() as u64 - 1) as usize]
    }
}

/// An instant of the storm as the file writes it.
fn at(second: u64) -> String {
    format!("2026-07-15T{:02}:{:02}:{:02}-05:00", 12 + second / 3600, second / 60 % 60, second % 60)
}

const SOURCE: &str = "source = \"guess: drawn\"\n";

/// Draws the storm of a seed.
pub fn storm(seed: u64) -> Storm {
    let mut dice = Dice { draw: Draw::new(seed, 7), thrown: 0 };
    let mut text = format!(
        "schema = 1\nname = \"storm\"\ntitle = \"storm {seed}\"\nstudies = [\"operation\"]\n[clock]\nstart = \"{}\"\nduration = \"{STORM_S} s\"\nutc_offset = \"-5 h\"\n[grid]\nauthority = \"TVA\"\nload = \"tva-like\"\nweather = \"memphis-like\"\n",
        at(0)
    );
    let ties = dice.whole(1, 2);
    let island = dice.share() < 0.2;
    let points: Vec<String> =
        (0..ties).map(|tie| format!("tie {tie}")).chain(island.then(|| "isle".to_owned())).collect();
    let mut loads_mw = Vec::new();
    let (mut units, mut machines, mut halls) = (Vec::new(), Vec::new(), Vec::new());
    for (index, point) in points.iter().enumerate() {
        let alone = point == "isle";
        let ramp = dice.whole(10, 60);
        let _ = write!(
            text,
            "[[poi]]\nname = \"{point}\"\n{SOURCE}ramp_up = \"{ramp} MW/min\"\nramp_down = \"{ramp} MW/min\"\nmargin = \"{} MW\"\nisland = {alone}\n",
            if alone { 0 } else { 2 }
        );
        let mut load_mw = 0.0;
        for hall in 0..dice.whole(1, 2) {
            let (product, kw) = [("H100", 1.15), ("GB200", 1.95), ("GB300", 2.2)][dice.whole(0, 2) as usize];
            let gpus = 1_000 * dice.whole(4, 16);
            load_mw += gpus as f64 * kw / 1e3;
            let name = format!("hall {index}{hall}");
            let job = dice.pick(&["train", "train", "serve"]);
            let _ = write!(
                text,
                "[[hall]]\nname = \"{name}\"\npoi = \"{point}\"\nproduct = \"{product}\"\njob = \"{job}\"\nin_service = \"2026-01-01T00:00:00-06:00\"\n{SOURCE}gpus = {gpus}\n"
            );
            halls.push(name);
        }
        let batteries = if alone { dice.whole(4, 10) } else { dice.whole(0, 8) };
        if batteries > 0 {
            let hours = dice.pick(&["2 h", "4 h"]);
            let soc = dice.whole(8, 92);
            let _ = write!(
                text,
                "[[battery]]\nname = \"pack {index}\"\nunits = {batteries}\npoi = \"{point}\"\n{SOURCE}energy = \"3.9 MWh\"\nhours = \"{hours}\"\nround_trip = \"91 %\"\nsoc_start = \"{soc} %\"\n"
            );
            units.extend((1..=batteries).map(|unit| numbered("pack", index, unit, batteries)));
        }
        let turbines = if alone { (load_mw / 8.0).ceil() as u64 + 1 } else { dice.whole(0, 3) };
        if turbines > 0 {
            let _ = write!(
                text,
                "[[turbine]]\nname = \"gas {index}\"\nunits = {turbines}\npoi = \"{point}\"\n{SOURCE}rated = \"10 MW\"\nminimum = \"40 %\"\nramp = \"3 MW/min\"\nstart_time = \"5 min\"\nderating = \"0.7 %/K\"\nefficiency = \"34 %\"\ncost = \"55 $/MWh\"\npermit_hours = \"8760 h\"\ntrips_per_hour = 0\nrepair = \"1 h\"\n"
            );
            machines.extend((1..=turbines).map(|unit| numbered("gas", index, unit, turbines)));
        }
        loads_mw.push(load_mw);
    }
    limits(&mut dice, &mut text, &points[..ties as usize], &loads_mw);
    events(&mut dice, &mut text, loads_mw[..ties as usize].iter().sum());
    jobs(&mut text);
    let faults = (0..dice.whole(5, 9)).map(|_| fault(&mut dice, &points, &halls, &units, &machines)).collect();
    Storm { campus: text, faults }
}

/// The name that the reader gives to one of several like units.
fn numbered(name: &str, index: usize, unit: u64, units: u64) -> String {
    if units == 1 {
        format!("{name} {index}")
    } else {
        format!("{name} {index} {unit:0digits$}", digits = units.to_string().len())
    }
}

fn limits(dice: &mut Dice, text: &mut String, ties: &[String], loads_mw: &[f64]) {
    for (tie, load_mw) in ties.iter().zip(loads_mw) {
        let initial = load_mw * dice.between(0.75, 1.3) + 6.0;
        let _ = write!(
            text,
            "[[limit]]\nname = \"contract {tie}\"\nkind = \"contract\"\npoi = \"{tie}\"\n{SOURCE}initial = \"{initial:.1} MW\"\n"
        );
        if dice.share() < 0.4 {
            let second = dice.whole(100, 1_600);
            let lower = if dice.share() < 0.3 {
                "silent".to_owned()
            } else {
                format!("{:.1} MW", initial * dice.between(0.6, 1.1))
            };
            let _ = write!(text, "[[limit.change]]\nat = \"{}\"\n{SOURCE}limit = \"{lower}\"\n", at(second));
        }
    }
}

fn events(dice: &mut Dice, text: &mut String, load_mw: f64) {
    for event in 0..dice.whole(0, 3) {
        let received = dice.whole(10, 900);
        let notice = [300, 600, 900][dice.whole(0, 2) as usize].min(STORM_S - received - 60);
        let (start, limit) = (received + notice, load_mw * dice.between(0.3, 1.0));
        let end = start + dice.whole(120, 1_200);
        let _ = write!(
            text,
            "[[event]]\nname = \"event {event}\"\npoi = \"all\"\nreceived = \"{}\"\nstart = \"{}\"\nend = \"{}\"\n{SOURCE}limit = \"{limit:.1} MW\"\n",
            at(received),
            at(start),
            at(end)
        );
        if dice.share() < 0.25 {
            let _ = writeln!(text, "cancelled = \"{}\"", at((received + dice.whole(30, 600)).min(STORM_S - 1)));
        }
    }
}

fn jobs(text: &mut String) {
    for (name, kind, tier, price) in [("train", "pre-training", 1, "3 $"), ("serve", "inference", 0, "4 $")] {
        let _ = write!(
            text,
            "[[job]]\nname = \"{name}\"\nkind = \"{kind}\"\n{SOURCE}active_parameters = \"0.1 T\"\nmfu = \"40 %\"\nfailure_domains = 16\nfailures_per_1000_node_days = 4\nrestart = \"60 s\"\ncheckpoint_every = \"5 min\"\ngpu_hour_value = \"{price}\"\ntier = {tier}\n"
        );
    }
}

fn fault(
    dice: &mut Dice,
    points: &[String],
    halls: &[String],
    units: &[String],
    machines: &[String],
) -> (&'static str, String) {
    const KINDS: [&str; 12] = [
        "meter-silent",
        "meter-offset",
        "meter-nan",
        "hall-silent",
        "battery-silent",
        "battery-out",
        "turbine-trip",
        "hall-trip",
        "commands-lost",
        "job-failure",
        "dip",
        "deviation",
    ];
    let kind = KINDS[dice.whole(0, KINDS.len() as u64 - 1) as usize];
    let second = dice.whole(30, STORM_S - 200);
    let lasting = dice.whole(1, 120);
    let mut of = |names: &[String]| match names.len() {
        0 => None,
        count => Some(names[dice.whole(0, count as u64 - 1) as usize].clone()),
    };
    let (kind, device) = match kind {
        "dip" => {
            let text = format!(
                "[[dip]]\nat = \"{}\"\n{SOURCE}duration = \"{} ms\"\nresidual = \"{} %\"\n",
                at(second),
                20 * lasting,
                20 + lasting / 2
            );
            return (kind, text);
        }
        "deviation" => {
            let text = format!(
                "[[deviation]]\nat = \"{}\"\n{SOURCE}duration = \"{lasting} s\"\nfrequency = \"59.{:02} Hz\"\n",
                at(second),
                70 + lasting % 30
            );
            return (kind, text);
        }
        "meter-silent" | "meter-offset" | "meter-nan" => (kind, of(points)),
        "hall-silent" | "hall-trip" => (kind, of(halls)),
        "battery-silent" | "battery-out" => match of(units) {
            Some(unit) => (kind, Some(unit)),
            None => ("meter-silent", of(points)),
        },
        "turbine-trip" => match of(machines) {
            Some(machine) => (kind, Some(machine)),
            None => ("hall-trip", of(halls)),
        },
        "job-failure" => (kind, Some("train".to_owned())),
        _ => (kind, Some("all".to_owned())),
    };
    let lasting = if kind == "commands-lost" { 1 + lasting / 8 } else { lasting };
    let mut text = format!(
        "[[fault]]\nkind = \"{kind}\"\ndevice = \"{}\"\nat = \"{}\"\n{SOURCE}duration = \"{lasting} s\"\n",
        device.unwrap_or_default(),
        at(second)
    );
    if kind == "meter-offset" {
        let _ = writeln!(text, "offset = \"{:.1} MW\"", dice.between(-15.0, 15.0));
    }
    (kind, text)
}
