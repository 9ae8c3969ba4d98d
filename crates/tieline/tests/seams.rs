//! Seams: the same campus through two studies must agree where both speak of the same thing.

use tieline_campus::waveform::in_turn;
use tieline_files::dispatch::{CampusLoad, Settings, Tier};
use tieline_sim::dispatch::{Around, Placed, account, hand_over as hand_over_dispatch, orders};
use tieline_sim::operation::{Outlet, operate};
use tieline_sim::scenario::Scenario;
use tieline_sim::transient::{hand_over, training_step, transient};

/// A small campus on one feed: 3,000 H100 in two halls, one job.
const CAMPUS: &str = include_str!("seams/campus.toml");

/// Mean load agrees within this share: the operation study draws 0.5 % of noise per second and hall, and cools with the
/// weather of its own clock.
const MEAN: f64 = 0.01;
/// The greatest millisecond agrees within this share with the operation study's greatest second and half the swing within
/// a second: the waveform is no symmetric square about its mean, and its overshoot is short.
const PEAK: f64 = 0.05;

/// A model with batch and layout for the campus's job.
const TRAINING: &str = r#"
[training]
source = "guess: for the test"
model = "llama-2-70b"
precision = "bf16"
batch = 1_024
tokens = "1 T"
layout = { tensor = 8, pipeline = 4, data = 64 }
"#;
/// The period that barriers of the waveform find agrees with the training model within this share: phases are drawn to the
/// millisecond, and the communication is that of the slowest stage.
const PERIOD: f64 = 0.005;

fn scenario() -> Scenario {
    read(CAMPUS)
}

fn read(text: &str) -> Scenario {
    tieline_files::scenario::read("seams/campus.toml", text, &mut |name| {
        Err(std::io::Error::other(format!("{name}: this scenario names no file")))
    })
    .unwrap_or_else(|mistakes| panic!("{:?}", mistakes.list))
}

struct Silent;

impl tieline_control::Journal for Silent {
    fn append(&mut self, _: &tieline_control::Row<'_>) {}
}

#[test]
fn operation_takes_over_the_mean_and_the_peak_of_the_waveform() {
    let scenario = scenario();
    let mut outlet = Outlet { sink: &mut |_| (), progress: &mut |_| true };
    let (waves, summary) = transient(&scenario, 3, &in_turn, &mut outlet).expect("nobody ends it");
    let handed = hand_over(&scenario, &summary);
    let operation = operate(&handed, 3, &mut Silent, &mut outlet).expect("nobody ends it");
    let plain = operate(&scenario, 3, &mut Silent, &mut outlet).expect("nobody ends it");
    let of = |outcome: &tieline_sim::results::Outcome, name: &str| outcome.metrics[name];
    let (mean, peak) = (summary.load_mean_w / 1e6, of(&waves, "transient.load_peak_mw"));
    let ours = of(&operation, "operation.load_mean_mw");
    assert!((ours / mean - 1.0).abs() < MEAN, "mean {ours} MW in the operation study, {mean} MW in the waveform");
    let greatest = of(&operation, "operation.waveform.load_peak_mw");
    assert!(
        (greatest / peak - 1.0).abs() < PEAK,
        "peak {greatest} MW in the operation study, {peak} MW in the waveform"
    );
    // Without the hand-over the two do not agree: the seam is what holds them together.
    let apart = of(&plain, "operation.load_mean_mw");
    assert!((apart / mean - 1.0).abs() > 5.0 * MEAN, "{apart} MW without hand-over");
    let swing = of(&operation, "operation.waveform.swing_mw");
    assert!((swing - summary.load_within_second_w / 1e6).abs() < 1e-9 && swing > 0.1 * mean, "{swing} of {mean} MW");
    assert!(of(&waves, "transient.energy_residual_share") <= 1e-9);
}

#[test]
fn the_waveform_steps_as_the_training_model_says() {
    let plain = scenario();
    assert!(training_step(&plain, &plain.waveform).is_none(), "without a layout the scenario's own step is used");
    // Jitter and stragglers make a step as long as the slowest of thousands; the model knows none.
    let even = CAMPUS.replace("micro_batches = 6", "micro_batches = 6\n  jitter = \"0 %\"\n  stragglers = \"0 %\"");
    assert_ne!(even, CAMPUS);
    let scenario = read(&format!("{even}{TRAINING}"));
    let (job, step) = training_step(&scenario, &scenario.waveform).expect("all is stated").expect("it can be drawn");
    let times = |_: &_, _: &_, _, _, _| vec![1.0; 10];
    let study = tieline_sim::train::study(&scenario, 1, &times).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let model_s = study.step.layouts[0].step_s;
    assert_eq!((job, step.stages, step.micro_batches), (0, 4, 16));
    assert!((step.period_ms() / 1e3 / model_s - 1.0).abs() < PERIOD, "{} ms of {model_s} s", step.period_ms());
    let mut outlet = Outlet { sink: &mut |_| (), progress: &mut |_| true };
    let (waves, _) = transient(&scenario, 3, &in_turn, &mut outlet).expect("nobody ends it");
    let found_s = waves.metrics["transient.step_mean_s"];
    assert!((found_s / model_s - 1.0).abs() < PERIOD, "{found_s} s at the barriers, {model_s} s in the model");
    // It is not the two seconds that the scenario's own step has.
    assert!((found_s / 2.0 - 1.0).abs() > 10.0 * PERIOD, "{found_s} s");
}

/// A specification that the seam's short spans can show, and one clause that they cannot.
const SPECIFICATION: &str = r#"
schema = 1
name = "seam"
title = "for the test"
rated = { value = "5 MW", source = "guess: for the test" }
[[ramp]]
name = "up"
direction = "up"
window = { value = "1 s", source = "guess: for the test" }
limit = { value = "0.95 MW/s", source = "guess: for the test" }
[[range]]
name = "range"
window = { value = "1 s", source = "guess: for the test" }
limit = { value = "0.95 MW", source = "guess: for the test" }
[[component]]
name = "line"
low = { value = "0.4 Hz", source = "guess: for the test" }
high = { value = "20 Hz", source = "guess: for the test" }
limit = { value = "100 kW", source = "guess: for the test" }
[[ramp]]
name = "hour"
direction = "up"
window = { value = "1 h", source = "guess: for the test" }
limit = { value = "1 MW/s", source = "guess: for the test" }
"#;

fn judged_scenario(changes: &[(&str, &str)]) -> Scenario {
    let mut text = CAMPUS.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let mut scenario = read(&text);
    let known = tieline_files::specification::read("seam.toml", SPECIFICATION);
    scenario.waveform.specification = Some(known.unwrap_or_else(|mistakes| panic!("{mistakes}")));
    scenario
}

#[test]
fn the_study_says_of_a_specification_what_comply_says_of_its_table() {
    use tieline_campus::specification::{Circumstances, Judge, Verdict};
    use tieline_campus::spectrum::sampling::{Piece, Sampling};
    // All of the span is judged and in the table, so that both see the same milliseconds.
    let scenario = judged_scenario(&[("settle = \"5 s\"", "settle = \"0 s\"")]);
    let mut rows: Vec<(i64, f64)> = Vec::new();
    let mut outlet = Outlet {
        sink: &mut |table| {
            let import = table.numbers.iter().find(|(name, _)| name == "import_feed_mw").map(|(_, values)| values);
            rows.extend(table.utc_ns.iter().copied().zip(import.expect("a column").iter().map(|mw| mw * 1e6)));
        },
        progress: &mut |_| true,
    };
    let (outcome, summary) = transient(&scenario, 3, &in_turn, &mut outlet).expect("nobody ends it");
    let judged = summary.judged.expect("a specification was given");
    let mut sampling = Sampling::new();
    let mut samples = Vec::new();
    let mut keep = |piece: Piece<'_>| match piece {
        Piece::Samples(even) => samples.extend_from_slice(even),
        Piece::Spread { even, .. } => samples.extend_from_slice(even),
        Piece::Gap(_) => panic!("a simulated trace has no gap"),
    };
    sampling.push(&rows, &mut keep).expect("a sound trace");
    sampling.finish(&mut keep).expect("a sound trace");
    let known = scenario.waveform.specification.clone().expect("given");
    let circumstances = Circumstances { step_s: sampling.findings.step_s, ..Circumstances::default() };
    let mut judge = Judge::new(known, circumstances);
    judge.push(Piece::Samples(&samples));
    let (_, rulings, _) = judge.finish(&sampling.findings);
    for (ours, theirs) in judged.sentences.iter().zip(&rulings) {
        assert_eq!(ours.ruling.verdict, theirs.verdict, "{ours:?}\n{theirs:?}");
        let (a, b) = (ours.ruling.measured.expect("measured"), theirs.measured.expect("measured"));
        assert!((a / b - 1.0).abs() < 1e-6, "{}: {a} and {b}", theirs.name);
    }
    let verdicts: Vec<Verdict> = rulings.iter().map(|ruling| ruling.verdict).collect();
    assert!(verdicts.contains(&Verdict::Fail) && verdicts[1] == Verdict::NotShown, "{verdicts:?}");
    assert_eq!(outcome.metrics["transient.clauses_failed"], judged.count(Verdict::Fail) as f64);
    assert!(outcome.findings.iter().any(|finding| finding.topic == "specification" && !finding.closes));
    // What a longer span would show is said with that span.
    let told = judged.not_shown(0.0).join(" ");
    assert!(told.contains("hour: needs 3600 s judged") && told.contains("span = "), "{told}");
}

#[test]
fn a_size_passes_in_the_whole_simulation_and_a_smaller_one_does_not() {
    use tieline_sim::transient::{Loop, compare, size};
    let mut scenario = judged_scenario(&[("span = \"30 s\"", "span = \"20 s\"")]);
    let (sizes, table) = size(&scenario, 3, &in_turn, &mut |_, _| true).expect("nobody ends it");
    assert_eq!(sizes.len(), table.utc_ns.len());
    let floor = |sized: &&tieline_sim::transient::Sized| sized.power_w > 0.0 && sized.power_w.is_finite();
    let found = sizes.iter().find(floor).unwrap_or_else(|| panic!("no floor wants a battery: {sizes:?}"));
    let none = sizes.iter().find(|sized| sized.power_w.is_infinite()).expect("a floor that no battery helps");
    assert!(none.words.contains('%') && none.words.contains("with the best of them"), "{none:?}");
    // The whole simulation with that battery, its energy as built, on the same luck: its own verdict.
    let mut passes = |power_w: f64| {
        let built_w = scenario.plant.batteries.iter().map(|unit| unit.rated_w).sum::<f64>();
        let fast = scenario.waveform.devices.battery.unwrap_or(Loop::usual());
        let plan = &mut scenario.waveform;
        plan.devices.battery = Some(Loop { power_share: power_w / built_w, ..fast });
        plan.devices.floor = (found.floor > 0.0).then_some(found.floor);
        plan.devices.supply = found.beside.contains("PSU");
        plan.devices.shelf = found.beside.contains("BBU").then(tieline_sim::transient::Shelf::usual);
        let mut outlet = Outlet { sink: &mut |_| (), progress: &mut |_| true };
        let (_, summary) = transient(&scenario, 3, &in_turn, &mut outlet).expect("nobody ends it");
        summary.judged.expect("judged").passes()
    };
    assert!(passes(1.01 * found.power_w), "{found:?}");
    assert!(!passes(0.5 * found.power_w), "{found:?}");
    // Mitigations are judged on the same luck, clause by clause.
    let (table, judged) = compare(&scenario, 3, &in_turn, &mut |_, _| true).expect("nobody ends it");
    let column = |name: &str| &table.numbers.iter().find(|(known, _)| known == name).expect("there").1;
    assert_eq!(judged.len(), table.utc_ns.len());
    for (judged, margin) in judged.iter().zip(column("margin_percent_range")) {
        let ruling = &judged.sentences[2].ruling;
        assert!((100.0 * ruling.margin.expect("measured") - margin).abs() < 1e-9, "{ruling:?}");
    }
    assert!(judged.iter().any(|judged| judged.passes()) && judged.iter().any(|judged| !judged.passes()));
}

/// Where the seam campus stands: a town whose load passes what its plant can serve in two hours of the run, by different
/// megawatts, and in a third by the same as in the second.
const GRID: &str = r#"
schema = 1
name = "town"
title = "a town, a plant, a dear engine"
start = "2026-01-01T00:00:00Z"
hours = 1
series = "town.csv"
shed_price = "9000 $/MWh"
source = "guess: for the test"
[[zone]]
name = "town"
area = "town"
load = "town_mw"
[[unit]]
name = "plant"
class = "gas"
zone = "town"
capacity = "20 MW"
cost = "40 $/MWh"
[[unit]]
name = "engine"
class = "oil"
zone = "town"
capacity = "5 MW"
cost = "2000 $/MWh"
"#;
const DISPATCH: &str = r#"
[dispatch]
grid = "town"
zone = "town"
power = { value = "4 MW", source = "guess: near the campus's own draw" }

  [[dispatch.tier]]
  source = "guess: for the test"
  depth = "50 %"
  price = "900 $/MWh"
"#;

/// Import of a run by the second, W, as the table has it.
fn import_w(scenario: &Scenario) -> (Vec<f64>, tieline_sim::results::Outcome) {
    let mut import_w = Vec::new();
    let mut outlet = Outlet {
        sink: &mut |table| {
            let column = table.numbers.iter().find(|(name, _)| name == "import_mw");
            import_w.extend(column.into_iter().flat_map(|(_, values)| values.iter().map(|mw| mw * 1e6)));
        },
        progress: &mut |_| true,
    };
    let outcome = operate(scenario, 3, &mut Silent, &mut outlet).expect("nobody ends it");
    (import_w, outcome)
}

#[test]
fn operation_keeps_the_base_points_of_the_dispatch_at_its_prices() {
    // Without head-room the meter's noise carries single seconds over the base point.
    let roomy = CAMPUS.replace("margin = \"0 MW\"", "margin = \"0.1 MW\"");
    let text = roomy.replace("duration = \"10 min\"", "duration = \"5 h\"") + DISPATCH;
    let scenario = read(&text);
    let plan = scenario.dispatch.clone().expect("it has one");
    // One hour before the start, five of the run, a day of outlook; all whole.
    let hours = plan.window.1;
    assert!(hours >= 30 && plan.window.0 + tieline_units::Span::secs(3600) == scenario.start, "{:?}", plan.window);
    let load_mw = |hour: usize| [10.0, 10.0, 17.0, 17.5, 17.5, 10.0].get(hour).copied().unwrap_or(9.0);
    let csv: String =
        "town_mw\n".to_owned() + &(0..hours).map(|hour| format!("{}\n", load_mw(hour))).collect::<String>();
    let priced = plan.priced(&scenario).unwrap_or_else(|why| panic!("{why}"));
    let tiers = priced.into_iter().map(|(depth, price_usd_per_j)| Tier { depth, price_usd_per_j }).collect();
    let campus =
        CampusLoad { name: "c".to_owned(), zone: plan.zone.clone(), power_w: plan.power_w, tiers, tariff: None };
    let settings = Settings { window: Some(plan.window), campus: Some(campus), ..Settings::default() };
    let case = tieline_files::dispatch::read("town", GRID, &settings, &mut |_| {
        Ok(Box::new(std::io::Cursor::new(csv.clone().into_bytes())) as Box<dyn std::io::Read>)
    })
    .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let in_turn = |blocks: &mut [_], work: &(dyn Fn(&mut _) + Sync)| blocks.iter_mut().for_each(work);
    let dispatch = tieline_grid::dispatch::solve(&case.problem, &in_turn).expect("it can be served");
    let named = &case.campuses[0];
    let placed = Placed { zone: named.zone, units: named.units.clone(), power_w: named.power_w };
    let account = account(&case.problem, &dispatch, None, &placed);
    // The town lacks 1 MW, then 1.5 MW twice, of what the plant can give: the campus is cheaper than the engine.
    let found = orders(&account, plan.power_w);
    let wanted = [(2, 3, 3.0e6), (3, 5, 2.5e6)];
    assert_eq!(found.len(), 2, "{found:?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found.0, found.1) == (wanted.0, wanted.1) && (found.2 - wanted.2).abs() < 1e3, "{found:?}");
    }
    let load_w = (0..hours).map(|hour| case.problem.load_w(hour, 0)).collect();
    let (handed, left_out) = hand_over_dispatch(&scenario, &plan, &account, &Around { load_w, ambient_c: Vec::new() });
    assert_eq!((handed.events.len(), left_out), (2, 0));
    let (with_w, outcome) = import_w(&handed);
    let (plain_w, _) = import_w(&scenario);
    assert_eq!(with_w.len(), 5 * 3600);
    // The same hours and megawatts: every second of an ordered hour stays at or under its base point and, on average,
    // within a tenth of it (the controller keeps a distance, the battery evens out); the plain run does not.
    for (from, until, base_w) in found {
        let seconds = (from - 1) * 3600..(until - 1) * 3600;
        let mean = |import_w: &[f64]| import_w[seconds.clone()].iter().sum::<f64>() / seconds.len() as f64;
        let most = with_w[seconds.clone()].iter().copied().fold(0.0, f64::max);
        let over: Vec<usize> = seconds.clone().filter(|second| with_w[*second] > base_w * 1.001).collect();
        assert!(most <= base_w * 1.001, "{most} W over the base point of {base_w} W in {over:?}");
        assert!(mean(&with_w) > 0.9 * base_w, "{} W for {base_w} W", mean(&with_w));
        assert!(mean(&plain_w) > 1.2 * base_w, "without orders {} W", mean(&plain_w));
    }
    // The same price: what operation pays is its import at the zone's price of each hour.
    let paid: f64 =
        with_w.iter().enumerate().map(|(second, import_w)| import_w * account.price_usd_per_j[1 + second / 3600]).sum();
    let ours = outcome.metrics["operation.import_cost_usd"];
    // The table's seconds and the study's ticks part hours within a tick of each other: so much at every change of price.
    let most_w = with_w.iter().copied().fold(0.0, f64::max);
    let changes = account.price_usd_per_j[..7].windows(2).map(|two| (two[1] - two[0]).abs() * most_w * 0.1);
    let slack = changes.sum::<f64>() + 1e-6 * paid;
    assert!(
        (ours - paid).abs() <= slack,
        "{ours} $ in operation, {paid} $ at the dispatch's prices, {slack} $ of slack"
    );
    assert!(slack < 1e-4 * paid, "the slack is nothing beside the bill: {slack} $");
    assert!((account.price_usd_per_j[3] * 3.6e9 - 900.0).abs() < 0.1, "the campus sets the price");
    assert!(outcome.metrics["operation.events_missed"] == 0.0);
}

#[test]
fn tiers_of_the_dispatch_take_their_prices_from_training() {
    let stated = "  depth = \"50 %\"\n  price = \"900 $/MWh\"\n";
    assert!(DISPATCH.contains(stated));
    let of = |tiers: &str| {
        let dispatch = DISPATCH.replace(stated, tiers).replace("[dispatch]\n", "[dispatch]\nprices = \"training\"\n");
        let scenario = read(&format!("{CAMPUS}{TRAINING}{dispatch}"));
        let plan = scenario.dispatch.clone().expect("it has one");
        (plan.priced(&scenario), scenario)
    };
    let (priced, scenario) =
        of("  depth = \"2 %\"\n  [[dispatch.tier]]\n  source = \"guess: for the test\"\n  depth = \"2 %\"\n");
    let priced = priced.unwrap_or_else(|why| panic!("{why}"));
    // The same from the page's merit order: at 1 W steps along it, through the feeder of the only hall at work.
    let times = |_: &_, _: &_, _, _, _| vec![1.0; 10];
    let study = tieline_sim::train::study(&scenario, 1, &times).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let feeder = scenario.plant.halls.iter().find(|hall| hall.job.is_some()).expect("one works").feeder_per_gpu_w();
    let at = |shed_w: f64| {
        let rung = study.price.merit.iter().find(|rung| shed_w <= rung.total_mw * 1e6).expect("it is on offer");
        rung.usd_per_mwh / 3.6e9 / feeder
    };
    let power_w = scenario.dispatch.as_ref().expect("it has one").power_w;
    let each_w = 0.02 * power_w / feeder;
    for (place, (depth, usd_per_j)) in priced.iter().enumerate() {
        let steps = each_w as usize;
        let from_w = place as f64 * each_w;
        let mean =
            (0..steps).map(|k| at(from_w + (k as f64 + 0.5) * each_w / steps as f64)).sum::<f64>() / steps as f64;
        assert_eq!(*depth, 0.02);
        assert!((usd_per_j / mean - 1.0).abs() < 1e-3, "tier {place}: {usd_per_j:e} for {mean:e}");
    }
    assert!(priced[0].1 <= priced[1].1 && priced[0].1 > 0.0);
    // More than the jobs offer is named, not priced.
    let (refused, _) = of("  depth = \"100 %\"\n");
    assert!(refused.expect_err("too deep").contains("offer"));
}

#[test]
fn the_operation_study_makes_the_tokens_that_the_step_model_says() {
    let stated = "mfu = \"40 %\"\n";
    assert_eq!(CAMPUS.matches(stated).count(), 1, "one job states its utilisation");
    let model = read(&format!("{}{TRAINING}", CAMPUS.replace(stated, "")));
    let times = |_: &_, _: &_, _, _, _| vec![1.0; 10];
    let study = tieline_sim::train::study(&model, 1, &times).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let plan = model.training.as_ref().expect("it has a plan");
    let wanted_per_s = study.step.tokens_per_s * (1.0 - plan.stragglers);
    let mut outlet = Outlet { sink: &mut |_| (), progress: &mut |_| true };
    let done = operate(&model, 3, &mut Silent, &mut outlet).expect("nobody ends it");
    let of = |outcome: &tieline_sim::results::Outcome, name: &str| outcome.metrics.get(name).copied();
    assert_eq!(of(&done, "operation.step_model.tokens_per_s"), Some(wanted_per_s));
    assert_eq!(of(&done, "operation.step_model.mfu_percent"), Some(100.0 * study.step.layouts[0].mfu));
    // What it made, with the work that caps, stops and checkpoints cost added again.
    let made = |outcome: &tieline_sim::results::Outcome| {
        ["tokens", "tokens_missed"]
            .map(|name| of(outcome, &format!("operation.{name}")).expect("it is counted"))
            .iter()
            .sum::<f64>()
    };
    let wanted = wanted_per_s * model.duration.as_secs_f64();
    assert!((made(&done) / wanted - 1.0).abs() < 0.01, "{} tokens for {wanted}", made(&done));
    // A stated utilisation goes before the model's, and nothing is said of the model then.
    let own = read(&format!("{CAMPUS}{TRAINING}"));
    let other = operate(&own, 3, &mut Silent, &mut outlet).expect("nobody ends it");
    assert_eq!(of(&other, "operation.step_model.tokens_per_s"), None);
    assert!((made(&other) / wanted - 1.0).abs() > 0.02, "{} tokens for {wanted}", made(&other));
}
