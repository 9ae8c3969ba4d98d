//! Networks in tieline's own format.
pub(crate) mod decimal;
