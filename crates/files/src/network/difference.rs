//! What two networks differ in, in words.
//!
//! Not modelled: rows in another order; networks are compared row by row.

use super::fields::{Part, Value, value};
use tieline_grid::network::Network;

/// Every key in which they differ, with the number of rows and, for numbers, by how much at most; nothing where they are
/// the same to the bit.
#[must_use]
pub fn differences(one: &Network, other: &Network) -> Vec<String> {
    let mut told = Vec::new();
    if one.name != other.name {
        told.push(format!("the name \"{}\" is \"{}\"", one.name, other.name));
    }
    if one.base_va.to_bits() != other.base_va.to_bits() {
        told.push(format!("the base of {} VA is {} VA", one.base_va, other.base_va));
    }
    for part in Part::ALL {
        let (rows, now) = (part.rows(one), part.rows(other));
        if rows != now {
            told.push(format!("{rows} rows of {} are {now}", part.word()));
            continue;
        }
        for field in part.fields() {
            let pairs = (0..rows).map(|row| (value(one, part, row, field.key), value(other, part, row, field.key)));
            let (mut count, mut most, mut numbers) = (0, 0.0_f64, true);
            for (a, b) in pairs.filter(|(a, b)| !a.same(*b)) {
                count += 1;
                match (a, b) {
                    (Value::Number(a), Value::Number(b)) => most = most.max((a - b).abs() / a.abs().max(b.abs())),
                    _ => numbers = false,
                }
            }
            if count > 0 {
                let by = if numbers { format!(", by {most:.0e} of it at most") } else { String::new() };
                told.push(format!("{} {}: {count} of {rows} differ{by}", part.word(), field.key));
            }
        }
    }
    let costs = one.generators.cost.iter().zip(&other.generators.cost).filter(|(a, b)| a != b).count();
    if costs > 0 {
        told.push(format!("generator cost: {costs} of {} differ", one.generators.cost.len()));
    }
    told
}
