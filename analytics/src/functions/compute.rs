//! Functions over the rows of a batch. Buffers are reused from row to row.

use super::{
    arguments::Numbers,
    lists::{Doubles, Elements, Nested, doubles},
    misuse, summary,
    table::{Function, Kind, OfEachGroup, OfGroups, OfTwo},
};
use arrow::{
    array::{ArrayRef, BooleanBuilder, Float64Array, Float64Builder, ListBuilder},
    datatypes::{DataType, Field},
};
use datafusion::error::Result;
use std::sync::Arc;

/// The type of the values of `kind`.
pub(super) fn returned(kind: Kind) -> DataType {
    match kind {
        Kind::Each(_) | Kind::EachGroup(_) => DataType::List(doubles()),
        Kind::Flags(_) => DataType::List(Arc::new(Field::new_list_field(DataType::Boolean, true))),
        Kind::Summary => DataType::Struct(summary::fields()),
        _ => DataType::Float64,
    }
}

/// The values of `function` for `rows` rows of `arrays`.
pub(super) fn compute(function: &'static Function, arrays: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let name = function.name;
    let mut numbers = Numbers::new(function, arrays);
    let list = |i: usize| Doubles::new(name, &arrays[i]);
    Ok(match function.kind {
        Kind::One(statistic) => Arc::new(one(&list(0)?, &mut numbers, statistic)?),
        Kind::Reordering(statistic) => Arc::new(reordering(&list(0)?, &mut numbers, statistic)?),
        Kind::Two(statistic) => Arc::new(two(&list(0)?, &list(1)?, &mut numbers, statistic)?),
        Kind::Each(values) => {
            let computed = |present: &[f64], numbers: &[f64]| values(present, numbers);
            let builder = ListBuilder::new(Float64Builder::new());
            each(&list(0)?, &mut numbers, computed, builder)?
        }
        Kind::Flags(flags) => {
            let computed = |present: &[f64], numbers: &[f64]| flags(present, numbers);
            let builder = ListBuilder::new(BooleanBuilder::new());
            each(&list(0)?, &mut numbers, computed, builder)?
        }
        Kind::Groups(statistic) => {
            Arc::new(groups(&Nested::new(name, &arrays[0])?, rows, &mut numbers, statistic)?)
        }
        Kind::EachGroup(values) => each_group(&Nested::new(name, &arrays[0])?, rows, &mut numbers, values)?,
        Kind::Numbers(statistic) => {
            let value = |row| Ok(numbers.of(row)?.and_then(statistic));
            Arc::new((0..rows).map(value).collect::<Result<Float64Array>>()?)
        }
        Kind::Summary => summary::compute(&list(0)?, &mut numbers)?,
        Kind::PerIteration | Kind::Label => return Err(misuse(name, "is no statistic")),
    })
}

fn one(
    lists: &Doubles<'_>,
    numbers: &mut Numbers<'_>,
    statistic: fn(&[f64], &[f64]) -> Option<f64>,
) -> Result<Float64Array> {
    let mut buffer = Vec::new();
    let value = |row| {
        let Some(numbers) = numbers.of(row)? else { return Ok(None) };
        Ok(lists.present(row, &mut buffer).and_then(|values| statistic(values, numbers)))
    };
    (0..lists.len()).map(value).collect()
}

fn reordering(
    lists: &Doubles<'_>,
    numbers: &mut Numbers<'_>,
    statistic: fn(&mut [f64], &[f64]) -> Option<f64>,
) -> Result<Float64Array> {
    let mut copy = Vec::new();
    let value = |row| {
        let Some(numbers) = numbers.of(row)? else { return Ok(None) };
        let Some(elements) = lists.elements(row) else { return Ok(None) };
        elements.copy_present(&mut copy);
        Ok(statistic(&mut copy, numbers))
    };
    (0..lists.len()).map(value).collect()
}

fn two(
    a: &Doubles<'_>,
    b: &Doubles<'_>,
    numbers: &mut Numbers<'_>,
    statistic: OfTwo,
) -> Result<Float64Array> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    let value = |row| {
        let Some(numbers) = numbers.of(row)? else { return Ok(None) };
        let lists = a.present(row, &mut of_a).zip(b.present(row, &mut of_b));
        Ok(lists.and_then(|(a, b)| statistic(a, b, numbers)))
    };
    (0..a.len()).map(value).collect()
}

/// What a list of values of type `T` is built with.
trait Values<T> {
    fn push(&mut self, value: Option<T>);
    fn close(&mut self, valid: bool);
    fn done(self) -> ArrayRef;
}

impl Values<f64> for ListBuilder<Float64Builder> {
    fn push(&mut self, value: Option<f64>) {
        self.values().append_option(value);
    }

    fn close(&mut self, valid: bool) {
        self.append(valid);
    }

    fn done(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Values<bool> for ListBuilder<BooleanBuilder> {
    fn push(&mut self, value: Option<bool>) {
        self.values().append_option(value);
    }

    fn close(&mut self, valid: bool) {
        self.append(valid);
    }

    fn done(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

/// A value beside each element, and null beside a null.
fn each<T>(
    lists: &Doubles<'_>,
    numbers: &mut Numbers<'_>,
    computed: impl Fn(&[f64], &[f64]) -> Option<Vec<T>>,
    mut builder: impl Values<T>,
) -> Result<ArrayRef> {
    let mut buffer = Vec::new();
    for row in 0..lists.len() {
        let numbers = numbers.of(row)?;
        let row = numbers.zip(lists.elements(row)).and_then(|(numbers, elements)| {
            Some((elements, computed(elements.present(&mut buffer), numbers)?))
        });
        let valid = row.is_some();
        if let Some((elements, values)) = row {
            let mut values = values.into_iter();
            elements.iter().for_each(|element| builder.push(element.and_then(|_| values.next())));
        }
        builder.close(valid);
    }
    Ok(builder.done())
}

/// The present elements of the groups that are not null.
fn present(groups: &[Option<Elements<'_>>]) -> Vec<Vec<f64>> {
    groups.iter().flatten().map(|elements| elements.iter().flatten().collect()).collect()
}

fn slices(groups: &[Vec<f64>]) -> Vec<&[f64]> {
    groups.iter().map(Vec::as_slice).collect()
}

fn groups(
    nested: &Nested<'_>,
    rows: usize,
    numbers: &mut Numbers<'_>,
    statistic: OfGroups,
) -> Result<Float64Array> {
    let value = |row| {
        let Some(numbers) = numbers.of(row)? else { return Ok(None) };
        Ok(nested.groups(row).and_then(|groups| statistic(&slices(&present(&groups)), numbers)))
    };
    (0..rows).map(value).collect()
}

/// A value beside each group, and null beside a null.
fn each_group(
    nested: &Nested<'_>,
    rows: usize,
    numbers: &mut Numbers<'_>,
    values: OfEachGroup,
) -> Result<ArrayRef> {
    let mut builder = ListBuilder::new(Float64Builder::new());
    for row in 0..rows {
        let numbers = numbers.of(row)?;
        let row = numbers.zip(nested.groups(row)).and_then(|(numbers, groups)| {
            let values = values(&slices(&present(&groups)), numbers)?;
            Some((groups, values))
        });
        let valid = row.is_some();
        if let Some((groups, values)) = row {
            let mut values = values.into_iter();
            groups.iter().for_each(|group| builder.push(group.and_then(|_| values.next())));
        }
        builder.close(valid);
    }
    Ok(builder.done())
}
