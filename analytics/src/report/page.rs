//! The page: HTML with everything inside, no script, nothing fetched.

use super::{
    history::{Missing, Repeats, Run, Setting, Summary},
    plot::shapes::Ink,
};
use crate::{
    Query,
    format::{digits, quantity, scale},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Everything the page shows.
pub(crate) struct Page<'a> {
    /// The state of the tables, as a value of `--at`.
    pub(crate) pin: &'a str,
    /// The run that the summary is of.
    pub(crate) run: &'a str,
    pub(crate) summary: &'a [Summary],
    pub(crate) repeats: &'a [Repeats],
    pub(crate) missing: &'a [Missing],
    pub(crate) runs: &'a [Run],
    pub(crate) settings: &'a [Setting],
    pub(crate) plots: &'a [Plot],
    pub(crate) queries: &'a [&'a Query],
}

/// A plot with the name of its files.
pub(crate) struct Plot {
    pub(crate) label: String,
    pub(crate) metric: String,
    pub(crate) slug: String,
    pub(crate) svg: String,
}

/// How many runs the page lists.
const RUNS: usize = 20;

/// The whole page.
pub(crate) fn page(page: &Page<'_>) -> String {
    let title = "Benchmark report";
    let body = html! {
        h1 { (title) }
        (origin(page))
        h2 { "Summary" }
        (summary(page))
        @if !page.missing.is_empty() {
            h2 { "Without samples" }
            (missing(page.missing))
        }
        h2 { "Histories" }
        @for plot in page.plots { (figure(plot)) }
        h2 { "Runs" }
        (runs(page.runs))
        h2 { "Environment" }
        (environment(page.settings))
        h2 { "Where the numbers come from" }
        (queries(page))
    };
    frame(title, &ink_styles(), &body)
}

/// A page: HTML with everything inside, in the style that all pages share and in its own, `css`.
pub(crate) fn frame(title: &str, css: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) (PreEscaped(css)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

/// In the dark the shapes of the plots take the page's colours.
fn ink_styles() -> String {
    let mut css = String::new();
    for ink in Ink::ALL {
        let name = format!("{ink:?}").to_lowercase();
        let hex = ink.hex();
        // Writing to a String cannot fail.
        _ = writeln!(
            css,
            ".plot [fill=\"{hex}\"] {{ fill: var(--{name}); }} .plot [stroke=\"{hex}\"] {{ stroke: var(--{name}); }}"
        );
    }
    css
}

fn origin(page: &Page<'_>) -> Markup {
    let run = page.runs.iter().find(|run| run.run_id == page.run);
    html! {
        p {
            "Run " code { (page.run) }
            @if let Some(run) = run {
                " of suite " b { (run.suite) } ", " (time(&run.started_at))
                @if let Some(commit) = &run.commit {
                    ", commit " code { (commit) }
                    @if let Some(branch) = &run.branch { " on " (branch) }
                    @if run.dirty == Some(true) { " (with uncommitted changes)" }
                }
            }
        }
        p.muted { "State of the tables: " code { "--at " (page.pin) } }
    }
}

fn summary(page: &Page<'_>) -> Markup {
    let repeats: BTreeMap<_, _> = page
        .repeats
        .iter()
        .map(|row| ((&row.benchmark_id, &row.metric, &row.arm), row.reproducible.as_str()))
        .collect();
    let slugs: BTreeMap<_, _> =
        page.plots.iter().map(|plot| ((plot.label.clone(), &plot.metric), &plot.slug)).collect();
    let has_peaks = page.summary.iter().any(|row| row.of_peak.is_some());
    html! {
        div.scroll { table {
            thead { tr {
                th { "benchmark" } th.number { "centre" } th.number { "95 % interval" }
                th.number { "CV" } th { "reproducible" } th.number { "rate" }
                @if has_peaks { th.number { "of peak" } }
                th.number { "sessions" }
                th.number { "samples" } th { "flags" }
            } }
            tbody { @for row in page.summary { tr {
                td {
                    @match slugs.get(&(row.title(page.summary), &row.metric)) {
                        Some(slug) => a href={ "#" (slug) } { (row.title(page.summary)) },
                        None => (row.title(page.summary)),
                    }
                    @if row.metric != "time" { " " (row.metric) }
                }
                td.number { b { (quantity(row.centre, &row.unit)) } }
                td.number { (interval(row)) }
                td.number { @if let Some(cv) = row.cv_between { (percent(cv)) } @else { "–" } }
                (verdict(repeats.get(&(&row.benchmark_id, &row.metric, &row.arm)).copied().unwrap_or("–")))
                td.number { (row.rate.as_deref().unwrap_or("–")) }
                @if has_peaks { td.number { (row.of_peak.map_or("–".into(), percent)) } }
                td.number { (row.sessions) }
                td.number { (row.samples) }
                td { (row.flags) }
            } } }
        } }
        p.muted {
            "Times are per iteration. A session is one fresh process, its centre the median of its samples; centre, interval and CV are taken over the sessions. "
            "Reproducible: a CV of at most 5 % over at least three sessions."
        }
    }
}

/// What could not be measured, and why.
fn missing(missing: &[Missing]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { th { "benchmark" } th { "why" } th { "error" } th.number { "sessions" } } }
            tbody { @for row in missing { tr {
                td { (row.label) }
                td { (row.reason.replace('_', " ")) }
                td { (row.error.as_deref().unwrap_or("–")) }
                td.number { (row.sessions) }
            } } }
        } }
    }
}

fn verdict(text: &str) -> Markup {
    match text {
        "yes" => html! { td.yes { "✓ yes" } },
        "no" => html! { td.no { "✗ no" } },
        other => html! { td.muted { (other) } },
    }
}

fn interval(row: &Summary) -> String {
    let Some((low, high)) = row.low.zip(row.high) else {
        return "one session".into();
    };
    let in_unit = scale(row.centre, &row.unit);
    format!("{} – {} {}", digits(low / in_unit.divisor), digits(high / in_unit.divisor), in_unit.unit)
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// `2026-11-20T01:01:00Z` as `2026-11-20 01:01 UTC`.
fn time(text: &str) -> String {
    format!("{} UTC", text.get(..16).unwrap_or(text).replace('T', " "))
}

fn figure(plot: &Plot) -> Markup {
    html! {
        div.plot id=(plot.slug) {
            (PreEscaped(&plot.svg))
            a href={ "plots/" (plot.slug) ".svg" } { "SVG" }
            a href={ "plots/" (plot.slug) ".png" } { "PNG" }
        }
    }
}

fn runs(runs: &[Run]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { "started" } th { "run" } th { "suite" } th { "commit" } th { "branch" }
                th.number { "nodes" } th.number { "sessions" } th { "ended" }
            } }
            tbody { @for run in runs.iter().take(RUNS) { tr {
                td { (time(&run.started_at)) }
                td { code { (run.run_id) } }
                td { (run.suite) }
                td { code { (run.commit.as_deref().unwrap_or("–")) } @if run.dirty == Some(true) { "+" } }
                td { (run.branch.as_deref().unwrap_or("–")) }
                td.number { (run.nodes) }
                td.number { (run.sessions) }
                td { (ended(run)) }
            } } }
        } }
        @if runs.len() > RUNS { p.muted { "and " (runs.len() - RUNS) " earlier runs" } }
    }
}

/// How the sessions of a run ended, in words.
fn ended(run: &Run) -> String {
    let counts = [
        (run.ok, "ok"),
        (run.failed, "failed"),
        (run.interrupted, "interrupted"),
        (run.running, "without an end"),
    ];
    let parts: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    parts.join(", ")
}

fn environment(settings: &[Setting]) -> Markup {
    html! {
        @if settings.is_empty() { p.muted { "The run's sessions have not been landed." } }
        @else { div.scroll { table {
            thead { tr { th { "key" } th { "value" } th.number { "sessions" } } }
            tbody { @for setting in settings { tr {
                td { code { (setting.key) } }
                td.wrap { (setting.value) }
                td.number { (setting.sessions) }
            } } }
        } } }
    }
}

fn queries(page: &Page<'_>) -> Markup {
    html! {
        p {
            "Every number above is the answer of one of these queries at " code { "--at " (page.pin) }
            ", where it is the same whenever it is asked."
        }
        @for query in page.queries {
            details {
                summary { code { (query.name) } " – " (query.what) }
                pre { code { (query.sql) } }
            }
        }
    }
}
