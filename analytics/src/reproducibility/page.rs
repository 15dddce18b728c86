//! The page: HTML with everything inside, no script, nothing fetched.

use super::{
    Assessment, Reproducibility, Reproducible,
    conclusions::conclusions,
    explain::explain,
    plot::plot,
    table::{cells, heads},
    words::level,
};
use crate::report::page::frame;
use maud::{Markup, html};

/// Benchmarks that are shown with plot and sentences; the table has all.
const SHOWN: usize = 200;

/// A page with the table, what follows, and of each benchmark a plot and how its answer came about. `pin` is
/// the state of the tables that it is of, as a value of `--at`.
#[must_use]
pub fn page(all: &Reproducibility, pin: &str) -> String {
    let title = "Reproducibility";
    let body = html! {
        h1 { (title) }
        p { "Sessions of " code { (all.selector) } ", limit " (level(all.limit)) ", intervals at " (level(all.level)) }
        p.muted { "State of the tables: " code { "--at " (pin) } }
        h2 { "What follows" }
        ul { @for line in conclusions(all) { li { (line) } } }
        h2 { "Benchmarks, worst first" }
        (table(all))
        @for (i, assessment) in all.benchmarks.iter().take(SHOWN).enumerate() { (section(i, assessment, all)) }
        @if all.benchmarks.len() > SHOWN {
            p.muted { (all.benchmarks.len() - SHOWN) " more benchmarks are in the table alone; --filter shows them." }
        }
    };
    frame(&format!("{title}: {}", all.selector), include_str!("style.css"), &body)
}

fn table(all: &Reproducibility) -> Markup {
    const NUMBERS: [usize; 4] = [1, 2, 3, 7];
    html! {
        div.scroll { table {
            thead { tr { @for (i, head) in heads(all).iter().enumerate() {
                th class=[NUMBERS.contains(&i).then_some("number")] { (head) }
            } } }
            tbody { @for (row, assessment) in all.benchmarks.iter().enumerate() { tr {
                @for (i, cell) in cells(assessment).iter().enumerate() {
                    @if i == 0 && row < SHOWN { td.wrap { a href={ "#b" (row) } { (cell) } } }
                    @else if i == 4 { (verdict(assessment.reproducible)) }
                    @else { td class=[NUMBERS.contains(&i).then_some("number")] { (cell) } }
                }
            } } }
        } }
    }
}

fn verdict(answer: Reproducible) -> Markup {
    match answer {
        Reproducible::Yes => html! { td.yes { "✓ yes" } },
        Reproducible::No => html! { td.no { "✗ no" } },
        Reproducible::Undecided => html! { td.muted { "undecided" } },
    }
}

fn section(i: usize, assessment: &Assessment, all: &Reproducibility) -> Markup {
    html! {
        h2 id={ "b" (i) } { (assessment.title()) ": " (assessment.reproducible.as_str()) }
        (plot(assessment))
        details {
            summary { "How this came about" }
            @for sentence in explain(assessment, all) { p { (sentence) } }
        }
    }
}
