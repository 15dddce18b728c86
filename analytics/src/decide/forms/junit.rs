//! The comparison as JUnit XML, which continuous integration shows as tests.
//!
//! As the schema of Jenkins' xUnit plugin has it: `testsuites`, `testsuite` with its counts, `testcase`
//! with at most one `failure` or `skipped`.

use super::{FailOn, words};
use crate::decide::{Compared, Comparison};
use benchlake_schemas::Outcome;
use maud::{Markup, html};

/// A test case for each benchmark and metric: a regression as bad as `least` is a failure, what is
/// inconclusive is skipped, everything else passed.
pub(super) fn junit(comparison: &Comparison, least: FailOn) -> String {
    let all = &comparison.compared;
    let failures = all.iter().filter(|one| one.decision.fails(least)).count();
    let skipped = all.iter().filter(|one| one.decision.outcome == Outcome::Inconclusive).count();
    let name = format!("{} against {}", comparison.new.selector, comparison.base.selector);
    let suite = html! {
        testsuites name="benchlake compare" tests=(all.len()) failures=(failures) errors="0" {
            testsuite name=(xml(&name)) tests=(all.len()) failures=(failures) errors="0" skipped=(skipped) time="0" {
                properties {
                    property name="command" value=(xml(&comparison.command())) {}
                    property name="summary" value=(xml(&words::summary(comparison))) {}
                    property name="layout" value=(xml(&words::layout(comparison))) {}
                }
                @for one in all { (case(one, least)) }
            }
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", suite.into_string())
}

fn case(one: &Compared, least: FailOn) -> Markup {
    let told = xml(&told(one));
    html! {
        testcase name=(xml(&one.title())) classname=(xml(&one.benchmark)) time="0" {
            @if one.decision.fails(least) {
                failure type=(words::verdict(&one.decision)) message=(told) { (xml(&figures(one))) }
            } @else if one.decision.outcome == Outcome::Inconclusive {
                skipped message=(told) {}
            } @else {
                system-out { (told) }
            }
        }
    }
}

/// `critical: +25.3 % (95 % interval …), 1.234 → 1.567 ms`.
fn told(one: &Compared) -> String {
    let mut text = format!("{}: {}", words::verdict(&one.decision), words::change(one));
    if let Some(interval) = words::interval(one) {
        text.push_str(&format!(" (interval {interval} %)"));
    }
    text.push_str(&format!(", {}; {}", words::base_to_new(one), one.decision.reason.told()));
    if let Some(needed) = one.decision.sessions_needed {
        text.push_str(&format!("; {} sessions on each side would probably decide it", words::about(needed)));
    }
    text
}

fn figures(one: &Compared) -> String {
    let margins = one.margins;
    format!(
        "margin {}, warning from {}, critical from {}; {} + {} sessions, {} + {} samples",
        words::share_rounded(one.decision.margin),
        words::share(margins.warning),
        words::share(margins.critical),
        one.base.sessions,
        one.new.sessions,
        one.base.samples,
        one.new.samples
    )
}

/// Text without the characters that XML 1.0 has no form for.
fn xml(text: &str) -> String {
    let is_none = |letter: char| letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}');
    text.replace(is_none, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What XML cannot hold is replaced; the rest is left for the encoder to escape.
    #[test]
    fn characters() {
        assert_eq!(xml("a\u{1b}[0m\n<&\"é\u{ffff}"), "a\u{fffd}[0m\u{fffd}<&\"é\u{fffd}");
    }
}
