//! Every key of a scenario file: what stands behind it, whether it must, its range, its default with its source.
//!
//! Not modelled: older versions of the format (there is one).

mod training;
mod waveform;

use super::sheet::{Field, Kind as K, Need};
use Need::{Else, May, Must};
use training::TRAINING;
use waveform::WAVEFORM;

const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
const SHARE: (f64, f64) = (0.0, 1.0);
const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

const fn key(key: &'static str, kind: K, need: Need, range: (f64, f64), doc: &'static str) -> Field {
    Field { key, kind, need, range, doc }
}

/// The root of a scenario file.
pub const ROOT: &[Field] = &[
    key("schema", K::Whole, Must, (1.0, 1.0), "version of the format, 1"),
    key("name", K::Text, Must, ANY, "short name, as in file and folder names"),
    key("title", K::Text, Must, ANY, "one line for people"),
    key("studies", K::Texts, Must, ANY, "studies that a run does, [\"operation\", \"transient\"]"),
    key("clock", K::Table(CLOCK), Must, ANY, "when and how finely"),
    key("grid", K::Table(GRID), Must, ANY, "the grid's side of the tie line"),
    key("poi", K::Tables(POI), Must, ANY, "points of interconnection"),
    key("limit", K::Tables(LIMIT), May, ANY, "sources of import limits"),
    key("event", K::Tables(EVENT), May, ANY, "curtailment events"),
    key("schedule", K::Table(SCHEDULE), May, ANY, "declared import, and how far it may be missed"),
    key("dip", K::Tables(DIP), May, ANY, "voltage dips"),
    key("deviation", K::Tables(DEVIATION), May, ANY, "frequency deviations"),
    key("job", K::Tables(JOB), May, ANY, "jobs on the campus"),
    key("hall", K::Tables(HALL), Must, ANY, "halls of GPUs"),
    key("battery", K::Tables(BATTERY), May, ANY, "battery units"),
    key("turbine", K::Tables(TURBINE), May, ANY, "on-site turbines"),
    key("controller", K::Table(CONTROLLER), May, ANY, "settings of the controller"),
    key("telemetry", K::Table(TELEMETRY), May, ANY, "instruments"),
    key("waveform", K::Table(WAVEFORM), May, ANY, "the transient study: steps of the jobs, what flattens them"),
    key("fault", K::Tables(FAULT), May, ANY, "what goes wrong and when"),
    key("claims", K::Table(CLAIMS), May, ANY, "what was said; never used as physics"),
    key("fleet", K::Tables(FLEET), May, ANY, "other fleets, for comparison"),
    key("training", K::Table(TRAINING), May, ANY, "the training run, for `tieline train`"),
    key("dispatch", K::Table(DISPATCH), May, ANY, "the dispatch study: the grid, and the campus in it"),
    key("expect", K::Free, May, ANY, "metric = \"<= value\": makes the scenario a test"),
];

const CLOCK: &[Field] = &[
    key("start", K::Instant, Must, ANY, "civil time of the start"),
    key("duration", K::Interval, Must, (1.0, 31_622_400.0), "length of the run"),
    key("tick", K::Interval, Else("100 ms", ""), (0.05, 1.0), "period of the controller and of the plant"),
    key("seed", K::Whole, Else("1", ""), (0.0, 9e15), "seed when the command gives none"),
    key("utc_offset", K::Interval, Must, (-50_400.0, 50_400.0), "local time less UTC, \"-5 h\""),
];

const DISPATCH: &[Field] = &[
    key("grid", K::Text, Must, ANY, "built-in grid, or a grid file beside the scenario"),
    key("zone", K::Text, Must, ANY, "zone of the grid in which the campus stands"),
    key("power", K::Power, Must, (1e3, 1e11), "draw from the grid when nothing is curtailed"),
    key("tariff", K::Text, May, ANY, "tariff of the grid that bills the campus"),
    key(
        "notice",
        K::Span,
        Else("60 min", "guess: an hour ahead"),
        (0.0, 86_400.0),
        "time between an order and its start",
    ),
    key("tier", K::Tables(DISPATCH_TIER), May, ANY, "what the campus gives up at which price, the cheapest first"),
    key(
        "prices",
        K::Word(&["stated", "training"]),
        Else("stated", ""),
        ANY,
        "whether each tier states its price, or the merit order of `tieline train` gives it",
    ),
];
const DISPATCH_TIER: &[Field] = &[
    key("depth", K::Ratio, Must, SHARE, "draw given up in this tier alone, as a share of power"),
    key(
        "price",
        K::Price,
        May,
        POSITIVE,
        "what a megawatt-hour not drawn costs the campus; left out where training prices it",
    ),
];

const GRID: &[Field] = &[
    key("authority", K::Text, Must, ANY, "balancing authority"),
    key(
        "nominal_frequency",
        K::Frequency,
        Else("60 Hz", "datasheet: North American interconnections"),
        (40.0, 70.0),
        "nominal frequency",
    ),
    key(
        "load",
        K::Text,
        Must,
        ANY,
        "\"tva-like\", \"pjm-like\", an EIA-930 CSV file, or a Parquet table of tieline with load_mw",
    ),
    key("weather", K::Word(&["memphis-like", "pjm-like"]), Must, ANY, "outdoor temperature"),
    key("heat_wave", K::Temperature, Else("0 C", "guess: an ordinary day"), (-30.0, 30.0), "added to the temperature"),
];

const POI: &[Field] = &[
    key("name", K::Text, Must, ANY, "name"),
    key("ramp_up", K::Ramp, Must, POSITIVE, "greatest rise of import"),
    key("ramp_down", K::Ramp, Must, POSITIVE, "greatest fall of import"),
    key("margin", K::Power, Must, POSITIVE, "head-room kept under limits"),
    key(
        "meter_sigma",
        K::Power,
        Else("0.1 MW", "guess: 0.05 % of a 200 MW metering range"),
        POSITIVE,
        "noise of the meter",
    ),
    key("meter_delay", K::Span, Else("100 ms", "guess: one reporting interval"), (0.0, 0.8), "delay of the meter"),
    key(
        "transformer_loss",
        K::Ratio,
        Else("0.5 %", "guess: large station transformers lose 0.3 to 0.7 %"),
        (0.0, 0.2),
        "share lost in the transformer",
    ),
    key(
        "voltage_low",
        K::Ratio,
        Else("90 %", "guess: edge of the continuous range of most equipment"),
        (0.0, 1.0),
        "freeze below",
    ),
    key(
        "voltage_high",
        K::Ratio,
        Else("110 %", "guess: edge of the continuous range of most equipment"),
        (1.0, 2.0),
        "freeze above",
    ),
    key("island", K::Flag, May, ANY, "whether the bus runs without the grid"),
    key(
        "emergency_ramp",
        K::Ramp,
        Else("1_200 MW/min", "guess: 20 MW/s; no public rule says how fast such a load may leave in an emergency"),
        POSITIVE,
        "fastest change declared for emergencies and lapsed leases",
    ),
    key(
        "smooth",
        K::Frequency,
        Else("0.2 Hz", "guess: design, a loop of 100 ms is band-limited to about 0.2 Hz"),
        (0.0, 10.0),
        "cyclic load is cancelled up to this frequency; never above the one from which the loop would amplify",
    ),
];

const LIMIT: &[Field] = &[
    key("name", K::Text, Must, ANY, "name"),
    key("kind", K::Word(&["contract", "utility", "operator", "emergency"]), Must, ANY, "what it rests on"),
    key("poi", K::Text, Must, ANY, "point it binds, or \"all\""),
    key(
        "window",
        K::Span,
        Else("0 s", "guess: judged at every instant"),
        (0.0, 86_400.0),
        "averaging window of the judging meter",
    ),
    key("initial", K::Limit, Must, POSITIVE, "limit until the source says otherwise, or \"none\""),
    key(
        "stale_after",
        K::Span,
        Else("60 s", "guess: six polls of 10 s"),
        (0.1, 1e6),
        "silence after which the source counts as lost",
    ),
    key(
        "subscription",
        K::Limit,
        Else("none", "guess: a silent source's last word stays whatever its end"),
        POSITIVE,
        "limit once a schedule has run out while its source is silent",
    ),
    key("change", K::Tables(CHANGE), May, ANY, "what the source says later"),
];
const CHANGE: &[Field] = &[
    key("at", K::Instant, Must, ANY, "when"),
    key("limit", K::Limit, Must, POSITIVE, "the new limit, \"none\" or \"silent\""),
    key("until", K::Instant, May, ANY, "up to when the source means it"),
];
const SCHEDULE: &[Field] = &[
    key("band", K::Power, Must, POSITIVE, "greatest deviation of an interval's mean from the schedule"),
    key(
        "interval",
        K::Interval,
        Else("15 min", "guess: a settlement quarter-hour"),
        (60.0, 3600.0),
        "settlement interval",
    ),
    key("step", K::Tables(DECLARED), Must, ANY, "what was declared"),
];
const DECLARED: &[Field] = &[
    key("at", K::Instant, Must, ANY, "from when on"),
    key("import", K::Limit, Must, POSITIVE, "import declared over all points, or \"none\": the schedule ends"),
];

const EVENT: &[Field] = &[
    key("name", K::Text, Must, ANY, "name"),
    key("poi", K::Text, Must, ANY, "point it binds, or \"all\""),
    key("received", K::Instant, Must, ANY, "when the notice arrives"),
    key("start", K::Instant, Must, ANY, "when the limit binds"),
    key("end", K::Instant, Must, ANY, "when it is released"),
    key("limit", K::Power, Must, POSITIVE, "import allowed"),
    key("cancelled", K::Instant, May, ANY, "when it is cancelled"),
    key(
        "read_back_after",
        K::Span,
        Else("0 s", "guess: sent, not spoken"),
        (0.0, 3600.0),
        "an order by telephone: how long after it was said it is read back",
    ),
];
const DIP: &[Field] = &[
    key("at", K::Instant, Must, ANY, "when"),
    key("duration", K::Span, Must, (0.001, 3600.0), "how long"),
    key("residual", K::Ratio, Must, (0.0, 1.5), "voltage left"),
];
const DEVIATION: &[Field] = &[
    key("at", K::Instant, Must, ANY, "when"),
    key("duration", K::Span, Must, (0.1, 86_400.0), "how long"),
    key("frequency", K::Frequency, Must, (40.0, 70.0), "frequency held"),
];

const JOB: &[Field] = &[
    key("name", K::Text, Must, ANY, "name"),
    key("kind", K::Word(&["pre-training", "reinforcement-learning", "inference"]), Must, ANY, "what it does"),
    key("active_parameters", K::Count, Must, (1.0, 1e18), "parameters active per token"),
    key(
        "mfu",
        K::Ratio,
        May,
        (0.001, 1.0),
        "model FLOP utilisation over the 16-bit peak; may be left out for the run of [training]: its step model says it then",
    ),
    key(
        "activity",
        K::Ratio,
        Else("100 %", "guess: draws the product's training power"),
        (0.0, 1.5),
        "share of training power",
    ),
    key(
        "failure_domains",
        K::Count,
        Else("1", "guess: one synchronous job"),
        (1.0, 65_536.0),
        "groups of which a failure stalls one",
    ),
    key("failures_per_1000_node_days", K::Plain, Must, (0.0, 1e4), "failures per 1,000 node-days"),
    key("restart", K::Span, Must, (0.0, 1e6), "from failure to running"),
    key("checkpoint_every", K::Span, Must, (1.0, 1e7), "between checkpoints"),
    key(
        "checkpoint_stall",
        K::Span,
        Else("0 s", "guess: asynchronous checkpoints"),
        (0.0, 1e5),
        "stall of a checkpoint",
    ),
    key(
        "checkpoint_write",
        K::Span,
        Else("30 s", "guess: a terabyte over many storage servers"),
        (0.0, 1e5),
        "after the stall, until the checkpoint is safe",
    ),
    key("pausable", K::Flag, May, ANY, "whether the controller may pause it, its work saved (default false)"),
    key("ramp", K::Span, Else("60 s", "guess: staged restart"), (0.0, 1e5), "power ramp of a restart"),
    key("night_share", K::Ratio, Else("100 %", "guess: no day curve"), SHARE, "least activity at night (inference)"),
    key("peak_hour", K::Plain, Else("16", "guess: afternoon"), (0.0, 24.0), "local hour of the peak (inference)"),
    key("gpu_hour_value", K::Money, Must, POSITIVE, "value of a GPU-hour: the price of shedding"),
    key("tier", K::Whole, Must, (0.0, 9.0), "0 is shed last"),
    key("target_tokens", K::Count, May, (0.0, 1e18), "tokens to train on in all"),
];

const HALL: &[Field] = &[
    key("name", K::Text, Must, ANY, "name; with count, the prefix of the names"),
    key("count", K::Whole, Else("1", "guess: one"), (1.0, 64.0), "like halls"),
    key("poi", K::Text, Must, ANY, "its point of interconnection"),
    key("product", K::Text, Must, ANY, "GPU product of the catalogue: A100, H100, H200, GB200 or GB300"),
    key("gpus", K::Count, Must, (1.0, 1e7), "GPUs in each hall"),
    key("in_service", K::Instant, Must, ANY, "when it goes into service"),
    key("job", K::Text, May, ANY, "job that runs here"),
    key(
        "floor",
        K::Power,
        Else("0 W", "guess: no smoothing floor"),
        POSITIVE,
        "smoothing floor of a GPU while nothing asks for less power",
    ),
    key(
        "operator_floor",
        K::Power,
        Else("0 W", "guess: no safe floor"),
        POSITIVE,
        "the operator's safe floor: no order cuts a GPU below it",
    ),
    key(
        "conversion_loss",
        K::Ratio,
        Else("6 %", "guess: UPS, transformer and power supplies together"),
        (0.0, 0.5),
        "share lost between feeder and GPU",
    ),
    key(
        "fixed",
        K::Power,
        Else("0 W", "guess: inside the product's power beside the GPU"),
        POSITIVE,
        "network and house load",
    ),
    key(
        "cop",
        K::Plain,
        Else("4.5", "measured: GridPilot cooling model, at 25 C"),
        (1.0, 50.0),
        "coefficient of performance at 25 C",
    ),
    key(
        "cop_fall",
        K::Plain,
        Else("0.05", "measured: GridPilot cooling model, per kelvin above 25 C"),
        (0.0, 1.0),
        "fall of the COP per kelvin",
    ),
    key(
        "free_cooling_below",
        K::Temperature,
        Else("12 C", "measured: GridPilot cooling model"),
        (-50.0, 60.0),
        "chillers rest below",
    ),
    key("pumps_and_fans", K::Ratio, Else("4 %", "guess: liquid cooling of large halls"), SHARE, "share of rated heat"),
    key(
        "pumps_and_fans_min",
        K::Ratio,
        Else("20 %", "measured: GridPilot cooling model"),
        SHARE,
        "least running share",
    ),
    key(
        "cooling_lag",
        K::Span,
        Else("5 min", "guess: thermal mass of the loops"),
        (0.0, 86_400.0),
        "lag of the chillers",
    ),
];

const BATTERY: &[Field] = &[
    key("name", K::Text, Must, ANY, "prefix of the units' names"),
    key("units", K::Whole, Must, (1.0, 256.0), "units"),
    key("poi", K::Text, Must, ANY, "their point of interconnection"),
    key("energy", K::Energy, Must, (1.0, 1e15), "energy of each unit"),
    key("hours", K::Span, Must, (60.0, 360_000.0), "hours at rated power: 2 h or 4 h version"),
    key("round_trip", K::Ratio, Must, (0.1, 1.0), "round-trip efficiency"),
    key("soc_min", K::Ratio, Else("5 %", "guess: reserve of the maker"), SHARE, "lowest state of charge"),
    key("soc_max", K::Ratio, Else("95 %", "guess: reserve of the maker"), SHARE, "highest state of charge"),
    key("soc_start", K::Ratio, Must, SHARE, "state of charge at the start"),
    key("delay", K::Span, Else("100 ms", "guess: plant controller and inverter"), (0.0, 0.8), "delay of the response"),
    key("lag", K::Span, Else("100 ms", "guess: inverter response"), (0.0, 10.0), "first-order lag"),
    key("standby", K::Power, Else("2 kW", "guess: thermal management at rest"), POSITIVE, "house load of each unit"),
];

const TURBINE: &[Field] = &[
    key("name", K::Text, Must, ANY, "prefix of the names"),
    key("units", K::Whole, Must, (1.0, 48.0), "units"),
    key("poi", K::Text, Must, ANY, "their point of interconnection"),
    key("rated", K::Power, Must, (1.0, 1e10), "rated generation at 15 C"),
    key("minimum", K::Ratio, Must, SHARE, "least stable generation, share of rating"),
    key("ramp", K::Ramp, Must, (1.0, 1e9), "ramp"),
    key("start_time", K::Span, Must, (0.0, 86_400.0), "from start to minimum load"),
    key("derating", K::PerKelvin, Must, (0.0, 0.05), "loss per kelvin above 15 C"),
    key("efficiency", K::Ratio, Must, (0.05, 0.7), "electric efficiency"),
    key("cost", K::Price, Must, POSITIVE, "fuel and upkeep"),
    key("permit_hours", K::Span, Must, (0.0, 31_622_400.0), "hours a year that the permit allows"),
    key("trips_per_hour", K::Plain, Must, (0.0, 1.0), "trips per running hour"),
    key("repair", K::Span, Must, (0.0, 1e8), "out of service after a trip"),
    key("running", K::Flag, May, ANY, "whether they run at the start"),
    key("permitted", K::Flag, May, ANY, "whether they may run at all (default true)"),
];

const CONTROLLER: &[Field] = &[
    key("economics_every", K::Whole, Else("10", "guess: 1 s"), (1.0, 100.0), "ticks between economic splits"),
    key("plan_every", K::Interval, Else("5 s", ""), (0.1, 3600.0), "time between plans"),
    key("gpu_lease", K::Span, Else("8 s", "guess: design, 5 to 10 s"), (0.5, 3600.0), "lease of GPU caps"),
    key("gpu_jitter", K::Span, Else("2 s", "guess: design, 1 to 2 s"), (0.0, 600.0), "jitter of fall-backs"),
    key("gpu_ramp", K::Span, Else("5 s", "guess: design"), (0.0, 600.0), "ramp of a fall-back"),
    key(
        "battery_lease",
        K::Span,
        Else("25 s", "guess: design, 20 to 30 s"),
        (1.0, 3600.0),
        "lease of battery set-points",
    ),
    key("turbine_lease", K::Span, Else("60 s", "guess: design"), (1.0, 3600.0), "lease of turbine set-points"),
    key("safe_cap", K::Ratio, Else("60 %", "guess: design"), SHARE, "cap of a fall-back, share of rated power"),
    key(
        "cap_delay",
        K::Span,
        Else("300 ms", "guess: in-band fan-out takes 100 to 500 ms"),
        (0.0, 60.0),
        "from cap command to GPU power",
    ),
    key("meter_warn", K::Span, Else("300 ms", "guess: design"), (0.1, 60.0), "a meter this old is late"),
    key("meter_lost", K::Span, Else("1 s", "guess: design"), (0.1, 600.0), "a meter this old is lost"),
    key(
        "unit_lost",
        K::Span,
        Else("3500 ms", "guess: three missed reports"),
        (0.1, 600.0),
        "unit telemetry this old is lost",
    ),
    key(
        "target_soc",
        K::Ratio,
        Else("70 %", "guess: room both ways, weighted to discharge"),
        SHARE,
        "state of charge that recentring seeks",
    ),
    key(
        "recentre_share",
        K::Ratio,
        Else("5 %", "guess: design, at most 5 % of rating"),
        (0.0, 0.2),
        "greatest recentring power",
    ),
    key(
        "recentre_time",
        K::Span,
        Else("40 min", "guess: design, 20 to 60 min"),
        (60.0, 86_400.0),
        "time constant of recentring",
    ),
    key(
        "trip_bridge",
        K::Span,
        Else("20 s", "guess: until caps and other turbines have taken over"),
        (0.0, 3600.0),
        "time the battery carries a trip",
    ),
    key(
        "ramp_step",
        K::Power,
        Else("100 MW", "guess: one job group"),
        POSITIVE,
        "load step for which ramp energy is kept",
    ),
    key(
        "restore_share",
        K::Ratio,
        Else("10 %", "guess: design, ten times slower than shedding"),
        SHARE,
        "restore rate, share of the ramp limit",
    ),
    key("hold_off", K::Span, Else("60 s", "guess: design"), (0.0, 86_400.0), "wait before restore"),
    key("hysteresis", K::Ratio, Else("2 %", "guess: design, 2 to 3 %"), SHARE, "head-room before restore"),
    key(
        "completion_share",
        K::Ratio,
        Else("80 %", "guess: design, 4 min of 5"),
        SHARE,
        "share of the notice by which a reduction is complete",
    ),
];

const TELEMETRY: &[Field] = &[
    key("unit_period", K::Span, Else("1 s", "guess: usual polling of units"), (0.1, 60.0), "period of unit telemetry"),
    key(
        "meter_step",
        K::Power,
        Else("10 kW", "guess: register scaling of a 200 MW meter"),
        POSITIVE,
        "smallest step of the meter",
    ),
    key("unit_step", K::Power, Else("1 kW", "guess: register scaling"), POSITIVE, "smallest step of unit readings"),
    key(
        "soc_step",
        K::Ratio,
        Else("0.01 %", "datasheet: SunSpec 713 Pct scale -2"),
        (0.0, 0.1),
        "smallest step of the state of charge",
    ),
];

const FAULT: &[Field] = &[
    key("kind", K::Word(FAULTS), Must, ANY, "what goes wrong"),
    key("at", K::Instant, Must, ANY, "when it begins"),
    key("duration", K::Span, Must, (0.1, 1e7), "how long it lasts; until the standby takes over, for controller-death"),
    key(
        "device",
        K::Text,
        Must,
        ANY,
        "name of the point, hall, unit, turbine, job, limit or event; \"caps\", \"batteries\" or \"turbines\" for \
         commands-partial and lease-lapse; or \"all\"",
    ),
    key("offset", K::Power, May, ANY, "meter-offset: reads so much too high"),
    key("delay", K::Span, May, (0.001, 86_400.0), "kinds that end in -late, commands-delayed: comes so much later"),
    key("factor", K::Plain, May, (-1e9, 1e9), "kinds that end in -scale: values are told times this"),
    key("share", K::Ratio, May, SHARE, "battery-derate: still offered; string-loss: gone; commands-partial: reached"),
    key("shift", K::Span, May, (-86_400.0, 86_400.0), "kinds that end in -clock, clock-step: so far ahead"),
    key("drift", K::Ratio, May, (-0.1, 0.1), "clock-drift: so fast ahead"),
    key("says", K::Word(SAYS), May, ANY, "limit-garbage: what the source says"),
    key(
        "stale_for",
        K::Span,
        May,
        (0.1, 3600.0),
        "controller-death: for so long after the takeover the old controller, back again, repeats its last commands",
    ),
];
/// Words for what a limit source says instead of its limit.
pub const SAYS: &[&str] = &["nan", "negative", "absurd", "kW as W", "W as kW"];
/// Words for faults.
pub const FAULTS: &[&str] = &[
    "meter-silent",
    "meter-offset",
    "meter-nan",
    "meter-late",
    "meter-frozen",
    "meter-scale",
    "meter-inverted",
    "meter-clock",
    "hall-silent",
    "hall-late",
    "hall-frozen",
    "hall-scale",
    "hall-clock",
    "hall-trip",
    "tie-open",
    "battery-silent",
    "battery-late",
    "battery-frozen",
    "battery-scale",
    "battery-inverted",
    "battery-clock",
    "soc-scale",
    "battery-out",
    "battery-derate",
    "string-loss",
    "turbine-silent",
    "turbine-late",
    "turbine-frozen",
    "turbine-scale",
    "turbine-clock",
    "turbine-trip",
    "commands-lost",
    "commands-delayed",
    "command-refused",
    "commands-partial",
    "lease-lapse",
    "job-failure",
    "checkpoint-failure",
    "limit-garbage",
    "event-vanish",
    "event-late",
    "clock-step",
    "clock-drift",
    "controller-death",
];

const CLAIMS: &[Field] = &[
    key("power", K::Tables(CLAIM), May, ANY, "power said to be on line"),
    key("gpus", K::Count, May, POSITIVE, "GPUs when complete"),
    key("step_swing", K::Ratio, May, SHARE, "swing of one training step, share of IT power"),
    key("step_period", K::Span, May, (0.001, 3600.0), "period of the training step"),
    key("model_parameters", K::Count, May, POSITIVE, "parameters of the model"),
];
const CLAIM: &[Field] = &[
    key("label", K::Text, Must, ANY, "what it is called"),
    key("value", K::Power, Must, POSITIVE, "the power"),
    key("gpus", K::Count, May, POSITIVE, "GPUs that this power is said to feed"),
];
const FLEET: &[Field] = &[
    key("name", K::Text, Must, ANY, "company"),
    key("gpus", K::Count, Must, POSITIVE, "GPUs"),
    key("product", K::Text, Must, ANY, "product that the estimate assumes"),
    key("all_in", K::Power, Must, POSITIVE, "power per GPU at the meter"),
    key("sites", K::Count, Must, (1.0, 1e4), "sites"),
];
