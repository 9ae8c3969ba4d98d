//! Linear equations on the network's own pattern: LU factors without exchanges of rows, of numbers or of 2x2 blocks.
//!
//! The pattern is symmetric (a branch has two ends), so the order of elimination and the fill are found once and serve
//! every later factorization. Blocks of two rows per bus keep angle and voltage together, which is the exchange that
//! power-flow equations need. The arithmetic is plain and in one order: the same bits on every machine.
//!
//! Not modelled: exchanges of rows beyond a block; a pivot that vanishes is reported with its place, not avoided.

use super::NetworkError;

/// What a matrix is made of, and what it multiplies.
pub trait Element: Copy + Default {
    /// Entry of a vector that goes with it.
    type Vector: Copy + Default;
    /// Product.
    #[must_use]
    fn times(self, other: Self) -> Self;
    /// Difference.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// Inverse, unless there is none.
    fn inverse(self) -> Option<Self>;
    /// Product with a vector.
    fn apply(self, vector: Self::Vector) -> Self::Vector;
    /// Difference of vectors.
    fn less(one: Self::Vector, other: Self::Vector) -> Self::Vector;
}

impl Element for f64 {
    type Vector = f64;
    fn times(self, other: Self) -> Self {
        self * other
    }
    fn minus(self, other: Self) -> Self {
        self - other
    }
    fn inverse(self) -> Option<Self> {
        (self != 0.0 && self.is_finite()).then(|| 1.0 / self)
    }
    fn apply(self, vector: f64) -> f64 {
        self * vector
    }
    fn less(one: f64, other: f64) -> f64 {
        one - other
    }
}

/// Two rows and columns: first row, second row.
pub type Block = [f64; 4];

impl Element for Block {
    type Vector = [f64; 2];
    fn times(self, o: Self) -> Self {
        [
            self[0] * o[0] + self[1] * o[2],
            self[0] * o[1] + self[1] * o[3],
            self[2] * o[0] + self[3] * o[2],
            self[2] * o[1] + self[3] * o[3],
        ]
    }
    fn minus(self, o: Self) -> Self {
        [self[0] - o[0], self[1] - o[1], self[2] - o[2], self[3] - o[3]]
    }
    fn inverse(self) -> Option<Self> {
        let by = self[0] * self[3] - self[1] * self[2];
        (by != 0.0 && by.is_finite()).then(|| [self[3] / by, -self[1] / by, -self[2] / by, self[0] / by])
    }
    fn apply(self, v: [f64; 2]) -> [f64; 2] {
        [self[0] * v[0] + self[1] * v[1], self[2] * v[0] + self[3] * v[1]]
    }
    fn less(one: [f64; 2], other: [f64; 2]) -> [f64; 2] {
        [one[0] - other[0], one[1] - other[1]]
    }
}

/// Order of elimination and pattern of the factors.
#[derive(Clone, Debug)]
pub struct Order {
    /// Row of the matrix that is eliminated at each place, and the place of each row.
    row: Vec<usize>,
    place: Vec<usize>,
    /// Lower factor by rows, without its diagonal; columns are places and ascend.
    lower_start: Vec<usize>,
    lower: Vec<usize>,
    /// Upper factor by rows, without its diagonal.
    upper_start: Vec<usize>,
    upper: Vec<usize>,
}

impl Order {
    /// Finds the order (approximate minimum degree) and the fill of a symmetric pattern given by rows.
    ///
    /// # Errors
    /// A pattern that the ordering refuses.
    pub fn new(start: &[usize], column: &[usize]) -> Result<Self, NetworkError> {
        let count = start.len() - 1;
        let (row, place, _) = amd::order(count, start, column, &amd::Control::default())
            .map_err(|status| NetworkError::Unusable(format!("the network's pattern has no order: {status:?}")))?;
        // Rows of the lower factor: paths up the elimination tree from the entries left of the diagonal.
        let mut parent = vec![usize::MAX; count];
        let mut seen = vec![usize::MAX; count];
        let (mut lower_start, mut lower) = (vec![0], Vec::new());
        let mut width = vec![0; count + 1];
        for at in 0..count {
            seen[at] = at;
            let begin = lower.len();
            for entry in &column[start[row[at]]..start[row[at] + 1]] {
                let mut next = place[*entry];
                while next < at && seen[next] != at {
                    lower.push(next);
                    width[next + 1] += 1;
                    seen[next] = at;
                    if parent[next] == usize::MAX {
                        parent[next] = at;
                    }
                    next = parent[next];
                }
            }
            lower[begin..].sort_unstable();
            lower_start.push(lower.len());
        }
        for at in 0..count {
            width[at + 1] += width[at];
        }
        // The upper factor has the transposed pattern.
        let upper_start = width.clone();
        let mut upper = vec![0; lower.len()];
        for at in 0..count {
            for left in &lower[lower_start[at]..lower_start[at + 1]] {
                upper[width[*left]] = at;
                width[*left] += 1;
            }
        }
        Ok(Self { row, place, lower_start, lower, upper_start, upper })
    }
}

/// Factors of one matrix; the space is reused by the next.
#[derive(Clone, Debug)]
pub struct Factors<E: Element> {
    order: Order,
    lower: Vec<E>,
    upper: Vec<E>,
    inverse: Vec<E>,
    work: Vec<E>,
    vector: Vec<E::Vector>,
}

impl<E: Element> Factors<E> {
    /// Space for factors of this order.
    #[must_use]
    pub fn new(order: Order) -> Self {
        let count = order.row.len();
        Self {
            lower: vec![E::default(); order.lower.len()],
            upper: vec![E::default(); order.upper.len()],
            inverse: vec![E::default(); count],
            work: vec![E::default(); count],
            vector: vec![E::Vector::default(); count],
            order,
        }
    }

    /// Factors a matrix with the pattern of the order: row by row, each row less its multiples of those above it.
    ///
    /// # Errors
    /// The row whose pivot vanishes.
    pub fn factor(&mut self, start: &[usize], column: &[usize], value: &[E]) -> Result<(), usize> {
        let Self { order, lower, upper, inverse, work, .. } = self;
        for at in 0..order.row.len() {
            let row = order.row[at];
            for entry in start[row]..start[row + 1] {
                work[order.place[column[entry]]] = value[entry];
            }
            for left in order.lower_start[at]..order.lower_start[at + 1] {
                let above = order.lower[left];
                let factor = work[above].times(inverse[above]);
                work[above] = E::default();
                lower[left] = factor;
                let (begin, end) = (order.upper_start[above], order.upper_start[above + 1]);
                for (right, entry) in order.upper[begin..end].iter().zip(&upper[begin..end]) {
                    work[*right] = work[*right].minus(factor.times(*entry));
                }
            }
            for right in order.upper_start[at]..order.upper_start[at + 1] {
                upper[right] = core::mem::take(&mut work[order.upper[right]]);
            }
            match core::mem::take(&mut work[at]).inverse() {
                Some(found) => inverse[at] = found,
                None => {
                    work.fill(E::default());
                    return Err(row);
                }
            }
        }
        Ok(())
    }

    /// Solves for one right side, in place.
    pub fn solve(&mut self, side: &mut [E::Vector]) {
        let Self { order, lower, upper, inverse, vector, .. } = self;
        let count = order.row.len();
        for at in 0..count {
            let mut sum = side[order.row[at]];
            let (begin, end) = (order.lower_start[at], order.lower_start[at + 1]);
            for (left, entry) in order.lower[begin..end].iter().zip(&lower[begin..end]) {
                sum = E::less(sum, entry.apply(vector[*left]));
            }
            vector[at] = sum;
        }
        for at in (0..count).rev() {
            let mut sum = vector[at];
            let (begin, end) = (order.upper_start[at], order.upper_start[at + 1]);
            for (right, entry) in order.upper[begin..end].iter().zip(&upper[begin..end]) {
                sum = E::less(sum, entry.apply(vector[*right]));
            }
            vector[at] = inverse[at].apply(sum);
            side[order.row[at]] = vector[at];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_with_a_chord_is_solved() {
        // Five rows, symmetric pattern, unsymmetric values; the solution is known because the side is made from it.
        let rows: [&[(usize, f64)]; 5] = [
            &[(0, 4.0), (1, -1.0), (4, -0.5)],
            &[(0, -2.0), (1, 5.0), (2, 1.0), (3, 0.3)],
            &[(1, -1.0), (2, 3.0), (3, -1.0)],
            &[(1, 0.7), (2, -1.0), (3, 4.0), (4, 1.0)],
            &[(0, 1.0), (3, -1.0), (4, 6.0)],
        ];
        let (mut start, mut column, mut value) = (vec![0], Vec::new(), Vec::new());
        for row in rows {
            for (col, entry) in row {
                column.push(*col);
                value.push(*entry);
            }
            start.push(column.len());
        }
        let x = [1.0, -2.0, 3.0, 0.5, 4.0];
        let mut side: Vec<f64> = rows.iter().map(|row| row.iter().map(|(col, entry)| entry * x[*col]).sum()).collect();
        let mut factors = Factors::new(Order::new(&start, &column).expect("an order"));
        factors.factor(&start, &column, &value).expect("regular");
        factors.solve(&mut side);
        for (ours, known) in side.iter().zip(x) {
            assert!((ours - known).abs() < 1e-14, "{ours} {known}");
        }
        value[5] = f64::NAN;
        assert!(factors.factor(&start, &column, &value).is_err());
    }
}
