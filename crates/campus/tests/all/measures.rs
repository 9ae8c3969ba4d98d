//! The measures on a power series against closed forms and the standard's own table; the judge on waveforms that are known.

use tieline_campus::specification::{
    Band, Circumstances, Clause, Connection, Evidence, Judge, Limit, Measure, Rule, Ruling, Severity, Specification,
    Verdict,
};
use tieline_campus::spectrum::flicker::{Flickermeter, Lamp};
use tieline_campus::spectrum::sampling::{Findings, Piece};
use tieline_campus::spectrum::welch::Welch;

/// Rectangular changes at so many a minute; IEC 61000-4-15 edition 2, table 5: Pst = 1 within 5 %.
#[test]
fn the_flickermeter_gives_one_on_the_rectangular_changes_of_the_standard() {
    for (lamp, per_minute, percent) in [(Lamp::V230Hz50, 110.0, 0.722), (Lamp::V120Hz60, 39.0, 1.040)] {
        let (step_s, hz) = (0.001, per_minute / 120.0);
        let mut meter = Flickermeter::new(lamp, step_s);
        let squares: Vec<f64> = (0..700_000)
            .map(|i| {
                let up = (f64::from(i) * step_s * hz).fract() < 0.5;
                let u = 1.0 + if up { 0.005 } else { -0.005 } * percent;
                u * u
            })
            .collect();
        let mut found = Vec::new();
        squares.chunks(1000).for_each(|block| meter.push(block, &mut |seen| found.push(seen.pst)));
        assert_eq!(found.len(), 1);
        assert!((found[0] - 1.0).abs() < 0.05, "{lamp:?} {per_minute}: {found:?}");
    }
}

#[test]
fn the_spectrum_of_a_sine_holds_its_mean_square_at_its_frequency() {
    let (amplitude, hz, step_s) = (3.0, 5.0, 0.01);
    let x: Vec<f64> = (0..40_960)
        .map(|i| 1000.0 + amplitude * libm::sin(core::f64::consts::TAU * hz * f64::from(i) * step_s))
        .collect();
    let mut welch = Welch::new(step_s, 2048, 8);
    let mut spans = 0;
    x.chunks(777).for_each(|block| welch.push(block, &mut |_| spans += 1));
    let whole = welch.finish(&mut |_| spans += 1).expect("long enough");
    assert!((whole.energy(0.0, 50.0) / 4.5 - 1.0).abs() < 1e-3, "{}", whole.energy(0.0, 50.0));
    assert!(whole.share(4.8, 5.2, 50.0) > 0.999);
    assert!((whole.largest(0.1, 20.0, 50.0).0 - hz).abs() <= whole.bin_hz);
    assert_eq!((whole.segments, spans), (39, 5));
    assert_eq!(welch.judged(), 40_960);
}

fn specification(rule: Rule, limit: Limit) -> Specification {
    Specification {
        name: "test".to_owned(),
        title: "test".to_owned(),
        rated_w: Some(100.0),
        connection: Connection { short_circuit_ratio: Some(10.0), x_over_r: Some(10.0), power_factor: 1.0 },
        evidence: Evidence {
            coverage: 0.99,
            readings_per_window: 4.0,
            readings_per_period: 2.5,
            periods_per_segment: 5.0,
        },
        clauses: vec![Clause { name: "clause".to_owned(), rule, limit, source: "guess: test".to_owned() }],
        provenance: Vec::new(),
    }
}

fn ruled(rule: Rule, limit: Limit, step_s: f64, samples: &[f64]) -> Ruling {
    let circumstances = Circumstances { step_s, ..Circumstances::default() };
    ruled_by(Judge::new(specification(rule, limit), circumstances), step_s, samples)
}

fn ruled_by(mut judge: Judge, step_s: f64, samples: &[f64]) -> Ruling {
    samples.chunks(999).for_each(|block| judge.push(Piece::Samples(block)));
    let findings = Findings {
        step_s,
        interval_s: step_s,
        last_ns: (samples.len() as f64 * step_s * 1e9) as i64,
        range_w: (0.0, 100.0),
        ..Findings::default()
    };
    judge.finish(&findings).1.remove(0)
}

#[test]
fn a_step_is_ruled_on_by_its_size_and_the_limit() {
    let step: Vec<f64> = (0..10_000).map(|i| if i < 5000 { 40.0 } else { 60.0 }).collect();
    let up = |limit| ruled(Rule::Ramp { up: true, window_s: 1.0 }, limit, 0.01, &step);
    assert_eq!(up(Limit::Amount(19.9)).verdict, Verdict::Fail);
    assert_eq!(up(Limit::Share(0.201)).verdict, Verdict::Pass);
    let ruling = up(Limit::Open);
    assert_eq!((ruling.verdict, ruling.measured), (Verdict::NotShown, Some(20.0)));
    assert!((ruling.at_s.expect("measured") - 50.0).abs() < 0.02, "{ruling:?}");
    let down = ruled(Rule::Ramp { up: false, window_s: 1.0 }, Limit::Amount(1.0), 0.01, &step);
    assert_eq!((down.verdict, down.measured), (Verdict::Pass, Some(0.0)));
    // u = 1 - 0.1 p (r + ..) with x/r = 10: about 0.1 x 0.2 / 10.05 of the voltage, and a little for the reactance.
    let volts = ruled(Rule::VoltageStep { window_s: 1.0 }, Limit::Amount(0.033), 0.01, &step);
    assert!((volts.measured.expect("measured") - 0.30).abs() < 0.1, "{volts:?}");
}

#[test]
fn slow_readings_can_show_a_break_but_not_its_absence() {
    // One reading a minute: a change of 60 over a minute means at least 1 a second somewhere.
    let minutes: Vec<f64> = (0..600).map(|i| if i % 2 == 0 { 20.0 } else { 80.0 }).collect();
    let ramp = |limit| ruled(Rule::Ramp { up: true, window_s: 1.0 }, Limit::Amount(limit), 60.0, &minutes);
    assert_eq!((ramp(0.9).verdict, ramp(1.1).verdict), (Verdict::Fail, Verdict::NotShown));
    assert!(ramp(1.1).at_least);
    let range = |limit| ruled(Rule::Range { window_s: 1.0 }, Limit::Amount(limit), 60.0, &minutes);
    assert_eq!((range(0.9).verdict, range(1.1).verdict), (Verdict::Fail, Verdict::NotShown));
    let band = Band { low_hz: 0.1, high_hz: 20.0, window_s: 600.0, negligible: 0.001 };
    let ruling = ruled(Rule::Spectral { band, measure: Measure::EnergyShare }, Limit::Amount(0.2), 60.0, &minutes);
    assert_eq!(ruling.verdict, Verdict::NotShown, "{ruling:?}");
    let flicker =
        ruled(Rule::Flicker { lamp: Lamp::V120Hz60, severity: Severity::Short }, Limit::Amount(1.0), 60.0, &minutes);
    assert_eq!(flicker.verdict, Verdict::NotShown);
}

#[test]
fn a_window_longer_than_the_trace_is_not_kept_by_it() {
    // Twelve seconds that rise by 5 W say nothing of what a minute may hold; what breaks a limit breaks it all the same.
    let short: Vec<f64> = (0..1200).map(|i| 50.0 + 5.0 * f64::from(i) / 1200.0).collect();
    let ramp = |limit, samples: &[f64]| {
        ruled(Rule::Ramp { up: true, window_s: 60.0 }, Limit::Amount(limit / 60.0), 0.01, samples)
    };
    let kept = ramp(10.0, &short);
    assert_eq!((kept.verdict, kept.at_least), (Verdict::NotShown, true), "{kept:?}");
    assert!(kept.why.contains("12 s"), "{kept:?}");
    assert_eq!(ramp(1.0, &short).verdict, Verdict::Fail);
    let long = [short.clone(), vec![55.0; 6000]].concat();
    assert_eq!(ramp(10.0, &long).verdict, Verdict::Pass);
}

/// The same with what would make it pass.
fn mended(rule: Rule, limit: f64, step_s: f64, samples: &[f64]) -> Ruling {
    let circumstances = Circumstances { step_s, ..Circumstances::default() };
    let judge = Judge::new(specification(rule, Limit::Amount(limit)), circumstances).with_remedies();
    ruled_by(judge, step_s, samples)
}

#[test]
fn the_least_store_of_a_step_has_the_closed_form_of_a_ramp() {
    // A step of 20 W led along a mean of T s rises by 20 / T a second: a limit of 1 W/s wants 20 s, 20 W, and the triangle
    // 20 W x 20 s / 2; half of what the step has too much, 9.5 W, is the least power of any store.
    let step: Vec<f64> = (0..20_000).map(|i| if i < 10_000 { 40.0 } else { 60.0 }).collect();
    let rule = || Rule::Ramp { up: true, window_s: 1.0 };
    let ruling = mended(rule(), 1.0, 0.01, &step);
    let remedy = ruling.remedy.clone().expect("it fails");
    let store = remedy.store.expect("a store mends it");
    assert!((store.mean_s / 20.0 - 1.0).abs() < 0.03, "{remedy:?}");
    assert!((store.power_w / 20.0 - 1.0).abs() < 0.01 && (store.energy_j / 200.0 - 1.0).abs() < 0.03, "{remedy:?}");
    assert!((remedy.at_least_w.expect("a bound") - 9.5).abs() < 1e-9, "{remedy:?}");
    assert!(remedy.words.contains("a limit of 20.0 W/s"), "{}", remedy.words);
    // Where the trace is so long that only means of several samples are kept, the same comes out.
    let long: Vec<f64> = (0..1_200_000).map(|i| if i < 600_000 { 40.0 } else { 60.0 }).collect();
    let thinned = mended(rule(), 1.0, 0.01, &long).remedy.and_then(|remedy| remedy.store).expect("a store");
    assert!((thinned.energy_j / 200.0 - 1.0).abs() < 0.04, "{thinned:?}");
    // A clause that is kept, and one whose judge was not asked, say nothing.
    assert_eq!(mended(rule(), 30.0, 0.01, &step).remedy, None);
    assert_eq!(ruled(rule(), Limit::Amount(1.0), 0.01, &step).remedy, None);
}

#[test]
fn what_a_band_has_too_much_and_the_mean_that_takes_it_out() {
    // 10 W of amplitude at 0.9 Hz: a mean of T leaves sinc(0.9 T) of it. 2 W of root mean square are 2.83 W of amplitude.
    let wave: Vec<f64> =
        (0..60_000).map(|i| 80.0 + 10.0 * libm::sin(core::f64::consts::TAU * 0.9 * f64::from(i) * 0.01)).collect();
    let band = Band { low_hz: 0.1, high_hz: 20.0, window_s: 120.0, negligible: 0.001 };
    let ruling = mended(Rule::Spectral { band, measure: Measure::Rms }, 2.0, 0.01, &wave);
    let remedy = ruling.remedy.expect("it fails");
    assert!((remedy.share.expect("a share") - (1.0 - 2.0 / libm::sqrt(50.0))).abs() < 0.01, "{remedy:?}");
    let x = core::f64::consts::PI * 0.9 * remedy.store.expect("a mean does").mean_s;
    assert!((libm::sin(x) / x - 0.2828).abs() < 0.02, "{remedy:?}");
}

#[test]
fn a_forced_oscillation_breaks_the_band_and_a_still_load_meets_it() {
    let wave = |swing: f64| -> Vec<f64> {
        (0..60_000).map(|i| 80.0 + swing * libm::sin(core::f64::consts::TAU * 0.9 * f64::from(i) * 0.01)).collect()
    };
    let band = Band { low_hz: 0.1, high_hz: 20.0, window_s: 120.0, negligible: 0.001 };
    let rule = Rule::Spectral { band, measure: Measure::LineShare };
    let ruling = ruled(rule.clone(), Limit::Amount(0.2), 0.01, &wave(10.0));
    assert_eq!(ruling.verdict, Verdict::Fail, "{ruling:?}");
    assert!(ruling.why.contains("0.9"), "{ruling:?}");
    assert_eq!(ruled(rule, Limit::Amount(0.2), 0.01, &wave(0.1)).verdict, Verdict::Pass);
}

/// The reviewers' traces: what happens at the very end, or comes back within the window, or is gamed.
#[test]
fn nothing_hides_at_the_end_of_a_trace_or_between_the_ends_of_a_window() {
    use core::f64::consts::TAU;
    let still_then = |from_s: f64, until_s: f64, step_s: f64, swing: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let count = (until_s / step_s) as usize;
        (0..count)
            .map(|i| i as f64 * step_s)
            .map(|at_s| if at_s < from_s { 80.0 } else { 80.0 + swing(at_s) })
            .collect()
    };
    let band = Band { low_hz: 0.1, high_hz: 20.0, window_s: 600.0, negligible: 0.001 };
    let late = still_then(1140.0, 1180.0, 0.005, &|at_s| 4.8 * libm::sin(TAU * at_s));
    let rms = ruled(Rule::Spectral { band, measure: Measure::Rms }, Limit::Amount(0.5), 0.005, &late);
    assert_eq!(rms.verdict, Verdict::Fail, "{rms:?}");
    let share = ruled(Rule::Spectral { band, measure: Measure::EnergyShare }, Limit::Amount(0.2), 0.005, &late);
    assert_eq!(share.verdict, Verdict::Fail, "{share:?}");
    // Ten minutes of flicker that do not begin with the trace: the same severity as alone.
    let square = |at_s: f64| if (8.8 * at_s).fract() < 0.5 { 4.5 } else { -4.5 };
    let flicker = |samples: &[f64]| {
        ruled(Rule::Flicker { lamp: Lamp::V120Hz60, severity: Severity::Short }, Limit::Amount(1.0), 0.005, samples)
    };
    let (tail, alone) =
        (flicker(&still_then(640.0, 1240.0, 0.005, &square)), flicker(&still_then(0.0, 600.0, 0.005, &square)));
    let (tail, alone) = (tail.measured.expect("measured"), alone.measured.expect("measured"));
    assert!((tail / alone - 1.0).abs() < 0.02 && alone > 0.4, "{tail} {alone}");
    // A period that divides the window.
    let second: Vec<f64> = (0..20_000).map(|i| if i % 200 < 120 { 100.0 } else { 60.0 }).collect();
    let ramp = ruled(Rule::Ramp { up: true, window_s: 1.0 }, Limit::Amount(10.0), 0.005, &second);
    assert_eq!((ramp.verdict, ramp.measured), (Verdict::Fail, Some(40.0)));
    assert!(ramp.broken.expect("counted").0 > 0.9, "{ramp:?}");
}

#[test]
fn a_line_in_watts_is_not_cured_by_more_disturbance_nor_by_a_faster_logger() {
    use core::f64::consts::TAU;
    let band = Band { low_hz: 0.1, high_hz: 20.0, window_s: 600.0, negligible: 0.001 };
    let line = |step_s: f64, slow: f64, noise: f64| {
        let mut state = 7_u64;
        let samples: Vec<f64> = (0..(620.0 / step_s) as usize)
            .map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at_s = i as f64 * step_s;
                80.0 + 4.0 * libm::sin(TAU * 0.9 * at_s)
                    + slow * libm::sin(TAU * 0.04 * at_s)
                    + noise * ((state >> 40) as f64 / f64::from(1 << 24) - 0.5)
            })
            .collect();
        let rule = Rule::Spectral { band, measure: Measure::LineAmplitude };
        ruled(rule, Limit::Amount(2.0), step_s, &samples).measured.expect("measured")
    };
    for (step_s, slow, noise) in [(0.02, 0.0, 0.0), (0.005, 12.0, 0.0), (0.001, 0.0, 1.0)] {
        let found = line(step_s, slow, noise);
        assert!((found - 4.0).abs() < 0.05, "{step_s} {slow} {noise}: {found}");
    }
}

#[test]
fn shares_need_a_rated_power_and_units_are_doubted() {
    let ruled_with = |rated_w: Option<f64>, limit: Limit| {
        let mut known = specification(Rule::Range { window_s: 1.0 }, limit);
        known.rated_w = rated_w;
        let mut judge = Judge::new(known, Circumstances { step_s: 0.01, ..Circumstances::default() });
        judge.push(Piece::Samples(&vec![80.0; 10_000]));
        let findings = Findings {
            step_s: 0.01,
            interval_s: 0.01,
            last_ns: 100_000_000_000,
            range_w: (80.0, 80.0),
            ..Findings::default()
        };
        judge.finish(&findings).1.remove(0)
    };
    assert_eq!(ruled_with(None, Limit::Share(0.1)).verdict, Verdict::NotShown);
    assert_eq!(ruled_with(None, Limit::Amount(10.0)).verdict, Verdict::Pass);
    assert_eq!(ruled_with(Some(100.0), Limit::Share(0.1)).verdict, Verdict::Pass);
    let doubtful = ruled_with(Some(100e6), Limit::Share(0.1));
    assert_eq!(doubtful.verdict, Verdict::NotShown);
    assert!(doubtful.why.contains("unit"), "{doubtful:?}");
}

#[test]
fn a_plan_that_covers_half_of_the_trace_does_not_pass_all_of_it() {
    use tieline_campus::spectrum::windows::Plan;
    let plan = Plan { steps: vec![(0.0, 80.0)], end: 1800.0 };
    let circumstances = Circumstances { step_s: 1.0, plan: Some(plan), ..Circumstances::default() };
    let mut judge = Judge::new(specification(Rule::Schedule { interval_s: 300.0 }, Limit::Amount(5.0)), circumstances);
    judge.push(Piece::Samples(&[vec![80.0; 1800], vec![20.0; 1800]].concat()));
    let findings = Findings {
        step_s: 1.0,
        interval_s: 1.0,
        last_ns: 3_600_000_000_000,
        range_w: (20.0, 80.0),
        ..Findings::default()
    };
    let ruling = judge.finish(&findings).1.remove(0);
    assert_eq!(ruling.verdict, Verdict::NotShown, "{ruling:?}");
    assert!(ruling.why.contains("6 of 12"), "{ruling:?}");
}
