//! The one page that `tieline train` prints.
//!
//! Not modelled: colours; every number stands with its unit.

use crate::screen::{columns, wrap};
use std::fmt::Write as _;
use tieline_sim::train::{Batches, Goodput, Offer, Outlook, Price, Rung, Spares, StepStudy, Study};
use tieline_units::{Span, Utc};

/// Widest line, columns.
const WIDTH: usize = 110;
/// Rows of the layout table and of the merit order.
const LAYOUTS: usize = 5;
const RUNGS: usize = 8;
/// Days beyond which nothing is told but that it takes longer.
const MOST_D: f64 = 36_500.0;
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

/// Bytes: 8.37e13 as "83.7 TB".
fn bytes(value: f64) -> String {
    for (size, word) in [(1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")] {
        if value.abs() >= size {
            return format!("{:.2} {word}", value / size);
        }
    }
    format!("{value:.0} B")
}

/// A number of some size with three figures, and without decimals from a hundred on.
fn three(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.9995 => format!("{value:.2}"),
        v if v > 0.0 && v.is_finite() => format!("{value:.*}", (2.0 - v.log10().floor()) as usize),
        _ => format!("{value:.0}"),
    }
}

/// How often something fails.
fn every(between_s: f64) -> String {
    if between_s.is_finite() {
        format!("a failure every {} ({} a day)", span(between_s), three(86_400.0 / between_s))
    } else {
        "no failures".to_owned()
    }
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
        d if d > MOST_D => "more than 100 years".to_owned(),
        d if d >= 9.95 => format!("{d:.0}"),
        d => format!("{d:.1}"),
    }
}

fn date(start_ns: i64, days: f64) -> String {
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
    let fewer = batches.fewer.as_ref().map_or_else(String::new, |fewer| {
        format!(
            "; {:.0} GPUs are nearly as fast: {} in {}, {:.0} % of the tokens/s",
            fewer.gpus,
            fewer.layout,
            span(fewer.step_s),
            100.0 * fewer.kept
        )
    });
    let said = format!("{idle}; of {} other batches within 10 %, {better}{fewer}", batches.searched.len());
    let _ = writeln!(text, "         {}", wrap(&said, WIDTH, 9));
}

fn goodput(text: &mut String, goodput: &Goodput) {
    let _ = writeln!(
        text,
        "Goodput  {}; checkpoint {}: {} to copy out, {} to write",
        every(goodput.between_failures_s),
        bytes(goodput.checkpoint_bytes),
        span(goodput.copy_s),
        span(goodput.write_s)
    );
    if goodput.failures_per_day > 0.0 {
        let causes: Vec<String> =
            goodput.causes.iter().take(4).map(|cause| format!("{} {}", cause.name, three(cause.value))).collect();
        let _ = writeln!(text, "         a day: {}, others less (shares of Llama 3)", causes.join(", "));
        let formulas: Vec<String> =
            goodput.formulas.iter().map(|formula| format!("{} {}", formula.name, span(formula.value))).collect();
        let said = format!("interval by formula, if each checkpoint stopped the job: {}", formulas.join(", "));
        let _ = writeln!(text, "         {}", wrap(&said, WIDTH, 9));
    }
    let _ = writeln!(text, "         {}", wrap(&spares(&goodput.spares), WIDTH, 9));
    let heads = ["way", "interval", "effective", "simulated", "storage writes"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for way in &goodput.ways {
        rows.push(vec![
            way.name.clone(),
            span(way.interval_s),
            format!("{:.2} %", 100.0 * way.closed_form),
            way.simulated.map_or_else(
                || "-".to_owned(),
                |s| format!("{:.2} {} (n = {:.0})", 100.0 * s.value, error(100.0 * s.standard_error), s.samples),
            ),
            format!("{} % of the time", three(100.0 * way.storage_busy)),
        ]);
    }
    text.push_str(&columns(9, &rows));
    for note in &goodput.notes {
        let _ = writeln!(text, "         {}", wrap(note, WIDTH, 9));
    }
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
            "         with all {gpus:.0} GPUs in one job, {}: {} in that order",
            every(*between_s),
            shares.join(", ")
        );
    }
    text.push('\n');
}

/// The nodes that stand by, and what they change.
fn spares(spares: &Spares) -> String {
    if spares.nodes <= 0.0 {
        let why = if spares.wanted > 0.0 {
            format!("{} % are wanted, which is no whole node beside this layout", three(100.0 * spares.wanted))
        } else {
            "none are wanted".to_owned()
        };
        return format!("spares: none ({why}); a failed node is missing for {}", span(spares.repair_s));
    }
    let change = spares.without.as_ref().map_or_else(String::new, |without| {
        format!(
            "; without any: {} on {:.0} GPUs, effective {:.1} %, {:+.1} % tokens kept",
            without.layout,
            without.gpus,
            100.0 * without.effective,
            100.0 * without.faster
        )
    });
    format!(
        "spares: {:.0} nodes ({:.0} GPUs, {} $ a day) stand by and do not compute, for nodes that are away {} each{change}",
        spares.nodes,
        spares.gpus,
        short(spares.usd_per_day),
        span(spares.repair_s)
    )
}

fn outlook(text: &mut String, outlook: &Outlook) {
    let said = |days: f64| match days {
        d if !d.is_finite() => "never".to_owned(),
        d if d > MOST_D => "more than 100 years".to_owned(),
        d => format!("{d:.1} d ({})", date(outlook.start_ns, d)),
    };
    let likely = outlook.likely_d.map_or_else(|| "never on these halls".to_owned(), said);
    let _ = writeln!(text, "Finish   {likely} with everything at its likely value");
    let quantile = |(name, (days, error)): (&str, (f64, f64))| match days {
        d if d.is_finite() && d <= MOST_D => format!("{name} {} ± {}", said(d), figures(error)),
        d => format!("{name} {}", said(d)),
    };
    let quantiles: Vec<String> = ["P10", "P50", "P90"].into_iter().zip(outlook.quantiles_d).map(quantile).collect();
    let _ = writeln!(text, "         {} ({} draws)", quantiles.join(", "), outlook.draws);
    if outlook.never > 0.0 {
        let _ = writeln!(
            text,
            "         {} % of the draws never finish: see the bars that end at never",
            three(100.0 * outlook.never)
        );
    }
    if !outlook.aside.is_empty() {
        let _ = writeln!(text, "         {}", wrap(&outlook.aside, WIDTH, 9));
    }
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
        .filter(|bar| bar.1.is_finite() != bar.2.is_finite() || (bar.1 - bar.2).abs() > 0.005)
        .map(|(name, low, high)| format!("{name} {} to {} d", rough(*low), rough(*high)))
        .collect();
    if !bars.is_empty() {
        let _ = writeln!(text, "         it hangs on: {}", wrap(&bars.join("; "), WIDTH, 22));
    }
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
                fleet.days.map_or_else(|| "fits in no layout".to_owned(), length),
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
                format!("{} with this alone", length(row.alone_d)),
                row.through_d.map_or_else(
                    || "never".to_owned(),
                    |days| {
                        let day = if days > MOST_D { String::new() } else { format!(" ({})", date(row.at_ns, days)) };
                        format!("{} with later steps{day}", length(days))
                    },
                ),
            ]
        })
        .collect();
    text.push_str(&columns(9, &rows));
}

/// A length in days.
fn length(days: f64) -> String {
    if days > MOST_D { "more than 100 years".to_owned() } else { format!("{days:.1} d") }
}

fn offered(offer: &Offer) -> Vec<String> {
    if !offer.refused.is_empty() {
        return vec![format!("  {}", offer.response), format!("not on offer: {}", offer.refused)];
    }
    vec![
        format!("  {}", offer.response),
        format!("{} MW", three(offer.shed_mw)),
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
            format!(" ({:.0} more stand by or idle, {} MW)", job.idle_gpus, three(job.idle_mw))
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "         {}: {:.0} GPUs at work, {} MW{idle}, tier tolerates {:.0} %; the controller is told {:.0} $/MWh",
            job.name,
            job.gpus,
            three(job.power_mw),
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
    let verdict = if price.met {
        format!("meet {} %", three(100.0 * price.depth))
    } else {
        format!("CANNOT meet {} %, only {} %", three(100.0 * price.depth), three(100.0 * price.reached))
    };
    let said = format!(
        "Together, cheapest first and within their tiers, they {verdict}: {} $, {} GPU-h, {} tokens and {} of the run",
        short(usd),
        short(gpu_hours),
        short(tokens),
        span(days * 86_400.0)
    );
    let _ = writeln!(text, "         {}", wrap(&said, WIDTH, 9));
    let mut rows = merit(&price.merit);
    let more = rows.len().saturating_sub(RUNGS);
    rows.truncate(RUNGS);
    text.push_str(&columns(9, &rows));
    if more > 0 {
        let _ = writeln!(text, "         and {more} more rungs (--json has them)");
    }
    text.push('\n');
}

/// The merit order: rungs of one job and answer that follow each other as one row, with the prices of all of them.
fn merit(rungs: &[Rung]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut before_mw = 0.0;
    for run in rungs.chunk_by(|a, b| a.job == b.job && a.response == b.response) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let mut from_mw = before_mw;
        let mut usd_per_h = 0.0;
        for rung in run {
            usd_per_h += (rung.total_mw - from_mw) * rung.usd_per_mwh;
            from_mw = rung.total_mw;
        }
        let price = if format!("{:.0}", first.usd_per_mwh) == format!("{:.0}", last.usd_per_mwh) {
            format!("{:.0} $/MWh", last.usd_per_mwh)
        } else {
            let mean = usd_per_h / (last.total_mw - before_mw);
            format!("{:.0} to {:.0} $/MWh, mean {mean:.0}", first.usd_per_mwh, last.usd_per_mwh)
        };
        rows.push(vec![
            format!("up to {} MW", three(last.total_mw)),
            first.job.clone(),
            format!("{} to {:.0} %", first.response, 100.0 * last.depth),
            price,
        ]);
        before_mw = last.total_mw;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_that_go_on_are_told_with_all_their_prices() {
        let rung = |job: &str, depth, total_mw, usd_per_mwh| Rung {
            job: job.to_owned(),
            response: "cap",
            depth,
            total_mw,
            usd_per_mwh,
        };
        let rows =
            merit(&[rung("RL", 0.21, 20.9, 864.0), rung("RL", 0.22, 21.9, 968.0), rung("run", 0.05, 40.0, 996.0)]);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0], ["up to 21.9 MW", "RL", "cap to 22 %", "864 to 968 $/MWh, mean 869"]);
        assert_eq!(rows[1][3], "996 $/MWh");
        // A site of a hundred GPUs sheds kilowatts, and says so.
        assert_eq!(merit(&[rung("run", 0.23, 0.0123, 864.0)])[0][0], "up to 0.0123 MW");
    }

    #[test]
    fn what_is_small_or_endless_is_told_as_such() {
        assert_eq!(every(2.1 * 86_400.0), "a failure every 2.1 d (0.476 a day)");
        assert_eq!(every(f64::INFINITY), "no failures");
        assert_eq!(bytes(83.73e12), "83.73 TB");
        assert_eq!(
            (length(36_156_406.2).as_str(), rough(36_156_406.2).as_str()),
            ("more than 100 years", "more than 100 years")
        );
    }
}
