//! List arguments: which types are taken, and their elements as slices.

use super::misuse;
use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, GenericListArray, ListArray, OffsetSizeTrait},
    datatypes::{ArrowNativeType, DataType, Field, Float64Type},
};
use datafusion::error::Result;
use std::sync::Arc;

/// The type that a list argument of type `given` is cast to: a list of doubles.
pub(super) fn coerced(function: &str, argument: &str, given: &DataType) -> Result<DataType> {
    let element = match given {
        // Already right: a cast would copy the offsets for nothing.
        DataType::List(element) | DataType::LargeList(element)
            if *element.data_type() == DataType::Float64 =>
        {
            return Ok(given.clone());
        }
        DataType::Null => return Ok(DataType::List(doubles())),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => element.data_type(),
        other => return Err(misuse(function, &format!("{argument} must be a list of numbers, not {other}"))),
    };
    if !(element.is_numeric() || *element == DataType::Null) {
        return Err(misuse(function, &format!("{argument} must be a list of numbers, not of {element}")));
    }
    Ok(match given {
        DataType::LargeList(_) | DataType::LargeListView(_) => DataType::LargeList(doubles()),
        _ => DataType::List(doubles()),
    })
}

/// The type that an argument that must be a list of lists is cast to.
pub(super) fn coerced_groups(function: &str, argument: &str, given: &DataType) -> Result<DataType> {
    let groups = DataType::List(doubles());
    match given {
        DataType::Null => {}
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => {
            coerced(function, &format!("each of {argument}"), element.data_type())?;
        }
        other => {
            return Err(misuse(
                function,
                &format!("{argument} must be a list of lists of numbers, not {other}"),
            ));
        }
    }
    Ok(DataType::List(Arc::new(Field::new_list_field(groups, true))))
}

/// The element field of lists that functions return.
pub(super) fn doubles() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

/// Lists of doubles whose rows are read as slices of one child array.
pub(super) enum Doubles<'a> {
    Short(Rows<'a, i32>),
    Long(Rows<'a, i64>),
}

impl<'a> Doubles<'a> {
    /// The rows of `array`, which [`coerced`] made a list of doubles.
    pub(super) fn new(function: &str, array: &'a ArrayRef) -> Result<Self> {
        match array.data_type() {
            DataType::List(_) => Rows::new(function, array.as_list::<i32>()).map(Self::Short),
            DataType::LargeList(_) => Rows::new(function, array.as_list::<i64>()).map(Self::Long),
            other => Err(misuse(function, &format!("expected a list of doubles, not {other}"))),
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Short(rows) => rows.list.len(),
            Self::Long(rows) => rows.list.len(),
        }
    }

    /// The elements of a row that are not null; `None` for a null row. They are a slice of the
    /// column, or, where there are nulls, are copied to `buffer`.
    pub(super) fn present<'b>(&self, row: usize, buffer: &'b mut Vec<f64>) -> Option<&'b [f64]>
    where
        'a: 'b,
    {
        self.elements(row).map(|elements| elements.present(buffer))
    }

    /// Every element of a row; `None` for a null row.
    pub(super) fn elements(&self, row: usize) -> Option<Elements<'a>> {
        match self {
            Self::Short(rows) => rows.elements(row),
            Self::Long(rows) => rows.elements(row),
        }
    }
}

pub(super) struct Rows<'a, O: OffsetSizeTrait> {
    list: &'a GenericListArray<O>,
    child: &'a Float64Array,
}

/// The elements of one row, some of which may be null.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a> {
    child: &'a Float64Array,
    start: usize,
    end: usize,
}

impl<'a> Elements<'a> {
    /// Those that are not null, copied to `buffer` only if there are others.
    pub(super) fn present<'b>(self, buffer: &'b mut Vec<f64>) -> &'b [f64]
    where
        'a: 'b,
    {
        if self.child.null_count() == 0 {
            return &self.child.values()[self.start..self.end];
        }
        buffer.clear();
        buffer.extend(self.iter().flatten());
        buffer
    }

    /// Replaces what is in `copy` by the elements that are not null.
    pub(super) fn copy_present(self, copy: &mut Vec<f64>) {
        copy.clear();
        if self.child.null_count() == 0 {
            copy.extend_from_slice(&self.child.values()[self.start..self.end]);
        } else {
            copy.extend(self.iter().flatten());
        }
    }

    pub(super) fn len(self) -> usize {
        self.end - self.start
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Option<f64>> + use<'a> {
        (self.start..self.end).map(move |i| self.child.is_valid(i).then(|| self.child.value(i)))
    }
}

impl<'a, O: OffsetSizeTrait> Rows<'a, O> {
    fn new(function: &str, list: &'a GenericListArray<O>) -> Result<Self> {
        let child = list.values().as_primitive_opt::<Float64Type>();
        let child = child.ok_or_else(|| misuse(function, "expected a list of doubles"))?;
        Ok(Self { list, child })
    }

    fn elements(&self, row: usize) -> Option<Elements<'a>> {
        let offsets = self.list.value_offsets();
        let (start, end) = (offsets[row].as_usize(), offsets[row + 1].as_usize());
        self.list.is_valid(row).then_some(Elements { child: self.child, start, end })
    }
}

/// Lists of lists of doubles.
pub(super) struct Nested<'a> {
    groups: &'a ListArray,
    lists: Doubles<'a>,
}

impl<'a> Nested<'a> {
    /// The rows of `array`, which [`coerced_groups`] made a list of lists of doubles.
    pub(super) fn new(function: &str, array: &'a ArrayRef) -> Result<Self> {
        let groups = array.as_list_opt::<i32>();
        let groups = groups.ok_or_else(|| misuse(function, "expected a list of lists of doubles"))?;
        Ok(Self { groups, lists: Doubles::new(function, groups.values())? })
    }

    /// The groups of a row, null ones too; `None` for a null row.
    pub(super) fn groups(&self, row: usize) -> Option<Vec<Option<Elements<'a>>>> {
        let offsets = self.groups.value_offsets();
        let (start, end) = (offsets[row].as_usize(), offsets[row + 1].as_usize());
        self.groups.is_valid(row).then(|| (start..end).map(|group| self.lists.elements(group)).collect())
    }
}
