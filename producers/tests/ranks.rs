//! Several processes measure together: in step, by the slowest, and none goes on without the others. The
//! program is its own ranks: launched as a session it measures the workloads below.

#![expect(clippy::print_stdout, reason = "a test that is its own program says what passed")]

mod spooled;

use benchlake_producers::{
    measure::{Policy, Workload, WrongResult},
    ranks::Group,
    session::{
        self, Builtin, Refused, SessionError, SessionEvent, SessionSpec, Workloads,
        supervise::{ARGUMENTS, Told, supervise},
    },
    suite::{Planned, Suite, SuiteError},
};
use benchlake_schemas::{Benchmark, Check, Event, Metric, Phase, Series, Session, Status, StopReason, Work};
use rustix::process::{Signal, getpid, kill_process};
use spooled::rows;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, io,
    path::Path,
    process::ExitCode,
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

const SUITE: &str = "name = \"ranks\"\n[program]\npath = \"ranks\"\nharness = true\n";
const RANKS: usize = 3;
/// Every benchmark; `alone` is measured by one rank.
const NAMES: [&str; 8] = ["alone", "dies", "hangs", "lacks", "lies", "panics", "ranks.barrier", "slow"];

/// What the ranks of this program measure.
struct Hostile;

impl Workloads for Hostile {
    fn plan(&self, _: &Suite) -> Result<Vec<Planned>, SuiteError> {
        let policy = Policy {
            warmup: Duration::from_millis(1),
            warmup_max: Duration::from_millis(50),
            min_time: Duration::from_millis(1),
            min_samples: 5,
            max_samples: 200,
            max_time: Duration::from_millis(300),
            timeout: Some(Duration::from_secs(3)),
            ..Policy::default()
        };
        let planned = |name: &str| {
            let benchmark = Benchmark::new(name);
            let benchmark = if name == "alone" { benchmark } else { benchmark.with("ranks", RANKS) };
            Planned { benchmark, policy: policy.clone() }
        };
        Ok(NAMES.into_iter().map(planned).collect())
    }

    fn open(&self, benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, Refused> {
        let rank = env::var("CUDA_VISIBLE_DEVICES").expect("a device a rank");
        match benchmark.name.as_str() {
            "ranks.barrier" => Builtin::default().open(benchmark, seed),
            "lacks" if rank == "GPU-1" => Err(Refused::Skipped("it has no such thing".into())),
            name => Ok(Box::new(Odd { name: name.to_owned(), group: Group::alone(), runs: 0 })),
        }
    }

    fn ranks(&self, benchmark: &Benchmark) -> usize {
        benchmark.parameters.get("ranks").map_or(1, |ranks| ranks.parse().expect("a number"))
    }
}

/// Does what its name says, at one of its ranks.
struct Odd {
    name: String,
    group: Group,
    runs: u32,
}

impl Workload for Odd {
    fn join(&mut self, group: &Group) -> Result<(), Refused> {
        self.group = group.clone();
        Ok(())
    }

    fn run(&mut self, iterations: u64) {
        self.runs += 1;
        match (self.name.as_str(), self.group.rank()) {
            ("dies", 2) if self.runs > 3 => kill_process(getpid(), Signal::KILL).expect("it dies"),
            ("panics", 1) if self.runs > 3 => panic!("as planned"),
            ("hangs", 1) => thread::sleep(Duration::from_secs(1000)),
            ("slow", rank) => {
                (0..iterations).for_each(|_| thread::sleep(Duration::from_millis(1 + rank as u64)))
            }
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        let wrong = self.name == "lies" && self.group.rank() == 2;
        WrongResult::judge(&self.name, "the truth", if wrong { 1.0 } else { 0.0 }, 0.5)
    }

    fn work(&self) -> Work {
        Work::default()
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words == ARGUMENTS {
        return rank();
    }
    everything_is_measured_together_or_fails_for_all();
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}

/// One process of a session.
fn rank() -> ExitCode {
    let spec: SessionSpec = serde_json::from_reader(io::stdin()).expect("a specification");
    let mut tell = |event| println!("{}", serde_json::to_string(&event).expect("an event"));
    match session::run(&spec, &Hostile, &AtomicBool::new(false), &mut tell) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let abandoned =
                matches!(&error, SessionError::Ranks(error) if error.to_string().starts_with("rank"));
            ExitCode::from(if abandoned { benchlake_producers::process::exit::ABANDONED } else { 1 })
        }
    }
}

/// What rank 0 told of a benchmark, and how long after it had begun.
type Outcome = (Result<Vec<f64>, (StopReason, String)>, Duration);

/// Ranks sample in step and the slowest counts; one that dies, hangs, panics, lies or lacks something fails that benchmark for
/// all, by name and within two seconds or its time-out; the benchmarks left are measured.
fn everything_is_measured_together_or_fails_for_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().join("spool");
    let suite = Suite::parse(SUITE, "ranks.toml").expect("a suite");
    let spec = SessionSpec {
        counters: false,
        world_size: RANKS as i64,
        devices: (0..RANKS).map(|rank| format!("GPU-{rank}")).collect(),
        ..SessionSpec::new(&suite, "ranks.toml", spool.clone(), 1)
    };
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut begun = Instant::now();
    let program = env::current_exe().expect("this program");
    let status = supervise(&program, spec, &AtomicBool::new(false), &mut |told| match told {
        Told::Event(SessionEvent::Measuring { .. }) => begun = Instant::now(),
        Told::Event(SessionEvent::Measured { benchmark, times, .. }) => {
            outcomes.insert(benchmark.name, (Ok(times), begun.elapsed()));
        }
        Told::Event(SessionEvent::Failed { benchmark, reason, error }) => {
            outcomes.insert(benchmark.name, (Err((reason, error)), begun.elapsed()));
        }
        _ => {}
    });
    assert_eq!(status.expect("it was launched"), Status::Failed);
    assert_eq!(outcomes.keys().map(String::as_str).collect::<Vec<_>>(), NAMES, "{outcomes:?}");
    let failed = |name: &str, reason: StopReason, says: &str, within: u64| {
        let (Err((found, error)), after) = &outcomes[name] else { panic!("{name}: {outcomes:?}") };
        assert!(*found == reason && error.contains(says), "{name}: {found} {error}");
        assert!(*after < Duration::from_secs(within), "{name}: {after:?}");
    };
    failed("dies", StopReason::Crashed, "rank 2 died: its process ended (signal: 9", 2);
    failed("panics", StopReason::Crashed, "rank 1 died: its process ended", 2);
    failed("panics", StopReason::Crashed, "as planned", 2);
    failed("hangs", StopReason::TimedOut, "3s", 5);
    failed("lacks", StopReason::Skipped, "rank 1: it has no such thing", 2);
    failed("lies", StopReason::WrongResult, "rank 2: lies: wrong result", 2);
    for measured in ["alone", "ranks.barrier", "slow"] {
        assert!(matches!(&outcomes[measured].0, Ok(times) if times.len() >= 5), "{outcomes:?}");
    }
    let (Ok(slow), _) = &outcomes["slow"] else { panic!("{outcomes:?}") };
    assert!(slow.iter().all(|time| *time >= 3e-3), "rank 2 sleeps 3 ms: {slow:?}");
    recorded(&spool);
}

/// The spool says the same, with the samples of every rank.
fn recorded(spool: &Path) {
    let series: Vec<Series> = rows(spool);
    let of = |name: &str, phase: Phase| -> BTreeMap<i64, &Series> {
        let time = Metric::Time.to_string();
        let wanted = |row: &&Series| row.benchmark == name && row.phase == phase && row.metric == time;
        series.iter().filter(wanted).map(|row| (row.rank, row)).collect()
    };
    for name in ["ranks.barrier", "slow"] {
        for phase in [Phase::Warmup, Phase::Measure] {
            let ranks = of(name, phase);
            assert_eq!(ranks.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "{name}");
            let in_step: BTreeSet<_> = ranks.values().map(|row| (row.session_id, &row.iterations)).collect();
            assert_eq!(in_step.len(), 1, "{name}: {in_step:?}");
        }
    }
    for (rank, row) in of("slow", Phase::Measure) {
        let least = 1e-3 * (1 + rank) as f64;
        assert!(
            row.samples.iter().zip(&row.iterations).all(|(time, k)| *time >= least * *k as f64),
            "{row:?}"
        );
    }
    assert_eq!(of("alone", Phase::Measure).keys().copied().collect::<Vec<_>>(), [0]);
    let without: Vec<_> = series.iter().filter(|row| row.samples.is_empty()).collect();
    let of_rank: BTreeMap<_, _> = without.iter().map(|row| (row.benchmark.as_str(), row.rank)).collect();
    assert_eq!(without.len(), 5, "each is recorded once: {without:?}");
    assert_eq!(of_rank, [("dies", 2), ("hangs", 0), ("lacks", 0), ("lies", 0), ("panics", 1)].into());
    let sessions: Vec<Session> = rows(spool);
    let keys = |event: Event| -> BTreeSet<_> {
        let rows = sessions.iter().filter(|row| row.event == event);
        rows.map(|row| (row.session_id, row.rank, row.world_size)).collect()
    };
    let (starts, ends) = (keys(Event::Start), keys(Event::End));
    assert_eq!(starts, ends);
    assert_eq!(starts.len() * 2, sessions.len(), "each rank has one start and one end");
    assert!(starts.len().is_multiple_of(RANKS) && starts.iter().all(|(_, _, size)| *size == 3), "{starts:?}");
}
