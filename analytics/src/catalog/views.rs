//! The views over the tables; each is one file of SQL beside this one.

use datafusion::{error::DataFusionError, prelude::SessionContext};

/// Name and SQL of every view; later ones use earlier ones.
const VIEWS: &[(&str, &str)] = &[
    ("samples", include_str!("views/samples.sql")),
    ("measured", include_str!("views/measured.sql")),
    ("measured_runs", include_str!("views/measured_runs.sql")),
    ("session_status", include_str!("views/session_status.sql")),
    ("runs", include_str!("views/runs.sql")),
    ("benchmarks", include_str!("views/benchmarks.sql")),
    ("failures", include_str!("views/failures.sql")),
    ("together", include_str!("views/together.sql")),
    ("timings", include_str!("views/timings.sql")),
    ("peaks", include_str!("views/peaks.sql")),
    ("roofline", include_str!("views/roofline.sql")),
    ("device_timings", include_str!("views/device_timings.sql")),
    ("device_peaks", include_str!("views/device_peaks.sql")),
    ("baseline_status", include_str!("views/baseline_status.sql")),
];

/// Creates the views over the tables that `context` has.
pub(super) async fn register(context: &SessionContext) -> Result<(), DataFusionError> {
    for (name, sql) in VIEWS {
        context.sql(&format!("CREATE VIEW {name} AS {sql}")).await?;
    }
    Ok(())
}
