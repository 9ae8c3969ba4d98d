//! The `[training]` table of a scenario: the run beyond its job and halls.
//!
//! Not modelled: models whose layers differ from each other (but for first layers without experts).

use super::campus::product_of;
use super::diagnostics::nearest;
use super::sheet::Sheet;
use tieline_campus::training::cluster::Precision;
use tieline_campus::training::layout::{Attention, Layout, Overlap, Recompute, SecondCopy, Sharding};
use tieline_campus::training::model::{Experts, Transformer};
use tieline_sim::train::plan::{OtherFleet, TrainingPlan};
use tieline_units::Utc;

/// Bytes of a gigabyte.
const GB: f64 = 1e9;

/// The plan; `None` where the scenario has no such table.
pub(super) fn training(root: &Sheet<'_, '_>) -> Option<TrainingPlan> {
    if !root.has("training") {
        return None;
    }
    let sheet = root.table("training");
    // Where its mistakes were noted already, something stands in for it, so that the mistakes of all other keys are noted too.
    let model = model(&sheet, "model").unwrap_or_else(|| Transformer::classic("", 1, 1, 1));
    let precision = match sheet.word("precision").as_str() {
        "fp8" => Precision::Fp8,
        "fp4" => Precision::Fp4,
        _ => Precision::Bf16,
    };
    let batch = whole(&sheet, "batch");
    let step_tokens = f64::from(batch) * f64::from(model.sequence);
    if sheet.has("tokens") && sheet.has("batch") && !model.name.is_empty() && sheet.si("tokens") < step_tokens {
        sheet.wrong(
            "tokens",
            &format!("{:.0} tokens", sheet.si("tokens")),
            &format!("at least one step: {batch} sequences of {} tokens, {step_tokens:.0}", model.sequence),
            "did you leave out M, B or T?",
        );
    }
    let range = |low: &str, high: &str| {
        let range = (sheet.si(low), sheet.si(high));
        if range.0 > 1.0 || range.1 < 1.0 {
            sheet.wrong(
                high,
                "a range that does not hold 100 %",
                "low <= 100 % <= high",
                "they are factors on the likely value",
            );
        }
        range
    };
    let second_copy = match sheet.word("second_copy").as_str() {
        "none" => SecondCopy::None,
        "gpu" => SecondCopy::Gpu,
        _ => SecondCopy::Host,
    };
    let per_gb = |key: &str| sheet.number(key).map(|gb| gb * GB);
    Some(TrainingPlan {
        model,
        precision,
        batch,
        tokens: sheet.si("tokens"),
        layout: sheet.has("layout").then(|| layout(&sheet.table("layout"), batch, precision, second_copy)),
        sites: whole(&sheet, "sites"),
        bandwidth: [per_gb("domain_gb_per_s"), per_gb("fabric_gb_per_s"), per_gb("between_gb_per_s")],
        spares: sheet.si("spares"),
        repair_s: sheet.si("repair"),
        swap_s: sheet.si("swap"),
        stall_s: sheet.si("stall"),
        second_copy,
        fleets: sheet.tables("fleet").iter().filter_map(other_fleet).collect(),
        storage: per_gb("storage_gb_per_s"),
        copy_bytes_per_s: sheet.si("copy_gb_per_s") * GB,
        planned_every_s: sheet.si("planned_every"),
        planned_stop_s: sheet.si("planned_stop"),
        stragglers: sheet.si("stragglers"),
        resize_s: sheet.si("resize"),
        tokens_range: range("tokens_low", "tokens_high"),
        active_range: range("active_low", "active_high"),
        speed_range: range("speed_low", "speed_high"),
        fallback: sheet.si("fallback"),
        delay_s: sheet.si("delay"),
        curtailment: (sheet.si("curtail_depth"), sheet.si("curtail_duration"), sheet.si("curtail_notice")),
        latency_load: sheet.si("latency_load"),
        begin: sheet.instant("begin"),
        growth: growth(&sheet),
        power: power(&sheet),
    })
}

fn other_fleet(sheet: &Sheet<'_, '_>) -> Option<OtherFleet> {
    Some(OtherFleet {
        name: sheet.word("name"),
        gpus: sheet.si("gpus"),
        product: product_of(sheet)?.name,
        sites: whole(sheet, "sites"),
        model: if sheet.has("model") { Some(model(sheet, "model")?) } else { None },
    })
}

/// The model behind a key: a known name, or a table with a shape of its own.
fn model(sheet: &Sheet<'_, '_>, key: &str) -> Option<Transformer> {
    if sheet.is_table(key) {
        return shape(&sheet.table(key));
    }
    named(sheet, key, &sheet.text(key)?)
}

fn named(sheet: &Sheet<'_, '_>, key: &str, name: &str) -> Option<Transformer> {
    let found = Transformer::named(name);
    if found.is_none() {
        let near = nearest(name, Transformer::NAMES.iter().copied());
        let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
        sheet.wrong(key, &format!("\"{name}\""), &format!("one of: {}", Transformer::NAMES.join(", ")), &hint);
    }
    found
}

/// A shape of the scenario's own, with what it leaves out from the shape that it is like.
fn shape(sheet: &Sheet<'_, '_>) -> Option<Transformer> {
    let like = match sheet.text("like") {
        Some(name) => Some(named(sheet, "like", &name)?),
        None => None,
    };
    let own = |key: &str| sheet.number(key).map(|_| whole(sheet, key));
    let pick = |key: &str, of: fn(&Transformer) -> u32, otherwise: Option<u32>| {
        let value = own(key).or(like.as_ref().map(of)).or(otherwise);
        if value.is_none() && !sheet.has(key) {
            sheet.wrong(
                key,
                "nothing",
                "a number of things such as \"96\"",
                "the key is missing; or name a shape that it is like",
            );
        }
        value
    };
    let (layers, hidden) = (pick("layers", |m| m.layers, None), pick("hidden", |m| m.hidden, None));
    let (heads, feed_forward) = (pick("heads", |m| m.heads, None), pick("feed_forward", |m| m.feed_forward, None));
    let vocabulary = pick("vocabulary", |m| m.vocabulary, None);
    let sequence = pick("sequence", |m| m.sequence, None);
    let (layers, hidden, heads) = (layers?, hidden?, heads?);
    let kv_heads =
        own("kv_heads").or(like.as_ref().map(|m| m.kv_heads).filter(|_| !sheet.has("heads"))).unwrap_or(heads);
    let same_heads = !sheet.has("hidden") && !sheet.has("heads");
    let head_size =
        own("head_size").or(like.as_ref().map(|m| m.head_size).filter(|_| same_heads)).unwrap_or(hidden / heads);
    if !sheet.has("head_size") && !same_heads && !hidden.is_multiple_of(heads) {
        sheet.wrong(
            "heads",
            &format!("{heads} heads for a width of {hidden}"),
            "a divisor of hidden",
            "or state head_size",
        );
    }
    if !heads.is_multiple_of(kv_heads) {
        sheet.wrong("kv_heads", &format!("{kv_heads}"), &format!("a divisor of the {heads} query heads"), "");
    }
    // Compressed projections of a known shape stay only where nothing of attention is stated anew.
    let attention_as_is = same_heads && !sheet.has("kv_heads") && !sheet.has("head_size");
    let columns = heads.checked_add(kv_heads.saturating_mul(2)).and_then(|all| all.checked_mul(head_size));
    let input_width = match (like.as_ref().filter(|_| attention_as_is), columns) {
        (Some(known), _) => known.input_width,
        (None, Some(columns)) => columns,
        (None, None) => {
            sheet.wrong("head_size", "more columns than can be counted", "heads x head_size below 4 billion", "");
            return None;
        }
    };
    let flag =
        |key: &str, of: fn(&Transformer) -> bool, otherwise: bool| sheet.flag(key, like.as_ref().map_or(otherwise, of));
    let built = Transformer {
        name: sheet
            .text("name")
            .unwrap_or_else(|| like.as_ref().map_or("own model".to_owned(), |m| format!("like {}", m.name))),
        layers,
        hidden,
        feed_forward: feed_forward?,
        heads,
        head_size,
        kv_heads,
        input_width,
        vocabulary: vocabulary?,
        sequence: sequence?,
        gated: flag("gated", |m| m.gated, true),
        tied: flag("tied", |m| m.tied, false),
        causal: flag("causal", |m| m.causal, true),
        experts: experts(sheet, like.as_ref().and_then(|m| m.experts)),
    };
    if let Some(experts) = built.experts.filter(|experts| experts.dense_layers >= layers) {
        let found = format!("{} of {layers} layers without experts", experts.dense_layers);
        sheet.wrong("dense_layers", &found, "at least one layer with experts", "experts = 0 makes a dense model");
    }
    let Some(share) = sheet.number("active_share") else { return Some(built) };
    if sheet.has("experts_per_token") {
        sheet.wrong(
            "active_share",
            "an active share beside experts_per_token",
            "one of the two",
            "each sets the other",
        );
    }
    let nearest = built.with_active(share * built.parameters());
    if let (Some(least), Some(most)) = (built.with_active(0.0), built.with_active(built.parameters())) {
        let of = |model: &Transformer| model.active_parameters() / model.parameters();
        let (least, most) = (of(&least), of(&most));
        let count = built.experts.map_or(1.0, |experts| f64::from(experts.count));
        let half = 0.5 * (most - least) / (count - 1.0).max(1.0);
        if share < least - half || share > most + half {
            sheet.wrong(
                "active_share",
                &format!("{:.1} %", 100.0 * share),
                &format!("{:.1} to {:.1} %: from one expert a token to all", 100.0 * least, 100.0 * most),
                "what is not routed works on every token",
            );
        }
    }
    if nearest.is_none() {
        sheet.wrong(
            "active_share",
            "an active share of a dense model",
            "a model with experts",
            "all of a dense model works",
        );
    }
    nearest
}

fn experts(sheet: &Sheet<'_, '_>, like: Option<Experts>) -> Option<Experts> {
    let own = |key: &str| sheet.number(key).map(|_| whole(sheet, key));
    let count = own("experts").or(like.map(|e| e.count)).unwrap_or(0);
    let keys = ["experts_per_token", "shared_experts", "expert_feed_forward", "dense_layers"];
    if count == 0 {
        for key in keys.into_iter().filter(|key| sheet.has(key)) {
            sheet.wrong(key, "a number for experts", "experts to which it belongs", "state how many experts there are");
        }
        return None;
    }
    let must = |key: &str, known: Option<u32>| {
        own(key).or(known).or_else(|| {
            sheet.wrong(key, "nothing", "a number of things such as \"8\"", "a model with experts needs it");
            None
        })
    };
    // Where the active share says it, one is as good as any other to begin with.
    let known = like.map(|e| e.per_token).or(sheet.has("active_share").then_some(1));
    let per_token = must("experts_per_token", known);
    let feed_forward = must("expert_feed_forward", like.map(|e| e.feed_forward));
    let (per_token, feed_forward) = (per_token?, feed_forward?);
    if per_token > count {
        sheet.wrong("experts_per_token", &format!("{per_token}"), &format!("at most the {count} experts"), "");
    }
    Some(Experts {
        count,
        per_token,
        shared: own("shared_experts").or(like.map(|e| e.shared)).unwrap_or(0),
        feed_forward,
        dense_layers: own("dense_layers").or(like.map(|e| e.dense_layers)).unwrap_or(0),
    })
}

/// A whole number behind a key; what is not whole is a mistake.
fn whole(sheet: &Sheet<'_, '_>, key: &str) -> u32 {
    let value = sheet.si(key);
    if value.fract() != 0.0 {
        sheet.wrong(key, &format!("{value}"), "a whole number", "");
    }
    value as u32
}

fn layout(sheet: &Sheet<'_, '_>, batch: u32, precision: Precision, second_copy: SecondCopy) -> Layout {
    Layout {
        tensor: whole(sheet, "tensor"),
        context: whole(sheet, "context"),
        pipeline: whole(sheet, "pipeline"),
        data: whole(sheet, "data"),
        expert: whole(sheet, "expert"),
        interleave: whole(sheet, "interleave"),
        micro_batch: whole(sheet, "micro_batch"),
        batch,
        recompute: match sheet.word("recompute").as_str() {
            "full" => Recompute::Full,
            "selective" => Recompute::Selective,
            _ => Recompute::None,
        },
        precision,
        sharding: match sheet.word("sharding").as_str() {
            "none" => Sharding::None,
            "zero-2" => Sharding::Gradients,
            "zero-3" => Sharding::Parameters,
            _ => Sharding::Optimizer,
        },
        attention: if sheet.word("attention") == "plain" { Attention::Plain } else { Attention::Fused },
        sequence_parallel: sheet.flag("sequence_parallel", true),
        lighter_ends: sheet.flag("lighter_ends", false),
        second_copy,
        overlap: Overlap {
            tensor: sheet.si("overlap_tensor"),
            pipeline: sheet.si("overlap_pipeline"),
            data: sheet.si("overlap_data"),
            expert: sheet.si("overlap_expert"),
        },
    }
}

/// Steps of a build-out in order of time; they may lie outside the run of the other studies, which is a day.
fn growth(sheet: &Sheet<'_, '_>) -> Vec<(Utc, f64, String)> {
    let mut steps: Vec<(Utc, f64, String)> = sheet
        .tables("growth")
        .iter()
        .filter_map(|step| {
            let product = product_of(step);
            Some((step.instant("at")?, step.si("gpus"), product?.name))
        })
        .collect();
    steps.sort_by_key(|step| step.0);
    steps
}

/// Power steps in order of time.
fn power(sheet: &Sheet<'_, '_>) -> Vec<(Utc, f64)> {
    let mut steps: Vec<(Utc, f64)> =
        sheet.tables("power").iter().filter_map(|step| step.instant("at").map(|at| (at, step.si("limit")))).collect();
    steps.sort_by_key(|step| step.0);
    steps
}
