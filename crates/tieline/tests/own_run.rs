//! `tieline train` on a run of one's own, Llama 3 405B on 16,384 H100: what an engineer changes, and what is said then.

#![allow(clippy::unwrap_used)]

mod desk;

use desk::Desk;
use serde_json::Value;

/// The run with passages replaced, each of which must be there.
fn with(desk: &Desk, name: &str, edits: &[(&str, &str)]) -> String {
    let mut text = include_str!("own_run.toml").to_owned();
    for (from, to) in edits {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(desk.path(name), text).unwrap();
    format!("./{name}")
}

/// The run with a line more in its training table.
fn and(desk: &Desk, name: &str, line: &str) -> String {
    with(desk, name, &[("tokens = \"15.6 T\"", &format!("tokens = \"15.6 T\"\n{line}"))])
}

fn json(desk: &Desk, file: &str) -> Value {
    let said = desk.tieline(&["train", file, "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    serde_json::from_str(&said.out).unwrap()
}

/// The page as one line, since a phrase may break at its edge.
fn page(desk: &Desk, file: &str) -> String {
    let said = desk.tieline(&["train", file]);
    assert_eq!(said.code, 0, "{said:?}");
    said.out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn number(study: &Value, path: &str) -> f64 {
    study.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {path}"))
}

/// The closed form of the way of this name.
fn way(study: &Value, name: &str) -> Value {
    let ways = study["goodput"]["ways"].as_array().unwrap();
    ways.iter().find(|way| way["name"] == name).unwrap_or_else(|| panic!("no {name} in {ways:?}")).clone()
}

#[test]
fn spares_come_out_of_the_fleet_and_their_price_and_their_worth_are_told() {
    let desk = Desk::new("own-spares");
    let [none, some, many] = ["0 %", "1 %", "20 %"].map(|share| {
        json(&desk, &and(&desk, &format!("spares{}.toml", &share[..2].trim()), &format!("spares = \"{share}\"")))
    });
    let at_work = |study: &Value| number(study, "/step/layouts/0/gpus");
    for (study, share, most) in
        [(&none, 0.0, 16_384.0), (&some, 0.01, 16_384.0 - 160.0), (&many, 0.2, 16_384.0 - 2728.0)]
    {
        // Nodes in proportion to those at work, and never among them.
        let nodes = (share * at_work(study) / 8.0).round();
        assert_eq!(number(study, "/goodput/spares/nodes"), nodes);
        assert!(at_work(study) <= most && at_work(study) + 8.0 * nodes <= 16_384.0, "{} at work", at_work(study));
        assert_eq!(number(study, "/goodput/spares/usd_per_day"), nodes * 8.0 * 3.0 * 24.0);
    }
    assert!(at_work(&none) > 16_384.0 - 160.0, "without spares the whole fleet may work: {}", at_work(&none));
    let names = |study: &Value| -> Vec<String> {
        study["goodput"]["ways"].as_array().unwrap().iter().map(|w| w["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names(&none).iter().all(|name| !name.contains("hot spares")), "{:?}", names(&none));
    let share = |name: &str| way(&some, name)["closed_form"].as_f64().unwrap();
    assert!(share("elastic, hot spares, state held twice") > share("elastic, no spares, state held twice") + 0.03);
    assert!(
        share("elastic, hot spares, survivors roll back") > share("elastic, no spares, survivors roll back") + 0.03
    );
    // The same without spares is the run that states none.
    assert_eq!(number(&some, "/goodput/spares/without/gpus"), at_work(&none));
    assert_eq!(number(&some, "/goodput/spares/without/effective"), number(&none, "/goodput/own_effective"));
    let told = page(&desk, &and(&desk, "told.toml", "spares = \"1 %\""));
    assert!(told.contains("$ a day) stand by and do not compute") && told.contains("without any: TP"), "{told}");
    // A layout of choice that takes the whole fleet leaves no node to stand by, and that is said.
    let whole = "layout = { tensor = 8, pipeline = 16, data = 128, lighter_ends = true, recompute = \"selective\" }";
    let told = page(&desk, &and(&desk, "whole.toml", whole));
    assert!(told.contains("spares: none (1.00 % are wanted, which is no whole node beside this layout)"), "{told}");
    assert!(told.contains("elastic, no spares, state held twice, "), "{told}");
}

#[test]
fn a_checkpoint_that_takes_longer_than_its_interval_is_said_and_counted() {
    let desk = Desk::new("own-storage");
    let file = and(&desk, "slow.toml", "storage_gb_per_s = 1");
    let slow = json(&desk, &file);
    let write_s = number(&slow, "/goodput/write_s");
    assert!(write_s > 90.0 * 60.0, "{write_s}");
    let own_s = number(&slow, "/goodput/own_interval_s");
    assert!(own_s > 20.0 * 60.0 && own_s >= write_s - number(&slow, "/goodput/copy_s") - 1e-6, "{own_s}");
    for way in slow["goodput"]["ways"].as_array().unwrap() {
        let beside = !way["name"].as_str().unwrap().contains("stops the job");
        let least = way["curve"][0][0].as_f64().unwrap();
        assert!(!beside || least >= write_s - number(&slow, "/goodput/copy_s") - 1e-6, "{way}");
        assert!(way["storage_busy"].as_f64().unwrap() <= 1.0);
    }
    // A shorter stall never loses to the longer one: both read the same state back.
    let share = |name: &str| way(&slow, name)["closed_form"].as_f64().unwrap();
    let (stiff, elastic) =
        (share("restart, hot spares, checkpoint beside the work"), share("elastic, hot spares, survivors roll back"));
    assert!(elastic >= stiff - 1e-3, "{elastic} {stiff}");
    let told = page(&desk, &file);
    assert!(told.contains("checkpoint_every = 20.0 min cannot be"), "{told}");
    assert!(told.contains("restart = 4.0 min cannot be"), "{told}");
    // Where nothing is stated, a small fleet has a small storage.
    let small = json(&desk, &with(&desk, "small.toml", &[("16384", "1024"), ("llama-3-405b", "llama-3-70b")]));
    let bytes = number(&small, "/goodput/checkpoint_bytes");
    let per_gpu = bytes / number(&small, "/goodput/write_s") / number(&small, "/goodput/gpus");
    assert!((per_gpu / 80e6 - 1.0).abs() < 1e-9, "{per_gpu}");
    // The formula that experts call Daly's agrees with the table's optimum.
    let usual = json(&desk, &with(&desk, "usual.toml", &[]));
    let formulas = usual["goodput"]["formulas"].as_array().unwrap();
    let daly = formulas.iter().find(|formula| formula["name"] == "Daly 2006").unwrap();
    let best = way(&usual, "restart, hot spares, checkpoint stops the job")["interval_s"].as_f64().unwrap();
    assert!((daly["value"].as_f64().unwrap() / best - 1.0).abs() < 0.01, "{daly} {best}");
}

#[test]
fn a_known_budget_is_no_unknown_and_a_pinned_layout_still_finishes() {
    let desk = Desk::new("own-finish");
    let plain = json(&desk, &with(&desk, "plain.toml", &[]));
    let bars: Vec<&str> =
        plain["outlook"]["tornado"].as_array().unwrap().iter().map(|bar| bar[0].as_str().unwrap()).collect();
    assert!(bars.iter().all(|bar| bar.starts_with("speed")), "{bars:?}");
    let file = and(&desk, "open.toml", "tokens_low = \"50 %\"\ntokens_high = \"200 %\"");
    let open = json(&desk, &file);
    assert!(number(&open, "/outlook/quantiles_d/2/0") > 1.2 * number(&plain, "/outlook/quantiles_d/2/0"));
    assert_eq!(number(&open, "/outlook/likely_d"), number(&plain, "/outlook/likely_d"));
    // An active share that a layout of choice has no memory for is laid out anew.
    let text = include_str!("../../../scenarios/colossus-2.toml");
    let best = json(&desk, "colossus-2");
    assert!(best["step"]["layouts"][0]["toml"].is_string());
    let pasted = text.replace(
        "precision = \"fp8\"\n",
        &format!("precision = \"fp8\"\n{}\n", best["step"]["layouts"][0]["toml"].as_str().unwrap()),
    );
    assert_ne!(pasted, text);
    std::fs::write(desk.path("pasted.toml"), pasted).unwrap();
    let pinned = json(&desk, "./pasted.toml");
    assert!(pinned["outlook"]["quantiles_d"][2][0].is_f64(), "{}", pinned["outlook"]["quantiles_d"]);
    assert_eq!(number(&pinned, "/outlook/never"), 0.0);
    // A build-out whose later halls are never early: the likely finish lies before P10, and why is said.
    let growth = "tokens = \"15.6 T\"\nspeed_low = \"100 %\"\nspeed_high = \"100 %\"\n[[training.growth]]\nsource = \"guess: ours\"\nat = \"2026-07-15T00:00:00-05:00\"\ngpus = 2048\nproduct = \"H100\"\n[[training.growth]]\nsource = \"guess: ours\"\nat = \"2026-10-01T00:00:00-05:00\"\ngpus = 16384\nproduct = \"H100\"\n";
    let told = page(&desk, &with(&desk, "growth.toml", &[("tokens = \"15.6 T\"", growth)]));
    assert!(told.contains("the likely value lies before P10: later halls"), "{told}");
}

#[test]
fn ends_of_the_scale_are_told_in_words() {
    let desk = Desk::new("own-ends");
    let said = desk.tieline(&["train", &and(&desk, "zero.toml", "fabric_gb_per_s = 0")]);
    said.ends(1, "the fabric between domains has no bandwidth");
    assert_eq!(said.err.matches("has no bandwidth").count(), 1, "{}", said.err);
    let told = page(&desk, &and(&desk, "thin.toml", "fabric_gb_per_s = 1e-6"));
    assert!(told.contains("more than 100 years") && !told.contains("(never)"), "{told}");
    let told = page(&desk, &with(&desk, "sound.toml", &[("node_days = 3.79", "node_days = 0")]));
    assert!(told.contains("Goodput no failures;") && !told.contains("inf "), "{told}");
    let few = with(&desk, "few.toml", &[("16384", "64"), ("llama-3-405b", "llama-2-7b"), ("tier = 1", "tier = 0")]);
    let told = page(&desk, &few);
    assert!(!told.contains("up to 0 MW") && !told.contains("(0 a day)") && told.contains(" 0.0"), "{told}");
    // A job that tolerates nothing cannot meet a quarter, and how much it can is said.
    assert!(told.contains("CANNOT meet 25.0 %, only "), "{told}");
    let small = json(&desk, &with(&desk, "small-batch.toml", &[("batch = 2048", "batch = 8")]));
    assert!(number(&small, "/step/batches/fewer/gpus") <= 8192.0);
    assert!(number(&small, "/step/batches/fewer/kept") >= 0.8);
    assert!(number(&small, "/step/layouts/0/step_s") < 1.2);
    desk.tieline(&["train", "colossus-2", "--depth", "-5"]).ends(2, "--depth -5: expected more than 0");
}

#[test]
fn what_does_not_work_is_answered_with_what_does() {
    let desk = Desk::new("own-wrong");
    for (name, edits, parts) in [
        (
            "meta.toml",
            ("tokens = \"15.6 T\"", "tokens = \"15.6 T\"\nlayout = { tensor = 8, pipeline = 16, data = 128 }"),
            &["TP8 CP1 PP16 DP128", "lighter ends", "MFU 5"][..],
        ),
        ("name.toml", ("\"llama-3-405b\"", "\"llama-405\""), &["did you mean \"llama-3-405b\"?"]),
        ("few.toml", ("\"15.6 T\"", "1000"), &["at least one step", "did you leave out M, B or T?"]),
        (
            "product.toml",
            ("\"H100\"", "\"H800\""),
            &["A100, H100, H200, GB200, GB300", "a file cannot define a product", "domain_gb_per_s"],
        ),
        (
            "key.toml",
            ("tokens = \"15.6 T\"", "tokens = \"15.6 T\"\nfoo = 1"),
            &["training.foo", "storage_gb_per_s", "`tieline schema`"],
        ),
        (
            "share.toml",
            ("\"llama-3-405b\"", "{ like = \"deepseek-v3\", active_share = \"1 %\" }"),
            &["from one expert a token to all", "2.9"],
        ),
    ] {
        let said = desk.tieline(&["train", &with(&desk, name, &[edits])]);
        assert_eq!(said.code, 1, "{name}: {said:?}");
        let flat = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(flat.contains(part), "{name}: no {part} in {}", said.err);
        }
    }
}

#[test]
fn the_charts_page_has_the_tables_too() {
    let desk = Desk::new("own-page");
    let said = desk.tieline(&["train", "colossus-2", "--out", "out"]);
    assert_eq!(said.code, 0, "{said:?}");
    let html = String::from_utf8(desk.read("out/train.html")).unwrap();
    for title in [
        "<h3>Finish</h3>",
        "<td>P90</td>",
        "<h3>The same tokens on other fleets</h3>",
        "<h3>Build-out, and the whole run begun at each of its steps</h3>",
        "<h3>Ways to live with failures</h3>",
        "<th>answer</th>",
        "<h3>Layouts</h3>",
    ] {
        assert!(html.contains(title), "no {title}");
    }
    // The names of bars begin at the left edge, where nothing cuts them.
    let bar = html.find("active parameters (").unwrap();
    assert!(html[..bar].rfind("<text x=\"10\"").is_some_and(|at| bar - at < 80), "{}", &html[bar - 100..bar + 60]);
    assert!(!html[..bar].ends_with("text-anchor=\"end\">"));
    let file = with(&desk, "plain.toml", &[]);
    assert_eq!(desk.tieline(&["train", &file, "--out", "plain"]).code, 0);
    let html = String::from_utf8(desk.read("plain/train.html")).unwrap();
    assert!(!html.contains("later halls"), "a fleet that does not grow has no later halls");
}
