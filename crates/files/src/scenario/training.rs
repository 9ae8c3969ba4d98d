//! The `[training]` table of a scenario: the run beyond its job and halls.
//!
//! Not modelled: shapes of models in the file (the known ones go by name).

use super::campus::product_of;
use super::diagnostics::nearest;
use super::sheet::Sheet;
use tieline_campus::training::cluster::Precision;
use tieline_campus::training::layout::{Attention, Layout, Overlap, Recompute, Sharding};
use tieline_campus::training::model::Transformer;
use tieline_sim::train::plan::TrainingPlan;
use tieline_units::Utc;

/// Bytes of a gigabyte.
const GB: f64 = 1e9;

/// The plan; `None` where the scenario has no such table.
pub(super) fn training(root: &Sheet<'_, '_>) -> Option<TrainingPlan> {
    if !root.has("training") {
        return None;
    }
    let sheet = root.table("training");
    let model = sheet.word("model");
    if !model.is_empty() && Transformer::named(&model).is_none() {
        let near = nearest(&model, Transformer::NAMES.iter().copied());
        let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
        sheet.wrong("model", &format!("\"{model}\""), &format!("one of: {}", Transformer::NAMES.join(", ")), &hint);
    }
    let precision = match sheet.word("precision").as_str() {
        "fp8" => Precision::Fp8,
        "fp4" => Precision::Fp4,
        _ => Precision::Bf16,
    };
    let batch = whole(&sheet, "batch");
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
    let per_gb = |key: &str| sheet.number(key).map(|gb| gb * GB);
    Some(TrainingPlan {
        model,
        precision,
        batch,
        tokens: sheet.si("tokens"),
        layout: sheet.has("layout").then(|| layout(&sheet.table("layout"), batch, precision)),
        sites: whole(&sheet, "sites"),
        bandwidth: [per_gb("domain_gb_per_s"), per_gb("fabric_gb_per_s"), per_gb("between_gb_per_s")],
        spares: sheet.si("spares"),
        repair_s: sheet.si("repair"),
        swap_s: sheet.si("swap"),
        stall_s: sheet.si("stall"),
        storage_bytes_per_s: sheet.si("storage_gb_per_s") * GB,
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

/// A whole number behind a key; what is not whole is a mistake.
fn whole(sheet: &Sheet<'_, '_>, key: &str) -> u32 {
    let value = sheet.si(key);
    if value.fract() != 0.0 {
        sheet.wrong(key, &format!("{value}"), "a whole number", "");
    }
    value as u32
}

fn layout(sheet: &Sheet<'_, '_>, batch: u32, precision: Precision) -> Layout {
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
