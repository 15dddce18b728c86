//! Reproducibility over made-up fleets of which the truth is known.

#![expect(clippy::unwrap_used, reason = "tests")]

use benchlake_analytics::{
    reproducibility::{
        Assessed, Costs, Kind, Options, Reproducibility, Reproducible, Sampled, Status, answer, explain,
        markdown, page, reproducibility, table,
    },
    selection::{Measured, Observed, Selected, Selector, Session},
};
use benchlake_schemas::Better;
use rand::{SeedableRng, rngs::StdRng};
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;

/// A fleet, and how it varies.
#[derive(Clone)]
struct Fleet {
    nodes: usize,
    sessions: usize,
    samples: usize,
    benchmarks: usize,
    node_cv: f64,
    session_cv: f64,
    sample_cv: f64,
    /// Of samples that follow each other.
    correlation: f64,
    /// How many times as long each node takes.
    factors: Vec<f64>,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            nodes: 6,
            sessions: 5,
            samples: 30,
            benchmarks: 4,
            node_cv: 0.0,
            session_cv: 0.01,
            sample_cv: 0.01,
            correlation: 0.0,
            factors: Vec::new(),
        }
    }
}

fn gauss(rng: &mut StdRng) -> f64 {
    StandardNormal.sample(rng)
}

impl Fleet {
    /// Its sessions, and what they measured.
    fn measure(&self, seed: u64) -> (Selected, Vec<Measured>) {
        let mut rng = StdRng::seed_from_u64(seed);
        let places = (0..self.sessions).flat_map(|round| (0..self.nodes).map(move |node| (round, node)));
        let sessions: Vec<(usize, Session)> =
            places.map(|(round, node)| (node, session(round, node))).collect();
        let mut measured = Vec::new();
        for n in 0..self.benchmarks {
            let nodes: Vec<f64> = (0..self.nodes)
                .map(|node| {
                    let factor = self.factors.get(node).copied().unwrap_or(1.0);
                    factor * (1.0 + self.node_cv * gauss(&mut rng))
                })
                .collect();
            let observed = sessions.iter().map(|(node, session)| {
                let level =
                    1e-4 * (n as f64 + 1.0) * nodes[*node] * (1.0 + self.session_cv * gauss(&mut rng));
                series(session, &self.series(level, &mut rng))
            });
            measured.push(group(&format!("w{{n={n}}}"), observed.collect()));
        }
        let sessions = sessions.into_iter().map(|(_, session)| session).collect();
        (Selected { selector: Selector::default(), sessions, notes: Vec::new() }, measured)
    }

    fn series(&self, level: f64, rng: &mut StdRng) -> Vec<f64> {
        let rho = self.correlation;
        let mut last = gauss(rng);
        let mut values = Vec::new();
        for _ in 0..self.samples {
            values.push(level * (1.0 + self.sample_cv * last));
            last = rho * last + (1.0 - rho * rho).sqrt() * gauss(rng);
        }
        values
    }

    fn judge(&self, seed: u64) -> Reproducibility {
        let (selected, measured) = self.measure(seed);
        reproducibility(&selected, &measured, &Options::default())
    }
}

fn session(round: usize, node: usize) -> Session {
    let facts = [("cpu.governor", "performance"), ("cpu.model", "an example")];
    Session {
        session_id: format!("019aa000-0000-7000-9000-{round:06}{node:06}"),
        run_id: "019aa000-0000-7000-8000-000000000001".into(),
        started_at: i64::try_from(round * 100 + node).unwrap(),
        node: format!("node-{node}"),
        arm: None,
        round: 0,
        commit: Some("1111aaa".into()),
        branch: Some("main".into()),
        dirty: Some(false),
        environment: facts.map(|(key, value)| (key.into(), value.into())).into(),
    }
}

fn series(session: &Session, values: &[f64]) -> Observed {
    Observed { session_id: session.session_id.clone(), values: values.to_vec(), flags: Vec::new() }
}

fn group(label: &str, observed: Vec<Observed>) -> Measured {
    Measured {
        benchmark_id: format!("id of {label}"),
        benchmark: "w".into(),
        parameters: BTreeMap::new(),
        label: label.into(),
        metric: "time".into(),
        unit: "s".into(),
        better: Better::Lower,
        observed,
    }
}

/// The sessions `centres` of one node, each of three samples around its centre.
fn of_one_node(centres: &[f64]) -> (Selected, Vec<Measured>) {
    let sessions: Vec<Session> = (0..centres.len()).map(|round| session(round, 0)).collect();
    let observed = sessions
        .iter()
        .zip(centres)
        .map(|(session, &centre)| series(session, &[centre * 0.999, centre, centre * 1.001]));
    let measured = vec![group("w", observed.collect())];
    (Selected { selector: Selector::default(), sessions, notes: Vec::new() }, measured)
}

fn judged(found: &(Selected, Vec<Measured>)) -> Reproducibility {
    reproducibility(&found.0, &found.1, &Options::default())
}

/// Of one slow node exactly that one is named, in every benchmark, with what differs in its environment.
#[test]
fn the_node_that_is_off_is_named() {
    let fleet = Fleet { factors: vec![1.0, 1.0, 1.0, 1.05], benchmarks: 14, ..Fleet::default() };
    let (mut selected, measured) = fleet.measure(3);
    for session in selected.sessions.iter_mut().filter(|session| session.node == "node-3") {
        session.environment.insert("cpu.governor".into(), "powersave".into());
    }
    let found = reproducibility(&selected, &measured, &Options::default());
    let named: Vec<_> = found.off.iter().filter(|standing| standing.named).collect();
    let [standing] = named.as_slice() else { panic!("{named:?}") };
    assert_eq!((standing.name.as_str(), standing.off(), standing.of), ("node-3", 14, 14));
    assert!((standing.deviation - 0.05).abs() < 0.01, "{standing:?}");
    let [differing] = standing.differing.as_slice() else { panic!("{standing:?}") };
    assert_eq!((differing.key.as_str(), differing.here.join(",")), ("cpu.governor", "powersave".into()));
    let text = table(&found);
    assert!(text.contains("node-3 stands out: +"), "{text}");
    assert!(text.contains("cpu.governor is powersave there and performance elsewhere"), "{text}");
}

/// Of equal nodes and equal sessions one is named in at most 5 % of the fleets, also where nodes differ by chance.
#[test]
fn equals_are_seldom_named() {
    for node_cv in [0.0, 0.01] {
        let fleet = Fleet { benchmarks: 3, samples: 9, node_cv, ..Fleet::default() };
        let mut alarms = BTreeMap::from([("node", 0), ("session", 0)]);
        for seed in 0..200 {
            let found = fleet.judge(seed);
            for (kind, count) in &mut alarms {
                let named = found.off.iter().any(|it| it.named && it.kind.as_str() == *kind);
                *count += u32::from(named);
            }
        }
        // 3 standard deviations of a binomial above 5 % of 200.
        assert!(alarms.values().all(|count| *count <= 19), "{alarms:?} of 200");
    }
}

/// A node that is 3 % slower than five others is named, and it alone, in nine of ten fleets.
#[test]
fn a_slow_node_is_seldom_missed() {
    let fleet = Fleet { factors: vec![1.03], benchmarks: 8, samples: 9, ..Fleet::default() };
    let hits = (0..100).filter(|&seed| {
        let found = fleet.judge(seed);
        let named = found.off.iter().filter(|standing| standing.named && standing.kind == Kind::Node);
        named.map(|standing| standing.name.as_str()).collect::<Vec<_>>() == ["node-0"]
    });
    assert!(hits.count() >= 90);
}

/// One disturbed session is named as a session; its node is not taken for slow.
#[test]
fn the_session_that_is_off_is_named() {
    let (selected, mut measured) = Fleet::default().measure(5);
    let disturbed = &selected.sessions[8];
    for group in &mut measured {
        for series in group.observed.iter_mut().filter(|it| it.session_id == disturbed.session_id) {
            series.values.iter_mut().for_each(|value| *value *= 1.2);
        }
    }
    let found = reproducibility(&selected, &measured, &Options::default());
    let named: Vec<_> = found.off.iter().filter(|standing| standing.named).collect();
    let [standing] = named.as_slice() else { panic!("{:?}", found.off) };
    assert_eq!((&standing.name, &standing.node, standing.off()), (&disturbed.session_id, &disturbed.node, 4));
    assert!((standing.deviation - 0.2).abs() < 0.05, "{standing:?}");
    // The disturbed session makes the spread of its node the widest, not its centre far off.
    let precision = found.benchmarks[0].precision.as_ref().unwrap();
    let node = precision.laboratories.iter().find(|it| it.name == disturbed.node).unwrap();
    assert_eq!((node.by_k, node.by_h), (Status::Outlier, Status::Consistent), "{node:?}");
}

/// The answer is that of the whole interval: within the limit, above it, or neither, with how many sessions
/// would decide.
#[test]
fn answers_follow_the_interval() {
    let spread = |cv: f64| {
        let signs = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
        judged(&of_one_node(&signs.map(|sign| 1.0 + sign * cv * 0.9_f64.sqrt()))).benchmarks.remove(0)
    };
    let (yes, undecided, no) = (spread(0.02), spread(0.04), spread(0.10));
    assert!((yes.spread.unwrap().cv - 0.02).abs() < 1e-9);
    assert_eq!([&yes, &undecided, &no].map(|it| it.reproducible), {
        use Reproducible::{No, Undecided, Yes};
        [Yes, Undecided, No]
    });
    assert_eq!([&yes, &no].map(|it| it.deciding), [None, None]);
    let deciding = undecided.deciding.unwrap();
    assert!(deciding.sessions > 10 && deciding.nodes == 1, "{deciding:?}");
    let found = judged(&of_one_node(&[1.0, 1.1, 0.9, 1.05]));
    assert!(table(&found).contains("undecided"));
}

/// The variances that went in come out as shares, on average over many fleets, with independent samples as
/// with an autocorrelation of 0.7.
#[test]
fn shares_are_what_went_in() {
    for correlation in [0.0, 0.7] {
        let fleet = Fleet {
            nodes: 40,
            sessions: 5,
            samples: 64,
            benchmarks: 1,
            node_cv: 0.02,
            session_cv: 0.02,
            sample_cv: 0.02,
            correlation,
            ..Fleet::default()
        };
        let mut sums = [0.0; 3];
        for seed in 0..50 {
            let found = fleet.judge(seed);
            let shares = found.benchmarks[0].shares.as_ref().unwrap();
            let parts = [shares.nodes.unwrap(), shares.sessions, shares.samples];
            assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{shares:?}");
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part / 50.0);
        }
        for (part, mean) in ["nodes", "sessions", "samples"].iter().zip(sums) {
            assert!((mean - 1.0 / 3.0).abs() < 0.04, "{part}, correlation {correlation}: {sums:?}");
        }
    }
}

/// Where nodes differ and sessions do not, most of the spread is of nodes; a negative part is 0 and said.
#[test]
fn negative_parts_are_told() {
    let told =
        (0..40).map(|seed| Fleet { session_cv: 0.0, ..Fleet::default() }.judge(seed)).find_map(|found| {
            let benchmark = found.benchmarks.iter().find(|benchmark| {
                benchmark.shares.as_ref().is_some_and(|shares| !shares.negative.is_empty())
            })?;
            Some(explain(benchmark, &found).join("\n"))
        });
    assert!(told.unwrap().contains("came out negative and is 0"));
    let found = Fleet { node_cv: 0.05, ..Fleet::default() }.judge(1);
    assert_eq!(found.benchmarks[0].session_shares.as_ref().unwrap().largest().0, "nodes");
}

/// With one session a node, sessions are the laboratories and batches of their samples the results; the slow
/// one is found all the same.
#[test]
fn sessions_stand_in_for_nodes() {
    let fleet = Fleet {
        sessions: 1,
        session_cv: 0.002,
        factors: vec![1.0, 1.0, 1.1],
        benchmarks: 2,
        ..Fleet::default()
    };
    let found = fleet.judge(2);
    let benchmark = &found.benchmarks[0];
    let precision = benchmark.precision.as_ref().unwrap();
    assert_eq!((precision.are, precision.laboratories.len()), (Kind::Session, 6));
    assert_eq!(precision.laboratories[0].results, 6);
    assert_eq!(benchmark.off[0].node, "node-2");
    assert!(benchmark.shares.as_ref().unwrap().nodes.is_none());
    let text = explain(benchmark, &found).join("\n");
    assert!(text.contains("nodes and sessions cannot be told apart"), "{text}");
    assert!(text.contains("sessions are the laboratories"), "{text}");
}

/// Of two nodes none is named by h, whatever they differ by, and that is said.
#[test]
fn two_nodes_cannot_be_told_apart() {
    let found = Fleet { nodes: 2, factors: vec![1.0, 1.3], ..Fleet::default() }.judge(4);
    assert!(found.off.iter().all(|standing| !standing.named), "{:?}", found.off);
    let text = explain(&found.benchmarks[0], &found).join("\n");
    assert!(text.contains("Of two, h cannot tell which one is off."), "{text}");
}

/// One session tells of no spread: undecided, with what to do.
#[test]
fn one_session_is_undecided() {
    let found = judged(&of_one_node(&[1.0]));
    let benchmark = &found.benchmarks[0];
    assert_eq!(
        (benchmark.reproducible, benchmark.spread, &benchmark.precision),
        (Reproducible::Undecided, None, &None)
    );
    let text = table(&found);
    assert!(text.contains("measured in one session alone") && text.contains("--sessions 10"), "{text}");
    assert!(explain(benchmark, &found).join("\n").contains("One session has no spread"));
}

/// Sessions that are all equal are reproducible, also where they are 0, and the clock is doubted.
#[test]
fn no_spread_is_none() {
    for value in [0.0, 2.5] {
        let sessions: Vec<Session> = (0..4).map(|n| session(n / 2, n % 2)).collect();
        let observed = sessions.iter().map(|session| series(session, &[value; 5])).collect();
        let found = judged(&(
            Selected { selector: Selector::default(), sessions, notes: Vec::new() },
            vec![group("w", observed)],
        ));
        let benchmark = &found.benchmarks[0];
        assert_eq!((benchmark.reproducible, benchmark.spread.unwrap().cv), (Reproducible::Yes, 0.0));
        assert!(benchmark.off.is_empty() && found.not_judged.is_empty(), "{benchmark:?}");
        let text = explain(benchmark, &found).join("\n");
        assert!(text.contains("exactly the same median") && !text.contains("NaN"), "{text}");
        assert!(!table(&found).contains("NaN"));
    }
}

/// What cannot be judged says why, and how many sessions it is; everything else is judged all the same.
#[test]
fn what_cannot_be_judged_says_why() {
    let (selected, mut measured) = of_one_node(&[1.0, 1.01, 0.99]);
    let with = |label: &str, change: &dyn Fn(&mut Measured)| {
        let mut changed = measured[0].clone();
        changed.label = label.into();
        change(&mut changed);
        changed
    };
    let more = [
        with("nan", &|it| it.observed[1].values[2] = f64::NAN),
        with("infinite", &|it| it.observed[0].values[0] = f64::INFINITY),
        with("negative", &|it| it.observed[2].values = vec![-1.0, -1.0]),
        with("units", &|_| {}),
        with("units", &|it| it.unit = "B".into()),
        with("directions", &|_| {}),
        with("directions", &|it| it.better = Better::Higher),
    ];
    measured.extend(more);
    let found = reproducibility(&selected, &measured, &Options::default());
    assert_eq!(found.benchmarks.iter().map(|it| it.label.as_str()).collect::<Vec<_>>(), ["w"]);
    let why: BTreeMap<&str, &str> =
        found.not_judged.iter().map(|it| (it.label.as_str(), it.why.as_str())).collect();
    assert_eq!(why.len(), 5, "{why:?}");
    assert!(why["nan"].starts_with("1 of 3 sessions have samples that are no finite numbers"), "{why:?}");
    assert!(why["nan"].contains("019aa000-0000-7000-9000-000001000000 on node-0 with 1 of 3"), "{why:?}");
    assert!(why["infinite"].contains("no finite numbers"), "{why:?}");
    assert!(why["negative"].contains("not all positive") && why["negative"].contains("-1.000 s"), "{why:?}");
    assert!(why["units"].contains("the unit: `B` in 3 series, `s` in 3 series"), "{why:?}");
    assert!(why["directions"].contains("`higher` in 3 series, `lower` in 3 series"), "{why:?}");
    assert!(table(&found).contains("Not judged: units: its sessions do not agree on the unit"));
}

/// Without anything measured there is nothing to say, in every form.
#[test]
fn nothing_is_nothing() {
    let found = judged(&(
        Selected { selector: Selector::default(), sessions: Vec::new(), notes: Vec::new() },
        Vec::new(),
    ));
    assert!(found.benchmarks.is_empty() && found.off.is_empty() && found.next_run.is_none());
    assert!(table(&found).starts_with("0 of 0 benchmarks within 5 %"));
    assert_eq!(answer(&found).unwrap().rows(), 0);
    assert!(page(&found, "latest").ends_with("</html>") && !markdown(&found).is_empty());
}

/// The sides of a run are judged apart; the only arm of a run is a part of the benchmark.
#[test]
fn arms_are_judged_apart() {
    let (mut selected, measured) = Fleet { benchmarks: 1, ..Fleet::default() }.measure(1);
    for (i, session) in selected.sessions.iter_mut().enumerate() {
        session.arm = Some(["base", "new"][i / 6 % 2].into());
    }
    let found = reproducibility(&selected, &measured, &Options::default());
    let mut titles: Vec<_> = found.benchmarks.iter().map(|it| (it.title(), it.sessions)).collect();
    titles.sort();
    assert_eq!(titles, [("w{n=0,arm=base}".into(), 18), ("w{n=0,arm=new}".into(), 12)]);
    selected.sessions.iter_mut().for_each(|session| session.arm = Some("base".into()));
    let found = reproducibility(&selected, &measured, &Options::default());
    assert_eq!(found.benchmarks[0].title(), "w{n=0}");
}

/// The next run has as many sessions as the interval of Student asks for, and takes that many times as long as
/// a session did; what is cheapest costs no more.
#[test]
fn the_next_run_is_planned() {
    let (selected, measured) =
        Fleet { nodes: 1, sessions: 12, session_cv: 0.02, ..Fleet::default() }.measure(8);
    let ids = || selected.sessions.iter().map(|session| session.session_id.clone());
    let sampled = ids().flat_map(|id| {
        (0..4)
            .map(move |n| ((id.clone(), format!("id of w{{n={n}}}")), Sampled { samples: 30, seconds: 3.0 }))
    });
    let costs = Costs { sessions: ids().map(|id| (id, 20.0)).collect(), sampled: sampled.collect() };
    let found = reproducibility(&selected, &measured, &Options { costs, ..Options::default() });
    let next = found.next_run.as_ref().unwrap();
    assert!((next.seconds.unwrap() - 20.0 * next.sessions.unwrap() as f64).abs() < 1e-9, "{next:?}");
    assert_eq!(next.sessions, found.benchmarks.iter().filter_map(|it| it.plan?.sessions).max());
    for benchmark in &found.benchmarks {
        let plan = benchmark.plan.unwrap();
        // t(0.975; n − 1)·cv/√n, with t above the normal quantile: a little more than (1.96·cv/0.01)².
        let normal = (1.96 * benchmark.spread.unwrap().cv / 0.01).powi(2);
        let sessions = plan.sessions.unwrap() as f64;
        assert!(sessions >= normal && sessions <= normal + 4.0, "{sessions} of {normal}");
        let cheapest = plan.cheapest.unwrap();
        assert!(cheapest.samples >= 30 && cheapest.seconds <= 1.1 * cheapest.instead_of, "{cheapest:?}");
    }
    assert!(table(&found).contains("one after the other"));
    let without = reproducibility(&selected, &measured, &Options::default());
    assert_eq!(
        (without.benchmarks[0].plan.unwrap().seconds, without.benchmarks[0].plan.unwrap().cheapest),
        (None, None)
    );
}

/// Where no sensible number of sessions is enough, that is said of the next run, with the benchmarks; what can be
/// planned beside them is.
#[test]
fn precision_out_of_reach_is_said() {
    let judge = |precision, (selected, measured): &(Selected, Vec<Measured>)| {
        reproducibility(selected, measured, &Options { precision, ..Options::default() })
    };
    let noisy = of_one_node(&[1.0, 1.02, 0.99, 1.01]);
    let found = judge(1e-6, &noisy);
    let next = found.next_run.as_ref().unwrap();
    assert_eq!((next.sessions, next.beyond.len()), (None, 1));
    let text = table(&found);
    assert!(
        text.contains(
            "No sensible number of sessions brings 1 benchmark within ±0.0001 %: 1000000 are not enough"
        ),
        "{text}"
    );
    let (selected, mut measured) = noisy;
    let (_, exact) = of_one_node(&[1.0; 4]);
    measured.push(Measured { label: "exact".into(), benchmark_id: "exact".into(), ..exact[0].clone() });
    let both = table(&judge(1e-6, &(selected, measured)));
    assert!(both.contains("the next run needs 2 sessions") && both.contains("(w"), "{both}");
    assert!(both.contains("No sensible number of sessions brings 1 benchmark"), "{both}");
    assert!(judge(0.01, &of_one_node(&[1.0])).next_run.is_none());
}

/// What a session remarked is shown beside the benchmark; what a selection mixes is said.
#[test]
fn doubts_are_told() {
    let (mut selected, mut measured) = of_one_node(&[1.0, 1.01, 0.99]);
    measured[0].observed[1].flags = vec!["noisy".into(), "throttled".into()];
    selected.sessions[2].commit = Some("2222bbb".into());
    let found = reproducibility(&selected, &measured, &Options::default());
    assert_eq!(found.benchmarks[0].flags, BTreeMap::from([("noisy".into(), 1), ("throttled".into(), 1)]));
    let text = table(&found);
    assert!(text.contains("[noisy throttled]") && text.contains("of 2 commits"), "{text}");
    let text = explain(&found.benchmarks[0], &found).join("\n");
    assert!(text.contains("`noisy` in 1 session"), "{text}");
}

/// The same measurements give the same answer, byte for byte, in whatever order and parts they come.
#[test]
fn answers_are_deterministic() {
    let (selected, mut measured) = Fleet { factors: vec![1.1], ..Fleet::default() }.measure(1);
    let of = |measured: &[Measured]| {
        serde_json::to_string(&reproducibility(&selected, measured, &Options::default())).unwrap()
    };
    let first = of(&measured);
    measured.reverse();
    assert_eq!(of(&measured), first);
    let mut assessed = Assessed::default();
    for part in measured.chunks(2) {
        assessed.add(&selected, part, &Options::default());
    }
    let parts = assessed.whole(&selected, &Options::default());
    assert_eq!(serde_json::to_string(&parts).unwrap(), first);
    assert!(serde_json::from_str::<serde_json::Value>(&first).unwrap()["off"][0]["name"] == "node-0");
}

/// What people read: the table, the sentences, Markdown; worst first, within 120 columns.
#[test]
fn forms() {
    let mut fleet = Fleet { nodes: 4, factors: vec![1.0, 1.06], benchmarks: 3, ..Fleet::default() };
    fleet.session_cv = 0.02;
    let (mut selected, measured) = fleet.measure(6);
    for session in selected.sessions.iter_mut().filter(|session| session.node == "node-1") {
        session.environment.insert("cpu.governor".into(), "powersave".into());
    }
    let costs = Costs {
        sessions: selected.sessions.iter().map(|session| (session.session_id.clone(), 42.0)).collect(),
        ..Costs::default()
    };
    let found = reproducibility(&selected, &measured, &Options { costs, ..Options::default() });
    let text = table(&found);
    assert!(text.lines().filter(|line| line.starts_with(['│', '┌'])).all(|line| line.chars().count() <= 120));
    insta::assert_snapshot!("table", text);
    insta::assert_snapshot!("explained", explain(&found.benchmarks[0], &found).join("\n"));
    insta::assert_snapshot!("markdown", markdown(&found));
    let mut csv = Vec::new();
    benchlake_analytics::format::write(
        &answer(&found).unwrap(),
        benchlake_analytics::format::Format::Csv,
        &mut csv,
    )
    .unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.starts_with("label,arm,metric,unit,reproducible,sessions,nodes,samples,"), "{csv}");
    assert_eq!(csv.lines().count(), 4);
}

/// The page holds everything and fetches nothing; a name cannot break out of it; a dot per session.
#[test]
fn the_page_is_whole() {
    let (selected, mut measured) = Fleet { factors: vec![1.1], ..Fleet::default() }.measure(1);
    measured[0].label = "<script>alert(1)</script>".into();
    let found = reproducibility(&selected, &measured, &Options::default());
    let html = page(&found, "series=3");
    assert!(!html.contains("<script") && !html.contains("http") && html.contains("--at series=3"));
    assert_eq!(html.matches("<circle").count(), 4 * 30);
    assert_eq!(html.matches("<svg").count(), 4);
    // With PAGE set to a file the page stays there, to be looked at.
    if let Some(file) = std::env::var_os("PAGE") {
        std::fs::write(file, html).unwrap();
    }
}
