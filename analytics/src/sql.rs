//! Running SQL: the session's configuration, answers, and errors in one line.

use crate::functions;
use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    common::{
        SchemaError,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    error::DataFusionError,
    execution::SessionStateBuilder,
    logical_expr::LogicalPlan,
    prelude::{DataFrame, SessionConfig, SessionContext},
};
use std::sync::Arc;

/// A context without a lake: SQL and the statistics functions, no tables.
#[must_use]
pub fn context() -> SessionContext {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let config = SessionConfig::new().with_information_schema(true).with_target_partitions(cores);
    let context = SessionContext::new_with_state(
        SessionStateBuilder::new().with_config(config).with_default_features().build(),
    );
    functions::register(&context);
    context
}

/// The rows that answer a query, with their schema even where there are none.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl Answer {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// Why a query has no answer: one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    message: String,
}

impl SqlError {
    pub(crate) fn new(message: String) -> Self {
        Self { message }
    }
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        Self { message: one_line(&error) }
    }
}

impl From<crate::LakeError> for SqlError {
    fn from(error: crate::LakeError) -> Self {
        Self { message: error.to_string() }
    }
}

/// Answers one statement of SQL.
///
/// # Errors
/// [`SqlError`] if it does not parse, names what is not there, or fails while it runs.
pub async fn ask(context: &SessionContext, sql: &str) -> Result<Answer, SqlError> {
    let frame = context.sql(sql).await?;
    spares_tables(frame.logical_plan())?;
    collect(frame).await
}

/// Refuses to copy into the folder of a Delta table: what is there is landed or rewritten by those who know its log.
fn spares_tables(plan: &LogicalPlan) -> Result<(), SqlError> {
    let mut target = None;
    plan.apply(|node| {
        if let LogicalPlan::Copy(copy) = node {
            target = Some(copy.output_url.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let Some(target) = target else { return Ok(()) };
    let path = std::path::absolute(target.strip_prefix("file://").unwrap_or(&target)).unwrap_or_default();
    if path.ancestors().any(|folder| folder.join("_delta_log").is_dir()) {
        return Err(SqlError::new(format!(
            "{target} is in a table of a lake, where rows come in by landing alone: name another file"
        )));
    }
    Ok(())
}

/// Runs `frame` to its end.
pub(crate) async fn collect(frame: DataFrame) -> Result<Answer, SqlError> {
    let schema = Arc::clone(frame.schema().inner());
    let batches = frame.collect().await?;
    // Execution may know better than planning which columns are nullable.
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    Ok(Answer { schema, batches })
}

/// What is wrong, in one line, without the wrapping of the layers it came through.
pub(crate) fn one_line(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => return one_line(inner),
        DataFusionError::Shared(inner) => return one_line(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => return one_line(first),
            None => "unknown error".to_owned(),
        },
        DataFusionError::External(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => return one_line(inner),
            None => inner.to_string(),
        },
        DataFusionError::ArrowError(inner, _) => inner.to_string(),
        DataFusionError::SQL(inner, _) => syntax(&inner.to_string()),
        DataFusionError::SchemaError(inner, _) => schema(inner),
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::Configuration(text)
        | DataFusionError::ResourcesExhausted(text) => text.clone(),
        DataFusionError::NotImplemented(text) => format!("not supported: {text}"),
        other => other.strip_backtrace(),
    };
    tidy(&text)
}

/// `sql parser error: Expected: x, found: y at Line: 1, Column: 8` → where, then what.
fn syntax(text: &str) -> String {
    let text = text.trim_start_matches("sql parser error: ");
    let text = text.replace("ParserError(\"", "").replace("TokenizerError(\"", "").replace("\")", "");
    match text.rsplit_once(" at Line: ") {
        Some((what, place)) => {
            let place = place.replace(", Column: ", ", column ");
            format!(
                "SQL syntax at line {place}: {}",
                what.replace("Expected: ", "expected ").replace(", found: ", ", found ")
            )
        }
        None => format!("SQL syntax: {text}"),
    }
}

fn schema(error: &SchemaError) -> String {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return error.to_string();
    };
    let name = &field.name;
    let nearest = valid_fields
        .iter()
        .map(|valid| (strsim::damerau_levenshtein(&valid.name, name), &valid.name))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, nearest)) if distance <= name.len() / 2 => {
            format!("no column `{name}`; did you mean `{nearest}`?")
        }
        Some(_) => {
            let names: Vec<_> = valid_fields.iter().map(|valid| valid.name.as_str()).collect();
            format!("no column `{name}`; one of {}", names.join(", "))
        }
        None => format!("no column `{name}`"),
    }
}

fn tidy(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown error");
    // What a function of ours says of its arguments comes wrapped.
    let line = line.split_once("user-defined coercion failed with: ").map_or(line, |(_, said)| said);
    let line = line.split_once(". No function matches").map_or(line, |(said, _)| said);
    let line = without_layers(line);
    ["Error during planning: ", "Execution error: ", "External error: ", "Arrow error: "]
        .iter()
        .fold(line, |line, noise| line.trim_start_matches(noise))
        .replace("datafusion.public.", "")
}

/// What the lake's object store said, where a text has it: it is written for people, and begins so.
pub(crate) fn without_layers(line: &str) -> &str {
    line.find("S3 bucket `").map_or(line, |at| &line[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error(sql: &str) -> String {
        match ask(&context(), sql).await {
            Ok(answer) => panic!("{} rows", answer.rows()),
            Err(error) => error.to_string(),
        }
    }

    /// An error is one line: where and what.
    #[tokio::test]
    async fn errors_are_one_line() {
        let statements = [
            "selec 1",
            "select * from serie",
            "select sampels from (select 1 as samples)",
            "select a.b from (select 1 as x) a",
            "select list_avg('x')",
            "select list_avg(['x'])",
            "select list_avg()",
            "select list_quantile([1.0], 1.5)",
            "select list_quantile([1.0])",
            "select list_ci_low([1.0, 2.0], 1)",
            "select list_ci_low([1.0, 2.0], 'x')",
            "select per_iteration([1.0], [1, 2])",
            "select benchmark_label(1, 2)",
            "select nofunc(1)",
            "select 'abc",
            "select 1/0",
            "select cast('x' as int)",
        ];
        let mut shown = String::new();
        for sql in statements {
            shown += &format!("{sql}\n    {}\n", error(sql).await);
        }
        insta::assert_snapshot!(shown);
    }
}
