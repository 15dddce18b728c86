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

/// What came of the comparisons of one candidate, by one tool.
#[derive(Default)]
struct Outcome {
    /// Called different, in either direction.
    different: Share,
    /// Called slower.
    slower: Share,
    seconds: f64,
    /// Ours alone: the ratios with their intervals.
    ratios: Vec<Ratio>,
}

/// Compares each kind of work with itself and with 2 % more of it, `repeats` times, and prints the
/// tables.
pub(crate) fn comparisons(repeats: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    print_work(&plain("kinds")?);
    let mut ours: BTreeMap<usize, Outcome> = BTreeMap::new();
    let mut theirs: BTreeMap<usize, Outcome> = BTreeMap::new();
    for repeat in 0..repeats {
        for steps in [STEPS, SLOWER] {
            compare_ours(steps, folder.path(), ours.entry(steps).or_default())?;
            compare_criterion(steps, folder.path(), theirs.entry(steps).or_default())?;
        }
        eprintln!(
            "{} of {repeats}: ours {} | {}, criterion's {} | {}",
            repeat + 1,
            ours[&STEPS].different,
            ours[&SLOWER].slower,
            theirs[&STEPS].different,
            theirs[&SLOWER].slower
        );
    }
    println!(
        "comparisons: {SESSIONS} sessions an arm, ABBA, pairs; different: 95 % interval excludes 1 and the \
         effect is at least {} %\n",
        100.0 * MINIMUM_EFFECT
    );
    println!(
        "  {:<34} {:<36} {:<36} {:>8}",
        "", "identical arms called different", "2 % slower arm found", "s each"
    );
    for (name, outcome) in [("benchlake, 2 × 10 sessions", &ours), ("criterion, 2 processes", &theirs)] {
        let (same, slower) = (&outcome[&STEPS], &outcome[&SLOWER]);
        let comparisons = (2 * repeats * KINDS.len()) as f64;
        println!(
            "  {name:<34} {:<36} {:<36} {:>8.2}",
            same.different,
            slower.slower,
            (same.seconds + slower.seconds) / comparisons
        );
    }
    for (name, steps) in [("identical", STEPS), ("2 % slower", SLOWER)] {
        print_ratios(name, &ours[&steps].ratios);
    }
    Ok(())
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
fn compare_ours(steps: usize, folder: &Path, outcome: &mut Outcome) -> Result<()> {
    let start = Instant::now();
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
    for pairs in pairs.values() {
        let ratio = Ratio::of(pairs);
        outcome.different.add(ratio.is_different());
        outcome.slower.add(ratio.is_slower());
        outcome.ratios.push(ratio);
    }
    outcome.seconds += start.elapsed().as_secs_f64();
    Ok(())
}

/// The same by criterion: a baseline that is saved, and what it says of the next process.
fn compare_criterion(steps: usize, folder: &Path, outcome: &mut Outcome) -> Result<()> {
    let start = Instant::now();
    let home = folder.join("criterion");
    let criterion = Criterion::new(&home, WARM_UP, MEASUREMENT);
    criterion.save_base(STEPS)?;
    let changes = criterion.changes(steps)?;
    ensure!(changes.len() == KINDS.len(), "criterion said {} times what changed", changes.len());
    for change in changes {
        outcome.different.add(change != Change::None);
        outcome.slower.add(change == Change::Regressed);
    }
    outcome.seconds += start.elapsed().as_secs_f64();
    Ok(())
}
