//! Comparing over a lake, and every form of the answer.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod lake;

use benchlake_analytics::{
    At, Lake,
    decide::{
        CompareError, Comparison, Decision, FailOn, Form, Layout, Options, Policy, Reason, Screen, compare, explain,
    },
    format::number,
    selection::SelectError,
    stats::{self, Replicate, Resampling},
};
use benchlake_schemas::{Outcome, Severity, Table, Verdict, from_batch, to_batch};
use std::path::Path;

async fn opened(folder: &Path) -> Lake {
    Lake::open(folder.to_str().unwrap(), &At::Latest).await.unwrap()
}

fn all() -> Options {
    Options { metric: Some("all".into()), ..Options::default() }
}

async fn answer(lake: &Lake, base: &str, new: &str, options: &Options) -> Result<Comparison, CompareError> {
    compare(lake, &base.parse().unwrap(), &new.parse().unwrap(), options).await
}

/// The lake's two commits with every metric.
async fn whole() -> (tempfile::TempDir, Comparison) {
    let folder = tempfile::tempdir().unwrap();
    lake::write(folder.path()).await;
    let comparison =
        answer(&opened(folder.path()).await, "commit:aaaa", "commit:bbbb2", &all()).await.unwrap();
    (folder, comparison)
}

fn decision(comparison: &Comparison, benchmark: &str) -> Decision {
    comparison.compared.iter().find(|one| one.benchmark == benchmark).unwrap().decision
}

fn written(comparison: &Comparison, form: Form) -> String {
    comparison.written(form, Screen::default(), FailOn::default()).unwrap()
}

/// Every verdict is where it was planted, worst first.
#[tokio::test(flavor = "multi_thread")]
async fn every_verdict() {
    let (_folder, comparison) = whole().await;
    assert_eq!(comparison.layout, Layout::Groups);
    let expected = [
        ("cpu.some", Outcome::Regression, Some(Severity::Critical), Reason::FromZero),
        ("cpu.critical", Outcome::Regression, Some(Severity::Critical), Reason::Beyond),
        ("net.ping", Outcome::Regression, Some(Severity::Warning), Reason::Beyond),
        ("cpu.warning", Outcome::Regression, Some(Severity::Warning), Reason::Beyond),
        ("cpu.slower", Outcome::Regression, None, Reason::Beyond),
        ("cpu.noisy", Outcome::Inconclusive, None, Reason::Wide),
        ("bad.nan", Outcome::Inconclusive, None, Reason::NoRatio),
        ("cpu.same", Outcome::Equivalent, None, Reason::Within),
        ("bad.infinite", Outcome::Equivalent, None, Reason::Within),
        ("bad.zero", Outcome::Equivalent, None, Reason::Within),
        ("cpu.exact", Outcome::Equivalent, None, Reason::Within),
        ("cpu.none", Outcome::Equivalent, None, Reason::Same),
        ("cpu.quicker", Outcome::Improvement, None, Reason::Beyond),
        ("cpu.freed", Outcome::Improvement, None, Reason::ToZero),
    ];
    for (benchmark, outcome, severity, reason) in expected {
        let decision = decision(&comparison, benchmark);
        assert_eq!((decision.outcome, decision.severity, decision.reason), (outcome, severity, reason), "{benchmark}");
    }
    assert_eq!(comparison.compared.len(), expected.len());
    let order: Vec<&str> = comparison.compared.iter().map(|one| one.benchmark.as_str()).collect();
    assert_eq!(order[..2], ["cpu.some", "cpu.critical"], "{order:?}");
    assert!(comparison.fails(FailOn::Critical) && comparison.fails(FailOn::Regression));
    let warned = decision(&comparison, "net.ping");
    assert!(warned.fails(FailOn::Warning) && !warned.fails(FailOn::Critical));
    assert!(!decision(&comparison, "cpu.slower").fails(FailOn::Warning));
    assert!(decision(&comparison, "cpu.slower").fails(FailOn::Regression));
}

/// What is measured in other units or directions, and what one side alone has, is told and not compared.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_compared_is_told() {
    let (_folder, comparison) = whole().await;
    let remarks = comparison.remarks.join("\n");
    assert!(remarks.contains("mixed.unit is not compared: it is measured as B, lower is better and as s, lower is better"), "{remarks}");
    assert!(remarks.contains("mixed.better is not compared: it is measured as s, higher is better and as s, lower is better"), "{remarks}");
    assert_eq!((comparison.only_base.join(" "), comparison.only_new.join(" ")), ("only.base".into(), "only.new".into()));
}

/// The forms that people read.
#[tokio::test(flavor = "multi_thread")]
async fn forms() {
    let (_folder, comparison) = whole().await;
    let table = written(&comparison, Form::Table);
    assert!(table.lines().filter(|line| !line.starts_with("The same")).all(|line| line.chars().count() <= 120), "{table}");
    insta::assert_snapshot!("table", table);
    insta::assert_snapshot!("markdown", written(&comparison, Form::Markdown));
    insta::assert_snapshot!("junit", written(&comparison, Form::Junit).replace("<testcase", "\n<testcase"));
    insta::assert_snapshot!("csv", written(&comparison, Form::Csv).lines().take(3).collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!("explain_critical", explain(&comparison, "cpu.critical").unwrap());
    insta::assert_snapshot!("explain_noisy", explain(&comparison, "cpu.noisy").unwrap());
    insta::assert_snapshot!("explain_some", explain(&comparison, "cpu.some").unwrap());
}

/// A narrow screen loses columns, not rows; colours are of the verdict alone.
#[tokio::test(flavor = "multi_thread")]
async fn narrow_screens() {
    let (_folder, comparison) = whole().await;
    for width in [60, 80, 100] {
        let table = comparison.written(Form::Table, Screen { width, colour: false }, FailOn::default()).unwrap();
        let lines = table.lines().filter(|line| !line.starts_with("The same"));
        assert!(lines.clone().all(|line| line.chars().count() <= width), "{width}\n{table}");
        assert_eq!(lines.filter(|line| line.starts_with(" inconclusive ")).count(), 2, "{table}");
    }
    let coloured = comparison.written(Form::Table, Screen { width: 120, colour: true }, FailOn::default()).unwrap();
    assert!(coloured.contains("\x1b[1;31mcritical\x1b[0m") && coloured.contains("\x1b[32mimprovement\x1b[0m"));
    let plain = coloured.replace("\x1b[0m", "");
    let plain = ["1;31", "31", "32", "33"].iter().fold(plain, |text, code| text.replace(&format!("\x1b[{code}m"), ""));
    assert_eq!(plain, written(&comparison, Form::Table));
}

/// Median of logarithms of the samples that the lake holds, per session, by other means than `compare` does.
async fn log_medians(lake: &Lake, benchmark: &str, commit: &str) -> Vec<(Vec<f64>, f64)> {
    let selected = benchlake_analytics::selection::select(lake, &commit.parse().unwrap()).await.unwrap();
    let measured = benchlake_analytics::selection::measured(lake, &selected, "time").await.unwrap();
    let one = measured.into_iter().find(|one| one.benchmark == benchmark).unwrap();
    let median = |values: &Vec<f64>| {
        let mut logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        logs.sort_by(f64::total_cmp);
        logs[logs.len() / 2]
    };
    one.observed.into_iter().map(|series| (series.values.clone(), median(&series.values))).collect()
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Every number of an explanation follows from the samples, by formulas written down here again: Welch's t
/// of the medians' logarithms, the bootstrap of the seed that is named, the adjustment, the rule.
#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_is_true() {
    let (folder, comparison) = whole().await;
    let lake = opened(folder.path()).await;
    for benchmark in ["cpu.critical", "cpu.noisy"] {
        let text = explain(&comparison, benchmark).unwrap();
        let one = comparison.compared.iter().find(|one| one.benchmark == benchmark).unwrap();
        let (a, b) = (
            log_medians(&lake, benchmark, "commit:aaaa").await,
            log_medians(&lake, benchmark, "commit:bbbb2").await,
        );
        let logs = |side: &[(Vec<f64>, f64)]| side.iter().map(|(_, median)| *median).collect::<Vec<f64>>();
        let ((mean_a, var_a), (mean_b, var_b)) = (moments(&logs(&a)), moments(&logs(&b)));
        let (theta, error) = (mean_b - mean_a, ((var_a + var_b) / 6.0).sqrt());
        let df = (var_a + var_b).powi(2) * 5.0 / (var_a.powi(2) + var_b.powi(2));
        let told = |what: String| assert!(text.contains(&what), "{what}\n{text}");
        told(format!("new / base = {}:", number(theta.exp())));
        told(format!("The logarithm of the ratio is {}, its standard error {}: t = {} with {} degrees of freedom", number(theta), number(error), number(theta / error), number(df)));

        let seed = text.split("(seed ").nth(1).and_then(|rest| rest.split(')').next()).unwrap().parse().unwrap();
        fn side(sessions: &[(Vec<f64>, f64)]) -> Vec<Replicate<'_>> {
            sessions.iter().map(|(samples, _)| Replicate { samples, block: 0 }).collect()
        }
        let again = stats::session_ratio(&side(&a), &side(&b), Resampling { level: 0.95, resamples: 2_000, seed }).unwrap();
        assert_eq!(Some(again), one.effect, "{benchmark}");
        told(format!("quantile of |t| is {} times Student's", number(again.calibration)));
        told(format!("is {} to {}.", number(again.estimate.interval.low), number(again.estimate.interval.high)));
        told(format!("p = {}:", number(again.p)));

        let ps: Vec<f64> = comparison.compared.iter().filter_map(|one| one.effect.map(|effect| effect.p)).collect();
        let place = comparison.compared.iter().filter(|one| one.effect.is_some()).position(|one| one.benchmark == benchmark);
        let adjusted = stats::benjamini_hochberg(&ps)[place.unwrap()];
        told(format!("Adjusted for the {} tests of this comparison by Benjamini-Hochberg, p is {};", ps.len(), number(adjusted)));
        let is_apart = again.estimate.interval.low > 1.0 || again.estimate.interval.high < 1.0;
        told(format!("1. {}: ", if is_apart { "yes" } else { "no" }));
        told(format!("2. {}: ", if adjusted <= 0.05 { "yes" } else { "no" }));
        for (samples, _) in a.iter().chain(&b) {
            let mut sorted = samples.clone();
            sorted.sort_by(f64::total_cmp);
            told(format!("median {}  {} samples", time(sorted[2]), samples.len()));
        }
        for session in ["019aa000-0000-7000-9000-000001000001", "019aa000-0000-7000-9000-000002000006"] {
            told(session.to_owned());
        }
    }
}

/// Four digits, as people read times of about a millisecond.
fn time(seconds: f64) -> String {
    if seconds < 1e-3 { format!("{:.1} µs", seconds * 1e6) } else { format!("{:.3} ms", seconds * 1e3) }
}
