//! What was held against what: sides, sessions, centres, layout, flags, samples.

use crate::{
    decide::{
        Compared, Comparison, Layout,
        comparison::OfSession,
        forms::words::{self, counted},
    },
    selection::text,
};
use std::collections::BTreeSet;

/// Which sessions, runs and nodes each side has.
pub(super) fn sides(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let line = |name: &str, side: &crate::decide::SideOf, own: &crate::decide::Centre| {
        format!(
            "{name} is {}: {}; {} measured this benchmark, with {} together.",
            side.selector,
            words::side(side),
            counted(own.sessions, "session"),
            counted(own.samples, "sample")
        )
    };
    vec![line("base", &comparison.base, &one.base), line("new", &comparison.new, &one.new)]
}

/// Every session with its median.
pub(super) fn sessions(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let unit = match comparison.layout {
        Layout::Pairs => "pair ",
        Layout::Nodes => "block ",
        Layout::Groups => "",
    };
    let line = |name: &str, session: &OfSession| {
        let unit = if unit.is_empty() { String::new() } else { format!("  {unit}{}", session.unit + 1) };
        let place = comparison.places.get(&session.session_id);
        let place =
            place.map(|place| format!("  on {}  in run {}", place.node, place.run_id)).unwrap_or_default();
        let flags =
            if session.flags.is_empty() { String::new() } else { format!("  {}", session.flags.join(" ")) };
        format!(
            "{name}  session {}{unit}{place}  median {}  {}{flags}",
            session.session_id,
            words::value(session.median, &one.unit),
            counted(session.samples, "sample")
        )
    };
    let (base, new) = &one.of_sessions;
    base.iter()
        .map(|session| line("base", session))
        .chain(new.iter().map(|session| line("new ", session)))
        .collect()
}

/// How centres are made, and what they are.
pub(super) fn centres(one: &Compared) -> Vec<String> {
    let divided = if matches!(one.metric.as_str(), "peak_memory" | "mean_memory") {
        "as it was measured"
    } else {
        "divided by its iterations"
    };
    vec![
        format!("The centre of a session is the median of its samples, each {divided}. No sample is left out."),
        "For the ratio it is the median of their logarithms: of an even number of samples the geometric mean of the middle two.".to_owned(),
        format!(
            "The centre of a side is the geometric mean of its sessions' centres: {} before, {} now.",
            words::value(one.base.value, &one.unit),
            words::value(one.new.value, &one.unit)
        ),
    ]
}

/// How sessions are held against each other, and what that takes out.
pub(super) fn layout(comparison: &Comparison) -> Vec<String> {
    let means = match comparison.layout {
        Layout::Pairs => {
            "What disturbs a whole round disturbs both of its sessions, and cancels in their ratio."
        }
        Layout::Nodes => {
            "What differs from block to block cancels: the ratio is made of those of the blocks, and need not be that of the two centres. With four blocks or more, blocks are tested as units too, and the larger p counts."
        }
        Layout::Groups => "The session is the unit: its samples share its luck and count as one.",
    };
    let mut lines = vec![words::layout(comparison), means.to_owned()];
    lines.extend(comparison.remarks.iter().filter(|remark| remark.contains("left out")).cloned());
    lines
}

/// What was remarked of samples, with what that means.
pub(super) fn flags(one: &Compared) -> Vec<String> {
    let (base, new) = &one.of_sessions;
    let count = |side: &[OfSession], flag: &String| {
        side.iter().filter(|session| session.flags.contains(flag)).count()
    };
    let line = |flag: &String| {
        format!(
            "{flag} in {} of {} sessions of the base and {} of {} of the new side: {}.",
            count(base, flag),
            base.len(),
            count(new, flag),
            new.len(),
            meaning(flag)
        )
    };
    one.flags.iter().map(line).collect()
}

fn meaning(flag: &str) -> &'static str {
    match flag {
        "unsteady" => "warm-up reached its cap while a trend was still there",
        "throttled" => "the device reduced its clocks while measuring",
        "coarse_timer" => "a sample is shorter than 1000 times the timer's resolution",
        "summarised" => "only order statistics of an old series are kept",
        "too_few_samples" => "there are fewer samples than the suite's policy asks for",
        "noisy" => "the machine was disturbed when the session began, or while it measured",
        "multiplexed" => "counters took turns, so that counts are scaled",
        _ => "a remark of the producer",
    }
}

/// The SQL that gives the samples.
pub(super) fn query(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let (base, new) = &one.of_sessions;
    let ids: BTreeSet<&str> = base.iter().chain(new).map(|session| &*session.session_id).collect();
    let ids: Vec<String> = ids.into_iter().map(text).collect();
    vec![
        format!("With --at {}:", comparison.at),
        format!(
            "SELECT session_id, \"values\", flags FROM measured WHERE benchmark_id = {} AND metric = {} AND session_id IN ({})",
            text(&one.benchmark_id),
            text(&one.metric),
            ids.join(", ")
        ),
        format!("The same comparison again: {}", comparison.command()),
    ]
}
