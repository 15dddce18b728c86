//! docs/statistics.md, written from the table of functions.

use super::table::{Function, all};
use std::fmt::Write;

/// docs/statistics.md: what every function computes, by which formula, from which source.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(include_str!("reference.md"));
    let mut family = None;
    for function in all() {
        if family.replace(function.family) != Some(function.family) {
            text += &format!("\n## {}\n", function.family.title());
        }
        describe(&mut text, function);
    }
    text + "\n" + include_str!("calibration.md")
}

fn describe(text: &mut String, function: &Function) {
    let Function { name, returns, what, formula, source, example, result, .. } = function;
    // Writing to a String cannot fail.
    _ = write!(text, "\n### {name}\n\n`{}` → {returns}", function.signature());
    if let Some(aggregate) = function.aggregate_signature() {
        _ = write!(text, "; over rows `{aggregate}`");
    }
    _ = write!(text, "\n\n{what}\n");
    if !formula.is_empty() {
        _ = write!(text, "\nFormula: {formula}. Source: {source}.\n");
    }
    _ = write!(text, "\n```sql\nSELECT {example}; -- {result}\n```\n");
}
