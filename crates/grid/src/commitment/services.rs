//! The services of a market: regulation, spinning, non-spinning and supplemental reserve, flexible ramps.
//!
//! A better service may stand in for a lesser one; what a unit gives of all of them fits into its capacity and its ramp,
//! scaled from the minutes in which each must be there to the step. As Egret's `ancillary_services` does it, whose cases
//! V-GRID-49 and 54 are. Supplemental reserve counts regulation that is held beyond its own requirement, as Egret's later
//! revisions do; its earlier ones did not, and cost 1.54 $ more there (487,390.79 $ for V-GRID-49).
//!
//! Not modelled: bids for services (they cost nothing here), deployment of what is held.

use super::matrix::{MW, Matrix, Terms};
use super::supply::Model;
use super::thermal::Scaled;
use super::{Problem, Unit};

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    /// Follows a signal upward, within 5 minutes.
    RegulationUp,
    /// Follows a signal downward, within 5 minutes.
    RegulationDown,
    /// From units that run, within 10 minutes.
    Spinning,
    /// From units that start fast.
    NonSpinning,
    /// From units that run or start, within 30 minutes.
    Supplemental,
    /// Room to rise, 20 minutes.
    FlexUp,
    /// Room to fall, 20 minutes.
    FlexDown,
}

impl Product {
    /// All, in the order of [`Area::required_w`].
    pub const ALL: [Self; 7] = [
        Self::RegulationUp,
        Self::RegulationDown,
        Self::Spinning,
        Self::NonSpinning,
        Self::Supplemental,
        Self::FlexUp,
        Self::FlexDown,
    ];

    /// Minutes within which it must be there, which the ramp of a unit bounds.
    const fn minutes(self) -> f64 {
        match self {
            Self::RegulationUp | Self::RegulationDown => 5.0,
            Self::Spinning | Self::NonSpinning => 10.0,
            Self::Supplemental => 30.0,
            Self::FlexUp | Self::FlexDown => 20.0,
        }
    }
}

/// What is required, where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Services {
    /// The first is the whole system; the others are parts of it.
    pub areas: Vec<Area>,
    /// Price of what is missing, $/J, by product; infinite where nothing may be.
    pub short_usd_per_j: [f64; 7],
}

/// Requirements of an area.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Area {
    /// Name.
    pub name: String,
    /// Its units.
    pub members: Vec<usize>,
    /// Required, W, step by step, by product; empty where the area has none.
    pub required_w: [Vec<f64>; 7],
}

/// What a unit offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Regulation, where it can: (least output, greatest output, ramp a minute), W.
    pub regulation: Option<(f64, f64, f64)>,
    /// Most spinning reserve, W.
    pub spinning_w: f64,
    /// Non-spinning reserve while off, W; none where it starts too slowly.
    pub non_spinning_w: Option<f64>,
    /// Supplemental reserve while off, W; none where it starts too slowly.
    pub supplemental_off_w: Option<f64>,
    /// Most supplemental reserve while on, W.
    pub supplemental_w: f64,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            regulation: None,
            spinning_w: f64::INFINITY,
            non_spinning_w: None,
            supplemental_off_w: None,
            supplemental_w: f64::INFINITY,
        }
    }
}

/// Columns, by unit and step, MW; none where a unit does not give the product.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    given: Vec<Vec<Given>>,
    /// Missing: (area, product, step, column).
    pub short: Vec<(usize, Product, usize, usize)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Given {
    up: Option<usize>,
    down: Option<usize>,
    regulates: Option<usize>,
    spinning: usize,
    fast: Option<usize>,
    slow_off: Option<usize>,
    slow: usize,
    flex_up: usize,
    flex_down: usize,
}

/// Adds the services, where there are any.
pub(super) fn add(model: &mut Model, problem: &Problem) {
    let Some(services) = &problem.services else { return };
    let mut all = Columns::default();
    for (index, unit) in problem.units.iter().enumerate() {
        let given: Vec<Given> = (0..problem.steps).map(|t| offers(model, problem, unit, index, t)).collect();
        for t in 0..problem.steps {
            fits(model, problem, unit, index, &given, t);
        }
        all.given.push(given);
    }
    for t in 0..problem.steps {
        required(&mut model.matrix, problem, services, &mut all, t);
    }
    model.services = all;
}

/// What units hold above their outputs at least for the services in a step, MW: products that may not be missing add up, as they do
/// within each unit's range ([`fits`]); of areas that share units only the greatest requirement counts.
pub(super) fn held_mw(problem: &Problem, t: usize) -> f64 {
    let Some(services) = &problem.services else { return 0.0 };
    let mut held_w = 0.0;
    for (place, product) in Product::ALL.iter().enumerate() {
        let upward = matches!(product, Product::RegulationUp | Product::Spinning | Product::FlexUp);
        if !upward || services.short_usd_per_j[place].is_finite() {
            continue;
        }
        let areas: Vec<(&Area, f64)> =
            services.areas.iter().filter_map(|area| Some((area, *area.required_w[place].get(t)?))).collect();
        let mut seen = vec![false; problem.units.len()];
        let shared =
            areas.iter().flat_map(|(area, _)| &area.members).any(|unit| core::mem::replace(&mut seen[*unit], true));
        // Where a better product stands in for this one its surplus counts, so the sum of both is what is held at least.
        let required = areas.iter().map(|(_, watts)| *watts);
        held_w += if shared { required.fold(0.0, f64::max) } else { required.sum() };
    }
    held_w / MW
}

/// Columns of a unit in a step, each within its own limit.
fn offers(model: &mut Model, problem: &Problem, unit: &Unit, index: usize, t: usize) -> Given {
    let on = model.units[index].on[t];
    let matrix = &mut model.matrix;
    // Ramps are given a step; a service takes a part of an hour's.
    let per_minute = |step_w: f64| step_w / MW / problem.step_h() / 60.0;
    let (up, down) = (per_minute(unit.up_w), per_minute(unit.down_w));
    let mut given = Given::default();
    if let Some((low, high, ramp)) = unit.offer.regulation {
        let minutes = Product::RegulationUp.minutes();
        let most = (minutes * ramp / MW).min((high - low) / MW / 2.0);
        // Where it regulates over its whole output nothing is chosen by regulating.
        let whole_range = low <= unit.least_w && high >= unit.most_w;
        let regulates = if whole_range { matrix.column(0.0, 0.0, 1.0) } else { matrix.choice(0.0, 0.0, 1.0) };
        matrix.at_most(&[(regulates, 1.0), (on, -1.0)], 0.0);
        let mut one = |limit: f64| {
            let column = matrix.column(0.0, 0.0, most);
            matrix.at_most(&[(column, 1.0), (regulates, -most.min(limit))], 0.0);
            column
        };
        given.up = Some(one(up * minutes));
        given.down = Some(one(down * minutes));
        given.regulates = Some(regulates);
    }
    let range = (unit.most_w - unit.least_w) / MW;
    given.spinning = matrix.column(0.0, 0.0, range.min(unit.offer.spinning_w / MW));
    let most = (up * Product::Spinning.minutes()).min(unit.offer.spinning_w / MW);
    let mut terms = vec![(given.spinning, 1.0), (on, -most)];
    terms.extend(given.up.map(|column| (column, 1.0)));
    matrix.at_most(&terms, 0.0);
    if let Some(most_w) = unit.offer.non_spinning_w {
        let column = matrix.column(0.0, 0.0, most_w / MW);
        matrix.at_most(&[(column, 1.0), (on, most_w / MW)], most_w / MW);
        given.fast = Some(column);
    }
    if let Some(most_w) = unit.offer.supplemental_off_w {
        let column = matrix.column(0.0, 0.0, most_w / MW);
        let mut terms = vec![(column, 1.0), (on, most_w / MW)];
        terms.extend(given.fast.map(|column| (column, 1.0)));
        matrix.at_most(&terms, most_w / MW);
        given.slow_off = Some(column);
    }
    given.slow = matrix.column(0.0, 0.0, range.min(unit.offer.supplemental_w / MW));
    let most = (up * Product::Supplemental.minutes()).min(unit.offer.supplemental_w / MW);
    let mut terms = vec![(given.slow, 1.0), (given.spinning, 1.0), (on, -most)];
    terms.extend(given.up.map(|column| (column, 1.0)));
    matrix.at_most(&terms, 0.0);
    for (column, ramp) in [(&mut given.flex_up, up), (&mut given.flex_down, down)] {
        let most = ramp * Product::FlexUp.minutes();
        *column = matrix.column(0.0, 0.0, most);
        matrix.at_most(&[(*column, 1.0), (on, -most)], 0.0);
    }
    given
}

/// All services of a unit together fit into its capacity and its ramp.
fn fits(model: &mut Model, problem: &Problem, unit: &Unit, index: usize, given: &[Given], t: usize) {
    let columns = &model.units[index];
    let matrix = &mut model.matrix;
    let scaled = Scaled::of(unit);
    let (above, spare, on) = (columns.above[t], columns.spare[t], columns.on[t]);
    let now = given[t];
    let band =
        unit.offer.regulation.map(|(low, high, _)| (low / MW - scaled.least, scaled.range + scaled.least - high / MW));
    let mut upper = vec![(above, 1.0), (spare, 1.0), (on, -scaled.range)];
    upper.extend([(now.flex_up, 1.0), (now.spinning, 1.0), (now.slow, 1.0)]);
    let mut lower = vec![(above, 1.0), (now.flex_down, -1.0)];
    if let (Some((low, high)), Some(up), Some(down), Some(regulates)) = (band, now.up, now.down, now.regulates) {
        upper.extend([(up, 1.0), (regulates, high)]);
        lower.extend([(down, -1.0), (regulates, -low)]);
    }
    matrix.at_most(&upper, 0.0);
    matrix.row(&lower, 0.0, f64::INFINITY);
    // From the minutes of a service to the step, averaged with the step before (flexible ramps are not).
    let minutes = problem.step_s / 60.0;
    let scale = |product: Product| minutes / product.minutes();
    let mut rise = vec![
        (above, 1.0),
        (spare, 1.0),
        (now.flex_up, scale(Product::FlexUp)),
        (on, -scaled.up),
        (columns.start[t], scaled.up - (unit.begin_w - unit.least_w) / MW),
    ];
    let mut fall = vec![
        (above, -1.0),
        (now.flex_down, scale(Product::FlexDown)),
        (columns.stop[t], scaled.down - (unit.end_w - unit.least_w) / MW),
    ];
    let share = if t == 0 { 1.0 } else { 0.5 };
    for given in [Some(now), t.checked_sub(1).map(|before| given[before])].into_iter().flatten() {
        rise.push((given.spinning, share * scale(Product::Spinning)));
        rise.push((given.slow, share * scale(Product::Supplemental)));
        rise.extend(given.up.map(|column| (column, share * scale(Product::RegulationUp))));
        fall.extend(given.down.map(|column| (column, share * scale(Product::RegulationDown))));
    }
    if t == 0 {
        let was_on = f64::from(u8::from(unit.first.on));
        matrix.at_most(&rise, scaled.held);
        matrix.at_most(&fall, scaled.down * was_on - scaled.held);
    } else {
        rise.push((columns.above[t - 1], -1.0));
        fall.extend([(columns.above[t - 1], 1.0), (columns.on[t - 1], -scaled.down)]);
        matrix.at_most(&rise, 0.0);
        matrix.at_most(&fall, 0.0);
    }
}

/// Requirements of all areas in a step; what an area lacks the system need not buy again.
fn required(matrix: &mut Matrix, problem: &Problem, services: &Services, all: &mut Columns, t: usize) {
    let mut missing: Vec<Vec<Option<usize>>> = Vec::new();
    for (number, area) in services.areas.iter().enumerate() {
        let columns = Product::ALL
            .iter()
            .zip(&area.required_w)
            .zip(&services.short_usd_per_j)
            .map(|((product, watts), price)| {
                let most = watts.get(t)? / MW;
                if !price.is_finite() {
                    return None;
                }
                let column = matrix.column(price * 3.6e9 * problem.step_h(), 0.0, most);
                all.short.push((number, *product, t, column));
                Some(column)
            })
            .collect();
        missing.push(columns);
    }
    for (number, area) in services.areas.iter().enumerate() {
        let provided = |product: usize| -> Terms {
            let mut terms: Terms = Vec::new();
            for member in &area.members {
                let given = all.given[*member][t];
                let columns = match Product::ALL[product] {
                    Product::RegulationUp => [given.up, None],
                    Product::RegulationDown => [given.down, None],
                    Product::Spinning => [Some(given.spinning), None],
                    Product::NonSpinning => [given.fast, None],
                    Product::Supplemental => [Some(given.slow), given.slow_off],
                    Product::FlexUp => [Some(given.flex_up), None],
                    Product::FlexDown => [Some(given.flex_down), None],
                };
                terms.extend(columns.into_iter().flatten().map(|column| (column, 1.0)));
            }
            let whose: &[Vec<Option<usize>>] = if number == 0 { &missing } else { &missing[number..=number] };
            terms.extend(whose.iter().filter_map(|area| area[product]).map(|column| (column, 1.0)));
            terms
        };
        for product in 0..Product::ALL.len() {
            if area.required_w[product].is_empty() {
                continue;
            }
            // A better product stands in for a lesser one.
            let with: &[usize] = match Product::ALL[product] {
                Product::Spinning => &[0],
                Product::NonSpinning => &[0, 2],
                Product::Supplemental => &[0, 2, 3],
                _ => &[],
            };
            let counted = || with.iter().copied().filter(|other| !area.required_w[*other].is_empty()).chain([product]);
            let terms: Terms = counted().flat_map(provided).collect();
            let watts: f64 = counted().map(|other| area.required_w[other][t]).sum();
            matrix.row(&terms, watts / MW, f64::INFINITY);
        }
    }
}
