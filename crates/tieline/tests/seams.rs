//! Seams: the same campus through two studies must agree where both speak of the same thing.

use tieline_campus::waveform::in_turn;
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
