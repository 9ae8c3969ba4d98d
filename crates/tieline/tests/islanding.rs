//! A tie that opens: its bus lives on its own turbines and batteries while they last, sheds what they cannot feed, and comes
//! back to the grid no faster than its ramp.

use tieline_control::{Journal, Row, Stepping};
use tieline_files::scenario::read;
use tieline_sim::scenario::Scenario;
use tieline_sim::takeover::attend;
use tieline_sim::world::{Moment, World};
use tieline_units::{Draw, Span, Time};

/// The tie opens and is closed again, s.
const OPEN_S: (f64, f64) = (600.0, 1_500.0);
/// Delay of meter and breaker report, and two ticks, s.
const KNOWN_AFTER_S: f64 = 0.4;

/// Two ties with 20,000 GPUs each; what stands at the northern one beside them is given.
fn campus(north: &str) -> Scenario {
    let hall = |name: &str, poi: &str| {
        format!(
            "[[hall]]\nname = \"{name}\"\npoi = \"{poi}\"\nproduct = \"GB200\"\njob = \"train {poi}\"\nin_service = \"2026-01-01T00:00:00-06:00\"\nsource = \"guess: a test\"\ngpus = 20000\n"
        )
    };
    let point = |name: &str| {
        format!(
            "[[poi]]\nname = \"{name}\"\nsource = \"guess: a test\"\nramp_up = \"20 MW/min\"\nramp_down = \"20 MW/min\"\nmargin = \"2 MW\"\n\
             [[limit]]\nname = \"contract {name}\"\nkind = \"contract\"\npoi = \"{name}\"\nsource = \"guess: a test\"\ninitial = \"60 MW\"\n\
             [[job]]\nname = \"train {name}\"\nkind = \"pre-training\"\nsource = \"guess: a test\"\nactive_parameters = \"0.1 T\"\nmfu = \"40 %\"\nfailure_domains = 16\nfailures_per_1000_node_days = 0\nrestart = \"60 s\"\ncheckpoint_every = \"30 min\"\npausable = false\ngpu_hour_value = \"3 $\"\ntier = 1\n"
        )
    };
    let text = format!(
        r#"
schema = 1
name = "tie"
title = "a tie opens"
studies = ["operation"]
[clock]
start = "2026-07-15T12:00:00-05:00"
duration = "40 min"
utc_offset = "-5 h"
[grid]
authority = "TVA"
load = "tva-like"
weather = "memphis-like"
{}{}{}{}{north}
[[fault]]
kind = "tie-open"
device = "north"
at = "2026-07-15T12:10:00-05:00"
source = "guess: a test"
duration = "15 min"
"#,
        point("north"),
        point("south"),
        hall("hall a", "north"),
        hall("hall b", "south"),
    );
    let mut nothing = |path: &str| Err(std::io::Error::other(path.to_owned()));
    read("tie.toml", &text, &mut nothing).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

const SUPPLY: &str = r#"
[[battery]]
name = "pack"
units = 20
poi = "north"
source = "guess: a test"
energy = "3.9 MWh"
hours = "2 h"
round_trip = "91 %"
soc_start = "60 %"
[[turbine]]
name = "gas"
units = 3
poi = "north"
source = "guess: a test"
rated = "10 MW"
minimum = "40 %"
ramp = "3 MW/min"
start_time = "5 min"
derating = "0.7 %/K"
efficiency = "34 %"
cost = "55 $/MWh"
permit_hours = "8760 h"
trips_per_hour = 0
repair = "1 h"
"#;

/// The northern bus, second by second.
#[derive(Clone, Copy, Debug)]
struct Second {
    at_s: f64,
    import_w: f64,
    load_w: f64,
    unserved_w: f64,
    south_w: f64,
}

struct Said(Vec<(f64, bool)>);

impl Journal for Said {
    fn append(&mut self, row: &Row<'_>) {
        let open = row.guarded.reason.conditions & tieline_control::Condition::TieOpen as u32 != 0;
        self.0.push((row.guarded.now.as_secs_f64(), open));
    }
}

fn runs(scenario: &Scenario) -> (Vec<Second>, Said) {
    let mut seconds = Vec::new();
    let mut world = World::new(scenario, Draw::new(1, 0), |moment: Moment<'_>| {
        let Moment::Step(plant, _) = moment else { return };
        let (flows, now) = (plant.flows(), plant.now());
        if now.as_nanos() % 1_000_000_000 == 0 {
            seconds.push(Second {
                at_s: now.as_secs_f64(),
                import_w: flows.poi_import_w[0],
                load_w: flows.load_poi_w[0],
                unserved_w: flows.unserved_w[0],
                south_w: flows.poi_import_w[1],
            });
        }
    });
    let mut clock = Stepping { end: Time::ZERO + Span::secs(2_400) };
    let mut said = Said(Vec::new());
    attend(scenario, &mut world, &mut clock, &mut said);
    drop(world);
    (seconds, said)
}

/// What holds whatever stands behind the tie.
fn is_an_island_while_its_tie_is_open(seconds: &[Second], said: &Said) {
    for second in seconds {
        let open = second.at_s > OPEN_S.0 && second.at_s <= OPEN_S.1;
        assert_eq!(open, second.import_w == 0.0, "{second:?}");
        assert!((second.south_w - seconds[30].south_w).abs() < 0.1 * seconds[30].south_w, "the other tie: {second:?}");
    }
    for (at_s, open) in &said.0 {
        assert!(!open || (OPEN_S.0..OPEN_S.1 + KNOWN_AFTER_S).contains(at_s), "an open tie is seen at {at_s} s");
        assert!(*open || !(OPEN_S.0 + KNOWN_AFTER_S..OPEN_S.1).contains(at_s), "no open tie is seen at {at_s} s");
    }
    // Back on the grid: no faster than the ramp, over any minute.
    let back: Vec<&Second> = seconds.iter().filter(|second| second.at_s > OPEN_S.1 + 1.0).collect();
    for pair in back.windows(61) {
        let rise_w = pair[60].import_w - pair[0].import_w;
        assert!(rise_w <= 1.15 * 20e6 + 2e6, "import rises by {:.1} MW in a minute: {:?}", rise_w / 1e6, pair[0]);
    }
}

#[test]
fn turbines_and_batteries_carry_their_bus_until_the_grid_is_back() {
    let (seconds, said) = runs(&campus(SUPPLY));
    is_an_island_while_its_tie_is_open(&seconds, &said);
    let before = seconds.iter().find(|second| second.at_s == OPEN_S.0 - 1.0).expect("a second");
    for second in &seconds {
        assert_eq!(second.unserved_w, 0.0, "{second:?}");
        assert!(second.load_w > 0.9 * before.load_w, "no work is given up: {second:?}");
    }
    let last = seconds.last().expect("a second");
    assert!((last.import_w + 30e6 - last.load_w).abs() < 35e6 && last.import_w > 20e6, "{last:?}");
}

#[test]
fn a_bus_with_nothing_of_its_own_goes_dark_and_comes_back_by_and_by() {
    let (seconds, said) = runs(&campus(""));
    is_an_island_while_its_tie_is_open(&seconds, &said);
    let before = seconds.iter().find(|second| second.at_s == OPEN_S.0 - 1.0).expect("a second");
    let dark = seconds.iter().find(|second| second.at_s == OPEN_S.0 + 60.0).expect("a second");
    assert!(dark.load_w < 1e3 && dark.unserved_w > 0.5 * before.load_w, "{dark:?}");
    let last = seconds.last().expect("a second");
    assert!(last.import_w > 0.9 * before.import_w, "all of it works again: {last:?} against {before:?}");
}
