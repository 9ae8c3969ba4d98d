//! `tieline train` as a user meets it: its page, its JSON, its charts, and what it says to a layout that cannot work.

#![allow(clippy::unwrap_used)]

mod desk;

use desk::Desk;
use serde_json::Value;

const TOKENS: &str = "tokens = \"30 T\"";

/// The shipped scenario with a line added to its training table.
fn with(desk: &Desk, name: &str, line: &str) -> String {
    let text = include_str!("../../../scenarios/colossus-2.toml");
    assert_eq!(text.matches(TOKENS).count(), 2, "the job's target and the run's tokens");
    let at = text.rfind(TOKENS).unwrap() + TOKENS.len();
    std::fs::write(desk.path(name), format!("{}\n{line}{}", &text[..at], &text[at..])).unwrap();
    format!("./{name}")
}

#[test]
fn the_page_answers_its_four_questions_and_the_charts_lie_beside() {
    let desk = Desk::new("train-page");
    let said = desk.tieline(&["train", "colossus-2", "--out", "out"]);
    assert_eq!(said.code, 0, "{said:?}");
    // As one line, since a phrase may break at the edge of the page.
    let flat = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "Step ",
        "MFU",
        "Goodput",
        "effective",
        "Finish",
        "P10",
        "P90",
        "it hangs on",
        "Price",
        "$/MWh",
        "guess",
        "GPUs idle cost",
        "other batches within 10 %",
        "upper bounds",
        "build-out over",
        "1.00 GW",
        "1.50 GW",
        "2.00 GW",
    ] {
        assert!(flat.contains(part.trim()), "no {part} in {}", said.out);
    }
    assert!(!said.out.contains("± 0.0 ") && !said.out.contains("± 0.0,"), "an error that is shown has figures");
    assert!(said.out.lines().count() < 90, "one page: {} lines", said.out.lines().count());
    assert_eq!(desk.files_in("out"), ["train.html", "train.json"]);
    let html = String::from_utf8(desk.read("out/train.html")).unwrap();
    assert_eq!(html.matches("<svg").count(), 7);
    assert!(
        !html.contains("<script") && !html.contains("NaN") && !html.contains("inf\"") && !html.contains("Linf"),
        "plain numbers, no program"
    );
}

#[test]
fn json_repeats_bit_for_bit_and_its_sums_close() {
    let desk = Desk::new("train-json");
    let said = desk.tieline(&["train", "colossus-2", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.out, desk.tieline(&["train", "colossus-2", "--json"]).out);
    let study: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(study["schema"], 2);
    let parts: f64 =
        study["step"]["parts"].as_array().unwrap().iter().map(|part| part["value"].as_f64().unwrap()).sum();
    let step_s = study["step"]["layouts"][0]["step_s"].as_f64().unwrap();
    assert!((parts / step_s - 1.0).abs() < 1e-9);
    let tokens_per_s = study["step"]["tokens_per_s"].as_f64().unwrap();
    assert!((tokens_per_s * step_s - 17_280.0 * 8192.0).abs() < 1.0);
    for way in study["goodput"]["ways"].as_array().unwrap() {
        if let Some(simulated) = way["simulated"].as_object() {
            let off = simulated["value"].as_f64().unwrap() - way["closed_form"].as_f64().unwrap();
            // Three standard errors, and the last bits.
            assert!(off.abs() < 3.0 * simulated["standard_error"].as_f64().unwrap() + 1e-4, "{way}");
        }
    }
    let [p10, p50, p90] = [0, 1, 2].map(|k| study["outlook"]["quantiles_d"][k][0].as_f64().unwrap());
    assert!(p10 < p50 && p50 < p90);
    let deeper = desk.tieline(&["train", "colossus-2", "--json", "--depth", "40", "--hours", "3"]);
    let deeper: Value = serde_json::from_str(&deeper.out).unwrap();
    let usd = |study: &Value| study["price"]["jobs"][0]["offers"][0]["usd"].as_f64().unwrap();
    assert!(usd(&deeper) > usd(&study), "more depth costs more");
}

#[test]
fn a_layout_that_cannot_work_is_named_with_the_nearest_that_does() {
    let desk = Desk::new("train-bad");
    for (name, line, telling) in [
        (
            "divide.toml",
            "layout = { tensor = 7, pipeline = 16, data = 480 }",
            "128 heads cannot be divided evenly by tensor parallel 7",
        ),
        ("fit.toml", "layout = { tensor = 8, pipeline = 4, data = 32 }", "does not fit"),
        (
            "experts.toml",
            "layout = { tensor = 8, pipeline = 16, data = 480, expert = 512 }",
            "more than the 256 experts",
        ),
        ("batch.toml", "layout = { data = 20000 }", "less than data parallel 20000"),
    ] {
        let said = desk.tieline(&["train", &with(&desk, name, line)]);
        said.ends(1, telling);
        assert!(said.err.contains("the nearest layout that works: TP"), "{}", said.err);
        // What it proposes can be pasted, and works.
        let keys: Vec<&str> =
            said.err.lines().filter(|l| l.starts_with("layout = ") || l.starts_with("batch = ")).collect();
        assert!(!keys.is_empty(), "{}", said.err);
        let pasted = format!("pasted-{name}");
        let file = match keys[..] {
            [layout] => with(&desk, &pasted, layout),
            _ => continue,
        };
        let again = desk.tieline(&["train", &file]);
        assert_eq!(again.code, 0, "{}", again.err);
    }
    let good = "layout = { tensor = 8, pipeline = 16, data = 480, expert = 64, context = 2 }";
    assert_eq!(desk.tieline(&["train", &with(&desk, "good.toml", good)]).code, 0);
    desk.tieline(&["train", &with(&desk, "zero.toml", "fabric_gb_per_s = 0")]).ends(1, "has no bandwidth");
    desk.tieline(&["train", &with(&desk, "minus.toml", "fabric_gb_per_s = -5")]).ends(1, "may not be negative");
    desk.tieline(&["train", &with(&desk, "range.toml", "tokens_low = \"150 %\"")]).ends(1, "does not hold 100 %");
    desk.tieline(&["train", "colossus-2", "--depth", "140"]).ends(2, "at most 100");
    desk.tieline(&["train", "colosus-2"]).ends(2, "did you mean");
    let short = desk.short_with("short.toml", &[]);
    desk.tieline(&["train", &short]).ends(1, "no [training] table");
}

/// The shipped scenario with another model.
fn own_model(desk: &Desk, name: &str, table: &str) -> String {
    let text = include_str!("../../../scenarios/colossus-2.toml");
    assert_eq!(text.matches("model = \"grok-5-guess\"\n").count(), 1);
    let text = text.replace("model = \"grok-5-guess\"\n", &format!("model = {table}\n"));
    std::fs::write(desk.path(name), text).unwrap();
    format!("./{name}")
}

fn json(desk: &Desk, file: &str) -> Value {
    let said = desk.tieline(&["train", file, "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn a_model_of_ones_own_is_read_and_its_active_share_moves_more_than_the_work() {
    let desk = Desk::new("train-own");
    let half = json(
        &desk,
        &own_model(&desk, "half.toml", "{ like = \"grok-5-guess\", name = \"half\", active_share = \"2.6 %\" }"),
    );
    let twice = json(&desk, &own_model(&desk, "twice.toml", "{ like = \"grok-5-guess\", active_share = \"10 %\" }"));
    assert_eq!(half["model"]["name"], "half");
    assert_eq!(half["model"]["parameters"], twice["model"]["parameters"]);
    let number = |study: &Value, part: &str, name: &str| study[part][name].as_f64().unwrap();
    assert!(number(&twice, "model", "active_parameters") > 3.0 * number(&half, "model", "active_parameters"));
    let part = |study: &Value, list: &str, name: &str| {
        let parts = study["step"][list].as_array().unwrap();
        let found = parts.iter().find(|part| part["name"] == name).unwrap();
        found["value"].as_f64().unwrap()
    };
    // More experts a token: more traffic to them, and more that the forward pass leaves.
    assert!(part(&twice, "parts", "expert traffic") > part(&half, "parts", "expert traffic"));
    assert!(part(&twice, "memory", "activations") > 2.0 * part(&half, "memory", "activations"));
    let bar = |study: &Value, word: &str| {
        let bars = study["outlook"]["tornado"].as_array().unwrap();
        let found = bars.iter().find(|bar| bar[0].as_str().unwrap().starts_with(word)).unwrap();
        (found[1].as_f64().unwrap(), found[2].as_f64().unwrap())
    };
    let (tokens, active) = (bar(&twice, "tokens"), bar(&twice, "active"));
    assert!((tokens.1 / tokens.0 - active.1 / active.0).abs() > 0.1, "{tokens:?} {active:?}");

    let dense = "{ layers = 80, hidden = 8_192, heads = 64, kv_heads = 8, feed_forward = 28_672, vocabulary = 128_256, sequence = 8_192, source = \"guess: ours\" }";
    let study = json(&desk, &own_model(&desk, "dense.toml", dense));
    assert!((number(&study, "model", "parameters") / 70.6e9 - 1.0).abs() < 0.01);
    assert!(
        study["outlook"]["tornado"]
            .as_array()
            .unwrap()
            .iter()
            .all(|bar| !bar[0].as_str().unwrap().starts_with("active"))
    );
    for (name, table, telling) in [
        ("no-layers.toml", "{ hidden = 8_192 }", "the key is missing"),
        ("like.toml", "{ like = \"grok-5-gues\" }", "did you mean \"grok-5-guess\"?"),
        ("heads.toml", "{ like = \"llama-3-70b\", heads = 60 }", "a divisor of hidden"),
        ("kv.toml", "{ like = \"llama-3-70b\", kv_heads = 7 }", "a divisor of the 64 query heads"),
        ("share.toml", "{ like = \"llama-3-70b\", active_share = \"5 %\" }", "a model with experts"),
        ("both.toml", "{ like = \"grok-5-guess\", active_share = \"5 %\", experts_per_token = 8 }", "one of the two"),
        ("many.toml", "{ like = \"grok-5-guess\", experts_per_token = 300 }", "at most the 256 experts"),
        ("no-expert.toml", "{ like = \"grok-5-guess\", dense_layers = 96 }", "at least one layer with experts"),
        ("lonely.toml", "{ like = \"llama-3-70b\", shared_experts = 1 }", "state how many experts"),
        ("half-layer.toml", "{ like = \"llama-3-70b\", layers = \"79.5\" }", "a whole number"),
        ("unknown.toml", "{ lik = \"llama-3-70b\" }", "did you mean \"like\"?"),
        ("number.toml", "7", "a known name or a table"),
    ] {
        desk.tieline(&["train", &own_model(&desk, name, table)]).ends(1, telling);
    }
}

#[test]
fn without_a_second_holder_an_elastic_job_rolls_back_and_says_so() {
    let desk = Desk::new("train-copy");
    let [none, host, gpu] = ["none", "host", "gpu"].map(|place| {
        let line = format!("second_copy = \"{place}\"");
        json(&desk, &with(&desk, &format!("{place}.toml"), &line))
    });
    let own = |study: &Value| study["goodput"]["own_effective"].as_f64().unwrap();
    assert!(own(&none) < 0.8 * own(&host), "{} {}", own(&none), own(&host));
    assert_eq!(none["goodput"]["own"], "elastic, hot spares, survivors roll back");
    let slowdown = host["goodput"]["second"]["slowdown"].as_f64().unwrap();
    assert!(slowdown > 0.0 && slowdown < 0.05, "{slowdown}");
    let held =
        gpu["step"]["memory"].as_array().unwrap().iter().find(|part| part["name"] == "state held for a peer").unwrap();
    assert_eq!(held["value"], gpu["goodput"]["second"]["bytes"]);
    let file = with(&desk, "page.toml", "second_copy = \"none\"");
    let page = desk.tieline(&["train", &file]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("survivors roll back") && page.contains("upper bounds"), "{page}");
    desk.tieline(&["train", &with(&desk, "where.toml", "second_copy = \"moon\"")]).ends(1, "none, host, gpu");
}
