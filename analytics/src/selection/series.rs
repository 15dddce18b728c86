//! What selected sessions measured.

use super::{SelectError, Selected};
use crate::{Lake, SqlError, queries::hint};
use arrow::{
    array::{Array, AsArray, RecordBatch, StringArray},
    compute::cast,
    datatypes::{DataType, Field, Float64Type, Int64Type},
    error::ArrowError,
};
use benchlake_schemas::{Benchmark, Better};
use datafusion::{
    error::DataFusionError,
    prelude::{DataFrame, col, lit},
};
use futures_util::TryStreamExt;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

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

/// What the selected sessions measured of `metric` (`all` for every one), by label, metric, unit and
/// direction; the series of each in the order of `selected`. Warm-up is left out; the chunks of a long series are
/// put together.
///
/// # Errors
/// [`SelectError::Nothing`] if they measured nothing of it, with the nearest metric.
pub async fn measured(lake: &Lake, selected: &Selected, metric: &str) -> Result<Vec<Measured>, SelectError> {
    let mut reader = Reader::new(selected);
    let frame = series(lake, selected, metric).await.map_err(SqlError::from)?;
    let mut batches = frame.execute_stream().await.map_err(SqlError::from)?;
    while let Some(batch) = batches.try_next().await.map_err(SqlError::from)? {
        reader.read(&batch).map_err(|error| SqlError::new(error.to_string()))?;
    }
    let measured = reader.finish();
    if measured.is_empty() {
        let why = nothing(lake, selected, metric).await?;
        return Err(SelectError::Nothing { selector: selected.selector.to_string(), why });
    }
    Ok(measured)
}

/// More sessions than this are not named in a query: those that are not selected are passed over.
const MOST_NAMED: usize = 2_000;

const COLUMNS: [&str; 12] = [
    "session_id",
    "benchmark_id",
    "benchmark",
    "metric",
    "unit",
    "better",
    "rank",
    "chunk",
    "samples",
    "iterations",
    "parameters",
    "flags",
];

/// The rows of the table `series`. The view `measured` puts chunks together in SQL, which costs eight times as
/// much as reading them.
async fn series(lake: &Lake, selected: &Selected, metric: &str) -> Result<DataFrame, DataFusionError> {
    let of = |ids: Vec<&str>| ids.into_iter().map(lit).collect::<Vec<_>>();
    let mut frame = lake.context().table("series").await?.filter(col("phase").eq(lit("measure")))?;
    frame = frame.filter(col("run_id").in_list(of(selected.runs()), false))?;
    if metric != "all" {
        frame = frame.filter(col("metric").eq(lit(metric)))?;
    }
    if selected.sessions.len() <= MOST_NAMED {
        let sessions = selected.sessions.iter().map(|session| session.session_id.as_str()).collect();
        frame = frame.filter(col("session_id").in_list(of(sessions), false))?;
    }
    frame.select(COLUMNS.iter().map(|name| col(*name)))
}

/// One row: a series, or a chunk of it.
struct Part {
    /// The place of its session among those selected.
    session: usize,
    rank: i64,
    chunk: i64,
    values: Vec<f64>,
    flags: Vec<String>,
}

/// Puts rows together as they come.
struct Reader<'a> {
    sessions: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
    /// Where each benchmark, metric, unit and direction is in `found`.
    known: HashMap<String, usize>,
    found: Vec<(Measured, Vec<Part>)>,
}

impl<'a> Reader<'a> {
    fn new(selected: &'a Selected) -> Self {
        let sessions: Vec<&str> =
            selected.sessions.iter().map(|session| session.session_id.as_str()).collect();
        let places = sessions.iter().enumerate().map(|(place, session)| (*session, place)).collect();
        Self { sessions, places, known: HashMap::new(), found: Vec::new() }
    }

    fn read(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let columns = Columns::new(batch)?;
        let mut key = String::new();
        for row in 0..batch.num_rows() {
            let Some(&session) = self.places.get(columns.session.value(row)) else { continue };
            let values = columns.values(row);
            if values.is_empty() {
                continue;
            }
            columns.key(row, &mut key);
            let place = match self.known.get(&key) {
                Some(&place) => place,
                None => {
                    self.known.insert(key.clone(), self.found.len());
                    self.found.push((columns.measured(row), Vec::new()));
                    self.found.len() - 1
                }
            };
            let (rank, chunk) = (columns.rank(row), columns.chunk(row));
            self.found[place].1.push(Part { session, rank, chunk, values, flags: columns.flags(row) });
        }
        Ok(())
    }

    fn finish(self) -> Vec<Measured> {
        let mut measured: Vec<Measured> = Vec::with_capacity(self.found.len());
        for (mut one, mut parts) in self.found {
            parts.sort_by_key(|part| (part.session, part.rank, part.chunk));
            one.observed = one_a_session(parts, one.better, &self.sessions);
            measured.push(one);
        }
        let order = |one: &Measured| {
            let Measured { label, benchmark_id, metric, unit, better, .. } = one;
            (label.clone(), benchmark_id.clone(), metric.clone(), unit.clone(), *better)
        };
        measured.sort_by_cached_key(order);
        measured
    }
}

/// The series of each session, its chunks one after the other. Where several ranks or devices of it measured together, the
/// worst of them sample by sample, as an iteration takes as long as its slowest rank; what one has more than the others is
/// left out.
fn one_a_session(parts: Vec<Part>, better: Better, sessions: &[&str]) -> Vec<Observed> {
    let mut ranks: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match ranks.last_mut() {
            // A chunk that comes again is another device's.
            Some(last)
                if (last.session, last.rank) == (part.session, part.rank) && last.chunk < part.chunk =>
            {
                last.chunk = part.chunk;
                last.values.extend(part.values);
                last.flags.extend(part.flags);
            }
            _ => ranks.push(part),
        }
    }
    let mut observed: Vec<(usize, Observed)> = Vec::with_capacity(ranks.len());
    for Part { session, values, flags, .. } in ranks {
        match observed.last_mut().filter(|(known, _)| *known == session) {
            Some((_, series)) => {
                series.values.truncate(values.len());
                for (worst, value) in series.values.iter_mut().zip(values) {
                    *worst = if better == Better::Lower { worst.max(value) } else { worst.min(value) };
                }
                series.flags.extend(flags);
            }
            None => {
                observed.push((session, Observed { session_id: sessions[session].to_owned(), values, flags }))
            }
        }
    }
    observed.into_iter().map(|(_, series)| series.with_flags_once()).collect()
}

impl Observed {
    fn with_flags_once(mut self) -> Self {
        self.flags.sort_unstable();
        self.flags.dedup();
        self
    }
}

/// The columns of a batch, as they are read.
struct Columns {
    session: StringArray,
    texts: [StringArray; 5],
    numbers: [arrow::array::Int64Array; 2],
    lists: [arrow::array::ListArray; 3],
    parameters: Arc<dyn Array>,
}

impl Columns {
    fn new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let column = |name: &str, data_type: &DataType| {
            let found = batch.column_by_name(name);
            cast(found.ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))?, data_type)
        };
        let text =
            |name: &str| Ok::<_, ArrowError>(column(name, &DataType::Utf8)?.as_string::<i32>().clone());
        let number = |name: &str| {
            Ok::<_, ArrowError>(column(name, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
        };
        let list = |name: &str, element: DataType| {
            let wanted = DataType::List(Arc::new(Field::new_list_field(element, true)));
            Ok::<_, ArrowError>(column(name, &wanted)?.as_list::<i32>().clone())
        };
        Ok(Self {
            session: text("session_id")?,
            texts: [
                text("benchmark_id")?,
                text("benchmark")?,
                text("metric")?,
                text("unit")?,
                text("better")?,
            ],
            numbers: [number("rank")?, number("chunk")?],
            lists: [
                list("samples", DataType::Float64)?,
                list("iterations", DataType::Int64)?,
                list("flags", DataType::Utf8)?,
            ],
            parameters: batch
                .column_by_name("parameters")
                .cloned()
                .ok_or_else(|| ArrowError::SchemaError("no column parameters".to_owned()))?,
        })
    }

    /// What tells benchmarks, metrics, units and directions apart.
    fn key(&self, row: usize, key: &mut String) {
        key.clear();
        let [id, _, rest @ ..] = &self.texts;
        key.push_str(id.value(row));
        for text in rest {
            key.push('\n');
            key.push_str(text.value(row));
        }
    }

    fn measured(&self, row: usize) -> Measured {
        let [id, benchmark, metric, unit, better] =
            self.texts.each_ref().map(|column| column.value(row).to_owned());
        let parameters = pairs(&self.parameters, row);
        let label = Benchmark { name: benchmark.clone(), parameters: parameters.clone() }.to_string();
        let better = if better == Better::Higher.as_str() { Better::Higher } else { Better::Lower };
        Measured {
            benchmark_id: id,
            benchmark,
            parameters,
            label,
            metric,
            unit,
            better,
            observed: Vec::new(),
        }
    }

    fn rank(&self, row: usize) -> i64 {
        self.numbers[0].value(row)
    }

    fn chunk(&self, row: usize) -> i64 {
        self.numbers[1].value(row)
    }

    /// The samples of a row, each divided by its iterations.
    fn values(&self, row: usize) -> Vec<f64> {
        let (samples, iterations) = (self.lists[0].value(row), self.lists[1].value(row));
        let (samples, iterations) =
            (samples.as_primitive::<Float64Type>(), iterations.as_primitive::<Int64Type>());
        let divided = |(sample, count): (Option<f64>, Option<i64>)| match (sample, count) {
            #[expect(clippy::cast_precision_loss, reason = "numbers of iterations are far below 2^53")]
            (Some(sample), Some(count)) if count > 0 => Some(sample / count as f64),
            _ => None,
        };
        samples.iter().zip(iterations.iter()).filter_map(divided).collect()
    }

    fn flags(&self, row: usize) -> Vec<String> {
        let flags = self.lists[2].value(row);
        flags.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    }
}

/// The entries of a map of texts.
fn pairs(maps: &dyn Array, row: usize) -> BTreeMap<String, String> {
    let entries = maps.as_map().value(row);
    let texts =
        |i: usize| cast(entries.column(i), &DataType::Utf8).map(|column| column.as_string::<i32>().clone());
    let (Ok(keys), Ok(values)) = (texts(0), texts(1)) else { return BTreeMap::new() };
    keys.iter()
        .zip(values.iter())
        .filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned())))
        .collect()
}

/// What the selected sessions measured instead of `metric`.
async fn nothing(lake: &Lake, selected: &Selected, metric: &str) -> Result<String, SelectError> {
    let frame = series(lake, selected, "all").await.map_err(SqlError::from)?;
    let mut reader = Reader::new(selected);
    for batch in &frame.collect().await.map_err(SqlError::from)? {
        reader.read(batch).map_err(|error| SqlError::new(error.to_string()))?;
    }
    let metrics: BTreeSet<&str> = reader.found.iter().map(|(one, _)| one.metric.as_str()).collect();
    Ok(match metrics.len() {
        0 => "its sessions have no samples (`benchlake query failures` says why)".to_owned(),
        _ => format!("its sessions did not measure `{metric}`; {}", hint(metric, metrics.into_iter())),
    })
}
