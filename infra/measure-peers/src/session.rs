//! Our side: sessions of the bodies, each a process of its own, as a launcher runs them.

use anyhow::{Context as _, Result, bail};
use benchlake_producers::{
    harness::Harness,
    session::{
        self, SessionEvent, SessionSpec,
        supervise::{Told, supervise},
    },
    suite::Suite,
};
use benchlake_schemas::{BenchmarkId, SessionId};
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

/// The sessions of the two bodies: as long as the peers are told to measure.
pub(crate) const BODIES: Sessions = Sessions {
    filter: "^body_",
    suite: r#"
name = "bodies"
[program]
path = "measure-peers"
harness = true
[policy]
warmup = "500ms"
min_time = "1s"
sample_time = "100us"
"#,
};

/// The sessions of the kinds of work: 30 ms of each. A sample is short, so that most
/// samples lie between two interrupts or turns of other processes, and the median is one of those.
pub(crate) const KINDS_OF_WORK: Sessions = Sessions {
    filter: "^kind_",
    suite: r#"
name = "kinds"
[program]
path = "measure-peers"
harness = true
[policy]
warmup = "10ms"
warmup_max = "100ms"
min_time = "30ms"
sample_time = "100us"
"#,
};

/// What sessions measure, and how long.
pub(crate) struct Sessions {
    filter: &'static str,
    suite: &'static str,
}

/// What this program measures, as a project registers its functions.
fn harness(steps: usize) -> Harness {
    let mut harness = Harness::new("measure-peers");
    harness.function("body_empty", |b| b.iter(empty));
    harness.function("body_five", |b| b.iter(|| five(black_box(SEED))));
    for kind in KINDS {
        harness.function(format!("kind_{}", kind.name), move |b| {
            let inputs = Inputs::default();
            b.iter(move || (kind.run)(&inputs, black_box(steps)))
        });
    }
    harness
}

/// Measures the session whose specification comes on standard input.
pub(crate) fn measure() -> Result<()> {
    let spec: SessionSpec = serde_json::from_reader(io::stdin().lock()).context("standard input")?;
    let steps = spec.tags.get(TAG).map_or(Ok(STEPS), |steps| steps.parse()).context("the tag `steps`")?;
    session::run(&spec, &harness(steps), &AtomicBool::new(false), &mut |event| {
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
    /// A new run of `sessions` that spools into `spool`.
    pub(crate) fn new(sessions: &Sessions, spool: &Path) -> Result<Self> {
        let suite = Suite::parse(sessions.suite, "measure-peers")?;
        let mut spec = SessionSpec::new(&suite, "measure-peers", spool.to_owned(), 1);
        spec.filter = Some(sessions.filter.to_owned());
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
