//! Why a rate is not what is stated, where it is not: what a reader of the tables is owed.

use crate::{
    alarms::{STATED, TOLERATED},
    comparison::Layout,
    coverage::{HIGH, LOW},
    rate::Rate,
    scenario::Scenario,
};

/// What stands where a rate is off and nobody has said why; the bench fails on it.
pub(crate) const UNEXPLAINED: &str = "UNEXPLAINED";
/// What stands where the rate may well be within its limits, and nothing is known that takes it out of them.
const CHANCE: &str = "chance: the true rate may lie within the limits";

/// Why an A/A comparison alarms too often or too seldom.
pub(crate) fn of_alarms(scenario: Scenario, sessions: usize, layout: Layout, rate: Rate) -> &'static str {
    let seldom = rate.share() < STATED;
    match (scenario, layout) {
        (Scenario::Drift, Layout::Groups) if seldom => {
            "drift is spread to groups, though both sides share it: arms in turns are compared as pairs"
        }
        (Scenario::Drift, Layout::Pairs) if seldom => {
            "ABBA: the drift within a round adds to one pair and takes from the next, spread without bias"
        }
        (Scenario::RunsUnknown, _) => {
            "noise between runs is not known without earlier runs, and looks like a change: `compare` says so"
        }
        (Scenario::RunsMany, _) if seldom => {
            "from 20 changes on the wider of two spreads counts, so that a second mode is noise"
        }
        (Scenario::SlowSessions, _) if seldom => {
            "a slow session widens the interval more than it moves the ratio"
        }
        (Scenario::SlowSessions, _) if sessions == 2 => {
            "two pairs: where one session is slow, both differences are far off, or agree by chance"
        }
        (_, Layout::Groups) if seldom && sessions == 2 => {
            "two sessions a side leave 1 to 2 degrees of freedom, for which Welch's test is cautious"
        }
        _ if seldom && sessions == 5 => {
            "five sessions resample to few different sets: the quantile is cautious"
        }
        _ if reaches(rate, STATED - TOLERATED, STATED + TOLERATED) => CHANCE,
        _ => UNEXPLAINED,
    }
}

/// Why an interval covers too little or too much.
pub(crate) fn of_coverage(statistic: &str, source: &str, n: usize, stated: f64, rate: Rate) -> &'static str {
    let (low, high) = limits(stated);
    let seldom = rate.share() < LOW;
    let slow = source.contains("slow") && !source.contains("slow samples");
    match statistic {
        "BCa, mean" | "t, mean" | "centre of sessions" | "session CV" | "ratio of means"
            if slow && seldom =>
        {
            "values that are seldom slow: few n hold none, and nothing in them tells of what was not seen"
        }
        "ratio of means" | "t, mean" | "centre of sessions" if slow => {
            "one slow value widens the interval more than it moves the estimate"
        }
        "BCa, mean" if seldom => {
            "resamples of few values vary by √((n − 1)/n) too little, and BCa has no Student's quantile"
        }
        "BCa, median" if seldom => "resampled medians of few values are few different numbers",
        "BCa, median" => "resampled medians are few different numbers, and the next one is far",
        "Hodges–Lehmann" if n <= 10 => {
            "its ends are differences of two values: the next level that they reach is higher"
        }
        "Hodges–Lehmann" if slow => "values lie in two heaps, and so do their differences",
        "centre of sessions" if n <= 5 => {
            "five sessions resample to few different sets: the quantile is cautious"
        }
        _ if reaches(rate, low, high) => CHANCE,
        _ => UNEXPLAINED,
    }
}

/// What an interval of a stated level may cover without a reason.
pub(crate) fn limits(stated: f64) -> (f64, f64) {
    const TOLERATED: f64 = 0.015;
    (LOW.min(stated - TOLERATED), HIGH.max(stated + TOLERATED))
}

/// Whether the true rate may lie in `low..=high`, as far as chance leaves it open.
fn reaches(rate: Rate, low: f64, high: f64) -> bool {
    let interval = rate.interval();
    interval.low <= high && low <= interval.high
}
