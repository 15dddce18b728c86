//! `per_iteration(samples, iterations)`: what one iteration of each sample took.

use super::{
    lists::{self, Doubles},
    misuse,
};
use arrow::{
    array::{ArrayRef, Float64Array, Float64Builder, ListArray},
    buffer::{NullBuffer, OffsetBuffer},
    datatypes::DataType,
};
use datafusion::{
    common::ScalarValue,
    error::Result,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use std::sync::Arc;

const NAME: &str = "per_iteration";

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PerIteration {
    signature: Signature,
}

impl Default for PerIteration {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for PerIteration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(lists::doubles()))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [samples, iterations] = given else {
            return Err(misuse(
                NAME,
                &format!("has {} arguments; it is {NAME}(samples, iterations)", given.len()),
            ));
        };
        Ok(vec![lists::coerced(NAME, "samples", samples)?, lists::coerced(NAME, "iterations", iterations)?])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let divided = divide(&Doubles::new(NAME, &arrays[0])?, &Doubles::new(NAME, &arrays[1])?)?;
        if constant {
            return ScalarValue::try_from_array(&divided, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(Arc::new(divided) as ArrayRef))
    }
}

fn divide(samples: &Doubles<'_>, iterations: &Doubles<'_>) -> Result<ListArray> {
    let mut values = Float64Builder::new();
    let mut lengths = Vec::with_capacity(samples.len());
    let mut valid = Vec::with_capacity(samples.len());
    for row in 0..samples.len() {
        let (Some(totals), Some(counts)) = (samples.elements(row), iterations.elements(row)) else {
            lengths.push(0);
            valid.push(false);
            continue;
        };
        if totals.len() != counts.len() {
            let (totals, counts) = (totals.len(), counts.len());
            return Err(misuse(NAME, &format!("a row has {totals} samples but {counts} iterations")));
        }
        for (total, count) in totals.iter().zip(counts.iter()) {
            let count = count.filter(|&count| count > 0.0);
            values.append_option(total.zip(count).map(|(total, count)| total / count));
        }
        lengths.push(totals.len());
        valid.push(true);
    }
    let values: Float64Array = values.finish();
    i32::try_from(values.len())
        .map_err(|_| misuse(NAME, "more than 2³¹ samples in one batch; use a smaller batch size"))?;
    let nulls = NullBuffer::from(valid);
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    Ok(ListArray::try_new(lists::doubles(), OffsetBuffer::from_lengths(lengths), Arc::new(values), nulls)?)
}
