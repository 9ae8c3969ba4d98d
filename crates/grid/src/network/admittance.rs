//! Admittances: what every branch and shunt does to the currents, and the matrix of all of them by rows.
//!
//! Not modelled: mutual coupling between lines.

use super::{BusKind, Network};
use libm::{cos, sin};

/// A complex number; what little of it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

impl Complex {
    /// `re + j im`.
    #[must_use]
    pub const fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }
    /// From magnitude and angle in rad.
    #[must_use]
    pub fn polar(size: f64, angle: f64) -> Self {
        Self::new(size * cos(angle), size * sin(angle))
    }
    /// Sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self::new(self.re + other.re, self.im + other.im)
    }
    /// Product.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self::new(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)
    }
    /// Conjugate.
    #[must_use]
    pub fn conjugate(self) -> Self {
        Self::new(self.re, -self.im)
    }
    /// Multiple.
    #[must_use]
    pub fn scaled(self, by: f64) -> Self {
        Self::new(self.re * by, self.im * by)
    }
}

/// The four admittances of a branch, per unit: currents into it from its ends are `ff Vf + ft Vt` and `tf Vf + tt Vt`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoPort {
    /// From, from.
    pub ff: Complex,
    /// From, to.
    pub ft: Complex,
    /// To, from.
    pub tf: Complex,
    /// To, to.
    pub tt: Complex,
}

/// The admittances of a branch: series admittance y and half the charging at each end, behind an ideal transformer of
/// ratio a = tap e^(j shift) at its beginning: ff = (y + jb/2)/|a|^2, ft = -y/a*, tf = -y/a, tt = y + jb/2.
#[must_use]
pub fn two_port(network: &Network, branch: usize) -> TwoPort {
    let b = &network.branches;
    let (r, x) = (b.r_pu[branch], b.x_pu[branch]);
    let square = r * r + x * x;
    let y = Complex::new(r / square, -x / square);
    let own = y.plus(Complex::new(0.0, 0.5 * b.charging_pu[branch]));
    let (tap, shift) = (b.tap[branch], b.shift_rad[branch]);
    let turn = Complex::polar(1.0 / tap, shift);
    TwoPort {
        ff: own.scaled(1.0 / (tap * tap)),
        ft: y.times(turn).scaled(-1.0),
        tf: y.times(turn.conjugate()).scaled(-1.0),
        tt: own,
    }
}

/// The bus admittance matrix by rows, per unit; columns ascend within a row, and every row has its diagonal.
#[derive(Clone, Debug)]
pub struct Admittance {
    /// Where each row begins; one more than there are buses.
    pub start: Vec<usize>,
    /// Columns.
    pub column: Vec<usize>,
    /// Values.
    pub value: Vec<Complex>,
    /// Place of each diagonal.
    pub diagonal: Vec<usize>,
    /// Admittances of each branch that carries.
    pub ports: Vec<Option<TwoPort>>,
}

impl Admittance {
    /// The matrix of a network, without one branch if asked.
    #[must_use]
    pub fn new(network: &Network, without: Option<usize>) -> Self {
        let count = network.bus_count();
        let mut entries: Vec<(usize, usize, Complex)> = Vec::new();
        for bus in 0..count {
            let live = network.buses.kind[bus] != BusKind::Isolated;
            let shunt = Complex::new(network.buses.shunt_w[bus], network.buses.shunt_var[bus]);
            entries.push((bus, bus, if live { shunt.scaled(1.0 / network.base_va) } else { Complex::default() }));
        }
        let ports: Vec<Option<TwoPort>> = (0..network.branches.from.len())
            .map(|branch| (network.carries(branch) && Some(branch) != without).then(|| two_port(network, branch)))
            .collect();
        for (branch, port) in ports.iter().enumerate() {
            let Some(port) = port else { continue };
            let (f, t) = (network.branches.from[branch], network.branches.to[branch]);
            entries.extend([(f, f, port.ff), (f, t, port.ft), (t, f, port.tf), (t, t, port.tt)]);
        }
        // Stable, so that parallel branches add up in the order of the file.
        entries.sort_by_key(|(row, column, _)| (*row, *column));
        let mut start = vec![0; count + 1];
        let (mut column, mut value): (Vec<usize>, Vec<Complex>) = (Vec::new(), Vec::new());
        let mut diagonal = vec![0; count];
        let mut last = None;
        for (row, col, entry) in entries {
            if last == Some((row, col)) {
                if let Some(sum) = value.last_mut() {
                    *sum = sum.plus(entry);
                }
                continue;
            }
            last = Some((row, col));
            if row == col {
                diagonal[row] = value.len();
            }
            column.push(col);
            value.push(entry);
            start[row + 1] = value.len();
        }
        Self { start, column, value, diagonal, ports }
    }

    /// Complex power into the network at every bus, per unit: S = V (Y V)*.
    pub fn injections(&self, voltage: &[Complex], power: &mut [Complex]) {
        for (bus, power) in power.iter_mut().enumerate() {
            let mut current = Complex::default();
            for at in self.start[bus]..self.start[bus + 1] {
                current = current.plus(self.value[at].times(voltage[self.column[at]]));
            }
            *power = voltage[bus].times(current.conjugate());
        }
    }
}
