//! The sessions of a benchmark as dots, a row per node.

use super::{
    Assessment,
    laboratories::{Kind, Laboratory, Status},
    words::signed_percent,
};
use crate::format::{Scale, digits, scale};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Widths and heights, in the units of the view box.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 90.0;
const ROW: f64 = 20.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 34.0;
/// More nodes than this make a plot nobody reads: those farthest from the centre are drawn.
const ROWS: usize = 60;

/// A row of the plot.
struct Row<'a> {
    node: &'a str,
    centres: Vec<(&'a str, f64)>,
    /// Whether the node is off, in whatever way.
    off: bool,
    /// Whether its centre is.
    shifted: bool,
    mean: f64,
}

/// Dots of all sessions by node, a line at the centre, the nodes and sessions that are off in the colour of alarm; and
/// how many nodes are not drawn. Nothing of fewer than two sessions.
pub(super) fn plot(assessment: &Assessment) -> Markup {
    let (rows, left_out) = rows(assessment);
    let values = || rows.iter().flat_map(|row| &row.centres).map(|(_, centre)| *centre);
    let (least, most) = values()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if assessment.sessions < 2 || most <= least {
        return html! {};
    }
    let margin = 0.04 * (most - least);
    let x =
        |value: f64| LEFT + (value - least + margin) / (most - least + 2.0 * margin) * (WIDTH - LEFT - RIGHT);
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let bottom = height - BOTTOM + 4.0;
    let off: Vec<&str> =
        assessment.off.iter().filter(|off| off.kind == Kind::Session).map(|off| off.name.as_str()).collect();
    let title = format!("Sessions of {} by node", assessment.title());
    html! {
        div.plot {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(title) {
                line.grid x1=(at(x(assessment.centre))) x2=(at(x(assessment.centre))) y1=(TOP) y2=(bottom) {}
                @for (i, row) in rows.iter().enumerate() {
                    (drawn(row, TOP + ROW * (i as f64 + 0.5), &x, &off, assessment.centre))
                }
                (axis(least, most, &x, bottom, &assessment.unit))
            }
            @if left_out > 0 { p.muted { (left_out) " nodes nearer to the centre are not drawn." } }
        }
    }
}

/// The nodes with their sessions, in the order of their names; how many were left out.
fn rows(assessment: &Assessment) -> (Vec<Row<'_>>, usize) {
    let mut nodes: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
    for centre in &assessment.centres {
        nodes.entry(&centre.node).or_default().push((&centre.session_id, centre.centre));
    }
    let laboratories =
        assessment.precision.iter().filter(|it| it.are == Kind::Node).flat_map(|it| &it.laboratories);
    let laboratories: BTreeMap<&str, &Laboratory> =
        laboratories.map(|laboratory| (laboratory.name.as_str(), laboratory)).collect();
    let mut rows: Vec<Row<'_>> = nodes
        .into_iter()
        .map(|(node, centres)| {
            let mean = centres.iter().map(|(_, centre)| centre).sum::<f64>() / centres.len() as f64;
            let found = laboratories.get(node);
            let beyond = |status: Option<Status>| status.is_some_and(|it| it > Status::Consistent);
            let (off, shifted) = (beyond(found.map(|it| it.status())), beyond(found.map(|it| it.by_h)));
            Row { node, off, shifted, mean, centres }
        })
        .collect();
    let left_out = rows.len().saturating_sub(ROWS);
    if left_out > 0 {
        let away = |row: &Row<'_>| (row.mean - assessment.centre).abs();
        rows.sort_by(|a, b| away(b).total_cmp(&away(a)));
        rows.truncate(ROWS);
        rows.sort_by_key(|row| row.node);
    }
    (rows, left_out)
}

fn drawn(row: &Row<'_>, y: f64, x: &dyn Fn(f64) -> f64, off: &[&str], centre: f64) -> Markup {
    let name = if row.off { "name off" } else { "name" };
    let dot = |session| if row.shifted || off.contains(&session) { "dot off" } else { "dot" };
    html! {
        line.row x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(y)) y2=(at(y)) {}
        text class=(name) x=(at(LEFT - 10.0)) y=(at(y + 4.0)) text-anchor="end" { (cut(row.node)) }
        @for &(session, value) in &row.centres {
            circle class=(dot(session)) cx=(at(x(value))) cy=(at(y)) r="4" {
                title { (session) }
            }
        }
        text class=(name) x=(at(WIDTH - RIGHT + 10.0)) y=(at(y + 4.0)) { (signed_percent(row.mean / centre - 1.0)) }
    }
}

/// The ends of the axis and its middle, in one scale.
fn axis(least: f64, most: f64, x: &dyn Fn(f64) -> f64, bottom: f64, unit: &str) -> Markup {
    let Scale { unit, divisor } = scale(most, unit);
    let ticks = [(least, "start"), (f64::midpoint(least, most), "middle"), (most, "end")];
    html! {
        line.grid x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(bottom)) y2=(at(bottom)) {}
        @for (value, anchor) in ticks {
            text.tick x=(at(x(value))) y=(at(bottom + 18.0)) text-anchor=(anchor) {
                (digits(value / divisor)) " " (unit)
            }
        }
    }
}

/// A coordinate, to a tenth.
fn at(value: f64) -> String {
    format!("{value:.1}")
}

/// The end of a long name, which tells nodes apart.
fn cut(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= 26 {
        name.to_owned()
    } else {
        format!("…{}", letters[letters.len() - 25..].iter().collect::<String>())
    }
}
