//! placeholder
pub mod cases;
pub mod eia930;
