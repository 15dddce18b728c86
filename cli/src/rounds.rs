//! In which order the arms of a run are measured, and when enough sessions are measured: values, so
//! that a run can be judged without running.

use benchlake_analytics::stats::{Estimate, Resampling, paired_session_ratio, session_centre};
use benchlake_schemas::Benchmark;
use std::{collections::BTreeMap, fmt, time::Duration};

/// Sessions of each arm after which `--sessions auto` looks whether the intervals are narrow enough:
/// fixed beforehand, as looking after every session until it fits makes intervals too short.
const LOOKS: [u32; 10] = [5, 7, 10, 14, 20, 28, 40, 56, 80, 100];
/// The times of one arm's sessions, by their rounds.
pub(crate) type Rounds = BTreeMap<u32, Vec<f64>>;
/// The times of each benchmark, of each arm.
pub(crate) type Times = BTreeMap<Benchmark, BTreeMap<String, Rounds>>;

/// Which arm is measured when in `round`: forwards in even rounds, backwards in odd ones (A B B A), so
/// that what drifts evenly meets all arms alike.
pub(crate) fn order(arms: usize, round: u32) -> Vec<usize> {
    let forwards = 0..arms;
    if round.is_multiple_of(2) { forwards.collect() } else { forwards.rev().collect() }
}

/// How many sessions of each arm are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sessions {
    /// So many.
    Fixed(u32),
    /// Until every interval is within ± `precision`, or `budget` is spent.
    Auto { precision: f64, budget: Duration },
}

/// Why no further session is measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Enough {
    /// As many as were asked for.
    Counted,
    /// Every interval is narrow enough.
    Precise(Widest),
    /// One more round would probably exceed the budget.
    Spent(Option<Widest>),
    /// More sessions would not help much.
    Most(Option<Widest>),
}

/// The benchmark whose interval is the widest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Widest {
    benchmark: String,
    half_width: f64,
}

impl Sessions {
    /// Whether to stop after `rounds` rounds that took `elapsed`; `baseline` is the arm that the others
    /// are compared with.
    pub(crate) fn enough(
        self,
        rounds: u32,
        elapsed: Duration,
        times: &Times,
        baseline: &str,
    ) -> Option<Enough> {
        let (precision, budget) = match self {
            Self::Fixed(count) => return (rounds >= count).then_some(Enough::Counted),
            Self::Auto { precision, budget } => (precision, budget),
        };
        if LOOKS.contains(&rounds)
            && let Some(widest) = widest(times, baseline)
            && widest.half_width <= precision
        {
            return Some(Enough::Precise(widest));
        }
        if rounds >= LOOKS[LOOKS.len() - 1] {
            return Some(Enough::Most(widest(times, baseline)));
        }
        let next = elapsed + elapsed.checked_div(rounds).unwrap_or_default();
        (rounds > 0 && next > budget).then(|| Enough::Spent(widest(times, baseline)))
    }

    /// How many rounds there may be at least, for a bar.
    pub(crate) const fn expected(self) -> u32 {
        match self {
            Self::Fixed(count) => count,
            Self::Auto { .. } => LOOKS[0],
        }
    }
}

/// What is kept with every session of the run: the rule, before it was used.
impl fmt::Display for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(count) => write!(f, "{count}"),
            Self::Auto { precision, budget } => {
                let budget = humantime::format_duration(*budget);
                write!(f, "auto: ±{} %, looked at after {LOOKS:?}, budget {budget}", precision * 100.0)
            }
        }
    }
}

impl fmt::Display for Enough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (why, widest) = match self {
            Self::Counted => return f.write_str("all sessions measured"),
            Self::Precise(widest) => ("every interval is narrow enough", Some(widest)),
            Self::Spent(widest) => ("the budget is spent", widest.as_ref()),
            Self::Most(widest) => ("more sessions would not help much", widest.as_ref()),
        };
        f.write_str(why)?;
        match widest {
            Some(Widest { benchmark, half_width }) => {
                write!(f, ": the widest is ±{:.2} % of {benchmark}", half_width * 100.0)
            }
            None => f.write_str(": too few sessions for an interval"),
        }
    }
}

/// The widest interval of all, of the centre of a benchmark or, with several arms, of its ratios to the
/// `baseline`. What cannot be told of a benchmark that was measured is infinitely wide.
fn widest(times: &Times, baseline: &str) -> Option<Widest> {
    let mut widest: Option<Widest> = None;
    for (benchmark, arms) in times {
        let Some(base) = arms.get(baseline) else { continue };
        let estimates: Vec<Option<Estimate>> = if arms.len() == 1 {
            let sessions: Vec<_> = base.values().collect();
            vec![session_centre(&sessions, Resampling::default()).map(|effect| effect.estimate)]
        } else {
            arms.iter().filter(|(arm, _)| *arm != baseline).map(|(_, arm)| ratio(base, arm)).collect()
        };
        for estimate in estimates {
            let half_width = estimate.map_or(f64::INFINITY, |estimate| estimate.relative_half_width());
            if widest.as_ref().is_none_or(|widest| half_width > widest.half_width) {
                widest = Some(Widest { benchmark: benchmark.to_string(), half_width });
            }
        }
    }
    widest
}

/// The ratio of `candidate` to `baseline` with its interval, over the rounds in which both were
/// measured; `None` where it cannot be told.
pub(crate) fn ratio(baseline: &Rounds, candidate: &Rounds) -> Option<Estimate> {
    let both = baseline.iter().filter_map(|(round, times)| Some((times, candidate.get(round)?)));
    let (baseline, candidate): (Vec<_>, Vec<_>) = both.unzip();
    Some(paired_session_ratio(&baseline, &candidate, Resampling::default())?.estimate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A B, B A, A B, …: every arm is as often early as late.
    #[test]
    fn arms_are_interleaved() {
        let orders: Vec<_> = (0..4).map(|round| order(2, round)).collect();
        assert_eq!(orders, [[0, 1], [1, 0], [0, 1], [1, 0]]);
        assert_eq!(order(3, 1), [2, 1, 0]);
        assert_eq!(order(1, 1), [0]);
    }

    fn times(arms: &[(&str, f64)], sessions: usize, noise: f64) -> Times {
        let session = |scale: f64, i: usize| vec![scale * (1.0 + noise * ((i * 7 % 5) as f64 - 2.0)); 30];
        let of = |scale: f64| (0..sessions).map(|i| (i as u32, session(scale, i))).collect::<Rounds>();
        let arms = arms.iter().map(|(name, scale)| ((*name).to_owned(), of(*scale))).collect();
        Times::from([(Benchmark::new("w"), arms)])
    }

    const AUTO: Sessions = Sessions::Auto { precision: 0.01, budget: Duration::from_secs(100) };

    /// Precision is looked at on the schedule alone, though it was reached before.
    #[test]
    fn looks_are_fixed_beforehand() {
        let stop = |rounds: u32| {
            let times = times(&[("", 1.0)], rounds as usize, 0.0001);
            AUTO.enough(rounds, Duration::from_secs(1), &times, "")
        };
        assert!((0..5).all(|rounds| stop(rounds).is_none()));
        assert!(matches!(stop(5), Some(Enough::Precise(_))));
        assert_eq!(stop(6), None);
        assert!(matches!(stop(7), Some(Enough::Precise(_))));
    }

    /// Noise goes on until the budget would be exceeded, and says how wide the interval was left.
    #[test]
    fn the_budget_ends_it() {
        let noisy = times(&[("a", 1.0), ("b", 1.5)], 5, 0.1);
        assert_eq!(Sessions::Fixed(5).enough(4, Duration::ZERO, &noisy, "a"), None);
        assert_eq!(Sessions::Fixed(5).enough(5, Duration::ZERO, &noisy, "a"), Some(Enough::Counted));
        let single = times(&[("", 1.0)], 5, 0.1);
        assert_eq!(AUTO.enough(5, Duration::from_secs(50), &single, ""), None);
        let spent = AUTO.enough(5, Duration::from_secs(90), &single, "").expect("an end");
        assert!(matches!(spent, Enough::Spent(Some(_))));
        let text = spent.to_string();
        assert!(
            text.starts_with("the budget is spent: the widest is ±") && text.ends_with("% of w"),
            "{text}"
        );
        assert!(matches!(AUTO.enough(100, Duration::ZERO, &single, ""), Some(Enough::Most(_))));
    }

    /// Rounds in which one arm has no samples are left out; the others stay pairs.
    #[test]
    fn pairs_are_of_one_round() {
        let mut both = times(&[("a", 1.0), ("b", 1.5)], 8, 0.1);
        let arms = both.values_mut().next().expect("a benchmark");
        arms.get_mut("a").expect("an arm").remove(&2);
        arms.get_mut("b").expect("an arm").remove(&5);
        let found = ratio(&arms["a"], &arms["b"]).expect("six pairs");
        assert!((found.value - 1.5).abs() < 1e-9 && found.relative_half_width() < 1e-9, "{found:?}");
    }

    /// Arms are judged by their ratio: what disturbed both alike does not make it wider. Five pairs that agree
    /// exactly are one too few to exclude chance.
    #[test]
    fn arms_are_judged_by_their_ratio() {
        let shared = |sessions| times(&[("a", 1.0), ("b", 1.5)], sessions, 0.1);
        assert_eq!(AUTO.enough(5, Duration::ZERO, &shared(5), "a"), None);
        assert!(matches!(AUTO.enough(7, Duration::ZERO, &shared(7), "a"), Some(Enough::Precise(_))));
    }
}
