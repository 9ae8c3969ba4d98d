//! The controller's life in a scenario: it runs, dies when the script says so, and a standby goes on under a higher epoch.
//!
//! Between death and takeover nobody observes and nobody commands: the world moves on by itself at the standby's first
//! look, and leases run down meanwhile.
//!
//! Not modelled: two controllers that both decide (an old one that comes back only repeats itself, see
//! [`crate::disturbances::Death`]); a standby that knows anything but the last decision.

use crate::operation::EPOCH;
use crate::scenario::Scenario;
use tieline_control::{Clock, Decision, Journal, Row, Site, State, run};
use tieline_units::{Span, Time};

/// Runs the controller of a scenario through all its deaths until the clock ends; returns the last state.
pub fn attend(scenario: &Scenario, site: &mut impl Site, clock: &mut impl Clock, journal: &mut impl Journal) -> State {
    let config = &scenario.control;
    let mut state = State::new(Time::ZERO, EPOCH);
    let mut last = None;
    for (epoch, death) in (EPOCH + 1..).zip(&scenario.disturbances.deaths) {
        let mut mortal = Mortal { clock, at: death.at, died: false };
        state = run(config, state, site, &mut mortal, &mut Witness { journal, last: &mut last });
        if !mortal.died {
            return state;
        }
        let tick_ns = config.tick.as_nanos();
        let late_ns = (death.takeover - Time::ZERO).as_nanos();
        let first = Time::ZERO + Span::nanos((late_ns + tick_ns - 1).div_euclid(tick_ns) * tick_ns);
        // A controller that died before its first tick leaves nothing to take over.
        state = last.as_ref().map_or_else(|| State::new(first, epoch), |last| State::standby(first, epoch, last));
    }
    run(config, state, site, clock, journal)
}

/// A clock that ends with the controller's life.
struct Mortal<'c, C> {
    clock: &'c mut C,
    at: Time,
    died: bool,
}

impl<C: Clock> Clock for Mortal<'_, C> {
    fn wait_until(&mut self, next: Time) -> Option<Time> {
        if next >= self.at {
            self.died = true;
            return None;
        }
        self.clock.wait_until(next)
    }
}

/// A journal that remembers the last decision: what a standby reads when it takes over.
struct Witness<'j, J> {
    journal: &'j mut J,
    last: &'j mut Option<Decision>,
}

impl<J: Journal> Journal for Witness<'_, J> {
    fn append(&mut self, row: &Row<'_>) {
        self.journal.append(row);
        *self.last = Some(*row.guarded);
    }
}
