//! The summarised tier: an old series keeps some of its samples, so chosen that its quantiles stay.

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, ListBuilder, RecordBatch, StringBuilder, UInt64Array},
    buffer::OffsetBuffer,
    compute::take,
    datatypes::{DataType, Field, Float64Type, Int64Type},
    error::ArrowError,
};
use benchlake_schemas::Flag;
use std::sync::Arc;

/// Of each series with more than `keep` samples keeps `keep`: the order statistics of rank
/// `⌊(i + ½) n / keep⌋` of its time per iteration, `i = 0 … keep − 1`, in the order in which they were
/// measured. What stays are real samples, each with its iterations and offset, and the series is
/// flagged `summarised`. Quantiles of what stays differ from those of all by at most `1 / keep` in rank;
/// the extremes go. A series of several rows stays as it is: what each of them may keep depends on how long the others
/// are, or the last one would count as much as a whole one. So do rows of before series 1.2, which do not say.
///
/// # Errors
/// [`ArrowError`] if the columns are not those of series.
pub(crate) fn summarise(batch: &RecordBatch, keep: usize) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let column = |name: &str| {
        let index = schema.index_of(name)?;
        Ok::<_, ArrowError>((index, batch.column(index).as_list::<i32>().clone()))
    };
    let (samples_at, samples) = column("samples")?;
    let (iterations_at, iterations) = column("iterations")?;
    let (offsets_at, offsets) = column("offsets")?;
    let (flags_at, flags) = column("flags")?;
    let whole = batch.column_by_name("chunks").map(|chunks| chunks.as_primitive::<Int64Type>().clone());
    let is_whole = |row| whole.as_ref().is_some_and(|chunks| chunks.is_valid(row) && chunks.value(row) == 1);
    let (mut kept, mut lengths, mut cut) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..batch.num_rows() {
        let (times, counts) = (samples.value(row), iterations.value(row));
        let times = times.as_primitive::<Float64Type>().values();
        let counts = counts.as_primitive::<Int64Type>().values();
        let chosen = choose(times, counts, if is_whole(row) { keep } else { times.len() });
        lengths.push(chosen.len());
        cut.push(chosen.len() < times.len());
        let first = usize::try_from(samples.value_offsets()[row]).unwrap_or(0);
        kept.extend(chosen.into_iter().map(|at| (first + at) as u64));
    }
    let thin = |list: &ListArray| -> Result<ArrayRef, ArrowError> {
        // All three lists are as long in every row, so one choice fits each, wherever it begins.
        let shift = i64::from(list.value_offsets()[0] - samples.value_offsets()[0]);
        let kept = kept.iter().map(|at| at.saturating_add_signed(shift));
        let kept = UInt64Array::from_iter_values(kept);
        let DataType::List(field) = list.data_type() else {
            return Err(ArrowError::SchemaError("samples that are no list".into()));
        };
        let values = take(list.values(), &kept, None)?;
        let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
        Ok(Arc::new(ListArray::try_new(field.clone(), offsets, values, list.nulls().cloned())?))
    };
    let mut columns = batch.columns().to_vec();
    columns[samples_at] = thin(&samples)?;
    columns[iterations_at] = thin(&iterations)?;
    columns[offsets_at] = thin(&offsets)?;
    columns[flags_at] = flagged(&flags, &cut);
    RecordBatch::try_new(schema, columns)
}

/// Places of the samples that stay, in order.
fn choose(times: &[f64], iterations: &[i64], keep: usize) -> Vec<usize> {
    let n = times.len();
    if n <= keep {
        return (0..n).collect();
    }
    let each = |at: usize| times[at] / iterations[at].max(1) as f64;
    let mut ranked: Vec<_> = (0..n).collect();
    ranked.sort_by(|a, b| each(*a).total_cmp(&each(*b)));
    let mut chosen: Vec<_> = (0..keep).map(|i| ranked[(2 * i + 1) * n / (2 * keep)]).collect();
    chosen.sort_unstable();
    chosen
}

fn flagged(flags: &ListArray, cut: &[bool]) -> ArrayRef {
    let field = Field::new("element", DataType::Utf8, false);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Arc::new(field));
    for (row, cut) in cut.iter().enumerate() {
        let before = flags.value(row);
        let before: Vec<_> = before.as_string::<i32>().iter().flatten().collect();
        before.iter().for_each(|flag| builder.values().append_value(flag));
        if *cut && !before.contains(&Flag::Summarised.as_str()) {
            builder.values().append_value(Flag::Summarised.as_str());
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use benchlake_schemas::{
        Benchmark, ProducerId, Series, Table, from_batch, sample_series, to_numbered_batch,
    };

    /// A series of several rows keeps its samples: its last row would weigh as much as a whole one.
    #[test]
    fn series_in_parts_stay_whole() {
        let values: Vec<f64> = (0..1_100).map(f64::from).collect();
        let rows = sample_series(Benchmark::new("w"), &values).chunked(1_000);
        let old = Series { chunks: None, ..sample_series(Benchmark::new("w"), &values) };
        let rows = [rows, vec![old]].concat();
        let batch = to_numbered_batch(Table::Series, ProducerId::new(), 1, &rows).expect("a batch");
        let thin: Vec<Series> = from_batch(&summarise(&batch, 100).expect("it is summarised")).expect("rows");
        assert_eq!(thin, rows);
    }

    /// Quantiles stay within a rank of `1 / keep`, samples stay with their iterations and offsets, and
    /// short series are left alone.
    #[test]
    fn quantiles_stay() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from((i * 7919) % 1000)).collect();
        let mut long = sample_series(Benchmark::new("w"), &values);
        long.iterations = (0..1000).map(|i| 1 + i % 3).collect();
        long.samples = values.iter().zip(&long.iterations).map(|(value, n)| value * *n as f64).collect();
        long.offsets = (0..1000).collect();
        let short = sample_series(Benchmark::new("w"), &[1.0, 2.0]);
        let batch =
            to_numbered_batch(Table::Series, ProducerId::new(), 1, &[short.clone(), long]).expect("a batch");
        // A batch that is cut from a larger one is thinned alike.
        for batch in [batch.clone(), batch.slice(1, 1)] {
            let thin = summarise(&batch, 100).expect("it is summarised");
            let rows: Vec<Series> = from_batch(&thin).expect("rows");
            let row = rows.last().expect("the long one");
            assert_eq!((row.samples.len(), row.iterations.len(), row.offsets.len()), (100, 100, 100));
            assert_eq!(row.flags, [Flag::Summarised]);
            let mut each: Vec<_> =
                row.samples.iter().zip(&row.iterations).map(|(s, n)| s / *n as f64).collect();
            each.sort_by(f64::total_cmp);
            assert!(
                each.iter().enumerate().all(|(i, value)| (value - (10.0 * i as f64 + 5.0)).abs() < 1e-9),
                "{each:?}"
            );
            assert!(row.offsets.is_sorted());
            for (at, offset) in row.offsets.iter().enumerate() {
                let source = usize::try_from(*offset).expect("an index");
                assert!((row.samples[at] / row.iterations[at] as f64 - values[source]).abs() < 1e-9);
            }
        }
        let untouched: Vec<Series> =
            from_batch(&summarise(&batch.slice(0, 1), 100).expect("it stays")).expect("rows");
        assert_eq!(untouched, [short]);
    }
}
