//! The comparison as CSV: every figure, plain.

use super::words;
use crate::{
    Answer,
    decide::{Compared, Comparison},
    format::{Format, WriteError, write},
    stats::Effect,
};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array},
    error::ArrowError,
};
use std::sync::Arc;

/// A header and a row for each benchmark and metric, worst first; what is no finite number is empty.
pub(super) fn csv(comparison: &Comparison) -> Result<String, WriteError> {
    let problem = |error: ArrowError| WriteError::Encode { format: Format::Csv, problem: error.to_string() };
    let batch = batch(&comparison.compared).map_err(problem)?;
    let mut bytes = Vec::new();
    write(&Answer { schema: batch.schema(), batches: vec![batch] }, Format::Csv, &mut bytes)?;
    String::from_utf8(bytes).map_err(|error| problem(ArrowError::CsvError(error.to_string())))
}

fn batch(compared: &[Compared]) -> Result<RecordBatch, ArrowError> {
    let text = |of: &dyn Fn(&Compared) -> Option<String>| -> ArrayRef {
        Arc::new(compared.iter().map(of).collect::<StringArray>())
    };
    let number = |of: &dyn Fn(&Compared) -> Option<f64>| -> ArrayRef {
        let finite = |one| of(one).filter(|value| value.is_finite());
        Arc::new(compared.iter().map(finite).collect::<Float64Array>())
    };
    let count = |of: &dyn Fn(&Compared) -> Option<u64>| -> ArrayRef {
        Arc::new(compared.iter().map(of).collect::<UInt64Array>())
    };
    let effect = |of: fn(&Effect) -> f64| number(&move |one| one.effect.as_ref().map(of));
    let interval = |end: fn((f64, f64)) -> f64| number(&move |one| words::worse_interval(one).map(end));
    RecordBatch::try_from_iter(vec![
        ("benchmark", text(&|one| Some(one.label.clone()))),
        ("metric", text(&|one| Some(one.metric.clone()))),
        ("unit", text(&|one| Some(one.unit.clone()))),
        ("better", text(&|one| Some(one.better.to_string()))),
        ("verdict", text(&|one| Some(one.decision.outcome.to_string()))),
        ("severity", text(&|one| one.decision.severity.map(|severity| severity.to_string()))),
        ("reason", text(&|one| Some(one.decision.reason.to_string()))),
        ("worse", number(&|one| one.decision.worse)),
        ("worse_low", interval(|ends| ends.0)),
        ("worse_high", interval(|ends| ends.1)),
        ("base", number(&|one| Some(one.base.value))),
        ("new", number(&|one| Some(one.new.value))),
        ("ratio", effect(|effect| effect.estimate.value)),
        ("ratio_low", effect(|effect| effect.estimate.interval.low)),
        ("ratio_high", effect(|effect| effect.estimate.interval.high)),
        ("units", text(&|one| one.effect.map(|effect| effect.units.as_str().to_owned()))),
        ("standard_error", effect(|effect| effect.error)),
        ("error_between_runs", effect(|effect| effect.error_between_runs)),
        ("t", effect(|effect| effect.t)),
        ("df", effect(|effect| effect.df)),
        ("calibration", effect(|effect| effect.calibration)),
        ("p", effect(|effect| effect.p)),
        ("adjusted_p", number(&|one| one.adjusted_p)),
        ("margin", number(&|one| Some(one.decision.margin))),
        ("warning", number(&|one| Some(one.margins.warning))),
        ("critical", number(&|one| Some(one.margins.critical))),
        ("noise_floor", number(&|one| one.noise.map(|noise| noise.floor))),
        ("noise_runs", count(&|one| one.noise.map(|noise| noise.runs as u64))),
        ("base_sessions", count(&|one| Some(one.base.sessions as u64))),
        ("new_sessions", count(&|one| Some(one.new.sessions as u64))),
        ("base_samples", count(&|one| Some(one.base.samples as u64))),
        ("new_samples", count(&|one| Some(one.new.samples as u64))),
        ("sessions_needed", count(&|one| one.decision.sessions_needed)),
        ("flags", text(&|one| Some(one.flags.join(" ")))),
        ("benchmark_id", text(&|one| Some(one.benchmark_id.clone()))),
    ])
}
