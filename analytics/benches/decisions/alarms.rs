//! A/A: both sides are the same, so that every alarm is false.

use crate::{
    comparison::{Layout, alarms, effect, outcomes},
    rate::Rate,
    reasons,
    repeat::counts,
    scenario::Scenario,
    table::{Table, marked},
};
use benchlake_schemas::Outcome;

/// Sessions on each side.
const SESSIONS: [usize; 4] = [2, 5, 10, 30];
/// The stated rate, and how far from it a rate may lie without a reason.
pub(crate) const STATED: f64 = 0.05;
pub(crate) const TOLERATED: f64 = 0.01;

/// How often the interval leaves 1 out, and how often the default policy gives a verdict for it.
pub(crate) fn alarms_table(comparisons: u64) -> Table {
    let mut table = Table::new(&[
        "scenario",
        "sessions",
        "alarms, %",
        "alarms of pairs, %",
        "false verdicts, %",
        "of pairs, %",
        "why",
    ]);
    for scenario in Scenario::ALL {
        for sessions in SESSIONS {
            let [alarms, pairs, verdicts, of_pairs] = rates(scenario, sessions, comparisons);
            let mut why = Vec::new();
            for (layout, rate) in [(Layout::Groups, alarms), (Layout::Pairs, pairs)] {
                if !rate.is_within(STATED - TOLERATED, STATED + TOLERATED) {
                    why.push(reasons::of_alarms(scenario, sessions, layout, rate));
                }
            }
            why.dedup();
            let cell = |rate| marked(rate, STATED - TOLERATED, STATED + TOLERATED);
            table.row([
                scenario.name().to_owned(),
                format!("{sessions} + {sessions}"),
                cell(alarms),
                cell(pairs),
                verdicts.to_string(),
                of_pairs.to_string(),
                why.join("; "),
            ]);
        }
    }
    table
}

/// Alarms and false verdicts, of groups and of pairs.
fn rates(scenario: Scenario, sessions: usize, comparisons: u64) -> [Rate; 4] {
    let name = format!("alarms/{}/{sessions}", scenario.name());
    let hits = counts(&name, comparisons, |i, rng| {
        let sides = scenario.sides(sessions, 1.0, rng);
        let effects = [Layout::Groups, Layout::Pairs].map(|layout| effect(scenario, layout, &sides, i));
        let alarm = |i: usize| u64::from(alarms(effects[i].as_ref()));
        let verdict = |i: usize| {
            let outcome = outcomes(&effects[i..=i], sessions)[0];
            u64::from(matches!(outcome, Outcome::Regression | Outcome::Improvement))
        };
        [alarm(0), alarm(1), verdict(0), verdict(1)]
    });
    hits.map(|hits| Rate { hits, of: comparisons })
}
