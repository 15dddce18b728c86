//! Statistics of two lists against SciPy and statsmodels, and what must always hold of them.

#![expect(clippy::unwrap_used, reason = "tests")]

use benchlake_analytics::{ask, context, format, stats};
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// The first list, with a space between two values.
    a: String,
    b: String,
    /// A statistic and its arguments, and its value; null where there is none.
    expected: BTreeMap<String, Option<String>>,
}

fn numbers<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<f64> {
    texts.into_iter().map(|text| text.parse().unwrap()).collect()
}

/// What we compute for a statistic by the name that the reference gives it.
fn computed(name: &str, a: &[f64], b: &[f64], arguments: &[f64]) -> Option<f64> {
    let welch = |level| stats::welch(a, b, level);
    let ratio = || stats::ratio_of_means(a, b, arguments[0]);
    let shift = |level| stats::hodges_lehmann(a, b, level);
    let tost = || stats::tost(a, b, arguments[0], arguments[1]);
    match name {
        "welch_t" => Some(welch(0.95)?.t),
        "welch_df" => Some(welch(0.95)?.df),
        "welch_p" => Some(welch(0.95)?.p),
        "difference" => Some(welch(0.95)?.difference.value),
        "difference_low" => Some(welch(arguments[0])?.difference.interval.low),
        "difference_high" => Some(welch(arguments[0])?.difference.interval.high),
        "tost_p" => Some(tost()?.p),
        "tost_lower" => Some(tost()?.lower_p),
        "tost_upper" => Some(tost()?.upper_p),
        "cohens_d" => stats::cohens_d(a, b),
        "hedges_g" => stats::hedges_g(a, b),
        "cliffs_delta" => stats::cliffs_delta(a, b),
        "ratio" => Some(ratio()?.value),
        "ratio_low" => Some(ratio()?.interval.low),
        "ratio_high" => Some(ratio()?.interval.high),
        "mann_whitney_u" => Some(stats::mann_whitney(a, b)?.u),
        "mann_whitney_p" => Some(stats::mann_whitney(a, b)?.p),
        "hodges_lehmann" => Some(shift(0.95)?.value),
        "hodges_lehmann_low" => Some(shift(arguments[0])?.interval.low),
        "hodges_lehmann_high" => Some(shift(arguments[0])?.interval.high),
        "ks_d" => Some(stats::kolmogorov_smirnov(a, b)?.d),
        "ks_p" => Some(stats::kolmogorov_smirnov(a, b)?.p),
        other => panic!("the reference has a statistic {other:?}, the test has none"),
    }
}

/// Within a relative 1e-9. Where what is expected is zero or nearly, within 1e-14 of what was subtracted:
/// the largest value, or the one that a statistic without a unit is near.
fn close(name: &str, found: f64, expected: f64, largest: f64) -> bool {
    let scale = match name {
        "difference" | "difference_low" | "difference_high" => largest,
        "welch_t" | "cohens_d" | "hedges_g" | "ratio" | "ratio_low" | "ratio_high" => 1.0,
        _ => 0.0,
    };
    (found - expected).abs() <= (1e-9 * expected.abs()).max(1e-14 * scale)
        || found.to_bits() == expected.to_bits()
}

/// Every statistic agrees with the reference to a relative 1e-9, on 50 pairs of lists or more, and has no
/// value where the reference has none.
#[test]
fn statistics_agree_with_scipy() {
    let reference: Reference = serde_json::from_str(include_str!("reference/two_sample.json")).unwrap();
    let mut agreeing = BTreeMap::<&str, BTreeSet<&str>>::new();
    let mut wrong = Vec::new();
    for case in &reference.cases {
        let (a, b) = (numbers(case.a.split(' ')), numbers(case.b.split(' ')));
        let largest = a.iter().chain(&b).fold(0.0_f64, |largest, value| largest.max(value.abs()));
        for (key, expected) in &case.expected {
            let (name, arguments) = key.split_once(' ').unwrap_or((key, ""));
            let arguments = numbers(arguments.split_terminator(' '));
            let found = computed(name, &a, &b, &arguments);
            let expected: Option<f64> = expected.as_ref().map(|text| text.parse().unwrap());
            match (found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) if close(name, found, expected, largest) => {
                    agreeing.entry(name).or_default().insert(&case.name);
                }
                _ => wrong.push(format!("{}: {key} is {found:?}, not {expected:?}", case.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let few: Vec<_> = agreeing.iter().filter(|(_, cases)| cases.len() < 50).collect();
    assert!(few.is_empty() && agreeing.len() == 22, "{} statistics, on few lists: {few:?}", agreeing.len());
}

/// Probabilities of both kinds are compared: exact ones and approximations.
#[test]
fn exact_and_approximated() {
    let rising = |n: u16, step: f64| (0..n).map(|i| f64::from(i) * step).collect::<Vec<_>>();
    let exact = |n, m| stats::mann_whitney(&rising(n, 1.0), &rising(m, 2.0)).unwrap().exact;
    assert!(!exact(10, 11), "equal values");
    let exact = |n, m| {
        let (a, b) = (rising(n, 1.0), rising(m, 0.999).iter().map(|value| value + 0.5).collect::<Vec<_>>());
        (stats::mann_whitney(&a, &b).unwrap().exact, stats::kolmogorov_smirnov(&a, &b).unwrap().exact)
    };
    assert_eq!(exact(50, 50), (true, true));
    assert_eq!(exact(51, 50), (false, true));
    assert_eq!(exact(1000, 1000), (false, true));
    assert_eq!(exact(1001, 1000), (false, false));
}

/// A NaN gives NaN, on either side; an infinite value NaN where a mean or a difference needs it, and its
/// rank where that is enough.
#[test]
fn not_finite() {
    let good = [1.0, 2.0, 4.0, 8.0];
    for (odd, by_rank) in [(f64::NAN, false), (f64::INFINITY, true), (f64::NEG_INFINITY, true)] {
        let bad = [1.5, odd, 3.0, 5.0];
        for (a, b) in [(good, bad), (bad, good), (bad, bad)] {
            let welch = stats::welch(&a, &b, 0.9).unwrap();
            let tost = stats::tost(&a, &b, -1.0, 1.0).unwrap();
            let shift = stats::hodges_lehmann(&a, &b, 0.9).unwrap();
            let ratio = stats::ratio_of_means(&a, &b, 0.9).unwrap();
            let found = [welch.t, welch.p, welch.df, welch.difference.value, welch.difference.interval.low];
            assert!(found.iter().all(|value| value.is_nan()), "{odd}: {welch:?}");
            let found = [tost.p, tost.lower_p, shift.value, shift.interval.high, ratio.value];
            assert!(found.iter().all(|value| value.is_nan()), "{odd}: {found:?}");
            assert!(stats::cohens_d(&a, &b).unwrap().is_nan() && stats::hedges_g(&a, &b).unwrap().is_nan());
            let ranks = [
                stats::mann_whitney(&a, &b).unwrap().p,
                stats::kolmogorov_smirnov(&a, &b).unwrap().p,
                stats::cliffs_delta(&a, &b).unwrap(),
            ];
            assert!(ranks.iter().all(|value| value.is_nan() != by_rank), "{odd}: {ranks:?}");
        }
    }
}

/// Too few values, no spread, levels and limits that are none: no value rather than a wrong one.
#[test]
fn undefined() {
    let (none, one, two, equal): (&[f64], &[f64], &[f64], &[f64]) =
        (&[], &[1.0], &[1.0, 2.0], &[3.0, 3.0, 3.0]);
    for (a, b) in [(none, two), (two, none), (one, two), (two, one), (equal, equal)] {
        assert_eq!(stats::welch(a, b, 0.95), None);
        assert_eq!(stats::tost(a, b, -1.0, 1.0), None);
        assert_eq!(stats::ratio_of_means(a, b, 0.95), None);
        assert_eq!((stats::cohens_d(a, b), stats::hedges_g(a, b)), (None, None));
    }
    for (a, b) in [(none, two), (two, none), (none, none)] {
        assert_eq!(stats::mann_whitney(a, b), None);
        assert_eq!(stats::hodges_lehmann(a, b, 0.95), None);
        assert_eq!(stats::kolmogorov_smirnov(a, b), None);
        assert_eq!(stats::cliffs_delta(a, b), None);
    }
    for level in [0.0, 1.0, -0.5, f64::NAN] {
        assert_eq!(stats::welch(two, two, level), None);
        assert_eq!(stats::hodges_lehmann(two, two, level), None);
        assert_eq!(stats::ratio_of_means(two, two, level), None);
    }
    for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::NAN)] {
        assert_eq!(stats::tost(two, two, low, high), None);
    }
}

/// 100,000 + 100,000 values have 10¹⁰ differences; the median of them is found in little memory.
#[test]
fn many_pairs() {
    let a: Vec<f64> = (0..100_000).map(|i| f64::from(i) * 1e-3).collect();
    let b: Vec<f64> = a.iter().map(|value| value + 0.25).collect();
    let shift = stats::hodges_lehmann(&a, &b, 0.95).unwrap();
    assert!((shift.value - 0.25).abs() < 1e-9, "{shift:?}");
    assert!(shift.interval.low < 0.25 && 0.25 < shift.interval.high, "{shift:?}");
}

fn list() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        proptest::collection::vec(-1e6..1e6_f64, 2..30),
        // Few different values: ties.
        proptest::collection::vec((0..6_u8).prop_map(f64::from), 2..30),
    ]
}

/// Any double: zeros of both signs, the smallest, the largest, infinities, NaN.
fn any_list() -> impl Strategy<Value = Vec<f64>> {
    let odd = [0.0, -0.0, 5e-324, f64::MIN_POSITIVE, 1.0, f64::MAX, f64::MIN, f64::INFINITY, f64::NAN];
    let one = prop_oneof![any::<f64>(), proptest::sample::select(odd.to_vec()), -1.0..1.0_f64];
    proptest::collection::vec(one, 0..8)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
}

proptest! {
    /// What is exchanged changes sign and nothing else; probabilities and shares stay in their ranges.
    #[test]
    fn exchanged(a in list(), b in list()) {
        if let Some((one, other)) = stats::welch(&a, &b, 0.9).zip(stats::welch(&b, &a, 0.9)) {
            prop_assert!(near(one.t, -other.t) && near(one.p, other.p) && near(one.df, other.df));
            prop_assert!(near(one.difference.interval.low, -other.difference.interval.high));
            prop_assert!((0.0..=1.0).contains(&one.p));
        }
        if let Some((one, other)) = stats::tost(&a, &b, -1.0, 3.0).zip(stats::tost(&b, &a, -3.0, 1.0)) {
            prop_assert!(near(one.p, other.p) && near(one.lower_p, other.upper_p));
        }
        let (one, other) = (stats::mann_whitney(&a, &b).unwrap(), stats::mann_whitney(&b, &a).unwrap());
        prop_assert!(near(one.u + other.u, (a.len() * b.len()) as f64) && near(one.p, other.p));
        prop_assert!((0.0..=1.0).contains(&one.p) && one.exact == other.exact);
        let (one, other) = (stats::hodges_lehmann(&a, &b, 0.9).unwrap(), stats::hodges_lehmann(&b, &a, 0.9).unwrap());
        prop_assert!(near(one.value, -other.value));
        prop_assert!(one.interval.low <= one.value && one.value <= one.interval.high);
        prop_assert!(one.interval.low.is_infinite() || near(one.interval.low, -other.interval.high));
        let (one, other) = (stats::kolmogorov_smirnov(&a, &b).unwrap(), stats::kolmogorov_smirnov(&b, &a).unwrap());
        prop_assert!(near(one.d, other.d) && near(one.p, other.p));
        prop_assert!((0.0..=1.0).contains(&one.d) && (0.0..=1.0).contains(&one.p));
        let (one, other) = (stats::cliffs_delta(&a, &b).unwrap(), stats::cliffs_delta(&b, &a).unwrap());
        prop_assert!(near(one, -other) && (-1.0..=1.0).contains(&one));
        if let Some((one, other)) = stats::cohens_d(&a, &b).zip(stats::cohens_d(&b, &a)) {
            prop_assert!(near(one, -other) && stats::hedges_g(&a, &b).unwrap().abs() <= one.abs());
        }
    }

    /// Nothing panics, and what is a probability is one, or NaN.
    #[test]
    fn any_values(a in any_list(), b in any_list(), level in 0.0..1.0_f64, limit in any::<f64>()) {
        let _ = (stats::hodges_lehmann(&a, &b, level), stats::ratio_of_means(&a, &b, level));
        let _ = (stats::cohens_d(&a, &b), stats::hedges_g(&a, &b), stats::cliffs_delta(&a, &b));
        let probabilities = [
            stats::welch(&a, &b, level).map(|test| test.p),
            stats::tost(&a, &b, -limit.abs(), limit.abs()).map(|test| test.p),
            stats::mann_whitney(&a, &b).map(|test| test.p),
            stats::kolmogorov_smirnov(&a, &b).map(|test| test.p),
        ];
        for p in probabilities.into_iter().flatten() {
            prop_assert!(p.is_nan() || (0.0..=1.0).contains(&p), "{p}");
        }
    }

    /// A unit that is another power of two and a shift that is a whole number change nothing but what has
    /// a unit; a ratio keeps its value under the unit.
    #[test]
    fn other_units(a in proptest::collection::vec(0..1000_u16, 3..20), b in proptest::collection::vec(0..1000_u16, 3..20)) {
        let with = |values: &[u16], unit: f64, shift: f64| -> Vec<f64> {
            values.iter().map(|&value| (f64::from(value) + shift) * unit).collect()
        };
        let (plain_a, plain_b) = (with(&a, 1.0, 0.0), with(&b, 1.0, 0.0));
        let (unit, shift) = (1.0 / 1024.0, 64.0);
        let (other_a, other_b) = (with(&a, unit, shift), with(&b, unit, shift));
        if let Some((one, other)) = stats::welch(&plain_a, &plain_b, 0.9).zip(stats::welch(&other_a, &other_b, 0.9)) {
            prop_assert!(near(one.t, other.t) && near(one.p, other.p));
            prop_assert!(near(one.difference.value * unit, other.difference.value));
        }
        let (one, other) = (stats::mann_whitney(&plain_a, &plain_b), stats::mann_whitney(&other_a, &other_b));
        prop_assert_eq!(one, other);
        let (one, other) = (stats::kolmogorov_smirnov(&plain_a, &plain_b), stats::kolmogorov_smirnov(&other_a, &other_b));
        prop_assert_eq!(one, other);
        let one = stats::hodges_lehmann(&plain_a, &plain_b, 0.9).unwrap();
        let other = stats::hodges_lehmann(&other_a, &other_b, 0.9).unwrap();
        prop_assert!(near(one.value * unit, other.value));
        let scaled = |values: &[f64]| values.iter().map(|value| value * unit).collect::<Vec<_>>();
        let ratio = stats::ratio_of_means(&plain_a, &plain_b, 0.9);
        let other = stats::ratio_of_means(&scaled(&plain_a), &scaled(&plain_b), 0.9);
        prop_assert_eq!(ratio.is_some(), other.is_some());
        if let Some((one, other)) = ratio.zip(other) {
            prop_assert!(near(one.value, other.value) && near(one.interval.low, other.interval.low));
            prop_assert!(one.interval.low <= one.value && one.value <= one.interval.high);
        }
    }

    /// The tests and the intervals that belong together agree: what Welch's test or that of Mann and
    /// Whitney does not reject at α lies in the interval at 1 − α; TOST rejects at α exactly where the
    /// interval at 1 − 2α lies between the limits.
    #[test]
    fn tests_and_intervals_agree(a in proptest::collection::vec(0.0..10.0_f64, 4..12), b in proptest::collection::vec(0.0..10.0_f64, 4..12)) {
        let welch = stats::welch(&a, &b, 0.9).unwrap();
        let interval = welch.difference.interval;
        prop_assert_eq!(welch.p > 0.1, interval.low < 0.0 && 0.0 < interval.high);
        let tost = stats::tost(&a, &b, -2.0, 3.0).unwrap();
        prop_assert_eq!(tost.p < 0.05, interval.low > -2.0 && interval.high < 3.0);
        let interval = stats::hodges_lehmann(&a, &b, 0.9).unwrap().interval;
        let p = stats::mann_whitney(&a, &b).unwrap().p;
        prop_assert_eq!(p > 0.1, interval.low < 0.0 && 0.0 < interval.high);
    }
}

/// A row's values of a query, as text.
async fn row(columns: &str) -> Vec<String> {
    let answer = ask(&context(), &format!("SELECT {columns}")).await;
    let answer = answer.unwrap_or_else(|error| panic!("{columns}: {error}"));
    format::rows(&answer).unwrap().remove(0)
}

/// In SQL a list that is null, or too short for a statistic, gives null; null elements are left out; NaN
/// gives NaN; of few elements a shift has an interval without ends.
#[tokio::test]
async fn odd_lists_in_sql() {
    let cases = [
        ("welch_p(NULL, [1.0, 2.0])", "null"),
        ("welch_p([1.0], [1.0, 2.0])", "null"),
        ("welch_t([3, 3, 3], [3, 3])", "null"),
        ("welch_df([1, NULL, 2, 3], [2, 3, NULL, 4])", "4"),
        ("welch_p([1.0, 'NaN'::double], [1.0, 2.0])", "NaN"),
        ("mann_whitney_p([], [1.0])", "null"),
        ("mann_whitney_p([1, 1], [1, 1])", "1"),
        ("mann_whitney_u([1], [NULL])", "null"),
        ("hodges_lehmann([1.0], [4.0])", "3"),
        ("hodges_lehmann_high([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])", "inf"),
        ("hodges_lehmann_high([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], 0.85)", "5"),
        ("ks_p(['NaN'::double], [1.0])", "NaN"),
        ("cohens_d([1, 1], [2, 2])", "null"),
        ("cliffs_delta([1], [2])", "1"),
        ("ratio_of_means([-1, 0, 1.5], [1, 2, 3])", "null"),
        ("tost_p([1, 2], [1, 2], 1, -1)", "null"),
        ("tost_p([1, 2], [1, 2], NULL, 1)", "null"),
    ];
    for (expression, expected) in cases {
        assert_eq!(row(expression).await, [expected], "{expression}");
    }
}

/// A number that is out of its range, or missing, is an error that says which.
#[tokio::test]
async fn wrong_numbers_in_sql() {
    let cases = [
        ("hodges_lehmann_low([1], [2], 1.5)", "level is 1.5; it must lie between 0 and 1"),
        ("tost_p([1], [2], 1)", "tost_p(a, b, low, high)"),
        ("welch_p([1])", "welch_p(a, b)"),
    ];
    for (expression, expected) in cases {
        let error = ask(&context(), &format!("SELECT {expression}")).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expression}: {error}");
    }
}
