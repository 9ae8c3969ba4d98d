//! A hall: GPUs of one product behind one feeder, with conversion loss and cooling, in service from a date.
//!
//! Not modelled: racks one by one, redundancy of feeders, the spread of power inside a hall.

use crate::cooling::Cooling;
use crate::gpu::{Product, ThroughputCurve, power_under_cap};
use tieline_units::{Draw, Purpose, Span, Time, Utc};

/// A hall.
#[derive(Clone, Debug, PartialEq)]
pub struct Hall {
    /// Name for people.
    pub name: String,
    /// Index of its point of interconnection.
    pub poi: usize,
    /// GPU product.
    pub product: Product,
    /// GPUs installed.
    pub gpus: f64,
    /// When it goes into service; before that it draws nothing.
    pub in_service: Utc,
    /// Share lost between feeder and GPU (transformer, UPS, power supplies), 0..1 of the feeder power.
    pub conversion_loss: f64,
    /// Network and house load that no GPU cap moves, W, beside the product's `other_w` per GPU.
    pub fixed_w: f64,
    /// Cooling plant.
    pub cooling: Cooling,
    /// Index of the job that runs here; `None` idles.
    pub job: Option<usize>,
}

impl Hall {
    /// Feeder watts per watt of GPU (or other rack) power: the conversion loss seen from the GPU.
    #[must_use]
    pub fn feeder_per_gpu_w(&self) -> f64 {
        1.0 / (1.0 - self.conversion_loss)
    }

    /// Feeder power that no GPU cap moves, W: the rest of the racks through the conversion, and the house load.
    #[must_use]
    pub fn uncapped_w(&self) -> f64 {
        self.gpus * self.product.other_w * self.feeder_per_gpu_w() + self.fixed_w
    }

    /// Feeder power at a mean GPU power of `gpu_w` each, W.
    #[must_use]
    pub fn feeder_w(&self, gpu_w: f64) -> f64 {
        self.gpus * gpu_w * self.feeder_per_gpu_w() + self.uncapped_w()
    }

    /// Feeder power with every GPU at its rating, W: what cooling and feeder are built for.
    #[must_use]
    pub fn rated_feeder_w(&self) -> f64 {
        self.feeder_w(self.product.rated_w)
    }
}

/// Standard deviation of a hall's GPU power about its level, as a share: guess (thousands of cards average out most of
/// the spread; what is left is shared phases of one job).
const NOISE_SHARE: f64 = 0.005;

/// Caps, floors and power of all halls, as parallel arrays.
#[derive(Clone, Debug)]
pub(crate) struct Halls {
    pub(crate) config: Vec<Hall>,
    pub(crate) in_service_at: Vec<Time>,
    pub(crate) in_service: Vec<bool>,
    /// The breaker is open until this instant; `NEVER` when it is closed.
    pub(crate) open_until: Vec<Time>,
    /// Work resumes at this instant after an outage, and ramps from there.
    pub(crate) resume_at: Vec<Time>,
    /// Share of the hall's GPUs back at work, 0..1.
    pub(crate) run: Vec<f64>,
    /// Halls still coming back; while none is, `run` needs no look.
    coming_back: usize,
    cap_w: Vec<f64>,
    floor_w: Vec<f64>,
    /// Set-points on their way: from, to (cap, floor), since, until.
    slew: Vec<Slew>,
    slewing: usize,
    noise: Vec<f64>,
    /// What the job asks of a GPU at the height of its day, W.
    full_w: Vec<f64>,
    /// Where the job stands in its day, 0..1 (1 except for inference).
    day_share: Vec<f64>,
    ramp_s: Vec<f64>,
    /// Mean power of a working and of a waiting GPU under cap and floor, and what the floor adds to each, W.
    run_w: Vec<f64>,
    stall_w: Vec<f64>,
    run_burn_w: Vec<f64>,
    stall_burn_w: Vec<f64>,
    feeder_per_gpu_w: Vec<f64>,
    uncapped_w: Vec<f64>,
    curve: Vec<ThroughputCurve>,
    /// Level, cap and exponent asked for last, and the throughput they gave.
    last_work: ((f64, f64, f64), f64),
    /// Throughput under the cap relative to no cap, 0..1.
    pub(crate) throughput: Vec<f64>,
    /// Whether any throughput, activity or presence changed since the flag was last cleared.
    pub(crate) work_changed: bool,
    /// GPU power of the whole hall, W.
    pub(crate) gpus_w: Vec<f64>,
    /// Part of the above that only the floor makes, W.
    pub(crate) burn_w: Vec<f64>,
    /// Feeder power, W.
    pub(crate) feeder_w: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Slew {
    from: (f64, f64),
    to: (f64, f64),
    since: Time,
    until: Time,
}

impl Halls {
    /// Halls at their highest cap without floor; `activity` and `ramp_s` per hall come from its job.
    pub(crate) fn new(config: Vec<Hall>, start: Utc, activity: Vec<f64>, ramp_s: Vec<f64>) -> Self {
        let n = config.len();
        let caps: Vec<f64> = config.iter().map(|h| h.product.rated_w).collect();
        let mut halls = Self {
            in_service_at: config.iter().map(|h| Time::ZERO + (h.in_service - start)).collect(),
            in_service: vec![false; n],
            open_until: vec![Time::NEVER; n],
            resume_at: vec![Time::NEVER; n],
            run: vec![1.0; n],
            coming_back: 0,
            floor_w: vec![0.0; n],
            slew: caps
                .iter()
                .map(|c| Slew { from: (*c, 0.0), to: (*c, 0.0), since: Time::NEVER, until: Time::NEVER })
                .collect(),
            slewing: 0,
            cap_w: caps,
            noise: vec![0.0; n],
            full_w: config.iter().zip(&activity).map(|(h, a)| h.product.training_w * a).collect(),
            day_share: vec![1.0; n],
            ramp_s,
            run_w: vec![0.0; n],
            stall_w: vec![0.0; n],
            run_burn_w: vec![0.0; n],
            stall_burn_w: vec![0.0; n],
            feeder_per_gpu_w: config.iter().map(Hall::feeder_per_gpu_w).collect(),
            uncapped_w: config.iter().map(Hall::uncapped_w).collect(),
            curve: config.iter().map(|h| ThroughputCurve::new(h.product.throughput_exponent)).collect(),
            last_work: ((0.0, 0.0, 0.0), 1.0),
            throughput: vec![1.0; n],
            work_changed: true,
            gpus_w: vec![0.0; n],
            burn_w: vec![0.0; n],
            feeder_w: vec![0.0; n],
            config,
        };
        for h in 0..n {
            halls.in_service[h] = halls.in_service_at[h] <= Time::ZERO;
            halls.levels(h);
            halls.work(h);
        }
        halls
    }

    /// How many halls there are.
    pub(crate) fn len(&self) -> usize {
        self.config.len()
    }

    /// Whether the hall is in service with its breaker closed.
    pub(crate) fn is_fed(&self, h: usize) -> bool {
        self.in_service[h] && self.open_until[h] == Time::NEVER
    }

    /// GPUs that the hall gives its job, before failures.
    pub(crate) fn gpus_at_work(&self, h: usize) -> f64 {
        if self.is_fed(h) { self.config[h].gpus * self.run[h] } else { 0.0 }
    }

    /// Where the hall's job stands in its day, 0..1.
    pub(crate) fn day_share(&self, h: usize) -> f64 {
        self.day_share[h]
    }

    /// Cap and floor in force, W per GPU.
    pub(crate) fn cap_and_floor_w(&self, h: usize) -> (f64, f64) {
        (self.cap_w[h], self.floor_w[h])
    }

    /// Cap to which the hall is on its way, W per GPU.
    pub(crate) fn cap_target_w(&self, h: usize) -> f64 {
        self.slew[h].to.0
    }

    /// When the next hall goes into service.
    pub(crate) fn next_in_service(&self) -> Time {
        let waiting = self.in_service_at.iter().zip(&self.in_service).filter(|(_, yes)| !**yes).map(|(at, _)| *at);
        waiting.fold(Time::FOREVER, Time::min)
    }

    /// Sends a hall towards a cap and a floor (W per GPU), reached after `span`; what is under way already goes on.
    pub(crate) fn aim(&mut self, h: usize, cap_w: f64, floor_w: f64, now: Time, span: Span) {
        let product = &self.config[h].product;
        let cap = cap_w.clamp(product.min_cap_w, product.rated_w);
        let floor = floor_w.clamp(0.0, cap);
        if self.slew[h].to == (cap, floor) {
            return;
        }
        if self.slew[h].until == Time::NEVER {
            self.slewing += 1;
        }
        self.slew[h] = Slew { from: (self.cap_w[h], self.floor_w[h]), to: (cap, floor), since: now, until: now + span };
    }

    /// Opens the breaker until `until`; work resumes `restart` later.
    pub(crate) fn open(&mut self, h: usize, until: Time, restart: Span) {
        self.open_until[h] = self.open_until[h].max(until);
        self.come_back(h, self.open_until[h] + restart);
    }

    fn come_back(&mut self, h: usize, at: Time) {
        if self.resume_at[h] == Time::NEVER {
            self.coming_back += 1;
        }
        self.resume_at[h] = at;
        self.run[h] = 0.0;
        self.work_changed = true;
    }

    /// A hall goes into service at its date: its job starts there and ramps.
    pub(crate) fn put_in_service(&mut self, h: usize, now: Time) {
        self.in_service[h] = true;
        self.come_back(h, now);
    }

    /// Draws new noise for every hall; `event` counts seconds.
    pub(crate) fn draw_noise(&mut self, draw: &Draw, event: u64) {
        for h in 0..self.len() {
            self.noise[h] = NOISE_SHARE * draw.normals(h as u32, Purpose::HallNoise, event)[0];
            self.levels(h);
        }
    }

    /// Sets where the hall's job stands in its day, 0..1.
    pub(crate) fn set_day_share(&mut self, h: usize, share: f64) {
        if self.day_share[h] != share {
            self.day_share[h] = share;
            self.levels(h);
            self.work(h);
        }
    }

    /// Moves caps, floors, breakers and returns to the end of the step `[now, end)`.
    pub(crate) fn advance(&mut self, now: Time, end: Time) {
        if self.coming_back > 0 {
            for h in 0..self.len() {
                self.advance_return(h, now, end);
            }
        }
        if self.slewing > 0 {
            for h in 0..self.len() {
                if self.slew[h].until != Time::NEVER {
                    self.advance_slew(h, end);
                }
            }
        }
    }

    fn advance_return(&mut self, h: usize, now: Time, end: Time) {
        if self.resume_at[h] == Time::NEVER {
            return;
        }
        if self.open_until[h] <= now {
            self.open_until[h] = Time::NEVER;
        }
        let past_s = (end - self.resume_at[h]).as_secs_f64();
        let run = if past_s <= 0.0 { 0.0 } else { (past_s / self.ramp_s[h].max(1e-9)).min(1.0) };
        self.run[h] = run;
        self.work_changed = true;
        if run >= 1.0 && self.open_until[h] == Time::NEVER {
            self.resume_at[h] = Time::NEVER;
            self.coming_back -= 1;
        }
    }

    fn advance_slew(&mut self, h: usize, end: Time) {
        let slew = self.slew[h];
        let whole = (slew.until - slew.since).as_secs_f64();
        if end >= slew.until || whole <= 0.0 {
            (self.cap_w[h], self.floor_w[h]) = slew.to;
            self.slew[h].until = Time::NEVER;
            self.slewing -= 1;
        } else {
            let share = (end - slew.since).as_secs_f64() / whole;
            self.cap_w[h] = slew.from.0 + share * (slew.to.0 - slew.from.0);
            self.floor_w[h] = slew.from.1 + share * (slew.to.1 - slew.from.1);
        }
        self.levels(h);
        self.work(h);
    }

    /// The level that the job asks of a working GPU, W.
    fn level_w(&self, h: usize) -> f64 {
        let product = &self.config[h].product;
        product.idle_w + (self.full_w[h] - product.idle_w) * self.day_share[h]
    }

    /// What a working and a waiting GPU draw under cap, floor and noise.
    fn levels(&mut self, h: usize) {
        let product = &self.config[h].product;
        let (cap, floor) = (self.cap_w[h], self.floor_w[h].min(self.cap_w[h]));
        let bare = power_under_cap(self.level_w(h) * (1.0 + self.noise[h]), cap);
        let stalled = product.stalled_w.min(cap);
        self.run_w[h] = bare.max(floor);
        self.stall_w[h] = stalled.max(floor);
        self.run_burn_w[h] = self.run_w[h] - bare;
        self.stall_burn_w[h] = self.stall_w[h] - stalled;
    }

    fn work(&mut self, h: usize) {
        let asked = (self.level_w(h), self.cap_w[h], self.config[h].product.throughput_exponent);
        // Halls of one job are mostly cut alike, one after the other: the power function is then taken once.
        if self.last_work.0 != asked {
            self.last_work = (asked, self.curve[h].at(asked.0, asked.1));
        }
        self.throughput[h] = self.last_work.1;
        self.work_changed = true;
    }

    /// Power of every hall when each job works with the given share of its GPUs; the GPUs of a paused job idle, and no floor
    /// keeps them up (its agents hold floors only while a job runs).
    pub(crate) fn draw_power(&mut self, active: &[f64], paused: &dyn Fn(usize) -> bool) {
        for h in 0..self.config.len() {
            let hall = &self.config[h];
            if !self.in_service[h] || self.open_until[h] != Time::NEVER {
                (self.gpus_w[h], self.burn_w[h], self.feeder_w[h]) = (0.0, 0.0, 0.0);
                continue;
            }
            let (each, burn) = match hall.job {
                None => (hall.product.idle_w, 0.0),
                Some(job) if paused(job) => (hall.product.idle_w.min(self.cap_w[h]), 0.0),
                Some(job) => {
                    let share = active[job] * self.run[h];
                    (
                        share * self.run_w[h] + (1.0 - share) * self.stall_w[h],
                        share * self.run_burn_w[h] + (1.0 - share) * self.stall_burn_w[h],
                    )
                }
            };
            self.gpus_w[h] = hall.gpus * each;
            self.burn_w[h] = hall.gpus * burn;
            self.feeder_w[h] = self.gpus_w[h] * self.feeder_per_gpu_w[h] + self.uncapped_w[h];
        }
    }
}
