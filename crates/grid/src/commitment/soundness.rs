//! What makes a problem meaningless, and what makes a schedule break its problem's rules.
//!
//! Both are written without the matrix, so that a slip there is seen here.
//!
//! Not modelled: whether a sound problem can be solved; that is the solver's.

use super::{Plan, Problem, Subject, Unit, lines};

/// Watts by which a schedule may miss a limit: HiGHS keeps rows to 1e-7 MW each, sums of a hundred to more.
const SLACK_W: f64 = 50.0;

/// Everything wrong with a problem: what it is about, and in words.
pub(super) fn findings(problem: &Problem) -> Vec<(Subject, String)> {
    let mut found = Vec::new();
    let steps = problem.steps;
    if steps == 0 {
        found.push((Subject::Whole, "there is no step".to_owned()));
    }
    if !(problem.step_s.is_finite() && problem.step_s > 0.0) {
        found.push((Subject::Whole, format!("a step is {} s long", problem.step_s)));
    }
    // A bus may feed in more than it draws (sun on roofs); the whole may not: then there is nothing to commit for.
    series(&mut found, problem, Subject::Load, "load", &problem.load_w);
    if !problem.reserve.required_w.is_empty() {
        series(&mut found, problem, Subject::Reserve, "reserve", &problem.reserve.required_w);
    }
    for (index, renewable) in problem.renewables.iter().enumerate() {
        let (subject, name) = (Subject::Renewable(index), &renewable.name);
        let before = found.len();
        series(&mut found, problem, subject, &format!("renewable {name}, least"), &renewable.least_w);
        series(&mut found, problem, subject, &format!("renewable {name}, greatest"), &renewable.most_w);
        let above = |(least, most): (&f64, &f64)| least > most;
        if found.len() == before
            && let Some(t) = renewable.least_w.iter().zip(&renewable.most_w).position(above)
        {
            let (least, most) = (renewable.least_w[t] / 1e6, renewable.most_w[t] / 1e6);
            let what = format!("renewable {name}: least {least} MW is above greatest {most} MW in step {}", t + 1);
            found.push((subject, what));
        }
    }
    for (index, fuel) in problem.fuels.iter().enumerate() {
        series(&mut found, problem, Subject::Fuel(index), &format!("fuel {}", fuel.name), &fuel.per_step);
    }
    for (index, unit) in problem.units.iter().enumerate() {
        let mut own = Vec::new();
        unit_complaints(problem, unit, &mut own);
        found.extend(own.into_iter().map(|what| (Subject::Unit(index), what)));
    }
    store_complaints(problem, &mut found);
    if let Some(services) = &problem.services {
        for (index, area) in services.areas.iter().enumerate() {
            let wrong = |watts: &Vec<f64>| !watts.is_empty() && watts.len() != steps;
            if area.required_w.iter().any(wrong) || area.members.iter().any(|member| *member >= problem.units.len()) {
                let what = format!("area {}: requirements or units do not fit", area.name);
                found.push((Subject::Area(index), what));
            }
        }
    }
    if let Some(network) = &problem.lines {
        let mut own = Vec::new();
        lines::complaints(problem, network, &mut own);
        found.extend(own.into_iter().map(|what| (Subject::Lines, what)));
    }
    found
}

/// A series that is not one a step, or has what is no number or negative.
fn series(found: &mut Vec<(Subject, String)>, problem: &Problem, subject: Subject, name: &str, values: &[f64]) {
    let steps = problem.steps;
    if values.len() != steps {
        found.push((subject, format!("{name}: {} values, expected {steps}", values.len())));
    } else if let Some(t) = values.iter().position(|value| !(value.is_finite() && *value >= 0.0)) {
        let value =
            if matches!(subject, Subject::Fuel(_)) { values[t].to_string() } else { format!("{} MW", values[t] / 1e6) };
        found.push((subject, format!("{name}: {value} in step {}, expected at least 0", t + 1)));
    }
}

fn unit_complaints(problem: &Problem, unit: &Unit, found: &mut Vec<String>) {
    let mut say = |what: String| found.push(format!("unit {}: {what}", unit.name));
    let limits = [unit.least_w, unit.most_w, unit.up_w, unit.down_w, unit.begin_w, unit.end_w];
    if limits.iter().any(|limit| !(limit.is_finite() && *limit >= 0.0)) {
        say("a limit is negative or no number".to_owned());
        return;
    }
    if unit.most_w < unit.least_w {
        say(format!("greatest output {} MW is below the least one, {} MW", unit.most_w / 1e6, unit.least_w / 1e6));
    }
    if unit.begin_w < unit.least_w || unit.end_w < unit.least_w {
        say("it can start or stop only below its least output, so never".to_owned());
    }
    if unit.first.on && !(unit.first.output_w >= unit.least_w - 1e-3 && unit.first.output_w <= unit.most_w + 1e-3) {
        say(format!("it is on before the first step at {} MW, outside its limits", unit.first.output_w / 1e6));
    }
    if unit.first.steps == 0 {
        say("it has been on or off for no step before the first".to_owned());
    }
    if !unit.ordered.is_empty() && unit.ordered.len() != problem.steps {
        say(format!("{} orders, expected {}", unit.ordered.len(), problem.steps));
    }
    let (kept_on, kept) = unit.held();
    for (t, order) in unit.ordered.iter().enumerate().take(kept) {
        if order.is_some_and(|order| order != kept_on) {
            let word = if kept_on { "on" } else { "off" };
            say(format!("ordered otherwise in step {}, but its minimum time keeps it {word} for {kept} steps", t + 1));
            break;
        }
    }
    if unit.curve.is_empty() || unit.curve.iter().any(|(at, usd)| !at.is_finite() || !usd.is_finite()) {
        say("no cost curve, or one with what is no number".to_owned());
        return;
    }
    let mut slope = f64::NEG_INFINITY;
    for pair in unit.curve.windows(2) {
        let width = pair[1].0 - pair[0].0;
        if width < 0.0 {
            say("its cost curve goes backward".to_owned());
        } else if width > 0.0 {
            let next = (pair[1].1 - pair[0].1) / width;
            // Published curves are rounded to cents: a share of the slope is no concavity.
            if next < slope - 1e-6 * slope.abs() - 1e-12 {
                say("its cost curve is not convex: more output may not cost less a MWh".to_owned());
                break;
            }
            slope = next;
        }
    }
    let (low, high) = (unit.curve[0].0, unit.curve[unit.curve.len() - 1].0);
    let apart = |a: f64, b: f64| (a - b).abs() > 1e-6 * (1.0 + unit.most_w);
    if apart(low, unit.least_w) || apart(high, unit.most_w) {
        say(format!(
            "its cost curve runs from {} to {} MW, its output from {} to {} MW",
            low / 1e6,
            high / 1e6,
            unit.least_w / 1e6,
            unit.most_w / 1e6
        ));
    }
    if unit.starts.windows(2).any(|pair| pair[1].off <= pair[0].off || pair[1].usd < pair[0].usd) {
        say("its start-up classes are not from hot to cold".to_owned());
    }
    if let Some(burns) = &unit.burns {
        let other = burns.other.and_then(|other| other.supply);
        if burns.per_h.len() != unit.curve.len()
            || [burns.supply, other].into_iter().flatten().any(|supply| supply >= problem.fuels.len())
        {
            say("its fuel curve or supply does not fit".to_owned());
        }
    }
}

fn store_complaints(problem: &Problem, found: &mut Vec<(Subject, String)>) {
    for (index, store) in problem.stores.iter().enumerate() {
        let positive = [store.charge_efficiency, store.discharge_efficiency, store.keep];
        let sizes = [store.charge_w, store.discharge_w, store.energy_j, store.first_j, store.last_j, store.floor_j];
        if positive.iter().any(|share| !(*share > 0.0 && *share <= 1.0))
            || sizes.iter().any(|size| !(size.is_finite() && *size >= 0.0))
            || store.first_j > store.energy_j
            || store.last_j > store.energy_j
            || store.floor_j > store.energy_j
        {
            let what = format!("storage {}: a size, efficiency or energy is outside its range", store.name);
            found.push((Subject::Store(index), what));
        }
        if !store.inflow_w.is_empty() {
            let name = format!("storage {}, inflow", store.name);
            series(found, problem, Subject::Store(index), &name, &store.inflow_w);
        }
    }
}

/// Every rule that a schedule breaks, in words; empty for one that keeps them.
pub(super) fn violations(problem: &Problem, plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    for index in 0..problem.units.len() {
        unit_violations(problem, plan, index, &mut found);
    }
    supply_violations(problem, plan, &mut found);
    for t in 0..problem.steps {
        let mut supply_w: f64 = plan.output_w.iter().map(|unit| unit[t]).sum();
        supply_w += plan.renewable_w.iter().map(|unit| unit[t]).sum::<f64>();
        for store in 0..problem.stores.len() {
            supply_w += plan.discharge_w[store][t] - plan.charge_w[store][t];
        }
        let open = supply_w + plan.shed_w[t] - plan.surplus_w[t] - problem.load_w[t];
        if open.is_nan() || open.abs() > SLACK_W {
            found.push(format!("step {}: supply and load are {open} W apart", t + 1));
        }
        let spare_w: f64 = plan.spare_w.iter().map(|unit| unit[t]).sum();
        let required = problem.reserve.required_w.get(t).copied().unwrap_or(0.0);
        if spare_w + plan.short_w[t] < required - SLACK_W {
            found.push(format!("step {}: reserve {spare_w} W of {required} W", t + 1));
        }
        if let Some(times) = problem.reserve.contingency {
            for index in 0..problem.units.len() {
                let left = spare_w + plan.short_w[t] - plan.spare_w[index][t];
                if left < times * plan.output_w[index][t] - 2.0 * SLACK_W {
                    found.push(format!("step {}: reserve does not cover unit {}", t + 1, problem.units[index].name));
                }
            }
        }
    }
    found
}

/// Storages, renewables and lines.
fn supply_violations(problem: &Problem, plan: &Plan, found: &mut Vec<String>) {
    let slack_j = SLACK_W * problem.step_s;
    for (index, store) in problem.stores.iter().enumerate() {
        let mut before_j = store.first_j;
        for t in 0..problem.steps {
            let (charge_w, discharge_w) = (plan.charge_w[index][t], plan.discharge_w[index][t]);
            let energy_j = plan.energy_j[index][t];
            let mut say = |what: &str| found.push(format!("storage {}, step {}: {what}", store.name, t + 1));
            if charge_w > store.charge_w + SLACK_W || discharge_w > store.discharge_w + SLACK_W {
                say("more than it can");
            }
            if charge_w.min(discharge_w) > SLACK_W {
                say("fills and empties at once");
            }
            let flow_w = charge_w * store.charge_efficiency - discharge_w / store.discharge_efficiency;
            let most_j =
                before_j * store.keep + (flow_w + store.inflow_w.get(t).copied().unwrap_or(0.0)) * problem.step_s;
            let least_j = before_j * store.keep + flow_w * problem.step_s;
            if energy_j > most_j + slack_j || energy_j < least_j - slack_j {
                say("its energy does not follow from its power");
            }
            let last_j = if t + 1 == problem.steps { store.last_j } else { 0.0 };
            if energy_j > store.energy_j + slack_j || energy_j < store.floor_j.max(last_j) - slack_j {
                say("its energy is outside its limits");
            }
            before_j = energy_j;
        }
    }
    for (renewable, taken_w) in problem.renewables.iter().zip(&plan.renewable_w) {
        for (t, watts) in taken_w.iter().enumerate() {
            if *watts < renewable.least_w[t] - SLACK_W || *watts > renewable.most_w[t] + SLACK_W {
                found.push(format!("renewable {}, step {}: outside its limits", renewable.name, t + 1));
            }
        }
    }
    let Some(lines) = &problem.lines else { return };
    for (t, flow_w) in plan.flow_w.iter().enumerate() {
        for (branch, watts) in flow_w.iter().enumerate() {
            let rating_w = lines.network.branches.rating_va[branch];
            let limited = lines.network.carries(branch) && rating_w > 0.0 && rating_w.is_finite();
            if limited && watts.abs() > rating_w * (1.0 + 1e-5) + SLACK_W {
                found.push(format!("{}, step {}: above its rating", lines.network.branch_name(branch), t + 1));
            }
        }
    }
    for (link, flow_w) in lines.links.iter().zip(&plan.link_w) {
        if let Some(t) = flow_w.iter().position(|watts| watts.abs() > link.most_w + SLACK_W) {
            found.push(format!("DC line {}, step {}: more than it can", link.name, t + 1));
        }
    }
}

fn unit_violations(problem: &Problem, plan: &Plan, index: usize, found: &mut Vec<String>) {
    let unit = &problem.units[index];
    let (mut was_on, mut steps, mut before_w) = (unit.first.on, unit.first.steps, unit.first.output_w);
    for t in 0..problem.steps {
        let (on, output_w, spare_w) = (plan.on[index][t], plan.output_w[index][t], plan.spare_w[index][t]);
        let mut say = |what: &str| found.push(format!("unit {}, step {}: {what}", unit.name, t + 1));
        if on != was_on {
            let least = if was_on { unit.least_up } else { unit.least_down };
            if steps < least {
                say("changes before its minimum time");
            }
            steps = 0;
        }
        if unit.ordered.get(t).copied().flatten().is_some_and(|order| order != on) {
            say("does not follow its order");
        }
        if on && (output_w < unit.least_w - SLACK_W || output_w + spare_w > unit.most_w + SLACK_W) {
            say("outside its limits");
        }
        if !on && (output_w.abs() > SLACK_W || spare_w > SLACK_W) {
            say("gives power while off");
        }
        if on && was_on {
            if output_w + spare_w - before_w > unit.up_w + SLACK_W || before_w - output_w > unit.down_w + SLACK_W {
                say("ramps too fast");
            }
        } else if on && output_w + spare_w > unit.begin_w + SLACK_W {
            say("starts too high");
        } else if was_on && !on && before_w > unit.end_w + SLACK_W {
            say("stops from too high");
        }
        (was_on, before_w) = (on, output_w);
        steps += 1;
    }
}
