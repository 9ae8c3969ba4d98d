//! The measures on a power series against closed forms and the standard's own table; the judge on waveforms that are known.

use tieline_campus::specification::{
    Band, Circumstances, Clause, Connection, Evidence, Judge, Limit, Rule, Ruling, Specification, Verdict,
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
    let mut judge = Judge::new(specification(rule, limit), circumstances);
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
    let ruling = ruled(Rule::Band(band), Limit::Amount(0.2), 60.0, &minutes);
    assert_eq!(ruling.verdict, Verdict::NotShown, "{ruling:?}");
    let flicker = ruled(Rule::Flicker { lamp: Lamp::V120Hz60 }, Limit::Amount(1.0), 60.0, &minutes);
    assert_eq!(flicker.verdict, Verdict::NotShown);
}

#[test]
fn a_forced_oscillation_breaks_the_band_and_a_still_load_meets_it() {
    let wave = |swing: f64| -> Vec<f64> {
        (0..60_000).map(|i| 80.0 + swing * libm::sin(core::f64::consts::TAU * 0.9 * f64::from(i) * 0.01)).collect()
    };
    let band = Band { low_hz: 0.1, high_hz: 20.0, window_s: 120.0, negligible: 0.001 };
    let rule = Rule::Component(band);
    let ruling = ruled(rule.clone(), Limit::Amount(0.2), 0.01, &wave(10.0));
    assert_eq!(ruling.verdict, Verdict::Fail, "{ruling:?}");
    assert!(ruling.why.contains("0.9"), "{ruling:?}");
    assert_eq!(ruled(rule, Limit::Amount(0.2), 0.01, &wave(0.1)).verdict, Verdict::Pass);
}
