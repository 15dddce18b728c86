//! Suites of many benchmarks: what share of what is reported is false.

use crate::{
    comparison::{Layout, effect, outcomes},
    rate::Rate,
    repeat::counts,
    scenario::Scenario,
    table::{Table, marked},
};
use benchlake_analytics::decide::Policy;
use benchlake_schemas::Outcome;

/// Benchmarks of a suite.
const BENCHMARKS: usize = 40;
/// How much slower those are that are slower.
const SLOWER: f64 = 1.03;
/// Sessions on each side.
const SESSIONS: [usize; 2] = [5, 10];
/// Of how many benchmarks of a suite are slower.
const TRUE: [usize; 2] = [0, 4];
/// A rate of false discoveries may lie this far above what is stated, by chance.
const TOLERATED: f64 = 0.01;

/// False discoveries, and true ones, under the default policy.
pub(crate) fn suites_table(suites: u64) -> Table {
    let mut table = Table::new(&[
        "scenario",
        "sessions",
        "truly slower",
        "suites with a false discovery, %",
        "false among the discoveries, mean %",
        "slower ones found, %",
    ]);
    for scenario in
        [Scenario::Normal, Scenario::Lognormal, Scenario::SlowSessions, Scenario::SessionsDominate]
    {
        for (sessions, slower) in SESSIONS.into_iter().flat_map(|n| TRUE.map(|slower| (n, slower))) {
            let found = found(scenario, sessions, slower, suites);
            // Without true ones every discovery is false: the share is that of suites with one.
            let limit = Policy::default().false_discovery_rate + TOLERATED;
            let share = found.false_share / suites as f64;
            let mean = format!("{:.1}", 100.0 * share);
            table.row([
                scenario.name().to_owned(),
                format!("{sessions} + {sessions}"),
                format!("{slower} of {BENCHMARKS}"),
                if slower == 0 { marked(found.any, 0.0, limit) } else { found.any.to_string() },
                if share > limit { format!("**{mean}**") } else { mean },
                if slower == 0 { String::new() } else { found.found.to_string() },
            ]);
        }
    }
    table
}

struct Found {
    any: Rate,
    false_share: f64,
    found: Rate,
}

fn found(scenario: Scenario, sessions: usize, slower: usize, suites: u64) -> Found {
    let name = format!("suites/{}/{sessions}/{slower}", scenario.name());
    // Shares of false ones are summed in millionths, so that sums do not depend on their order.
    const MILLION: f64 = 1e6;
    let [any, share, found] = counts(&name, suites, |suite, rng| {
        let effects: Vec<_> = (0..BENCHMARKS)
            .map(|i| {
                let ratio = if i < slower { SLOWER } else { 1.0 };
                let sides = scenario.sides(sessions, ratio, rng);
                effect(scenario, Layout::Groups, &sides, None, suite * BENCHMARKS as u64 + i as u64)
            })
            .collect();
        let outcomes = outcomes(&effects, None, sessions);
        let is_true = |(i, outcome): &(usize, &Outcome)| *i < slower && **outcome == Outcome::Regression;
        let found = outcomes.iter().enumerate().filter(is_true).count();
        let reported = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Regression | Outcome::Improvement))
            .count();
        let wrong = reported - found;
        let share = wrong as f64 / reported.max(1) as f64;
        [u64::from(wrong > 0), (share * MILLION) as u64, found as u64]
    });
    Found {
        any: Rate { hits: any, of: suites },
        false_share: share as f64 / MILLION,
        found: Rate { hits: found, of: suites * slower.max(1) as u64 },
    }
}
