//! The functions of one list over rows: the engine's `array_agg` collects, the function computes.
//!
//! Collecting, several partitions, `DISTINCT`, `FILTER`, `ORDER BY` and the report of memory are the
//! engine's; nothing is kept here.

use super::{
    arguments,
    compute::{compute, returned},
    lists::doubles,
    misuse,
    table::{Aggregate, Function},
};
use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch},
    compute::cast,
    datatypes::{DataType, Field, FieldRef, Schema},
};
use datafusion::{
    common::ScalarValue,
    error::Result,
    functions_aggregate::array_agg::array_agg_udaf,
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, EmitTo, GroupsAccumulator, Signature,
        Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
    physical_expr::PhysicalExpr,
};
use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

#[derive(Debug)]
pub(super) struct AggregateFunction {
    function: &'static Function,
    name: &'static str,
    signature: Signature,
    /// What collects: `array_agg`, which may know that its rows come in order.
    collect: Arc<AggregateUDF>,
}

impl AggregateFunction {
    /// The aggregate of `function`, if it has one.
    pub(super) fn new(function: &'static Function) -> Option<Self> {
        let name = function.aggregate_name()?;
        let signature = Signature::user_defined(Volatility::Immutable);
        Some(Self { function, name, signature, collect: array_agg_udaf() })
    }

    fn in_order(&self) -> bool {
        self.function.aggregate == Aggregate::InOrder
    }

    /// The numbers beside the column, as arrays of one row.
    fn numbers(&self, expressions: &[Arc<dyn PhysicalExpr>]) -> Result<Vec<ArrayRef>> {
        let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let numbers =
            expressions.iter().skip(1).zip(self.function.numbers).map(
                |(expression, number)| match expression.evaluate(&nothing) {
                    Ok(ColumnarValue::Scalar(value)) => Ok(cast(&value.to_array()?, &DataType::Float64)?),
                    _ => Err(misuse(self.name, &format!("{} must be a literal, not a column", number.name))),
                },
            );
        numbers.collect()
    }

    fn computing<T>(&self, args: &AccumulatorArgs<'_>, collected: T) -> Result<Computing<T>> {
        Ok(Computing { function: self.function, numbers: self.numbers(args.exprs)?, collected })
    }
}

/// What `array_agg` is told: the column alone.
fn collecting<'a>(args: &AccumulatorArgs<'a>, list: FieldRef, in_order: bool) -> AccumulatorArgs<'a> {
    AccumulatorArgs {
        return_field: list,
        exprs: &args.exprs[..1],
        expr_fields: &args.expr_fields[..1],
        order_bys: if in_order { args.order_bys } else { &[] },
        ..args.clone()
    }
}

fn list_field(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::List(doubles()), true))
}

impl PartialEq for AggregateFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.collect == other.collect
    }
}

impl Eq for AggregateFunction {}

impl Hash for AggregateFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.collect.hash(state);
    }
}

impl AggregateUDFImpl for AggregateFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(returned(self.function.kind))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerced_rows(self.function, given)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.collect.state_fields(StateFieldsArgs {
            return_field: list_field(args.name),
            input_fields: &args.input_fields[..1],
            ordering_fields: if self.in_order() { args.ordering_fields } else { &[] },
            ..args
        })
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        if self.in_order() {
            self.collect.order_sensitivity()
        } else {
            AggregateOrderSensitivity::Insensitive
        }
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        if !self.in_order() {
            return Ok(None);
        }
        let collect = self.collect.as_ref().clone().with_beneficial_ordering(beneficial_ordering)?;
        let collect = collect.map_or_else(|| Arc::clone(&self.collect), Arc::new);
        let Self { function, name, ref signature, .. } = *self;
        Ok(Some(Arc::new(Self { function, name, signature: signature.clone(), collect })))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let inner = collecting(&args, list_field(args.name), self.in_order());
        let collected = self.collect.accumulator(inner)?;
        Ok(Box::new(self.computing(&args, collected)?))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        let inner = collecting(&args, list_field(args.name), self.in_order());
        self.collect.groups_accumulator_supported(inner)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let inner = collecting(&args, list_field(args.name), self.in_order());
        let collected = self.collect.create_groups_accumulator(inner)?;
        Ok(Box::new(self.computing(&args, collected)?))
    }
}

/// What `array_agg` collected, and the function that is computed of it in the end.
#[derive(Debug)]
struct Computing<T> {
    function: &'static Function,
    numbers: Vec<ArrayRef>,
    collected: T,
}

impl<T> Computing<T> {
    /// The function of each of `lists`.
    fn compute(&self, lists: ArrayRef) -> Result<ArrayRef> {
        let rows = lists.len();
        let numbers =
            self.numbers.iter().map(|number| ScalarValue::try_from_array(number, 0)?.to_array_of_size(rows));
        let arrays = std::iter::once(Ok(lists)).chain(numbers).collect::<Result<Vec<_>>>()?;
        compute(self.function, &arrays, rows)
    }
}

impl Accumulator for Computing<Box<dyn Accumulator>> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // The column, and after the numbers what the rows are ordered by.
        let ordering = values.iter().skip(1 + self.numbers.len());
        let values: Vec<_> = values.iter().take(1).chain(ordering).cloned().collect();
        self.collected.update_batch(&values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let list = self.collected.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&self.compute(list)?, 0)
    }

    fn size(&self) -> usize {
        self.collected.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.collected.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.collected.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.collected.retract_batch(&values[..1])
    }

    fn supports_retract_batch(&self) -> bool {
        self.collected.supports_retract_batch()
    }
}

impl GroupsAccumulator for Computing<Box<dyn GroupsAccumulator>> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.collected.update_batch(&values[..1], groups, filter, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let lists = self.collected.evaluate(emit)?;
        self.compute(lists)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.collected.state(emit)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.collected.merge_batch(values, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.collected.convert_to_state(&values[..1], filter)
    }

    fn size(&self) -> usize {
        self.collected.size()
    }
}
