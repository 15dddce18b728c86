//! `benchmark_label(benchmark, parameters)`: the form of a benchmark that is used on screen.

use super::misuse;
use arrow::{
    array::{Array, ArrayRef, AsArray, StringArray},
    compute::cast,
    datatypes::DataType,
};
use benchlake_schemas::Benchmark;
use datafusion::{
    common::ScalarValue,
    error::Result,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use std::sync::Arc;

const NAME: &str = "benchmark_label";

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BenchmarkLabel {
    signature: Signature,
}

impl Default for BenchmarkLabel {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for BenchmarkLabel {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [name, DataType::Map(entries, sorted)] if name.is_string() || name.is_null() => {
                Ok(vec![DataType::Utf8, DataType::Map(entries.clone(), *sorted)])
            }
            _ => Err(misuse(NAME, "takes a name and a map of texts: benchmark_label(benchmark, parameters)")),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let labels = labels(&arrays[0], &arrays[1])?;
        if constant {
            return ScalarValue::try_from_array(&labels, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(Arc::new(labels) as ArrayRef))
    }
}

fn labels(names: &ArrayRef, parameters: &ArrayRef) -> Result<StringArray> {
    let (names, parameters) = (names.as_string::<i32>(), parameters.as_map());
    let (keys, values) =
        (cast(parameters.keys(), &DataType::Utf8)?, cast(parameters.values(), &DataType::Utf8)?);
    let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
    let offsets = parameters.value_offsets();
    let label = |row: usize| {
        let start = usize::try_from(offsets[row]).ok()?;
        let end = usize::try_from(offsets[row + 1]).ok()?;
        if names.is_null(row) {
            return None;
        }
        let entries = (start..end).filter(|_| parameters.is_valid(row));
        Some(
            entries
                .fold(Benchmark::new(names.value(row)), |benchmark, i| {
                    benchmark.with(keys.value(i), values.value(i))
                })
                .to_string(),
        )
    };
    Ok((0..names.len()).map(label).collect())
}
