//! The functions that compute one statistic of a list.

use super::{
    lists::{self, Doubles},
    misuse,
    table::{Function, Kind, Statistic},
};
use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array},
    datatypes::{DataType, Float64Type},
};
use datafusion::{
    common::ScalarValue,
    error::Result,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

/// A [`Function`] of kind statistic, as DataFusion sees it.
#[derive(Debug)]
pub(super) struct StatisticFunction {
    function: &'static Function,
    signature: Signature,
}

impl StatisticFunction {
    pub(super) fn new(function: &'static Function) -> Self {
        Self { function, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn statistic(&self) -> Result<Statistic> {
        match self.function.kind {
            Kind::Statistic(statistic) => Ok(statistic),
            Kind::PerIteration | Kind::Label => Err(misuse(self.function.name, "is no statistic")),
        }
    }
}

impl PartialEq for StatisticFunction {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for StatisticFunction {}

impl Hash for StatisticFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for StatisticFunction {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.function.name;
        let argument = self.statistic()?.argument;
        let (least, most) = match argument {
            None => (1, 1),
            Some(argument) if argument.default.is_some() => (1, 2),
            Some(_) => (2, 2),
        };
        if !(least..=most).contains(&given.len()) {
            let signature = self.function.signature;
            return Err(misuse(name, &format!("has {} arguments; it is {signature}", given.len())));
        }
        let mut types = vec![lists::coerced(name, "samples", &given[0])?];
        if let (Some(given), Some(argument)) = (given.get(1), argument) {
            if !(given.is_numeric() || given.is_null()) {
                return Err(misuse(name, &format!("{} must be a number, not {given}", argument.name)));
            }
            types.push(DataType::Float64);
        }
        Ok(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = self.function.name;
        let statistic = self.statistic()?;
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let lists = Doubles::new(name, &arrays[0])?;
        let numbers = arrays.get(1).map(|array| array.as_primitive::<Float64Type>());
        let values = compute(name, statistic, &lists, numbers)?;
        if constant {
            return ScalarValue::try_from_array(&values, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(Arc::new(values) as ArrayRef))
    }
}

fn compute(
    name: &str,
    statistic: Statistic,
    lists: &Doubles<'_>,
    numbers: Option<&Float64Array>,
) -> Result<Float64Array> {
    let mut values = Float64Array::builder(lists.len());
    for row in 0..lists.len() {
        let number = match (statistic.argument, numbers) {
            (Some(argument), Some(numbers)) if numbers.is_valid(row) => {
                let number = numbers.value(row);
                if !argument.allows(number) {
                    let range = if argument.closed { "from 0 to 1" } else { "between 0 and 1" };
                    return Err(misuse(name, &format!("{} is {number}; it must lie {range}", argument.name)));
                }
                Some(number)
            }
            (Some(_), Some(_)) => None,
            (argument, _) => Some(argument.and_then(|argument| argument.default).unwrap_or(f64::NAN)),
        };
        let value = number.and_then(|number| (statistic.compute)(&lists.present(row)?, number));
        values.append_option(value);
    }
    Ok(values.finish())
}
