//! Cases of a dispatch: what reads, and that every mistake is named at once.

use std::io::{self, Read};
use tieline_files::dispatch::{Case, Settings, builtin, builtin_names, read};
use tieline_files::scenario::Mistakes;
use tieline_grid::dispatch::Ends;

fn with(text: &str, csv: &'static str) -> Result<Case, Mistakes> {
    read("case", text, &Settings::default(), &mut |name| {
        assert_eq!(name, "s.csv");
        Ok(Box::new(csv.as_bytes()) as Box<dyn Read>)
    })
}

const HEAD: &str = "schema = 1\nname = \"a\"\ntitle = \"a\"\nstart = \"2026-01-01T00:00:00Z\"\nhours = 2\nseries = \"s.csv\"\n\
    shed_price = \"2000 $/MWh\"\nsource = \"guess: test\"\n[[zone]]\nname = \"n\"\nload = \"n_mw\"\nflat = \"5 MW\"\n";

#[test]
fn the_built_in_ones_read_and_have_nothing_to_complain_about() {
    for name in builtin_names() {
        let text = builtin(name).expect("built in");
        let case = read(name, text, &Settings::default(), &mut |_| Err(io::Error::other("no file"))).expect("reads");
        assert_eq!(case.name, name);
        assert_eq!(case.problem.complaints(), Vec::<String>::new());
        let other = read(name, text, &Settings { seed: Some(2), ..Settings::default() }, &mut |_| {
            Err(io::Error::other("no file"))
        })
        .expect("reads");
        assert_ne!(case.problem.profiles, other.problem.profiles, "the seed changes the luck");
    }
}

#[test]
fn columns_units_and_defaults_arrive_in_si() {
    let text = format!(
        "{HEAD}[[unit]]\nname = \"u\"\nclass = \"gas\"\nzone = \"n\"\ncapacity = \"100 MW\"\ncost = \"36 $/MWh\"\nprofile = \"p\"\n\
         emissions_kg_per_mwh = 360\n[[store]]\nname = \"s\"\nzone = \"n\"\npower = \"10 MW\"\nenergy = \"20 MWh\"\n\
         charge_efficiency = \"90 %\"\ndischarge_efficiency = \"80 %\"\nfirst = \"1 MWh\"\nlast = \"2 MWh\"\nloss = \"1 %\"\n"
    );
    let case = with(&text, "utc,n_mw,p\nx,10,0.5\ny,20,1\n").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let problem = &case.problem;
    assert_eq!(problem.zones.load_w, [15e6, 25e6]);
    assert_eq!((problem.available_w(0, 0), problem.available_w(1, 0)), (50e6, 100e6));
    assert!((problem.units.cost_usd_per_j[0] - 1e-8).abs() < 1e-20);
    assert!((problem.units.kg_per_j[0] - 1e-7).abs() < 1e-19);
    assert_eq!(problem.stores.ends[0], Ends::Fixed { first_j: 3.6e9, last_j: 7.2e9 });
    assert_eq!((problem.stores.charge_w[0], problem.stores.keep[0]), (10e6, 0.99));
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = format!(
        "{HEAD}[[zone]]\nname = \"n\"\nshape = \"pjm\"\n[[unit]]\nname = \"u\"\nclass = \"gas\"\nzone = \"nn\"\ncapacity = 5\n\
         cost = \"36 $/MWh\"\nprofile = \"q\"\noutage = \"5 %\"\n[[unit]]\nname = \"w\"\nclass = \"gas\"\nzone = \"n\"\n\
         capacity = \"5 MW\"\ncost = \"36 $/MWh\"\nsize = \"1 MW\"\n[[link]]\nname = \"l\"\nfrom = \"n\"\nto = \"n\"\nlimit = \"1 MW\"\n"
    );
    let mistakes = with(&text, "n_mw,p\n1,2\n3,4\n").expect_err("it is full of mistakes");
    let keys: Vec<&str> = mistakes.list.iter().map(|mistake| mistake.key.as_str()).collect();
    for key in [
        "zone[1].name",
        "zone[1].shape",
        "unit[0].zone",
        "unit[0].capacity",
        "unit[0].profile",
        "unit[0].outage",
        "unit[1].size",
        "link[0].to",
    ] {
        assert!(keys.contains(&key), "{key} is not among {keys:?}");
    }
}

#[test]
fn a_broken_csv_is_named_with_its_line() {
    for (csv, words) in [
        ("n_mw\n1\nx\n", "\"x\" in line 3"),
        ("n_mw\n1\n", "1 rows"),
        ("n_mw\n1,2\n3\n", "2 values in line 2"),
        ("n_mw\n1\n-3\n", "-3 in hour 1"),
        ("m_mw\n1\n2\n", "\"n_mw\""),
        ("", "0 rows"),
    ] {
        let mistakes = with(HEAD, csv).expect_err(words);
        assert!(mistakes.to_string().contains(words), "{words} is not in {mistakes}");
    }
}

#[test]
fn mistakes_of_fleets_campuses_and_tariffs_are_named_with_their_line() {
    let text = "schema = 1\nname = \"a\"\ntitle = \"a\"\nstart = \"2026-01-01T00:00:00Z\"\nhours = 2\nshed_price = \"9000 $/MWh\"\n\
        source = \"guess: test\"\n[[zone]]\nname = \"n\"\nflat = \"5 MW\"\ngrowth = \"1 %\"\n\
        [[unit]]\nname = \"u\"\nclass = \"gas\"\nzone = \"n\"\ncapacity = \"5 MW\"\ncost = \"36 $/MWh\"\nmover = \"steam\"\nrepair = \"40 h\"\n\
        [[unit]]\nname = \"v\"\nclass = \"gas\"\nzone = \"n\"\ncapacity = \"5 MW\"\ncost = \"36 $/MWh\"\nmover = \"stream\"\nrepair = \"40 h\"\n\
        [[campus]]\nname = \"c\"\nzone = \"n\"\npower = \"3 MW\"\ntariff = \"pmj\"\n\
        [[campus.tier]]\ndepth = \"60 %\"\nprice = \"50 $/MWh\"\n[[campus.tier]]\ndepth = \"60 %\"\nprice = \"40 $/MWh\"\n\
        [[tariff]]\nname = \"pjm\"\ndemand_per_kw_month = \"9 $\"\n";
    let mistakes = with(text, "").expect_err("it is full of mistakes");
    let said = mistakes.to_string();
    for (key, line, words) in [
        ("zone[0].growth", 11, "one of growth and peak_year"),
        ("unit[0].mover", 18, "a zone without a climate"),
        ("unit[1].mover", 26, "did you mean \"steam\"?"),
        ("campus[0].tariff", 32, "did you mean \"pjm\"?"),
    ] {
        let found = mistakes.list.iter().find(|mistake| mistake.key == key);
        assert_eq!(found.map(|mistake| mistake.line), Some(line), "{key} in {said}");
        assert!(said.contains(words), "{words} is not in {said}");
    }
    assert!(said.contains("give up more than") && said.contains("cheaper than the one before"), "{said}");
}

#[test]
fn a_unit_more_leaves_the_luck_of_the_others_as_it_was() {
    let head =
        HEAD.replace("series = \"s.csv\"\n", "").replace("load = \"n_mw\"\n", "").replace("hours = 2", "hours = 400");
    let unit = |name: &str, rest: &str| {
        format!(
            "[[unit]]\nname = \"{name}\"\nclass = \"c\"\nzone = \"n\"\ncapacity = \"10 MW\"\ncost = \"9 $/MWh\"\n{rest}\n"
        )
    };
    let sun = unit("sun", "shape = \"sun\"");
    let gas = unit("gas", "outage = \"20 %\"\nrepair = \"20 h\"\nplanned = \"10 %\"");
    let read = |text: String| {
        let case = with(&text, "").unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let problem = case.problem;
        let of = |name: &str| {
            let unit = problem.units.name.iter().position(|known| known == name).expect("a unit");
            (0..400).map(|hour| problem.available_w(hour, unit)).collect::<Vec<f64>>()
        };
        (of("sun"), of("gas"))
    };
    let before = read(format!("{head}{sun}{gas}"));
    let after = read(format!("{head}{}{gas}{sun}", unit("new", "outage = \"20 %\"\nrepair = \"20 h\"")));
    assert!(before == after, "a unit more, and another order, redraw the luck of the others");
    assert!(before.1.contains(&0.0), "gas has luck at all");
}

#[test]
fn a_series_may_be_cut_to_hours_within_it_and_not_beyond() {
    let csv = "utc,n_mw\n2026-01-01T00:00:00Z,10\n2026-01-01T01:00:00Z,20\n";
    let start = tieline_units::Utc::parse("2026-01-01T01:00:00Z").expect("valid");
    let asked = |hours: usize| {
        let settings = Settings { window: Some((start, hours, tieline_units::Span::ZERO)), ..Settings::default() };
        read("case", HEAD, &settings, &mut |_| Ok(Box::new(csv.as_bytes()) as Box<dyn Read>))
    };
    let case = asked(1).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(case.problem.zones.load_w, [25e6]);
    let said = asked(2).expect_err("beyond its end").to_string();
    assert!(said.contains("hours within the series"), "{said}");
    let late = csv.replace("01T01:00", "01T02:00");
    let said = with(HEAD, Box::leak(late.into_boxed_str())).expect_err("an hour is missing").to_string();
    assert!(said.contains("one row an hour, 2 from start"), "{said}");
}

#[test]
fn machines_of_a_unit_arrive_with_what_commitment_asks() {
    let unit = |more: &str| {
        let text = format!(
            "{HEAD}[[unit]]\nname = \"u\"\nclass = \"gas\"\nzone = \"n\"\ncapacity = \"1 GW\"\ncost = \"36 $/MWh\"\nsize = \"250 MW\"\n{more}"
        );
        with(&text, "n_mw\n10\n20\n")
    };
    let text =
        "least = \"100 MW\"\nstart_cost = \"5000 $\"\nleast_up = \"90 min\"\noutage = \"10 %\"\nrepair = \"50 h\"\n";
    let case = unit(text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let machines = case.problem.machines(0).expect("machines");
    assert_eq!((machines.count, machines.least, machines.start_usd), (4, 0.4, 5000.0));
    // Steps are hours: what is begun of one counts.
    assert_eq!((machines.least_up, machines.least_down), (2, 0));
    assert_eq!(case.problem.machines_there(0, 0), (case.problem.available_w(0, 0) / 250e6).round() as u32);
    let plain = unit("outage = \"10 %\"\nrepair = \"50 h\"\n").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(plain.problem.machines(0), None, "nothing says that they are on or off");
    assert_eq!(plain.problem.profiles[0], case.problem.profiles[case.problem.units.profile[0].expect("a profile")]);
    let mistakes = unit("least = \"251 MW\"\n").expect_err("more than a machine gives").to_string();
    assert!(mistakes.contains("one of its 4 machines gives, 250.000 MW"), "{mistakes}");
}
