//! Telemetry as it arrives: a value, when it was taken, and how far it can be trusted.
//!
//! Not modelled: units in the value; the field that holds the readings names them.

use crate::Time;

/// How far a reading can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Quality {
    /// Never read, or the device says that it cannot tell.
    #[default]
    Missing = 0,
    /// The device or the transport flags it as doubtful.
    Suspect = 1,
    /// As good as the instrument gives.
    Good = 2,
}

impl Quality {
    /// From its number in a journal; anything unknown reads as missing.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            2 => Self::Good,
            1 => Self::Suspect,
            _ => Self::Missing,
        }
    }
}

/// `N` channels of one kind, as parallel arrays.
#[derive(Clone, Copy, Debug)]
pub struct Readings<const N: usize> {
    /// The values, in the unit that the owning field names; NaN is legal and means what it says.
    pub value: [f64; N],
    /// When each value was taken.
    pub taken_at: [Time; N],
    /// How far each value can be trusted.
    pub quality: [Quality; N],
}

impl<const N: usize> Readings<N> {
    /// Nothing was ever read.
    pub const MISSING: Self = Self { value: [0.0; N], taken_at: [Time::NEVER; N], quality: [Quality::Missing; N] };

    /// Records a good value.
    #[inline]
    pub fn set(&mut self, index: usize, value: f64, taken_at: Time) {
        self.value[index] = value;
        self.taken_at[index] = taken_at;
        self.quality[index] = Quality::Good;
    }
}

impl<const N: usize> Default for Readings<N> {
    fn default() -> Self {
        Self::MISSING
    }
}

/// Equal to the bit, so that a NaN equals itself: this is how replay compares.
impl<const N: usize> PartialEq for Readings<N> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.taken_at == other.taken_at
            && self.quality == other.quality
            && self.value.iter().zip(&other.value).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}
