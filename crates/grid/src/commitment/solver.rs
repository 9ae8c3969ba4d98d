//! HiGHS behind arrays: linear and mixed-integer programs on one thread, never a panic.
//!
//! One thread always: HiGHS keeps a scheduler for the whole process, and a changed thread count fails in it. The same
//! matrix and options give the same answer; a time limit is the one thing that does not.
//!
//! Not modelled: callbacks, quadratic terms.

use super::matrix::{Matrix, Terms};
use highs::{Col, HighsModelStatus, HighsSolutionStatus, Model, RowProblem, Sense, SolvedModel};
use std::ops::Bound;

/// How a solve ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// Optimal, within the gap asked for.
    Best,
    /// A limit came first; there is a point.
    Limit,
    /// No point meets all rows.
    Infeasible,
    /// Neither: HiGHS' own word.
    Other(String),
}

/// What HiGHS found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub end: End,
    /// Cost of the point, $.
    pub value: f64,
    /// No point costs less, $.
    pub bound: f64,
    pub point: Vec<f64>,
    /// Of a linear program: what one more of a row's limit costs.
    pub row_price: Vec<f64>,
}

/// What is asked of a mixed-integer solve.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits<'a> {
    pub gap: f64,
    pub seconds: Option<f64>,
    /// Most nodes of the tree.
    pub nodes: Option<i32>,
    /// Stops at a point that costs no more than this, $.
    pub target: Option<f64>,
    /// A point to begin with.
    pub start: Option<&'a [f64]>,
    /// Prove only: no looking for better points but by branching.
    pub prove: bool,
    /// Its luck.
    pub seed: i32,
}

fn problem(matrix: &Matrix, whole: bool) -> (RowProblem, Vec<Col>) {
    let mut problem = RowProblem::default();
    let columns: Vec<Col> = (0..matrix.cost.len())
        .map(|c| {
            let bounds = (Bound::Included(matrix.lower[c]), Bound::Included(matrix.upper[c]));
            if whole {
                problem.add_column_with_integrality(matrix.cost[c], bounds, matrix.whole[c])
            } else {
                problem.add_column(matrix.cost[c], bounds)
            }
        })
        .collect();
    let mut terms = Vec::new();
    for row in 0..matrix.rows() {
        terms.clear();
        terms.extend(matrix.terms(row).map(|(column, factor)| (columns[column], factor)));
        problem.add_row((Bound::Included(matrix.row_lower[row]), Bound::Included(matrix.row_upper[row])), &terms);
    }
    (problem, columns)
}

/// HiGHS with a matrix in it.
fn model(matrix: &Matrix, whole: bool) -> Result<(Model, Vec<Col>), String> {
    let (problem, columns) = problem(matrix, whole);
    let mut model = problem
        .try_optimise(Sense::Minimise)
        .map_err(|status| format!("HiGHS does not take the matrix: {status:?}"))?;
    option(&mut model, "threads", 1_i32)?;
    option(&mut model, "random_seed", 0_i32)?;
    Ok((model, columns))
}

fn option<V: highs::HighsOptionValue>(model: &mut Model, name: &str, value: V) -> Result<(), String> {
    model.try_set_option(name, value).map_err(|why| format!("HiGHS option {name}: {why:?}"))
}

/// Solves the linear relaxation.
pub(crate) fn linear(matrix: &Matrix) -> Result<Found, String> {
    let solved = model(matrix, false)?.0.try_solve().map_err(|status| format!("HiGHS: {status:?}"))?;
    Ok(found(matrix, &solved, false))
}

/// Solves with whole columns.
pub(crate) fn mixed(matrix: &Matrix, limits: &Limits<'_>) -> Result<Found, String> {
    let mut model = model(matrix, true)?.0;
    option(&mut model, "mip_rel_gap", limits.gap)?;
    option(&mut model, "random_seed", limits.seed)?;
    if let Some(seconds) = limits.seconds {
        option(&mut model, "time_limit", seconds)?;
    }
    if let Some(nodes) = limits.nodes {
        option(&mut model, "mip_max_nodes", nodes)?;
    }
    if let Some(target) = limits.target {
        option(&mut model, "objective_target", target)?;
    }
    if limits.prove {
        option(&mut model, "mip_heuristic_effort", 0.0)?;
        for search in ["rins", "rens", "root_reduced_cost", "feasibility_jump"] {
            option(&mut model, &format!("mip_heuristic_run_{search}"), false)?;
        }
    }
    if limits.start.is_some() {
        model
            .try_set_solution(limits.start, None, None, None)
            .map_err(|status| format!("HiGHS does not take a point to begin with: {status:?}"))?;
    }
    let solved = model.try_solve().map_err(|status| format!("HiGHS: {status:?}"))?;
    Ok(found(matrix, &solved, true))
}

/// A linear relaxation that keeps its basis while rows are added to it.
pub(crate) struct Relaxation {
    model: Option<Model>,
    columns: Vec<Col>,
}

impl Relaxation {
    /// The relaxation of a matrix.
    pub fn new(matrix: &Matrix) -> Result<Self, String> {
        let (model, columns) = model(matrix, false)?;
        Ok(Self { model: Some(model), columns })
    }

    /// Adds a row that is at most a value.
    pub fn at_most(&mut self, terms: &Terms, upper: f64) -> Result<(), String> {
        let model = self.model.as_mut().ok_or("the relaxation failed before")?;
        let terms = terms.iter().map(|(column, factor)| (self.columns[*column], *factor));
        model.try_add_row(..=upper, terms).map_err(|status| format!("HiGHS does not take a row: {status:?}"))?;
        Ok(())
    }

    /// Solves it; `matrix` has the rows added.
    pub fn solve(&mut self, matrix: &Matrix) -> Result<Found, String> {
        let model = self.model.take().ok_or("the relaxation failed before")?;
        let solved = model.try_solve().map_err(|status| format!("HiGHS: {status:?}"))?;
        let found = found(matrix, &solved, false);
        self.model = Some(Model::from(solved));
        Ok(found)
    }
}

fn found(matrix: &Matrix, solved: &SolvedModel, whole: bool) -> Found {
    let has_point = solved.primal_solution_status() == HighsSolutionStatus::Feasible;
    let end = match solved.status() {
        HighsModelStatus::Optimal => End::Best,
        HighsModelStatus::Infeasible => End::Infeasible,
        _ if has_point => End::Limit,
        status => End::Other(format!("{status:?}")),
    };
    let solution = solved.get_solution();
    let point = solution.columns().to_vec();
    let value = if has_point { matrix.value(&point) } else { f64::INFINITY };
    let bound = if whole {
        solved.double_info_value(c"mip_dual_bound").unwrap_or(f64::NEG_INFINITY)
    } else {
        solved.objective_value()
    };
    Found { end, value, bound, point, row_price: solution.dual_rows().to_vec() }
}
