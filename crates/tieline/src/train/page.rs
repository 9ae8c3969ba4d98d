//! The one page that `tieline train` prints.
//!
//! Not modelled: colours; every number stands with its unit.

use crate::screen::{columns, wrap};
use std::fmt::Write as _;
use tieline_sim::train::{Batches, Goodput, Offer, Outlook, Price, StepStudy, Study};
use tieline_units::{Span, Utc};

/// Widest line, columns.
const WIDTH: usize = 110;
/// Rows of the layout table and of the merit order.
const LAYOUTS: usize = 5;
const RUNGS: usize = 8;
/// Nanoseconds of a day.
const DAY_NS: f64 = 86_400e9;

/// The page.
pub fn tell(study: &Study, title: &str) -> String {
    let model = &study.model;
    let mut text = format!("{}: {title}\n", study.scenario);
    let _ = writeln!(
        text,
        "{} trains {}: {} parameters, {} active, {} tokens, {:.2e} FLOP\n",
        study.job,
        model.name,
        short(model.parameters),
        short(model.active_parameters),
        short(model.tokens),
        model.work_flop
    );
    step(&mut text, &study.step);
    goodput(&mut text, &study.goodput);
    outlook(&mut text, &study.outlook);
    price(&mut text, &study.price);
    let sources: Vec<String> = study.sources.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let _ = writeln!(text, "Numbers in the scenario by source: {}.", sources.join(", "));
    text
}

/// 3.2e12 as "3.20 T".
fn short(value: f64) -> String {
    for (size, word) in [(1e15, "P"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")] {
        if value.abs() >= size {
            return format!("{:.2} {word}", value / size);
        }
    }
    format!("{value:.0}")
}

fn span(s: f64) -> String {
    match s {
        s if s >= 2.0 * 86_400.0 => format!("{:.1} d", s / 86_400.0),
        s if s >= 7200.0 => format!("{:.1} h", s / 3600.0),
        s if s >= 120.0 => format!("{:.1} min", s / 60.0),
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s <= 0.0 => "0 s".to_owned(),
        s => format!("{:.1} ms", s * 1e3),
    }
}

/// An error in percent with digits enough to show it; runs that are all alike have none.
fn error(percent: f64) -> String {
    match percent {
        p if p <= 0.0 => "% in every run".to_owned(),
        p if p < 0.001 => format!("± {p:.0e} %"),
        p => format!("± {p:.3} %"),
    }
}

/// A standard error with two figures, however small.
fn figures(error: f64) -> String {
    match error {
        e if !e.is_finite() => "unknown".to_owned(),
        e if e >= 1.0 => format!("{e:.1}"),
        e if e >= 0.1 => format!("{e:.2}"),
        e if e > 0.0 => format!("{e:.*}", (1.0 - e.log10().floor()) as usize),
        _ => "0 (all draws alike)".to_owned(),
    }
}

/// Days without decimals that the model cannot vouch for: two figures.
fn rough(days: f64) -> String {
    match days {
        d if !d.is_finite() => "never".to_owned(),
        d if d >= 9.95 => format!("{d:.0}"),
        d => format!("{d:.1}"),
    }
}

fn date(start_ns: i64, days: f64) -> String {
    if !days.is_finite() || days > 36_500.0 {
        return "never".to_owned();
    }
    let at = Utc::nanos(start_ns) + Span::nanos((days * DAY_NS) as i64);
    at.to_string().chars().take(10).collect()
}

fn step(text: &mut String, step: &StepStudy) {
    let Some(best) = step.layouts.first() else { return };
    let _ = writeln!(
        text,
        "Step     {} on {:.0} of {:.0} {}: {}, MFU {:.1} % and HFU {:.1} % of the dense {} peak ({} FLOP/s), {} tokens/s, {:.1} GB a GPU",
        best.layout,
        best.gpus,
        step.gpus,
        step.product,
        span(best.step_s),
        100.0 * best.mfu,
        100.0 * best.hfu,
        step.precision.to_uppercase(),
        short(step.peak_flops),
        short(step.tokens_per_s),
        best.memory_bytes / 1e9
    );
    let mut parts: Vec<_> = step.parts.iter().filter(|part| part.value > 0.0005 * best.step_s).collect();
    parts.sort_by(|a, b| b.value.total_cmp(&a.value));
    let said: Vec<String> =
        parts.iter().map(|part| format!("{} {:.1} %", part.name, 100.0 * part.value / best.step_s)).collect();
    let _ = writeln!(text, "         {}", wrap(&said.join(", "), WIDTH, 9));
    let rows: Vec<Vec<String>> = step
        .layouts
        .iter()
        .enumerate()
        .take(LAYOUTS)
        .map(|(place, row)| {
            vec![
                format!("{}. {}", place + 1, row.layout),
                format!("{:.0}", row.gpus),
                span(row.step_s),
                format!("{:.1} %", 100.0 * row.mfu),
                row.loses.clone(),
            ]
        })
        .collect();
    text.push_str(&columns(9, &rows));
    if step.uneven > 0.0005 {
        let _ = writeln!(
            text,
            "         the batch does not divide by the replicas: some wait, {:.1} % of their time",
            100.0 * step.uneven
        );
    }
    let [layouts, evaluations, misfits, ruled_out] = step.searched;
    let _ = writeln!(
        text,
        "         {layouts} layouts: {evaluations} evaluated in full, {misfits} do not fit, {ruled_out} ruled out by their bound"
    );
    if let Some(batches) = &step.batches {
        batch(text, batches);
    }
    if let Some(nearly) = &step.nearly {
        let _ = writeln!(text, "         faster if it fitted: {}", wrap(nearly, WIDTH, 30));
    }
    text.push('\n');
}

/// What idle GPUs cost, and what another batch would change.
fn batch(text: &mut String, batches: &Batches) {
    let dear = |gpus: f64, what: &str, usd_per_day: f64| {
        (gpus >= 0.5).then(|| format!("{gpus:.0} {what} {} $ a day", short(usd_per_day)))
    };
    let costs = [
        dear(batches.idle_gpus, "GPUs idle cost", batches.idle_usd_per_day),
        dear(
            batches.waiting_gpus,
            "GPUs' worth of waiting for uneven micro-batches costs",
            batches.waiting_usd_per_day,
        ),
    ];
    let costs: Vec<String> = costs.into_iter().flatten().collect();
    let idle = if costs.is_empty() { "no GPU is idle".to_owned() } else { costs.join("; ") };
    let better = batches.better.as_ref().map_or_else(
        || "none is faster".to_owned(),
        |better| {
            format!(
                "best {} ({} on {:.0} GPUs): {:+.1} % tokens/s",
                better.batch,
                better.layout,
                better.gpus,
                100.0 * better.faster
            )
        },
    );
    let said = format!("{idle}; of {} other batches within 10 %, {better}", batches.searched.len());
    let _ = writeln!(text, "         {}", wrap(&said, WIDTH, 9));
}

fn goodput(text: &mut String, goodput: &Goodput) {
    let _ = writeln!(
        text,
        "Goodput  a failure every {} ({:.0} a day); checkpoint {} B: {} to copy out, {} to write",
        span(goodput.between_failures_s),
        goodput.failures_per_day,
        short(goodput.checkpoint_bytes),
        span(goodput.copy_s),
        span(goodput.write_s)
    );
    let causes: Vec<String> =
        goodput.causes.iter().take(4).map(|cause| format!("{} {:.1}", cause.name, cause.value)).collect();
    let _ = writeln!(text, "         a day: {}, others less (shares of Llama 3)", causes.join(", "));
    let [young, daly, available] = goodput.formulas_s.map(span);
    let _ = writeln!(
        text,
        "         interval, if it stopped the job: Young {young}, Daly {daly}, availability {available}"
    );
    let mut rows = vec![vec!["way".to_owned(), "interval".to_owned(), "effective".to_owned(), "simulated".to_owned()]];
    for way in &goodput.ways {
        rows.push(vec![
            way.name.clone(),
            span(way.interval_s),
            format!("{:.2} %", 100.0 * way.closed_form),
            way.simulated.map_or_else(
                || "-".to_owned(),
                |s| format!("{:.2} {} (n = {:.0})", 100.0 * s.value, error(100.0 * s.standard_error), s.samples),
            ),
        ]);
    }
    text.push_str(&columns(9, &rows));
    let second = &goodput.second;
    let held = if second.bytes <= 0.0 {
        "every state has another holder; ".to_owned()
    } else {
        format!(
            "each GPU alone holds {:.1} GB; a copy in {} memory costs {:.2} % of speed; ",
            second.bytes / 1e9,
            if second.place == "gpu" { "another GPU's" } else { "a peer's host" },
            100.0 * second.slowdown
        )
    };
    let said = format!(
        "{held}this scenario: {}, {:.2} % at its own interval of {} (second_copy = \"{}\"). Elastic shares are upper bounds: no two holders fail at once, no failure takes a row",
        goodput.own,
        100.0 * goodput.own_effective,
        span(goodput.own_interval_s),
        second.place
    );
    let _ = writeln!(text, "         {}", wrap(&said, WIDTH, 9));
    if let Some((gpus, between_s, ways)) = &goodput.complete {
        let shares: Vec<String> = ways.iter().map(|way| format!("{:.1} %", 100.0 * way.value)).collect();
        let _ = writeln!(
            text,
            "         with all {gpus:.0} GPUs in one job, a failure every {}: {} in that order",
            span(*between_s),
            shares.join(", ")
        );
    }
    text.push('\n');
}

fn outlook(text: &mut String, outlook: &Outlook) {
    let said = |days: f64| {
        if days.is_finite() { format!("{days:.1} d ({})", date(outlook.start_ns, days)) } else { "never".to_owned() }
    };
    let likely = outlook.likely_d.map_or_else(|| "never on these halls".to_owned(), said);
    let [p10, p50, p90] = outlook.quantiles_d;
    let _ = writeln!(text, "Finish   {likely} with everything at its likely value");
    let _ = writeln!(
        text,
        "         P10 {} ± {}, P50 {} ± {}, P90 {} ± {} d ({} draws)",
        said(p10.0),
        figures(p10.1),
        said(p50.0),
        figures(p50.1),
        said(p90.0),
        figures(p90.1),
        outlook.draws
    );
    let mut rows = Vec::new();
    for phase in &outlook.phases {
        rows.push(vec![
            format!("from day {:.0}", phase.from_d),
            format!("{:.0} GPUs", phase.gpus),
            format!("{:.0} at work", phase.at_work),
            format!("limited by {}", phase.limited_by),
            format!("MFU {:.1} %", 100.0 * phase.mfu),
            format!("effective {:.1} %", 100.0 * phase.effective),
        ]);
    }
    text.push_str(&columns(9, &rows));
    let bars: Vec<String> = outlook
        .tornado
        .iter()
        .filter(|bar| (bar.1 - bar.2).abs() > 0.005)
        .map(|(name, low, high)| format!("{name} {} to {} d", rough(*low), rough(*high)))
        .collect();
    let _ = writeln!(text, "         it hangs on: {}", wrap(&bars.join("; "), WIDTH, 22));
    build(text, outlook);
    let rows: Vec<Vec<String>> = outlook
        .fleets
        .iter()
        .map(|fleet| {
            vec![
                fleet.name.clone(),
                fleet.model.clone(),
                format!("{:.0} at work", fleet.gpus),
                format!("MFU {:.1} %", 100.0 * fleet.mfu),
                fleet.days.map_or_else(|| "fits in no layout".to_owned(), |days| format!("{days:.1} d")),
            ]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str("         the same tokens on other fleets:\n");
        text.push_str(&columns(9, &rows));
    }
    text.push('\n');
}

/// The build-out, and what the whole run takes from each of its steps.
fn build(text: &mut String, outlook: &Outlook) {
    let Some(first) = outlook.build.first().filter(|_| outlook.build.len() > 1) else { return };
    let last = outlook.build.last().map_or(first.at_ns, |row| row.at_ns);
    let _ = writeln!(
        text,
        "         build-out over {:.0} days, and the whole run begun at each of its steps:",
        (last - first.at_ns) as f64 / DAY_NS
    );
    let rows: Vec<Vec<String>> = outlook
        .build
        .iter()
        .map(|row| {
            vec![
                date(row.at_ns, 0.0),
                format!("{:.0} GPUs", row.gpus),
                row.power_w.map_or_else(|| "no power limit".to_owned(), |watts| format!("{:.2} GW", watts / 1e9)),
                format!("{:.0} at work", row.at_work),
                format!("limited by {}", row.limited_by),
                format!("{:.1} d with this alone", row.alone_d),
                row.through_d.map_or_else(
                    || "never".to_owned(),
                    |days| format!("{days:.1} d with later steps ({})", date(row.at_ns, days)),
                ),
            ]
        })
        .collect();
    text.push_str(&columns(9, &rows));
}

fn offered(offer: &Offer) -> Vec<String> {
    if !offer.refused.is_empty() {
        return vec![format!("  {}", offer.response), format!("not on offer: {}", offer.refused)];
    }
    vec![
        format!("  {}", offer.response),
        format!("{:.1} MW", offer.shed_mw),
        format!("{} GPU-h", short(offer.gpu_hours)),
        format!("{} tokens", short(offer.tokens)),
        format!("{} late", span(offer.late_d * 86_400.0)),
        format!("{} $", short(offer.usd)),
        format!("{:.0} $/MWh", offer.usd_per_mwh),
        format!("keeps {:.0} %", 100.0 * offer.throughput),
    ]
}

fn price(text: &mut String, price: &Price) {
    let _ = writeln!(
        text,
        "Price    of shedding {:.0} % of each job's GPU power for {} with {} of notice",
        100.0 * price.depth,
        span(price.hours * 3600.0),
        span(price.notice_min * 60.0)
    );
    for job in &price.jobs {
        let idle = if job.idle_gpus > 0.0 {
            format!(" ({:.0} more idle in this layout, {:.0} MW)", job.idle_gpus, job.idle_mw)
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "         {}: {:.0} GPUs at work, {:.0} MW{idle}, tier tolerates {:.0} %; the controller is told {:.0} $/MWh",
            job.name,
            job.gpus,
            job.power_mw,
            100.0 * job.tolerance,
            job.controller_usd_per_mwh
        );
        let (on, off): (Vec<&Offer>, Vec<&Offer>) = job.offers.iter().partition(|offer| offer.refused.is_empty());
        let rows: Vec<Vec<String>> = on.into_iter().map(offered).collect();
        text.push_str(&columns(9, &rows));
        for offer in off {
            let _ = writeln!(text, "           {}: {}", offer.response, offer.refused);
        }
    }
    let [usd, gpu_hours, tokens, days] = price.together;
    let verdict = if price.met { "meet" } else { "CANNOT meet" };
    let _ = writeln!(
        text,
        "         Together, cheapest first and within their tiers, they {verdict} {:.0} %: {} $, {} GPU-h, {} tokens and {} of the run",
        100.0 * price.depth,
        short(usd),
        short(gpu_hours),
        short(tokens),
        span(days * 86_400.0)
    );
    let mut rows = Vec::new();
    // A rung that goes on with the same job is shown where it ends.
    for (place, rung) in price.merit.iter().enumerate() {
        let goes_on =
            price.merit.get(place + 1).is_some_and(|next| next.job == rung.job && next.response == rung.response);
        if !goes_on {
            rows.push(vec![
                format!("up to {:.0} MW", rung.total_mw),
                rung.job.clone(),
                format!("{} to {:.0} %", rung.response, 100.0 * rung.depth),
                format!("{:.0} $/MWh", rung.usd_per_mwh),
            ]);
        }
    }
    let more = rows.len().saturating_sub(RUNGS);
    rows.truncate(RUNGS);
    text.push_str(&columns(9, &rows));
    if more > 0 {
        let _ = writeln!(text, "         and {more} more rungs (--json has them)");
    }
    text.push('\n');
}
