//! Statistics of one list against NumPy, SciPy and statsmodels.

#![expect(clippy::unwrap_used, reason = "tests")]

use benchlake_analytics::stats;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
    bootstrap: Vec<Bootstrap>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    values: Vec<String>,
    /// A statistic and its arguments, and its value; null where there is none.
    expected: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct Bootstrap {
    statistic: String,
    values: Vec<String>,
    mean: [String; 2],
    deviation: [String; 2],
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/one_sample.json")).unwrap()
}

fn numbers(texts: &[String]) -> Vec<f64> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// What we compute for a statistic by the name that the reference gives it.
fn computed(name: &str, values: &[f64], arguments: &[f64]) -> Option<f64> {
    let flagged = |flags: Option<Vec<bool>>| Some(flags?.iter().filter(|&&flag| flag).count() as f64);
    let order = || stats::quantile_interval(values, arguments[0], arguments[1]);
    match name {
        "mean" => stats::mean(values),
        "minimum" => stats::minimum(values),
        "geometric_mean" => stats::geometric_mean(values),
        "quantile" => stats::quantile(values, arguments[0]),
        "trimmed_mean" => stats::trimmed_mean(values, arguments[0]),
        "winsorized_mean" => stats::winsorized_mean(values, arguments[0]),
        "variance" => stats::variance(values),
        "standard_deviation" => stats::standard_deviation(values),
        "standard_error" => stats::standard_error(values),
        "cv" => stats::coefficient_of_variation(values),
        "iqr" => stats::interquartile_range(values),
        "mad" => stats::median_absolute_deviation(values),
        "mad_sd" => Some(stats::NORMAL_SCALE * stats::median_absolute_deviation(values)?),
        "mean_low" => Some(stats::mean_interval(values, arguments[0])?.low),
        "mean_high" => Some(stats::mean_interval(values, arguments[0])?.high),
        "skewness" => stats::skewness(values),
        "kurtosis" => stats::kurtosis(values),
        "bimodality" => stats::bimodality_coefficient(values),
        "dip" => stats::dip(values),
        "autocorrelation" => stats::autocorrelation(values, arguments[0] as usize),
        "effective_sample_size" => stats::effective_sample_size(values),
        "quantile_low" => Some(order()?.interval.low),
        "quantile_high" => Some(order()?.interval.high),
        "quantile_level" => Some(order()?.level),
        "outliers_tukey" => flagged(stats::outliers_tukey(values)),
        "outliers_mad" => flagged(stats::outliers_mad(values)),
        other => panic!("the reference has a statistic {other:?}, the test has none"),
    }
}

/// Within a relative 1e-9; within 1e-14 of the largest value where what is expected is zero or nearly.
fn close(found: f64, expected: f64, scale: f64) -> bool {
    (found - expected).abs() <= (1e-9 * expected.abs()).max(1e-14 * scale)
        || found.to_bits() == expected.to_bits()
}

/// Every statistic agrees with the reference to a relative 1e-9, on 50 lists or more, and has no value
/// where the reference has none.
#[test]
fn statistics_agree_with_scipy() {
    let mut agreeing = BTreeMap::<String, usize>::new();
    let mut wrong = Vec::new();
    for case in reference().cases {
        let values = numbers(&case.values);
        let mut of_case = std::collections::BTreeSet::new();
        for (key, expected) in &case.expected {
            let mut words = key.split(' ');
            let name = words.next().unwrap();
            let arguments: Vec<f64> = words.map(|word| word.parse().unwrap()).collect();
            let found = computed(name, &values, &arguments);
            let expected: Option<f64> = expected.as_ref().map(|text| text.parse().unwrap());
            // Statistics without a unit are near 1.
            let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
            let scale = match name {
                "mean" | "mean_low" | "mean_high" | "trimmed_mean" | "winsorized_mean" => largest,
                "skewness" | "kurtosis" | "autocorrelation" | "dip" => 1.0,
                _ => 0.0,
            };
            match (found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) if close(found, expected, scale) => {
                    of_case.insert(name.to_owned());
                }
                _ => wrong.push(format!("{}: {key} is {found:?}, not {expected:?}", case.name)),
            }
        }
        for name in of_case {
            *agreeing.entry(name).or_default() += 1;
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let few: Vec<_> = agreeing.iter().filter(|(_, lists)| **lists < 50).collect();
    assert!(few.is_empty() && agreeing.len() == 26, "{} statistics, of few lists: {few:?}", agreeing.len());
}

/// BCa intervals are SciPy's within Monte-Carlo error: the ends of 10 seeds of ours and 10 of SciPy's,
/// of 499 resamples each, have means that differ by less than 4 standard errors, for 50 lists.
#[test]
fn bca_intervals_agree_with_scipy() {
    let mut compared = 0;
    for case in reference().bootstrap {
        let values = numbers(&case.values);
        let interval = match case.statistic.as_str() {
            "mean" => stats::bca_mean,
            _ => stats::bca_median,
        };
        let found: Vec<_> = (0..10).map(|seed| interval(&values, 0.9, 499, seed).unwrap()).collect();
        let ends = [
            found.iter().map(|interval| interval.low).collect::<Vec<_>>(),
            found.iter().map(|interval| interval.high).collect(),
        ];
        let theirs = numbers(&case.mean).into_iter().zip(numbers(&case.deviation));
        for (ours, (their_mean, their_deviation)) in ends.iter().zip(theirs) {
            let (mean, deviation) = (stats::mean(ours).unwrap(), stats::standard_deviation(ours).unwrap());
            let error = ((deviation.powi(2) + their_deviation.powi(2)) / 10.0).sqrt();
            let statistic = &case.statistic;
            assert!(
                (mean - their_mean).abs() <= 4.0 * error + 1e-9 * their_mean.abs(),
                "{statistic} of {values:?}: {mean} instead of {their_mean} ± {error}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 200);
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

    /// A summary has the figures of the functions that it is made of.
    #[test]
    fn a_summary_is_its_parts(values in proptest::collection::vec(-1e3..1e3_f64, 1..80)) {
        let found = stats::summary(&mut values.clone(), 0.9).unwrap();
        proptest::prop_assert_eq!(found.n, values.len());
        proptest::prop_assert_eq!(Some(found.mean), stats::mean(&values));
        proptest::prop_assert_eq!(found.standard_deviation, stats::standard_deviation(&values));
        proptest::prop_assert_eq!(Some(found.median), stats::median(&values));
        proptest::prop_assert_eq!(Some(found.p95), stats::quantile(&values, 0.95));
        proptest::prop_assert_eq!(found.interval, stats::mean_interval(&values, 0.9));
    }

    /// What moves all values, or stretches them, does to each statistic what it must; an effective sample
    /// size is at most n, and a dip between 1/(2n) and 1/4.
    #[test]
    fn shift_and_scale(values in proptest::collection::vec(0.5..8.0_f64, 4..60), shift in -4i32..4, power in -20i32..20) {
        let scale = 2.0_f64.powi(power);
        let moved: Vec<f64> = values.iter().map(|value| value * scale).collect();
        // Scaling by a power of two is exact.
        for statistic in [stats::standard_deviation, stats::median_absolute_deviation, stats::interquartile_range, stats::mean] {
            proptest::prop_assert_eq!(statistic(&moved), statistic(&values).map(|value| value * scale));
        }
        for statistic in [stats::skewness, stats::kurtosis, stats::dip, stats::effective_sample_size] {
            proptest::prop_assert_eq!(statistic(&moved), statistic(&values));
        }
        let shifted: Vec<f64> = values.iter().map(|value| value + f64::from(shift)).collect();
        let (a, b) = (stats::standard_deviation(&shifted).unwrap(), stats::standard_deviation(&values).unwrap());
        proptest::prop_assert!((a - b).abs() <= 1e-9 * b, "{a} {b}");
        let n = values.len() as f64;
        let dip = stats::dip(&values).unwrap();
        proptest::prop_assert!(0.5 / n - 1e-12 <= dip && dip <= 0.25 + 1e-12, "{dip}");
        proptest::prop_assert!(stats::effective_sample_size(&values).unwrap() <= n);
    }
}
