//! The transmission network: buses, branches and generators as parallel arrays, and what flows in them.
//!
//! Powers are watts, vars and volt-amperes; angles are radians. Impedances stay per unit of the case's base and
//! voltages shares of nominal, as planners' files carry them: per unit is used nowhere else in tieline. Loads and
//! shunts draw when positive, generators feed when positive: the sign of planners' files, kept at this door.
//!
//! Not modelled: HVDC lines, three phases, tap changers that move by themselves, load that follows its voltage.

pub mod admittance;
pub mod contingency;
pub mod direct;
pub mod headroom;
pub mod newton;
pub mod optimum;
pub mod sparse;

use core::fmt;

/// What is held at a bus in a power flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusKind {
    /// Active and reactive power are given.
    Load,
    /// Active power and voltage are given.
    Regulated,
    /// Voltage and angle are given; power balances the rest.
    Reference,
    /// Out of service, with all that hangs on it.
    Isolated,
}

/// Buses, one index each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buses {
    /// Number in the planner's file.
    pub number: Vec<u64>,
    /// Name; empty where the file has none.
    pub name: Vec<String>,
    /// Number of its area.
    pub area: Vec<u64>,
    /// Number of its loss zone.
    pub zone: Vec<u64>,
    /// What is held.
    pub kind: Vec<BusKind>,
    /// Load, W.
    pub load_w: Vec<f64>,
    /// Reactive load, var.
    pub load_var: Vec<f64>,
    /// What the shunt draws at nominal voltage, W.
    pub shunt_w: Vec<f64>,
    /// What the shunt feeds at nominal voltage, var (a capacitor is positive).
    pub shunt_var: Vec<f64>,
    /// Voltage to start from, share of nominal.
    pub voltage_share: Vec<f64>,
    /// Angle to start from, rad.
    pub angle_rad: Vec<f64>,
    /// Nominal voltage, V; 0 where the file has none.
    pub nominal_v: Vec<f64>,
    /// Highest and lowest voltage allowed, share of nominal.
    pub most_share: Vec<f64>,
    /// Lowest voltage allowed, share of nominal.
    pub least_share: Vec<f64>,
}

/// Branches: lines and transformers, one index each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Branches {
    /// Index of the bus at its beginning, where the tap is.
    pub from: Vec<usize>,
    /// Index of the bus at its end.
    pub to: Vec<usize>,
    /// Name; empty where the file has none.
    pub name: Vec<String>,
    /// Series resistance, per unit of the base.
    pub r_pu: Vec<f64>,
    /// Series reactance, per unit of the base.
    pub x_pu: Vec<f64>,
    /// Charging susceptance of the whole line, per unit of the base.
    pub charging_pu: Vec<f64>,
    /// Continuous rating, VA; infinite where there is no limit.
    pub rating_va: Vec<f64>,
    /// Rating for some hours after an outage (MATPOWER's rateB, RTS-GMLC's long-time emergency rating), VA; nothing where
    /// the file has none.
    pub short_term_va: Vec<Option<f64>>,
    /// Rating for some minutes after an outage (MATPOWER's rateC, RTS-GMLC's short-time emergency rating), VA; nothing
    /// where the file has none.
    pub emergency_va: Vec<Option<f64>>,
    /// Tap ratio; 1 for a line.
    pub tap: Vec<f64>,
    /// Phase shift, rad.
    pub shift_rad: Vec<f64>,
    /// Whether it carries anything.
    pub in_service: Vec<bool>,
    /// Least difference of the angles, from less to, rad; -infinity where there is no limit.
    pub least_angle_rad: Vec<f64>,
    /// Most difference of the angles, rad; infinity where there is no limit.
    pub most_angle_rad: Vec<f64>,
}

/// Which of a branch's ratings is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// The continuous one.
    Normal,
    /// For some hours.
    ShortTerm,
    /// For some minutes.
    Emergency,
}

/// Cost of running a generator for an hour.
#[derive(Clone, Debug, PartialEq)]
pub enum Cost {
    /// $/h: the k-th coefficient goes with the k-th power of the output in MW.
    Polynomial(Vec<f64>),
    /// Straight lines between (MW, $/h).
    Piecewise(Vec<(f64, f64)>),
}

/// Generators, one index each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generators {
    /// Index of its bus.
    pub bus: Vec<usize>,
    /// Name; empty where the file has none.
    pub name: Vec<String>,
    /// Output, W.
    pub output_w: Vec<f64>,
    /// Reactive output, var.
    pub output_var: Vec<f64>,
    /// Most reactive output, var.
    pub most_var: Vec<f64>,
    /// Least reactive output, var.
    pub least_var: Vec<f64>,
    /// Voltage that it holds, share of nominal.
    pub voltage_share: Vec<f64>,
    /// Whether it runs.
    pub in_service: Vec<bool>,
    /// Most output, W.
    pub most_w: Vec<f64>,
    /// Least output, W.
    pub least_w: Vec<f64>,
    /// Cost; nothing where the file has none.
    pub cost: Vec<Option<Cost>>,
}

/// A network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Name in the file.
    pub name: String,
    /// Base of per unit, VA.
    pub base_va: f64,
    /// Buses.
    pub buses: Buses,
    /// Branches.
    pub branches: Branches,
    /// Generators.
    pub generators: Generators,
}

/// Why a question about a network has no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkError {
    /// The network itself cannot be used: what, and where.
    Unusable(String),
    /// The equations were not solved: what stood in the way.
    Unsolved(String),
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) | Self::Unsolved(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for NetworkError {}

impl Network {
    /// Index of the bus with this number.
    #[must_use]
    pub fn bus(&self, number: u64) -> Option<usize> {
        self.buses.number.iter().position(|found| *found == number)
    }

    /// How many buses.
    #[must_use]
    pub fn bus_count(&self) -> usize {
        self.buses.number.len()
    }

    /// Whether the branch and both its ends are in service.
    #[must_use]
    pub fn carries(&self, branch: usize) -> bool {
        let ends = [self.branches.from[branch], self.branches.to[branch]];
        self.branches.in_service[branch] && ends.iter().all(|bus| self.buses.kind[*bus] != BusKind::Isolated)
    }

    /// Whether the generator and its bus are in service.
    #[must_use]
    pub fn runs(&self, generator: usize) -> bool {
        self.generators.in_service[generator] && self.buses.kind[self.generators.bus[generator]] != BusKind::Isolated
    }

    /// Words for a branch: its row in the file, its ends, and its name where it has one.
    #[must_use]
    pub fn branch_name(&self, branch: usize) -> String {
        let number = |bus: usize| self.buses.number[bus];
        let ends = (number(self.branches.from[branch]), number(self.branches.to[branch]));
        match self.branches.name[branch].as_str() {
            "" => format!("branch {} ({}-{})", branch + 1, ends.0, ends.1),
            name => format!("branch {} ({}-{}, {name})", branch + 1, ends.0, ends.1),
        }
    }

    /// What a branch may carry after an outage, VA: its emergency rating, else its short-term one, else its normal one, and
    /// never less than the normal one; with the word for it.
    #[must_use]
    pub fn outage_rating(&self, branch: usize) -> (f64, Rating) {
        let b = &self.branches;
        let (value_va, which) = match (b.emergency_va[branch], b.short_term_va[branch]) {
            (Some(emergency), _) => (emergency, Rating::Emergency),
            (None, Some(short)) => (short, Rating::ShortTerm),
            (None, None) => (b.rating_va[branch], Rating::Normal),
        };
        if value_va > b.rating_va[branch] { (value_va, which) } else { (b.rating_va[branch], Rating::Normal) }
    }

    /// Parts that hang together over branches that carry: the part of every bus (`usize::MAX` for an isolated one),
    /// and how many parts there are. `without` is left out.
    #[must_use]
    pub fn parts(&self, without: Option<usize>) -> (Vec<usize>, usize) {
        let count = self.bus_count();
        let mut root: Vec<usize> = (0..count).collect();
        fn find(root: &mut [usize], mut bus: usize) -> usize {
            while root[bus] != bus {
                root[bus] = root[root[bus]];
                bus = root[bus];
            }
            bus
        }
        for branch in (0..self.branches.from.len()).filter(|b| Some(*b) != without && self.carries(*b)) {
            let (a, b) = (find(&mut root, self.branches.from[branch]), find(&mut root, self.branches.to[branch]));
            // The lower index leads, so that parts are numbered in the order of the file.
            root[a.max(b)] = a.min(b);
        }
        let mut part = vec![usize::MAX; count];
        let mut parts = 0;
        for bus in (0..count).filter(|bus| self.buses.kind[*bus] != BusKind::Isolated) {
            let lead = find(&mut root, bus);
            if lead == bus {
                part[bus] = parts;
                parts += 1;
            } else {
                part[bus] = part[lead];
            }
        }
        (part, parts)
    }

    /// One reference bus for every part: the file's if a generator runs there, else the first where one does, else the
    /// file's, else the first.
    #[must_use]
    pub fn references(&self, part: &[usize], parts: usize) -> Vec<usize> {
        let mut chosen: Vec<Option<(u8, usize)>> = vec![None; parts];
        let mut generates = vec![false; self.bus_count()];
        for generator in (0..self.generators.bus.len()).filter(|g| self.runs(*g)) {
            generates[self.generators.bus[generator]] = true;
        }
        for bus in (0..self.bus_count()).filter(|bus| part[*bus] != usize::MAX) {
            let rank = match self.buses.kind[bus] {
                BusKind::Reference if generates[bus] => 0,
                _ if generates[bus] => 1,
                BusKind::Reference => 2,
                _ => 3,
            };
            let best = &mut chosen[part[bus]];
            if best.is_none_or(|(found, _)| rank < found) {
                *best = Some((rank, bus));
            }
        }
        chosen.into_iter().flatten().map(|(_, bus)| bus).collect()
    }

    /// All that makes the network unusable, in words; nothing when it is sound.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !(self.base_va.is_finite() && self.base_va > 0.0) {
            wrong.push(format!("the base is {} VA; expected more than 0", self.base_va));
        }
        if self.bus_count() == 0 {
            wrong.push("there is no bus".to_owned());
        }
        for branch in (0..self.branches.from.len()).filter(|b| self.carries(*b)) {
            let (r, x) = (self.branches.r_pu[branch], self.branches.x_pu[branch]);
            if r == 0.0 && x == 0.0 {
                wrong.push(format!("{} has neither resistance nor reactance", self.branch_name(branch)));
            }
            if self.branches.from[branch] == self.branches.to[branch] {
                wrong.push(format!("{} begins and ends at the same bus", self.branch_name(branch)));
            }
        }
        if self.bus_count() > 0 && !self.buses.kind.contains(&BusKind::Reference) {
            wrong.push("no bus is the reference (type 3)".to_owned());
        }
        wrong
    }
}
