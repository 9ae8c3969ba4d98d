//! RTS-GMLC folders: what is read, what is said about folders that are broken, and the project's own MATPOWER copy.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use tieline_files::rts_gmlc::{Drive, Mistakes, System, read, zones};
use tieline_files::{dispatch, matpower};
use tieline_grid::network::Cost;
use tieline_grid::network::direct::Convention;
use tieline_grid::network::optimum::{self, Outcome};
use tieline_sim::results::Table;
use tieline_units::Utc;

/// A folder of three buses, drawn for this test.
fn folder() -> BTreeMap<&'static str, String> {
    let bus = "Bus ID,Bus Name,BaseKV,Bus Type,MW Load,MVAR Load,V Mag,V Angle,MW Shunt G,MVAR Shunt B,Area\n\
        1,One,138,Ref,0,0,1.02,0,0,0,1\n2,Two,138,PV,60,10,1,0,0,0,1\n3,Three,138,PQ,40,10,1,0,0,5,1\n";
    let branch = "UID,From Bus,To Bus,R,X,B,Cont Rating,LTE Rating,Tr Ratio\n\
        A,1,2,0.01,0.1,0.02,80,90,0\nB,2,3,0.01,0.1,0.02,80,90,1.02\nC,1,3,0.01,0.2,0.02,0,0,0\n";
    let header = "GEN UID,Bus ID,Unit Type,Category,MW Inj,MVAR Inj,V Setpoint p.u.,PMax MW,PMin MW,QMax MVAR,QMin MVAR,\
        Min Down Time Hr,Min Up Time Hr,Ramp Rate MW/Min,Start Heat Cold MBTU,Start Heat Warm MBTU,Start Heat Hot MBTU,\
        Start Time Cold Hr,Start Time Warm Hr,Non Fuel Start Cost $,FOR,MTTF Hr,MTTR Hr,Fuel Price $/MMBTU,Output_pct_0,\
        Output_pct_1,Output_pct_2,HR_avg_0,HR_incr_1,HR_incr_2,VOM,Emissions CO2 Lbs/MMBTU";
    let units = format!(
        "{}\n1_CC_1,1,CC,Gas CC,70,0,1.02,100,40,50,-50,4,8,2,300,200,100,8,4,50,0.03,900,30,4,0.4,0.7,1,8000,7000,9000,0,118\n\
         2_WIND_1,2,WIND,Wind,0,0,1,50,0,0,0,0,0,50,0,0,0,0,0,0,0,0,0,0,0,0,NA,0,0,NA,0,0\n",
        header.replace("        ", "")
    );
    let hours = |column: &str, value: f64| {
        let rows: String = (1..=24).map(|hour| format!("2020,1,1,{hour},{}\n", value + f64::from(hour))).collect();
        format!("Year,Month,Day,Period,{column}\n{rows}")
    };
    let day: String = (1..=24).map(|hour| format!(",{hour}")).collect();
    BTreeMap::from([
        ("SourceData/bus.csv", bus.to_owned()),
        ("SourceData/branch.csv", branch.to_owned()),
        ("SourceData/gen.csv", units),
        ("SourceData/dc_branch.csv", "UID,From Bus,To Bus,MW Load\nDC1,1,3,10\n".to_owned()),
        ("SourceData/storage.csv", "GEN UID,Storage,Max Volume GWh,Initial Volume GWh\n".to_owned()),
        (
            "SourceData/reserves.csv",
            "Reserve Product,Timeframe (sec),Requirement (MW),Eligible Regions,Direction\nReg_Up,300,5,\"(1,2)\",Up\n"
                .to_owned(),
        ),
        (
            "SourceData/timeseries_pointers.csv",
            "Simulation,Category,Object,Parameter,Scaling Factor,Data File\n\
             DAY_AHEAD,Area,1,MW Load,1,../series/load.csv\n\
             DAY_AHEAD,Generator,2_WIND_1,PMax MW,1,../series/wind.csv\n\
             DAY_AHEAD,Reserve,Reg_Up,Requirement,1,../series/reserve.csv\n\
             REAL_TIME,Area,1,MW Load,1,../series/none.csv\n"
                .to_owned(),
        ),
        ("series/load.csv", hours("1", 100.0)),
        ("series/wind.csv", hours("2_WIND_1", 10.0)),
        ("series/reserve.csv", format!("Year,Month,Day{day}\n2020,1,1{day}\n")),
    ])
}

fn read_folder(files: &BTreeMap<&'static str, String>) -> Result<System, Mistakes> {
    read("three", &mut |path| match files.get(path) {
        Some(text) => Ok(Box::new(io::Cursor::new(text.clone().into_bytes())) as Box<dyn Read>),
        None => Err(io::Error::from(io::ErrorKind::NotFound)),
    })
}

#[test]
fn a_small_folder_comes_out_in_si() {
    let system = read_folder(&folder()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let network = &system.network;
    assert_eq!((network.bus_count(), system.hours, system.first_day), (3, 24, (2020, 1, 1)));
    assert_eq!(network.branches.rating_va, [80e6, 80e6, f64::INFINITY]);
    assert_eq!(network.branches.tap, [1.0, 1.02, 1.0]);
    // 40 MW at 8,000 BTU/kWh and 4 $/MMBTU: 1,280 $/h; 30 MW more at 7,000: 840; 30 more at 9,000: 1,080.
    assert_eq!(
        network.generators.cost[0],
        Some(Cost::Piecewise(vec![(40.0, 1280.0), (70.0, 2120.0), (100.0, 3200.0)]))
    );
    let unit = &system.units[0];
    assert_eq!((unit.drive, unit.least_up_s, unit.start_usd), (Drive::Fuel, 8.0 * 3600.0, [450.0, 850.0, 1250.0]));
    assert!((unit.ramp_w_per_s - 2e6 / 60.0).abs() < 1e-6);
    assert_eq!(network.generators.in_service, [true, false], "without an hour, wind is out of service");
    // Hour 5: 105 MW by the shares of 60 and 40 MW; 15 MW of wind.
    let now = system.at(4);
    assert!((now.buses.load_w[1] - 63e6).abs() < 1.0 && (now.buses.load_w[2] - 42e6).abs() < 1.0);
    assert_eq!((now.generators.in_service[1], now.generators.most_w[1]), (true, 15e6));
    assert_eq!(system.reserves[0].needed_w[23], 24e6);
    assert_eq!((system.links[0].most_w, system.remarks.len()), (10e6, 2));
}

#[test]
fn every_mistake_is_told_with_file_and_line() {
    let mut files = folder();
    for (file, from, to) in [
        ("SourceData/bus.csv", "2,Two,138,PV", "2,Two,138,PX"),
        ("SourceData/branch.csv", "B,2,3,", "B,2,7,"),
        ("SourceData/gen.csv", "1,CC,Gas CC,70,", "1,CC,Gas CC,seventy,"),
        ("SourceData/reserves.csv", "Up\n", "Sideways\n"),
        ("SourceData/timeseries_pointers.csv", "2_WIND_1", "2_WIND_9"),
        ("series/load.csv", "1,1,7,", "1,1,8,"),
    ] {
        let text = files[file].replacen(from, to, 1);
        assert_ne!(text, files[file], "{file} has {from}");
        files.insert(file, text);
    }
    let told = read_folder(&files).expect_err("broken").to_string();
    for wanted in [
        "SourceData/bus.csv:3: found Bus Type \"PX\"",
        "SourceData/branch.csv:3: To Bus names bus 7, which bus.csv does not have",
        "SourceData/gen.csv:2: found \"seventy\" in column MW Inj, expected a number",
        "SourceData/reserves.csv:2: found Direction \"Sideways\"",
        "SourceData/timeseries_pointers.csv:3: names 2_WIND_9, for which series/wind.csv has no column",
        "series/load.csv:8: found 2020-01-01 period 8, expected hour 6",
    ] {
        assert!(told.contains(wanted), "{wanted}\nin\n{told}");
    }
}

/// Each of these was read in silence, as something else than it says.
#[test]
fn doubles_and_words_that_would_count_as_nothing_are_told() {
    let swapped = |text: &str| text.replacen("Year,Month,Day,1,2,", "Year,Month,Day,2,1,", 1);
    for (file, from, to, wanted) in [
        (
            "SourceData/bus.csv",
            "MW Load,MVAR Load",
            "MW Load,MW Load",
            "bus.csv:1: column \"MW Load\" stands twice, as column 5 and 6",
        ),
        ("SourceData/branch.csv", "B,2,3", "A,2,3", "branch.csv:3: UID A stands here a second time, in line 2 already"),
        ("SourceData/gen.csv", ",0,118", ",much,118", "gen.csv:2: found \"much\" in column VOM, expected a number"),
        ("SourceData/gen.csv", ",9000,0,118", ",NA,0,118", "gen.csv:2: found Output_pct_2 without HR_incr_2"),
        ("SourceData/gen.csv", "WIND,Wind", "Wind,Wind", "gen.csv:3: found Unit Type \"Wind\", expected WIND"),
        (
            "SourceData/storage.csv",
            "Initial Volume GWh\n",
            "Initial Volume GWh\n2_WIND_1,TANK,1,2\n",
            "storage.csv:2: found Max Volume 1 and Initial Volume 2 GWh",
        ),
        ("SourceData/reserves.csv", "(1,2)", "(1,two)", "reserves.csv:2: found Eligible Regions \"1,two\""),
        (
            "SourceData/timeseries_pointers.csv",
            "DAY_AHEAD,Reserve,Reg_Up",
            "DAY_AHEAD,Area,1,MW Load,1,../series/wind.csv\nDAY_AHEAD,Reserve,Reg_Up",
            "timeseries_pointers.csv:4: MW Load of 1 is named a second time, in line 2 already",
        ),
        (
            "series/wind.csv",
            "Year,Month,Day,Period,2_WIND_1",
            "Year,Month,Day,2_WIND_1,Period",
            "wind.csv:1: found columns Year",
        ),
    ] {
        let mut files = folder();
        let text = files.get_mut(file).expect("there");
        let broken = text.replacen(from, to, 1);
        assert_ne!(*text, broken, "{from}");
        *text = broken;
        let told = read_folder(&files).expect_err(wanted).to_string();
        assert!(told.contains(wanted), "{wanted}\nin\n{told}");
    }
    let mut files = folder();
    let day = files.get_mut("series/reserve.csv").expect("there");
    *day = swapped(day);
    let told = read_folder(&files).expect_err("swapped hours").to_string();
    assert!(told.contains("series/reserve.csv:1: found columns Year, Month, Day, 2, 1"), "{told}");
    // What burns fuel by default is said to.
    let mut files = folder();
    let units = files.get_mut("SourceData/gen.csv").expect("there");
    *units = units.replacen("1,CC,Gas", "1,ICE,Gas", 1);
    let remarks = read_folder(&files).expect("reads").remarks;
    assert!(remarks.iter().any(|what| what.starts_with("1 unit(s) of Unit Type \"ICE\"")), "{remarks:?}");
}

#[test]
fn files_that_are_missing_or_end_early_are_refused_and_do_not_panic() {
    for name in folder().keys() {
        let mut files = folder();
        files.remove(name);
        let told = read_folder(&files).expect_err("a file is missing").to_string();
        assert!(told.contains(&format!("{name}: cannot be read")), "{told}");
        let whole = folder()[name].clone();
        for cut in (0..whole.len()).step_by(13) {
            files.insert(name, whole[..cut].to_owned());
            if let Err(wrong) = read_folder(&files) {
                assert!(!wrong.list.is_empty());
            }
        }
    }
}

/// The grid of zones of a folder, as `tieline grid dispatch` reads it.
fn as_zones(system: &System) -> (String, dispatch::Case) {
    let (text, columns) = zones::grid("rts", "rts.csv", system);
    let start = Utc::parse(&zones::start(system)).expect("an instant").as_nanos();
    let utc_ns = (0..system.hours as i64).map(|hour| start + 3_600_000_000_000 * hour).collect();
    let table = Table { name: "series".to_owned(), utc_ns, numbers: columns, texts: Vec::new() };
    let mut csv = Vec::new();
    dispatch::series::write_csv(&table, &mut csv).expect("writes");
    let case = dispatch::read("rts.toml", &text, &dispatch::Settings::default(), &mut |_| {
        Ok(Box::new(io::Cursor::new(csv.clone())) as Box<dyn Read>)
    });
    (text, case.unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

#[test]
fn areas_become_zones_with_units_at_full_output_and_ties_by_their_ratings() {
    let mut files = folder();
    let mut change = |file: &'static str, from: &str, to: &str| {
        let text = files[file].replace(from, to);
        assert_ne!(text, files[file], "{file} has {from}");
        files.insert(file, text);
    };
    change("SourceData/bus.csv", "0,0,5,1\n", "0,0,5,2\n");
    change("SourceData/branch.csv", "0.02,0,0,0\n", "0.02,50,60,0\n");
    change(
        "SourceData/timeseries_pointers.csv",
        "DAY_AHEAD,Generator",
        "DAY_AHEAD,Area,2,MW Load,1,../series/two.csv\nDAY_AHEAD,Generator",
    );
    files.insert("series/two.csv", files["series/load.csv"].replace("Period,1", "Period,2"));
    let system = read_folder(&files).unwrap_or_else(|wrong| panic!("{wrong}"));
    let (text, case) = as_zones(&system);
    let problem = &case.problem;
    assert_eq!((&problem.zones.name[..], problem.hours), (&["area 1".to_owned(), "area 2".to_owned()][..], 24));
    assert_eq!(problem.complaints(), Vec::<String>::new());
    // 3,200 $/h at 100 MW; 8 MMBTU/MWh at 118 pounds, a pound being 0.45359237 kg.
    assert!((problem.units.cost_usd_per_j[0] * 3.6e9 - 32.0).abs() < 1e-9);
    assert!((problem.units.kg_per_j[0] * 3.6e9 - 8.0 * 118.0 * 0.453_592_37).abs() < 1e-5);
    assert!(text.contains("outage = \"3 %\"\nrepair = \"30 h\""), "{text}");
    assert_eq!(problem.available_w(4, 1), 15e6, "wind in hour 5");
    // Branches B and C, and the DC line apart.
    assert_eq!(problem.links.forward_w, [130e6, 10e6]);
}

#[test]
fn the_published_folder_balances_for_a_year() {
    if !data().is_dir() {
        println!("skipped: needs rts_gmlc");
        return;
    }
    let system = read("rts", &mut open).unwrap_or_else(|wrong| panic!("{wrong}"));
    let (_, case) = as_zones(&system);
    let problem = &case.problem;
    assert_eq!((problem.zones.name.len(), problem.hours), (3, 8784));
    // All but three condensers; of the others, CSP and storage are storages.
    assert_eq!((problem.units.name.len(), problem.stores.name.len()), (120, 2));
    // AB1 175, AB2 500 and AB3 500 MW between areas 1 and 2; one tie of 500 each to area 3; the DC line.
    assert_eq!(problem.links.forward_w, [1175e6, 500e6, 500e6, 100e6]);
    let inflow_mwh: f64 = (0..8784).map(|hour| problem.inflow_w(hour, 0) / 1e6).sum();
    assert!((inflow_mwh - 936_411.8).abs() < 0.5, "{inflow_mwh}: the whole of the CSP series");
}

fn data() -> PathBuf {
    std::env::var_os("TIELINE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from)
        .join("rts_gmlc/RTS_Data")
}

/// Opens a file of the published folder, whatever the case of its folders and whether or not it is packed.
fn open(path: &str) -> io::Result<Box<dyn Read>> {
    let path = path.replace("/HYDRO/", "/Hydro/");
    let plain = data().join(&path);
    let packed = data().join(format!("{path}.gz"));
    Ok(Box::new(std::fs::File::open(if plain.exists() { plain } else { packed })?))
}

#[test]
fn the_published_tables_are_their_matpower_copy() {
    let Ok(file) = std::fs::File::open(data().join("FormattedData/MATPOWER/RTS_GMLC.m")) else {
        println!("skipped: needs rts_gmlc");
        return;
    };
    let copy = matpower::read("RTS_GMLC.m", file).expect("reads").network;
    let system = read("rts", &mut open).unwrap_or_else(|wrong| panic!("{wrong}"));
    let ours = &system.network;
    let near = |what: &str, a: &[f64], b: &[f64], by: f64| {
        assert_eq!(a.len(), b.len(), "{what}");
        for (place, (a, b)) in a.iter().zip(b).enumerate() {
            assert!(a == b || (a - b).abs() <= by * (1.0 + b.abs()), "{what} {place}: {a} {b}");
        }
    };
    assert_eq!(ours.buses.number, copy.buses.number);
    assert_eq!(ours.buses.kind, copy.buses.kind);
    assert_eq!((&ours.buses.area, &ours.buses.zone), (&copy.buses.area, &copy.buses.zone));
    assert!(ours.buses.name.iter().zip(&copy.buses.name).all(|(a, b)| a.eq_ignore_ascii_case(b)), "names of buses");
    assert_eq!(ours.generators.name, copy.generators.name);
    assert_eq!((&ours.branches.from, &ours.branches.to), (&copy.branches.from, &copy.branches.to));
    assert_eq!(
        (&ours.generators.bus, &ours.generators.in_service),
        (&copy.generators.bus, &copy.generators.in_service)
    );
    near("load", &ours.buses.load_w, &copy.buses.load_w, 1e-9);
    near("shunt", &ours.buses.shunt_var, &copy.buses.shunt_var, 1e-9);
    near("reactance", &ours.branches.x_pu, &copy.branches.x_pu, 1e-9);
    near("tap", &ours.branches.tap, &copy.branches.tap, 1e-9);
    near("rating", &ours.branches.rating_va, &copy.branches.rating_va, 1e-9);
    near("most", &ours.generators.most_w, &copy.generators.most_w, 1e-9);
    near("least", &ours.generators.least_w, &copy.generators.least_w, 1e-9);
    // The costs are the copy's too, but for one unit: the tables got another heat rate for the nuclear unit in September
    // 2019 (a known fault of the data), and the copy kept the old one.
    let mut as_then = ours.clone();
    for (unit, (one, other)) in ours.generators.cost.iter().zip(&copy.generators.cost).enumerate() {
        match (one, other) {
            (Some(Cost::Piecewise(one)), Some(Cost::Piecewise(other))) => {
                let off = one.iter().zip(other).map(|(a, b)| (a.0 - b.0).abs().max((a.1 - b.1).abs()));
                let off = off.fold(0.0, f64::max);
                assert!(off < 1e-4 || system.units[unit].name == "121_NUCLEAR_1", "{} {off}", system.units[unit].name);
                as_then.generators.cost[unit] = Some(Cost::Piecewise(other.clone()));
            }
            _ => assert!(matches!(one, Some(Cost::Polynomial(_))), "free units: {}", system.units[unit].name),
        }
    }
    // The print-out of MATPOWER for that copy, held to the tolerance of V-GRID-38.
    match optimum::solve(&as_then, Convention::Mp).expect("solves") {
        Outcome::Solved(found) => assert!((found.usd_per_h / 225_806.07 - 1.0).abs() < 1e-5, "{}", found.usd_per_h),
        Outcome::Infeasible(relief) => panic!("{relief:?}"),
    }
    assert_eq!((system.hours, system.units.len(), system.reserves.len(), system.reservoirs.len()), (8784, 158, 7, 22));
    // The first row of the load file: 985.0197922, 1102.675901 and 1249.636191 MW.
    let first: f64 = system.load_w(0).iter().sum();
    assert!((first - 3_337.331_884_2e6).abs() < 1e3, "{first}");
}

#[test]
fn a_line_to_an_isolated_bus_and_weather_that_draws_are_told() {
    let mut files = folder();
    let bus = files.get_mut("SourceData/bus.csv").expect("buses");
    *bus = bus.replace("3,Three,138,PQ", "3,Three,138,Isolated");
    let dc = files.get_mut("SourceData/dc_branch.csv").expect("lines");
    dc.push_str("DC2,2,2,10\n");
    let units = files.get_mut("SourceData/gen.csv").expect("units");
    *units = units.replace("2_WIND_1,2,WIND,Wind,0,0,1,50,0,", "2_WIND_1,2,WIND,Wind,0,0,1,-50,-60,");
    let told = read_folder(&files).expect_err("mistakes").to_string();
    for part in [
        "SourceData/dc_branch.csv:2: the line ends at bus 3, which is Isolated; expected two buses in service (delete the row",
        "SourceData/dc_branch.csv:3: the line begins and ends at bus 2; expected two buses",
        "SourceData/gen.csv:3: found PMax -50 at 2_WIND_1, which follows sun, wind or water; expected 0 or more",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}
