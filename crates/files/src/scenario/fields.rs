//! Every key of a scenario file: what stands behind it, whether it must, its range, its default with its source.
//!
//! Not modelled: older versions of the format (there is one).

use super::sheet::{Field, Kind as K, Need};
use Need::{Else, May, Must};
use tieline_campus::training::layout::SecondCopy;

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

const WAVEFORM: &[Field] = &[
    key("at", K::Instant, May, ANY, "instant at which the span begins (without it: the start of the run)"),
    key("span", K::Interval, Else("60 s", ""), (1.0, 3_600.0), "length of the span"),
    key("settle", K::Interval, Else("10 s", ""), (0.0, 3_000.0), "seconds at its start that are not judged"),
    key("row", K::Interval, Else("1 ms", ""), (0.001, 60.0), "a row of the table"),
    key("table", K::Interval, Else("60 s", ""), (0.0, 3_600.0), "how much of the span the table holds"),
    key("step", K::Tables(STEP), May, ANY, "the training step of a job"),
    key("mode", K::Tables(MODE), May, ANY, "modes of grid and turbine shafts"),
    key("floor", K::Ratio, May, (0.2, 0.9), "floor of GPU power smoothing, share of rated power; without it: off"),
    key("floor_up", K::Ratio, Else("50 %", "guess: rated power in 2 s"), (0.001, 100.0), "ramp of the floor up, per s"),
    key(
        "floor_down",
        K::Ratio,
        Else("25 %", "guess: rated power in 4 s"),
        (0.001, 100.0),
        "ramp of the floor down, per s",
    ),
    key(
        "hysteresis",
        K::Span,
        Else("10 s", "measured: a GB300 fixture (control.md 4.2)"),
        (0.0, 600.0),
        "how long the floor holds after the last activity",
    ),
    key("filler", K::Ratio, May, (0.0, 1.0), "level of software filler, share of rated power; without it: off"),
    key("supply_storage", K::Flag, May, ANY, "storage in the power supplies, 65 J per GPU"),
    key("shelf_energy", K::Energy, May, (0.0, 1e8), "energy of battery shelves per GPU; without it: none"),
    key("shelf_power", K::Power, Else("700 W", "guess: half of a GB300"), POSITIVE, "power of the shelves per GPU"),
    key("battery_loop", K::Flag, May, ANY, "the site batteries' own fast loop"),
    key(
        "battery_delay",
        K::Span,
        Else("20 ms", "guess: a local loop, at most 20 ms (control.md 7.1)"),
        (0.0, 10.0),
        "delay of the loop",
    ),
    key("battery_lag", K::Span, Else("20 ms", "guess: inverter"), (0.0, 10.0), "lag of the loop"),
    key(
        "battery_smooth",
        K::Span,
        Else("10 s", "guess: leaves 10 MW of a square of 400 MW at 1 Hz (control.md 7.2)"),
        (0.0, 3_600.0),
        "time constant of the import behind the loop",
    ),
    key("battery_ramp", K::Ramp, May, (1.0, 1e12), "ramp of the import behind the loop; without it: none"),
    key("swing_limit", K::Power, May, (1.0, 1e12), "greatest swing of import, for sizing"),
    key(
        "swing_window",
        K::Span,
        Else("100 ms", "guess: six cycles; a battery behind 20 ms of delay and lag cannot touch what is shorter"),
        (0.01, 60.0),
        "averaging of the meter that judges the swing",
    ),
    key("ramp_limit", K::Ramp, May, (1.0, 1e12), "greatest ramp of import, for sizing"),
    key(
        "ramp_window",
        K::Span,
        Else("1 s", "guess: as the ramps of specs/waveform-2508.14318.toml"),
        (0.01, 3_600.0),
        "stretch within which a rise or fall counts: 1 min for a limit in MW/min",
    ),
    key(
        "short_circuit_ratio",
        K::Plain,
        May,
        (0.1, 1e6),
        "short-circuit power at the points over the mean load there, for flicker",
    ),
    key("x_over_r", K::Plain, May, (0.0, 1e3), "reactance over resistance of the network, for flicker"),
    key("power_factor", K::Ratio, Else("98 %", "guess: power supplies with correction"), (0.1, 1.0), "lagging"),
];

const STEP: &[Field] = &[
    key("job", K::Text, Must, ANY, "the job"),
    key("period", K::Span, Must, (0.05, 900.0), "length of a step"),
    key(
        "communication",
        K::Ratio,
        Else("20 %", "guess: exposed communication of a large run"),
        (0.001, 0.95),
        "share of the step in exposed communication",
    ),
    key("stages", K::Whole, Else("1", "guess: no pipeline"), (1.0, 128.0), "pipeline stages"),
    key("micro_batches", K::Whole, Else("8", "guess: usual"), (1.0, 1_024.0), "micro-batches of a step"),
    key("jitter", K::Ratio, Else("1 %", "guess: clocks and data"), (0.0, 0.2), "deviation of a GPU's compute time"),
    key("stragglers", K::Ratio, Else("0 %", "guess: none"), SHARE, "share of GPUs that straggle in a step"),
    key(
        "straggler_slowdown",
        K::Ratio,
        Else("20 %", "guess: a throttled card"),
        (0.0, 10.0),
        "how much longer they take",
    ),
    key("checkpoint_every", K::Whole, Else("0", "guess: none in the span"), (0.0, 1e9), "steps between checkpoints"),
    key("checkpoint_stall", K::Span, Else("2 s", "guess: a snapshot to host memory"), (0.016, 10_000.0), "its stall"),
    key("data_stalls", K::Ratio, Else("0 %", "guess: none"), SHARE, "share of steps before which data is late"),
    key("data_stall", K::Span, Else("200 ms", "guess: one read"), (0.016, 10_000.0), "how late"),
    key(
        "coherence",
        K::Ratio,
        May,
        SHARE,
        "share of the racks in lockstep (without it: 100 % pre-training, 50 %, 0 %)",
    ),
    key("failures", K::Flag, May, ANY, "whether failures strike within the span at the job's rate"),
    key("starts", K::Span, Else("0 s", "guess: it runs"), (0.0, 3_600.0), "start within the span"),
    key("stops", K::Span, May, (0.001, 3_600.0), "stop within the span"),
];

const MODE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name"),
    key("frequency", K::Frequency, Must, (0.01, 200.0), "frequency"),
    key("damping", K::Ratio, Must, (0.0005, 1.0), "damping ratio"),
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

const FACTOR: (f64, f64) = (0.01, 100.0);

const TRAINING: &[Field] = &[
    key(
        "model",
        K::NameOr(SHAPE),
        Must,
        ANY,
        "a known shape (grok-5-guess, deepseek-v3, llama-3-405b, ...) or a table with a shape of your own",
    ),
    key("precision", K::Word(&["bf16", "fp8", "fp4"]), Must, ANY, "format of the large products"),
    key("batch", K::Count, Must, (1.0, 1e7), "sequences in a step"),
    key("tokens", K::Count, Must, (1.0, 1e18), "tokens of the run"),
    key("layout", K::Table(LAYOUT), May, ANY, "a layout of choice; the best is searched when absent"),
    key("sites", K::Count, Else("1", "guess: one campus"), (1.0, 64.0), "sites over which the job is spread"),
    key("domain_gb_per_s", K::Plain, May, (0.0, 1e6), "GB/s per GPU within an NVLink domain"),
    key("fabric_gb_per_s", K::Plain, May, (0.0, 1e6), "GB/s per GPU between domains"),
    key("between_gb_per_s", K::Plain, May, (0.0, 1e6), "GB/s per GPU between sites"),
    key("spares", K::Ratio, Else("1 %", "guess: hot spare nodes"), SHARE, "spare nodes over nodes at work"),
    key(
        "repair",
        K::Span,
        Else("24 h", "guess: a day until a node is back"),
        (0.0, 1e7),
        "time until a failed node is back",
    ),
    key(
        "swap",
        K::Span,
        Else("10 min", "guess: a spare loads and joins"),
        (0.0, 1e6),
        "time until a spare has taken over",
    ),
    key(
        "stall",
        K::Span,
        Else("20 s", "guess: detection, regrouping, redone step"),
        (0.0, 1e5),
        "stall of an elastic job after a failure",
    ),
    key(
        "storage_gb_per_s",
        K::Plain,
        Else("1000", "guess: a large parallel file system"),
        (0.001, 1e9),
        "GB/s of the checkpoint storage, whole job",
    ),
    key(
        "copy_gb_per_s",
        K::Plain,
        Else("20", "guess: host link of a GPU"),
        (0.001, 1e6),
        "GB/s at which a GPU copies its state",
    ),
    key(
        "planned_every",
        K::Span,
        Else("27.6 h", "measured: Llama 3, 47 planned stops in 54 days (arXiv 2407.21783)"),
        (60.0, 1e9),
        "productive time between planned stops",
    ),
    key(
        "planned_stop",
        K::Span,
        Else("15 min", "guess: stop, change, restart"),
        (0.0, 1e6),
        "length of a planned stop",
    ),
    key(
        "stragglers",
        K::Ratio,
        Else("2 %", "guess: after slow nodes are taken out"),
        (0.0, 0.9),
        "speed lost to slow GPUs",
    ),
    key(
        "resize",
        K::Span,
        Else("1 h", "guess: new layout, checkpoint resharded"),
        (0.0, 1e7),
        "resize onto a larger fleet",
    ),
    key("tokens_low", K::Ratio, Else("50 %", "guess: half as many tokens"), FACTOR, "factor on tokens, low"),
    key("tokens_high", K::Ratio, Else("200 %", "guess: twice as many tokens"), FACTOR, "factor on tokens, high"),
    key(
        "active_low",
        K::Ratio,
        Else("50 %", "guess: half the active share"),
        FACTOR,
        "factor on active parameters, low",
    ),
    key(
        "active_high",
        K::Ratio,
        Else("200 %", "guess: twice the active share"),
        FACTOR,
        "factor on active parameters, high",
    ),
    key(
        "speed_low",
        K::Ratio,
        Else("75 %", "guess: no peer's model is validated at this size"),
        FACTOR,
        "factor on speed, low",
    ),
    key("speed_high", K::Ratio, Else("110 %", "guess: better software"), FACTOR, "factor on speed, high"),
    key(
        "fallback",
        K::Ratio,
        Else("15 %", "guess: how likely fewer bits do not train"),
        (0.0, 1.0),
        "probability that the run falls back to 16 bits",
    ),
    key("delay", K::Span, Else("60 d", "guess: halls come late"), (0.0, 1e8), "longest delay of later halls"),
    key(
        "curtail_depth",
        K::Ratio,
        Else("25 %", "guess: the depth of the 2025 field trial"),
        SHARE,
        "curtailment to be priced: depth",
    ),
    key(
        "curtail_duration",
        K::Span,
        Else("3 h", "guess: the length of the 2025 field trial"),
        (1.0, 1e7),
        "its length",
    ),
    key(
        "curtail_notice",
        K::Span,
        Else("30 min", "claim: notice of the utility (press, November 2024)"),
        (0.0, 1e7),
        "its notice",
    ),
    key(
        "latency_load",
        K::Ratio,
        Else("85 %", "guess: queues grow beyond"),
        (0.01, 1.0),
        "load of inference at which latency holds",
    ),
    key("begin", K::Instant, May, ANY, "when the run begins; the scenario's own start when absent"),
    key(
        "second_copy",
        K::Word(&SecondCopy::WORDS),
        Else("host", "guess: as checkpoints to the host memory of peers (Gemini, SOSP 2023)"),
        ANY,
        "where a second holder keeps the state that sharding leaves with one GPU only; none: an elastic job rolls back",
    ),
    key("fleet", K::Tables(TRAINED_FLEET), May, ANY, "other fleets that train the same tokens, for comparison"),
    key("growth", K::Tables(GROWTH), May, ANY, "a build-out that replaces the halls of the run"),
    key("power", K::Tables(POWER_STEP), May, ANY, "power that there is for the run, by date"),
];
/// Largest model dimension that is read.
const DIMENSION: (f64, f64) = (1.0, 1e7);

const SHAPE: &[Field] = &[
    key("name", K::Text, May, ANY, "what it is called"),
    key("like", K::Text, May, ANY, "a known shape that gives what is not stated here"),
    key("layers", K::Count, May, (1.0, 10_000.0), "layers"),
    key("hidden", K::Count, May, DIMENSION, "width of the residual stream"),
    key("heads", K::Count, May, (1.0, 100_000.0), "query heads"),
    key("kv_heads", K::Count, May, (1.0, 100_000.0), "key and value heads (default: as many as query heads)"),
    key("head_size", K::Count, May, (1.0, 100_000.0), "size of a head (default: hidden / heads)"),
    key("feed_forward", K::Count, May, DIMENSION, "width of a dense layer's feed-forward network"),
    key("vocabulary", K::Count, May, (1.0, 1e8), "vocabulary, padded"),
    key("sequence", K::Count, May, (1.0, 1e8), "tokens of a training sequence"),
    key("gated", K::Flag, May, ANY, "three matrices a feed-forward network instead of two (default true)"),
    key("tied", K::Flag, May, ANY, "one matrix is embedding and output layer (default false)"),
    key("causal", K::Flag, May, ANY, "attention only below the diagonal (default true)"),
    key("experts", K::Count, May, (0.0, 100_000.0), "routed experts in a layer that has experts; 0: dense"),
    key("experts_per_token", K::Count, May, (1.0, 100_000.0), "routed experts that work on a token"),
    key("shared_experts", K::Count, May, (0.0, 1_000.0), "experts that work on every token (default 0)"),
    key("expert_feed_forward", K::Count, May, DIMENSION, "width of one expert's hidden layer"),
    key("dense_layers", K::Count, May, (0.0, 10_000.0), "first layers without experts (default 0)"),
    key(
        "active_share",
        K::Ratio,
        May,
        (1e-6, 1.0),
        "active over all parameters: sets experts_per_token to the nearest whole number",
    ),
];
const TRAINED_FLEET: &[Field] = &[
    key("name", K::Text, Must, ANY, "whose fleet"),
    key("gpus", K::Count, Must, (1.0, 1e7), "GPUs, spares included"),
    key("product", K::Text, Must, ANY, "GPU product of the catalogue"),
    key("sites", K::Count, Else("1", "guess: one campus"), (1.0, 64.0), "sites over which they lie"),
    key("model", K::NameOr(SHAPE), May, ANY, "another model to be trained there"),
];
const LAYOUT: &[Field] = &[
    key("tensor", K::Count, Else("1", "guess: none"), (0.0, 4096.0), "tensor parallel"),
    key("context", K::Count, Else("1", "guess: none"), (0.0, 4096.0), "context parallel"),
    key("pipeline", K::Count, Else("1", "guess: none"), (0.0, 4096.0), "pipeline stages"),
    key("data", K::Count, Else("1", "guess: none"), (0.0, 1e6), "replicas"),
    key("expert", K::Count, Else("1", "guess: none"), (0.0, 1e5), "expert parallel"),
    key("interleave", K::Count, Else("1", "guess: plain 1F1B"), (0.0, 4096.0), "chunks on each stage"),
    key("micro_batch", K::Count, Else("1", "guess: one sequence"), (0.0, 1e5), "sequences in a micro-batch"),
    key("recompute", K::Word(&["none", "selective", "full"]), Else("none", ""), ANY, "what is computed again"),
    key(
        "sharding",
        K::Word(&["none", "zero-1", "zero-2", "zero-3"]),
        Else("zero-1", ""),
        ANY,
        "what the replicas share out: nothing, optimizer, gradients too, parameters too",
    ),
    key("sequence_parallel", K::Flag, May, ANY, "norms shared over the tensor group (default true)"),
    key("lighter_ends", K::Flag, May, ANY, "one layer less on the first and the last stage (default false)"),
    key("attention", K::Word(&["plain", "fused"]), Else("fused", ""), ANY, "how attention is computed"),
    key("overlap_tensor", K::Ratio, Else("50 %", "guess: good software"), SHARE, "tensor collectives that hide"),
    key("overlap_pipeline", K::Ratio, Else("100 %", "guess: good software"), SHARE, "stage transfers that hide"),
    key("overlap_data", K::Ratio, Else("90 %", "guess: good software"), SHARE, "gradient traffic that hides"),
    key("overlap_expert", K::Ratio, Else("50 %", "guess: good software"), SHARE, "expert traffic that hides"),
];
const POWER_STEP: &[Field] = &[
    key("at", K::Instant, Must, ANY, "from when"),
    key("limit", K::Power, Must, POSITIVE, "power for the run at the meter"),
];
const GROWTH: &[Field] = &[
    key("at", K::Instant, Must, ANY, "from when"),
    key("gpus", K::Count, Must, (1.0, 1e7), "GPUs in service from then on"),
    key("product", K::Text, Must, ANY, "GPU product of the catalogue"),
];
