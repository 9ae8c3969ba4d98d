//! A random campus, contract and script from a seed, written as a scenario file: what the reader refuses is a defect, too.
//!
//! Not modelled: several controllers that decide at once, faults that follow from one another.

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
            let floor = if dice.share() < 0.3 { dice.whole(100, 450) } else { 0 };
            let safe = if dice.share() < 0.1 { dice.whole(220, 350) } else { 0 };
            let _ = write!(
                text,
                "[[hall]]\nname = \"{name}\"\npoi = \"{point}\"\nproduct = \"{product}\"\njob = \"{job}\"\nin_service = \"2026-01-01T00:00:00-06:00\"\n{SOURCE}gpus = {gpus}\nfloor = \"{floor} W\"\noperator_floor = \"{safe} W\"\n"
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
    let events = events(&mut dice, &mut text, loads_mw[..ties as usize].iter().sum());
    jobs(&mut text);
    let limits = points[..ties as usize].iter().map(|tie| format!("contract {tie}")).collect();
    let names = Names { points, halls, units, machines, limits, events };
    let mut faults: Vec<_> = (0..dice.whole(5, 9)).map(|_| fault(&mut dice, &names)).collect();
    // One storm in five takes the grid away from a point as well; drawn last, so that the rest of the storm stays what it was.
    if dice.share() < 0.2 && drawn().len() == KINDS.len() {
        faults.push(open_tie(&mut dice, &names));
    }
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

/// Writes events; returns their names.
fn events(dice: &mut Dice, text: &mut String, load_mw: f64) -> Vec<String> {
    let count = dice.whole(0, 3);
    for event in 0..count {
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
    (0..count).map(|event| format!("event {event}")).collect()
}

fn jobs(text: &mut String) {
    for (name, kind, tier, price) in [("train", "pre-training", 1, "3 $"), ("serve", "inference", 0, "4 $")] {
        let _ = write!(
            text,
            "[[job]]\nname = \"{name}\"\nkind = \"{kind}\"\n{SOURCE}active_parameters = \"0.1 T\"\nmfu = \"40 %\"\nfailure_domains = 16\nfailures_per_1000_node_days = 4\nrestart = \"60 s\"\ncheckpoint_every = \"5 min\"\ncheckpoint_write = \"20 s\"\npausable = true\ngpu_hour_value = \"{price}\"\ntier = {tier}\n"
        );
    }
}

/// What faults may name.
struct Names {
    points: Vec<String>,
    halls: Vec<String>,
    units: Vec<String>,
    machines: Vec<String>,
    limits: Vec<String>,
    events: Vec<String>,
}

/// Every kind of fault; `TIELINE_STORM_KINDS=meter-late,clock-step` draws these alone.
const KINDS: &[&str] = &[
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
    "meter-late",
    "meter-frozen",
    "meter-scale",
    "meter-inverted",
    "meter-clock",
    "hall-late",
    "hall-frozen",
    "hall-scale",
    "hall-clock",
    "battery-late",
    "battery-frozen",
    "battery-scale",
    "battery-inverted",
    "battery-clock",
    "soc-scale",
    "battery-derate",
    "string-loss",
    "turbine-silent",
    "turbine-late",
    "turbine-frozen",
    "turbine-scale",
    "turbine-clock",
    "commands-delayed",
    "command-refused",
    "commands-partial",
    "lease-lapse",
    "checkpoint-failure",
    "limit-garbage",
    "event-vanish",
    "event-late",
    "clock-step",
    "clock-drift",
    "controller-death",
];

/// The kinds that are drawn.
fn drawn() -> Vec<&'static str> {
    let asked = std::env::var("TIELINE_STORM_KINDS").ok();
    let asked: Option<Vec<&str>> = asked.as_deref().map(|kinds| kinds.split(',').collect());
    let wanted = |kind: &&&str| asked.as_ref().is_none_or(|asked| asked.contains(*kind));
    let kinds: Vec<&str> = KINDS.iter().filter(wanted).copied().collect();
    assert!(!kinds.is_empty(), "TIELINE_STORM_KINDS names no kind of fault: {asked:?}");
    kinds
}

fn fault(dice: &mut Dice, names: &Names) -> (&'static str, String) {
    let kinds = drawn();
    let kind = kinds[dice.whole(0, kinds.len() as u64 - 1) as usize];
    let second = dice.whole(30, STORM_S - 200);
    let lasting = dice.whole(1, 120);
    if let "dip" | "deviation" = kind {
        return (kind, surroundings(kind, second, lasting));
    }
    // Where a campus has no such device, something else happens.
    let (kind, device) = match device(dice, kind, names) {
        Some(device) => (kind, device),
        None if kind.starts_with("turbine") => ("hall-trip", device(dice, "hall-trip", names).unwrap_or_default()),
        None => ("meter-silent", device(dice, "meter-silent", names).unwrap_or_default()),
    };
    let duration = match kind {
        "commands-lost" => format!("{} s", 1 + lasting / 8),
        "controller-death" => format!("{} ms", 100 + 24 * lasting),
        _ => format!("{lasting} s"),
    };
    let mut text = format!(
        "[[fault]]\nkind = \"{kind}\"\ndevice = \"{device}\"\nat = \"{}\"\n{SOURCE}duration = \"{duration}\"\n",
        at(second)
    );
    text.push_str(&figures(dice, kind));
    (kind, text)
}

/// A tie that opens, for so long that batteries alone may not last.
fn open_tie(dice: &mut Dice, names: &Names) -> (&'static str, String) {
    let ties: Vec<&str> = names.points.iter().map(String::as_str).filter(|point| *point != "isle").collect();
    let (second, lasting) = (dice.whole(30, STORM_S - 700), dice.whole(5, 600));
    let text = format!(
        "[[fault]]\nkind = \"tie-open\"\ndevice = \"{}\"\nat = \"{}\"\n{SOURCE}duration = \"{lasting} s\"\n",
        dice.pick(&ties),
        at(second)
    );
    ("tie-open", text)
}

fn surroundings(kind: &str, second: u64, lasting: u64) -> String {
    let at = at(second);
    if kind == "dip" {
        let (duration, residual) = (20 * lasting, 20 + lasting / 2);
        format!("[[dip]]\nat = \"{at}\"\n{SOURCE}duration = \"{duration} ms\"\nresidual = \"{residual} %\"\n")
    } else {
        let digits = 70 + lasting % 30;
        format!("[[deviation]]\nat = \"{at}\"\n{SOURCE}duration = \"{lasting} s\"\nfrequency = \"59.{digits:02} Hz\"\n")
    }
}

/// A device of the kind that a fault names; `None` where there is none.
fn device(dice: &mut Dice, kind: &str, names: &Names) -> Option<String> {
    let mut of = |names: &[String]| match names.len() {
        0 => None,
        count => Some(names[dice.whole(0, count as u64 - 1) as usize].clone()),
    };
    match kind {
        "job-failure" | "checkpoint-failure" => Some("train".to_owned()),
        "command-refused" => of(&[&names.halls[..], &names.units, &names.machines, &["all".to_owned()]].concat()),
        "commands-partial" | "lease-lapse" => of(&["caps", "batteries", "turbines"].map(str::to_owned)),
        "limit-garbage" => of(&names.limits),
        "event-vanish" | "event-late" => of(&names.events),
        _ if kind.starts_with("meter") => of(&names.points),
        _ if kind.starts_with("hall") => of(&names.halls),
        _ if kind.starts_with("battery") || kind == "soc-scale" || kind == "string-loss" => of(&names.units),
        _ if kind.starts_with("turbine") => of(&names.machines),
        _ => Some("all".to_owned()),
    }
}

/// The figures of a fault.
fn figures(dice: &mut Dice, kind: &str) -> String {
    match kind {
        "meter-offset" => format!("offset = \"{:.1} MW\"\n", dice.between(-15.0, 15.0)),
        "commands-delayed" => format!("delay = \"{:.1} s\"\n", dice.between(0.1, 4.0)),
        "event-late" => format!("delay = \"{} s\"\n", dice.whole(10, 600)),
        "soc-scale" => format!("factor = {}\n", dice.pick(&["100", "0.01", "0.5"])),
        "battery-derate" | "string-loss" | "commands-partial" => format!("share = \"{} %\"\n", dice.whole(5, 90)),
        "limit-garbage" => {
            format!("says = \"{}\"\n", dice.pick(&["nan", "negative", "absurd", "kW as W", "W as kW"]))
        }
        "clock-drift" => format!("drift = \"{} ppm\"\n", dice.whole(1, 200)),
        "controller-death" => format!("stale_for = \"{} s\"\n", dice.whole(1, 30)),
        _ if kind.ends_with("-late") => format!("delay = \"{:.1} s\"\n", dice.between(0.1, 10.0)),
        _ if kind.ends_with("-scale") => format!("factor = {}\n", dice.pick(&["0.001", "1000", "-1"])),
        _ if kind.ends_with("-clock") || kind == "clock-step" => {
            format!("shift = \"{:.1} s\"\n", dice.between(-30.0, 30.0))
        }
        _ => String::new(),
    }
}
