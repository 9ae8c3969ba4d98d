//! The `[dispatch]` table of a scenario: the grid around the campus, where it stands, and at which price it gives way.
//!
//! Not modelled: more than one campus; a draw that changes over the day.

use super::sheet::Sheet;
use tieline_sim::dispatch::Plan;
use tieline_units::{Span, Utc};

/// Most hours of a study: a leap year and a day on either side.
const MOST_HOURS: usize = 8_832;

/// The plan; `None` where the scenario has no such table.
pub(super) fn plan(root: &Sheet<'_, '_>, outlook: (Utc, usize), offset: Span) -> Option<Plan> {
    if !root.has("dispatch") {
        return None;
    }
    let sheet = root.table("dispatch");
    let by_training = sheet.word("prices") == "training";
    if by_training && !root.has("training") {
        sheet.wrong("prices", "\"training\" without a [training] table", "a table [training], or \"stated\"", "");
    }
    let mut tiers: Vec<(f64, Option<f64>)> = Vec::new();
    for tier in &sheet.tables("tier") {
        let (depth, price) = (tier.si("depth"), tier.number("price"));
        match (by_training, price) {
            (true, Some(_)) => tier.wrong("price", "a price beside prices = \"training\"", "no price of its own", ""),
            (false, None) if !tier.has("price") => {
                let hint = "or prices = \"training\" in [dispatch]";
                tier.wrong("price", "nothing", "what a megawatt-hour not drawn costs the campus", hint);
            }
            _ => {}
        }
        let before = tiers.last().and_then(|last| last.1);
        if before.zip(price).is_some_and(|(before, price)| price < before) {
            tier.wrong("price", "a tier that is cheaper than the one before", "the cheapest tier first", "");
        }
        tiers.push((depth, if by_training { None } else { price }));
    }
    if tiers.iter().map(|tier| tier.0).sum::<f64>() > 1.0 + 1e-9 {
        sheet.wrong("tier", "tiers that give up more than the campus draws", "depths that add up to at most 100 %", "");
    }
    if outlook.1 > MOST_HOURS {
        let found = format!("a run of {} h", outlook.1);
        root.wrong("dispatch", &found, "at most a year", "the dispatch covers the whole run, hour by hour");
    }
    Some(Plan {
        grid: sheet.word("grid"),
        zone: sheet.word("zone"),
        power_w: sheet.si("power"),
        tariff: sheet.text("tariff"),
        tiers,
        notice: sheet.span("notice"),
        heat_wave_k: root.table("grid").si("heat_wave"),
        window: (outlook.0, outlook.1, offset),
    })
}
