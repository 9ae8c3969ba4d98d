//! The rows and columns that are handed to the solver, as arrays; powers in MW, so that numbers are of like size.
//!
//! Not modelled: quadratic terms.

/// A number of megawatts in a watt.
pub(crate) const MW: f64 = 1e6;

/// Terms of a row: (column, factor).
pub(crate) type Terms = Vec<(usize, f64)>;

/// Least cost subject to rows: a mixed-integer linear program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    /// Cost of each column, $.
    pub cost: Vec<f64>,
    /// Least value of each column.
    pub lower: Vec<f64>,
    /// Greatest value of each column.
    pub upper: Vec<f64>,
    /// Columns that must be whole.
    pub whole: Vec<bool>,
    /// Where each row begins in `column` and `factor`, and the end.
    pub start: Vec<usize>,
    /// Columns of the rows.
    pub column: Vec<usize>,
    /// Factors of the rows.
    pub factor: Vec<f64>,
    /// Least value of each row.
    pub row_lower: Vec<f64>,
    /// Greatest value of each row.
    pub row_upper: Vec<f64>,
}

impl Matrix {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { start: vec![0], ..Self::default() }
    }

    /// Adds a column.
    pub fn column(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        self.cost.push(cost);
        self.lower.push(lower);
        self.upper.push(upper);
        self.whole.push(false);
        self.cost.len() - 1
    }

    /// Adds a column that is 0 or 1.
    pub fn choice(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        let column = self.column(cost, lower, upper);
        self.whole[column] = true;
        column
    }

    /// Adds a row; a column may appear once only, and factors of nothing are left out.
    pub fn row(&mut self, terms: &[(usize, f64)], lower: f64, upper: f64) -> usize {
        for (column, factor) in terms {
            if *factor != 0.0 {
                self.column.push(*column);
                self.factor.push(*factor);
            }
        }
        self.start.push(self.column.len());
        self.row_lower.push(lower);
        self.row_upper.push(upper);
        self.row_lower.len() - 1
    }

    /// Adds a row that is at most a value.
    pub fn at_most(&mut self, terms: &[(usize, f64)], upper: f64) -> usize {
        self.row(terms, f64::NEG_INFINITY, upper)
    }

    /// Terms of a row.
    pub fn terms(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        (self.start[row]..self.start[row + 1]).map(|k| (self.column[k], self.factor[k]))
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.row_lower.len()
    }

    /// Cost of a point, $.
    pub fn value(&self, point: &[f64]) -> f64 {
        self.cost.iter().zip(point).map(|(cost, value)| cost * value).sum()
    }
}
