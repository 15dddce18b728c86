//! The functions of SQL against their descriptions, on what is odd, and over rows.

#![expect(clippy::unwrap_used, reason = "tests")]

use benchlake_analytics::{ask, context, format, functions};
use std::{fs, path::Path};

async fn value(expression: &str) -> String {
    let answer = ask(&context(), &format!("SELECT {expression}")).await;
    match answer {
        Ok(answer) => format::rows(&answer).unwrap()[0][0].clone(),
        Err(error) => panic!("{expression}: {error}"),
    }
}

/// The example of every function has the value that its description gives.
#[tokio::test]
async fn examples_are_true() {
    let mut wrong = Vec::new();
    for function in functions::all() {
        let found = value(function.example).await;
        if found != function.result.replace(".0", "") {
            wrong.push(format!("{} is {found}, not {}", function.example, function.result));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Null and empty lists are null, null elements are left out, few elements are null, any number
/// type and list type is taken.
#[tokio::test]
async fn edges() {
    let cases = [
        ("list_avg(NULL)", "null"),
        ("list_avg([])", "null"),
        ("list_avg([NULL])", "null"),
        ("list_avg([1, NULL, 3])", "2"),
        ("list_avg([1])", "1"),
        ("list_stddev([1])", "null"),
        ("list_ci_low([1])", "null"),
        ("list_cv([-1, 1])", "null"),
        ("list_avg(arrow_cast([1, 2], 'LargeList(Int64)'))", "1.5"),
        ("list_avg(arrow_cast([1, 2], 'FixedSizeList(2 x Float32)'))", "1.5"),
        ("list_avg(arrow_cast([1, 2], 'List(UInt8)'))", "1.5"),
        ("list_median(['NaN'::double, 1])", "NaN"),
        ("list_quantile([1, 2], NULL)", "null"),
        ("list_quantile([1, 2], 1)", "2"),
        ("per_iteration([1, 2, NULL], [2, 0, 1])", "[0.5, null, null]"),
        ("per_iteration(NULL, [1])", "null"),
        ("per_iteration([], [])", "[]"),
        ("benchmark_label(NULL, MAP {'a': 'b'})", "null"),
        ("benchmark_label('x', MAP {})", "x"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression).await, expected, "{expression}");
    }
}

/// Columns work as literals do: rows of different lengths, a null row, a level per row, a slice.
#[tokio::test]
async fn columns() {
    let sql = "WITH t(id, s, p) AS (VALUES (1, [1.0, 2.0, 3.0], 0.0), (2, NULL, 0.5), (3, [4.0], 1.0), (4, [5.0, 7.0], NULL))
        SELECT list_avg(s), list_quantile(s, p), per_iteration(s, s) FROM t WHERE id > 0 ORDER BY id";
    let rows = format::rows(&ask(&context(), sql).await.unwrap()).unwrap();
    let expected =
        [["2", "1", "[1, 1, 1]"], ["null", "null", "null"], ["4", "4", "[1]"], ["6", "null", "[1, 1]"]];
    assert_eq!(rows, expected);
}

/// docs/statistics.md is what the table of functions says. BLESS=1 writes it.
#[test]
fn documentation_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/statistics.md");
    let text = functions::reference();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/statistics.md is not current: run the tests of analytics with BLESS=1");
}
