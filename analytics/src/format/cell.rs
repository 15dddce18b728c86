//! One value, as a person reads it.

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Float32Type, Float64Type},
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};

/// How many elements of a list, or entries of a map, are shown.
const SHOWN: usize = 6;
/// How many bytes of a binary value are shown.
const SHOWN_BYTES: usize = 16;

/// `value` to six significant digits, without needless zeros; scientific where the plain form would
/// be long.
///
/// ```
/// use benchlake_analytics::format::number;
/// assert_eq!(number(0.1 + 0.2), "0.3");
/// assert_eq!(number(1_234_567.891), "1234568");
/// assert_eq!(number(1.5e-6), "1.5e-6");
/// ```
#[must_use]
pub fn number(value: f64) -> String {
    let scientific = format!("{value:.5e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return value.to_string(); // NaN, inf
    };
    match exponent.parse::<i32>() {
        Ok(exponent @ -4..15) => {
            let decimals = usize::try_from(5 - exponent).unwrap_or(0);
            trimmed(&format!("{value:.decimals$}"))
        }
        _ => format!("{}e{exponent}", trimmed(mantissa)),
    }
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// The value of `array` at `row`.
pub(super) fn text(array: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    if array.is_null(row) {
        return Ok("null".into());
    }
    match array.data_type() {
        DataType::Float64 => Ok(number(array.as_primitive::<Float64Type>().value(row))),
        DataType::Float32 => Ok(number(f64::from(array.as_primitive::<Float32Type>().value(row)))),
        DataType::List(_) => list(&array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row)),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let pair = |i| Ok(format!("{}={}", text(entries.column(0), i)?, text(entries.column(1), i)?));
            Ok(format!("{{{}}}", some(entries.len(), pair)?))
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let pairs = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| Ok(format!("{}: {}", field.name(), text(column, row)?)));
            Ok(format!("{{{}}}", pairs.collect::<Result<Vec<_>, ArrowError>>()?.join(", ")))
        }
        DataType::Binary => Ok(bytes(array.as_binary::<i32>().value(row))),
        DataType::BinaryView => Ok(bytes(array.as_binary_view().value(row))),
        _ => Ok(ArrayFormatter::try_new(array, &FormatOptions::default())?.value(row).to_string()),
    }
}

fn list(values: &ArrayRef) -> Result<String, ArrowError> {
    Ok(format!("[{}]", some(values.len(), |i| text(values, i))?))
}

fn bytes(bytes: &[u8]) -> String {
    let shown: String = bytes.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > SHOWN_BYTES { format!("{shown}… {} bytes", bytes.len()) } else { shown }
}

/// The first of `count` parts, and how many more there are.
fn some(count: usize, part: impl Fn(usize) -> Result<String, ArrowError>) -> Result<String, ArrowError> {
    let mut parts = (0..count.min(SHOWN)).map(part).collect::<Result<Vec<_>, _>>()?;
    if count > SHOWN {
        parts.push(format!("… {} more", count - SHOWN));
    }
    Ok(parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six significant digits, whatever the magnitude.
    #[test]
    fn numbers() {
        let cases = [
            (0.0, "0"),
            (-0.5, "-0.5"),
            (1.0 / 3.0, "0.333333"),
            (999_999.96, "1000000"),
            (1e15, "1e15"),
            (123_456_789.5, "123456790"),
            (0.000_123_456_789, "0.000123457"),
            (9.999_999e-5, "0.0001"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text, "{value:?}");
        }
    }
}
