//! The fault campaign: random campuses, contracts and faults; invariants checked on every tick, not numbers.
//!
//! `TIELINE_STORMS=100000 ./x test -p tieline --test storm` for more, `TIELINE_STORM=17` for one; `TIELINE_STORM_FROM=1000`
//! begins with another seed than 0.

#[path = "storm/bugs.rs"]
mod bugs;
#[path = "storm/draw.rs"]
mod draw;
#[path = "storm/judge.rs"]
mod judge;
#[path = "storm/watch.rs"]
mod watch;

use bugs::{BUGS, Bug, run_broken};
use draw::{STORM_S, Storm, storm};
use judge::{Judge, Word};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tieline_campus::plant::{Fault, FaultKind, Instrument};
use tieline_control::{Decision, Journal, Observation, Outlook, Row, Site, Stepping};
use tieline_files::scenario::read;
use tieline_sim::scenario::Scenario;
use tieline_sim::takeover::attend;
use tieline_sim::world::{Moment, World};
use tieline_units::{Draw, Span, Time};
use watch::{Findings, Watch};

/// Storms of an ordinary test run.
const STORMS: u64 = 1_000;
/// Storms in which a planted bug is sought.
const SEEDS_PER_BUG: u64 = 300;
/// After a fault that nobody can see through, the controller has so long to come back under its limit, s.
const RECOVERY_S: i64 = 20;

fn scenario(text: &str) -> Scenario {
    let mut nothing = |path: &str| Err(std::io::Error::other(path.to_owned()));
    read("storm.toml", text, &mut nothing).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

/// Instants at which nothing true reaches the controller or nothing reaches the devices, with the time to come back.
fn beyond_control(scenario: &Scenario, now: Time) -> bool {
    let within = |start: Time, end: Time| start <= now && now < end + Span::secs(RECOVERY_S);
    let blind = |fault: &Fault| match fault.kind {
        FaultKind::CommandsLost
        | FaultKind::CommandsDelayed(_)
        | FaultKind::CommandRefused(_)
        | FaultKind::CommandsPartial(..)
        | FaultKind::LeaseLapse(_) => within(fault.start, fault.end),
        // A small lie is found out by nobody, and a frozen meter only once the load has moved.
        FaultKind::MeterOffset(offset_w) => offset_w < 0.0 && within(fault.start, fault.end),
        FaultKind::Frozen(Instrument::Meter) => within(fault.start, fault.end),
        // A large one within seconds.
        FaultKind::Scaled(Instrument::Meter, _) => within(fault.start, fault.start),
        _ => false,
    };
    scenario.plant.faults.iter().any(blind)
        || scenario.disturbances.deaths.iter().any(|death| within(death.at, death.takeover))
        || late_news(scenario, now)
}

/// An event that arrives so late that nothing of its notice is left.
fn late_news(scenario: &Scenario, now: Time) -> bool {
    scenario.events.iter().any(|scheduled| {
        let event = &scheduled.event;
        let arrives = scenario.disturbances.arrival(event.id, event.received_at);
        arrives + Span::secs(60) > event.start && event.start <= now && now < arrives.max(event.start) + Span::secs(60)
    })
}

/// Whether telemetry or commands were just disturbed: the ramp is then nobody's promise. Load and generation that come and
/// go are what batteries are for: there the controller must hold the ramp, or say that it gave way.
fn hit(scenario: &Scenario, now: Time) -> bool {
    let near = |start: Time, end: Time| start <= now && now < end + Span::secs(70);
    let ordinary = |kind: &FaultKind| {
        use FaultKind::{CheckpointFailure, HallTrip, JobFailure, TurbineTrip};
        matches!(kind, JobFailure | TurbineTrip | CheckpointFailure | HallTrip)
    };
    scenario.plant.faults.iter().any(|fault| !ordinary(&fault.kind) && near(fault.start, fault.end))
        || scenario.surroundings.dips.iter().any(|dip| near(dip.start, dip.end))
        || scenario.disturbances.deaths.iter().any(|death| near(death.at, death.stale_until.max(death.takeover)))
}

/// A world whose forecasts stall or lie, by seed; three storms of five have honest ones.
struct Liar<'w, W>(&'w mut W, u64);

impl<W: Site> Site for Liar<'_, W> {
    fn observe(&mut self, now: Time) -> Observation {
        self.0.observe(now)
    }

    fn outlook(&mut self, now: Time) -> Option<Outlook> {
        let mut outlook = self.0.outlook(now)?;
        match self.1 % 5 {
            3 => return (now < Time::ZERO + Span::secs(300)).then_some(outlook),
            4 => {
                let lies = [f32::NAN, f32::INFINITY, -1e9, 1e12, 0.0];
                let lie = |at: usize| lies[(self.1 as usize / 5 + at) % lies.len()];
                outlook.load_w.fill(lie(0));
                outlook.import_limit_w.fill(lie(1));
                outlook.price_usd_per_mwh.fill(lie(2));
                outlook.ambient_c.fill(lie(3));
                outlook.schedule_w.fill(lie(4));
            }
            _ => {}
        }
        Some(outlook)
    }

    fn actuate(&mut self, decision: &Decision) {
        self.0.actuate(decision);
    }
}

/// One storm under one controller.
fn weather(scenario: &Scenario, seed: u64, bug: Option<Bug>) -> Findings {
    let config = &scenario.control;
    let watch = RefCell::new(Watch::new(config));
    let mut judge = Judge::new(scenario);
    let tick_s = config.tick.as_secs_f64();
    let mut clock = Stepping { end: Time::ZERO + Span::secs(STORM_S as i64) };
    struct Shared<'w, 'c>(&'w RefCell<Watch<'c>>);
    impl Journal for Shared<'_, '_> {
        fn append(&mut self, row: &Row<'_>) {
            self.0.borrow_mut().append(row);
        }
    }
    let mut gross_w = vec![0.0; config.pois.len()];
    let mut world = World::new(scenario, Draw::new(seed, 0), |moment: Moment<'_>| {
        if let Moment::Step(plant, _) = moment {
            let (watch, now) = (&mut *watch.borrow_mut(), plant.now());
            gross_w.copy_from_slice(&plant.flows().load_poi_w);
            let excused = now <= watch.excused_until || beyond_control(scenario, now);
            let ramp_excused = now <= watch.ramp_gave_way_until || hit(scenario, now);
            let word = Word { said: watch.said, excused, ramp_excused };
            judge.tick(now, &plant.flows().poi_import_w, &gross_w, tick_s, word, &mut watch.found);
        }
    });
    let mut site = Liar(&mut world, seed);
    let mut journal = Shared(&watch);
    match bug {
        None => drop(attend(scenario, &mut site, &mut clock, &mut journal)),
        Some(bug) => run_broken(bug, scenario, &mut site, &mut clock, &mut journal),
    }
    drop(world);
    watch.into_inner().found
}

/// Leaves out faults one by one while the storm still breaks something; the smallest set that does.
fn shrink(seed: u64, storm: &Storm) -> Vec<bool> {
    let mut keep = vec![true; storm.faults.len()];
    for fault in 0..keep.len() {
        keep[fault] = false;
        if weather(&scenario(&storm.text(&keep)), seed, None).broken.is_empty() {
            keep[fault] = true;
        }
    }
    keep
}

/// The commit under test, as git tells it.
fn commit() -> String {
    let asked = std::process::Command::new("git").args(["describe", "--always", "--dirty"]).output();
    asked.map_or_else(|_| "unknown".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

#[derive(Default)]
struct Campaign {
    /// Storms with each kind of fault, and findings by invariant among them.
    table: BTreeMap<&'static str, (u64, BTreeMap<&'static str, u64>)>,
    failed: Vec<(u64, Findings)>,
    excused_mwh: f64,
    faults: u64,
}

fn campaign(from: u64, storms: u64) -> Campaign {
    let (next, campaign) = (AtomicU64::new(from), Mutex::new(Campaign::default()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(16);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + storms {
                        break;
                    }
                    let storm = storm(seed);
                    let found = weather(&scenario(&storm.text(&vec![true; storm.faults.len()])), seed, None);
                    let mut campaign = campaign.lock().expect("no thread panics while it holds the lock");
                    let mut kinds: Vec<&str> = storm.faults.iter().map(|(kind, _)| *kind).collect();
                    campaign.faults += kinds.len() as u64;
                    kinds.sort_unstable();
                    kinds.dedup();
                    for kind in kinds {
                        let row = campaign.table.entry(kind).or_default();
                        row.0 += 1;
                        found.broken.keys().for_each(|id| *row.1.entry(id).or_default() += 1);
                    }
                    campaign.excused_mwh += found.excused_j / 3.6e9;
                    if !found.broken.is_empty() {
                        campaign.failed.push((seed, found));
                    }
                }
            });
        }
    });
    let mut campaign = campaign.into_inner().expect("all threads are done");
    campaign.failed.sort_by_key(|(seed, _)| *seed);
    campaign
}

const INVARIANTS: [&str; 19] = [
    "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15", "I16", "I17",
    "I18", "ledger",
];

#[test]
fn no_storm_breaks_an_invariant() {
    if let Some(seed) = std::env::var("TIELINE_STORM").ok().and_then(|seed| seed.parse().ok()) {
        let storm = storm(seed);
        let text = storm.text(&vec![true; storm.faults.len()]);
        println!("{text}");
        let found = weather(&scenario(&text), seed, None);
        println!("{found:?}");
        assert!(found.broken.is_empty());
        return;
    }
    let asked = |name: &str| std::env::var(name).ok().and_then(|count| count.parse().ok());
    let (from, storms) = (asked("TIELINE_STORM_FROM").unwrap_or(0), asked("TIELINE_STORMS").unwrap_or(STORMS));
    let began = Instant::now();
    let campaign = campaign(from, storms);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{storms} storms of {} min with {} faults in {seconds:.0} s, {:.0} a minute",
        STORM_S / 60,
        campaign.faults,
        storms as f64 / seconds * 60.0
    );
    println!("{:<16} {:>7}  {}", "fault", "storms", INVARIANTS.map(|id| format!("{id:>7}")).join(""));
    for (kind, (count, broken)) in &campaign.table {
        let cells = INVARIANTS.map(|id| format!("{:>7}", broken.get(id).copied().unwrap_or(0)));
        println!("{kind:<16} {count:>7}  {}", cells.join(""));
    }
    println!("import above limits that was physically or knowably out of reach: {:.2} MWh", campaign.excused_mwh);
    for (seed, found) in campaign.failed.iter().take(5) {
        let storm = storm(*seed);
        let keep = shrink(*seed, &storm);
        println!(
            "storm {seed} at commit {}: {:?}, {:.3} MWh; repeat with TIELINE_STORM={seed}; smallest set of faults:",
            commit(),
            found.broken,
            found.violation_j / 3.6e9
        );
        for ((_, fault), _) in storm.faults.iter().zip(keep).filter(|(_, keep)| *keep) {
            println!("{fault}");
        }
    }
    assert!(
        campaign.failed.is_empty(),
        "{} of {storms} storms broke something: {:?}",
        campaign.failed.len(),
        campaign.failed.iter().map(|(seed, _)| seed).take(50).collect::<Vec<_>>()
    );
}

#[test]
fn every_planted_bug_is_caught() {
    let next = AtomicU64::new(0);
    let caught = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(BUGS.len());
    let hunt = || {
        while let Some((bug, id)) = BUGS.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            let by = (0..SEEDS_PER_BUG).find(|seed| {
                let storm = storm(*seed);
                let found = weather(&scenario(&storm.text(&vec![true; storm.faults.len()])), *seed, Some(*bug));
                found.broken.contains_key(id)
            });
            match by {
                Some(seed) => caught.lock().expect("no thread panics while it holds the lock").push((*bug, *id, seed)),
                None => println!("not caught: {bug:?} by {id}"),
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(hunt))));
    let mut caught = caught.into_inner().expect("all threads are done");
    caught.sort_by_key(|(bug, ..)| BUGS.iter().position(|(planted, _)| planted == bug));
    caught.iter().for_each(|(bug, id, seed)| println!("{bug:?} breaks {id} in storm {seed}"));
    println!("{} of {} planted bugs caught", caught.len(), BUGS.len());
    assert_eq!(caught.len(), BUGS.len());
    let watched: std::collections::BTreeSet<&str> = BUGS.iter().map(|(_, id)| *id).collect();
    assert!(INVARIANTS.iter().all(|id| watched.contains(id)), "an invariant without a bug that breaks it");
}
