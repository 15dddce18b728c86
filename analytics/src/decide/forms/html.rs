//! The comparison as a page: HTML with everything inside, no script, nothing fetched.

mod plot;

use super::{explain::sections, words};
use crate::{
    decide::{Compared, Comparison},
    report::page::frame,
};
use benchlake_schemas::Outcome;
use maud::{Markup, html};

/// So many benchmarks are drawn, and told in detail: the worst ones.
const DETAILED: usize = 200;
/// So many rows does the table have.
const ROWS: usize = 2_000;

/// The whole page.
pub(super) fn page(comparison: &Comparison) -> String {
    let title = format!("{} against {}", comparison.new.selector, comparison.base.selector);
    let body = html! {
        h1 { "Comparison" }
        (origin(comparison))
        (tiles(comparison))
        (remarks(comparison))
        h2 { "Changes" }
        (plot::plot(comparison, &comparison.compared[..comparison.compared.len().min(DETAILED)]))
        (limit(comparison.compared.len(), DETAILED, "drawn"))
        h2 { "Verdicts" }
        (table(comparison))
        h2 { "How each verdict came about" }
        @for (i, one) in comparison.compared.iter().take(DETAILED).enumerate() { (details(comparison, one, i)) }
        (limit(comparison.compared.len(), DETAILED, "told in detail; `--explain` tells any"))
        h2 { "Where the numbers come from" }
        p { "Asked again at this state of the tables, the answer is the same:" }
        pre { code { (comparison.command()) } }
    };
    frame(&format!("Comparison: {title}"), include_str!("html/style.css"), &body)
}

fn origin(comparison: &Comparison) -> Markup {
    html! {
        p { "new " code { (comparison.new.selector) } ": " (words::side(&comparison.new)) }
        p { "base " code { (comparison.base.selector) } ": " (words::side(&comparison.base)) }
        p.muted { "State of the tables: " code { "--at " (comparison.at) } }
    }
}

/// How many of each outcome.
fn tiles(comparison: &Comparison) -> Markup {
    let counts = words::Counts::of(comparison);
    let mild = counts.regressions - counts.critical - counts.warnings;
    let tiles = [
        (counts.critical, "critical", "critical"),
        (counts.warnings, "warning", if counts.warnings == 1 { "warning" } else { "warnings" }),
        (mild, "regression", if mild == 1 { "milder regression" } else { "milder regressions" }),
        (
            counts.improvements,
            "improvement",
            if counts.improvements == 1 { "improvement" } else { "improvements" },
        ),
        (counts.equivalent, "equivalent", "equivalent"),
        (counts.inconclusive, "inconclusive", "inconclusive"),
    ];
    html! {
        div.tiles {
            @for (count, class, what) in tiles {
                div.{ "tile " (if count == 0 { "none" } else { class }) } { b { (count) } " " (what) }
            }
        }
    }
}

fn remarks(comparison: &Comparison) -> Markup {
    html! {
        p { (words::layout(comparison)) " " (words::discoveries(comparison)) }
        @for line in words::remarks(comparison) { p.wrap { (line) } }
        @for line in words::next(comparison) { p.wrap { (line) } }
    }
}

fn limit(count: usize, most: usize, what: &str) -> Markup {
    html! { @if count > most { p.muted { "The first " (most) " of " (count) " are " (what) "." } } }
}

fn table(comparison: &Comparison) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { "verdict" } th { "benchmark" } th.number { "change" br; "+ is worse" }
                th.number { (words::share(comparison.level)) " interval" br; "%" } th.number { "base → new" }
                th.number { "margin" } th.number { "adjusted p" } th { "sessions" } th { "flags" }
            } }
            tbody { @for (i, one) in comparison.compared.iter().take(ROWS).enumerate() { tr {
                td.(class(one)) { (words::verdict(&one.decision)) }
                td { @if i < DETAILED { a href={ "#d" (i) } { (one.title()) } } @else { (one.title()) } }
                td.number { b { (words::change(one)) } }
                td.number { (words::interval(one).unwrap_or_else(|| "–".to_owned())) }
                td.number { (words::base_to_new(one)) }
                td.number { (words::share_rounded(one.decision.margin)) }
                td.number { (one.adjusted_p.map_or("–".to_owned(), words::probability)) }
                td { (words::sessions(one)) }
                td { (one.flags.join(", ")) }
            } } }
        } }
        (limit(comparison.compared.len(), ROWS, "listed; `--format csv` has all"))
    }
}

fn details(comparison: &Comparison, one: &Compared, i: usize) -> Markup {
    html! {
        details id={ "d" (i) } {
            summary {
                span.(class(one)) { (words::verdict(&one.decision)) } " " b { (one.title()) } " " (words::change(one))
            }
            @for section in sections(comparison, one) {
                h3 { (section.head) }
                @for line in section.lines { p.wrap { (line) } }
            }
        }
    }
}

/// The class of a verdict: its colour.
fn class(one: &Compared) -> &'static str {
    match one.decision.outcome {
        Outcome::Regression => one.decision.severity.map_or("regression", |severity| severity.as_str()),
        outcome => outcome.as_str(),
    }
}
