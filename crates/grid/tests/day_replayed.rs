//! Random small grids through a day of five-minute dispatch, and every answer replayed by plain sums and a plain flow.

use tieline_grid::network::direct::Convention;
use tieline_grid::network::{Branches, BusKind, Buses, Cost, Generators, Network};
use tieline_grid::realtime::forecast::{Forecast, Uncertainty};
use tieline_grid::realtime::interval::Limit;
use tieline_grid::realtime::{Day, Dispatched, Interval, Link, Prices, run};

const STEP_S: f64 = 300.0;
const INTERVALS: usize = 72;
/// Rounding, W; a limit that is broken by 100 W is not yet enforced.
const NEAR_W: f64 = 300.0;

/// Luck of this test alone (Steele, Lea and Flood, 2014: splitmix64).
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn chance(&mut self, share: f64) -> bool {
        self.between(0.0, 1.0) < share
    }
}

/// A day and its grid, owned.
struct Drawn {
    network: Network,
    ramp_w_per_s: Vec<f64>,
    must_take: Vec<bool>,
    kind: Vec<Option<usize>>,
    links: Vec<Link>,
    committed: Vec<bool>,
    reserve_w: Vec<f64>,
    load_w: Vec<f64>,
    available_w: Vec<f64>,
    ahead: usize,
    outages: Vec<usize>,
    uncertainty: Uncertainty,
}

/// A ring of buses with a chord; now and then it falls into two parts, or a bus is isolated.
fn network(luck: &mut Luck) -> (Network, usize) {
    let buses = 4 + luck.below(3);
    let mut kind = vec![BusKind::Load; buses];
    kind[0] = BusKind::Reference;
    let dead = luck.chance(0.4);
    if dead {
        kind[buses - 1] = BusKind::Isolated;
    }
    let mut ends: Vec<(usize, usize)> = (0..buses).map(|bus| (bus, (bus + 1) % buses)).collect();
    ends.push((0, 2));
    let count = ends.len();
    let mut in_service = vec![true; count];
    if luck.chance(0.4) {
        // Buses 0 to 2 on one side, the others on the other.
        in_service[2] = false;
        in_service[buses - 1] = false;
    }
    let loads = |luck: &mut Luck, bus: usize| if bus % 2 == 1 { luck.between(20e6, 120e6) } else { 0.0 };
    let load_w: Vec<f64> = (0..buses).map(|bus| loads(luck, bus)).collect();
    let shunt_w: Vec<f64> = (0..buses).map(|_| if luck.chance(0.2) { luck.between(-2e6, 3e6) } else { 0.0 }).collect();
    let rating_va: Vec<f64> =
        (0..count).map(|_| if luck.chance(0.5) { luck.between(15e6, 90e6) } else { f64::INFINITY }).collect();
    let x_pu: Vec<f64> = (0..count).map(|_| luck.between(0.05, 0.3)).collect();
    let network = Network {
        name: "drawn".to_owned(),
        base_va: 100e6,
        buses: Buses {
            number: (1..=buses as u64).collect(),
            name: vec![String::new(); buses],
            area: vec![1; buses],
            zone: vec![1; buses],
            kind,
            load_w,
            load_var: vec![0.0; buses],
            shunt_w,
            shunt_var: vec![0.0; buses],
            voltage_share: vec![1.0; buses],
            angle_rad: vec![0.0; buses],
            nominal_v: vec![230e3; buses],
            most_share: vec![1.1; buses],
            least_share: vec![0.9; buses],
        },
        branches: Branches {
            from: ends.iter().map(|e| e.0).collect(),
            to: ends.iter().map(|e| e.1).collect(),
            name: vec![String::new(); count],
            r_pu: vec![0.0; count],
            x_pu,
            charging_pu: vec![0.0; count],
            rating_va,
            short_term_va: vec![None; count],
            emergency_va: vec![None; count],
            tap: vec![1.0; count],
            shift_rad: vec![0.0; count],
            in_service,
            least_angle_rad: vec![f64::NEG_INFINITY; count],
            most_angle_rad: vec![f64::INFINITY; count],
        },
        generators: Generators::default(),
    };
    (network, if dead { buses - 1 } else { buses })
}

fn draw(seed: u64) -> Drawn {
    let mut luck = Luck(seed);
    let luck = &mut luck;
    let (mut network, living) = network(luck);
    let buses = network.bus_count();
    let units = 4 + luck.below(3);
    let (mut ramp_w_per_s, mut must_take, mut kind) = (Vec::new(), Vec::new(), Vec::new());
    for unit in 0..units {
        // Fuel, weather, fuel, rooftops, fuel...
        let follows = unit % 2 == 1;
        let g = &mut network.generators;
        g.bus.push(luck.below(buses));
        g.name.push(String::new());
        g.output_w.push(0.0);
        g.output_var.push(0.0);
        g.most_var.push(0.0);
        g.least_var.push(0.0);
        g.voltage_share.push(1.0);
        g.in_service.push(true);
        let most_w = luck.between(60e6, 220e6);
        g.most_w.push(most_w);
        g.least_w.push(if follows || luck.chance(0.3) { 0.0 } else { luck.between(0.1, 0.5) * most_w });
        let (first, rise) = (luck.between(10.0, 70.0), luck.between(0.0, 0.1));
        g.cost.push((!follows).then(|| Cost::Polynomial(vec![100.0, first, rise])));
        ramp_w_per_s.push(if follows { f64::INFINITY } else { most_w * luck.between(0.005, 0.1) / 60.0 });
        must_take.push(follows && luck.chance(0.4));
        kind.push(follows.then_some(unit / 2));
    }
    let mut committed = vec![true; INTERVALS * units];
    for unit in (0..units).step_by(2) {
        if luck.chance(0.3) {
            continue;
        }
        let (from, to) = (luck.below(INTERVALS), luck.below(INTERVALS));
        for t in 0..INTERVALS {
            // Off between the two, or outside them.
            committed[t * units + unit] = if from < to { !(from..to).contains(&t) } else { (to..from).contains(&t) };
        }
    }
    let mut links = Vec::new();
    if luck.chance(0.6) {
        links.push(Link { from: 1, to: living - 1, most_w: luck.between(5e6, 40e6) });
    }
    let mut load_w = Vec::new();
    let mut available_w = Vec::new();
    let turn = luck.between(0.0, 6.0);
    for t in 0..INTERVALS {
        let phase = t as f64 / INTERVALS as f64 * std::f64::consts::TAU + turn;
        let level = 0.8 + 0.3 * libm::sin(phase);
        load_w.extend(network.buses.load_w.iter().map(|load| load * level));
        for unit in 0..units {
            let most_w = network.generators.most_w[unit];
            available_w.push(if kind[unit].is_some() { most_w * (0.4 + 0.3 * libm::cos(2.0 * phase)) } else { most_w });
        }
    }
    let whole = network.branches.in_service.iter().all(|service| *service) && living == buses;
    let reserve_w = if luck.chance(0.5) { luck.between(1e6, 40e6) } else { 0.0 };
    Drawn {
        outages: if whole && luck.chance(0.5) { vec![0] } else { Vec::new() },
        ahead: 1 + luck.below(3),
        uncertainty: Uncertainty { load: 0.02, weather: 0.2, keep: 0.8, seed },
        reserve_w: vec![reserve_w; INTERVALS],
        network,
        ramp_w_per_s,
        must_take,
        kind,
        links,
        committed,
        load_w,
        available_w,
    }
}

impl Drawn {
    fn day(&self) -> Day<'_> {
        Day {
            network: &self.network,
            convention: Convention::Mp,
            ramp_w_per_s: self.ramp_w_per_s.clone(),
            must_take: self.must_take.clone(),
            links: self.links.clone(),
            step_s: STEP_S,
            ahead: self.ahead,
            committed: self.committed.clone(),
            reserve_w: self.reserve_w.clone(),
            reserve_within_s: 600.0,
            prices: Prices::default(),
            outages: self.outages.clone(),
            emergency_va: self.network.branches.rating_va.iter().map(|rating| 1.2 * rating).collect(),
        }
    }

    fn forecast(&self) -> Forecast {
        let (load_w, available_w) = (self.load_w.clone(), self.available_w.clone());
        let most_w = self.network.generators.most_w.clone();
        Forecast::new(INTERVALS, load_w, available_w, most_w, self.kind.clone(), &self.uncertainty).expect("sound")
    }

    fn live(&self, bus: usize) -> bool {
        self.network.buses.kind[bus] != BusKind::Isolated
    }

    fn runs(&self, t: usize, unit: usize) -> bool {
        let g = &self.network.generators;
        self.committed[t * g.bus.len() + unit] && self.live(g.bus[unit])
    }

    fn carries(&self, branch: usize, lost: Option<usize>) -> bool {
        let b = &self.network.branches;
        Some(branch) != lost && b.in_service[branch] && self.live(b.from[branch]) && self.live(b.to[branch])
    }

    /// Lowest bus that each bus hangs together with.
    fn island(&self) -> Vec<usize> {
        let b = &self.network.branches;
        let mut lead: Vec<usize> = (0..self.network.bus_count()).collect();
        for _ in 0..lead.len() {
            for branch in (0..b.from.len()).filter(|branch| self.carries(*branch, None)) {
                let least = lead[b.from[branch]].min(lead[b.to[branch]]);
                (lead[b.from[branch]], lead[b.to[branch]]) = (least, least);
            }
        }
        lead
    }

    /// Flow over every branch by nodal angles, eliminated as in a schoolbook.
    fn flows(&self, injection_w: &[f64], lost: Option<usize>) -> Vec<f64> {
        let (b, count) = (&self.network.branches, injection_w.len());
        let mut rows = vec![vec![0.0; count + 1]; count];
        for branch in (0..b.from.len()).filter(|branch| self.carries(*branch, lost)) {
            let (from, to, s) = (b.from[branch], b.to[branch], 1.0 / b.x_pu[branch]);
            rows[from][from] += s;
            rows[to][to] += s;
            rows[from][to] -= s;
            rows[to][from] -= s;
        }
        for (bus, lead) in self.island().into_iter().enumerate() {
            rows[bus][count] = injection_w[bus] / self.network.base_va;
            if lead == bus {
                rows[bus] = vec![0.0; count + 1];
                rows[bus][bus] = 1.0;
            }
        }
        for k in 0..count {
            let pivot = (k..count).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs())).expect("a row");
            rows.swap(k, pivot);
            for i in (0..count).filter(|i| *i != k) {
                let by = rows[i][k] / rows[k][k];
                for j in k..=count {
                    let part = by * rows[k][j];
                    rows[i][j] -= part;
                }
            }
        }
        let angle = |bus: usize| rows[bus][count] / rows[bus][bus];
        let flow = |branch: usize| {
            if !self.carries(branch, lost) {
                return 0.0;
            }
            (angle(b.from[branch]) - angle(b.to[branch])) / b.x_pu[branch] * self.network.base_va
        };
        (0..b.from.len()).map(flow).collect()
    }
}

fn within(seed: u64, t: usize, what: &str, value: f64, least: f64, most: f64) {
    assert!(
        value >= least - NEAR_W && value <= most + NEAR_W,
        "seed {seed}, interval {t}: {what} is {value}, expected {least} to {most}"
    );
}

/// Balance of every island, and flows within ratings, with everything in service and after the loss of a branch.
fn replay_grid(seed: u64, drawn: &Drawn, t: usize, interval: &Interval, expected_w: &[f64]) {
    let (look, buses) = (&interval.look, &drawn.network.buses);
    let mut injection_w = vec![0.0; expected_w.len()];
    for bus in (0..injection_w.len()).filter(|bus| drawn.live(*bus)) {
        injection_w[bus] = look.unserved_w[bus] - look.surplus_w[bus] - expected_w[bus] - buses.shunt_w[bus];
        within(seed, t, "load unserved", look.unserved_w[bus], 0.0, f64::INFINITY);
        within(seed, t, "surplus", look.surplus_w[bus], 0.0, f64::INFINITY);
    }
    for (unit, output_w) in look.output_w.iter().enumerate() {
        injection_w[drawn.network.generators.bus[unit]] += output_w;
    }
    for (link, flow_w) in drawn.links.iter().zip(&look.link_w) {
        within(seed, t, "flow of a link", *flow_w, -link.most_w, link.most_w);
        injection_w[link.from] -= flow_w;
        injection_w[link.to] += flow_w;
    }
    let island = drawn.island();
    for lead in (0..island.len()).filter(|bus| island[*bus] == *bus) {
        let sum: f64 = (0..island.len()).filter(|bus| island[*bus] == lead).map(|bus| injection_w[bus]).sum();
        within(seed, t, "what an island lacks", sum, 0.0, 0.0);
    }
    for lost in std::iter::once(None).chain(drawn.outages.iter().copied().map(Some)) {
        for (branch, flow_w) in drawn.flows(&injection_w, lost).into_iter().enumerate() {
            let own = |(limit, by): &(Limit, f64)| {
                if *limit == (Limit::Flow { ahead: 0, branch, lost }) { *by } else { 0.0 }
            };
            let told_w: f64 = look.overload_w.iter().map(own).sum();
            let most_w = drawn.network.branches.rating_va[branch] * if lost.is_some() { 1.2 } else { 1.0 } + told_w;
            within(seed, t, "a flow", flow_w, -most_w, most_w);
        }
    }
}

/// Limits, ramps, starts and stops of every unit, and the reserve that is left.
fn replay_units(seed: u64, drawn: &Drawn, done: &Dispatched, t: usize, offered_w: &[f64]) {
    let (look, g) = (&done.intervals[t].look, &drawn.network.generators);
    let mut left_w = 0.0;
    for unit in 0..g.bus.len() {
        let output_w = look.output_w[unit];
        if !drawn.runs(t, unit) {
            within(seed, t, "a unit that is off", output_w, 0.0, 0.0);
            continue;
        }
        if drawn.ramp_w_per_s[unit].is_infinite() {
            let least_w = if drawn.must_take[unit] { offered_w[unit] } else { 0.0 };
            within(seed, t, "output from weather", output_w, least_w, offered_w[unit]);
            continue;
        }
        let ramp_w = drawn.ramp_w_per_s[unit] * STEP_S;
        within(seed, t, "an output", output_w, g.least_w[unit], g.most_w[unit]);
        left_w += (2.0 * ramp_w).min(g.most_w[unit] - output_w);
        if t > 0 && drawn.runs(t - 1, unit) {
            let before_w = done.intervals[t - 1].look.output_w[unit];
            within(seed, t, "a ramp", output_w - before_w, -ramp_w, ramp_w);
        } else if t > 0 {
            within(seed, t, "a first output", output_w, g.least_w[unit], g.least_w[unit] + ramp_w);
        }
        if t + 1 < INTERVALS && !drawn.runs(t + 1, unit) {
            within(seed, t, "a last output", output_w, g.least_w[unit], g.least_w[unit] + ramp_w);
        }
    }
    within(seed, t, "reserve", left_w + look.reserve_short_w, drawn.reserve_w[t], f64::INFINITY);
}

/// What came: regulation and curtailment; the curtailment.
fn replay_settlement(seed: u64, drawn: &Drawn, t: usize, interval: &Interval, forecast: &Forecast) -> f64 {
    let ((load_w, came_w), offered_w) = (forecast.actual(t), forecast.expected(t, 1).1);
    let look = &interval.look;
    let live = |bus: &usize| drawn.live(*bus);
    let (mut lacks_w, mut curtailed_w) = (0.0, 0.0);
    for bus in (0..load_w.len()).filter(live) {
        lacks_w += load_w[bus] + drawn.network.buses.shunt_w[bus] - look.unserved_w[bus] + look.surplus_w[bus];
    }
    let load_sum_w: f64 = (0..load_w.len()).filter(live).map(|bus| load_w[bus]).sum();
    within(seed, t, "load", interval.load_w, load_sum_w, load_sum_w);
    for unit in (0..came_w.len()).filter(|unit| drawn.runs(t, *unit)) {
        let ordered_w = look.output_w[unit];
        let weather = drawn.ramp_w_per_s[unit].is_infinite();
        // Told to give less than is expected, by as much as an order is worth (0.1 MW).
        let held = weather && !drawn.must_take[unit] && ordered_w < offered_w[unit] - 0.1e6;
        let gave_w = if held { ordered_w.min(came_w[unit]) } else { came_w[unit] };
        curtailed_w += if held { came_w[unit] - gave_w } else { 0.0 };
        lacks_w -= if weather { gave_w } else { ordered_w };
    }
    within(seed, t, "regulation", interval.regulation_w, lacks_w, lacks_w);
    within(seed, t, "what was curtailed", interval.curtailed_w, curtailed_w, curtailed_w);
    let came_sum_w: f64 = (0..came_w.len())
        .filter(|unit| drawn.ramp_w_per_s[*unit].is_infinite() && drawn.runs(t, *unit))
        .map(|unit| came_w[unit])
        .sum();
    within(seed, t, "what was curtailed", interval.curtailed_w, 0.0, came_sum_w);
    curtailed_w
}

#[test]
fn every_answer_keeps_what_it_must_when_it_is_replayed() {
    let (mut curtailed, mut unserved, mut overloaded, mut bound, mut islands, mut short) = (0, 0, 0, 0, 0, 0);
    for seed in 1..=60 {
        let drawn = draw(seed);
        let (day, forecast) = (drawn.day(), drawn.forecast());
        let done = run(&day, &forecast).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        assert_eq!(done.intervals.len(), INTERVALS);
        for (t, interval) in done.intervals.iter().enumerate() {
            let (expected_w, offered_w) = forecast.expected(t, 1);
            replay_grid(seed, &drawn, t, interval, &expected_w);
            replay_units(seed, &drawn, &done, t, &offered_w);
            curtailed += u32::from(replay_settlement(seed, &drawn, t, interval, &forecast) > 1e3);
            unserved += u32::from(interval.look.unserved_w.iter().sum::<f64>() > 1e3);
            overloaded += u32::from(!interval.look.overload_w.is_empty());
            bound += u32::from(interval.look.binding.iter().any(|(limit, _)| matches!(limit, Limit::Flow { .. })));
            islands += u32::from(interval.islands.len() > 1);
            short += u32::from(interval.look.reserve_short_w > 1e3);
        }
    }
    // A test that never meets a thing does not test it.
    let met = [curtailed, unserved, overloaded, bound, islands, short];
    assert!(met.iter().all(|times| *times > 20), "{met:?}");
}
