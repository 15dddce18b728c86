//! What selected sessions measured.

use super::{SelectError, Selected};
use crate::{Lake, SqlError, queries::hint, sql};
use arrow::{
    array::{Array, AsArray, RecordBatch, StringArray},
    compute::cast,
    datatypes::{DataType, Field, Float64Type},
};
use benchlake_schemas::Better;
use datafusion::prelude::{col, lit};
use std::{collections::BTreeMap, sync::Arc};

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
/// direction; the series of each in the order of `selected`.
///
/// # Errors
/// [`SelectError::Nothing`] if they measured nothing of it, with the nearest metric.
pub async fn measured(lake: &Lake, selected: &Selected, metric: &str) -> Result<Vec<Measured>, SelectError> {
    let place: BTreeMap<&str, usize> =
        selected.sessions.iter().enumerate().map(|(i, session)| (session.session_id.as_str(), i)).collect();
    let mut groups: BTreeMap<Key, Measured> = BTreeMap::new();
    for batch in batches(lake, selected, metric).await? {
        read(&batch, &place, &mut groups).map_err(|error| SqlError::new(error.to_string()))?;
    }
    if groups.is_empty() {
        let why = nothing(lake, selected, metric).await?;
        return Err(SelectError::Nothing { selector: selected.selector.to_string(), why });
    }
    let mut measured: Vec<_> = groups.into_values().collect();
    for group in &mut measured {
        group.observed.sort_by_key(|series| place.get(series.session_id.as_str()).copied());
        group.observed = one_a_session(std::mem::take(&mut group.observed), group.better);
    }
    Ok(measured)
}

/// The series of each session: where several ranks or devices of it measured together, the worst of them sample by sample, as
/// an iteration takes as long as its slowest rank; what one has more than the others is left out.
fn one_a_session(observed: Vec<Observed>, better: Better) -> Vec<Observed> {
    let mut sessions: Vec<Observed> = Vec::with_capacity(observed.len());
    for series in observed {
        let Some(ranks) = sessions.last_mut().filter(|known| known.session_id == series.session_id) else {
            sessions.push(series);
            continue;
        };
        ranks.values.truncate(series.values.len());
        for (worst, value) in ranks.values.iter_mut().zip(series.values) {
            *worst = if better == Better::Lower { worst.max(value) } else { worst.min(value) };
        }
        ranks.flags.extend(series.flags);
    }
    sessions
}

/// Label, id, metric, unit, direction: what is of one key is comparable.
type Key = (String, String, String, String, String);

/// More sessions than this are not named in a query: those that are not selected are passed over.
const MOST_NAMED: usize = 2_000;

const COLUMNS: [&str; 9] =
    ["session_id", "benchmark_id", "benchmark", "label", "metric", "unit", "better", "parameters", "flags"];

async fn batches(lake: &Lake, selected: &Selected, metric: &str) -> Result<Vec<RecordBatch>, SqlError> {
    let context = lake.context();
    // By run too: it is a key of the view's groups, so that other runs are not even read.
    let of = |ids: Vec<&str>| ids.into_iter().map(lit).collect::<Vec<_>>();
    let mut frame =
        context.table("measured").await?.filter(col("run_id").in_list(of(selected.runs()), false))?;
    if metric != "all" {
        frame = frame.filter(col("metric").eq(lit(metric)))?;
    }
    if selected.sessions.len() <= MOST_NAMED {
        let sessions = selected.sessions.iter().map(|session| session.session_id.as_str()).collect();
        frame = frame.filter(col("session_id").in_list(of(sessions), false))?;
    }
    let columns = COLUMNS.iter().chain(&["values"]).map(|name| col(*name));
    Ok(sql::collect(frame.select(columns)?).await?.batches)
}

/// Adds the rows of a batch to their groups.
fn read(
    batch: &RecordBatch,
    place: &BTreeMap<&str, usize>,
    groups: &mut BTreeMap<Key, Measured>,
) -> Result<(), arrow::error::ArrowError> {
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .cloned()
            .ok_or_else(|| arrow::error::ArrowError::SchemaError(format!("no column {name}")))
    };
    let mut texts: Vec<StringArray> = Vec::new();
    for name in &COLUMNS[..7] {
        texts.push(cast(&column(name)?, &DataType::Utf8)?.as_string::<i32>().clone());
    }
    let [session, id, benchmark, label, metric, unit, better] = texts.as_slice() else {
        return Ok(());
    };
    let values = column("values")?;
    let list = |element| DataType::List(Arc::new(Field::new_list_field(element, true)));
    let values = cast(&values, &list(DataType::Float64))?;
    let flags = cast(&column("flags")?, &list(DataType::Utf8))?;
    let parameters = column("parameters")?;
    for row in (0..batch.num_rows()).filter(|row| place.contains_key(session.value(*row))) {
        let samples = values.as_list::<i32>().value(row);
        let samples: Vec<f64> = samples.as_primitive::<Float64Type>().iter().flatten().collect();
        if samples.is_empty() {
            continue;
        }
        let texts = |array: &dyn Array| -> Vec<String> {
            array.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
        };
        let key = [label, id, metric, unit, better].map(|column| column.value(row).to_owned());
        let better =
            if better.value(row) == Better::Higher.as_str() { Better::Higher } else { Better::Lower };
        let group = groups.entry(key.into()).or_insert_with(|| Measured {
            benchmark_id: id.value(row).to_owned(),
            benchmark: benchmark.value(row).to_owned(),
            parameters: pairs(&parameters, row),
            label: label.value(row).to_owned(),
            metric: metric.value(row).to_owned(),
            unit: unit.value(row).to_owned(),
            better,
            observed: Vec::new(),
        });
        group.observed.push(Observed {
            session_id: session.value(row).to_owned(),
            values: samples,
            flags: texts(flags.as_list::<i32>().value(row).as_ref()),
        });
    }
    Ok(())
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
    let all = batches(lake, selected, "all").await?;
    let mut metrics = std::collections::BTreeSet::new();
    for batch in &all {
        if let Some(column) = batch.column_by_name("metric") {
            let column = cast(column, &DataType::Utf8).map_err(|error| SqlError::new(error.to_string()))?;
            metrics.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
    }
    Ok(match metrics.len() {
        0 => "its sessions have no samples (`benchlake query failures` says why)".to_owned(),
        _ => format!(
            "its sessions did not measure `{metric}`; {}",
            hint(metric, metrics.iter().map(String::as_str))
        ),
    })
}
