//! The catalog: the lake's tables at one state, registered for SQL together with their views.

mod at;
mod log;
mod open;
mod table;
mod views;

pub(crate) use at::utc;
pub use at::{At, ParseAtError};
pub use open::LakeError;

use crate::sql;
use benchlake_schemas::Table;
use datafusion::{
    catalog::TableProvider,
    common::ScalarValue,
    datasource::empty::EmptyTable,
    error::DataFusionError,
    prelude::{SessionContext, lit},
};
use std::{collections::BTreeMap, sync::Arc};

/// A lake at one state of its tables.
pub struct Lake {
    uri: String,
    versions: BTreeMap<Table, i64>,
    context: SessionContext,
}

/// `provider` with the columns of `table` that it lacks, as nulls: what was written by an older schema
/// answers the same queries.
fn padded(
    context: &SessionContext,
    table: Table,
    provider: Arc<dyn TableProvider>,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let (has, wanted) = (provider.schema(), table.schema());
    let lacking = wanted.fields().iter().filter(|field| has.column_with_name(field.name()).is_none());
    let lacking: Vec<_> = lacking.filter(|field| field.is_nullable()).collect();
    if lacking.is_empty() {
        return Ok(provider);
    }
    let mut frame = context.read_table(provider)?;
    for field in lacking {
        frame = frame.with_column(field.name(), lit(ScalarValue::try_from(field.data_type())?))?;
    }
    Ok(frame.into_view())
}

impl Lake {
    /// Opens the lake at `uri`, a folder or URL whose sub-folders are the Delta tables, at the
    /// state `at`. Tables that the lake lacks are empty, columns that a table lacks are null.
    ///
    /// # Errors
    /// [`LakeError`] if there is no lake, or no such state of it.
    pub async fn open(uri: &str, at: &At) -> Result<Self, LakeError> {
        let tables = open::tables(uri, at).await?;
        let context = sql::context();
        let mut versions = BTreeMap::new();
        let problem =
            |table, error| LakeError::Read { table, uri: uri.to_owned(), problem: sql::one_line(&error) };
        for &table in Table::ALL {
            let provider = match tables.get(&table) {
                Some(pinned) => {
                    versions.insert(table, pinned.version);
                    padded(&context, table, pinned.provider.clone()).map_err(|error| problem(table, error))?
                }
                None => Arc::new(EmptyTable::new(table.schema())),
            };
            context.register_table(table.as_str(), provider).map_err(|error| problem(table, error))?;
        }
        views::register(&context).await.map_err(|error| problem(Table::Series, error))?;
        Ok(Self { uri: uri.to_owned(), versions, context })
    }

    /// Answers SQL over the tables and views. Clones share what is set or created in them.
    #[must_use]
    pub fn context(&self) -> SessionContext {
        self.context.clone()
    }

    /// The version of each table that exists at this state.
    #[must_use]
    pub fn versions(&self) -> &BTreeMap<Table, i64> {
        &self.versions
    }

    /// The state as a value of `--at` that opens the same state for ever: `sessions=9,series=12`.
    #[must_use]
    pub fn pin(&self) -> At {
        At::Versions(self.versions.clone())
    }

    /// Where the lake is, as it was given.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }
}
