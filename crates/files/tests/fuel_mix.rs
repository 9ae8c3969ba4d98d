//! EIA-930 generation by fuel: what is read, what is a gap, what is refused.

use std::path::PathBuf;
use tieline_files::eia930::fuel_mix::read;

fn day(change: impl Fn(usize, String) -> String) -> String {
    let rows: String = (0..24)
        .map(|hour| change(hour, format!("2022-05-01 {hour:02}:00:00+00:00,100,{},3000,9000,5.5\n", hour * 10)))
        .collect();
    format!("timestamp,WND,SUN,NUC,NG,avg_CI\n{rows}")
}

#[test]
fn fuels_come_out_in_watts_and_gaps_stay_gaps() {
    let text = day(|hour, row| match hour {
        5 => row.replace(",3000,", ",,"),
        9 => "2022-05-01 09:00:00+00:00,1,1,0,0,5\n".to_owned(),
        12 => row.replace(",3000,", ",4600,"),
        17 => String::new(),
        _ => row,
    });
    let mix = read("day.csv", text.as_bytes()).expect("reads");
    let names: Vec<&str> = mix.fuels.iter().map(|(fuel, _)| fuel.as_str()).collect();
    assert_eq!((names, mix.unread), (vec!["WND", "SUN", "NUC", "NG"], vec!["avg_CI".to_owned()]));
    let gas = mix.fuels[3].1.values();
    assert_eq!((gas.len(), gas[0]), (24, 9000e6));
    assert!(gas[5] == 9000e6 && mix.fuels[2].1.values()[5].is_nan(), "one cell is one gap");
    for hour in [9, 12, 17] {
        assert!(gas[hour].is_nan(), "hour {hour}");
    }
    let lines: Vec<u64> = mix.gaps.iter().map(|gap| gap.line).collect();
    // The hour without a line is told at the line at which the stamps go on.
    assert_eq!(lines, [7, 11, 14, 19], "{:?}", mix.gaps);
}

#[test]
fn what_cannot_be_placed_is_refused_with_its_line() {
    for (text, wanted) in [
        (day(|_, row| row).replace("WND,SUN,NUC,NG", "a,b,c,d"), "day.csv: line 1: found no fuel"),
        (day(|hour, row| if hour == 3 { row.replace(",9000", "") } else { row }), "day.csv: line 5: found 5 columns"),
        (
            day(|hour, row| if hour == 3 { row.replace("03:00:00", "01:00:00") } else { row }),
            "day.csv: line 5: found stamp",
        ),
        (day(|hour, row| if hour == 3 { row.replace("2022", "soon") } else { row }), "day.csv: line 5: found stamp"),
        ("timestamp,NUC\n".to_owned(), "no data rows"),
        (day(|_, row| row).replace("WND,SUN", "NG,SUN"), "day.csv: line 1: column NG stands twice"),
        // Lines beyond the limit were left out without a word.
        (day(|_, row| row) + &"\n".repeat(500_000), "line 500001: more than 500000 lines"),
    ] {
        let told = read("day.csv", text.as_bytes()).expect_err("refused");
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[test]
fn the_published_year_loses_its_known_faults() {
    let folder = std::env::var_os("TIELINE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    let path = folder.join("dcrl_weather_genmix/data/CarbonIntensity/PJM_NG_&_avgCI.csv.gz");
    let Ok(file) = std::fs::File::open(path) else {
        println!("skipped: needs dcrl_weather_genmix");
        return;
    };
    let mix = read("pjm", file).expect("reads");
    assert_eq!(mix.fuels.len(), 8);
    // The faults that come with the data: 24 h too high, 5 h near zero, cells of 23 h empty, 144 h held out.
    let told = |part: &str| mix.gaps.iter().filter(|gap| gap.reason.contains(part)).count();
    assert_eq!((told("nuclear"), told("falls away"), told("no number"), told("no line")), (24, 5, 23, 1));
    assert!(mix.gaps.iter().any(|gap| gap.hours == 144), "the days held out are one gap");
    // Nuclear falls to half its output for single hours and comes back: kept, and told.
    let half: Vec<(u64, f64)> = mix
        .suspects
        .iter()
        .filter(|suspect| suspect.fuel == "NUC" && suspect.mw < 0.7 * suspect.around_mw)
        .map(|suspect| (suspect.line, suspect.mw))
        .collect();
    assert_eq!(half, [(992, 16_014.0), (995, 16_015.0), (1_015, 16_006.0)]);
    assert!(mix.suspects.len() < 12, "{:?}", mix.suspects);
}
