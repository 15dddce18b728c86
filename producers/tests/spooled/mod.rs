//! What a spool holds, as rows.

use benchlake_producers::emit::{Entry, drains};
use benchlake_schemas::{Row, from_batch};
use serde::de::DeserializeOwned;
use std::path::Path;

/// The rows of one kind in a spool.
pub(crate) fn rows<R: Row + DeserializeOwned>(spool: &Path) -> Vec<R> {
    let mut rows = Vec::new();
    for drain in drains(spool, None).expect("a spool").iter().filter(|drain| drain.table == R::TABLE) {
        let mut reader = drain.reader().expect("a reader");
        while let Some(entry) = reader.next_entry().expect("a log") {
            let Entry::Record { envelope, .. } = entry else { panic!("nothing is damaged") };
            let (batch, _) = envelope.open(R::TABLE).expect("a record");
            rows.extend(from_batch::<R>(&batch).expect("rows"));
        }
    }
    rows
}
