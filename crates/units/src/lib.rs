//! The words that every room of tieline shares.
//!
//! **Sign.** Positive power flows *into* the component: a hall that draws 30 MW has +30 MW, a battery that discharges
//! 10 MW has -10 MW, a turbine that generates 5 MW has -5 MW, and the grid connection that imports 20 MW has -20 MW
//! seen from the grid's side of the bus. At every bus the sum is zero. Public field names say `import`, `charge` or
//! `generation` where a reader could doubt the direction.
//!
//! Not modelled: money other than US dollars, three-phase quantities, per unit (that lives in `grid::network` alone).

mod draw;
mod estimate;
mod quantity;
mod reading;
mod series;
mod source;
mod time;

pub use draw::{Draw, Purpose, asset_of};
pub use estimate::Estimate;
pub use quantity::{
    Angle, ApparentPower, Count, Energy, EnergyPrice, Frequency, Mass, Money, ParseQuantityError, Power, PowerRamp,
    Quantity, Ratio, ReactivePower, SpanQuantity, Temperature, ThermalResponse, Voltage,
};
pub use reading::{Quality, Readings};
pub use series::Series;
pub use source::{Source, SourceKind};
pub use time::{ParseTimeError, Span, Time, Utc};
