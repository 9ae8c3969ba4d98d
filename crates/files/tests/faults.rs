//! Every kind of scripted fault reads into what it says, and each mistake in one is placed and explained.

use std::io;
use tieline_campus::plant::{Commanded, FaultKind, Instrument};
use tieline_files::scenario::{builtin, read, schema};
use tieline_sim::disturbances::{ClockFault, Death, EventFault, Garbage, LimitGarbage};
use tieline_sim::scenario::Scenario;
use tieline_units::{Span, Time};

const HEAD: &str = "at = \"2026-07-15T06:00:00-05:00\"\nduration = \"2 s\"\nsource = \"guess: a test\"\n";

/// A built-in scenario with one more fault of two seconds, six hours after its start.
fn with(kind: &str, device: &str, figures: &str) -> Result<Scenario, String> {
    let fault = format!("\n[[fault]]\nkind = \"{kind}\"\ndevice = \"{device}\"\n{HEAD}{figures}\n[claims]\n");
    let text = builtin("colossus-2").expect("built in").replacen("\n[claims]\n", &fault, 1);
    let mut nothing = |path: &str| -> io::Result<Box<dyn io::Read>> { Err(io::Error::other(path.to_owned())) };
    read("test.toml", &text, &mut nothing).map_err(|mistakes| mistakes.to_string())
}

fn six() -> Time {
    Time::ZERO + Span::secs(6 * 3600)
}

/// The fault of the plant that begins at six.
fn planted(kind: &str, device: &str, figures: &str) -> (FaultKind, usize) {
    let scenario = with(kind, device, figures).unwrap_or_else(|said| panic!("{kind}: {said}"));
    let fault = scenario.plant.faults.iter().find(|fault| fault.start == six()).expect("it is there");
    assert_eq!(fault.end - fault.start, Span::secs(2));
    (fault.kind, fault.index)
}

fn refused(kind: &str, device: &str, figures: &str, parts: &[&str]) {
    let said = with(kind, device, figures).expect_err("a mistake");
    for part in parts {
        assert!(said.contains(part), "{kind}: expected \"{part}\" in:\n{said}");
    }
}

#[test]
fn every_kind_of_the_plant_reads() {
    use FaultKind as F;
    use Instrument::{Battery, Hall, Meter, Turbine};
    let (unit, turbine, job) = ("Megapack north 07", "GT south 05", "inference");
    let delay = ("delay = \"1.5 s\"", Span::millis(1_500));
    let shift = ("shift = \"-4 s\"", Span::secs(-4));
    let (factor, share) = ("factor = 0.001", "share = \"30 %\"");
    let cases = [
        ("meter-silent", "north", "", F::MeterSilent),
        ("meter-offset", "north", "offset = \"-3 MW\"", F::MeterOffset(-3e6)),
        ("meter-nan", "all", "", F::MeterNan),
        ("meter-late", "north", delay.0, F::Late(Meter, delay.1)),
        ("meter-frozen", "north", "", F::Frozen(Meter)),
        ("meter-scale", "north", factor, F::Scaled(Meter, 1e-3)),
        ("meter-inverted", "north", "", F::Scaled(Meter, -1.0)),
        ("meter-clock", "north", shift.0, F::Stamped(Meter, shift.1)),
        ("hall-silent", "all", "", F::HallSilent),
        ("hall-late", "all", delay.0, F::Late(Hall, delay.1)),
        ("hall-frozen", "all", "", F::Frozen(Hall)),
        ("hall-scale", "all", "factor = -1000", F::Scaled(Hall, -1e3)),
        ("hall-clock", "all", shift.0, F::Stamped(Hall, shift.1)),
        ("hall-trip", "all", "", F::HallTrip),
        ("tie-open", "all", "", F::TieOpen),
        ("battery-silent", unit, "", F::BatterySilent),
        ("battery-late", unit, delay.0, F::Late(Battery, delay.1)),
        ("battery-frozen", unit, "", F::Frozen(Battery)),
        ("battery-scale", unit, factor, F::Scaled(Battery, 1e-3)),
        ("battery-inverted", unit, "", F::Scaled(Battery, -1.0)),
        ("battery-clock", unit, shift.0, F::Stamped(Battery, shift.1)),
        ("soc-scale", unit, "factor = 100", F::SocScaled(100.0)),
        ("battery-out", unit, "", F::BatteryOut),
        ("battery-derate", unit, share, F::BatteryDerated(0.3)),
        ("string-loss", unit, share, F::StringsLost(0.3)),
        ("turbine-silent", turbine, "", F::TurbineSilent),
        ("turbine-late", turbine, delay.0, F::Late(Turbine, delay.1)),
        ("turbine-frozen", turbine, "", F::Frozen(Turbine)),
        ("turbine-scale", turbine, factor, F::Scaled(Turbine, 1e-3)),
        ("turbine-clock", turbine, shift.0, F::Stamped(Turbine, shift.1)),
        ("turbine-trip", turbine, "", F::TurbineTrip),
        ("commands-lost", "all", "", F::CommandsLost),
        ("commands-delayed", "all", delay.0, F::CommandsDelayed(delay.1)),
        ("command-refused", "all", "", F::CommandRefused(Commanded::All)),
        ("command-refused", unit, "", F::CommandRefused(Commanded::Batteries)),
        ("command-refused", turbine, "", F::CommandRefused(Commanded::Turbines)),
        ("commands-partial", "all", share, F::CommandsPartial(Commanded::All, 0.3)),
        ("commands-partial", "caps", share, F::CommandsPartial(Commanded::Caps, 0.3)),
        ("lease-lapse", "batteries", "", F::LeaseLapse(Commanded::Batteries)),
        ("lease-lapse", "turbines", "", F::LeaseLapse(Commanded::Turbines)),
        ("job-failure", job, "", F::JobFailure),
        ("checkpoint-failure", job, "", F::CheckpointFailure),
    ];
    let scenario = with("meter-nan", "all", "").expect("reads");
    for (kind, device, figures, expected) in cases {
        let (found, index) = planted(kind, device, figures);
        assert_eq!(found, expected, "{kind}");
        let name = match device {
            "all" | "caps" | "batteries" | "turbines" => {
                assert_eq!(index, usize::MAX, "{kind}");
                continue;
            }
            "north" => &scenario.plant.pois[index].name,
            name if name == unit => &scenario.plant.batteries[index].name,
            name if name == turbine => &scenario.plant.turbines[index].name,
            _ => &scenario.plant.jobs[index].name,
        };
        assert_eq!(name, device, "{kind}");
    }
    let hall = scenario.plant.halls[3].name.clone();
    assert_eq!(planted("command-refused", &hall, ""), (F::CommandRefused(Commanded::Caps), 3));
}

#[test]
fn every_kind_between_the_site_and_everybody_else_reads() {
    let wrong = |kind: &str, device: &str, figures: &str| with(kind, device, figures).expect("reads").disturbances;
    let (start, end) = (six(), six() + Span::secs(2));
    let scenario = with("meter-nan", "all", "").expect("reads");
    let (limit, event) = (&scenario.control.limits[1].name, &scenario.events[1]);
    for (word, says) in [
        ("nan", Garbage::Nan),
        ("negative", Garbage::Negative),
        ("absurd", Garbage::Absurd),
        ("kW as W", Garbage::Scaled(1e-3)),
        ("W as kW", Garbage::Scaled(1e3)),
    ] {
        let found = wrong("limit-garbage", limit, &format!("says = \"{word}\"")).limits;
        assert_eq!(found, [LimitGarbage { start, end, source: Some(1), says }]);
    }
    let id = Some(event.event.id);
    let vanished = EventFault { start, end, event: id, late: None };
    assert_eq!(wrong("event-vanish", &event.name, "").events, [vanished]);
    let late = EventFault { event: None, late: Some(Span::secs(5_400)), ..vanished };
    assert_eq!(wrong("event-late", "all", "delay = \"90 min\"").events, [late]);
    let step = ClockFault { start, end, step: Span::secs(-30), drift: 0.0 };
    assert_eq!(wrong("clock-step", "all", "shift = \"-30 s\"").clocks, [step]);
    let drift = wrong("clock-drift", "all", "drift = \"80 ppm\"").clocks[0];
    assert!((drift.drift - 8e-5).abs() < 1e-18 && drift.step == Span::ZERO);
    let alone = Death { at: start, takeover: end, stale_until: end };
    assert_eq!(wrong("controller-death", "all", "").deaths, [alone]);
    let haunted = Death { stale_until: end + Span::secs(40), ..alone };
    assert_eq!(wrong("controller-death", "all", "stale_for = \"40 s\"").deaths, [haunted]);
}

#[test]
fn a_fault_without_its_figure_or_with_another_ones_is_explained() {
    refused("meter-late", "north", "", &["fault[5].delay", "meter-late needs it"]);
    refused("hall-scale", "all", "", &["fault[5].factor", "0.001 for kW read as W"]);
    refused("string-loss", "all", "", &["fault[5].share", "string-loss needs it"]);
    refused("clock-step", "all", "", &["fault[5].shift"]);
    refused("limit-garbage", "all", "", &["fault[5].says"]);
    refused("limit-garbage", "all", "says = \"nonsense\"", &["fault[5].says", "one of: nan, negative"]);
    refused("meter-silent", "all", "offset = \"1 MW\"", &["fault[5].offset", "only meter-offset has it"]);
    refused("meter-frozen", "all", "delay = \"1 s\"", &["fault[5].delay", "commands-delayed, event-late"]);
    refused("meter-frozen", "all", "stale_for = \"1 s\"", &["fault[5].stale_for", "only controller-death"]);
    refused("battery-derate", "all", "share = \"120 %\"", &["fault[5].share"]);
    refused("battery-derate", "all", "share = 0.5", &["fault[5].share"]);
    refused("string-loss", "all", "share = \"100 %\"", &["fault[5].share", "battery-out"]);
    refused("commands-delayed", "all", "delay = \"2 h\"", &["fault[5].delay", "at most 1 h"]);
    refused("clock-drift", "all", "drift = \"50\"", &["fault[5].drift"]);
}

#[test]
fn a_fault_of_something_that_is_not_there_is_explained() {
    refused("hall-frozen", "north", "", &["fault[5].device", "\"north\""]);
    refused("lease-lapse", "cap", "", &["fault[5].device", "did you mean \"caps\"?"]);
    refused("command-refused", "GT south 55", "", &["fault[5].device", "did you mean \"GT south 05\"?"]);
    refused("commands-delayed", "north", "delay = \"1 s\"", &["fault[5].device", "concerns all devices"]);
    refused("event-vanish", "no such event", "", &["fault[5].device"]);
    refused("controller-deaths", "all", "", &["fault[5].kind", "did you mean \"controller-death\"?"]);
    // A hall and a battery of one name: which of them refuses?
    let text = builtin("colossus-2").expect("built in");
    let hall = with("meter-nan", "all", "").expect("reads").plant.halls[0].name.clone();
    let fault = format!("\n[[fault]]\nkind = \"command-refused\"\ndevice = \"{hall}\"\n{HEAD}\n[claims]\n");
    let battery = format!(
        "\n[[battery]]\nname = \"{hall}\"\nunits = 1\npoi = \"north\"\nsource = \"guess: a test\"\nenergy = \"4 MWh\"\nhours = \"2 h\"\nround_trip = \"91 %\"\nsoc_start = \"50 %\"\n{fault}"
    );
    let text = text.replacen("\n[claims]\n", &battery, 1);
    let mut nothing = |path: &str| -> io::Result<Box<dyn io::Read>> { Err(io::Error::other(path.to_owned())) };
    let said = read("test.toml", &text, &mut nothing).expect_err("two of a name").to_string();
    assert!(said.contains("fault[5].device") && said.contains("a name that several devices have"), "{said}");
}

#[test]
fn a_death_needs_a_controller_before_it_and_a_standby_soon_after() {
    let death = |at: &str, duration: &str| {
        let fault = format!(
            "\n[[fault]]\nkind = \"controller-death\"\ndevice = \"all\"\nat = \"{at}\"\nduration = \"{duration}\"\nsource = \"guess: a test\"\n\n[claims]\n"
        );
        let text = builtin("colossus-2").expect("built in").replacen("\n[claims]\n", &fault, 1);
        let mut nothing = |path: &str| -> io::Result<Box<dyn io::Read>> { Err(io::Error::other(path.to_owned())) };
        read("test.toml", &text, &mut nothing).map(|_| ()).map_err(|mistakes| mistakes.to_string())
    };
    assert_eq!(death("2026-07-15T06:00:00-05:00", "3 s"), Ok(()));
    let said = death("2026-07-15T06:00:00-05:00", "4 s").expect_err("too long");
    assert!(said.contains("fault[5].duration") && said.contains("at most 3 s"), "{said}");
    let said = death("2026-07-15T00:00:00-05:00", "2 s").expect_err("too early");
    assert!(said.contains("fault[5].at") && said.contains("before the first decision"), "{said}");
}

#[test]
fn the_schema_knows_every_kind_and_figure() {
    let schema = schema();
    let fault = &schema["properties"]["fault"]["items"]["properties"];
    let kinds: Vec<&str> =
        fault["kind"]["enum"].as_array().expect("a list").iter().filter_map(|k| k.as_str()).collect();
    assert_eq!(kinds.len(), 44);
    for kind in kinds {
        // Without its figures a kind may be refused, but none is taken for something else or for nothing.
        match with(kind, "all", "") {
            Ok(scenario) => {
                let wrong = &scenario.disturbances;
                let others = wrong.limits.len() + wrong.events.len() + wrong.clocks.len() + wrong.deaths.len();
                let planted = scenario.plant.faults.iter().filter(|fault| fault.start == six()).count();
                assert_eq!(others + planted, 1, "{kind}");
            }
            Err(said) => assert!(said.contains(&format!("{kind} needs it")), "{kind}: {said}"),
        }
    }
    for key in ["delay", "factor", "share", "shift", "drift", "says", "stale_for"] {
        assert!(fault[key].is_object(), "{key}");
    }
}
