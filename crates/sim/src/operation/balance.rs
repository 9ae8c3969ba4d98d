//! Who absorbed what: energy by class of device over the run, and what each class gave in every curtailment.
//!
//! Positive energy flows into the class, so the rows of one balance sum to zero: a reduction of import by 100 MWh shows
//! as +100 MWh at the grid connection (less was taken out of it) and as -100 MWh spread over halls, batteries, turbines.
//!
//! Not modelled: causes. A balance says where the energy went, not what would have happened without the event.

use std::collections::VecDeque;

/// Classes of devices at the tie line; the powers of one instant sum to zero.
pub(crate) const CLASSES: [&str; 7] =
    ["grid connection", "turbines", "halls", "cooling", "batteries", "battery house load", "transformers"];
/// Index of each class.
pub(crate) const GRID: usize = 0;
pub(crate) const TURBINES: usize = 1;
pub(crate) const HALLS: usize = 2;
pub(crate) const COOLING: usize = 3;
pub(crate) const BATTERIES: usize = 4;
pub(crate) const HOUSE: usize = 5;
pub(crate) const TRANSFORMERS: usize = 6;

/// Power of each class, W, positive into it.
pub(crate) type Powers = [f64; CLASSES.len()];

/// The mean of so many seconds before its receipt is what an event is compared with.
const BEFORE_S: usize = 300;

#[derive(Clone, Debug)]
struct During {
    name: String,
    received_s: f64,
    start_s: f64,
    end_s: f64,
    before_w: Option<Powers>,
    change_j: Powers,
}

/// Keeps the balances second by second.
#[derive(Clone, Debug)]
pub(crate) struct Balances {
    run_j: Powers,
    recent_w: VecDeque<Powers>,
    events: Vec<During>,
}

impl Balances {
    /// Balances of the run and of events given as name, receipt, start, end (s since the start of the run).
    pub fn new(events: impl Iterator<Item = (String, f64, f64, f64)>) -> Self {
        let events = events
            .map(|(name, received_s, start_s, end_s)| During {
                name,
                received_s,
                start_s,
                end_s,
                before_w: None,
                change_j: [0.0; CLASSES.len()],
            })
            .collect();
        Self { run_j: [0.0; CLASSES.len()], recent_w: VecDeque::with_capacity(BEFORE_S + 1), events }
    }

    /// One second that ends at `at_s`, with its mean powers.
    pub fn second(&mut self, at_s: f64, power_w: &Powers) {
        for (sum, power) in self.run_j.iter_mut().zip(power_w) {
            *sum += power;
        }
        for event in &mut self.events {
            if event.before_w.is_none() && at_s >= event.received_s && !self.recent_w.is_empty() {
                event.before_w = Some(mean(&self.recent_w));
            }
            let Some(before_w) = event.before_w.filter(|_| at_s > event.start_s && at_s <= event.end_s) else {
                continue;
            };
            for (class, sum) in event.change_j.iter_mut().enumerate() {
                *sum += power_w[class] - before_w[class];
            }
        }
        self.recent_w.push_back(*power_w);
        if self.recent_w.len() > BEFORE_S {
            self.recent_w.pop_front();
        }
    }

    /// Energy of the run by class, J.
    pub fn run_j(&self) -> &Powers {
        &self.run_j
    }

    /// Rows of the events' balances: class, what, MWh.
    pub fn event_rows(&self) -> Vec<(String, String, f64)> {
        let mut rows = Vec::new();
        for event in
            self.events.iter().filter(|event| event.before_w.is_some() && event.change_j != [0.0; CLASSES.len()])
        {
            let what = format!("{}: change against the {} min before its receipt", event.name, BEFORE_S / 60);
            for (class, change_j) in CLASSES.iter().zip(&event.change_j) {
                rows.push(((*class).to_owned(), what.clone(), change_j / 3.6e9));
            }
        }
        rows
    }
}

fn mean(powers: &VecDeque<Powers>) -> Powers {
    let mut mean_w = [0.0; CLASSES.len()];
    for power_w in powers {
        for (sum, power) in mean_w.iter_mut().zip(power_w) {
            *sum += power;
        }
    }
    mean_w.map(|sum| sum / powers.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_balance_sum_to_zero() {
        let mut balances = Balances::new([("peak".to_owned(), 10.0, 20.0, 30.0)].into_iter());
        for second in 1..=40 {
            let given_w = if second > 20 { 30e6 } else { 0.0 };
            let mut power_w = [0.0; CLASSES.len()];
            power_w[GRID] = -100e6 + given_w;
            power_w[HALLS] = 100e6 - given_w / 3.0;
            power_w[BATTERIES] = -given_w * 2.0 / 3.0;
            balances.second(f64::from(second), &power_w);
        }
        let rows = balances.event_rows();
        let sum: f64 = rows.iter().map(|(_, _, mwh)| mwh).sum();
        assert!(sum.abs() < 1e-9, "{sum}");
        let grid = rows.iter().find(|(class, ..)| class == "grid connection").expect("a row").2;
        assert!((grid - 30.0 * 10.0 / 3600.0).abs() < 1e-9, "ten seconds of 30 MW less: {grid}");
    }
}
