//! Comparisons of arms: identical ones, and one with 2 % more work; ours and criterion's.

use crate::{
    peer::{Change, Criterion, plain},
    rule::{MINIMUM_EFFECT, Ratio, median},
    session::{KINDS_OF_WORK, Run},
    share::Share,
};
use anyhow::{Result, ensure};
use measure_peers::kinds::{KINDS, SLOWER, STEPS};
use std::{collections::BTreeMap, path::Path, time::Instant};

/// Sessions of each arm.
const SESSIONS: usize = 10;
/// What criterion warms up and measures for, in seconds, an arm: as long as ours in all its sessions.
const WARM_UP: f64 = 0.1;
const MEASUREMENT: f64 = 0.3;

/// A rule by which ours are called different.
type Rule = fn(&[(f64, f64)]) -> Ratio;
/// Ours, by name; criterion has its own.
const RULES: [(&str, Rule); 2] =
    [("benchlake, by order, 97.9 %", Ratio::by_order), ("benchlake, Student's t, 95 %", Ratio::of)];

/// What came of the comparisons with one candidate, by one rule.
#[derive(Default)]
struct Outcome {
    /// Called different, in either direction.
    different: Share,
    /// Called slower.
    slower: Share,
    /// How often it was not called slower, by the kind of work.
    missed: BTreeMap<String, u32>,
    /// Ours alone: the ratios with their intervals.
    ratios: Vec<Ratio>,
}

impl Outcome {
    fn add(&mut self, kind: &str, different: bool, slower: bool) {
        self.different.add(different);
        self.slower.add(slower);
        if !slower {
            *self.missed.entry(kind.to_owned()).or_default() += 1;
        }
    }
}

/// By the name of the rule and the candidate's steps.
type Outcomes = BTreeMap<(&'static str, usize), Outcome>;

const CRITERION: &str = "criterion, its own";

/// Compares each kind of work with itself and with 2 % more of it, `repeats` times, and prints the
/// tables.
pub(crate) fn comparisons(repeats: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    print_work(&plain("kinds")?);
    let (mut outcomes, mut seconds) = (Outcomes::new(), [0.0; 2]);
    for repeat in 0..repeats {
        for steps in [STEPS, SLOWER] {
            let start = Instant::now();
            compare_ours(steps, folder.path(), &mut outcomes)?;
            seconds[0] += start.elapsed().as_secs_f64();
            let start = Instant::now();
            let theirs = outcomes.entry((CRITERION, steps)).or_default();
            compare_criterion(steps, folder.path(), theirs)?;
            seconds[1] += start.elapsed().as_secs_f64();
        }
        eprintln!("compared {} of {repeats} times", repeat + 1);
    }
    print(&outcomes);
    let comparisons = (2 * repeats * KINDS.len()) as f64;
    let [ours, theirs] = seconds.map(|seconds| seconds / comparisons);
    println!("  seconds a comparison: ours {ours:.2}, criterion's {theirs:.2}");
    Ok(())
}

/// Shares by rule, what was missed, and how wide the intervals are.
fn print(outcomes: &Outcomes) {
    println!(
        "comparisons: {SESSIONS} sessions an arm in pairs, A B B A; different: the interval excludes 1 and \
         the effect is at least {} %\n",
        100.0 * MINIMUM_EFFECT
    );
    println!("  {:<30} {:<34} {:<34}", "", "identical arms called different", "2 % slower arm found");
    let rules = RULES.map(|(name, _)| name);
    for name in rules.into_iter().chain([CRITERION]) {
        let (same, slower) = (&outcomes[&(name, STEPS)], &outcomes[&(name, SLOWER)]);
        println!("  {name:<30} {:<34} {:<34}", same.different, slower.slower);
        let missed: Vec<_> = slower.missed.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        println!("  {:<30} not found: {}", "", missed.join(", "));
    }
    for name in rules {
        for (arm, steps) in [("identical", STEPS), ("2 % slower", SLOWER)] {
            print_ratios(&format!("{name}: {arm}"), &outcomes[&(name, steps)].ratios);
        }
    }
}

/// What the kinds of work take, and whether 2 % more steps take 2 % more time.
fn print_work(kinds: &BTreeMap<String, Vec<f64>>) {
    println!("kinds of work, in the plain loop: ns, and the ratio of {SLOWER} steps to {STEPS}");
    for (name, values) in kinds {
        println!("  {name:<16} {:>8.0} {:>8.4}", values[0], values[1]);
    }
    let ratios: Vec<f64> = kinds.values().map(|values| values[1]).collect();
    println!("  {:<16} {:>8} {:>8.4}\n", "median", "", median(&ratios));
}

/// How wide our intervals are, and where they lie.
fn print_ratios(name: &str, ratios: &[Ratio]) {
    let of = |value: fn(&Ratio) -> f64| median(&ratios.iter().map(value).collect::<Vec<_>>());
    println!(
        "  {name}: median ratio {:.4}, median half-width ± {:.2} %",
        of(|ratio| ratio.ratio),
        of(|ratio| 50.0 * (ratio.high - ratio.low) / ratio.ratio)
    );
}

/// One comparison of every kind of work by our sessions: A B B A A B B A …, so that what drifts hits
/// both arms alike.
fn compare_ours(steps: usize, folder: &Path, outcomes: &mut Outcomes) -> Result<()> {
    let mut run = Run::new(&KINDS_OF_WORK, &folder.join("spool"))?;
    let mut pairs: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for pair in 0..SESSIONS {
        let (baseline, mut candidate);
        if pair % 2 == 0 {
            baseline = run.session("baseline", STEPS)?;
            candidate = run.session("candidate", steps)?;
        } else {
            candidate = run.session("candidate", steps)?;
            baseline = run.session("baseline", STEPS)?;
        }
        for (name, baseline) in baseline {
            let candidate = candidate.remove(&name).unwrap_or(f64::NAN);
            pairs.entry(name).or_default().push((baseline, candidate));
        }
    }
    ensure!(pairs.len() == KINDS.len(), "{} of {} kinds were measured", pairs.len(), KINDS.len());
    for (name, rule) in RULES {
        let outcome = outcomes.entry((name, steps)).or_default();
        for (kind, pairs) in &pairs {
            let ratio = rule(pairs);
            outcome.add(kind.trim_start_matches("kind_"), ratio.is_different(), ratio.is_slower());
            outcome.ratios.push(ratio);
        }
    }
    Ok(())
}

/// The same by criterion: a baseline that is saved, and what it says of the next process.
fn compare_criterion(steps: usize, folder: &Path, outcome: &mut Outcome) -> Result<()> {
    let home = folder.join("criterion");
    let criterion = Criterion::new(&home, WARM_UP, MEASUREMENT);
    criterion.save_base(STEPS)?;
    let changes = criterion.changes(steps)?;
    ensure!(changes.len() == KINDS.len(), "criterion said {} times what changed", changes.len());
    for (kind, change) in KINDS.iter().zip(changes) {
        outcome.add(kind.name, change != Change::None, change == Change::Regressed);
    }
    Ok(())
}
