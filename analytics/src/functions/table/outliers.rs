//! Which values are far from the rest: flagged, never deleted.

use super::{Aggregate, Family, Function, Kind, ONE};
use crate::stats;

/// What the functions of this family have in common.
const OUTLIERS: Function = Function { family: Family::Outliers, ..ONE };

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_outliers_tukey",
        returns: "list of boolean",
        what: "Which elements lie beyond Tukey's fences: a flag beside each, null beside a null. Null for the whole list where an element is NaN.",
        formula: "x < q₁ − 1.5 · IQR or x > q₃ + 1.5 · IQR (quartiles of type 7)",
        source: "Tukey, Exploratory Data Analysis (1977), 2D",
        example: "list_outliers_tukey([1.0, 2.0, 3.0, 2.0, 9.0])",
        result: "[false, false, false, false, true]",
        aggregate: Aggregate::No,
        kind: Kind::Flags(|values, _| stats::outliers_tukey(values)),
        ..OUTLIERS
    },
    Function {
        name: "list_outliers_mad",
        returns: "list of boolean",
        what: "Which elements have a modified z-score above 3.5: a flag beside each, null beside a null. Where more than half of the elements are equal, each other one is flagged. Null for the whole list where an element is NaN.",
        formula: "0.6745 · |x − median| / MAD > 3.5",
        source: "Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993)",
        example: "list_outliers_mad([1.0, 2.0, 3.0, 2.0, 9.0])",
        result: "[false, false, false, false, true]",
        aggregate: Aggregate::No,
        kind: Kind::Flags(|values, _| stats::outliers_mad(values)),
        ..OUTLIERS
    },
    Function {
        name: "list_outlier_count_tukey",
        what: "How many elements `list_outliers_tukey` flags; NaN where an element is NaN.",
        formula: "x < q₁ − 1.5 · IQR or x > q₃ + 1.5 · IQR (quartiles of type 7)",
        source: "Tukey, Exploratory Data Analysis (1977), 2D",
        example: "list_outlier_count_tukey([1.0, 2.0, 3.0, 2.0, 9.0])",
        result: "1.0",
        kind: Kind::One(|values, _| flagged(values, stats::outliers_tukey)),
        ..OUTLIERS
    },
    Function {
        name: "list_outlier_count_mad",
        what: "How many elements `list_outliers_mad` flags; NaN where an element is NaN.",
        formula: "0.6745 · |x − median| / MAD > 3.5",
        source: "Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993)",
        example: "list_outlier_count_mad([1.0, 2.0, 3.0, 2.0, 9.0])",
        result: "1.0",
        kind: Kind::One(|values, _| flagged(values, stats::outliers_mad)),
        ..OUTLIERS
    },
];

/// How many of the values are flagged.
fn flagged(values: &[f64], flags: fn(&[f64]) -> Option<Vec<bool>>) -> Option<f64> {
    match flags(values) {
        Some(flags) => u32::try_from(flags.iter().filter(|&&flag| flag).count()).ok().map(f64::from),
        // No flags: there is nothing to flag, or a NaN.
        None => (!values.is_empty()).then_some(f64::NAN),
    }
}
