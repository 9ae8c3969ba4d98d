//! AC power flow: Newton's method on active and reactive power at every bus, with reactive limits of the generators.
//!
//! Covered by the comparison with pandapower (`benches/peers/power_flow.py`) and, in every run, by the balance of all powers.
//!
//! Not modelled: tap changers and switched shunts that act, several references in one part, load by voltage.

use super::admittance::{Admittance, Complex};
use super::direct::{Convention, DirectFlow};
use super::sparse::{Block, Factors, Order};
use super::{BusKind, Network, NetworkError};
use libm::{exp, sqrt};

/// How a power flow is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Largest mismatch at a bus that counts as solved, per unit of the base.
    pub tolerance_pu: f64,
    /// Most iterations for one set of held voltages.
    pub most_iterations: usize,
    /// Whether generators keep to their reactive limits.
    pub reactive_limits: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { tolerance_pu: 1e-8, most_iterations: 30, reactive_limits: true }
    }
}

/// A bus whose generators reached a reactive limit and no longer hold its voltage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtLimit {
    /// The bus.
    pub bus: usize,
    /// Whether it is the upper limit.
    pub upper: bool,
}

/// A solved power flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Voltage, share of nominal.
    pub voltage_share: Vec<f64>,
    /// Angle, rad.
    pub angle_rad: Vec<f64>,
    /// Output of every generator, W.
    pub output_w: Vec<f64>,
    /// Reactive output of every generator, var.
    pub output_var: Vec<f64>,
    /// Complex power into every branch at its beginning, VA.
    pub from_va: Vec<Complex>,
    /// Complex power into every branch at its end, VA.
    pub to_va: Vec<Complex>,
    /// Losses in branches, W.
    pub losses_w: f64,
    /// Drawn by shunts, W.
    pub shunts_w: f64,
    /// Iterations, over all rounds of limits.
    pub iterations: usize,
    /// Largest mismatch left, per unit.
    pub mismatch_pu: f64,
    /// Buses at a reactive limit.
    pub at_limit: Vec<AtLimit>,
    /// Buses that the power flow takes for dead: isolated, or in a part without a reference.
    pub dead: Vec<bool>,
}

impl Flow {
    /// Loading of a branch: the larger apparent power of its ends over its rating; `None` without a rating.
    #[must_use]
    pub fn loading(&self, network: &Network, branch: usize) -> Option<f64> {
        self.loading_of(branch, network.branches.rating_va[branch])
    }

    /// The same over another rating of the branch, VA; `None` where that is infinite.
    #[must_use]
    pub fn loading_of(&self, branch: usize, rating_va: f64) -> Option<f64> {
        let size = |s: Complex| sqrt(s.re * s.re + s.im * s.im);
        rating_va.is_finite().then(|| size(self.from_va[branch]).max(size(self.to_va[branch])) / rating_va)
    }
}

/// What a bus holds during the iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Nothing,
    Voltage,
    Both,
    Dead,
}

/// A network prepared for power flows: pattern, order and space are found once.
#[derive(Clone, Debug)]
pub struct PowerFlow {
    admittance: Admittance,
    factors: Factors<Block>,
    jacobian: Vec<Block>,
    step: Vec<[f64; 2]>,
    voltage: Vec<Complex>,
    power: Vec<Complex>,
    holds: Vec<Holds>,
    size: Vec<f64>,
    angle: Vec<f64>,
    wanted: Vec<Complex>,
    start_angle: Vec<f64>,
}

const ROUNDS: usize = 30;
/// How often a bus may go back to holding its voltage, so that two limits cannot chase each other for ever.
const RETURNS: usize = 2;
/// Reactive power beyond a limit that counts, per unit.
const LIMIT_SLACK_PU: f64 = 1e-6;

impl PowerFlow {
    /// Prepares a network, without one branch if asked. The start is the direct-current flow.
    ///
    /// # Errors
    /// A network that cannot be used; all reasons at once.
    pub fn new(network: &Network, without: Option<usize>) -> Result<Self, NetworkError> {
        let wrong = network.complaints();
        if !wrong.is_empty() {
            return Err(NetworkError::Unusable(wrong.join("; ")));
        }
        let admittance = Admittance::new(network, without);
        let factors = Factors::new(Order::new(&admittance.start, &admittance.column)?);
        let count = network.bus_count();
        let mut this = Self {
            jacobian: vec![[0.0; 4]; admittance.value.len()],
            admittance,
            factors,
            step: vec![[0.0; 2]; count],
            voltage: vec![Complex::default(); count],
            power: vec![Complex::default(); count],
            holds: vec![Holds::Nothing; count],
            size: network.buses.voltage_share.clone(),
            angle: network.buses.angle_rad.clone(),
            wanted: vec![Complex::default(); count],
            start_angle: network.buses.angle_rad.clone(),
        };
        this.hold(network, without);
        if let Ok(direct) = DirectFlow::new(network, Convention::Mp, without).and_then(|mut d| d.solve(network)) {
            this.start_angle = direct.angle_rad;
        }
        Ok(this)
    }

    /// Says what every bus holds: only parts with a reference live, and voltage needs a running generator. Where the
    /// file's reference has none, the first bus of its part that holds its voltage takes its place.
    fn hold(&mut self, network: &Network, without: Option<usize>) {
        let (part, parts) = network.parts(without);
        let mut held = vec![false; network.bus_count()];
        for generator in (0..network.generators.bus.len()).filter(|g| network.runs(*g)) {
            held[network.generators.bus[generator]] = true;
        }
        let mut alive = vec![false; parts];
        for bus in (0..network.bus_count()).filter(|bus| network.buses.kind[*bus] == BusKind::Reference) {
            alive[part[bus]] = true;
        }
        let mut balanced = vec![false; parts];
        for bus in 0..network.bus_count() {
            self.holds[bus] = match network.buses.kind[bus] {
                BusKind::Isolated => Holds::Dead,
                _ if !alive[part[bus]] => Holds::Dead,
                BusKind::Reference if held[bus] => Holds::Both,
                BusKind::Regulated if held[bus] => Holds::Voltage,
                _ => Holds::Nothing,
            };
            if self.holds[bus] == Holds::Both {
                balanced[part[bus]] = true;
            }
        }
        for bus in 0..network.bus_count() {
            if self.holds[bus] == Holds::Voltage && !balanced[part[bus]] {
                balanced[part[bus]] = true;
                self.holds[bus] = Holds::Both;
            }
        }
        for bus in 0..network.bus_count() {
            if part[bus] != usize::MAX && !balanced[part[bus]] {
                self.holds[bus] = Holds::Dead;
            }
        }
    }

    /// Solves for the loads and outputs that `network` has now; its branches must be those it was prepared with.
    ///
    /// # Errors
    /// No convergence: the bus that fails worst, by how much, and what stands at a limit.
    pub fn solve(&mut self, network: &Network, rules: &Rules) -> Result<Flow, NetworkError> {
        self.solve_within(network, rules, ROUNDS)
    }

    /// As `solve`, with so many rounds after the first in which voltages are let go or taken hold of again.
    fn solve_within(&mut self, network: &Network, rules: &Rules, rounds: usize) -> Result<Flow, NetworkError> {
        let base = network.base_va;
        let count = network.bus_count();
        let mut base_holds = self.holds.clone();
        let (mut least, mut most, mut load_var) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
        for bus in 0..count {
            self.wanted[bus] =
                Complex::new(-network.buses.load_w[bus], -network.buses.load_var[bus]).scaled(1.0 / base);
            load_var[bus] = network.buses.load_var[bus] / base;
            self.size[bus] = network.buses.voltage_share[bus];
            self.angle[bus] = self.start_angle[bus];
        }
        let mut set = vec![f64::NAN; count];
        for generator in (0..network.generators.bus.len()).filter(|g| network.runs(*g)) {
            let g = &network.generators;
            let bus = g.bus[generator];
            let output = Complex::new(g.output_w[generator], g.output_var[generator]).scaled(1.0 / base);
            self.wanted[bus] = self.wanted[bus].plus(output);
            least[bus] += g.least_var[generator] / base;
            most[bus] += g.most_var[generator] / base;
            if self.holds[bus] != Holds::Nothing {
                // The first running generator of a bus sets its voltage.
                if set[bus].is_nan() {
                    set[bus] = g.voltage_share[generator];
                    self.size[bus] = g.voltage_share[generator];
                }
            }
        }
        let mut returns = vec![0; count];
        let mut iterations = 0;
        let mut at_limit: Vec<AtLimit> = Vec::new();
        for round in 0.. {
            let done = self.iterate(rules);
            let (spent, mismatch_pu) = match done {
                Ok(done) => done,
                Err(failure) => {
                    self.holds = base_holds;
                    return Err(NetworkError::Unsolved(explain(network, &failure, &at_limit)));
                }
            };
            iterations += spent;
            let switched =
                rules.reactive_limits && self.switch(&least, &most, &load_var, &set, &mut returns, &mut at_limit);
            if switched && round >= rounds {
                self.holds = base_holds;
                return Err(NetworkError::Unsolved(format!(
                    "reactive limits: voltages are still let go or taken hold of again after {} rounds",
                    round + 1
                )));
            }
            if !switched {
                let flow = self.finish(network, iterations, mismatch_pu, at_limit);
                core::mem::swap(&mut self.holds, &mut base_holds);
                return Ok(flow);
            }
        }
        unreachable!("the loop ends by its own count")
    }

    /// Lets go of voltages whose generators are at a limit, takes hold again where the limit no longer binds.
    fn switch(
        &mut self,
        least: &[f64],
        most: &[f64],
        load_var: &[f64],
        set: &[f64],
        returns: &mut [usize],
        at_limit: &mut Vec<AtLimit>,
    ) -> bool {
        let before = at_limit.clone();
        at_limit.retain(|limit| {
            let bus = limit.bus;
            let back = if limit.upper { self.size[bus] > set[bus] } else { self.size[bus] < set[bus] };
            if back && returns[bus] < RETURNS {
                returns[bus] += 1;
                self.holds[bus] = Holds::Voltage;
                self.size[bus] = set[bus];
                return false;
            }
            true
        });
        for bus in 0..self.holds.len() {
            // One that has just taken hold again has not been solved yet.
            if self.holds[bus] != Holds::Voltage || before.iter().any(|limit| limit.bus == bus) {
                continue;
            }
            let given = self.power[bus].im + load_var[bus];
            let upper = given > most[bus] + LIMIT_SLACK_PU;
            if upper || given < least[bus] - LIMIT_SLACK_PU {
                self.holds[bus] = Holds::Nothing;
                self.wanted[bus].im = if upper { most[bus] } else { least[bus] } - load_var[bus];
                at_limit.push(AtLimit { bus, upper });
            }
        }
        *at_limit != before
    }

    /// Mismatch at every bus into `step`; its worst entry (bus, whether reactive, signed) and the sum of squares.
    fn mismatch(&mut self) -> (usize, bool, f64, f64) {
        for (voltage, (size, angle)) in self.voltage.iter_mut().zip(self.size.iter().zip(&self.angle)) {
            *voltage = Complex::polar(*size, *angle);
        }
        self.admittance.injections(&self.voltage, &mut self.power);
        let (mut worst, mut squares) = ((0, false, 0.0_f64), 0.0);
        for bus in 0..self.step.len() {
            let (p, q) = match self.holds[bus] {
                Holds::Nothing => (true, true),
                Holds::Voltage => (true, false),
                Holds::Both | Holds::Dead => (false, false),
            };
            let off = Complex::new(
                if p { self.wanted[bus].re - self.power[bus].re } else { 0.0 },
                if q { self.wanted[bus].im - self.power[bus].im } else { 0.0 },
            );
            squares += off.re * off.re + off.im * off.im;
            for (reactive, value) in [(false, off.re), (true, off.im)] {
                if value.is_nan() || value.abs() > worst.2.abs() {
                    worst = (bus, reactive, value);
                }
            }
            self.step[bus] = [off.re, off.im];
        }
        (worst.0, worst.1, worst.2, squares)
    }

    /// Newton's iterations for the voltages held now: iterations and largest mismatch.
    fn iterate(&mut self, rules: &Rules) -> Result<(usize, f64), Failure> {
        let (mut bus, mut reactive, mut worst, mut squares) = self.mismatch();
        for iteration in 0..=rules.most_iterations {
            if worst.abs() <= rules.tolerance_pu {
                return Ok((iteration, worst.abs()));
            }
            if iteration == rules.most_iterations || !squares.is_finite() {
                break;
            }
            self.fill_jacobian();
            let Self { factors, admittance, jacobian, step, .. } = self;
            if let Err(singular) = factors.factor(&admittance.start, &admittance.column, jacobian) {
                return Err(Failure { bus: singular, reactive, off_pu: worst, singular: true, lowest: self.lowest() });
            }
            factors.solve(step);
            // A full step, or less of it where it would make things worse.
            let full = self.step.clone();
            let (size, angle) = (self.size.clone(), self.angle.clone());
            let mut share = 1.0;
            for trial in 0..6 {
                for bus in 0..full.len() {
                    self.angle[bus] = angle[bus] + share * full[bus][0];
                    // The change is of the voltage's logarithm to first order; a large one must not turn it round.
                    let change = share * full[bus][1];
                    self.size[bus] = size[bus] * if change < -0.3 { exp(change) } else { 1.0 + change };
                }
                let before = squares;
                let (b, r, w, s) = self.mismatch();
                (bus, reactive, worst) = (b, r, w);
                if s < before || trial == 5 {
                    squares = s;
                    break;
                }
                share *= 0.5;
            }
        }
        Err(Failure { bus, reactive, off_pu: worst, singular: false, lowest: self.lowest() })
    }

    fn lowest(&self) -> (usize, f64) {
        let living = (0..self.size.len()).filter(|bus| self.holds[*bus] != Holds::Dead);
        living.map(|bus| (bus, self.size[bus])).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::NAN))
    }

    /// Derivatives of the powers by angle and by the logarithm of the voltage.
    ///
    /// With t = V_i (Y_ik V_k)*: dS_i/dangle_k = -j t, dS_i/dlnV_k = t, and at the bus itself j (S_i - t), S_i + t.
    fn fill_jacobian(&mut self) {
        for bus in 0..self.holds.len() {
            let holds = self.holds[bus];
            let own = self.power[bus];
            for at in self.admittance.start[bus]..self.admittance.start[bus + 1] {
                let other = self.admittance.column[at];
                let t = self.voltage[bus].times(self.admittance.value[at].times(self.voltage[other]).conjugate());
                let full = if other == bus {
                    [t.im - own.im, own.re + t.re, own.re - t.re, own.im + t.im]
                } else {
                    [t.im, t.re, -t.re, t.im]
                };
                let here = if other == bus { 1.0 } else { 0.0 };
                self.jacobian[at] = match holds {
                    Holds::Nothing => full,
                    Holds::Voltage => [full[0], full[1], 0.0, here],
                    Holds::Both | Holds::Dead => [here, 0.0, 0.0, here],
                };
            }
        }
    }

    /// Everything that follows from the voltages; asserts that the powers balance.
    fn finish(&self, network: &Network, iterations: usize, mismatch_pu: f64, at_limit: Vec<AtLimit>) -> Flow {
        let base = network.base_va;
        let dead: Vec<bool> = self.holds.iter().map(|holds| *holds == Holds::Dead).collect();
        let (mut from_va, mut to_va) = (Vec::new(), Vec::new());
        let (mut losses, mut lost, mut moved) = (Complex::default(), 0.0, 0.0);
        for (branch, port) in self.admittance.ports.iter().enumerate() {
            let (f, t) = (network.branches.from[branch], network.branches.to[branch]);
            let (mut into_f, mut into_t) = (Complex::default(), Complex::default());
            if let Some(port) = port.filter(|_| !dead[f]) {
                let (vf, vt) = (self.voltage[f], self.voltage[t]);
                into_f = vf.times(port.ff.times(vf).plus(port.ft.times(vt)).conjugate()).scaled(base);
                into_t = vt.times(port.tf.times(vf).plus(port.tt.times(vt)).conjugate()).scaled(base);
            }
            losses = losses.plus(into_f).plus(into_t);
            lost += into_f.re + into_t.re;
            moved += into_f.re.abs() + into_f.im.abs();
            from_va.push(into_f);
            to_va.push(into_t);
        }
        let (output_w, output_var) = self.outputs(network, &dead);
        let (mut injected, mut shunts) = (Complex::default(), Complex::default());
        for bus in (0..dead.len()).filter(|bus| !dead[*bus]) {
            let square = self.size[bus] * self.size[bus];
            let buses = &network.buses;
            injected = injected.plus(Complex::new(-buses.load_w[bus], -buses.load_var[bus]));
            shunts = shunts.plus(Complex::new(buses.shunt_w[bus], -buses.shunt_var[bus]).scaled(square));
        }
        for generator in 0..output_w.len() {
            injected = injected.plus(Complex::new(output_w[generator], output_var[generator]));
        }
        // What generators feed less what loads draw is what branches and shunts take: at every bus to the mismatch.
        let allowed = base * dead.len() as f64 * (mismatch_pu + 1e-12) + 1e-9 * moved;
        let open = [injected.re - losses.re - shunts.re, injected.im - losses.im - shunts.im];
        assert!(open.iter().all(|open| open.abs() <= allowed), "power balance open by {open:?} VA of {moved} VA moved");
        Flow {
            voltage_share: self.size.clone(),
            angle_rad: self.angle.clone(),
            output_w,
            output_var,
            from_va,
            to_va,
            losses_w: lost,
            shunts_w: shunts.re,
            iterations,
            mismatch_pu,
            at_limit,
            dead,
        }
    }

    /// Outputs of the generators: what a bus needs is shared by reactive range, and at the reference by active range.
    fn outputs(&self, network: &Network, dead: &[bool]) -> (Vec<f64>, Vec<f64>) {
        let g = &network.generators;
        let base = network.base_va;
        let mut at_bus: Vec<Vec<usize>> = vec![Vec::new(); network.bus_count()];
        for generator in (0..g.bus.len()).filter(|i| network.runs(*i) && !dead[g.bus[*i]]) {
            at_bus[g.bus[generator]].push(generator);
        }
        let (mut output_w, mut output_var) = (vec![0.0; g.bus.len()], vec![0.0; g.bus.len()]);
        for (bus, here) in at_bus.iter().enumerate().filter(|(_, here)| !here.is_empty()) {
            let need_w = self.power[bus].re * base + network.buses.load_w[bus];
            let need_var = self.power[bus].im * base + network.buses.load_var[bus];
            let given_w: f64 = here.iter().map(|i| g.output_w[*i]).sum();
            let given_var: f64 = here.iter().map(|i| g.output_var[*i]).sum();
            let shares = |low: &[f64], high: &[f64]| -> Vec<f64> {
                let range = |i: &usize| (high[*i] - low[*i]).clamp(0.0, 1e15);
                let whole: f64 = here.iter().map(range).sum();
                let even = 1.0 / here.len() as f64;
                here.iter().map(|i| if whole > 0.0 { range(i) / whole } else { even }).collect()
            };
            let (by_w, by_var) = (shares(&g.least_w, &g.most_w), shares(&g.least_var, &g.most_var));
            for (place, generator) in here.iter().enumerate() {
                output_w[*generator] = g.output_w[*generator] + by_w[place] * (need_w - given_w);
                output_var[*generator] = g.output_var[*generator] + by_var[place] * (need_var - given_var);
            }
        }
        (output_w, output_var)
    }
}

/// Where the iterations ended without a solution.
struct Failure {
    bus: usize,
    reactive: bool,
    off_pu: f64,
    singular: bool,
    lowest: (usize, f64),
}

/// A failure in words: which bus, which mismatch, which limits.
fn explain(network: &Network, failure: &Failure, at_limit: &[AtLimit]) -> String {
    let number = |bus: usize| network.buses.number[bus];
    let (what, unit) = if failure.reactive { ("reactive", "Mvar") } else { ("active", "MW") };
    let off = failure.off_pu * network.base_va / 1e6;
    // What ran away has no meaningful digits.
    let size = |off: f64| if off.abs() < 1e7 { format!("{off:.3}") } else { format!("{off:.0e}") };
    let mut text = if failure.singular {
        format!(
            "the power flow has no solution near here: at bus {} voltage no longer answers to power (largest mismatch {} {unit})",
            number(failure.bus),
            size(off)
        )
    } else {
        format!(
            "the power flow did not converge: bus {} is {} {} {unit} of {what} power",
            number(failure.bus),
            if off > 0.0 { "over by" } else { "short of" },
            size(off.abs())
        )
    };
    text.push_str(&format!("; lowest voltage {:.3} of nominal at bus {}", failure.lowest.1, number(failure.lowest.0)));
    if !at_limit.is_empty() {
        let names: Vec<String> = at_limit
            .iter()
            .take(8)
            .map(|limit| format!("{} ({})", number(limit.bus), if limit.upper { "most" } else { "least" }))
            .collect();
        let more = at_limit.len().saturating_sub(8);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push_str(&format!("; generators at a reactive limit at bus {}{more}", names.join(", ")));
    }
    text
}

/// The largest share of all loads and outputs at which the power flow still converges, to 1/64; for explanations.
#[must_use]
pub fn bearable_share(network: &Network, rules: &Rules) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    let Ok(mut prepared) = PowerFlow::new(network, None) else { return 0.0 };
    for _ in 0..6 {
        let middle = 0.5 * (low + high);
        let mut less = network.clone();
        for value in less.buses.load_w.iter_mut().chain(&mut less.buses.load_var).chain(&mut less.generators.output_w) {
            *value *= middle;
        }
        for angle in &mut prepared.start_angle {
            *angle *= 0.5;
        }
        *(if prepared.solve(&less, rules).is_ok() { &mut low } else { &mut high }) = middle;
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bus 2's unit can give no reactive power, so its voltage has to be let go.
    #[test]
    fn reactive_limits_that_are_not_settled_are_no_answer() {
        let mut network = crate::realtime::tests::line();
        network.buses.kind[1] = BusKind::Regulated;
        network.buses.load_var[1] = 30e6;
        let g = &mut network.generators;
        (g.most_var[0], g.least_var[0], g.output_w[0]) = (500e6, -500e6, 20e6);
        g.bus.push(1);
        g.name.push(String::new());
        for column in [&mut g.output_w, &mut g.output_var, &mut g.most_var, &mut g.least_var, &mut g.least_w] {
            column.push(0.0);
        }
        g.most_w.push(0.0);
        g.voltage_share.push(1.0);
        g.in_service.push(true);
        g.cost.push(None);
        let rules = Rules::default();
        let mut prepared = PowerFlow::new(&network, None).expect("a network");
        let flow = prepared.solve(&network, &rules).expect("an answer");
        assert_eq!(flow.at_limit.len(), 1);
        let why = prepared.solve_within(&network, &rules, 0).expect_err("a round is missing").to_string();
        assert!(why.starts_with("reactive limits:") && why.contains("after 1 rounds"), "{why}");
        assert_eq!(prepared.solve(&network, &rules).expect("an answer"), flow);
    }
}
