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
        // The table shows a whole double without its fraction.
        let expected = function.result.replace(".0,", ",").replace(".0]", "]");
        if found != expected.trim_end_matches(".0") {
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

/// A NaN among the elements makes every number NaN, and every list null.
#[tokio::test]
async fn nan_gives_nan() {
    for function in functions::all().filter(|function| function.lists == ["samples"]) {
        let value = value(&call(function, "['NaN'::double, 1, 2, 3, 4, 5, 6, 7, 8, 9]")).await;
        let expected = match function.returns {
            "double" => "NaN",
            "list of boolean" => "null",
            _ => "[10, NaN, NaN, NaN, NaN, NaN, NaN]",
        };
        let found = value.replace("{n: ", "[").replace('}', "]");
        let found = ["mean: ", "sd: ", "median: ", "p95: ", "low: ", "high: "]
            .iter()
            .fold(found, |text, name| text.replace(name, ""));
        assert_eq!(found, expected, "{}", function.name);
    }
}

/// Nothing fails for infinite, equal, very large, very small or few elements, as a list or over rows.
#[tokio::test]
async fn nothing_fails_for_odd_lists() {
    let lists = [
        "['inf'::double, 1, 2, 3, 4, 5, 6, 7, 8, 9]",
        "['-inf'::double, 'inf'::double, 0, 1]",
        "['inf'::double, 'inf'::double, 'inf'::double, 'inf'::double, 'inf'::double]",
        "[1e308, -1e308, 1.7e308, 0.0, -1.7e308]",
        "[5e-324, 0.0, -5e-324, 5e-324]",
        "[0.0, -0.0, 0.0, 0.0, -0.0]",
        "[3, 3, 3, 3, 3, 3]",
        "[1]",
        "[1, 2]",
        "[1, NULL, NULL]",
    ];
    for function in functions::all().filter(|function| function.lists == ["samples"]) {
        for list in lists {
            value(&call(function, list)).await;
        }
    }
}

/// A call of a function with a list, and numbers that all take.
fn call(function: &functions::Function, list: &str) -> String {
    let numbers = function.numbers.iter().map(|number| match number.name {
        "lag" => ", 1",
        "share" => ", 0.1",
        _ => ", 0.5",
    });
    format!("{}({list}{})", function.name, numbers.collect::<String>())
}

/// The rows of a query whose aggregates run in four partitions.
async fn in_partitions(sql: &str) -> Vec<Vec<String>> {
    let context = context();
    for setting in ["target_partitions = 4", "batch_size = 50"] {
        ask(&context, &format!("SET datafusion.execution.{setting}")).await.unwrap();
    }
    let plan = format::rows(&ask(&context, &format!("EXPLAIN {sql}")).await.unwrap()).unwrap();
    let plan = format!("{plan:?}");
    assert!(plan.contains("mode=Partial") && plan.contains("RoundRobin"), "{plan}");
    format::rows(&ask(&context, sql).await.unwrap()).unwrap()
}

/// 1000 rows in 7 groups, in no order.
const LONG: &str =
    "(SELECT value AS t, value % 7 AS g, (value * 7919) % 1009 + 0.25 AS x FROM generate_series(1, 1000))";

/// Every aggregate gives over rows what its function gives of the list of them, in groups and
/// without, in several partitions.
#[tokio::test]
async fn aggregates_are_their_functions() {
    for function in functions::all().filter(|function| function.aggregate_name().is_some()) {
        let name = function.aggregate_name().unwrap();
        let list = call(function, "array_agg(x ORDER BY t)");
        let numbers = call(function, "x").split_once("(x").unwrap().1.trim_end_matches(')').to_owned();
        let order = if function.aggregate == functions::Aggregate::InOrder { " ORDER BY t" } else { "" };
        // A thousand rows are many draws for a test; they have their own.
        if name.starts_with("bca_") {
            continue;
        }
        for (group, by) in [("g", "GROUP BY g ORDER BY g"), ("0", "")] {
            let sql = format!("SELECT {group}, {name}(x{numbers}{order}), {list} FROM {LONG} {by}");
            for row in in_partitions(&sql).await {
                assert!(row[1] == row[2] && row[1] != "null", "{name}: {row:?}");
            }
        }
    }
}

/// Aggregates take FILTER, DISTINCT, nulls, integers and no rows; what compares two columns of long form
/// takes two filtered lists.
#[tokio::test]
async fn aggregates_take_what_sql_has() {
    let sql = "WITH t(arm, x) AS (VALUES ('a', 1), ('a', 2), ('a', 2), ('a', NULL), ('b', 9), ('b', 12))
        SELECT mad(x) FILTER (WHERE arm = 'a'), mad(DISTINCT x) FILTER (WHERE arm = 'a'), iqr(x), trimmed_mean(x, 0.2),
            mad(x) FILTER (WHERE arm = 'c'), median_low(x), ci_low(x, 0.5) < ci_low(x, 0.4),
            list_avg(array_agg(x) FILTER (WHERE arm = 'b')) / list_avg(array_agg(x) FILTER (WHERE arm = 'a')) FROM t";
    let rows = format::rows(&ask(&context(), sql).await.unwrap()).unwrap();
    assert_eq!(rows, [["0", "0.5", "7", "4.33333", "null", "null", "true", "6.3"]]);
}

/// A bootstrap over rows is that of their list, in whatever order they come.
#[tokio::test]
async fn bootstraps_do_not_depend_on_the_order() {
    let sql = format!("SELECT g, bca_low(x, 0.9), list_bca_low(array_agg(x ORDER BY t), 0.9), list_bca_low(array_agg(x ORDER BY x), 0.9)
        FROM {LONG} WHERE t < 200 GROUP BY g ORDER BY g");
    for row in in_partitions(&sql).await {
        assert!(row[1] == row[2] && row[2] == row[3], "{row:?}");
    }
}

/// An aggregate that depends on the order of rows counts them in the order it is told.
#[tokio::test]
async fn order_by_is_honoured() {
    let sql = format!(
        "SELECT g, autocorrelation(t, 1 ORDER BY x), autocorrelation(t, 1 ORDER BY t), list_autocorrelation(array_agg(t ORDER BY x), 1) FROM {LONG} GROUP BY g ORDER BY g"
    );
    for row in in_partitions(&sql).await {
        assert!(row[1] == row[3] && row[1] != row[2], "{row:?}");
    }
}

/// The engine's own functions and aggregates keep their names, but for the two that we put a stated formula
/// in the place of.
#[test]
fn the_engine_keeps_its_names() {
    let engine = datafusion::prelude::SessionContext::new();
    let state = engine.state();
    let aggregates: Vec<_> = functions::all().filter_map(functions::Function::aggregate_name).collect();
    let taken = aggregates.iter().filter(|name| state.aggregate_functions().contains_key(**name));
    assert_eq!(taken.collect::<Vec<_>>(), Vec::<&&str>::new());
    let scalars = functions::all().map(|function| function.name);
    let replaced: Vec<_> = scalars.filter(|name| state.scalar_functions().contains_key(*name)).collect();
    assert_eq!(replaced, ["list_avg"]);
}

/// The example of long form in the documentation runs, and finds what was put in.
#[tokio::test]
async fn the_documented_query_runs() {
    let text = include_str!("../src/functions/reference.md");
    let query = text.split("```sql").nth(1).unwrap().split("```").next().unwrap();
    let context = context();
    // Two runs of four sessions of five samples; the second takes a tenth longer.
    let samples = "CREATE VIEW samples AS SELECT 'x' AS benchmark_id, run_id, s AS session_id, 'time' AS metric,
        'measure' AS phase, 0 AS chunk, i AS sample, (1 + s * 0.01 + (i * 7919 % 11) * 0.001) * slower AS per_iteration
        FROM (VALUES ('A', 1.0), ('B', 1.1)) AS r(run_id, slower), (VALUES (1), (2), (3), (4)) AS s(s), (VALUES (1), (2), (3), (4), (5)) AS i(i)";
    ask(&context, samples).await.unwrap();
    let rows = format::rows(&ask(&context, query.trim().trim_end_matches(';')).await.unwrap()).unwrap();
    let number = |column: usize| rows[0][column].parse::<f64>().unwrap();
    assert_eq!(rows.len(), 1);
    assert!(number(1) <= 5.0 && (0.012..0.013).contains(&number(2)) && number(3) < 1e-3, "{rows:?}");
}

/// Wrong arguments are one line that says what is taken.
#[tokio::test]
async fn wrong_arguments_are_explained() {
    let cases = [
        (
            "list_trimmed_mean([1, 2])",
            "list_trimmed_mean: has 1 arguments; it is list_trimmed_mean(samples, share)",
        ),
        (
            "list_trimmed_mean([1, 2], 0.5)",
            "list_trimmed_mean: share is 0.5; it must lie from 0 to below 0.5",
        ),
        (
            "list_autocorrelation([1, 2], 0.5)",
            "list_autocorrelation: lag is 0.5; it must be a whole number from 0",
        ),
        ("list_quantile_low([1, 2], 1)", "list_quantile_low: p is 1; it must lie between 0 and 1"),
        ("list_quantile([1, 2], 'NaN'::double)", "list_quantile: p is NaN; it must lie from 0 to 1"),
        ("list_mad(['a'])", "list_mad: samples must be a list of numbers, not of Utf8"),
        ("mad('a')", "mad: takes a column of numbers, not Utf8"),
        ("list_ci_low([1, 2], 'x')", "list_ci_low: level must be a number, not Utf8"),
        ("ci_low(x, x) FROM (VALUES (0.5), (0.6)) AS t(x)", "ci_low: level must be a literal, not a column"),
        (
            "trimmed_mean(x) FROM (VALUES (0.5), (0.6)) AS t(x)",
            "trimmed_mean: has 1 arguments; it is trimmed_mean(x, share)",
        ),
    ];
    for (expression, expected) in cases {
        let error = ask(&context(), &format!("SELECT {expression}")).await.unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{expression}: {error}");
    }
}
