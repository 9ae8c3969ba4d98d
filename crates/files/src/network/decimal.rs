//! The shortest decimal number from which a reader gets a value back, bit for bit.
//!
//! Not modelled: values of which no decimal in the asked unit gives the bits; they are told apart by `None`.

use std::f64::consts::PI;

/// Neighbours tried on either side.
const NEIGHBOURS: u32 = 8;

/// The number that `read` turns into `value`, sought near `guess`.
fn before(value: f64, guess: f64, read: impl Fn(f64) -> f64) -> Option<f64> {
    let same = |number: &f64| read(*number).to_bits() == value.to_bits();
    // Fifteen digits hold every decimal that people write; behind them stand the digits of arithmetic.
    let short = || format!("{guess:.14e}").parse::<f64>().ok();
    if guess.fract() == 0.0 && same(&guess) {
        return Some(guess);
    }
    if let Some(short) = short().filter(&same) {
        return Some(short);
    }
    let (mut up, mut down) = (guess, guess);
    for _ in 0..=NEIGHBOURS {
        if let Some(found) = [up, down].into_iter().find(&same) {
            return Some(found);
        }
        (up, down) = (up.next_up(), down.next_down());
    }
    None
}

/// A value in units of a million, or thousand: megawatts of watts.
pub(crate) fn scaled(value: f64, factor: f64) -> Option<f64> {
    before(value, value / factor, |number| number * factor)
}

/// Degrees of radians.
pub(crate) fn degrees(rad: f64) -> Option<f64> {
    before(rad, rad * 180.0 / PI, radians)
}

/// Radians of degrees, as all readers of networks count them.
pub(crate) fn radians(degrees: f64) -> f64 {
    degrees * PI / 180.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_comes_back_as_they_wrote_it() {
        for text in ["97", "0.1", "-30", "57.2", "1e-7", "230", "0.45", "-0", "123456.789", "13.8"] {
            let number: f64 = text.parse().expect("a number");
            assert_eq!(scaled(number * 1e6, 1e6).map(f64::to_bits), Some(number.to_bits()), "{text}");
            assert_eq!(degrees(radians(number)).map(f64::to_bits), Some(number.to_bits()), "{text}");
        }
    }

    #[test]
    fn what_a_reader_made_is_found_again() {
        let draw = tieline_units::Draw::new(3, 0);
        for event in 0..20_000 {
            let number = (draw.uniform(1, tieline_units::Purpose::Campaign, event) - 0.5) * 400.0;
            let found = scaled(number * 1e6, 1e6).expect("there is one");
            assert_eq!((found * 1e6).to_bits(), (number * 1e6).to_bits());
            let found = degrees(radians(number)).expect("there is one");
            assert_eq!(radians(found).to_bits(), radians(number).to_bits());
        }
    }
}
