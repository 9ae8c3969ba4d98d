//! The ramp limiter of the point of interconnection.
//!
//! Not modelled: band limits on cyclic content.

/// Moves `from_w` towards `to_w` by at most the ramp over `tick_s`; the battery carries the difference.
///
/// A step D met at ramp r needs power P = D, energy E = D²/(2r) and time T = D/r from the storage (V-CTRL-08 to 11).
#[must_use]
pub fn ramp(from_w: f64, to_w: f64, up_w_per_s: f64, down_w_per_s: f64, tick_s: f64) -> f64 {
    to_w.clamp(from_w - down_w_per_s * tick_s, from_w + up_w_per_s * tick_s)
}
