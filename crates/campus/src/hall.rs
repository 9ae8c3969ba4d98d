//! A hall: GPUs of one product behind one feeder, with conversion loss and cooling, in service from a date.
//!
//! Not modelled: racks one by one, redundancy of feeders, the spread of power inside a hall.

use crate::{cooling::Cooling, gpu::Product};
use tieline_units::Utc;

/// A hall.
#[derive(Clone, Debug, PartialEq)]
pub struct Hall {
    /// Name for people.
    pub name: String,
    /// Index of its point of interconnection.
    pub poi: usize,
    /// GPU product.
    pub product: Product,
    /// GPUs installed.
    pub gpus: f64,
    /// When it goes into service; before that it draws nothing.
    pub in_service: Utc,
    /// Share lost between feeder and GPU (transformer, UPS, power supplies), 0..1 of the feeder power.
    pub conversion_loss: f64,
    /// Network and house load that no GPU cap moves, W.
    pub fixed_w: f64,
    /// Cooling plant.
    pub cooling: Cooling,
    /// Index of the job that runs here; `None` idles.
    pub job: Option<usize>,
}
