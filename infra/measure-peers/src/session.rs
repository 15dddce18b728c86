//! Our side: sessions of the bodies, each a process of its own, as a launcher runs them.

use anyhow::{Context as _, Result, bail};
use benchlake_producers::{
    measure::{Workload, WrongResult},
    session::{
        self, SessionEvent, SessionSpec, Workloads,
        supervise::{Told, supervise},
    },
    suite::{Planned, Suite, SuiteError},
};
use benchlake_schemas::{Benchmark, BenchmarkId, Check, SessionId, Work};
use measure_peers::{
    SEED, empty, five,
    kinds::{Inputs, KINDS, STEPS},
};
use std::{
    collections::BTreeMap,
    hint::black_box,
    io::{self, Write as _},
    path::Path,
    sync::atomic::AtomicBool,
};

/// The tag that tells a session how many steps a kind of work has: what is different in an arm.
const TAG: &str = "steps";

/// The suite of the two bodies, as long as the peers are told to measure.
pub(crate) const BODIES: &str = r#"
name = "bodies"
[policy]
warmup = "500ms"
min_time = "1s"
[[benchmark]]
workload = "bodies"
"#;

/// The suite of the kinds of work: 30 samples of a millisecond in each session.
pub(crate) const WORK: &str = r#"
name = "kinds"
[policy]
warmup = "10ms"
warmup_max = "100ms"
min_time = "30ms"
[[benchmark]]
workload = "kinds"
"#;

/// What this program measures.
struct Bodies {
    steps: usize,
}

impl Workloads for Bodies {
    fn plan(&self, suite: &Suite) -> Result<Vec<Planned>, SuiteError> {
        let names = match suite.name.as_str() {
            "bodies" => vec!["empty", "five"],
            _ => KINDS.iter().map(|kind| kind.name).collect(),
        };
        let planned = |name| Planned { benchmark: Benchmark::new(name), policy: suite.policy.clone() };
        Ok(names.into_iter().map(planned).collect())
    }

    fn open(&self, benchmark: &Benchmark, _seed: u64) -> Result<Box<dyn Workload>, String> {
        let name = benchmark.name.as_str();
        if let Some(kind) = KINDS.iter().find(|kind| kind.name == name) {
            let (inputs, steps) = (Inputs::default(), self.steps);
            return Ok(Box::new(Body(move || (kind.run)(&inputs, black_box(steps)))));
        }
        match name {
            "empty" => Ok(Box::new(Body(empty))),
            "five" => Ok(Box::new(Body(|| five(black_box(SEED))))),
            _ => Err(format!("there is no body {name:?}")),
        }
    }
}

/// A body in our loop.
struct Body<F>(F);

impl<F: FnMut() -> u64> Workload for Body<F> {
    fn run(&mut self, iterations: u64) {
        for _ in 0..iterations {
            black_box((self.0)());
        }
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        Ok(Check::default())
    }

    fn work(&self) -> Work {
        Work::default()
    }
}

/// Measures the session whose specification comes on standard input.
pub(crate) fn measure() -> Result<()> {
    let spec: SessionSpec = serde_json::from_reader(io::stdin().lock()).context("standard input")?;
    let steps = spec.tags.get(TAG).map_or(Ok(STEPS), |steps| steps.parse()).context("the tag `steps`")?;
    session::run(&spec, &Bodies { steps }, &AtomicBool::new(false), &mut |event| {
        if let Ok(line) = serde_json::to_string(&event) {
            // A launcher that went away does not stop a session.
            let _ = writeln!(io::stdout(), "{line}");
        }
    })?;
    Ok(())
}

/// The sessions of one run: k is chosen by the first and frozen for all others, whatever their arm.
pub(crate) struct Run {
    spec: SessionSpec,
}

impl Run {
    /// A new run of `suite` that spools into `spool`.
    pub(crate) fn new(suite: &str, spool: &Path) -> Result<Self> {
        let suite = Suite::parse(suite, "measure-peers")?;
        let mut spec = SessionSpec::new(&suite, "measure-peers", spool.to_owned(), 1);
        // They would be counted after the timed samples and are not looked at here.
        spec.counters = false;
        Ok(Self { spec })
    }

    /// One more session, of `arm`, whose kinds of work have that many steps: nanoseconds by body, each
    /// the median of the session's samples.
    pub(crate) fn session(&mut self, arm: &str, steps: usize) -> Result<BTreeMap<String, f64>> {
        self.spec.session_id = SessionId::new();
        self.spec.arm = Some(arm.to_owned());
        self.spec.tags.insert(TAG.to_owned(), steps.to_string());
        let (mut medians, mut chosen) = (BTreeMap::new(), BTreeMap::<BenchmarkId, u64>::new());
        let mut failed = Vec::new();
        let this = std::env::current_exe().context("this program's path")?;
        supervise(&this, self.spec.clone(), &AtomicBool::new(false), &mut |told| match told {
            Told::Event(SessionEvent::Measured { benchmark, iterations, times, .. }) => {
                chosen.insert(benchmark.id(), iterations);
                medians.insert(benchmark.name, crate::rule::median(&times) * 1e9);
            }
            Told::Event(SessionEvent::Failed { benchmark, error, .. }) => {
                failed.push(format!("{benchmark}: {error}"));
            }
            Told::Event(_) => {}
            Told::Said(text) => failed.push(text),
        })?;
        if !failed.is_empty() {
            bail!("a session failed: {}", failed.join("; "));
        }
        self.spec.position += 1;
        if self.spec.iterations.is_empty() {
            self.spec.iterations = chosen;
        }
        Ok(medians)
    }
}
