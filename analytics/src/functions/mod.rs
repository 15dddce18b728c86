//! The functions in SQL: one table, from which registration, help and docs/statistics.md follow.

mod label;
mod lists;
mod per_iteration;
mod statistic;
mod table;

pub use table::{FUNCTIONS, Function};

use datafusion::{error::DataFusionError, logical_expr::ScalarUDF, prelude::SessionContext};
use std::fmt::Write;
use table::Kind;

/// Registers every function of [`FUNCTIONS`] with `context`.
pub fn register(context: &SessionContext) {
    for function in FUNCTIONS {
        context.register_udf(match function.kind {
            Kind::Statistic(_) => ScalarUDF::new_from_impl(statistic::StatisticFunction::new(function)),
            Kind::PerIteration => ScalarUDF::new_from_impl(per_iteration::PerIteration::default()),
            Kind::Label => ScalarUDF::new_from_impl(label::BenchmarkLabel::default()),
        });
    }
}

/// docs/statistics.md: what every function computes, by which formula, from which source.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(include_str!("reference.md"));
    for function in FUNCTIONS {
        let Function { name, signature, returns, what, formula, source, example, result, .. } = function;
        // Writing to a String cannot fail.
        _ = write!(text, "\n## {name}\n\n`{signature}` → {returns}\n\n{what}\n");
        if !formula.is_empty() {
            _ = write!(text, "\nFormula: {formula}. Source: {source}.\n");
        }
        _ = write!(text, "\n```sql\nSELECT {example}; -- {result}\n```\n");
    }
    text
}

/// An error in the use of the function `name`.
fn misuse(name: &str, problem: &str) -> DataFusionError {
    DataFusionError::Execution(format!("{name}: {problem}"))
}
