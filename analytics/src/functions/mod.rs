//! The functions in SQL: one table, from which registration, help and docs/statistics.md follow.

mod aggregate;
mod arguments;
mod compute;
mod describe;
mod label;
mod lists;
mod per_iteration;
mod reference;
mod scalar;
mod summary;
mod table;

pub use describe::rows;
pub use reference::reference;
pub use table::{Aggregate, Family, Function, Number, all};

use crate::queries::nearest;
use datafusion::{
    error::DataFusionError,
    logical_expr::{AggregateUDF, ScalarUDF},
    prelude::SessionContext,
};
use table::Kind;

/// Registers every function of [`all`] with `context`.
pub fn register(context: &SessionContext) {
    for function in all() {
        context.register_udf(match function.kind {
            Kind::PerIteration => ScalarUDF::new_from_impl(per_iteration::PerIteration::default()),
            Kind::Label => ScalarUDF::new_from_impl(label::BenchmarkLabel::default()),
            _ => ScalarUDF::new_from_impl(scalar::ScalarFunction::new(function)),
        });
        if let Some(aggregate) = aggregate::AggregateFunction::new(function) {
            context.register_udaf(AggregateUDF::new_from_impl(aggregate));
        }
    }
}

/// There is no function of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no function `{name}`; {hint}")]
pub struct UnknownFunction {
    name: String,
    hint: String,
}

/// The function of this name, or whose aggregate has it.
///
/// ```
/// use benchlake_analytics::functions;
/// assert_eq!(functions::find("list_avg")?.signature(), "list_avg(samples)");
/// assert!(functions::find("list_agv").is_err_and(|error| error.to_string().ends_with("did you mean `list_avg`?")));
/// # Ok::<(), functions::UnknownFunction>(())
/// ```
///
/// # Errors
/// [`UnknownFunction`] with the nearest name.
pub fn find(name: &str) -> Result<&'static Function, UnknownFunction> {
    let names = |function: &Function| function.name == name || function.aggregate_name() == Some(name);
    all().find(|function| names(function)).ok_or_else(|| UnknownFunction {
        name: name.to_owned(),
        hint: nearest(
            name,
            all().flat_map(|function| std::iter::once(function.name).chain(function.aggregate_name())),
            "`benchlake functions` lists all",
        ),
    })
}

/// An error in the use of the function `name`.
fn misuse(name: &str, problem: &str) -> DataFusionError {
    DataFusionError::Execution(format!("{name}: {problem}"))
}
