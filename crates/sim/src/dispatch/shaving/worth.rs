//! What a megawatt not drawn in a peak takes off the bill, and what giving it up costs: why shaving buys what it buys, or nothing.
//!
//! Not modelled: the peaks that rise when others are shaved; the search counts them, these figures are of the first megawatt.

use super::search::Field;
use super::{Before, HOUR_S};

/// The first megawatt's worth and price.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worth {
    /// A megawatt-hour not drawn in the zone's peak hour takes so much off the bill, $/J; 0 where it is not charged.
    pub zone_peak_usd_per_j: f64,
    /// The same in one of the system's peak hours of summer; 0 where it is not charged or there is no summer day.
    pub system_peak_usd_per_j: f64,
    /// A megawatt less in the greatest hour of the month that is charged most, $/W; 0 where it is not charged.
    pub month_usd_per_w: f64,
    /// Capacity is charged, and the hours hold no day of June to September.
    pub no_summer: bool,
    /// Price of the cheapest tier of which something is left in some hour, beyond the energy that it spares there, $/J.
    pub cheapest_usd_per_j: Option<f64>,
}

impl Worth {
    pub(super) fn new(before: &Before<'_>, field: &Field) -> Self {
        let [zone, system, month] = field.worth_usd_per_j();
        let tariff = before.tariff;
        let price = &before.metered.price_usd_per_j;
        let left = |tier: usize| {
            let hours = (0..price.len()).filter(move |hour| before.left_w(*hour, tier) > 0.0);
            hours.map(move |hour| before.tiers[tier].1 - tariff.energy_usd_per_j.unwrap_or(price[hour]))
        };
        Self {
            zone_peak_usd_per_j: zone,
            system_peak_usd_per_j: system,
            month_usd_per_w: month * HOUR_S,
            no_summer: tariff.capacity_usd_per_w_day * tariff.capacity_per_load > 0.0 && system <= 0.0,
            cheapest_usd_per_j: (0..before.tiers.len()).flat_map(left).min_by(f64::total_cmp),
        }
    }

    /// Why nothing was bought, in words.
    #[must_use]
    pub fn why_nothing(&self) -> String {
        const MWH: f64 = 3.6e9;
        let most = self.zone_peak_usd_per_j + self.system_peak_usd_per_j;
        let Some(cheapest) = self.cheapest_usd_per_j else {
            return "the dispatch has taken all of its tiers in every hour already".to_owned();
        };
        if most <= 0.0 && self.month_usd_per_w <= 0.0 {
            let why = if self.no_summer {
                "capacity is set by days of June to September, and these hours hold none"
            } else {
                "its tariff charges no peak"
            };
            return why.to_owned();
        }
        let peak = format!(
            "a MWh less takes at most {:.0} $ off the bill in the zone's peak hour and {:.0} $ in a system peak",
            self.zone_peak_usd_per_j * MWH,
            self.system_peak_usd_per_j * MWH
        );
        let month = if self.month_usd_per_w > 0.0 {
            format!(", and a MW less all month {:.0} $", self.month_usd_per_w * 1e6)
        } else {
            String::new()
        };
        let cost = format!("the cheapest tier costs {:.0} $/MWh beyond the energy it spares", cheapest * MWH);
        if cheapest >= most && self.month_usd_per_w <= 0.0 {
            format!("{peak}; {cost}")
        } else {
            format!("{peak}{month}; {cost}, and other hours stand as high: too many would have to give way together")
        }
    }
}
