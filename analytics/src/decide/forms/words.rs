//! The words and figures that every form shares.

pub(super) use crate::format::{chosen_share as share, counted};
use crate::{
    decide::{Compared, Comparison, Decision, Layout, Procedure, Reason, SideOf, sides::values},
    format::{digits, percent_decimals, quantity, scale},
    selection::Difference,
};
use benchlake_schemas::{Better, Outcome, Severity};

/// One word for a decision; `critical` and `warning` are regressions.
pub(super) const fn verdict(decision: &Decision) -> &'static str {
    match (decision.outcome, decision.severity) {
        (Outcome::Regression, Some(severity)) => severity.as_str(),
        (outcome, _) => outcome.as_str(),
    }
}

/// `+25.3 %`: three significant digits, more where there are more before the point.
pub(super) fn percent(fraction: f64) -> String {
    format!("{} %", signed(fraction))
}

/// The same without the unit.
pub(super) fn signed(fraction: f64) -> String {
    let percent = 100.0 * fraction;
    let decimals = percent_decimals(percent);
    let text = format!("{percent:+.decimals$}");
    if text.trim_start_matches(['-', '0', '.']).is_empty() { text.replace('-', "+") } else { text }
}

/// `1.23 %`: a share that was computed, to three significant digits.
pub(super) fn share_rounded(fraction: f64) -> String {
    percent(fraction).trim_start_matches('+').to_owned()
}

/// A probability: `0.0234`, `2.3e-9`.
pub(super) fn probability(p: f64) -> String {
    if p < 1e-4 && p > 0.0 { format!("{p:.1e}") } else { crate::format::number((p * 1e4).round() / 1e4) }
}

/// `critical`, `a warning`.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "a warning",
    }
}

/// By how much the new side is worse, in words where there is no fraction.
pub(super) fn change(one: &Compared) -> String {
    match (one.decision.worse, one.decision.reason) {
        (Some(worse), _) => percent(worse),
        (None, Reason::FromZero) => "from 0".to_owned(),
        _ => "–".to_owned(),
    }
}

/// The interval of what [`change`] estimates.
pub(super) fn worse_interval(one: &Compared) -> Option<(f64, f64)> {
    let interval = one.effect?.estimate.interval;
    Some(match one.better {
        Better::Lower => (interval.low - 1.0, interval.high - 1.0),
        Better::Higher => (1.0 - interval.high, 1.0 - interval.low),
    })
}

/// `+24.1 … +26.5`, in per cent.
pub(super) fn interval(one: &Compared) -> Option<String> {
    worse_interval(one).map(|(low, high)| format!("{} … {}", signed(low), signed(high)))
}

/// `1.234 → 1.567 ms`, both in the unit of the larger one.
pub(super) fn base_to_new(one: &Compared) -> String {
    let (base, new) = (one.base.value, one.new.value);
    let largest =
        [base, new].into_iter().filter(|value| value.is_finite()).fold(0.0, |a: f64, b| a.max(b.abs()));
    let scale = scale(largest, &one.unit);
    let figure =
        |value: f64| if value.is_finite() { digits(value / scale.divisor) } else { "–".to_owned() };
    format!("{} → {} {}", figure(base), figure(new), scale.unit).trim_end().to_owned()
}

/// A value with its unit, or that it is no number.
pub(super) fn value(value: f64, unit: &str) -> String {
    if value.is_finite() { quantity(value, unit) } else { value.to_string() }
}

/// `10 + 10`, and for what is open how many would decide it.
pub(super) fn sessions(one: &Compared) -> String {
    let sides = format!("{}+{}", one.base.sessions, one.new.sessions);
    match one.decision.sessions_needed {
        Some(needed) => format!("{sides} {}", about(needed)),
        None => sides,
    }
}

/// A number of sessions that somebody might measure.
pub(super) fn about(needed: u64) -> String {
    if needed > 9_999 { ">9999".to_owned() } else { format!("≈{needed}") }
}

/// How many there are of each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) regressions: usize,
    pub(super) critical: usize,
    pub(super) warnings: usize,
    pub(super) improvements: usize,
    pub(super) equivalent: usize,
    pub(super) inconclusive: usize,
}

impl Counts {
    pub(super) fn of(comparison: &Comparison) -> Self {
        let count = |fits: &dyn Fn(&Decision) -> bool| {
            comparison.compared.iter().filter(|one| fits(&one.decision)).count()
        };
        let outcome = |outcome| count(&|decision| decision.outcome == outcome);
        let severity = |severity| count(&|decision| decision.severity == Some(severity));
        Self {
            regressions: outcome(Outcome::Regression),
            critical: severity(Severity::Critical),
            warnings: severity(Severity::Warning),
            improvements: outcome(Outcome::Improvement),
            equivalent: outcome(Outcome::Equivalent),
            inconclusive: outcome(Outcome::Inconclusive),
        }
    }
}

/// `12 compared: 1 regression (1 critical, 0 warnings), …`.
pub(super) fn summary(comparison: &Comparison) -> String {
    let counts = Counts::of(comparison);
    format!(
        "{} compared: {} ({} critical, {}), {}, {} equivalent, {} inconclusive",
        comparison.compared.len(),
        counted(counts.regressions, "regression"),
        counts.critical,
        counted(counts.warnings, "warning"),
        counted(counts.improvements, "improvement"),
        counts.equivalent,
        counts.inconclusive
    )
}

/// `Benjamini-Hochberg`.
pub(super) const fn procedure(procedure: Procedure) -> &'static str {
    match procedure {
        Procedure::BenjaminiHochberg => "Benjamini-Hochberg",
        Procedure::BenjaminiYekutieli => "Benjamini-Yekutieli",
    }
}

/// How false discoveries are held down.
pub(super) fn discoveries(comparison: &Comparison) -> String {
    format!(
        "Of the changes reported, at most {} are expected to be false ({}).",
        share(comparison.false_discovery_rate),
        procedure(comparison.procedure)
    )
}

/// How sessions are held against each other.
pub(super) fn layout(comparison: &Comparison) -> String {
    let (base, new) = (comparison.base.sessions, comparison.new.sessions);
    match comparison.layout {
        Layout::Pairs => format!(
            "{}: sessions of one round were measured next to each other, each pair gives one ratio.",
            counted(base, "pair")
        ),
        Layout::Nodes => {
            format!("{}: each is held against itself, {base} sessions against {new}.", blocks(comparison))
        }
        Layout::Groups => format!("Two groups: {} against {new}.", counted(base, "session")),
    }
}

/// `3 nodes as blocks`, or blocks of one node and environment, where a node has had several.
fn blocks(comparison: &Comparison) -> String {
    let sessions =
        comparison.compared.iter().flat_map(|one| one.of_sessions.0.iter().chain(&one.of_sessions.1));
    let blocks = sessions.map(|session| session.unit).collect::<std::collections::BTreeSet<_>>().len();
    if blocks == comparison.new.nodes.len() {
        format!("{} as blocks", counted(blocks, "node"))
    } else {
        format!("{} of one node and environment", counted(blocks, "block"))
    }
}

/// What a side is: sessions, runs, nodes, commits.
pub(super) fn side(side: &SideOf) -> String {
    let mut parts = vec![
        counted(side.sessions, "session"),
        format!("of {}", named(&side.runs.iter().map(|run| short(run)).collect::<Vec<_>>(), "run")),
        format!("on {}", named(&side.nodes, "node")),
    ];
    if !side.commits.is_empty() {
        parts.push(format!("at {}", named(&side.commits, "commit")));
    }
    parts.join(" ")
}

/// The beginning of a run's id, which selects it as the whole does: a UUIDv7 begins with its time.
fn short(run: &str) -> String {
    run.chars().take(13).collect()
}

/// `run 019a…`, `3 nodes (a, b, c)`, `12 nodes (a, b, …)`.
fn named(names: &[String], what: &str) -> String {
    match names {
        [] => format!("no {what}"),
        [one] => format!("{what} {one}"),
        _ => format!("{} ({})", counted(names.len(), what), shortened(names, 2)),
    }
}

/// The first of a list, and that there are more.
pub(super) fn shortened(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown}, and {} more", names.len() - most) } else { shown }
}

/// What differs between the sides, allowed or told, and what one alone has.
pub(super) fn remarks(comparison: &Comparison) -> Vec<String> {
    let differs = |difference: &Difference| {
        format!("{} is {}, now {}", difference.key, values(&difference.first), values(&difference.second))
    };
    let mut lines = comparison.remarks.clone();
    let list = |differences: &[Difference]| differences.iter().map(differs).collect::<Vec<_>>();
    if !comparison.across.is_empty() {
        lines.push(format!("Allowed to differ: {}.", shortened(&list(&comparison.across), 6)));
    }
    if !comparison.differences.is_empty() {
        lines.push(format!("Also different: {}.", shortened(&list(&comparison.differences), 6)));
    }
    for (which, only) in [("base", &comparison.only_base), ("new", &comparison.only_new)] {
        if !only.is_empty() {
            lines.push(format!(
                "Only the {which} side has {}: {}.",
                counted(only.len(), "benchmark"),
                shortened(only, 4)
            ));
        }
    }
    lines
}

/// What to do next, where there is something to do.
pub(super) fn next(comparison: &Comparison) -> Vec<String> {
    let decisions = comparison.compared.iter().map(|one| one.decision);
    deciding(&decisions.filter(|decision| decision.outcome == Outcome::Inconclusive).collect::<Vec<_>>())
}

/// What would decide those that are open.
fn deciding(open: &[Decision]) -> Vec<String> {
    let mut needed: Vec<u64> = open.iter().filter_map(|decision| decision.sessions_needed).collect();
    needed.sort_unstable();
    let mut lines = Vec::new();
    if let (Some(most), Some(half)) = (needed.last(), needed.get(needed.len().saturating_sub(1) / 2)) {
        let half = if half == most { String::new() } else { format!(" (half of them by {})", about(*half)) };
        lines.push(format!(
            "{} sessions on each side would probably decide {}{half}.",
            about(*most),
            of_open(needed.len(), open.len(), "all")
        ));
    }
    let because = |fits: &dyn Fn(Reason) -> bool| {
        open.iter().filter(|decision| decision.sessions_needed.is_none() && fits(decision.reason)).count()
    };
    let few = because(&|reason| reason == Reason::TooFewSessions);
    let no_ratio = because(&|reason| reason == Reason::NoRatio);
    let beyond = because(&|reason| !matches!(reason, Reason::TooFewSessions | Reason::NoRatio));
    if beyond > 0 {
        lines.push(format!(
            "No number of sessions would decide {}: measure more runs.",
            of_open(beyond, open.len(), "any of the")
        ));
    }
    if few > 0 {
        lines.push(format!(
            "One session on a side tells nothing of the noise between sessions ({}): measure with --sessions 5 or more.",
            counted(few, "benchmark")
        ));
    }
    if no_ratio > 0 {
        lines.push(format!(
            "{} without a ratio: look for medians that are zero, negative or no number.",
            counted(no_ratio, "benchmark")
        ));
    }
    lines
}

/// `the one that is open`, `all 3 that are open`, `2 of the 3 that are open`.
fn of_open(some: usize, open: usize, every: &str) -> String {
    match (some, open) {
        (1, 1) => "the one that is open".to_owned(),
        _ if some == open => format!("{every} {open} that are open"),
        _ => format!("{some} of the {open} that are open"),
    }
}

/// How to ask for more of what comes first, where that is worth it.
pub(super) fn explained(comparison: &Comparison) -> Option<String> {
    let first = comparison.compared.first().filter(|one| one.decision.outcome != Outcome::Equivalent)?;
    Some(format!("How the first verdict came about: --explain {}", quoted(&first.title())))
}

impl Comparison {
    /// The command that repeats the comparison at the same state of the lake.
    #[must_use]
    pub fn command(&self) -> String {
        let mut words = vec!["benchlake".to_owned(), "compare".to_owned()];
        words.extend([quoted(&self.base.selector), quoted(&self.new.selector)]);
        let mut option = |name: &str, value: &str| words.extend([name.to_owned(), quoted(value)]);
        let options = &self.options;
        if options.metric() != "time" {
            option("--metric", options.metric());
        }
        if let Some(filter) = &options.filter {
            option("--filter", filter);
        }
        for field in &options.across {
            option("--across", field);
        }
        if let Some(file) = &options.policy_file {
            option("--policy", file);
        }
        let default = crate::decide::Policy::default().level;
        if options.policy_file.is_some() || self.level.total_cmp(&default).is_ne() {
            option("--level", &self.level.to_string());
        }
        if options.seed != 0 {
            option("--seed", &options.seed.to_string());
        }
        option("--lake", &self.lake);
        option("--at", &self.at);
        words.join(" ")
    }
}

/// A word of a command line of a POSIX shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.,:=/+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Control characters of a name must break neither lines nor terminals.
pub(super) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percentages have a sign, three digits and no negative zero.
    #[test]
    fn percentages() {
        let cases = [(0.2534, "+25.3 %"), (-0.01234, "-1.23 %"), (11.3, "+1130 %"), (-0.000_001, "+0.00 %")];
        for (fraction, text) in cases {
            assert_eq!(percent(fraction), text);
        }
        assert_eq!(share(0.05), "5 %");
        let of = [0.0, 1.0, 0.023_44, 2.345e-9].map(probability);
        assert_eq!(of, ["0", "1", "0.0234", "2.3e-9"]);
    }

    /// What sessions can decide is counted among all that are open; of the rest it is told what would: more runs, more than
    /// one session, medians that have a ratio.
    #[test]
    fn what_would_decide() {
        let open = |reason, sessions_needed| Decision {
            outcome: Outcome::Inconclusive,
            severity: None,
            reason,
            worse: None,
            margin: 0.01,
            sessions_needed,
        };
        let (some, more) = (open(Reason::Wide, Some(40)), open(Reason::NearMargin, Some(90)));
        let never = open(Reason::Wide, None);
        let told = |open: &[Decision]| deciding(open).join(" ");
        assert_eq!(told(&[]), "");
        assert_eq!(told(&[some]), "≈40 sessions on each side would probably decide the one that is open.");
        assert_eq!(
            told(&[some, more]),
            "≈90 sessions on each side would probably decide all 2 that are open (half of them by ≈40)."
        );
        assert_eq!(
            told(&[some, never, never]),
            "≈40 sessions on each side would probably decide 1 of the 3 that are open. \
             No number of sessions would decide 2 of the 3 that are open: measure more runs."
        );
        assert_eq!(
            told(&[never]),
            "No number of sessions would decide the one that is open: measure more runs."
        );
        assert_eq!(
            told(&[never, never]),
            "No number of sessions would decide any of the 2 that are open: measure more runs."
        );
        let agree = open(Reason::TooFewAgree, Some(4));
        assert_eq!(
            told(&[agree, open(Reason::TooFewSessions, None), open(Reason::NoRatio, None)]),
            "≈4 sessions on each side would probably decide 1 of the 3 that are open. \
             One session on a side tells nothing of the noise between sessions (1 benchmark): measure with --sessions 5 or more. \
             1 benchmark without a ratio: look for medians that are zero, negative or no number."
        );
    }

    /// A word that a shell would take apart is quoted.
    #[test]
    fn words_of_a_shell() {
        assert_eq!(quoted("branch:main,node:gpu-1"), "branch:main,node:gpu-1");
        assert_eq!(quoted("cpu.gemm{n=512}"), "'cpu.gemm{n=512}'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
