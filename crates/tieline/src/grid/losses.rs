//! Pages of the losses beyond one branch: generators, and pairs of branches; and which rating is held after a loss.
//!
//! Not modelled: a picture of the network.

use super::mw;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::fmt::Write as _;
use tieline_grid::network::contingency::more::{Pairs, UnitLoss};
use tieline_grid::network::{Network, Rating};

/// Rows of each list on the page.
const ROWS: usize = 5;

/// The highest rating that counts after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AfterOutage {
    /// Emergency (MATPOWER's rateC), else short-term, else normal.
    Emergency,
    /// Short-term (MATPOWER's rateB), else normal.
    ShortTerm,
    /// Normal (rateA), as before the outage.
    Normal,
}

impl AfterOutage {
    /// Forgets the ratings above it.
    pub fn keep(self, network: &mut Network) {
        if self != Self::Emergency {
            network.branches.emergency_va.fill(None);
        }
        if self == Self::Normal {
            network.branches.short_term_va.fill(None);
        }
    }
}

/// How many rated branches are held to which rating after a loss.
struct Held {
    emergency: usize,
    short_term: usize,
    normal: usize,
    /// Of the last: those that have another one, below it.
    below: usize,
}

fn held(network: &Network) -> Held {
    let mut held = Held { emergency: 0, short_term: 0, normal: 0, below: 0 };
    let b = &network.branches;
    for branch in (0..b.from.len()).filter(|branch| network.carries(*branch)) {
        let (value_va, which) = network.outage_rating(branch);
        if value_va.is_infinite() {
            continue;
        }
        match which {
            Rating::Emergency => held.emergency += 1,
            Rating::ShortTerm => held.short_term += 1,
            Rating::Normal => {
                held.normal += 1;
                let other = b.emergency_va[branch].or(b.short_term_va[branch]);
                held.below += usize::from(other.is_some_and(|other| other < value_va));
            }
        }
    }
    held
}

/// Which ratings are held after a loss.
pub fn ratings_page(network: &Network) -> String {
    let Held { emergency, short_term, normal, below } = held(network);
    let below = match below {
        0 => String::new(),
        count => format!(
            "  {count} of them have a rating for after a loss that is below their normal one: the normal one counts\n"
        ),
    };
    if emergency + short_term == 0 {
        let why = "none has a higher one, or none is to count";
        return format!("  after a loss branches are held to their normal rating: {why}\n{below}");
    }
    let words = [(emergency, "emergency"), (short_term, "short-term"), (normal, "normal")];
    let told: Vec<String> = words
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} to their {word} rating"))
        .collect();
    format!("  after a loss branches are held: {} (before it all to the normal one)\n{below}", told.join(", "))
}

/// The same, for programs.
pub fn ratings_json(network: &Network) -> Value {
    let Held { emergency, short_term, normal, below } = held(network);
    json!({ "emergency": emergency, "short_term": short_term, "normal": normal, "below_normal": below })
}

/// Generators.
pub fn units_page(network: &Network, tried: usize, found: &[UnitLoss]) -> String {
    let mut text =
        format!("\nLoss of one generator: {tried} tried, {} short of power or with overloads\n", found.len());
    for loss in found.iter().take(ROWS) {
        let bus = network.buses.number[network.generators.bus[loss.unit]];
        let _ = write!(text, "  generator {} (bus {bus}), {} MW:", loss.unit + 1, mw(loss.lost_w));
        if loss.missing_w > 0.0 {
            let _ = write!(text, " {} MW more than the others have left", mw(loss.missing_w));
        }
        if let Some((branch, loading)) = loss.worst {
            let others = if loss.count > 1 { format!(", {} in all", loss.count) } else { String::new() };
            let then = if loss.missing_w > 0.0 { ";" } else { "" };
            let _ = write!(text, "{then} {} at {:.0} %{others}", network.branch_name(branch), 100.0 * loading);
        }
        text.push('\n');
    }
    text
}

/// Generators, for programs.
pub fn units_json(network: &Network, tried: usize, found: &[UnitLoss]) -> Value {
    let list: Vec<Value> = found
        .iter()
        .map(|loss| {
            json!({
                "generator": loss.unit + 1,
                "bus": network.buses.number[network.generators.bus[loss.unit]],
                "lost_mw": loss.lost_w / 1e6,
                "missing_mw": loss.missing_w / 1e6,
                "worst_branch": loss.worst.map(|(branch, _)| branch + 1),
                "loading": loss.worst.map(|(_, loading)| loading),
                "overloaded": loss.count,
            })
        })
        .collect();
    json!({ "tried": tried, "found": list })
}

/// Pairs of branches.
pub fn pairs_page(network: &Network, all: &Pairs) -> String {
    let mut text = format!(
        "\nLoss of two branches at once: {} pairs tried, {} cut the network, {} overload others\n",
        all.tried,
        all.cuts.len(),
        all.overloads.len()
    );
    if all.paired < all.of {
        let _ = writeln!(text, "  (pairs of the {} branches that are loaded most, of {})", all.paired, all.of);
    }
    for [one, other] in all.cuts.iter().take(ROWS) {
        let _ =
            writeln!(text, "  {} and {}: the network in two", network.branch_name(*one), network.branch_name(*other));
    }
    for loss in all.overloads.iter().take(ROWS) {
        let [one, other] = loss.lost.map(|branch| network.branch_name(branch));
        let worst = network.branch_name(loss.worst.0);
        let others = if loss.count > 1 { format!(", {} in all", loss.count) } else { String::new() };
        let _ = writeln!(text, "  {one} and {other}: {worst} at {:.0} %{others}", 100.0 * loss.worst.1);
    }
    text
}

/// Pairs of branches, for programs.
pub fn pairs_json(all: &Pairs) -> Value {
    let row = |branch: usize| branch + 1;
    json!({
        "paired": all.paired,
        "of": all.of,
        "tried": all.tried,
        "cuts": all.cuts.iter().map(|pair| pair.map(row)).collect::<Vec<_>>(),
        "overloads": all.overloads.iter().map(|loss| json!({
            "branches": loss.lost.map(row),
            "worst_branch": row(loss.worst.0),
            "loading": loss.worst.1,
            "overloaded": loss.count,
        })).collect::<Vec<_>>(),
    })
}
