//! RTS-GMLC folders: one file of a small sound folder is replaced by the input; no panic, and what reads hangs together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{Error, ErrorKind, Read};
use tieline_files::rts_gmlc;

/// The folder; the first byte of the input chooses which file it replaces.
const FOLDER: &[(&str, &str)] = &[
    (
        "SourceData/bus.csv",
        "Bus ID,BaseKV,Bus Type,MW Load,MVAR Load,V Mag,V Angle,MW Shunt G,MVAR Shunt B,Area\n1,138,Ref,0,0,1,0,0,0,1\n2,138,PQ,60,10,1,0,0,0,1\n",
    ),
    (
        "SourceData/branch.csv",
        "UID,From Bus,To Bus,R,X,B,Cont Rating,LTE Rating,Tr Ratio\nA,1,2,0.01,0.1,0.02,80,90,0\n",
    ),
    (
        "SourceData/gen.csv",
        "GEN UID,Bus ID,Unit Type,Category,MW Inj,MVAR Inj,V Setpoint p.u.,PMax MW,PMin MW,QMax MVAR,QMin MVAR,Min Down Time Hr,Min Up Time Hr,Ramp Rate MW/Min,Start Heat Cold MBTU,Start Heat Warm MBTU,Start Heat Hot MBTU,Start Time Cold Hr,Start Time Warm Hr,Non Fuel Start Cost $,FOR,MTTF Hr,MTTR Hr,Fuel Price $/MMBTU,Output_pct_0,Output_pct_1,HR_avg_0,HR_incr_1,VOM,Emissions CO2 Lbs/MMBTU\n\
         1_CC_1,1,CC,Gas CC,70,0,1.02,100,40,50,-50,4,8,2,300,200,100,8,4,50,0.03,900,30,4,0.4,1,8000,7000,0,118\n",
    ),
    ("SourceData/dc_branch.csv", "UID,From Bus,To Bus,MW Load\nDC1,1,2,10\n"),
    ("SourceData/storage.csv", "GEN UID,Storage,Max Volume GWh,Initial Volume GWh\n1_CC_1,tank,1,0.5\n"),
    (
        "SourceData/reserves.csv",
        "Reserve Product,Timeframe (sec),Requirement (MW),Eligible Regions,Direction\nReg_Up,300,5,1,Up\n",
    ),
    (
        "SourceData/timeseries_pointers.csv",
        "Simulation,Category,Object,Parameter,Scaling Factor,Data File\nDAY_AHEAD,Area,1,MW Load,1,../load.csv\nDAY_AHEAD,Reserve,Reg_Up,Requirement,1,../reserve.csv\n",
    ),
    ("load.csv", "Year,Month,Day,Period,1\n2020,2,29,1,50\n2020,2,29,2,60\n"),
    (
        "reserve.csv",
        "Year,Month,Day,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24\n2020,2,29,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n",
    ),
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, content)) = bytes.split_first() else { return };
    let replaced = usize::from(*choice) % FOLDER.len();
    let mut open = |path: &str| match FOLDER.iter().position(|(name, _)| *name == path) {
        Some(place) if place == replaced => Ok(Box::new(std::io::Cursor::new(content.to_vec())) as Box<dyn Read>),
        Some(place) => Ok(Box::new(FOLDER[place].1.as_bytes()) as Box<dyn Read>),
        None => Err(Error::from(ErrorKind::NotFound)),
    };
    match rts_gmlc::read("fuzz", &mut open) {
        Ok(system) => {
            let network = &system.network;
            let ends = network.branches.from.iter().chain(&network.branches.to).chain(&network.generators.bus);
            assert!(ends.into_iter().all(|bus| *bus < network.bus_count()), "every place is a bus");
            assert_eq!(system.units.len(), network.generators.bus.len(), "one unit per generator");
            if system.hours > 0 {
                let _ = system.at(system.hours - 1);
            }
            let (_, columns) = rts_gmlc::zones::grid("fuzz", "fuzz.csv", &system);
            assert!(columns.iter().all(|column| column.1.len() == system.hours), "whole columns");
        }
        Err(mistakes) => assert!(!mistakes.list.is_empty(), "a refusal has a reason"),
    }
});
