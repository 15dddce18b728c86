//! What selected sessions measured.

use super::{
    SelectError, Selected, columns,
    reader::{Key, Reader, Wanted},
};
use crate::{Lake, SqlError, queries::hint};
use arrow::{array::AsArray, compute::cast, datatypes::DataType};
use benchlake_schemas::{Better, StopReason};
use datafusion::{
    error::DataFusionError,
    logical_expr::Expr,
    prelude::{DataFrame, SessionContext, col, lit},
};
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A benchmark and metric, measured in several sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The benchmark's id.
    pub benchmark_id: String,
    /// Its name.
    pub benchmark: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Both, as they are shown.
    pub label: String,
    /// What was measured.
    pub metric: String,
    /// In which unit.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// Its series, one per session and rank.
    pub observed: Vec<Observed>,
}

/// What a benchmark and metric are called: the label; a metric other than the time is named after it.
pub(crate) fn titled(label: &str, metric: &str) -> String {
    if metric == "time" { label.to_owned() } else { format!("{label} {metric}") }
}

/// One series: the samples of a session, each divided by its iterations.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The session's id.
    pub session_id: String,
    /// The samples; never empty.
    pub values: Vec<f64>,
    /// What was remarked.
    pub flags: Vec<String>,
}

/// How many bytes of samples are held at once where nothing else is said.
pub const BUDGET: usize = 128 << 20;

/// What the selected sessions measured of `metric` (`all` for every one), by label, metric, unit and
/// direction; the series of each in the order of `selected`. Warm-up is left out; the chunks of a long series are
/// put together.
///
/// # Errors
/// [`SelectError::Nothing`] if they measured nothing of it, with the nearest metric.
pub async fn measured(lake: &Lake, selected: &Selected, metric: &str) -> Result<Vec<Measured>, SelectError> {
    let mut passes = Passes::new(lake, [selected], metric, &|_| true).with_budget(usize::MAX);
    let [measured] = passes.next().await?.unwrap_or_default();
    Ok(measured)
}

/// What one or more sides measured, some benchmarks at a time: as many as fit a budget of memory.
///
/// The first pass reads all and keeps what fits; what does not is read again, by ranges of benchmarks, which are
/// ranges of a compacted lake's files. Each benchmark comes whole, in one pass.
pub struct Passes<'a, const N: usize> {
    lake: &'a Lake,
    sides: [&'a Selected; N],
    metric: &'a str,
    wanted: Wanted<'a>,
    budget: usize,
    /// What is to be read; `None` is everything.
    ranges: VecDeque<Option<(Key, Key)>>,
}

impl<'a, const N: usize> Passes<'a, N> {
    /// Will read what `sides` measured of `metric` (`all` for every one) in benchmarks that are `wanted`; each of their
    /// sessions belongs to one side.
    #[must_use]
    pub fn new(
        lake: &'a Lake,
        sides: [&'a Selected; N],
        metric: &'a str,
        wanted: &'a (dyn Fn(&Measured) -> bool + Sync),
    ) -> Self {
        Self { lake, sides, metric, wanted, budget: BUDGET, ranges: VecDeque::from([None]) }
    }

    /// With another budget of bytes than [`BUDGET`]. A benchmark that alone takes more is held all the same.
    #[must_use]
    pub fn with_budget(self, bytes: usize) -> Self {
        Self { budget: bytes, ..self }
    }

    /// The next benchmarks, those of each side as [`measured`] has them; `None` after the last.
    ///
    /// # Errors
    /// [`SelectError::Nothing`] if a side has no sample of the metric, with the nearest metric.
    pub async fn next(&mut self) -> Result<Option<[Vec<Measured>; N]>, SelectError> {
        let Some(range) = self.ranges.pop_front() else { return Ok(None) };
        let mut reader = Reader::new(&self.sides, self.wanted, self.budget);
        let frame = self.frame(range.as_ref()).await.map_err(SqlError::from)?;
        let mut batches = frame.execute_stream().await.map_err(SqlError::from)?;
        while let Some(batch) = batches.try_next().await.map_err(SqlError::from)? {
            reader.read(&batch).map_err(|error| SqlError::new(error.to_string()))?;
        }
        let without = self.sides.iter().zip(reader.measured()).find(|(_, measured)| !measured);
        if let (None, Some((side, _))) = (&range, without) {
            let why = nothing(self.lake, side, self.metric).await?;
            return Err(SelectError::Nothing { selector: side.selector.to_string(), why });
        }
        for left in reader.left().into_iter().rev() {
            self.ranges.push_front(Some(left));
        }
        Ok(Some(reader.finish()))
    }

    async fn frame(&self, range: Option<&(Key, Key)>) -> Result<DataFrame, DataFusionError> {
        let mut frame = series(self.lake, &self.sides, self.metric).await?;
        if let Some((first, last)) = range {
            frame = frame.filter(within(first, last))?;
        }
        frame.select(columns::NAMES.iter().map(|name| col(*name)))
    }
}

/// From `first` to `last`, both included, in the order of [`Key`].
fn within(first: &Key, last: &Key) -> Expr {
    let (name, id) = (|| col("benchmark"), || col("benchmark_id"));
    let of = |key: &Key| (lit(key.0.as_str()), lit(key.1.as_str()));
    let ((first, first_id), (last, last_id)) = (of(first), of(last));
    let from = name().gt(first.clone()).or(name().eq(first).and(id().gt_eq(first_id)));
    let to = name().lt(last.clone()).or(name().eq(last).and(id().lt_eq(last_id)));
    from.and(to)
}

/// More sessions than this are not named in a query: those that are not selected are passed over.
const MOST_NAMED: usize = 2_000;

/// Rows of a batch: one of long series, with 16,384 samples a row, has still to be small beside the budget.
const ROWS: usize = 512;

/// The rows of the table `series`. The view `measured` puts chunks together in SQL, which costs eight times as
/// much as reading them.
async fn series(lake: &Lake, sides: &[&Selected], metric: &str) -> Result<DataFrame, DataFusionError> {
    let of = |ids: BTreeSet<&str>| ids.into_iter().map(lit).collect::<Vec<_>>();
    let sessions = || sides.iter().flat_map(|side| &side.sessions);
    let runs = sessions().map(|session| session.run_id.as_str()).collect();
    let mut state = lake.context().state();
    *state.config_mut() = state.config().clone().with_batch_size(ROWS);
    let table = SessionContext::new_with_state(state).table("series").await?;
    let mut frame = table.filter(col("phase").eq(lit("measure")))?;
    frame = frame.filter(col("run_id").in_list(of(runs), false))?;
    if metric != "all" {
        frame = frame.filter(col("metric").eq(lit(metric)))?;
    }
    let sessions: BTreeSet<&str> = sessions().map(|session| session.session_id.as_str()).collect();
    if sessions.len() <= MOST_NAMED {
        frame = frame.filter(col("session_id").in_list(of(sessions), false))?;
    }
    Ok(frame)
}

/// Why a series has no samples.
const FAILED: [StopReason; 6] = [
    StopReason::Skipped,
    StopReason::Failed,
    StopReason::WrongResult,
    StopReason::Panicked,
    StopReason::TimedOut,
    StopReason::Crashed,
];

/// What the selected sessions measured instead of `metric`; no samples are read for it.
async fn nothing(lake: &Lake, selected: &Selected, metric: &str) -> Result<String, SqlError> {
    let failed = FAILED.iter().map(|reason| lit(reason.as_str())).collect();
    let has_samples = col("stop_reason").is_null().or(col("stop_reason").in_list(failed, true));
    let frame = series(lake, &[selected], "all").await?.filter(has_samples)?;
    let batches = frame.select([col("metric")])?.distinct()?.collect().await?;
    let mut metrics = BTreeSet::new();
    for batch in &batches {
        let names =
            cast(batch.column(0), &DataType::Utf8View).map_err(|error| SqlError::new(error.to_string()))?;
        metrics.extend(names.as_string_view().iter().flatten().map(str::to_owned));
    }
    metrics.remove(metric);
    Ok(match metrics.len() {
        0 => "its sessions have no samples (`benchlake query failures` says why)".to_owned(),
        _ => format!(
            "its sessions did not measure `{metric}`; {}",
            hint(metric, metrics.iter().map(String::as_str))
        ),
    })
}
