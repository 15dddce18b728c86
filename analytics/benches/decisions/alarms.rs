//! A/A: both sides are the same, so that every alarm is false.

use crate::{
    comparison::{Layout, alarms, effect, noise, outcomes},
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
            table.row(row(scenario, sessions, comparisons));
        }
    }
    table
}

/// The layouts that a scenario is compared in.
fn layouts(scenario: Scenario) -> &'static [Layout] {
    if scenario.has_pairs() { &[Layout::Groups, Layout::Pairs] } else { &[Layout::Groups] }
}

fn row(scenario: Scenario, sessions: usize, comparisons: u64) -> [String; 7] {
    let (alarms, verdicts) = rates(scenario, sessions, comparisons);
    let mut why = Vec::new();
    for (&layout, &rate) in layouts(scenario).iter().zip(&alarms) {
        if !rate.is_within(STATED - TOLERATED, STATED + TOLERATED) {
            why.push(reasons::of_alarms(scenario, sessions, layout, rate));
        }
    }
    why.dedup();
    let none = || "–".to_owned();
    let alarm = |i: usize| {
        alarms.get(i).map_or_else(none, |rate| marked(*rate, STATED - TOLERATED, STATED + TOLERATED))
    };
    let verdict = |i: usize| verdicts.get(i).map_or_else(none, Rate::to_string);
    [
        scenario.name().to_owned(),
        format!("{sessions} + {sessions}"),
        alarm(0),
        alarm(1),
        verdict(0),
        verdict(1),
        why.join("; "),
    ]
}

/// Alarms and false verdicts, in each layout.
fn rates(scenario: Scenario, sessions: usize, comparisons: u64) -> (Vec<Rate>, Vec<Rate>) {
    let name = format!("alarms/{}/{sessions}", scenario.name());
    let layouts = layouts(scenario);
    let hits = counts(&name, comparisons, |i, rng| {
        let sides = scenario.sides(sessions, 1.0, rng);
        let noise = noise(&scenario.earlier(sessions, rng));
        let mut hits = [0; 4];
        for (place, &layout) in layouts.iter().enumerate() {
            let effect = effect(scenario, layout, &sides, noise, i);
            let outcome = outcomes(&[effect], noise, sessions)[0];
            hits[place] = u64::from(alarms(effect.as_ref()));
            hits[2 + place] = u64::from(matches!(outcome, Outcome::Regression | Outcome::Improvement));
        }
        hits
    });
    let of =
        |hits: &[u64]| hits.iter().take(layouts.len()).map(|&hits| Rate { hits, of: comparisons }).collect();
    (of(&hits[..2]), of(&hits[2..]))
}
