//! What a function is given: how many arguments, of which types, and its numbers row by row.

use super::{
    lists, misuse,
    table::{Function, Kind, Number},
};
use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array},
    datatypes::{DataType, Float64Type},
};
use datafusion::error::Result;

/// The types that the arguments of `function` are cast to.
pub(super) fn coerced(function: &Function, given: &[DataType]) -> Result<Vec<DataType>> {
    counted(function, function.name, &function.signature(), given.len())?;
    let (lists, numbers) = given.split_at(function.lists.len());
    let lists = function.lists.iter().zip(lists).map(|(argument, given)| match function.kind {
        Kind::Groups(_) | Kind::EachGroup(_) => lists::coerced_groups(function.name, argument, given),
        _ => lists::coerced(function.name, argument, given),
    });
    lists.chain(numeric(function, numbers)).collect()
}

/// The types that the arguments of the aggregate of `function` are cast to: a column of numbers, and
/// the numbers beside it.
pub(super) fn coerced_rows(function: &Function, given: &[DataType]) -> Result<Vec<DataType>> {
    let name = function.aggregate_name().unwrap_or(function.name);
    counted(function, name, &function.aggregate_signature().unwrap_or_default(), given.len())?;
    if !(given[0].is_numeric() || given[0].is_null()) {
        return Err(misuse(name, &format!("takes a column of numbers, not {}", given[0])));
    }
    std::iter::once(Ok(DataType::Float64)).chain(numeric(function, &given[1..])).collect()
}

fn counted(function: &Function, name: &str, signature: &str, given: usize) -> Result<()> {
    let required = function.numbers.iter().filter(|number| number.default.is_none()).count();
    let (lists, most) = (function.lists.len(), function.numbers.len());
    if (lists + required..=lists + most).contains(&given) {
        return Ok(());
    }
    Err(misuse(name, &format!("has {given} arguments; it is {signature}")))
}

fn numeric(function: &Function, given: &[DataType]) -> impl Iterator<Item = Result<DataType>> {
    function.numbers.iter().zip(given).map(|(number, given)| {
        if given.is_numeric() || given.is_null() {
            return Ok(DataType::Float64);
        }
        Err(misuse(function.name, &format!("{} must be a number, not {given}", number.name)))
    })
}

/// The numbers that a function is given, row by row.
pub(super) struct Numbers<'a> {
    function: &'static Function,
    given: Vec<&'a Float64Array>,
    /// Those of one row.
    row: Vec<f64>,
}

impl<'a> Numbers<'a> {
    /// The numbers in `arrays`, which follow the lists.
    pub(super) fn new(function: &'static Function, arrays: &'a [ArrayRef]) -> Self {
        let given = arrays.iter().skip(function.lists.len()).map(|array| array.as_primitive::<Float64Type>());
        Self { function, given: given.collect(), row: Vec::with_capacity(function.numbers.len()) }
    }

    /// Those of a row; `None` where one is null.
    ///
    /// # Errors
    /// If one is out of its range.
    pub(super) fn of(&mut self, row: usize) -> Result<Option<&[f64]>> {
        self.row.clear();
        for (i, number) in self.function.numbers.iter().enumerate() {
            let value = match self.given.get(i) {
                Some(given) if given.is_null(row) => return Ok(None),
                Some(given) => given.value(row),
                None => number.default.unwrap_or(f64::NAN),
            };
            checked(self.function.name, number, value)?;
            self.row.push(value);
        }
        Ok(Some(&self.row))
    }
}

fn checked(function: &str, number: &Number, value: f64) -> Result<()> {
    if number.range.holds(value) {
        return Ok(());
    }
    Err(misuse(function, &format!("{} is {value}; it must {}", number.name, number.range.text())))
}
