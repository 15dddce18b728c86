//! Comparing over a lake, and every form of the answer.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod lake;

use benchlake_analytics::{
    At, Lake,
    decide::{
        CompareError, Compared, Comparison, Decision, FailOn, Form, Layout, Options, Policy, Reason, Screen,
        compare, explain,
    },
    format::number,
    stats::{self, Replicate, Resampling},
};
use benchlake_schemas::{Better, Outcome, Severity, Table, Verdict, from_batch, to_batch};
use std::{collections::BTreeMap, path::Path};

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

/// The lake's folder is another one each time.
fn in_any_folder(text: &str, folder: &tempfile::TempDir) -> String {
    text.replace(folder.path().to_str().unwrap(), "LAKE")
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
        assert_eq!(
            (decision.outcome, decision.severity, decision.reason),
            (outcome, severity, reason),
            "{benchmark}"
        );
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
    assert!(
        remarks.contains(
            "mixed.unit is not compared: it is measured as B, lower is better and as s, lower is better"
        ),
        "{remarks}"
    );
    assert!(
        remarks.contains(
            "mixed.better is not compared: it is measured as s, higher is better and as s, lower is better"
        ),
        "{remarks}"
    );
    assert_eq!(
        (comparison.only_base.join(" "), comparison.only_new.join(" ")),
        ("only.base".into(), "only.new".into())
    );
}

/// The forms that people read.
#[tokio::test(flavor = "multi_thread")]
async fn forms() {
    let (folder, comparison) = whole().await;
    let written = |comparison: &Comparison, form| in_any_folder(&written(comparison, form), &folder);
    let explain = |name: &str| in_any_folder(&explain(&comparison, name).unwrap(), &folder);
    let table = written(&comparison, Form::Table);
    assert!(
        table.lines().filter(|line| !line.starts_with("The same")).all(|line| line.chars().count() <= 120),
        "{table}"
    );
    let docs = include_str!("../../../docs/comparing.md");
    let shown = docs.split("```text\n").nth(1).unwrap().split("\n```").next().unwrap();
    assert!(
        shown.lines().count() > 4 && shown.lines().all(|line| table.contains(line)),
        "docs/comparing.md\n{table}"
    );
    insta::assert_snapshot!("table", table);
    insta::assert_snapshot!("markdown", written(&comparison, Form::Markdown));
    insta::assert_snapshot!("junit", written(&comparison, Form::Junit).replace("<testcase", "\n<testcase"));
    insta::assert_snapshot!(
        "csv",
        written(&comparison, Form::Csv).lines().take(3).collect::<Vec<_>>().join("\n")
    );
    insta::assert_snapshot!("explain_critical", explain("cpu.critical"));
    insta::assert_snapshot!("explain_noisy", explain("cpu.noisy"));
    insta::assert_snapshot!("explain_some", explain("cpu.some"));
}

/// Of more than thirty that are equivalent the table tells how many; CSV has them all.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_equivalent_is_folded() {
    let folder = tempfile::tempdir().unwrap();
    let lake = async |copies| {
        let folder = folder.path().join(format!("{copies}"));
        lake::write_copies(&folder, copies).await;
        answer(&opened(&folder).await, "commit:aaaa", "commit:bbbb2", &Options::default()).await.unwrap()
    };
    let (few, many) = (lake(30).await, lake(31).await);
    let rows = |comparison: &Comparison| written(comparison, Form::Table).matches("\n equivalent ").count();
    assert_eq!((rows(&few), rows(&many)), (30, 0));
    let table = written(&many, Form::Table);
    assert!(
        table.contains("\n critical ") && table.contains("\n … 31 equivalent: --format csv shows all\n"),
        "{table}"
    );
    assert_eq!(written(&many, Form::Csv).matches(",equivalent,").count(), 31);
}

/// A narrow screen loses columns, not rows; colours are of the verdict alone.
#[tokio::test(flavor = "multi_thread")]
async fn narrow_screens() {
    let (_folder, comparison) = whole().await;
    for width in [60, 80, 100] {
        let table =
            comparison.written(Form::Table, Screen { width, colour: false }, FailOn::default()).unwrap();
        let lines = table.lines().filter(|line| !line.starts_with("The same"));
        assert!(lines.clone().all(|line| line.chars().count() <= width), "{width}\n{table}");
        assert_eq!(lines.filter(|line| line.starts_with(" inconclusive ")).count(), 2, "{table}");
    }
    let coloured =
        comparison.written(Form::Table, Screen { width: 120, colour: true }, FailOn::default()).unwrap();
    assert!(
        coloured.contains("\x1b[1;31mcritical\x1b[0m") && coloured.contains("\x1b[32mimprovement\x1b[0m")
    );
    let plain = coloured.replace("\x1b[0m", "");
    let plain = ["1;31", "31", "32", "33"]
        .iter()
        .fold(plain, |text, code| text.replace(&format!("\x1b[{code}m"), ""));
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
        told(format!(
            "The logarithm of the ratio is {}, its standard error {}: t = {} with {} degrees of freedom",
            number(theta),
            number(error),
            number(theta / error),
            number(df)
        ));

        let seed =
            text.split("(seed ").nth(1).and_then(|rest| rest.split(')').next()).unwrap().parse().unwrap();
        fn side(sessions: &[(Vec<f64>, f64)]) -> Vec<Replicate<'_>> {
            sessions.iter().map(|(samples, _)| Replicate { samples, block: 0 }).collect()
        }
        let again =
            stats::session_ratio(&side(&a), &side(&b), Resampling { level: 0.95, resamples: 2_000, seed })
                .unwrap();
        assert_eq!(Some(again), one.effect, "{benchmark}");
        told(format!("quantile of |t| is {} times Student's", number(again.calibration)));
        told(format!(
            "is {} to {}.",
            number(again.estimate.interval.low),
            number(again.estimate.interval.high)
        ));
        told(format!("p = {}:", number(again.p)));

        let ps: Vec<f64> =
            comparison.compared.iter().filter_map(|one| one.effect.map(|effect| effect.p)).collect();
        let place = comparison
            .compared
            .iter()
            .filter(|one| one.effect.is_some())
            .position(|one| one.benchmark == benchmark);
        let adjusted = stats::benjamini_hochberg(&ps)[place.unwrap()];
        told(format!(
            "Adjusted for the {} tests of this comparison by Benjamini-Hochberg, p is {};",
            ps.len(),
            number(adjusted)
        ));
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

/// The numbers of the line of an explanation that begins so.
fn numbers(text: &str, begins: &str) -> Vec<f64> {
    let line = text.lines().find(|line| line.trim().starts_with(begins)).unwrap_or_default();
    let words = line.split([' ', '(', ')', ';', ':']).map(|word| word.trim_end_matches([',', '.']));
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Interval, p and margin follow from the numbers that an explanation names, also where noise between runs is part
/// of them, and where sessions are paired.
#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_adds_up() {
    let (old, arms) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lake::write_history(old.path(), 5).await;
    lake::write(arms.path()).await;
    let runs =
        answer(&opened(old.path()).await, "commit:aaaa", "commit:bbbb2", &Options::default()).await.unwrap();
    let pairs =
        answer(&opened(arms.path()).await, "arm:old", "arm:young", &Options::default()).await.unwrap();
    let mut with_noise = 0;
    for comparison in [&runs, &pairs] {
        for one in
            comparison.compared.iter().filter(|one| one.effect.is_some_and(|effect| effect.error > 0.0))
        {
            let (text, effect) = (explain(comparison, &one.title()).unwrap(), one.effect.unwrap());
            let [theta, calibration, quantile, error] = numbers(&text, "The interval is exp")[..] else {
                panic!("{text}")
            };
            let (low, high) = (effect.estimate.interval.low.ln(), effect.estimate.interval.high.ln());
            let half = calibration * quantile * error;
            assert!((theta - half - low).abs() < 1e-5 && (theta + half - high).abs() < 1e-5, "{text}");
            let [p, scaled] = numbers(&text, "p = ")[..] else { panic!("{text}") };
            assert!(
                (p - effect.p).abs() < 1e-5
                    && (scaled - (theta / error).abs() / calibration).abs() < 1e-2 * scaled + 1e-4,
                "{text}"
            );
            with_noise += usize::from(text.contains("is noise between runs"));
            if let Some(noise) = one.noise {
                assert_eq!(noise.runs, 8);
                let of_runs = (noise.between_runs.powi(2) * (1.0 / 8.0 + 1.0)).sqrt();
                assert!((effect.error_between_runs - of_runs).abs() < 1e-12);
                let told = format!("({} of it, in squares, is noise between runs)", number(of_runs));
                assert!(of_runs <= 0.0 || text.contains(&told), "{told}\n{text}");
                assert!(text.contains("among 8 earlier runs on this platform"), "{text}");
            }
        }
    }
    assert!(with_noise > 4 && pairs.layout == Layout::Pairs, "{with_noise}");
    // A step of 2 % is nothing where runs move by as much.
    let slower = |comparison: &Comparison| decision(comparison, "cpu.slower").outcome;
    assert_eq!((slower(&runs), slower(&pairs)), (Outcome::Inconclusive, Outcome::Regression));
    let advice = explain(&runs, "cpu.slower").unwrap();
    assert!(
        advice.contains("noise between runs alone keeps it open")
            || advice.contains("would decide it with probability 0.9"),
        "{advice}"
    );
}

/// A history counts sessions: a long series that was written in chunks is one session's all the same.
#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_no_sessions() {
    let noise = async |chunk| {
        let folder = tempfile::tempdir().unwrap();
        lake::write_history(folder.path(), chunk).await;
        let lake = opened(folder.path()).await;
        let found = answer(&lake, "commit:aaaa", "commit:bbbb2", &Options::default()).await.unwrap();
        let of = |one: &Compared| Some((one.benchmark.clone(), one.noise?));
        found.compared.iter().filter_map(of).collect::<BTreeMap<_, _>>()
    };
    let (whole, chunked) = (noise(5).await, noise(1).await);
    assert!(whole.contains_key("cpu.noisy") && whole.keys().eq(chunked.keys()));
    for (benchmark, one) in &whole {
        let other = &chunked[benchmark];
        assert!(
            (one.floor - other.floor).abs() < 1e-9 && (one.between_runs - other.between_runs).abs() < 1e-9,
            "{benchmark}: {one:?} {other:?}"
        );
    }
}

/// Four digits, as people read times of about a millisecond.
fn time(seconds: f64) -> String {
    if seconds < 1e-3 { format!("{:.1} µs", seconds * 1e6) } else { format!("{:.3} ms", seconds * 1e3) }
}

/// Arms that were measured in turns are pairs: what disturbs a round by half of it cancels.
#[tokio::test(flavor = "multi_thread")]
async fn arms_are_pairs() {
    let folder = tempfile::tempdir().unwrap();
    lake::write(folder.path()).await;
    let lake = opened(folder.path()).await;
    let comparison =
        answer(&lake, "commit:cccc,arm:old", "commit:cccc,arm:young", &Options::default()).await.unwrap();
    assert_eq!((comparison.layout, comparison.base.sessions, comparison.new.sessions), (Layout::Pairs, 6, 6));
    assert_eq!(decision(&comparison, "cpu.critical").outcome, Outcome::Regression);
    assert_eq!(decision(&comparison, "cpu.slower").outcome, Outcome::Regression);
    assert_eq!(decision(&comparison, "cpu.same").outcome, Outcome::Equivalent);
    let text = explain(&comparison, "cpu.slower").unwrap();
    for told in [
        "6 pairs: sessions of one round",
        "5 degrees of freedom (the pairs less one)",
        "pair 1  on node-1",
        "The logarithms of the pairs' ratios",
    ] {
        assert!(text.contains(told), "{told}\n{text}");
    }
}

/// Another processor is refused with the fact named; a pattern that fits it allows it, and it is told. What
/// changes by itself is no difference.
#[tokio::test(flavor = "multi_thread")]
async fn other_hardware_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    lake::write(folder.path()).await;
    let lake = opened(folder.path()).await;
    let across = |fields: &[&str]| Options {
        across: fields.iter().map(|&field| field.into()).collect(),
        ..Options::default()
    };
    let error = answer(&lake, "commit:aaaa", "commit:bbbb3", &across(&["cpu.modl"])).await.unwrap_err();
    assert!(error.to_string().contains("did you mean `cpu.model`?"), "{error}");
    for fields in [&[][..], &["node"], &["gpu.*"]] {
        let error = answer(&lake, "commit:aaaa", "commit:bbbb3", &across(fields)).await.unwrap_err();
        assert!(matches!(error, CompareError::Refused(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            "not comparable: cpu.model is a processor, now another processor; if that is the question, allow it with --across cpu.model"
        );
    }
    for field in ["cpu.model", "cpu.*", "*"] {
        let comparison = answer(&lake, "commit:aaaa", "commit:bbbb3", &across(&[field])).await.unwrap();
        let table = written(&comparison, Form::Table);
        assert!(
            table.contains("Allowed to differ: cpu.model is a processor, now another processor."),
            "{table}"
        );
        assert!(
            table.contains(&format!(
                "--across {}",
                if field == "cpu.model" { field.into() } else { format!("'{field}'") }
            )),
            "{table}"
        );
    }
}

/// One session on a side tells nothing, and says how many to measure; a side that selects the other's
/// sessions keeps its own; two sides that are the same are refused.
#[tokio::test(flavor = "multi_thread")]
async fn few_sessions() {
    let folder = tempfile::tempdir().unwrap();
    lake::write(folder.path()).await;
    let lake = opened(folder.path()).await;
    let once = answer(&lake, "commit:aaaa", "commit:dddd", &Options::default()).await.unwrap();
    let reasons: Vec<Reason> = once.compared.iter().map(|one| one.decision.reason).collect();
    assert!(
        reasons.iter().all(|reason| *reason == Reason::TooFewSessions) && !once.fails(FailOn::Regression),
        "{reasons:?}"
    );
    assert!(written(&once, Form::Table).contains("measure with --sessions 5 or more"));
    assert!(
        explain(&once, "cpu.critical")
            .unwrap()
            .contains("An interval over sessions needs two of them on each side.")
    );

    let across = Options { across: vec!["cpu.model".into()], ..Options::default() };
    let window = answer(&lake, "window:30d", "commit:bbbb2", &across).await.unwrap();
    assert_eq!((window.base.sessions, window.new.sessions), (6 + 6 + 12 + 1, 6));
    let error = answer(&lake, "commit:aaaa", "commit:aaaa1111", &Options::default()).await.unwrap_err();
    assert!(matches!(error, CompareError::Same { .. }));
    assert!(
        error.to_string().starts_with("commit:aaaa and commit:aaaa1111 select the same sessions"),
        "{error}"
    );
}

/// Where the newest run of the base is what is judged, the run before it is the base, and that is told; where
/// there is none, what to do.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_judged_is_no_base() {
    let folder = tempfile::tempdir().unwrap();
    lake::land_all(folder.path()).await;
    let lake = opened(folder.path()).await;
    for (base, new) in [("branch:main", "latest"), ("latest", "commit:bbbb2"), ("latest", "latest")] {
        let comparison = answer(&lake, base, new, &Options::default()).await.unwrap();
        assert_eq!((&comparison.base.commits, comparison.base.sessions), (&vec!["aaaa1111".to_owned()], 6));
        let told = format!("{base}: its newest run is what is judged; the base is the run before it, run:");
        assert!(
            comparison.remarks.iter().any(|remark| remark.starts_with(&told)),
            "{:?}",
            comparison.remarks
        );
    }
    let scoped = answer(&lake, "commit:aaaa", "latest", &Options::default()).await.unwrap();
    assert!(!scoped.remarks.iter().any(|remark| remark.contains("newest run")), "{:?}", scoped.remarks);
    let error = answer(&lake, "latest,commit:bbbb2", "latest", &Options::default()).await.unwrap_err();
    assert!(error.to_string().contains("its only run is what is judged: measure another one"), "{error}");
}

/// Rules that contradict each other where both fit are refused with their numbers; those that fit nothing are
/// named, but not those of another metric.
#[tokio::test(flavor = "multi_thread")]
async fn rules_are_held_against_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    lake::land_all(folder.path()).await;
    let lake = opened(folder.path()).await;
    let options = |text: &str| Options { policy: Policy::parse(text, "p").unwrap(), ..Options::default() };
    let clash = "[[rule]]\nwarning = 0.3\ncritical = 0.4\n[[rule]]\nbenchmark = 'cpu.same*'\ncritical = 0.2";
    let error = answer(&lake, "commit:aaaa", "commit:bbbb2", &options(clash)).await.unwrap_err().to_string();
    let told = "cpu.same{dtype=f32,n=512} time has margin 0.01 ([default]), warning 0.3 (rule 1) and critical 0.2 (rule 2)";
    assert!(error.contains(told), "{error}");
    let idle = "[[rule]]\nmetric = 'tme'\n[[rule]]\nmetric = 'peak_memory'\n[[rule]]\nbenchmark = 'cpu.same'\n\
                [[rule]]\nmetric = 'time'\nplatform = 'AMD*'\n[[rule]]\nbenchmark = 'cpu.same*'";
    let comparison = answer(&lake, "commit:aaaa", "commit:bbbb2", &options(idle)).await.unwrap();
    assert_eq!(
        comparison.options.policy.idle_rules(&comparison.compared, "time", &comparison.new.platforms[0]),
        ["rule 1 (metric tme)", "rule 3 (benchmark cpu.same)", "rule 4 (metric time, platform AMD*)"]
    );
}

/// What selects nothing, or has nothing in common, is told with what there is.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_compare() {
    let folder = tempfile::tempdir().unwrap();
    lake::write(folder.path()).await;
    let lake = opened(folder.path()).await;
    let error = async |base: &str, options: Options| {
        answer(&lake, base, "commit:bbbb2", &options).await.unwrap_err().to_string()
    };
    let metric = |metric: &str| Options { metric: Some(metric.into()), ..Options::default() };
    let filter = |filter: &str| Options { filter: Some(filter.into()), ..Options::default() };
    let said = error("commit:aaaa", metric("tim")).await;
    assert!(said.ends_with("its sessions did not measure `tim`; did you mean `time`?"), "{said}");
    let said = error("commit:aaaa", filter("only.*")).await;
    assert_eq!(
        said,
        "no benchmark was measured on both sides: commit:aaaa has only.base, commit:bbbb2 has only.new"
    );
    let said = error("commit:aaaa", filter("(")).await;
    assert!(said.starts_with("--filter \"(\" is not a regular expression"), "{said}");
    let said = error("commit:aaaa", filter("mixed.unit")).await;
    assert!(said.contains("mixed.unit is not compared: it is measured as B"), "{said}");
    let said = error("branch:man", Options::default()).await;
    assert!(said.contains("nothing fits branch:man; there are `main`"), "{said}");
    let said = error("commit:b", Options::default()).await;
    assert_eq!(said, "commit:b fits 2 commits: bbbb2222, bbbb3333; give more of it");
    let comparison = answer(&lake, "commit:aaaa", "commit:bbbb2", &all()).await.unwrap();
    let said = explain(&comparison, "cpu.critcal{dtype=f32,n=512}").unwrap_err().to_string();
    assert!(said.contains("did you mean `cpu.critical{dtype=f32,n=512}`?"), "{said}");
    let said = explain(&comparison, "bad.*").unwrap_err().to_string();
    assert!(said.starts_with("`bad.*` fits 3 benchmarks: bad.nan, "), "{said}");
}

/// The same question at the same state has the same answer, byte for byte, also after the lake has grown;
/// another seed draws others.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_reproduced() {
    let folder = tempfile::tempdir().unwrap();
    lake::land_all(folder.path()).await;
    let lake = opened(folder.path()).await;
    let json = async |lake: &Lake, options: &Options| {
        written(&answer(lake, "commit:aaaa", "commit:bbbb2", options).await.unwrap(), Form::Json)
    };
    let first = json(&lake, &all()).await;
    let pin = lake.pin();
    lake::land_more(folder.path()).await;
    let again = Lake::open(folder.path().to_str().unwrap(), &pin).await.unwrap();
    assert!(json(&again, &all()).await == first, "the answer at {pin} has changed");
    let other = json(&again, &Options { seed: 1, ..all() }).await;
    let calibration = |json: &str| -> Vec<serde_json::Value> {
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        json["compared"].as_array().unwrap().iter().map(|one| one["effect"]["calibration"].clone()).collect()
    };
    assert_ne!(calibration(&first), calibration(&other));
    assert_ne!(first, other);
}

/// The answer is the same, byte for byte, however few samples are held at once: all, some benchmarks', or one's.
#[tokio::test(flavor = "multi_thread")]
async fn memory_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    lake::write(folder.path()).await;
    let lake = opened(folder.path()).await;
    let filtered = || Options { filter: Some("cpu*".into()), ..all() };
    let sides = [("commit:aaaa", "commit:bbbb2", all()), ("arm:old", "arm:young", all())];
    let filtered = ("commit:aaaa", "commit:bbbb2", filtered());
    for (base, new, options) in sides.into_iter().chain([filtered]) {
        let json = async |budget| {
            let options = Options { budget, ..options.clone() };
            written(&answer(&lake, base, new, &options).await.unwrap(), Form::Json)
        };
        let whole = json(None).await;
        for budget in [0, 10_000, 20_000] {
            assert!(json(Some(budget)).await == whole, "{base} {new} with {budget} bytes");
        }
    }
}

/// Verdicts are rows of the lake with all of their evidence, under ids that are the same whenever the same
/// is asked; they come back from a batch as they went in.
#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_rows() {
    let (folder, comparison) = whole().await;
    let verdicts = comparison.verdicts(7);
    assert_eq!(verdicts.len(), comparison.compared.len());
    let batch = to_batch(Table::Verdicts, &verdicts).unwrap();
    assert_eq!(from_batch::<Verdict>(&batch).unwrap(), verdicts);
    let critical = verdicts.iter().find(|verdict| verdict.benchmark == "cpu.critical").unwrap();
    let effect =
        comparison.compared.iter().find(|one| one.benchmark == "cpu.critical").unwrap().effect.unwrap();
    assert_eq!(
        (critical.ratio, critical.ratio_low),
        (Some(effect.estimate.value), Some(effect.estimate.interval.low))
    );
    let number = |key: &str| critical.evidence[key].parse::<f64>().unwrap();
    assert_eq!(
        (number("t"), number("df"), number("calibration"), number("p")),
        (effect.t, effect.df, effect.calibration, effect.p)
    );
    assert_eq!((number("base_sessions"), number("margin")), (6.0, 0.01));
    assert_eq!((number("resamples"), number("replicates")), (2000.0, 12.0));
    assert_eq!(
        (critical.evidence["units"].as_str(), critical.evidence["procedure"].as_str()),
        ("sessions", "benjamini-hochberg")
    );
    assert_eq!(critical.evidence["base_runs"], fixture::run(1).to_string());
    assert_eq!(
        in_any_folder(&critical.query, &folder),
        "benchlake compare commit:aaaa commit:bbbb2 --metric all --lake LAKE --at sessions=4,series=4"
    );
    assert_eq!(critical.versions["series"], "4");
    let method = |benchmark: &str| {
        let verdict = verdicts.iter().find(|verdict| verdict.benchmark == benchmark).unwrap();
        verdict.method.strip_suffix(concat!("; benchlake ", env!("CARGO_PKG_VERSION"))).unwrap()
    };
    assert_eq!(
        ["cpu.critical", "cpu.exact", "cpu.some", "cpu.none", "bad.nan"].map(method),
        [
            "Welch's t over sessions of the ratio of geometric means of sessions' medians, calibrated by a studentised \
             hierarchical bootstrap",
            "exact permutation test of units that agree exactly",
            "exact permutation test of sessions that agree exactly",
            "comparison of sessions that agree exactly",
            "none, as there is no ratio",
        ]
    );
    assert!(critical.policy.as_ref().unwrap().contains("margin = 0.01"));
    let ids: std::collections::BTreeSet<&str> =
        verdicts.iter().map(|verdict| verdict.verdict_id.as_str()).collect();
    assert_eq!(ids.len(), verdicts.len());
    let again = answer(&opened(folder.path()).await, "commit:aaaa", "commit:bbbb2", &all()).await.unwrap();
    assert_eq!(again.verdicts(7), verdicts);
}

/// Names that mean something to Markdown, HTML, XML or a terminal mean nothing there.
#[tokio::test(flavor = "multi_thread")]
async fn evil_names() {
    let folder = tempfile::tempdir().unwrap();
    lake::write_evil(folder.path()).await;
    let comparison =
        answer(&opened(folder.path()).await, "commit:aaaa", "commit:bbbb2", &all()).await.unwrap();
    let html = written(&comparison, Form::Html);
    assert!(
        !html.contains("<script")
            && html.contains("&lt;script&gt;")
            && !html.contains("http://")
            && !html.contains("https://")
    );
    assert!(
        !written(&comparison, Form::Table).contains('\x1b')
            && !explain(&comparison, "script").unwrap().contains('\x1b')
    );
    let markdown = written(&comparison, Form::Markdown);
    let row = markdown.lines().find(|line| line.contains("script")).unwrap();
    assert_eq!(row.replace("\\|", "").matches('|').count(), 7, "{row}");
    let (mut cases, mut failures, mut skipped) = (0, 0, 0);
    let junit = written(&comparison, Form::Junit);
    let mut reader = quick_xml::Reader::from_str(&junit);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(tag) => {
                for attribute in tag.attributes() {
                    let value = attribute.unwrap().unescape_value().unwrap().into_owned();
                    assert!(!value.chars().any(char::is_control), "{value:?}");
                }
                cases += usize::from(tag.name().as_ref() == b"testcase");
                failures += usize::from(tag.name().as_ref() == b"failure");
                skipped += usize::from(tag.name().as_ref() == b"skipped");
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!((cases, failures, skipped), (2, 1, 0), "{junit}");
    assert!(junit.contains(r#"tests="2" failures="1" errors="0" skipped="0""#));
}

/// The page has a row, an interval and a tale for each benchmark, and a colour for each verdict.
#[tokio::test(flavor = "multi_thread")]
async fn page() {
    let (_folder, comparison) = whole().await;
    let html = written(&comparison, Form::Html);
    // With COMPARISON set to a file the page stays there, to be looked at.
    if let Some(file) = std::env::var_os("COMPARISON") {
        std::fs::write(file, &html).unwrap();
    }
    let all = comparison.compared.len();
    let effects = comparison.compared.iter().filter(|one| one.effect.is_some()).count();
    assert_eq!(html.matches("<g class=\"row ").count(), all);
    assert_eq!(html.matches("<rect class=\"margin\"").count(), effects);
    assert_eq!(html.matches("<details id=").count(), all);
    for class in ["critical", "warning", "regression", "improvement", "equivalent", "inconclusive"] {
        assert!(
            html.contains(&format!("<g class=\"row {class}\""))
                && html.contains(&format!(".{class} {{ color:")),
            "{class}"
        );
    }
    assert!(
        html.contains(&comparison.at)
            && html.contains("noisy in 0 of 6 sessions of the base and 1 of 6 of the new side")
    );
}

/// The example that is shipped says what its comments say: throughput 15 and 8 % less, latency 25 and 15 %
/// more, memory 20 and 10 % more; its defaults are the defaults.
#[test]
fn the_shipped_policy() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/policy.toml");
    let policy = Policy::load(&file).unwrap();
    let of = |metric, better| {
        let margins = policy.margins(metric, better, "cpu.gemm{n=512}", "a platform");
        (margins.margin, margins.warning, margins.critical)
    };
    assert_eq!(of("rate", Better::Higher), (0.01, 0.08, 0.15));
    assert_eq!(of("time", Better::Lower), (0.01, 0.15, 0.25));
    for metric in ["peak_memory", "mean_memory", "allocated_bytes"] {
        assert_eq!(of(metric, Better::Lower), (0.01, 0.10, 0.20), "{metric}");
    }
    assert_eq!(of("cycles", Better::Lower), (0.01, 0.05, 0.10));
    assert_eq!(Policy { rules: Vec::new(), ..policy }, Policy::default());
}
