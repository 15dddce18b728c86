//! How quiet the machine is: a short probe before a suite.

use super::{Cpus, Quanta, Ticks, ticks::ratio};
use crate::{environment::read_text, measure::Clock};
use rustix::thread::sched_setaffinity;
use std::{collections::BTreeMap, fmt, path::Path, thread, time::Duration};

/// The share of its time beyond which a machine is called noisy, by the probe or while it measures:
/// see `docs/machine.md` for how it was chosen.
pub const LIMIT: f64 = 0.02;

/// How long each processor is probed, and how long all of them together at most.
const EACH: Duration = Duration::from_millis(200);
const ALL: Duration = Duration::from_secs(1);
/// A part of the time goes before the first quantum that counts: clocks wake up, the quantum is calibrated.
const WARMUP: u32 = 10;
/// A quantum that took this many times the median of its processor was interrupted.
const INTERRUPTED: f64 = 1.25;

/// How quiet the machine is, from a fixed quantum of work that was repeated on each of its processors.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// Processors that were probed.
    pub cpus: usize,
    /// For how long, in all, in seconds.
    pub seconds: f64,
    /// The fastest quantum of any processor, in seconds.
    pub quantum: f64,
    /// The share of the time that was lost: Σ(t − min) / Σt, the minimum being each processor's own.
    pub lost: f64,
    /// The median time of a quantum over its processor's minimum.
    pub median: f64,
    /// The 99th percentile (nearest rank) of the same.
    pub p99: f64,
    /// The largest of the same.
    pub max: f64,
    /// Quanta that took 1.25 times their processor's median or longer, per second.
    pub interruptions: f64,
    /// The share of the probed processors' time that the hypervisor gave to others; `None` where that is
    /// not visible.
    pub steal: Option<f64>,
    /// The load average over a minute.
    pub load: Option<f64>,
}

/// Probes each of `cpus`, one after the other: 200 ms each, at most a second in all. Other
/// threads of this process should be idle meanwhile.
#[must_use]
pub fn probe(cpus: &Cpus) -> Noise {
    let root = Path::new("/");
    let count = u32::try_from(cpus.len()).unwrap_or(u32::MAX).max(1);
    let each = EACH.min(ALL / count);
    let clock = Clock::calibrate();
    let load = read_text(&root.join("proc/loadavg"));
    let before = Ticks::read(root, Some(cpus));
    let times: Vec<Vec<u64>> = thread::scope(|scope| {
        let on = |cpu: usize| {
            let probed = scope.spawn(move || {
                // Where pinning is refused, the probe runs where the scheduler puts it.
                let _ = sched_setaffinity(None, &[cpu].into_iter().collect::<Cpus>().mask());
                of_this_cpu(clock, each)
            });
            // A probe that panicked has seen nothing.
            probed.join().unwrap_or_default()
        };
        cpus.iter().map(on).collect()
    });
    let after = Ticks::read(root, Some(cpus));
    let steal = before.zip(after).and_then(|(before, after)| after.steal_since(before));
    let load = load.and_then(|load| load.split(' ').next()?.parse().ok());
    Noise { steal, load, ..of_times(&times) }
}

fn of_this_cpu(clock: Clock, time: Duration) -> Vec<u64> {
    let warmup = time / WARMUP;
    Quanta::calibrated(clock, warmup).take(warmup);
    Quanta::calibrated(clock, time).take(time - warmup).to_vec()
}

/// What the quanta of each processor come to, in nanoseconds.
fn of_times(times: &[Vec<u64>]) -> Noise {
    let mut ratios = Vec::new();
    let (mut total, mut lost, mut interruptions, mut quantum) = (0, 0, 0_u64, u64::MAX);
    for times in times {
        let mut sorted = times.clone();
        sorted.sort_unstable();
        let Some(&least) = sorted.first() else { continue };
        let (least, median) = (least.max(1), sorted[sorted.len() / 2]);
        total += sorted.iter().sum::<u64>();
        lost += sorted.iter().map(|time| time.saturating_sub(least)).sum::<u64>();
        let interrupted = sorted.iter().filter(|time| ratio(**time, median.max(1)) >= INTERRUPTED);
        interruptions += u64::try_from(interrupted.count()).unwrap_or(u64::MAX);
        quantum = quantum.min(least);
        ratios.extend(sorted.iter().map(|time| ratio(*time, least)));
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let seconds = Duration::from_nanos(total).as_secs_f64();
    Noise {
        cpus: times.iter().filter(|times| !times.is_empty()).count(),
        seconds,
        quantum: Duration::from_nanos(if ratios.is_empty() { 0 } else { quantum }).as_secs_f64(),
        lost: if total > 0 { ratio(lost, total) } else { 0.0 },
        median: nearest_rank(&ratios, 50),
        p99: nearest_rank(&ratios, 99),
        max: ratios.last().copied().unwrap_or(1.0),
        interruptions: if total > 0 { ratio(interruptions, 1) / seconds } else { 0.0 },
        steal: None,
        load: None,
    }
}

/// The value of rank ⌈n·p/100⌉ in ascending order; 1 of none.
fn nearest_rank(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(1.0)
}

impl Noise {
    /// Whether more than [`LIMIT`] of the time was lost or stolen.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        self.lost > LIMIT || self.steal.is_some_and(|steal| steal > LIMIT)
    }

    /// The figures as facts of a session's environment: `noise.lost`, `noise.p99` and so on.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, String> {
        let figures = [
            ("cpus", Some(self.cpus.to_string())),
            ("quantum", Some(format!("{:.9}", self.quantum))),
            ("lost", Some(format!("{:.5}", self.lost))),
            ("median", Some(format!("{:.4}", self.median))),
            ("p99", Some(format!("{:.4}", self.p99))),
            ("max", Some(format!("{:.4}", self.max))),
            ("interruptions", Some(format!("{:.1}", self.interruptions))),
            ("steal", self.steal.map(|steal| format!("{steal:.5}"))),
            ("load", self.load.map(|load| load.to_string())),
        ];
        let known = figures.into_iter().filter_map(|(key, value)| Some((format!("noise.{key}"), value?)));
        known.collect()
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_noisy() { "noisy" } else { "quiet" };
        let Self { lost, p99, max, interruptions, cpus, .. } = self;
        write!(f, "{word}: {:.2} % of the time lost", lost * 100.0)?;
        if let Some(steal) = self.steal {
            write!(f, ", {:.2} % stolen", steal * 100.0)?;
        }
        write!(f, " (limit {:.0} %); ", LIMIT * 100.0)?;
        write!(f, "a quantum of {:.1} µs takes {p99:.2} × that in 1 of 100, ", self.quantum * 1e6)?;
        write!(f, "{max:.0} × at most, and is interrupted {interruptions:.0} times a second ")?;
        let processors = if *cpus == 1 { "processor" } else { "processors" };
        write!(f, "({cpus} {processors}, {:.1} s)", self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An undisturbed processor loses nothing; one that lost half of its time to one interruption does.
    #[test]
    fn figures_of_known_times() {
        let quiet = of_times(&[vec![20_000; 100]]);
        assert_eq!((quiet.lost, quiet.max, quiet.interruptions), (0.0, 1.0, 0.0));
        assert!(!quiet.is_noisy());
        let mut times = vec![20_000; 99];
        times.push(20_000 + 2_000_000);
        let noisy = of_times(&[times]);
        assert!((noisy.lost - 0.5).abs() < 1e-12, "{noisy:?}");
        assert!((noisy.max - 101.0).abs() < 1e-12 && (noisy.p99 - 1.0).abs() < 1e-12, "{noisy:?}");
        assert!((noisy.interruptions - 250.0).abs() < 1e-9, "{noisy:?}");
        assert!(noisy.is_noisy());
    }

    /// A slower processor is held against itself, not against a faster one.
    #[test]
    fn processors_have_their_own_minimum() {
        let noise = of_times(&[vec![20_000; 50], vec![30_000; 50], Vec::new()]);
        assert_eq!((noise.lost, noise.cpus), (0.0, 2));
        assert!((noise.quantum - 20e-6).abs() < 1e-12);
    }

    /// Nothing probed is nothing known, and no figure that is not a number.
    #[test]
    fn nothing_probed() {
        let nothing = of_times(&[]);
        assert_eq!((nothing.cpus, nothing.lost, nothing.max, nothing.quantum), (0, 0.0, 1.0, 0.0));
        assert!(nothing.facts().values().all(|value| !value.contains("NaN")));
    }

    /// Time stolen by a hypervisor makes a machine noisy too; where it is not visible, it is left out.
    #[test]
    fn steal_counts() {
        let quiet = of_times(&[vec![20_000; 100]]);
        assert!(!quiet.facts().contains_key("noise.steal"));
        let stolen = Noise { steal: Some(0.1), ..quiet };
        assert!(stolen.is_noisy());
        assert_eq!(stolen.facts()["noise.steal"], "0.10000");
        assert!(stolen.to_string().starts_with("noisy: 0.00 % of the time lost, 10.00 % stolen (limit 2 %)"));
    }

    /// `docs/machine.md` names every figure that is kept, and the limit that is in force.
    #[test]
    fn the_documentation_has_every_figure() {
        let guide = include_str!("../../../docs/machine.md");
        let all = Noise { steal: Some(0.0), load: Some(0.0), ..of_times(&[vec![20_000]]) };
        for key in all.facts().keys() {
            assert!(guide.contains(&format!("`{key}`")), "{key}");
        }
        assert!(guide.contains(&format!("**The limit is {} %**", LIMIT * 100.0)));
        assert!(guide.contains(&format!("{INTERRUPTED} × the median")));
    }

    /// The probe sees this machine, within its time.
    #[test]
    fn this_machine_is_probed() {
        let cpus = Cpus::allowed().expect("an affinity");
        let noise = probe(&cpus);
        assert_eq!(noise.cpus, cpus.len());
        assert!(noise.quantum > 5e-6 && noise.quantum < 1e-4, "{noise:?}");
        assert!((0.0..1.0).contains(&noise.lost) && noise.max >= noise.p99 && noise.p99 >= noise.median);
        assert!(noise.seconds > 0.001 && noise.seconds < 30.0, "{noise:?}");
    }
}
