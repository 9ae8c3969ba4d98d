//! Journals of whole runs: replayed to the bit, torn, flipped, changed, explained.

#![allow(clippy::unwrap_used)]

mod desk;

use desk::Desk;

/// Ticks of the short scenario: four minutes of 100 ms.
const TICKS: usize = 2_400;

/// A desk with the journal of a short run, `journal.tlj`.
fn with_journal(name: &str) -> Desk {
    let desk = Desk::new(name);
    let path = desk.short_with("short.toml", &[]);
    let said = desk.tieline(&["run", &path, "--out", "results"]);
    assert_eq!(said.code, 0, "{said:?}");
    std::fs::copy(desk.path("results/journal.tlj"), desk.path("journal.tlj")).unwrap();
    desk
}

/// The first number behind a word in what was said.
fn number_after(text: &str, word: &str) -> usize {
    let rest = text.split(word).nth(1).unwrap_or_else(|| panic!("no \"{word}\" in {text}"));
    let digits: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().unwrap_or_else(|_| panic!("no number behind \"{word}\" in {text}"))
}

#[test]
fn a_run_replays_to_the_bit() {
    let desk = with_journal("replay");
    let said = desk.tieline(&["replay", "journal.tlj"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert_eq!(said.out, "2,400 decisions recomputed, all equal to the bit\n");
}

/// A fault of the short scenario, so many seconds after its start.
fn fault(kind: &str, device: &str, second: u64, figures: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!(
        "[[fault]]\nkind = \"{kind}\"\ndevice = \"{device}\"\nat = \"2026-07-15T15:{minute:02}:{second:02}-05:00\"\nsource = \"guess: for tests\"\n{figures}\n\n"
    )
}

#[test]
fn a_run_in_which_the_controller_dies_twice_replays_to_the_bit() {
    let desk = Desk::new("death");
    let faults = [
        fault("controller-death", "all", 40, "duration = \"2500 ms\"\nstale_for = \"20 s\""),
        fault("controller-death", "all", 150, "duration = \"1 s\""),
        fault("clock-step", "all", 60, "duration = \"20 s\"\nshift = \"-9 s\""),
        fault("limit-garbage", "contract", 70, "duration = \"20 s\"\nsays = \"nan\""),
        fault("event-vanish", "peak", 100, "duration = \"20 s\""),
        fault("commands-delayed", "all", 110, "duration = \"20 s\"\ndelay = \"1 s\""),
        fault("string-loss", "all", 130, "duration = \"20 s\"\nshare = \"20 %\""),
        fault("meter-scale", "north", 170, "duration = \"20 s\"\nfactor = 0.001"),
    ];
    let path = desk.short_with("short.toml", &[("[[job]]", &format!("{}[[job]]", faults.concat()))]);
    let said = desk.tieline(&["run", &path, "--out", "results"]);
    assert_eq!(said.code, 0, "{said:?}");
    let replayed = desk.tieline(&["replay", "results/journal.tlj"]);
    assert_eq!((replayed.code, replayed.err.as_str()), (0, ""), "{replayed:?}");
    // 25 and 10 ticks had no controller.
    assert_eq!(replayed.out, "2,365 decisions recomputed, all equal to the bit\n");
    let summary = String::from_utf8(desk.read("results/summary.json")).unwrap();
    // Stale commands for 20 s after the takeover, and late ones that were overtaken.
    assert!(number_after(&summary, "\"operation.commands_refused\":") >= 200, "{summary}");
    let explained = desk.tieline(&["explain", "results/journal.tlj", "400"]);
    assert_eq!(explained.code, 0, "{explained:?}");
}

#[test]
fn a_torn_tail_recovers_to_the_last_whole_row() {
    let desk = with_journal("torn");
    let whole = desk.read("journal.tlj");
    let mut before = TICKS;
    for cut in [1, 40, whole.len() / 3, whole.len() / 2] {
        std::fs::write(desk.path("torn.tlj"), &whole[..whole.len() - cut]).unwrap();
        let said = desk.tieline(&["replay", "torn.tlj"]);
        assert_eq!(said.code, 0, "{said:?}");
        let rows: usize = said.out.split(" decisions").next().unwrap().replace(',', "").parse().unwrap();
        assert!(rows <= before && rows > TICKS / 10, "{rows} rows of {before}: {said:?}");
        assert!(said.out.contains("torn") || said.out.contains("no closing row"), "cut by {cut}: {said:?}");
        before = rows;
    }
    assert!(before < TICKS * 2 / 3, "half the journal holds about half the rows, not {before}");
}

#[test]
fn a_flipped_byte_is_named_by_its_tick() {
    let desk = with_journal("flipped");
    let whole = desk.read("journal.tlj");
    let mut named = 0;
    for share in [40, 60, 80] {
        let mut flipped = whole.clone();
        let place = flipped.len() * share / 100;
        flipped[place] ^= 0x10;
        std::fs::write(desk.path("flipped.tlj"), &flipped).unwrap();
        let said = desk.tieline(&["replay", "flipped.tlj"]);
        said.ends(1, "tick");
        let tick = number_after(&said.err, "tick");
        assert!(tick > named && tick < TICKS, "tick {tick} after {named} at {share} %: {said:?}");
        named = tick;
    }
}

#[test]
fn a_flipped_byte_in_the_header_is_refused() {
    let desk = with_journal("header");
    let whole = desk.read("journal.tlj");
    for place in [0, 6, 20, 200] {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x01;
        std::fs::write(desk.path("flipped.tlj"), &flipped).unwrap();
        desk.tieline(&["replay", "flipped.tlj"]).ends(1, "flipped.tlj");
    }
}

#[test]
fn what_is_no_journal_is_refused() {
    let desk = Desk::new("no-journal");
    desk.tieline(&["replay", "absent.tlj"]).ends(1, "No such file");
    desk.tieline(&["replay", "."]).ends(1, "is a folder");
    desk.tieline(&["explain", "/dev/zero", "1"]).ends(1, "not an ordinary file");
    for (name, bytes) in
        [("empty.tlj", Vec::new()), ("zeros.tlj", vec![0; 1 << 20]), ("text.tlj", b"name = \"x\"\n".repeat(99))]
    {
        std::fs::write(desk.path(name), bytes).unwrap();
        desk.tieline(&["replay", name]).ends(1, name);
        desk.tieline(&["explain", name, "0"]).ends(1, name);
    }
}

#[test]
fn explain_gives_reasons_and_knows_the_end() {
    let desk = with_journal("explain");
    let first = desk.tieline(&["explain", "journal.tlj", "0"]);
    assert_eq!((first.code, first.err.as_str()), (0, ""), "{first:?}");
    let last = desk.tieline(&["explain", "journal.tlj", "2399"]);
    assert_eq!(last.code, 0, "{last:?}");
    assert!(last.out.contains("MW") && last.out.lines().count() >= 3, "{}", last.out);
    assert_ne!(first.out, last.out);
    desk.tieline(&["explain", "journal.tlj", "2400"]).ends(1, "2400 ticks");
    desk.tieline(&["explain", "journal.tlj", "18446744073709551615"]).ends(1, "2400 ticks");
}
