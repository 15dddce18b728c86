//! How often intervals hold the truth.

use crate::{
    rate::Rate,
    reasons,
    repeat::{Random, counts, stream},
    scenario::{Scenario, normal},
    statistic::{Sample, Statistic, Truth},
    table::{Table, marked},
};
use benchlake_analytics::stats::median;
use rand::RngExt;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// What an interval at 95 % may cover without a reason.
pub(crate) const LOW: f64 = 0.935;
pub(crate) const HIGH: f64 = 0.965;
/// Values of the sample that stands for the truth.
const MANY: u64 = 400_000;

/// Where values come from.
pub(crate) trait Source: Copy + Sync {
    fn name(self) -> &'static str;
    /// `n` independent values.
    fn sample(self, n: usize, rng: &mut Random) -> Sample;
}

/// The medians of independent sessions.
impl Source for Scenario {
    fn name(self) -> &'static str {
        Scenario::name(self)
    }

    fn sample(self, n: usize, rng: &mut Random) -> Sample {
        let sessions: Vec<Vec<f64>> = (0..n).map(|_| self.session(rng)).collect();
        let median = |session: &Vec<f64>| median(session).unwrap_or(f64::NAN);
        Sample { values: sessions.iter().map(median).collect(), sessions }
    }
}

/// Independent values without sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Normal,
    Lognormal,
    SlowMode,
}

impl Plain {
    pub(crate) const ALL: [Self; 3] = [Self::Normal, Self::Lognormal, Self::SlowMode];
}

impl Source for Plain {
    fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Lognormal => "lognormal, σ 0.3",
            Self::SlowMode => "10 % slow",
        }
    }

    fn sample(self, n: usize, rng: &mut Random) -> Sample {
        let mut value = || {
            let z = normal(rng);
            match self {
                Self::Normal => 1.0 + 0.01 * z,
                Self::Lognormal => (0.3 * z).exp(),
                Self::SlowMode => (1.0 + 0.01 * z) * if rng.random::<f64>() < 0.1 { 1.5 } else { 1.0 },
            }
        };
        Sample { values: (0..n).map(|_| value()).collect(), sessions: Vec::new() }
    }
}

/// Coverage of each statistic for each source and number of values.
pub(crate) fn coverage_table<S: Source>(
    sources: impl Iterator<Item = S>,
    sizes: &[usize],
    statistics: &[Statistic],
    repeats: u64,
) -> Table {
    let heading =
        ["distribution", "n"].into_iter().chain(statistics.iter().map(|one| one.name)).chain(["why"]);
    let mut table = Table::new(&heading.collect::<Vec<_>>());
    for source in sources {
        let truth = truth(source);
        for &n in sizes {
            let mut cells = vec![source.name().to_owned(), n.to_string()];
            let mut why: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for statistic in statistics {
                let Some((rate, stated)) = covered(source, n, statistic, &truth, repeats) else {
                    cells.push("refused".to_owned());
                    continue;
                };
                // What an order statistic cannot hit exactly it states.
                let (low, high) = reasons::limits(stated);
                let told = if stated > HIGH { format!(" of {:.1}", 100.0 * stated) } else { String::new() };
                cells.push(format!("{}{told}", marked(rate, low, high)));
                if !rate.is_within(low, high) {
                    let reason = reasons::of_coverage(statistic.name, source.name(), n, stated, rate);
                    why.entry(reason).or_default().push(statistic.name);
                }
            }
            let told = |(reason, names): (&str, Vec<&str>)| format!("{}: {reason}", names.join(", "));
            let why: Vec<String> = why.into_iter().map(told).collect();
            cells.push(why.join("; "));
            table.row(cells);
        }
    }
    table
}

/// The truth about a source, from a sample so large that its error does not count.
fn truth<S: Source>(source: S) -> Truth {
    const STREAMS: u64 = 8;
    let values = Mutex::new(Vec::new());
    counts("", STREAMS, |i, _| {
        let mut rng = stream(&format!("truth/{}", source.name()), i);
        let own: Vec<f64> = (0..MANY / STREAMS).map(|_| source.sample(1, &mut rng).values[0]).collect();
        // A poisoned lock holds values all the same.
        values.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
        [0]
    });
    Truth::of(values.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// How often the interval held the truth, and the level it states; `None` where it refuses.
fn covered<S: Source>(
    source: S,
    n: usize,
    statistic: &Statistic,
    truth: &Truth,
    repeats: u64,
) -> Option<(Rate, f64)> {
    let name = format!("coverage/{}/{}/{n}", statistic.name, source.name());
    let sample = |rng: &mut Random| source.sample(n, rng);
    let stated = {
        let mut rng = stream(&name, u64::MAX);
        (statistic.interval)(&sample(&mut rng), &sample(&mut rng))?.level
    };
    let truth = (statistic.truth)(truth);
    let [hits] = counts(&name, repeats, |_, rng| {
        let (first, second) = (sample(rng), sample(rng));
        let found = (statistic.interval)(&first, &second);
        [u64::from(found.is_some_and(|found| found.interval.low <= truth && truth <= found.interval.high))]
    });
    Some((Rate { hits, of: repeats }, stated))
}
