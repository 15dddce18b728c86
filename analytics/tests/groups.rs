//! Groups, many tests and planning, against SciPy, statsmodels, pingouin and exact sums.

#![expect(clippy::unwrap_used, reason = "tests")]

use benchlake_analytics::{
    ask, context, format,
    stats::{self, Grubbs, Precision},
};
use proptest::{collection::vec, prop_assert, prop_assert_eq};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Reference {
    groups: Vec<GroupCase>,
    nested: Vec<Nested>,
    many: Vec<Many>,
    power: Vec<Design>,
    detectable: Vec<Design>,
    sessions: Vec<(f64, f64, f64, f64, u64)>,
    precision_sessions: Vec<(f64, f64, f64, u64)>,
}

/// Numbers are texts, lists of them with spaces between.
#[derive(Deserialize)]
struct GroupCase {
    name: String,
    groups: Vec<String>,
    level: f64,
    effects: BTreeMap<String, String>,
    precision: PrecisionCase,
    cochran: Option<String>,
    values: String,
    grubbs: Option<String>,
}

#[derive(Deserialize)]
struct PrecisionCase {
    mean: String,
    repeatability_sd: String,
    between_sd: String,
    reproducibility_sd: String,
    repeatability_limit: String,
    reproducibility_limit: String,
    h: String,
    k: String,
    critical: String,
}

#[derive(Deserialize)]
struct Nested {
    name: String,
    nodes: Vec<Vec<String>>,
    variances: Vec<Option<String>>,
}

#[derive(Deserialize)]
struct Many {
    ps: String,
    fdr_bh: String,
    fdr_by: String,
}

#[derive(Deserialize)]
struct Design {
    a: (f64, u64),
    b: (f64, u64),
    level: f64,
    power: f64,
    effect: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/groups.json")).unwrap()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().map(number).collect()
}

/// To a relative 1e-9; `scale` is what rounding errors of the values themselves are relative to.
fn close(found: f64, expected: f64, scale: f64, what: &str) {
    if expected.is_nan() {
        return assert!(found.is_nan(), "{what}: {found} instead of NaN");
    }
    let error = (found - expected).abs();
    let equal = found.total_cmp(&expected).is_eq();
    assert!(equal || error <= 1e-9 * expected.abs().max(scale), "{what}: {found} instead of {expected}");
}

/// The variance components, the ICC and its interval, F and p of a one-way analysis of variance agree with
/// exact sums, `scipy.stats.f_oneway` and pingouin's `intraclass_corr`.
#[test]
fn random_effects_agree() {
    let cases = reference().groups;
    assert!(cases.len() >= 50, "{}", cases.len());
    for GroupCase { name, groups, level, effects, .. } in cases {
        let groups: Vec<_> = groups.iter().map(|group| numbers(group)).collect();
        let found = stats::random_effects(&groups, level).unwrap();
        // Differences of the mean squares are as exact as the mean squares.
        let scale = found.within;
        let figures = [
            ("between", found.between, scale),
            ("within", found.within, 0.0),
            ("icc", found.icc, 1e-3),
            ("icc_low", found.icc_interval.low, 1e-3),
            ("icc_high", found.icc_interval.high, 1e-3),
            ("f", found.f, 1e-12),
            ("p", found.p, 0.0),
            ("between_raw", found.between_raw, scale),
        ];
        assert_eq!(effects.len(), figures.len());
        for (figure, found, scale) in figures {
            close(found, number(&effects[figure]), scale, &format!("{name}: {figure}"));
        }
    }
}

/// Repeatability and reproducibility, Mandel's h and k and their critical values agree with exact sums
/// and SciPy's quantiles.
#[test]
fn precision_agrees() {
    for GroupCase { name, groups, precision: expected, .. } in reference().groups {
        let groups: Vec<_> = groups.iter().map(|group| numbers(group)).collect();
        let found = stats::iso5725(&groups).unwrap();
        let what = |figure: &str| format!("{name}: {figure}");
        let Precision { h_critical_95, h_critical_99, k_critical_95, k_critical_99, .. } = found;
        let scale = found.repeatability_sd;
        let critical: Vec<_> = expected.critical.split(' ').collect();
        for (figure, found, expected, scale) in [
            ("mean", found.mean, expected.mean.as_str(), 1e-3),
            ("sr", found.repeatability_sd, &expected.repeatability_sd, 0.0),
            ("sL", found.between_sd, &expected.between_sd, scale),
            ("sR", found.reproducibility_sd, &expected.reproducibility_sd, 0.0),
            ("r", found.repeatability_limit, &expected.repeatability_limit, 0.0),
            ("R", found.reproducibility_limit, &expected.reproducibility_limit, 0.0),
            ("h 95", h_critical_95, critical[0], 0.0),
            ("h 99", h_critical_99, critical[1], 0.0),
            ("k 95", k_critical_95, critical[2], 0.0),
            ("k 99", k_critical_99, critical[3], 0.0),
        ] {
            close(found, number(expected), scale, &what(figure));
        }
        assert_eq!((found.h.len(), found.k.len()), (groups.len(), groups.len()));
        found
            .h
            .iter()
            .zip(numbers(&expected.h))
            .for_each(|(h, expected)| close(*h, expected, 1e-3, &what("h")));
        found
            .k
            .iter()
            .zip(numbers(&expected.k))
            .for_each(|(k, expected)| close(*k, expected, 0.0, &what("k")));
    }
}

/// Cochran's and Grubbs' tests agree with exact sums and SciPy's tails.
#[test]
fn tests_of_stragglers_agree() {
    for GroupCase { name, groups, level, cochran, values, grubbs, .. } in reference().groups {
        let groups: Vec<_> = groups.iter().map(|group| numbers(group)).collect();
        let found = stats::cochran(&groups, level).map(|found| vec![found.c, found.critical, found.p]);
        let values = numbers(&values);
        let of_values = stats::grubbs(&values, level)
            .map(|Grubbs { g_high, g_low, critical, p }| vec![g_high, g_low, critical, p]);
        for (test, found, expected) in [("cochran", found, cochran), ("grubbs", of_values, grubbs)] {
            assert_eq!(found.is_some(), expected.is_some(), "{name}: {test}");
            let expected = numbers(&expected.unwrap_or_default());
            for (found, expected) in found.iter().flatten().zip(expected) {
                close(*found, expected, 0.0, &format!("{name}: {test}"));
            }
        }
    }
}

/// Worked examples that are published: the ICC of Shrout and Fleiss (1979, table 4), sulphur in coal of
/// ISO 5725-2 (level 1), glucose in serum of ASTM E691 (material A), critical values of ISO 5725-2.
#[test]
fn published_examples() {
    let published =
        |found: f64, digits: usize, expected: &str| assert_eq!(format!("{found:.digits$}"), expected);
    let judges = [
        [9.0, 2.0, 5.0, 8.0],
        [6.0, 1.0, 3.0, 2.0],
        [8.0, 4.0, 6.0, 8.0],
        [7.0, 1.0, 2.0, 6.0],
        [10.0, 5.0, 6.0, 9.0],
        [6.0, 2.0, 4.0, 7.0],
    ];
    let found = stats::random_effects(&judges, 0.95).unwrap();
    published(found.icc, 2, "0.17");
    published(found.within, 2, "6.26");

    let coal: [&[f64]; 8] = [
        &[0.71, 0.71, 0.70, 0.71],
        &[0.69, 0.67, 0.68],
        &[0.66, 0.65, 0.69],
        &[0.67, 0.65, 0.66],
        &[0.70, 0.69, 0.66, 0.71, 0.69],
        &[0.73, 0.74, 0.73],
        &[0.71, 0.71, 0.69],
        &[0.70, 0.65, 0.68],
    ];
    let found = stats::iso5725(&coal).unwrap();
    published(found.mean, 3, "0.690");
    published(found.repeatability_sd, 3, "0.015");
    published(found.reproducibility_sd, 3, "0.026");

    let glucose = [
        [41.03, 41.45, 41.37],
        [41.17, 42.00, 41.15],
        [41.01, 40.68, 42.66],
        [39.37, 42.37, 42.63],
        [41.88, 41.19, 41.32],
        [43.28, 40.50, 42.28],
        [41.08, 41.27, 39.02],
        [43.36, 42.65, 41.72],
    ];
    let found = stats::iso5725(&glucose).unwrap();
    published(found.mean, 3, "41.518");
    published(found.repeatability_sd, 3, "1.063");
    published(found.reproducibility_sd, 3, "1.063");

    for (laboratories, at_95, at_99) in [(4, 1.42, 1.49), (5, 1.57, 1.72), (10, 1.80, 2.18)] {
        let groups: Vec<_> = (0..laboratories).map(|i| [f64::from(i), f64::from(i) + 0.5]).collect();
        let found = stats::iso5725(&groups).unwrap();
        for (found, expected) in [(found.h_critical_95, at_95), (found.h_critical_99, at_99)] {
            assert!((found - expected).abs() < 0.0051_f64, "{laboratories}: {found} instead of {expected}");
        }
    }
}

/// The variances of nested levels agree with exact sums, and where all numbers of repetitions are equal
/// with the recurrence of Kalibera and Jones.
#[test]
fn nested_variances_agree() {
    let cases = reference().nested;
    assert!(cases.len() >= 50, "{}", cases.len());
    for Nested { name, nodes, variances } in cases {
        let node = |node: &Vec<String>| node.iter().map(|session| numbers(session)).collect();
        let nodes: Vec<Vec<Vec<f64>>> = nodes.iter().map(node).collect();
        let found = stats::nested_variances(&nodes);
        let scale = [0.0, found.sample.unwrap_or(0.0), found.session.unwrap_or(0.0).abs()];
        for (i, found) in [found.sample, found.session, found.node].into_iter().enumerate() {
            assert_eq!(found.is_some(), variances[i].is_some(), "{name}: {i}");
            if let Some((found, expected)) = found.zip(variances[i].as_deref()) {
                close(found, number(expected), scale[i], &format!("{name}: {i}"));
            }
        }
    }
}

/// Adjusted p-values agree with statsmodels' `multipletests`.
#[test]
fn adjusted_values_agree() {
    let cases = reference().many;
    assert!(cases.len() >= 50, "{}", cases.len());
    for Many { ps, fdr_bh, fdr_by } in cases {
        let ps = numbers(&ps);
        for (found, expected) in
            [(stats::benjamini_hochberg(&ps), fdr_bh), (stats::benjamini_yekutieli(&ps), fdr_by)]
        {
            let expected = numbers(&expected);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                close(*found, expected, 0.0, &format!("{ps:?}"));
            }
        }
    }
}

/// Power and minimum detectable effect agree with integrals of 30 digits, which agree with statsmodels'
/// `TTestIndPower` and SciPy's noncentral t.
#[test]
fn power_agrees() {
    let Reference { power, detectable, .. } = reference();
    assert!(power.len() >= 50 && detectable.len() >= 50, "{} {}", power.len(), detectable.len());
    for Design { a, b, level, power, effect } in power {
        let found = stats::test_power(effect, a, b, level).unwrap();
        close(found, power, 0.0, &format!("{effect} {a:?} {b:?} {level}"));
    }
    for Design { a, b, level, power, effect } in detectable {
        let found = stats::minimum_detectable_effect(a, b, level, power).unwrap();
        close(found, effect, 0.0, &format!("{a:?} {b:?} {level} {power}"));
    }
}

/// As many sessions as statsmodels' power and SciPy's t ask for, counted up one by one.
#[test]
fn sessions_agree() {
    let Reference { sessions, precision_sessions, .. } = reference();
    assert!(sessions.len() >= 50 && precision_sessions.len() >= 50);
    for (effect, sd, level, power, expected) in sessions {
        let found = stats::sessions_needed(effect, sd, level, power);
        assert_eq!(found, Some(expected), "{effect} {sd} {level} {power}");
    }
    for (sd, half, level, expected) in precision_sessions {
        let found = stats::sessions_for_precision(sd, half, level);
        assert_eq!(found, Some(expected), "{sd} {half} {level}");
    }
}

/// What cannot be computed has the value that the documentation states.
#[test]
fn edges() {
    let none: [&[f64]; 0] = [];
    assert_eq!(stats::random_effects(&none, 0.95), None);
    assert_eq!(stats::random_effects(&[[1.0, 2.0]], 0.95), None);
    assert_eq!(stats::random_effects(&[[1.0], [2.0]], 0.95), None);
    assert_eq!(stats::random_effects(&[&[1.0, 2.0][..], &[]], 0.95), None);
    assert_eq!(stats::random_effects(&[[1.0, 2.0], [1.0, 2.0]], 1.0), None);
    assert_eq!(stats::iso5725(&[[1.0], [2.0]]), None);
    assert_eq!(stats::cochran(&[&[1.0, 2.0][..], &[3.0]], 0.95), None);
    assert_eq!(stats::grubbs(&[1.0, 2.0], 0.95), None);
    let equal = [[2.0, 2.0], [3.0, 3.0]];
    let found = stats::random_effects(&equal, 0.95).unwrap();
    assert!(found.f.is_infinite() && found.p <= 0.0 && found.icc >= 1.0 && found.icc_interval.low >= 1.0);
    assert!(stats::grubbs(&[2.0; 3], 0.95).unwrap().p.is_nan());
    assert!(stats::cochran(&equal, 0.95).unwrap().c.is_nan());
    // Of three values two of which are equal, the third is as far off as it can be.
    assert!(stats::grubbs(&[0.1, 0.1, 0.3], 0.95).unwrap().p <= 0.0);
}

/// NaN and infinite values give NaN and no panic.
#[test]
fn not_finite() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        for groups in [[[value, 1.0], [2.0, 3.0], [1.0, 3.0]], [[2.0, 1.0], [2.0, value], [1.0, 3.0]]] {
            let effects = stats::random_effects(&groups, 0.95).unwrap();
            let precision = stats::iso5725(&groups).unwrap();
            let cochran = stats::cochran(&groups, 0.95).unwrap();
            let grubbs = stats::grubbs(&groups.concat(), 0.95).unwrap();
            let nested = stats::nested_variances(&[groups.map(Vec::from).to_vec()]);
            if value < f64::MAX || value.is_nan() || value.is_infinite() {
                assert!(effects.f.is_nan() && effects.between.is_nan() && effects.p.is_nan(), "{effects:?}");
                assert!(precision.repeatability_sd.is_nan() && precision.between_sd.is_nan());
                assert!(
                    cochran.c.is_nan() && cochran.p.is_nan() && grubbs.g_high.is_nan() && grubbs.p.is_nan()
                );
                assert!(nested.sample.is_some_and(f64::is_nan) && nested.session.is_some_and(f64::is_nan));
            }
        }
    }
}

/// Planning refuses what is no design, and answers where there is no spread.
#[test]
fn planning_edges() {
    use stats::{minimum_detectable_effect, sessions_for_precision, sessions_needed, test_power};
    let side = (1.0, 10);
    for (a, b, level) in [
        ((1.0, 1), side, 0.95),
        (side, (-1.0, 10), 0.95),
        (side, (f64::NAN, 10), 0.95),
        ((f64::INFINITY, 10), side, 0.95),
        (side, side, 1.0),
        (side, side, 0.0),
        (side, side, f64::NAN),
    ] {
        assert_eq!(test_power(1.0, a, b, level), None);
        assert_eq!(minimum_detectable_effect(a, b, level, 0.9), None);
    }
    assert_eq!(test_power(f64::NAN, side, side, 0.95), None);
    assert_eq!(test_power(f64::INFINITY, side, side, 0.95), Some(1.0));
    assert_eq!(test_power(1.0, (0.0, 2), (0.0, 2), 0.95), Some(1.0));
    assert!((test_power(0.0, (0.0, 2), (0.0, 2), 0.95).unwrap() - 0.05).abs() < 1e-15);
    assert_eq!(minimum_detectable_effect(side, side, 0.95, 0.05), Some(0.0));
    assert_eq!(minimum_detectable_effect(side, side, 0.95, 1.0), None);
    assert_eq!(sessions_needed(0.0, 1.0, 0.95, 0.9), None);
    assert_eq!(sessions_needed(f64::NAN, 1.0, 0.95, 0.9), None);
    assert_eq!(sessions_needed(1.0, 1.0, 0.95, 1.0), None);
    assert_eq!(sessions_needed(1.0, 0.0, 0.95, 0.9), Some(2));
    assert_eq!(sessions_needed(1e-12, 1.0, 0.95, 0.9), None);
    assert_eq!(sessions_for_precision(1.0, 0.0, 0.95), None);
    assert_eq!(sessions_for_precision(0.0, 0.0, 0.95), Some(2));
    assert_eq!(sessions_for_precision(f64::NAN, 1.0, 0.95), None);
    assert_eq!(sessions_for_precision(1.0, 1.0, 1.0), None);
    assert_eq!(sessions_for_precision(1.0, 1e-3, 0.95), Some(3_841_462));
}

/// The optimal numbers of repetitions: the published formula, and what it leaves open.
#[test]
fn optimal_repetitions_edges() {
    let of = |costs: &[f64], variances: &[f64]| stats::optimal_repetitions(costs, variances);
    assert_eq!(of(&[1.0, 30.0, 600.0], &[4.0, 4.0, 1.0]), [6, 9]);
    assert_eq!(of(&[1.0, 1.0], &[1.0, 100.0]), [1]);
    assert_eq!(of(&[1.0, 1.0], &[0.0, 1.0]), [1]);
    assert_eq!(of(&[1.0, 1.0], &[0.0, 0.0]), [1]);
    assert_eq!(of(&[1.0, 1.0], &[1.0, -0.1]), [u64::MAX]);
    for (costs, variances) in
        [(&[1.0, 0.0], &[1.0, 1.0][..]), (&[1.0, 1.0], &[1.0]), (&[1.0, 1.0], &[1.0, f64::NAN])]
    {
        assert!(of(costs, variances).is_empty());
    }
}

async fn value(expression: &str) -> String {
    match ask(&context(), &format!("SELECT {expression}")).await {
        Ok(answer) => format::rows(&answer).unwrap()[0][0].clone(),
        Err(error) => format!("{expression}: {error}"),
    }
}

/// In SQL null groups and elements are left out, with null beside a null where there is a value for each;
/// too few are null; any list type is taken.
#[tokio::test]
async fn in_sql() {
    for (expression, expected) in [
        ("variance_within([[1, 3], NULL, [5, NULL, 7]])", "2"),
        ("variance_within(NULL)", "null"),
        ("variance_within([])", "null"),
        ("variance_within([[1, 3]])", "null"),
        ("variance_within([[1], [2]])", "null"),
        ("variance_within([[1, 3], []])", "null"),
        ("variance_within([[1, 3], [NULL]])", "null"),
        ("variance_within(arrow_cast([[1, 3], [5, 7]], 'LargeList(LargeList(Int32))'))", "2"),
        ("icc([['NaN'::double, 3], [5, 7]])", "NaN"),
        ("icc([[1, 1], [1, 1]])", "NaN"),
        ("anova_f([[1, 1], [2, 2]])", "inf"),
        ("anova_p([[1, 1], [2, 2]])", "0"),
        ("icc_low([[1, 3], [5, 7]], NULL)", "null"),
        ("mandel_h([[1, 3], NULL, [3, 5], [5, 7]])", "[-1, null, 0, 1]"),
        ("mandel_k([[1, 3], [3, 5], [4]])", "[1, 1, NaN]"),
        ("mandel_k([[1], [3]])", "null"),
        ("cochran_c([[1, 2], [3], [4, 5]])", "0.5"),
        ("cochran_c([[1, 2], [3]])", "null"),
        ("grubbs_g([1, NULL, 2])", "null"),
        ("grubbs_p([2, 2, 2])", "NaN"),
        ("grubbs_p([2, 2, 3])", "0"),
        ("benjamini_hochberg([])", "[]"),
        ("benjamini_hochberg(NULL)", "null"),
        ("benjamini_hochberg(['NaN'::double, 0.25, NULL, 0.5])", "[NaN, 0.5, null, 0.5]"),
        ("test_power(1, 1, 1)", "null"),
        ("test_power(1, -1, 10)", "null"),
        ("test_power(1, 0, 10)", "1"),
        ("test_power(NULL, 1, 10)", "null"),
        ("minimum_detectable_effect(0, 10)", "0"),
        ("minimum_detectable_effect(1, 10, 0.95, 0.05)", "0"),
        ("sessions_needed(0, 1)", "null"),
        ("sessions_needed(1, 0)", "2"),
        ("sessions_needed(-0.02, 0.01)", "7"),
        ("sessions_for_precision(1, 0)", "null"),
        ("optimal_repetitions(1, 4, 30, 0)", "inf"),
        ("optimal_repetitions(1, 0, 30, 4)", "1"),
        ("optimal_repetitions(0, 4, 30, 4)", "null"),
    ] {
        assert_eq!(value(expression).await, expected, "{expression}");
    }
}

/// What is no list of lists, and a number out of its range, is refused by name.
#[tokio::test]
async fn wrong_in_sql() {
    for (expression, expected) in [
        ("icc([1.0, 2.0])", "icc: each of groups must be a list of numbers, not Float64"),
        ("icc([['a']])", "icc: each of groups must be a list of numbers, not of Utf8"),
        ("icc(1)", "icc: groups must be a list of lists of numbers, not Int64"),
        ("icc_low([[1, 3], [5, 7]], 95)", "icc_low: level is 95; it must lie between 0 and 1"),
        ("test_power(1, 1)", "test_power: has 2 arguments; it is test_power(effect, sd, n[, level])"),
        ("test_power(1, 1, 2.5)", "test_power: n is 2.5; it must be a whole number from 0"),
        ("sessions_needed(1, 1, 0.95, 90)", "sessions_needed: power is 90; it must lie between 0 and 1"),
        ("sessions_needed('x', 1)", "sessions_needed: effect must be a number, not Utf8"),
    ] {
        let found = value(expression).await;
        assert!(found.contains(expected), "{found}");
    }
}

/// Columns work as literals do: groups of a run's nodes, gathered by SQL.
#[tokio::test]
async fn columns_in_sql() {
    let sql = "WITH t(run, node, x) AS (VALUES (1, 'a', 1.0), (1, 'a', 3.0), (1, 'b', 5.0), (1, 'b', 7.0), (2, 'a', 1.0)),
        nodes AS (SELECT run, node, array_agg(x) AS sessions FROM t GROUP BY run, node)
        SELECT run, variance_between(array_agg(sessions)), sessions_needed(run, 1.0) FROM nodes GROUP BY run ORDER BY run";
    let rows = format::rows(&ask(&context(), sql).await.unwrap()).unwrap();
    assert_eq!(rows, [["1", "7", "23"], ["2", "null", "7"]]);
}

proptest::proptest! {
    /// Shifted and scaled groups have the same F, ICC, h, k, C and G, and their variances scale.
    #[test]
    fn scale(groups in vec(vec(-1.0..1.0_f64, 2..6), 3..6), shift in -10.0..10.0_f64, power in -20..20_i32) {
        let factor = 2.0_f64.powi(power);
        let other: Vec<Vec<f64>> =
            groups.iter().map(|group| group.iter().map(|x| (x + shift) * factor).collect()).collect();
        let both = |figure: fn(&[Vec<f64>]) -> f64| (figure(&groups), figure(&other));
        for (here, there) in [
            both(|groups| stats::random_effects(groups, 0.9).unwrap().f),
            both(|groups| stats::random_effects(groups, 0.9).unwrap().icc),
            both(|groups| stats::iso5725(groups).unwrap().h[0]),
            both(|groups| stats::iso5725(groups).unwrap().k[1]),
            both(|groups| stats::cochran(groups, 0.9).unwrap().p),
            both(|groups| stats::grubbs(&groups.concat(), 0.9).unwrap().p),
        ] {
            prop_assert!((here - there).abs() <= 1e-9 * (1.0 + here.abs()), "{here} {there}");
        }
        let (here, there) = both(|groups| stats::iso5725(groups).unwrap().repeatability_sd);
        prop_assert!((here * factor - there).abs() <= 1e-9 * there);
    }

    /// Probabilities lie in [0, 1], the ICC in its interval, and h adds up to 0.
    #[test]
    fn bounds(groups in vec(vec(-1e3..1e3_f64, 2..6), 3..8), level in 0.5..0.99_f64) {
        let effects = stats::random_effects(&groups, level).unwrap();
        prop_assert!((0.0..=1.0).contains(&effects.p));
        prop_assert!(effects.icc_interval.low <= effects.icc && effects.icc <= effects.icc_interval.high);
        prop_assert!(effects.between >= 0.0 && effects.within >= 0.0 && effects.icc <= 1.0);
        let precision = stats::iso5725(&groups).unwrap();
        prop_assert!(precision.h.iter().sum::<f64>().abs() < 1e-9);
        prop_assert!(precision.reproducibility_sd >= precision.repeatability_sd);
        let (cochran, grubbs) = (stats::cochran(&groups, level).unwrap(), stats::grubbs(&groups.concat(), level).unwrap());
        prop_assert!((0.0..=1.0).contains(&cochran.p) && (0.0..=1.0).contains(&grubbs.p));
        // The critical values and the p-values are of one test.
        prop_assert_eq!(cochran.c > cochran.critical, cochran.p < 1.0 - level);
        prop_assert_eq!(grubbs.g_high.max(grubbs.g_low) > grubbs.critical, grubbs.p < 1.0 - level);
    }

    /// Adjusted values are no smaller than the values, at most 1, in the same order, and whatever order
    /// the tests are in; those of Yekutieli are no smaller than those of Hochberg.
    #[test]
    fn adjusted(ps in vec(0.0..=1.0_f64, 1..50)) {
        let (hochberg, yekutieli) = (stats::benjamini_hochberg(&ps), stats::benjamini_yekutieli(&ps));
        for (i, p) in ps.iter().enumerate() {
            prop_assert!(*p <= hochberg[i] && hochberg[i] <= yekutieli[i] && yekutieli[i] <= 1.0);
            prop_assert!((0..ps.len()).all(|j| ps[j] > *p || hochberg[j] <= hochberg[i]));
        }
        let reversed: Vec<f64> = ps.iter().rev().copied().collect();
        let back: Vec<f64> = stats::benjamini_hochberg(&reversed).into_iter().rev().collect();
        prop_assert_eq!(hochberg, back);
    }

    /// Power rises with the effect and with n, is no less than α, and reaches what the minimum detectable
    /// effect and the number of sessions are found for.
    #[test]
    fn planning(effect in 0.1..3.0_f64, n in 2..50_u64, sd in 0.1..3.0_f64, level in 0.8..0.99_f64, power in 0.5..0.99_f64) {
        let of = |effect, n| stats::test_power(effect, (1.0, n), (sd, n), level).unwrap();
        prop_assert!(of(effect, n) >= 1.0 - level - 1e-12 && of(effect, n) <= 1.0);
        prop_assert!(of(effect + 0.1, n) >= of(effect, n) && of(effect, n + 1) >= of(effect, n));
        prop_assert!((of(-effect, n) - of(effect, n)).abs() < 1e-15);
        let least = stats::minimum_detectable_effect((1.0, n), (sd, n), level, power).unwrap();
        prop_assert!((of(least, n) - power).abs() < 1e-12);
        let needed = stats::sessions_needed(effect, sd, level, power).unwrap();
        let of = |n| stats::test_power(effect, (sd, n), (sd, n), level).unwrap();
        prop_assert!(of(needed) >= power && (needed == 2 || of(needed - 1) < power));
    }
}
