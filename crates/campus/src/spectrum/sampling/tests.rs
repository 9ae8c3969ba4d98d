//! Traces as loggers leave them.
#![allow(clippy::unwrap_used)]

use super::*;

fn run(rows: &[(i64, f64)]) -> (Vec<f64>, u64, Findings) {
    let mut sampling = Sampling::new();
    let (mut samples, mut gap) = (Vec::new(), 0);
    let mut each = |piece: Piece<'_>| match piece {
        Piece::Samples(block) | Piece::Spread { even: block, .. } => samples.extend_from_slice(block),
        Piece::Gap(count) => gap += count,
    };
    for block in rows.chunks(1000) {
        sampling.push(block, &mut each).unwrap();
    }
    sampling.finish(&mut each).unwrap();
    (samples, gap, sampling.findings)
}

const MS: i64 = 1_000_000;

#[test]
fn even_rows_pass_through() {
    let rows: Vec<_> = (0..50_000).map(|i| (i * MS, i as f64)).collect();
    let (samples, gap, found) = run(&rows);
    assert_eq!((samples.len(), gap), (50_000, 0));
    assert!(samples.iter().enumerate().all(|(i, x)| *x == i as f64));
    assert_eq!((found.step_s, found.held_s, found.coverage()), (0.001, None, 1.0));
}

#[test]
fn disorder_doubles_missing_and_gaps_are_told_apart() {
    let mut rows: Vec<_> = (0..30_000).map(|i| (i * 10 * MS, (i % 997) as f64)).collect();
    rows.swap(100, 101);
    rows.insert(500, rows[499]);
    rows[700].1 = f64::NAN;
    rows.drain(10_000..10_500);
    rows.push((5, 1.0));
    rows.insert(20_000, (i64::MAX / 2, 3.0));
    let (samples, gap, found) = run(&rows);
    assert_eq!((found.disordered, found.doubled, found.missing, found.bridged), (3, 1, 1, 1));
    assert_eq!((found.gaps, gap, found.late, found.slipped), (1, 500, 1, 1));
    assert_eq!(samples.len() as u64 + gap, 30_000);
    assert!((found.gap_s - 5.0).abs() < 1e-9);
}

#[test]
fn a_sensor_that_is_read_three_times_as_often_as_it_changes_is_found_out() {
    let rows: Vec<_> = (0..30_000).map(|i| (i * 10 * MS, ((i / 3 * 7919) % 1009) as f64)).collect();
    let (_, _, found) = run(&rows);
    assert!((found.held_s.unwrap() - 0.03).abs() < 0.001, "{found:?}");
    let square: Vec<_> = (0..30_000).map(|i| (i * 10 * MS, f64::from(u8::from(i / 500 % 2 == 0)))).collect();
    assert_eq!(run(&square).2.held_s, None, "a drawn square wave repeats and says nothing about a sensor");
}

#[test]
fn readings_of_a_single_instant_are_refused() {
    for rows in [vec![], vec![(5, 1.0)], vec![(5, 1.0); 20_000]] {
        let mut sampling = Sampling::new();
        let mut each = |_: Piece<'_>| panic!("nothing can be placed");
        let pushed = sampling.push(&rows, &mut each).and_then(|()| sampling.finish(&mut each));
        assert_eq!(pushed, Err(Unusable::TooFew));
    }
}

#[test]
fn stamps_of_whole_seconds_are_spread() {
    let rows: Vec<_> = (0..5000).map(|i| (i / 10 * 1000 * MS, i as f64)).collect();
    let (samples, _, found) = run(&rows);
    assert!(found.spread);
    assert_eq!((samples.len(), found.step_s), (5000, 0.1));
    assert!(samples.iter().enumerate().all(|(i, x)| (*x - i as f64).abs() < 1e-6));
}

#[test]
fn readings_faster_than_the_least_step_are_averaged() {
    let rows: Vec<_> = (0..40_000).map(|i| (i * MS / 10, (i % 5) as f64)).collect();
    let (samples, _, found) = run(&rows);
    assert_eq!((samples.len(), found.step_s), (8000, 0.0005));
    assert!(samples.iter().all(|x| *x == 2.0));
}

/// Even samples with their extremes, and what was found.
fn extremes(rows: &[(i64, f64)]) -> (Vec<[f64; 3]>, Findings) {
    let mut sampling = Sampling::new();
    let mut samples = Vec::new();
    let mut each = |piece: Piece<'_>| match piece {
        Piece::Samples(block) => samples.extend(block.iter().map(|x| [*x; 3])),
        Piece::Spread { even, least, most } => {
            samples.extend(even.iter().zip(least).zip(most).map(|((x, a), b)| [*x, *a, *b]));
        }
        Piece::Gap(_) => {}
    };
    for block in rows.chunks(30_000) {
        sampling.push(block, &mut each).unwrap();
    }
    sampling.finish(&mut each).unwrap();
    (samples, sampling.findings)
}

/// Numbers that look drawn, 0 to 1.
fn noise(i: i64) -> f64 {
    let x = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / (1 << 24) as f64
}

#[test]
fn readings_between_samples_are_kept_as_extremes_and_means() {
    // 10 ms readings, and once in a while five between two of them, down to 40.
    let mut rows = Vec::new();
    for i in 0..30_000_i64 {
        rows.push((i * 10 * MS, 90.0 + noise(i)));
        if i % 1500 == 7 {
            rows.extend((1..=4).map(|j| (i * 10 * MS + 2 * j * MS, if j == 2 { 40.0 } else { 70.0 })));
        }
    }
    let (samples, found) = extremes(&rows);
    assert_eq!((samples.len(), found.step_s, found.interval_s), (30_000, 0.01, 0.01));
    assert_eq!(samples.iter().filter(|[_, least, _]| *least == 40.0).count(), 20);
    let [mean, _, most] = samples[8];
    assert!((65.0..75.0).contains(&mean) && most > 90.0, "{mean} {most}");
    assert_eq!((found.doubts.len(), found.coverage()), (0, 1.0));
}

#[test]
fn bursts_of_faster_readings_choose_a_finer_step_or_are_a_doubt() {
    // A second of 10 ms readings in every thirty of 100 ms.
    let burst = |second: i64| if second % 30 == 3 { 100 } else { 10 };
    let second = |s: i64| (0..burst(s)).map(move |i| (s * 1000 * MS + i * 1000 * MS / burst(s), noise(s * 1000 + i)));
    let mut rows: Vec<_> = (0..2000).flat_map(second).collect();
    let (_, found) = extremes(&rows);
    assert_eq!((found.step_s, found.interval_s, found.coverage()), (0.01, 0.1, 1.0));
    assert_eq!(found.doubts, Vec::<String>::new());
    // The rate rises only after the first rows.
    rows = (0..40_000).map(|i| (i * 100 * MS, noise(i))).collect();
    let end = rows.last().unwrap().0;
    rows.extend((1..10_000).map(|i| (end + i * 10 * MS, noise(i))));
    let (_, found) = extremes(&rows);
    assert_eq!(found.step_s, 0.1);
    assert!(found.doubts[0].contains("more than twice as often"), "{:?}", found.doubts);
}

#[test]
fn a_clock_set_back_loses_no_row() {
    for back in [20, 24_000_i64, 70_000] {
        let rows: Vec<_> =
            (0..150_000_i64).map(|i| ((if i < 80_000 { i } else { i - back }) * 5 * MS, 90.0 + noise(i))).collect();
        let (samples, gap, found) = run(&rows);
        assert_eq!((found.set_back, found.late, found.doubled, gap), (1, 0, 0, 1), "{back}: {found:?}");
        assert_eq!(samples.len(), 150_000);
        assert!(samples.iter().zip(&rows).all(|(sample, row)| *sample == row.1));
        assert!(found.remarks[0].contains(&format!("by {:.3} s", back as f64 * 0.005)), "{:?}", found.remarks);
    }
}

#[test]
fn an_hour_of_autumn_comes_twice_also_in_a_short_log() {
    // 1:55 to 2:00, then 1:00 to 1:15, a reading a second.
    let of_day = (6900..7200).chain(3600..4500);
    let rows: Vec<_> = of_day.enumerate().map(|(i, s)| (s * 1000 * MS, noise(i as i64))).collect();
    let (samples, gap, found) = run(&rows);
    assert_eq!((samples.len(), gap, found.set_back), (1200, 1, 1));
}

#[test]
fn the_same_rows_again_are_harmless_and_a_file_that_starts_over_is_asked_about() {
    let once: Vec<_> = (0..40_000).map(|i| (i * 5 * MS, noise(i))).collect();
    let mut rows = once.clone();
    rows.extend_from_slice(&once[39_000..]);
    rows.extend((40_000..50_000).map(|i| (i * 5 * MS, noise(i))));
    let (samples, gap, found) = run(&rows);
    assert_eq!((samples.len(), gap, found.doubled, found.differing), (50_000, 0, 1000, 0));
    assert_eq!(found.doubts, Vec::<String>::new());
    rows = once;
    rows.extend((0..40_000).map(|i| (i * 5 * MS, 5.0 + noise(i))));
    let mut sampling = Sampling::new();
    assert_eq!(sampling.push(&rows, &mut |_| {}), Err(Unusable::StartsOver(40_001)));
}

#[test]
fn every_row_twice_is_doubled_and_two_devices_are_asked_about() {
    let doubled: Vec<_> = (0..40_000).map(|i| (i / 2 * 1000 * MS, noise(i / 2))).collect();
    let (samples, _, found) = run(&doubled);
    assert_eq!((samples.len(), found.doubled, found.spread, found.differing), (20_000, 20_000, false, 0));
    for stamp_ms in [10, 1000] {
        let rows: Vec<_> = (0..40_000).map(|i| (i / 2 * stamp_ms * MS, 100.0 * (i % 2) as f64 + noise(i))).collect();
        let pushed = Sampling::new().push(&rows, &mut |_| {});
        assert!(matches!(pushed, Err(Unusable::Several { rows: 2, .. })), "{stamp_ms} ms: {pushed:?}");
    }
    // A single other reading under one stamp is no device; it counts as an extreme.
    let mut rows: Vec<_> = (0..40_000).map(|i| (i * 10 * MS, noise(i))).collect();
    rows.insert(101, (1000 * MS, 7.0));
    let (samples, found) = extremes(&rows);
    assert_eq!((samples[101][2], found.differing, found.doubts.len(), found.range_w.1), (7.0, 1, 0, 7.0));
}

#[test]
fn a_sensor_that_stands_still_is_not_measured() {
    let still: Vec<_> = (0..30_000).map(|i| (i * 5 * MS, 90.0)).collect();
    let (_, _, found) = run(&still);
    assert!(found.doubts[0].contains("one value") && found.unknown_update, "{found:?}");
    let frozen = (0..30_000).map(|i| (i * 5 * MS, if (3000..28_000).contains(&i) { 90.5 } else { 90.0 + noise(i) }));
    let (_, _, found) = run(&frozen.collect::<Vec<_>>());
    assert!((found.frozen_s - 125.0).abs() < 0.1 && found.coverage() < 0.2, "{found:?}");
    // Plateaus that come again and again are the load's.
    let plateaus: Vec<_> = (0..30_000).map(|i| (i * 5 * MS, if i % 1000 < 700 { 80.0 } else { noise(i) })).collect();
    assert_eq!(run(&plateaus).2.frozen_s, 0.0);
    // Few levels, held for a second each: whose are they?
    let held: Vec<_> = (0..30_000).map(|i| (i * 5 * MS, (noise(i / 200) * 7.0).floor())).collect();
    let (_, _, found) = run(&held);
    assert_eq!((found.held_s, found.unknown_update), (None, true));
    assert!(!run(&(0..30_000).map(|i| (i * 5 * MS, noise(i))).collect::<Vec<_>>()).2.unknown_update);
}

#[test]
fn jitter_is_no_hole_and_a_lost_row_is() {
    let jitter: Vec<_> = (0..60_000).map(|i| (i * 5 * MS + (noise(i) * 5e6) as i64, noise(i + 7))).collect();
    let (_, found) = extremes(&jitter);
    assert!(found.coverage() > 0.995, "{}", found.coverage());
    let lossy: Vec<_> = (0..60_000).filter(|i| i % 100 != 50).map(|i| (i * 5 * MS, noise(i))).collect();
    assert!((run(&lossy).2.coverage() - 0.99).abs() < 1e-4);
}

#[test]
fn newest_first_is_turned_round_and_a_local_shuffle_is_put_in_order() {
    let rows: Vec<_> = (0..100_000).map(|i| (i * 5 * MS, noise(i))).collect();
    let (samples, gap, found) = run(&rows.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!((samples.len(), gap, found.disordered, found.doubts.len()), (100_000, 0, 0, 0));
    assert!(samples.iter().zip(&rows).all(|(sample, row)| *sample == row.1));
    let mut shuffled = rows.clone();
    shuffled.chunks_mut(100).for_each(|block| block.sort_by(|a, b| a.1.total_cmp(&b.1)));
    let (samples, _, _) = run(&shuffled);
    assert!(samples.iter().zip(&rows).all(|(sample, row)| *sample == row.1));
}

#[test]
fn monthly_readings_are_no_slips() {
    let rows: Vec<_> = (0..100).map(|i| (i * 2_629_800 * 1000 * MS, noise(i))).collect();
    let (samples, _, found) = run(&rows);
    assert_eq!((samples.len(), found.slipped, found.rows), (100, 0, 100));
}
