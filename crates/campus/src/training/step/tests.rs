use super::super::layout::Overlap;
use super::*;

/// Table 5 of arXiv 2205.05198: model, GPUs, layout, seconds with full recomputation, with sequence parallelism and
/// selective recomputation.
fn table_5() -> Vec<(Transformer, Layout, f64, f64)> {
    let row = |name: &str, pipeline, interleave, micro_batch, batch, full_s, selective_s| {
        let layout = Layout {
            tensor: 8,
            pipeline,
            interleave,
            micro_batch,
            batch,
            sequence_parallel: false,
            sharding: Sharding::None,
            recompute: Recompute::Full,
            attention: Attention::Plain,
            overlap: Overlap::NONE,
            ..Layout::ONE
        };
        (Transformer::named(name).expect("in the list"), layout, full_s, selective_s)
    };
    vec![
        row("megatron-22b", 1, 1, 4, 4, 1.42, 1.10),
        row("gpt3-175b", 8, 3, 1, 64, 18.13, 13.75),
        row("turing-530b", 35, 3, 1, 280, 49.05, 37.83),
        row("megatron-1t", 64, 1, 1, 512, 94.42, 71.49),
    ]
}

fn errors() -> (Vec<f64>, Vec<f64>) {
    let cluster = Cluster::named("A100").expect("in the list");
    let mut errors = (Vec::new(), Vec::new());
    for (model, full, full_s, selective_s) in table_5() {
        let selective = Layout { sequence_parallel: true, recompute: Recompute::Selective, ..full };
        errors.0.push(evaluate(&model, &cluster, &full).time_s / full_s - 1.0);
        errors.1.push(evaluate(&model, &cluster, &selective).time_s / selective_s - 1.0);
    }
    errors
}

#[test]
fn the_selective_rows_of_table_5_are_predicted() {
    let (full, selective) = errors();
    let mean = |v: &[f64]| v.iter().map(|e| e.abs()).sum::<f64>() / v.len() as f64;
    let worst = |v: &[f64]| v.iter().fold(0.0_f64, |m, e| m.max(e.abs()));
    assert!(mean(&full) < 0.01, "calibrated: {full:?}");
    assert!(mean(&selective) < 0.05 && worst(&selective) < 0.10, "predicted: {selective:?}");
    let all: Vec<f64> = full.iter().chain(&selective).copied().collect();
    assert!(mean(&all) < 0.0365 && worst(&all) < 0.0887, "Calculon is better: {all:?}");
}

#[test]
fn the_parts_sum_to_the_step() {
    let cluster = Cluster::named("A100").expect("in the list");
    for (model, layout, ..) in table_5() {
        let step = evaluate(&model, &cluster, &layout);
        let sum: f64 = step.parts(&layout, &model).iter().map(|part| part.1).sum();
        assert!((sum / step.time_s - 1.0).abs() < 1e-12);
        assert!(step.parts(&layout, &model).iter().all(|part| part.1 >= -1e-9), "{:?}", step.parts(&layout, &model));
        assert!(step.hfu > step.mfu && step.mfu > 0.3 && step.hfu < 0.75);
    }
}

#[test]
fn more_of_anything_slow_never_makes_a_step_faster() {
    let cluster = Cluster::named("H100").expect("in the list");
    let model = Transformer::named("llama-3-405b").expect("in the list");
    let layout = Layout {
        tensor: 8,
        pipeline: 16,
        data: 64,
        interleave: 8,
        batch: 2048,
        recompute: Recompute::Selective,
        lighter_ends: true,
        overlap: Overlap::NONE,
        ..Layout::ONE
    };
    let base = step(&model, &cluster, &layout).expect("it works").time_s;
    let mut slower = cluster.clone();
    slower.fabric.bytes_per_s *= 0.5;
    assert!(evaluate(&model, &slower, &layout).time_s > base);
    let mut slower = cluster.clone();
    slower.domain.bytes_per_s *= 0.5;
    assert!(evaluate(&model, &slower, &layout).time_s > base);
    let mut slower = cluster.clone();
    slower.accelerator.memory_bytes_per_s *= 0.5;
    assert!(evaluate(&model, &slower, &layout).time_s > base);
    let sites = Cluster { sites: 3, ..cluster.clone() };
    assert!(evaluate(&model, &sites, &layout).time_s > base);
    let full = Layout { recompute: Recompute::Full, ..layout };
    assert!(evaluate(&model, &cluster, &full).time_s > base);
}

#[test]
fn llama_3_comes_out_as_its_makers_software_did_not() {
    let cluster = Cluster::named("H100").expect("in the list");
    let model = Transformer::named("llama-3-405b").expect("in the list");
    // NVIDIA's software: 17.20 s on 576 GPUs in 16 bits, 11.24 s in 8 (N-TRAIN-03).
    for (precision, published_s) in [(Precision::Bf16, 17.20), (Precision::Fp8, 11.24)] {
        let layout =
            Layout { tensor: 8, context: 2, pipeline: 9, data: 4, interleave: 7, batch: 252, precision, ..Layout::ONE };
        let error = evaluate(&model, &cluster, &layout).time_s / published_s - 1.0;
        assert!(error.abs() < 0.06, "{precision:?}: {error}");
    }
    // Its maker's hid no tensor collectives, and reached less: V-TRAIN-28 allows three points, and fails.
    let overlap = Overlap { tensor: 0.0, ..Overlap::USUAL };
    let layout = Layout { tensor: 8, pipeline: 16, interleave: 8, lighter_ends: true, overlap, ..Layout::ONE };
    let long = Transformer { sequence: 131_072, ..model.clone() };
    for (model, layout, published) in [
        (&model, Layout { data: 64, batch: 2048, ..layout }, 0.43),
        (&model, Layout { data: 128, batch: 2048, ..layout }, 0.41),
        (&long, Layout { context: 16, data: 8, batch: 128, ..layout }, 0.38),
    ] {
        let off = evaluate(model, &cluster, &layout).mfu - published;
        assert!(off > -0.03 && off < 0.08, "{layout}: {off}");
    }
}

#[test]
fn the_slowest_of_many_is_their_expected_largest() {
    let gpu = Cluster::named("A100").expect("in the list").accelerator;
    let over = |gpus: f64| (gpu.slowest(gpus) - 1.0) / gpu.spread;
    // Expected largest of n standard normals, exact to the digits given (Harter 1961, table 1).
    for (gpus, exact) in [(2.0, 0.564), (8.0, 1.424), (64.0, 2.383), (100.0, 2.508), (400.0, 2.968)] {
        assert!((over(gpus) / exact - 1.0).abs() < 0.05, "{gpus}: {} for {exact}", over(gpus));
    }
    assert_eq!(gpu.slowest(1.0), 1.0);
    assert!(over(555_000.0) > over(16_384.0) && over(555_000.0) < 5.0);
}

/// Published FP8 runs on H100 with known layouts (NVIDIA NeMo 24.07 performance summary): model, layout, TFLOP/s per GPU.
fn nemo() -> Vec<(Transformer, Layout, f64)> {
    let run = |name: &str, [tensor, context, pipeline, data, interleave, micro_batch, batch]: [u32; 7], tflops: f64| {
        let model = Transformer { causal: true, ..Transformer::named(name).expect("in the list") };
        let layout = Layout {
            tensor,
            context,
            pipeline,
            data,
            interleave,
            micro_batch,
            batch,
            precision: Precision::Fp8,
            ..Layout::ONE
        };
        (model, layout, tflops * 1e12)
    };
    vec![
        run("llama-2-70b", [4, 1, 4, 4, 20, 1, 128], 759.0),
        run("gpt3-175b", [4, 1, 8, 4, 6, 1, 256], 782.0),
        run("gpt3-175b", [4, 1, 8, 16, 6, 2, 2048], 842.0),
        run("llama-2-7b", [1, 1, 1, 8, 1, 1, 128], 776.0),
        run("llama-3-70b", [4, 2, 4, 2, 5, 1, 128], 738.0),
    ]
}

#[test]
fn h100_is_calibrated_on_one_fp8_run_and_predicts_the_others() {
    let cluster = Cluster::named("H100").expect("in the list");
    for (place, (model, layout, published)) in nemo().into_iter().enumerate() {
        // Megatron counts attention below the diagonal as if it were whole.
        let counted = Transformer { causal: false, ..model.clone() };
        let step = evaluate(&model, &cluster, &layout);
        let reached = counted.flops_per_token() * step.tokens_per_s / layout.gpus();
        let error = reached / published - 1.0;
        assert!(error.abs() < if place == 0 { 0.005 } else { 0.08 }, "{}: {error}", model.name);
    }
}

/// Published runs of DeepSeek-V3 with known layouts (NVIDIA Megatron Bridge performance summaries 25.09 and 25.11, tokens
/// spread evenly over the experts): product, layout, tokens per second per GPU.
fn deepseek() -> Vec<(&'static str, Layout, f64)> {
    let run = |product, [tensor, pipeline, interleave, expert, gpus, batch]: [u32; 6], precision, tokens_per_s| {
        let data = gpus / tensor / pipeline;
        let layout =
            Layout { tensor, pipeline, interleave, expert, data, batch, precision, lighter_ends: false, ..Layout::ONE };
        (product, layout, tokens_per_s)
    };
    vec![
        run("H100", [2, 8, 4, 64, 1024, 8192], Precision::Fp8, 1297.0),
        run("GB200", [1, 4, 4, 64, 256, 2048], Precision::Fp8, 3653.0),
        run("GB200", [1, 4, 4, 64, 256, 4096], Precision::Bf16, 3139.0),
        run("GB200", [1, 8, 4, 32, 256, 4096], Precision::Fp8, 4018.0),
        run("GB300", [1, 2, 4, 32, 256, 4096], Precision::Fp8, 4357.0),
        run("GB300", [1, 2, 4, 32, 256, 4096], Precision::Bf16, 3848.0),
    ]
}

#[test]
fn models_with_experts_come_out_too_fast() {
    // 61 layers do not divide over these stages; the published runs cut them unevenly, so 64 are cut and 61 counted.
    let published = Transformer::named("deepseek-v3").expect("in the list");
    let cut = Transformer { layers: 64, ..published.clone() };
    for (product, layout, tokens_per_s) in deepseek() {
        let cluster = Cluster::named(product).expect("in the list");
        let reached = evaluate(&cut, &cluster, &layout).tokens_per_s / layout.gpus();
        // LIMITATIONS says how much: 8 % on H100, 14 to 35 % on GB200 and GB300.
        let over = reached / tokens_per_s - 1.0;
        assert!(over > 0.0 && over < if product == "H100" { 0.12 } else { 0.40 }, "{product} {layout}: {over}");
    }
}
