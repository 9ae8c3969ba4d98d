//! Every format in and out: scenarios with their diagnostics, network cases, measured series, validation cases, tables, report.
//!
//! Not modelled: network cases other than MATPOWER's and RTS-GMLC's.
pub mod cases;
pub mod commitment;
pub mod compliance;
pub mod dispatch;
pub mod eia930;
pub mod figure;
pub mod matpower;
pub mod network;
mod parquet_file;
pub mod report;
pub mod rts_gmlc;
pub mod scenario;
pub mod specification;
pub mod summary;
pub mod table;
pub mod trace;
pub mod training;
