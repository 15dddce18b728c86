//! A function of the table as DataFusion sees it: a value for each row.

use super::{
    arguments,
    compute::{compute, returned},
    table::Function,
};
use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    error::Result,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use std::hash::{Hash, Hasher};

#[derive(Debug)]
pub(super) struct ScalarFunction {
    function: &'static Function,
    signature: Signature,
}

impl ScalarFunction {
    pub(super) fn new(function: &'static Function) -> Self {
        Self { function, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl PartialEq for ScalarFunction {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for ScalarFunction {}

impl Hash for ScalarFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for ScalarFunction {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(returned(self.function.kind))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerced(self.function, given)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = arrays.first().map_or(args.number_rows, |array| array.len());
        let values = compute(self.function, &arrays, rows)?;
        if constant {
            return ScalarValue::try_from_array(&values, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(values))
    }
}
