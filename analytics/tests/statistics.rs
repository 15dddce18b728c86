//! Statistics against NumPy and SciPy, and the functions of SQL against their descriptions.

#![expect(clippy::unwrap_used, reason = "tests")]

use benchlake_analytics::{ask, context, format, functions, stats};
use serde::Deserialize;
use std::{fs, path::Path};

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    values: Vec<String>,
    mean: f64,
    standard_deviation: f64,
    coefficient_of_variation: f64,
    quantiles: Vec<(f64, f64)>,
    intervals: Vec<(f64, f64, f64)>,
}

fn close(found: Option<f64>, expected: f64, what: &str) {
    let found = found.unwrap_or(f64::NAN);
    let error = (found - expected).abs() / expected.abs().max(f64::MIN_POSITIVE);
    assert!(error <= 1e-9 || found.to_bits() == expected.to_bits(), "{what}: {found} instead of {expected}");
}

/// Every statistic agrees with NumPy or SciPy to a relative 1e-9.
#[test]
fn statistics_agree_with_scipy() {
    let reference: Reference = serde_json::from_str(include_str!("reference/reference.json")).unwrap();
    assert!(reference.cases.len() >= 8);
    for case in reference.cases {
        let values: Vec<f64> = case.values.iter().map(|value| value.parse().unwrap()).collect();
        let (values, name) = (&values, &case.name);
        close(stats::mean(values), case.mean, &format!("{name}: mean"));
        close(stats::standard_deviation(values), case.standard_deviation, &format!("{name}: sd"));
        close(stats::coefficient_of_variation(values), case.coefficient_of_variation, &format!("{name}: cv"));
        for (p, expected) in case.quantiles {
            close(stats::quantile(values, p), expected, &format!("{name}: quantile {p}"));
        }
        for (level, low, high) in case.intervals {
            let interval = stats::mean_interval(values, level);
            close(interval.map(|interval| interval.low), low, &format!("{name}: low {level}"));
            close(interval.map(|interval| interval.high), high, &format!("{name}: high {level}"));
        }
    }
}

proptest::proptest! {
    /// Quantiles rise with p and stay among the values; the interval widens with its level and
    /// holds the mean; the order of the values does not matter.
    #[test]
    fn order(mut values in proptest::collection::vec(-1e12..1e12_f64, 2..60), a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
        let (a, b) = (a.min(b), a.max(b));
        let quantile = |values: &[f64], p| stats::quantile(values, p).unwrap();
        let quantiles = [0.0, a, b, 1.0].map(|p| quantile(&values, p));
        proptest::prop_assert!(quantiles.is_sorted(), "{quantiles:?}");
        let narrow = stats::mean_interval(&values, 0.5).unwrap();
        let wide = stats::mean_interval(&values, 0.95).unwrap();
        let mean = stats::mean(&values).unwrap();
        let ends = [wide.low, narrow.low, mean, narrow.high, wide.high];
        proptest::prop_assert!(ends.is_sorted(), "{ends:?}");
        values.reverse();
        proptest::prop_assert_eq!(quantile(&values, b).to_bits(), quantiles[2].to_bits());
    }
}

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
    for function in functions::all() {
        let expected = function.result.replace(".0", "");
        assert_eq!(value(function.example).await, expected, "{}", function.example);
    }
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
