//! A table of a lake as SQL sees it.

use async_trait::async_trait;
use benchlake_schemas::Table;
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    common::{Statistics, not_impl_err},
    error::Result,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType, dml::InsertOp},
    physical_plan::ExecutionPlan,
};
use std::sync::Arc;

/// The Delta table `table`, to be read alone: rows that came in beside landing would be in nobody's sequence.
#[derive(Debug)]
pub(super) struct ReadOnly {
    pub(super) table: Table,
    pub(super) delta: Arc<dyn TableProvider>,
}

#[async_trait]
impl TableProvider for ReadOnly {
    fn schema(&self) -> SchemaRef {
        self.delta.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.delta.scan(session, projection, filters, limit).await
    }

    /// What deltalake supports, save filters without columns, which deltalake 1.1 takes for filters of partitions,
    /// promises to apply, and so answers `NULL = 1` with every row; and filters of doubles, as statistics of Parquet
    /// leave NaN out, which is above every number here.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let mut support = self.delta.supports_filters_pushdown(filters)?;
        let schema = self.schema();
        let is_float =
            |name: &str| schema.field_with_name(name).is_ok_and(|field| field.data_type().is_floating());
        for (support, filter) in support.iter_mut().zip(filters) {
            let columns = filter.column_refs();
            if columns.is_empty() || columns.iter().any(|column| is_float(&column.name)) {
                *support = TableProviderFilterPushDown::Unsupported;
            }
        }
        Ok(support)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.delta.statistics()
    }

    async fn insert_into(
        &self,
        _: &dyn Session,
        _: Arc<dyn ExecutionPlan>,
        _: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        not_impl_err!(
            "{} is a table of the lake, where rows come in by landing alone; keep results with COPY (…) TO 'FILE' or CREATE TABLE … AS",
            self.table
        )
    }
}
