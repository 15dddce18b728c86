//! The forest plot: one row a benchmark, intervals on one scale, the margin as a band.

use super::class;
use crate::{
    decide::{
        Compared, Comparison,
        forms::{
            forest::{Axis, Mark},
            words,
        },
    },
    stats::real,
};
use maud::{Markup, html};

const WIDTH: f64 = 1_100.0;
/// Where the scale lies.
const LEFT: f64 = 430.0;
const RIGHT: f64 = 960.0;
/// The height of a row, and of what is above them.
const ROW: f64 = 24.0;
const TOP: f64 = 34.0;
/// How many letters of a name are shown.
const NAME: usize = 40;

/// A picture of `compared`, as SVG that takes the page's colours.
pub(super) fn plot(comparison: &Comparison, compared: &[Compared]) -> Markup {
    let marks: Vec<Mark> = compared.iter().filter_map(Mark::of).collect();
    let axis = Axis::over(&marks);
    let height = TOP + ROW * real(compared.len()) + 28.0;
    html! {
        div.scroll {
            svg.forest viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label="Change of each benchmark with its interval" {
                @for step in [-1.0, -0.5, 0.0, 0.5, 1.0] { (grid(axis, step, height)) }
                @for (i, one) in compared.iter().enumerate() { (row(comparison, axis, one, TOP + ROW * real(i))) }
                text.tick x=(LEFT) y=(height - 4.0) { "← better" }
                text.tick.end x=(RIGHT) y=(height - 4.0) { "worse →" }
            }
        }
        p.muted { "Change with its " (words::share(comparison.level)) " interval; the band is the margin, and an arrow points to what lies beyond the scale." }
    }
}

/// A line of the scale with its figure.
fn grid(axis: Axis, step: f64, height: f64) -> Markup {
    let x = LEFT + (RIGHT - LEFT) * f64::midpoint(step, 1.0);
    let figure = words::share(axis.limit * step);
    let figure = if step > 0.0 { format!("+{figure}") } else { figure };
    html! {
        line.(if step == 0.0 { "zero" } else { "grid" }) x1=(x) x2=(x) y1=(TOP - 8.0) y2=(height - 24.0) {}
        text.tick.middle x=(x) y=(TOP - 16.0) { (figure) }
    }
}

fn row(comparison: &Comparison, axis: Axis, one: &Compared, top: f64) -> Markup {
    let base = top + 16.0;
    let name: String = one.title().chars().take(NAME).collect();
    let name = if one.title().chars().count() > NAME { format!("{name}…") } else { name };
    html! {
        g.{ "row " (class(one)) } {
            title { (hover(comparison, one)) }
            rect.hit x="0" y=(top) width=(WIDTH) height=(ROW) {}
            text x="4" y=(base) { (name) }
            text.word.end x=(LEFT - 12.0) y=(base) { (words::verdict(&one.decision)) }
            @if let Some(mark) = Mark::of(one) { (drawn(axis, &mark, top + ROW / 2.0)) }
            text.end x=(WIDTH - 4.0) y=(base) { (words::change(one)) }
        }
    }
}

/// Margin, interval and change at the height `y`.
fn drawn(axis: Axis, mark: &Mark, y: f64) -> Markup {
    let x = |value: f64| LEFT + (RIGHT - LEFT) * f64::midpoint(axis.place(value).clamp(-1.0, 1.0), 1.0);
    let is_beyond = |value: f64| axis.place(value).abs() > 1.0;
    let (low, high) = (x(mark.low), x(mark.high));
    let cap = |at: f64| html! { line.interval x1=(at) x2=(at) y1=(y - 5.0) y2=(y + 5.0) {} };
    let arrow = |at: f64, side: f64| {
        html! { path.beyond d={ "M" (at) " " (y - 5.0) " l" (8.0 * side) " 5 l" (-8.0 * side) " 5 z" } {} }
    };
    html! {
        rect.margin x=(x(-mark.margin)) y=(y - 9.0) width=(x(mark.margin) - x(-mark.margin)) height="18" {}
        line.interval x1=(low) x2=(high) y1=(y) y2=(y) {}
        @if mark.low < -axis.limit { (arrow(low, -1.0)) } @else if mark.low <= axis.limit { (cap(low)) }
        @if mark.high > axis.limit { (arrow(high, 1.0)) } @else if mark.high >= -axis.limit { (cap(high)) }
        @if !is_beyond(mark.value) { circle.point cx=(x(mark.value)) cy=(y) r="4.5" {} }
    }
}

fn hover(comparison: &Comparison, one: &Compared) -> String {
    let interval = words::interval(one).map_or(String::new(), |interval| {
        format!(" ({} interval {interval} %)", words::share(comparison.level))
    });
    format!(
        "{}: {} {}{interval}, {}, {} sessions; {}",
        one.title(),
        words::verdict(&one.decision),
        words::change(one),
        words::base_to_new(one),
        words::sessions(one),
        one.decision.reason.told()
    )
}
