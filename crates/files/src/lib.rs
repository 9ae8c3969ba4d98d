//! Every format in and out: scenarios with their diagnostics, measured series, validation cases, tables, report.
//!
//! Not modelled: network case files (they come with the grid studies).
pub mod cases;
pub mod compliance;
pub mod dispatch;
pub mod eia930;
pub mod figure;
pub mod report;
pub mod scenario;
pub mod specification;
pub mod summary;
pub mod table;
pub mod trace;
pub mod training;
