//! How often a true change is found.

use crate::{
    comparison::{Layout, alarms, effect, outcomes},
    rate::Rate,
    repeat::counts,
    scenario::Scenario,
    table::Table,
};
use benchlake_analytics::stats::Effect;
use benchlake_schemas::Outcome;

/// Sessions on each side.
const SESSIONS: [usize; 3] = [5, 10, 20];
/// How much slower the second side is, in per cent.
const SLOWER: [u32; 3] = [1, 2, 5];

/// Where session noise is 1 %.
pub(crate) fn power_table(comparisons: u64) -> Table {
    let scenario = Scenario::SessionsDominate;
    let mut table = Table::new(&[
        "slower by, %",
        "sessions",
        "interval above 1, %",
        "`regression`, %",
        "`equivalent`, %",
        "of pairs: interval above 1, %",
    ]);
    for (slower, sessions) in SLOWER.into_iter().flat_map(|slower| SESSIONS.map(|n| (slower, n))) {
        let ratio = 1.0 + f64::from(slower) / 100.0;
        let hits = counts(&format!("power/{slower}/{sessions}"), comparisons, |i, rng| {
            let sides = scenario.sides(sessions, ratio, rng);
            let found = effect(scenario, Layout::Groups, &sides, None, i);
            let pairs = effect(scenario, Layout::Pairs, &sides, None, i);
            let above = |effect: &Option<Effect>| {
                u64::from(alarms(effect.as_ref()) && effect.is_some_and(|effect| effect.estimate.value > 1.0))
            };
            let outcome = outcomes(&[found], None, sessions)[0];
            let is = |wanted| u64::from(outcome == wanted);
            [above(&found), is(Outcome::Regression), is(Outcome::Equivalent), above(&pairs)]
        });
        let [above, regression, equivalent, pairs] =
            hits.map(|hits| Rate { hits, of: comparisons }.to_string());
        table.row([
            slower.to_string(),
            format!("{sessions} + {sessions}"),
            above,
            regression,
            equivalent,
            pairs,
        ]);
    }
    table
}
